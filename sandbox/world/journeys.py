"""What people do: the event log. Every event has a true UTC instant; nothing here knows a vendor."""

from __future__ import annotations

import heapq
import random
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import urlencode

from sandbox.world.company import ADS_START, HORIZON, Channel, Company, Network, Page, Placement, guid
from sandbox.world.landing import ADDRESSES_OF_TODAY, auto_tracking, landing_page_url
from sandbox.world.people import Device, Person
from sandbox.world.profiles import Profile


@dataclass(frozen=True, slots=True)
class AdImpression:
    """An ad was seen; `engaged` means a video was watched on purpose (ten seconds or more)."""

    at: datetime
    person: int
    device: str
    placement: Placement
    engaged: bool = False


@dataclass(frozen=True, slots=True)
class AdClick:
    """An ad was clicked; `landing_page_url` is empty where it opened the network's own lead form."""

    at: datetime
    person: int
    device: str
    placement: Placement
    click_id: str
    landing_page_url: str


@dataclass(frozen=True, slots=True)
class PageVisit:
    """A page was loaded. `from_email`: the link came from a HubSpot marketing e-mail to this person."""

    at: datetime
    person: int
    device: str
    page: str
    url: str
    referrer: str
    from_email: bool = False


@dataclass(frozen=True, slots=True)
class FormSubmission:
    """A form of the site was sent, from the page it stands on."""

    at: datetime
    person: int
    device: str
    form: str
    page: str
    page_url: str
    email: str


@dataclass(frozen=True, slots=True)
class LeadAdSubmission:
    """A lead form was sent inside the network.

    `organic`: by somebody who found the form without the ad. `test`: by the network's own test tool.
    """

    at: datetime
    person: int
    device: str
    placement: Placement
    email: str
    organic: bool = False
    test: bool = False


@dataclass(frozen=True, slots=True)
class Purchase:
    """An order in the shop. `value` is euros."""

    at: datetime
    person: int
    device: str
    value: Decimal


@dataclass(frozen=True, slots=True)
class TrialSignup:
    """A trial was started in the app, where HubSpot is not installed."""

    at: datetime
    person: int
    device: str


@dataclass(frozen=True, slots=True)
class ContactImported:
    """The person was in a list somebody imported into the CRM."""

    at: datetime
    person: int


@dataclass(frozen=True, slots=True)
class ContactDeleted:
    """Somebody deleted the person's contact in the CRM."""

    at: datetime
    person: int


@dataclass(frozen=True, slots=True)
class ContactErased:
    """The person had their data erased from the CRM."""

    at: datetime
    person: int


@dataclass(frozen=True, slots=True)
class ContactsMerged:
    """Somebody noticed that the CRM holds the person twice and merged the two."""

    at: datetime
    person: int


@dataclass(frozen=True, slots=True)
class DealOpened:
    """Sales opened a deal with these people. `amount` is in `currency`."""

    at: datetime
    person: int
    deal: str
    people: tuple[int, ...]
    name: str
    pipeline: str
    stage: str
    amount: Decimal
    currency: str
    expected_close: datetime


@dataclass(frozen=True, slots=True)
class DealMoved:
    """Sales moved a deal to another stage."""

    at: datetime
    person: int
    deal: str
    stage: str


Event = (
    AdImpression
    | AdClick
    | PageVisit
    | FormSubmission
    | LeadAdSubmission
    | Purchase
    | TrialSignup
    | ContactImported
    | ContactDeleted
    | ContactErased
    | ContactsMerged
    | DealOpened
    | DealMoved
)
SiteEvent = PageVisit | FormSubmission | Purchase | TrialSignup


def site_event(event: Event) -> str | None:
    """The name an event triggers a network's rule by: the site's data layer's, or the CRM's."""
    if isinstance(event, FormSubmission):
        return f"form:{event.form}"
    if isinstance(event, Purchase):
        return "purchase"
    if isinstance(event, TrialSignup):
        return "trial"
    if isinstance(event, PageVisit):
        return f"page:{event.page}"
    if isinstance(event, DealOpened):
        return "deal:opened"
    return None


@dataclass(frozen=True, slots=True)
class _Arrival:
    """How a visit begins."""

    page: str
    query: str = ""
    referrer: str = ""
    from_email: bool = False


