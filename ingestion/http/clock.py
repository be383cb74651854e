"""Compares the time of a load with the `Date` header of a vendor's answers (RFC 9110, 6.6.1)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

#: Allowed difference between two clocks. A larger one also breaks signed requests.
SKEW_LIMIT = timedelta(minutes=5)
# an as-of this close to this machine's clock was taken from it; an earlier one was asked for
_TAKEN_FROM_CLOCK = timedelta(hours=12)


def vendor_time(headers: Mapping[str, str]) -> datetime | None:
    """Return the vendor's time from the headers of an answer, None if there is none.

    A cache repeats the Date of the first answer and adds its age.
    """
    try:
        found = parsedate_to_datetime(headers.get("date", ""))
        age = timedelta(seconds=int(headers.get("age", "0")))
    except (ValueError, OverflowError):
        return None
    return found + age if found.tzinfo is not None else None


def clock_fault(vendor: datetime, as_of: datetime, now: datetime) -> str | None:
    """Return in which direction a load's time differs from the vendor's by more than the limit, else None.

    A load dates what it lands with `as_of`, so that must not be in the vendor's future. `now` is the time of
    this machine; an as-of long before it was given on purpose.
    """
    if as_of - vendor > SKEW_LIMIT:
        return f"{_duration(as_of - vendor)} ahead of"
    if vendor - now > SKEW_LIMIT and abs(now - as_of) < _TAKEN_FROM_CLOCK:
        return f"{_duration(vendor - now)} behind"
    return None


def system_time() -> datetime:
    """Return the time of this machine's clock, in UTC."""
    return datetime.now(UTC)


def _duration(difference: timedelta) -> str:
    minutes = round(difference.total_seconds() / 60)
    if minutes < 120:
        return f"{minutes} minutes"
    hours = round(minutes / 60)
    return f"{hours} hours" if hours < 48 else f"{round(hours / 24)} days"
