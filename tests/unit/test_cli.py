"""What the command line refuses, and how quickly."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from adledger.cli import app
from orchestration.execution.locking import file_lock
from tests.holding import held
from tests.opened import free_port


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ADLEDGER_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (["refresh", "--start", "2026-10-02", "--end", "2026-10-01"], "--start"),
        (["refresh", "--start", "2015-12-31", "--end", "2016-01-02"], "--start"),
        (["refresh", "--end", "2999-01-01"], "--end"),
        (["refresh", "--as-of", "noon"], "--as-of"),
        (["refresh", "--as-of", "2999-01-01T00:00:00Z"], "--as-of"),
        (["refresh", "--allow-stale", "tiktok_ads"], "--allow-stale"),
        (["explain", "--network", "hubspot"], "--network"),
        (["explain", "--start", "2026-10-02", "--end", "2026-10-01"], "--end"),
        (["demo", "--people", "0"], "--people"),
        (["doctor", "tiktok_ads"], "SOURCE"),
        (["ui", "--port", "0"], "--port"),
        (["ui", "--port", "70000"], "--port"),
    ],
)
def test_bad_options_exit_two_and_are_named(arguments: list[str], option: str, home: Path) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert f"Invalid value for {option}" in result.output.replace("'", "")
    assert not list(home.iterdir())


def test_a_mistake_shows_before_dagster_is_imported() -> None:
    program = (
        "import sys\nfrom typer.testing import CliRunner\nfrom adledger.cli import app\n"
        "code = CliRunner().invoke(app, ['refresh', '--as-of', 'noon']).exit_code\n"
        "sys.exit(code if not {'dagster', 'dlt', 'duckdb'} & set(sys.modules) else 99)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], env=dict(os.environ)).returncode == 2


def test_a_second_refresh_of_the_same_home_is_refused(home: Path) -> None:
    with file_lock(home / "locks" / "refresh.lock"):
        result = CliRunner().invoke(app, ["refresh"])
    assert result.exit_code == 1
    assert "another refresh is running" in result.output
    assert str(home) in result.output


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_a_taken_port_is_named_before_anything_starts(home: Path, address: str) -> None:
    with socket.create_server((address, 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(app, ["ui", "--port", str(port)])
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert f"cannot listen on 127.0.0.1:{port} (address already in use)" in line
    assert "--port" in line
    assert not list(home.iterdir())


def test_a_home_has_one_ui(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__HUBSPOT__ACCESS_TOKEN", "a-token")
    before = signal.getsignal(signal.SIGTERM)
    with held(home / "locks" / "ui.lock", "http://127.0.0.1:3999"):
        result = CliRunner().invoke(app, ["ui", "--port", str(free_port())])
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert f"the UI of {home} is already open: http://127.0.0.1:3999" in line
    assert signal.getsignal(signal.SIGTERM) is before


def test_explain_without_a_published_file_says_what_to_do(home: Path) -> None:
    result = CliRunner().invoke(app, ["explain"])
    assert result.exit_code == 1
    assert "adledger refresh" in result.output
