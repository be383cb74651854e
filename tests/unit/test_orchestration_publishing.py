"""The published file is replaced as a whole and never blocks readers."""

from __future__ import annotations

import os
import stat
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from orchestration.assets.publishing import Published, SourceState, publish

SESSIONS = Published("marts", "fct_sessions", "Web sessions' facts.", {"session_id": "Its id.", "views": ""})
BRIDGE = Published("reconciliation", "conversion_bridge", "The bridge.", {"units": "Signed units."})
STATES = [
    SourceState("hubspot", "landed", None, datetime(2026, 11, 1, 6, tzinfo=UTC)),
    SourceState("google_ads", "stale", date(2026, 10, 30), datetime(2026, 10, 31, 6, tzinfo=UTC)),
    SourceState("linkedin_ads", "skipped", None, None),
]


def warehouse_of(path: Path, sessions: int) -> Path:
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS marts; CREATE SCHEMA IF NOT EXISTS reconciliation")
        connection.execute(
            f"CREATE OR REPLACE TABLE marts.fct_sessions AS"
            f" SELECT range::VARCHAR AS session_id, 1 AS views FROM range({sessions})"
        )
        connection.execute(
            "CREATE OR REPLACE TABLE reconciliation.conversion_bridge AS SELECT 1.5::DECIMAL(18,6) AS units"
        )
        connection.execute("CREATE OR REPLACE TABLE marts.private AS SELECT 1 AS secret")
    return path


def _count(connection: duckdb.DuckDBPyConnection) -> int:
    row = connection.execute("SELECT count(*) FROM marts.fct_sessions").fetchone()
    assert row
    return int(row[0])


@pytest.fixture
def serving(tmp_path: Path) -> Path:
    target = tmp_path / "serving.duckdb"
    rows = publish(warehouse_of(tmp_path / "warehouse.duckdb", 3), target, [SESSIONS, BRIDGE], STATES)
    assert rows == {"marts.fct_sessions": 3, "reconciliation.conversion_bridge": 1}
    return target


def test_the_file_is_read_only_and_self_contained(serving: Path) -> None:
    assert stat.S_IMODE(serving.stat().st_mode) == 0o400
    assert sorted(path.name for path in serving.parent.iterdir()) == ["serving.duckdb", "warehouse.duckdb"]


def test_it_holds_the_published_tables_and_nothing_else(serving: Path) -> None:
    with duckdb.connect(str(serving), read_only=True) as connection:
        tables = connection.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() ORDER BY ALL"
        ).fetchall()
    assert tables == [
        ("marts", "fct_sessions"),
        ("marts", "sources"),
        ("reconciliation", "conversion_bridge"),
    ]


def test_older_tools_can_read_its_storage_version(serving: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{serving}' AS serving (READ_ONLY)")
        tags = connection.execute(
            "SELECT tags FROM duckdb_databases() WHERE database_name = 'serving'"
        ).fetchone()
    assert tags
    assert str(tags[0]["storage_version"]).startswith("v1.4.0")


def test_descriptions_become_comments(serving: Path) -> None:
    with duckdb.connect(str(serving), read_only=True) as connection:
        tables = dict(connection.execute("SELECT table_name, comment FROM duckdb_tables()").fetchall())
        columns = dict(
            connection.execute(
                "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'fct_sessions'"
            ).fetchall()
        )
    assert tables["fct_sessions"] == "Web sessions' facts."
    assert columns == {"session_id": "Its id.", "views": None}


def test_it_contains_the_state_of_each_source(serving: Path) -> None:
    with duckdb.connect(str(serving), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.execute(
            "SELECT source, status, landed_through, as_of::VARCHAR FROM marts.sources ORDER BY source"
        ).fetchall()
    assert found == [
        ("google_ads", "stale", date(2026, 10, 30), "2026-10-31 06:00:00+00"),
        ("hubspot", "landed", None, "2026-11-01 06:00:00+00"),
        ("linkedin_ads", "skipped", None, None),
    ]


def test_a_reader_keeps_its_snapshot_while_the_file_is_replaced(serving: Path, tmp_path: Path) -> None:
    held = os.open(serving, os.O_RDONLY)
    with duckdb.connect(str(serving), read_only=True) as reader:
        assert _count(reader) == 3
        publish(warehouse_of(tmp_path / "warehouse.duckdb", 5), serving, [SESSIONS, BRIDGE], STATES)
        assert _count(reader) == 3
    assert os.fstat(held).st_ino != serving.stat().st_ino
    os.close(held)
    with duckdb.connect(str(serving), read_only=True) as reader:
        assert _count(reader) == 5


def test_a_failure_leaves_the_published_file_untouched(serving: Path, tmp_path: Path) -> None:
    before = (serving.stat().st_ino, serving.read_bytes())
    missing = Published("marts", "fct_missing", "", {})
    with pytest.raises(duckdb.CatalogException):
        publish(warehouse_of(tmp_path / "warehouse.duckdb", 5), serving, [SESSIONS, missing], STATES)
    assert (serving.stat().st_ino, serving.read_bytes()) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["serving.duckdb", "warehouse.duckdb"]


def test_leftovers_of_a_killed_process_are_no_obstacle(serving: Path, tmp_path: Path) -> None:
    (tmp_path / ".serving.duckdb.next").write_bytes(b"half a file")
    (tmp_path / ".serving.duckdb.next.wal").write_bytes(b"half a log")
    publish(warehouse_of(tmp_path / "warehouse.duckdb", 4), serving, [SESSIONS, BRIDGE], STATES)
    with duckdb.connect(str(serving), read_only=True) as reader:
        assert _count(reader) == 4
