"""LinkedIn's rules, posts and days over several loads of recorded answers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from ingestion import pipelines
from ingestion.landing.resources import Landing, Span
from ingestion.landing.store import Store
from ingestion.pipelines import Window
from ingestion.sources.linkedin_ads import settings, source, tables
from tests.recorded.server import Recorded, serve
from tests.recorded.world import AS_OF, WINDOW, configure, rows

ACCOUNT = "500000001"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorded]:
    with serve("linkedin_ads") as recorded:
        configure(monkeypatch, tmp_path, "linkedin_ads", recorded)
        yield recorded


def load(as_of: datetime = AS_OF, part: str = "entities") -> pipelines.LoadReport:
    return pipelines.load("linkedin_ads", part, window=WINDOW, as_of=as_of)


def rule(server: Recorded) -> dict[str, Any]:
    found: dict[str, Any] = server["conversions 1"].answer["elements"][0]
    return found


def test_every_version_of_a_rule_is_kept_with_the_time_it_was_listed_so(
    server: Recorded, tmp_path: Path
) -> None:
    later, last = AS_OF + timedelta(days=1), AS_OF + timedelta(days=2)
    rule(server)["campaigns"] = ["urn:li:sponsoredCampaign:1", "urn:li:sponsoredCampaign:2"]
    load()
    rule(server)["campaigns"].reverse()
    load(later)
    rule(server)["postClickAttributionWindowSize"] = 60
    rule(server)["lastModified"] = 1762000000000
    load(last)

    versions = "post_click_window_days, observed_at, superseded_at"
    assert rows(tmp_path, "linkedin_ads", "conversions", versions, "id = '104004'") == [
        (30, AS_OF, last),
        (60, last, None),
    ]
    others = rows(tmp_path, "linkedin_ads", "conversions", versions, "id = '104005'")
    assert others == [(90, AS_OF, None)]


@pytest.mark.parametrize(
    ("windows", "unsettled"), [((30, 7), 33), ((7, 30), 33), ((None, None), 93), ((365, 90), 368)]
)
def test_days_stay_unsettled_as_long_as_the_longest_window_of_the_accounts_rules(
    windows: tuple[int | None, int | None], unsettled: int, server: Recorded, tmp_path: Path
) -> None:
    landing = Landing("linkedin_ads", AS_OF, None, Store(tmp_path / "raw" / "linkedin_ads.duckdb"))
    first = source.span(landing, tables.CAMPAIGN_ANALYTICS, ACCOUNT)
    assert first.unsettled == settings.RESTATEMENT_DAYS == 93

    for exchange in ("conversions 1", "conversions 2"):
        for found in server[exchange].answer["elements"]:
            found["postClickAttributionWindowSize"], found["viewThroughAttributionWindowSize"] = windows
    load()
    assert source.span(landing, tables.CAMPAIGN_ANALYTICS, ACCOUNT) == Span(first.earliest, unsettled)
    assert source.span(landing, tables.CAMPAIGN_ANALYTICS, "7").unsettled == 93
    assert first.earliest is not None
    assert (AS_OF.date() - first.earliest).days == 3650
    # a refresh without a range goes back as far as the account with the longest window needs
    assert source.unsettled_days(landing.store) == unsettled


def test_a_refresh_goes_back_as_far_as_the_longest_window(server: Recorded) -> None:
    year = WINDOW.start - timedelta(days=400)
    for window in (Window(year, year), WINDOW):
        pipelines.load("linkedin_ads", "daily", window=window, as_of=AS_OF)
    assert pipelines.unsettled_since("linkedin_ads") == WINDOW.end - timedelta(days=93)

    rule(server)["postClickAttributionWindowSize"] = 365
    load()
    assert pipelines.unsettled_since("linkedin_ads") == WINDOW.end - timedelta(days=368)


@pytest.mark.parametrize(
    ("post", "landing_url", "urls"),
    [
        (
            {"contentLandingPage": "https://ex.test/a", "content": {"media": {}}},
            "https://ex.test/a",
            ["https://ex.test/a"],
        ),
        (
            {"content": {"article": {"source": "https://ex.test/b"}}},
            "https://ex.test/b",
            ["https://ex.test/b"],
        ),
        (
            {
                "content": {
                    "carousel": {
                        "cards": [
                            {"landingPage": "https://ex.test/d"},
                            {},
                            {"landingPage": "https://ex.test/c"},
                            {"landingPage": "https://ex.test/d"},
                        ]
                    }
                }
            },
            "https://ex.test/d",
            ["https://ex.test/c", "https://ex.test/d"],
        ),
        ({"content": {"media": {"id": "urn:li:video:1"}}}, None, []),
        (None, None, []),
    ],
)
def test_sponsored_content_has_the_link_of_its_post(
    post: dict[str, Any] | None,
    landing_url: str | None,
    urls: list[str],
    server: Recorded,
    tmp_path: Path,
) -> None:
    urn = "urn:li:share:7"
    server["posts"].answer = (
        {"results": {urn: post}, "errors": {}}
        if post
        else {"results": {}, "errors": {urn: {"status": 404, "message": "Post not found"}}}
    )
    assert load().message is None

    found = [
        (creative, first, orjson.loads(every))
        for creative, first, every in rows(tmp_path, "linkedin_ads", "creatives", "id, landing_url, urls")
    ]
    text = "https://ex.test/text"
    assert found == [("280000001", landing_url, urls), ("280000002", text, [text])]
    (asked,) = server.asked("/rest/posts")
    assert asked.target == "/rest/posts?ids=List(urn%3Ali%3Ashare%3A7)"
    assert asked.headers["x-restli-method"] == "BATCH_GET"


def test_figures_are_requested_with_twenty_fields_at_most(server: Recorded) -> None:
    load(part="daily")

    asked = [request.query["fields"].split(",") for request in server.asked("/rest/adAnalytics")]
    assert max(map(len, asked)) == 20
    assert all(fields[:2] == ["dateRange", "pivotValues"] for fields in asked)
    by_campaign = {
        field
        for request in server.asked("/rest/adAnalytics")
        if request.query.get("pivot") == "CAMPAIGN"
        for field in request.query["fields"].split(",")
    }
    assert len(by_campaign) > 25
    assert {"qualifiedLeads", "oneClickLeadFormOpens", "viralOneClickLeads"} < by_campaign


def test_leads_are_requested_by_account_and_time(server: Recorded) -> None:
    load()
    later = AS_OF + timedelta(days=30)
    for exchange in server.exchanges:
        exchange.headers["Date"] = format_datetime(later, usegmt=True)
    load(later)

    first, *_, last = (request.target for request in server.asked("/rest/leadFormResponses"))
    owner = "&owner=(sponsoredAccount:urn%3Ali%3AsponsoredAccount%3A500000001)&leadType=(leadType:SPONSORED)"
    year, month = AS_OF - timedelta(days=365), AS_OF - timedelta(days=3)
    now, then = AS_OF, AS_OF + timedelta(days=30)

    def span(start: datetime, end: datetime) -> str:
        return f"(start:{int(start.timestamp()) * 1000},end:{int(end.timestamp()) * 1000})"

    assert f"{owner}&submittedAtTimeRange={span(year, now)}&" in first
    assert f"{owner}&submittedAtTimeRange={span(month, then)}&" in last


def test_posts_of_a_page_without_a_role_add_a_notice(server: Recorded, tmp_path: Path) -> None:
    refused = {"status": 403, "message": "Not enough permissions to access: GET /posts"}
    server["posts"].answer = {"results": {}, "errors": {"urn:li:share:7": refused}}

    assert "landing pages of some sponsored content are unknown" in (load().message or "")
    assert rows(tmp_path, "linkedin_ads", "creatives", "landing_url")[1:] == [(None,)]


def test_leads_of_an_unlisted_form_land_without_email_and_with_a_notice(
    server: Recorded, tmp_path: Path
) -> None:
    server["lead_forms"].answer = {"elements": [], "paging": {"total": 0}}

    assert "does not list their lead forms 685" in (load().message or "")
    assert rows(tmp_path, "linkedin_ads", "lead_form_responses", "id, email") == [("f0a-4", None)]


def test_question_ids_are_looked_up_in_the_leads_own_form(server: Recorded, tmp_path: Path) -> None:
    # the question id of the first name in this form is that of the e-mail address in the other
    other = {"questionId": 2001, "name": "Email", "predefinedField": "EMAIL"}
    answer = server["lead_forms"].answer
    answer["elements"].append({**answer["elements"][0], "id": 686, "content": {"questions": [other]}})
    answer["paging"]["total"] = 2
    load()

    assert rows(tmp_path, "linkedin_ads", "lead_form_responses", "id, email") == [("f0a-4", "ada@ex.test")]
