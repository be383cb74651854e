"""Why a unit that only one side counts is not the other's: every cause that holds, and the contract's first.

A cause is a fact of the world or of what the vendors recorded of it. Where HubSpot holds nothing that ties
the event to the campaign (another device, no cookie and no parameters in the form's page URL, an erased
contact), the unit leaves no trace there, whatever else is true of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

from sandbox.counting.hubspot import Contact, Conversion, Portal, Session, Submission
from sandbox.truth.credits import MADE_WITHIN, REPORTS, SAME_SESSION, Credited, Known, ad_of
from sandbox.truth.units import CampaignKey, Unit, Whole, campaign_key, campaigns_of, is_form
from sandbox.world.company import Company, Network, Placement
from sandbox.world.journeys import AdClick, Event, FormSubmission, LeadAdSubmission
from sandbox.world.people import Person

#: The contract's order of what only the network counted (docs/contract.md, reason codes).
ORDER = (
    "filtered_traffic",
    "lead_not_synced",
    "contact_deleted",
    "contact_merged",
    "repeat_submission",
    "existing_contact",
    "claimed_by_several_ads",
    "no_tracking_code",
    "form_context_missing",
    "no_tracking_cookie",
    "untrackable_ad_type",
    "auto_tracking_off",
    "session_timeout",
    "later_session",
    "no_trace_in_hubspot",
)
#: Causes behind `no_trace_in_hubspot`: no code of the contract is their own.
TRACELESS = (
    "other_device",
    "other_contact",
    "modeled",
    "no_hubspot_form",
    "contact_erased",
    "no_landing",
)
#: The next session, direct, this long after the click's session ended at most.
TIMEOUT = timedelta(hours=4)
#: How far back Google lists single clicks
#: (https://developers.google.com/google-ads/api/fields/v26/click_view).
CLICKS_LISTED = timedelta(days=90)
#: Ads of these types carry HubSpot's parameters only by hand. Discovery and Demand Gen ads do unless their
#: own template overrides HubSpot's (https://knowledge.hubspot.com/ads/ad-tracking-in-hubspot).
UNTRACKABLE = ("VIDEO",)
#: Click ids, the most exact first: `gclid` is one click, `gbraid` and `wbraid` are groups of clicks.
_CLICK_IDS = {
    "gclid": Network.GOOGLE,
    "li_fat_id": Network.LINKEDIN,
    "fbclid": Network.FACEBOOK,
    "gbraid": Network.GOOGLE,
    "wbraid": Network.GOOGLE,
}


@dataclass(frozen=True, slots=True)
class Reason:
    """The contract's code and every cause that holds."""

    code: str
    causes: tuple[str, ...]


