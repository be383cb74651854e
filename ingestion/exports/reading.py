"""Read a downloaded file as rows of text: encoding, delimiter, first lines.

Independent of vendors. A file is streamed, and read again for each table that is loaded from it.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

DELIMITERS = ("\t", ",", ";")
#: A table has at most a title, a date range and a few more lines above its header.
HEADER_LINES = 15
_SAMPLE_BYTES = 64 << 10
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_BINARY = {
    b"PK\x03\x04": "is an Excel workbook or a ZIP archive: unpack it, or download it as CSV",
    b"\xd0\xcf\x11\xe0": "is an old Excel workbook: download it as CSV",
    b"%PDF": "is a PDF: download it as CSV",
    b"\x1f\x8b": "is compressed: unpack it",
}
csv.field_size_limit(1 << 24)


class Unreadable(Exception):
    """A file that is not a text table; `str()` is the problem and the fix."""


@dataclass(frozen=True)
class Line:
    """A row of a file. `number` is the line it ends on, counted from 1 as editors do."""

    number: int
    cells: tuple[str, ...]


def encoding_of(path: Path) -> str:
    """Return the encoding by its byte order mark, else the first that decodes. Raises Unreadable, OSError."""
    with path.open("rb") as file:
        sample = file.read(_SAMPLE_BYTES)
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


def lines(path: Path, encoding: str, delimiter: str) -> Iterator[Line]:
    """Yield every row that is not blank. Raises Unreadable if the file is truncated or damaged, OSError."""
    number = 0
    try:
        with path.open(encoding=encoding, newline="") as file:
            reader = csv.reader(file, delimiter=delimiter)
            for cells in reader:
                number = reader.line_num
                if any(cell.strip() for cell in cells):
                    yield Line(number, tuple(cell.strip() for cell in cells))
    except (UnicodeError, csv.Error):
        raise Unreadable(
            f"breaks off after line {number}: it is truncated or damaged, download it again"
        ) from None


def first_lines(path: Path, encoding: str, delimiter: str, most: int) -> list[Line]:
    """Return the first rows of a file; fewer if it is truncated. Raises OSError."""
    found: list[Line] = []
    with suppress(Unreadable):
        found.extend(islice(lines(path, encoding, delimiter), most))
    return found


def padded(cells: Sequence[str], width: int) -> tuple[str, ...]:
    """Return the cells without the empty ones beyond the header's width, which Excel adds."""
    end = len(cells)
    while end > width and not cells[end - 1]:
        end -= 1
    return tuple(cells[:end])
