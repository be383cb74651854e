"""Selects the days of daily figures that a run reads."""

from __future__ import annotations

from datetime import UTC, date, datetime

from ingestion.pipelines import SOURCES, Window, is_configured, parts, unsettled_since
from orchestration.execution.locking import Locked, writing
from orchestration.execution.window import default_range

DAILY_SOURCES = tuple(name for name in SOURCES if "daily" in parts(name))


def choose_window(as_of: datetime, start: date | None, end: date | None) -> Window:
    """Returns the days from `start` to `end`; a bound that is None is derived from the loaded data."""
    if start and end:
        return Window(start, end)
    default = next_window(as_of)
    return Window(start or min(default.start, end or default.end), end or default.end)


def next_window(as_of: datetime) -> Window:
    """Returns the days that a refresh reads by default, derived from the loaded data."""
    unsettled = [_unsettled_since(name) for name in DAILY_SOURCES if is_configured(name)]
    return Window(*default_range(as_of, datetime.now(UTC).date(), unsettled))


def _unsettled_since(source: str) -> date | None:
    """First day that may still change. None during a load: 90 days are safe, as loads skip final days."""
    try:
        with writing(f"raw_{source}", wait=False):
            return unsettled_since(source)
    except Locked:
        return None