#: How eagerly people click what they see, per channel.
_CLICK_CHANCE = {Channel.SEARCH: 0.5, Channel.DISPLAY: 0.05, Channel.VIDEO: 0.02, Channel.FEED: 0.10}
_STAGES = {
    "default": ("appointmentscheduled", "qualifiedtobuy", "contractsent", "closedwon", "closedlost"),
    "88120417": ("1730011", "1730012", "1730013", "1730014", "1730015"),
}
#: For how many minutes tabs are left open: over lunch, half a day, overnight (an assumption).
_TABS_LEFT_OPEN = ((31, 90), (90, 238), (242, 900))
_BASE62 = string.ascii_letters + string.digits
_GUESTS = ("blog-pipeline", "blog-consent", "blog-forecast", "home", "product")


#: Per network and channel the ads that are shown there, each with its first and last instant.
_Shown = dict[tuple[Network, Channel], list[tuple[datetime, datetime, Placement]]]


class _Life:
    """One person's simulated time: a queue of occasions, worked off in order."""

    def __init__(self, company: Company, person: Person, seed: int, profile: Profile, shown: _Shown) -> None:
        self.company = company
        self.shown = shown
        self.person = person
        self.profile = profile
        self.rng = random.Random(f"{seed}/life/{person.key}")
        #: for what not every profile has, so that the rest of a life is the same in all
        self.more = random.Random(f"{seed}/more-life/{person.key}")
        self.newer = random.Random(f"{seed}/newer-life/{person.key}")
        #: page and query of the ads' landing pages that the person saw
        self.landed_on: list[tuple[str, str]] = []
        self.events: list[Event] = []
        self.submitted: list[str] = []
        self.known = person.history != "new"
        self.free_at = ADS_START - timedelta(days=400)
        self._queue: list[tuple[datetime, int, Callable[[datetime], None]]] = []
        self._number = 0

    # -- time -------------------------------------------------------------------------------------------

    def plan(self, at: datetime, act: Callable[[datetime], None]) -> None:
        """Do `act` at that instant, or as soon as the person is free."""
        self._number += 1
        heapq.heappush(self._queue, (at, self._number, act))

    def live(self) -> list[Event]:
        """Everything the person does up to the horizon."""
        rng = self.rng
        begin = ADS_START + (HORIZON - ADS_START) * rng.uniform(0.0, 0.97)
        days = rng.uniform(4, 55)
        if self.person.history == "longtime":
            self.plan(ADS_START - timedelta(days=rng.uniform(5, 240)), self._first_contact_long_ago)
        if self.person.history == "imported":
            batch = rng.choice((-130, -60, -21, 30, 75))
            self.events.append(ContactImported(ADS_START + timedelta(days=batch, hours=9.5), self.person.key))
        self._plan_exposure(begin, days)
        for _ in range(rng.choice((0, 1, 1, 2))):
            self.plan(begin + timedelta(days=rng.uniform(0, days)), self._come_unpaid)
        if rng.random() < self.profile.archived:
            gone = begin + timedelta(days=days + rng.uniform(1, 30))
            self.events.append(ContactDeleted(gone, self.person.key))
        elif self.more.random() < self.profile.erased:
            gone = begin + timedelta(days=days + self.more.uniform(1, 30))
            self.events.append(ContactErased(gone, self.person.key))
        elif self.person.second_email and self.more.random() < self.profile.merged:
            noticed = begin + timedelta(days=days * self.more.uniform(0.5, 1) + self.more.uniform(1, 12))
            self.events.append(ContactsMerged(noticed, self.person.key))
        while self._queue:
            at, _, act = heapq.heappop(self._queue)
            if at < self.free_at:
                at = self.free_at + timedelta(seconds=rng.uniform(20, 600))
            if at < HORIZON:
                act(at)
        return self.events

    def _plan_exposure(self, begin: datetime, days: float) -> None:
        person, rng = self.person, self.rng
        habits = [(Channel.SEARCH, Network.GOOGLE, 0.05), (Channel.DISPLAY, Network.GOOGLE, 0.12)]
        habits.append((Channel.VIDEO, Network.GOOGLE, 0.10))
        if person.facebook_user:
            habits.append((Channel.FEED, Network.FACEBOOK, 0.22))
        if person.linkedin_member:
            habits.append((Channel.FEED, Network.LINKEDIN, 0.22))
        for channel, network, per_day in habits:
            for _ in range(int(rng.expovariate(1 / (per_day * days + 0.2)) + 0.5)):
                at = begin + timedelta(days=rng.uniform(0, days))
                self.plan(at, lambda at, c=channel, n=network: self._meet_ad(at, c, n))  # type: ignore[misc]

    # -- meeting ads ------------------------------------------------------------------------------------

    def _device(self) -> Device:
        devices = self.person.devices
        return devices[0] if len(devices) == 1 or self.rng.random() < 0.7 else devices[1]

    def _meet_ad(self, at: datetime, channel: Channel, network: Network) -> None:
        shown = [p for start, end, p in self.shown.get((network, channel), ()) if start <= at < end]
        if not shown:
            return
        rng = self.rng
        placement, device = rng.choice(shown), self._device()
        engaged = channel is Channel.VIDEO and rng.random() < 0.25
        self.events.append(AdImpression(at, self.person.key, device.key, placement, engaged))
        if rng.random() < _CLICK_CHANCE[channel]:
            self._click(at + timedelta(seconds=rng.uniform(2, 20)), device, placement)
        elif channel is Channel.SEARCH and rng.random() < 0.4:
            self._visit(at + timedelta(seconds=25), device, self._organic())

    def _click(self, at: datetime, device: Device, placement: Placement) -> None:
        rng, person = self.rng, self.person
        click_id = self._click_id(placement.network)
        if placement.lead_form is not None:
            self.events.append(AdClick(at, person.key, device.key, placement, click_id, ""))
            if rng.random() < 0.55:
                sent = at + timedelta(seconds=rng.uniform(15, 90))
                self.events.append(LeadAdSubmission(sent, person.key, device.key, placement, person.email))
                self._became_known(sent, "guide" if placement.landing == "guide" else "contact")
                self.free_at = sent
            return
        site_source = rng.choices(("fb", "ig", "[SITE_SOURCE_NAME]"), (70, 26, 4))[0]
        url = landing_page_url(self.company, placement, click_id, at, site_source, self._google_ids())
        self.events.append(AdClick(at, person.key, device.key, placement, click_id, url))
        referrer = {
            Network.GOOGLE: "https://www.google.com/",
            Network.FACEBOOK: "https://l.facebook.com/"
            if site_source != "ig"
            else "https://l.instagram.com/",
            Network.LINKEDIN: "https://www.linkedin.com/",
        }[placement.network]
        query = url.partition("?")[2]
        self.landed_on.append((placement.landing, query))
        if self.profile.second_click and self.newer.random() < self.profile.second_click:
            again = at + timedelta(hours=self.newer.uniform(0.7, 120))
            if again < placement.run[1]:
                self.plan(again, lambda at: self._click(at, device, placement))
        landed = at + timedelta(seconds=rng.uniform(0.8, 4))
        self._visit(landed, device, _Arrival(placement.landing, query, referrer))

    def _google_ids(self) -> tuple[str, ...]:
        """The parameters by which Google names the next click."""
        if not self.profile.addresses_of_today:
            return ("gclid",)
        kinds = [names for names, _ in ADDRESSES_OF_TODAY]
        shares = [share for _, share in ADDRESSES_OF_TODAY]
        return self.newer.choices(kinds, shares)[0]

    def _click_id(self, network: Network) -> str:
        if network is Network.LINKEDIN:
            return guid("li_fat_id", self.rng.getrandbits(64))
        head, length = ("Cj0KCQ", 50) if network is Network.GOOGLE else ("IwY2xjaw", 44)
        return head + "".join(self.rng.choices(_BASE62, k=length))

    # -- coming without an ad ---------------------------------------------------------------------------

    def _organic(self) -> _Arrival:
        return _Arrival(self.rng.choice(_GUESTS), referrer="https://www.google.com/")

    def _come_unpaid(self, at: datetime) -> None:
        roll = self.rng.random()
        odd = self._odd_arrival(at)
        if odd is not None:
            arrival = odd
        elif roll < 0.55:
            arrival = self._organic()
        elif roll < 0.70:
            arrival = _Arrival("home")
        elif roll < 0.85:
            arrival = _Arrival(self.rng.choice(_GUESTS), referrer="https://review-site.example/crm")
        else:
            arrival = _Arrival(self.rng.choice(_GUESTS), referrer="https://www.linkedin.com/")
        self._visit(at, self._device(), arrival)

    def _odd_arrival(self, at: datetime) -> _Arrival | None:
        """By a Microsoft ad with a template made for Google, or by somebody else's copied address."""
        if self.profile.imported_template and self.newer.random() < self.profile.imported_template:
            page = self.newer.choice(("demo", "contact", "guide", "product"))
            return _Arrival(page, imported_template(self.company, self.newer), "https://www.bing.com/")
        if self.profile.shared_links and self.newer.random() < self.profile.shared_links:
            shown = [p for s, e, p in self.shown.get((Network.GOOGLE, Channel.SEARCH), ()) if s <= at < e]
            if shown:
                placement = self.newer.choice(shown)
                copied = "Cj0KCQ" + "".join(self.newer.choices(_BASE62, k=50))
                url = landing_page_url(
                    self.company, placement, copied, at - timedelta(days=1), google_ids=self._google_ids()
                )
                return _Arrival(placement.landing, *self._shared(url.partition("?")[2]))
        return None

    def _shared(self, query: str) -> tuple[str, str]:
        """Query and referrer of an ad's address that was passed on: with the click id of where it was."""
        number = "".join(self.newer.choices(_BASE62, k=38))
        if self.newer.random() < 0.7:
            return f"{query}&fbclid=IwY2xjaw{number}", "https://www.facebook.com/"
        return f"msclkid={number[:32].lower()}&{query}", ""

    def _return(self, at: datetime) -> None:
        roll = self.rng.random()
        again = self.profile.shared_links and self.landed_on
        if again and self.newer.random() < self.profile.shared_links:
            landing, query = self.newer.choice(self.landed_on)
            self._visit(at, self._device(), _Arrival(landing, *self._shared(query)))
        elif self.known and roll < 0.15:
            query = urlencode({"utm_campaign": "newsletter", "utm_source": "hs_email", "utm_medium": "email"})
            self._visit(at, self._device(), _Arrival("guide", query, from_email=True))
        elif roll < 0.80:
            page = self.rng.choices(("home", "pricing", "demo", "contact", "kit"), (30, 20, 25, 15, 10))[0]
            self._visit(at, self._device(), _Arrival(page))
        else:
            self._visit(at, self._device(), self._organic())

    def _first_contact_long_ago(self, at: datetime) -> None:
        device = self.person.devices[0]
        page = self.company.pages[self.rng.choice(("contact", "guide", "newsletter"))]
        self._see(at, device, page, page.url, "https://www.google.com/")
        self._send_form(at + timedelta(seconds=self.rng.uniform(30, 200)), device, page, page.url)

    # -- on the site ------------------------------------------------------------------------------------

    def _see(
        self, at: datetime, device: Device, page: Page, url: str, referrer: str, from_email: bool = False
    ) -> None:
        self.events.append(PageVisit(at, self.person.key, device.key, page.key, url, referrer, from_email))

    def _visit(self, at: datetime, device: Device, arrival: _Arrival) -> None:
        """Land, look around, perhaps idle with the tab open, perhaps send a form, order or sign up."""
        rng, pages = self.rng, self.company.pages
        page = pages[arrival.page]
        url = f"{page.url}?{arrival.query}" if arrival.query else page.url
        self._see(at, device, page, url, arrival.referrer, arrival.from_email)
        if rng.random() < 0.04:  # reloaded
            at += timedelta(seconds=rng.uniform(1, 30))
            self._see(at, device, page, url, arrival.referrer)
        appetite = self.person.interest * (0.45 if arrival.query else 0.3)
        if page.form is not None and rng.random() < appetite:
            at = self._send_form(at + timedelta(seconds=rng.uniform(20, 300)), device, page, url)
        for _ in range(min(int(rng.expovariate(0.55)), 7)):
            idle = rng.random() < self.profile.idle
            at += timedelta(minutes=rng.uniform(31, 200)) if idle else timedelta(seconds=rng.uniform(8, 260))
            here = url
            page = pages[
                rng.choice(("product", "pricing", "home", "demo", "contact", "guide", "kit", *_GUESTS))
            ]
            url = page.url
            self._see(at, device, page, url, here)
            if page.form is not None and rng.random() < appetite:
                at = self._send_form(at + timedelta(seconds=rng.uniform(20, 400)), device, page, url)
            elif page.key == "kit" and rng.random() < 0.25:
                at = self._order(at, device, url)
            elif page.key == "pricing" and rng.random() < 0.12:
                at = self._start_trial(at, device, url)
        self.free_at = at
        if rng.random() < 0.5:
            soon = rng.random() < 0.3
            wait = rng.uniform(0.6, 6) if soon else 24 * min(rng.lognormvariate(1.5, 1.1), 75)
            self.plan(at + timedelta(hours=wait), self._return)

    def _send_form(self, at: datetime, device: Device, page: Page, url: str) -> datetime:
        rng, person = self.rng, self.person
        form = page.form
        if form is None:
            return at
        if (form in self.submitted and rng.random() < 0.6) or (self.submitted and rng.random() < 0.4):
            return at
        if self.profile.idle_tab and self.newer.random() < self.profile.idle_tab:
            # the tab stayed open; the form is sent from the page as it was loaded
            shortest, longest = self.newer.choices(_TABS_LEFT_OPEN, (55, 30, 15))[0]
            at += timedelta(minutes=self.newer.uniform(shortest, longest))
        typed = person.email.title() if rng.random() < 0.04 else person.email
        if person.second_email and self.more.random() < 0.5:
            typed = person.second_email
        self.events.append(FormSubmission(at, person.key, device.key, form, page.key, url, typed))
        while rng.random() < self.profile.sent_again:  # sent again, from the same page
            at += timedelta(seconds=rng.uniform(5, 240))
            self.events.append(FormSubmission(at, person.key, device.key, form, page.key, url, typed))
        self._became_known(at, form)
        return at

    def _order(self, at: datetime, device: Device, here: str) -> datetime:
        at += timedelta(seconds=self.rng.uniform(60, 500))
        thanks = self.company.pages["thanks"]
        value = Decimal(self.rng.choice((49, 79, 129, 249))) + Decimal("0.90")
        self._see(at, device, thanks, thanks.url, here)
        self.events.append(Purchase(at + timedelta(seconds=1), self.person.key, device.key, value))
        return at + timedelta(seconds=2)

    def _start_trial(self, at: datetime, device: Device, here: str) -> datetime:
        signup = self.company.pages["signup"]
        at += timedelta(seconds=self.rng.uniform(20, 120))
        self._see(at, device, signup, signup.url, here)
        at += timedelta(seconds=self.rng.uniform(40, 200))
        self.events.append(TrialSignup(at, self.person.key, device.key))
        return at

    # -- sales ------------------------------------------------------------------------------------------

    def _became_known(self, at: datetime, form: str) -> None:
        first, self.known = not self.submitted, True
        self.submitted.append(form)
        if first and not self.person.internal and self.rng.random() < 0.42:
            self._open_deal(at)

    def _open_deal(self, at: datetime) -> None:
        rng, person = self.rng, self.person
        pipeline = "default" if rng.random() < 0.75 else "88120417"
        stages = _STAGES[pipeline]
        opened = at + timedelta(days=rng.uniform(0.1, 9))
        key = f"{person.key}"
        colleagues = [
            p for p in range(person.organisation * 5, person.organisation * 5 + 5) if p != person.key
        ]
        others = rng.sample(colleagues, rng.choices((0, 1, 2, 4), (60, 20, 12, 8))[0])
        currency = "USD" if rng.random() < 0.08 else "EUR"
        foreign = bool(self.profile.foreign_deals) and self.newer.random() < self.profile.foreign_deals
        self.events.append(
            DealOpened(
                opened,
                person.key,
                key,
                (person.key, *others),
                f"{person.last_name} {person.organisation:04d}",
                pipeline,
                stages[0],
                Decimal(rng.randrange(8, 240) * 50),
                "SEK" if foreign else currency,
                opened + timedelta(days=45),
            )
        )
        end = opened
        for stage in stages[1:3]:
            if rng.random() < 0.8:
                end += timedelta(days=rng.uniform(1, 12))
                self.events.append(DealMoved(end, person.key, key, stage))
        fate = rng.random()
        if fate < 0.75:
            end += timedelta(days=rng.uniform(1, 15))
            if self.profile.late_closings and self.newer.random() < self.profile.late_closings:
                # midnight in Berlin is 22:00 or 23:00 UTC
                midnight = end.replace(hour=self.newer.choice((22, 23)), minute=0) + timedelta(hours=1)
                end = midnight + timedelta(minutes=self.newer.uniform(-40, 40))
            won = fate < 0.45 and not foreign
            self.events.append(DealMoved(end, person.key, key, stages[3] if won else stages[4]))


