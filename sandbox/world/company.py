"""The simulated company: its site, forms, ad accounts and campaigns. Settings only, nobody's behaviour."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum

#: Advertising and people start here; a few contacts are older.
ADS_START = datetime(2026, 6, 15, tzinfo=UTC)
#: Nothing is simulated after this instant.
HORIZON = datetime(2026, 11, 30, tzinfo=UTC)
DEFAULT_NOW = datetime(2026, 11, 1, 6, tzinfo=UTC)

SITE = "https://www.nordlicht.example"
SHOP = "https://shop.nordlicht.example"
APP = "https://app.nordlicht.example"

#: Units of each currency for one euro; the simulated company calculates in euros.
PER_EURO = {
    "EUR": Decimal("1"),
    "USD": Decimal("1.10"),
    "GBP": Decimal("0.86"),
    "CHF": Decimal("0.95"),
    "SEK": Decimal("11.2"),
    "JPY": Decimal("165"),
}

_NAMESPACE = uuid.UUID("5b1f6a52-5f0e-4f0b-8a55-0d2f1b8d4c11")


def guid(*parts: object) -> str:
    """A stable UUID for the given parts."""
    return str(uuid.uuid5(_NAMESPACE, "/".join(str(part) for part in parts)))


class Network(StrEnum):
    """The three ad networks."""

    GOOGLE = "google_ads"
    FACEBOOK = "facebook_ads"
    LINKEDIN = "linkedin_ads"


class Channel(StrEnum):
    """Where an ad is shown: decides how people meet it."""

    SEARCH = "search"
    DISPLAY = "display"
    VIDEO = "video"
    FEED = "feed"


@dataclass(frozen=True, slots=True)
class Form:
    """A form of the site that HubSpot receives. `kind` is HubSpot's formType."""

    key: str
    name: str
    kind: str
    created_at: datetime
    archived_at: datetime | None = None

    @property
    def guid(self) -> str:
        """HubSpot's id of the form."""
        return guid("form", self.key)


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the site; `hubspot_code` tells whether HubSpot's tracking code is installed on it."""

    key: str
    page_id: str
    url: str
    title: str
    form: str | None = None
    hubspot_code: bool = True


@dataclass(frozen=True, slots=True)
class LeadForm:
    """A network's own lead form, shown inside the network."""

    id: str
    name: str

    @property
    def guid(self) -> str:
        """The id HubSpot gives the form when its leads are synced."""
        return guid("lead-form", self.id)


@dataclass(frozen=True, slots=True)
class Ad:
    """One ad: a page to lead to, or a lead form. Google: ad; Meta: ad; LinkedIn: creative."""

    id: str
    name: str
    landing: str
    lead_form: LeadForm | None = None
    auto_tracked: bool = True
    deleted_at: datetime | None = None
    text_ad: bool = False


@dataclass(frozen=True, slots=True)
class AdGroup:
    """Google: ad group; Meta: ad set (with its attribution windows in days); LinkedIn: campaign.

    `rewindowed`: the instant from which other windows (click, view) hold, for what happens after it.
    """

    id: str
    name: str
    ads: tuple[Ad, ...]
    keyword: str = ""
    click_window: int = 7
    view_window: int = 1
    rewindowed: tuple[datetime, int, int] | None = None

    def windows(self, at: datetime) -> tuple[int, int]:
        """Click and view window in days for an action at that instant."""
        if self.rewindowed is not None and at >= self.rewindowed[0]:
            return self.rewindowed[1:]
        return self.click_window, self.view_window


@dataclass(frozen=True, slots=True)
class Campaign:
    """Google and Meta: campaign; LinkedIn: campaign group. Prices are euros."""

    id: str
    name: str
    kind: str
    channel: Channel
    groups: tuple[AdGroup, ...]
    landing: str = "demo"
    reach_per_day: float = 400.0
    click_rate: float = 0.01
    cost_per_click: Decimal = Decimal("1.90")
    cost_per_mille: Decimal = Decimal("0")
    starts: datetime = ADS_START
    ends: datetime = HORIZON
    status: str = "ACTIVE"


