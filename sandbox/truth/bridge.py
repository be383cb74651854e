"""The truth at an instant: credits contact by contact, and the bridge it makes of every campaign's day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from itertools import chain
from typing import Any

from sandbox.counting.facebook import ActionCredit
from sandbox.counting.google import Credit
from sandbox.counting.hubspot import Contact, Deal, Portal, stamp, won_amount
from sandbox.counting.linkedin import MemberConversion
from sandbox.truth.credits import REPORTS, Credited, Known, live_contacts
from sandbox.truth.reasons import Reason, Reasons
from sandbox.truth.units import (
    CampaignKey,
    Unit,
    Whole,
    apportion,
    campaigns_of,
    facebook_units,
    google_units,
    linkedin_units,
)
from sandbox.truth.without import ALONE, without
from sandbox.world.company import Company
from sandbox.world.journeys import Event, FormSubmission, LeadAdSubmission
from sandbox.world.people import Person

DEFAULT_REPORT = REPORTS[0]
#: Parts of the headline that the bridge takes away before it looks at single events.
_AGGREGATES = {"non_form": "non_form_action", "uploaded": "uploaded_conversion", "view": "view_through"}
_RESIDUALS = ("no_trace_in_hubspot", "not_counted_by_network")


@dataclass(frozen=True, slots=True)
class OneSided:
    """One unit that only one side counts: which, when, and why."""

    campaign: CampaignKey
    day: date
    event: Event | None
    side: str
    reason: Reason


class Truth:
    """What a company's events make of every figure and credit, known by `now`."""

    def __init__(
        self,
        company: Company,
        people: Mapping[int, Person],
        events: Sequence[Event],
        portal: Portal,
        google: Iterable[Credit],
        facebook: Iterable[ActionCredit],
        linkedin: Iterable[MemberConversion],
        now: datetime,
    ) -> None:
        self.now, self.portal = now, portal
        self._world = (company, people, events)
        self._elsewhere: dict[str, set[tuple[datetime, int, CampaignKey]]] = {}
        self._one_sided: dict[str, list[OneSided]] = {}
        self._units = list(chain(google_units(google), facebook_units(facebook), linkedin_units(linkedin)))
        campaigns = campaigns_of(company)
        self.known = {id(one): Known(one, now, campaigns) for one in live_contacts(portal, now)}
        self.reasons = Reasons(company, people, events, portal, self.known, now)

    @cached_property
    def credits(self) -> list[Credited]:
        """Every report's credits."""
        return [credited for known in self.known.values() for credited in known.credits()]

    @cached_property
    def units(self) -> list[Unit]:
        """What the networks report by now."""
        return [unit for unit in self._units if unit.visible_at <= self.now]

    @cached_property
    def wholes(self) -> list[Whole]:
        """The whole units of clicks and leads."""
        return apportion(self.units)[0]

    @cached_property
    def _counted_contacts(self) -> dict[str, dict[tuple[int, CampaignKey], Credited]]:
        """The credits that count, by report: one per contact and campaign, the earliest."""
        found: dict[str, dict[tuple[int, CampaignKey], Credited]] = {report: {} for report in REPORTS}
        for credited in self.credits:
            found[credited.report].setdefault((id(credited.contact), credited.ad[:3]), credited)
        return found

    def day(self, credited: Credited) -> date:
        """The day of a credit in its account's time zone."""
        return credited.credited_at.astimezone(self.reasons.zone(credited.ad[1])).date()

    @property
    def one_sided(self) -> list[OneSided]:
        """Every unit that only one side counts, by the default report."""
        return self.one_sided_by(DEFAULT_REPORT)

    def one_sided_by(self, report: str) -> list[OneSided]:
        """Every unit that only one side counts, by that report; computed once."""
        if report not in self._one_sided:
            self._one_sided[report] = self._find_one_sided(report)
        return self._one_sided[report]

    def _find_one_sided(self, report: str) -> list[OneSided]:
        counted = self._counted_contacts[report].values()
        by_event: dict[int, list[Credited]] = defaultdict(list)
        for credited in counted:
            if credited.conversion is not None:
                by_event[id(credited.conversion.event)].append(credited)
        claimed: dict[int, set[CampaignKey]] = defaultdict(set)
        for unit in self.units:
            if unit.part in ("click", "lead"):
                claimed[id(unit.event)].add(unit.campaign)
        for identity, found in by_event.items():
            claimed[identity] |= {credited.ad[:3] for credited in found}
        elsewhere: dict[int, set[CampaignKey]] = defaultdict(set)
        for credited in counted:
            elsewhere[id(credited.contact)].add(credited.ad[:3])
        pending = {(id(u.event), u.campaign) for u in self._units if u.visible_at > self.now}
        found_units: list[OneSided] = []
        matched: dict[int, Whole] = {}
        for whole in sorted(self.wholes, key=lambda w: (w.day, w.units[0].action_id)):
            own = [c for c in by_event.get(id(whole.event), []) if c.ad[:3] == whole.campaign]
            if not own:
                reason = self.reasons.uncredited(whole, by_event, claimed, report, elsewhere)
            elif id(own[0]) in matched:
                # one event counted twice: for two ads of the campaign, or by two actions
                by_ads = matched[id(own[0])].units[0].action_id == whole.units[0].action_id
                code = "claimed_by_several_ads" if by_ads else "repeat_submission"
                reason = Reason(code, (code,))
            else:
                matched[id(own[0])] = whole
                continue
            found_units.append(OneSided(whole.campaign, whole.day, whole.event, "network", reason))
        dated = Reason("date_basis", ("date_basis",))
        for credited in counted:
            event = credited.conversion.event if credited.conversion else None
            if id(credited) not in matched:
                reason = self.reasons.uncounted(credited, pending)
                found_units.append(OneSided(credited.ad[:3], self.day(credited), event, "hubspot", reason))
            elif (day := matched[id(credited)].day) != self.day(credited):
                found_units.append(OneSided(credited.ad[:3], day, event, "network", dated))
                found_units.append(OneSided(credited.ad[:3], self.day(credited), event, "hubspot", dated))
        return found_units

    def credit_without(self, one: OneSided, cause: str) -> int:
        """The contacts HubSpot would have credited for this unit without that cause of it: 0 or 1."""
        if one.event is None or cause not in one.reason.causes or one.side != "network":
            return 0
        if cause in ALONE:
            return int(one.reason.causes == (cause,) and self.reasons.alone(one.event, one.campaign))
        if cause not in self._elsewhere:
            changed = without(cause, *self._world)
            self._elsewhere[cause] = _credited(Portal(*changed), self.now) if changed else set()
        return int((one.event.at, one.event.person, one.campaign) in self._elsewhere[cause])

    def bridge(self, report: str = DEFAULT_REPORT) -> dict[tuple[CampaignKey, date, str], Decimal]:
        """Units per campaign, day and step, from the network's conversions to a report's contacts."""
        found: dict[tuple[CampaignKey, date, str], Decimal] = defaultdict(Decimal)
        for unit in self.units:
            found[unit.campaign, unit.reported_on, "network_conversions"] += unit.units
            found[unit.campaign, unit.reported_on, "date_basis"] -= unit.units
            found[unit.campaign, unit.converted_on, "date_basis"] += unit.units
            step = _AGGREGATES.get(unit.part)
            if step is not None:
                found[unit.campaign, unit.converted_on, step] -= unit.units
        for (campaign, day), change in apportion(self.units)[1].items():
            found[campaign, day, "fractional_credit"] += change
        for one in self.one_sided_by(report):
            found[one.campaign, one.day, one.reason.code] += 1 if one.side == "hubspot" else -1
        for credited in self._counted_contacts[report].values():
            found[credited.ad[:3], self.day(credited), "hubspot_contacts"] += 1
        # by the contract at most one residual per campaign and day
        for campaign, day, step in list(found):
            if step == _RESIDUALS[0]:
                more = found[campaign, day, _RESIDUALS[1]]
                both = min(-found[campaign, day, step], more)
                found[campaign, day, _RESIDUALS[0]] += both
                found[campaign, day, _RESIDUALS[1]] -= both
        return {key: units for key, units in found.items() if units}

    # -- as JSON ----------------------------------------------------------------------------------------

    def document(self) -> dict[str, Any]:
        """Everything, ready for JSON. Days are the accounts' own; instants are UTC."""
        return {
            "now": stamp(self.now),
            "bridge": self._rows(DEFAULT_REPORT),
            "bridges": {report: self._rows(report) for report in REPORTS},
            "figures": [
                {**_campaign(campaign), "date": day.isoformat(), "part": part, "units": str(units)}
                for (campaign, day, part), units in sorted(self._figures().items())
            ],
            "units": [
                {
                    **_campaign(one.campaign),
                    "date": one.day.isoformat(),
                    "side": one.side,
                    "at": stamp(one.event.at) if one.event else None,
                    "reason": one.reason.code,
                    "causes": {cause: self.credit_without(one, cause) for cause in one.reason.causes},
                }
                for one in self.one_sided
            ],
            "credits": [
                {
                    "report": credited.report,
                    "contact_id": credited.contact.id,
                    **_campaign(credited.ad[:3]),
                    "ad_group_id": credited.ad[3],
                    "ad_id": credited.ad[4],
                    "interaction_at": stamp(credited.interaction_at),
                    "interaction_type": credited.kind,
                    "credited_at": stamp(credited.credited_at),
                }
                for credited in self.credits
            ],
            "contacts": [self._contact(known) for known in self.known.values()],
            "deals": [
                {
                    "deal_id": deal.id,
                    "contact_ids": [contact.id for contact in contacts],
                    "amount_company_currency": str(won_amount(deal, self.portal.company, self.now)),
                }
                for deal, contacts in self._won()
            ],
        }

    def _rows(self, report: str) -> list[dict[str, str]]:
        """A report's bridge, row by row."""
        return [
            {**_campaign(campaign), "date": day.isoformat(), "step": step, "units": str(units)}
            for (campaign, day, step), units in sorted(self.bridge(report).items())
        ]

    def _figures(self) -> dict[tuple[CampaignKey, date, str], Decimal]:
        """The headline per campaign, day and part, as the networks date it."""
        found: dict[tuple[CampaignKey, date, str], Decimal] = defaultdict(Decimal)
        for unit in self.units:
            found[unit.campaign, unit.reported_on, unit.part] += unit.units
        return found

    def _won(self) -> Iterator[tuple[Deal, list[Contact]]]:
        """Deals that are won by now, each with its live contacts."""
        for deal in self.portal.deals_at(self.now):
            if deal.won_at is None or deal.won_at > self.now:
                continue
            found = [self.portal.contact_of(person, self.now) for person in deal.opened.people]
            yield deal, [contact for contact in found if contact is not None and id(contact) in self.known]

    def _contact(self, known: Known) -> dict[str, Any]:
        contact = known.contact
        return {
            "contact_id": contact.id,
            "created_at": stamp(contact.created_at),
            "sessions": [stamp(s.landing.at) for s in known.sessions if s.has_landing_page],
            # sessions that a form in a tab left open started
            "sessions_without_page": [stamp(s.landing.at) for s in known.sessions if not s.has_landing_page],
            "conversions": [
                {
                    "form_id": conversion.form_guid,
                    "at": stamp(conversion.at),
                    "is_lead_ad": isinstance(conversion.event, LeadAdSubmission),
                    "is_tracked": conversion.cookie is not None,
                }
                for conversion in known.conversions
            ],
            "conditions": sorted(self._conditions(contact)),
        }

    def _conditions(self, contact: Contact) -> Iterator[str]:
        """What is unusual about a contact: where to look when a mart disagrees about it."""
        person = contact.person
        if contact.parents:
            yield "merged from two records"
        elif person.second_email:
            yield "a person with two addresses"
        if any(len({id(one) for _, one in cookie.named}) > 1 for _, cookie in contact.cookies):
            yield "a browser several people used"
        if len(contact.cookies) > 1:
            yield "several browsers or cookies"
        if any(c.cookie is None and isinstance(c.event, FormSubmission) for c in contact.conversions):
            yield "a form sent without cookie"
        if any(isinstance(c.event, LeadAdSubmission) for c in contact.conversions):
            yield "a lead ad"
        if contact.object_source == "IMPORT":
            yield "imported"


def _credited(portal: Portal, now: datetime) -> set[tuple[datetime, int, CampaignKey]]:
    """The events HubSpot credits under the default report, with their person and campaign."""
    campaigns = campaigns_of(portal.company)
    return {
        (credited.conversion.event.at, credited.conversion.event.person, credited.ad[:3])
        for contact in live_contacts(portal, now)
        for credited in Known(contact, now, campaigns).credits()
        if credited.report == DEFAULT_REPORT
        and credited.conversion is not None
        and credited.conversion.event is not None
    }


def _campaign(key: CampaignKey) -> dict[str, str]:
    return dict(zip(("network", "account_id", "campaign_id"), key, strict=True))
