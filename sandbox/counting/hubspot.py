"""HubSpot: what its tracking code, forms, lead syncing and CRM hold of the same people's events.

Cookies and sessions: https://knowledge.hubspot.com/reports/what-cookies-does-hubspot-set-in-a-visitor-s-browser
and vectors S1, S3, S5, S7; forms sent without a visitor:
https://knowledge.hubspot.com/articles/kcs_article/reports/why-do-i-have-more-direct-traffic-than-expected;
lead ads: vectors L1 to L4; filtered activity: vectors C22, I9; original source
of a contact that came offline first: vector I1. Records carry the instant they became known, so that the
portal can be read as of any instant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

from sandbox.counting.common import spread
from sandbox.counting.hubspot_sources import Source, ad_block, traffic_source
from sandbox.world.company import PER_EURO, Company, Network, Placement, guid
from sandbox.world.journeys import (
    ContactDeleted,
    ContactErased,
    ContactImported,
    ContactsMerged,
    DealMoved,
    DealOpened,
    Event,
    FormSubmission,
    LeadAdSubmission,
    PageVisit,
    lead_parameters,
)
from sandbox.world.people import Device, Person

OWN_DOMAIN = "nordlicht.example"
IDLE = timedelta(minutes=30)
COOKIE_LIFE = timedelta(days=180)
#: Safari keeps cookies set by script for seven days (https://webkit.org/blog/8828/intelligent-tracking-prevention-2-2/).
SAFARI_COOKIE_LIFE = timedelta(days=7)
#: A synced lead counts 36 s after it was sent and reaches the analytics properties after 106 s.
LEAD_COUNTED_AFTER = timedelta(seconds=36)
LEAD_ANALYTICS_AFTER = timedelta(seconds=106)
#: Submissions older than this carry no conversionId.
CONVERSION_IDS_SINCE = datetime(2026, 2, 1, tzinfo=UTC)
MAX_CALCULATED_SUBMISSIONS = 800
_CLICK_IDS = {
    "gclid": "hs_google_click_id",
    "fbclid": "hs_facebook_click_id",
    "li_fat_id": "hs_linkedin_click_id",
    "msclkid": "hs_bing_click_id",
}
_WON = ("closedwon", "1730014")
_LOST = ("closedlost", "1730015")
_LEAD_TITLE = {
    Network.FACEBOOK: "Facebook Lead Generation Ad",
    Network.LINKEDIN: "LinkedIn Lead Generation Ad",
}


@dataclass(slots=True)
class View:
    """One activity of a visitor: a page view that the tracking code sent, or a form that was sent.

    `is_form`: a form was sent and no page was loaded. It has no URL, so that it names no source, and the
    events API does not return it.
    """

    id: str
    at: datetime
    url: str
    title: str
    referrer: str
    page_id: str
    is_form: bool = False


@dataclass(slots=True)
class Cookie:
    """One visitor (`hubspotutk`): what it saw, and the contacts that named themselves in it, by time.

    `views` are page views; `sent` are the forms it sent.
    """

    views: list[View] = field(default_factory=list)
    sent: list[View] = field(default_factory=list)
    named: list[tuple[datetime, Contact]] = field(default_factory=list)
    _sessions: list[Session] = field(default_factory=list)
    _counted: int = 0

    @property
    def sessions(self) -> list[Session]:
        """Its page views and sent forms as sessions; asked often, computed once."""
        count = len(self.views) + len(self.sent)
        if self._counted != count:
            found = sorted([*self.views, *self.sent], key=lambda view: view.at)
            self._sessions, self._counted = sessions(found), count
        return self._sessions


@dataclass(frozen=True, slots=True)
class Session:
    """A visitor's session: its activities and the source of the first one."""

    views: tuple[View, ...]
    source: Source

    @property
    def landing(self) -> View:
        """The first activity: a page view, or the form that was sent from a tab left open."""
        return self.views[0]

    @property
    def has_landing_page(self) -> bool:
        """Whether a page view started it."""
        return not self.views[0].is_form


