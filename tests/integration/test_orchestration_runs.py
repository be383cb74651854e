"""Concurrent refreshes of one home from command line, schedule and UI, and cleanup after killed ones."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.test_utils import create_test_daemon_workspace_context
from dagster._core.workspace.load_target import EmptyWorkspaceTarget
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon
from typer.testing import CliRunner

from adledger.cli import app
from orchestration.automation.sensors import watch
from orchestration.execution import instance as home_instance
from orchestration.execution.locking import exclusive
from orchestration.execution.runs import (
    COMMAND_TAG,
    HOME_LOCK_TAG,
    HomeLock,
    describe_run,
    fail_orphaned_runs,
)
from tests.holding import held

RUNNING = dg.DagsterRunStatus.STARTED


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ADLEDGER_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "400")
    return tmp_path


@pytest.fixture
def instance(home: Path) -> Iterator[dg.DagsterInstance]:
    """Instance of the home as a refresh sets it up, with a launcher that only records runs."""
    shipped = yaml.safe_load((Path(home_instance.__file__).parent / "dagster.yaml").read_text())
    stubs = {
        "run_launcher": {"module": "dagster._core.test_utils", "class": "MockedRunLauncher"},
        # capturing output starts processes, and may wait for them longer than these tests do
        "compute_logs": {
            "module": "dagster._core.storage.noop_compute_log_manager",
            "class": "NoOpComputeLogManager",
        },
    }
    with dg.instance_for_test(temp_dir=str(home), overrides={**shipped, **stubs}) as made:
        yield made


@dg.op
def step(home_lock: HomeLock) -> None: ...


@dg.job(resource_defs={"home_lock": HomeLock()}, executor_def=dg.in_process_executor)
def refresh_like() -> None:
    step()


def create_run(instance: dg.DagsterInstance, **facts: Any) -> dg.DagsterRun:
    """Creates the record of a run without executing it."""
    return instance.create_run_for_job(refresh_like, **facts)


def lock(home: Path) -> Path:
    return home / "locks" / "refresh.lock"


def wait_for(condition: Callable[[], bool], seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def messages(instance: dg.DagsterInstance) -> list[str]:
    return [
        entry.user_message
        for record in instance.get_run_records()
        for entry in instance.all_logs(record.dagster_run.run_id)
    ]


def test_a_run_waits_for_a_refresh_of_the_command_line(
    instance: dg.DagsterInstance, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestration.execution.runs._POLL_SECONDS", 0.02)
    results: list[dg.JobExecutionResult] = []

    def execute() -> None:
        results.append(dg.execute_job(dg.reconstructable(refresh_like), instance=instance))

    thread = threading.Thread(target=execute, daemon=True)
    with held(lock(home), "adledger refresh, process 7"):
        thread.start()
        wait_for(lambda: any("waiting: another refresh" in line for line in messages(instance)))
        time.sleep(0.2)
        assert any("adledger refresh, process 7" in line for line in messages(instance))
        assert not any("Started execution of step" in line for line in messages(instance))
    thread.join(20)
    assert results
    assert results[0].success


def test_the_command_lines_own_run_does_not_wait_for_itself(instance: dg.DagsterInstance) -> None:
    with exclusive("adledger refresh"):
        result = dg.execute_job(dg.reconstructable(refresh_like), instance=instance)
    assert result.success
    run = instance.get_run_by_id(result.run_id)
    assert run
    assert run.tags[HOME_LOCK_TAG] == run.run_id


@pytest.mark.parametrize(
    ("command", "fix"),
    [
        (["refresh"], "wait until it ends, or set ADLEDGER_HOME"),
        (["backfill", "--start", "2026-01-01"], "wait until it ends, or set ADLEDGER_HOME"),
        (["page", "add", "https://www.example.com/"], "add the page when it has finished"),
    ],
)
@pytest.mark.parametrize(
    ("tags", "starter"), [({"dagster/schedule_name": "daily_refresh"}, "by the schedule"), ({}, "in Dagster")]
)
def test_the_command_line_is_refused_while_a_run_is_in_progress(
    instance: dg.DagsterInstance,
    home: Path,
    command: list[str],
    fix: str,
    tags: dict[str, str],
    starter: str,
) -> None:
    run = create_run(instance, status=RUNNING, tags=tags)
    with held(lock(home), describe_run(run)):
        result = CliRunner().invoke(app, command)
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert f"another refresh is running in {home}" in line
    assert f"run {run.run_id[:8]}, started {starter}" in line
    assert f"/runs/{run.run_id}" in line
    assert fix in line


def test_the_queue_counts_a_refresh_of_the_command_line(instance: dg.DagsterInstance) -> None:
    of_command_line = create_run(instance, status=RUNNING, tags={COMMAND_TAG: "1"})
    with create_test_daemon_workspace_context(EmptyWorkspaceTarget(), instance) as workspace:
        origin = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("adledger"), "__repository__")
        queued = create_run(
            instance,
            status=dg.DagsterRunStatus.QUEUED,
            remote_job_origin=RemoteJobOrigin(origin, "refresh"),
            job_code_origin=dg.reconstructable(refresh_like).get_python_origin(),
        )
        coordinator = QueuedRunCoordinatorDaemon(interval_seconds=1)

        def chosen() -> list[dg.DagsterRun]:
            limits = instance.get_concurrency_config()
            return coordinator._get_runs_to_dequeue(workspace.instance, limits, fixed_iteration_time=None)

        assert chosen() == []
        instance.report_run_failed(of_command_line)
        assert [run.run_id for run in chosen()] == [queued.run_id]


def test_the_next_run_fails_a_killed_run_but_not_a_waiting_one(instance: dg.DagsterInstance) -> None:
    killed = create_run(instance, status=RUNNING)
    instance.add_run_tags(killed.run_id, {HOME_LOCK_TAG: killed.run_id})
    of_command_line = create_run(instance, status=RUNNING, tags={COMMAND_TAG: "1"})
    waiting = create_run(instance, status=RUNNING)
    # re-executed: it inherits the tags of the killed run
    again = create_run(
        instance,
        status=RUNNING,
        tags={HOME_LOCK_TAG: killed.run_id, COMMAND_TAG: "1"},
        parent_run_id=killed.run_id,
        root_run_id=killed.run_id,
    )
    with exclusive("a test"):
        fail_orphaned_runs(instance)
    status = {run.run_id: run.status for run in instance.get_runs()}
    assert status == {
        killed.run_id: dg.DagsterRunStatus.FAILURE,
        of_command_line.run_id: dg.DagsterRunStatus.FAILURE,
        waiting.run_id: RUNNING,
        again.run_id: RUNNING,
    }


def test_the_sensor_fails_a_killed_run_but_not_a_live_one(instance: dg.DagsterInstance, home: Path) -> None:
    run = create_run(instance, status=RUNNING, tags={COMMAND_TAG: "1"})

    def status() -> dg.DagsterRunStatus:
        watch(dg.build_sensor_context(instance=instance))
        found = instance.get_run_by_id(run.run_id)
        assert found
        return found.status

    with held(lock(home)):
        assert status() is RUNNING
    assert status() is dg.DagsterRunStatus.FAILURE


def test_a_run_waits_for_the_build_of_a_killed_one(
    instance: dg.DagsterInstance, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestration.execution.runs._POLL_SECONDS", 0.02)
    program = "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print(flush=True); sys.stdin.read()"
    build = subprocess.Popen(
        [sys.executable, "-c", program, str(home / "warehouse.duckdb")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert build.stdin
    assert build.stdout
    build.stdout.readline()
    results: list[dg.JobExecutionResult] = []

    def execute() -> None:
        results.append(dg.execute_job(dg.reconstructable(refresh_like), instance=instance))

    thread = threading.Thread(target=execute, daemon=True)
    thread.start()
    wait_for(lambda: any("waiting: another process has" in line for line in messages(instance)), 30)
    assert not any("Started execution of step" in line for line in messages(instance))
    build.stdin.close()
    assert build.wait(10) == 0
    build.stdout.close()
    thread.join(20)
    assert results
    assert results[0].success
