"""Parallel loads of one run. Dagster runs one step at a time, so the loads run in threads of their own."""

# No postponed annotations: Dagster reads them when a resource is defined.
import threading
import time
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, wait
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any, Self

import dagster as dg
from pydantic import PrivateAttr

from orchestration.execution.runs import HomeLock

#: A source and a part of it, like ("hubspot", "entities").
Part = tuple[str, str]
Report = Callable[[str], None]
#: Loads a part. Arguments: the part, a function that reports progress, an event that is set to stop the load.
Load = Callable[[Part, Report, threading.Event], Any]

_POLL_SECONDS = 0.2
# each line is an event in Dagster's log
_REPORT_SECONDS = 5.0
# A load stops at its next request. Longer ones die with the process, without damage to their data.
_STOP_SECONDS = 20.0


class Loads:
    """One thread per source. The parts of a source share a file, so they load one after another."""

    def __init__(self) -> None:
        self._threads: dict[str, _SourceThread] = {}
        self._started: dict[Part, Future[Any]] = {}
        self._latest_lines: dict[str, str] = {}
        self._stopped = threading.Event()

    def start(self, parts: Iterable[Part], load: Load) -> None:
        """Starts the loads of parts that are not started yet."""
        for part in parts:
            if part not in self._started:
                self._started[part] = self._submit(part, load)

    def result(self, part: Part, load: Load, report: Report, *, again: bool = False) -> Any:
        """Waits for the load of a part and returns the result of `load`, or raises its exception.

        `again` repeats a finished load. Meanwhile `report` is called with the latest progress of each source.
        """
        if again:
            self._started.pop(part, None)
        self.start([part], load)
        future, reported_at = self._started[part], time.monotonic()
        while not wait([future], _POLL_SECONDS).done:
            if self._latest_lines and time.monotonic() - reported_at >= _REPORT_SECONDS:
                reported_at = time.monotonic()
                report("; ".join(line for _, line in sorted(self._take_lines().items())))
        return future.result()

    def stop(self) -> None:
        """Stops the threads. Running loads stop early and leave their data unchanged."""
        self._stopped.set()
        until = time.monotonic() + _STOP_SECONDS
        for thread in self._threads.values():
            thread.end()
        for thread in self._threads.values():
            thread.join(max(0.0, until - time.monotonic()))

    def _submit(self, part: Part, load: Load) -> Future[Any]:
        source, _ = part
        if source not in self._threads:
            self._threads[source] = _SourceThread(source)
            self._threads[source].start()

        def keep_latest(line: str) -> None:
            self._latest_lines[source] = line

        return self._threads[source].submit(lambda: load(part, keep_latest, self._stopped))

    def _take_lines(self) -> dict[str, str]:
        found, self._latest_lines = self._latest_lines, {}
        return found


class _SourceThread(threading.Thread):
    """Runs jobs one after another. A daemon thread, so that it does not keep the process of a run alive."""

    def __init__(self, source: str) -> None:
        super().__init__(name=f"load-{source}", daemon=True)
        self._jobs: SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = SimpleQueue()
        self._is_over = False

    def submit(self, work: Callable[[], Any]) -> Future[Any]:
        future: Future[Any] = Future()
        self._jobs.put((work, future))
        return future

    def end(self) -> None:
        self._is_over = True
        self._jobs.put(None)

    def run(self) -> None:
        while (job := self._jobs.get()) is not None and not self._is_over:
            work, future = job
            try:
                future.set_result(work())
            except BaseException as error:  # noqa: BLE001 - re-raised in the step that waits
                future.set_exception(error)


class LoadsOfRun(dg.ConfigurableResource):  # type: ignore[type-arg]  # steps get the resource itself
    """The loads of a run. They end before the run releases the home lock."""

    home_lock: dg.ResourceDependency[HomeLock]
    _loads: Loads = PrivateAttr()

    @property
    def loads(self) -> Loads:
        """The threads of this run."""
        return self._loads

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Generator[Self, None, None]:
        """Yields the loads, and always stops them at the end of the run."""
        self._loads = Loads()
        try:
            yield self
        finally:
            self._loads.stop()
