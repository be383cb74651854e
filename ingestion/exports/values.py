"""Parse numbers, days and instants in the formats of the vendors' interfaces.

The cells of a whole file prove the decimal sign and the order of day and month (ingestion.exports.style).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from functools import cache, lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.numbers import is_currency

from ingestion.exports.reading import Typed

Order = Literal["day", "month"]

LANGUAGES = ("en", "de", "fr", "es", "pt", "it", "nl")
#: Texts for a missing value in the vendors' files.
NOTHING = frozenset({"", "-", "--", "—", "–", "n/a"})

# thousands separators that are no decimal signs
_GAPS = re.compile(r"(?<=\d)[\s\u00a0\u202f'’](?=\d{3}(?!\d))")
_SIGNS = re.compile(r"[.,]")
# a currency's sign or code stands before or after the number, its minus before or after the sign
_UNIT = r"(?:[A-Z]{1,3}\$|\$[A-Z]|[A-Z]{3}|Fr\.|\b(?:kr|zł|Kč|Ft|lei|лв)\.?|\$|[^\W\d]?[€£¥₹₩₽₺₪₫₴₦₱฿₡₲])"
_AROUND = re.compile(
    rf"(?P<minus>[-−]?)\s*(?P<before>{_UNIT})?\s*(?P<inner>[-−]?)\s*(?P<number>[.,]?\d[\d.,]*)\s*(?P<after>{_UNIT})?"
)
# currency signs that stand for one currency only; $, £, ¥ and kr stand for several
_ONE_CURRENCY = {
    "€": "EUR", "US$": "USD", "CA$": "CAD", "C$": "CAD", "A$": "AUD", "AU$": "AUD", "NZ$": "NZD",
    "HK$": "HKD", "NT$": "TWD", "R$": "BRL", "MX$": "MXN", "SG$": "SGD",
    "zł": "PLN", "Kč": "CZK", "Ft": "HUF", "лв": "BGN",
    "₹": "INR", "₩": "KRW", "₽": "RUB", "₺": "TRY", "₪": "ILS", "₫": "VND", "₴": "UAH", "₦": "NGN",
    "₱": "PHP", "฿": "THB", "₡": "CRC", "₲": "PYG",
}  # fmt: skip
_SEVERAL = {
    "$": ["USD", "CAD", "AUD", "NZD", "HKD", "SGD", "TWD", "MXN", "ARS", "CLP", "COP", "UYU", "JMD"],
    "£": ["GBP", "EGP", "FKP", "GIP", "SHP", "SSP", "SYP", "LBP", "SDG"],
    "¥": ["JPY", "CNY"],
    "kr": ["SEK", "NOK", "DKK", "ISK"],
    "Fr": ["CHF", "XAF", "XOF", "XPF"],
    "lei": ["RON", "MDL"],
}
_ISO_DAY = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})")
_LOCAL_DAY = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})")
_DAY_WORDS = re.compile(r"(\d{1,2})\.?\s+(?:de\s+)?([^\W\d]+)\.?,?\s+(?:de\s+)?(\d{4})")
_WORDS_DAY = re.compile(r"([^\W\d]+)\.?\s+(\d{1,2}),?\s+(\d{4})")
_ANY_DAY = re.compile(
    "|".join(found.pattern.replace("(", "(?:") for found in (_ISO_DAY, _LOCAL_DAY))
    + r"|\d{1,2}\.?\s+(?:de\s+)?[^\W\d]+\.?,?\s+(?:de\s+)?\d{4}|[^\W\d]+\.?\s+\d{1,2},?\s+\d{4}"
)
_MIDNIGHT = re.compile(r"[T\s]+0{1,2}:00(?::00(?:\.0+)?)?Z?$")
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


@lru_cache(maxsize=1 << 16)
def _plain_number(text: str, decimal: str) -> Decimal:
    around = _AROUND.fullmatch(_GAPS.sub("", text))
    unit = around["before"] or around["after"] if around else None
    # letters are a currency, never an abbreviated number like 12 MIO
    if (
        not around
        or (around["before"] and around["after"])
        or (unit and unit.isalpha() and not _stands(unit))
    ):
        raise BadValue("is not a number")
    digits, group = around["number"], "," if decimal == "." else "."
    whole, _, fraction = digits.partition(decimal)
    groups = whole.split(group)
    if decimal in fraction or group in fraction or not all(len(part) == 3 for part in groups[1:]):
        raise BadValue(f"is not a number with the decimal sign {decimal!r} of the rest of the file")
    if len(groups) > 1 and not 1 <= len(groups[0]) <= 3:
        raise BadValue("is not a number")
    value = Decimal(f"{''.join(groups) or 0}.{fraction or 0}")
    return -value if around["minus"] or around["inner"] else value


def _stands(unit: str) -> bool:
    return unit in _ONE_CURRENCY or unit in _SEVERAL or bool(is_currency(unit))


def number(text: str, decimal: str) -> Decimal | None:
    """Parse a number with optional thousands separators and currency; None if missing. Raises BadValue."""
    if isinstance(text, Typed):
        try:
            return Decimal(text)
        except InvalidOperation:
            raise BadValue("is not a number") from None
    return None if is_nothing(text) else _plain_number(text, decimal)


def decimal_evidence(text: str, *, is_whole: bool) -> str:
    """Return the decimal sign that a cell proves: ".", ",", "?" if it allows both, "" if it has no sign.

    A whole number (`is_whole`) is never written with three decimals, so its only sign separates thousands.
    """
    # most cells have no sign, and a workbook's number needs no proof
    if isinstance(text, Typed) or text.isdecimal():
        return ""
    return _sign_evidence(text, is_whole)


@lru_cache(maxsize=1 << 16)
def _sign_evidence(text: str, is_whole: bool) -> str:
    around = _AROUND.fullmatch(_GAPS.sub("", text))
    signs = _SIGNS.findall(around["number"]) if around else []
    if around is None or not signs:
        return ""
    last: str = signs[-1]
    other = "," if last == "." else "."
    if other in signs:
        return last
    if len(signs) > 1:
        return other
    before, _, after = around["number"].partition(last)
    if len(after) != 3 or not 1 <= len(before) <= 3 or before.startswith("0"):
        return last
    return other if is_whole else "?"


def currencies_of(text: str) -> frozenset[str] | None:
    """Return the currencies that a cell's sign or code may stand for; None without a sign."""
    if isinstance(text, Typed) or text.replace(".", "").replace(",", "").isdecimal():
        return None
    return _signed_currencies(text)


