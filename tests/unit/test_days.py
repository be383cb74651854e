"""Which days a refresh reads, and which ranges it refuses."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from adledger.options import check_range, parse_day, parse_instant
from orchestration.execution.window import FIRST_DAY, default_range
from reporting.explain.options import InvalidOption

NOW = datetime(2026, 11, 1, 6, tzinfo=UTC)
TODAY = date(2026, 11, 1)


def test_first_refresh_reads_ninety_days() -> None:
    start, end = default_range(NOW, TODAY, [None, None])
    assert ((end - start).days + 1, end) == (90, TODAY)


def test_later_refreshes_start_where_the_oldest_unsettled_day_lies() -> None:
    oldest = date(2026, 7, 31)
    assert default_range(NOW, TODAY, [date(2026, 10, 1), oldest]) == (oldest, TODAY)


def test_a_source_that_never_landed_pulls_the_start_back_to_ninety_days() -> None:
    assert default_range(NOW, TODAY, [date(2026, 10, 30), None]) == (TODAY - timedelta(days=89), TODAY)


def test_the_default_neither_begins_before_the_first_day_nor_ends_after_today() -> None:
    assert default_range(NOW, TODAY, [FIRST_DAY - timedelta(days=1)])[0] == FIRST_DAY
    assert default_range(NOW + timedelta(days=1), TODAY, [None])[1] == TODAY


def test_an_as_of_before_what_landed_reads_no_empty_range() -> None:
    start, end = default_range(datetime(2026, 1, 1, tzinfo=UTC), TODAY, [TODAY])
    assert start <= end == date(2026, 1, 1)


def test_as_of_is_an_instant_with_a_time_zone() -> None:
    assert parse_instant("2026-10-31T23:30:00-05:00", NOW - timedelta(0)) == datetime(
        2026, 11, 1, 4, 30, tzinfo=UTC
    )
    assert parse_instant(None, NOW.replace(microsecond=7)) == NOW


@pytest.mark.parametrize(
    "text", ["yesterday", "2026-11-01T06:00:00", "2026-11-02T06:00:01Z", "2026-13-01T00:00:00Z"]
)
def test_as_of_refuses_what_it_cannot_mean(text: str) -> None:
    with pytest.raises(InvalidOption) as refused:
        parse_instant(text, NOW)
    assert refused.value.option == "--as-of"
    assert text in str(refused.value)


def test_days_are_iso_dates() -> None:
    assert parse_day("--start", "2026-10-05") == date(2026, 10, 5)
    with pytest.raises(InvalidOption) as refused:
        parse_day("--end", "05.10.2026")
    assert refused.value.option == "--end"


@pytest.mark.parametrize(
    ("start", "end", "option"),
    [
        (date(2026, 10, 2), date(2026, 10, 1), "--start"),
        (FIRST_DAY - timedelta(days=1), date(2026, 10, 1), "--start"),
        (None, FIRST_DAY - timedelta(days=1), "--end"),
        (None, date(2026, 11, 2), "--end"),
        (date(2026, 11, 2), None, "--start"),
    ],
)
def test_ranges_that_cannot_be_read_are_refused(start: date | None, end: date | None, option: str) -> None:
    with pytest.raises(InvalidOption) as refused:
        check_range(start, end, NOW, TODAY)
    assert refused.value.option == option


def test_an_account_east_of_utc_may_be_a_day_ahead() -> None:
    check_range(None, date(2026, 11, 2), NOW, date(2026, 11, 20))
    with pytest.raises(InvalidOption):
        check_range(None, date(2026, 11, 3), NOW, date(2026, 11, 20))
