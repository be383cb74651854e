"""Shared by all commands: failing, locking the home folder, running a refresh and showing a bridge."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from reporting.explain.options import InvalidOption
from reporting.text import SafeConsole

if TYPE_CHECKING:
    from orchestration.execution.locking import Locked
    from orchestration.execution.progress import Progress
    from orchestration.execution.refresh import Outcome, Plan
    from reporting.explain.query import Outputs
    from reporting.explain.scope import Scope

_END_SECONDS = 10.0

Start = Annotated[str | None, typer.Option(metavar="DAY", help="First day, like 2026-08-01.")]
End = Annotated[str | None, typer.Option(metavar="DAY", help="Last day, like 2026-10-31.")]
Host = Annotated[
    str,
    typer.Option(
        metavar="ADDRESS",
        help="Address to listen on. There is no login: put one in front of any address but localhost.",
    ),
]


def fail(lines: list[str]) -> NoReturn:
    """Print each line to standard error and exit with 1."""
    console = SafeConsole(stderr=True)
    for line in lines:
        console.print(
            f"[red]adledger:[/red] {escape(' '.join(line.splitlines()))}", highlight=False, soft_wrap=True
        )
    raise typer.Exit(1)


def lock_holder(command: str) -> str:
    """Text that a lock file holds about its holder: the command and its process id."""
    return f"{command}, process {os.getpid()}"


def refresh_in_progress(busy: Locked, home: Path) -> str:
    """Message that another refresh is running in `home`, with its holder if known."""
    return f"another refresh is running in {home}{f' ({busy.holder})' if busy.holder else ''}"


def check_source(option: str, name: str, *, vendor: bool = False) -> None:
    """Raises InvalidOption if `name` is not a source or, with `vendor`, not a vendor's source."""
    from ingestion.pipelines import SOURCES, VENDORS

    known = VENDORS if vendor else SOURCES
    if name not in known:
        raise InvalidOption(option, f"{name} is not one of {', '.join(known)}")


@contextmanager
def full_disk_in_one_line() -> Iterator[None]:
    """Prints one line and exits with 1 if the body fails because the disk is full."""
    from orchestration.execution.disk import full_disk

    try:
        yield
    except OSError as error:
        line = full_disk([error])
        if line is None:
            raise
        fail([line])


def _leave_within(seconds: float) -> None:
    """Ends this process after `seconds`: at the exit, Python waits for threads that wait for a broken run."""

    def leave() -> None:
        time.sleep(seconds)
        os._exit(1)

    threading.Thread(target=leave, daemon=True).start()


def run_refresh(plan: Plan, console: Console) -> None:
    """Run a refresh; exit with 1 if it does not publish. The caller holds the home's refresh lock."""
    from ingestion.config import home
    from ingestion.errors import SettingError
    from orchestration.execution.progress import Progress
    from orchestration.execution.refresh import log_path, run
    from orchestration.execution.repair import damages

    if found := damages(home()):
        fail([damage.line(home()) for damage in found])
    created: list[Progress] = []

    def make_progress(terminal: int) -> Progress:
        stream = open(terminal, "w", closefd=False)  # noqa: SIM115 - stays open as long as the descriptor
        created.append(
            Progress(SafeConsole(file=stream, force_terminal=console.is_terminal, width=console.width))
        )
        return created[0]

    console.print("Preparing")
    try:
        outcome: Outcome = run(plan, make_progress)
    except SettingError as error:
        fail([str(error)])
    if outcome.published:
        return
    if outcome.is_broken:
        _leave_within(_END_SECONDS)
    faults = outcome.faults or [f"the run ended before publishing: see {log_path()}"]
    fail([*faults, *_unpublished_notes(), f"details: {log_path()}"])


def _unpublished_notes() -> list[str]:
    from ingestion.config import home

    published = home() / "serving.duckdb"
    return [
        f"nothing was published: {published} is unchanged" if published.exists() else "nothing was published"
    ]


def show_explanation(
    serving: Path,
    console: Console,
    scope: Scope | None = None,
    outputs: Outputs | None = None,
    step: str | None = None,
    contact: str | None = None,
) -> None:
    """Print the bridge, the events of `step` or one contact's journey, or write them to `outputs`.

    Exits with 1 if nothing is published, if a file cannot be written, or if an older version published.
    """
    import duckdb

    from reporting.explain.query import Outdated, run_query
    from reporting.explain.scope import Scope

    if not serving.exists():
        fail([f"nothing is published in {serving.parent} yet: run adledger refresh"])
    try:
        found = run_query(serving, scope or Scope(), console, outputs, step=step, contact=contact)
    except Outdated as error:
        fail([str(error)])
    except duckdb.IOException as error:
        fail([f"{serving} cannot be read ({str(error).splitlines()[0]}): run adledger repair, then refresh"])
    except OSError as error:
        fail([f"cannot write {error.filename}: {error.strerror}"])
    if not found and outputs and outputs.files:
        fail(["no network has figures in this range: nothing was written"])
    if not found and not (outputs and outputs.json):
        console.print("No network has figures in this range.")