@dataclass(frozen=True, slots=True)
class Rule:
    """A conversion a network counts: which site event triggers it, and the network's own settings of it."""

    id: str
    name: str
    trigger: str
    category: str
    counting: str = "MANY_PER_CLICK"
    model: str = "GOOGLE_ADS_LAST_CLICK"
    click_window: int = 30
    view_window: int = 1
    in_headline: bool = True
    attribution: str = "LAST_TOUCH_BY_CAMPAIGN"
    campaigns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Account:
    """One ad account. `rules`: its conversion actions (Google), pixel events (Meta) or rules (LinkedIn)."""

    network: Network
    id: str
    name: str
    currency: str
    time_zone: str
    campaigns: tuple[Campaign, ...]
    rules: tuple[Rule, ...]
    manager_id: str = ""
    manager: bool = False
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Placement:
    """An ad as people meet it. Performance Max names no group and no ad."""

    account: Account
    campaign: Campaign
    group: AdGroup | None
    ad: Ad | None

    @property
    def key(self) -> tuple[str, str, str, str]:
        """(network, campaign id, group id or '', ad id or '')."""
        return (
            self.account.network,
            self.campaign.id,
            self.group.id if self.group else "",
            self.ad.id if self.ad else "",
        )

    @property
    def network(self) -> Network:
        """The network that shows it."""
        return self.account.network

    @property
    def landing(self) -> str:
        """Key of the page it leads to."""
        return self.ad.landing if self.ad else self.campaign.landing

    @property
    def lead_form(self) -> LeadForm | None:
        """The network's lead form it opens instead of a page."""
        return self.ad.lead_form if self.ad else None

    def runs(self, at: datetime) -> bool:
        """Whether it is shown at that instant."""
        deleted = self.ad.deleted_at if self.ad else None
        return self.campaign.starts <= at < self.campaign.ends and (deleted is None or at < deleted)


@dataclass(frozen=True, slots=True)
class Company:
    """Everything that is set up before anyone comes."""

    portal_id: int
    portal_time_zone: str
    home_currency: str
    forms: tuple[Form, ...]
    pages: dict[str, Page]
    accounts: dict[Network, Account]
    placements: tuple[Placement, ...] = field(default=())

    def form(self, key: str) -> Form:
        """The form with that key."""
        return next(form for form in self.forms if form.key == key)


def placements_of(account: Account) -> Iterator[Placement]:
    """Every ad of the account; a campaign without ad groups stands for itself."""
    for campaign in account.campaigns:
        if not campaign.groups:
            yield Placement(account, campaign, None, None)
        for group in campaign.groups:
            for ad in group.ads:
                yield Placement(account, campaign, group, ad)


def _pages() -> dict[str, Page]:
    pages = [
        Page("home", "71000001", f"{SITE}/", "Nordlicht CRM"),
        Page("product", "71000002", f"{SITE}/product", "The product"),
        Page("pricing", "71000003", f"{SITE}/pricing", "Pricing"),
        Page("blog-pipeline", "71000004", f"{SITE}/blog/pipeline-hygiene", "Pipeline hygiene"),
        Page("blog-consent", "71000005", f"{SITE}/blog/consent-in-practice", "Consent in practice"),
        Page("blog-forecast", "71000006", f"{SITE}/blog/forecasting", "Forecasting", form="comment"),
        Page("demo", "71000010", f"{SITE}/demo", "Request a demo", form="demo"),
        Page("contact", "71000011", f"{SITE}/contact", "Contact us", form="contact"),
        Page("guide", "71000012", f"{SITE}/guide", "The buyer's guide", form="guide"),
        Page("webinar", "71000013", f"{SITE}/webinar", "Autumn webinar", form="webinar"),
        Page("newsletter", "71000014", f"{SITE}/newsletter", "Newsletter", form="newsletter"),
        Page("kit", "71000020", f"{SHOP}/starter-kit", "Starter kit"),
        Page("thanks", "71000021", f"{SHOP}/checkout/thank-you", "Thank you for your order"),
        Page("signup", "71000030", f"{APP}/signup", "Start your trial", hubspot_code=False),
    ]
    return {page.key: page for page in pages}


def _forms() -> tuple[Form, ...]:
    def on(year: int, month: int, day: int) -> datetime:
        return datetime(year, month, day, 9, 30, tzinfo=UTC)

    return (
        Form("demo", "Demo request", "hubspot", on(2025, 3, 3)),
        Form("contact", "Contact us", "hubspot", on(2025, 3, 4)),
        Form("guide", "Buyer's guide", "hubspot", on(2025, 6, 11)),
        Form("webinar", "Webinar registration", "captured", on(2026, 5, 20)),
        Form("newsletter", "Newsletter pop-up", "flow", on(2025, 4, 1)),
        Form("comment", "Blog comment", "blog_comment", on(2025, 4, 2)),
        Form("call-back", "Call-back request", "hubspot", on(2025, 3, 5), archived_at=on(2026, 2, 1)),
    )