@dataclass(frozen=True, slots=True)
class Touch:
    """A dated source of a contact: a session's landing or a synced lead ad."""

    at: datetime
    known_at: datetime
    url: str
    referrer: str
    source: Source


@dataclass(frozen=True, slots=True)
class Conversion:
    """A counted submission of a contact. `page_id` is empty for a lead ad."""

    at: datetime
    known_at: datetime
    form_guid: str
    page_id: str
    title: str
    event: FormSubmission | LeadAdSubmission | None = None
    #: the visitor it was sent by; None where HubSpot got no cookie
    cookie: Cookie | None = None


@dataclass(slots=True)
class Contact:
    """One contact record and the events behind its properties."""

    email: str
    person: Person
    created_at: datetime
    object_source: str
    offline: Source
    id: str = ""
    cookies: list[tuple[datetime, Cookie]] = field(default_factory=list)
    conversions: list[Conversion] = field(default_factory=list)
    lead_touches: list[Touch] = field(default_factory=list)
    deals: list[Deal] = field(default_factory=list)
    archived_at: datetime | None = None
    #: A record made by merging exists from that instant on; its createdate is its oldest parent's.
    exists_from: datetime | None = None
    #: The record whose hand-entered values it has: its primary parent, else itself.
    root: str = ""
    parents: tuple[Contact, ...] = ()

    def knows(self, cookie: Cookie) -> bool:
        """Whether that visitor is already tied to this contact."""
        return any(held is cookie for _, held in self.cookies)


@dataclass(frozen=True, slots=True)
class Submission:
    """A row of a form's log, filtered or not. `known_at` is later than `at` where it was sent backdated."""

    conversion_id: str | None
    at: datetime
    page_url: str
    values: tuple[tuple[str, str], ...]
    known_at: datetime | None = None
    event: FormSubmission | None = None

    @property
    def email(self) -> str:
        """The e-mail address that was typed, in lower case."""
        return next((value.lower() for name, value in self.values if name == "email"), "")


@dataclass(slots=True)
class Deal:
    """A deal with its stages in order and the people sales attached to it."""

    id: str
    opened: DealOpened
    moves: list[DealMoved] = field(default_factory=list)

    @property
    def won_at(self) -> datetime | None:
        """The instant it was won, if ever."""
        return next((move.at for move in self.moves if move.stage in _WON), None)


@dataclass(frozen=True, slots=True)
class PageViewEvent:
    """A page view as the events API returns it: only of known contacts, from the instant they are known."""

    view: View
    contact: Contact
    source: Source
    known_at: datetime


@dataclass(frozen=True, slots=True)
class Merge:
    """Two contacts that became a third."""

    at: datetime
    merged: Contact
    primary: Contact
    secondary: Contact


