"""One account's books: its objects, and every daily figure as known now."""

from __future__ import annotations

import zlib
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from operator import itemgetter
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from sandbox.apis import gaql
from sandbox.apis.google_ads.rules import Asked
from sandbox.apis.google_ads.schema import CONVERSION_SEGMENTS, DATE_SEGMENTS, INT, METRICS, SPLIT_SEGMENTS
from sandbox.counting.common import DeliveryDay
from sandbox.counting.google import Credit
from sandbox.world.company import PER_EURO, Account, Ad, Company, Placement, Rule
from sandbox.world.landing import tracking_parameters

Row = dict[str, Any]

#: Types of conversion actions by where they come from. Source: the enums of v26; what is uploaded by click id
#: happened on the advertiser's side, which is WEBSITE among the origins (assumption).
_ACTION_TYPES = {"WEBPAGE": "WEBPAGE", "GOOGLE_HOSTED": "LEAD_FORM_SUBMIT", "UPLOAD": "UPLOAD_CLICKS"}
#: What people leave in the lead form of a Google ad counts under this action.
LEAD_FORM = Rule("8810000199", "Lead form", "lead_form", "SUBMIT_LEAD_FORM", "ONE_PER_CLICK")
_AD_TYPES = {
    "SEARCH": "RESPONSIVE_SEARCH_AD",
    "DISPLAY": "RESPONSIVE_DISPLAY_AD",
    "VIDEO": "VIDEO_RESPONSIVE_AD",
    "DEMAND_GEN": "DEMAND_GEN_MULTI_ASSET_AD",
}
#: Ad groups of Demand Gen have no type of their own. Source: AdGroupTypeEnum of v26.
_GROUP_TYPES = {"SEARCH": "SEARCH_STANDARD", "DISPLAY": "DISPLAY_STANDARD", "VIDEO": "VIDEO_RESPONSIVE"}
#: Assumption: how delivery is spread over devices and, per channel, over networks.
_DEVICES = (("MOBILE", 0.56), ("DESKTOP", 0.39), ("TABLET", 0.05))
_NETWORKS = {
    "SEARCH": (("SEARCH", 0.9), ("SEARCH_PARTNERS", 0.1)),
    "DISPLAY": (("CONTENT", 1.0),),
    "VIDEO": (("YOUTUBE", 1.0),),
    "PERFORMANCE_MAX": (("MIXED", 1.0),),
    "SMART": (("SEARCH", 0.9), ("CONTENT", 0.1)),
    "DEMAND_GEN": (("YOUTUBE", 0.5), ("DISCOVER", 0.4), ("GMAIL", 0.1)),
}
#: What a figure is called where it is dated by the conversion.
_BY_CONVERSION = {name: dated for name in METRICS if (dated := f"{name}_by_conversion_date") in METRICS}
_NUMBERS = [
    "ONE",
    "TWO",
    "THREE",
    "FOUR",
    "FIVE",
    "SIX",
    "SEVEN",
    "EIGHT",
    "NINE",
    "TEN",
    "ELEVEN",
    "TWELVE",
    "THIRTEEN",
    "FOURTEEN",
]
#: Days up to which a bucket reaches. Source: ConversionLagBucketEnum of v26.
_LAG_BUCKETS = (
    (1, "LESS_THAN_ONE_DAY"),
    *((days, f"{low}_TO_{high}_DAYS") for days, (low, high) in enumerate(pairwise(_NUMBERS), start=2)),
    (21, "FOURTEEN_TO_TWENTY_ONE_DAYS"),
    (30, "TWENTY_ONE_TO_THIRTY_DAYS"),
    (45, "THIRTY_TO_FORTY_FIVE_DAYS"),
    (60, "FORTY_FIVE_TO_SIXTY_DAYS"),
    (90, "SIXTY_TO_NINETY_DAYS"),
)


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """What figures are of: a placement, or one conversion action of it. Books hold one object of each."""

    placement: Placement
    rule: Rule | None = None
    event_type: str = ""
    lag_bucket: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """Figures of a subject on one day; `delay` is a conversion's."""

    subject: Subject
    day: date
    figures: dict[str, float]
    delay: timedelta = timedelta(0)


