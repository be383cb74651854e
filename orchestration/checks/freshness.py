"""Freshness of a source: the age of its newest day of figures and of its last load."""

# No postponed annotations: Dagster reads them when a step is defined.
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg

from ingestion.config import Section
from ingestion.pipelines import (
    SOURCES,
    VENDORS,
    is_configured,
    landed_as_of,
    landed_days,
    main_table,
    reads_files,
)
from orchestration.execution.days import DAILY_SOURCES
from orchestration.execution.locking import writing
from orchestration.execution.resources import RunSettings
from orchestration.execution.runs import HomeLock

NEWEST_DAY, LAST_LOAD = "newest_day", "last_load"


@dataclass(frozen=True)
class Limits:
    """Maximum age of the newest day of figures (`days`) and of the last load (`hours`)."""

    days: int
    hours: int

    @classmethod
    def configured(cls) -> "Limits":
        """Reads the settings section `freshness`. Raises SettingError."""
        section = Section("freshness")
        return cls(section.integer("days", 1, 0, 365), section.integer("hours", 36, 1, 8760))


def monitored_sources() -> tuple[str, ...]:
    """Sources with credentials, and landing pages if any vendor has credentials."""
    any_vendor = any(map(is_configured, VENDORS))
    return tuple(name for name in SOURCES if any_vendor and is_configured(name))


def late_days(source: str, now: datetime, limits: Limits) -> str | None:
    """Message if the figures of a network are late at `now`; None if not, or if it was never loaded."""
    landed = landed_days(source)
    if landed is None:
        return None
    today = now.astimezone(UTC).date()
    behind = (today - landed.end).days
    if behind <= limits.days:
        return None
    advice = (
        "download its reports again"
        if reads_files(source)
        else f"run adledger refresh, and adledger doctor {source} if that does not help"
    )
    return f"{source}: the newest day of its figures is {landed.end}, {behind} days before {today}: {advice}"


def late_load(source: str, now: datetime, limits: Limits) -> str | None:
    """Message if the last load of a source is too old at `now`; None if not, or if it was never loaded."""
    landed = landed_as_of(source)
    if landed is None or now - landed <= timedelta(hours=limits.hours):
        return None
    return (
        f"{source}: last loaded {landed:%Y-%m-%d %H:%M} UTC, {(now - landed) // timedelta(hours=1)} hours"
        f" before {now.astimezone(UTC):%Y-%m-%d %H:%M}: make sure that adledger refresh runs every day,"
        f" and run adledger doctor"
    )


def _key(source: str, part: str) -> dg.AssetKey:
    return dg.AssetKey(["raw", source, main_table(source, part)])


_LATENESS = {NEWEST_DAY: late_days, LAST_LOAD: late_load}
_CHECKS = {
    **{dg.AssetCheckKey(_key(source, "daily"), NEWEST_DAY): source for source in DAILY_SOURCES},
    **{dg.AssetCheckKey(_key(source, "entities"), LAST_LOAD): source for source in SOURCES},
}


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec(
            check.name,
            asset=check.asset_key,
            description="Newest day in all daily tables of the network, compared with as-of."
            if check.name == NEWEST_DAY
            else "Time from the last load of the source to as-of.",
        )
        for check in _CHECKS
    ],
    name="freshness",
    can_subset=True,
)
def freshness(
    context: dg.AssetCheckExecutionContext, run_settings: RunSettings, home_lock: HomeLock
) -> Iterator[dg.AssetCheckResult]:
    """Compares the loaded data with the run's as-of. Only warns: late data does not stop a run."""
    as_of = run_settings.instant(context.instance, context.run.run_id)
    limits, sources = Limits.configured(), monitored_sources()
    for check in sorted(context.selected_asset_check_keys):
        source = _CHECKS[check]
        with writing(f"raw_{source}"):
            late = _LATENESS[check.name](source, as_of, limits) if source in sources else None
            days, loaded = landed_days(source), landed_as_of(source)
        yield dg.AssetCheckResult(
            asset_key=check.asset_key,
            check_name=check.name,
            passed=late is None,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={
                "as_of": as_of.isoformat(),
                "newest_day": days.end.isoformat() if days else None,
                "loaded_as_of": loaded.isoformat() if loaded else None,
                "messages": [late] if late else [],
            },
        )
