"""`adledger ui`: opens Dagster's UI and runs its schedule and alerts."""

from __future__ import annotations

from typing import Annotated

import typer

from adledger.common import Host, fail
from reporting.text import SafeConsole


def ui(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 3000,
    host: Host = "127.0.0.1",
    demonstration: Annotated[
        bool, typer.Option("--demo", help="Use the simulated company even if accounts are set up.")
    ] = False,
) -> None:
    """Open Dagster's UI in a browser: lineage, checks, runs and backfills. Also runs its schedule and alerts.

    Ctrl-C closes it and ends the runs in progress that the UI or the schedule started.
    """
    from adledger.servers.processes import Address, ServerFailed, Stopped
    from adledger.servers.sandbox import SandboxFailed
    from adledger.servers.ui import open_ui
    from ingestion.config import home
    from ingestion.errors import SettingError
    from orchestration.execution import locking

    try:
        open_ui(Address(host, port), SafeConsole(), demonstration=demonstration)
    except (ServerFailed, SandboxFailed, SettingError) as error:
        fail([str(error)])
    except locking.Locked as busy:
        fail([f"the UI of {home()} is already open: {busy.holder}"])
    except Stopped as stopped:
        raise typer.Exit(128 + stopped.number) from stopped
