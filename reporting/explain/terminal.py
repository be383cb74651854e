"""The answers for a terminal: the waterfall, the rows behind a step, a person's journey."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from reporting.explain.claims import Claim, facts, moment, verdict
from reporting.explain.coverage import coverage_notes
from reporting.explain.figures import brief, number, places, running, share
from reporting.explain.journey import (
    REPORTS,
    Journey,
    Session,
    Submission,
    form_facts,
    form_words,
    source_words,
    why_credited,
    why_nobody,
)
from reporting.explain.masking import Mask
from reporting.explain.reading import Bridge
from reporting.explain.scope import NETWORKS

_LEAST_BAR, _MOST_BAR = 8, 40
_EIGHTHS = " ▏▎▍▌▋▊▉█"
#: Rows of a step that a terminal shows; JSON has all.
SHOWN_CLAIMS = 20


def show(console: Console, bridges: Sequence[Bridge], described: str = "") -> None:
    """Prints the waterfalls, one below the other."""
    for bridge in bridges:
        console.print(waterfall(bridge, console.width, described))
        for line in coverage_notes(bridge.coverage):
            console.print(Text(line, style="dim"))
        console.print()


def waterfall(bridge: Bridge, width: int, described: str = "") -> RenderableType:
    """The bridge as a table of `width` cells: units, share of the start, running total, a floating bar."""
    totals = running(bridge.steps)
    scale = max((abs(value) for pair in totals for value in pair), default=Decimal(0))
    digits = places(bridge.steps)
    cells = [
        (
            step.label if step.kind != "adjustment" else f"  {step.label}",
            number(step.units, digits, signed=step.kind == "adjustment"),
            share(step.units, bridge.reported, signed=step.kind == "adjustment"),
            number(after, digits),
            step.evidence_class,
        )
        for step, (_, after) in zip(bridge.steps, totals, strict=True)
    ]
    headers = ("", "units", "share", "total", "evidence")
    label, *others = (max(map(len, column)) for column in zip(headers, *cells, strict=True))
    room = width - sum(others) - len(headers) - 1
    bar_cells = min(max(room - label, _LEAST_BAR), _MOST_BAR)
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    table.add_column(headers[0], width=max(min(label, room - bar_cells), 0), no_wrap=True)
    for header, size in zip(headers[1:4], others, strict=False):
        table.add_column(header, justify="right", min_width=size)
    table.add_column(min_width=bar_cells)
    table.add_column(headers[4], style="dim", min_width=others[3])
    for step, (before, after), texts in zip(bridge.steps, totals, cells, strict=True):
        total = step.kind != "adjustment"
        style = "cyan" if total else ("red" if step.units < 0 else "green")
        table.add_row(
            Text(texts[0], style="bold" if total else ""),
            Text(texts[1], style="bold" if total else style),
            *texts[2:4],
            Text(_bar(before, after, scale, bar_cells), style=style),
            "" if total else texts[4],
        )
    title = Text.assemble(
        (bridge.name, "bold"),
        (f"  {bridge.start} to {bridge.end}, report {bridge.scope.report}", "dim"),
        (f", {described}" if described else "", "dim"),
    )
    for source in bridge.stale:
        title.append(f"  {source.source} is stale: an earlier landed state", style="yellow")
    return Group(title, table)


def show_step(
    console: Console, label: str, claims: Sequence[Claim], bridges: Sequence[Bridge], step: str, mask: Mask
) -> None:
    """Prints the rows behind a step, each with the facts that decided it."""
    found = [found for bridge in bridges for found in bridge.steps if found.code == step]
    units = sum((item.units for item in found), Decimal(0))
    signed = any(item.kind == "adjustment" for item in found)
    title = Text(label, style="bold")
    title.append(f"  {number(units, places(found), signed=signed)} units, {len(claims):,} rows", style="dim")
    console.print(title)
    if not claims:
        classes = " and ".join(sorted({item.evidence_class for item in found}))
        console.print(f"No single event stands behind this step: its evidence is {classes}.")
    for claim in claims[:SHOWN_CLAIMS]:
        console.print(_claim(claim, mask), highlight=False)
    if len(claims) > SHOWN_CLAIMS:
        console.print(
            f"[dim]… and {len(claims) - SHOWN_CLAIMS:,} earlier ones: --json and --html show all[/dim]"
        )


def show_journey(console: Console, journey: Journey, labels: Mapping[str, str], mask: Mask) -> None:
    """Prints a person's journey."""
    who = mask.id("person", journey.contact_id)
    console.print(Text.assemble(("One person's journey", "bold"), (f"  {who}", "dim")))
    _section(console, "Visits and forms")
    for _, line in sorted(
        [
            *((visit.started_at, _visit(visit, mask)) for visit in journey.sessions),
            *((form.submitted_at, _form(form, mask)) for form in journey.submissions),
        ],
        key=lambda item: item[0],
    ):
        console.print(Padding(line, (0, 0, 0, 2)), highlight=False)
    if not (journey.sessions or journey.submissions):
        console.print("  none known")
    _section(console, "Whom each HubSpot report credits")
    for report, rule in REPORTS.items():
        console.print(Text.assemble(f"  {report}", (f"  {rule}", "dim")))
        for credit in journey.credited(report):
            line = Text.assemble(
                (credit.ad.full, "green"), f" – {why_credited(credit, journey.submissions, mask)}"
            )
            console.print(Padding(line, (0, 0, 0, 4)), highlight=False)
        if not journey.credited(report):
            line = Text.assemble(("nobody", "yellow"), f" – {why_nobody(journey, report)}")
            console.print(Padding(line, (0, 0, 0, 4)), highlight=False)
    _section(console, f"Who claims this person (report {journey.report})")
    for claim in journey.claims:
        console.print(Padding(_claim(claim, mask, labels), (0, 0, 0, 2)), highlight=False)
    if not journey.claims:
        console.print("  no ad network could count anything this person did")


