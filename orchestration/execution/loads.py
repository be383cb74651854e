"""The loads of one run, side by side: Dagster runs one step at a time, so threads of ours do the loading."""

# Annotations are not postponed here: Dagster reads them when a resource is defined.
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
Say = Callable[[str], None]
#: Loads a part. Gets a function that shows progress, and an event that is set when the load must end.
Land = Callable[[Part, Say, threading.Event], Any]

_POLL_SECONDS = 0.2
# A line is an event in Dagster's log.
_SAY_SECONDS = 5.0
# A load ends at its next request. Loads that take longer die with the process, which leaves stores whole.
_STOP_SECONDS = 20.0


class Loads:
    """Threads that load, one per source: parts of a source share a file, so they load one after another."""

    def __init__(self) -> None:
        self._threads: dict[str, _SourceThread] = {}
        self._started: dict[Part, Future[Any]] = {}
        self._newest: dict[str, str] = {}
        self._stopped = threading.Event()

    def start(self, parts: Iterable[Part], land: Land) -> None:
        """Starts loading parts that were not started before."""
        for part in parts:
            if part not in self._started:
                self._started[part] = self._submit(part, land)

    def result(self, part: Part, land: Land, say: Say, *, again: bool = False) -> Any:
        """Waits for a part's load and returns what `land` returned; raises what it raised.

        `again` loads a part that was loaded before. Meanwhile `say` gets the newest line of each source.
        """
        if again:
            self._started.pop(part, None)
        self.start([part], land)
        future, said = self._started[part], time.monotonic()
        while not wait([future], _POLL_SECONDS).done:
            if self._newest and time.monotonic() - said >= _SAY_SECONDS:
                said = time.monotonic()
                say("; ".join(line for _, line in sorted(self._take_lines().items())))
        return future.result()

    def stop(self) -> None:
        """Ends the threads; loads that are under way end early and leave their stores as they were."""
        self._stopped.set()
        until = time.monotonic() + _STOP_SECONDS
        for thread in self._threads.values():
            thread.end()
        for thread in self._threads.values():
            thread.join(max(0.0, until - time.monotonic()))

    def _submit(self, part: Part, land: Land) -> Future[Any]:
        source, _ = part
        if source not in self._threads:
            self._threads[source] = _SourceThread(source)
            self._threads[source].start()

        def say(line: str) -> None:
            self._newest[source] = line

        return self._threads[source].submit(lambda: land(part, say, self._stopped))

    def _take_lines(self) -> dict[str, str]:
        found, self._newest = self._newest, {}
        return found


class _SourceThread(threading.Thread):
    """Runs jobs one after another. As a daemon it never keeps a cancelled run's process alive."""

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
            except BaseException as error:  # noqa: BLE001 - raised again in the step that waits
                future.set_exception(error)


class LoadsOfRun(dg.ConfigurableResource):  # type: ignore[type-arg]  # steps get the resource itself
    """The loads of a run, which end before the run gives up its home."""

    home_lock: dg.ResourceDependency[HomeLock]
    _loads: Loads = PrivateAttr()

    @property
    def loads(self) -> Loads:
        """The threads of this run."""
        return self._loads

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Generator[Self, None, None]:
        """Loads that are stopped when the run ends, however it ends."""
        self._loads = Loads()
        try:
            yield self
        finally:
            self._loads.stop()
