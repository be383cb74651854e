"""Contracts of published tables come from the dbt manifest alone; each promise can be broken."""

from __future__ import annotations

from typing import Any

import duckdb
import ibis
import pytest

from orchestration.contracts import Contract, Violation, build_contract, validate

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
            "seen_at": {"data_type": "timestamptz", "constraints": []},
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
        "config": {"severity": severity},
    }


def _contract(node: dict[str, Any] | None = None, *tests: dict[str, Any]) -> Contract:
    node = node or _node()
    shipped = (
        _test("unique_combination", columns=["network", "ad_id", "date"]),
        _test("accepted_values", "network", values=["google_ads", "facebook_ads"]),
        _test("not_null", "date"),
    )
    return build_contract(
        node, {"nodes": {node["unique_id"]: node, **{str(i): t for i, t in enumerate(tests or shipped)}}}
    )


def _violations(contract: Contract, sql: str) -> list[Violation]:
    connection = duckdb.connect()
    connection.execute(f"CREATE TABLE fct AS {sql}")
    return validate(contract, ibis.duckdb.from_connection(connection).table("fct"))


def test_a_table_that_keeps_its_promises_passes() -> None:
    assert _violations(_contract(), GOOD) == []


@pytest.mark.parametrize(
    ("sql", "column", "check"),
    [
        (f"{GOOD} UNION ALL FROM ({GOOD}) LIMIT 4", None, "repeats its key"),
        (f"SELECT * REPLACE ('bing_ads' AS network) FROM ({GOOD}) LIMIT 1", "network", "not accepted"),
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
def test_each_broken_promise_is_found_alone(sql: str, column: str | None, check: str) -> None:
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


def test_a_warning_in_dbt_is_no_promise() -> None:
    contract = _contract(None, _test("not_null", "ad_id", severity="warn"))
    assert _violations(contract, GOOD) == []