def _section(console: Console, title: str) -> None:
    console.print()
    console.print(Text(title, style="bold"))


def _claim(claim: Claim, mask: Mask, labels: Mapping[str, str] | None = None) -> RenderableType:
    who = mask.id("person", claim.contact_id) if claim.contact_id else "nobody HubSpot still knows"
    head = Text.assemble(
        (moment(claim.occurred_at), "bold"),
        f"  {claim.kind}" if labels is not None else f"  {who}, {claim.kind}",
        (f"  {NETWORKS.get(claim.network, claim.network)}: {claim.ad_words}", "cyan"),
        (f"  network {brief(claim.network_units)}, HubSpot {brief(claim.hubspot_units)}", "dim"),
        (f"  {verdict(claim, labels)}", "yellow") if labels is not None else "",
    )
    if mask.shown:
        head.append(f"  {claim.event_id}", style="dim")
    return Group(head, Padding(Text("; ".join(facts(claim, mask)), style="dim"), (0, 0, 0, 4)))


def _visit(visit: Session, mask: Mask) -> RenderableType:
    ad = visit.ad.words
    head = Text.assemble(
        (moment(visit.started_at), "bold"),
        f"  {mask.id('session', visit.session_id)}: {source_words(visit.traffic_source)}",
        (f"  {ad}" if ad else "", "cyan"),
        (f"  named by {visit.named_by}" if visit.named_by else "", "dim"),
    )
    return Group(head, Padding(Text(mask.url(visit.landing_page_url) or "", style="dim"), (0, 0, 0, 4)))


def _form(form: Submission, mask: Mask) -> RenderableType:
    head = Text.assemble(
        (moment(form.submitted_at), "bold"),
        (f"  {form_words(form)}", "magenta"),
        f", {', '.join(form_facts(form, mask))}",
        (f"  {form.ad.words}" if form.ad.words else "", "cyan"),
    )
    return Group(head, Padding(Text(mask.url(form.page_url) or "", style="dim"), (0, 0, 0, 4)))


def _bar(before: Decimal, after: Decimal, scale: Decimal, cells: int) -> str:
    if not scale:
        return ""
    low, high = (min(before, after), max(before, after))
    first = int(max(low, Decimal(0)) / scale * cells)
    eighths = int((high / scale * cells - first) * 8) if high > 0 else 0
    full, part = divmod(max(eighths, 1), 8)
    return " " * first + "█" * full + _EIGHTHS[part].strip()
