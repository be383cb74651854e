"""Which ads HubSpot credits with which contact, under each attribution report.

Rules: https://knowledge.hubspot.com/ads/understand-your-ad-attribution-reports and docs/contract.md,
fct_contact_attribution.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from sandbox.counting.hubspot import Contact, Conversion, Portal, Session, lead_url
from sandbox.counting.hubspot_sources import ad_block
from sandbox.world.journeys import LeadAdSubmission

#: A contact made by a submission may be this much older than it.
MADE_WITHIN = timedelta(minutes=10)
_NETWORKS = {"adwords": "google_ads", "facebook": "facebook_ads", "linkedin": "linkedin_ads"}

#: The attribution reports; the first one is the default.
REPORTS = (
    "first_form_submission",
    "first_form_submission_new_contact",
    "influenced_first_form_submission",
    "first_ad_interaction",
    "last_ad_interaction",
    "all_ad_interactions",
)
#: Reports that credit an ad only where its own session converts.
SAME_SESSION = REPORTS[:2]

AdKey = tuple[str, str, str, str | None, str | None]


def ad_of(url: str) -> AdKey | None:
    """The ad whose tracking parameters a URL carries; at least the campaign is named."""
    block = ad_block(url)
    network = _NETWORKS.get(block.get("hsa_net", ""))
    if network is None:
        return None
    ids = block["hsa_acc"], block["hsa_cam"]
    return (network, *ids, block.get("hsa_grp") or None, block.get("hsa_ad") or None)


@dataclass(frozen=True, slots=True)
class Interaction:
    """An ad click that began a session, or a lead ad that was sent."""

    at: datetime
    ad: AdKey
    kind: str


@dataclass(frozen=True, slots=True)
class Credited:
    """One contact credited to one ad under one report."""

    report: str
    contact: Contact
    ad: AdKey
    interaction_at: datetime
    kind: str
    credited_at: datetime
    conversion: Conversion | None


class Known:
    """A live contact as HubSpot knows it at an instant.

    `campaigns`: those of the connected accounts. Parameters that name no campaign of them are no ad to
    HubSpot, as an ad interaction is shown with the ad's name; None: every campaign is one of them.
    """

    def __init__(
        self, contact: Contact, now: datetime, campaigns: frozenset[tuple[str, str, str]] | None = None
    ) -> None:
        self.contact, self.now, self.campaigns = contact, now, campaigns
        self.conversions = sorted(
            (c for c in contact.conversions if c.known_at <= now), key=lambda c: (c.at, c.form_guid)
        )

    @cached_property
    def sessions(self) -> list[Session]:
        """Its sessions by time, those known by now."""
        found = [
            Session(tuple(view for view in session.views if view.at <= self.now), session.source)
            for identified, cookie in self.contact.cookies
            if identified <= self.now
            for session in cookie.sessions
            if session.landing.at <= self.now
        ]
        return sorted(found, key=lambda session: session.landing.at)

    def session_of(self, conversion: Conversion) -> Session | None:
        """The session in which a tracked submission was sent."""
        if conversion.cookie is None:
            return None
        views = {view.id for view in (*conversion.cookie.views, *conversion.cookie.sent)}
        own = [s for s in self.sessions if s.landing.at <= conversion.at and s.landing.id in views]
        return own[-1] if own else None

    @cached_property
    def interactions(self) -> list[Interaction]:
        """What it did with ads, by time."""
        found = [
            Interaction(session.landing.at, ad, "ad_click")
            for session in self.sessions
            if (ad := self.ad_of(session)) is not None
        ]
        for conversion in self.conversions:
            lead = lead_ad_of(conversion)
            if lead is not None:
                found.append(Interaction(conversion.at, lead, "lead_ad"))
        return sorted(found, key=lambda one: one.at)

    def ad_of(self, session: Session) -> AdKey | None:
        """The ad whose click began the session."""
        ad = ad_of(session.landing.url)
        known = self.campaigns is None or ad is None or ad[:3] in self.campaigns
        return ad if known else None

    def credits(self) -> Iterator[Credited]:
        """Every report's credit for this contact."""
        first = self.conversions[0] if self.conversions else None
        if first is not None:
            yield from self._first_form_submission(first)
            before = [one for one in self.interactions if one.at <= first.at]
            yield from self._each("influenced_first_form_submission", before)
        yield from self._each("all_ad_interactions", self.interactions)
        if self.interactions:
            yield self._credited("first_ad_interaction", self.interactions[0])
        if self.conversions:
            latest = self.conversions[-1].at
            followed = [one for one in self.interactions if one.at <= latest]
            if followed:
                yield self._credited("last_ad_interaction", followed[-1])

    def _first_form_submission(self, first: Conversion) -> Iterator[Credited]:
        lead, session = lead_ad_of(first), self.session_of(first)
        ad = lead or (self.ad_of(session) if session else None)
        if ad is None:
            return
        at = first.at if lead or session is None else session.landing.at
        reports = ["first_form_submission"]
        if self.contact.created_at >= first.at - MADE_WITHIN:
            reports.append("first_form_submission_new_contact")
        for report in reports:
            kind = "lead_ad" if lead else "ad_click"
            yield Credited(report, self.contact, ad, at, kind, first.at, first)

    def _each(self, report: str, interactions: list[Interaction]) -> Iterator[Credited]:
        earliest: dict[AdKey, Interaction] = {}
        for one in interactions:
            earliest.setdefault(one.ad, one)
        for one in earliest.values():
            yield self._credited(report, one)

    def _credited(self, report: str, one: Interaction) -> Credited:
        after = next((c for c in self.conversions if c.at >= one.at), None)
        return Credited(report, self.contact, one.ad, one.at, one.kind, after.at if after else one.at, after)


def lead_ad_of(conversion: Conversion) -> AdKey | None:
    """The ad of a synced lead; organic leads have none."""
    event = conversion.event
    if not isinstance(event, LeadAdSubmission) or event.organic:
        return None
    return ad_of(lead_url(event.placement, event.at)[0])


def live_contacts(portal: Portal, now: datetime) -> list[Contact]:
    """Contacts that exist at that instant and are neither archived, erased nor merged away."""
    gone = {id(c) for merge in portal.merges if merge.at <= now for c in (merge.primary, merge.secondary)}
    gone |= {id(contact) for at, contact in portal.erasures if at <= now}
    return [contact for contact in portal.contacts_at(now, archived=False) if id(contact) not in gone]
