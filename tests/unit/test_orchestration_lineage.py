"""Column lineage from SQL, and its cache."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.assets import lineage
from orchestration.assets.catalog import Relation, read_catalog
from orchestration.assets.lineage import column_lineage

AS_OF = "2026-11-01T06:00:00+00:00"
MODEL = Relation("warehouse", "marts", "model")
CLICKS = Relation("raw_google_ads", "raw", "clicks")
SESSIONS = Relation("warehouse", "staging", "sessions")
COLUMNS = {
    MODEL: {"id": "VARCHAR", "total": "BIGINT"},
    CLICKS: {"id": "VARCHAR", "day": "DATE", "clicks": "BIGINT"},
    SESSIONS: {"session_id": "VARCHAR", "id": "VARCHAR", "pages": "BIGINT"},
}


def _content(sql: str) -> dict[str, Any]:
    parents = {"source.clicks": CLICKS, "model.sessions": SESSIONS}
    named = {
        name: {"relation_name": ".".join(f'"{part}"' for part in parent)} for name, parent in parents.items()
    }
    model = {
        "resource_type": "model",
        "relation_name": '"warehouse"."marts"."model"',
        "compiled_code": sql,
        "depends_on": {"nodes": list(parents)},
    }
    sessions = named["model.sessions"] | {"resource_type": "model"}
    return {
        "nodes": {"model": model, "model.sessions": sessions},
        "sources": {"source.clicks": named["source.clicks"]},
    }


def _origins(sql: str, cache: Path) -> dict[str, set[str]]:
    found = column_lineage(_content(sql), COLUMNS, cache, as_of=AS_OF)
    assert found.faults == []
    return {
        name: {f"{relation.name}.{column}" for relation, column in origins}
        for name, origins in found.origins["model"].items()
    }


CLICK_TABLE, SESSION_TABLE = '"raw_google_ads"."raw"."clicks"', '"warehouse"."staging"."sessions"'


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (f"select id as renamed from {CLICK_TABLE}", {"renamed": {"clicks.id"}}),
        (
            f"select c.id, clicks + pages as total from {CLICK_TABLE} c join {SESSION_TABLE} s using (id)",
            {"id": {"clicks.id"}, "total": {"clicks.clicks", "sessions.pages"}},
        ),
        (
            f"with found as (from {CLICK_TABLE}) select * exclude (day) from found",
            {"id": {"clicks.id"}, "clicks": {"clicks.clicks"}},
        ),
        # by name, not by position; a column can be missing on one side
        (
            f"select id, clicks as total from {CLICK_TABLE} union all by name"
            f" select pages as total, session_id as id from {SESSION_TABLE} union all by name"
            f" select day from {CLICK_TABLE}",
            {
                "id": {"clicks.id", "sessions.session_id"},
                "total": {"clicks.clicks", "sessions.pages"},
                "day": {"clicks.day"},
            },
        ),
        (f"select count(*) as total, 'x' as id from {CLICK_TABLE}", {"total": set(), "id": set()}),
        # an incremental model reads itself
        ('select id from "warehouse"."marts"."model"', {"id": {"model.id"}}),
    ],
)
def test_column_origins(sql: str, expected: dict[str, set[str]], tmp_path: Path) -> None:
    assert _origins(sql, tmp_path / "cache.json") == expected


def test_sql_that_cannot_be_parsed_is_a_fault_and_stops_nothing(tmp_path: Path) -> None:
    found = column_lineage(_content("select from where"), COLUMNS, tmp_path / "cache.json", as_of=AS_OF)
    assert found.origins["model"] == {}
    assert [line.startswith("no column lineage of model: ") for line in found.faults] == [True]


def test_sql_is_parsed_again_only_if_it_or_its_input_columns_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[str] = []
    original = lineage._origins
    monkeypatch.setattr(
        lineage, "_origins", lambda sql, columns: parsed.append(sql) or original(sql, columns)
    )
    cache = tmp_path / "cache.json"
    sql = "select id from {} where day < '{}'"
    wanted = {"id": [(CLICKS, "id")]}

    def run(as_of: str, table: str = CLICK_TABLE, **more: str) -> None:
        columns = COLUMNS | {CLICKS: COLUMNS[CLICKS] | more}
        content = _content(sql.format(table, as_of))
        assert column_lineage(content, columns, cache, as_of=as_of).origins["model"] == wanted

    run(AS_OF)
    run("2026-11-02T06:00:00+00:00")
    assert len(parsed) == 1
    run(AS_OF, clicked_at="TIMESTAMP")
    assert len(parsed) == 2
    run(AS_OF, f"(from {CLICK_TABLE})", clicked_at="TIMESTAMP")
    assert len(parsed) == 3
    assert set(json.loads(cache.read_text())) == {"model"}


def test_the_catalog_has_columns_in_order_and_row_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADLEDGER_HOME", str(tmp_path))
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute("CREATE SCHEMA marts; CREATE TABLE marts.model (id VARCHAR, a BIGINT)")
        connection.execute("INSERT INTO marts.model VALUES ('1', 1), ('2', 2)")
        connection.execute("CREATE VIEW marts.seen AS SELECT a AS b FROM marts.model")
    found = read_catalog(["warehouse", "raw_google_ads"])
    assert {relation.name: list(table.columns.items()) for relation, table in found.items()} == {
        "model": [("id", "VARCHAR"), ("a", "BIGINT")],
        "seen": [("b", "BIGINT")],
    }
    assert {relation.name: table.rows for relation, table in found.items()} == {"model": 2, "seen": None}
