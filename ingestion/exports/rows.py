"""From files to the pages that an API would have sent: the newest file speaks, bad rows go to quarantine."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar, cast
from zoneinfo import ZoneInfo

import orjson

from ingestion.errors import SettingError
from ingestion.exports import settings
from ingestion.exports.folder import Coverage, Export, Folder, Problem, Record, read
from ingestion.landing.arrow import Page, Table
from ingestion.landing.planning import EVER_DAYS, Window, runs
from ingestion.landing.resources import Counts, DaysRead, Landing, Span, resource

_T = TypeVar("_T")
Context = tuple[tuple[str, str], ...]

Listing = Callable[[Landing], Iterable[Page]]
Figures = Callable[[Landing, Table], Iterable[Page | DaysRead]]

_PAGE_ROWS = 1000
_SHOWN_PROBLEMS = 5


@dataclass(frozen=True)
class Row:
    """A row of a file, and whose figures it holds."""

    export: Export
    account: str
    record: Record

    def __getitem__(self, name: str) -> Any:
        return self.record.values.get(name)

    def word(self, name: str, column: str | None = None) -> str | None:
        """The enum value of a cell, of the words of `name`."""
        return self.export.layout.word(name, self[column or name])


@dataclass
class Files:
    """The folder of one load, and what several tables need of it.

    `told` are the files whose bad rows were counted for a table.
    """

    folder: Folder
    reported: set[tuple[str, str]] = field(default_factory=set)
    cache: dict[str, Any] = field(default_factory=dict)

    def once(self, name: str, make: Callable[[], _T]) -> _T:
        """What `make` gives, made once per load."""
        if name not in self.cache:
            self.cache[name] = make()
        return cast(_T, self.cache[name])


def files(landing: Landing) -> Files:
    """The folder that a load reads. Raises SettingError where it cannot be listed."""

    def look(landing: Landing) -> Files:
        path = settings.folder()
        if path is None:
            raise SettingError(f"{settings.SECTION.name('folder')} is not set")
        return Files(read(path))

    return landing.connection(look)


def exports(landing: Landing, vendor: str, kind: str) -> list[Export]:
    """A vendor's files of a kind, the newest first."""
    return files(landing).folder.of(vendor, kind)


def current_rows(
    landing: Landing,
    found: Sequence[Export],
    table: Table | None = None,
    asked: Mapping[str, Collection[date]] | None = None,
) -> Iterator[Row]:
    """The rows of daily figures that no newer file speaks for; `found` come newest first.

    With a table, what is left out is counted, and what cannot be read goes to its quarantine. With `asked`,
    days by account, only their rows.
    """
    newer: list[Mapping[str, Coverage]] = []
    for export in found:
        with_faults = _Faults(landing, table, export)
        for each in export.records(ZoneInfo("UTC")):
            if isinstance(each, Problem):
                with_faults.refuse(each)
                continue
            account = export.account(each)
            if not account:
                fault = "names no ad account: put its id into the file's name, like account_508912347.csv"
                with_faults.refuse(Problem(export.name, fault, each.row))
                continue
            if asked is not None and each.values["date"] not in asked.get(account, ()):
                continue
            if any(account in one and one[account].holds(each) for one in newer):
                count_repeat(landing, table)
                continue
            yield Row(export, account, each)
        with_faults.close()
        newer.append(export.coverage)


def latest_rows(landing: Landing, vendor: str, *columns: str) -> dict[tuple[str, ...], Row]:
    """The row of the last day of each account, or of each value of these columns in it, in the main files."""
    found: dict[tuple[str, ...], Row] = {}
    for row in current_rows(landing, exports(landing, vendor, settings.MAIN[vendor])):
        key = (row.account, *(row[column] for column in columns))
        if key not in found or row["date"] > found[key]["date"]:
            found[key] = row
    return found


def records(
    landing: Landing, found: Sequence[Export], table: Table | None, only: Collection[str] = ()
) -> Iterator[tuple[Export, Record]]:
    """The rows of other files, or `only` these fields of them; clock times are those of the portal's zone."""
    zone = settings.portal_zone()
    for export in found:
        with_faults = _Faults(landing, table, export)
        for each in export.records(zone, only):
            if isinstance(each, Problem):
                with_faults.refuse(each)
            else:
                yield export, each
        with_faults.close()


def count_repeat(landing: Landing, table: Table | None) -> None:
    """Counts a row that a newer file has, too."""
    if table is not None:
        counts = landing.counts.setdefault(table.name, Counts())
        counts.received += 1
        counts.duplicates += 1


