"""`make superset`, in Superset's own environment: makes it ready on a published file, serves it, ends it."""

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
    reading_environment,
    start,
)

_HERE = Path(__file__).resolve().parent
ADMIN, PASSWORD = "admin", "SUPERSET_ADMIN_PASSWORD"
_DASHBOARD = "/superset/dashboard/why-the-numbers-differ/"
_END_SECONDS = 10
_THREADS = 8


def serve(address: Address, home: Path, console: Console) -> None:
    """Serves the dashboard until a signal ends it. Raises ServerFailed; Stopped, if that comes too early."""
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
    environment = reading_environment() | {
        "SUPERSET_CONFIG_PATH": str(_HERE / "superset_config.py"),
        "SUPERSET_SECRET_KEY": _secret_key(folder / "secret_key"),
    }
    with Signals() as signals, log.open("wb") as output:
        password = _prepare(serving, folder, environment, signals, console, log, output.fileno())
        command = [
            *("gunicorn", "--bind", f"{address.host}:{address.port}", "--workers", "1", "--timeout", "120"),
            *("--worker-class", "gthread", "--threads", str(_THREADS), "superset.app:create_app()"),
        ]
        process = start(command, output.fileno(), env=environment | {"SUPERSET_HOME": str(folder)})
        part = Part("Superset", process, log)
        try:
            while not _answers(address):
                signals.check()
                check([part])
                time.sleep(POLL_SECONDS)
            if password is not None:
                console.print(f"Log in as {ADMIN} with the password {password}: it is not shown again")
            console.print(f"Superset is at {address.url}{_DASHBOARD} until Ctrl-C; it logs to {log}")
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
    """Brings Superset's own database up to date; the first time beside, so that one that is there is whole.

    Returns the administrator's password, where it was made up.
    """
    made, given = folder / "superset.db", environment.get(PASSWORD)
    generated = secrets.token_urlsafe(12) if not made.exists() and not given else None
    place = folder if made.exists() else folder / "next"
    if place != folder:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(mode=0o700)
    password = given or generated
    process = start(
        ["adledger.servers.superset.prepare", str(serving)],
        output,
        cwd=_HERE.parents[2],
        env={**environment, "SUPERSET_HOME": str(place), **({PASSWORD: password} if password else {})},
    )
    try:
        with console.status("Making Superset ready"):
            while process.poll() is None:
                signals.check()
                time.sleep(POLL_SECONDS)
    finally:
        end([process], _END_SECONDS)
    if process.returncode:
        raise ServerFailed(f"Superset could not be made ready: see {log}")
    if place != folder:
        os.replace(place / made.name, made)
        shutil.rmtree(place)
    return generated


def _secret_key(file: Path) -> str:
    """The key that signs sessions, made once and readable by its owner alone."""
    if not file.exists():
        beside = file.with_suffix(".next")
        beside.unlink(missing_ok=True)
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as written:
            written.write(secrets.token_urlsafe(42))
        os.replace(beside, file)
    return file.read_text()


def _answers(address: Address) -> bool:
    try:
        with urlopen(f"{address.url}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except (OSError, HTTPException):
        return False


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="where serving.duckdb is published")
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
