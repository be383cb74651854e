"""A refresh from the command line: its output, its published file, and its effect when it fails."""

from __future__ import annotations

from collections import Counter
from io import StringIO
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
from rich.console import Console

from ingestion.pipelines import VENDORS
from tests.company import Home, served_company

RANGE = ("--start", "2026-10-30", "--end", "2026-10-31", "--as-of", "2026-11-01T06:00:00Z")


@pytest.fixture(scope="module")
def refreshed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A home after a refresh with the credentials of one network, and the output of the refresh."""
    home = tmp_path_factory.mktemp("refreshed")
    with served_company("--people", "400") as company:
        facebook = {name: value for name, value in company.settings.items() if "FACEBOOK" in name}
        result = Home(home, facebook).run("refresh", *RANGE)
    assert result.returncode == 0, result.stdout + result.stderr
    return home, result.stdout


def test_sources_without_credentials_are_skipped_with_one_line_each(refreshed: tuple[Path, str]) -> None:
    home, printed = refreshed
    lines = printed.splitlines()
    assert lines[1] == "Days 2026-10-30 to 2026-10-31, as of 2026-11-01 06:00:00 UTC"
    skipped = [line for line in lines if "skipped" in line]
    without = [source for source in VENDORS if source != "facebook_ads"]
    assert len(skipped) == len(without)
    assert all(any(source in line for line in skipped) for source in without)
    assert str(home / "serving.duckdb") in lines[-1]
    with duckdb.connect(str(home / "serving.duckdb"), read_only=True) as connection:
        states = connection.execute("SELECT source, status FROM marts.sources").fetchall()
        bridged = connection.execute(
            "SELECT DISTINCT network FROM reconciliation.conversion_bridge"
        ).fetchall()
        sessions = connection.execute("FROM marts.fct_sessions").fetchall()
    assert dict(states) == dict.fromkeys(without, "skipped") | {
        "facebook_ads": "landed",
        "landing_pages": "landed",
    }
    # the tables of the other sources exist and are empty
    assert bridged == [("facebook_ads",)]
    assert sessions == []


def test_it_writes_only_under_the_home(refreshed: tuple[Path, str]) -> None:
    home, _ = refreshed
    assert {"raw", "dlt", "dbt", "dagster", "logs", "warehouse.duckdb", "serving.duckdb"} <= {
        path.name for path in home.iterdir()
    }
    assert (home / "logs" / "refresh.log").stat().st_size > 0


def test_a_run_records_three_events_per_table_and_check(refreshed: tuple[Path, str]) -> None:
    home, _ = refreshed
    with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
        (run,) = instance.get_runs(limit=1)
        entries = instance.all_logs(run.run_id)
    counted = Counter(entry.dagster_event.event_type_value for entry in entries if entry.dagster_event)
    tables, checks = counted["ASSET_MATERIALIZATION_PLANNED"], counted["ASSET_CHECK_EVALUATION_PLANNED"]
    assert (tables, checks) == (counted["ASSET_MATERIALIZATION"], counted["ASSET_CHECK_EVALUATION"])
    # plus two per step, and the events of the run itself
    assert sum(counted.values()) <= 3 * (tables + checks) + 2 * counted["STEP_START"] + 15


def test_the_lineage_shows_rows_columns_and_where_each_column_comes_from(
    refreshed: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home, _ = refreshed
    monkeypatch.setenv("ADLEDGER_HOME", str(home))
    from orchestration.project import manifest

    with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:

        def shown(*path: str) -> dict[str, Any]:
            event = instance.get_latest_materialization_event(dg.AssetKey(path))
            assert event
            assert event.asset_materialization
            return {name: value.value for name, value in event.asset_materialization.metadata.items()}

        models = [
            node
            for node in manifest()["nodes"].values()
            if node["resource_type"] == "model" and node["config"]["materialized"] != "ephemeral"
        ]
        facts = {node["name"]: shown(node["schema"], node["name"]) for node in models}
        raw = shown("raw", "facebook_ads", "campaigns")
    assert len(facts) > 100
    assert all(found["dagster/column_schema"].columns for found in facts.values())
    # only counted or constant columns have no origin
    without = [name for name, found in facts.items() if not found["dagster/column_lineage"].deps_by_column]
    assert without == []
    came_from = facts["stg_facebook_ads__campaigns"]["dagster/column_lineage"].deps_by_column["campaign_name"]
    assert [(dep.asset_key.path, dep.column_name) for dep in came_from] == [
        (["raw", "facebook_ads", "campaigns"], "name")
    ]
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        (rows,) = connection.execute("SELECT count(*) FROM marts.dim_campaign").fetchall()[0]
    assert facts["dim_campaign"]["dagster/row_count"] == rows > 0
    assert raw["dagster/row_count"] == raw["rows"] > 0


def test_a_broken_contract_keeps_a_table_from_being_published(
    refreshed: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home, _ = refreshed
    monkeypatch.setenv("ADLEDGER_HOME", str(home))
    from orchestration.definitions import defs
    from orchestration.execution.progress import Progress

    published = (home / "serving.duckdb").stat().st_ino
    with duckdb.connect(str(home / "warehouse.duckdb")) as connection:
        connection.execute("ALTER TABLE marts.fct_sessions DROP COLUMN landing_page_url")
    instance = dg.DagsterInstance.ephemeral()
    result = defs.resolve_job_def("refresh").execute_in_process(
        instance=instance,
        op_selection=["published_contracts", "serving__serving_duckdb"],
        raise_on_error=False,
    )
    assert not result.success
    assert (home / "serving.duckdb").stat().st_ino == published
    progress = Progress(Console(file=StringIO()))
    for entry in instance.all_logs(result.run_id):
        progress.handle(entry)
    assert progress.faults == ["marts.fct_sessions.landing_page_url: is missing"]
    assert progress.published is None
