"""Convert rows of files to pages as an API sends them: the newest file wins, bad rows go to quarantine."""

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
from ingestion.exports.export import Coverage, Export, Problem, Record
from ingestion.exports.folder import Folder, read
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
    """A row of a file and its ad account."""

    export: Export
    account: str
    record: Record

    def __getitem__(self, name: str) -> Any:
        return self.record.values.get(name)

    def word(self, name: str, column: str | None = None) -> str | None:
        """Return the API's enum value of a cell, by the texts for `name` in the layout."""
        return self.export.layout.word(name, self[column or name])


@dataclass
class Files:
    """The folder of one load, and values that several tables share.

    `reported` holds (table, file) whose bad rows are already counted.
    """

    folder: Folder
    reported: set[tuple[str, str]] = field(default_factory=set)
    cache: dict[str, Any] = field(default_factory=dict)

    def once(self, name: str, make: Callable[[], _T]) -> _T:
        """Return the result of `make`, which is called once per load."""
        if name not in self.cache:
            self.cache[name] = make()
        return cast(_T, self.cache[name])


def files(landing: Landing) -> Files:
    """Return the folder that a load reads. Raises SettingError if it cannot be listed."""

    def look(landing: Landing) -> Files:
        path = settings.folder()
        if path is None:
            raise SettingError(f"{settings.SECTION.name('folder')} is not set")
        return Files(read(path))

    return landing.connection(look)


def exports(landing: Landing, vendor: str, kind: str) -> list[Export]:
    """Return a vendor's files of a kind, the latest download first; refused files get a notice."""
    folder = files(landing).folder
    for problem in folder.refused(vendor):
        notice_once(landing, f"not read: {problem}")
    return folder.of(vendor, kind)


def current_rows(
    landing: Landing,
    found: Sequence[Export],
    table: Table | None = None,
    asked: Mapping[str, Collection[date]] | None = None,
) -> Iterator[Row]:
    """Yield the rows of daily figures that no later download covers; `found` are the files, latest first.

    With a table, skipped rows are counted and unreadable rows go to its quarantine. With `asked` (days by
    account), only rows of those days are yielded.
    """
    newer: list[Mapping[str, Coverage]] = []
    renamed = _renamed_parts(landing, found)
    for export in found:
        with_faults = Faults(landing, table, export)
        part = export.kind.part
        for each in export.records(ZoneInfo("UTC")):
            if isinstance(each, Problem):
                with_faults.refuse(each)
                continue
            account = str(each.values["account_id"])
            day, campaign = each.values["date"], each.values["campaign_id"]
            if asked is not None and day not in asked.get(account, ()):
                continue
            name = each.values[part] if part else None
            if any(account in one and one[account].holds(day, campaign, name) for one in newer) or (
                (export.name, account, name) in renamed
                and any(account in one and one[account].holds_any_part(day, campaign) for one in newer)
            ):
                count_repeat(landing, table)
                continue
            yield Row(export, account, each)
        with_faults.close()
        newer.append(export.coverage)


def _renamed_parts(landing: Landing, found: Sequence[Export]) -> Collection[tuple[str, str, str]]:
    """Return (file, account, action) of actions that a later download does not replace, but must.

    A file may be filtered to some conversion actions, so an action that a later file lacks still counts. It
    was renamed or removed if a campaign's conversions of a day exceed the report of campaigns with it.
    """
    if not found or found[0].kind.part is None:
        return ()
    vendor, kind = found[0].vendor, found[0].kind
    return files(landing).once(f"{vendor} {kind.name} renamed", lambda: _find_renamed(landing, found))


def _find_renamed(landing: Landing, found: Sequence[Export]) -> Collection[tuple[str, str, str]]:
    vendor, part = found[0].vendor, str(found[0].kind.part)
    later: list[Export] = []
    doubtful: dict[tuple[str, str, str], set[tuple[str, str, date]]] = {}
    sums: dict[tuple[str, str, date], Decimal] = {}
    counts: dict[tuple[str, str, date], int] = {}
    for export in found:
        for record in export.figures.records():
            values = record.values
            account, day, campaign = values["account_id"], values["date"], values["campaign_id"]
            holding = [
                one.coverage[account]
                for one in later
                if account in one.coverage and one.coverage[account].holds_any_part(day, campaign)
            ]
            if any(one.holds(day, campaign, values[part]) for one in holding):
                continue
            place = (account, campaign, day)
            sums[place] = sums.get(place, Decimal(0)) + (values["conversions"] or 0)
            counts[place] = counts.get(place, 0) + 1
            if holding and values["conversions"]:
                doubtful.setdefault((export.name, account, values[part]), set()).add(place)
        later.append(export)
    if not doubtful:
        return frozenset()
    places = set().union(*doubtful.values())
    totals = {
        (row.account, row["campaign_id"], row["date"]): row["conversions"] or Decimal(0)
        for row in current_rows(landing, exports(landing, vendor, settings.MAIN[vendor]))
        if (row.account, row["campaign_id"], row["date"]) in places
    }
    renamed = set()
    for (name, account, action), seen in sorted(doubtful.items()):
        exceeding = [
            place
            for place in seen
            if place in totals and sums[place] - totals[place] > Decimal("0.005") * (counts[place] + 1)
        ]
        if exceeding:
            renamed.add((name, account, action))
            notice_once(
                landing,
                f'{name}: the action "{action}" is not in a later file of the same days, and with it the'
                " campaign has more conversions than its report: it counts as renamed or removed there",
            )
        else:
            notice_once(
                landing,
                f'{name}: the action "{action}" is not in the later files of the same days, so this file'
                " still counts for it",
            )
    return renamed


