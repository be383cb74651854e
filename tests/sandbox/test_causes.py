"""Causes that people, addresses and settings of today add: the world has them, and the truth names them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit

import pytest

from sandbox.apis.state import Sandbox
from sandbox.counting import facebook, google, linkedin
from sandbox.counting.hubspot import Portal, exchange_rates, won_amount
from sandbox.counting.hubspot_sources import ad_block
from sandbox.serve import build_sandbox, truth_of
from sandbox.truth import Truth
from sandbox.truth.credits import Known, ad_of
from sandbox.truth.reasons import Reason
from sandbox.truth.units import campaigns_of, linkedin_units
from sandbox.truth.without import without
from sandbox.world.company import Company, Network, Placement
from sandbox.world.journeys import (
    AdClick,
    DealMoved,
    DealOpened,
    Event,
    FormSubmission,
    PageVisit,
)
from sandbox.world.landing import landing_page_url
from sandbox.world.people import Device, Person
from sandbox.world.profiles import PROFILES
from sandbox.world.setup import build_company
from tests.sandboxed import Asked

START = datetime(2026, 10, 6, 9, tzinfo=UTC)
NOW = datetime(2026, 11, 1, 6, tzinfo=UTC)
OPEN = Device("d1", False, True, True, False, False)
DECLINED = replace(OPEN, analytics_consent=False)
TODAY = ("gad_source", "gad_campaignid", "gbraid", "gclid")
GCLID = "Cj0KCQ" + "x" * 50


@pytest.fixture(scope="module")
def company() -> Company:
    return build_company(profile=PROFILES["typical"])


@pytest.fixture(scope="module")
def typical() -> Sandbox:
    return build_sandbox(people=600, profile="typical")


def person(device: Device = OPEN) -> Person:
    email = "ada@kestrel-0001.test"
    return Person(1, "Ada", "Adler", email, 0, (device,), True, True, True, False, "new", 1.0)


def ad(company: Company, name: str, network: Network = Network.GOOGLE) -> Placement:
    return next(p for p in company.placements if p.network is network and p.ad and p.ad.name == name)


def visited(
    company: Company,
    placement: Placement,
    at: datetime,
    click_id: str = GCLID,
    names: tuple[str, ...] = TODAY,
) -> tuple[AdClick, PageVisit]:
    """A click on an ad and the landing page it opened."""
    url = landing_page_url(company, placement, click_id, at, google_ids=names)
    return (
        AdClick(at, 1, "d1", placement, click_id, url),
        PageVisit(at + timedelta(seconds=1), 1, "d1", placement.landing, url, "https://www.google.com/"),
    )


def sent(view: PageVisit, **later: float) -> FormSubmission:
    """The form of a page, sent from it."""
    at = view.at + timedelta(**later)
    return FormSubmission(at, 1, "d1", view.page, view.page, view.url, "ada@kestrel-0001.test")


def truth_after(company: Company, events: list[Event], who: Person | None = None) -> Truth:
    """The truth about one person's events."""
    people = {1: who or person()}
    counted: dict[str, list[object]] = {"google": [], "facebook": [], "linkedin": []}
    for account in company.accounts[Network.GOOGLE]:
        counted["google"] += google.count_conversions(account, people, events)
    for account in company.accounts[Network.FACEBOOK]:
        counted["facebook"] += facebook.count_actions(account, people, events)
    for account in company.accounts[Network.LINKEDIN]:
        counted["linkedin"] += linkedin.count_conversions(account, people, events)
    portal = Portal(company, people, events)
    return Truth(company, people, events, portal, now=NOW, **counted)  # type: ignore[arg-type]


def reasons(truth: Truth) -> list[Reason]:
    return [one.reason for one in truth.one_sided if one.side == "network"]


# -- tabs left open ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("minutes", "code"),
    [(20, None), (31, "session_timeout"), (239, "session_timeout"), (300, "later_session")],
)
def test_a_form_from_a_tab_left_open_timed_out_or_came_later(
    company: Company, minutes: int, code: str | None
) -> None:
    click, view = visited(company, ad(company, "Demo A"), START)
    truth = truth_after(company, [click, view, sent(view, minutes=minutes)])
    assert [one.code for one in reasons(truth)] == ([code] if code else [])
    assert len(truth.credits) == (6 if code is None else 4)


