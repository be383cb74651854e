"""The days of daily figures that a run reads."""

from __future__ import annotations

from datetime import UTC, date, datetime

from ingestion.pipelines import SOURCES, Window, is_configured, parts, unsettled_since
from orchestration.execution.locking import Locked, writing
from orchestration.execution.window import default_range

DAILY_SOURCES = tuple(name for name in SOURCES if "daily" in parts(name))


def choose_window(as_of: datetime, start: date | None, end: date | None) -> Window:
    """The days from `start` to `end`; a bound that is None is found from what has landed."""
    if start and end:
        return Window(start, end)
    usual = next_window(as_of)
    return Window(start or min(usual.start, end or usual.end), end or usual.end)


def next_window(as_of: datetime) -> Window:
    """The days a refresh reads by default, from what has landed under `ADLEDGER_HOME`."""
    unsettled = [_unsettled_since(name) for name in DAILY_SOURCES if is_configured(name)]
    return Window(*default_range(as_of, datetime.now(UTC).date(), unsettled))


def _unsettled_since(source: str) -> date | None:
    """While its file is written the usual 90 days are asked for: a load leaves settled days alone anyway."""
    try:
        with writing(f"raw_{source}", wait=False):
            return unsettled_since(source)
    except Locked:
        return None
