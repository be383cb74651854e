"""Publishes tables to a new file that replaces the old one by rename, so that readers never wait."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb

from ingestion.sql import sql_text

# Readable by every DuckDB since 1.4: https://duckdb.org/docs/stable/internals/storage
STORAGE_VERSION = "v1.4.0"

_SOURCES_TABLE = """
CREATE TABLE serving.marts.sources (
    source VARCHAR NOT NULL, status VARCHAR NOT NULL, landed_through DATE, as_of TIMESTAMP WITH TIME ZONE
)
"""
SOURCES_COMMENTS = {
    "": "One row per source with the refresh that its figures come from.",
    "source": "Name of the source (google_ads).",
    "status": (
        "landed: loaded in this refresh; partial: loaded without the accounts in reconciliation.load_faults,"
        " whose figures are older; stale: not read, figures are older; skipped: no credentials."
    ),
    "landed_through": "Newest day loaded, in the ad account's time zone; null for HubSpot.",
    "as_of": "As-of time of the refresh that loaded the published figures; null if skipped.",
}


@dataclass(frozen=True)
class Published:
    """A table to publish. Its descriptions become SQL comments; `columns` maps columns to descriptions."""

    schema: str
    name: str
    description: str
    columns: Mapping[str, str]


@dataclass(frozen=True)
class SourceState:
    """Published state of a source. `as_of` is the time of the load that the figures come from."""

    source: str
    status: str
    landed_through: date | None
    as_of: datetime | None


def publish(
    warehouse: Path,
    serving: Path,
    tables: Sequence[Published],
    sources: Iterable[SourceState],
    group: int | None = None,
) -> dict[str, int]:
    """Copies `tables` of `warehouse` to a new file and renames it to `serving`. Returns the rows per table.

    The file is checkpointed, without WAL, mode 0400, or 0440 for `group`. A failure before the rename leaves
    `serving` unchanged.
    """
    new = serving.with_name(f".{serving.name}.next")
    _remove(new)
    try:
        rows = _build(warehouse, new, tables, sources)
        if group is not None:
            os.chown(new, -1, group)
        new.chmod(0o400 if group is None else 0o440)
        _sync(new)
        os.replace(new, serving)
        _sync(serving.parent)
    finally:
        _remove(new)
    return rows


def _build(
    warehouse: Path, target: Path, tables: Sequence[Published], sources: Iterable[SourceState]
) -> dict[str, int]:
    rows = {}
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"ATTACH {sql_text(warehouse)} AS warehouse (READ_ONLY)")
        connection.execute(
            f"ATTACH {sql_text(target)} AS serving (STORAGE_VERSION {sql_text(STORAGE_VERSION)})"
        )
        for schema in sorted({"marts", *(table.schema for table in tables)}):
            connection.execute(f"CREATE SCHEMA serving.{_name(schema)}")
        for table in tables:
            relation = f"{_name(table.schema)}.{_name(table.name)}"
            connection.execute(f"CREATE TABLE serving.{relation} AS FROM warehouse.{relation}")
            _comment(connection, relation, table.description, table.columns)
            counted = connection.execute(f"SELECT count(*) FROM serving.{relation}").fetchone()
            rows[f"{table.schema}.{table.name}"] = int(counted[0]) if counted else 0
        connection.execute(_SOURCES_TABLE)
        for state in sources:
            connection.execute(
                "INSERT INTO serving.marts.sources VALUES (?, ?, ?, ?)",
                [state.source, state.status, state.landed_through, state.as_of],
            )
        columns = {name: text for name, text in SOURCES_COMMENTS.items() if name}
        _comment(connection, "marts.sources", SOURCES_COMMENTS[""], columns)
        connection.execute("CHECKPOINT serving")
        connection.execute("DETACH serving")
    return rows


def _comment(
    connection: duckdb.DuckDBPyConnection, relation: str, description: str, columns: Mapping[str, str]
) -> None:
    if description:
        connection.execute(f"COMMENT ON TABLE serving.{relation} IS {sql_text(description)}")
    for column, text in columns.items():
        if text:
            connection.execute(f"COMMENT ON COLUMN serving.{relation}.{_name(column)} IS {sql_text(text)}")


def _remove(path: Path) -> None:
    for leftover in (path, path.with_name(f"{path.name}.wal")):
        leftover.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _name(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'