class Reasons:
    """The world's facts, ready to be asked about one unit at a time."""

    def __init__(
        self,
        company: Company,
        people: Mapping[int, Person],
        events: Iterable[Event],
        portal: Portal,
        known: Mapping[int, Known],
        now: datetime,
    ) -> None:
        self.company, self.people, self.portal, self.now = company, people, portal, now
        #: by the contact's identity
        self.known = known
        self._gone = {id(contact) for at, contact in portal.erasures if at <= now}
        self._merged = {
            id(parent): merge.merged
            for merge in portal.merges
            if merge.at <= now
            for parent in (merge.primary, merge.secondary)
        }
        self._conversions: dict[int, tuple[Contact, Conversion]] = {}
        self._first_held_by: dict[int, Contact] = {}
        for contact in portal.contacts:
            for conversion in contact.conversions:
                if conversion.event is not None and conversion.known_at <= now:
                    self._first_held_by.setdefault(id(conversion.event), contact)
                    self._conversions[id(conversion.event)] = (self._survivor(contact), conversion)
        self._submissions: dict[int, Submission] = {
            id(sent.event): sent for log in portal.submissions.values() for sent in log if sent.event
        }
        self._clicks: dict[str, AdClick] = {}
        self._clicks_of: dict[int, list[AdClick]] = defaultdict(list)
        for event in events:
            if isinstance(event, AdClick):
                self._clicks[event.click_id] = event
                self._clicks_of[event.person].append(event)
        self._by_name: dict[tuple[Network, str], set[CampaignKey]] = defaultdict(set)
        self._by_page: dict[tuple[Network, str], set[CampaignKey]] = defaultdict(set)
        self._campaigns = campaigns_of(company)
        self._google_campaigns = {key[2]: key for key in self._campaigns if key[0] == Network.GOOGLE}
        for placement in company.placements:
            key = campaign_key(placement)
            self._by_name[placement.network, placement.campaign.name_at(now)].add(key)
            self._by_name[placement.network, placement.campaign.id].add(key)
            if placement.lead_form is None:
                self._by_page[placement.network, company.final_url(placement)].add(key)
        self._windows = {campaign_key(p): timedelta(days=_window(p)) for p in company.placements}
        self._zones = {p.account.id: ZoneInfo(p.account.time_zone) for p in company.placements}

    def zone(self, account: str) -> ZoneInfo:
        """The time zone of an account."""
        return self._zones[account]

    def _survivor(self, contact: Contact) -> Contact:
        while id(contact) in self._merged:
            contact = self._merged[id(contact)]
        return contact

    # -- what ties an event to a campaign ----------------------------------------------------------------

    def campaigns_named(self, url: str) -> set[CampaignKey]:
        """The campaigns a landing URL names, by one method after another; none if the last one names several.

        Every click id of the address is tried, the most exact first: a link that was passed on carries
        another network's id beside the one of its click.
        """
        ad = ad_of(url)
        if ad is not None and ad[:3] in self._campaigns:
            return {ad[:3]}
        query = parse_qsl(urlsplit(url).query)
        for name, value in query:
            click = self._clicks.get(value) if name == "gclid" else None
            if click is not None and self.now - click.at < CLICKS_LISTED:
                return {campaign_key(click.placement)}
        for name, value in query:
            if name == "gad_campaignid" and value in self._google_campaigns:
                return {self._google_campaigns[value]}
        carried = {name for name, _ in query}
        networks = list(dict.fromkeys(n for name, n in _CLICK_IDS.items() if name in carried))
        names = [value for name, value in query if name in ("utm_id", "utm_campaign")]
        named = [self._by_name.get((network, name), set()) for network in networks for name in names]
        named += [self._by_page.get((network, url.partition("?")[0]), set()) for network in networks]
        return next((found for found in named if len(found) == 1), set())

    def _click_session(self, known: Known | None, campaign: CampaignKey, at: datetime) -> Session | None:
        """The contact's latest session by then that came from that campaign."""
        if known is None:
            return None
        found = [
            session
            for session in known.sessions
            if session.landing.at <= at and campaign in self.campaigns_named(session.landing.url)
        ]
        return found[-1] if found else None

    # -- only the network counted it ---------------------------------------------------------------------

    def uncredited(
        self,
        whole: Whole,
        earned: Mapping[int, list[Credited]],
        claimed: Mapping[int, set[CampaignKey]],
        report: str = REPORTS[0],
        elsewhere: Mapping[int, set[CampaignKey]] | None = None,
    ) -> Reason:
        """Why the report does not credit the conversion that a whole unit stands for.

        `earned`: the report's credits by the identity of their event. `claimed`: per event the campaigns
        whose network counted it or which HubSpot credits with it. `elsewhere`: per contact the campaigns
        that the report credits at all.
        """
        event, unit = whole.event, whole.units[0]
        causes = self._causes(whole, earned, claimed)
        held = self._conversions.get(id(event))
        if report not in SAME_SESSION:
            causes -= {"session_timeout", "later_session"}
        if held is not None:
            self._causes_of_report(causes, report, *held, whole.campaign, (elsewhere or {}))
        known = self.known.get(id(held[0])) if held else None
        if isinstance(event, LeadAdSubmission):
            traced = "contact_erased" not in causes
        else:
            sent = self._submissions.get(id(event))
            in_form = sent is not None and whole.campaign in self.campaigns_named(sent.page_url)
            erased = held is not None and id(held[0]) in self._gone
            by_session = self._click_session(known, whole.campaign, event.at) is not None
            by_lead = known is not None and any(
                one.kind == "lead_ad" and one.ad[:3] == whole.campaign and one.at <= event.at
                for one in known.interactions
            )
            traced = not erased and sent is not None and (in_form or by_session or by_lead)
        if not traced:
            if unit.touch is not None and unit.touch.device != getattr(event, "device", unit.touch.device):
                causes.add("other_device")
            return Reason("no_trace_in_hubspot", tuple(sorted(causes)))
        left = "no_trace_in_hubspot" if "other_contact" in causes else "unexplained"
        code = next((code for code in ORDER if code in causes), left)
        return Reason(code, tuple(sorted(causes)))

    def _causes_of_report(
        self,
        causes: set[str],
        report: str,
        contact: Contact,
        conversion: Conversion,
        campaign: CampaignKey,
        elsewhere: Mapping[int, set[CampaignKey]],
    ) -> None:
        """Add the causes that only some reports know."""
        existed = contact.created_at < conversion.at - MADE_WITHIN
        if report == "first_form_submission_new_contact" and existed:
            # the clause of 2018: the conversion has to create the contact
            causes.add("existing_contact")
        credited = elsewhere.get(id(contact), set())
        if report in ("first_ad_interaction", "last_ad_interaction") and credited - {campaign}:
            # these credit one ad per contact: another ad's interaction was earlier, or later
            causes.add("claimed_by_several_ads")
        if report not in SAME_SESSION and campaign in credited:
            # a report counts a contact once per campaign: here for another of its conversions
            causes.add("repeat_submission")

    def _causes(
        self, whole: Whole, earned: Mapping[int, list[Credited]], claimed: Mapping[int, set[CampaignKey]]
    ) -> set[str]:
        event, unit = whole.event, whole.units[0]
        person = self.people[event.person]
        causes: set[str] = set()
        if isinstance(event, LeadAdSubmission):
            form = event.placement.lead_form
            if form is None or not form.syncs(event.at):
                return {"lead_not_synced"}
        elif not isinstance(event, FormSubmission):
            return {"no_hubspot_form"}
        if person.internal:
            causes.add("filtered_traffic")
        held = self._conversions.get(id(event))
        if held is not None:
            causes |= self._causes_of_contact(event, whole.campaign, *held, claimed)
        elif not person.internal:
            causes.add("contact_erased")
        if any(credited.ad[:3] != whole.campaign for credited in earned.get(id(event), [])):
            causes.add("claimed_by_several_ads")
        if isinstance(event, FormSubmission):
            causes |= self._causes_of_visit(event, unit, held)
        return causes

    def _causes_of_contact(
        self,
        event: Event,
        campaign: CampaignKey,
        contact: Contact,
        conversion: Conversion,
        claimed: Mapping[int, set[CampaignKey]],
    ) -> set[str]:
        causes = set()
        if contact.archived_at is not None and contact.archived_at <= self.now:
            causes.add("contact_deleted")
        if id(contact) in self._gone:
            causes.add("contact_erased")
        order = sorted(
            (c for c in contact.conversions if c.known_at <= self.now), key=lambda c: (c.at, c.form_guid)
        )
        earlier = order[: order.index(conversion)]
        if earlier:
            own = any(
                campaign in claimed.get(id(c.event), set()) or self._could_count(c, contact, campaign)
                for c in earlier
            )
            causes.add("repeat_submission" if own else "existing_contact")
            parent = self._first_held_by[id(event)]
            if parent is not contact:
                first = min(parent.conversions, key=lambda c: (c.at, c.form_guid))
                if first is conversion:
                    causes.add("contact_merged")
        return causes

    def _could_count(self, conversion: Conversion, contact: Contact, campaign: CampaignKey) -> bool:
        """Whether the campaign's network could count a submission: its click lies within the window.

        What a claim is: docs/contract.md, conversion_ledger.
        """
        known, event = self.known.get(id(contact)), conversion.event
        if known is None or not isinstance(event, FormSubmission):
            return False
        sent = self._submissions.get(id(event))
        if conversion.cookie is None and sent and campaign in self.campaigns_named(sent.page_url):
            return True
        session = self._click_session(known, campaign, conversion.at)
        return session is not None and conversion.at - session.landing.at <= self._windows[campaign]

    def _causes_of_visit(
        self, event: FormSubmission, unit: Unit, held: tuple[Contact, Conversion] | None
    ) -> set[str]:
        causes = set()
        form, page = self.company.form(event.form), self.company.pages[event.page]
        device = next(d for d in self.people[event.person].devices if d.key == event.device)
        click = unit.touch
        if not page.hubspot_code or not self.company.pages[unit.placement.landing].hubspot_code:
            causes.add("no_tracking_code")
        if not form.context:
            causes.add("form_context_missing")
        if not device.hubspot_sees:
            causes.add("no_tracking_cookie")
        if not device.networks_see and unit.placement.network is Network.GOOGLE:
            causes.add("modeled")
        if isinstance(click, AdClick) and not click.landing_page_url:
            # the ad opened the network's own form; its viewer came to the site some other way
            causes.add("no_landing")
        elif isinstance(click, AdClick) and ad_of(click.landing_page_url) is None:
            kind = unit.placement.campaign.kind
            causes.add("untrackable_ad_type" if kind in UNTRACKABLE else "auto_tracking_off")
        known = self.known.get(id(held[0])) if held else None
        if known is None or held is None:
            return causes
        session = known.session_of(held[1])
        came = self._click_session(known, unit.campaign, event.at)
        if session is not None and came is not None and session is not came:
            following = known.sessions[known.sessions.index(came) + 1 :][:1]
            soon = session.landing.at - came.views[-1].at <= TIMEOUT
            direct = session.source.category == "DIRECT_TRAFFIC"
            at_once = following == [session] and direct and soon
            causes.add("session_timeout" if at_once else "later_session")
        elif session is not None and came is None and not session.has_landing_page and held[1].cookie:
            # the browser's view of the page is another contact's, as somebody else named themselves in it
            causes.add("other_contact")
            seen = [view.at for view in held[1].cookie.views if view.at <= event.at]
            if seen:
                causes.add("session_timeout" if event.at - seen[-1] <= TIMEOUT else "later_session")
        return causes

    def alone(self, event: Event, campaign: CampaignKey) -> bool:
        """Whether the event's own session, or the click's before it, is one of that campaign's ad clicks."""
        held = self._conversions.get(id(event))
        known = self.known.get(id(held[0])) if held else None
        if known is None or held is None or held[1].cookie is None:
            return False
        came = self._click_session(known, campaign, event.at)
        return came is not None and known.ad_of(came) is not None

    # -- only HubSpot credited it ------------------------------------------------------------------------

    def uncounted(self, credited: Credited, pending: set[tuple[int, CampaignKey]]) -> Reason:
        """Why the network does not count what HubSpot credits to its campaign."""
        conversion, campaign = credited.conversion, credited.ad[:3]
        if conversion is None or conversion.event is None:
            return Reason("interaction_without_conversion", ("interaction_without_conversion",))
        event = conversion.event
        if (id(event), campaign) in pending:
            return Reason("restatement_pending", ("restatement_pending",))
        causes = []
        account = next(
            a for accounts in self.company.accounts.values() for a in accounts if a.id == campaign[1]
        )
        if isinstance(event, FormSubmission):
            rules = [rule for rule in account.rules if rule.trigger == f"form:{event.form}"]
            group = credited.ad[3]
            counts = [r for r in rules if r.in_headline and (not r.campaigns or group in r.campaigns)]
            if rules and not counts:
                causes.append("action_not_counted")
            clicks = [
                click
                for click in self._clicks_of[event.person]
                if campaign_key(click.placement) == campaign and click.at <= event.at
            ]
            if clicks and counts:
                last = clicks[-1]
                days = max(
                    last.placement.group.windows(event.at)[0]
                    if last.placement.network is Network.FACEBOOK and last.placement.group
                    else rule.click_window
                    for rule in counts
                )
                if event.at - last.at > timedelta(days=days):
                    causes.insert(0, "outside_network_window")
        code = causes[0] if causes else "not_counted_by_network"
        return Reason(code, tuple(causes) or ("not_counted_by_network",))


def _window(placement: Placement) -> int:
    """Days after a click in which a form of the site counts for the campaign: the widest of its rules."""
    if placement.network is Network.FACEBOOK:
        return max((group.click_window for group in placement.campaign.groups), default=7)
    return max((rule.click_window for rule in placement.account.rules if is_form(rule)), default=30)