def _google(currency: str) -> Account:
    def ads(first: int, names: tuple[str, ...], landing: str, *, tracked: bool = True) -> tuple[Ad, ...]:
        return tuple(
            Ad(str(first + 17 * i), name, landing, auto_tracked=tracked) for i, name in enumerate(names)
        )

    campaigns = (
        Campaign(
            "20890417001",
            "Brand Search",
            "SEARCH",
            Channel.SEARCH,
            (
                AdGroup(
                    "148210330101",
                    "Brand",
                    ads(690210440101, ("Brand A", "Brand B"), "home"),
                    "nordlicht crm",
                ),
                AdGroup(
                    "148210330102",
                    "Brand demo",
                    ads(690210440201, ("Demo A", "Demo B"), "demo"),
                    "nordlicht demo",
                ),
            ),
            reach_per_day=90,
            click_rate=0.09,
            cost_per_click=Decimal("0.637411"),
        ),
        Campaign(
            "20890417002",
            "CRM Search EU",
            "SEARCH",
            Channel.SEARCH,
            (
                AdGroup(
                    "148210330201",
                    "CRM software",
                    ads(690210440301, ("Software A", "Software B"), "product"),
                    "crm software",
                ),
                AdGroup(
                    "148210330202",
                    "Sales pipeline",
                    ads(690210440401, ("Pipeline A", "Pipeline B"), "guide"),
                    "sales pipeline tool",
                ),
                AdGroup(
                    "148210330203",
                    "CRM demo",
                    ads(690210440501, ("CRM demo A", "CRM demo B"), "demo"),
                    "crm demo",
                ),
            ),
            reach_per_day=160,
            click_rate=0.04,
            cost_per_click=Decimal("2.318250"),
        ),
        Campaign(
            "20890417003",
            "Competitor Search",
            "SEARCH",
            Channel.SEARCH,
            (
                AdGroup(
                    "148210330301", "Alternatives", ads(690210440601, ("Alternative",), "contact"), "crm vs"
                ),
            ),
            reach_per_day=60,
            click_rate=0.03,
            cost_per_click=Decimal("3.104500"),
            ends=datetime(2026, 9, 18, 10, tzinfo=UTC),
            status="REMOVED",
        ),
        Campaign(
            "20890417004",
            "Display Remarketing",
            "DISPLAY",
            Channel.DISPLAY,
            (
                AdGroup(
                    "148210330401", "Visitors", ads(690210440701, ("Banner square", "Banner wide"), "demo")
                ),
            ),
            reach_per_day=900,
            click_rate=0.003,
            cost_per_click=Decimal("0.402118"),
        ),
        Campaign(
            "20890417005",
            "PMax Starter Kit",
            "PERFORMANCE_MAX",
            Channel.DISPLAY,
            (),
            landing="kit",
            reach_per_day=1500,
            click_rate=0.006,
            cost_per_click=Decimal("0.781943"),
        ),
        Campaign(
            "20890417006",
            "Video Awareness",
            "VIDEO",
            Channel.VIDEO,
            (
                AdGroup(
                    "148210330601",
                    "In-stream",
                    ads(690210440801, ("Founder story", "Product tour"), "product", tracked=False),
                ),
            ),
            reach_per_day=1100,
            click_rate=0.001,
            cost_per_click=Decimal("0.209377"),
            cost_per_mille=Decimal("4.10"),
        ),
    )
    dda = "GOOGLE_SEARCH_ATTRIBUTION_DATA_DRIVEN"
    rules = (
        Rule("8810000101", "Demo request", "form:demo", "SUBMIT_LEAD_FORM", "ONE_PER_CLICK", dda),
        Rule("8810000102", "Contact request", "form:contact", "CONTACT"),
        Rule("8810000103", "Buyer's guide", "form:guide", "SUBMIT_LEAD_FORM", "MANY_PER_CLICK", dda),
        Rule("8810000104", "Webinar registration", "form:webinar", "SUBMIT_LEAD_FORM", "ONE_PER_CLICK"),
        Rule("8810000105", "Newsletter", "form:newsletter", "SIGNUP", "ONE_PER_CLICK", in_headline=False),
        Rule("8810000106", "Trial sign-up", "trial", "SIGNUP", "ONE_PER_CLICK", dda),
        Rule("8810000107", "Purchase", "purchase", "PURCHASE", "MANY_PER_CLICK", dda, click_window=60),
        Rule("8810000108", "Pricing page", "page:pricing", "PAGE_VIEW", "ONE_PER_CLICK", click_window=7),
    )
    return Account(
        Network.GOOGLE,
        "4471290863",
        "Nordlicht Search",
        currency,
        "America/New_York",
        campaigns,
        rules,
        manager_id="9903317745",
    )


