"""Starts the dashboard on what a home has published, and ends it."""

from __future__ import annotations

import time
from pathlib import Path

import urllib3
from rich.console import Console

from adledger.servers.processes import (
    POLL_SECONDS,
    Address,
    Part,
    Signals,
    check,
    end,
    reading_environment,
    start,
)

_FOLDER = Path(__file__).resolve().parents[2] / "reporting" / "dashboard"
_END_SECONDS = 10


def open_dashboard(address: Address, home: Path, console: Console) -> None:
    """Serves the pages until a signal ends it. Raises ServerFailed where it does not start or ends alone."""
    address.check("--port")
    log = home / "logs" / "dashboard.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = reading_environment() | {"ADLEDGER_HOME": str(home)}
    command = [
        *("streamlit", "run", str(_FOLDER / "app.py")),
        *("--server.address", address.host, "--server.port", str(address.port)),
        *("--server.headless", "true", "--server.fileWatcherType", "none"),
        *("--browser.gatherUsageStats", "false", "--browser.serverAddress", address.host),
    ]
    with Signals() as signals, log.open("wb") as output:
        # .streamlit/ of this folder holds the settings of its looks
        process = start(command, output.fileno(), cwd=_FOLDER, env=environment)
        part = Part("the dashboard", process, log)
        try:
            while signals.number is None and not _answers(address):
                check([part])
                time.sleep(POLL_SECONDS)
            if not address.is_private:
                console.print(
                    f"Whoever reaches {address.host}:{address.port} sees every figure and contact:"
                    " it has no login",
                    soft_wrap=True,
                )
            if signals.number is None:
                console.print(
                    f"The dashboard is at {address.url} until Ctrl-C; it logs to {log}", soft_wrap=True
                )
            while signals.number is None:
                check([part])
                time.sleep(POLL_SECONDS)
        finally:
            end([process], _END_SECONDS)


def _answers(address: Address) -> bool:
    try:
        return urllib3.request("GET", f"{address.url}/_stcore/health", retries=False, timeout=5).status == 200
    except urllib3.exceptions.HTTPError:
        return False