def test_without_parameters_a_tab_left_open_is_a_click_without_auto_tracking(company: Company) -> None:
    click, view = visited(company, ad(company, "Guide card"), START)
    found = reasons(truth_after(company, [click, view, sent(view, minutes=45)]))
    assert [one.code for one in found] == ["auto_tracking_off"]
    assert "session_timeout" in found[0].causes


def test_tabs_are_left_open_in_every_profile_that_is_not_tidy(typical: Sandbox) -> None:
    def left_open(sandbox: Sandbox) -> list[timedelta]:
        seen: dict[int, datetime] = {}
        found = []
        for event in sandbox.world.events:
            if isinstance(event, PageVisit):
                seen[event.person] = event.at
            elif isinstance(event, FormSubmission) and event.person in seen:
                found.append(event.at - seen[event.person])
        return found

    waits = left_open(typical)
    idle = [wait for wait in waits if wait > timedelta(minutes=30)]
    assert 0.02 < len(idle) / len(waits) < 0.09
    assert min(idle) < timedelta(hours=4) < max(idle)
    assert max(left_open(build_sandbox(people=300))) < timedelta(minutes=45)


# -- clicks and their addresses ---------------------------------------------------------------------------


@pytest.mark.parametrize("device", [OPEN, DECLINED])
def test_two_clicks_of_one_ad_carry_two_click_ids(company: Company, device: Device) -> None:
    placement = ad(company, "Demo A")
    first = visited(company, placement, START, GCLID + "1")
    again = visited(company, placement, START + timedelta(days=2), GCLID + "2")
    events: list[Event] = [*first, sent(first[1], minutes=1), *again, sent(again[1], minutes=1)]
    truth = truth_after(company, events, person(device))
    assert len(truth.wholes) == 2
    assert "repeat_submission" in {one.code for one in reasons(truth)}


def test_people_click_one_ad_again(typical: Sandbox) -> None:
    seen: dict[tuple[int, str], set[str]] = {}
    for click in typical.world.of_kind(AdClick):
        seen.setdefault((click.person, click.landing_page_url.partition("?")[0]), set()).add(click.click_id)
    assert sum(len(ids) > 1 for ids in seen.values()) > 10


def test_google_writes_addresses_as_it_does_today(typical: Sandbox) -> None:
    clicks = [c for c in typical.world.of_kind(AdClick) if c.placement.network is Network.GOOGLE]
    names = [[name for name, _ in parse_qsl(urlsplit(c.landing_page_url).query)] for c in clicks]
    assert all("gad_source" in found and "gad_campaignid" in found for found in names)
    both = [found for found in names if "gbraid" in found]
    assert 0.6 < len(both) / len(names) < 0.8
    assert all(found.index("gbraid") < found.index("gclid") for found in both)
    assert any("wbraid" in found and "gclid" not in found for found in names)
    # the tests' company keeps the addresses it had
    plain = build_sandbox(people=150).world.of_kind(AdClick)
    assert not any("gad_" in click.landing_page_url or "braid" in click.landing_page_url for click in plain)


@pytest.mark.parametrize(
    ("change", "campaign"),
    [
        (lambda url: url, "21770518003"),
        # another network's id in front of it or behind it
        (lambda url: url.replace("?", "?msclkid=1&fbclid=2&") + "&fbclid=3", "21770518003"),
        # an id that `click_view` does not list leaves it to `gad_campaignid`
        (lambda url: url.replace(GCLID, "Cj0KCQunknown"), "21770518003"),
        (lambda url: url.replace(f"gclid={GCLID}", "wbraid=1"), "21770518003"),
        # which names nothing where no account has the campaign
        (lambda url: url.replace(GCLID, "x").replace("d=21770518003", "d=1"), "21770518003"),
        (lambda url: "https://www.nordlicht.example/none?gad_campaignid=1&gclid=x", None),
        (lambda url: "https://www.nordlicht.example/?gad_source=1&gad_campaignid=20890417001", "20890417001"),
    ],
    ids=["as it is", "shared", "unknown gclid", "wbraid", "by name", "nothing known", "no click id"],
)
def test_every_id_of_an_address_is_tried(
    company: Company, change: Callable[[str], str], campaign: str | None
) -> None:
    click, view = visited(company, ad(company, "Guide card"), START)
    named = truth_after(company, [click, view]).reasons.campaigns_named(change(view.url))
    assert [key[2] for key in named] == ([campaign] if campaign else [])


