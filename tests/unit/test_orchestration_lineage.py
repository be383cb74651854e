"""Which columns a column is made of, as far as SQL tells; and what of it is worked out anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.assets import lineage
from orchestration.assets.lineage import column_lineage
from orchestration.assets.catalog import Relation, look

AS_OF = "2026-11-01T06:00:00+00:00"
MODEL = Relation("warehouse", "marts", "model")
CLICKS = Relation("raw_google_ads", "raw", "clicks")
VISITS = Relation("warehouse", "staging", "visits")
COLUMNS = {
    MODEL: {"id": "VARCHAR", "total": "BIGINT"},
    CLICKS: {"id": "VARCHAR", "day": "DATE", "clicks": "BIGINT"},
    VISITS: {"visit_id": "VARCHAR", "id": "VARCHAR", "pages": "BIGINT"},
}


def _content(sql: str) -> dict[str, Any]:
    parents = {"source.clicks": CLICKS, "model.visits": VISITS}
    named = {
        name: {"relation_name": ".".join(f'"{part}"' for part in parent)} for name, parent in parents.items()
    }
    model = {
        "resource_type": "model",
        "relation_name": '"warehouse"."marts"."model"',
        "compiled_code": sql,
        "depends_on": {"nodes": list(parents)},
    }
    visits = named["model.visits"] | {"resource_type": "model"}
    return {
        "nodes": {"model": model, "model.visits": visits},
        "sources": {"source.clicks": named["source.clicks"]},
    }


def _origins(sql: str, cache: Path) -> dict[str, set[str]]:
    found = column_lineage(_content(sql), COLUMNS, cache, as_of=AS_OF)
    assert found.faults == []
    return {
        name: {f"{relation.name}.{column}" for relation, column in origins}
        for name, origins in found.origins["model"].items()
    }


CLICK_TABLE, VISIT_TABLE = '"raw_google_ads"."raw"."clicks"', '"warehouse"."staging"."visits"'


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (f"select id as renamed from {CLICK_TABLE}", {"renamed": {"clicks.id"}}),
        (
            f"select c.id, c.clicks + v.pages as total from {CLICK_TABLE} c join {VISIT_TABLE} v using (id)",
            {"id": {"clicks.id"}, "total": {"clicks.clicks", "visits.pages"}},
        ),
        (
            f"with found as (from {CLICK_TABLE}) select * exclude (day) from found",
            {"id": {"clicks.id"}, "clicks": {"clicks.clicks"}},
        ),
        # by name, not by position; what one side lacks comes from the others
        (
            f"select id, clicks as total from {CLICK_TABLE} union all by name"
            f" select pages as total, visit_id as id from {VISIT_TABLE} union all by name"
            f" select day from {CLICK_TABLE}",
            {
                "id": {"clicks.id", "visits.visit_id"},
                "total": {"clicks.clicks", "visits.pages"},
                "day": {"clicks.day"},
            },
        ),
        (f"select count(*) as total, 'x' as id from {CLICK_TABLE}", {"total": set(), "id": set()}),
        # an incremental model reads itself
        ('select id from "warehouse"."marts"."model"', {"id": {"model.id"}}),
    ],
)
def test_a_column_comes_from(sql: str, expected: dict[str, set[str]], tmp_path: Path) -> None:
    assert _origins(sql, tmp_path / "cache.json") == expected


def test_what_cannot_be_read_is_said_and_stops_nothing(tmp_path: Path) -> None:
    found = column_lineage(_content("select from where"), COLUMNS, tmp_path / "cache.json", as_of=AS_OF)
    assert found.origins["model"] == {}
    assert [line.startswith("no column lineage of model: ") for line in found.faults] == [True]


def test_sql_is_read_again_only_when_it_or_what_it_reads_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    work = lineage._origins
    monkeypatch.setattr(lineage, "_origins", lambda sql, columns: read.append(sql) or work(sql, columns))
    cache = tmp_path / "cache.json"
    sql = "select id from {} where day < '{}'"
    wanted = {"id": [(CLICKS, "id")]}

    def look_at(as_of: str, table: str = CLICK_TABLE, **more: str) -> None:
        columns = COLUMNS | {CLICKS: COLUMNS[CLICKS] | more}
        content = _content(sql.format(table, as_of))
        assert column_lineage(content, columns, cache, as_of=as_of).origins["model"] == wanted

    look_at(AS_OF)
    look_at("2026-11-02T06:00:00+00:00")
    assert len(read) == 1
    look_at(AS_OF, clicked_at="TIMESTAMP")
    assert len(read) == 2
    look_at(AS_OF, f"(from {CLICK_TABLE})", clicked_at="TIMESTAMP")
    assert len(read) == 3
    assert set(json.loads(cache.read_text())) == {"model"}


def test_a_file_tells_columns_in_order_and_counts_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADLEDGER_HOME", str(tmp_path))
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute("CREATE SCHEMA marts; CREATE TABLE marts.model (id VARCHAR, a BIGINT)")
        connection.execute("INSERT INTO marts.model VALUES ('1', 1), ('2', 2)")
        connection.execute("CREATE VIEW marts.seen AS SELECT a AS b FROM marts.model")
    found = look(["warehouse", "raw_google_ads"])
    assert {relation.name: list(table.columns.items()) for relation, table in found.items()} == {
        "model": [("id", "VARCHAR"), ("a", "BIGINT")],
        "seen": [("b", "BIGINT")],
    }
    assert {relation.name: table.rows for relation, table in found.items()} == {"model": 2, "seen": None}
