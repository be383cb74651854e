"""What a published table promises, read from the dbt manifest, and whether a table keeps it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import dagster as dg
import ibis
import pandera.ibis as pa
from ibis.backends.sql.datatypes import DuckDBType
from pandera.errors import SchemaErrorReason, SchemaErrors

from ingestion.errors import redact
from orchestration.checks.constraints import Promise, read_constraints
from orchestration.project import published_models

CHECK_NAME = "contract"
EXAMPLES = 5
# no promise is called like this
_VALUES = "values of columns"


@dataclass(frozen=True)
class ValueRule:
    """What a column's values are held to: not to be null, or, with `accepted`, to be null or one of these."""

    column: str
    accepted: tuple[str, ...] | None = None

    @property
    def violation(self) -> str:
        """What a value that breaks it prints."""
        return "is null" if self.accepted is None else "has a value that is not accepted"

    def broken(self, table: ibis.Table) -> Any:
        """Whether a row of `table` breaks it."""
        values = table[self.column]
        return values.isnull() if self.accepted is None else values.notnull() & ~values.isin(self.accepted)


@dataclass(frozen=True)
class Contract:
    """What one published table promises: columns and keys, what its rows keep, whether it may hold none."""

    schema: str
    table: str
    #: Checks the values and the promises, too.
    columns: pa.DataFrameSchema
    values: Sequence[ValueRule]
    promises: Mapping[str, Promise]
    may_be_empty: bool
    #: Columns whose values are shown nowhere.
    personal: frozenset[str]
    #: The schema of every published table, where a promise finds the other one.
    schemas: Mapping[str, str]

    @property
    def check_key(self) -> dg.AssetCheckKey:
        """The check that shows how the table keeps it."""
        return dg.AssetCheckKey(dg.AssetKey([self.schema, self.table]), CHECK_NAME)

    @property
    def grain(self) -> list[str]:
        """The columns that name a row; all of them where no key is declared."""
        keys: Any = self.columns.unique
        return keys[0] if keys else list(self.columns.columns)

    def broken(self, promise: Promise, table: ibis.Table) -> ibis.Table:
        """The rows or groups of `table` that break a promise, by grain and by what the promise is about."""
        shown = dict.fromkeys([*self.grain, *promise.used])
        return _broken(promise, table, self.schemas, list(shown))


@dataclass(frozen=True)
class Violation:
    """A broken promise of a table, with the number of rows that break it and a few of them.

    `name` is what the dbt YAML calls the promise; None for what a column or a key declares.
    """

    check: str
    column: str | None = None
    rows: int | None = None
    examples: list[dict[str, str | None]] = field(default_factory=list)
    name: str | None = None

    @property
    def title(self) -> str:
        """The promise's name, else what it is about: `column: what is wrong`."""
        return self.name or (f"{self.column}: {self.check}" if self.column else self.check)

    def line(self, table: str) -> str:
        """One line for a terminal."""
        where = f"{table}.{self.column}" if self.column else table
        count = f" in {self.rows:,} rows" if self.rows is not None else ""
        shown = (
            ", ".join(f"{name}={value}" for name, value in self.examples[0].items()) if self.examples else ""
        )
        return f"{where}: {self.check}{count}" + (f", for example {shown}" if shown else "")


def build_contract(node: Mapping[str, Any], content: Mapping[str, Any]) -> Contract:
    """The contract of a model, from the dbt manifest alone.

    Raises orchestration.checks.constraints.DeclarationError where the YAML promises what cannot be checked.
    """
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

    columns, keys, values = {}, [], []
    for constraint in node.get("constraints", []):
        if constraint["type"] in ("primary_key", "unique"):
            keys.append(list(constraint["columns"]))
    keys += [list(test["kwargs"]["columns"]) for test in tests if test["name"] == "unique_combination"]
    for name, column in node["columns"].items():
        promised = {constraint["type"] for constraint in column.get("constraints", [])}
        if promised & {"primary_key", "unique"} or tested("unique", name):
            keys.append([name])
        columns[name] = pa.Column(_dtype(column["data_type"]), nullable=True)
        if promised & {"primary_key", "not_null"} or tested("not_null", name):
            values.append(ValueRule(name))
        values += [ValueRule(name, tuple(test["values"])) for test in tested("accepted_values", name)]
    published = list(published_models(content))
    meta = node["config"].get("meta", {})
    promises = read_constraints(
        node["alias"],
        meta,
        {model["alias"]: model["columns"] for model in published},
        {name: test["values"] for name in columns for test in tested("accepted_values", name)},
    )
    schemas = {model["alias"]: model["schema"] for model in published}
    schema = pa.DataFrameSchema(
        columns,
        [*([_values_check(values)] if values else []), *(_check(promise, schemas) for promise in promises)],
        # Column(unique=True) is ignored by pandera's ibis backend
        # several keys are a list of lists, which its annotation does not say
        unique=keys or None,  # type: ignore[arg-type]
        strict=True,
        name=node["alias"],
    )
    return Contract(
        node["schema"],
        node["alias"],
        schema,
        values,
        {promise.name: promise for promise in promises},
        bool(meta.get("may_be_empty")),
        frozenset(
            name
            for name, column in node["columns"].items()
            if column.get("config", {}).get("meta", {}).get("personal")
        ),
        schemas,
    )


