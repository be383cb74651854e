"""Runs a refresh from the command line on the home's Dagster instance, and follows its events."""

from __future__ import annotations

import os
import sys
import threading
import traceback
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ingestion.errors import SettingError, redact
from ingestion.pipelines import Reread, home
from orchestration.execution.disk import full_disk
from orchestration.execution.imports import without_garbage_collection
from orchestration.execution.instance import storage_fault, use_instance

if TYPE_CHECKING:
    import dagster as dg

    from orchestration.execution.progress import Progress

_POLL_SECONDS = 1.0


@dataclass(frozen=True)
class Plan:
    """Parameters of a refresh; a day that is None is derived from the loaded data."""

    as_of: datetime
    start: date | None = None
    end: date | None = None
    reread: Reread = "unsettled"
    allow_stale: Sequence[str] = ()


@dataclass
class Outcome:
    """Result of a refresh: published, or one line per root fault.

    `is_broken`: the run could not be recorded, and its threads may not end.
    """

    published: bool
    faults: list[str] = field(default_factory=list)
    is_broken: bool = False


def log_path() -> Path:
    """Path of the log that Dagster, dbt and dlt write during a refresh."""
    return home() / "logs" / "refresh.log"


def run(plan: Plan, make_progress: Callable[[int], Progress]) -> Outcome:
    """Runs one refresh; the caller holds `orchestration.execution.locking.exclusive`.

    Standard output and error go to the log meanwhile. `make_progress` gets a descriptor of the terminal.
    """
    use_instance()
    with _output_to(log_path()) as terminal:
        progress = make_progress(terminal)
        try:
            outcome = _execute(plan, progress)
        except SettingError:
            raise
        except Exception as error:  # noqa: BLE001 - any library's: the terminal gets a line, the log the rest
            with suppress(OSError):
                traceback.print_exc()
            line = full_disk([error, *progress.faults]) or storage_fault(error)
            outcome = Outcome(False, [line or redact(f"{type(error).__name__}: {error}")], is_broken=True)
    if not outcome.published and (line := full_disk(outcome.faults)):
        # what else failed is its consequence
        outcome.faults = [line]
    return outcome


def _execute(plan: Plan, progress: Progress) -> Outcome:
    with without_garbage_collection():
        import dagster as dg

        from orchestration.automation.alerts import report_run
        from orchestration.execution.days import choose_window
        from orchestration.execution.job import refresh_job
        from orchestration.execution.resources import settings_config
        from orchestration.execution.runs import COMMAND_TAG

    window = choose_window(plan.as_of, plan.start, plan.end)
    progress.begin(window, plan.as_of)
    tag = {COMMAND_TAG: uuid.uuid4().hex}
    with dg.DagsterInstance.get() as instance:
        with _watched(instance, tag, progress):
            result = dg.execute_job(
                dg.reconstructable(refresh_job),
                instance=instance,
                run_config=settings_config(plan.as_of, window, plan.reread, plan.allow_stale),
                tags=tag,
            )
        for line in progress.left_out_lines():
            progress.warn(line)
        for line in report_run(instance, result.run_id, progress).warnings:
            progress.warn(line)
    return Outcome(progress.published is not None and not progress.faults, progress.faults)


@contextmanager
def _watched(instance: dg.DagsterInstance, tag: dict[str, str], progress: Progress) -> Iterator[None]:
    """Passes the run's events to `progress` while the body executes the run."""
    done = threading.Event()
    watcher = threading.Thread(target=_follow, args=(instance, tag, progress, done), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _follow(
    instance: dg.DagsterInstance, tag: dict[str, str], progress: Progress, done: threading.Event
) -> None:
    import dagster as dg

    run_id, cursor = None, None
    while True:
        last = done.is_set()
        if run_id is None:
            records = instance.get_run_records(dg.RunsFilter(tags=tag), limit=1)
            run_id = records[0].dagster_run.run_id if records else None
        if run_id is not None:
            more = True
            while more:
                batch = instance.get_records_for_run(run_id, cursor, limit=1000)
                for record in batch.records:
                    progress.handle(record.event_log_entry)
                cursor, more = batch.cursor, batch.has_more
        if last:
            return
        done.wait(_POLL_SECONDS)


@contextmanager
def _output_to(path: Path) -> Iterator[int]:
    """Redirects output and errors, also of children, to `path`; yields the terminal's descriptor."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    terminal, errors = os.dup(1), os.dup(2)
    with path.open("wb") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    try:
        yield terminal
    finally:
        # a full disk
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os.dup2(terminal, 1)
        os.dup2(errors, 2)
        os.close(terminal)
        os.close(errors)