def test_people_pass_links_on(typical: Sandbox) -> None:
    shared = [
        view
        for view in typical.world.of_kind(PageVisit)
        if {"gclid", "fbclid"} <= dict(parse_qsl(urlsplit(view.url).query)).keys()
    ]
    assert len(shared) > 3
    assert any(ad_of(view.url) for view in shared)


# -- sets of parameters -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "campaign"),
    [
        ("hsa_acc=1&hsa_cam=&hsa_net=adwords&hsa_acc=2&hsa_cam=9&hsa_net=facebook", ("facebook", "2", "9")),
        (
            "hsa_acc=1&hsa_cam=8&hsa_net=adwords&hsa_acc=2&hsa_cam=9&hsa_net=facebook",
            ("adwords", "1", "8"),
        ),
        ("hsa_acc=1&hsa_net=adwords&hsa_net=facebook&hsa_cam=9", None),
        ("hsa_acc=1&hsa_cam=9", None),
    ],
)
def test_one_complete_set_of_parameters_is_taken_whole(
    query: str, campaign: tuple[str, str, str] | None
) -> None:
    block = ad_block(f"https://www.nordlicht.example/demo?{query}")
    found = tuple(block[name] for name in ("hsa_net", "hsa_acc", "hsa_cam")) if block else None
    assert found == campaign


def test_an_ad_with_stale_parameters_is_credited_whole(company: Company) -> None:
    placement = ad(company, "US clip", Network.FACEBOOK)
    at = START - timedelta(days=30)
    click, view = visited(company, placement, at, "IwY2xjaw")
    assert view.url.count("hsa_acc=") == 2
    truth = truth_after(company, [click, view, sent(view, minutes=1)])
    assert {credited.ad[:3] for credited in truth.credits} == {
        ("facebook_ads", placement.account.id, placement.campaign.id)
    }


def test_an_imported_template_earns_no_google_credit(typical: Sandbox) -> None:
    views = [v for v in typical.world.of_kind(PageVisit) if "hsa_src=o" in v.url]
    assert len(views) > 3
    assert all("msclkid=" in view.url and "hsa_net=adwords" in view.url for view in views)
    truth = truth_of(typical)
    known = campaigns_of(typical.company)
    assert {credited.ad[:3] for credited in truth.credits} <= known
    assert all(truth.reasons.campaigns_named(view.url) == set() for view in views)
    # without the list of campaigns such a contact would be credited
    contacts = [one.contact for one in truth.known.values()]
    assert any(credited.ad[:3] not in known for one in contacts for credited in Known(one, NOW).credits())


# -- settings ---------------------------------------------------------------------------------------------


def test_a_template_of_its_own_is_auto_tracking_off_and_told(typical: Sandbox) -> None:
    asked = Asked(typical)
    client, secret, refresh = typical.credentials.google_client
    given = {"client_id": client, "client_secret": secret, "refresh_token": refresh}
    answer = asked.request("POST", "/google/token", data={**given, "grant_type": "refresh_token"})
    query = (
        "SELECT ad_group_ad.ad.name, ad_group_ad.ad.tracking_url_template,"
        " ad_group.tracking_url_template FROM ad_group_ad WHERE campaign.id = 21770518003"
    )
    answer = asked.request(
        "POST",
        "/google/v26/customers/6120037584/googleAds:searchStream",
        json={"query": query},
        headers={
            "Authorization": f"Bearer {answer.json()['access_token']}",
            "login-customer-id": "9903317745",
        },
    )
    rows = [row for batch in answer.json() for row in batch["results"]]
    templates = {
        row["adGroupAd"]["ad"]["name"]: (
            row["adGroupAd"]["ad"].get("trackingUrlTemplate", ""),
            row["adGroup"].get("trackingUrlTemplate", ""),
        )
        for row in rows
    }
    own, of_group, by_hubspot = (templates[name] for name in ("Guide card", "Contact card", "Demo card"))
    assert "utm_medium=demandgen" in own[0]
    assert "hsa_" not in own[0] + own[1]
    assert of_group[0] == ""
    assert "utm_medium=demandgen" in of_group[1]
    assert "hsa_cam=21770518003" in by_hubspot[0]


