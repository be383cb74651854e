"""`adledger dashboard`: opens the published figures in a browser."""

from __future__ import annotations

from typing import Annotated

import typer

from adledger.common import Host, fail
from reporting.text import SafeConsole


def dashboard(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8501,
    host: Host = "127.0.0.1",
    demonstration: Annotated[
        bool, typer.Option("--demo", help="Show the simulated company that adledger demo published.")
    ] = False,
) -> None:
    """Open the dashboard in a browser: the differences, their reasons and what to fix. Ctrl-C closes it."""
    from adledger.servers.dashboard import open_dashboard
    from adledger.servers.processes import Address, ServerFailed
    from adledger.servers.sandbox import demo_home
    from ingestion.config import home
    from ingestion.errors import SettingError

    folder = demo_home() if demonstration else home()
    if not (folder / "serving.duckdb").exists():
        command = "demo" if demonstration else "refresh"
        fail([f"nothing is published in {folder} yet: run adledger {command}"])
    try:
        open_dashboard(Address(host, port), folder, SafeConsole())
    except (ServerFailed, SettingError) as error:
        fail([str(error)])
