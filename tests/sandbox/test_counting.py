"""What each simulated vendor counts of small hand-made event lists, and what the default world contains."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import pytest

from sandbox.apis import restli
from sandbox.apis.hubspot.common import parameters
from sandbox.counting import facebook, google, linkedin
from sandbox.counting.hubspot import (
    Portal,
    contact_history,
    contact_state,
    contact_touches,
    deal_history,
    sessions,
    stamp,
)
from sandbox.counting.hubspot_sources import traffic_source
from sandbox.truth.credits import Known
from sandbox.world.build import World, build_world
from sandbox.world.company import DEFAULT_NOW, Company, Network, Placement
from sandbox.world.journeys import (
    AdClick,
    AdImpression,
    ContactImported,
    DealMoved,
    DealOpened,
    Event,
    FormSubmission,
    LeadAdSubmission,
    PageVisit,
    Purchase,
)
from sandbox.world.landing import landing_page_url
from sandbox.world.people import Device, Person
from sandbox.world.profiles import PROFILES, Plants
from sandbox.world.setup import build_company

START = datetime(2026, 9, 10, 9, tzinfo=UTC)
OPEN = Device("d1", False, True, True, False, False)
LATER = datetime(2026, 11, 20, tzinfo=UTC)


def person(*devices: Device, internal: bool = False, google_account: bool = False) -> Person:
    return Person(
        1,
        "Ada",
        "Adler",
        "ada@kestrel-0001.test",
        0,
        devices or (OPEN,),
        google_account,
        True,
        True,
        internal,
        "new",
        1.0,
    )


@pytest.fixture(scope="module")
def company() -> Company:
    return build_company()


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(seed=7, people=1000)


def ad(company: Company, network: Network, name: str, group: str | None = None) -> Placement:
    """The placement with that ad name, or campaign name where it has no ad."""
    return next(
        p
        for p in company.placements
        if p.network is network
        and (p.ad.name if p.ad else p.campaign.name) == name
        and (group is None or (p.group is not None and p.group.name == group))
    )


def click(placement: Placement, at: datetime = START, click_id: str = "c1", device: str = "d1") -> AdClick:
    return AdClick(at, 1, device, placement, click_id, "")


def seen(placement: Placement, at: datetime, *, engaged: bool = False) -> AdImpression:
    return AdImpression(at, 1, "d1", placement, engaged)


def form(key: str, at: datetime, device: str = "d1", email: str = "ada@kestrel-0001.test") -> FormSubmission:
    return FormSubmission(at, 1, device, key, key, f"https://www.nordlicht.example/{key}", email)


def visit(
    page: str, at: datetime, query: str = "", referrer: str = "", device: str = "d1", from_email: bool = False
) -> PageVisit:
    url = f"https://www.nordlicht.example/{page}" + (f"?{query}" if query else "")
    return PageVisit(at, 1, device, page, url, referrer, from_email)


def by_google(company: Company, *events: Event, who: Person | None = None) -> list[google.Credit]:
    return google.count_conversions(company.accounts[Network.GOOGLE][0], {1: who or person()}, events)


def by_facebook(company: Company, *events: Event) -> list[facebook.ActionCredit]:
    return facebook.count_actions(company.accounts[Network.FACEBOOK][0], {1: person()}, events)


def by_linkedin(company: Company, *events: Event) -> list[linkedin.MemberConversion]:
    return linkedin.count_conversions(company.accounts[Network.LINKEDIN][0], {1: person()}, events)


def after(**delta: float) -> datetime:
    return START + timedelta(**delta)


# -- Google Ads -----------------------------------------------------------------------------------------


def test_google_counts_every_action_of_one_click_vector_n1(company: Company) -> None:
    brand = ad(company, Network.GOOGLE, "Brand A")
    orders = [Purchase(after(minutes=m), 1, "d1", Decimal("49.90")) for m in (1, 2, 3)]
    contacts = [form("contact", after(minutes=m)) for m in (4, 5)]
    earned = by_google(company, click(brand), *orders, *contacts)
    assert sum(credit.units for credit in earned) == 5


def test_google_one_per_click_counts_a_repeated_form_once(company: Company) -> None:
    brand = ad(company, Network.GOOGLE, "Brand A")
    once = by_google(company, click(brand), form("demo", after(minutes=1)), form("demo", after(minutes=2)))
    assert [credit.units for credit in once] == [1.0]
    again = by_google(
        company,
        click(brand),
        form("demo", after(minutes=1)),
        click(brand, after(hours=1), "c2"),
        form("demo", after(hours=2)),
    )
    assert sum(credit.units for credit in again) == pytest.approx(2.0)


def test_google_dates_by_click_and_by_conversion_vector_n3(company: Company) -> None:
    credit = by_google(
        company, click(ad(company, Network.GOOGLE, "Brand A")), form("contact", after(days=3))
    )[0]
    assert (credit.interacted_on, credit.converted_on) == (date(2026, 9, 10), date(2026, 9, 13))


def test_google_days_are_those_of_the_account(company: Company) -> None:
    midnight = datetime(2026, 9, 11, 2, tzinfo=UTC)  # the evening before in New York
    brand = ad(company, Network.GOOGLE, "Brand A")
    credit = by_google(company, click(brand, midnight), form("contact", midnight + timedelta(hours=3)))[0]
    assert (credit.interacted_on, credit.converted_on) == (date(2026, 9, 10), date(2026, 9, 11))


def test_google_keeps_an_excluded_action_out_of_the_headline_vector_n5(company: Company) -> None:
    earned = by_google(
        company, click(ad(company, Network.GOOGLE, "Brand A")), form("newsletter", after(minutes=1))
    )
    assert [credit.rule.in_headline for credit in earned] == [False]


def test_google_spreads_data_driven_credit_over_clicks_vector_n6(company: Company) -> None:
    first, second = ad(company, Network.GOOGLE, "Brand A"), ad(company, Network.GOOGLE, "Software A")
    earned = by_google(
        company, click(first), click(second, after(days=7), "c2"), form("guide", after(days=7, hours=1))
    )
    shares = {credit.placement.ad.name: credit.units for credit in earned if credit.placement.ad}
    assert sum(shares.values()) == pytest.approx(1.0)
    assert shares["Brand A"] == pytest.approx(1 / 3, abs=0.01)


def test_google_shows_conversions_late_vector_n8(company: Company) -> None:
    brand = ad(company, Network.GOOGLE, "Brand A")
    last_click = by_google(company, click(brand), form("contact", after(hours=1)))[0]
    data_driven = by_google(company, click(brand), form("demo", after(hours=1)))[0]
    assert last_click.visible_at - after(hours=1) <= timedelta(hours=3)
    assert timedelta(hours=3) < data_driven.visible_at - after(hours=1) <= timedelta(hours=15)


def test_google_ignores_clicks_outside_the_window_and_other_browsers(company: Company) -> None:
    brand = ad(company, Network.GOOGLE, "Brand A")
    assert by_google(company, click(brand), form("contact", after(days=31))) == []
    phone = Device("d2", False, True, True, False, False)
    crossing = (click(brand), form("contact", after(hours=1), device="d2"))
    assert by_google(company, *crossing, who=person(OPEN, phone)) == []
    signed_in = by_google(company, *crossing, who=person(OPEN, phone, google_account=True))
    assert [credit.cross_device for credit in signed_in] == [True]


def test_google_models_a_share_where_consent_is_refused(company: Company) -> None:
    brand = ad(company, Network.GOOGLE, "Brand A")
    refusing = Device("d1", False, False, False, False, False)
    blocking = Device("d1", False, True, True, True, True)
    events = (click(brand), form("contact", after(hours=1)))
    assert [c.units for c in by_google(company, *events, who=person(refusing))] == [google.MODELED_SHARE]
    assert by_google(company, *events, who=person(blocking)) == []


def test_google_counts_engaged_views_inside_and_view_through_outside(company: Company) -> None:
    video, banner = ad(company, Network.GOOGLE, "Product tour"), ad(company, Network.GOOGLE, "Banner wide")
    engaged = by_google(company, seen(video, START, engaged=True), form("contact", after(days=2)))
    assert [credit.event_type for credit in engaged] == ["ENGAGED_VIEW"]
    through = by_google(company, seen(banner, START), form("contact", after(hours=20)))
    assert [credit.event_type for credit in through] == ["IMPRESSION"]
    assert by_google(company, seen(banner, START), form("contact", after(hours=30))) == []


# -- Facebook Ads ---------------------------------------------------------------------------------------


def test_facebook_reports_windows_side_by_side(company: Company) -> None:
    demo = ad(company, Network.FACEBOOK, "Demo still")
    windows = {
        hours: by_facebook(company, click(demo), form("demo", after(hours=hours)))[0].windows
        for hours in (2, 72, 24 * 20)
    }
    assert windows[2] == {"value", "1d_click", "7d_click", "28d_click"}
    assert windows[72] == {"value", "7d_click", "28d_click"}
    assert windows[24 * 20] == {"28d_click"}


def test_facebook_counts_a_view_only_where_the_ad_set_does(company: Company) -> None:
    with_views, without = (
        ad(company, Network.FACEBOOK, "Demo still"),
        ad(company, Network.FACEBOOK, "Guide clip"),
    )
    counted = by_facebook(company, seen(with_views, START), form("demo", after(hours=5)))
    assert [credit.windows for credit in counted] == [{"value", "1d_view"}]
    uncounted = by_facebook(company, seen(without, START), form("demo", after(hours=5)))
    assert [credit.windows for credit in uncounted] == [{"1d_view"}]


def test_facebook_counts_every_action_and_dates_it_by_conversion(company: Company) -> None:
    demo = ad(company, Network.FACEBOOK, "Demo still")
    found = by_facebook(company, click(demo), form("demo", after(days=1)), form("demo", after(days=2)))
    assert [credit.day for credit in found] == [date(2026, 9, 11), date(2026, 9, 12)]


# -- LinkedIn Ads ---------------------------------------------------------------------------------------


def test_linkedin_counts_a_member_once_for_the_most_recent_click_vector_n16(company: Company) -> None:
    still, clip = (ad(company, Network.LINKEDIN, name, "Sales leaders") for name in ("Still", "Clip"))
    found = by_linkedin(
        company,
        click(still),
        click(clip, after(hours=1), "c2"),
        *(form("demo", after(days=d)) for d in (1, 2, 3)),
    )
    assert [(c.placement.ad.name if c.placement.ad else "", c.post_click) for c in found] == [("Clip", True)]


def test_linkedin_prefers_a_click_to_a_later_view(company: Company) -> None:
    still, clip = (ad(company, Network.LINKEDIN, name, "Sales leaders") for name in ("Still", "Clip"))
    found = by_linkedin(company, click(still), seen(clip, after(hours=1)), form("demo", after(days=1)))
    assert [(c.placement.ad.name if c.placement.ad else "", c.post_click) for c in found] == [("Still", True)]


def test_linkedin_gives_one_to_each_campaign_touched(company: Company) -> None:
    leaders = ad(company, Network.LINKEDIN, "Still", "Sales leaders")
    founders = ad(company, Network.LINKEDIN, "Clip", "Founders")
    events = (click(leaders), seen(founders, after(hours=1)))
    each = by_linkedin(company, *events, form("demo", after(days=1)))
    assert sorted(c.post_click for c in each) == [False, True]
    once = by_linkedin(company, *events, Purchase(after(days=1), 1, "d1", Decimal("49.90")))
    assert [c.post_click for c in once] == [True]


def test_linkedin_windows_are_30_and_7_days(company: Company) -> None:
    leaders = ad(company, Network.LINKEDIN, "Still", "Sales leaders")
    assert by_linkedin(company, click(leaders), form("demo", after(days=29)))
    assert not by_linkedin(company, click(leaders), form("demo", after(days=31)))
    assert by_linkedin(company, seen(leaders, START), form("demo", after(days=6)))
    assert not by_linkedin(company, seen(leaders, START), form("demo", after(days=8)))


def test_linkedin_counts_only_campaigns_attached_to_the_rule(company: Company) -> None:
    invitation = ad(company, Network.LINKEDIN, "Invitation")
    assert not by_linkedin(company, click(invitation), form("guide", after(hours=1)))


# -- HubSpot --------------------------------------------------------------------------------------------


def portal(company: Company, *events: Event, who: Person | None = None) -> Portal:
    return Portal(company, {1: who or person()}, events)


def properties(portal: Portal, now: datetime = LATER) -> dict[str, str | None]:
    return contact_state(portal.contacts_at(now, archived=False)[0], now).properties


def test_hubspot_idle_time_starts_a_direct_session_vector_s1(company: Company) -> None:
    here = "https://www.nordlicht.example/blog-pipeline"
    records = portal(
        company,
        visit("blog-pipeline", START, referrer="https://www.google.com/"),
        visit("demo", after(hours=2), referrer=here),
        form("demo", after(hours=2, minutes=1)),
    )
    touches = contact_touches(records.contacts[0])
    assert [touch.source.category for touch in touches] == ["ORGANIC_SEARCH", "DIRECT_TRAFFIC"]


@pytest.mark.parametrize(("seconds", "count"), [(1799, 1), (1800, 1), (1801, 2)])
def test_hubspot_session_ends_after_thirty_minutes_vector_s5(
    company: Company, seconds: int, count: int
) -> None:
    records = portal(
        company, visit("home", START), visit("home", after(seconds=seconds)), form("demo", after(hours=1))
    )
    cookie = records.contacts[0].cookies[0][1]
    assert len(sessions(cookie.views)) == count


def test_hubspot_counts_a_reload_as_a_page_view_vector_s7(company: Company) -> None:
    records = portal(
        company, visit("demo", START), visit("demo", after(seconds=9)), form("demo", after(minutes=1))
    )
    values = properties(records)
    assert (values["hs_analytics_num_page_views"], values["hs_analytics_num_visits"]) == ("2", "1")


def test_hubspot_splits_a_session_at_an_ad_click_only(company: Company) -> None:
    query = landing_page_url(
        company, ad(company, Network.GOOGLE, "Demo A"), "Cj0KCQ" + "x" * 40, START
    ).partition("?")[2]
    records = portal(
        company,
        visit("home", START, referrer="https://www.google.com/"),
        visit("demo", after(minutes=5), query, "https://www.google.com/"),
        visit("pricing", after(minutes=6), referrer="https://www.nordlicht.example/demo"),
        visit("home", after(minutes=7)),
        form("demo", after(minutes=8)),
    )
    touches = contact_touches(records.contacts[0])
    assert [touch.source.category for touch in touches] == ["ORGANIC_SEARCH", "PAID_SEARCH"]
    assert properties(records)["hs_google_click_id"] == "Cj0KCQ" + "x" * 40


def test_hubspot_knows_nothing_of_a_blocked_visitor_but_the_submission_vector_a6(company: Company) -> None:
    blocking = Device("d1", False, True, True, True, False)
    records = portal(company, visit("demo", START), form("demo", after(minutes=1)), who=person(blocking))
    values = properties(records)
    assert records.page_views == []
    assert (values["hs_analytics_source"], values["hs_latest_source"]) == ("DIRECT_TRAFFIC",) * 2
    assert (values["hs_analytics_num_visits"], values.get("hs_analytics_first_url")) == ("0", None)
    assert values["num_conversion_events"] == "1"


TRACKED = "utm_source=adwords&utm_medium=ppc&hsa_acc=1&hsa_cam=2&hsa_net=adwords&gclid=" + "C" * 40


@pytest.mark.parametrize("obstacle", ["no code", "declined", "no token"])
def test_a_form_without_visitor_makes_a_direct_contact_whatever_its_address_names(obstacle: str) -> None:
    company = build_company(
        profile=PROFILES["typical"],
        plants=Plants(pages=frozenset({"demo"})) if obstacle == "no code" else None,
    )
    device = Device("d1", False, obstacle != "declined", True, False, False)
    page = "roadshow" if obstacle == "no token" else "demo"
    sent = replace(form(page, after(minutes=1)), page_url=f"https://www.nordlicht.example/{page}?{TRACKED}")
    # the code on the page still sees the visitor who sends a form without passing the token
    seen_before = [] if obstacle == "no token" else [visit(page, START, TRACKED)]
    records = Portal(company, {1: person(device)}, [*seen_before, sent])
    contact = records.contacts[0]
    values = properties(records)
    assert (values["hs_analytics_source"], values["hs_latest_source"]) == ("DIRECT_TRAFFIC",) * 2
    assert (values["hs_analytics_num_visits"], values["hs_analytics_num_page_views"]) == ("0", "0")
    assert not {"hs_analytics_first_url", "hs_analytics_last_url", "hs_google_click_id"} & values.keys()
    history = contact_history(contact, LATER)
    assert [entry["value"] for entry in history["hs_latest_source"]] == ["DIRECT_TRAFFIC"]
    assert Known(contact, LATER).interactions == []


@pytest.mark.parametrize("minutes", [31, 600])
def test_a_form_from_a_tab_left_open_starts_a_direct_session_vector_s1(minutes: int) -> None:
    company = build_company()
    sent = after(minutes=minutes)
    records = portal(company, visit("demo", START, TRACKED), form("demo", sent))
    contact, values = records.contacts[0], properties(records)
    assert (values["hs_analytics_source"], values["hs_latest_source"]) == ("PAID_SEARCH", "DIRECT_TRAFFIC")
    assert values["hs_latest_source_timestamp"] == stamp(sent)
    assert (values["hs_analytics_num_visits"], values["hs_analytics_num_page_views"]) == ("2", "1")
    # nothing was loaded in it: the URLs are the click's, and the events API has one view
    assert "hsa_cam=2" in (values["hs_analytics_last_url"] or "")
    assert len(records.page_views) == 1
    known = Known(contact, LATER)
    assert [one.report for one in known.credits() if one.report == "first_form_submission"] == []
    own = known.session_of(contact.conversions[0])
    assert own is not None
    assert (own.source.category, own.has_landing_page) == ("DIRECT_TRAFFIC", False)


def test_the_history_dates_every_session_of_a_known_contact() -> None:
    company = build_company()
    records = portal(
        company,
        visit("demo", START, TRACKED),
        form("demo", after(minutes=1)),
        visit("guide", after(hours=2), TRACKED),
        form("guide", after(hours=3)),
    )
    history = contact_history(records.contacts[0], LATER)
    latest = [(entry["value"], entry["timestamp"]) for entry in history["hs_latest_source"][:-1]]
    assert [value for value, _ in latest] == ["DIRECT_TRAFFIC"]
    dated = [entry["value"] for entry in history["hs_latest_source_timestamp"]]
    assert dated == [stamp(after(hours=3)), stamp(after(hours=2)), stamp(START)]
    assert [entry["value"] for entry in history["hs_analytics_num_visits"]] == ["3", "2", "1"]


def test_hubspot_logs_but_does_not_count_filtered_submissions_vector_i9(company: Company) -> None:
    records = portal(company, visit("demo", START), form("demo", after(minutes=1)), who=person(internal=True))
    log = records.submissions[company.form("demo").guid]
    values = properties(records)
    assert len(log) == 1
    assert (values["num_conversion_events"], values.get("hs_calculated_form_submissions")) == ("0", None)


def test_hubspot_syncs_a_lead_late_and_without_a_page_vectors_l1_l2_l3(company: Company) -> None:
    lead_ad = ad(company, Network.LINKEDIN, "Guide A")
    sent = after(days=1)
    records = portal(
        company,
        visit("demo", START),
        form("demo", after(minutes=1)),
        LeadAdSubmission(sent, 1, "d1", lead_ad, "ada@kestrel-0001.test"),
    )
    before = properties(records, sent + timedelta(seconds=35))
    counted = properties(records, sent + timedelta(seconds=40))
    settled = properties(records, sent + timedelta(seconds=110))
    events = [state["num_conversion_events"] for state in (before, counted, settled)]
    assert events == ["1", "2", "2"]
    latest = [state["hs_latest_source"] for state in (counted, settled)]
    assert latest == ["DIRECT_TRAFFIC", "PAID_SOCIAL"]
    assert settled["first_conversion_date"] == before["first_conversion_date"]
    entry = (settled["hs_calculated_form_submissions"] or "").split(";")[-1]
    assert entry.split(":")[1] == ""
    query = parse_qs(urlsplit(settled["hs_analytics_last_url"] or "").query)
    assert query["hsa_la"] == ["true"]


def test_hubspot_keeps_the_history_of_sources_urls_and_stages(company: Company) -> None:
    lead_ad = ad(company, Network.LINKEDIN, "Guide A")
    sent, opened = after(days=1), after(days=2)
    deal = DealOpened(
        opened, 1, "1", (1,), "Adler", "default", "appointmentscheduled", Decimal(500), "EUR", after(days=40)
    )
    records = portal(
        company,
        visit("demo", START, referrer="https://www.google.com/"),
        form("demo", after(minutes=1)),
        LeadAdSubmission(sent, 1, "d1", lead_ad, "ada@kestrel-0001.test"),
        deal,
        DealMoved(after(days=3), 1, "1", "closedwon"),
    )
    contact = records.contacts[0]
    history = contact_history(contact, LATER)
    assert [entry["value"] for entry in history["hs_latest_source"]] == ["PAID_SOCIAL", "ORGANIC_SEARCH"]
    assert [entry["value"] for entry in history["lifecyclestage"]] == ["customer", "opportunity", "lead"]
    assert history["lifecyclestage"][1]["timestamp"] == "2026-09-12T09:00:00Z"
    assert [entry["value"] for entry in history["hs_analytics_source"]] == ["ORGANIC_SEARCH"]
    # a search names its engine, a lead ad its campaign
    assert [entry["value"] for entry in history["hs_latest_source_data_2"]] == ["Lead gen forms", "google"]
    assert contact_history(contact, after(hours=1))["lifecyclestage"] == history["lifecyclestage"][-1:]
    for name, entries in history.items():
        assert (contact_state(contact, LATER).properties.get(name) or "") == entries[0]["value"]
    stages = [entry["value"] for entry in deal_history(records.deals[0], LATER)["dealstage"]]
    assert stages == ["closedwon", "appointmentscheduled"]
    assert contact_state(contact, LATER).updated_at == after(days=3)


def test_hubspot_ties_the_anonymous_past_to_the_contact_once_identified(company: Company) -> None:
    records = portal(company, visit("home", START), visit("demo", after(days=2)), form("demo", after(days=2)))
    known = {event.known_at for event in records.page_views}
    assert len(records.page_views) == 2
    assert min(known) >= after(days=2)


def test_hubspot_finds_the_earlier_visit_of_an_imported_contact_vector_i1(company: Company) -> None:
    records = portal(
        company,
        visit("home", START, referrer="https://www.google.com/"),
        ContactImported(after(days=5), 1),
        visit("guide", after(days=9), "utm_source=hs_email&utm_medium=email", from_email=True),
    )
    assert properties(records, after(days=6))["hs_analytics_source"] == "OFFLINE"
    assert properties(records, after(days=10))["hs_analytics_source"] == "ORGANIC_SEARCH"


def test_hubspot_forgets_a_safari_visitor_after_a_week(company: Company) -> None:
    safari = Device("d1", True, True, True, False, False)
    records = portal(
        company,
        visit("home", START),
        visit("demo", after(days=8)),
        form("demo", after(days=8)),
        who=person(safari),
    )
    assert [event.view.url for event in records.page_views] == ["https://www.nordlicht.example/demo"]


@pytest.mark.parametrize(
    ("query", "referrer", "category"),
    [
        ("utm_source=ppc", "", "PAID_SEARCH"),  # C1
        ("utm_campaign=ppc+webinar+register", "", "PAID_SEARCH"),  # C3
        ("utm_source=facebook&utm_medium=social&utm_campaign=xyz", "", "SOCIAL_MEDIA"),  # C6
        ("utm_source=facebook&utm_medium=paid&hsa_net=facebook", "", "PAID_SOCIAL"),  # C7
        ("utm_source=adwords&utm_medium=ppc&gclid=Cj0KCQ0123456789abcdef", "", "PAID_SEARCH"),  # C9
        ("utm_medium=paidsocial&utm_source=any", "", "PAID_SOCIAL"),  # C11
        ("utm_source=newsletter_email", "", "EMAIL_MARKETING"),  # C13
        ("", "https://www.linkedin.com/", "SOCIAL_MEDIA"),  # C15
        ("", "https://www.google.com/", "ORGANIC_SEARCH"),  # C17
        ("", "", "DIRECT_TRAFFIC"),  # C20
        ("", "https://review-site.example/crm", "REFERRALS"),
        ("", "https://www.nordlicht.example/pricing", None),
    ],
)
def test_hubspot_sources_follow_the_rule_table(query: str, referrer: str, category: str | None) -> None:
    source = traffic_source(f"https://www.nordlicht.example/demo?{query}", referrer, "nordlicht.example")
    assert (source.category if source else None) == category


# -- landing URLs ---------------------------------------------------------------------------------------


def hsa(url: str) -> dict[str, str]:
    query = parse_qs(urlsplit(url).query, keep_blank_values=True)
    return {name: values[0] for name, values in query.items()}


def test_linkedin_parameters_name_the_campaign_group_first(company: Company) -> None:
    placement = ad(company, Network.LINKEDIN, "Still", "Sales leaders")
    found = hsa(landing_page_url(company, placement, "click", START))
    names = ("hsa_acc", "hsa_cam", "hsa_grp", "hsa_ad", "hsa_net", "li_fat_id", "utm_source", "utm_medium")
    assert [found[name] for name in names] == [
        "508912347",
        "652100801",
        "318200411",
        "412900101",
        "linkedin",
        "click",
        "linkedin",
        "paid",
    ]


def test_facebook_parameters_carry_the_bare_account_id(company: Company) -> None:
    found = hsa(landing_page_url(company, ad(company, Network.FACEBOOK, "Demo still"), "click", START))
    assert (found["hsa_acc"], found["hsa_net"], found["utm_medium"]) == (
        "381905527714206",
        "facebook",
        "paid",
    )


def test_performance_max_names_the_campaign_alone(company: Company) -> None:
    found = hsa(landing_page_url(company, ad(company, Network.GOOGLE, "PMax Starter Kit"), "click", START))
    names = ("hsa_src", "hsa_grp", "hsa_ad", "hsa_kw", "hsa_cam", "gclid")
    assert [found[name] for name in names] == ["x", "", "", "", "20890417005", "click"]


# -- Rest.li --------------------------------------------------------------------------------------------


def test_restli_two_reads_encoded_urns_and_refuses_bare_ones() -> None:
    parsed = restli.parse("a=List(urn%3Ali%3Ax%3A1,y)&d=(start:(year:2026,month:8))&q=search", "2.0.0")
    assert parsed == {"a": ["urn:li:x:1", "y"], "d": {"start": {"year": "2026", "month": "8"}}, "q": "search"}
    with pytest.raises(restli.SyntaxFault):
        restli.parse("a=List(urn:li:x:1)", "2.0.0")


def test_restli_one_reads_indexed_and_dotted_names() -> None:
    parsed = restli.parse("a[0]=urn:li:x:1&a[1]=y&d.start.year=2026", "1.0.0")
    assert parsed == {"a": ["urn:li:x:1", "y"], "d": {"start": {"year": "2026"}}}


# -- the default world ----------------------------------------------------------------------------------


def first_submissions(world: World) -> Iterator[tuple[Person, FormSubmission, AdClick | None]]:
    """Each person's first form with the last ad click before it."""
    clicks: dict[int, AdClick] = {}
    done: set[int] = set()
    people = {p.key: p for p in world.people}
    for event in world.events:
        if isinstance(event, AdClick):
            clicks[event.person] = event
        if isinstance(event, FormSubmission) and event.person not in done and event.at <= DEFAULT_NOW:
            done.add(event.person)
            yield people[event.person], event, clicks.get(event.person)