@pytest.mark.parametrize(("name", "code"), [("Guide card", "auto_tracking_off"), ("Demo card", None)])
def test_demand_gen_is_tracked_unless_its_template_is_overridden(
    company: Company, name: str, code: str | None
) -> None:
    click, view = visited(company, ad(company, name), START)
    found = reasons(truth_after(company, [click, view, sent(view, minutes=1)]))
    assert [one.code for one in found] == ([code] if code else [])


def test_linkedin_counts_what_the_crm_uploads(company: Company, typical: Sandbox) -> None:
    placement = ad(company, "Offer", Network.LINKEDIN)
    click = AdClick(START, 1, "d1", placement, "li", "")
    deal = DealOpened(
        START + timedelta(days=3),
        1,
        "1",
        (1,),
        "Deal",
        "default",
        "x",
        Decimal(1),
        "EUR",
        NOW,
    )
    # by e-mail address: no browser has to allow it
    who = person(replace(DECLINED, marketing_consent=False, blocks_networks=True))
    account = placement.account
    (counted,) = linkedin_units(linkedin.count_conversions(account, {1: who}, [click, deal]))
    assert (counted.part, counted.action_id) == ("uploaded", "10450105")

    headers = {
        "Authorization": f"Bearer {typical.credentials.linkedin_token}",
        "LinkedIn-Version": "202611",
        "X-Restli-Protocol-Version": "2.0.0",
    }
    methods: dict[str, str | None] = {}
    for start in range(len(account.rules)):
        path = (
            f"/linkedin/rest/conversions?q=account&start={start}&count=1"
            f"&account=urn%3Ali%3AsponsoredAccount%3A{account.id}"
        )
        rows = Asked(typical).request("GET", path, headers=headers).json()["elements"]
        methods |= {row["name"]: row.get("conversionMethod") for row in rows}
    assert methods["Opportunity US"] == "CONVERSIONS_API"
    assert set(methods.values()) == {"CONVERSIONS_API", None}


@pytest.mark.parametrize(("how", "status"), [("forbidden", 403), ("gone", 410), ("robots", 200)])
def test_a_web_site_can_refuse_to_be_fetched(how: str, status: int) -> None:
    asked = Asked.small(people=30, pages_refuse=how)
    assert asked.request("GET", "/pages/www.nordlicht.example/demo").status_code == status
    robots = asked.request("GET", "/pages/www.nordlicht.example/robots.txt")
    assert robots.status_code == 200
    assert ("Disallow: /\n" in robots.text) is (how == "robots")


def test_a_page_without_code_is_the_cause_whether_or_not_it_can_be_fetched() -> None:
    found = []
    for refuse in ("", "gone"):
        sandbox = build_sandbox(people=300, profile="hostile", pages_refuse=refuse)
        found.append(sum(one.reason.code == "no_tracking_code" for one in truth_of(sandbox).one_sided))
    assert found[0] == found[1] > 3


# -- deals ------------------------------------------------------------------------------------------------


def test_deals_close_near_midnight_and_some_have_no_rate(typical: Sandbox) -> None:
    won = [m.at for m in typical.world.of_kind(DealMoved) if m.stage in ("closedwon", "1730014")]
    near = [at for at in won if (at + timedelta(minutes=40)).hour in (23, 0) or at.hour in (22, 23)]
    assert len(near) / len(won) > 0.08
    foreign = {deal.deal for deal in typical.world.of_kind(DealOpened) if deal.currency == "SEK"}
    assert foreign
    moved = {m.deal for m in typical.world.of_kind(DealMoved) if m.stage in ("closedwon", "1730014")}
    assert not foreign & moved


