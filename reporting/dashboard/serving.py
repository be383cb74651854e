"""Opens the published file for reading, with one snapshot per published version."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import streamlit as st

from reporting.dashboard.queries import Query

#: Number of cached query results, over all files and filters.
_CACHED_RESULTS = 500
_TRIES = 20


class NotPublished(Exception):
    """There is no published file yet."""


@dataclass(frozen=True)
class Identity:
    """Identifies a version of the published file, which always has the same path."""

    path: str
    device: int
    inode: int
    modified_ns: int


def identify(path: Path) -> Identity:
    """Returns the identity of the current file. Raises NotPublished."""
    try:
        found = path.stat()
    except FileNotFoundError as error:
        raise NotPublished(f"Nothing is published in {path.parent} yet") from error
    return Identity(str(path), found.st_dev, found.st_ino, found.st_mtime_ns)


class Snapshot:
    """One version of the published file. It stays readable after a newer version has replaced it."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        # By path, DuckDB would return the version that this process has already open. An attached file
        # gets an instance of its own.
        self._instance = duckdb.connect()
        path = identity.path.replace("'", "''")
        self._instance.execute(f"ATTACH '{path}' AS serving (READ_ONLY)")
        self._instance.execute("SET GLOBAL TimeZone = 'UTC'")
        self._instance.execute("SET enable_external_access = false")

    @contextmanager
    def connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Opens a connection for the calling thread, with the published file as its default database."""
        with self._instance.cursor() as cursor:
            cursor.execute("USE serving")
            yield cursor

    def read(self, query: Query) -> pa.Table:
        """Runs a query."""
        with self.connection() as connection:
            return connection.execute(query.sql, dict(query.parameters)).to_arrow_table()

    def table(self, query: Query) -> pa.Table:
        """Runs a query; the result is cached per version of the file."""
        return _cached_table(self.identity, query.sql, query.parameters, self)

    def rows(self, query: Query) -> list[dict[str, Any]]:
        """Runs a query and returns its rows as dictionaries."""
        return list(self.table(query).to_pylist())


@st.cache_data(max_entries=_CACHED_RESULTS, show_spinner=False)
def _cached_table(
    identity: Identity, sql: str, parameters: tuple[tuple[str, Any], ...], _snapshot: Snapshot
) -> pa.Table:
    return _snapshot.read(Query(sql, parameters))


class Published:
    """Opens the file published at a path, and reopens it when it is replaced."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._snapshot: Snapshot | None = None

    def snapshot(self) -> Snapshot:
        """Returns a snapshot of the current file. Raises NotPublished."""
        with self._lock:
            for _ in range(_TRIES):
                identity = identify(self.path)
                if self._snapshot is not None and self._snapshot.identity == identity:
                    return self._snapshot
                opened = Snapshot(identity)
                # otherwise the file was replaced before it was opened
                if identify(self.path) == identity:
                    self._snapshot = opened
            raise OSError(f"{self.path} is replaced faster than it can be opened")


@st.cache_resource(show_spinner=False)
def published() -> Published:
    """The published file of `ADLEDGER_HOME`, which `adledger dashboard` sets."""
    return Published(Path(os.environ["ADLEDGER_HOME"]) / "serving.duckdb")


#: Snapshot of the current page view.
_snapshot: ContextVar[Snapshot] = ContextVar("snapshot")


def set_snapshot(snapshot: Snapshot) -> None:
    """Sets the snapshot of the current page view."""
    _snapshot.set(snapshot)


def current_snapshot() -> Snapshot:
    """Returns the snapshot of the current page view."""
    return _snapshot.get()
