"""What commands have in common: how they fail, hold the home, run a refresh and show a bridge."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from reporting.explain.options import InvalidOption

if TYPE_CHECKING:
    from orchestration.execution.locking import Locked
    from orchestration.execution.progress import Progress
    from orchestration.execution.refresh import Outcome, Plan
    from reporting.explain.answering import Forms
    from reporting.explain.scope import Scope

Start = Annotated[str | None, typer.Option(metavar="DAY", help="First day, like 2026-08-01.")]
End = Annotated[str | None, typer.Option(metavar="DAY", help="Last day, like 2026-10-31.")]
Host = Annotated[
    str,
    typer.Option(
        metavar="ADDRESS",
        help="Address to listen on; any but this machine's own needs a login before it.",
    ),
]


def fail(lines: list[str]) -> NoReturn:
    """Print each line to standard error and exit with 1."""
    console = Console(stderr=True)
    for line in lines:
        console.print(f"[red]adledger:[/red] {escape(line)}", highlight=False, soft_wrap=True)
    raise typer.Exit(1)


def holder(command: str) -> str:
    """What a lock says of its holder: the command and its process."""
    return f"{command}, process {os.getpid()}"


def refresh_in_progress(busy: Locked, place: Path) -> str:
    """Who refreshes the home `place` at the moment."""
    return f"another refresh is running in {place}{f' ({busy.holder})' if busy.holder else ''}"


def check_source(option: str, name: str, *, vendor: bool = False) -> None:
    """Raises InvalidOption where `name` is no source, or, with `vendor`, none of a vendor."""
    from ingestion.pipelines import SOURCES, VENDORS

    known = VENDORS if vendor else SOURCES
    if name not in known:
        raise InvalidOption(option, f"{name} is none of {', '.join(known)}")


def run_refresh(plan: Plan, console: Console) -> None:
    """Run a refresh to its end; exits with 1 where it does not publish. The caller holds the home's lock."""
    from ingestion.errors import SettingError
    from orchestration.execution.progress import Progress
    from orchestration.execution.refresh import log_path, run

    shown: list[Progress] = []

    def make_progress(terminal: int) -> Progress:
        stream = open(terminal, "w", closefd=False)  # noqa: SIM115 - lives as long as the descriptor
        shown.append(Progress(Console(file=stream, force_terminal=console.is_terminal, width=console.width)))
        return shown[0]

    console.print("Preparing")
    try:
        outcome: Outcome = run(plan, make_progress)
    except SettingError as error:
        fail([str(error)])
    if outcome.published:
        return
    faults = outcome.faults or [f"the run ended before it published: see {log_path()}"]
    fail([*faults, *_untouched(), f"details: {log_path()}"])


def _untouched() -> list[str]:
    from ingestion.config import home

    published = home() / "serving.duckdb"
    return [
        f"nothing was published: {published} is as it was" if published.exists() else "nothing was published"
    ]


def show_explanation(
    serving: Path,
    console: Console,
    scope: Scope | None = None,
    forms: Forms | None = None,
    step: str | None = None,
    contact: str | None = None,
) -> None:
    """Print the bridge, the events behind `step` or one contact's journey, or write it into `forms`.

    Exits with 1 where nothing is published, a file cannot be written or an older version published.
    """
    from reporting.explain.answering import Outdated, answer
    from reporting.explain.scope import Scope

    if not serving.exists():
        fail([f"nothing is published in {serving.parent} yet: run adledger refresh"])
    try:
        found = answer(serving, scope or Scope(), console, forms, step=step, contact=contact)
    except Outdated as error:
        fail([str(error)])
    except OSError as error:
        fail([f"cannot write {error.filename}: {error.strerror}"])
    if not found and forms and forms.files:
        fail(["no network has figures in this range: nothing was written"])
    if not found and not (forms and forms.json):
        console.print("No network has figures in this range.")
