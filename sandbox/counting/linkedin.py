"""LinkedIn Ads: once per member, rule and window; clicks before views; each campaign touched gets one.

Rules: https://learn.microsoft.com/en-us/linkedin/marketing/integrations/ads-reporting/conversions-api-schema
and https://www.linkedin.com/help/lms/answer/a426359. Vector N16. "Campaign" is LinkedIn's: the level below
the campaign group. Assumption: website conversions are dated by the conversion, in UTC.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from sandbox.counting.common import spread
from sandbox.world.company import PER_EURO, Account, Placement, Rule
from sandbox.world.journeys import (
    AdClick,
    AdImpression,
    DealOpened,
    Event,
    LeadAdSubmission,
    Purchase,
    SiteEvent,
    site_event,
)
from sandbox.world.people import Person

LAG = timedelta(minutes=30)
#: Uploaded events are matched within three days
#: (https://learn.microsoft.com/linkedin/marketing/conversions/conversions-faq).
UPLOAD_LAG = (timedelta(hours=12), timedelta(hours=72))


@dataclass(frozen=True, slots=True)
class MemberConversion:
    """One conversion or lead of one member, credited to one creative. `rule` is None for a lead-form lead.

    `event` is the conversion itself and `touch` what earned it, which LinkedIn does not publish.
    """

    placement: Placement
    rule: Rule | None
    day: date
    post_click: bool
    amount: Decimal
    visible_at: datetime
    event: SiteEvent | LeadAdSubmission | DealOpened | None = None
    touch: AdClick | AdImpression | None = None


def count_conversions(
    account: Account, people: Mapping[int, Person], events: Iterable[Event]
) -> list[MemberConversion]:
    """What the account records of these events."""
    rules: dict[str, list[Rule]] = defaultdict(list)
    for rule in account.rules:
        rules[rule.trigger].append(rule)
    touches: dict[int, list[AdClick | AdImpression]] = defaultdict(list)
    counted: dict[tuple[int, str, str], datetime] = {}
    result: list[MemberConversion] = []
    for event in events:
        if isinstance(event, AdClick | AdImpression | LeadAdSubmission):
            if event.placement.account is not account:
                continue
            if isinstance(event, LeadAdSubmission):
                day, at = event.at.astimezone(UTC).date(), event.at + LAG
                if not event.test:
                    result.append(MemberConversion(event.placement, None, day, True, Decimal(0), at, event))
            else:
                touches[event.person].append(event)
            continue
        if not isinstance(event, SiteEvent | DealOpened):
            continue
        for rule in rules.get(site_event(event) or "", ()):
            person = people[event.person]
            # an upload is matched by e-mail address, whatever the browser allows
            is_seen = isinstance(event, DealOpened) or person.seen_on(event.device)
            if not (person.linkedin_member and is_seen):
                continue
            amount = event.value * PER_EURO[account.currency] if isinstance(event, Purchase) else Decimal(0)
            for touch in winning_touches(rule, event.at, touches[event.person]):
                group = touch.placement.group
                post_click = isinstance(touch, AdClick)
                window = timedelta(days=rule.click_window if post_click else rule.view_window)
                each_campaign = rule.attribution == "LAST_TOUCH_BY_CAMPAIGN" and group is not None
                key = (event.person, rule.id, group.id if each_campaign and group else "")
                if key in counted and event.at - counted[key] <= window:
                    continue
                counted[key] = event.at
                delays = UPLOAD_LAG if rule.uploaded else (timedelta(hours=1), timedelta(hours=48))
                lag = spread(f"{rule.id}{event.person}{event.at}", *delays)
                day = event.at.astimezone(UTC).date()
                result.append(
                    MemberConversion(
                        touch.placement, rule, day, post_click, amount, event.at + lag, event, touch
                    )
                )
    return result


def winning_touches(
    rule: Rule, at: datetime, touches: list[AdClick | AdImpression]
) -> list[AdClick | AdImpression]:
    """The most recent click, else view, of each campaign attached to the rule; BY_CONVERSION: of all."""
    best: dict[str, AdClick | AdImpression] = {}
    for touch in touches:
        group = touch.placement.group
        days = rule.click_window if isinstance(touch, AdClick) else rule.view_window
        if group is None or group.id not in rule.campaigns or at - touch.at > timedelta(days=days):
            continue
        held = best.get(group.id)
        if held is None or isinstance(touch, AdClick) or not isinstance(held, AdClick):
            best[group.id] = touch
    ranked = sorted(best.values(), key=lambda t: (isinstance(t, AdClick), t.at))
    return ranked[-1:] if rule.attribution == "LAST_TOUCH_BY_CONVERSION" else ranked
