"""The command line: one module per command. Slow modules are imported only when a command needs them."""

from __future__ import annotations

import os
from importlib import metadata
from typing import Annotated

import typer

from adledger.commands.dashboard import dashboard
from adledger.commands.demo import demo
from adledger.commands.doctor import doctor
from adledger.commands.explain import explain
from adledger.commands.page import add_page
from adledger.commands.refresh import backfill, refresh
from adledger.commands.repair import repair
from adledger.commands.ui import ui
from orchestration.execution import parent

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
for command in (refresh, backfill, explain, demo, ui, dashboard, doctor, repair):
    app.command()(command)

pages = typer.Typer(no_args_is_help=True, help="Landing pages to monitor in addition to those of the ads.")
pages.command("add")(add_page)
app.add_typer(pages, name="page")


def _show_version(requested: bool) -> None:
    if requested:
        typer.echo(f"adledger {metadata.version('adledger')}")
        raise typer.Exit


@app.callback()
def main(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """Explain why ad networks report more conversions than HubSpot shows contacts, down to the event."""
    parent.watch()
    # all other commands write into the home; reports of explain are the user's own files
    if context.invoked_subcommand != "explain":
        os.umask(0o077)
