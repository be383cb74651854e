"""Plan the days that a load requests by account: new days first, then days that may still change."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import groupby
from typing import Literal

from ingestion.landing.arrow import Table
from ingestion.landing.store import Store

# A pass lands completely or not at all, so an interrupted load loses at most one pass.
PASS_DAYS = 100
# more days than any downloaded file covers
EVER_DAYS = 100 * 366

Reread = Literal["unsettled", "all", "none"]
"""The loaded days to load again: those that may still change, all of them, or none."""


def months_before(day: date, months: int) -> date:
    """Return the same day `months` earlier, or the last day of that month if it is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


@dataclass(frozen=True)
class Window:
    """Calendar days in each ad account's time zone, both ends included."""

    start: date
    end: date

    def days(self) -> Iterator[date]:
        """Yield every day of the window."""
        for offset in range((self.end - self.start).days + 1):
            yield self.start + timedelta(days=offset)

    def slices(self, days: int) -> Iterator[Window]:
        """Yield the window in pieces of at most `days` days."""
        start = self.start
        while start <= self.end:
            end = min(self.end, start + timedelta(days=days - 1))
            yield Window(start, end)
            start = end + timedelta(days=1)


@dataclass(frozen=True)
class Span:
    """The days of a daily table that a network serves and may still restate.

    `earliest` is the first day it serves (None: no limit), `unsettled` the number of trailing days that may
    change.
    """

    earliest: date | None
    unsettled: int


@dataclass(frozen=True)
class Pass:
    """The windows of one dlt load by (table, account), newest first.

    `is_first`: none of these days was loaded before, so there are no earlier observations to compare with.
    """

    label: str
    windows: Mapping[tuple[str, str], Sequence[Window]]
    is_first: bool = False

    def without(self, held: Mapping[tuple[str, str], Collection[date]]) -> Pass:
        """Return the pass without some days by (table, account)."""
        left = {
            key: runs(day for window in windows for day in window.days() if day not in held.get(key, ()))
            for key, windows in self.windows.items()
        }
        return replace(self, windows={key: windows for key, windows in left.items() if windows})


def passes(
    store: Store,
    tables: Sequence[Table],
    accounts: Sequence[str],
    span: Callable[[Table, str], Span],
    window: Window,
    reread: Reread,
    complete: date | None,
    most: int = PASS_DAYS,
    incomplete: Mapping[tuple[str, str], Collection[date]] | None = None,
) -> list[Pass]:
    """Return the passes of a load, each of at most `most` days; new days come first, so nothing delays them.

    `complete` is the newest day of the last load that also finished reloading days: a day that could still
    change then is loaded again, however long ago that was. So are the `incomplete` days by (table, account),
    of which records were rejected, and all days of a table that lacks a declared column. Returns at least one
    pass, which may be empty.
    """
    unread: dict[tuple[str, str], list[date]] = {}
    again: dict[tuple[str, str], list[date]] = {}
    for table in tables:
        read = _days_read(store, table)
        # an older version landed it without a column, which only the network can fill
        lacks_column = store.is_new(table)
        for account in accounts:
            key = (table.name, account)
            known = read.get(account, frozenset())
            bounds = span(table, account)
            served = [day for day in window.days() if bounds.earliest is None or day >= bounds.earliest]
            unread[key] = [day for day in served if day not in known]
            if known and (reread != "none" or lacks_column):
                settled = min(max(known), complete or date.max) - timedelta(days=bounds.unsettled)
                incomplete_days = (incomplete or {}).get(key, ())
                again[key] = [
                    day
                    for day in served
                    if day in known
                    and (reread == "all" or lacks_column or day > settled or day in incomplete_days)
                ]
    found = [
        *_cut(unread, "new days", most, is_first=True),
        *_cut(again, "days read again", most, is_first=False),
    ]
    return found or [Pass("", {})]


def _days_read(store: Store, table: Table) -> dict[str, frozenset[date]]:
    if not store.has(table.name):
        return {}
    query = f"SELECT {table.account}, list(DISTINCT date) FROM {table.name} WHERE is_day_marker GROUP BY 1"
    return {account: frozenset(days) for account, days in store.rows(query)}


def _cut(
    wanted: Mapping[tuple[str, str], list[date]], label: str, most: int, *, is_first: bool
) -> Iterator[Pass]:
    every = sorted({day for days in wanted.values() for day in days}, reverse=True)
    while every:
        newest, oldest = every[0], every[0] - timedelta(days=most - 1)
        inside = [day for day in every if day >= oldest]
        windows = {
            key: found for key, days in wanted.items() if (found := runs(set(days).intersection(inside)))
        }
        yield Pass(f"{label}, {inside[-1]} to {newest}", windows, is_first)
        every = every[len(inside) :]


def runs(days: Iterable[date]) -> list[Window]:
    """Group days without gaps into windows, newest first."""
    found = [
        [day for _, day in run]
        for _, run in groupby(enumerate(sorted(days)), lambda item: item[1].toordinal() - item[0])
    ]
    return [Window(run[0], run[-1]) for run in reversed(found)]