class _Faults:
    """The bad rows of a file, counted once per load and table however often it is read."""

    def __init__(self, landing: Landing, table: Table | None, export: Export) -> None:
        self._landing, self._table, self._export = landing, table, export
        self._number = 0
        self._is_reported = table is None or (table.name, export.name) in files(landing).reported

    def refuse(self, problem: Problem) -> None:
        if self._is_reported or self._table is None:
            return
        self._number += 1
        counts = self._landing.counts.setdefault(self._table.name, Counts())
        counts.received += 1
        counts.quarantined += 1
        place = {"file": problem.file, "row": problem.row, "column": problem.column}
        self._landing.rejected.append((self._table.name, orjson.dumps(place).decode(), problem.fault))
        if self._number <= _SHOWN_PROBLEMS:
            notice_once(self._landing, str(problem))

    def close(self) -> None:
        if self._table is None or self._is_reported:
            return
        files(self._landing).reported.add((self._table.name, self._export.name))
        if self._number > _SHOWN_PROBLEMS:
            line = f"{self._number} rows in all cannot be read: see reconciliation.quarantine"
            notice_once(self._landing, f"{self._export.name}: {line}")


def notice_once(landing: Landing, line: str) -> None:
    """A notice that several tables, or several passes, have a reason to give."""
    if line not in landing.notices:
        landing.notice(line)


def pages(
    found: Iterable[tuple[Context, Mapping[str, Any]]], wrap: Callable[[list[Mapping[str, Any]]], Any]
) -> Iterator[Page]:
    """(context, record) as pages in a vendor's own shape, which `wrap` makes of a list of records."""
    held: dict[Context, list[Mapping[str, Any]]] = {}
    for context, record in found:
        group = held.setdefault(context, [])
        group.append(record)
        if len(group) == _PAGE_ROWS:
            yield Page(orjson.dumps(wrap(group)), context, len(group))
            held[context] = []
    for context, group in held.items():
        if group:
            yield Page(orjson.dumps(wrap(group)), context, len(group))


def entity_resources(landing: Landing, tables: Iterable[Table], read: Mapping[str, Listing]) -> list[Any]:
    """The dlt resources of tables, by name; what no file tells stays empty."""
    return [
        resource(landing, table, partial(read.get(table.name, lambda _: ()), landing)) for table in tables
    ]


def daily_resources(
    landing: Landing, vendor: str, tables: Iterable[Table], read: Mapping[str, Figures]
) -> list[Any]:
    """The dlt resources of daily tables, by name; of what no file tells the days are read and have no row."""

    def no_rows(landing: Landing, table: Table) -> Iterator[DaysRead]:
        yield from days_read(requested_days(landing, table, vendor))

    return [
        resource(landing, table, partial(read.get(table.name, no_rows), landing, table)) for table in tables
    ]


def accounts(landing: Landing, vendor: str) -> tuple[str, ...]:
    """The ad accounts that a network's main files name."""
    found = exports(landing, vendor, settings.MAIN[vendor])
    return tuple(sorted({account for export in found for account in export.coverage if account}))


def span() -> Span:
    """Files have the days they have, and each of them is read again."""
    return Span(None, EVER_DAYS)


def covered_days(found: Iterable[Export], account: str) -> set[date]:
    """The days that files speak for."""
    return {
        day for export in found if account in export.coverage for day in export.coverage[account].days.days()
    }


def requested_days(landing: Landing, table: Table, vendor: str) -> dict[str, set[date]]:
    """The days that the load asks for and the network's main files speak for, by account."""
    main = exports(landing, vendor, settings.MAIN[vendor])
    return {
        account: covered_days(main, account).intersection(
            day for piece in landing.pieces(table, account, EVER_DAYS) for day in piece.days()
        )
        for account in accounts(landing, vendor)
    }


def days_read(days: Mapping[str, Collection[date]]) -> Iterator[DaysRead]:
    """Word that these days of accounts were read to their end."""
    for account, each in days.items():
        for window in runs(each):
            yield DaysRead(account, window)


def day_range(folder: Folder, vendor: str) -> Window | None:
    """From the first to the last day of a network's main files; None where they have none."""
    found = [
        one.days for export in folder.of(vendor, settings.MAIN[vendor]) for one in export.coverage.values()
    ]
    return Window(min(one.start for one in found), max(one.end for one in found)) if found else None


def notice_unread_days(landing: Landing, vendor: str, found: Sequence[Export]) -> None:
    """Says which days of files stay unread because no main file of the network has them."""
    main = exports(landing, vendor, settings.MAIN[vendor])
    for export in found:
        for account, coverage in sorted(export.coverage.items()):
            missing = set(coverage.days.days()) - covered_days(main, account)
            if missing:
                title = next(kind.title for kind in export.layout.files if kind.name == settings.MAIN[vendor])
                notice_once(
                    landing,
                    f"{export.name}: {len(missing)} days of account {account} are not read, from"
                    f" {min(missing)} to {max(missing)}: no report of {title} has them",
                )


def number_text(value: Decimal | int | None) -> str:
    """A number as JSON text; nothing is zero, as the interfaces leave zeros out."""
    return format(value, "f") if isinstance(value, Decimal) else str(value or 0)
