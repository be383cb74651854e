"""Each source lands recorded answers: rows, types, ids, paging, duplicates, quarantine, exact requests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ingestion import pipelines
from tests.recorded.server import Exchange, Recorded, serve
from tests.recorded.world import AS_OF, SECRETS, WINDOW, configure, rows, types


@pytest.fixture
def server(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Recorded]:
    with serve(request.param) as recorded:
        configure(monkeypatch, tmp_path, request.param, recorded)
        yield recorded


def load(source: str, part: str) -> pipelines.LoadReport:
    return pipelines.load(source, part, window=WINDOW, as_of=AS_OF)


def instant(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


hubspot = pytest.mark.parametrize("server", ["hubspot"], indirect=True)
google = pytest.mark.parametrize("server", ["google_ads"], indirect=True)
facebook = pytest.mark.parametrize("server", ["facebook_ads"], indirect=True)
linkedin = pytest.mark.parametrize("server", ["linkedin_ads"], indirect=True)


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pipelines.LoadReport]:
    """One load of the recorded portal, for tests that only read."""
    home = tmp_path_factory.mktemp("portal")
    with serve("hubspot") as recorded, pytest.MonkeyPatch.context() as patch:
        configure(patch, home, "hubspot", recorded)
        report = load("hubspot", "entities")
    return home, report


def test_hubspot_lands_every_table(portal: tuple[Path, pipelines.LoadReport]) -> None:
    home, report = portal

    assert report.rows == {
        "account": 1,
        "properties": 52,
        "contacts": 4,
        "contact_histories": 4,
        "merged_contacts": 0,
        "companies": 1,
        "forms": 2,
        "form_submissions": 2,
        "page_view_events": 1,
        "page_view_gaps": 1,
        "deals": 2,
        "deal_contacts": 2,
        "deal_companies": 2,
        "deal_pipelines": 1,
        "owners": 2,
        "marketing_campaigns": 1,
        "exchange_rates": 1,
        "lists": 2,
        "list_memberships": 2,
        "ads_export": 0,
    }
    assert report.quarantined == 0
    assert rows(
        home, "hubspot", "account", "portal_id, time_zone, company_currency, additional_currencies"
    ) == [("7000001", "Europe/Berlin", "EUR", '["USD"]')]
    contacts = rows(home, "hubspot", "contacts", "id, archived, hs_google_click_id, created_at, observed_at")
    created = instant(2026, 10, 1, 8, 0, 0, 123000)
    assert contacts == [
        ("140", True, None, created, AS_OF),
        ("151", False, "Cj0K", created, AS_OF),
        ("152", False, None, created, AS_OF),
        ("153", False, None, created, AS_OF),
    ]
    first_url = "history->'$.hs_analytics_first_url[0]'->>'value'"
    assert rows(home, "hubspot", "contact_histories", first_url, "contact_id = '151'") == [
        ("https://ex.test/?gclid=Cj0K",)
    ]
    assert types(home, "hubspot", "contact_histories")["history"] == "JSON"
    landed = types(home, "hubspot", "contacts")
    assert landed["updated_at"] == "TIMESTAMP WITH TIME ZONE"
    assert {landed[name] for name in ("id", "num_conversion_events", "hs_merged_object_ids")} == {"VARCHAR"}


def test_hubspot_lands_the_portals_configuration(portal: tuple[Path, pipelines.LoadReport]) -> None:
    home, _ = portal

    assert rows(home, "hubspot", "properties", "object_type, name, type", "is_custom") == [
        ("contacts", "favourite_module", "enumeration")
    ]
    assert rows(home, "hubspot", "contacts", "id, property_favourite_module", "id < '153'") == [
        ("140", None),
        ("151", "crm"),
        ("152", None),
    ]
    # owners land by their ids only, without names
    assert rows(home, "hubspot", "owners", "* EXCLUDE (observed_at)") == [
        ("501", "PERSON", "9", '[{"id":"1","name":"Sales","primary":true}]', False),
        ("504", "PERSON", "12", "[]", True),
    ]
    assert rows(home, "hubspot", "exchange_rates", "from_currency, to_currency, rate, effective_at") == [
        ("USD", "EUR", "0.9205", instant(2026, 9, 1))
    ]
    assert rows(home, "hubspot", "marketing_campaigns", "hs_name, hs_utm") == [("Q4", "q4")]
    filters = "id, has_ad_filter, filters->'filterBranches'->0->'filters'->0->'searchTerms'->>0"
    assert rows(home, "hubspot", "lists", filters) == [("38", True, "9"), ("39", False, None)]
    # the row without a contact marks the list as read; lists without ad filters are not read
    assert rows(home, "hubspot", "list_memberships", "list_id, contact_id") == [("38", ""), ("38", "151")]


def test_hubspot_counts_page_views_without_events_per_contact(
    portal: tuple[Path, pipelines.LoadReport],
) -> None:
    home, _ = portal

    assert rows(home, "hubspot", "page_view_events", "object_id") == [("151",)]
    assert rows(home, "hubspot", "page_view_gaps", "contact_id, missing") == [("151", 2)]


def test_hubspot_submissions_keep_milliseconds_repeats_and_rows_without_an_id(
    portal: tuple[Path, pipelines.LoadReport],
) -> None:
    home, _ = portal
    landed = rows(
        home, "hubspot", "form_submissions", 'conversion_id, submitted_at, json_array_length("values")'
    )
    assert landed == [
        ("c0000000-0000-4000-8000-000000000002", instant(2025, 11, 2, 9, 0, 0, 123000), 3),
        (None, instant(2025, 11, 2, 7, 53, 20), 1),
    ]
    counts = "resource, received, landed, duplicates, quarantined"
    assert rows(home, "hubspot", "load_counts", counts, "resource IN ('contacts', 'form_submissions')") == [
        ("contacts", 5, 4, 1, 0),
        ("form_submissions", 3, 2, 1, 0),
    ]


def test_hubspot_associations_take_numbers_and_strings_and_page_within_a_deal(
    portal: tuple[Path, pipelines.LoadReport],
) -> None:
    home, _ = portal
    pairs = (
        "deal_id, [item ->> 'toObjectId' FOR item IN associations::JSON[]],"
        " [json_array_length(item -> 'associationTypes') FOR item IN associations::JSON[]]"
    )
    assert rows(home, "hubspot", "deal_contacts", pairs) == [
        ("8078", ["151", "152", "153"], [1, 2, 1]),
        ("8079", [], []),
    ]
    assert rows(home, "hubspot", "deal_companies", pairs) == [("8078", ["901"], [2]), ("8079", [], [])]


@hubspot
def test_a_portal_without_events_lands_the_rest_with_a_notice(server: Recorded, tmp_path: Path) -> None:
    refusal = {"status": "error", "message": "needs scopes", "category": "MISSING_SCOPES"}
    server.first(Exchange("no events", server["events 1"].path, status=403, answer=refusal))
    said: list[str] = []

    report = pipelines.load("hubspot", "entities", window=None, as_of=AS_OF, progress=said.append)

    assert rows(tmp_path, "hubspot", "page_view_events") == []
    assert types(tmp_path, "hubspot", "page_view_events")["hs_utm_campaign"] == "VARCHAR"
    assert (
        report.message
        == "this portal's subscription has no page-view events (403): using contact properties instead"
    )
    assert [line for line in said if report.message in line]
    assert len(rows(tmp_path, "hubspot", "contacts")) == 4


@hubspot
def test_one_bad_value_rejects_one_row_and_shows_no_personal_data(server: Recorded, tmp_path: Path) -> None:
    page = server["contacts 1"].answer
    page["results"][0]["createdAt"] = "yesterday"
    wrong = {"id": "160", "properties": {"email": ["a"]}, "propertiesWithHistory": {}, "createdAt": None}
    page["results"].append(wrong)

    report = load("hubspot", "entities")

    assert report.quarantined == 2
    assert [row[0] for row in rows(tmp_path, "hubspot", "contacts", "id")] == ["140", "152", "153"]
    counts = rows(
        tmp_path,
        "hubspot",
        "load_counts",
        "received, landed, duplicates, quarantined",
        "resource = 'contacts'",
    )
    assert counts == [(6, 3, 1, 2)]
    rejected = rows(
        tmp_path, "hubspot", "quarantine", "source, resource, reason, record->>'id', record, loaded_at"
    )
    assert [row[:4] for row in rejected] == [
        ("hubspot", "contacts", "created_at is not a TIMESTAMP WITH TIME ZONE", "151"),
        ("hubspot", "contacts", "properties.email changed from string to array", "160"),
    ]
    assert all("@" not in row[4] and row[5] == AS_OF for row in rejected)


@google
def test_google_lands_accounts_entities_and_two_queries_of_figures(server: Recorded, tmp_path: Path) -> None:
    load("google_ads", "entities")
    load("google_ads", "daily")

    accounts = rows(
        tmp_path, "google_ads", "customers", "customer_id, manager, level, currency_code, time_zone, status"
    )
    assert accounts == [
        ("1234567890", False, 1, "USD", "America/New_York", "ENABLED"),
        ("5555555555", False, 1, "EUR", "Europe/Berlin", "CANCELED"),
        ("9999999999", True, 0, "EUR", "Europe/Berlin", "ENABLED"),
    ]
    assert rows(tmp_path, "google_ads", "campaigns", "customer_id, id, advertising_channel_type") == [
        ("1234567890", "10", "PERFORMANCE_MAX"),
        ("1234567890", "9", "SEARCH"),
    ]
    assert rows(tmp_path, "google_ads", "ads", "ad_group_id, id, final_urls") == [
        ("5", "7", "[]"),
        ("5", "9007199254740993", '["https://ex.test/demo"]'),
    ]
    metrics = "date, campaign_id, clicks, cost_micros, conversions, is_day_marker, superseded_at"
    first, second = date(2026, 11, 1), date(2026, 11, 2)
    assert rows(tmp_path, "google_ads", "campaign_metrics", metrics) == [
        (first, "9", 4, 2350000, 1.5, False, None),
        (first, None, None, None, None, True, None),
        (second, "9", 0, 2350000, 0.0, False, None),
        (second, None, None, None, None, True, None),
    ]
    actions = "conversion_action_id, external_conversion_source, conversions, conversions_by_conversion_date"
    assert rows(tmp_path, "google_ads", "campaign_conversions", actions, "NOT is_day_marker") == [
        ("7", "WEBPAGE", 0.3333333333333333, 0.5),
        ("8", "UPLOAD", 0.3333333333333333, 0.5),
    ]
    assert rows(tmp_path, "google_ads", "ad_conversions", "count(*)", "NOT is_day_marker") == [(0,)]
    assert pipelines.landed_days("google_ads") == pipelines.Window(first, second)


@google
def test_google_sends_the_manager_as_login_and_never_mixes_cost_with_actions(server: Recorded) -> None:
    load("google_ads", "daily")

    streams = [request for request in server.requests if request.path.endswith("searchStream")]
    assert {request.headers["login-customer-id"] for request in streams} == {"9999999999"}
    assert {request.headers["authorization"] for request in streams} == {"Bearer ya29.first"}
    assert not [
        request
        for request in streams
        if "cost_micros" in request.body and "conversion_action" in request.body
    ]
    assert len(server.asked("/token")) == 1


@google
def test_google_refreshes_an_expired_token_once_and_continues(server: Recorded, tmp_path: Path) -> None:
    expired = [{"error": {"code": 401, "message": "expired", "status": "UNAUTHENTICATED", "details": []}}]
    path = "/v26/customers/1234567890/googleAds:searchStream"
    server.first(Exchange("expired", path, method="POST", status=401, answer=expired, times=1))
    again = {"access_token": "ya29.second", "expires_in": 3599, "token_type": "Bearer"}
    server.exchanges.append(Exchange("token 2", "/token", method="POST", answer=again))
    server["token"].times = 1

    report = load("google_ads", "daily")

    assert report.rows["campaign_metrics"] == 2
    assert len(server.asked("/token")) == 2
    assert report.requests["token"] == 1


@google
def test_google_error_after_good_batches_keeps_the_landed_tables(server: Recorded, tmp_path: Path) -> None:
    load("google_ads", "entities")
    server["ads"].answer[0]["results"][0]["adGroupAd"]["ad"]["name"] = "changed"
    server["campaigns"].answer.append(
        {"error": {"code": 400, "message": "Bad.", "status": "INVALID_ARGUMENT", "details": []}}
    )

    with pytest.raises(pipelines.ResponseError, match=r"api_version \(v26\)"):
        load("google_ads", "entities")
    assert rows(tmp_path, "google_ads", "ads", "name") == [(None,), (None,)]
    assert rows(tmp_path, "google_ads", "campaigns", "count(*)") == [(2,)]


@facebook
def test_facebook_pages_to_the_end_and_lands_absent_actions_as_empty_lists(
    server: Recorded, tmp_path: Path
) -> None:
    load("facebook_ads", "entities")
    load("facebook_ads", "daily")

    # the second page is empty and has a next, the third has an after and no next
    assert [request.query.get("after") for request in server.asked("/v26.0/act_1700252/campaigns")] == [
        None,
        "MQZDZD",
        "MgZDZD",
    ]
    assert rows(tmp_path, "facebook_ads", "campaigns", "account_id, id, effective_status, updated_time") == [
        ("1700252", "6215", "PAUSED", instant(2026, 11, 1, 8)),
        ("1700252", "6216", "ARCHIVED", instant(2026, 1, 1, 9)),
    ]
    assert rows(tmp_path, "facebook_ads", "ad_accounts", "account_id, currency, account_status") == [
        ("1700252", "EUR", 1)
    ]
    assert rows(tmp_path, "facebook_ads", "ad_creatives", "id, url_tags, link_url, is_lead_form") == [
        ("6219", "utm_source=facebook", "https://ex.test/?utm_x=1", False),
        ("6220", None, "https://fb.me/", True),
        ("6221", None, "https://ex.test/feed", False),
    ]
    figures = "date, impressions, spend, json_array_length(actions), action_values->>'$[0].value'"
    assert rows(tmp_path, "facebook_ads", "insights_campaign", figures, "NOT is_day_marker") == [
        (date(2026, 11, 1), 4233, Decimal("76.530000"), 2, "120.5"),
        (date(2026, 11, 2), 4233, Decimal("0.000000"), 0, None),
    ]
    lead = "actions->'$[0]'->>'$.\"28d_click\"', actions->'$[0]'->>'$.\"1d_ev\"'"
    assert rows(tmp_path, "facebook_ads", "insights_ad", f"ad_id, {lead}", "NOT is_day_marker") == [
        ("62157627", "5", None)
    ]
    landed = types(tmp_path, "facebook_ads", "insights_ad")
    assert (landed["spend"], landed["actions"], landed["date"]) == ("DECIMAL(18,6)", "JSON", "DATE")


@facebook
def test_facebook_halves_the_page_when_asked_for_less(server: Recorded) -> None:
    too_much = {"error": {"message": "Please reduce the amount of data you're asking for", "code": 1}}
    path = "/v26.0/act_1700252/adcreatives"
    server.first(Exchange("too much", path, status=500, answer=too_much, query={"limit": "200"}))

    assert load("facebook_ads", "entities").rows["ad_creatives"] == 3
    assert [request.query["limit"] for request in server.asked(path)] == ["200", "100"]


@facebook
def test_facebook_waits_for_a_throttle_with_status_400(
    server: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    throttled = {"error": {"message": "(#80000) too many calls", "code": 80000, "error_subcode": 2446079}}
    usage = '{"1700252":[{"type":"ads_insights","call_count":50,"estimated_time_to_regain_access":0}]}'
    headers = {"x-business-use-case-usage": usage, "Retry-After": "0"}
    path = "/v26.0/act_1700252/insights"
    server.first(Exchange("throttled", path, status=400, answer=throttled, headers=headers, times=2))

    report = load("facebook_ads", "daily")

    assert report.requests["throttled"] == 2
    assert report.rows == {"insights_campaign": 2, "insights_ad": 1}


@linkedin
def test_linkedin_lands_objects_of_both_paging_styles(server: Recorded, tmp_path: Path) -> None:
    load("linkedin_ads", "entities")

    assert rows(tmp_path, "linkedin_ads", "ad_accounts", "id, currency, status, type") == [
        ("500000001", "EUR", "ACTIVE", "BUSINESS")
    ]
    assert rows(
        tmp_path, "linkedin_ads", "campaigns", "account_id, campaign_group_id, id, objective_type"
    ) == [("500000001", "6", "250000001", "LEAD_GENERATION")]
    creatives = "campaign_id, id, intended_status, content_reference, landing_url"
    assert rows(tmp_path, "linkedin_ads", "creatives", creatives) == [
        ("250000001", "280000001", "ACTIVE", "urn:li:share:7", "https://ex.test/post"),
        ("250000001", "280000002", "PAUSED", None, "https://ex.test/text"),
    ]
    rules = "id, type, enabled, conversion_method, post_click_window_days, view_through_window_days"
    assert rows(tmp_path, "linkedin_ads", "conversions", rules) == [
        ("104004", "LEAD", True, None, 30, 7),
        ("104005", "PURCHASE", False, "CONVERSIONS_API", 90, 1),
    ]


@linkedin
def test_linkedin_leads_land_with_nothing_personal_but_the_email(server: Recorded, tmp_path: Path) -> None:
    assert load("linkedin_ads", "entities").quarantined == 1

    leads = "id, lead_form_id, lead_form_version, campaign_id, creative_id, submitted_at, test_lead, email"
    assert rows(tmp_path, "linkedin_ads", "lead_form_responses", leads) == [
        ("f0a-4", "685", 2, "250000001", "280000001", instant(2025, 11, 1, 12, 26, 40), False, "ada@ex.test")
    ]
    (rejected,) = rows(tmp_path, "linkedin_ads", "quarantine", "record, reason")
    assert "submitted_at" in rejected[1]
    everything = f"{rejected}{rows(tmp_path, 'linkedin_ads', 'lead_form_responses')}"
    assert not [text for text in ("Ada", "Grace", "grace", "work.test", "person:") if text in everything]


@linkedin
def test_linkedin_rounds_money_half_up_and_splits_pivots(server: Recorded, tmp_path: Path) -> None:
    load("linkedin_ads", "daily")

    figures = "date, campaign_id, clicks, cost, one_click_leads"
    assert rows(tmp_path, "linkedin_ads", "campaign_analytics", figures, "NOT is_day_marker") == [
        (date(2026, 11, 1), "250000001", 106, Decimal("100.000000"), 0),
        (date(2026, 11, 2), "250000001", 106, Decimal("107.530000"), 0),
    ]
    by_rule = "creative_id, conversion_id, external_website_post_view_conversions, conversion_value"
    assert rows(tmp_path, "linkedin_ads", "creative_conversions", by_rule, "NOT is_day_marker") == [
        ("280000001", "104004", 1, Decimal("0.000000"))
    ]
    marked = rows(tmp_path, "linkedin_ads", "campaign_conversions", "account_id, date", "is_day_marker")
    assert marked == [("500000001", date(2026, 11, 1)), ("500000001", date(2026, 11, 2))]


@linkedin
def test_linkedin_requests_follow_restli_2(server: Recorded) -> None:
    load("linkedin_ads", "daily")

    request = next(
        request for request in server.asked("/rest/adAnalytics") if "pivot=CAMPAIGN" in request.target
    )
    assert "&dateRange=(start:(year:2026,month:11,day:1),end:(year:2026,month:11,day:2))&" in request.target
    assert "&accounts=List(urn%3Ali%3AsponsoredAccount%3A500000001)&" in request.target
    assert request.headers["x-restli-protocol-version"] == "2.0.0"
    assert request.headers["linkedin-version"] == "202607"


@linkedin
def test_linkedin_splits_a_truncated_slice(
    server: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingestion.sources.linkedin_ads.settings.MOST_ELEMENTS", 2)
    element = server["campaign_analytics"].answer["elements"]
    for day in (1, 2):
        wanted = f"(start:(year:2026,month:11,day:{day}),end:(year:2026,month:11,day:{day}))"
        query: dict[str, Any] = {"pivot": "CAMPAIGN", "dateRange": wanted}
        server.first(
            Exchange(f"day {day}", "/rest/adAnalytics", query=query, answer={"elements": [element[day - 1]]})
        )

    assert load("linkedin_ads", "daily").rows["campaign_analytics"] == 2

    server.exchanges[:2] = []
    with pytest.raises(pipelines.ResponseError, match="truncated account 500000001 on 2026-11-01"):
        pipelines.load(
            "linkedin_ads",
            "daily",
            window=pipelines.Window(date(2026, 11, 1), date(2026, 11, 1)),
            as_of=AS_OF,
        )


@pytest.mark.parametrize("source", pipelines.VENDORS)
def test_no_secret_is_written_anywhere(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(source) as recorded:
        configure(monkeypatch, tmp_path, source, recorded)
        assert load(source, "entities").rows

    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 3
    for path in files:
        assert not [secret for secret in SECRETS if secret.encode() in path.read_bytes()], path
