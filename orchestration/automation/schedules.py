"""When a refresh starts by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import dagster as dg

from ingestion.config import Section
from ingestion.errors import SettingError
from ingestion.pipelines import home, portal_time_zone
from orchestration.execution import clock
from orchestration.execution.days import next_window
from orchestration.execution.jobs import refresh
from orchestration.execution.locking import Locked, writing
from orchestration.execution.resources import settings_config

_SECTION = Section("schedule")


def schedule_time_zone() -> str:
    """The HubSpot portal's own time zone, before it landed the setting `schedule.time_zone`, else UTC.

    Raises SettingError for a setting that names no time zone.
    """
    landed = _portal_time_zone()
    if landed and _is_time_zone(landed):
        return landed
    configured = _SECTION.get("time_zone") or "UTC"
    if not _is_time_zone(configured):
        raise SettingError(f'schedule.time_zone is "{configured}": name one like Europe/Berlin')
    return configured


def _portal_time_zone() -> str | None:
    """Remembered, because nobody can read the store while HubSpot is being loaded."""
    remembered = home() / "portal_time_zone"
    try:
        with writing("raw_hubspot", wait=False):
            landed = portal_time_zone()
    except Locked:
        return remembered.read_text() if remembered.exists() else None
    if landed:
        remembered.write_text(landed)
    return landed


def _is_time_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return False
    return True


def build_daily_refresh(hour: int, time_zone: str) -> dg.ScheduleDefinition:
    """The same refresh as `adledger refresh`, every day at `hour` of `time_zone`, as of that instant."""

    # Off until switched on, so that opening the UI never calls an ad account by itself.
    @dg.schedule(
        name="daily_refresh",
        job=refresh,
        cron_schedule=f"0 {hour} * * *",
        execution_timezone=time_zone,
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description=f"The same refresh as `adledger refresh`, every day at {hour:02}:00 {time_zone}.",
    )
    def daily_refresh(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        tick = context.scheduled_execution_time.astimezone(UTC)
        # after an outage the missed ticks come one after another: the newest reads what all of them would
        if datetime.now(UTC) - tick >= timedelta(days=1):
            return dg.SkipReason("A later day's refresh is due already and reads this day too.")
        as_of = clock.here(tick)
        return dg.RunRequest(
            # the day, so that no change of the clock or of the hour makes a second run of it
            run_key=tick.astimezone(ZoneInfo(time_zone)).date().isoformat(),
            run_config=settings_config(as_of, next_window(as_of), "unsettled"),
        )

    return daily_refresh


def configured_daily_refresh() -> dg.ScheduleDefinition:
    """The schedule at `schedule.hour` in the portal's time zone. Raises SettingError."""
    return build_daily_refresh(_SECTION.integer("hour", 5, 0, 23), schedule_time_zone())
