"""`adledger dashboard`: the published figures in a browser."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from adledger.common import Host, fail


def dashboard(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8501,
    host: Host = "127.0.0.1",
    demonstration: Annotated[
        bool, typer.Option("--demo", help="Of the demonstration's company, as adledger demo published it.")
    ] = False,
) -> None:
    """Open the published figures in a browser: what differs, why, what to fix. Ctrl-C closes it."""
    from adledger.servers import sandbox as demonstrated
    from adledger.servers.dashboard import open_dashboard
    from adledger.servers.processes import Address, ServerFailed
    from ingestion.config import home

    place = demonstrated.place() if demonstration else home()
    if not (place / "serving.duckdb").exists():
        command = "demo" if demonstration else "refresh"
        fail([f"nothing is published in {place} yet: run adledger {command}"])
    try:
        open_dashboard(Address(host, port), place, Console())
    except ServerFailed as error:
        fail([str(error)])
