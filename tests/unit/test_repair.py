"""Damaged files are named with the fix, and repairing them loses nothing that can still be read."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from adledger.cli import app
from orchestration.execution.repair import damages, repair

NOW = datetime(2026, 11, 1, 6, tzinfo=UTC)
ASIDE = "repair/2026-11-01T060000Z"
STORE = "raw/google_ads.duckdb"
CLICKS = 50_000


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ADLEDGER_HOME", str(tmp_path))
    for name in ("raw", "dagster/history/runs", "dlt/google_ads/schemas", "dbt/target"):
        (tmp_path / name).mkdir(parents=True)
    for name in (STORE, "warehouse.duckdb", "serving.duckdb"):
        with duckdb.connect(str(tmp_path / name)) as connection:
            connection.execute("CREATE SCHEMA raw")
            connection.execute(
                f"CREATE TABLE raw.click_views AS SELECT md5(range::VARCHAR) AS gclid,"
                f" TIMESTAMPTZ '2026-10-01 00:00:00+00' AS observed_at FROM range({CLICKS})"
            )
            connection.execute("CREATE TABLE raw.campaigns AS SELECT 1 AS id")
    for name in ("dagster/history/runs.db", "dagster/history/runs/index.db"):
        with closing(sqlite3.connect(tmp_path / name)) as connection:
            connection.execute("CREATE TABLE events (id INTEGER)")
            connection.executemany("INSERT INTO events VALUES (?)", [(n,) for n in range(20_000)])
            connection.commit()
    (tmp_path / "dlt/google_ads/state.json").write_text("{}")
    (tmp_path / "dbt/target/manifest.json").write_text("{}")
    return tmp_path


def overwrite(file: Path, start: int, size: int = 4096) -> None:
    with file.open("r+b") as handle:
        handle.seek(start)
        handle.write(b"\xa5" * size)


FILES = [
    (STORE, STORE),
    ("warehouse.duckdb", "warehouse.duckdb"),
    ("serving.duckdb", "serving.duckdb"),
    ("dagster/history/runs.db", "dagster/history/runs.db"),
    ("dagster/history/runs/index.db", "dagster/history/runs/index.db"),
    ("dlt/google_ads/state.json", "dlt/google_ads"),
    ("dbt/target/manifest.json", "dbt/target"),
]


def test_an_intact_home_needs_no_repair(home: Path) -> None:
    assert damages(home, whole=True) == []
    assert repair(home, NOW) == []
    assert not (home / "repair").exists()


@pytest.mark.parametrize(("file", "moved"), FILES)
def test_a_damaged_file_is_named_and_moved(home: Path, file: str, moved: str) -> None:
    overwrite(home / file, 0)
    damaged = (home / file).read_bytes()
    (line,) = [damage.line(home) for damage in damages(home)]
    assert line.startswith(f"{home / moved} is damaged (")
    assert line.endswith(f"): run adledger repair, which moves it to {home}/repair")
    assert "\n" not in line
    (done,) = repair(home, NOW)
    assert f"moved to {home / ASIDE / moved}" in done
    assert (home / ASIDE / file).read_bytes() == damaged
    assert damages(home, whole=True) == []


@pytest.mark.parametrize("file", [STORE, "dagster/history/runs.db"])
def test_damage_behind_the_header_is_found(home: Path, file: str) -> None:
    overwrite(home / file, 16_384, (home / file).stat().st_size - 16_384)
    assert [damage.path for damage in damages(home, whole=True)] == [home / file]


def can_read(file: Path, table: str) -> bool:
    try:
        with duckdb.connect() as connection:
            connection.execute(f"ATTACH '{file}' AS store (READ_ONLY)")
            connection.execute(f"SELECT bit_xor(hash(t)) FROM store.raw.{table} AS t")
    except duckdb.Error:
        return False
    return True


def test_the_readable_tables_of_a_raw_store_are_kept(home: Path) -> None:
    file, intact = home / STORE, home / "intact"
    with duckdb.connect(str(file)) as connection:
        connection.execute("CREATE TABLE raw.leads AS SELECT md5((-range)::VARCHAR) AS id FROM range(60000)")
    shutil.copyfile(file, intact)
    for block in range(12_288, file.stat().st_size, 262_144):
        shutil.copyfile(intact, file)
        overwrite(file, block)
        if can_read(file, "click_views") and not can_read(file, "leads"):
            break
    (done,) = repair(home, NOW)
    assert "2 tables were copied back, but not leads" in done
    with duckdb.connect(str(file), read_only=True) as connection:
        assert connection.execute("SELECT count(DISTINCT gclid) FROM raw.click_views").fetchone() == (CLICKS,)


def test_a_damaged_write_ahead_log_costs_the_interrupted_load_only(home: Path) -> None:
    wal = (home / STORE).with_name("google_ads.duckdb.wal")
    with duckdb.connect(str(home / STORE)) as connection:
        connection.execute("PRAGMA disable_checkpoint_on_shutdown")
        connection.execute("INSERT INTO raw.campaigns FROM range(1000)")
    overwrite(wal, wal.stat().st_size // 2, 512)
    (done,) = repair(home, NOW)
    assert "2 tables were copied back; " in done
    assert (home / ASIDE / "raw/google_ads.duckdb.wal.damaged").exists()
    with duckdb.connect(str(home / STORE), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM raw.click_views").fetchone() == (CLICKS,)


@pytest.mark.parametrize("is_demo", [False, True])
def test_observations_from_the_future_are_dated_to_now(home: Path, is_demo: bool) -> None:
    if is_demo:
        (home / "sandbox.json").write_text("[]")
    with duckdb.connect(str(home / STORE)) as connection:
        connection.execute("INSERT INTO raw.click_views VALUES ('new', ?)", [NOW + timedelta(days=30)])
    done = repair(home, NOW)
    assert len(done) == (0 if is_demo else 1)
    with duckdb.connect(str(home / STORE), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.execute("SELECT observed_at FROM raw.click_views WHERE gclid = 'new'").fetchall()
    assert found == [(NOW + timedelta(days=30 if is_demo else 0),)]
    assert (home / ASIDE / STORE).exists() != is_demo


def test_a_refresh_names_the_file_and_repair_mends_it(home: Path) -> None:
    overwrite(home / STORE, 0)
    refused = CliRunner().invoke(app, ["refresh"])
    assert refused.exit_code == 1
    assert f"{home / STORE} is damaged" in refused.stderr
    assert "Traceback" not in refused.stderr
    repaired = CliRunner().invoke(app, ["repair"])
    assert repaired.exit_code == 0, repaired.output
    assert "Run adledger refresh" in repaired.stdout
    assert CliRunner().invoke(app, ["repair"]).stdout == f"{home} needs no repair\n"


def test_explain_names_a_damaged_published_file(home: Path) -> None:
    overwrite(home / "serving.duckdb", 0)
    refused = CliRunner().invoke(app, ["explain"])
    assert refused.exit_code == 1
    assert "serving.duckdb cannot be read" in refused.stderr
    assert "run adledger repair, then refresh" in refused.stderr
