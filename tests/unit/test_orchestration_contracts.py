"""Contracts of published tables come from the dbt manifest; each constraint can be violated."""

from __future__ import annotations

from typing import Any

import dagster as dg
import duckdb
import ibis
import pytest

from orchestration.checks.contracts import (
    EXAMPLES,
    Contract,
    Violation,
    build_contract,
    check_result,
    validate,
)

GOOD = """
SELECT * FROM (VALUES
    ('google_ads', '1', DATE '2026-10-01', 1.5::DECIMAL(18,6),
     TIMESTAMPTZ '2026-10-01 00:00:00+00', '{}'::JSON, ['a']),
    ('google_ads', NULL, DATE '2026-10-01', 0, NULL, NULL, NULL),
    ('facebook_ads', NULL, DATE '2026-10-01', 0, NULL, NULL, NULL)
) AS t(network, ad_id, date, units, seen_at, evidence, tags)
"""


def _node(**config: Any) -> dict[str, Any]:
    return {
        "unique_id": "model.adledger.fct",
        "resource_type": "model",
        "schema": "marts",
        "name": "fct",
        "alias": "fct",
        "config": {"meta": config},
        "constraints": [],
        "columns": {
            "network": {"data_type": "varchar", "constraints": [{"type": "not_null"}]},
            "ad_id": {"data_type": "varchar", "constraints": []},
            "date": {"data_type": "date", "constraints": []},
            "units": {"data_type": "decimal(18,6)", "constraints": []},
            "seen_at": {"data_type": "timestamptz", "config": {"meta": {"personal": True}}},
            "evidence": {"data_type": "json", "constraints": []},
            "tags": {"data_type": "varchar[]", "constraints": []},
        },
    }


def _test(name: str, column: str | None = None, severity: str = "error", **kwargs: Any) -> dict[str, Any]:
    return {
        "resource_type": "test",
        "attached_node": "model.adledger.fct",
        "column_name": column,
        "test_metadata": {"name": name, "kwargs": kwargs},
        "depends_on": {"nodes": ["seed.adledger.networks", "model.adledger.fct"]},
        "config": {"severity": severity},
    }


def _contract(node: dict[str, Any] | None = None, *tests: dict[str, Any]) -> Contract:
    node = node or _node()
    shipped = (
        _test("unique_combination", columns=["network", "ad_id", "date"]),
        _test("relationships", "network", to="ref('networks')", field="network"),
        _test("accepted_values", "ad_id", values=["1", "2"]),
        _test("not_null", "date"),
    )
    return build_contract(
        node,
        {
            "nodes": {
                node["unique_id"]: node,
                "seed.adledger.networks": {
                    "resource_type": "seed",
                    "original_file_path": "seeds/networks.csv",
                },
                **{str(i): t for i, t in enumerate(tests or shipped)},
            }
        },
    )


def _violations(contract: Contract, sql: str) -> list[Violation]:
    connection = duckdb.connect()
    connection.execute(f"CREATE TABLE fct AS {sql}")
    return validate(contract, ibis.duckdb.from_connection(connection).table("fct"))


def test_a_table_without_violations_passes() -> None:
    assert _violations(_contract(), GOOD) == []


@pytest.mark.parametrize(
    ("sql", "column", "check"),
    [
        (f"{GOOD} UNION ALL FROM ({GOOD}) LIMIT 4", None, "repeats its key"),
        (f"SELECT * REPLACE ('bing_ads' AS network) FROM ({GOOD}) LIMIT 1", "network", "not accepted"),
        (f"SELECT * REPLACE ('3' AS ad_id) FROM ({GOOD}) LIMIT 1", "ad_id", "not accepted"),
        (f"SELECT * REPLACE (NULL::VARCHAR AS network) FROM ({GOOD}) LIMIT 1", "network", "is null"),
        (f"SELECT * REPLACE (NULL::DATE AS date) FROM ({GOOD}) LIMIT 1", "date", "is null"),
        (f"SELECT * REPLACE (units::DOUBLE AS units) FROM ({GOOD})", "units", "float64"),
        (f"SELECT * REPLACE (units::DECIMAL(18,2) AS units) FROM ({GOOD})", "units", "18, 2"),
        (f"SELECT * REPLACE (seen_at::TIMESTAMP AS seen_at) FROM ({GOOD})", "seen_at", "timestamp"),
        (f"SELECT * EXCLUDE (evidence) FROM ({GOOD})", "evidence", "is missing"),
        (f"SELECT *, 1 AS extra FROM ({GOOD})", "extra", "not declared"),
        (f"{GOOD} LIMIT 0", None, "is empty"),
    ],
)
def test_each_violation_is_found_on_its_own(sql: str, column: str | None, check: str) -> None:
    (violation,) = _violations(_contract(), sql)
    assert violation.column == column
    assert check in violation.check