def lead_parameters(placement: Placement, at: datetime, site_source: str = "fb") -> str:
    """The query a lead-ad submission is recorded with: the ad's tracking parameters and `hsa_la`."""
    parameters = [*auto_tracking(placement, site_source, at), ("hsa_la", "true")]
    if placement.network is Network.LINKEDIN:
        parameters += [("hsa_src", ""), ("hsa_ol", "false")]
    return urlencode(parameters)


def imported_template(company: Company, rng: random.Random) -> str:
    """The query of a Microsoft ad whose campaign was imported from Google Ads with HubSpot's template.

    `{network}` is `o` there, and the numbers are Microsoft's own: no Google account has such a campaign.
    https://help.ads.microsoft.com/#apex/ads/en/56799/2 (URL parameters)
    """
    numbers = [str(rng.randrange(3 * 10**8, 6 * 10**8)) for _ in range(2)]
    parameters = [
        ("utm_term", "crm software"),
        ("utm_campaign", "Imported CRM Search"),
        ("utm_source", "adwords"),
        ("utm_medium", "ppc"),
        ("hsa_acc", company.accounts[Network.GOOGLE][0].id),
        ("hsa_cam", numbers[0]),
        ("hsa_grp", f"1{numbers[1]}0"),
        ("hsa_ad", ""),
        ("hsa_src", "o"),
        ("hsa_tgt", f"kwd-{numbers[1]}"),
        ("hsa_kw", "crm software"),
        ("hsa_mt", "p"),
        ("hsa_net", "adwords"),
        ("hsa_ver", "3"),
        ("msclkid", f"{rng.getrandbits(128):032x}"),
    ]
    return urlencode(parameters)


