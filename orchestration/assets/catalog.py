"""Catalog of the home's DuckDB files: relations, columns and row counts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Self

import duckdb

from ingestion.pipelines import SOURCES, home
from ingestion.sql import sql_text
from orchestration.project import warehouse_path


class Relation(NamedTuple):
    """Database, schema and name of a table or view."""

    database: str
    schema: str
    name: str

    @classmethod
    def parse(cls, quoted: str) -> Self:
        """Parses dbt's `relation_name`, e.g. `"warehouse"."marts"."dim_ad"`."""
        database, schema, name = (part.strip('"') for part in quoted.split("."))
        return cls(database, schema, name)

    def __str__(self) -> str:
        return ".".join(self)


@dataclass(frozen=True)
class StoredTable:
    """Column types by name, in order, and the number of rows; None for a view."""

    columns: Mapping[str, str]
    rows: int | None


def read_catalog(databases: Collection[str]) -> dict[Relation, StoredTable]:
    """Reads the relations of `databases`: `warehouse` or `raw_<source>`. The caller holds their locks."""
    with duckdb.connect() as connection:
        files = {
            "warehouse": warehouse_path(),
            **{f"raw_{name}": home() / "raw" / f"{name}.duckdb" for name in SOURCES},
        }
        for database in databases:
            if files[database].exists():
                connection.execute(f"ATTACH {sql_text(files[database])} AS {database} (READ_ONLY)")
        columns: dict[Relation, dict[str, str]] = {}
        for *names, column, kind in connection.execute(
            "SELECT database_name, schema_name, table_name, column_name, data_type FROM duckdb_columns()"
            " WHERE NOT internal ORDER BY database_name, schema_name, table_name, column_index"
        ).fetchall():
            columns.setdefault(Relation(*names), {})[column] = kind
        tables = [
            Relation(*names)
            for names in connection.execute(
                "SELECT database_name, schema_name, table_name FROM duckdb_tables() WHERE NOT internal"
            ).fetchall()
        ]
        rows = _count(connection, tables)
    return {relation: StoredTable(types, rows.get(relation)) for relation, types in columns.items()}


def _count(connection: duckdb.DuckDBPyConnection, tables: list[Relation]) -> dict[Relation, int]:
    counts = [
        f"""SELECT {number}, count(*) FROM "{table.database}"."{table.schema}"."{table.name}\""""
        for number, table in enumerate(tables)
    ]
    found = connection.execute(" UNION ALL ".join(counts)).fetchall() if counts else []
    return {tables[number]: rows for number, rows in found}