def test_nulls_are_equal_in_keys() -> None:
    twice = "SELECT 'google_ads' AS network, NULL::VARCHAR AS ad_id, DATE '2026-10-01' AS date FROM range(2)"
    contract = _contract()
    rest = (
        "0::DECIMAL(18,6) AS units, NULL::TIMESTAMPTZ AS seen_at,"
        " NULL::JSON AS evidence, NULL::VARCHAR[] AS tags"
    )
    (violation,) = _violations(contract, f"SELECT *, {rest} FROM ({twice})")
    assert (violation.check, violation.rows) == ("repeats its key", 2)


def test_failing_rows_are_shown_by_their_key() -> None:
    (violation,) = _violations(
        _contract(), f"SELECT * REPLACE ('bing_ads' AS network) FROM ({GOOD}) WHERE ad_id = '1'"
    )
    assert violation.examples == [{"network": "bing_ads", "ad_id": "1", "date": "2026-10-01"}]
    assert violation.line("marts.fct") == (
        "marts.fct.network: has a value that is not accepted in 1 rows,"
        " for example network=bing_ads, ad_id=1, date=2026-10-01"
    )


def test_every_key_counts_however_it_is_declared() -> None:
    node = _node()
    node["constraints"] = [{"type": "primary_key", "columns": ["network", "ad_id"]}]
    node["columns"]["units"]["constraints"] = [{"type": "unique"}]
    contract = _contract(node, _test("unique", "seen_at"))
    assert contract.columns.unique == [["network", "ad_id"], ["units"], ["seen_at"]]
    assert contract.grain == ["network", "ad_id"]


def test_only_a_declared_model_may_be_empty() -> None:
    assert _violations(_contract(_node(may_be_empty=True)), f"{GOOD} LIMIT 0") == []


def test_a_warning_in_dbt_is_not_part_of_the_contract() -> None:
    contract = _contract(None, _test("not_null", "ad_id", severity="warn"))
    assert _violations(contract, GOOD) == []


CONSTRAINTS: dict[str, Any] = {
    "invariants": [
        {"name": "units_are_positive", "holds": "units >= 0", "violation": "has units below zero"},
        {
            "name": "a_day_has_one_network",
            "by": ["date"],
            "holds": "count(distinct network) = 1",
            "violation": "has several networks on a day",
        },
    ],
    "references": [{"columns": [{"ad_id": "id"}, "network"], "to": "dim"}],
    "conserves": [
        {
            "name": "units_are_the_dims",
            "by": ["network"],
            "sum": "units",
            "equals": {"table": "dim", "sum": "units"},
            "violation": "has other units than the ads",
        }
    ],
}


def _checked(fct: str, dim: str, **constraints: Any) -> dg.AssetCheckResult:
    """Check result of a table with these constraints, next to the table of ads it refers to."""
    node = _node(may_be_empty=True, **constraints)
    ads = _node() | {"alias": "dim", "unique_id": "dim"}
    ads["columns"] = {name: {"data_type": "varchar"} for name in ("id", "network", "units", "email")}
    key = _test("unique_combination", columns=["network", "ad_id"])
    contract = build_contract(node, {"nodes": {"fct": node, "dim": ads, "key": key}})
    connection = duckdb.connect()
    connection.execute(
        f"CREATE SCHEMA marts; CREATE TABLE marts.fct AS {fct}; CREATE TABLE marts.dim AS {dim}"
    )
    table = ibis.duckdb.from_connection(connection).table("fct", database="marts")
    return check_result(contract, table)


