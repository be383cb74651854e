"""Runs of one home: one at a time, with cleanup after killed runs."""

# No postponed annotations: Dagster reads them when a resource is defined.
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any, Self

import dagster as dg
import duckdb

from ingestion.config import home, protect_home
from orchestration.execution.instance import keep_event_files_open
from orchestration.execution.locking import Locked, exclusive
from orchestration.project import warehouse_path

# Set to the run's own id once the run has the home lock. A re-executed run inherits tags, but not the id.
HOME_LOCK_TAG = "adledger/alone"
# The command line finds its run by this tag.
COMMAND_TAG = "adledger/command"
_POLL_SECONDS = 1.0
# A build whose run was killed ends within a minute; another program may keep the file open for hours.
_ORPHAN_SECONDS = 120.0
_OPEN = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


class HomeLock(dg.ConfigurableResource):  # type: ignore[type-arg]  # steps get the resource itself, no value
    """Holds the home's refresh lock while a run executes its steps.

    Dagster's queue only orders runs that it launches, not refreshes from the command line. Therefore each
    run takes the lock and waits while another process has it.
    """

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Generator[Self, None, None]:
        """Holds the lock from before the first step until after the last one."""
        run, instance = context.run, context.instance
        # created in a test, outside a run
        if run is None or instance is None:
            yield self
            return
        # also of a run that was not started by the command line
        protect_home()
        with _wait_for_home_lock(run, context.log), keep_event_files_open(run.run_id):
            fail_orphaned_runs(instance, alive=run.run_id)
            instance.add_run_tags(run.run_id, {HOME_LOCK_TAG: run.run_id})
            _wait_for_orphaned_build(context.log)
            yield self


@contextmanager
def _wait_for_home_lock(run: dg.DagsterRun, log: Any) -> Iterator[None]:
    has_logged = False
    while True:
        try:
            with exclusive(describe_run(run)):
                yield
                return
        except Locked as busy:
            if not has_logged:
                log.info(f"waiting: another refresh is running in {home()} ({busy.holder})")
            has_logged = True
        # makes it possible to cancel a waiting run
        with dg.raise_execution_interrupts():
            time.sleep(_POLL_SECONDS)


def _wait_for_orphaned_build(log: Any) -> None:
    """Waits for the dbt process of a killed run, which keeps the warehouse and the raw files open."""
    until, has_logged = time.monotonic() + _ORPHAN_SECONDS, False
    while warehouse_path().exists() and time.monotonic() < until:
        try:
            duckdb.connect(str(warehouse_path())).close()
            return
        except duckdb.IOException as error:
            if "Could not set lock" not in str(error):
                # dbt will report the problem with the file
                return
        if not has_logged:
            log.info(f"waiting: another process has {warehouse_path()} open")
        has_logged = True
        with dg.raise_execution_interrupts():
            time.sleep(_POLL_SECONDS)


def describe_run(run: dg.DagsterRun) -> str:
    """Describes a run for a terminal: its id, who started it, and its page in the UI."""
    starter = next(
        (
            f"by the {kind} {run.tags[tag]}"
            for kind, tag in (("schedule", "dagster/schedule_name"), ("backfill", "dagster/backfill"))
            if tag in run.tags
        ),
        "in Dagster",
    )
    return f"run {run.run_id[:8]}, started {starter}: see /runs/{run.run_id} in the UI"


def open_runs(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """Runs that took the home lock and have not ended."""
    runs = [record.dagster_run for record in instance.get_run_records(dg.RunsFilter(statuses=_OPEN))]
    return [
        run
        for run in runs
        if run.tags.get(HOME_LOCK_TAG) == run.run_id
        or (COMMAND_TAG in run.tags and run.parent_run_id is None)
    ]


def fail_orphaned_runs(instance: dg.DagsterInstance, *, alive: str | None = None) -> None:
    """Marks runs whose process died as failed, because Dagster's queue would wait for them forever.

    The caller holds the home's refresh lock, so every open run except `alive` is dead.
    """
    for run in open_runs(instance):
        if run.run_id != alive:
            instance.report_run_failed(run, "The process of this refresh died.")
