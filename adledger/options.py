"""Days and instants as a user writes them on the command line, checked."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from orchestration.execution.window import FIRST_DAY
from reporting.explain.options import InvalidOption


def parse_instant(text: str | None, now: datetime) -> datetime:
    """`--as-of` in UTC, to the second; `now` where it is not given.

    Raises InvalidOption where it is no ISO 8601 instant with a time zone, or more than a day after `now`.
    """
    if text is None:
        return now.astimezone(UTC).replace(microsecond=0)
    example = "write it like 2026-11-01T06:00:00Z"
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidOption("--as-of", f"{text} is no ISO 8601 instant: {example}") from error
    if instant.tzinfo is None:
        raise InvalidOption("--as-of", f"{text} has no time zone: {example}")
    if instant > now + timedelta(days=1):
        raise InvalidOption("--as-of", f"{text} lies more than a day in the future")
    return instant.astimezone(UTC).replace(microsecond=0)


def parse_day(option: str, text: str | None) -> date | None:
    """A calendar day of an ad account. Raises InvalidOption where it is none."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidOption(option, f"{text} is no day: write it like 2026-11-01") from error


def check_range(start: date | None, end: date | None, as_of: datetime, today: date) -> None:
    """Raises InvalidOption for a range that is empty, ends after as-of, or leaves the partitions."""
    if start and start < FIRST_DAY:
        raise InvalidOption("--start", f"{start} lies before {FIRST_DAY}, the first day this warehouse knows")
    # an account east of UTC may already be one day ahead, but no day after today (UTC) has a partition yet
    latest = min(as_of.date() + timedelta(days=1), today)
    if end and end > latest:
        raise InvalidOption("--end", f"{end} lies after {latest}, the last day of this as-of")
    if start and start > (end or latest):
        raise InvalidOption("--start", f"{start} lies after the range's last day, {end or latest}")
    if end and end < FIRST_DAY:
        raise InvalidOption("--end", f"{end} lies before {FIRST_DAY}, the first day this warehouse knows")
