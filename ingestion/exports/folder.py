"""Read a folder of downloaded files: the kind of each file, its days and accounts, its problems."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ingestion.errors import redact
from ingestion.exports import reading, settings, values
from ingestion.exports.layouts import VENDORS, FileKind, Header, Layout, Vendor, layout, normal
from ingestion.landing.planning import Window

_SAMPLE_ROWS = 2000
_TABLES = frozenset({".csv", ".tsv", ".txt", ".xlsx", ".xls", ".zip", ".gz", ".pdf"})
#: Fields that identify the entity of a row with daily figures; a row with none of them is a total.
_ENTITIES = ("campaign_id", "group_id", "conversion_action", "conversion_name")


@dataclass(frozen=True)
class Problem:
    """A problem in a file; its text is one line with file, row and column, as far as they are known.

    `cell` is the cell's content if it cannot be personal data.
    """

    file: str
    fault: str
    row: int | None = None
    column: str | None = None
    cell: str | None = None

    def __str__(self) -> str:
        where = f", row {self.row}" if self.row is not None else ""
        where += f", column {self.column}" if self.column is not None else ""
        shown = f'"{self.cell}" ' if self.cell else ""
        return f"{self.file}{where}: {shown}{self.fault}"


@dataclass(frozen=True)
class Record:
    """A row with typed values: date, datetime in UTC, Decimal, int or text; a blank cell is None."""

    row: int
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Coverage:
    """The days (first to last) and campaigns of one account for which a file is authoritative."""

    days: Window
    campaigns: frozenset[str]

    def holds(self, record: Record) -> bool:
        """Return whether the file covers the campaign and day of a record."""
        day, campaign = record.values["date"], record.values["campaign_id"]
        return self.days.start <= day <= self.days.end and campaign in self.campaigns


@dataclass
class Export:
    """A recognised file."""

    path: Path
    name: str
    kind: FileKind
    layout: Layout
    header: Header
    encoding: str
    delimiter: str
    header_row: int
    width: int
    before: Sequence[str]
    style: values.Style
    modified: datetime

    @property
    def vendor(self) -> Vendor:
        """Return the vendor of the file."""
        return self.layout.vendor

    @property
    def inputs(self) -> frozenset[str]:
        """Return the inputs of bridge steps that the file provides."""
        return self.kind.inputs | {
            added for added, names in self.kind.adds.items() if names & self.header.fields.keys()
        }

    @property
    def has_figures(self) -> bool:
        """Return whether the rows are daily figures."""
        return "date" in self.kind.needs

    @cached_property
    def named_days(self) -> list[date]:
        """Return the days in the lines above the table: first, last and, in some files, the download day."""
        order = values.day_order(self.before, self.header.language)
        return [found for line in self.before for found in values.days_in(line, order)]

    def records(self, zone: ZoneInfo, only: Collection[str] = ()) -> Iterator[Record | Problem]:
        """Yield every row below the header without totals; with `only`, just these fields.

        Clock times are in `zone`. A row that cannot be read is a Problem with row and column; a truncated
        file is a Problem at the end of its readable rows.
        """
        fields = self.layout.fields
        columns = [
            (fields[name], place) for name, place in self.header.fields.items() if not only or name in only
        ]
        try:
            for line in reading.lines(self.path, self.encoding, self.delimiter):
                if line.number <= self.header_row or self._is_total(line.cells):
                    continue
                cells = reading.padded(line.cells, self.width)
                if len(cells) != self.width:
                    yield Problem(
                        self.name, f"has {len(cells)} cells where the header has {self.width}", line.number
                    )
                    continue
                try:
                    found = {
                        entry.name: self._value(entry.name, entry.kind, cells[place], zone)
                        for entry, place in columns
                    }
                except _BadCell as unfit:
                    yield Problem(self.name, str(unfit), line.number, unfit.column, unfit.cell)
                    continue
                yield Record(line.number, found)
        except (reading.Unreadable, OSError) as fault:
            yield Problem(self.name, str(fault))

    def _is_total(self, cells: Sequence[str]) -> bool:
        """Return whether a line is a total: it has no entity and no day."""
        names = self.header.fields
        found = [names[name] for name in _ENTITIES if name in names]
        if "date" not in names or not found:
            return False
        if any(place < len(cells) and not values.is_nothing(cells[place]) for place in found):
            return False
        try:
            values.day(cells[names["date"]] if names["date"] < len(cells) else "", self.style.order)
        except values.BadValue:
            return True
        return False

    def _value(self, name: str, kind: str, text: str, zone: ZoneInfo) -> Any:
        needed = name in self.kind.needs - self.kind.blank
        try:
            if kind in ("text", "email"):
                return text or None
            if values.is_nothing(text):
                if needed and kind in ("day", "id", "instant"):
                    raise values.BadValue("is missing")
                return None
            match kind:
                case "day":
                    return values.day(text, self.style.order)
                case "instant":
                    return values.instant(text, zone, self.style.order)
                case "id":
                    return _id(text)
            sign = "." if self.layout.fields[name].is_machine else self.style.decimal
            found = values.number(text, sign)
            if kind == "integer" and found is not None and found != int(found):
                raise values.BadValue("is not a whole number")
            return int(found) if kind == "integer" and found is not None else found
        except values.BadValue as bad:
            # if columns are shifted, a cell of a contacts file may contain personal data
            cell = redact(text)[:40] if self.has_figures else None
            raise _BadCell(str(bad), self.layout.label(name), cell) from None

    @cached_property
    def _summary(self) -> tuple[dict[str, Coverage], frozenset[str]]:
        days: dict[str, set[date]] = defaultdict(set)
        campaigns: dict[str, set[str]] = defaultdict(set)
        currencies: set[str] = set()
        for record in self.records(ZoneInfo("UTC")):
            if isinstance(record, Problem):
                continue
            account = self.account(record)
            days[account].add(record.values["date"])
            campaigns[account].add(record.values["campaign_id"])
            if currency := record.values.get("currency") or self.header.currency:
                currencies.add(currency)
        first, last = self.range or (None, None)
        covered = {
            account: Coverage(Window(first or min(found), last or max(found)), frozenset(campaigns[account]))
            for account, found in days.items()
        }
        return covered, frozenset(currencies)

    @property
    def coverage(self) -> dict[str, Coverage]:
        """Return the coverage by account of a file with daily figures."""
        return self._summary[0]

    @property
    def currencies(self) -> frozenset[str]:
        """Return the currencies of the amounts in a file with daily figures."""
        return self._summary[1]

    @cached_property
    def range(self) -> tuple[date, date] | None:
        """Return the first and last day if the lines above the table contain them."""
        if len(self.named_days) < 2 or self.named_days[0] > self.named_days[1]:
            return None
        return self.named_days[0], self.named_days[1]

    def account(self, record: Record) -> str:
        """Return the ad account of a row: its column, else the number in the file name, else empty text."""
        account_id = record.values.get("account_id")
        if account_id:
            return str(account_id)
        digits = [part for part in _digits(self.path.stem) if len(part) >= 6]
        return digits[0] if digits else ""

    @property
    def downloaded(self) -> tuple[date, datetime]:
        """Return a sort key for the download time: a date in the file or its last day, then the file time."""
        named = self.named_days
        return (named[2] if len(named) > 2 else max(named, default=date.min)), self.modified


class _BadCell(Exception):
    def __init__(self, fault: str, column: str, cell: str | None) -> None:
        super().__init__(fault)
        self.column, self.cell = column, cell


def _id(text: str) -> str:
    """Return an id as digits, without dashes and Meta's prefixes."""
    bare = text.replace("-", "").rpartition(":")[2].removeprefix("act_")
    if not bare.isdigit():
        raise values.BadValue("is not an id")
    return bare