@dataclass
class Books:
    """One account as of `now`; `facts` are all its figures."""

    company: Company
    account: Account
    placements: list[Placement]
    rules: tuple[Rule, ...]
    now: datetime
    status: str
    facts: list[Fact] = field(default_factory=list)
    _subjects: dict[tuple[object, ...], Subject] = field(default_factory=dict)

    @property
    def base(self) -> str:
        """The account's resource name."""
        return f"customers/{self.account.id}"

    @property
    def today(self) -> date:
        """The account's day."""
        return self.now.astimezone(ZoneInfo(self.account.time_zone)).date()

    # -- objects ----------------------------------------------------------------------------------------

    def customer(self) -> Row:
        """The account itself."""
        account = self.account
        return {
            "customer.resource_name": self.base,
            "customer.id": int(account.id),
            "customer.descriptive_name": account.name,
            "customer.currency_code": account.currency,
            "customer.time_zone": account.time_zone,
            "customer.manager": account.manager,
            "customer.test_account": False,
            "customer.status": self.status,
            "customer.auto_tagging_enabled": not account.manager,
            "customer.conversion_tracking_setting.google_ads_conversion_customer": self.base,
            "customer.conversion_tracking_setting.conversion_tracking_status": (
                "CONVERSION_TRACKING_MANAGED_BY_SELF" if self.rules else "NOT_CONVERSION_TRACKED"
            ),
        }

    def placement(self, placement: Placement, resource: str) -> Row | None:
        """The attributes of the resource this placement belongs to, or None where it has none."""
        row = self.customer()
        if resource == "customer":
            return row
        row |= self._campaign(placement)
        if resource == "campaign":
            return row
        if resource == "asset_group":
            shown = placement.campaign.kind == "PERFORMANCE_MAX"
            return row | self._asset_group(placement) if shown else None
        group, ad = placement.group, placement.ad
        if group is None or ad is None:
            return None
        tracked = placement.tracks(self.now)
        own = f"{{lpurl}}?{_written(placement, {}, self.now)}" if ad.own_template else None
        suffix = "" if tracked or own else _written(placement, {}, self.now)
        row |= {
            "ad_group.resource_name": f"{self.base}/adGroups/{group.id}",
            "ad_group.id": int(group.id),
            "ad_group.name": group.name,
            "ad_group.status": "ENABLED",
            "ad_group.type": _GROUP_TYPES.get(placement.campaign.kind),
            "ad_group.campaign": row["campaign.resource_name"],
            "ad_group.tracking_url_template": own if ad.own_template == "ad_group" else None,
            "ad_group.final_url_suffix": suffix,
        }
        if resource == "ad_group":
            return row
        return row | {
            "ad_group_ad.resource_name": f"{self.base}/adGroupAds/{group.id}~{ad.id}",
            "ad_group_ad.status": _ad_status(ad, self.now),
            "ad_group_ad.ad_group": f"{self.base}/adGroups/{group.id}",
            "ad_group_ad.ad.resource_name": f"{self.base}/ads/{ad.id}",
            "ad_group_ad.ad.id": int(ad.id),
            "ad_group_ad.ad.name": ad.name_at(self.now),
            "ad_group_ad.ad.type": _AD_TYPES[placement.campaign.kind],
            "ad_group_ad.ad.final_urls": [self.company.final_url(placement)],
            "ad_group_ad.ad.tracking_url_template": (
                _template(placement, self.now) if tracked else own if ad.own_template == "ad" else None
            ),
        }

    def _campaign(self, placement: Placement) -> Row:
        campaign, zone = placement.campaign, ZoneInfo(self.account.time_zone)
        removed = campaign.status == "REMOVED" and campaign.ends <= self.now
        tracked = placement.tracks(self.now)
        return {
            "campaign.resource_name": f"{self.base}/campaigns/{campaign.id}",
            "campaign.id": int(campaign.id),
            "campaign.name": campaign.name_at(self.now),
            "campaign.status": "REMOVED" if removed else "ENABLED",
            "campaign.serving_status": "ENDED" if removed else "SERVING",
            "campaign.advertising_channel_type": campaign.kind,
            "campaign.start_date_time": campaign.starts.strftime("%Y-%m-%d 00:00:00"),
            "campaign.end_date_time": campaign.ends.astimezone(zone).strftime("%Y-%m-%d 23:59:59")
            if removed
            else None,
            # without ads, the template stands on the campaign
            "campaign.tracking_url_template": (
                None if campaign.groups or not tracked else _template(placement, self.now)
            ),
            "campaign.final_url_suffix": (
                None if campaign.groups or tracked else _written(placement, {}, self.now)
            ),
        }

    def _asset_group(self, placement: Placement) -> Row:
        """What a campaign without ads shows: one asset group each."""
        campaign = placement.campaign
        number = int(campaign.id) + 10_000
        return {
            "asset_group.resource_name": f"{self.base}/assetGroups/{number}",
            "asset_group.id": number,
            "asset_group.name": f"{campaign.name} assets",
            "asset_group.status": "ENABLED",
            "asset_group.campaign": f"{self.base}/campaigns/{campaign.id}",
            "asset_group.final_urls": [self.company.final_url(placement)],
        }

    def entities(self, resource: str) -> list[Row]:
        """All objects of a kind; removed ones stay."""
        if resource == "customer":
            return [self.customer()]
        if resource == "conversion_action":
            return [self._conversion_action(rule) for rule in self.rules]
        if resource == "change_status":
            return list(self._changes())
        rows = [self.placement(p, resource) for p in self.placements if p.campaign.starts <= self.now]
        return list({row[f"{resource}.resource_name"]: row for row in rows if row is not None}.values())

    def _conversion_action(self, rule: Rule) -> Row:
        prefix = "conversion_action"
        return {
            **self.customer(),
            f"{prefix}.resource_name": f"{self.base}/conversionActions/{rule.id}",
            f"{prefix}.id": int(rule.id),
            f"{prefix}.name": rule.name,
            f"{prefix}.status": "ENABLED",
            f"{prefix}.type": _ACTION_TYPES[_source(rule)],
            f"{prefix}.category": rule.category,
            f"{prefix}.origin": "GOOGLE_HOSTED" if _source(rule) == "GOOGLE_HOSTED" else "WEBSITE",
            f"{prefix}.include_in_conversions_metric": rule.in_headline,
            f"{prefix}.primary_for_goal": rule.in_headline,
            f"{prefix}.counting_type": rule.counting,
            f"{prefix}.click_through_lookback_window_days": rule.click_window,
            f"{prefix}.view_through_lookback_window_days": rule.view_window,
            f"{prefix}.attribution_model_settings.attribution_model": rule.model,
            f"{prefix}.attribution_model_settings.data_driven_model_status": (
                "AVAILABLE" if "DATA_DRIVEN" in rule.model else None
            ),
            f"{prefix}.owner_customer": self.base,
        }

    def _changes(self) -> Iterator[Row]:
        """What was added and removed, an object's last change each."""
        zone = ZoneInfo(self.account.time_zone)
        found: dict[str, tuple[datetime, str, str, Row]] = {}
        for placement in self.placements:
            kinds = ["campaign", *(("ad_group", "ad_group_ad") if placement.ad else ())]
            for kind in kinds:
                at, status = self._last_change(placement, kind)
                row = self.placement(placement, kind)
                if row is not None and at <= self.now:
                    found[row[f"{kind}.resource_name"]] = (at, status, kind, row)
        for name, (at, status, kind, row) in found.items():
            number = zlib.crc32(name.encode())
            yield {
                **row,
                "change_status.resource_name": f"{self.base}/changeStatus/{int(at.timestamp())}-{number}",
                "change_status.last_change_date_time": at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S.%f"),
                "change_status.resource_type": kind.upper(),
                "change_status.resource_status": status,
                f"change_status.{kind}": name,
            }

    def _last_change(self, placement: Placement, kind: str) -> tuple[datetime, str]:
        """What happened to an object of the placement last, and when."""
        campaign, ad = placement.campaign, placement.ad
        gone = campaign.ends if campaign.status == "REMOVED" and kind == "campaign" else None
        changes = [campaign.renamed[0]] if campaign.renamed and kind == "campaign" else []
        if ad is not None and kind == "ad_group_ad":
            gone = ad.deleted_at
            changes += [at for at in (ad.paused_at, ad.renamed[0] if ad.renamed else None) if at]
        # the tracking template stands on the ad, or on the campaign that has none
        since = self.account.tracked_from
        if kind == ("ad_group_ad" if ad else "campaign") and since and placement.tracks(since):
            changes.append(since)
        if gone and gone <= self.now:
            return gone, "REMOVED"
        known = [at for at in changes if at <= self.now]
        return (max(known), "CHANGED") if known else (campaign.starts, "ADDED")

    # -- figures ----------------------------------------------------------------------------------------

    def deliver(self, day: DeliveryDay) -> None:
        """Enter what a placement delivered, in the account's currency."""
        delivered: dict[str, float] = {
            "impressions": day.impressions,
            "clicks": day.clicks,
            "interactions": day.clicks,
            "cost_micros": int(day.cost_micros * PER_EURO[self.account.currency]),
        }
        self.facts.append(Fact(self._subject(day.placement), day.day, delivered))

    def credit(self, credit: Credit) -> None:
        """Enter a credit: by interaction day, and by conversion day for the `_by_conversion_date` metrics."""
        rule, kind, delay = credit.rule, credit.event_type, credit.delay
        subject = self._subject(credit.placement, rule, kind, lag_bucket(delay))
        if kind == "IMPRESSION":
            through: dict[str, float] = {"view_through_conversions": 1}
            self.facts.append(Fact(subject, credit.interacted_on, through, delay))
            return
        at_click = {"all_conversions": credit.units, "all_conversions_value": credit.value}
        if credit.cross_device:
            at_click["cross_device_conversions"] = credit.units
        if rule.in_headline:
            at_click |= {"conversions": credit.units, "conversions_value": credit.value}
        at_conversion = {_BY_CONVERSION[name]: amount for name, amount in at_click.items()}
        self.facts.append(Fact(subject, credit.interacted_on, at_click, delay))
        self.facts.append(Fact(subject, credit.converted_on, at_conversion, delay))

    def _subject(
        self, placement: Placement, rule: Rule | None = None, event_type: str = "", bucket: str = ""
    ) -> Subject:
        key = (placement.key, rule and rule.id, event_type, bucket)
        if key not in self._subjects:
            self._subjects[key] = Subject(placement, rule, event_type, bucket)
        return self._subjects[key]

    @cached_property
    def _actions(self) -> dict[Subject, Row]:
        """The segments of conversions of every subject."""
        return {subject: self._action(subject) for subject in self._subjects.values()}

    @cached_property
    def _calendars(self) -> dict[date, Row]:
        """The date segments of every day that has figures."""
        return {day: _calendar(day) for day in {fact.day for fact in self.facts}}

    def metric_rows(self, query: gaql.Query, asked: Asked) -> list[Row]:
        """Rows per object and segment; where segments are asked for, rows without any figure are left out."""
        dates, actions, splits = (
            [name for name in asked.segments if name[9:] in kind]
            for kind in (DATE_SEGMENTS, CONVERSION_SEGMENTS, SPLIT_SEGMENTS)
        )
        dated = [c for c in query.where if c.field.startswith("segments.") and c.field[9:] in DATE_SEGMENTS]
        rest = [c for c in query.where if c not in dated]
        identity = f"{query.resource}.resource_name"
        attributes = {p.key: self.placement(p, query.resource) for p in self.placements}
        named = {row[identity]: row for row in attributes.values() if row is not None}
        filtered = [c.field for c in rest if c.field.startswith("metrics.")]
        names = [name.removeprefix("metrics.") for name in dict.fromkeys((*asked.metrics, *filtered))]
        # a key is the object with its segments of conversions, the segments of dates, those of delivery
        subjects = {
            subject: (row[identity], *(action[name] for name in actions))
            for subject, action in self._actions.items()
            if (row := attributes[subject.placement.key]) is not None and (action or not actions)
        }
        days = {
            day: tuple(calendar[name] for name in dates)
            for day, calendar in self._calendars.items()
            if all(gaql.matches(c, calendar[c.field], self.today) for c in dated)
        }
        sums: dict[tuple[Any, ...], dict[str, float]] = {}
        if not asked.segments:
            sums = {((name,), (), ()): defaultdict(float) for name in named}
        facts = [fact for fact in self.facts if fact.day in days and fact.subject in subjects]
        cells: Iterable[tuple[Fact, tuple[str, ...], dict[str, float]]] = (
            ((fact, (), fact.figures) for fact in facts)
            if not splits
            else ((fact, tuple(c[n] for n in splits), f) for fact in facts for c, f in _split(fact))
        )
        for fact, cell, figures in cells:
            key = (subjects[fact.subject], days[fact.day], cell)
            if (total := sums.get(key)) is None:
                total = sums[key] = defaultdict(float)
            for name, amount in figures.items():
                total[name] += amount
        result = []
        for (subject, day, cell), total in sums.items():
            if asked.segments and asked.metrics and not any(total.get(name[8:]) for name in asked.metrics):
                continue
            segments = zip((*actions, *dates, *splits), (*subject[1:], *day, *cell), strict=True)
            row = named[subject[0]] | dict(segments)
            for name in names:
                figure = total.get(name, 0)
                row[f"metrics.{name}"] = int(figure) if METRICS[name] == INT else float(figure)
            if all(gaql.matches(c, row.get(c.field), self.today) for c in rest):
                result.append(row)
        result.sort(key=lambda row: (row[identity], *(str(row[name]) for name in asked.segments)))
        return result

    def _action(self, subject: Subject) -> Row:
        rule = subject.rule
        if rule is None:
            return {}
        return {
            "segments.conversion_action": f"{self.base}/conversionActions/{rule.id}",
            "segments.conversion_action_name": rule.name,
            "segments.conversion_action_category": rule.category,
            "segments.conversion_attribution_event_type": subject.event_type,
            "segments.conversion_lag_bucket": subject.lag_bucket,
            "segments.external_conversion_source": _source(rule),
        }