def latest_rows(landing: Landing, vendor: str, *columns: str) -> dict[tuple[str, ...], Row]:
    """Return the latest row of each account in the main files, or of each account and value of `columns`."""
    found: dict[tuple[str, ...], Row] = {}
    for row in current_rows(landing, exports(landing, vendor, settings.MAIN[vendor])):
        key = (row.account, *(row[column] for column in columns))
        if key not in found or row["date"] > found[key]["date"]:
            found[key] = row
    return found


def records(
    landing: Landing, found: Sequence[Export], table: Table | None, only: Collection[str] = ()
) -> Iterator[tuple[Export, Record]]:
    """Yield the rows of other files, or `only` these fields of them; times are in the portal's time zone."""
    zone = settings.portal_zone()
    for export in found:
        with_faults = Faults(landing, table, export)
        for each in export.records(zone, only):
            if isinstance(each, Problem):
                with_faults.refuse(each)
            else:
                yield export, each
        with_faults.close()


def count_repeat(landing: Landing, table: Table | None) -> None:
    """Count a row that a newer file also contains."""
    if table is not None:
        counts = landing.counts.setdefault(table.name, Counts())
        counts.received += 1
        counts.duplicates += 1


class Faults:
    """Counts the bad rows of a file once per load and table, even if the file is read several times."""

    def __init__(
        self, landing: Landing, table: Table | None, export: Export, *, is_reported: bool | None = None
    ) -> None:
        self._landing, self._table, self._export = landing, table, export
        self._number = 0
        if is_reported is None:
            is_reported = table is None or (table.name, export.name) in files(landing).reported
        self._is_reported = is_reported

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
            line = f"{self._number} rows cannot be read in total: see reconciliation.quarantine"
            notice_once(self._landing, f"{self._export.name}: {line}")


def notice_once(landing: Landing, line: str) -> None:
    """Add a notice once, even if several tables or passes cause it."""
    if line not in landing.notices:
        landing.notice(line)


def pages(
    found: Iterable[tuple[Context, Mapping[str, Any]]], wrap: Callable[[list[Mapping[str, Any]]], Any]
) -> Iterator[Page]:
    """Group (context, record) into pages; `wrap` builds the vendor's page from a list of records."""
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
    """Return the dlt resources of tables; tables without a function in `read` stay empty."""
    return [
        resource(landing, table, partial(read.get(table.name, lambda _: ()), landing)) for table in tables
    ]


def daily_resources(
    landing: Landing, vendor: str, tables: Iterable[Table], read: Mapping[str, Figures]
) -> list[Any]:
    """Return the dlt resources of daily tables; tables without a function in `read` get day markers only."""

    def no_rows(landing: Landing, table: Table) -> Iterator[DaysRead]:
        yield from days_read(requested_days(landing, table, vendor))

    return [
        resource(landing, table, partial(read.get(table.name, no_rows), landing, table)) for table in tables
    ]


def accounts(landing: Landing, vendor: str) -> tuple[str, ...]:
    """Return the ad accounts in a network's main files."""
    found = exports(landing, vendor, settings.MAIN[vendor])
    return tuple(sorted({account for export in found for account in export.coverage if account}))


def span() -> Span:
    """Return the span of files: no first day, and every day is loaded again."""
    return Span(None, EVER_DAYS)


def covered_days(found: Iterable[Export], account: str) -> set[date]:
    """Return the days of an account that the files cover."""
    return {
        day for export in found if account in export.coverage for day in export.coverage[account].days.days()
    }


def requested_days(landing: Landing, table: Table, vendor: str) -> dict[str, set[date]]:
    """Return the days, by account, that the load requests and the network's main files cover."""
    main = exports(landing, vendor, settings.MAIN[vendor])
    return {
        account: covered_days(main, account).intersection(
            day for piece in landing.pieces(table, account, EVER_DAYS) for day in piece.days()
        )
        for account in accounts(landing, vendor)
    }


def days_read(days: Mapping[str, Collection[date]]) -> Iterator[DaysRead]:
    """Yield the day markers of days, by account, that were read completely."""
    for account, each in days.items():
        for window in runs(each):
            yield DaysRead(account, window)


def day_range(folder: Folder, vendor: str) -> Window | None:
    """Return the first and last day of a network's main files; None if they have no days."""
    found = [
        one.days for export in folder.of(vendor, settings.MAIN[vendor]) for one in export.coverage.values()
    ]
    return Window(min(one.start for one in found), max(one.end for one in found)) if found else None


def notice_unread_days(landing: Landing, vendor: str, found: Sequence[Export]) -> None:
    """Add notices about days that are not loaded because no main file of the network covers them."""
    main = exports(landing, vendor, settings.MAIN[vendor])
    for export in found:
        for account, coverage in sorted(export.coverage.items()):
            missing = set(coverage.days.days()) - covered_days(main, account)
            if missing:
                title = next(kind.title for kind in export.layout.files if kind.name == settings.MAIN[vendor])
                notice_once(
                    landing,
                    f"{export.name}: {len(missing)} days of account {account} are not loaded, from"
                    f" {min(missing)} to {max(missing)}: no file of {title} covers them",
                )


def number_text(value: Decimal | int | None) -> str:
    """Return a number as text; a blank is zero, because the interfaces leave zeros out."""
    return format(value, "f") if isinstance(value, Decimal) else str(value or 0)
