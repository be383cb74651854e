"""The parts of the networks' interfaces that need no request: query language, dates, counters, windows."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from sandbox.apis import gaql
from sandbox.apis.google_ads.account_reports import lag_bucket
from sandbox.apis.limits import DailyQuota, PerSetting, months_before
from sandbox.world.company import Ad, AdGroup
from sandbox.world.extra_accounts import ExtraAccounts
from sandbox.world.setup import build_company

TODAY = date(2026, 11, 4)


def conditions(text: str) -> list[gaql.Condition]:
    return list(gaql.parse(f"SELECT campaign.id FROM campaign WHERE {text}").where)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("segments.date = '2026-10-01'", ("2026-10-01", "2026-10-01")),
        ("segments.date BETWEEN '2026-10-01' AND '2026-10-05'", ("2026-10-01", "2026-10-05")),
        ("segments.date > '2026-10-01' AND segments.date < '2026-10-05'", ("2026-10-02", "2026-10-04")),
        ("segments.date IN ('2026-10-09', '2026-10-02')", ("2026-10-02", "2026-10-09")),
        ("segments.date DURING LAST_7_DAYS", ("2026-10-28", "2026-11-03")),
        ("segments.date DURING LAST_WEEK_MON_SUN", ("2026-10-26", "2026-11-01")),
        ("segments.date DURING THIS_WEEK_SUN_TODAY", ("2026-11-01", "2026-11-04")),
        ("segments.date >= '2026-10-01'", None),
        ("segments.date != '2026-10-01'", None),
    ],
)
def test_conditions_span_days(text: str, days: tuple[str, str] | None) -> None:
    found = gaql.span(conditions(text), TODAY)
    assert (found and tuple(str(day) for day in found)) == days


def test_a_date_that_is_none_is_refused() -> None:
    with pytest.raises(gaql.QueryError) as refused:
        gaql.span(conditions("segments.date = 'soon'"), TODAY)
    assert (refused.value.kind, refused.value.code) == ("dateRangeError", "INVALID_DATE")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ad.urls CONTAINS ANY ('b', 'c')", True),
        ("ad.urls CONTAINS ALL ('a', 'c')", False),
        ("ad.urls CONTAINS NONE ('c')", True),
        ("ad.urls CONTAINS NONE ('a')", False),
    ],
)
def test_lists_contain(text: str, expected: bool) -> None:
    (condition,) = conditions(text)
    assert gaql.matches(condition, ["a", "b"], TODAY) is expected


@pytest.mark.parametrize(("pattern", "expected"), [("Brand.*", True), ("rand", False)])
def test_regular_expressions_match_the_whole(pattern: str, expected: bool) -> None:
    (condition,) = conditions(f"campaign.name REGEXP_MATCH '{pattern}'")
    assert gaql.matches(condition, "Brand Search", TODAY) is expected


@pytest.mark.parametrize(
    ("delay", "bucket"),
    [
        (timedelta(hours=23), "LESS_THAN_ONE_DAY"),
        (timedelta(days=1), "ONE_TO_TWO_DAYS"),
        (timedelta(days=13, hours=1), "THIRTEEN_TO_FOURTEEN_DAYS"),
        (timedelta(days=14), "FOURTEEN_TO_TWENTY_ONE_DAYS"),
        (timedelta(days=89), "SIXTY_TO_NINETY_DAYS"),
        (timedelta(days=90), "SIXTY_TO_NINETY_DAYS"),
    ],
)
def test_lags_have_googles_names(delay: timedelta, bucket: str) -> None:
    assert lag_bucket(delay) == bucket


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2026, 11, 1), 37, date(2023, 10, 1)),
        (date(2026, 3, 31), 1, date(2026, 2, 28)),
        (date(2026, 1, 15), 1, date(2025, 12, 15)),
        (date(2024, 2, 29), 12, date(2023, 2, 28)),
    ],
)
def test_months_end_on_their_last_day(day: date, months: int, expected: date) -> None:
    assert months_before(day, months) == expected


def test_a_daily_quota_counts_each_name_and_starts_anew_at_midnight() -> None:
    quota = DailyQuota()
    evening = datetime(2026, 11, 1, 23, 59, tzinfo=UTC)
    assert [quota.admit("a", evening, 2, None) for _ in range(3)] == [True, True, False]
    assert quota.admit("b", evening, 2, None)
    assert quota.admit("a", evening + timedelta(minutes=1), 2, None)


def test_a_quota_counts_the_last_second(monkeypatch: pytest.MonkeyPatch) -> None:
    at = [100.0]
    monkeypatch.setattr("sandbox.apis.limits.time.monotonic", lambda: at[0])
    quota, day = DailyQuota(), datetime(2026, 11, 1, tzinfo=UTC)
    assert [quota.admit("a", day, None, 1) for _ in range(2)] == [True, False]
    at[0] += 1.1
    assert quota.admit("a", day, None, 1)


def test_a_counter_starts_anew_with_each_setting_of_its_switch() -> None:
    counters = PerSetting(lambda rule: [rule["seconds"]])
    first, second = {"seconds": 1}, {"seconds": 1}
    counters.of(first).append(2)
    assert counters.of(first) == [1, 2]
    assert counters.of(second) == [1]


def test_windows_of_an_ad_set_hold_from_their_change_on() -> None:
    change = datetime(2026, 11, 9, tzinfo=UTC)
    group = AdGroup("1", "G", (Ad("2", "A", "home"),), rewindowed=(change, 1, 0))
    assert group.windows(change - timedelta(seconds=1)) == (7, 1)
    assert group.windows(change) == (1, 0)


def test_further_accounts_share_no_id_with_the_companys_own() -> None:
    company = build_company()
    further = ExtraAccounts(company, 7)
    own = {placement.key for placement in company.placements}
    assert not own & {placement.key for placement in further.placements}
    assert all(sum(further.delivery.clicks[placement.key]) > 0 for placement in further.placements)
