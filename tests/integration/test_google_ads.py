"""Google Ads: landed settings, leads and clicks, days to load, completeness of figures."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from ingestion import pipelines
from ingestion.landing.arrow import Page
from ingestion.landing.planning import Span, months_before
from ingestion.landing.resources import Landing
from ingestion.landing.store import Store as RawStore
from ingestion.pipelines import Window
from ingestion.sources.google_ads import api, source
from ingestion.sources.google_ads.tables import CLICK_VIEWS, CONVERSION_ACTIONS, DAILY
from sandbox.counting.google import DATA_DRIVEN
from sandbox.world.crowd import hour_index
from tests.google import CLOSED, SHOP, SUB_MANAGER, UK, GoogleSandbox, Store, served_google
from tests.recorded.server import Exchange, Recorded, serve
from tests.recorded.world import AS_OF, WINDOW, configure, rows

ACTIONS = ("conversion_actions",)
MANAGER = "9999999999"


def tracked_by(server: Recorded, customer: str) -> None:
    """The account uses the conversion actions of this customer."""
    found = server["customer_settings"].answer[0]["results"][0]["customer"]
    found["conversionTrackingSetting"]["googleAdsConversionCustomer"] = f"customers/{customer}"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorded]:
    with serve("google_ads") as recorded:
        configure(monkeypatch, tmp_path, "google_ads", recorded)
        yield recorded


@pytest.fixture(scope="module")
def served() -> Iterator[GoogleSandbox]:
    with served_google() as google:
        yield google


@pytest.fixture
def google(served: GoogleSandbox) -> Iterator[GoogleSandbox]:
    served.at("2026-11-01T06:00:00+00:00")
    yield served
    served.sandbox.faults.clear()


# -- landed rows ------------------------------------------------------------------------------------------


def test_settings_asset_groups_and_the_owner_of_conversions_land(server: Recorded, tmp_path: Path) -> None:
    pipelines.load("google_ads", "entities", window=None, as_of=AS_OF)

    settings = "customer_id, auto_tagging_enabled, final_url_suffix, conversion_customer_id"
    assert rows(tmp_path, "google_ads", "customer_settings", settings) == [
        ("1234567890", True, "utm_source=g", "9999999999")
    ]
    groups = "campaign_id, id, final_urls, final_mobile_urls"
    assert rows(tmp_path, "google_ads", "asset_groups", groups) == [
        ("10", "44", '["https://ex.test/kit"]', "[]")
    ]


def test_leads_land_in_utc_with_nothing_personal_but_the_email(server: Recorded, tmp_path: Path) -> None:
    report = pipelines.load("google_ads", "entities", window=None, as_of=AS_OF)

    leads = "id, campaign_id, ad_group_id, ad_id, lead_form_asset_id, gclid, submitted_at, email"
    ad = ("9", "5", "6", "77", "Cj0Klead")
    assert rows(tmp_path, "google_ads", "lead_form_submissions", leads) == [
        ("L1", *ad, datetime(2026, 11, 1, 16, 32, 45, tzinfo=UTC), "ada@ex.test"),
        ("L2", *ad, datetime(2026, 11, 2, 4, 32, 45, tzinfo=UTC), "bob@work.test"),
        ("L3", *ad, datetime(2026, 11, 1, 16, tzinfo=UTC), None),
    ]
    assert report.quarantined == 1
    (rejected,) = rows(tmp_path, "google_ads", "quarantine", "record, reason")
    assert rejected[1] == "submitted_at is not a TIMESTAMP WITH TIME ZONE"
    everything = str(rejected) + str(rows(tmp_path, "google_ads", "lead_form_submissions"))
    personal = ("Lovelace", "Grace", "grace@", "ada@work.test", "+49 151", "Cj0Klead'")
    assert [text for text in personal[:-1] if text in everything] == []
    assert "Cj0Klead" not in rejected[0]


def test_clicks_land_by_segment_with_or_without_an_ad(server: Recorded, tmp_path: Path) -> None:
    report = pipelines.load("google_ads", "daily", window=WINDOW, as_of=AS_OF)

    clicks = (
        "date, gclid, campaign_id, ad_group_id, ad_id, click_type, keyword_text, keyword_match_type, clicks"
    )
    day = date(2026, 11, 1)
    ad = ("9", "5", "6")
    assert rows(tmp_path, "google_ads", "click_views", clicks, "NOT is_day_marker") == [
        (day, "Cj0K", *ad, "SITELINKS", "crm", "PHRASE", 1),
        (day, "Cj0K", *ad, "URL_CLICKS", "crm", "PHRASE", 1),
        (day, "Cj0Kpmax", "10", None, None, "CROSS_NETWORK", None, None, 1),
    ]
    assert report.rows["click_views"] == 3
    asked = [r.body for r in server.requests if "FROM click_view" in r.body]
    assert sorted(body.split("BETWEEN ")[1][:30] for body in asked) == [
        "'2026-11-01' AND '2026-11-01' ",
        "'2026-11-02' AND '2026-11-02' ",
    ]
    lags = "campaign_id, conversion_action_id, conversion_lag_bucket, conversions"
    assert rows(tmp_path, "google_ads", "campaign_conversion_lags", lags, "NOT is_day_marker") == [
        ("9", "7", "TWO_TO_THREE_DAYS", 0.5)
    ]


def test_a_closed_directly_accessible_account_is_skipped(
    server: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOURCES__GOOGLE_ADS__LOGIN_CUSTOMER_ID")
    names = {"resourceNames": ["customers/5555555555", "customers/9999999999"]}
    server.first(Exchange("accessible", "/v26/customers:listAccessibleCustomers", answer=names))
    closed = {"errorCode": {"authorizationError": "CUSTOMER_NOT_ENABLED"}, "message": "Deactivated."}
    error = {"code": 403, "message": "x", "status": "PERMISSION_DENIED", "details": [{"errors": [closed]}]}
    path = "/v26/customers/5555555555/googleAds:searchStream"
    server.first(Exchange("closed", path, method="POST", status=403, answer=[{"error": error}]))

    report = pipelines.load("google_ads", "entities", window=None, as_of=AS_OF)

    assert report.rows["campaigns"] == 2
    assert report.message is not None
    assert "account 5555555555 is left out" in report.message
    assert "CUSTOMER_NOT_ENABLED" in report.message

    del names["resourceNames"][1]
    with pytest.raises(pipelines.AccessError, match="account 5555555555 is unknown or not accessible"):
        pipelines.load("google_ads", "entities", window=None, as_of=AS_OF)


def test_configured_accounts_that_are_closed_are_named_and_the_others_land(
    server: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__GOOGLE_ADS__CUSTOMER_IDS", "5555555555,7777777777,9999999999")
    closed = {"errorCode": {"authorizationError": "CUSTOMER_NOT_ENABLED"}, "message": "Deactivated."}
    error = {"code": 403, "message": "x", "status": "PERMISSION_DENIED", "details": [{"errors": [closed]}]}
    path = "/v26/customers/5555555555/googleAds:searchStream"
    server.first(Exchange("closed", path, method="POST", status=403, answer=[{"error": error}]))
    client = {"id": "7777777777", "level": "0", "timeZone": "Europe/Berlin", "status": "SUSPENDED"}
    path = "/v26/customers/7777777777/googleAds:searchStream"
    suspended = [{"results": [{"customerClient": client}]}]
    server.first(Exchange("suspended", path, method="POST", answer=suspended))

    for part in ("entities", "daily"):
        report = pipelines.load("google_ads", part, window=WINDOW, as_of=AS_OF)

        assert sorted(report.left_out) == ["5555555555", "7777777777"]
        assert "CUSTOMER_NOT_ENABLED" in str(report.message)
        assert "account 7777777777 is SUSPENDED" in str(report.message)
    assert {row[0] for row in rows(tmp_path, "google_ads", "campaigns", "customer_id")} == {"1234567890"}

    monkeypatch.setenv("SOURCES__GOOGLE_ADS__CUSTOMER_IDS", "7777777777")
    with pytest.raises(pipelines.AccessError, match="account 7777777777 is SUSPENDED"):
        pipelines.load("google_ads", "entities", window=None, as_of=AS_OF)


def test_accounts_are_found_through_managers_and_closed_ones_have_no_figures(
    google: GoogleSandbox, tmp_path: Path
) -> None:
    google.sandbox.faults.set("google_hierarchy", {})
    google.load(tmp_path, ("customers", "customer_settings"), window=WINDOW)
    home = Store(tmp_path)

    found = dict(home.query("SELECT customer_id, level || ' ' || status FROM customers"))
    assert (found[SUB_MANAGER], found[UK], found[CLOSED]) == ("1 ENABLED", "2 ENABLED", "1 CANCELED")
    assert home.query("SELECT customer_id FROM customer_settings ORDER BY 1") == [(SHOP,), (UK,)]


def test_every_version_of_a_conversion_action_is_kept(server: Recorded, tmp_path: Path) -> None:
    action = server["conversion_actions"].answer[0]["results"][0]["conversionAction"]
    for day, window in ((3, "30"), (4, "30"), (5, "60")):
        action["clickThroughLookbackWindowDays"] = window
        pipelines.load("google_ads", "entities", window=None, as_of=datetime(2026, 11, day, 6, tzinfo=UTC))

    versions = "id, click_through_lookback_window_days, day(observed_at), day(superseded_at)"
    assert rows(tmp_path, "google_ads", "conversion_actions", versions) == [
        ("7", 30, 3, 5),
        ("7", 60, 5, None),
    ]


# -- days to load -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "window", "status", "days_ago", "unsettled"),
    [
        ("WEBPAGE", 30, "ENABLED", 91, 32),
        ("WEBPAGE", 1, "ENABLED", 91, 5),
        # clicks of the last 90 days keep the window of their time
        ("WEBPAGE", 60, "ENABLED", 10, 92),
        ("WEBPAGE", 60, "REMOVED", 91, 92),
        ("UPLOAD_CLICKS", 7, "ENABLED", 91, 92),
        (None, 0, "", 0, 92),
    ],
)
def test_days_are_unsettled_for_the_longest_window_of_the_accounts_actions(
    kind: str | None,
    window: int,
    status: str,
    days_ago: int,
    unsettled: int,
    server: Recorded,
    tmp_path: Path,
) -> None:
    tracked_by(server, "1234567890")
    action = server["conversion_actions"].answer[0]["results"][0]["conversionAction"]
    changed = AS_OF - timedelta(days=days_ago)
    if kind is not None:
        for as_of, then in (
            (changed - timedelta(days=1), {"clickThroughLookbackWindowDays": "90"}),
            (changed, {"clickThroughLookbackWindowDays": str(window), "status": status}),
        ):
            action |= {"type": kind, **then}
            pipelines.load("google_ads", "entities", window=None, as_of=as_of)

    landing = Landing("google_ads", AS_OF, None, RawStore(tmp_path / "raw" / "google_ads.duckdb"))
    # 2 a.m. in New York
    assert source.span(landing, DAILY[0], "1234567890") == Span(date(2023, 10, 3), unsettled)
    assert source.span(landing, CLICK_VIEWS, "1234567890") == Span(date(2026, 8, 6), 3)
    assert source.accounts(landing) == ("1234567890",)
    assert landing.store.is_new(CONVERSION_ACTIONS) is (kind is None)
    landing.close()


@pytest.mark.parametrize(("window", "unsettled"), [("60", 62), (None, 92)])
def test_a_managers_actions_land_for_the_account_that_uses_them(
    window: str | None, unsettled: int, server: Recorded, tmp_path: Path
) -> None:
    own = server["conversion_actions"].answer[0]["results"]
    exchange = server["conversion_actions of the manager"]
    shared = {"id": "99", "name": "Of the manager", "ownerCustomer": f"customers/{MANAGER}"}
    if window is None:
        denied = {"errorCode": {"authorizationError": "USER_PERMISSION_DENIED"}, "message": "No."}
        error = {
            "code": 403,
            "message": "x",
            "status": "PERMISSION_DENIED",
            "details": [{"errors": [denied]}],
        }
        exchange.status, exchange.answer = 403, [{"error": error}]
    else:
        shared |= {"status": "ENABLED", "type": "WEBPAGE", "clickThroughLookbackWindowDays": window}
        # an action that both list lands once
        exchange.answer[0]["results"] = [{"conversionAction": shared}, *own]
    report = pipelines.load("google_ads", "entities", window=None, as_of=AS_OF)

    actions = "customer_id, id, owner_customer_id, click_through_lookback_window_days"
    expected: list[tuple[Any, ...]] = [("1234567890", "7", None, 30)]
    if window is None:
        assert "actions that a manager shares with account 1234567890 are unknown" in (report.message or "")
    else:
        expected.append(("1234567890", "99", MANAGER, 60))
        assert report.message is None
    assert rows(tmp_path, "google_ads", "conversion_actions", actions) == expected

    landing = Landing("google_ads", AS_OF, None, RawStore(tmp_path / "raw" / "google_ads.duckdb"))
    assert source.span(landing, DAILY[0], "1234567890").unsettled == unsettled
    landing.close()


def test_a_shorter_month_uses_its_last_day() -> None:
    assert months_before(date(2026, 3, 31), 37) == date(2023, 2, 28)
    assert months_before(date(2026, 1, 15), 37) == date(2022, 12, 15)


# -- vector N8: when figures are complete ------------------------------------------------------------------


def test_vector_n8_clicks_until_six_are_visible_by_nine(google: GoogleSandbox, tmp_path: Path) -> None:
    day = date(2026, 10, 20)
    # six and nine in the evening in New York
    six, nine = "2026-10-20T22:00:00+00:00", "2026-10-21T01:00:00+00:00"
    midnight = datetime(2026, 10, 20, 4, tzinfo=UTC)
    hours = range(hour_index(midnight), hour_index(datetime.fromisoformat(six)))
    own = [p for p in google.sandbox.company.placements if p.account.id == SHOP]
    made = sum(int(google.sandbox.world.delivery.clicks[p.key][hour]) for p in own for hour in hours)
    seen = []
    for moment in (six, nine):
        google.at(moment)
        google.load(tmp_path, ("campaign_metrics",), window=Window(day, date.fromisoformat(moment[:10])))
        query = "SELECT sum(clicks) FROM campaign_metrics WHERE date = ? AND superseded_at IS NULL"
        seen += [clicks for (clicks,) in Store(tmp_path).query(query, day)]

    assert seen[0] < made == seen[1]


def test_vector_n8_data_driven_conversions_arrive_up_to_fifteen_hours_late(
    google: GoogleSandbox, tmp_path: Path
) -> None:
    # the newest day with a conversion that was not visible at its end
    late = [
        c
        for c in google.sandbox.google[SHOP]
        if c.rule.model == DATA_DRIVEN
        and c.rule.in_headline
        and c.event_type == "INTERACTION"
        and c.visible_at.hour in (5, 6, 7, 8)
    ]
    day = max(c.converted_on for c in late if c.converted_on < date(2026, 10, 25))
    end = datetime(day.year, day.month, day.day, 4, tzinfo=UTC) + timedelta(days=1)
    query = """SELECT sum(conversions_by_conversion_date) FROM campaign_conversions
        WHERE date = ? AND superseded_at IS NULL"""
    seen = []
    for hours in (0, 15, 120):
        now = google.at((end + timedelta(hours=hours)).isoformat())
        google.load(tmp_path, ("campaign_conversions",), window=Window(day, now.date()))
        seen += [conversions or 0 for (conversions,) in Store(tmp_path).query(query, day)]

    assert seen[0] < seen[1] == pytest.approx(seen[2])


# -- volume -----------------------------------------------------------------------------------------------


def test_five_thousand_clicks_a_day_stay_cheap(
    google: GoogleSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def click(day: str, number: int) -> dict[str, Any]:
        return {
            "campaign": {"id": "9"},
            "adGroup": {"id": "5"},
            "clickView": {
                "gclid": f"Cj0K{day}{number:060d}",
                "adGroupAd": f"customers/{SHOP}/adGroupAds/5~6",
            },
            "metrics": {"clicks": "1"},
            "segments": {
                "date": day,
                "device": "MOBILE",
                "clickType": "URL_CLICKS",
                "adNetworkType": "SEARCH",
            },
        }

    window = Window(date(2026, 10, 22), date(2026, 10, 31))
    bodies = {
        str(day): orjson.dumps([{"results": [click(str(day), number) for number in range(5000)]}])
        for day in window.days()
    }

    def made(self: api.GoogleAds, account: str, text: str) -> Iterator[Page]:
        yield Page(bodies[text.split("'")[1]], (("customer_id", account),))

    monkeypatch.setattr(api.GoogleAds, "rows", made)
    started = time.process_time()
    (report,) = google.load(tmp_path, ("click_views",), window=window)
    assert report.rows == {"click_views": 50_000}
    assert time.process_time() - started < 15
