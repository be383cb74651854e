"""`adledger demo`: the whole pipeline on a simulated company."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from adledger.common import fail, holder, refresh_in_progress, run_refresh, show_explanation

#: The simulated company's: clean to hostile, and plain with one account a network.
PROFILES = ("clean", "typical", "messy", "hostile", "plain")


def demo(
    profile: Annotated[
        str, typer.Option(metavar="PROFILE", help=f"How tidy its world is: {', '.join(PROFILES)}.")
    ] = "typical",
    people: Annotated[int | None, typer.Option(min=1, help="People of the simulated company.")] = None,
    seed: Annotated[int | None, typer.Option(help="Another seed, another company.")] = None,
    no_events: Annotated[
        bool, typer.Option("--no-events", help="A portal tier without page-view events, and what that costs.")
    ] = False,
) -> None:
    """Run the whole pipeline on a simulated company, without any account, and explain its bridge."""
    from adledger.servers.sandbox import SandboxFailed, forget_landed, note_options, sandbox, use
    from adledger.servers.sandbox import place as demonstrations
    from orchestration.execution import locking

    if profile not in PROFILES:
        raise typer.BadParameter(f"{profile} is none of {', '.join(PROFILES)}", param_hint="--profile")
    # so that the sandbox is stopped on a plain kill, too
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    console, began = Console(), time.monotonic()
    place = demonstrations()
    asked = (("profile", profile), ("people", people), ("seed", seed))
    options = [f"--{name}={value}" for name, value in asked if value is not None]
    if no_events:
        options.append("--no-events")
    console.print("Starting a simulated company on loopback HTTP")
    try:
        with sandbox(options, place / "logs" / "sandbox.log") as company:
            use(company, place)
            from orchestration.execution.refresh import Plan

            with locking.exclusive(holder("adledger demo")):
                forget_landed(place)
                note_options(place, options)
                run_refresh(Plan(company.now), console)
    except SandboxFailed as error:
        fail([str(error)])
    except locking.Locked as busy:
        fail([f"{refresh_in_progress(busy, place)}; wait for it"])
    console.print()
    show_explanation(place / "serving.duckdb", console)
    if no_events:
        from reporting.explain.reading import cost_without_events

        console.print(cost_without_events(place / "serving.duckdb"))
    console.print(f"[dim]Everything above took {time.monotonic() - began:.0f} s. What to open next:[/dim]")
    shown, programs = _from_here(place), _from_here(Path(sys.executable).parent)
    for what, command in (
        (
            "the bridge again, by network or days",
            f"ADLEDGER_HOME={shown} {programs}/adledger explain --network google_ads",
        ),
        (
            "a page of it to mail",
            f"ADLEDGER_HOME={shown} {programs}/adledger explain --html bridge.html",
        ),
        (
            "the dashboard, in a browser",
            f"{programs}/adledger dashboard --demo",
        ),
        (
            "the published tables, from any tool that speaks DuckDB",
            f"{shown}/serving.duckdb  (FROM reconciliation.conversion_bridge)",
        ),
        (
            "lineage, checks and runs in a browser",
            f"{programs}/adledger ui --demo",
        ),
    ):
        console.print(f"  {what}\n    [bold]{escape(command)}[/bold]", highlight=False, soft_wrap=True)


def _from_here(path: Path) -> Path:
    """The path as a user would type it in this folder."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
