"""Landed rows of recorded answers of Meta that the simulated account does not send."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ingestion import pipelines
from tests.recorded.server import Exchange, Recorded, serve
from tests.recorded.world import AS_OF, WINDOW, configure, rows

PAGE = "301"
CREATIVES = "/v26.0/act_1700252/adcreatives"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorded]:
    with serve("facebook_ads") as recorded:
        configure(monkeypatch, tmp_path, "facebook_ads", recorded)
        yield recorded


def load(part: str = "entities") -> pipelines.LoadReport:
    return pipelines.load("facebook_ads", part, window=WINDOW, as_of=AS_OF)


def link(url: str, form: str | None = None) -> dict[str, Any]:
    value = {"link": url} | ({"lead_gen_form_id": form} if form else {})
    return {"link": url, "call_to_action": {"type": "LEARN_MORE", "value": value}}


@pytest.mark.parametrize(
    ("creative", "first", "urls", "form"),
    [
        (
            {
                "object_story_spec": {
                    "link_data": {
                        **link("https://ex.test/all"),
                        "child_attachments": [
                            link("https://ex.test/1"),
                            link("https://ex.test/2"),
                            link("https://ex.test/1"),
                        ],
                    }
                }
            },
            "https://ex.test/all",
            ["https://ex.test/1", "https://ex.test/2", "https://ex.test/all"],
            None,
        ),
        (
            {
                "object_story_spec": {
                    "video_data": {"call_to_action": link("https://ex.test/v")["call_to_action"]}
                }
            },
            "https://ex.test/v",
            ["https://ex.test/v"],
            None,
        ),
        (
            {"object_story_spec": {"template_data": {"link": "https://ex.test/{{product.id}}"}}},
            "https://ex.test/{{product.id}}",
            ["https://ex.test/{{product.id}}"],
            None,
        ),
        (
            {
                "asset_feed_spec": {
                    "link_urls": [{"website_url": "https://ex.test/a"}, {"website_url": "https://ex.test/b"}],
                    "call_to_actions": [
                        {"type": "SIGN_UP", "value": {"link": "https://fb.me/", "lead_gen_form_id": "88"}}
                    ],
                }
            },
            "https://ex.test/a",
            ["https://ex.test/a", "https://ex.test/b", "https://fb.me/"],
            "88",
        ),
        (
            {"link_url": "https://ex.test/page-like"},
            "https://ex.test/page-like",
            ["https://ex.test/page-like"],
            None,
        ),
        # an existing post: the creative contains no link
        ({"effective_object_story_id": "301_7"}, None, [], None),
    ],
    ids=["carousel", "video", "catalogue", "assets", "plain", "post"],
)
def test_every_link_of_a_creative_lands(
    creative: dict[str, Any],
    first: str | None,
    urls: list[str],
    form: str | None,
    server: Recorded,
    tmp_path: Path,
) -> None:
    server.first(Exchange("creative", CREATIVES, answer={"data": [{"id": "9", **creative}]}))
    load()
    (found,) = rows(
        tmp_path, "facebook_ads", "ad_creatives", "link_url, urls, lead_gen_form_id, is_lead_form"
    )

    assert (found[0], json.loads(found[1]), *found[2:]) == (first, urls, form, form is not None)


def lead(number: str, answers: dict[str, list[str]], **more: Any) -> dict[str, Any]:
    given = [{"name": name, "values": values} for name, values in answers.items()]
    sent = {"created_time": "2026-11-01T10:00:00+0000", "form_id": "88", "field_data": given}
    return {"id": number, **sent, **more}


@pytest.fixture
def page(server: Recorded, monkeypatch: pytest.MonkeyPatch) -> Recorded:
    """The recorded account with a page and one form."""
    monkeypatch.setenv("SOURCES__FACEBOOK_ADS__PAGE_IDS", PAGE)
    server.first(Exchange("page", f"/v26.0/{PAGE}", answer={"access_token": "EAAP-page-secret", "id": PAGE}))
    form = {"id": "88", "name": "Guide", "status": "ACTIVE", "leads_count": 3}
    server.first(Exchange("forms", f"/v26.0/{PAGE}/leadgen_forms", answer={"data": [form]}))
    server.first(Exchange("leads", "/v26.0/88/leads", answer={"data": []}))
    return server


def test_only_the_email_of_a_leads_answers_lands(page: Recorded, tmp_path: Path) -> None:
    page["leads"].answer = {
        "data": [
            lead(
                "3301", {"email": ["a@ex.test"], "full_name": ["Ann Secretname"]}, ad_id="7", is_organic=False
            ),
            lead("3302", {"full_name": ["Bo Secretname"], "work_email": ["b@ex.test"]}, is_organic=True),
            lead("3303", {"phone_number": ["+49 30 1"]}),
            lead("3304", {"email": ["<test lead: dummy data for email>"]}, is_organic=True),
            lead("3305", {"email": ["c@ex.test"], "full_name": ["Cy Secretname"]}, created_time="yesterday"),
        ]
    }
    report = load()
    landed = rows(
        tmp_path, "facebook_ads", "leads", "id, page_id, form_id, ad_id, is_organic, is_test, email"
    )

    assert landed == [
        ("3301", PAGE, "88", "7", False, False, "a@ex.test"),
        ("3302", PAGE, "88", None, True, False, "b@ex.test"),
        ("3303", PAGE, "88", None, None, False, None),
        ("3304", PAGE, "88", None, True, True, "<test lead: dummy data for email>"),
    ]
    assert report.quarantined == 1
    ((rejected,),) = rows(tmp_path, "facebook_ads", "quarantine", "record")
    assert json.loads(rejected)["field_data"] == "<list>"
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for text in (b"Secretname", b"c@ex.test", b"+49 30 1", b"EAAP-page-secret"):
        assert text not in written


def test_leads_are_requested_from_a_day_before_the_newest_known_one(page: Recorded, tmp_path: Path) -> None:
    page["leads"].answer = {"data": [lead("3301", {"email": ["a@ex.test"]})]}
    load()
    page["leads"].answer = {"data": [lead("3302", {"email": ["b@ex.test"]})]}
    load()
    first, second = page.asked("/v26.0/88/leads")

    assert "filtering" not in first.query
    day_before = int(datetime(2026, 10, 31, 10, tzinfo=UTC).timestamp())
    assert json.loads(second.query["filtering"]) == [
        {"field": "time_created", "operator": "GREATER_THAN", "value": day_before}
    ]
    assert [request.headers["authorization"] for request in (first, second)] == [
        "Bearer EAAP-page-secret"
    ] * 2
    assert rows(tmp_path, "facebook_ads", "leads", "id") == [("3301",), ("3302",)]


def test_a_token_without_the_page_leaves_its_leads_out_with_a_notice(page: Recorded, tmp_path: Path) -> None:
    page["page"].answer = {"id": PAGE}
    report = load()

    assert report.message is not None
    assert f"page {PAGE} returned no page access token" in report.message
    assert rows(tmp_path, "facebook_ads", "campaigns", "id") == [("6215",), ("6216",)]
    assert rows(tmp_path, "facebook_ads", "leads") == []


def test_insights_are_requested_with_statuses_and_windows(server: Recorded) -> None:
    load("daily")
    asked = {request.query["level"]: request.query for request in server.asked("/v26.0/act_1700252/insights")}

    for level in ("campaign", "ad"):
        (rule,) = json.loads(asked[level]["filtering"])
        assert (rule["field"], rule["operator"]) == (f"{level}.effective_status", "IN")
        assert {"ACTIVE", "ARCHIVED", "DELETED"} <= set(rule["value"])
        windows = json.loads(asked[level]["action_attribution_windows"])
        assert windows == ["1d_click", "7d_click", "28d_click", "1d_view", "1d_ev"]
        assert not {"action_report_time", "use_unified_attribution_setting"} & set(asked[level])
