"""The days that a load requests, and their order: new days first, then days that can still change."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.landing.arrow import Column, Table
from ingestion.landing.planning import PASS_DAYS, Pass, Reread, Span, Window, passes
from ingestion.landing.store import Store

DAILY = Table(
    "metrics",
    "data[]",
    (Column("account_id", "id"), Column("date", "date", "date", required=True)),
    key=("account_id", "date"),
    disposition="observe",
)
TODAY = date(2026, 11, 1)
FIRST = TODAY - timedelta(days=899)
offsets = st.integers(0, 899)


def day(offset: int) -> date:
    return FIRST + timedelta(days=offset)


class Landed(Store):
    """A store with these days of each account, perhaps in a table that lacks a column."""

    def __init__(self, read: Mapping[str, set[date]], lacks_column: bool = False) -> None:
        super().__init__(Path("unused"))
        object.__setattr__(self, "read", read)
        object.__setattr__(self, "lacks_column", lacks_column)

    def has(self, *tables: str) -> bool:
        return True

    def is_new(self, *tables: Table) -> bool:
        return bool(self.__dict__["lacks_column"])

    def rows(self, query: str, parameters: object = ()) -> list[tuple[object, ...]]:
        read: Mapping[str, set[date]] = self.__dict__["read"]
        return [(account, list(days)) for account, days in read.items() if days]


def planned(
    read: Mapping[str, set[date]],
    window: Window,
    reread: Reread,
    span: Span,
    complete: date | None = None,
    accounts: tuple[str, ...] = ("1", "2"),
) -> list[Pass]:
    return passes(Landed(read), [DAILY], accounts, lambda table, account: span, window, reread, complete)


def days_of(found: list[Pass], account: str) -> list[date]:
    return [
        day
        for each in found
        for window in each.windows.get(("metrics", account), ())
        for day in reversed(list(window.days()))
    ]


@given(
    read=st.dictionaries(st.sampled_from("12"), st.sets(offsets.map(day)), max_size=2),
    ends=st.tuples(offsets, offsets),
    unsettled=st.integers(0, 120),
    kept=st.none() | offsets,
    reread=st.sampled_from(["unsettled", "all", "none"]),
    complete=st.none() | offsets.map(day),
)
def test_a_plan_loads_each_day_once_and_new_days_first(
    read: dict[str, set[date]],
    ends: tuple[int, int],
    unsettled: int,
    kept: int | None,
    reread: Reread,
    complete: date | None,
) -> None:
    window = Window(day(min(ends)), day(max(ends)))
    earliest = None if kept is None else day(kept)
    found = planned(read, window, reread, Span(earliest, unsettled), complete)
    everything = {account: days_of(found, account) for account in "12"}
    for account, days in everything.items():
        known = read.get(account, set())
        served = {day for day in window.days() if earliest is None or day >= earliest}
        newest = max(known, default=None)
        since = None if newest is None else min(newest, complete or newest) - timedelta(days=unsettled)
        changing = {
            "none": set(),
            "all": served & known,
            "unsettled": {day for day in served & known if since is not None and day > since},
        }[reread]
        assert len(days) == len(set(days))
        assert set(days) == (served - known) | changing
        assert days == [
            *sorted(served - known, reverse=True),
            *sorted(changing, reverse=True),
        ]
    for each in found:
        touched = [day for windows in each.windows.values() for window in windows for day in window.days()]
        assert not touched or (max(touched) - min(touched)).days < PASS_DAYS


@pytest.mark.parametrize("reread", ["unsettled", "none"])
def test_all_days_of_a_table_that_lacks_a_column_are_loaded_again_not_as_first(reread: Reread) -> None:
    store = Landed({"1": {day(0), day(1), day(2)}}, lacks_column=True)
    window = Window(day(1), day(3))
    found = passes(store, [DAILY], ("1",), lambda table, account: Span(None, 1), window, reread, None)
    assert [(each.is_first, days_of([each], "1")) for each in found] == [
        (True, [day(3)]),
        (False, [day(2), day(1)]),
    ]


def test_days_unsettled_at_the_last_load_are_loaded_again_however_long_ago() -> None:
    read = {"1": set(Window(day(700), TODAY).days())}
    window = Window(day(700), TODAY)
    span = Span(None, 30)
    died_after_new_days = days_of(planned(read, window, "unsettled", span, day(800)), "1")
    assert min(died_after_new_days) == day(771)
    assert min(days_of(planned(read, window, "unsettled", span, TODAY), "1")) == day(870)


def test_a_new_account_gets_the_whole_window() -> None:
    window = Window(TODAY - timedelta(days=9), TODAY)
    found = planned({"1": set(window.days())}, window, "unsettled", Span(None, 3))
    assert (len(days_of(found, "1")), len(days_of(found, "2"))) == (3, 10)


def test_without_days_to_load_there_is_one_empty_pass() -> None:
    window = Window(TODAY, TODAY)
    found = planned({account: {TODAY} for account in "12"}, window, "none", Span(None, 3))
    assert [each.windows for each in found] == [{}]


@pytest.mark.parametrize("marker", [True, False])
def test_only_completely_read_days_count(tmp_path: Path, marker: bool) -> None:
    path = tmp_path / "source.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE SCHEMA raw")
        connection.execute("CREATE TABLE raw.metrics (account_id VARCHAR, date DATE, is_day_marker BOOLEAN)")
        connection.execute("INSERT INTO raw.metrics VALUES ('1', ?, ?)", [TODAY, marker])
    window = Window(TODAY, TODAY)
    found = passes(Store(path), [DAILY], ["1"], lambda *_: Span(None, 0), window, "none", None)
    assert days_of(found, "1") == ([] if marker else [TODAY])
