"""Read downloaded files as tables of text: CSV, XLSX, and both in ZIP archives.

Independent of vendors. A table is streamed, and read again for each use.
"""

from __future__ import annotations

import codecs
import csv
import io
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import IO, Any

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

DELIMITERS = ("\t", ",", ";")
#: A table has at most a title, a date range and a few more lines above its header.
HEADER_LINES = 15
#: Most bytes that an archive or a workbook may expand to; two years of 500 campaigns take about 150 MB.
MAX_EXPANDED = 1 << 30
#: Most bytes of a workbook's shared texts, which its reader holds in memory.
MAX_SHARED_TEXTS = 128 << 20
MAX_MEMBERS = 500
#: Most characters of a line; a file is read line by line, so that its size does not matter.
MAX_LINE = 4 << 20
_MAX_COLUMNS = 2000
_SAMPLE_BYTES = 64 << 10
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_ZIP = b"PK\x03\x04"
_BINARY = {
    b"\xd0\xcf\x11\xe0": "is an old or encrypted Excel workbook: download it as CSV",
    b"%PDF": "is a PDF: download it as CSV",
    b"\x1f\x8b": "is compressed: unpack it",
    b"PK\x05\x06": "is an empty ZIP archive: download it again",
}
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    InvalidFileException,
    EOFError,
    KeyError,
    ValueError,
    TypeError,
    SyntaxError,
    # a compression that zipfile does not read
    NotImplementedError,
    # an encrypted member
    RuntimeError,
)
csv.field_size_limit(1 << 24)


class Unreadable(Exception):
    """A file that is not a table; `str()` is the problem and the fix."""


class Typed(str):
    """A number or date cell of a workbook: a decimal point and ISO 8601, whatever the file's language."""

    __slots__ = ()


@dataclass(frozen=True)
class Line:
    """A row of a table. `number` is the line it ends on, counted from 1 as editors do."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Table(ABC):
    """A table in a file. `part` is the archive's member or the sheet, empty if the file is one table.

    `delimiters` are the delimiters to try. `is_sheet`: rows may be shorter than the header.
    """

    path: Path
    part: str
    encoding: str
    delimiters: tuple[str, ...] = DELIMITERS
    is_sheet: bool = False

    @abstractmethod
    def lines(self, delimiter: str) -> Iterator[Line]:
        """Yield every row that is not blank. Raises Unreadable if the table is truncated or damaged."""


def tables(path: Path) -> list[Table]:
    """Return the tables of a file. Raises Unreadable, OSError."""
    with path.open("rb") as file:
        sample = file.read(_SAMPLE_BYTES)
    if not sample.startswith(_ZIP):
        return [_Text(path, "", _encoding(sample))]
    with _damage_reported():
        archive = zipfile.ZipFile(path)
    with archive:
        members = _members(archive)
        if any(member.filename == "xl/workbook.xml" for member in members):
            return _sheets(path, "")
        found: list[Table] = []
        for member in members:
            name = PurePosixPath(member.filename)
            if name.suffix.lower() == ".zip":
                raise Unreadable("contains another ZIP archive: unpack it")
            if any(part.startswith((".", "__MACOSX")) for part in name.parts):
                continue
            with _damage_reported(), archive.open(member) as file:
                sample = file.read(_SAMPLE_BYTES)
            if sample.startswith(_ZIP):
                found += _sheets(path, member.filename)
            else:
                found.append(_Text(path, member.filename, _encoding(sample)))
    if not found:
        raise Unreadable("is an archive without a file")
    return found


def _members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return the files of an archive. Raises Unreadable if it is encrypted or expands beyond the limit.

    The reader never returns more bytes of a member than the size that its entry declares.
    """
    members = [member for member in archive.infolist() if not member.is_dir()]
    if len(members) > MAX_MEMBERS:
        raise Unreadable(f"contains {len(members)} files, more than {MAX_MEMBERS}: it is not read")
    if any(member.flag_bits & 1 for member in members):
        raise Unreadable("is encrypted: unpack it")
    size = sum(member.file_size for member in members)
    if size > MAX_EXPANDED:
        raise Unreadable(
            f"expands to {size >> 20:,} MB, more than {MAX_EXPANDED >> 20:,} MB: it is not read;"
            " download fewer days"
        )
    return members


@contextmanager
def _damage_reported() -> Iterator[None]:
    try:
        yield
    except _DAMAGED:
        raise Unreadable("is a damaged archive or workbook: download it again") from None


def _encoding(sample: bytes) -> str:
    """Return the encoding by its byte order mark, else the first that decodes. Raises Unreadable."""
    if not sample.strip():
        raise Unreadable("is empty: download it again")
    for magic, fault in _BINARY.items():
        if sample.startswith(magic):
            raise Unreadable(fault)
    for mark, encoding in _MARKS:
        if sample.startswith(mark):
            return encoding
    # UTF-16 without a byte order mark: every other byte of Western text is zero
    for place, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if sample[place::2].count(0) > len(sample) // 4:
            return encoding
    if b"\0" in sample:
        raise Unreadable("is not a text file: download it as CSV")
    try:
        # incremental, because the sample may end within a character
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


