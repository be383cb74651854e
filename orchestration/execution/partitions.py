"""The calendar of daily figures, and the range of it that a run covers."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import dagster as dg

from ingestion.pipelines import SOURCES, Window, is_configured, parts, unsettled_since
from orchestration.execution import clock
from orchestration.execution.locking import Locked, writing
from orchestration.execution.window import FIRST_DAY, default_range


def calendar(stands_at: datetime | None) -> dg.DailyPartitionsDefinition:
    """Every day up to today, or up to where the demonstration's clock stands."""
    # a key names a day in each ad account's own time zone; only which days exist by now is told in UTC
    end = (stands_at.date() + timedelta(days=1)).isoformat() if stands_at else None
    return dg.DailyPartitionsDefinition(
        start_date=FIRST_DAY.isoformat(), end_date=end, timezone="UTC", end_offset=1
    )


days = calendar(clock.stands_at())

DAILY_SOURCES = tuple(name for name in SOURCES if "daily" in parts(name))

RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"


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


def range_tags(window: Window) -> dict[str, str]:
    """The run tags that make Dagster cover every day of `window` in one run."""
    return {RANGE_START_TAG: window.start.isoformat(), RANGE_END_TAG: window.end.isoformat()}
