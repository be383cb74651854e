"""Dagster metadata of a table: columns, row count, column lineage and code references."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import dagster as dg

from orchestration.assets.catalog import Relation, StoredTable
from orchestration.assets.lineage import Origins

ROOT = Path(__file__).resolve().parents[2]


def table_metadata(
    stored: StoredTable,
    described: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    origins: Origins | None = None,
    keys: Mapping[Relation, dg.AssetKey] = MappingProxyType({}),
) -> dict[str, Any]:
    """Dagster's standard metadata of a materialized table.

    `described` are the columns of its dbt node, `keys` the asset keys of the relations in `origins`.
    """
    columns = [
        dg.TableColumn(name, kind.lower(), described.get(name, {}).get("description"))
        for name, kind in stored.columns.items()
    ]
    found: dict[str, Any] = {"dagster/column_schema": dg.TableSchema(columns)}
    if stored.rows is not None:
        found["dagster/row_count"] = stored.rows
    if origins:
        found["dagster/column_lineage"] = dg.TableColumnLineage(
            {
                name: [
                    dg.TableColumnDep(keys[relation], column)
                    for relation, column in sources
                    if relation in keys
                ]
                for name, sources in origins.items()
                if name in stored.columns
            }
        )
    return found


def code_references(*paths: str) -> dict[str, Any]:
    """Metadata with links to the project files that define a table."""
    with warnings.catch_warnings():
        # beta API, but the version is pinned and tests cover it
        warnings.simplefilter("ignore", dg.BetaWarning)
        links = [dg.LocalFileCodeReference(file_path=str(ROOT / path), label=path) for path in paths]
        return {"dagster/code_references": dg.CodeReferencesMetadataValue(code_references=list(links))}