def _facebook(currency: str) -> Account:
    base = 120214501730400000

    def ads(first: int, *names: tuple[str, str], form: LeadForm | None = None) -> tuple[Ad, ...]:
        return tuple(
            Ad(str(base + first + i), name, landing, lead_form=form)
            for i, (name, landing) in enumerate(names)
        )

    guide_form = LeadForm("1180450091223", "Guide instant form")
    demo_form = LeadForm("1180450091388", "Demo instant form")
    webinar = ads(
        3101, ("Webinar still", "webinar"), ("Webinar clip", "webinar"), ("Webinar story", "webinar")
    )
    webinar = (webinar[0], webinar[1], replace(webinar[2], deleted_at=datetime(2026, 10, 2, 14, tzinfo=UTC)))
    # this ad overrides its own URL parameters, so HubSpot's never reach the landing page
    kit = ads(3401, ("Kit carousel", "kit"), ("Kit video", "kit"))
    kit = (kit[0], replace(kit[1], auto_tracked=False))
    campaigns = (
        Campaign(
            str(base + 101),
            "Leads DE",
            "OUTCOME_LEADS",
            Channel.FEED,
            (
                AdGroup(
                    str(base + 201),
                    "Lookalike",
                    ads(301, ("Demo still", "demo"), ("Demo clip", "demo")),
                    rewindowed=(datetime(2026, 11, 9, 9, tzinfo=UTC), 1, 0),
                ),
                AdGroup(
                    str(base + 202),
                    "Interest CRM",
                    ads(311, ("Guide still", "guide"), ("Guide clip", "guide")),
                    view_window=0,
                ),
            ),
            reach_per_day=500,
            click_rate=0.011,
            cost_per_click=Decimal("1.12"),
        ),
        Campaign(
            str(base + 1101),
            "Retargeting",
            "OUTCOME_SALES",
            Channel.FEED,
            (
                AdGroup(
                    str(base + 1201),
                    "Visitors 30d",
                    ads(1301, ("Demo nudge", "demo"), ("Contact", "contact")),
                ),
                AdGroup(str(base + 1202), "Kit viewers", kit),
            ),
            reach_per_day=350,
            click_rate=0.014,
            cost_per_click=Decimal("0.84"),
        ),
        Campaign(
            str(base + 2101),
            "Instant forms",
            "OUTCOME_LEADS",
            Channel.FEED,
            (
                AdGroup(
                    str(base + 2201),
                    "Guide leads",
                    ads(2301, ("Guide lead A", "guide"), ("Guide lead B", "guide"), form=guide_form),
                ),
                AdGroup(
                    str(base + 2202),
                    "Demo leads",
                    ads(2311, ("Demo lead A", "demo"), ("Demo lead B", "demo"), form=demo_form),
                ),
            ),
            reach_per_day=420,
            click_rate=0.008,
            cost_per_click=Decimal("2.35"),
        ),
        Campaign(
            str(base + 3001),
            "Webinar autumn",
            "OUTCOME_ENGAGEMENT",
            Channel.FEED,
            (AdGroup(str(base + 3051), "Broad", webinar, click_window=1),),
            reach_per_day=450,
            click_rate=0.012,
            cost_per_click=Decimal("0.97"),
            ends=datetime(2026, 10, 21, 18, tzinfo=UTC),
            status="ARCHIVED",
        ),
    )
    rules = (
        Rule("lead-demo", "Lead", "form:demo", "lead"),
        Rule("lead-contact", "Lead", "form:contact", "lead"),
        Rule("lead-guide", "Lead", "form:guide", "lead"),
        Rule("registration-webinar", "CompleteRegistration", "form:webinar", "complete_registration"),
        Rule("registration-trial", "CompleteRegistration", "trial", "complete_registration"),
        Rule("purchase", "Purchase", "purchase", "purchase"),
        Rule("content", "ViewContent", "page:pricing", "view_content"),
    )
    return Account(
        Network.FACEBOOK,
        "381905527714206",
        "Nordlicht Social",
        currency,
        "Europe/Berlin",
        campaigns,
        rules,
    )


