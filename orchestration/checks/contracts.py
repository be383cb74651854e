"""Contracts of the published tables, read from the dbt manifest, and their validation."""

from __future__ import annotations

import csv
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
from orchestration.checks.constraints import Constraint, read_constraints
from orchestration.project import PROJECT_DIR, published_models

CHECK_NAME = "contract"
EXAMPLES = 5
# differs from the name of every constraint
_VALUES = "values of columns"


@dataclass(frozen=True)
class ValueRule:
    """Rule for the values of a column: not null or, with `accepted`, null or one of these values."""

    column: str
    accepted: tuple[str, ...] | None = None

    @property
    def violation(self) -> str:
        """Message for a value that violates the rule."""
        return "is null" if self.accepted is None else "has a value that is not accepted"

    def is_violated(self, table: ibis.Table) -> Any:
        """Boolean column of `table`: true for rows that violate the rule."""
        values = table[self.column]
        return values.isnull() if self.accepted is None else values.notnull() & ~values.isin(self.accepted)


@dataclass(frozen=True)
class Contract:
    """Contract of a published table: columns, keys, values, constraints, and whether it may be empty."""

    schema: str
    table: str
    #: Also checks the values and the constraints.
    columns: pa.DataFrameSchema
    values: Sequence[ValueRule]
    constraints: Mapping[str, Constraint]
    may_be_empty: bool
    #: Columns with personal data, whose values are never shown.
    personal: frozenset[str]
    #: Schema of each published table, to find the tables that constraints refer to.
    schemas: Mapping[str, str]

    @property
    def check_key(self) -> dg.AssetCheckKey:
        """Key of the asset check for this contract."""
        return dg.AssetCheckKey(dg.AssetKey([self.schema, self.table]), CHECK_NAME)

    @property
    def grain(self) -> list[str]:
        """Columns that identify a row; all columns if no key is declared."""
        keys: Any = self.columns.unique
        return keys[0] if keys else list(self.columns.columns)

    def violations(self, constraint: Constraint, table: ibis.Table) -> ibis.Table:
        """Rows or groups of `table` that violate a constraint, with grain and the columns it uses."""
        shown = dict.fromkeys([*self.grain, *constraint.used])
        return _violating_rows(constraint, table, self.schemas, list(shown))


@dataclass(frozen=True)
class Violation:
    """A violated constraint of a table, with the number of violating rows and a few examples.

    `name` is the name of the constraint in the dbt YAML; None for rules on a column or a key.
    """

    check: str
    column: str | None = None
    rows: int | None = None
    examples: list[dict[str, str | None]] = field(default_factory=list)
    name: str | None = None

    @property
    def title(self) -> str:
        """Name of the constraint, else `column: violation`."""
        return self.name or (f"{self.column}: {self.check}" if self.column else self.check)

    def line(self, table: str) -> str:
        """Formats the violation as one line for a terminal."""
        where = f"{table}.{self.column}" if self.column else table
        count = f" in {self.rows:,} rows" if self.rows is not None else ""
        shown = (
            ", ".join(f"{name}={value}" for name, value in self.examples[0].items()) if self.examples else ""
        )
        return f"{where}: {self.check}{count}" + (f", for example {shown}" if shown else "")


