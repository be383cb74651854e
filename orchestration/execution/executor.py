"""How a run is executed: alone in its home, whoever started it, its steps in worker processes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import dagster as dg
from dagster._core.executor import child_process_executor

from ingestion.pipelines import home
from orchestration.execution.loading import PRELOADED
from orchestration.execution.locking import Locked, exclusive

# The run's own id, once it got the home to itself: a run executed again inherits tags, not the id.
ALONE_TAG = "adledger/alone"
# What the command line finds its run by.
COMMAND_TAG = "adledger/command"
_POLL_SECONDS = 1.0
# A run takes its workers' events one by one and waits so long for each silent worker in between. Each day of
# a daily table is an event, and a load that ended holds its pool until its last one was taken.
child_process_executor.TICK = 0.01
_OPEN = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


class AloneInHome(dg.Executor):
    """Executes a run as `inner` does, once no other refresh of this home is running.

    Dagster's queue orders the runs it launches; a refresh of the command line is none of them, so the run
    itself holds the lock, in the process that outlives its steps.
    """

    def __init__(self, inner: dg.Executor) -> None:
        self._inner = inner

    @property
    def retries(self) -> Any:
        return self._inner.retries

    @property
    def step_dependency_config(self) -> Any:
        return self._inner.step_dependency_config

    def execute(self, plan_context: Any, execution_plan: Any) -> Iterator[Any]:
        run, instance = plan_context.dagster_run, plan_context.instance
        with _alone(run, plan_context.log):
            bury_the_dead(instance, alive=run.run_id)
            instance.add_run_tags(run.run_id, {ALONE_TAG: run.run_id})
            yield from self._inner.execute(plan_context, execution_plan)


def _make(context: dg.InitExecutorContext) -> dg.Executor:
    make = dg.multiprocess_executor.executor_creation_fn
    assert make is not None
    return AloneInHome(make(context))


# Loads overlap, up to one per source; pools keep writers of one file apart (dagster.yaml: one each).
# Workers are forked from a server that has the job imported: a new interpreter per step costs seconds.
alone_in_home: dg.ExecutorDefinition = dg.ExecutorDefinition(
    "alone_in_home",
    cast(Any, dg.multiprocess_executor.config_schema),
    dg.multiple_process_executor_requirements(),
    _make,
).configured({"max_concurrent": 4, "start_method": {"forkserver": {"preload_modules": PRELOADED}}})


@contextmanager
def _alone(run: dg.DagsterRun, log: Any) -> Iterator[None]:
    told = False
    while True:
        try:
            with exclusive(describe(run)):
                yield
                return
        except Locked as busy:
            if not told:
                log.info(f"waits: another refresh is running in {home()} ({busy.holder})")
            told = True
        # a run that waits can be cancelled
        with dg.raise_execution_interrupts():
            time.sleep(_POLL_SECONDS)


def describe(run: dg.DagsterRun) -> str:
    """A run as a terminal names it: its id, who started it, where to look."""
    starter = next(
        (
            f"by the {kind} {run.tags[tag]}"
            for kind, tag in (("schedule", "dagster/schedule_name"), ("backfill", "dagster/backfill"))
            if tag in run.tags
        ),
        "in Dagster",
    )
    return f"run {run.run_id[:8]}, started {starter}: see /runs/{run.run_id} there"


def open_runs(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """Runs that had the home to themselves and have not ended."""
    runs = [record.dagster_run for record in instance.get_run_records(dg.RunsFilter(statuses=_OPEN))]
    return [
        run
        for run in runs
        if run.tags.get(ALONE_TAG) == run.run_id or (COMMAND_TAG in run.tags and run.parent_run_id is None)
    ]


def bury_the_dead(instance: dg.DagsterInstance, *, alive: str | None = None) -> None:
    """Ends the records of runs whose process died, which would hold their pools and the queue for ever.

    The caller holds the home's refresh lock, so every open run but `alive` is dead for certain.
    """
    for run in open_runs(instance):
        if run.run_id != alive:
            instance.report_run_failed(run, "The process of this refresh died.")
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
