"""`adledger demo`: runs the whole pipeline on a simulated company."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from adledger.common import (
    fail,
    full_disk_in_one_line,
    lock_holder,
    refresh_in_progress,
    run_refresh,
    show_explanation,
)
from reporting.text import SafeConsole

#: How clean the simulated data is, from clean to hostile; plain has one account per network.
PROFILES = ("clean", "typical", "messy", "hostile", "plain")


def demo(
    profile: Annotated[
        str, typer.Option(metavar="PROFILE", help=f"How clean the simulated data is: {', '.join(PROFILES)}.")
    ] = "typical",
    people: Annotated[int | None, typer.Option(min=1, help="Number of simulated people.")] = None,
    seed: Annotated[int | None, typer.Option(help="Random seed of the simulated company.")] = None,
    no_events: Annotated[
        bool,
        typer.Option(
            "--no-events", help="Simulate a HubSpot portal without page-view events and report what is lost."
        ),
    ] = False,
) -> None:
    """Run the whole pipeline on a simulated company and print its bridge. Needs no account."""
    from adledger.servers.sandbox import (
        SandboxFailed,
        delete_landed_data,
        demo_home,
        sandbox,
        use_sandbox,
        write_options,
    )
    from orchestration.execution import locking

    if profile not in PROFILES:
        raise typer.BadParameter(f"{profile} is not one of {', '.join(PROFILES)}", param_hint="--profile")
    # a plain kill must stop the sandbox too
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    console, began = SafeConsole(), time.monotonic()
    home = demo_home()
    given = (("profile", profile), ("people", people), ("seed", seed))
    options = [f"--{name}={value}" for name, value in given if value is not None]
    if no_events:
        options.append("--no-events")
    console.print("Starting a simulated company on loopback HTTP")
    try:
        with full_disk_in_one_line(), sandbox(options, home / "logs" / "sandbox.log") as company:
            use_sandbox(company, home)
            from orchestration.execution.refresh import Plan

            with locking.exclusive(lock_holder("adledger demo")):
                delete_landed_data(home)
                write_options(home, options)
                run_refresh(Plan(company.now), console)
    except SandboxFailed as error:
        fail([str(error)])
    except locking.Locked as busy:
        fail([f"{refresh_in_progress(busy, home)}; wait until it ends"])
    console.print()
    show_explanation(home / "serving.duckdb", console)
    if no_events:
        from reporting.explain.bridge import cost_without_events

        console.print(cost_without_events(home / "serving.duckdb"))
    console.print(f"[dim]The demo took {time.monotonic() - began:.0f} s. Next steps:[/dim]")
    shown, programs = _relative(home), _relative(Path(sys.executable).parent)
    for title, command in (
        (
            "Show the bridge again, for one network",
            f"ADLEDGER_HOME={shown} {programs}/adledger explain --network google_ads",
        ),
        (
            "Write the bridge as a standalone HTML report",
            f"ADLEDGER_HOME={shown} {programs}/adledger explain --html bridge.html",
        ),
        (
            "Open the dashboard in a browser",
            f"{programs}/adledger dashboard --demo",
        ),
        (
            "Query the published tables with any DuckDB client",
            f"{shown}/serving.duckdb  (FROM reconciliation.conversion_bridge)",
        ),
        (
            "Open lineage, checks and runs in a browser",
            f"{programs}/adledger ui --demo",
        ),
    ):
        console.print(f"  {title}\n    [bold]{escape(command)}[/bold]", highlight=False, soft_wrap=True)


def _relative(path: Path) -> Path:
    """Path relative to the working directory, or unchanged if it lies elsewhere."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
