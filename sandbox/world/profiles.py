"""How tidy the world is: shares of people, browsers and settings that stand between an ad and its credit."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Profile:
    """Shares are of 1, per person, browser or occasion. The defaults: the small company, one account each.

    `declined`: cookie banners answered with no to both, to analytics alone, to marketing alone.
    `blocked`: browsers that block HubSpot and the networks, HubSpot alone, the networks alone.
    """

    name: str = "plain"
    #: two accounts a network, in other currencies and time zones, with the oddities of grown accounts
    several_accounts: bool = False
    #: ads without auto-tracking, pages without tracking code, forms without context, lapsed lead syncing
    oddities: bool = True
    #: Google's data-driven models, which give fractions
    data_driven: bool = True
    declined: tuple[float, float, float] = (0.06, 0.06, 0.06)
    blocked: tuple[float, float, float] = (0.04, 0.03, 0.03)
    safari: float = 0.15
    second_device: float = 0.35
    shared_device: float = 0.0
    second_email: float = 0.0
    #: of the people with two contacts in HubSpot
    merged: float = 0.0
    internal: float = 0.008
    imported: float = 0.10
    longtime: float = 0.10
    archived: float = 0.015
    erased: float = 0.0
    idle: float = 0.09
    sent_again: float = 0.07
    organic_leads: int = 0
    test_leads: int = 0
    #: pages whose tracking code was lost, beside the ones that never had it
    pages_without_code: tuple[str, ...] = ()
    #: lead forms whose leads do not reach HubSpot any more, from the middle of the time on
    lapsed_lead_forms: tuple[str, ...] = ()
    #: accounts whose auto-tracking is switched on in the middle of the time only
    late_tracking: tuple[str, ...] = ()
    #: of the forms: sent from a tab that was left open for more than 30 minutes (share: an assumption)
    idle_tab: float = 0.0
    #: of the ad clicks: the person clicks the same ad again on another occasion
    second_click: float = 0.0
    #: Google writes `gad_source`, `gad_campaignid` and its other click ids beside `gclid`
    addresses_of_today: bool = False
    #: of the unpaid visits: through a link that somebody copied from an ad's landing page
    shared_links: float = 0.0
    #: of the unpaid visits: through Microsoft ads whose template was imported from Google Ads
    imported_template: float = 0.0
    #: ads whose address holds an older, unfinished set of HubSpot's parameters before the right one
    stale_parameters: tuple[str, ...] = ()
    #: Demand Gen ads with an advertiser's template on the ad group, and others with HubSpot's
    own_templates: bool = False
    #: LinkedIn rules whose conversions the CRM uploads
    conversions_api: bool = False
    #: of the won deals: closed near midnight
    late_closings: float = 0.0
    #: of the deals: in a currency that the portal has no rate for; such deals are never won
    foreign_deals: float = 0.0


_CLEAN = Profile(
    "clean",
    several_accounts=True,
    oddities=False,
    data_driven=False,
    declined=(0.0, 0.0, 0.0),
    blocked=(0.0, 0.0, 0.0),
    safari=0.0,
    second_device=0.0,
    internal=0.0,
    imported=0.0,
    longtime=0.0,
    archived=0.0,
)
_TYPICAL = Profile(
    "typical",
    several_accounts=True,
    shared_device=0.02,
    second_email=0.04,
    merged=0.5,
    erased=0.004,
    organic_leads=3,
    test_leads=1,
    idle_tab=0.05,
    second_click=0.06,
    addresses_of_today=True,
    shared_links=0.02,
    imported_template=0.02,
    stale_parameters=("120216601730400303",),
    own_templates=True,
    conversions_api=True,
    late_closings=0.15,
    foreign_deals=0.02,
)
_MESSY = Profile(
    "messy",
    several_accounts=True,
    declined=(0.09, 0.09, 0.07),
    blocked=(0.07, 0.05, 0.05),
    safari=0.22,
    second_device=0.45,
    shared_device=0.05,
    second_email=0.09,
    merged=0.6,
    internal=0.015,
    imported=0.16,
    longtime=0.16,
    archived=0.03,
    erased=0.01,
    idle=0.13,
    sent_again=0.12,
    organic_leads=6,
    test_leads=2,
    lapsed_lead_forms=("9912040",),
    idle_tab=0.06,
    second_click=0.08,
    addresses_of_today=True,
    shared_links=0.03,
    imported_template=0.03,
    stale_parameters=("120216601730400303",),
    own_templates=True,
    conversions_api=True,
    late_closings=0.2,
    foreign_deals=0.03,
)
_HOSTILE = Profile(
    "hostile",
    several_accounts=True,
    declined=(0.16, 0.12, 0.08),
    blocked=(0.10, 0.08, 0.07),
    safari=0.35,
    second_device=0.60,
    shared_device=0.10,
    second_email=0.15,
    merged=0.6,
    internal=0.03,
    imported=0.22,
    longtime=0.22,
    archived=0.05,
    erased=0.02,
    idle=0.18,
    sent_again=0.18,
    organic_leads=12,
    test_leads=4,
    pages_without_code=("contact",),
    lapsed_lead_forms=("1180450091223", "9912040"),
    late_tracking=("381905527714206",),
    idle_tab=0.06,
    second_click=0.10,
    addresses_of_today=True,
    shared_links=0.04,
    imported_template=0.04,
    stale_parameters=("120216601730400301", "120216601730400303"),
    own_templates=True,
    conversions_api=True,
    late_closings=0.2,
    foreign_deals=0.04,
)

#: By name; `plain` is the company of one account a network, small enough to be asked whole.
PROFILES = {profile.name: profile for profile in (Profile(), _CLEAN, _TYPICAL, _MESSY, _HOSTILE)}


@dataclass(frozen=True, slots=True)
class Plants:
    """Faults planted into an otherwise equal world, and nothing else of it changed.

    `pages` lose the tracking code, leads of `lead_forms` never reach HubSpot, clicks of `accounts` carry no
    auto-tracking; keys of pages, ids of forms and accounts.
    """

    pages: frozenset[str] = field(default_factory=frozenset)
    lead_forms: frozenset[str] = field(default_factory=frozenset)
    accounts: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def parse(cls, items: list[str]) -> Plants:
        """From `code=demo`, `lead-sync=FORM`, `auto-tracking=ACCOUNT`. Raises ValueError for others."""
        kinds = {"code": "pages", "lead-sync": "lead_forms", "auto-tracking": "accounts"}
        found: dict[str, set[str]] = {name: set() for name in kinds.values()}
        for item in items:
            kind, _, subject = item.partition("=")
            if kind not in kinds or not subject:
                raise ValueError(f"--plant {item}: one of {', '.join(f'{k}=…' for k in kinds)}")
            found[kinds[kind]].add(subject)
        return cls(**{name: frozenset(subjects) for name, subjects in found.items()})