def _digits(text: str) -> list[str]:
    return "".join(sign if sign.isdigit() else " " for sign in text).split()


@dataclass(frozen=True)
class Folder:
    """The files of a folder."""

    path: Path
    exports: tuple[Export, ...]
    problems: tuple[Problem, ...]
    #: files with equal content: name of the copy, name of the original
    copies: tuple[tuple[str, str], ...] = ()

    def of(self, vendor: str, kind: str) -> list[Export]:
        """Return a vendor's files of a kind, newest first: the newer file wins where two overlap."""
        found = [one for one in self.exports if one.vendor == vendor and one.kind.name == kind]
        return sorted(found, key=lambda one: (*one.downloaded, one.name), reverse=True)


@dataclass
class _HeaderMatch:
    """The line of a file that matches a known header best."""

    header: Header | None = None
    row: int = 0
    delimiter: str = ","
    width: int = 0
    before: list[str] = field(default_factory=list)
    score: tuple[int, int] = (0, 0)


def read(path: Path) -> Folder:
    """Read a folder and its sub-folders without hidden files. Raises OSError."""
    found = []
    for file in sorted(path.rglob("*")):
        parts = file.relative_to(path).parts
        if file.is_file() and not any(part.startswith(".") for part in parts):
            about = file.stat()
            found.append((str(Path(*parts)), about.st_size, about.st_mtime_ns))
    return _read(path, tuple(found), tuple(settings.columns().items()))