class Portal:
    """The portal's records over the whole simulated time; every reader names the instant it reads at."""

    def __init__(self, company: Company, people: Mapping[int, Person], events: Iterable[Event]) -> None:
        self.company = company
        self.people = people
        self.contacts: list[Contact] = []
        self.submissions: dict[str, list[Submission]] = {form.guid: [] for form in company.forms}
        self.deals: list[Deal] = []
        self.merges: list[Merge] = []
        self.erasures: list[tuple[datetime, Contact]] = []
        self._by_email: dict[str, Contact] = {}
        self._erased: set[str] = set()
        self._cookies: dict[str, Cookie] = {}
        self._deals: dict[str, Deal] = {}
        for event in events:
            self._record(event)
        self.contacts.sort(
            key=lambda contact: (contact.exists_from is not None, contact.created_at, contact.email)
        )
        _share_out(self.contacts)
        for number, contact in enumerate(self.contacts):
            contact.id = str(70_411_500_151 + 50 * number)
            contact.root = contact.parents[0].root if contact.parents else contact.id
        self._by_person: dict[int, list[Contact]] = {}
        for contact in self.contacts:
            self._by_person.setdefault(contact.person.key, []).append(contact)
        for deal in self.deals:
            for person in deal.opened.people:
                for known in self._by_person.get(person, [])[-1:]:
                    for contact in _with_parents(known):
                        contact.deals.append(deal)
        # a merged contact's views are its parents', too
        views = {
            event.view.id: event for contact in self.contacts[::-1] for event in _page_view_events(contact)
        }
        self.page_views = sorted(views.values(), key=lambda event: (event.view.at, event.view.id))

    # -- recording --------------------------------------------------------------------------------------

    def _record(self, event: Event) -> None:
        if isinstance(event, PageVisit):
            self._page_visit(event)
        elif isinstance(event, FormSubmission):
            self._form_submission(event)
        elif isinstance(event, LeadAdSubmission):
            self._lead_ad(event)
        elif isinstance(event, ContactImported):
            person = self.people[event.person]
            self._contact(person.email, person, event.at, "IMPORT", Source("OFFLINE", "IMPORT", "8420117"))
        elif isinstance(event, ContactDeleted):
            contact = self._by_email.get(self.people[event.person].email)
            if contact is not None:
                contact.archived_at = event.at
        elif isinstance(event, ContactErased):
            contact = self._by_email.get(self.people[event.person].email)
            if contact is not None:
                self.erasures.append((event.at, contact))
                self._erased.add(contact.email)
        elif isinstance(event, ContactsMerged):
            self._merge(event.at, self.people[event.person])
        elif isinstance(event, DealOpened):
            deal = Deal(str(9_320_440_000 + 37 * len(self.deals)), event)
            self.deals.append(deal)
            self._deals[event.deal] = deal
        elif isinstance(event, DealMoved):
            self._deals[event.deal].moves.append(event)

    def _device(self, person: Person, key: str) -> Device:
        return next(device for device in person.devices if device.key == key)

    def _cookie(self, device: Device, at: datetime) -> Cookie:
        """The browser's visitor cookie; a new one where the last has expired."""
        cookie = self._cookies.get(device.key)
        life = SAFARI_COOKIE_LIFE if device.safari else COOKIE_LIFE
        if cookie is None or (cookie.views and at - cookie.views[-1].at > life):
            cookie = Cookie()
            self._cookies[device.key] = cookie
        return cookie

    def _page_visit(self, event: PageVisit) -> None:
        person = self.people[event.person]
        device = self._device(person, event.device)
        page = self.company.pages[event.page]
        if person.internal or not device.hubspot_sees or not page.hubspot_code:
            return
        cookie = self._cookie(device, event.at)
        view_id = guid("view", event.person, event.device, event.at.isoformat())
        cookie.views.append(View(view_id, event.at, event.url, page.title, event.referrer, page.page_id))
        contact = self._by_email.get(person.email)
        if event.from_email and contact is not None:
            self._identify(contact, cookie, event.at)

    def _identify(self, contact: Contact, cookie: Cookie, at: datetime) -> None:
        cookie.named.append((at, contact))
        if not contact.knows(cookie):
            contact.cookies.append((at, cookie))

    def _merge(self, at: datetime, person: Person) -> None:
        """The contacts of a person's two addresses become one; its later events are the new one's."""
        found = [self._by_email.get(email) for email in (person.email, person.second_email)]
        live = [contact for contact in found if contact is not None]
        if len(live) < 2 or live[0] is live[1]:
            return
        primary, secondary = live
        older = min(live, key=lambda contact: contact.created_at)
        merged = Contact(
            primary.email,
            person,
            older.created_at,
            older.object_source,
            older.offline,
            cookies=[*primary.cookies, *(held for held in secondary.cookies if not primary.knows(held[1]))],
            conversions=[*primary.conversions, *secondary.conversions],
            lead_touches=[*primary.lead_touches, *secondary.lead_touches],
            exists_from=at,
            parents=(primary, secondary),
        )
        self.merges.append(Merge(at, merged, primary, secondary))
        self.contacts.append(merged)
        self._by_email |= {person.email: merged, person.second_email: merged}

    def _contact(
        self, email: str, person: Person, at: datetime, object_source: str, offline: Source
    ) -> Contact:
        contact = self._by_email.get(email)
        if contact is None or (contact.archived_at is not None and contact.archived_at <= at):
            contact = Contact(email, person, at, object_source, offline)
            self._by_email[email] = contact
            self.contacts.append(contact)
        return contact

    def _form_submission(self, event: FormSubmission) -> None:
        person = self.people[event.person]
        form, page = self.company.form(event.form), self.company.pages[event.page]
        email = event.email.lower()
        if email in self._erased:
            # the erased cannot be added again (vector I6)
            return
        values = [("email", event.email), ("firstname", person.first_name), ("lastname", person.last_name)]
        if event.form == "guide":
            values += [("interests", "pipeline"), ("interests", "forecast")]
        dated = event.at >= CONVERSION_IDS_SINCE
        conversion_id = guid("conversion", event.person, event.at.isoformat()) if dated else None
        at = event.at.replace(microsecond=event.at.microsecond // 1000 * 1000)
        page_url = event.page_url if form.context else ""
        self.submissions[form.guid].append(
            Submission(conversion_id, at, page_url, tuple(values), event=event)
        )
        created = at + spread(f"{email}{event.at}", timedelta(milliseconds=150), timedelta(milliseconds=900))
        # filtered traffic makes an offline contact (vector C22), a submission without visitor a direct one
        offline = Source("OFFLINE", "FORM", form.guid) if person.internal else Source("DIRECT_TRAFFIC")
        contact = self._contact(email, person, created, "FORM", offline)
        if person.internal:
            return
        title = f"{page.title}: {form.name}"
        device = self._device(person, event.device)
        seen = device.hubspot_sees and page.hubspot_code and form.context
        cookie = self._cookie(device, event.at) if seen else None
        contact.conversions.append(
            Conversion(at, created, form.guid, page.page_id if form.context else "", title, event, cookie)
        )
        if cookie is not None:
            sent_id = guid("sent", event.person, event.device, event.at.isoformat())
            cookie.sent.append(View(sent_id, at, "", title, "", page.page_id, is_form=True))
            self._identify(contact, cookie, created)

    def _lead_ad(self, event: LeadAdSubmission) -> None:
        person, placement = self.people[event.person], event.placement
        lead_form = placement.lead_form
        if lead_form is None or event.test or not lead_form.syncs(event.at):
            return
        if event.email.lower() in self._erased:
            return
        at = event.at.replace(microsecond=event.at.microsecond // 1000 * 1000)
        counted = at + LEAD_COUNTED_AFTER
        network = placement.network
        campaign = placement.campaign.name_at(event.at)
        source = Source("PAID_SOCIAL", network.split("_")[0].capitalize(), campaign)
        contact = self._contact(event.email.lower(), person, counted, "ADS", Source("OFFLINE", "INTEGRATION"))
        contact.conversions.append(Conversion(at, counted, lead_form.guid, "", _LEAD_TITLE[network], event))
        if event.organic:
            # without an ad there is nothing to tag
            return
        url, referrer = lead_url(placement, event.at)
        contact.lead_touches.append(Touch(at, at + LEAD_ANALYTICS_AFTER, url, referrer, source))

    # -- reading ----------------------------------------------------------------------------------------

    def contact_of(self, person: int, at: datetime) -> Contact | None:
        """The newest contact of a person at that instant."""
        known = [c for c in self._by_person.get(person, []) if (c.exists_from or c.created_at) <= at]
        return known[-1] if known else None

    def contacts_at(self, now: datetime, *, archived: bool) -> list[Contact]:
        """Contacts that exist at that instant, live or archived, by id."""
        return [
            contact
            for contact in self.contacts
            if (contact.exists_from or contact.created_at) <= now
            and (contact.archived_at is not None and contact.archived_at <= now) is archived
        ]

    def deals_at(self, now: datetime) -> list[Deal]:
        """Deals opened by that instant, by id."""
        return [deal for deal in self.deals if deal.opened.at <= now]


def lead_url(placement: Placement, at: datetime) -> tuple[str, str]:
    """URL and referrer HubSpot notes for a synced lead (vector L1)."""
    form = placement.lead_form
    query = lead_parameters(placement, at)
    account, number = placement.account.id, form.id if form else ""
    if placement.network is Network.LINKEDIN:
        page = f"https://www.linkedin.com/ad/accounts/{account}/leadgen/view/{number}"
        return f"{page}?{query}", "https://www.linkedin.com/"
    return f"https://www.facebook.com/ads/leadgen/{number}?{query}", "https://www.facebook.com/"


def _share_out(contacts: list[Contact]) -> None:
    """Where several people used one browser, a view is of the next who names themselves in its session.

    Where nobody does any more, it is of whoever did last. HubSpot ties a visitor's history to a contact by
    cookie and e-mail address; which of several contacts keeps which view is an assumption.
    """
    parts: dict[tuple[int, int], Cookie] = {}
    shared: dict[int, Cookie] = {}
    for contact in contacts:
        for _, cookie in contact.cookies:
            if len({id(named) for _, named in cookie.named}) > 1:
                shared[id(cookie)] = cookie
    for cookie in shared.values():
        for session in cookie.sessions:
            end = session.views[-1].at + IDLE
            for view in session.views:
                after = [named for at, named in cookie.named if view.at <= at <= end]
                before = [named for at, named in cookie.named if at < view.at]
                owner = after[0] if after else before[-1] if before else cookie.named[0][1]
                part = parts.setdefault((id(cookie), id(owner)), Cookie(named=cookie.named))
                (part.sent if view.is_form else part.views).append(view)
    if not shared:
        return
    for contact in contacts:
        contact.cookies = [
            (at, held)
            for at, cookie in contact.cookies
            for held in (
                [
                    parts[id(cookie), id(one)]
                    for one in _with_parents(contact)
                    if (id(cookie), id(one)) in parts
                ]
                if id(cookie) in shared
                else [cookie]
            )
        ]


def _with_parents(contact: Contact) -> list[Contact]:
    return [contact, *(one for parent in contact.parents for one in _with_parents(parent))]


def sessions(views: list[View]) -> list[Session]:
    """A visitor's activities as sessions: 30 minutes of silence or another source starts a new one.

    A form that is sent after a longer silence starts a session of source direct (vector S1): its page was
    loaded in the session before. Assumption: a sent form counts as activity, like a page view.
    """
    result: list[Session] = []
    current: list[View] = []
    source = Source("DIRECT_TRAFFIC")
    key: tuple[str, ...] = ()
    for view in views:
        own = traffic_source(view.url, view.referrer, OWN_DOMAIN)
        evidence = own if own is not None and own.category != "DIRECT_TRAFFIC" else None
        view_key = _campaign_key(view.url, evidence)
        expired = bool(current) and view.at - current[-1].at > IDLE
        if current and (expired or (evidence is not None and view_key != key)):
            result.append(Session(tuple(current), source))
            current = []
        if not current:
            source = own or Source("DIRECT_TRAFFIC")
            key = view_key
        current.append(view)
    if current:
        result.append(Session(tuple(current), source))
    return result


@lru_cache(1 << 14)
def _campaign_key(url: str, source: Source | None) -> tuple[str, ...]:
    if source is None:
        return ()
    query, ad = dict(parse_qsl(urlsplit(url).query)), ad_block(url)
    of_ad = (ad.get(name, "") for name in ("hsa_net", "hsa_acc", "hsa_cam", "hsa_grp", "hsa_ad"))
    tags = (query.get(name, "") for name in ("utm_source", "utm_medium", "utm_campaign"))
    return (source.category, source.data_1 or "", *of_ad, *tags)


def _page_view_events(contact: Contact) -> list[PageViewEvent]:
    return [
        PageViewEvent(view, contact, session.source, max(view.at, identified))
        for identified, cookie in contact.cookies
        for session in cookie.sessions
        for view in session.views
        if not view.is_form
    ]


def contact_touches(contact: Contact) -> list[Touch]:
    """Landings of the contact's sessions and its synced lead ads, in order of time."""
    touches = list(contact.lead_touches)
    for identified, cookie in contact.cookies:
        for session in cookie.sessions:
            view = session.landing
            touches.append(Touch(view.at, max(view.at, identified), view.url, view.referrer, session.source))
    return sorted(touches, key=lambda touch: touch.at)


def stamp(at: datetime) -> str:
    """An instant as HubSpot prints it: no fraction where it is zero."""
    if at.tzinfo is not UTC:
        at = at.astimezone(UTC)
    second, thousandths = at.isoformat(timespec="seconds")[:19], at.microsecond // 1000
    return f"{second}.{thousandths:03}Z" if thousandths else f"{second}Z"


@dataclass(frozen=True, slots=True)
class ContactState:
    """A contact's properties at an instant."""

    properties: dict[str, str | None]
    updated_at: datetime


def _landings(contact: Contact, touches: list[Touch]) -> list[Touch]:
    """Those of the touches that are landings on the site."""
    return [touch for touch in touches if touch not in contact.lead_touches]


def contact_state(contact: Contact, now: datetime) -> ContactState:
    """Every property of the contact as of `now`, all values text or None."""
    touches = [touch for touch in contact_touches(contact) if touch.known_at <= now]
    counted = sorted((c for c in contact.conversions if c.known_at <= now), key=lambda c: c.at)
    views = [
        view
        for identified, cookie in contact.cookies
        if identified <= now
        for view in cookie.views
        if view.at <= now
    ]
    views.sort(key=lambda view: view.at)
    changes = [*_moments(contact, touches, now), *(v.at for v in views if v.at > contact.created_at)]
    updated = max(changes)
    person = contact.person
    values: dict[str, str | None] = {
        "email": contact.email,
        "firstname": person.first_name,
        "lastname": person.last_name,
        "hs_object_id": contact.id,
        "createdate": stamp(contact.created_at),
        "hs_createdate": stamp(contact.created_at),
        "lastmodifieddate": stamp(updated),
        "hs_email_domain": contact.email.partition("@")[2],
        "hs_object_source": contact.object_source,
        "hs_object_source_label": contact.object_source,
        "hs_was_imported": "true" if contact.object_source == "IMPORT" else None,
        "hs_additional_emails": None,
        "hs_merged_object_ids": None,
    }
    values |= {**_came_by(contact, touches), "lifecyclestage": _lifecycle_stage(contact, now)}
    values |= _visits(contact, touches, views)
    values |= _conversion_properties(counted)
    return ContactState(values, updated)


def _moments(contact: Contact, touches: list[Touch], now: datetime) -> list[datetime]:
    """Instants at which something about the contact changed, apart from page views."""
    moments = [contact.created_at, *(t.known_at for t in touches), *(c.known_at for c in contact.conversions)]
    for deal in contact.deals:
        moments += [max(contact.created_at, at) for at in (deal.opened.at, deal.won_at) if at is not None]
    return [moment for moment in moments if moment <= now]


def _came_by(contact: Contact, touches: list[Touch]) -> dict[str, str | None]:
    """The properties whose history follows these touches: sources, URLs, sessions, click ids."""
    offline_first = not touches or touches[0].at > contact.created_at
    original = contact.offline if offline_first else touches[0].source
    latest = touches[-1].source if touches else contact.offline
    values: dict[str, str | None] = {
        "hs_analytics_source": original.category,
        "hs_analytics_source_data_1": original.data_1,
        "hs_analytics_source_data_2": original.data_2,
        "hs_latest_source": latest.category,
        "hs_latest_source_data_1": latest.data_1,
        "hs_latest_source_data_2": latest.data_2,
    }
    # a session without a page view leaves the URLs as they are
    landed = [touch for touch in touches if touch.url]
    if landed:
        values["hs_analytics_first_url"] = landed[0].url
        values["hs_analytics_first_referrer"] = landed[0].referrer or None
        values["hs_analytics_last_url"] = landed[-1].url
        values["hs_analytics_last_referrer"] = landed[-1].referrer or None
    landings = _landings(contact, touches)
    for touch in landings:
        values.update(_click_ids(touch.url))
    values["hs_latest_source_timestamp"] = stamp(touches[-1].at if touches else contact.created_at)
    values["hs_analytics_num_visits"] = str(len(landings))
    if landings:
        values["hs_analytics_first_visit_timestamp"] = stamp(landings[0].at)
        values["hs_analytics_last_visit_timestamp"] = stamp(landings[-1].at)
    return values


@lru_cache(1 << 16)
def _click_ids(url: str) -> tuple[tuple[str, str], ...]:
    """The click id properties that a landing URL sets; a history asks for each of its URLs many times."""
    query = parse_qsl(urlsplit(url).query) if any(name in url for name in _CLICK_IDS) else []
    return tuple((_CLICK_IDS[name], value) for name, value in query if name in _CLICK_IDS)


def _lifecycle_stage(contact: Contact, at: datetime) -> str:
    if any(deal.won_at is not None and deal.won_at <= at for deal in contact.deals):
        return "customer"
    if any(deal.opened.at <= at for deal in contact.deals):
        return "opportunity"
    return "lead" if any(c.known_at <= at for c in contact.conversions) else "subscriber"


def contact_history(contact: Contact, now: datetime) -> dict[str, list[dict[str, str]]]:
    """The values that the tracked properties had up to `now`, newest first; cleared ones are empty text."""
    touches = contact_touches(contact)
    entries: dict[str, list[dict[str, str]]] = {}
    held: dict[str, str | None] = {}
    known: list[Touch] = []
    came_by = _came_by(contact, known)
    for moment in sorted(set(_moments(contact, touches, now))):
        by_then = [touch for touch in touches if touch.known_at <= moment]
        if len(by_then) > len(known):
            known, came_by = by_then, _came_by(contact, by_then)
        values = {**came_by, "lifecyclestage": _lifecycle_stage(contact, moment)}
        told_at = stamp(moment)
        # a name that is there once stays
        for name, value in values.items() - held.items():
            if value == held.get(name):
                continue
            kind, source = (
                _STAGE_SOURCES[value] if name == "lifecyclestage" else ("ANALYTICS", "web-analytics")
            )
            entry = {"value": value or "", "timestamp": told_at, "sourceType": kind, "sourceId": source}
            entries.setdefault(name, []).insert(0, entry)
        held = values
    return entries


_STAGE_SOURCES: dict[str | None, tuple[str, str]] = {
    "subscriber": ("CONTACTS_WEB", "CRM_SETTING"),
    "lead": ("FORM", "form-submission"),
    "opportunity": ("AUTOMATION_PLATFORM", "deal-created"),
    "customer": ("AUTOMATION_PLATFORM", "deal-won"),
}


def _visits(contact: Contact, touches: list[Touch], views: list[View]) -> dict[str, str | None]:
    offline_first = not touches or touches[0].at > contact.created_at
    values: dict[str, str | None] = {
        "hs_analytics_first_timestamp": stamp(contact.created_at if offline_first else touches[0].at),
        "hs_analytics_num_page_views": str(len(views)),
    }
    if views:
        values["hs_analytics_last_timestamp"] = stamp(views[-1].at)
    return values


def _conversion_properties(counted: list[Conversion]) -> dict[str, str | None]:
    values: dict[str, str | None] = {
        "num_conversion_events": str(len(counted)),
        "num_unique_conversion_events": str(len({conversion.form_guid for conversion in counted})),
    }
    if counted:
        values["first_conversion_date"] = stamp(counted[0].at)
        values["first_conversion_event_name"] = counted[0].title
        values["recent_conversion_date"] = stamp(counted[-1].at)
        values["recent_conversion_event_name"] = counted[-1].title
        values["hs_calculated_form_submissions"] = ";".join(
            f"{c.form_guid}:{c.page_id}:{epoch_ms(c.at)}" for c in counted[-MAX_CALCULATED_SUBMISSIONS:]
        )
    return values


def epoch_ms(at: datetime) -> int:
    """Milliseconds since the epoch."""
    return round(at.timestamp() * 1000)


#: Rates of earlier days, and the instant the present ones took effect.
_OLDER_RATES = {"USD": Decimal("0.92"), "GBP": Decimal("1.17")}
_OLDER_FROM, _RATES_FROM = datetime(2025, 3, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
_MILLIONTH, _CENT = Decimal("0.000001"), Decimal("0.01")


def exchange_rates(company: Company) -> list[tuple[str, datetime, Decimal]]:
    """Currency, instant it took effect and rate into the portal's currency.

    Daily ones change at midnight of the portal's time zone by up to 3 % (an assumption).
    """
    found = []
    for currency, rate in _OLDER_RATES.items():
        present = 1 / PER_EURO[currency]
        found += [
            (currency, _OLDER_FROM, rate),
            (currency, _RATES_FROM, present.quantize(_MILLIONTH)),
        ]
    if company.daily_rates:
        zone = ZoneInfo(company.portal_time_zone)
        for number in range(75):
            change = Decimal(number * 5 % 7 - 3) / 100
            # days are added to the clock on the wall
            at = (datetime(2026, 8, 24, tzinfo=zone) + timedelta(days=number)).astimezone(UTC)
            found.append(("USD", at, ((1 + change) / PER_EURO["USD"]).quantize(_MILLIONTH)))
    return found


def won_amount(deal: Deal, company: Company, now: datetime) -> Decimal | None:
    """A won deal's amount in the portal's currency: HubSpot's own, else at the rate of its closing day.

    The day is the portal's, as HubSpot shows close dates in the account's time zone.
    """
    amount = deal_properties(deal, now, company)[0]["amount_in_home_currency"]
    if amount is not None or deal.won_at is None:
        return None if amount is None else Decimal(amount)
    zone = ZoneInfo(company.portal_time_zone)
    closed = deal.won_at.astimezone(zone).date()
    rates = [
        rate
        for currency, at, rate in exchange_rates(company)
        if currency == deal.opened.currency and at.astimezone(zone).date() <= closed
    ]
    return (deal.opened.amount * rates[-1]).quantize(_CENT) if rates else None


def deal_properties(
    deal: Deal, now: datetime, company: Company | None = None
) -> tuple[dict[str, str | None], datetime]:
    """A deal's properties as of `now` and the instant of its last change."""
    opened = deal.opened
    moves = [move for move in deal.moves if move.at <= now]
    stage = moves[-1].stage if moves else opened.stage
    updated = moves[-1].at if moves else opened.at
    closed = stage in _WON or stage in _LOST
    home = (opened.amount / PER_EURO[opened.currency]).quantize(_CENT)
    # the portal has no rate for it, or another tool wrote the deal in dollars without it (an assumption)
    unknown = opened.currency == "SEK" or (
        company is not None and company.daily_rates and opened.currency == "USD"
    )
    return {
        "hs_object_id": deal.id,
        "dealname": opened.name,
        "amount": str(opened.amount),
        "amount_in_home_currency": None if unknown else str(home),
        "deal_currency_code": opened.currency,
        "pipeline": opened.pipeline,
        "dealstage": stage,
        "createdate": stamp(opened.at),
        "closedate": stamp(updated if closed else opened.expected_close),
        "hs_lastmodifieddate": stamp(updated),
        "hs_is_closed": "true" if closed else "false",
        "hs_is_closed_won": "true" if stage in _WON else "false",
    }, updated


def deal_history(deal: Deal, now: datetime) -> dict[str, list[dict[str, str]]]:
    """The stages a deal went through up to `now`, newest first."""
    stages = [(deal.opened.at, deal.opened.stage), *((m.at, m.stage) for m in deal.moves if m.at <= now)]
    entries = [
        {"value": stage, "timestamp": stamp(at), "sourceType": "CRM_UI", "sourceId": "userId:9001"}
        for at, stage in stages
    ]
    return {"dealstage": entries[::-1]}
