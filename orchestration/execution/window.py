"""Which days a refresh reads where nobody says. Imports nothing slow."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

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
