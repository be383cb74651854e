"""The demonstration's simulated company: a sandbox on loopback HTTP, started and stopped here."""

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
from orchestration.execution import clock

#: How tidy the company is where nobody says.
USUAL_PROFILE = "typical"
_OPTIONS = "sandbox.json"
_STOP_SECONDS = 10


class SandboxFailed(Exception):
    """The sandbox ended before it served."""


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox. `now` is the instant its company's history ends; `env` points every source at it."""

    url: str
    now: datetime
    env: dict[str, str]
    process: subprocess.Popen[bytes]


@contextmanager
def sandbox(options: Sequence[str], log: Path) -> Iterator[Sandbox]:
    """A sandbox on a free loopback port, stopped in the end whatever happens. Raises SandboxFailed."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "sandbox.serve", "--port", "0", *options],
            stdout=subprocess.PIPE,
            stderr=errors,
            stdin=subprocess.DEVNULL,
            # Ctrl-C in the terminal ends what reads from it first
            start_new_session=True,
        )
    try:
        line = process.stdout.readline() if process.stdout else b""
        if not line:
            raise SandboxFailed(f"the sandbox did not start: see {log}")
        said = json.loads(line)
        yield Sandbox(said["url"], datetime.fromisoformat(said["now"]), said["env"], process)
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def use(found: Sandbox, home: Path) -> None:
    """Points this process at the sandbox, its clock and `home`, away from the user's own settings."""
    for name in [
        name for name in os.environ if name.startswith(("SOURCES__", "EXPORTS__", "ALERTS__", "INSTANCE__"))
    ]:
        del os.environ[name]
    os.environ.update(found.env)
    os.environ[clock.VARIABLE] = found.now.isoformat()
    os.environ["ADLEDGER_HOME"] = str(home)
    # dlt reads .dlt/ of this folder: the user's secrets are none of the sandbox's business
    os.environ["DLT_PROJECT_DIR"] = str(home)


def place() -> Path:
    """The demonstration's home, beside what the user's own accounts landed."""
    return config.home() / "demo"


def options_of(place: Path) -> list[str]:
    """The sandbox's options for the company that `place` was filled from last, else the usual one's."""
    noted = place / _OPTIONS
    return json.loads(noted.read_text()) if noted.exists() else [f"--profile={USUAL_PROFILE}"]


def note_options(place: Path, options: Sequence[str]) -> None:
    """Remembers whose company `place` is filled from."""
    (place / _OPTIONS).write_text(json.dumps(list(options)))


def forget_landed(home: Path) -> None:
    """Removes what an earlier demonstration landed, which another seed's company would be mixed into.

    The published file stays until the next one replaces it.
    """
    for folder in ("raw", "dlt"):
        shutil.rmtree(home / folder, ignore_errors=True)
    for file in home.glob("warehouse.duckdb*"):
        file.unlink()
