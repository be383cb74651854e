"""Locks between processes, by files that the system releases when their holder dies."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ingestion.config import home

# what this process holds: a second handle on the same file would wait for the first
_held: set[Path] = set()


class Locked(Exception):
    """Another process holds the lock; `holder` is what it said of itself, perhaps nothing."""

    def __init__(self, path: Path, holder: str) -> None:
        super().__init__(f"{path} is held{f' by {holder}' if holder else ''}")
        self.holder = holder


@contextmanager
def file_lock(path: Path, *, wait: bool = False, holder: str = "") -> Iterator[None]:
    """Holds the lock `path` names; `holder` is what others are told.

    Raises Locked when another process has it and `wait` is false.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as busy:
            handle.seek(0)
            raise Locked(path, handle.read()) from busy
        handle.truncate(0)
        handle.write(holder)
        handle.flush()
        yield


@contextmanager
def exclusive(holder: str) -> Iterator[None]:
    """Keeps every other refresh out of this home, whoever starts it. Raises Locked when one is running.

    A process that holds it already goes on: the command line, and the run it executes.
    """
    path = home() / "locks" / "refresh.lock"
    if path in _held:
        yield
        return
    with file_lock(path, holder=holder):
        _held.add(path)
        try:
            yield
        finally:
            _held.discard(path)


@contextmanager
def writing(pool: str, *, wait: bool = True) -> Iterator[None]:
    """Waits until no other process writes the file `pool` stands for, and holds it; reading it needs no less.

    Dagster's pools order the steps of runs it knows; a worker that outlived its killed run is none of them.
    Raises Locked instead of waiting where `wait` is false.
    """
    with file_lock(home() / "locks" / f"{pool}.lock", wait=wait):
        yield
