"""Build environment, reuse of the parsed manifest, and messages of failed builds."""

from __future__ import annotations

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
    build_environment,
    build_faults,
    is_current,
    parse_hash,
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
    (project / "target/partial_parse.msgpack").write_text("{}")
    assert project_hash(project) == before
    (project / "models/a/b.sql").write_text("select 1")
    changed = project_hash(project)
    (project / "models/a/b.sql").rename(project / "models/a/d.sql")
    assert len({before, changed, project_hash(project)}) == 3


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("dbt_project.yml", "profiles.yml", "models/a/b.sql", "models/a/c.sql"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    pretend_parsed(tmp_path / "target", parse_hash(tmp_path))
    return tmp_path


def pretend_parsed(folder: Path, content: str) -> None:
    folder.mkdir()
    (folder / "partial_parse.msgpack").write_text(f"parsed from {content}")
    (folder / "parsed_from").write_text(content)


@pytest.mark.parametrize("moment", [1000, 3_000_000_000], ids=["older", "newer"])
def test_a_parse_of_the_same_content_is_used_whatever_the_times_of_the_files(
    project: Path, moment: int
) -> None:
    for path in (*project.rglob("*"), project):
        if "target" not in path.parts:
            os.utime(path, (moment, moment))
    assert is_current(project / "target", project)


@pytest.mark.parametrize("change", ["edit", "add", "delete", "configure", "profile", "lose", "move"])
def test_a_parse_of_other_content_is_not_used_even_if_it_is_newer(project: Path, change: str) -> None:
    match change:
        case "edit":
            (project / "models/a/b.sql").write_text("select 1")
        case "add":
            (project / "models/a/d.sql").touch()
        case "delete":
            (project / "models/a/b.sql").unlink()
        case "configure":
            (project / "dbt_project.yml").write_text("name: adledger")
        case "profile":
            (project / "profiles.yml").write_text("adledger:")
        case "lose":
            (project / "target/partial_parse.msgpack").unlink()
        case "move":
            project = project.rename(project.with_name("moved"))
    for path in (*project.rglob("*"), project):
        if "target" not in path.parts:
            os.utime(path, (1000, 1000))
    assert not is_current(project / "target", project)


def test_a_partial_parse_is_reused_if_it_is_of_this_content(tmp_path: Path) -> None:
    ours, old, new = tmp_path / "ours", tmp_path / "old", tmp_path / "new"
    pretend_parsed(ours, parse_hash())
    pretend_parsed(old, "another version")
    reuse_parsed(old, new)
    assert not new.exists()
    for used in (new, old):
        reuse_parsed(ours, used)
        assert (used / "partial_parse.msgpack").read_bytes() == (ours / "partial_parse.msgpack").read_bytes()
        assert is_current(used)


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
