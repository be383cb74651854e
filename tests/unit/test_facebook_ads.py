"""Meta's rate limits and errors, splitting of days, pages of ads."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from ingestion.http.pacing import Limit
from ingestion.landing.planning import Window
from ingestion.sources.facebook_ads.api import judge
from ingestion.sources.facebook_ads.insights import halves
from ingestion.sources.facebook_ads.pages import page_ids, promoted_ad
from ingestion.sources.facebook_ads.usage import Usage, pace, usage


def headers(**usage_headers: Any) -> dict[str, str]:
    return {f"x-{name.replace('_', '-')}": json.dumps(value) for name, value in usage_headers.items()}


@pytest.mark.parametrize(
    ("usage_headers", "expected"),
    [
        ({}, None),
        ({"app_usage": {"call_count": 12, "total_time": 30, "total_cputime": 5}}, Usage(30, 0)),
        (
            {
                "business_use_case_usage": {
                    "1": [
                        {"type": "ads_insights", "call_count": 28, "total_cputime": 91, "total_time": 12},
                        {"type": "leadgen", "call_count": 100, "estimated_time_to_regain_access": 4},
                    ]
                }
            },
            Usage(100, 240),
        ),
        # the time until the usage is zero is not a waiting time
        ({"ad_account_usage": {"acc_id_util_pct": 9.67, "reset_time_duration": 100}}, Usage(9.67, 0)),
        ({"ad_account_usage": {"acc_id_util_pct": 100, "reset_time_duration": 300}}, Usage(100, 300)),
        ({"fb_ads_insights_throttle": {"app_id_util_pct": 40, "acc_id_util_pct": 80}}, Usage(80, 0)),
        ({"business_use_case_usage": {"1": [{"estimated_time_to_regain_access": 3}]}}, Usage(100, 180)),
        ({"app_usage": "none"}, None),
    ],
)
def test_the_highest_usage_counts(usage_headers: dict[str, Any], expected: Usage | None) -> None:
    assert usage(headers(**usage_headers)) == expected


def test_requests_slow_down_as_usage_rises() -> None:
    def paced(percent: float) -> Limit:
        limit = pace(headers(app_usage={"call_count": percent}))
        assert limit is not None
        return limit

    assert paced(75).requests > 100
    near = [paced(percent) for percent in (80, 90, 100, 130)]
    assert {limit.requests for limit in near} == {1}
    assert [limit.seconds for limit in near] == pytest.approx([2.4, 21.6, 60, 60])
    assert pace({}) is None


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        *(({"code": code}, "throttled") for code in (4, 17, 32, 613, 80000, 80004, 80005, 80008, 80014)),
        ({"code": 1, "message": "Please reduce the amount of data you're asking for"}, "too_large"),
        ({"code": 100, "error_subcode": 1504018}, "too_large"),
        *(({"code": code}, "transient") for code in (1, 2)),
        ({"code": 99, "is_transient": True}, "transient"),
        ({"code": 100, "message": "(#100) Cannot include reach in summary param because …"}, "transient"),
        ({"code": 190, "error_subcode": 463}, "token"),
        ({"code": 100, "error_subcode": 33}, "account"),
        *(({"code": code}, "access") for code in (10, 200, 273, 299)),
        ({"code": 3018}, "request"),
    ],
)
def test_the_error_body_decides_the_fault(error: dict[str, Any], kind: str) -> None:
    found = judge(400, {}, {"error": error})

    assert found is not None
    assert found.kind == kind


@pytest.mark.parametrize("days", [2, 3, 30])
def test_halves_cover_every_day_once(days: int) -> None:
    whole = Window(date(2026, 10, 1), date(2026, 10, days))
    later, earlier = halves(whole)

    assert [*earlier.days(), *later.days()] == list(whole.days())


@pytest.mark.parametrize(
    ("row", "pages", "form"),
    [
        ({"adset": {"promoted_object": {"page_id": "1"}}}, ("1",), None),
        (
            {
                "adset": {"promoted_object": {"pixel_id": "9"}},
                "creative": {"object_story_spec": {"page_id": 2}},
            },
            ("2",),
            None,
        ),
        ({"creative": {"effective_object_story_id": "3_77"}}, ("3",), None),
        ({"creative": {"effective_object_story_id": "77"}}, (), None),
        # the actor may be an Instagram account: it counts only without another page
        ({"creative": {"effective_object_story_id": "3_77", "actor_id": "4"}}, ("3",), None),
        ({"creative": {"actor_id": "4"}}, ("4",), None),
        (
            {
                "adset": {"promoted_object": {"page_id": "1"}},
                "creative": {
                    "object_story_spec": {
                        "page_id": "2",
                        "video_data": {"call_to_action": {"value": {"lead_gen_form_id": "88"}}},
                    }
                },
            },
            ("1", "2"),
            "88",
        ),
        (
            {"creative": {"asset_feed_spec": {"call_to_actions": [{"value": {"lead_gen_form_id": 89}}]}}},
            (),
            "89",
        ),
        ({"creative": None}, (), None),
    ],
)
def test_an_ad_has_its_pages_and_its_lead_form(
    row: dict[str, Any], pages: tuple[str, ...], form: str | None
) -> None:
    found = promoted_ad({"id": "7", **row})
    assert (found.id, found.page_ids, found.form_id) == ("7", pages, form)


def test_a_page_is_read_once() -> None:
    ads = [promoted_ad({"id": "7", "creative": {"object_story_spec": {"page_id": page}}}) for page in "213"]
    assert page_ids(["3", "1"], ads) == ("3", "1", "2")
