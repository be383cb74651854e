"""`adledger doctor`: checks the connection to each source, or a folder of downloaded reports."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from adledger.common import check_source
from reporting.explain.options import InvalidOption
from reporting.text import SafeConsole


def doctor(
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="SOURCE", help="Source to check, such as google_ads; default: all."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    exports: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Check a folder of downloaded reports instead.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
) -> None:
    """Check settings, tokens, permissions, accounts, API versions, clock and rate limits. Loads nothing.

    With --exports: list each file of a folder, the days it covers and everything that cannot be read.
    """
    if exports is not None:
        _examine(exports, sources or (), as_json)
        return
    try:
        for name in sources or ():
            check_source("SOURCE", name, vendor=True)
    except InvalidOption as error:
        raise typer.BadParameter(str(error), param_hint=error.option) from error
    from adledger.terminal import findings

    if as_json:
        document, fine = findings.as_json(sources or ())
        typer.echo(document)
    else:
        fine = findings.show(SafeConsole(), sources or ())
    if not fine:
        raise typer.Exit(1)


def _examine(folder: Path, sources: Sequence[str], as_json: bool) -> None:
    from adledger.terminal import files as shown
    from ingestion.exports.examine import examine

    if sources:
        raise typer.BadParameter("cannot be combined with a SOURCE", param_hint="--exports")
    console = SafeConsole()
    with console.status(f"Reading {folder}") if not as_json else nullcontext():
        found = examine(folder)
    if as_json:
        typer.echo(shown.as_json(found))
    else:
        shown.show(console, found)
    if found.has_fault:
        raise typer.Exit(1)
