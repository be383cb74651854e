"""What the UI shows of a table: its columns, its rows, where each column comes from, where its code lies."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import dagster as dg

from orchestration.assets.lineage import Origins
from orchestration.assets.catalog import Relation, Stored

ROOT = Path(__file__).resolve().parents[2]


def table_metadata(
    stored: Stored,
    described: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    origins: Origins | None = None,
    keys: Mapping[Relation, dg.AssetKey] = MappingProxyType({}),
) -> dict[str, Any]:
    """Dagster's standard metadata of a materialized table, by what its file holds.

    `described` are the columns of its dbt node, `keys` the assets of the relations in `origins`.
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
                    for relation, column in came_from
                    if relation in keys
                ]
                for name, came_from in origins.items()
                if name in stored.columns
            }
        )
    return found


def code(*paths: str) -> dict[str, Any]:
    """Links to the files, of this project, that a table is made by."""
    with warnings.catch_warnings():
        # pinned: a later version's change is seen by the tests
        warnings.simplefilter("ignore", dg.BetaWarning)
        links = [dg.LocalFileCodeReference(file_path=str(ROOT / path), label=path) for path in paths]
        return {"dagster/code_references": dg.CodeReferencesMetadataValue(code_references=list(links))}
