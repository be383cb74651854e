"""Parse numbers, days and instants in the formats of the vendors' interfaces.

The decimal sign and the order of day and month are detected in the cells of a file; if they are ambiguous,
the language of its header decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Literal
from zoneinfo import ZoneInfo

from babel import Locale

Order = Literal["day", "month"]

LANGUAGES = ("en", "de", "fr", "es", "pt", "it", "nl")
#: Texts for a missing value in the vendors' files.
NOTHING = frozenset({"", "-", "--", "—", "–", "n/a"})

_SPACES = re.compile(r"[\s\u00a0\u202f'’]")
_SIGNS = re.compile(r"[.,]")
# a currency sign or code, or a percent sign, before or after a number
_AROUND = re.compile(r"[^\d.,@-]{0,4}(?P<minus>[-−]?)[^\d.,@-]{0,4}(?P<number>[.,]?\d[\d.,]*)[^\d.,@-]{0,4}")
_ISO_DAY = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})")
_LOCAL_DAY = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})")
_DAY_WORDS = re.compile(r"(\d{1,2})\.?\s+(?:de\s+)?([^\W\d]+)\.?,?\s+(?:de\s+)?(\d{4})")
_WORDS_DAY = re.compile(r"([^\W\d]+)\.?\s+(\d{1,2}),?\s+(\d{4})")
_ANY_DAY = re.compile(
    "|".join(found.pattern.replace("(", "(?:") for found in (_ISO_DAY, _LOCAL_DAY))
    + r"|\d{1,2}\.?\s+(?:de\s+)?[^\W\d]+\.?,?\s+(?:de\s+)?\d{4}|[^\W\d]+\.?\s+\d{1,2},?\s+\d{4}"
)
_CLOCK = re.compile(
    r"[T\s,]+(?:um\s+|at\s+)?(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*([AaPp])?\.?[Mm]?\.?$"
)


class BadValue(ValueError):
    """A cell does not have the type of its column; `str()` is the problem."""


@dataclass(frozen=True)
class Style:
    """The number and date format of a file."""

    decimal: Literal[".", ","] = "."
    order: Order = "month"


def is_nothing(text: str) -> bool:
    """Return whether a cell contains no value."""
    return text.strip().lower() in NOTHING


def number(text: str, decimal: str) -> Decimal | None:
    """Parse a number with optional thousands separators and currency; None if missing. Raises BadValue."""
    if is_nothing(text):
        return None
    compact = _SPACES.sub("", text)
    around = _AROUND.fullmatch(compact)
    if not around:
        raise BadValue("is not a number")
    digits, group = around["number"], "," if decimal == "." else "."
    whole, _, fraction = digits.partition(decimal)
    groups = whole.split(group)
    if decimal in fraction or group in fraction or not all(len(part) == 3 for part in groups[1:]):
        raise BadValue(f"is not a number with the decimal sign {decimal!r} of the rest of the file")
    if len(groups) > 1 and not 1 <= len(groups[0]) <= 3:
        raise BadValue("is not a number")
    try:
        value = Decimal(f"{''.join(groups)}.{fraction or 0}")
    except InvalidOperation:
        raise BadValue("is not a number") from None
    return -value if around["minus"] else value


def decimal_sign(cells: Iterable[str], language: str) -> Literal[".", ","]:
    """Return the decimal sign of most cells with a clear one, else the usual one of the language."""
    votes = {".": 0, ",": 0}
    for cell in cells:
        compact = _SPACES.sub("", cell)
        signs = _SIGNS.findall(compact)
        if not signs:
            continue
        last = signs[-1]
        other = "," if last == "." else "."
        tail = re.search(r"\d*", compact[compact.rindex(last) + 1 :])
        if other in signs:
            votes[last] += 1
        elif len(signs) > 1:
            votes[other] += 1
        elif tail is not None and len(tail[0]) != 3:
            votes[last] += 1
    if votes["."] != votes[","]:
        return "." if votes["."] > votes[","] else ","
    return "." if language == "en" else ","


def day_order(cells: Iterable[str], language: str) -> Order:
    """Return whether day or month comes first: by the first unambiguous cell, else by the language."""
    for cell in cells:
        found = _LOCAL_DAY.match(cell)
        if found and int(found[1]) > 12:
            return "day"
        if found and int(found[2]) > 12:
            return "month"
    return "month" if language == "en" else "day"


def day(text: str, order: Order) -> date:
    """Parse a calendar day. Raises BadValue."""
    try:
        if found := _ISO_DAY.match(text):
            return date(*map(int, found.groups()))
        if found := _LOCAL_DAY.match(text):
            first, second, year = map(int, found.groups())
            # dates with dots never have the month first
            return (
                date(year, second, first) if order == "day" or "." in found[0] else date(year, first, second)
            )
        if found := _DAY_WORDS.match(text):
            return date(int(found[3]), _month(found[2]), int(found[1]))
        if found := _WORDS_DAY.match(text):
            return date(int(found[3]), _month(found[1]), int(found[2]))
    except (ValueError, KeyError):
        pass
    raise BadValue("is not a date")


def days_in(text: str, order: Order) -> list[date]:
    """Return the days in a line, in their order."""
    found = []
    for match in _ANY_DAY.finditer(text):
        try:
            found.append(day(match[0], order))
        except BadValue:
            continue
    return found


def instant(text: str, zone: ZoneInfo, order: Order) -> datetime:
    """Parse an instant from a day and a time in `zone`, or from ISO 8601, to UTC. Raises BadValue."""
    try:
        exact = datetime.fromisoformat(text)
    except ValueError:
        clock = _CLOCK.search(text)
        on = day(text[: clock.start()] if clock else text, order)
        if clock is None:
            return datetime(on.year, on.month, on.day, tzinfo=zone).astimezone(UTC)
        hour = int(clock[1])
        if clock[4]:
            hour = hour % 12 + 12 * (clock[4] in "Pp")
        try:
            exact = datetime.combine(on, time(hour, int(clock[2]), int(clock[3] or 0)))
        except ValueError:
            raise BadValue("is not a date with a time") from None
    return (exact if exact.tzinfo else exact.replace(tzinfo=zone)).astimezone(UTC)


def _month(word: str) -> int:
    return _months()[word.casefold().rstrip(".")]


@cache
def _months() -> dict[str, int]:
    """Return the month number of full and short month names in every language."""
    return {
        name.casefold().rstrip("."): month
        for language in LANGUAGES
        for context in ("format", "stand-alone")
        for width in ("wide", "abbreviated")
        for month, name in Locale.parse(language).months[context][width].items()
    }
