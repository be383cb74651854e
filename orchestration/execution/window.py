"""Default days of a refresh and validation of a given range. Imports nothing slow."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Literal

# LinkedIn serves ten years, the other networks 37 months; no earlier day is requested
FIRST_DAY = date(2016, 1, 1)
FIRST_REFRESH_DAYS = 90


def default_range(as_of: datetime, today: date, unsettled: Iterable[date | None]) -> tuple[date, date]:
    """Returns the first and last day that a refresh reads by default (docs/contract.md, section 1).

    `unsettled` contains the first loaded day per source that may still change, or None for a source that was
    never loaded, which needs 90 days. The range ends with the UTC day of `as_of`, but not after `today`.
    """
    end = min(as_of.astimezone(UTC).date(), today)
    first = end - timedelta(days=FIRST_REFRESH_DAYS - 1)
    return max(min([end, *(day or first for day in unsettled)]), FIRST_DAY), end


class RangeError(ValueError):
    """An invalid range of days; `bound` is the invalid end."""

    def __init__(self, bound: Literal["start", "end"], message: str) -> None:
        super().__init__(message)
        self.bound = bound


def check_range(start: date | None, end: date | None, as_of: datetime, today: date) -> None:
    """Raises RangeError for a range that is empty, begins before FIRST_DAY or ends after as-of or `today`."""
    if start and start < FIRST_DAY:
        raise RangeError("start", f"{start} is before {FIRST_DAY}, the first day that can be loaded")
    # in an account east of UTC it may already be the next day
    latest = min(as_of.date() + timedelta(days=1), today)
    if end and end > latest:
        raise RangeError("end", f"{end} is after {latest}, the last day for this as-of")
    if start and start > (end or latest):
        raise RangeError("start", f"{start} is after the last day of the range, {end or latest}")
    if end and end < FIRST_DAY:
        raise RangeError("end", f"{end} is before {FIRST_DAY}, the first day that can be loaded")
