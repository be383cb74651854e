"""Output for a terminal: the waterfall, the events of a step, a contact's journey."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from reporting.explain.bridge import EVIDENCE_LABELS, Bridge
from reporting.explain.claims import Claim, count_label, facts, format_time, reason_label
from reporting.explain.coverage import coverage_notes
from reporting.explain.figures import decimal_places, number, running_totals, share
from reporting.explain.journey import (
    REPORTS,
    Journey,
    Session,
    Submission,
    form_facts,
    form_label,
    traffic_source_label,
    why_credited,
    why_not_credited,
)
from reporting.explain.masking import Mask
from reporting.networks import NETWORKS

_MIN_BAR, _MAX_BAR = 8, 40
#: Minimum width of the labels beside a bar; narrower terminals show no bars.
_MIN_LABEL = 20
_HEADERS = ("", "Conversions", "% of\nreported", "Remaining", "Evidence")
_EIGHTHS = " ▏▎▍▌▋▊▉█"
#: Number of events of a step that a terminal shows; JSON contains all of them.
SHOWN_CLAIMS = 20


def show(console: Console, bridges: Sequence[Bridge], description: str = "") -> None:
    """Prints the waterfalls with notes on missing inputs."""
    for bridge in bridges:
        console.print(waterfall(bridge, console.width, description))
        for line in coverage_notes(bridge.coverage):
            console.print(Text(line, style="dim"))
        console.print()


def waterfall(bridge: Bridge, width: int, description: str = "") -> RenderableType:
    """The bridge as a table of `width` cells, with a floating bar per step."""
    totals = running_totals(bridge.steps)
    scale = max((abs(value) for pair in totals for value in pair), default=Decimal(0))
    digits = decimal_places(bridge.steps)
    cells = [
        (
            step.label if step.kind != "adjustment" else f"  {step.label}",
            number(step.units, digits, signed=step.kind == "adjustment"),
            share(step.units, bridge.reported, signed=step.kind == "adjustment"),
            number(after, digits),
            EVIDENCE_LABELS[step.evidence_class],
        )
        for step, (_, after) in zip(bridge.steps, totals, strict=True)
    ]
    label, *others = (
        max(len(line) for text in column for line in text.split("\n"))
        for column in zip(_HEADERS, *cells, strict=True)
    )
    room = width - sum(others) - len(_HEADERS) - 1
    bar_cells = min(max(room - label, _MIN_BAR), _MAX_BAR) if room >= _MIN_BAR + _MIN_LABEL else 0
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    table.add_column(_HEADERS[0], width=max(min(label, room - bar_cells), 0))
    for header, size in zip(_HEADERS[1:4], others, strict=False):
        table.add_column(header, justify="right", min_width=size, vertical="bottom")
    table.add_column(min_width=bar_cells, vertical="bottom")
    table.add_column(_HEADERS[4], style="dim", min_width=others[3], vertical="bottom")
    for step, (before, after), texts in zip(bridge.steps, totals, cells, strict=True):
        total = step.kind != "adjustment"
        style = "cyan" if total else ("red" if step.units < 0 else "green")
        table.add_row(
            Text(texts[0], style="bold") if total else Padding(texts[0].strip(), (0, 0, 0, 2)),
            Text(texts[1], style="bold" if total else style),
            *texts[2:4],
            Text(_bar(before, after, scale, bar_cells), style=style),
            "" if total else texts[4],
        )
    title = Text.assemble(
        (bridge.name, "bold"),
        (f"  {bridge.start} to {bridge.end}, report {bridge.scope.report}", "dim"),
        (f", {description}" if description else "", "dim"),
    )
    for source in bridge.stale:
        title.append(f"  {source.source} is stale: figures of an earlier refresh", style="yellow")
    left_out = [Text(f"Incomplete: {fault.line()}", style="yellow") for fault in bridge.faults]
    return Group(title, table, *left_out)


def show_step(
    console: Console, label: str, claims: Sequence[Claim], bridges: Sequence[Bridge], step: str, mask: Mask
) -> None:
    """Prints the events of a step, each with the facts that decided it."""
    found = [found for bridge in bridges for found in bridge.steps if found.code == step]
    units = sum((item.units for item in found), Decimal(0))
    signed = any(item.kind == "adjustment" for item in found)
    title = Text(label, style="bold")
    title.append(
        f"  {number(units, decimal_places(found), signed=signed)} conversions, {len(claims):,} events",
        style="dim",
    )
    console.print(title)
    if not claims:
        classes = " and ".join(sorted({EVIDENCE_LABELS[item.evidence_class] for item in found}))
        console.print(f"This step has no single events. Evidence: {classes}.")
    for claim in claims[:SHOWN_CLAIMS]:
        console.print(_claim(claim, mask), highlight=False)
    if len(claims) > SHOWN_CLAIMS:
        console.print(
            f"[dim]… and {len(claims) - SHOWN_CLAIMS:,} earlier events; --json or --html lists all[/dim]"
        )


def show_journey(console: Console, journey: Journey, labels: Mapping[str, str], mask: Mask) -> None:
    """Prints a contact's journey."""
    who = mask.id("contact", journey.contact_id)
    console.print(Text.assemble(("Contact journey", "bold"), (f"  {who}", "dim")))
    _section(console, "Sessions and form submissions")
    for _, line in sorted(
        [
            *((session.started_at, _session(session, mask)) for session in journey.sessions),
            *((form.submitted_at, _form(form, mask)) for form in journey.submissions),
        ],
        key=lambda item: item[0],
    ):
        console.print(Padding(line, (0, 0, 0, 2)), highlight=False)
    if not (journey.sessions or journey.submissions):
        console.print("  none")
    _section(console, "Attribution by report")
    for report, rule in REPORTS.items():
        console.print(Text.assemble(f"  {report}", (f"  {rule}", "dim")))
        for credit in journey.credited(report):
            line = Text.assemble(
                (credit.ad.full_label, "green"), f" – {why_credited(credit, journey.submissions, mask)}"
            )
            console.print(Padding(line, (0, 0, 0, 4)), highlight=False)
        if not journey.credited(report):
            line = Text.assemble(("no ad", "yellow"), f" – {why_not_credited(journey, report)}")
            console.print(Padding(line, (0, 0, 0, 4)), highlight=False)
    _section(console, f"Conversions claimed by networks (report {journey.report})")
    for claim in journey.claims:
        console.print(Padding(_claim(claim, mask, labels), (0, 0, 0, 2)), highlight=False)
    if not journey.claims:
        console.print("  none: no ad network can count a conversion of this contact")


