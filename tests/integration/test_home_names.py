"""A home whose path has quotes, spaces and signs of patterns, formats and URLs works like any other."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import duckdb
import pytest

from ingestion import pipelines
from ingestion.config import plain_folder, plain_path
from ingestion.errors import SettingError
from orchestration.assets.catalog import Relation, read_catalog
from orchestration.assets.publishing import Published, publish
from orchestration.execution.instance import use_instance
from reporting.dashboard.serving import Snapshot, identify
from tests.warehouse import AS_OF, Warehouse

NAMES = ["it's a home", 'sp ace #1 50% ünï [a]* "home"']


@pytest.fixture(params=NAMES)
def home(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / request.param
    folder.mkdir()
    monkeypatch.setenv("ADLEDGER_HOME", str(folder))
    monkeypatch.setenv("DAGSTER_HOME", "")
    # links of this test end with it
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return folder


def test_a_source_loads_into_the_home(home: Path) -> None:
    pipelines.load("google_ads", "entities", window=None, as_of=AS_OF)
    assert (home / "raw" / "google_ads.duckdb").exists()
    assert Relation("raw_google_ads", "raw", "campaigns") in read_catalog(["raw_google_ads"])


def test_dagster_keeps_its_runs_in_the_home(home: Path) -> None:
    use_instance()
    with dg.DagsterInstance.get() as instance:
        instance.add_dynamic_partitions("test", ["a"])
        assert instance.get_runs() == []
    assert (home / "dagster" / "history" / "runs" / "index.db").exists()


def test_dbt_builds_publishing_writes_and_a_reader_reads(home: Path) -> None:
    warehouse = Warehouse.empty(home)
    warehouse.dbt("seed", "--select", "networks")
    warehouse.dbt("run", "--select", "stg_google_ads__campaigns")
    assert Relation("warehouse", "staging", "stg_google_ads__campaigns") in read_catalog(["warehouse"])
    serving = home / "serving.duckdb"
    publish(home / "warehouse.duckdb", serving, [Published("seeds", "networks", "it's a table", {})], [])
    with Snapshot(identify(serving)).connection() as connection:
        assert connection.execute("SELECT count(*) FROM seeds.networks").fetchone() == (3,)
    with duckdb.connect(str(serving), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM seeds.networks").fetchone() == (3,)


def test_a_plain_path_is_used_as_it_is(tmp_path: Path) -> None:
    assert plain_path(tmp_path / "a home ü") == tmp_path / "a home ü"
    assert plain_folder(tmp_path / "a home ü") == tmp_path / "a home ü"


def test_a_question_mark_is_refused_with_one_line(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="contains a question mark, which DuckDB cannot read: rename"):
        plain_path(tmp_path / "what?")


def test_a_link_to_another_place_is_not_used(home: Path, tmp_path: Path) -> None:
    link = plain_path(home)
    link.unlink()
    link.symlink_to(tmp_path)
    with pytest.raises(SettingError, match="does not stand for"):
        plain_path(home)
