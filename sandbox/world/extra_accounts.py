"""Ad accounts the company has besides the ones its people meet: crowds see their ads, nobody converts.

Served only where a switch asks for them, so that they change no figure of the company's own accounts.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from sandbox.world.company import (
    Account,
    Ad,
    AdGroup,
    Campaign,
    Channel,
    Company,
    Network,
    Placement,
    Rule,
    placements_of,
)
from sandbox.world.crowd import Delivery

SUB_MANAGER = "8800112233"
_ENDED = datetime(2026, 9, 30, tzinfo=UTC)


def _google(company: Company) -> tuple[Account, ...]:
    own = company.accounts[Network.GOOGLE][0]
    ads = (Ad("690310550101", "UK A", "home"), Ad("690310550102", "UK B", "demo", deleted_at=_ENDED))
    campaign = Campaign(
        "20991528001",
        "Brand Search UK",
        "SEARCH",
        Channel.SEARCH,
        (AdGroup("148310441101", "Brand UK", ads, "nordlicht uk"),),
        reach_per_day=70,
        click_rate=0.08,
        cost_per_click=Decimal("0.712034"),
    )
    rule = Rule("8820000101", "Demo request UK", "form:demo", "SUBMIT_LEAD_FORM", "ONE_PER_CLICK")
    network = Network.GOOGLE
    return (
        Account(
            network,
            SUB_MANAGER,
            "Nordlicht International",
            "EUR",
            "Europe/Berlin",
            (),
            (),
            own.manager_id,
            manager=True,
        ),
        Account(
            network, "5560471902", "Nordlicht UK", "GBP", "Europe/London", (campaign,), (rule,), SUB_MANAGER
        ),
        Account(
            network,
            "3317720045",
            "Nordlicht Alt",
            "EUR",
            "Europe/Berlin",
            (),
            (),
            own.manager_id,
            closed=True,
        ),
    )


def _facebook() -> tuple[Account, ...]:
    base = 120314501730400000
    ads = (Ad(str(base + 301), "US still", "demo"), Ad(str(base + 302), "US clip", "home", deleted_at=_ENDED))
    campaign = Campaign(
        str(base + 101),
        "Leads US",
        "OUTCOME_LEADS",
        Channel.FEED,
        (AdGroup(str(base + 201), "Broad US", ads),),
        reach_per_day=240,
        cost_per_click=Decimal("1.31"),
    )
    network, zone = Network.FACEBOOK, "America/Los_Angeles"
    return (
        Account(network, "381905527714999", "Nordlicht US", "USD", zone, (campaign,), ()),
        Account(network, "381905527710001", "Nordlicht Alt", "EUR", "Europe/Berlin", (), (), closed=True),
    )


def _linkedin() -> tuple[Account, ...]:
    ads = (Ad("413900101", "UK still", "demo"), Ad("413900104", "UK guide", "guide"))
    campaign = Campaign(
        "653100801",
        "Demand UK",
        "SPONSORED_UPDATES",
        Channel.FEED,
        (AdGroup("319200411", "UK leaders", ads),),
        reach_per_day=130,
        cost_per_click=Decimal("7.0215"),
    )
    return (Account(Network.LINKEDIN, "508912999", "Nordlicht B2B UK", "GBP", "UTC", (campaign,), ()),)


class ExtraAccounts:
    """The other accounts per network and what their ads delivered."""

    def __init__(self, company: Company, seed: int) -> None:
        self.accounts: dict[Network, tuple[Account, ...]] = {
            Network.GOOGLE: _google(company),
            Network.FACEBOOK: _facebook(),
            Network.LINKEDIN: _linkedin(),
        }
        self.placements: tuple[Placement, ...] = tuple(
            placement
            for accounts in self.accounts.values()
            for account in accounts
            for placement in placements_of(account)
        )
        self.delivery = Delivery(replace(company, placements=self.placements), [], seed + 1)
