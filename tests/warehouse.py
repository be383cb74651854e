"""A warehouse for tests: raw stores from the product's own loader, rows put in by hand, models by dbt."""

from __future__ import annotations

import json
import os
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import ibis

from ingestion import pipelines
from orchestration.checks.contracts import Violation, build_contract, validate
from orchestration.project import manifest, published_models
from tests import programs
from tests.sharing import copied

PROJECT = Path(__file__).parent.parent / "dbt_project"
AS_OF = datetime(2026, 11, 1, 6, tzinfo=UTC)


def without_sources(environment: dict[str, str]) -> dict[str, str]:
    """The environment without any source's credentials or files."""
    return {
        name: value for name, value in environment.items() if not name.startswith(("SOURCES__", "EXPORTS__"))
    }


Record = dict[str, Any]


def _by_columns(landed: Iterable[tuple[str, Record]]) -> dict[tuple[str, tuple[str, ...]], list[Record]]:
    """Records of one table that have the same columns, in the order in which they were landed."""
    found: dict[tuple[str, tuple[str, ...]], list[Record]] = defaultdict(list)
    for table, record in landed:
        found[table, tuple(record)].append(record)
    return found


def _load_nothing(home: Path) -> None:
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


@dataclass
class Warehouse:
    """One home with raw stores and a warehouse file."""

    home: Path
    waiting: dict[str, list[tuple[str, Record]]] = field(
        default_factory=lambda: defaultdict(list), repr=False, compare=False
    )
    gathering: bool = field(default=False, repr=False, compare=False)

    @classmethod
    def empty(cls, home: Path) -> Warehouse:
        """Raw stores with every table and no row, as a refresh without any credentials leaves them."""
        return cls(copied("empty", _load_nothing, home))

    def land(self, source: str, table: str, *rows: dict[str, Any]) -> None:
        """Insert raw records; columns left out stay null, JSON columns take Python values."""
        for row in rows:
            self.waiting[source].append((table, {"observed_at": datetime(2026, 9, 1, tzinfo=UTC)} | row))
        if not self.gathering:
            self._write()

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Writes what is landed in the body at its end: a connection for each record takes long."""
        self.gathering = True
        try:
            yield
        finally:
            self.gathering = False
        self._write()

    def _write(self) -> None:
        for source, landed in self.waiting.items():
            with self._store(source) as connection:
                connection.begin()
                for (table, columns), records in _by_columns(landed).items():
                    names, marks = ", ".join(f'"{name}"' for name in columns), ", ".join("?" * len(columns))
                    connection.executemany(
                        f'insert into raw."{table}" ({names}) values ({marks})',
                        [
                            [json.dumps(v) if isinstance(v, dict | list) else v for v in record.values()]
                            for record in records
                        ],
                    )
                connection.commit()
        self.waiting.clear()

    @contextmanager
    def _store(self, source: str) -> Iterator[duckdb.DuckDBPyConnection]:
        with duckdb.connect(str(self.home / "raw" / f"{source}.duckdb")) as connection:
            connection.execute("set TimeZone = 'UTC'")
            yield connection

    def erase(self, source: str, table: str, ids: Iterable[str]) -> None:
        """Remove raw records by id."""
        with self._store(source) as connection:
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
        result = programs.run(
            "dbt",
            *arguments,
            *("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--log-level-file", "none"),
            *("--target-path", str(self.home / "dbt/target"), "--log-path", str(self.home / "dbt/logs")),
            *(("--vars", json.dumps(variables)) if variables else ()),
            environment=os.environ
            | {
                "ADLEDGER_HOME": str(self.home),
                "ADLEDGER_AS_OF": as_of,
                "ADLEDGER_PROJECT_HASH": project_hash,
            },
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
        content = manifest()
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
