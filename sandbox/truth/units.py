"""What a network reports, event by event: the units of its headline behind the sums it publishes.

Which figures are the headline, and which part of the bridge takes them: docs/contract.md,
fct_network_conversions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

from sandbox.counting.facebook import ActionCredit
from sandbox.counting.google import Credit
from sandbox.counting.linkedin import MemberConversion
from sandbox.world.company import Company, Placement, Rule
from sandbox.world.journeys import AdClick, AdImpression, Event

#: Meta's action types in the headline, by what the site calls them.
_META_ACTIONS = {
    "lead": "offsite_conversion.fb_pixel_lead",
    "complete_registration": "offsite_conversion.fb_pixel_complete_registration",
    "purchase": "offsite_conversion.fb_pixel_purchase",
    "lead_form": "onsite_conversion.lead_grouped",
}
_MILLIONTH = Decimal("0.000001")

CampaignKey = tuple[str, str, str]


def campaign_key(placement: Placement) -> CampaignKey:
    """(network, account id, campaign id)."""
    return (str(placement.network), placement.account.id, placement.campaign.id)


@dataclass(frozen=True, slots=True)
class Unit:
    """What one event counts for one ad by one action.

    `part`: `click`, `lead`, `view`, `uploaded` or `non_form`. `units`: conversions, fractions possible.
    """

    placement: Placement
    action_id: str
    part: str
    reported_on: date
    converted_on: date
    units: Decimal
    event: Event
    touch: AdClick | AdImpression | None
    visible_at: datetime

    @property
    def campaign(self) -> CampaignKey:
        """(network, account id, campaign id)."""
        return campaign_key(self.placement)


def campaigns_of(company: Company) -> frozenset[CampaignKey]:
    """Every campaign of the company's accounts."""
    return frozenset(map(campaign_key, company.placements))


def is_form(rule: Rule) -> bool:
    """Whether the rule counts that somebody filled in a form, HubSpot's or another."""
    return rule.trigger.startswith("form:") or rule.trigger == "trial"


def google_units(found: Iterable[Credit]) -> Iterator[Unit]:
    """The headline of Google Ads: `metrics.conversions`."""
    for credit in found:
        rule = credit.rule
        if not rule.in_headline or credit.event_type == "IMPRESSION" or credit.event is None:
            continue
        part = "click"
        if rule.uploaded:
            part = "uploaded"
        elif not is_form(rule):
            part = "non_form"
        elif credit.event_type == "ENGAGED_VIEW":
            part = "view"
        yield Unit(
            credit.placement,
            rule.id,
            part,
            credit.interacted_on,
            credit.converted_on,
            Decimal(credit.units).quantize(_MILLIONTH),
            credit.event,
            credit.touch,
            credit.visible_at,
        )


def facebook_units(found: Iterable[ActionCredit]) -> Iterator[Unit]:
    """The headline of Facebook Ads: `value` of the pixel's leads, registrations and purchases, and leads."""
    for credit in found:
        action = _META_ACTIONS.get(credit.family)
        if action is None or "value" not in credit.windows or credit.event is None:
            continue
        group = credit.placement.group
        days = group.windows(credit.event.at)[0] if group else 7
        part = "click" if f"{days}d_click" in credit.windows else "view"
        if credit.family == "lead_form":
            part = "lead"
        elif credit.family == "purchase":
            part = "non_form"
        yield Unit(
            credit.placement,
            action,
            part,
            credit.day,
            credit.day,
            Decimal(1),
            credit.event,
            credit.touch,
            credit.visible_at,
        )


def linkedin_units(conversions: Iterable[MemberConversion]) -> Iterator[Unit]:
    """The headline of LinkedIn Ads: website conversions and leads."""
    for found in conversions:
        if found.event is None:
            continue
        if found.rule is None:
            part = "lead"
        elif found.rule.uploaded:
            part = "uploaded"
        elif not is_form(found.rule):
            part = "non_form"
        else:
            part = "click" if found.post_click else "view"
        yield Unit(
            found.placement,
            found.rule.id if found.rule else "one_click_leads",
            part,
            found.day,
            found.day,
            Decimal(1),
            found.event,
            found.touch,
            found.visible_at,
        )


@dataclass(frozen=True, slots=True)
class Whole:
    """One whole unit of a campaign's day and the event it stands for."""

    campaign: CampaignKey
    day: date
    part: str
    event: Event
    #: everything the network counted of this event by this action for this campaign
    units: tuple[Unit, ...]


def apportion(units: Sequence[Unit]) -> tuple[list[Whole], dict[tuple[CampaignKey, date], Decimal]]:
    """Whole units of clicks and leads, and what rounding changed per campaign and day.

    A day's fractions of an action are rounded to whole units; these stand for the events with the largest
    shares.
    """
    groups: dict[tuple[CampaignKey, date, str, str], dict[int, list[Unit]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for unit in units:
        if unit.part in ("click", "lead"):
            key = (unit.campaign, unit.converted_on, unit.part, unit.action_id)
            groups[key][id(unit.event)].append(unit)
    found: list[Whole] = []
    rounded: dict[tuple[CampaignKey, date], Decimal] = defaultdict(Decimal)
    for (campaign, day, part, _), by_event in groups.items():
        shares = sorted(
            (piece for own in by_event.values() for piece in _pieces(own)),
            key=lambda piece: (-piece[0], piece[1][0].event.at, piece[1][0].event.person),
        )
        total = sum((share for share, _ in shares), Decimal(0))
        whole = int(total.quantize(Decimal(1), ROUND_HALF_UP))
        rounded[campaign, day] += whole - total
        for _, own in shares[:whole]:
            found.append(Whole(campaign, day, part, own[0].event, tuple(own)))
    return found, rounded


def _pieces(own: list[Unit]) -> Iterator[tuple[Decimal, list[Unit]]]:
    """One event's units: fractions of one conversion together, whole ones of several ads each by itself."""
    if any(unit.units != 1 for unit in own):
        yield sum((unit.units for unit in own), Decimal(0)), own
        return
    for unit in own:
        yield unit.units, [unit]
