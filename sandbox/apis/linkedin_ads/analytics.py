"""adAnalytics: figures by pivots and span, unpaged, rows of zeros left out, money as ugly text.

https://learn.microsoft.com/en-us/linkedin/marketing/integrations/ads-reporting/ads-reporting
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import chain
from typing import Any

from sandbox.apis.linkedin_ads.common import Row, day, invalid_field
from sandbox.counting.common import DeliveryDay
from sandbox.counting.linkedin import MemberConversion
from sandbox.world.company import PER_EURO, Placement, Rule

MAX_FIELDS = 20
_PIVOT_URN = {
    "ACCOUNT": "urn:li:sponsoredAccount:",
    "CAMPAIGN_GROUP": "urn:li:sponsoredCampaignGroup:",
    "CAMPAIGN": "urn:li:sponsoredCampaign:",
    "CREATIVE": "urn:li:sponsoredCreative:",
    "CONVERSION": "urn:lla:llaPartnerConversion:",
}
_FACETS = {
    "accounts": "ACCOUNT",
    "campaignGroups": "CAMPAIGN_GROUP",
    "campaigns": "CAMPAIGN",
    "creatives": "CREATIVE",
}
#: Assumption: what else people do with an ad, as one in so many impressions.
_PER_IMPRESSIONS = {
    "reactions": 400,
    "comments": 1500,
    "shares": 2500,
    "follows": 3000,
    "viralImpressions": 20,
    "viralClicks": 2000,
    "viralLandingPageClicks": 3000,
    "videoViews": 4,
    "videoStarts": 3,
    "videoCompletions": 9,
}
_COUNTS = {
    "impressions",
    "clicks",
    "landingPageClicks",
    "companyPageClicks",
    "totalEngagements",
    "approximateMemberReach",
    "externalWebsiteConversions",
    "externalWebsitePostClickConversions",
    "externalWebsitePostViewConversions",
    "oneClickLeads",
    "oneClickLeadFormOpens",
    "validWorkEmailLeads",
    "qualifiedLeads",
    "leadGenerationMailContactInfoShares",
    "registrations",
    "sends",
    "opens",
    "viralExternalWebsiteConversions",
    "viralExternalWebsitePostClickConversions",
    "viralExternalWebsitePostViewConversions",
    "viralOneClickLeads",
    "viralOneClickLeadFormOpens",
    *_PER_IMPRESSIONS,
}
_MONEY = {"costInLocalCurrency", "costInUsd", "conversionValueInLocalCurrency"}
_KEYS = ("dateRange", "pivotValues")


@dataclass(frozen=True, slots=True)
class Fact:
    """Figures of a placement on one day; of one conversion rule where `rule` is given."""

    placement: Placement
    rule: Rule | None
    day: date
    figures: Row


def delivery_fact(delivered: DeliveryDay) -> Fact:
    """What a placement delivered."""
    euros = Decimal(delivered.cost_micros) / 1_000_000
    placement, shown, clicks = delivered.placement, delivered.impressions, delivered.clicks
    opens = clicks if placement.lead_form else 0
    others = {name: shown // per for name, per in _PER_IMPRESSIONS.items()}
    if placement.ad is None or "clip" not in placement.ad.name.lower():
        others |= dict.fromkeys(("videoViews", "videoStarts", "videoCompletions"), 0)
    figures: Row = {
        **others,
        "impressions": shown,
        "clicks": clicks,
        "landingPageClicks": clicks - opens,
        "companyPageClicks": clicks // 9,
        "totalEngagements": clicks + others["reactions"] + others["comments"] + others["shares"],
        "approximateMemberReach": shown * 4 // 5,
        "oneClickLeadFormOpens": opens,
        "costInLocalCurrency": euros * PER_EURO[placement.account.currency],
        "costInUsd": euros * PER_EURO["USD"],
    }
    return Fact(placement, None, delivered.day, figures)


def conversion_fact(found: MemberConversion) -> Fact:
    """A member's conversion or lead."""
    if found.rule is None:
        return Fact(found.placement, None, found.day, {"oneClickLeads": 1, "validWorkEmailLeads": 1})
    side = "PostClick" if found.post_click else "PostView"
    figures: Row = {"externalWebsiteConversions": 1, f"externalWebsite{side}Conversions": 1}
    figures["conversionValueInLocalCurrency"] = found.amount
    return Fact(found.placement, found.rule, found.day, figures)


def by_day(facts: Iterable[Fact]) -> dict[date, list[Fact]]:
    """The facts of each day, those of one placement and rule added up: counts and decimals lose nothing."""
    found: dict[date, dict[object, Fact]] = defaultdict(dict)
    for fact in facts:
        empty = Fact(fact.placement, fact.rule, fact.day, defaultdict(int))
        held = found[fact.day].setdefault((fact.placement.key, fact.rule and fact.rule.id), empty)
        for name, amount in fact.figures.items():
            held.figures[name] += amount
    return {at: [*held.values()] for at, held in found.items()}