@dataclass(frozen=True)
class _Text(Table):
    """A CSV file, or one in an archive."""

    @contextmanager
    def _open(self) -> Iterator[IO[str]]:
        if not self.part:
            with self.path.open(encoding=self.encoding, newline="") as file:
                yield file
            return
        with (
            zipfile.ZipFile(self.path) as archive,
            archive.open(self.part) as content,
            io.TextIOWrapper(content, self.encoding, newline="") as file,
        ):
            yield file

    def lines(self, delimiter: str) -> Iterator[Line]:
        number = 0
        try:
            with self._open() as file:
                reader = csv.reader(_bounded(file), delimiter=delimiter)
                for cells in reader:
                    number = reader.line_num
                    stripped = tuple([cell.strip() for cell in cells])
                    if any(stripped):
                        yield Line(number, stripped)
        except (UnicodeError, csv.Error, zipfile.BadZipFile, zlib.error, EOFError):
            raise Unreadable(
                f"breaks off after line {number}: it is truncated or damaged, download it again"
            ) from None


def _bounded(file: IO[str]) -> Iterator[str]:
    """Yield the lines of a file. Raises Unreadable for a line that would fill the memory."""
    while line := file.readline(MAX_LINE):
        if len(line) == MAX_LINE:
            raise Unreadable(f"has a line of {MAX_LINE >> 20} million characters: it is not a table")
        yield line


@dataclass(frozen=True)
class _Sheet(Table):
    """A sheet of a workbook, which may be the `member` of an archive."""

    member: str = ""
    title: str = ""

    def lines(self, delimiter: str) -> Iterator[Line]:
        with _damage_reported(), _workbook(self.path, self.member) as book:
            sheet = book[self.title]
            # the stored size of a sheet may be wrong
            sheet.reset_dimensions()
            for number, row in enumerate(sheet.iter_rows(values_only=True), 1):
                if len(row) > _MAX_COLUMNS:
                    raise Unreadable(f"has more than {_MAX_COLUMNS} columns: it is not read")
                cells = tuple(_cell(value) for value in row)
                if any(cells):
                    yield Line(number, cells)


@contextmanager
def _workbook(path: Path, member: str) -> Iterator[Any]:
    with path.open("rb") as file:
        content: IO[bytes] = file
        if member:
            with zipfile.ZipFile(file) as archive:
                content = io.BytesIO(archive.read(member))
        with zipfile.ZipFile(content) as inner:
            for each in _members(inner):
                if each.filename == "xl/sharedStrings.xml" and each.file_size > MAX_SHARED_TEXTS:
                    raise Unreadable(
                        f"contains more than {MAX_SHARED_TEXTS >> 20} MB of texts: download it as CSV"
                    )
        # formulas are read as formulas: a value that was never calculated would be blank
        book = load_workbook(content, read_only=True, data_only=False, keep_links=False)
        try:
            yield book
        finally:
            book.close()


def _sheets(path: Path, member: str) -> list[Table]:
    with _damage_reported(), _workbook(path, member) as book:
        titles = [sheet.title for sheet in book.worksheets if sheet.sheet_state == "visible"]
    if not titles:
        raise Unreadable("is a workbook without a visible sheet")
    alone = len(titles) == 1
    return [
        _Sheet(
            path,
            ", ".join(filter(None, (member, "" if alone else title))),
            "xlsx",
            ("",),
            True,
            member,
            title,
        )
        for title in titles
    ]


def _cell(value: Any) -> str:
    """Return a workbook's cell as text; numbers and dates are exact, and marked."""
    match value:
        case None:
            return ""
        case str():
            return value.strip()
        case bool():
            return str(value).lower()
        case datetime():
            # a day is a number of days in a workbook, so a second may be stored as 0.999999
            exact = (value + timedelta(milliseconds=500)).replace(microsecond=0)
            return Typed(exact.date().isoformat() if exact.time() == time() else exact.isoformat(" "))
        case date():
            return Typed(value.isoformat())
        case int():
            return Typed(value)
        case float():
            return Typed(int(value)) if value.is_integer() and abs(value) < 2**53 else Typed(repr(value))
        case _:
            return str(value)


def ends_within_line(table: Table) -> bool:
    """Return whether a CSV file has no line end after its last line, so that its last cell may be cut."""
    if not isinstance(table, _Text):
        return False
    if not table.part:
        with table.path.open("rb") as file:
            file.seek(max(table.path.stat().st_size - 4, 0))
            end = file.read()
    else:
        end = b""
        # a damaged member is reported where its rows are read
        with suppress(*_DAMAGED), zipfile.ZipFile(table.path) as archive, archive.open(table.part) as content:
            while chunk := content.read(1 << 20):
                end = chunk[-4:]
    return not end.rstrip(b"\0").endswith((b"\n", b"\r"))


def first_lines(table: Table, delimiter: str, most: int) -> list[Line]:
    """Return the first rows of a table; fewer if it is truncated. Raises OSError."""
    found: list[Line] = []
    with suppress(Unreadable):
        found.extend(islice(table.lines(delimiter), most))
    return found


def padded(cells: Sequence[str], width: int) -> tuple[str, ...]:
    """Return the cells without the empty ones beyond the header's width, which Excel adds."""
    end = len(cells)
    while end > width and not cells[end - 1]:
        end -= 1
    return tuple(cells[:end])
