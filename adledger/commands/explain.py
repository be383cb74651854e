"""`adledger explain`: the bridge, the events behind a step, one person's journey."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from adledger.common import End, Start, show_explanation
from adledger.options import parse_day
from reporting.explain.options import InvalidOption


def explain(
    network: Annotated[
        str | None, typer.Option(metavar="NETWORK", help="google_ads, facebook_ads or linkedin_ads.")
    ] = None,
    account: Annotated[str | None, typer.Option(metavar="ID", help="One ad account.")] = None,
    campaign: Annotated[str | None, typer.Option(metavar="ID", help="One campaign.")] = None,
    ad: Annotated[str | None, typer.Option(metavar="ID", help="One ad.")] = None,
    tag: Annotated[
        str | None, typer.Option(metavar="TAG", help="The ads whose landing pages carry this tag.")
    ] = None,
    start: Start = None,
    end: End = None,
    report: Annotated[
        str | None, typer.Option(metavar="REPORT", help="Another of HubSpot's attribution reports.")
    ] = None,
    step: Annotated[
        str | None,
        typer.Option(metavar="CODE", help="The single events behind this step, and what decided them."),
    ] = None,
    contact: Annotated[
        str | None, typer.Option(metavar="ID", help="One person instead: visits, forms, credits, claims.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Into a page to mail.", dir_okay=False)
    ] = None,
    png: Annotated[Path | None, typer.Option(metavar="FILE", help="Into a picture.", dir_okay=False)] = None,
    svg: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Into a drawing of the terminal.", dir_okay=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    personal_data: Annotated[
        bool,
        typer.Option("--show-personal-data", help="Show contact, event and click ids and whole addresses."),
    ] = False,
) -> None:
    """Explain, per network, the steps from its conversions to HubSpot's contacts, or one person's journey."""
    from ingestion.config import home
    from reporting.explain.answering import Forms
    from reporting.explain.scope import NETWORKS, Scope, unknown

    try:
        if network is not None and network not in NETWORKS:
            raise unknown("--network", network, NETWORKS)
        first, last = parse_day("--start", start), parse_day("--end", end)
        if first and last and last < first:
            raise InvalidOption("--end", f"{last} lies before --start, {first}")
        scope = Scope(network, account, campaign, ad, tag, first, last, report)
        if contact and (step or png or svg or any(v for k, v in scope.filters().items() if k != "report")):
            raise InvalidOption(
                "--contact", "goes with --report, --html, --json and --show-personal-data alone"
            )
        if step and (png or svg):
            raise InvalidOption("--step", "has no picture: use it with --html or --json")
        forms = Forms(html, png, svg, as_json, personal_data)
        show_explanation(home() / "serving.duckdb", Console(), scope, forms, step, contact)
    except InvalidOption as error:
        raise typer.BadParameter(str(error), param_hint=error.option) from error
