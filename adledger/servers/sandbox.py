"""Starts and stops the sandbox, which simulates a company's ad networks and HubSpot on loopback HTTP."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ingestion import config
from orchestration.execution import clock, parent

#: Profile of the simulated company if none is given.
DEFAULT_PROFILE = "typical"
_OPTIONS_FILE = "sandbox.json"
_STOP_SECONDS = 10


class SandboxFailed(Exception):
    """The sandbox ended before it was ready."""


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox. `now` is the end of the simulated history; `env` points every source at it."""

    url: str
    now: datetime
    env: dict[str, str]
    process: subprocess.Popen[bytes]


@contextmanager
def sandbox(options: Sequence[str], log: Path) -> Iterator[Sandbox]:
    """Runs a sandbox on a free loopback port and always stops it. Raises SandboxFailed."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, parent.__file__, "sandbox.serve", "--port", "0", *options],
            env=parent.tied(os.environ),
            stdout=subprocess.PIPE,
            stderr=errors,
            stdin=subprocess.DEVNULL,
            # on Ctrl-C its clients must end before it
            start_new_session=True,
        )
    try:
        line = process.stdout.readline() if process.stdout else b""
        if not line:
            raise SandboxFailed(f"the sandbox did not start: see {log}")
        facts = json.loads(line)
        yield Sandbox(facts["url"], datetime.fromisoformat(facts["now"]), facts["env"], process)
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def use_sandbox(running: Sandbox, home: Path) -> None:
    """Points this process at the sandbox, its clock and `home`, and removes the user's own settings."""
    for name in [
        name for name in os.environ if name.startswith(("SOURCES__", "EXPORTS__", "ALERTS__", "INSTANCE__"))
    ]:
        del os.environ[name]
    os.environ.update(running.env)
    os.environ[clock.VARIABLE] = running.now.isoformat()
    os.environ["ADLEDGER_HOME"] = str(home)
    # dlt reads .dlt/ in this folder: keep the user's secrets away from the sandbox
    os.environ["DLT_PROJECT_DIR"] = str(home)


def demo_home() -> Path:
    """Home folder of the demonstration, inside the user's own home folder."""
    return config.home() / "demo"


def read_options(home: Path) -> list[str]:
    """Sandbox options that `home` was last loaded with, else the default profile."""
    file = home / _OPTIONS_FILE
    return json.loads(file.read_text()) if file.exists() else [f"--profile={DEFAULT_PROFILE}"]


def write_options(home: Path, options: Sequence[str]) -> None:
    """Saves the sandbox options that `home` is loaded with."""
    (home / _OPTIONS_FILE).write_text(json.dumps(list(options)))


def delete_landed_data(home: Path) -> None:
    """Deletes the data of earlier demonstrations, so that two simulated companies are never mixed.

    The published file stays until the next refresh replaces it.
    """
    for folder in ("raw", "dlt"):
        shutil.rmtree(home / folder, ignore_errors=True)
    for file in home.glob("warehouse.duckdb*"):
        file.unlink()
