"""Runs single models on given rows: dbt compiles them once, DuckDB runs them in memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from tests.warehouse import AS_OF, PROJECT


@dataclass(frozen=True)
class CompiledModels:
    """Compiled SQL by model name, the schema of each model or seed, dbt's nodes of models, its manifest."""

    sql: dict[str, str]
    schemas: dict[str, str]
    nodes: dict[str, dict[str, Any]]
    manifest: dict[str, Any]

    @classmethod
    def compile(cls, target: Path) -> CompiledModels:
        """Compile the project without any data."""
        subprocess.run(
            [
                str(Path(sys.executable).with_name("dbt")),
                *("compile", "--target", "render", "--quiet", "--project-dir", str(PROJECT)),
                *("--profiles-dir", str(PROJECT), "--target-path", str(target), "--log-path", str(target)),
            ],
            env=os.environ | {"ADLEDGER_AS_OF": AS_OF.isoformat()},
            check=True,
        )
        manifest = json.loads((target / "manifest.json").read_text())
        models = [node for node in manifest["nodes"].values() if node["resource_type"] in ("model", "seed")]
        return cls(
            {node["name"]: node["compiled_code"] for node in models if node["resource_type"] == "model"},
            {node["name"]: node["schema"] for node in models},
            {node["name"]: node for node in models if node["resource_type"] == "model"},
            manifest,
        )

    def run(self, models: list[str], inputs: dict[str, pa.Table]) -> dict[str, list[dict[str, Any]]]:
        """Rows of each model in `models`, built in that order on `inputs` (tables by model or seed name)."""
        with duckdb.connect() as connection:
            connection.execute("set TimeZone = 'UTC'")
            for schema in set(self.schemas.values()):
                connection.execute(f"create schema if not exists {schema}")
            for name, table in inputs.items():
                connection.register("input_rows", table)
                connection.execute(f"create table {self.schemas[name]}.{name} as from input_rows")
                connection.unregister("input_rows")
            results = {}
            for name in models:
                relation = f"{self.schemas[name]}.{name}"
                connection.execute(f"create table {relation} as {self.sql[name]}")
                results[name] = connection.sql(f"from {relation}").to_arrow_table().to_pylist()
            return results
