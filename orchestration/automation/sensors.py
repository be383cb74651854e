"""What is looked at between the refreshes: runs that ended, sources that fell behind."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import dagster as dg

from orchestration.automation.alerts import Look, report, report_run, source_key
from orchestration.checks.freshness import Limits, late_days, late_load, watched
from orchestration.execution import clock
from orchestration.execution.locking import Locked, exclusive, writing
from orchestration.execution.runs import fail_orphaned_runs, open_runs

# a run is written down at about the instant the last look ended; what was told is not told again
_OVERLAP = timedelta(seconds=5)


# On from the start: it calls no ad account, and alerts nobody until alerts.urls is set.
@dg.sensor(
    name="watch",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Alerts about failed runs and late sources, once each, and once when they are over.",
)
def watch(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """The cursor is the instant up to which ended runs were told; one that reached nobody holds it back."""
    if open_runs(context.instance):
        with suppress(Locked), exclusive("adledger's sensor"):
            fail_orphaned_runs(context.instance)
    # Dagster dates its records by the machine's clock
    cursor, warnings = _report_runs(context.instance, context.cursor, datetime.now(UTC))
    look = look_at_clock(clock.now())
    warnings += report(look).warnings
    for line in warnings:
        context.log.warning(line)
    found = [line for lines in look.holding.values() for line in lines]
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


def look_at_clock(now: datetime) -> Look:
    """Sources whose data is too old at `now`; one that is being loaded is looked at the next time."""
    limits, holding, busy = Limits.configured(), {}, set()
    for source in watched():
        try:
            with writing(f"raw_{source}", wait=False):
                found = (late_load(source, now, limits), late_days(source, now, limits))
        except Locked:
            busy.add(source_key(source))
            continue
        if lines := [line for line in found if line]:
            holding[source_key(source)] = lines
    return Look("clock", holding, lambda key: key.startswith("source:") and key not in busy)
