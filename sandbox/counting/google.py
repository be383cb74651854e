"""Google Ads: fractional credit, counting type, windows, two date bases, reporting lag.

Rules: https://support.google.com/google-ads/answer/3438531 (counting), /3123169 (windows),
/9549009 and /6270625 (dates), /2544985 (freshness), /10081327 (modeled conversions).
Vectors N1, N3, N5, N6, N8.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sandbox.counting.common import spread
from sandbox.world.company import PER_EURO, Account, Channel, Placement, Rule
from sandbox.world.journeys import (
    AdClick,
    AdImpression,
    DealOpened,
    Event,
    Purchase,
    SiteEvent,
    site_event,
)
from sandbox.world.people import Device, Person

#: An engaged view of a video ad earns a conversion for three days.
ENGAGED_VIEW_DAYS = 3
#: Assumption: where consent is refused, the tag's cookieless ping is modeled to this share of a conversion.
MODELED_SHARE = 0.7
#: Assumption: the data-driven model halves a click's weight per week of age.
HALF_LIFE_DAYS = 7.0
CLICK_LAG = timedelta(hours=3)
#: Assumption: uploads run through the night.
UPLOAD_LAG = timedelta(hours=12)
DATA_DRIVEN = "GOOGLE_SEARCH_ATTRIBUTION_DATA_DRIVEN"


ConversionEvent = SiteEvent | DealOpened


@dataclass(frozen=True, slots=True)
class Credit:
    """A share of one conversion that one ad interaction earned; visible from `visible_at` on.

    `units` is the share of a conversion, `value` its money in account currency; a view-through (`IMPRESSION`)
    is outside both conversion metrics. `delay` is the time from the interaction to the conversion; `event`
    and `touch` are the conversion and the interaction themselves, which Google does not publish.
    """

    placement: Placement
    rule: Rule
    event_type: str
    interacted_on: date
    converted_on: date
    units: float
    value: float
    cross_device: bool
    visible_at: datetime
    delay: timedelta
    event: ConversionEvent | None = None
    touch: AdClick | AdImpression | None = None


def count_conversions(
    account: Account, people: Mapping[int, Person], events: Iterable[Event]
) -> list[Credit]:
    """What the account records of these events, in order of conversion."""
    rules: dict[str, list[Rule]] = defaultdict(list)
    for rule in account.rules:
        rules[rule.trigger].append(rule)
    clicks: dict[int, list[AdClick]] = defaultdict(list)
    views: dict[int, list[AdImpression]] = defaultdict(list)
    used: set[tuple[str, str]] = set()
    found: list[Credit] = []
    for event in events:
        if isinstance(event, AdClick):
            if event.placement.account is account:
                clicks[event.person].append(event)
            continue
        if isinstance(event, AdImpression):
            if event.placement.account is account and event.placement.campaign.channel is not Channel.SEARCH:
                views[event.person].append(event)
            continue
        name = site_event(event)
        for rule in rules.get(name, ()) if name else ():
            person = people[event.person]
            if isinstance(event, DealOpened):
                found.extend(_uploaded(account, rule, event, clicks[event.person], used))
                continue
            conversion = _Conversion(account, rule, person, event)  # type: ignore[arg-type]
            found.extend(conversion.credits(clicks[event.person], views[event.person], used))
    return found


def _uploaded(
    account: Account, rule: Rule, event: DealOpened, clicks: list[AdClick], used: set[tuple[str, str]]
) -> Iterator[Credit]:
    """What HubSpot's conversion sync uploads of a deal: one conversion for the contact's latest click id.

    https://knowledge.hubspot.com/ads/create-and-sync-ad-conversion-events-with-your-google-ads-account
    """
    within = [click for click in clicks if event.at - click.at <= timedelta(days=rule.click_window)]
    if not within or (rule.id, within[-1].click_id) in used:
        return
    used.add((rule.id, within[-1].click_id))
    zone, click = ZoneInfo(account.time_zone), within[-1]
    yield Credit(
        placement=click.placement,
        rule=rule,
        event_type="INTERACTION",
        interacted_on=click.at.astimezone(zone).date(),
        converted_on=event.at.astimezone(zone).date(),
        units=1.0,
        value=0.0,
        cross_device=False,
        visible_at=event.at + UPLOAD_LAG,
        delay=event.at - click.at,
        event=event,
        touch=click,
    )


class _Conversion:
    """One triggered conversion action, looking for the interactions that earn it."""

    def __init__(self, account: Account, rule: Rule, person: Person, event: SiteEvent) -> None:
        self.account, self.rule, self.person, self.event = account, rule, person, event
        self.device = next(device for device in person.devices if device.key == event.device)
        euros = float(event.value) if isinstance(event, Purchase) else 0.0
        self.value = euros * float(PER_EURO[account.currency])

    def credits(
        self, clicks: list[AdClick], views: list[AdImpression], used: set[tuple[str, str]]
    ) -> list[Credit]:
        share = observed_share(self.device)
        if share == 0:
            return []
        eligible = [
            c for c in clicks if self._within(c.at, self.rule.click_window) and self._same_user(c.device)
        ]
        if eligible:
            last = (self.rule.id, eligible[-1].click_id)
            if self.rule.counting == "ONE_PER_CLICK":
                if last in used:
                    return []
                used.add(last)
            weights = self._weights(eligible)
            return [
                self._credit(click, "INTERACTION", weight * share)
                for click, weight in zip(eligible, weights, strict=True)
                if weight
            ]
        seen = [v for v in views if self._same_user(v.device)]
        engaged = [v for v in seen if v.engaged and self._within(v.at, ENGAGED_VIEW_DAYS)]
        if engaged:
            return [self._credit(engaged[-1], "ENGAGED_VIEW", share)]
        through = [v for v in seen if self._within(v.at, self.rule.view_window)]
        if through and share == 1.0:
            return [self._credit(through[-1], "IMPRESSION", 1.0)]
        return []

    def _within(self, touched: datetime, days: int) -> bool:
        return timedelta(0) <= self.event.at - touched <= timedelta(days=days)

    def _same_user(self, device: str) -> bool:
        return device == self.event.device or (self.person.google_account and self.device.networks_see)

    def _weights(self, clicks: list[AdClick]) -> list[float]:
        if self.rule.model != DATA_DRIVEN:
            return [0.0] * (len(clicks) - 1) + [1.0]
        ages = [(self.event.at - click.at) / timedelta(days=1) for click in clicks]
        raw = [0.5 ** (age / HALF_LIFE_DAYS) for age in ages]
        return [weight / sum(raw) for weight in raw]

    def _credit(self, touch: AdClick | AdImpression, event_type: str, units: float) -> Credit:
        zone = ZoneInfo(self.account.time_zone)
        slow = self.rule.model == DATA_DRIVEN
        low, high = (timedelta(hours=4), timedelta(hours=15)) if slow else (timedelta(hours=1), CLICK_LAG)
        lag = spread(f"{self.rule.id}{self.event.person}{self.event.at}", low, high)
        return Credit(
            placement=touch.placement,
            rule=self.rule,
            event_type=event_type,
            interacted_on=touch.at.astimezone(zone).date(),
            converted_on=self.event.at.astimezone(zone).date(),
            units=units,
            value=self.value * units,
            cross_device=touch.device != self.event.device,
            visible_at=self.event.at + lag,
            delay=self.event.at - touch.at,
            event=self.event,
            touch=touch,
        )


def observed_share(device: Device) -> float:
    """How much of a conversion on this device is counted: all, a modeled share, or nothing."""
    if device.networks_see:
        return 1.0
    return 0.0 if device.blocks_networks else MODELED_SHARE