@lru_cache(maxsize=1 << 12)
def _signed_currencies(text: str) -> frozenset[str] | None:
    around = _AROUND.fullmatch(_GAPS.sub("", text))
    sign = (around["before"] or around["after"] or "") if around else ""
    if not sign:
        return None
    if sign in _ONE_CURRENCY:
        return frozenset({_ONE_CURRENCY[sign]})
    return frozenset(_SEVERAL.get(sign.rstrip("."), [sign]))


def currency(text: str) -> str:
    """Return a currency cell as an ISO 4217 code. Raises BadValue."""
    code = _ONE_CURRENCY.get(text, text.upper())
    if not is_currency(code):
        raise BadValue("is not a currency code like EUR")
    return code


def day_evidence(text: str) -> tuple[str, str, str]:
    """Return how a cell writes its day, the order that it proves ("day", "month" or ""), and the day's text.

    The first text is "iso", "words" or the sign between the parts of a local day; empty if it is no day.
    """
    if found := _ISO_DAY.match(text):
        return "iso", "", found[0]
    found = _LOCAL_DAY.match(text)
    if not found:
        return ("words" if _DAY_WORDS.match(text) or _WORDS_DAY.match(text) else ""), "", text
    sign = text[found.end(1)]
    # dates with dots never have the month first
    if sign == "." or int(found[1]) > 12:
        return sign, "day", found[0]
    return sign, "month" if int(found[2]) > 12 else "", found[0]


@lru_cache(maxsize=1 << 14)
def day(text: str, order: Order) -> date:
    """Parse a calendar day, which may be followed by midnight only. Raises BadValue."""
    bare = _MIDNIGHT.sub("", text)
    try:
        if found := _ISO_DAY.fullmatch(bare):
            return date(*map(int, found.groups()))
        if found := _LOCAL_DAY.fullmatch(bare):
            first, second, year = map(int, found.groups())
            # dates with dots never have the month first
            return (
                date(year, second, first) if order == "day" or "." in found[0] else date(year, first, second)
            )
        if found := _DAY_WORDS.fullmatch(bare):
            return date(int(found[3]), _month(found[2]), int(found[1]))
        if found := _WORDS_DAY.fullmatch(bare):
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
