"""Read-only access to the tables that a source landed before; incremental loads start from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import duckdb
import pyarrow as pa

from ingestion.landing.arrow import Table
from ingestion.sql import sql_text

# not the source's name: DuckDB names a file's catalog after the file, and equal names are ambiguous
RAW_SCHEMA = "raw"


@dataclass(frozen=True)
class StreamState:
    """The state of a stream after its last complete load.

    `cursor` is the newest change that was loaded, `read_at` the time of the load, `listed_at` the time of the
    last full listing, and `surplus` the vendor's record count minus the number of records it then listed.
    """

    cursor: datetime | None
    read_at: datetime
    listed_at: datetime
    surplus: int = 0

    def since(self, lag: timedelta) -> datetime | None:
        """Return the instant from which changes can be new, None for all; changes appear up to `lag` late."""
        if self.cursor is None:
            return None
        settled = self.read_at - lag
        # vendors date changes to the millisecond at best
        return self.cursor + timedelta(milliseconds=1) if self.cursor < settled else settled


@dataclass(frozen=True)
class Store:
    """The raw DuckDB file of a source. Each query opens and closes it, because dlt writes to it later."""

    path: Path

    def is_new(self, *tables: Table) -> bool:
        """Return whether one of the tables, or one of their declared columns, is missing."""
        found = self._found()
        return any((table.name, column.name) not in found for table in tables for column in table.columns)

    def has(self, *tables: str) -> bool:
        """Return whether the store has all of these tables."""
        found = {table for table, _ in self._found()}
        return found.issuperset(tables)

    def _found(self) -> frozenset[tuple[str, str]]:
        return _columns(self, tuple(_changed(Path(f"{self.path}{suffix}")) for suffix in ("", ".wal")))

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query over the raw schema's tables; none if nothing has landed yet."""
        if not self.path.exists():
            return []
        with self.opened() as connection:
            return connection.execute(query, parameters).fetchall()

    def column(self, query: str, parameters: Sequence[Any] = ()) -> pa.Array:
        """Return the first column of a query as Arrow."""
        if not self.path.exists():
            return pa.array([], pa.string())
        with self.opened() as connection:
            return connection.execute(query, parameters).to_arrow_table().column(0).combine_chunks()

    def state(self, stream: str) -> StreamState | None:
        """Return the stream's state after the last completed load; None before the first."""
        known = "SELECT count(*) FROM duckdb_tables() WHERE schema_name = ? AND table_name = 'stream_state'"
        if not any(count for (count,) in self.rows(known, [RAW_SCHEMA])):
            return None
        found = self.rows(
            "SELECT cursor, read_at, listed_at, surplus FROM stream_state AS state"
            " JOIN _dlt_loads AS loads ON state._dlt_load_id = loads.load_id AND loads.status = 0"
            " WHERE stream = ? ORDER BY loads.inserted_at DESC LIMIT 1",
            [stream],
        )
        return StreamState(*found[0]) if found else None

    def newest_observation(self) -> datetime | None:
        """Return the as-of of the newest load of figures or changes; None before the first.

        Tables that keep every observation and the states of streams are read; a load with an earlier as-of
        would close observations before they began, or skip changes.
        """
        tables = self.rows(
            "SELECT table_name FROM duckdb_columns() WHERE schema_name = ? AND column_name = 'superseded_at'"
            " AND database_name = 'store'",
            [RAW_SCHEMA],
        )
        queries = [f'SELECT max(observed_at) AS moment FROM "{table}"' for (table,) in tables]
        states = self.rows(
            "SELECT table_name FROM duckdb_tables() WHERE schema_name = ? AND table_name = 'stream_state'",
            [RAW_SCHEMA],
        )
        # the state of the days is a day, which may be tomorrow in an account east of UTC
        queries += ["SELECT max(read_at) FROM stream_state WHERE stream <> 'days'" for _ in states]
        if not queries:
            return None
        ((newest,),) = self.rows(f"SELECT max(moment) FROM ({' UNION ALL '.join(queries)}) AS found (moment)")
        return cast(datetime | None, newest)

    def opened(self) -> duckdb.DuckDBPyConnection:
        """Return a connection that reads the store, with the raw schema as default; the caller closes it."""
        connection = duckdb.connect(":memory:", config={"threads": 1})
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"ATTACH {sql_text(self.path)} AS store (READ_ONLY)")
        has_schema = connection.execute(
            "SELECT count(*) FROM duckdb_schemas() WHERE database_name = 'store' AND schema_name = ?",
            [RAW_SCHEMA],
        ).fetchone()
        if has_schema and has_schema[0]:
            connection.execute(f"USE store.{RAW_SCHEMA}")
        return connection


def _changed(file: Path) -> tuple[int, int]:
    if not file.exists():
        return 0, 0
    status = file.stat()
    return status.st_mtime_ns, status.st_size


# cached because each table of a load needs it, and opening the file is slow
@lru_cache(maxsize=16)
def _columns(store: Store, changed: tuple[tuple[int, int], ...]) -> frozenset[tuple[str, str]]:
    """Return (table, column) of a file; `changed` (time and size of the file) is part of the cache key."""
    query = "SELECT table_name, column_name FROM duckdb_columns() WHERE schema_name = ?"
    return frozenset((table, column) for table, column in store.rows(query, [RAW_SCHEMA]))
