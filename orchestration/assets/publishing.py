"""The published file: built beside the old one and swapped in by rename, so that readers never wait."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb

# Read by every DuckDB since 1.4: https://duckdb.org/docs/stable/internals/storage
STORAGE_VERSION = "v1.4.0"

_SOURCES_TABLE = """
CREATE TABLE serving.marts.sources (
    source VARCHAR NOT NULL, status VARCHAR NOT NULL, landed_through DATE, as_of TIMESTAMP WITH TIME ZONE
)
"""
SOURCES_COMMENTS = {
    "": "One row per source: whether its figures are of this refresh.",
    "source": "hubspot, google_ads, facebook_ads or linkedin_ads.",
    "status": "landed; stale: not read this time, an earlier state stands; skipped: no credentials, empty.",
    "landed_through": "Newest day read, in the ad account's time zone; null for HubSpot, read whole.",
    "as_of": "As-of of the refresh whose state of this source is published; null where skipped.",
}


@dataclass(frozen=True)
class Published:
    """A table to publish with its comments; `columns` maps a column to its description."""

    schema: str
    name: str
    description: str
    columns: Mapping[str, str]


@dataclass(frozen=True)
class SourceState:
    """What is published of a source. `as_of` is that of the load its state comes from."""

    source: str
    status: str
    landed_through: date | None
    as_of: datetime | None


def publish(
    warehouse: Path, serving: Path, tables: Sequence[Published], sources: Iterable[SourceState]
) -> dict[str, int]:
    """Copies `tables` of `warehouse` into a new file and renames it onto `serving`. Returns rows per table.

    The file is checkpointed, without WAL, mode 0444. What fails before the rename leaves `serving` as it was.
    """
    beside = serving.with_name(f".{serving.name}.next")
    _remove(beside)
    try:
        rows = _build(warehouse, beside, tables, sources)
        beside.chmod(0o444)
        _sync(beside)
        os.replace(beside, serving)
        _sync(serving.parent)
    finally:
        _remove(beside)
    return rows


def _build(
    warehouse: Path, target: Path, tables: Sequence[Published], sources: Iterable[SourceState]
) -> dict[str, int]:
    rows = {}
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"ATTACH {_text(str(warehouse))} AS warehouse (READ_ONLY)")
        connection.execute(
            f"ATTACH {_text(str(target))} AS serving (STORAGE_VERSION {_text(STORAGE_VERSION)})"
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
        connection.execute(f"COMMENT ON TABLE serving.{relation} IS {_text(description)}")
    for column, text in columns.items():
        if text:
            connection.execute(f"COMMENT ON COLUMN serving.{relation}.{_name(column)} IS {_text(text)}")


def _remove(path: Path) -> None:
    for leftover in (path, path.with_name(f"{path.name}.wal")):
        leftover.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _name(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'