def _values_check(rules: Sequence[ValueRule]) -> pa.Check:
    # one query for all columns: pandera's own checks of nulls and values would be one each
    def hold(data: Any) -> Any:
        table = data.table
        broken = [rule.broken(table) for rule in rules if rule.column in table.columns]
        return table.filter(ibis.or_(*broken)).count() == 0

    return pa.Check(hold, name=_VALUES)


def _check(promise: Promise, schemas: Mapping[str, str]) -> pa.Check:
    # one number comes out of DuckDB: of a check per row pandera pulls the whole column when it fails
    return pa.Check(
        lambda data: _broken(promise, data.table, schemas).count() == 0,
        name=promise.name,
        error=promise.violation,
    )


def _broken(
    promise: Promise, table: ibis.Table, schemas: Mapping[str, str], shown: Sequence[str] = ()
) -> ibis.Table:
    backend = table.get_backend()
    return promise.broken(table, lambda name: backend.table(name, database=schemas[name]), shown)


@cache
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
        for error in errors.schema_errors:
            # a promise about a column that is missing is told by the column
            if not (
                error.reason_code is SchemaErrorReason.CHECK_ERROR and _lacks(table, contract, error.check)
            ):
                violations += _violations(error, contract, table)
    return violations


def _lacks(table: ibis.Table, contract: Contract, check: pa.Check) -> bool:
    promise = contract.promises.get(str(check.name))
    return promise is not None and not set(promise.used) <= set(table.columns)


def _violations(error: Any, contract: Contract, table: ibis.Table) -> list[Violation]:
    column = error.schema.name if isinstance(error.schema, pa.Column) else None
    reason = error.reason_code
    if reason is SchemaErrorReason.DATAFRAME_CHECK:
        if error.check.name == _VALUES:
            return _broken_values(contract, table)
        return [_promised(contract.promises[error.check.name], contract, table)]
    if reason is SchemaErrorReason.CHECK_ERROR:
        return [Violation(f"cannot be checked: {redact(str(error.failure_cases))}", name=error.check.name)]
    if reason is SchemaErrorReason.DUPLICATES:
        return [_rows("repeats its key", None, error.failure_cases, contract)]
    if reason is SchemaErrorReason.COLUMN_NOT_IN_DATAFRAME:
        return [Violation("is missing", str(error.failure_cases))]
    if reason is SchemaErrorReason.COLUMN_NOT_IN_SCHEMA:
        return [Violation("is not declared in dbt's YAML", str(error.failure_cases))]
    return [Violation(" ".join(str(error).split()), column)]


def _broken_values(contract: Contract, table: ibis.Table) -> list[Violation]:
    found = [
        _rows(rule.violation, rule.column, table.filter(rule.broken(table)), contract)
        for rule in contract.values
        if rule.column in table.columns
    ]
    return [violation for violation in found if violation.rows]


def _promised(promise: Promise, contract: Contract, table: ibis.Table) -> Violation:
    broken = contract.broken(promise, table)
    shown = list(broken.columns) if promise.is_of_groups else [*contract.grain, *promise.used]
    return Violation(promise.violation, None, *_shown(broken, shown, contract), promise.name)


def _rows(check: str, column: str | None, broken: ibis.Table, contract: Contract) -> Violation:
    shown = [*contract.grain, *([column] if column else [])]
    return Violation(check, column, *_shown(broken, shown, contract))


def _shown(
    broken: ibis.Table, columns: list[str], contract: Contract
) -> tuple[int, list[dict[str, str | None]]]:
    """How many rows there are, and the first by these columns; personal ones, JSON and lists are left out."""
    shown = [
        name
        for name in dict.fromkeys(columns)
        if name in broken.columns
        and name not in contract.personal
        and not (broken[name].type().is_json() or broken[name].type().is_nested())
    ]
    rows = broken.select(shown).order_by(shown).limit(EXAMPLES).to_pyarrow().to_pylist()
    examples = [
        {name: None if value is None else redact(str(value)) for name, value in row.items()} for row in rows
    ]
    return broken.count().to_pyarrow().as_py(), examples


def check_result(contract: Contract, table: ibis.Table) -> dg.AssetCheckResult:
    """How `table` keeps its contract: each violation with the number of rows and a few of them."""
    violations = validate(contract, table)
    metadata: dict[str, dg.MetadataValue | int | list[str]] = {
        "rows": table.count().to_pyarrow().as_py(),
        "promises": len(contract.promises),
        "summary": [violation.line(f"{contract.schema}.{contract.table}") for violation in violations],
    }
    if violations:
        metadata["violations"] = _table(
            {
                "promise": violation.title,
                "column": violation.column,
                "violation": violation.check,
                "rows": violation.rows,
            }
            for violation in violations
        )
    for violation in violations:
        if violation.examples:
            metadata[f"rows: {violation.title}"] = _table(violation.examples)
    return dg.AssetCheckResult(
        asset_key=contract.check_key.asset_key,
        check_name=contract.check_key.name,
        passed=not violations,
        metadata=metadata,
    )


def _table(rows: Iterable[Mapping[str, str | int | None]]) -> dg.MetadataValue:
    return dg.MetadataValue.table([dg.TableRecord(dict(row)) for row in rows])