def _section(console: Console, title: str) -> None:
    console.print()
    console.print(Text(title, style="bold"))


def _claim(claim: Claim, mask: Mask, labels: Mapping[str, str] | None = None) -> RenderableType:
    who = mask.id("contact", claim.contact_id) if claim.contact_id else "unknown or deleted contact"
    head = Text.assemble(
        (format_time(claim.occurred_at), "bold"),
        f"  {claim.kind}" if labels is not None else f"  {who}, {claim.kind}",
        (f"  {NETWORKS.get(claim.network, claim.network)}: {claim.ad_label}", "cyan"),
        (f"  {reason_label(claim, labels)}", "yellow") if labels is not None else "",
    )
    if mask.shown:
        head.append(f"  {claim.event_id}", style="dim")
    details = "; ".join([count_label(claim), *facts(claim, mask)])
    return Group(head, Padding(Text(details, style="dim"), (0, 0, 0, 4)))


def _session(session: Session, mask: Mask) -> RenderableType:
    ad = session.ad.label
    head = Text.assemble(
        (format_time(session.started_at), "bold"),
        f"  {mask.id('session', session.session_id)}: {traffic_source_label(session.traffic_source)}",
        (f"  {ad}" if ad else "", "cyan"),
        (f"  ad identified by: {session.named_by}" if session.named_by else "", "dim"),
    )
    return Group(head, Padding(Text(mask.url(session.landing_page_url) or "", style="dim"), (0, 0, 0, 4)))


def _form(form: Submission, mask: Mask) -> RenderableType:
    head = Text.assemble(
        (format_time(form.submitted_at), "bold"),
        (f"  {form_label(form)}", "magenta"),
        f", {', '.join(form_facts(form, mask))}",
        (f"  {form.ad.label}" if form.ad.label else "", "cyan"),
    )
    return Group(head, Padding(Text(mask.url(form.page_url) or "", style="dim"), (0, 0, 0, 4)))


def _bar(before: Decimal, after: Decimal, scale: Decimal, cells: int) -> str:
    if not (scale and cells):
        return ""
    low, high = (min(before, after), max(before, after))
    first = int(max(low, Decimal(0)) / scale * cells)
    eighths = int((high / scale * cells - first) * 8) if high > 0 else 0
    full, part = divmod(max(eighths, 1), 8)
    return " " * first + "█" * full + _EIGHTHS[part].strip()
