"""`adledger ui`: Dagster's UI, its schedule and alerts."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from adledger.common import Host, fail


def ui(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 3000,
    host: Host = "127.0.0.1",
    demonstration: Annotated[
        bool, typer.Option("--demo", help="With the demonstration's company even if accounts are set up.")
    ] = False,
) -> None:
    """Open Dagster's UI in a browser: lineage, checks, runs, backfills; runs its schedule and alerts, too.

    Ctrl-C closes it, and ends the runs in progress that were started there or by the schedule.
    """
    from adledger.servers.processes import Address, ServerFailed, Stopped
    from adledger.servers.sandbox import SandboxFailed
    from adledger.servers.ui import open_ui
    from ingestion.config import home
    from ingestion.errors import SettingError
    from orchestration.execution import locking

    try:
        open_ui(Address(host, port), Console(), demonstration=demonstration)
    except (ServerFailed, SandboxFailed, SettingError) as error:
        fail([str(error)])
    except locking.Locked as busy:
        fail([f"the UI of {home()} is open already: {busy.holder}"])
    except Stopped as stopped:
        raise typer.Exit(128 + stopped.number) from stopped
