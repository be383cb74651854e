"""Locks between processes, with files whose locks the system releases when the holder dies."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ingestion.config import home

# locks of this process: a second handle on the same file would wait for the first
_held: set[Path] = set()


class Locked(Exception):
    """Another process holds the lock; `holder` is its description, or empty."""

    def __init__(self, path: Path, holder: str) -> None:
        super().__init__(f"{path} is held{f' by {holder}' if holder else ''}")
        self.holder = holder


@contextmanager
def file_lock(path: Path, *, wait: bool = False, holder: str = "") -> Iterator[None]:
    """Holds a lock on the file `path`; `holder` is a description for other processes.

    Raises Locked if another process has it and `wait` is false.
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
    """Holds the home's refresh lock. Raises Locked if another refresh is running.

    Reentrant within a process: the command line and the run that it executes both take it.
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
    """Holds the lock on the DuckDB file of `pool`, for writing or reading, and waits until it is free.

    Dagster's pools do not cover workers that outlive a killed run. Raises Locked if `wait` is false and
    another process has the lock.
    """
    with file_lock(home() / "locks" / f"{pool}.lock", wait=wait):
        yield
