"""A warehouse for tests: raw stores from the product's own loader, rows put in by hand, models by dbt."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import ibis

from ingestion import pipelines
from orchestration.checks.contracts import Violation, build_contract, validate
from orchestration.project import published_models

PROJECT = Path(__file__).parent.parent / "dbt_project"
AS_OF = datetime(2026, 11, 1, 6, tzinfo=UTC)


def without_sources(environment: dict[str, str]) -> dict[str, str]:
    """The environment without any source's credentials or files."""
    return {
        name: value for name, value in environment.items() if not name.startswith(("SOURCES__", "EXPORTS__"))
    }


@dataclass(frozen=True)
class Warehouse:
    """One home with raw stores and a warehouse file."""

    home: Path

    @classmethod
    def empty(cls, home: Path) -> Warehouse:
        """Raw stores with every table and no row, as a refresh without any credentials leaves them."""
        previous = dict(os.environ)
        os.environ.clear()
        os.environ.update(without_sources(previous) | {"ADLEDGER_HOME": str(home)})
        try:
            for source in pipelines.SOURCES:
                for part in pipelines.parts(source):
                    window = None if part == "entities" else pipelines.Window(AS_OF.date(), AS_OF.date())
                    pipelines.load(source, part, window=window, as_of=AS_OF)
        finally:
            os.environ.clear()
            os.environ.update(previous)
        return cls(home)

    def land(self, source: str, table: str, *rows: dict[str, Any]) -> None:
        """Insert raw records; columns left out stay null, JSON columns take Python values."""
        with duckdb.connect(str(self.home / "raw" / f"{source}.duckdb")) as connection:
            connection.execute("set TimeZone = 'UTC'")
            for row in ({"observed_at": datetime(2026, 9, 1, tzinfo=UTC)} | row for row in rows):
                columns = ", ".join(f'"{name}"' for name in row)
                marks = ", ".join("?" * len(row))
                values = [json.dumps(v) if isinstance(v, dict | list) else v for v in row.values()]
                connection.execute(
                    f'insert into raw."{table}" ({columns}) values ({marks})',
                    values,
                )

    def erase(self, source: str, table: str, ids: Iterable[str]) -> None:
        """Remove raw records by id."""
        with duckdb.connect(str(self.home / "raw" / f"{source}.duckdb")) as connection:
            connection.execute(f'delete from raw."{table}" where list_contains(?, id)', [list(ids)])

    def dbt(
        self,
        *arguments: str,
        as_of: str = AS_OF.isoformat(),
        project_hash: str = "",
        check: bool = True,
        **variables: Any,
    ) -> subprocess.CompletedProcess[str]:
        """Run dbt on this home."""
        result = subprocess.run(
            [
                str(Path(sys.executable).with_name("dbt")),
                *arguments,
                *("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)),
                *("--target-path", str(self.home / "dbt/target"), "--log-path", str(self.home / "dbt/logs")),
                *("--vars", json.dumps(variables)),
            ],
            env=os.environ
            | {
                "ADLEDGER_HOME": str(self.home),
                "ADLEDGER_AS_OF": as_of,
                "ADLEDGER_PROJECT_HASH": project_hash,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        if check:
            assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-2000:]
        return result

    def rows(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        """Rows of the warehouse, whose views read the raw stores, as dictionaries."""
        with duckdb.connect(str(self.home / "warehouse.duckdb"), read_only=True) as connection:
            connection.execute("set TimeZone = 'UTC'")
            for store in (self.home / "raw").glob("*.duckdb"):
                connection.execute(f"attach '{store}' as raw_{store.stem} (read_only)")
            relation = connection.execute(query, parameters)
            names = [column[0] for column in relation.description]
            return [dict(zip(names, row, strict=True)) for row in relation.fetchall()]

    def breaches(self, *tables: str) -> list[Violation]:
        """What breaks the contracts of these tables, or of all that are published."""
        content = json.loads((self.home / "dbt/target/manifest.json").read_bytes())
        backend = ibis.duckdb.connect(self.home / "warehouse.duckdb", read_only=True)
        try:
            contracts = [
                build_contract(node, content)
                for node in published_models(content)
                if not tables or node["alias"] in tables
            ]
            return [
                violation
                for contract in contracts
                for violation in validate(contract, backend.table(contract.table, database=contract.schema))
            ]
        finally:
            backend.disconnect()

    def change(self, statement: str) -> None:
        """Change the warehouse by hand."""
        with duckdb.connect(str(self.home / "warehouse.duckdb")) as connection:
            connection.execute(statement)