def test_a_won_deal_has_the_rate_of_its_closing_day_in_the_portals_zone(company: Company) -> None:
    deal = DealOpened(START, 1, "1", (1,), "Deal", "default", "x", Decimal(1000), "USD", NOW)
    rates = {at: rate for currency, at, rate in exchange_rates(company) if currency == "USD"}
    amounts = []
    # midnight in Berlin is 22:00 UTC
    for minutes in (-10, 10):
        at = datetime(2026, 10, 14, 22, tzinfo=UTC) + timedelta(minutes=minutes)
        events: list[Event] = [deal, DealMoved(at, 1, "1", "closedwon")]
        found = Portal(company, {1: person()}, events).deals[0]
        amounts.append(won_amount(found, company, NOW))
    days = [datetime(2026, 10, day, 22, tzinfo=UTC) for day in (13, 14)]
    assert amounts == [(1000 * rates[day]).quantize(Decimal("0.01")) for day in days]
    assert amounts[0] != amounts[1]


# -- the same world without a cause -----------------------------------------------------------------------


def spared(sandbox: Sandbox, cause: str) -> list[Event]:
    world = sandbox.world
    told_without = without(cause, world.company, {one.key: one for one in world.people}, world.events)
    assert told_without is not None
    return list(told_without[2])


def left_open(events: list[Event]) -> int:
    """Forms sent more than 30 minutes after the same browser loaded their page."""
    loaded: dict[tuple[int, str, str], datetime] = {}
    found = 0
    for event in events:
        if isinstance(event, PageVisit):
            loaded[event.person, event.device, event.url] = event.at
        elif isinstance(event, FormSubmission):
            since = loaded.get((event.person, event.device, event.page_url), event.at)
            found += event.at - since > timedelta(minutes=30)
    return found


def clicks_again(events: list[Event]) -> int:
    """Clicks on an ad that the person had clicked before."""
    clicks = [(e.person, e.placement.key) for e in events if isinstance(e, AdClick) and e.landing_page_url]
    return len(clicks) - len(set(clicks))


def in_addresses(*texts: str) -> Callable[[list[Event]], int]:
    """Page views whose address holds one of the texts."""

    def count(events: list[Event]) -> int:
        return sum(any(text in e.url for text in texts) for e in events if isinstance(e, PageVisit))

    return count


def untagged_by_a_template(events: list[Event]) -> int:
    """Clicks without HubSpot's parameters on ads with a template of their own."""
    clicks = [e for e in events if isinstance(e, AdClick) and e.placement.ad and e.landing_page_url]
    return sum(
        bool(e.placement.ad and e.placement.ad.own_template) and not ad_of(e.landing_page_url) for e in clicks
    )


@pytest.mark.parametrize(
    ("cause", "count"),
    [
        ("idle_tab", left_open),
        ("second_click", clicks_again),
        ("own_template", untagged_by_a_template),
        ("imported_template", in_addresses("hsa_src=o")),
    ],
)
def test_a_world_without_a_cause_has_none_of_it(
    typical: Sandbox, cause: str, count: Callable[[list[Event]], int]
) -> None:
    events = spared(typical, cause)
    assert count(list(typical.world.events)) > 3
    assert count(events) == 0
    assert events == sorted(events, key=lambda event: event.at)


def test_without_todays_order_the_same_clicks_have_the_same_parameters(typical: Sandbox) -> None:
    def parameters(click: AdClick) -> list[tuple[str, str]]:
        return parse_qsl(urlsplit(click.landing_page_url).query, keep_blank_values=True)

    usual = typical.world.of_kind(AdClick)
    clicks = [event for event in spared(typical, "click_id_order") if isinstance(event, AdClick)]
    assert [sorted(parameters(c)) for c in clicks] == [sorted(parameters(c)) for c in usual]
    google = [parameters(c) for c in clicks if c.placement.network is Network.GOOGLE and c.landing_page_url]
    assert all(found[0][0] == "gclid" for found in google if "gclid" in dict(found))
    assert any(parameters(c)[0][0] != "gclid" for c in usual if "gclid=" in c.landing_page_url)
