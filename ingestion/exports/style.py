"""Detect the number and date format of a file, and the columns to read, from all of its rows.

A format that the cells do not prove is refused, with the setting that decides; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from ingestion.exports import settings, values
from ingestion.exports.layouts import Header, Layout
from ingestion.exports.reading import Line

#: Digits of a number that spreadsheets keep.
_EXACT_DIGITS = 15


class Refused(Exception):
    """A file that is not read; `str()` is the problem and the fix, `column` the label of a column."""

    def __init__(self, fault: str, column: str | None = None, row: int | None = None) -> None:
        super().__init__(fault)
        self.column, self.row = column, row


@dataclass
class _Days:
    """The formats of a column of days: a first row of each, and the orders that rows prove."""

    label: str
    formats: dict[str, int] = field(default_factory=dict)
    proofs: dict[str, int] = field(default_factory=dict)
    #: local days that prove nothing, few of them: both readings are real days
    unproven: set[str] = field(default_factory=set)


@dataclass
class _Sign:
    """The first cell that proves a decimal sign, and how many do."""

    row: int
    label: str
    text: str
    cells: int = 0


@dataclass
class _Rivals:
    """Columns that mean the same field: how many cells each fills, and the first row in which two differ."""

    places: tuple[int, ...]
    filled: dict[int, int]
    differ: int | None = None


@dataclass
class _Ids:
    """A column of ids: the first row with more digits than spreadsheets keep, and whether any are intact."""

    label: str
    first: int | None = None
    is_intact: bool = False


@dataclass(frozen=True)
class Found:
    """The format of a file, and the position of each field."""

    style: values.Style
    fields: Mapping[str, int]


def detect(
    rows: Callable[[], Iterator[Line]],
    header: Header,
    known: Layout,
    native_delimiter: bool,
    named_range: tuple[date, date] | None,
) -> Found:
    """Return the format of a file by all rows below its header. Raises Refused.

    `named_range` are the first and last day in the lines above the table. `native_delimiter`: the file has
    the delimiter of the vendor's download, so that no spreadsheet of another language has saved it.
    """
    by_field = header.places
    rivals = {
        name: _Rivals(places, dict.fromkeys(places, 0))
        for name, places in by_field.items()
        if len(places) > 1
    }
    fields = {name: places[0] for name, places in by_field.items()}
    numbers = [
        (place, known.fields[name].kind == "integer", header.label(place))
        for name, places in by_field.items()
        if known.fields[name].kind in ("integer", "decimal")
        for place in places
    ]
    days = [
        (place, _Days(header.label(place)))
        for name, places in by_field.items()
        if known.fields[name].kind in ("day", "instant")
        for place in places
    ]
    ids = [
        (place, _Ids(header.label(place)))
        for name, places in by_field.items()
        if known.fields[name].kind == "id"
        for place in places
    ]
    signs: dict[str, _Sign] = {}
    for line in rows():
        cells, width = line.cells, len(line.cells)
        for place, is_whole, label in numbers:
            if place < width and (text := cells[place]):
                sign = values.decimal_evidence(text, is_whole=is_whole)
                if sign:
                    signs.setdefault(sign, _Sign(line.number, label, text)).cells += 1
        for place, column in days:
            if place < width and (text := cells[place]):
                _note_day(column, text, line.number)
        for place, column_of_ids in ids:
            if not column_of_ids.is_intact and place < width and len(cells[place]) > _EXACT_DIGITS:
                _note_id(column_of_ids, cells[place], line.number)
        for rival in rivals.values():
            _note_rival(rival, cells, line.number)
    for _, column_of_ids in ids:
        if column_of_ids.first is not None and not column_of_ids.is_intact:
            raise Refused(
                "all ids end in zeros after 15 digits: a spreadsheet has rounded them, download it again",
                column_of_ids.label,
                column_of_ids.first,
            )
    for name, rival in rivals.items():
        fields[name] = _chosen(name, rival, header, known)
    kept = set(fields.values())
    decimal = _decimal(signs, is_native=known.is_machine and native_delimiter)
    order = _order([column for place, column in days if place in kept], named_range, header.language)
    return Found(values.Style(decimal, order), fields)


def _note_day(column: _Days, text: str, row: int) -> None:
    # the usual form of machines, first
    if text[4:5] == "-" and text[:4].isdecimal():
        column.formats.setdefault("iso", row)
        return
    form, proof, bare = values.day_evidence(text)
    if form:
        column.formats.setdefault(form, row)
    if proof:
        column.proofs.setdefault(proof, row)
    elif form in ("/", "-") and len(column.unproven) < 400:
        column.unproven.add(bare)


def _note_id(column: _Ids, text: str, row: int) -> None:
    digits = text.rpartition(":")[2]
    if len(digits) > _EXACT_DIGITS and digits.isdecimal():
        column.is_intact = bool(digits[_EXACT_DIGITS:].strip("0"))
        column.first = column.first or row


def _note_rival(rival: _Rivals, cells: Sequence[str], row: int) -> None:
    found = {}
    for place in rival.places:
        if place < len(cells) and not values.is_nothing(cells[place]):
            rival.filled[place] += 1
            found[place] = cells[place].casefold()
    if rival.differ is None and len(set(found.values())) > 1:
        rival.differ = row


def _chosen(name: str, rival: _Rivals, header: Header, known: Layout) -> int:
    """Return the column to read: the most usual label of those that have values."""
    filled = [place for place in rival.places if rival.filled[place]]
    if not filled:
        return rival.places[0]
    kind = known.fields[name].kind
    best = filled[0]
    is_clear = known.has_custom_columns and header.ranks[best] < header.ranks[filled[-1]]
    if rival.differ is None:
        # one may be blank where the other is not
        return max(filled, key=lambda place: rival.filled[place])
    if kind == "text" or is_clear:
        return best
    labels = [header.label(place) for place in filled]
    named = " and ".join(f'"{label}"' for label in labels)
    setting = settings.SECTION.name("columns")
    raise Refused(
        f"the columns {named} both mean {known.label(name)} and differ: delete one,"
        f' or set {setting} "{labels[-1]}" = "" so that it is not read',
        None,
        rival.differ,
    )


def _decimal(signs: Mapping[str, _Sign], *, is_native: bool) -> Literal[".", ","]:
    point, comma, either = (signs.get(sign) for sign in (".", ",", "?"))
    if point and comma:
        if either is None:
            # each row with the rarer sign is refused on its own
            return "." if point.cells >= comma.cells else ","
        raise Refused(
            f"numbers have two decimal signs ({point.text} and {comma.text}): the file was saved by several"
            " programs, download it again",
            either.label,
            either.row,
        )
    if point or comma:
        return "." if point else ","
    if either is None or is_native:
        return "."
    if (configured := settings.decimal_sign()) is not None:
        return configured
    whole, _, thousandths = either.text.replace(",", ".").partition(".")
    raise Refused(
        f'"{either.text}" may be {whole}{thousandths} or {whole}.{thousandths}: set'
        f' {settings.SECTION.name("decimal_sign")} to "." or ","',
        either.label,
        either.row,
    )


def _order(columns: Sequence[_Days], named: tuple[date, date] | None, language: str) -> values.Order:
    """Return the order of day and month that the columns prove."""
    proofs: dict[values.Order, tuple[str, int]] = {}
    for column in columns:
        if len(column.formats) > 1:
            first, second, *_ = column.formats.values()
            raise Refused(
                f"days are written in two ways (rows {first} and {second}): a spreadsheet has changed some"
                " of them, download the file again",
                column.label,
                second,
            )
        for proof, row in column.proofs.items():
            proofs.setdefault("day" if proof == "day" else "month", (column.label, row))
    if len(proofs) > 1:
        label, row = proofs["month"]
        raise Refused(
            f"has days that fit day/month only (row {proofs['day'][1]}) and days that fit month/day only"
            f" (row {row}): a spreadsheet has changed some of them, download the file again",
            label,
            row,
        )
    if proofs:
        return next(iter(proofs))
    unproven = [(column, text) for column in columns for text in sorted(column.unproven)]
    by_order = {order: [values.day(text, order) for _, text in unproven] for order in _ORDERS}
    if by_order["day"] == by_order["month"]:
        return "month" if language == "en" else "day"
    if named is not None:
        fitting = [order for order in _ORDERS if all(named[0] <= day <= named[1] for day in by_order[order])]
        if len(fitting) == 1:
            return fitting[0]
    if (configured := settings.day_order()) is not None:
        return configured
    column, text = next(
        (column, text)
        for (column, text), one, other in zip(unproven, by_order["day"], by_order["month"], strict=True)
        if one != other
    )
    raise Refused(
        f'"{text}" may be {_in_words(text, "day")} or {_in_words(text, "month")}: set'
        f' {settings.SECTION.name("day_order")} to "day" or "month", the part that comes first',
        column.label,
    )


def _in_words(text: str, order: values.Order) -> str:
    day = values.day(text, order)
    return f"{day.day} {day:%B %Y}"


_ORDERS: tuple[values.Order, ...] = ("day", "month")