def _ad_status(ad: Ad, at: datetime) -> str:
    if ad.deleted_at is not None and ad.deleted_at <= at:
        return "REMOVED"
    return "PAUSED" if ad.paused_at is not None and ad.paused_at <= at else "ENABLED"


def _source(rule: Rule) -> str:
    """Where a conversion comes from: a tag on the site, a form of Google's own, an upload by click id."""
    if rule.trigger == LEAD_FORM.trigger:
        return "GOOGLE_HOSTED"
    return "UPLOAD" if rule.uploaded else "WEBPAGE"


def lag_bucket(delay: timedelta) -> str:
    """Google's name for the time between interaction and conversion."""
    place = bisect_right(_LAG_BUCKETS, delay / timedelta(days=1), key=itemgetter(0))
    return _LAG_BUCKETS[min(place, len(_LAG_BUCKETS) - 1)][1]


def _split(fact: Fact) -> list[tuple[Row, dict[str, float]]]:
    """The figures over devices and networks: counts add up to them, a credit stays with one of each."""
    placement, rule = fact.subject.placement, fact.subject.rule
    cells = [
        (device, network, share * part)
        for device, share in _DEVICES
        for network, part in _NETWORKS[placement.campaign.kind]
    ]
    names = [{"segments.device": device, "segments.ad_network_type": network} for device, network, _ in cells]
    bounds = [0.0]
    for _, _, share in cells:
        bounds.append(bounds[-1] + share)
    if rule is not None:
        place = zlib.crc32(f"{placement.key}{rule.id}{fact.delay}".encode()) / 2**32
        chosen = next((n for n, bound in enumerate(bounds[1:]) if place < bound), len(cells) - 1)
        return [(names[chosen], fact.figures)]
    bounds[-1] = 1.0
    return [
        (
            names[n],
            {
                name: round(amount * bounds[n + 1]) - round(amount * bounds[n])
                for name, amount in fact.figures.items()
            },
        )
        for n in range(len(cells))
    ]


def _template(placement: Placement, at: datetime) -> str:
    """HubSpot's auto-tracking template, with Google's own placeholders."""
    dynamic = {"utm_term": "{keyword}", "hsa_src": "{network}"}
    if placement.ad is not None:
        dynamic |= {"hsa_ad": "{creative}", "hsa_tgt": "{targetid}", "hsa_kw": "{keyword}"}
        dynamic["hsa_mt"] = "{matchtype}"
    return "{lpurl}?" + _written(placement, dynamic, at)


def _written(placement: Placement, dynamic: dict[str, str], at: datetime) -> str:
    parameters = tracking_parameters(placement, "", at)
    return "&".join(f"{name}={dynamic.get(name, quote(value))}" for name, value in parameters)


def _calendar(day: date) -> Row:
    return {
        "segments.date": day.isoformat(),
        "segments.week": (day - timedelta(days=day.weekday())).isoformat(),
        "segments.month": day.replace(day=1).isoformat(),
        "segments.quarter": day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1).isoformat(),
        "segments.year": day.year,
        "segments.day_of_week": day.strftime("%A").upper(),
    }
