"""Examine a folder of downloaded files: the files, their days, gaps, overlaps and errors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from ingestion.exports.export import Export, Problem, Record
from ingestion.exports.figures import Totals
from ingestion.exports.folder import read
from ingestion.exports.layouts import VENDORS, layout
from ingestion.landing.planning import Window, runs

_SHOWN_PROBLEMS = 5


@dataclass(frozen=True)
class Account:
    """The days of one ad account in files of one kind. `gaps` lie between the first and the last day."""

    vendor: str
    kind: str
    account: str
    days: Window
    gaps: tuple[Window, ...]
    #: days that are in more than one file, with the names of those files, the latest download first
    overlaps: tuple[tuple[Window, tuple[str, ...]], ...]


@dataclass(frozen=True)
class File:
    """A recognised file, the number of rows that would land, the problems of the others, and its totals."""

    export: Export
    rows: int
    problems: tuple[Problem, ...]
    #: of files of figures
    totals: Totals | None


@dataclass(frozen=True)
class Findings:
    """The content of a folder. `problems` belong to files that are not read at all."""

    files: tuple[File, ...]
    accounts: tuple[Account, ...]
    problems: tuple[Problem, ...]
    copies: tuple[tuple[str, str], ...]

    @property
    def has_fault(self) -> bool:
        """Return whether the folder has no recognised file, or a file or row that cannot be read."""
        return not self.files or bool(self.problems) or any(file.problems for file in self.files)


def examine(path: Path) -> Findings:
    """Read every row of every file. Raises OSError if the folder cannot be listed."""
    folder = read(path)
    files = tuple(_file(export) for export in folder.exports)
    latest_first = tuple(
        export
        for vendor in VENDORS
        for kind in layout(vendor).files
        for export in folder.of(vendor, kind.name)
    )
    return Findings(files, tuple(_accounts(latest_first)), folder.problems, folder.copies)


def _file(export: Export) -> File:
    rows = 0
    problems: list[Problem] = []
    # the time zone of clock times does not matter here
    for found in export.records(ZoneInfo("UTC")):
        if isinstance(found, Record):
            rows += 1
        else:
            problems.append(found)
    if len(problems) > _SHOWN_PROBLEMS:
        rest = len(problems) - _SHOWN_PROBLEMS
        problems = [*problems[:_SHOWN_PROBLEMS], Problem(export.name, f"{rest} more rows cannot be read")]
    return File(export, rows, tuple(problems), export.figures.totals if export.kind.key else None)


def _accounts(exports: tuple[Export, ...]) -> Iterator[Account]:
    found: dict[tuple[str, str, str], dict[date, list[str]]] = {}
    for export in exports:
        if not export.has_figures:
            continue
        for account, covered in export.coverage.items():
            days = found.setdefault((export.vendor, export.kind.name, account), {})
            for day in covered.days.days():
                days.setdefault(day, []).append(export.name)
    for (vendor, kind, account), days in sorted(found.items()):
        whole = Window(min(days), max(days))
        missing = [day for day in whole.days() if day not in days]
        twice = {day: tuple(names) for day, names in days.items() if len(names) > 1}
        yield Account(
            vendor,
            kind,
            account,
            whole,
            tuple(runs(missing)),
            tuple(
                (window, names)
                for names in sorted(set(twice.values()))
                for window in runs([day for day in twice if twice[day] == names])
            ),
        )