@lru_cache(maxsize=8)
def _read(
    path: Path, files: tuple[tuple[str, int, int], ...], columns: tuple[tuple[str, str], ...]
) -> Folder:
    """Read a folder; cached as long as the names, sizes and times of its files do not change."""
    exports: list[Export] = []
    problems: list[Problem] = []
    copies: list[tuple[str, str]] = []
    seen: dict[tuple[int, bytes], str] = {}
    for name, size, _ in files:
        file = path / name
        if file.suffix.lower() not in _TABLES:
            problems.append(Problem(name, "is not a CSV file: it is not read"))
            continue
        try:
            key = (size, _fingerprint(file))
            if key in seen:
                copies.append((name, seen[key]))
                continue
            seen[key] = name
            found = recognise(file, name, dict(columns))
        except reading.Unreadable as fault:
            problems.append(Problem(name, str(fault)))
            continue
        except OSError as fault:
            problems.append(Problem(name, f"cannot be read: {fault.strerror}"))
            continue
        if isinstance(found, Problem):
            problems.append(found)
        else:
            exports.append(found)
    return Folder(path, tuple(exports), tuple(problems), tuple(copies))


def _fingerprint(file: Path) -> bytes:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").digest()


def recognise(path: Path, name: str, columns: Mapping[str, str] | None = None) -> Export | Problem:
    """Recognise a file by its header; `columns` maps other labels to known ones.

    Raises Unreadable, OSError.
    """
    known_labels = {normal(label): known for label, known in (columns or {}).items()}
    encoding = reading.encoding_of(path)
    best = _HeaderMatch()
    for delimiter in reading.DELIMITERS:
        found = reading.first_lines(path, encoding, delimiter, reading.HEADER_LINES)
        for place, line in enumerate(found):
            cells = [known_labels.get(normal(cell), cell) for cell in line.cells]
            for vendor in VENDORS:
                named = layout(vendor).header(cells)
                whole = layout(vendor).kind_of(named.fields)
                # a kind of file with all its columns beats any number of known labels
                score = (len(whole.needs) if whole else 0, len(named.fields))
                if score > best.score:
                    before = [" ".join(above.cells) for above in found[:place]]
                    width = len(reading.padded(line.cells, 0))
                    best = _HeaderMatch(named, line.number, delimiter, width, before, score)
    header = best.header
    if header is None or (not best.score[0] and best.score[1] < 3):
        return Problem(name, "has no known header: see docs/exports.md for the supported files")
    known = layout(header.vendor)
    kind = known.kind_of(header.fields)
    if kind is None:
        nearest, missing = known.nearest(header.fields)
        if not missing:
            return Problem(
                name,
                f"looks like {known.title}, {nearest.title}, but is too detailed; download it from:"
                f" {nearest.where}",
                best.row,
            )
        labels = ", ".join(known.label(name) for name in missing)
        unknown = f"; unknown columns: {', '.join(header.unknown[:6])}" if header.unknown else ""
        return Problem(
            name,
            f"looks like {known.title}, {nearest.title}, without {labels}: add it to the report{unknown}",
            best.row,
        )
    style = _style(path, encoding, best, header, known)
    return Export(
        path,
        name,
        kind,
        known,
        header,
        encoding,
        best.delimiter,
        best.row,
        best.width,
        best.before,
        style,
        datetime.fromtimestamp(path.stat().st_mtime, UTC),
    )


def _style(path: Path, encoding: str, look: _HeaderMatch, header: Header, known: Layout) -> values.Style:
    """Return the number and date format of a file, detected in its first rows."""
    sample = reading.first_lines(path, encoding, look.delimiter, _SAMPLE_ROWS)
    below = [line.cells for line in sample if line.number > look.row]

    def cells(*kinds: str) -> Iterator[str]:
        for name, place in header.fields.items():
            if known.fields[name].kind in kinds:
                yield from (row[place] for row in below if place < len(row))

    return values.Style(
        values.decimal_sign(cells("decimal", "integer"), header.language),
        values.day_order(cells("day", "instant"), header.language),
    )
