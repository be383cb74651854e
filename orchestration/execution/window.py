"""The days of a refresh: the usual ones, and which ranges are refused. Imports nothing slow."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Literal

# LinkedIn serves ten years, the others 37 months; no ad account's day before this is asked for
FIRST_DAY = date(2016, 1, 1)
FIRST_REFRESH_DAYS = 90


def default_range(as_of: datetime, today: date, unsettled: Iterable[date | None]) -> tuple[date, date]:
    """The first and last day a refresh reads where nobody says (docs/contract.md, section 1).

    From the oldest of `unsettled`, each source's first landed day that may still change, to the UTC day of
    `as_of`, but not after `today`. A source that never landed (None) asks for 90 days.
    """
    end = min(as_of.astimezone(UTC).date(), today)
    first = end - timedelta(days=FIRST_REFRESH_DAYS - 1)
    return max(min([end, *(day or first for day in unsettled)]), FIRST_DAY), end


class RangeError(ValueError):
    """A range that cannot be read; `bound` is the end of it that is wrong."""

    def __init__(self, bound: Literal["start", "end"], message: str) -> None:
        super().__init__(message)
        self.bound = bound


def check_range(start: date | None, end: date | None, as_of: datetime, today: date) -> None:
    """Raises RangeError for a range that is empty, begins before FIRST_DAY or ends after as-of or `today`."""
    if start and start < FIRST_DAY:
        raise RangeError("start", f"{start} lies before {FIRST_DAY}, the first day this warehouse knows")
    # an account east of UTC may already be one day ahead
    latest = min(as_of.date() + timedelta(days=1), today)
    if end and end > latest:
        raise RangeError("end", f"{end} lies after {latest}, the last day of this as-of")
    if start and start > (end or latest):
        raise RangeError("start", f"{start} lies after the range's last day, {end or latest}")
    if end and end < FIRST_DAY:
        raise RangeError("end", f"{end} lies before {FIRST_DAY}, the first day this warehouse knows")
