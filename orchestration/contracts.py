"""What a published table promises, read from the dbt manifest, and whether a table keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import ibis
import pandera.ibis as pa
from ibis.backends.sql.datatypes import DuckDBType
from pandera.errors import SchemaErrorReason, SchemaErrors

EXAMPLES = 5


@dataclass(frozen=True)
class Contract:
    """What one published table promises: columns, keys, and whether it may hold no rows."""

    schema: str
    table: str
    columns: pa.DataFrameSchema
    may_be_empty: bool

    @property
    def grain(self) -> list[str]:
        """The columns that name a row; all of them where no key is declared."""
        keys: Any = self.columns.unique
        return keys[0] if keys else list(self.columns.columns)


@dataclass(frozen=True)
class Violation:
    """A broken promise of a table, with the number of rows that break it and a few of them."""

    check: str
    column: str | None = None
    rows: int | None = None
    examples: list[dict[str, str | None]] = field(default_factory=list)

    def line(self, table: str) -> str:
        """One line for a terminal."""
        where = f"{table}.{self.column}" if self.column else table
        count = f" in {self.rows:,} rows" if self.rows is not None else ""
        shown = (
            ", ".join(f"{name}={value}" for name, value in self.examples[0].items()) if self.examples else ""
        )
        return f"{where}: {self.check}{count}" + (f", for example {shown}" if shown else "")


def build_contract(node: Mapping[str, Any], content: Mapping[str, Any]) -> Contract:
    """The contract of a model, from the dbt manifest alone."""
    tests = [
        test["test_metadata"] | {"column": test.get("column_name")}
        for test in content["nodes"].values()
        if test["resource_type"] == "test"
        and test.get("attached_node") == node["unique_id"]
        and test.get("test_metadata")
        and (test["config"].get("severity") or "error").lower() == "error"
        and not test["config"].get("where")
    ]

    def tested(name: str, column: str) -> list[Mapping[str, Any]]:
        return [test["kwargs"] for test in tests if test["name"] == name and test["column"] == column]

    columns, keys = {}, []
    for constraint in node.get("constraints", []):
        if constraint["type"] in ("primary_key", "unique"):
            keys.append(list(constraint["columns"]))
    keys += [list(test["kwargs"]["columns"]) for test in tests if test["name"] == "unique_combination"]
    for name, column in node["columns"].items():
        promised = {constraint["type"] for constraint in column.get("constraints", [])}
        if promised & {"primary_key", "unique"} or tested("unique", name):
            keys.append([name])
        columns[name] = pa.Column(
            _dtype(column["data_type"]),
            [
                pa.Check.isin(test["values"], n_failure_cases=EXAMPLES)
                for test in tested("accepted_values", name)
            ],
            nullable=not (promised & {"primary_key", "not_null"} or tested("not_null", name)),
        )
    return Contract(
        node["schema"],
        node["alias"],
        # Column(unique=True) is ignored by pandera's ibis backend
        # several keys are a list of lists, which its annotation does not say
        pa.DataFrameSchema(columns, unique=keys or None, strict=True, name=node["alias"]),  # type: ignore[arg-type]
        bool(node["config"].get("meta", {}).get("may_be_empty")),
    )


def _dtype(data_type: str) -> Any:
    """The type as pandera knows it; None for JSON and lists, which only dbt's contract enforces."""
    dtype = DuckDBType.from_string(data_type)
    return None if dtype.is_json() or dtype.is_nested() else dtype


def validate(contract: Contract, table: ibis.Table) -> list[Violation]:
    """Every promise of `contract` that `table` breaks."""
    violations = []
    if not contract.may_be_empty and table.limit(1).count().to_pyarrow().as_py() == 0:
        violations.append(Violation("is empty, which its model does not allow (meta.may_be_empty)"))
    try:
        contract.columns.validate(table, lazy=True)
    except SchemaErrors as errors:
        found = [_violation(error, contract, table) for error in errors.schema_errors]
        # pandera holds that no rows at all break not_null
        violations += [violation for violation in found if violation.rows != 0]
    return violations


def _violation(error: Any, contract: Contract, table: ibis.Table) -> Violation:
    column = error.schema.name if isinstance(error.schema, pa.Column) else None
    reason = error.reason_code
    if reason is SchemaErrorReason.SERIES_CONTAINS_NULLS:
        return _rows("is null", column, table.filter(table[column].isnull()), contract)
    if reason is SchemaErrorReason.DATAFRAME_CHECK:
        allowed = error.check.statistics["allowed_values"]
        broken = table.filter(table[column].notnull() & ~table[column].isin(allowed))
        return _rows("has a value that is not accepted", column, broken, contract)
    if reason is SchemaErrorReason.DUPLICATES:
        return _rows("repeats its key", None, error.failure_cases, contract)
    if reason is SchemaErrorReason.COLUMN_NOT_IN_DATAFRAME:
        return Violation("is missing", str(error.failure_cases))
    if reason is SchemaErrorReason.COLUMN_NOT_IN_SCHEMA:
        return Violation("is not declared in dbt's YAML", str(error.failure_cases))
    return Violation(" ".join(str(error).split()), column)


def _rows(check: str, column: str | None, broken: ibis.Table, contract: Contract) -> Violation:
    shown = [
        name
        for name in dict.fromkeys([*contract.grain, *([column] if column else [])])
        if name in broken.columns
    ]
    examples = [
        {name: None if value is None else str(value) for name, value in row.items()}
        for row in broken.select(shown).limit(EXAMPLES).to_pyarrow().to_pylist()
    ]
    return Violation(check, column, broken.count().to_pyarrow().as_py(), examples)
