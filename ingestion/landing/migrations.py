"""Numbered migrations of a raw store, so that data of older versions stays usable.

A store holds the number of its layout in the table `store_layout`; one without that table has layout 1. Each
migration changes a store completely or not at all. New tables and columns need none: a load adds them. A
migration is needed where a table lands in another way than before. Rows are converted, never dropped, because
networks stop serving them (Google keeps click views for 90 days).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from ingestion.errors import IngestionError
from ingestion.landing.store import RAW_SCHEMA

#: Settings of a network with every version that was observed, by source and table. Layout 1 held the latest.
_VERSIONED = ("conversion_actions", "ad_sets", "conversions")


@dataclass(frozen=True)
class Migration:
    """A change from layout `number - 1` to `number`; `reason` says why the layout changed.

    `apply` runs inside a transaction, with the raw schema as default. It returns whether it changed the
    store, and changes nothing in one that does not need it.
    """

    number: int
    name: str
    reason: str
    apply: Callable[[duckdb.DuckDBPyConnection], bool]


def _keep_versions(connection: duckdb.DuckDBPyConnection) -> bool:
    """Give settings that were overwritten the columns of observed versions.

    The row becomes the first version. Its row_version equals no hash, so the next load ends it and adds the
    current version.
    """
    changed = False
    for table in _VERSIONED:
        columns = _columns(connection, table)
        if not columns or "row_version" in columns:
            continue
        connection.execute(
            f"CREATE TABLE migrated AS SELECT *, 'layout 1' AS row_version,"
            f" CAST(NULL AS TIMESTAMP WITH TIME ZONE) AS superseded_at FROM {table}"
        )
        connection.execute(f"DROP TABLE {table}")
        connection.execute(f"ALTER TABLE migrated RENAME TO {table}")
        changed = True
    return changed


MIGRATIONS: tuple[Migration, ...] = (
    Migration(
        2,
        "keep_versions_of_settings",
        "conversion windows apply from the day they were set, so their earlier values are kept",
        _keep_versions,
    ),
)
LAYOUT = max(migration.number for migration in MIGRATIONS)


def migrate(path: Path) -> bool:
    """Bring a raw store to the current layout. Return whether dlt's stored schema was cleared for that.

    dlt reads the tables' schema from the store again if it has none of its own. Raises IngestionError for a
    store of a newer version.
    """
    with duckdb.connect(str(path)) as connection:
        if not _schema_exists(connection):
            return False
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f'USE "{path.stem}".{RAW_SCHEMA}')
        found = layout(connection)
        if found > LAYOUT:
            raise IngestionError(
                f"{path} has layout {found}, this version of adledger reads layouts up to {LAYOUT}:"
                " update adledger, or set ADLEDGER_HOME to another path"
            )
        cleared = False
        for migration in MIGRATIONS:
            if migration.number > found:
                cleared |= _run(connection, migration)
    return cleared


def layout(connection: duckdb.DuckDBPyConnection) -> int:
    """Return the number of a store's layout."""
    if not _columns(connection, "store_layout"):
        return 1
    row = connection.execute("SELECT max(number) FROM store_layout").fetchone()
    return int(row[0]) if row and row[0] is not None else 1


def _run(connection: duckdb.DuckDBPyConnection, migration: Migration) -> bool:
    connection.begin()
    try:
        changed = migration.apply(connection)
        if changed and _columns(connection, "_dlt_version"):
            connection.execute("DELETE FROM _dlt_version")
        if changed:
            # staged rows of the last load, in tables of the old layout
            connection.execute(f"DROP SCHEMA IF EXISTS {RAW_SCHEMA}_staging CASCADE")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS store_layout"
            " (number INTEGER, name VARCHAR, applied_at TIMESTAMP WITH TIME ZONE)"
        )
        connection.execute(
            "INSERT INTO store_layout VALUES (?, ?, ?)",
            [migration.number, migration.name, datetime.now(UTC)],
        )
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    return changed


def _columns(connection: duckdb.DuckDBPyConnection, table: str) -> frozenset[str]:
    found = connection.execute(
        "SELECT column_name FROM duckdb_columns() WHERE schema_name = ? AND table_name = ?"
        " AND database_name = current_database()",
        [RAW_SCHEMA, table],
    ).fetchall()
    return frozenset(column for (column,) in found)


def _schema_exists(connection: duckdb.DuckDBPyConnection) -> bool:
    found = connection.execute(
        "SELECT count(*) FROM duckdb_schemas() WHERE schema_name = ? AND database_name = current_database()",
        [RAW_SCHEMA],
    ).fetchone()
    return bool(found and found[0])
