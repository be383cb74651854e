"""The published file, opened for reading: a snapshot of its own for each file that is swapped in."""

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

#: Results that are kept, of all files and filters together; none has more rows than a page shows.
_KEPT = 500
_TRIES = 20


class NotPublished(Exception):
    """There is no published file yet."""


@dataclass(frozen=True)
class Identity:
    """What tells one published file from the next at the same path."""

    path: str
    device: int
    inode: int
    modified_ns: int


def identify(path: Path) -> Identity:
    """The file that lies at the path now. Raises NotPublished."""
    try:
        found = path.stat()
    except FileNotFoundError as error:
        raise NotPublished(f"Nothing is published in {path.parent} yet") from error
    return Identity(str(path), found.st_dev, found.st_ino, found.st_mtime_ns)


class Snapshot:
    """One published file, open until nobody uses it any more, also after another took its place."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        # By its path DuckDB would give the file that this process has open already. An attached file
        # belongs to an instance of its own.
        self._instance = duckdb.connect()
        path = identity.path.replace("'", "''")
        self._instance.execute(f"ATTACH '{path}' AS serving (READ_ONLY)")
        self._instance.execute("SET GLOBAL TimeZone = 'UTC'")
        self._instance.execute("SET enable_external_access = false")

    @contextmanager
    def connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection of the caller's thread, with the published schemas in its path."""
        with self._instance.cursor() as cursor:
            cursor.execute("USE serving")
            yield cursor

    def read(self, query: Query) -> pa.Table:
        """The rows of a query."""
        with self.connection() as connection:
            return connection.execute(query.sql, dict(query.given)).to_arrow_table()

    def table(self, query: Query) -> pa.Table:
        """The rows of a query, read once per file."""
        return _kept(self.identity, query.sql, query.given, self)

    def rows(self, query: Query) -> list[dict[str, Any]]:
        """The rows of a query as dictionaries."""
        return list(self.table(query).to_pylist())


@st.cache_data(max_entries=_KEPT, show_spinner=False)
def _kept(identity: Identity, sql: str, given: tuple[tuple[str, Any], ...], _snapshot: Snapshot) -> pa.Table:
    return _snapshot.read(Query(sql, given))


class Published:
    """What is published at a path, opened anew whenever another file lies there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._snapshot: Snapshot | None = None

    def snapshot(self) -> Snapshot:
        """The file that lies there now. Raises NotPublished."""
        with self._lock:
            for _ in range(_TRIES):
                identity = identify(self.path)
                if self._snapshot is not None and self._snapshot.identity == identity:
                    return self._snapshot
                opened = Snapshot(identity)
                # swapped between the look and the opening: that was another file
                if identify(self.path) == identity:
                    self._snapshot = opened
            raise OSError(f"{self.path} is replaced faster than it can be opened")


@st.cache_resource(show_spinner=False)
def published() -> Published:
    """What is published in this home: `ADLEDGER_HOME`, as `adledger dashboard` sets it."""
    return Published(Path(os.environ["ADLEDGER_HOME"]) / "serving.duckdb")


#: The one snapshot that this run of a page reads.
_shown: ContextVar[Snapshot] = ContextVar("shown")


def show(snapshot: Snapshot) -> None:
    """Makes this the snapshot that the page reads."""
    _shown.set(snapshot)


def shown() -> Snapshot:
    """The snapshot that the page reads."""
    return _shown.get()
