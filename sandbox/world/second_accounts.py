"""A second account on each network, in another currency and time zone, grown rather than planned.

Auto-tracking came late, campaigns were renamed, ads paused; some lead to pages without tracking code, through
redirects that drop parameters, to forms HubSpot gets without context; some types HubSpot cannot track.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from sandbox.world.company import (
    ADS_START,
    HORIZON,
    Account,
    Ad,
    AdGroup,
    Campaign,
    Channel,
    LeadForm,
    Network,
    Rule,
)

#: Ad groups of the Demand Gen campaign that only some profiles have.
FURTHER_GROUPS = ("158210330302", "158210330303")


def _on(month: int, day: int, hour: int = 9) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def google() -> Account:
    """Pounds, London; below the same manager."""
    search = Campaign(
        "21770518001",
        "UK Search",
        "SEARCH",
        Channel.SEARCH,
        (
            AdGroup(
                "158210330101",
                "CRM UK",
                (
                    Ad("700210440101", "CRM UK A", "demo"),
                    Ad("700210440118", "CRM UK B", "contact", paused_at=_on(9, 25)),
                ),
                "crm uk",
            ),
            AdGroup(
                "158210330102",
                "Offer UK",
                (Ad("700210440201", "Spring offer", "offer", renamed=(_on(8, 20), "Summer offer")),),
                "crm offer",
            ),
        ),
        reach_per_day=80,
        click_rate=0.05,
        cost_per_click=Decimal("1.874210"),
        renamed=(_on(9, 15), "UK Search (exact)"),
    )
    smart = Campaign(
        "21770518002",
        "Smart UK",
        "SMART",
        Channel.SEARCH,
        (),
        landing="contact",
        reach_per_day=70,
        click_rate=0.03,
        cost_per_click=Decimal("1.211904"),
    )
    discovery = Campaign(
        "21770518003",
        "Demand Gen UK",
        "DEMAND_GEN",
        Channel.DISPLAY,
        (
            # HubSpot tracks these unless a template of the ad or the ad group overrides its own
            # (https://knowledge.hubspot.com/ads/ad-tracking-in-hubspot)
            AdGroup(
                "158210330301",
                "In-market",
                (Ad("700210440301", "Guide card", "guide", own_template="ad"),),
            ),
            AdGroup(
                "158210330302",
                "Lookalike",
                (Ad("700210440335", "Contact card", "contact", own_template="ad_group"),),
            ),
            AdGroup("158210330303", "Customers", (Ad("700210440352", "Demo card", "demo"),)),
        ),
        reach_per_day=420,
        click_rate=0.008,
        cost_per_click=Decimal("0.553100"),
    )
    roadshow = Campaign(
        "21770518004",
        "Roadshow UK",
        "SEARCH",
        Channel.SEARCH,
        (AdGroup("158210330401", "Roadshow", (Ad("700210440401", "Roadshow", "roadshow"),), "crm roadshow"),),
        reach_per_day=50,
        click_rate=0.04,
        cost_per_click=Decimal("1.020405"),
    )
    rules = (
        Rule("8830000101", "Demo UK", "form:demo", "SUBMIT_LEAD_FORM", "ONE_PER_CLICK"),
        Rule("8830000102", "Contact UK", "form:contact", "CONTACT", "ONE_PER_CLICK"),
        Rule("8830000103", "Guide UK", "form:guide", "SUBMIT_LEAD_FORM"),
        Rule("8830000104", "Offer UK", "form:offer", "SUBMIT_LEAD_FORM"),
        Rule("8830000105", "Roadshow UK", "form:roadshow", "SUBMIT_LEAD_FORM", "ONE_PER_CLICK"),
        Rule("8830000106", "Purchase UK", "purchase", "PURCHASE"),
        Rule(
            "8830000107",
            "HubSpot opportunity",
            "deal:opened",
            "CONVERTED_LEAD",
            "ONE_PER_CLICK",
            click_window=90,
            uploaded=True,
        ),
    )
    return Account(
        Network.GOOGLE,
        "6120037584",
        "Nordlicht UK Search",
        "GBP",
        "Europe/London",
        (search, smart, discovery, roadshow),
        rules,
        manager_id="9903317745",
        tracked_from=_on(9, 1),
    )


def facebook() -> Account:
    """Dollars, Los Angeles."""
    base = 120216601730400000
    us_form = LeadForm("1190450094417", "US guide instant form", ((_on(9, 10), _on(10, 12)),))
    campaigns = (
        Campaign(
            str(base + 101),
            "Prospecting US",
            "OUTCOME_LEADS",
            Channel.FEED,
            (
                AdGroup(
                    str(base + 201),
                    "Broad US",
                    (
                        Ad(str(base + 301), "US still", "demo", renamed=(_on(9, 5), "US still (v2)")),
                        Ad(str(base + 302), "US link", "guide", redirect="short"),
                        Ad(str(base + 303), "US clip", "contact", paused_at=_on(9, 28)),
                    ),
                ),
            ),
            reach_per_day=240,
            click_rate=0.012,
            cost_per_click=Decimal("1.31"),
        ),
        Campaign(
            str(base + 1101),
            "Lead ads US",
            "OUTCOME_LEADS",
            Channel.FEED,
            (
                AdGroup(
                    str(base + 1201),
                    "US leads",
                    (Ad(str(base + 1301), "US lead", "guide", lead_form=us_form),),
                ),
            ),
            reach_per_day=160,
            click_rate=0.009,
            cost_per_click=Decimal("2.02"),
        ),
    )
    rules = (
        Rule("lead-demo", "Lead", "form:demo", "lead"),
        Rule("lead-contact", "Lead", "form:contact", "lead"),
        Rule("lead-guide", "Lead", "form:guide", "lead"),
        Rule("purchase", "Purchase", "purchase", "purchase"),
    )
    return Account(
        Network.FACEBOOK,
        "381905527715310",
        "Nordlicht US Social",
        "USD",
        "America/Los_Angeles",
        campaigns,
        rules,
    )


def linkedin() -> Account:
    """Dollars; auto-tracking came in autumn, lead syncing never."""
    lost = LeadForm("9913051", "US brochure form", ((ADS_START, HORIZON),))
    campaigns = (
        Campaign(
            "654100801",
            "Demand US",
            "SPONSORED_UPDATES",
            Channel.FEED,
            (
                AdGroup(
                    "320200411",
                    "US leaders",
                    (Ad("414900101", "Still", "demo"), Ad("414900104", "Offer", "offer")),
                ),
            ),
            reach_per_day=140,
            click_rate=0.007,
            cost_per_click=Decimal("7.0215"),
        ),
        Campaign(
            "654100802",
            "Lead gen US",
            "SPONSORED_UPDATES",
            Channel.FEED,
            (AdGroup("320200421", "US leads", (Ad("414900201", "Brochure", "guide", lead_form=lost),)),),
            reach_per_day=110,
            click_rate=0.006,
            cost_per_click=Decimal("8.1090"),
        ),
    )
    every = tuple(group.id for campaign in campaigns for group in campaign.groups)
    rules = (
        Rule("10450101", "Demo US", "form:demo", "LEAD", view_window=7, campaigns=every),
        Rule("10450102", "Contact US", "form:contact", "LEAD", view_window=7, campaigns=every),
        Rule("10450103", "Offer US", "form:offer", "SIGN_UP", view_window=7, campaigns=every),
        Rule("10450104", "Purchase US", "purchase", "PURCHASE", view_window=7, campaigns=every),
        # sent by the CRM through the Conversions API, not by a browser
        Rule(
            "10450105",
            "Opportunity US",
            "deal:opened",
            "QUALIFIED_LEAD",
            click_window=90,
            view_window=7,
            campaigns=every,
            uploaded=True,
        ),
    )
    return Account(
        Network.LINKEDIN,
        "508913077",
        "Nordlicht B2B US",
        "USD",
        "UTC",
        campaigns,
        rules,
        tracked_from=_on(10, 1),
    )
