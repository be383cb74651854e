"""What users install: the wheel in an empty folder, and the container's steps in a root of their own."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from tests.opened import free_port
from tests.warehouse import without_sources

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")
PEOPLE = "60"


@dataclass(frozen=True)
class Installed:
    """An installed command, and the empty folder it is called in."""

    command: Path
    folder: Path

    def environment(self) -> dict[str, str]:
        return {
            name: value
            for name, value in without_sources(dict(os.environ)).items()
            if name not in ("PYTHONPATH", "ADLEDGER_HOME", "VIRTUAL_ENV")
        }

    def run(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.command, *arguments],
            cwd=self.folder,
            env=self.environment() | settings,
            capture_output=True,
            text=True,
            check=False,
        )

    def open(self, *arguments: str) -> str:
        """The line that says where a server is; ended with Ctrl-C, which must succeed."""
        process: subprocess.Popen[Any] = subprocess.Popen(
            [self.command, *arguments],
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout
        lines: list[str] = []
        try:
            while not lines or "http://127.0.0.1:" not in lines[-1]:
                line = process.stdout.readline()
                assert line, lines
                lines.append(line)
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=90)
        assert process.returncode in (0, 130)
        return lines[-1]


@pytest.fixture(scope="module")
def from_wheel(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    place = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(place)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = place.glob("*.whl")
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, place / "venv"], check=True)
    python = place / "venv" / "bin" / "python"
    install = [UV, "pip", "install", "--quiet", "--python", python]
    subprocess.run([*install, "--constraint", ROOT / "requirements.lock", wheel], check=True)
    (place / "empty").mkdir()
    return Installed(python.with_name("adledger"), place / "empty")


@pytest.fixture(scope="module")
def demonstrated(from_wheel: Installed) -> Installed:
    done = from_wheel.run("demo", "--people", PEOPLE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Contacts credited to ads" in done.stdout
    return from_wheel


def test_the_wheel_knows_its_version(from_wheel: Installed) -> None:
    assert from_wheel.run("--version").stdout == f"adledger {version('adledger')}\n"


def test_the_wheels_demonstration_writes_to_the_folder_it_is_called_in(demonstrated: Installed) -> None:
    assert [path.name for path in demonstrated.folder.iterdir()] == [".adledger"]
    assert (demonstrated.folder / ".adledger" / "demo" / "serving.duckdb").exists()
    package = demonstrated.command.parents[1]
    assert list(package.rglob("dbt_project/target")) == []
    assert list(package.rglob("dbt_project/logs")) == []


def test_the_wheel_opens_the_dashboard_and_the_ui(demonstrated: Installed) -> None:
    port = str(free_port())
    assert f"127.0.0.1:{port}" in demonstrated.open("dashboard", "--demo", "--port", port)
    port = str(free_port())
    assert f"127.0.0.1:{port}" in demonstrated.open("ui", "--demo", "--port", port)


def test_postgresql_is_an_extra_and_its_absence_is_said(from_wheel: Installed) -> None:
    address = "postgresql://127.0.0.1:5432/adledger?user=adledger"
    done = from_wheel.run("refresh", INSTANCE__POSTGRES_URL=address)
    assert done.returncode == 1
    assert "pip install 'adledger[postgres]'" in done.stderr


@pytest.fixture(scope="module")
def from_recipe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """The container's steps without an engine: only what it copies, set up as it says, then its command."""
    recipe = (ROOT / "deploy" / "Containerfile").read_text()
    place = tmp_path_factory.mktemp("image")
    for line in re.findall(r"^COPY (.+)$", recipe, re.M):
        *sources, target = shlex.split(line)
        for source in sources:
            origin, into = ROOT / source, place / target
            if origin.is_dir():
                ignored = shutil.ignore_patterns("__pycache__", "target", "logs")
                shutil.copytree(origin, into, ignore=ignored)
            else:
                shutil.copy(origin, into)
    (setup,) = re.findall(r"^RUN (make .+)$", recipe, re.M)
    subprocess.run(shlex.split(setup), cwd=place, check=True, capture_output=True)
    data = tmp_path_factory.mktemp("data")
    yield Installed(place / ".venv" / "bin" / "adledger", data)
    shutil.rmtree(place)


def test_the_containers_steps_make_what_runs_every_command(from_recipe: Installed) -> None:
    assert from_recipe.run("--version").returncode == 0
    # what each command imports is there
    for command in ("refresh", "explain", "dashboard", "ui", "doctor", "demo"):
        assert from_recipe.run(command, "--help").returncode == 0
    modules = "import orchestration.definitions, reporting.dashboard.queries, reporting.explain.query"
    done = subprocess.run(
        [from_recipe.command.with_name("python"), "-c", modules],
        cwd=from_recipe.folder,
        env=from_recipe.environment() | {"ADLEDGER_HOME": str(from_recipe.folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
