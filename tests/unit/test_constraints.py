"""Each constraint of each published table: one case satisfies it and another violates it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pytest
import yaml

from orchestration.checks.constraints import (
    Conservation,
    DeclarationError,
    Invariant,
    Reference,
    read_constraints,
)
from orchestration.checks.contracts import Contract, build_contract, validate
from orchestration.project import published_models
from tests.compiled import CompiledModels

CASES: dict[str, dict[str, dict[str, Any]]] = yaml.safe_load(
    (Path(__file__).parent.parent / "vectors" / "constraints.yml").read_text()
)
Row = dict[str, Any]


@pytest.fixture(scope="module")
def contracts(compiled_models: CompiledModels) -> dict[str, Contract]:
    """The contract of every published table, from dbt's own manifest."""
    content = compiled_models.manifest
    return {node["alias"]: build_contract(node, content) for node in published_models(content)}


@pytest.fixture(scope="module")
def tables(contracts: dict[str, Contract], compiled_models: CompiledModels) -> duckdb.DuckDBPyConnection:
    """Every published table with its declared types, without rows and constraints."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    for schema in {contract.schema for contract in contracts.values()}:
        connection.execute(f"CREATE SCHEMA {schema}")
    for contract in contracts.values():
        columns = compiled_models.nodes[contract.table]["columns"].values()
        types = ", ".join(f"{column['name']} {column['data_type']}" for column in columns)
        connection.execute(f"CREATE TABLE {contract.schema}.{contract.table} ({types})")
    return connection


def test_every_constraint_has_a_case_and_every_case_a_constraint(contracts: dict[str, Contract]) -> None:
    declared = {(table, name) for table, contract in contracts.items() for name in contract.constraints}
    assert len(declared) > 100
    assert declared == {(table, name) for table, cases in CASES.items() for name in cases}


@pytest.mark.parametrize(
    ("table", "name"), [(table, name) for table, cases in CASES.items() for name in cases]
)
def test_a_constraint_can_be_satisfied_and_violated(
    contracts: dict[str, Contract], tables: duckdb.DuckDBPyConnection, table: str, name: str
) -> None:
    contract, case = contracts[table], CASES[table][name]
    constraint = contract.constraints[name]
    match constraint:
        case Invariant(by=[]):
            kept = {table: [case["good"]]}
            broken = [{table: [case["good"] | case["bad"]]}]
        case Invariant():
            kept, broken = {table: case["good"]}, [{table: case["bad"]}]
        case Reference():
            kept = {table: [case["row"]]}
            kept[constraint.to] = [*kept.get(constraint.to, []), case["there"]]
            broken = [{table: [case["row"]]}]
        case Conservation():
            kept = {table: case["here"], constraint.equals.table: case["there"]}
            broken = [{table: case["here"]}, {constraint.equals.table: case["there"]}][
                : 1 if constraint.partial else 2
            ]
            broken.append({table: [*case["here"], case["here"][0]], constraint.equals.table: case["there"]})
    assert _rows_that_break(contract, name, tables, kept) == 0
    for rows in broken:
        assert _rows_that_break(contract, name, tables, rows) > 0


def test_an_empty_table_violates_no_constraint(
    contracts: dict[str, Contract], tables: duckdb.DuckDBPyConnection
) -> None:
    contract = contracts["conversion_bridge"]
    assert {type(constraint) for constraint in contract.constraints.values()} == {
        Invariant,
        Reference,
        Conservation,
    }
    bridge = ibis.duckdb.from_connection(tables).table(contract.table, database=contract.schema)
    assert contract.may_be_empty
    assert validate(contract, bridge) == []


def _rows_that_break(
    contract: Contract, name: str, tables: duckdb.DuckDBPyConnection, rows: Mapping[str, list[Row]]
) -> int:
    tables.execute("BEGIN")
    try:
        for table, filled in rows.items():
            for row in filled:
                marks = ", ".join("?" * len(row))
                relation = f"{contract.schemas[table]}.{table} ({', '.join(row)})"
                tables.execute(f"INSERT INTO {relation} VALUES ({marks})", [*row.values()])
        table = ibis.duckdb.from_connection(tables).table(contract.table, database=contract.schema)
        return int(contract.violations(contract.constraints[name], table).count().to_pyarrow().as_py())
    finally:
        tables.execute("ROLLBACK")


COLUMNS = {"fct": {"started_at": {}, "ended_at": {}, "kind": {}}, "dim": {"id": {}}}
ORDER = {"name": "in_order", "holds": "started_at <= ended_at", "violation": "ends before it starts"}


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        (
            {"invariants": [ORDER | {"holds": "started_at <= ended"}]},
            "meta.invariants, in_order: fct has no column ended",
        ),
        ({"invariants": [ORDER | {"where": "type = 1"}]}, "in_order: fct has no column type"),
        ({"invariants": [ORDER | {"by": ["day"]}]}, "in_order: fct has no column day"),
        ({"invariants": [ORDER | {"holds": "started_at <="}]}, "in_order: holds: not a SQL expression"),
        (
            {"invariants": [ORDER | {"holds": "exists (select 1)"}]},
            "in_order: holds: an expression cannot contain a query",
        ),
        ({"invariants": [ORDER | {"holdz": "true"}]}, "in_order: holdz: Extra inputs are not permitted"),
        (
            {"invariants": [{"name": "in_order"}]},
            "in_order: holds: Field required; violation: Field required",
        ),
        ({"invariants": [ORDER, ORDER]}, "meta declares twice: in_order"),
        (
            {"references": [{"columns": ["kind"], "to": "dim"}]},
            "meta.references, number 1: dim has no column kind",
        ),
        ({"references": [{"columns": [{"kind": "id"}], "to": "dims"}]}, "number 1: no published table dims"),
        (
            {
                "conserves": [
                    {
                        "name": "total",
                        "by": ["kind"],
                        "sum": 1,
                        "equals": {"table": "dim", "sum": 1, "by": {"kind": "id"}},
                        "violation": "is another",
                        "for_every": "kind",
                    }
                ]
            },
            "meta.conserves, total: for_every: kind has no accepted values",
        ),
    ],
)
def test_an_invalid_constraint_is_reported_with_model_and_fault(meta: dict[str, Any], message: str) -> None:
    with pytest.raises(DeclarationError) as raised:
        read_constraints("fct", meta, COLUMNS, {})
    assert str(raised.value).startswith("dbt model fct")
    assert message in str(raised.value)
