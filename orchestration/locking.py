"""Locks between processes, by files that the system releases when their holder dies."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ingestion.config import home


class Locked(Exception):
    """Another process holds the lock."""


@contextmanager
def file_lock(path: Path, *, wait: bool = False) -> Iterator[None]:
    """Holds the lock `path` names. Raises Locked when another process has it and `wait` is false."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as busy:
            raise Locked(str(path)) from busy
        yield


@contextmanager
def writing(pool: str) -> Iterator[None]:
    """Waits until no other process writes the file `pool` stands for, and holds it.

    Dagster's pools order the steps of runs it knows; a worker that outlived its killed run is none of them.
    """
    with file_lock(home() / "locks" / f"{pool}.lock", wait=True):
        yield
