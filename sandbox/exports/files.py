"""Files as the vendors write them: encoding, delimiter, lines around the table, the user's numbers."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

Cell = str | int | Decimal | None

_MONTHS = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
}


@dataclass(frozen=True)
class Style:
    """How a file is written. `language`: `en` or `de`, for numbers and days in words."""

    encoding: str = "utf-8"
    delimiter: str = ","
    language: str = "en"
    line_end: str = "\n"
    #: what stands for nothing
    nothing: str = ""
    grouped: bool = False

    def number(self, value: int | Decimal) -> str:
        """A number as the user's language writes it; thousands in groups where `grouped`."""
        text = f"{value:,}" if self.grouped else f"{value}"
        return text.translate(str.maketrans(",.", ".,")) if self.language == "de" else text

    def words(self, day: date) -> str:
        """A day in words."""
        month = _MONTHS[self.language].split()[day.month - 1]
        if self.language == "de":
            return f"{day.day}. {month} {day.year}"
        return f"{month} {day.day}, {day.year}"

    def cell(self, value: Cell) -> str:
        """A cell's text."""
        if value is None:
            return self.nothing
        return value if isinstance(value, str) else self.number(value)


#: What Google and LinkedIn call Excel's kind of CSV.
EXCEL = Style(encoding="utf-16", delimiter="\t", line_end="\r\n")


def write(
    path: Path,
    header: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    style: Style,
    *,
    before: Sequence[Sequence[str]] = (),
    after: Sequence[Sequence[Cell]] = (),
) -> None:
    """Writes a table with the lines before it and the totals after it."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=style.delimiter, lineterminator=style.line_end)
    for line in before:
        writer.writerow(line)
    writer.writerow(header)
    for row in (*rows, *after):
        writer.writerow([style.cell(value) for value in row])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(out.getvalue().encode(style.encoding))


def summed(rows: Iterable[Sequence[Cell]], place: int) -> int | Decimal:
    """The sum of a column."""
    return sum((value for row in rows if isinstance(value := row[place], int | Decimal)), start=0)


def minute(at: datetime) -> str:
    """An instant to the minute, without its zone."""
    return f"{at:%Y-%m-%d %H:%M}"
