"""Build environment, reuse of the parsed manifest, and messages of failed builds."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from io import StringIO
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
from rich.console import Console

from orchestration.execution.progress import Progress
from orchestration.project import (
    MESSAGES,
    PROJECT_DIR,
    build_environment,
    build_faults,
    is_current,
    project_hash,
    reuse_parsed,
    warning_messages,
)


def test_the_build_environment_has_as_of_in_utc_and_the_project_hash() -> None:
    as_of = datetime(2026, 11, 1, 7, tzinfo=timezone(timedelta(hours=1)))
    assert build_environment(as_of) == {
        "ADLEDGER_AS_OF": "2026-11-01T06:00:00+00:00",
        "ADLEDGER_PROJECT_HASH": project_hash(),
    }


def test_another_project_has_another_hash(project: Path) -> None:
    before = project_hash(project)
    (project / "target/manifest.json").write_text("{}")
    assert project_hash(project) == before
    (project / "models/a/b.sql").write_text("select 1")
    changed = project_hash(project)
    (project / "models/a/b.sql").rename(project / "models/a/d.sql")
    assert len({before, changed, project_hash(project)}) == 3


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("dbt_project.yml", "models/a/b.sql", "models/a/c.sql", "target/manifest.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    parsed = {"nodes": {"seed.a": {"root_path": str(tmp_path)}, "model.b": {}}}
    (tmp_path / "target/manifest.json").write_text(json.dumps(parsed))
    for path in (*tmp_path.rglob("*"), tmp_path):
        os.utime(path, (1000, 1000))
    os.utime(tmp_path / "target/manifest.json", (2000, 2000))
    return tmp_path


def test_a_manifest_newer_than_the_project_is_used(project: Path) -> None:
    assert is_current(project / "target/manifest.json", project)


@pytest.mark.parametrize("change", ["edit", "add", "delete", "configure", "lose", "move"])
def test_any_change_of_the_project_makes_the_manifest_outdated(project: Path, change: str) -> None:
    match change:
        case "edit":
            os.utime(project / "models/a/b.sql", (3000, 3000))
        case "add":
            (project / "models/a/d.sql").touch()
        case "delete":
            (project / "models/a/b.sql").unlink()
        case "configure":
            os.utime(project / "dbt_project.yml", (3000, 3000))
        case "lose":
            (project / "target/manifest.json").unlink()
        case "move":
            project = project.rename(project.with_name("moved"))
    assert not is_current(project / "target/manifest.json", project)


def test_the_partial_parse_is_reused_if_the_project_path_is_the_same(tmp_path: Path) -> None:
    for name, place in (("here", PROJECT_DIR), ("elsewhere", tmp_path)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "partial_parse.msgpack").write_text(name)
        parsed = {"nodes": {"seed.a": {"root_path": str(place)}}}
        (tmp_path / name / "manifest.json").write_text(json.dumps(parsed))
    new, old = tmp_path / "new", tmp_path / "elsewhere"
    reuse_parsed(old, new)
    assert not new.exists()
    reuse_parsed(tmp_path / "here", new)
    assert (new / "partial_parse.msgpack").read_text() == "here"
    reuse_parsed(tmp_path / "here", old)
    assert (old / "partial_parse.msgpack").read_text() == "here"


def test_a_failed_build_has_one_line_per_root_fault() -> None:
    nodes = {
        "test.a": {"name": "bridge_balances", "resource_type": "test"},
        "model.b": {"name": "int_money", "resource_type": "model"},
        "model.c": {"name": "fct_x", "resource_type": "model"},
        "model.d": {"name": "fct_y", "resource_type": "model"},
    }
    results = [
        {"unique_id": "test.a", "status": "fail", "message": "Got 3 results, configured to fail if != 0"},
        {
            "unique_id": "model.b",
            "status": "error",
            "message": "Runtime Error in model int_money (models/int_money.sql)\n"
            "  Invalid Input Error: adledger: no exchange rate for EUR to USD on 2026-10-01",
        },
        {
            "unique_id": "model.c",
            "status": "error",
            "message": "Runtime Error in model fct_x (models/fct_x.sql)\n  Binder Error: no column z",
        },
        {"unique_id": "model.d", "status": "skipped", "message": None},
    ]
    assert build_faults({"results": results}, {"nodes": nodes}) == [
        "check bridge_balances: Got 3 results, configured to fail if != 0",
        "no exchange rate for EUR to USD on 2026-10-01",
        "model fct_x: Binder Error: no column z",
    ]


def test_a_warning_shows_its_first_rows_without_personal_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADLEDGER_HOME", str(tmp_path))
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as warehouse:
        warehouse.execute("create schema checks")
        warehouse.execute("create table checks.silent (network varchar)")
        warehouse.execute(
            "create table checks.overdue as select 'form of a.b@ex.test: ' || range || ' leads' as message"
            " from range(8)"
        )
    messages = warning_messages("overdue")
    assert len(messages) == MESSAGES
    assert messages[0] == "form of <e-mail>: 0 leads"
    assert warning_messages("silent") == []
    assert warning_messages("keeps_no_rows") == []


def test_the_terminal_shows_a_warnings_rows_and_how_many_there_are() -> None:
    screen = StringIO()
    instance = dg.DagsterInstance.ephemeral()

    @dg.asset(check_specs=[dg.AssetCheckSpec("overdue", asset="dbt_models")])
    def dbt_models() -> Iterator[Any]:
        check = dg.AssetCheckResult(
            passed=False,
            check_name="overdue",
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"dagster_dbt/failed_row_count": 3, "messages": ["form 1: reconnect it", "form 2"]},
        )
        yield dg.MaterializeResult(check_results=[check])

    run = dg.materialize([dbt_models], instance=instance)
    progress = Progress(Console(file=screen, width=200))
    for entry in instance.all_logs(run.run_id):
        progress.handle(entry)
    assert [line.strip() for line in screen.getvalue().splitlines()][:4] == [
        "warning: overdue: 3 findings",
        "form 1: reconnect it",
        "form 2",
        "… and 1 more",
    ]