def _linkedin(currency: str) -> Account:
    def ads(
        first: int, *names: tuple[str, str], form: LeadForm | None = None, text: bool = False
    ) -> tuple[Ad, ...]:
        return tuple(
            Ad(str(first + 3 * i), name, landing, lead_form=form, text_ad=text)
            for i, (name, landing) in enumerate(names)
        )

    brochure = LeadForm("9912040", "Guide lead gen form")
    callback = LeadForm("9912077", "Call-back lead gen form")
    campaigns = (
        Campaign(
            "652100801",
            "Demand DACH",
            "SPONSORED_UPDATES",
            Channel.FEED,
            (
                AdGroup("318200411", "Sales leaders", ads(412900101, ("Still", "demo"), ("Clip", "demo"))),
                AdGroup(
                    "318200412",
                    "Founders",
                    ads(412900201, ("Still", "contact"), ("Clip", "product"), text=True),
                ),
            ),
            reach_per_day=260,
            click_rate=0.007,
            cost_per_click=Decimal("6.4137"),
        ),
        Campaign(
            "652100802",
            "Thought leadership",
            "SPONSORED_UPDATES",
            Channel.FEED,
            (
                AdGroup(
                    "318200421", "RevOps readers", ads(412900301, ("Guide", "guide"), ("Quote", "guide"))
                ),
                AdGroup(
                    "318200422", "Webinar", ads(412900401, ("Invitation", "webinar"), ("Host", "webinar"))
                ),
            ),
            reach_per_day=240,
            click_rate=0.006,
            cost_per_click=Decimal("5.2206"),
        ),
        Campaign(
            "652100803",
            "Lead gen forms",
            "SPONSORED_UPDATES",
            Channel.FEED,
            (
                AdGroup(
                    "318200431",
                    "Guide leads",
                    ads(412900501, ("Guide A", "guide"), ("Guide B", "guide"), form=brochure),
                ),
                AdGroup(
                    "318200432",
                    "Call-back leads",
                    ads(412900601, ("Call A", "contact"), ("Call B", "contact"), form=callback),
                ),
            ),
            reach_per_day=220,
            click_rate=0.006,
            cost_per_click=Decimal("7.9012"),
        ),
    )
    every = tuple(group.id for campaign in campaigns for group in campaign.groups)
    rules = (
        Rule("10440101", "Demo request", "form:demo", "LEAD", view_window=7, campaigns=every),
        Rule("10440102", "Contact request", "form:contact", "LEAD", view_window=7, campaigns=every),
        # not attached to the webinar campaign
        Rule("10440103", "Buyer's guide", "form:guide", "DOWNLOAD", view_window=7, campaigns=every[:3]),
        Rule("10440104", "Webinar registration", "form:webinar", "SIGN_UP", view_window=7, campaigns=every),
        Rule(
            "10440105",
            "Purchase",
            "purchase",
            "PURCHASE",
            view_window=7,
            attribution="LAST_TOUCH_BY_CONVERSION",
            campaigns=every,
        ),
        Rule("10440106", "Trial sign-up", "trial", "SIGN_UP", view_window=7, campaigns=every),
        Rule("10440107", "Pricing page", "page:pricing", "KEY_PAGE_VIEW", view_window=7, campaigns=every),
    )
    return Account(Network.LINKEDIN, "508912347", "Nordlicht B2B", currency, "UTC", campaigns, rules)


def build_company(currencies: dict[str, str] | None = None) -> Company:
    """The company, with other account currencies where `currencies` names them by network.

    Raises:
        ValueError: a network or currency nobody knows.
    """
    chosen = dict.fromkeys(Network, "EUR")
    for name, currency in (currencies or {}).items():
        if name not in set(Network) or currency not in PER_EURO:
            raise ValueError(
                f"--currency {name}={currency}: networks {list(map(str, Network))}, {list(PER_EURO)}"
            )
        chosen[Network(name)] = currency
    accounts = {
        Network.GOOGLE: _google(chosen[Network.GOOGLE]),
        Network.FACEBOOK: _facebook(chosen[Network.FACEBOOK]),
        Network.LINKEDIN: _linkedin(chosen[Network.LINKEDIN]),
    }
    return Company(
        portal_id=24817530,
        portal_time_zone="Europe/Berlin",
        home_currency="EUR",
        forms=_forms(),
        pages=_pages(),
        accounts=accounts,
        placements=tuple(p for account in accounts.values() for p in placements_of(account)),
    )
