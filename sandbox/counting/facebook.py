"""Facebook Ads: every action counts, last click before last view, windows reported side by side.

Rules: https://developers.facebook.com/docs/marketing-api/insights/best-practices/ (windows of the ad set,
dating: on-Facebook actions at the impression, website actions at the conversion; 15 minutes of lag).
Events sent by the site's server may be seven days old, so that figures of past days still grow:
https://developers.facebook.com/docs/marketing-api/conversions-api/parameters/server-event. Vectors L7, N18.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from sandbox.counting.common import share_of, spread
from sandbox.world.company import PER_EURO, Account, Placement
from sandbox.world.journeys import (
    AdClick,
    AdImpression,
    Event,
    LeadAdSubmission,
    Purchase,
    SiteEvent,
    site_event,
)
from sandbox.world.people import Person

LAG = timedelta(minutes=15)
#: Assumption: from here on the site's server sends some of its events itself, collected over days.
SERVER_SIDE_SINCE = datetime(2026, 11, 2, tzinfo=UTC)
SERVER_SIDE_SHARE = 0.2
SERVER_SIDE_LAG = timedelta(days=7)
CLICK_WINDOWS = {"1d_click": 1, "7d_click": 7, "28d_click": 28}
#: The names one event goes by in `actions`.
ACTION_TYPES = {
    "lead": ("lead", "offsite_conversion.fb_pixel_lead", "onsite_web_lead"),
    "complete_registration": (
        "complete_registration",
        "offsite_conversion.fb_pixel_complete_registration",
        "omni_complete_registration",
    ),
    "purchase": ("purchase", "offsite_conversion.fb_pixel_purchase", "omni_purchase"),
    "view_content": ("view_content", "offsite_conversion.fb_pixel_view_content", "omni_view_content"),
    "lead_form": ("lead", "onsite_conversion.lead_grouped"),
}


@dataclass(frozen=True, slots=True)
class ActionCredit:
    """One action of one person, credited to one ad: in which windows, and in the ad set's own setting or not.

    `windows` holds `value` where the ad set's setting counts it. `amount` is money in account currency;
    `event` is the action itself and `touch` the click or view that earned it, which Meta does not publish.
    """

    placement: Placement
    day: date
    family: str
    windows: frozenset[str]
    amount: Decimal
    visible_at: datetime
    event: SiteEvent | LeadAdSubmission | None = None
    touch: AdClick | AdImpression | None = None


def count_actions(
    account: Account, people: Mapping[int, Person], events: Iterable[Event]
) -> list[ActionCredit]:
    """What the account records of these events."""
    families = {rule.trigger: rule.category for rule in account.rules}
    zone = ZoneInfo(account.time_zone)
    clicks: dict[int, list[AdClick]] = defaultdict(list)
    views: dict[int, list[AdImpression]] = defaultdict(list)
    found: list[ActionCredit] = []
    for event in events:
        if isinstance(event, AdClick | AdImpression | LeadAdSubmission):
            if event.placement.account is not account:
                continue
            if isinstance(event, AdClick):
                clicks[event.person].append(event)
            elif isinstance(event, AdImpression):
                views[event.person].append(event)
            elif not (event.organic or event.test):
                shown = [v.at for v in views[event.person] if v.placement is event.placement]
                day = (shown[-1] if shown else event.at).astimezone(zone).date()
                windows = frozenset(("value", *CLICK_WINDOWS))
                found.append(
                    ActionCredit(
                        event.placement, day, "lead_form", windows, Decimal(0), event.at + LAG, event
                    )
                )
            continue
        family = families.get(site_event(event) or "")
        if family is None or not isinstance(event, SiteEvent):
            continue
        person = people[event.person]
        if not (person.facebook_user and person.seen_on(event.device)):
            continue
        amount = event.value * PER_EURO[account.currency] if isinstance(event, Purchase) else Decimal(0)
        earned = attribute(event.at, clicks[event.person], views[event.person])
        for placement, names in earned.items():
            day, at = event.at.astimezone(zone).date(), event.at + _lag(event)
            touches: list[AdClick | AdImpression] = [*views[event.person], *clicks[event.person]]
            touch = next(t for t in reversed(touches) if t.placement is placement)
            found.append(ActionCredit(placement, day, family, frozenset(names), amount, at, event, touch))
    return found


def _lag(event: SiteEvent) -> timedelta:
    """How long after the event Meta reports it."""
    key = f"server-side{event.person}{event.at}"
    if event.at < SERVER_SIDE_SINCE or share_of(key) >= SERVER_SIDE_SHARE:
        return LAG
    return spread(f"{key}lag", timedelta(hours=6), SERVER_SIDE_LAG)


def attribute(at: datetime, clicks: list[AdClick], views: list[AdImpression]) -> dict[Placement, set[str]]:
    """The windows each ad earns for an action: by the last click, else by the last view of a day."""
    earned: dict[Placement, set[str]] = {}
    click = next((c for c in reversed(clicks) if at - c.at <= timedelta(days=28)), None)
    view = next((v for v in reversed(views) if at - v.at <= timedelta(days=1)), None)
    by_click = False
    if click is not None:
        age = at - click.at
        names = {name for name, days in CLICK_WINDOWS.items() if age <= timedelta(days=days)}
        group = click.placement.group
        by_click = group is not None and age <= timedelta(days=group.windows(at)[0])
        earned[click.placement] = names | ({"value"} if by_click else set())
    if view is not None and (click is None or at - click.at > timedelta(days=7) or not by_click):
        group = view.placement.group
        counted = not by_click and group is not None and group.windows(at)[1] >= 1
        names = {"1d_view"} | ({"value"} if counted else set())
        earned.setdefault(view.placement, set()).update(names)
    return earned
