"""A recognised file: its rows with typed values, its accounts and days, its problems."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from ingestion.errors import redact
from ingestion.exports import reading, values
from ingestion.exports.layouts import FileKind, Header, Layout, Vendor
from ingestion.landing.planning import Window

if TYPE_CHECKING:
    from ingestion.exports.figures import Figures

# browsers number the later downloads of one name
_NUMBERED = re.compile(r"^(?P<stem>.*?)\s*\((?P<number>\d{1,3})\)$")
# the id stands after the word; a number alone may be a date
_ACCOUNT = re.compile(r"(?:account|acct|act|konto|compte|cuenta|conta)[ _\-]*(?P<id>\d{6,})", re.IGNORECASE)
_CALENDAR = re.compile(
    r"(?:20\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])|(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])20\d\d)"
)


@dataclass(frozen=True)
class Problem:
    """A problem in a file; its text is one line with file, row and column, as far as they are known.

    `cell` is the cell's content if it cannot be personal data. Of a refused file, `vendor` and
    `kind` are known.
    """

    file: str
    fault: str
    row: int | None = None
    column: str | None = None
    cell: str | None = None
    vendor: Vendor | None = None
    kind: str | None = None

    def __str__(self) -> str:
        where = f", row {self.row}" if self.row is not None else ""
        where += f", column {self.column}" if self.column is not None else ""
        shown = f'"{self.cell}" ' if self.cell else ""
        return " ".join(f"{self.file}{where}: {shown}{self.fault}".split())


@dataclass(frozen=True)
class Record:
    """A row with typed values: date, datetime in UTC, Decimal, int or text; a blank cell is None.

    `row` is its line, or the first of the lines that it sums.
    """

    row: int
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Coverage:
    """The days (first to last) and campaigns of one account for which a file is authoritative.

    `parts` are the values of the kind's part, such as conversion actions, which the file may be filtered to.
    `keys` are the only campaigns and days of a truncated file.
    """

    days: Window
    campaigns: frozenset[str]
    parts: frozenset[str] | None = None
    keys: frozenset[tuple[str, date]] | None = None

    def holds(self, day: date, campaign: str, part: str | None = None) -> bool:
        """Return whether the file covers a campaign, a day and a part."""
        return self.holds_any_part(day, campaign) and (self.parts is None or part in self.parts)

    def holds_any_part(self, day: date, campaign: str) -> bool:
        """Return whether the file covers a campaign and a day in any part."""
        if self.keys is not None:
            return (campaign, day) in self.keys
        return self.days.start <= day <= self.days.end and campaign in self.campaigns


class BadCell(Exception):
    """A cell does not have the type of its column; `str()` is the problem."""

    def __init__(self, fault: str, column: str, cell: str | None) -> None:
        super().__init__(fault)
        self.column, self.cell = column, cell


@dataclass
class Export:
    """A recognised file, or a table of a workbook or an archive. `fields` are the positions of its fields."""

    table: reading.Table
    name: str
    kind: FileKind
    layout: Layout
    header: Header
    delimiter: str
    header_row: int
    width: int
    before: Sequence[str]
    style: values.Style
    fields: Mapping[str, int]
    modified: datetime
    notes: tuple[str, ...] = ()
    _figures: Figures | None = field(default=None, repr=False)

    @property
    def vendor(self) -> Vendor:
        """Return the vendor of the file."""
        return self.layout.vendor

    @property
    def encoding(self) -> str:
        """Return the encoding of the text, or "xlsx"."""
        return self.table.encoding

    @property
    def inputs(self) -> frozenset[str]:
        """Return the inputs of bridge steps that the file provides."""
        return self.kind.inputs | {
            added for added, names in self.kind.adds.items() if names & self.fields.keys()
        }

    @property
    def has_figures(self) -> bool:
        """Return whether the rows are daily figures."""
        return "date" in self.kind.needs

    @property
    def figures(self) -> Figures:
        """Return the summed rows of a file whose kind has a key. Raises Refused on the first use."""
        if self._figures is None:
            from ingestion.exports.figures import read_figures

            self._figures = read_figures(self)
        return self._figures

    def use(self, figures: Figures) -> None:
        """Set the summed rows."""
        self._figures = figures

    def label(self, name: str) -> str:
        """Return the label of a field in the vendor's interface, for messages."""
        return self.layout.label(name)

    @cached_property
    def named_days(self) -> list[date]:
        """Return the days in the lines above the table: first, last and, in some files, the download day."""
        return [found for _, found in self._named]

    @cached_property
    def _named(self) -> list[tuple[str, date]]:
        return [(line, found) for line in self.before for found in values.days_in(line, self.style.order)]

    @cached_property
    def range(self) -> tuple[date, date] | None:
        """Return the first and last day if the lines above the table contain them."""
        if len(self.named_days) < 2 or self.named_days[0] > self.named_days[1]:
            return None
        return self.named_days[0], self.named_days[1]

    @cached_property
    def generated(self) -> datetime | None:
        """Return when the report was generated, by the third day in the lines above the table, else None."""
        if len(self._named) < 3:
            return None
        line, on = self._named[2]
        try:
            return values.instant(line.partition(":")[2].strip(), ZoneInfo("UTC"), self.style.order)
        except values.BadValue:
            return datetime(on.year, on.month, on.day, tzinfo=UTC)

    @property
    def downloaded(self) -> datetime:
        """Return when the file was downloaded: the report's own line, else the file's time."""
        return self.generated or self.modified

    @property
    def download_family(self) -> tuple[str, int]:
        """Return the file's name without a browser's number, and that number (0 without one)."""
        path = PurePath(self.table.path)
        found = _NUMBERED.match(path.stem)
        if not found:
            return str(path), 0
        return str(path.with_name(found["stem"] + path.suffix)), int(found["number"])

    @property
    def account_in_name(self) -> str | None:
        """Return the ad account in the file name, which follows the word account; None if there is none."""
        for name in (PurePath(self.table.part).name, self.table.path.name):
            for found in _ACCOUNT.finditer(name):
                if not _CALENDAR.fullmatch(found["id"][:8]) or len(found["id"]) == 9:
                    return found["id"]
        return None

    def lines(self) -> Iterator[reading.Line]:
        """Yield the lines below the header. Raises Unreadable, OSError."""
        for line in self.table.lines(self.delimiter):
            if line.number > self.header_row:
                yield line

    def cells(self, line: reading.Line) -> tuple[str, ...] | Problem:
        """Return the cells of a line, as many as the header has, or a Problem."""
        cells = reading.padded(line.cells, self.width)
        if len(cells) < self.width and self.table.is_sheet:
            # a sheet has no blank cells at the end of a row
            return cells + ("",) * (self.width - len(cells))
        if len(cells) != self.width:
            return Problem(
                self.name, f"has {len(cells)} cells where the header has {self.width}", line.number
            )
        return cells

    def readers(
        self, zone: ZoneInfo, only: Collection[str] = ()
    ) -> list[tuple[str, int, Callable[[str], Any]]]:
        """Return (field, position, function that reads a cell) of every column, or of `only` these."""
        return [
            (name, place, self._reader(name, zone))
            for name, place in self.fields.items()
            if not only or name in only
        ]

    def _reader(self, name: str, zone: ZoneInfo) -> Callable[[str], Any]:
        kind, style = self.layout.fields[name].kind, self.style
        is_needed = name in self.kind.needs - self.kind.blank and kind in ("day", "id", "instant")
        convert: Callable[[str], Any]
        match kind:
            case "text" | "email":
                return _text
            case "day":

                def convert(text: str) -> Any:
                    return values.day(text, style.order)

            case "instant":

                def convert(text: str) -> Any:
                    return values.instant(text, zone, style.order)

            case "id":
                convert = _id
            case "integer":

                def convert(text: str) -> Any:
                    found = values.number(text, style.decimal)
                    if found is not None and found != int(found):
                        raise values.BadValue("is not a whole number")
                    return None if found is None else int(found)

            case _:

                def convert(text: str) -> Any:
                    return values.number(text, style.decimal)

        def read(text: str) -> Any:
            if not text or values.is_nothing(text):
                if is_needed:
                    raise BadCell("is missing", self.header.label(self.fields[name]), None)
                return None
            try:
                return convert(text)
            except values.BadValue as bad:
                # if columns are shifted, a cell of a contacts file may contain personal data
                cell = redact(text)[:40] if self.kind.key else None
                raise BadCell(str(bad), self.header.label(self.fields[name]), cell) from None

        return read

    def records(self, zone: ZoneInfo, only: Collection[str] = ()) -> Iterator[Record | Problem]:
        """Yield every row below the header; with `only`, just these fields. Figures are summed by their key.

        Clock times are in `zone`. A row that cannot be read is a Problem with row and column; a truncated
        file is a Problem at the end of its readable rows.
        """
        if self.kind.key:
            yield from self.figures.problems
            yield from self.figures.records()
            return
        columns = self.readers(zone, only)
        try:
            for line in self.lines():
                cells = self.cells(line)
                if isinstance(cells, Problem):
                    yield cells
                    continue
                try:
                    found = {name: read(cells[place]) for name, place, read in columns}
                except BadCell as unfit:
                    yield Problem(self.name, str(unfit), line.number, unfit.column, unfit.cell)
                    continue
                yield Record(line.number, found)
        except (reading.Unreadable, OSError) as fault:
            yield Problem(self.name, str(fault))

    @property
    def coverage(self) -> Mapping[str, Coverage]:
        """Return the coverage by account of a file with daily figures."""
        return self.figures.coverage

    @property
    def currencies(self) -> frozenset[str]:
        """Return the currencies of the amounts in a file with daily figures."""
        return self.figures.currencies


def _text(text: str) -> str | None:
    return text or None


def _id(text: str) -> str:
    """Return an id as digits, without dashes and Meta's prefixes."""
    bare = text.replace("-", "").rpartition(":")[2].removeprefix("act_")
    if not bare.isdecimal():
        if re.fullmatch(r"[\d.,]+[eE]\+?\d+", bare):
            raise values.BadValue("is an id that a spreadsheet has rounded: download the file again")
        raise values.BadValue("is not an id")
    return bare
