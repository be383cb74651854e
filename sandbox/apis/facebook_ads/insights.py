"""Figures of an ad account by level and span, as known at the clock.

https://developers.facebook.com/docs/marketing-api/insights: numbers are text, empty lists are absent, windows
overlap, deleted ads stay in their parents' figures only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from sandbox.apis.facebook_ads.common import Row, filters, from_json, listed, meets, problem
from sandbox.apis.facebook_ads.fields import INSIGHTS, INSIGHTS_BY_DEFAULT
from sandbox.apis.facebook_ads.objects import Objects, attribution_setting
from sandbox.counting.common import DeliveryDay
from sandbox.counting.facebook import ACTION_TYPES, ActionCredit
from sandbox.world.company import PER_EURO, Account, Placement

WINDOWS = ("1d_click", "7d_click", "28d_click", "1d_view", "1d_ev")
LEVELS = ("account", "campaign", "adset", "ad")
_PRESETS = {"yesterday": 1, "last_3d": 3, "last_7d": 7, "last_14d": 14, "last_28d": 28, "last_30d": 30}
_PRESETS["last_90d"] = 90


@dataclass
class Figures:
    """What a placement delivered, and the actions credited to it: by type, then by window."""

    impressions: int = 0
    clicks: int = 0
    spend: Decimal = Decimal("0.00")
    actions: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))
    values: dict[str, dict[str, Decimal]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(Decimal))
    )

    def add(self, other: Figures) -> None:
        """Sum up."""
        self.impressions += other.impressions
        self.clicks += other.clicks
        self.spend += other.spend
        for action, counts in other.actions.items():
            for window, count in counts.items():
                self.actions[action][window] += count
        for action, amounts in other.values.items():
            for window, amount in amounts.items():
                self.values[action][window] += amount


#: By the placement's key, whose hash is cheaper than its own.
Daily = dict[tuple[tuple[str, str, str, str], date], Figures]


def daily_figures(account: Account, delivered: list[DeliveryDay], actions: Iterable[ActionCredit]) -> Daily:
    """Figures per placement and day of the account."""
    rate = PER_EURO[account.currency]
    daily: Daily = defaultdict(Figures)
    for day in delivered:
        held = daily[(day.placement.key, day.day)]
        held.impressions, held.clicks = day.impressions, day.clicks
        held.spend = (Decimal(day.cost_micros) * rate / 1_000_000).quantize(Decimal("0.01"))
        if day.clicks:
            held.actions["link_click"].update(dict.fromkeys(("value", *WINDOWS[:3]), day.clicks))
    for credit in actions:
        held = daily[(credit.placement.key, credit.day)]
        for name in ACTION_TYPES[credit.family]:
            for window in credit.windows:
                held.actions[name][window] += 1
                if credit.amount:
                    held.values[name][window] += credit.amount
    return daily


@dataclass(frozen=True)
class Report:
    """One request for insights: what it is about, in the account's days."""

    objects: Objects
    node: str
    node_level: str
    level: str
    fields: set[str]
    windows: list[str]
    since: date
    until: date
    step: str
    rules: list[tuple[str, str, Any]]
    hide_archived: bool

    @classmethod
    def parse(
        cls,
        objects: Objects,
        node: str,
        node_level: str,
        parameters: dict[str, str],
        oldest: date,
        *,
        hide_archived: bool,
    ) -> Report:
        """The request.

        Raises:
            ApiError: 400; a field, level or range that is not served.
        """
        fields = set(listed(parameters, "fields")) or INSIGHTS_BY_DEFAULT
        for name in sorted(fields - INSIGHTS):
            raise problem(400, 100, f"(#100) {name} is not valid for fields param.")
        level = parameters.get("level", node_level)
        if level not in LEVELS:
            raise problem(400, 100, f"(#100) level must be one of {', '.join(LEVELS)}")
        if parameters.get("breakdowns", "[]") not in ("", "[]"):
            raise problem(400, 100, "(#100) The sandbox serves no breakdowns")
        since, until = _range(parameters, objects.now.astimezone(objects.zone).date(), oldest)
        return cls(
            objects,
            node,
            node_level,
            level,
            fields,
            [w for w in listed(parameters, "action_attribution_windows") if w in WINDOWS],
            since,
            until,
            parameters.get("time_increment", "all_days"),
            filters(parameters),
            hide_archived,
        )

    def rows(self, daily: Daily) -> list[Row]:
        """A row for each object and span with delivery or actions."""
        groups: dict[tuple[Any, ...], list[Figures]] = defaultdict(list)
        sample: dict[tuple[Any, ...], Placement] = {}
        bounds: dict[tuple[Any, ...], tuple[date, date]] = {}
        wanted = {p.key: p for p in self.objects.placements if self._wants(p)}
        for (name, day), figures in daily.items():
            placement = wanted.get(name)
            if placement is None or not self.since <= day <= self.until:
                continue
            span = _span(day, self.since, self.until, self.step)
            key = (*_entity(placement, self.level), *span)
            groups[key].append(figures)
            sample.setdefault(key, placement)
            bounds[key] = span
        rows = []
        for key in sorted(groups):
            total = Figures()
            for figures in groups[key]:
                total.add(figures)
            if (total.impressions or total.actions) and self._passes(total):
                rows.append(self._row(sample[key], bounds[key], total))
        return rows

    def _wants(self, placement: Placement) -> bool:
        _, campaign, group, ad = placement.key
        own = {"campaign": campaign, "adset": group, "ad": ad}
        if self.node_level != "account" and own[self.node_level] != self.node:
            return False
        # a deleted ad stays in its parents' figures and has no row of its own
        if self.level == "ad" and self.objects.is_deleted(placement):
            return False
        level = "campaign" if self.level == "account" else self.level
        status = self.objects.effective_status(placement, level)
        asked = any(name.endswith("effective_status") for name, _, _ in self.rules)
        if self.hide_archived and self.level != "account" and status == "ARCHIVED" and not asked:
            return False
        held = {f"{name}.id": value for name, value in own.items()}
        held |= {f"{name}.effective_status": self.objects.effective_status(placement, name) for name in own}
        held |= {"campaign.name": placement.campaign.name_at(self.objects.now)}
        return all(meets(held[name], operator, value) for name, operator, value in self.rules if name in held)

    def _passes(self, total: Figures) -> bool:
        held = {"impressions": total.impressions, "clicks": total.clicks, "spend": total.spend}
        return all(
            meets(held[name.split(".")[-1]], operator, value)
            for name, operator, value in self.rules
            if name.split(".")[-1] in held
        )

    def _row(self, placement: Placement, span: tuple[date, date], total: Figures) -> Row:
        account, campaign, group, ad = (
            self.objects.account,
            placement.campaign,
            placement.group,
            placement.ad,
        )
        row: Row = {"account_id": account.id, "account_name": account.name, "buying_type": "AUCTION"}
        if self.level != "account":
            row |= {"campaign_id": campaign.id, "campaign_name": campaign.name_at(self.objects.now)}
            row["objective"] = campaign.kind
        if self.level in ("adset", "ad") and group is not None:
            row |= {"adset_id": group.id, "adset_name": group.name}
            row["optimization_goal"] = "OFFSITE_CONVERSIONS"
        if self.level == "ad" and ad is not None:
            row |= {"ad_id": ad.id, "ad_name": ad.name_at(self.objects.now)}
        row["account_currency"] = account.currency
        row |= _delivered(total)
        row["actions"] = _action_list(total.actions, self.windows)
        row["action_values"] = _action_list(total.values, self.windows)
        row["cost_per_action_type"] = [
            {"action_type": name, "value": f"{total.spend / counts['value']:.6f}"}
            for name, counts in sorted(total.actions.items())
            if counts.get("value") and total.spend
        ]
        end = datetime.combine(span[1] + timedelta(days=1), time(), self.objects.zone)
        row["attribution_setting"] = attribution_setting(
            placement, self.level, min(end - timedelta(seconds=1), self.objects.now)
        )
        row |= {"created_time": str(campaign.starts.date()), "updated_time": str(self.objects.now.date())}
        row |= {"date_start": span[0].isoformat(), "date_stop": span[1].isoformat()}
        always = {"date_start", "date_stop"}
        return {
            name: value
            for name, value in row.items()
            if name in self.fields | always and value not in (None, [])
        }


