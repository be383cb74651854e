"""Sensor that watches for finished runs and late sources between refreshes."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import dagster as dg

from orchestration.automation.alerts import Observation, report, report_run, source_key
from orchestration.checks.freshness import Limits, late_days, late_load, monitored_sources
from orchestration.execution import clock
from orchestration.execution.locking import Locked, exclusive, writing
from orchestration.execution.runs import fail_orphaned_runs, open_runs

# runs may be recorded shortly after the previous evaluation; no alert is sent twice
_OVERLAP = timedelta(seconds=5)


# Running by default: it calls no ad account, and sends no alerts until alerts.urls is set.
@dg.sensor(
    name="watch",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Sends one alert when a run fails or a source is late, and one when the fault is resolved.",
)
def watch(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Its cursor is the time up to which finished runs are reported. It stops at a run whose alert failed."""
    if open_runs(context.instance):
        with suppress(Locked), exclusive("adledger's sensor"):
            fail_orphaned_runs(context.instance)
    # Dagster dates its records by the system clock, not by the simulated one
    cursor, warnings = _report_runs(context.instance, context.cursor, datetime.now(UTC))
    observation = observe_ages(clock.now())
    warnings += report(observation).warnings
    for line in warnings:
        context.log.warning(line)
    found = [line for lines in observation.faults.values() for line in lines]
    return dg.SensorResult(skip_reason="\n".join(found) or "No source is late.", cursor=cursor)


def _report_runs(instance: dg.DagsterInstance, cursor: str | None, now: datetime) -> tuple[str, list[str]]:
    since = datetime.fromisoformat(cursor) if cursor else now
    records = instance.get_run_records(
        dg.RunsFilter(
            statuses=[dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE],
            updated_after=since - _OVERLAP,
        ),
        order_by="update_timestamp",
        ascending=True,
    )
    warnings: list[str] = []
    for record in records:
        sent = report_run(instance, record.dagster_run.run_id)
        warnings += sent.warnings
        if not sent.done:
            break
        since = max(since, record.update_timestamp.astimezone(UTC))
    return since.isoformat(), list(dict.fromkeys(warnings))


def observe_ages(now: datetime) -> Observation:
    """Sources whose data is too old at `now`. Skips sources that are being loaded."""
    limits, faults, busy = Limits.configured(), {}, set()
    for source in monitored_sources():
        try:
            with writing(f"raw_{source}", wait=False):
                found = (late_load(source, now, limits), late_days(source, now, limits))
        except Locked:
            busy.add(source_key(source))
            continue
        if lines := [line for line in found if line]:
            faults[source_key(source)] = lines
    return Observation("clock", faults, lambda key: key.startswith("source:") and key not in busy)
