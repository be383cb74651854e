"""Starts and stops the dashboard for one home folder."""

from __future__ import annotations

import time
from pathlib import Path

import urllib3
from rich.console import Console

from adledger.servers import guard
from adledger.servers.hosts import check_guard, further_hosts
from adledger.servers.processes import (
    POLL_SECONDS,
    Address,
    Part,
    Signals,
    check,
    end,
    environment_without_settings,
    start,
)

_FOLDER = Path(__file__).resolve().parents[2] / "reporting" / "dashboard"
_SERVER = Path(__file__).with_name("guarded_dashboard.py")
_END_SECONDS = 10


def open_dashboard(address: Address, home: Path, console: Console) -> None:
    """Serves the dashboard until a signal arrives.

    Raises ServerFailed if it does not start or crashes, and SettingError for `web.hosts`.
    """
    address.check("--port")
    log = home / "logs" / "dashboard.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = {
        **environment_without_settings(),
        **guard.environment(address.host, further_hosts()),
        "ADLEDGER_HOME": str(home),
    }
    command = [
        *("streamlit", "run", str(_SERVER)),
        *("--server.address", address.host, "--server.port", str(address.port)),
        *("--server.headless", "true", "--server.fileWatcherType", "none"),
        *("--browser.gatherUsageStats", "false", "--browser.serverAddress", address.host),
    ]
    with Signals() as signals, log.open("wb") as output:
        # Streamlit reads its theme from .streamlit/ in this folder
        process = start(command, output.fileno(), cwd=_FOLDER, env=environment)
        part = Part("the dashboard", process, log)
        try:
            while signals.number is None and not _is_up(address):
                check([part])
                time.sleep(POLL_SECONDS)
            if signals.number is None:
                check_guard(address)
            if not address.is_private:
                console.print(
                    f"There is no login: anyone who can reach {address.host}:{address.port} sees all figures"
                    " and contacts",
                    soft_wrap=True,
                )
            if signals.number is None:
                console.print(
                    f"The dashboard is running at {address.url}. Press Ctrl-C to stop it. Log: {log}",
                    soft_wrap=True,
                )
            while signals.number is None:
                check([part])
                time.sleep(POLL_SECONDS)
        finally:
            end([process], _END_SECONDS)


def _is_up(address: Address) -> bool:
    try:
        return urllib3.request("GET", f"{address.url}/_stcore/health", retries=False, timeout=5).status == 200
    except urllib3.exceptions.HTTPError:
        return False