def build_contract(node: Mapping[str, Any], content: Mapping[str, Any]) -> Contract:
    """Builds the contract of a model from the dbt manifest.

    Raises orchestration.checks.constraints.DeclarationError if the YAML declares an invalid constraint.
    """
    tests = [
        test["test_metadata"] | {"column": test.get("column_name"), "accepted": _accepted(test, content)}
        for test in content["nodes"].values()
        if test["resource_type"] == "test"
        and test.get("attached_node") == node["unique_id"]
        and test.get("test_metadata")
        and (test["config"].get("severity") or "error").lower() == "error"
        and not test["config"].get("where")
    ]

    def tested(name: str, column: str) -> bool:
        return any(test["name"] == name and test["column"] == column for test in tests)

    accepted = {test["column"]: test["accepted"] for test in tests if test["accepted"] is not None}
    columns, keys, values = {}, [], []
    for declared in node.get("constraints", []):
        if declared["type"] in ("primary_key", "unique"):
            keys.append(list(declared["columns"]))
    keys += [list(test["kwargs"]["columns"]) for test in tests if test["name"] == "unique_combination"]
    for name, column in node["columns"].items():
        types = {declared["type"] for declared in column.get("constraints", [])}
        if types & {"primary_key", "unique"} or tested("unique", name):
            keys.append([name])
        columns[name] = pa.Column(_dtype(column["data_type"]), nullable=True)
        if types & {"primary_key", "not_null"} or tested("not_null", name):
            values.append(ValueRule(name))
        if name in accepted:
            values.append(ValueRule(name, accepted[name]))
    published = list(published_models(content))
    meta = node["config"].get("meta", {})
    constraints = read_constraints(
        node["alias"],
        meta,
        {model["alias"]: model["columns"] for model in published},
        accepted,
    )
    schemas = {model["alias"]: model["schema"] for model in published}
    schema = pa.DataFrameSchema(
        columns,
        [
            *([_values_check(values)] if values else []),
            *(_check(constraint, schemas) for constraint in constraints),
        ],
        # pandera's ibis backend ignores Column(unique=True); several keys are a list of lists
        unique=keys or None,  # type: ignore[arg-type]  # the annotation omits lists of lists
        strict=True,
        name=node["alias"],
    )
    return Contract(
        node["schema"],
        node["alias"],
        schema,
        values,
        {constraint.name: constraint for constraint in constraints},
        bool(meta.get("may_be_empty")),
        frozenset(
            name
            for name, column in node["columns"].items()
            if column.get("config", {}).get("meta", {}).get("personal")
        ),
        schemas,
    )