#: Organic leads come from then on, test leads on one day.
_ORGANIC_FROM = datetime(2026, 8, 20, 9, tzinfo=UTC)
_TESTED_AT = datetime(2026, 9, 8, 15, tzinfo=UTC)


def _other_leads(company: Company, people: list[Person], seed: int, profile: Profile) -> Iterator[Event]:
    """Leads without an ad: found on the company's page, and sent by the networks' test tools."""
    forms = {p.lead_form.id: p for p in company.placements if p.lead_form is not None}
    for placement in forms.values():
        rng = random.Random(f"{seed}/leads/{placement.key}")
        if placement.network is Network.FACEBOOK:
            for number in range(profile.organic_leads):
                at = _ORGANIC_FROM + timedelta(days=(5 * number + rng.uniform(0, 5)) % 60)
                person = rng.choice(people)
                device = person.devices[0].key
                yield LeadAdSubmission(at, person.key, device, placement, person.email, organic=True)
        for number in range(profile.test_leads):
            at = _TESTED_AT + timedelta(hours=number)
            email = f"test.lead.{number}@{placement.network.split('_')[0]}.test"
            yield LeadAdSubmission(at, people[0].key, "", placement, email, test=True)


def simulate(
    company: Company, people: list[Person], seed: int, profile: Profile | None = None
) -> list[Event]:
    """Everything everyone does, in order of time; nothing at or after the horizon."""
    kept_profile = profile or Profile()
    events: list[Event] = []
    shown: _Shown = {}
    for placement in company.placements:
        place = shown.setdefault((placement.network, placement.campaign.channel), [])
        place.append((*placement.run, placement))
    for person in people:
        events.extend(_Life(company, person, seed, kept_profile, shown).live())
    if people:
        events.extend(_other_leads(company, people, seed, kept_profile))
    kept = [event for event in events if event.at < HORIZON]
    kept.sort(key=lambda event: (event.at, event.person))
    return kept
