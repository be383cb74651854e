"""The company's first ad account on each network, with campaigns, ads and what they count."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from sandbox.world.company import Account, Ad, AdGroup, Campaign, Channel, LeadForm, Network, Rule


def google(currency: str) -> Account:
    """The company's Google account."""

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


def facebook(currency: str) -> Account:
    """The company's Facebook account."""
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


def linkedin(currency: str) -> Account:
    """The company's LinkedIn account."""

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
        Rule("10440103", "Buyer's guide", "form:guide", "LEAD", view_window=7, campaigns=every[:3]),
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