def test_default_world_contains_what_makes_networks_and_hubspot_differ(world: World) -> None:
    same_visit = later = refused = crossing = internal = unclicked = 0
    for who, sent, clicked in first_submissions(world):
        device = next(d for d in who.devices if d.key == sent.device)
        refused += not device.hubspot_sees
        internal += who.internal
        unclicked += clicked is None
        if clicked is not None and clicked.landing_page_url:
            gap = sent.at - clicked.at
            same_visit += gap < timedelta(minutes=30)
            later += timedelta(hours=6) < gap < timedelta(days=30)
            crossing += clicked.device != sent.device
    assert min(same_visit, later, refused, crossing, internal, unclicked) >= 3


def test_default_world_has_people_who_clicked_on_two_networks_before_converting(world: World) -> None:
    networks: dict[int, set[str]] = {}
    found = 0
    for event in world.events:
        if isinstance(event, AdClick):
            networks.setdefault(event.person, set()).add(event.placement.network)
        if isinstance(event, FormSubmission):
            found += len(networks.get(event.person, set())) > 1
    assert found >= 10


def test_default_world_has_old_and_imported_contacts_that_click_ads_now(world: World) -> None:
    clicked = {event.person for event in world.events if isinstance(event, AdClick)}
    histories = [p.history for p in world.people if p.key in clicked]
    assert min(histories.count("longtime"), histories.count("imported")) >= 10


def test_the_world_depends_on_the_seed_alone() -> None:
    first, again, other = build_world(3, 40), build_world(3, 40), build_world(4, 40)
    assert first.events == again.events
    assert first.delivery.impressions == again.delivery.impressions
    assert first.events != other.events


def test_addresses_are_reserved_for_examples(world: World) -> None:
    hosts = {p.email.partition("@")[2] for p in world.people}
    assert {host.rpartition(".")[2] for host in hosts} <= {"test", "example"}


def test_an_unknown_currency_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="google_ads=XXX"):
        build_company({"google_ads": "XXX"})


@pytest.mark.parametrize(
    "query",
    [
        "a=1&b=2&a=3",
        "a=&a=2&b=x+y%26%C3%BC",
        "xa=1&ab=2&b=k=v?a=9",
        "&&b=%zz&a",
        "",
    ],
)
def test_chosen_parameters_are_those_that_reading_all_of_them_finds(query: str) -> None:
    found = {name: values[0] for name, values in parse_qs(query).items() if name in ("a", "b")}
    assert parameters(f"https://www.nordlicht.example/?{query}", "a", "b") == found
