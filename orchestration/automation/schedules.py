"""The schedule of the daily refresh."""

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
    """Time zone of the HubSpot portal; before its first load the setting `schedule.time_zone`, else UTC.

    Raises SettingError if the setting is not a time zone.
    """
    landed = _portal_time_zone()
    if landed and _is_time_zone(landed):
        return landed
    configured = _SECTION.get("time_zone") or "UTC"
    if not _is_time_zone(configured):
        raise SettingError(f'schedule.time_zone is "{configured}": use a name like Europe/Berlin')
    return configured


def _portal_time_zone() -> str | None:
    """Time zone of the portal. A copy is kept in a file for times when a load locks the data."""
    copy = home() / "portal_time_zone"
    try:
        with writing("raw_hubspot", wait=False):
            landed = portal_time_zone()
    except Locked:
        return copy.read_text() if copy.exists() else None
    if landed:
        copy.write_text(landed)
    return landed


def _is_time_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return False
    return True


def build_daily_refresh(hour: int, time_zone: str) -> dg.ScheduleDefinition:
    """Builds the schedule of a refresh every day at `hour` in `time_zone`, as of that time."""

    # Stopped by default, so that opening the UI never calls an ad account.
    @dg.schedule(
        name="daily_refresh",
        job=refresh,
        cron_schedule=f"0 {hour} * * *",
        execution_timezone=time_zone,
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description=f"Runs the same refresh as `adledger refresh` every day at {hour:02}:00 {time_zone}.",
    )
    def daily_refresh(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        tick = context.scheduled_execution_time.astimezone(UTC)
        # after an outage Dagster evaluates all missed ticks, but the newest one reads the days of all of them
        if datetime.now(UTC) - tick >= timedelta(days=1):
            return dg.SkipReason("The refresh of a later day is already due and also reads this day.")
        as_of = clock.to_clock(tick)
        return dg.RunRequest(
            # one run per day, even if daylight saving time or the configured hour changes
            run_key=tick.astimezone(ZoneInfo(time_zone)).date().isoformat(),
            run_config=settings_config(as_of, next_window(as_of), "unsettled"),
        )

    return daily_refresh


def configured_daily_refresh() -> dg.ScheduleDefinition:
    """Builds the schedule for `schedule.hour` in the portal's time zone. Raises SettingError."""
    return build_daily_refresh(_SECTION.integer("hour", 5, 0, 23), schedule_time_zone())
