"""`adledger refresh` and `adledger backfill`: load, build, check, publish."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from adledger.common import (
    End,
    Start,
    check_source,
    fail,
    full_disk_in_one_line,
    lock_holder,
    refresh_in_progress,
    run_refresh,
)
from adledger.options import check_range, parse_day, parse_instant
from orchestration.execution import clock
from reporting.explain.options import InvalidOption
from reporting.text import SafeConsole

if TYPE_CHECKING:
    from ingestion.landing.planning import Reread


def refresh(
    start: Start = None,
    end: End = None,
    as_of: Annotated[
        str | None,
        typer.Option(metavar="INSTANT", help="Time to treat as now, like 2026-11-01T06:00:00Z."),
    ] = None,
    allow_stale: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SOURCE",
            help="Publish with this source's last loaded data if it cannot be read; can be repeated.",
        ),
    ] = None,
    exports: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Read the downloaded reports in this folder instead of the APIs of their vendors.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
) -> None:
    """Load every source, build and validate the warehouse, publish serving.duckdb.

    Without a range, the refresh reads from the last loaded day minus the networks' restatement windows (first
    time: 90 days) up to as-of, and skips days that are final. With a range, it reads each day of the range.
    """
    instant, first, last = _range(start, end, as_of, allow_stale or ())
    if exports is not None:
        _use_files(exports, SafeConsole())
    _refresh_exclusively(instant, first, last, "all" if first or last else "unsettled", allow_stale or ())


def backfill(
    start: Annotated[str, typer.Option(metavar="DAY", help="First day, like 2024-01-01.")],
    end: End = None,
) -> None:
    """Load the days of a past range that were never read, newest first, and publish.

    Days are loaded in blocks of a hundred. After an interruption, the same command continues.
    """
    instant, first, last = _range(start, end, None, ())
    _refresh_exclusively(instant, first, last, "none", ())


def _use_files(folder: Path, console: SafeConsole) -> None:
    """Sets the folder as the source of this command's loads and prints the files it contains."""
    from adledger.terminal.files import overview
    from ingestion.exports import settings

    os.environ[settings.SECTION.environment("folder")] = str(folder.resolve())
    if not overview(folder, console):
        fail([f"{folder} contains no known report: run adledger doctor --exports {folder} for details"])


def _range(
    start: str | None, end: str | None, as_of: str | None, allow_stale: Sequence[str]
) -> tuple[datetime, date | None, date | None]:
    try:
        instant = parse_instant(as_of, clock.now())
        first, last = parse_day("--start", start), parse_day("--end", end)
        check_range(first, last, instant, datetime.now(UTC).date())
        for name in allow_stale:
            check_source("--allow-stale", name)
    except InvalidOption as error:
        raise typer.BadParameter(str(error), param_hint=error.option) from error
    return instant, first, last


def _refresh_exclusively(
    as_of: datetime, first: date | None, last: date | None, reread: Reread, allow_stale: Sequence[str]
) -> None:
    from ingestion.pipelines import home
    from orchestration.execution import locking
    from orchestration.execution.refresh import Plan

    try:
        with full_disk_in_one_line(), locking.exclusive(lock_holder("adledger refresh")):
            run_refresh(Plan(as_of, first, last, reread, tuple(allow_stale)), SafeConsole())
    except locking.Locked as busy:
        fail(
            [f"{refresh_in_progress(busy, home())}; wait until it ends, or set ADLEDGER_HOME to another path"]
        )
