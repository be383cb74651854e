"""`adledger explain`: prints the bridge, the events of one step, or the journey of one contact."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from adledger.common import End, Start, show_explanation
from adledger.options import parse_day
from reporting.explain.options import InvalidOption
from reporting.text import SafeConsole


def explain(
    network: Annotated[
        str | None, typer.Option(metavar="NETWORK", help="Ad network, such as google_ads.")
    ] = None,
    account: Annotated[str | None, typer.Option(metavar="ID", help="One ad account.")] = None,
    campaign: Annotated[str | None, typer.Option(metavar="ID", help="One campaign.")] = None,
    ad: Annotated[str | None, typer.Option(metavar="ID", help="One ad.")] = None,
    tag: Annotated[
        str | None, typer.Option(metavar="TAG", help="The ads whose landing pages have this tag.")
    ] = None,
    start: Start = None,
    end: End = None,
    report: Annotated[
        str | None,
        typer.Option(metavar="REPORT", help="HubSpot attribution report to use instead of the default one."),
    ] = None,
    step: Annotated[
        str | None,
        typer.Option(metavar="CODE", help="List the events of this step and the facts that decided them."),
    ] = None,
    contact: Annotated[
        str | None,
        typer.Option(
            metavar="ID", help="Show one contact: sessions, form submissions, attribution and network claims."
        ),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a standalone HTML report.", dir_okay=False)
    ] = None,
    png: Annotated[Path | None, typer.Option(metavar="FILE", help="Save as PNG.", dir_okay=False)] = None,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="Save as SVG.", dir_okay=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
    personal_data: Annotated[
        bool,
        typer.Option("--show-personal-data", help="Show contact, event and click ids and complete URLs."),
    ] = False,
) -> None:
    """Explain each step from a network's conversions to HubSpot's contacts, or the journey of one contact."""
    from ingestion.config import home
    from reporting.explain.query import Outputs
    from reporting.explain.scope import Scope, unknown_value
    from reporting.networks import NETWORKS

    try:
        if network is not None and network not in NETWORKS:
            raise unknown_value("--network", network, NETWORKS)
        first, last = parse_day("--start", start), parse_day("--end", end)
        if first and last and last < first:
            raise InvalidOption("--end", f"{last} is before --start, {first}")
        scope = Scope(network, account, campaign, ad, tag, first, last, report)
        if contact and (step or png or svg or any(v for k, v in scope.filters().items() if k != "report")):
            raise InvalidOption(
                "--contact", "can only be combined with --report, --html, --json and --show-personal-data"
            )
        if step and (png or svg):
            raise InvalidOption("--step", "cannot be saved as an image: use --html or --json")
        outputs = Outputs(html, png, svg, as_json, personal_data)
        show_explanation(home() / "serving.duckdb", SafeConsole(), scope, outputs, step, contact)
    except InvalidOption as error:
        raise typer.BadParameter(str(error), param_hint=error.option) from error
