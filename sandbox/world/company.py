"""The simulated company: its site, forms, ad accounts and campaigns. Settings only, nobody's behaviour."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
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
#: The company's address for campaigns: redirects, and pages that misbehave.
CAMPAIGNS = "https://go.nordlicht.example"
#: A microsite an agency built, without HubSpot's tracking code.
PROMO = "https://promo.nordlicht.example"

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
    #: False: the site's server sends it through the Forms API, without cookie and page URL.
    context: bool = True

    @property
    def guid(self) -> str:
        """HubSpot's id of the form."""
        return guid("form", self.key)


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the site; `hubspot_code`: whether HubSpot's tracking code is installed on it."""

    key: str
    page_id: str
    url: str
    title: str
    form: str | None = None
    hubspot_code: bool = True


@dataclass(frozen=True, slots=True)
class LeadForm:
    """A network's own lead form, shown inside the network. `unsynced`: when its leads missed HubSpot."""

    id: str
    name: str
    unsynced: tuple[tuple[datetime, datetime], ...] = ()

    @property
    def guid(self) -> str:
        """The id HubSpot gives the form when its leads are synced."""
        return guid("lead-form", self.id)

    def syncs(self, at: datetime) -> bool:
        """Whether a lead sent at that instant reaches HubSpot."""
        return not any(start <= at < end for start, end in self.unsynced)


@dataclass(frozen=True, slots=True)
class Ad:
    """One ad: a page to lead to, or a lead form. Google: ad; Meta: ad; LinkedIn: creative.

    `redirect`: its final URL is that address of the campaign host, which drops every tracking parameter.
    `own_template`: the advertiser's own tracking template, which overrides HubSpot's, stands on that level
    (`ad`, `ad_group`; empty: none). `stale_query`: parameters that its final URL already holds.
    """

    id: str
    name: str
    landing: str
    lead_form: LeadForm | None = None
    auto_tracked: bool = True
    deleted_at: datetime | None = None
    text_ad: bool = False
    paused_at: datetime | None = None
    renamed: tuple[datetime, str] | None = None
    redirect: str = ""
    own_template: str = ""
    stale_query: str = ""

    def name_at(self, at: datetime) -> str:
        """Its name at that instant."""
        return self.renamed[1] if self.renamed is not None and at >= self.renamed[0] else self.name


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
    renamed: tuple[datetime, str] | None = None

    def name_at(self, at: datetime) -> str:
        """Its name at that instant."""
        return self.renamed[1] if self.renamed is not None and at >= self.renamed[0] else self.name


@dataclass(frozen=True, slots=True)
class Rule:
    """A conversion a network counts: which event triggers it, and the network's own settings of it.

    `uploaded`: no browser reports it; HubSpot's conversion sync uploads it by click id.
    """

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
    uploaded: bool = False


@dataclass(frozen=True, slots=True)
class Account:
    """One ad account. `rules`: its conversion actions (Google), pixel events (Meta) or rules (LinkedIn).

    `tracked_from`: the instant HubSpot's auto-tracking was switched on; clicks before carry none of it.
    """

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
    tracked_from: datetime | None = None


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

    @property
    def final_path(self) -> str:
        """The address on the campaign host it leads through; empty where it leads straight to its page."""
        return self.ad.redirect if self.ad else ""

    @property
    def run(self) -> tuple[datetime, datetime]:
        """From when until when it is shown."""
        ended = [end for end in (self.ad.deleted_at, self.ad.paused_at) if end] if self.ad else []
        return self.campaign.starts, min([self.campaign.ends, *ended])

    def tracks(self, at: datetime) -> bool:
        """Whether HubSpot's auto-tracking parameters stand on it at that instant."""
        since, ad = self.account.tracked_from, self.ad
        by_hubspot = ad is None or (ad.auto_tracked and not ad.own_template)
        return by_hubspot and (since is None or at >= since)


@dataclass(frozen=True, slots=True)
class Company:
    """Everything that is set up before anyone comes."""

    portal_id: int
    portal_time_zone: str
    company_currency: str
    forms: tuple[Form, ...]
    pages: dict[str, Page]
    accounts: dict[Network, tuple[Account, ...]]
    placements: tuple[Placement, ...] = field(default=())
    #: The portal has a rate of the dollar for every day; deals in dollars come without HubSpot's own amount.
    daily_rates: bool = False

    def form(self, key: str) -> Form:
        """The form with that key."""
        return next(form for form in self.forms if form.key == key)

    def final_url(self, placement: Placement) -> str:
        """Where an ad leads, without parameters."""
        if placement.final_path:
            return f"{CAMPAIGNS}/{placement.final_path}"
        return self.pages[placement.landing].url


def placements_of(account: Account) -> Iterator[Placement]:
    """Every ad of the account; a campaign without ad groups stands for itself."""
    for campaign in account.campaigns:
        if not campaign.groups:
            yield Placement(account, campaign, None, None)
        for group in campaign.groups:
            for ad in group.ads:
                yield Placement(account, campaign, group, ad)