def _records(result: dg.AssetCheckResult, name: str) -> list[dict[str, Any]]:
    table = result.metadata[name]
    assert isinstance(table, dg.TableMetadataValue)
    return [dict(record.data) for record in table.records]


ADS = "SELECT '1' AS id, 'google_ads' AS network, 1.5 AS units"
ROW = f"SELECT * FROM ({GOOD}) WHERE ad_id = '1'"


def test_constraints_without_violations_pass() -> None:
    result = _checked(ROW, ADS, **CONSTRAINTS)
    assert result.passed
    assert set(result.metadata) == {"rows", "constraints", "summary"}
    assert [result.metadata[name].value for name in ("rows", "constraints", "summary")] == [1, 4, []]


@pytest.mark.parametrize(
    ("fct", "dim", "summary", "example"),
    [
        (
            f"SELECT * REPLACE (-1.5::DECIMAL(18,6) AS units) FROM ({ROW})",
            "SELECT '1' AS id, 'google_ads' AS network, -1.5 AS units",
            "has units below zero in 1 rows, for example network=google_ads, ad_id=1, units=-1.500000",
            {"network": "google_ads", "ad_id": "1", "units": "-1.500000"},
        ),
        (
            GOOD,
            ADS,
            "has several networks on a day in 1 rows, for example date=2026-10-01",
            {"date": "2026-10-01"},
        ),
        (
            ROW,
            "SELECT '2' AS id, 'google_ads' AS network, 1.5 AS units",
            "has ad_id, network without a matching row in dim in 1 rows,"
            " for example network=google_ads, ad_id=1",
            {"network": "google_ads", "ad_id": "1"},
        ),
        (
            ROW,
            f"SELECT * REPLACE (units + 1 AS units) FROM ({ADS})",
            "has other units than the ads in 1 rows, for example network=google_ads, here=1.500000, dim=2.5",
            {"network": "google_ads", "here": "1.500000", "dim": "2.5"},
        ),
    ],
    ids=["row", "group", "reference", "sum"],
)
def test_a_violated_constraint_shows_its_rows(
    fct: str, dim: str, summary: str, example: dict[str, str]
) -> None:
    result = _checked(fct, dim, **CONSTRAINTS)
    assert not result.passed
    assert result.metadata["summary"].value == [f"marts.fct: {summary}"]
    (violation,) = _records(result, "violations")
    assert violation["rows"] == 1
    (row,) = _records(result, f"rows: {violation['constraint']}")
    assert row == example


def test_a_few_rows_are_shown_and_all_are_counted() -> None:
    fct = (
        "SELECT * EXCLUDE (i) REPLACE (i::VARCHAR AS ad_id, -1::DECIMAL(18,6) AS units)"
        f" FROM ({ROW}), range(1000) AS r(i)"
    )
    result = _checked(fct, ADS, invariants=CONSTRAINTS["invariants"][:1])
    (violation,) = _records(result, "violations")
    assert violation["rows"] == 1000
    assert len(_records(result, "rows: units_are_positive")) == EXAMPLES


def test_failing_rows_contain_no_personal_data() -> None:
    fct = f"""
        SELECT * REPLACE ('of ann@b.test' AS ad_id, '{{"name": "Ann"}}'::JSON AS evidence, ['Ann'] AS tags)
        FROM ({ROW})
    """
    holds = "seen_at is null and evidence is null and tags is null"
    invariant = {"name": "nothing", "holds": holds, "violation": "is there"}
    result = _checked(fct, ADS, invariants=[invariant])
    (row,) = _records(result, "rows: nothing")
    assert row == {"network": "google_ads", "ad_id": "of <e-mail>"}
    assert "ann" not in str(result.metadata).lower()


def test_a_missing_column_is_reported_once() -> None:
    result = _checked(f"SELECT * EXCLUDE (units) FROM ({ROW})", ADS, **CONSTRAINTS)
    assert result.metadata["summary"].value == ["marts.fct.units: is missing"]


def test_a_constraint_that_cannot_be_checked_is_a_violation() -> None:
    result = _checked(ROW, "SELECT '1' AS id", references=CONSTRAINTS["references"])
    (line,) = result.metadata["summary"].value
    assert line.startswith("marts.fct: cannot be checked: ")
    assert "network" in line