def _accepted(test: Mapping[str, Any], content: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Accepted values of a column: those of the test, or those of the seed that it refers to."""
    name, arguments = test["test_metadata"]["name"], test["test_metadata"]["kwargs"]
    if name == "accepted_values":
        return tuple(arguments["values"])
    if name == "relationships":
        for parent in test["depends_on"]["nodes"]:
            if parent.startswith("seed."):
                path = PROJECT_DIR / content["nodes"][parent]["original_file_path"]
                with path.open(newline="", encoding="utf-8") as rows:
                    return tuple(row[arguments["field"]] for row in csv.DictReader(rows))
    return None


def _values_check(rules: Sequence[ValueRule]) -> pa.Check:
    # one query for all columns: pandera's own checks of nulls and values run one query per column
    def hold(data: Any) -> Any:
        table = data.table
        violated = [rule.is_violated(table) for rule in rules if rule.column in table.columns]
        return table.filter(ibis.or_(*violated)).count() == 0

    return pa.Check(hold, name=_VALUES)


def _check(constraint: Constraint, schemas: Mapping[str, str]) -> pa.Check:
    # returns one number: for a failed check per row, pandera would fetch the whole column
    return pa.Check(
        lambda data: _violating_rows(constraint, data.table, schemas).count() == 0,
        name=constraint.name,
        error=constraint.violation,
    )


def _violating_rows(
    constraint: Constraint, table: ibis.Table, schemas: Mapping[str, str], shown: Sequence[str] = ()
) -> ibis.Table:
    backend = table.get_backend()
    return constraint.violations(table, lambda name: backend.table(name, database=schemas[name]), shown)


@cache
def _dtype(data_type: str) -> Any:
    """Type for pandera; None for JSON and lists, which only dbt's contract enforces."""
    dtype = DuckDBType.from_string(data_type)
    return None if dtype.is_json() or dtype.is_nested() else dtype


def validate(contract: Contract, table: ibis.Table) -> list[Violation]:
    """Returns the violations of `contract` in `table`."""
    violations = []
    if not contract.may_be_empty and table.limit(1).count().to_pyarrow().as_py() == 0:
        violations.append(Violation("is empty, which its model does not allow (meta.may_be_empty)"))
    try:
        contract.columns.validate(table, lazy=True)
    except SchemaErrors as errors:
        for error in errors.schema_errors:
            # a missing column is already a violation of its own
            if not (
                error.reason_code is SchemaErrorReason.CHECK_ERROR
                and _lacks_columns(table, contract, error.check)
            ):
                violations += _violations(error, contract, table)
    return violations


def _lacks_columns(table: ibis.Table, contract: Contract, check: pa.Check) -> bool:
    constraint = contract.constraints.get(str(check.name))
    return constraint is not None and not set(constraint.used) <= set(table.columns)


def _violations(error: Any, contract: Contract, table: ibis.Table) -> list[Violation]:
    column = error.schema.name if isinstance(error.schema, pa.Column) else None
    reason = error.reason_code
    if reason is SchemaErrorReason.DATAFRAME_CHECK:
        if error.check.name == _VALUES:
            return _value_violations(contract, table)
        return [_constraint_violation(contract.constraints[error.check.name], contract, table)]
    if reason is SchemaErrorReason.CHECK_ERROR:
        return [Violation(f"cannot be checked: {redact(str(error.failure_cases))}", name=error.check.name)]
    if reason is SchemaErrorReason.DUPLICATES:
        return [_violation("repeats its key", None, error.failure_cases, contract)]
    if reason is SchemaErrorReason.COLUMN_NOT_IN_DATAFRAME:
        return [Violation("is missing", str(error.failure_cases))]
    if reason is SchemaErrorReason.COLUMN_NOT_IN_SCHEMA:
        return [Violation("is not declared in dbt's YAML", str(error.failure_cases))]
    return [Violation(" ".join(str(error).split()), column)]


def _value_violations(contract: Contract, table: ibis.Table) -> list[Violation]:
    found = [
        _violation(rule.violation, rule.column, table.filter(rule.is_violated(table)), contract)
        for rule in contract.values
        if rule.column in table.columns
    ]
    return [violation for violation in found if violation.rows]


def _constraint_violation(constraint: Constraint, contract: Contract, table: ibis.Table) -> Violation:
    rows = contract.violations(constraint, table)
    shown = list(rows.columns) if constraint.is_of_groups else [*contract.grain, *constraint.used]
    return Violation(constraint.violation, None, *_examples(rows, shown, contract), constraint.name)


def _violation(check: str, column: str | None, rows: ibis.Table, contract: Contract) -> Violation:
    shown = [*contract.grain, *([column] if column else [])]
    return Violation(check, column, *_examples(rows, shown, contract))


def _examples(
    violating: ibis.Table, columns: list[str], contract: Contract
) -> tuple[int, list[dict[str, str | None]]]:
    """Number of violating rows, and the first few without personal data, JSON and lists."""
    shown = [
        name
        for name in dict.fromkeys(columns)
        if name in violating.columns
        and name not in contract.personal
        and not (violating[name].type().is_json() or violating[name].type().is_nested())
    ]
    rows = violating.select(shown).order_by(shown).limit(EXAMPLES).to_pyarrow().to_pylist()
    examples = [
        {name: None if value is None else redact(str(value)) for name, value in row.items()} for row in rows
    ]
    return violating.count().to_pyarrow().as_py(), examples


def check_result(contract: Contract, table: ibis.Table) -> dg.AssetCheckResult:
    """Validates `table`; the result contains each violation with its number of rows and examples."""
    violations = validate(contract, table)
    metadata: dict[str, dg.MetadataValue | int | list[str]] = {
        "rows": table.count().to_pyarrow().as_py(),
        "constraints": len(contract.constraints),
        "summary": [violation.line(f"{contract.schema}.{contract.table}") for violation in violations],
    }
    if violations:
        metadata["violations"] = _table(
            {
                "constraint": violation.title,
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
