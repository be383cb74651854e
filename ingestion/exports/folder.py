"""A folder of downloaded files: what each one is, its days and accounts, what is wrong with it."""

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
#: Fields that say which entity a row of daily figures is of; a row without any is a total.
_ENTITIES = ("campaign_id", "group_id", "conversion_action", "conversion_name")


@dataclass(frozen=True)
class Problem:
    """What is wrong in a file, in one line that names file, row and column as far as they are known.

    `cell` is what stands there, where it cannot be of a person.
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
    """What a file speaks for of one account: its days, first to last, of the campaigns it names."""

    days: Window
    campaigns: frozenset[str]

    def holds(self, record: Record) -> bool:
        """Whether the file speaks for the campaign and day of a record."""
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
        """Whose file it is."""
        return self.layout.vendor

    @property
    def inputs(self) -> frozenset[str]:
        """What the file tells, of what reasons need."""
        return self.kind.inputs | {
            added for added, names in self.kind.adds.items() if names & self.header.fields.keys()
        }

    @property
    def has_figures(self) -> bool:
        """Whether its rows are figures of days."""
        return "date" in self.kind.needs

    @cached_property
    def named_days(self) -> list[date]:
        """The days in the lines above the table: first, last, perhaps that of the download."""
        order = values.day_order(self.before, self.header.language)
        return [found for line in self.before for found in values.days_in(line, order)]

    def records(self, zone: ZoneInfo, only: Collection[str] = ()) -> Iterator[Record | Problem]:
        """Every row below the header, totals left out; with `only`, just these fields of it.

        Clock times are those of `zone`. A row that cannot be read is a Problem with its row and column, and a
        file that breaks off is one, too.
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
        """A line of sums: it names no entity, and no day."""
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
                raise values.BadValue("is no whole number")
            return int(found) if kind == "integer" and found is not None else found
        except values.BadValue as bad:
            # where columns are shifted a cell may hold anything of a person
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
        """What the file speaks for, by account; of files with daily figures."""
        return self._summary[0]

    @property
    def currencies(self) -> frozenset[str]:
        """The currencies of its amounts; of files with daily figures."""
        return self._summary[1]

    @cached_property
    def range(self) -> tuple[date, date] | None:
        """First and last day, where the file's own title says them."""
        if len(self.named_days) < 2 or self.named_days[0] > self.named_days[1]:
            return None
        return self.named_days[0], self.named_days[1]

    def account(self, record: Record) -> str:
        """The ad account of a row: its column, else the number in the file's name; empty where neither is."""
        account_id = record.values.get("account_id")
        if account_id:
            return str(account_id)
        digits = [part for part in _digits(self.path.stem) if len(part) >= 6]
        return digits[0] if digits else ""

    @property
    def downloaded(self) -> tuple[date, datetime]:
        """When it was made, as near as it tells: its own date, else its last day; then the file's time."""
        named = self.named_days
        return (named[2] if len(named) > 2 else max(named, default=date.min)), self.modified


class _BadCell(Exception):
    def __init__(self, fault: str, column: str, cell: str | None) -> None:
        super().__init__(fault)
        self.column, self.cell = column, cell


def _id(text: str) -> str:
    """An id as digits: without dashes, and without the letters that Meta puts before one."""
    bare = text.replace("-", "").rpartition(":")[2].removeprefix("act_")
    if not bare.isdigit():
        raise values.BadValue("is no id")
    return bare


def _digits(text: str) -> list[str]:
    return "".join(sign if sign.isdigit() else " " for sign in text).split()


@dataclass(frozen=True)
class Folder:
    """What lies in a folder."""

    path: Path
    exports: tuple[Export, ...]
    problems: tuple[Problem, ...]
    #: the same bytes twice: name of the copy, and of the file it equals
    copies: tuple[tuple[str, str], ...] = ()

    def of(self, vendor: str, kind: str) -> list[Export]:
        """A vendor's files of a kind, the newest first: what two tell, the newer one tells."""
        found = [one for one in self.exports if one.vendor == vendor and one.kind.name == kind]
        return sorted(found, key=lambda one: (*one.downloaded, one.name), reverse=True)


@dataclass
class _HeaderMatch:
    """What a look at a file's first lines found."""

    header: Header | None = None
    row: int = 0
    delimiter: str = ","
    width: int = 0
    before: list[str] = field(default_factory=list)
    score: tuple[int, int] = (0, 0)


def read(path: Path) -> Folder:
    """What lies in a folder and its sub-folders, hidden files left out. Raises OSError."""
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
    """A folder whose files did not change (names, sizes, times) is looked at once."""
    exports: list[Export] = []
    problems: list[Problem] = []
    copies: list[tuple[str, str]] = []
    seen: dict[tuple[int, bytes], str] = {}
    for name, size, _ in files:
        file = path / name
        if file.suffix.lower() not in _TABLES:
            problems.append(Problem(name, "is no CSV file: it is not read"))
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
    """What a file is, by its header; `columns` say what further labels mean. Raises Unreadable, OSError."""
    meant = {normal(label): known for label, known in (columns or {}).items()}
    encoding = reading.encoding_of(path)
    best = _HeaderMatch()
    for delimiter in reading.DELIMITERS:
        found = reading.first_lines(path, encoding, delimiter, reading.HEADER_LINES)
        for place, line in enumerate(found):
            cells = [meant.get(normal(cell), cell) for cell in line.cells]
            for vendor in VENDORS:
                named = layout(vendor).header(cells)
                whole = layout(vendor).kind_of(named.fields)
                # a kind that is whole beats any number of labels
                score = (len(whole.needs) if whole else 0, len(named.fields))
                if score > best.score:
                    before = [" ".join(above.cells) for above in found[:place]]
                    width = len(reading.padded(line.cells, 0))
                    best = _HeaderMatch(named, line.number, delimiter, width, before, score)
    header = best.header
    if header is None or (not best.score[0] and best.score[1] < 3):
        return Problem(name, "has no header that is known: see docs/exports.md for the files that are read")
    known = layout(header.vendor)
    kind = known.kind_of(header.fields)
    if kind is None:
        nearest, lacking = known.nearest(header.fields)
        if not lacking:
            return Problem(
                name,
                f"looks like {known.title}, {nearest.title}, but of something finer: {nearest.where}",
                best.row,
            )
        labels = ", ".join(known.label(missing) for missing in lacking)
        unknown = f"; not understood: {', '.join(header.unknown[:6])}" if header.unknown else ""
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
    """How the file writes numbers and days, from its first rows."""
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
