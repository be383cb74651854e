"""Which days of which account a load asks a network for: new ones first, then what may still change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Literal

from ingestion.landing.arrow import Table
from ingestion.landing.store import Store

# One pass lands whole or not at all, so it is also what an interrupted load loses.
PASS_DAYS = 100
# longer than any file of figures reaches back
EVER_DAYS = 100 * 366

Reread = Literal["unsettled", "all", "none"]
"""Which days that were read before are read again: those that may still change, every one, or none."""


@dataclass(frozen=True)
class Window:
    """Calendar days in each ad account's time zone, both ends included."""

    start: date
    end: date

    def days(self) -> Iterator[date]:
        """Every day of the window."""
        for offset in range((self.end - self.start).days + 1):
            yield self.start + timedelta(days=offset)

    def slices(self, days: int) -> Iterator[Window]:
        """The window in pieces of at most `days` days."""
        start = self.start
        while start <= self.end:
            end = min(self.end, start + timedelta(days=days - 1))
            yield Window(start, end)
            start = end + timedelta(days=1)


@dataclass(frozen=True)
class Span:
    """What a network serves of a daily table and still changes.

    `earliest` is the first day it serves (None: no limit), `unsettled` how many trailing days may change.
    """

    earliest: date | None
    unsettled: int


@dataclass(frozen=True)
class Pass:
    """The windows to read of each table and account, newest first; what one dlt load lands.

    `is_first`: none of these days was ever read, so that there is no observation to compare with.
    """

    label: str
    windows: Mapping[tuple[str, str], Sequence[Window]]
    is_first: bool = False


def passes(
    store: Store,
    tables: Sequence[Table],
    accounts: Sequence[str],
    span: Callable[[Table, str], Span],
    window: Window,
    reread: Reread,
    complete: date | None,
    most: int = PASS_DAYS,
) -> list[Pass]:
    """The passes of a load, each at most `most` days; days never read come first: nothing starves them.

    `complete` is the newest day of the last load that also finished its second readings: a day that could
    change then is read again, however long ago that was. There is always one pass, if an empty one.
    """
    unread: dict[tuple[str, str], list[date]] = {}
    again: dict[tuple[str, str], list[date]] = {}
    for table in tables:
        read = _days_read(store, table)
        for account in accounts:
            key = (table.name, account)
            known = read.get(account, frozenset())
            bounds = span(table, account)
            served = [day for day in window.days() if bounds.earliest is None or day >= bounds.earliest]
            unread[key] = [day for day in served if day not in known]
            if known and reread != "none":
                settled = min(max(known), complete or date.max) - timedelta(days=bounds.unsettled)
                again[key] = [day for day in served if day in known and (reread == "all" or day > settled)]
    found = [
        *_cut(unread, "new days", most, is_first=True),
        *_cut(again, "days read again", most, is_first=False),
    ]
    return found or [Pass("", {})]


def _days_read(store: Store, table: Table) -> dict[str, frozenset[date]]:
    if store.is_new(table):
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
    """Days without gaps as windows, newest first."""
    found = [
        [day for _, day in run]
        for _, run in groupby(enumerate(sorted(days)), lambda item: item[1].toordinal() - item[0])
    ]
    return [Window(run[0], run[-1]) for run in reversed(found)]