def _delivered(total: Figures) -> Row:
    impressions, clicks, spend = total.impressions, total.clicks, total.spend
    reach = round(impressions * 0.85)
    row: Row = {"impressions": str(impressions), "clicks": str(clicks), "inline_link_clicks": str(clicks)}
    row |= {"unique_clicks": str(clicks), "spend": str(spend), "reach": str(reach)}
    if impressions:
        row["frequency"] = f"{impressions / max(reach, 1):.6f}"
        row["ctr"] = f"{100 * clicks / impressions:.6f}"
        row["cpm"] = f"{1000 * float(spend) / impressions:.6f}"
        row["cpp"] = f"{1000 * float(spend) / max(reach, 1):.6f}"
    if clicks:
        row["cpc"] = f"{float(spend) / clicks:.6f}"
        row["outbound_clicks"] = [{"action_type": "outbound_click", "value": str(clicks)}]
    return row


def _action_list(actions: dict[str, Any], windows: list[str]) -> list[Row]:
    """Actions as text; a window is absent where it is zero, an action where nothing asked for is left."""
    rows = []
    for name in sorted(actions):
        counts = actions[name]
        held = {window: str(counts[window]) for window in windows if counts.get(window)}
        value = counts.get("value", 0)
        if value or held:
            rows.append({"action_type": name, "value": str(value), **held})
    return rows


