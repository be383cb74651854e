"""Parses the days and times of the command line."""

from __future__ import annotations

from datetime import UTC, date, datetime

from orchestration.execution import window
from reporting.explain.options import InvalidOption


def parse_instant(text: str | None, now: datetime) -> datetime:
    """Returns `--as-of` in UTC, to the second; `now` if it is not given.

    Raises InvalidOption if it is not an ISO 8601 time with a time zone, or after `now`.
    """
    if text is None:
        return now.astimezone(UTC).replace(microsecond=0)
    example = "write it like 2026-11-01T06:00:00Z"
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidOption("--as-of", f"{text} is not an ISO 8601 time: {example}") from error
    if instant.tzinfo is None:
        raise InvalidOption("--as-of", f"{text} has no time zone: {example}")
    if instant > now:
        raise InvalidOption("--as-of", f"{text} is in the future: it is {now:%Y-%m-%dT%H:%M:%SZ}")
    return instant.astimezone(UTC).replace(microsecond=0)


def parse_day(option: str, text: str | None) -> date | None:
    """Returns a calendar day; None if it is not given. Raises InvalidOption if it is not a day."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidOption(option, f"{text} is not a day: write it like 2026-11-01") from error


def check_range(start: date | None, end: date | None, as_of: datetime, today: date) -> None:
    """Raises InvalidOption for a range that is empty, begins before the first day, or ends after as-of."""
    try:
        window.check_range(start, end, as_of, today)
    except window.RangeError as error:
        raise InvalidOption(f"--{error.bound}", str(error)) from error
