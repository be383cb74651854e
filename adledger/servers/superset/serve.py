"""`make superset`: sets up Superset for a published file, serves it and stops it."""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import sys
import time
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from urllib.request import urlopen

from rich.console import Console

from adledger.servers.processes import (
    LOOPBACK,
    POLL_SECONDS,
    Address,
    Part,
    ServerFailed,
    Signals,
    Stopped,
    check,
    end,
    environment_without_settings,
    start,
)
from adledger.servers.superset.access import SHORTEST_SECRET

_HERE = Path(__file__).resolve().parent
_PROJECT = _HERE.parents[2]
ADMIN, PASSWORD = "admin", "SUPERSET_ADMIN_PASSWORD"
_DASHBOARD = "/superset/dashboard/why-the-numbers-differ/"
_END_SECONDS = 10
_THREADS = 8


def serve(address: Address, home: Path, console: Console) -> None:
    """Serves the dashboard until a signal arrives. Raises ServerFailed, or Stopped during the setup."""
    serving, folder = home / "serving.duckdb", home / "superset"
    if not serving.exists():
        raise ServerFailed(
            f"nothing is published in {home}: run adledger refresh, or adledger demo and"
            f" ADLEDGER_HOME={home / 'demo'} make superset"
        )
    address.check("PORT=")
    (home / "logs").mkdir(exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    log = home / "logs" / "superset.log"
    environment = environment_without_settings() | {
        "SUPERSET_CONFIG_PATH": str(_HERE / "superset_config.py"),
        "SUPERSET_SECRET_KEY": _secret_key(folder / "secret_key"),
    }
    with Signals() as signals, log.open("wb") as output:
        password = _prepare(serving, folder, environment, signals, console, log, output.fileno())
        command = [
            *("gunicorn", "--bind", f"{address.host}:{address.port}", "--workers", "1", "--timeout", "120"),
            *("--worker-class", "gthread", "--threads", str(_THREADS), "superset.app:create_app()"),
        ]
        process = start(
            command, output.fileno(), cwd=_PROJECT, env=environment | {"SUPERSET_HOME": str(folder)}
        )
        part = Part("Superset", process, log)
        try:
            while not _is_up(address):
                signals.check()
                check([part])
                time.sleep(POLL_SECONDS)
            if password is not None:
                console.print(f"Log in as {ADMIN} with the password {password}. It is not shown again.")
            console.print(
                f"Superset is running at {address.url}{_DASHBOARD}. Press Ctrl-C to stop it. Log: {log}"
            )
            while signals.number is None:
                check([part])
                time.sleep(POLL_SECONDS)
        finally:
            end([process], _END_SECONDS)


def _prepare(
    serving: Path,
    folder: Path,
    environment: Mapping[str, str],
    signals: Signals,
    console: Console,
    log: Path,
    output: int,
) -> str | None:
    """Creates or updates Superset's own database.

    A new database is built in a temporary folder first, so that a half-built one is never used. Returns the
    administrator's password if it was generated.
    """
    database, given = folder / "superset.db", environment.get(PASSWORD)
    generated = secrets.token_urlsafe(12) if not database.exists() and not given else None
    build = folder if database.exists() else folder / "next"
    if build != folder:
        shutil.rmtree(build, ignore_errors=True)
        build.mkdir(mode=0o700)
    password = given or generated
    process = start(
        ["adledger.servers.superset.prepare", str(serving)],
        output,
        cwd=_PROJECT,
        env={**environment, "SUPERSET_HOME": str(build), **({PASSWORD: password} if password else {})},
    )
    try:
        with console.status("Setting up Superset"):
            while process.poll() is None:
                signals.check()
                time.sleep(POLL_SECONDS)
    finally:
        end([process], _END_SECONDS)
    if process.returncode:
        raise ServerFailed(f"Superset could not be set up: see {log}")
    if build != folder:
        os.replace(build / database.name, database)
        shutil.rmtree(build)
    return generated


def _secret_key(file: Path) -> str:
    """Returns the key that signs login sessions; created once, readable only by its owner."""
    # a file that a full disk or a copy left empty is replaced
    if not file.exists() or len(file.read_text().strip()) < SHORTEST_SECRET:
        new = file.with_suffix(".next")
        new.unlink(missing_ok=True)
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as written:
            written.write(secrets.token_urlsafe(42))
        os.replace(new, file)
    file.chmod(0o600)
    return file.read_text()


def _is_up(address: Address) -> bool:
    try:
        with urlopen(f"{address.url}/health", timeout=5) as response:
            return bool(response.status == 200)
    except (OSError, HTTPException):
        return False


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="folder that contains serving.duckdb")
    parser.add_argument("--port", type=int, default=8088)
    options = parser.parse_args()
    console = Console(highlight=False, soft_wrap=True)
    try:
        serve(Address(LOOPBACK, options.port), options.home.resolve(), console)
    except ServerFailed as error:
        console.print(f"superset: {error}", markup=False)
        sys.exit(1)
    except Stopped as stopped:
        sys.exit(128 + stopped.number)


if __name__ == "__main__":
    main()