def _range(parameters: dict[str, str], today: date, oldest: date) -> tuple[date, date]:
    if "time_range" not in parameters:
        preset = parameters.get("date_preset", "last_30d")
        first = today.replace(day=1)
        before = first - timedelta(days=1)
        named = {
            "maximum": (oldest, today),
            "today": (today, today),
            "this_month": (first, today),
            "last_month": (before.replace(day=1), before),
        }
        if preset in named:
            return named[preset]
        if preset not in _PRESETS:
            raise problem(400, 100, f"(#100) date_preset {preset} is not valid")
        return today - timedelta(days=_PRESETS[preset]), today - timedelta(days=1)
    span = from_json("time_range", parameters["time_range"])
    try:
        since, until = date.fromisoformat(span["since"]), date.fromisoformat(span["until"])
    except (KeyError, TypeError, ValueError) as error:
        raise problem(400, 100, "(#100) Must specify a valid time_range with since and until") from error
    if since > until:
        raise problem(400, 100, "(#100) since must be before or equal to until")
    if since < oldest:
        message = "(#3018) The start date of the time range cannot be beyond 37 months from the current date"
        raise problem(400, 3018, message)
    return since, until


def _entity(placement: Placement, level: str) -> tuple[str, ...]:
    _, campaign, group, ad = placement.key
    return {"account": (), "campaign": (campaign,), "adset": (campaign, group), "ad": (campaign, group, ad)}[
        level
    ]


def _span(day: date, since: date, until: date, step: str) -> tuple[date, date]:
    if step == "all_days":
        return since, until
    if step == "monthly":
        last = (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        return max(since, day.replace(day=1)), min(until, last)
    if not step.isdigit() or not 1 <= int(step) <= 90:
        raise problem(400, 100, "(#100) time_increment must be all_days, monthly or a number from 1 to 90")
    first = since + timedelta(days=(day - since).days // int(step) * int(step))
    return first, min(until, first + timedelta(days=int(step) - 1))