@dataclass(frozen=True)
class Query:
    """One request: its pivots, fields, days (both ends included), granularity and facets."""

    pivots: list[str]
    fields: list[str]
    first: date
    last: date
    granularity: str
    facets: dict[str, list[str]]

    @classmethod
    def parse(cls, parameters: Row, today: date) -> Query:
        """The request.

        Raises:
            ApiError: 400; a parameter is missing or not served.
        """
        span = parameters.get("dateRange")
        pivots = _pivots(parameters)
        fields = _fields(parameters)
        if not isinstance(span, dict) or "start" not in span:
            raise invalid_field("dateRange", "dateRange is required")
        first = day(span["start"], "dateRange.start")
        last = day(span["end"], "dateRange.end") if "end" in span else today
        granularity = parameters.get("timeGranularity")
        if granularity not in ("DAILY", "MONTHLY", "YEARLY", "ALL"):
            raise invalid_field("timeGranularity", "timeGranularity must be DAILY, MONTHLY, YEARLY or ALL")
        return cls(pivots, fields, first, last, str(granularity), _facets(parameters))

    @property
    def metrics(self) -> list[str]:
        """The fields that are figures."""
        return [name for name in self.fields if name not in _KEYS]

    def elements(self, facts: Mapping[date, list[Fact]], *, plain: bool) -> list[Row]:
        """A row for each pivot value and span in which one of the figures asked for is not zero."""
        sums: dict[tuple[Any, ...], dict[str, Any]] = defaultdict(lambda: defaultdict(int))
        chosen: dict[tuple[str, ...], bool] = {}
        for fact in chain.from_iterable(rows for at, rows in facts.items() if self.first <= at <= self.last):
            key = fact.placement.key
            if key not in chosen:
                chosen[key] = all(
                    _urn(fact.placement, None, pivot) in urns for pivot, urns in self.facets.items()
                )
            if not chosen[key] or ("CONVERSION" in self.pivots and fact.rule is None):
                continue
            span = _span(fact.day, self.first, self.last, self.granularity)
            total = sums[(span, tuple(_urn(fact.placement, fact.rule, pivot) for pivot in self.pivots))]
            for name, amount in fact.figures.items():
                total[name] += amount
        elements = []
        for cell in sorted(sums):
            figures = sums[cell]
            if self.metrics and not any(figures.get(name) for name in self.metrics):
                continue
            (start, end), urns = cell
            row: Row = {}
            if "dateRange" in self.fields:
                row["dateRange"] = {"start": _date(start), "end": _date(end)}
            if "pivotValues" in self.fields:
                row["pivotValues"] = list(urns)
            for name in self.metrics:
                amount = figures.get(name, 0)
                row[name] = _money(amount, f"{name}{cell}", plain) if name in _MONEY else int(amount)
            elements.append(row)
        return elements


def _pivots(parameters: Row) -> list[str]:
    finder = parameters.get("q")
    if finder == "analytics":
        pivots = [parameters.get("pivot")]
    elif finder == "statistics":
        pivots = parameters.get("pivots", [])
        if not isinstance(pivots, list) or not 1 <= len(pivots) <= 3:
            raise invalid_field("pivots", "1 to 3 pivots are expected")
    else:
        raise invalid_field("q", "A finder is required")
    for pivot in pivots:
        if pivot not in _PIVOT_URN:
            raise invalid_field("pivot", f"Unsupported pivot {pivot}")
    return [str(pivot) for pivot in pivots]


def _fields(parameters: Row) -> list[str]:
    given = parameters.get("fields")
    if given is None:
        return ["impressions", "clicks"]
    fields = [name.strip() for name in str(given).split(",") if name.strip()]
    if len(fields) > MAX_FIELDS:
        raise invalid_field("fields", f"At most {MAX_FIELDS} fields can be requested")
    for name in fields:
        if name not in _COUNTS | _MONEY and name not in _KEYS:
            raise invalid_field("fields", f"Unknown field {name}")
    return fields


def _facets(parameters: Row) -> dict[str, list[str]]:
    """URNs asked for per pivot; those of others have no activity."""
    given = {pivot: parameters[name] for name, pivot in _FACETS.items() if name in parameters}
    if not given:
        raise invalid_field("accounts", "At least one facet is required")
    for pivot, urns in given.items():
        if not isinstance(urns, list) or not all(str(urn).startswith(_PIVOT_URN[pivot]) for urn in urns):
            raise invalid_field(pivot.lower(), f"Invalid URN list: {urns}")
    return given


def _urn(placement: Placement, rule: Rule | None, pivot: str) -> str:
    _, campaign, group, ad = placement.key
    ids = {
        "ACCOUNT": placement.account.id,
        "CAMPAIGN_GROUP": campaign,
        "CAMPAIGN": group,
        "CREATIVE": ad,
        "CONVERSION": rule.id if rule else "",
    }
    return _PIVOT_URN[pivot] + ids[pivot]


def _span(at: date, first: date, last: date, granularity: str) -> tuple[date, date]:
    if granularity == "DAILY":
        return at, at
    if granularity == "MONTHLY":
        following = (at.replace(day=28) + timedelta(days=4)).replace(day=1)
        return max(first, at.replace(day=1)), min(last, following - timedelta(days=1))
    if granularity == "YEARLY":
        return max(first, date(at.year, 1, 1)), min(last, date(at.year, 12, 31))
    return first, last


def _date(at: date) -> Row:
    return {"year": at.year, "month": at.month, "day": at.day}


def _money(amount: Decimal | int, key: str, plain: bool) -> str:
    """Money the way LinkedIn prints it: a long tail of binary noise, and noise where there is nothing."""
    if plain:
        return f"{Decimal(amount):.2f}"
    noise = zlib.crc32(key.encode()) % 9973 - 4986
    if not amount:
        return "-2E-18" if noise % 5 == 0 else "0"
    return f"{Decimal(amount) + Decimal(noise).scaleb(-17):.20f}"
