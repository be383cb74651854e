"""The bridge of each network as a waterfall for a terminal, from the published file alone."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import duckdb
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

NETWORKS = {"google_ads": "Google Ads", "facebook_ads": "Facebook Ads", "linkedin_ads": "LinkedIn Ads"}
_LEAST_BAR, _MOST_BAR = 8, 40
_EIGHTHS = " ▏▎▍▌▋▊▉█"

_STEPS = """
SELECT network, kind, step_order, step_label, evidence_class, sum(units) AS units
FROM reconciliation.conversion_bridge
WHERE attribution_report = $report
  AND ($network IS NULL OR network = $network)
  AND ($start IS NULL OR date >= $start) AND ($end IS NULL OR date <= $end)
GROUP BY ALL
HAVING sum(units) <> 0 OR kind <> 'adjustment'
ORDER BY network, step_order, evidence_class
"""
_SPAN = """
SELECT min(date), max(date) FROM reconciliation.conversion_bridge
WHERE network = $network AND ($start IS NULL OR date >= $start) AND ($end IS NULL OR date <= $end)
"""
_EVIDENCE = """
SELECT
    (SELECT count(*) FROM marts.fct_sessions WHERE evidence = 'contact_property'),
    (SELECT count(*) FROM marts.fct_sessions WHERE evidence = 'submission_context'),
    (SELECT count(*) FROM marts.fct_form_submissions
     WHERE is_tracked IS NULL AND contact_id IS NOT NULL AND form_type <> 'lead_ad')
"""
_DEFAULT_REPORT = "SELECT any_value(attribution_report) FROM marts.fct_ad_performance_daily"


@dataclass(frozen=True)
class Step:
    """One line of a waterfall, in conversions: signed for an adjustment, a total for start and end."""

    kind: str
    label: str
    evidence_class: str
    units: Decimal


@dataclass(frozen=True)
class Bridge:
    """The steps from a network's conversions to HubSpot's contacts, over a range of days."""

    network: str
    start: date
    end: date
    report: str
    status: str
    steps: tuple[Step, ...]


def read_bridges(
    serving: Path, network: str | None = None, start: date | None = None, end: date | None = None
) -> list[Bridge]:
    """The bridge of every network that has figures in the range, summed over it, under the default report."""
    with duckdb.connect(str(serving), read_only=True) as connection:
        row = connection.execute(_DEFAULT_REPORT).fetchone()
        report = row[0] if row else None
        scope = {"network": network, "start": start, "end": end}
        statuses = dict(connection.execute("SELECT source, status FROM marts.sources").fetchall())
        steps: dict[str, list[Step]] = {}
        for name, kind, _, label, evidence, units in connection.execute(
            _STEPS, {"report": report, **scope}
        ).fetchall():
            steps.setdefault(name, []).append(Step(kind, label, evidence, units))
        bridges = []
        for name, found in steps.items():
            span = connection.execute(_SPAN, {**scope, "network": name}).fetchone()
            first, last = span or (None, None)
            bridges.append(Bridge(name, first, last, str(report), statuses.get(name, "landed"), tuple(found)))
    return bridges


def cost_without_events(serving: Path) -> str:
    """What is not known in a portal without page-view events, with the figures of this one."""
    with duckdb.connect(str(serving), read_only=True) as connection:
        told, bare, unknown = connection.execute(_EVIDENCE).fetchall()[0]
    return (
        f"Without page-view events {told:,} sessions are known from contact properties and {bare:,} from a"
        f" submission alone; of {unknown:,} submissions nothing tells whether they were tracked. A contact's"
        " properties keep its first and its latest visits: an ad click between them earns no credit in the"
        " reports over several interactions, and a bridge cannot tell a later session from no visit at all."
    )


def waterfall(bridge: Bridge, width: int) -> RenderableType:
    """The bridge as a table of `width` cells: units, share of the start, running total, a floating bar."""
    totals = list(_running(bridge.steps))
    scale = max((abs(value) for pair in totals for value in pair), default=Decimal(0))
    start = next((step.units for step in bridge.steps if step.kind == "start"), Decimal(0))
    # one form for all figures of a bridge, so that they stand in line
    places = 0 if all(step.units == step.units.to_integral_value() for step in bridge.steps) else 2
    cells = [
        (
            step.label if step.kind != "adjustment" else f"  {step.label}",
            _number(step.units, places, signed=step.kind == "adjustment"),
            _share(step.units, start, signed=step.kind == "adjustment"),
            _number(after, places),
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
        (NETWORKS.get(bridge.network, bridge.network), "bold"),
        (f"  {bridge.start} to {bridge.end}, report {bridge.report}", "dim"),
    )
    if bridge.status == "stale":
        title.append("  stale: an earlier landed state", style="yellow")
    return Group(title, table)


def show(console: Console, bridges: Sequence[Bridge]) -> None:
    """Prints the waterfalls, one below the other."""
    for bridge in bridges:
        console.print(waterfall(bridge, console.width))
        console.print()


def draw(picture: Path, bridges: Sequence[Bridge]) -> None:
    """Writes the waterfalls as one SVG file that needs nothing from outside."""
    console = Console(record=True, file=io.StringIO(), width=100, force_terminal=True)
    show(console, bridges)
    drawn = console.export_svg(title="adledger explain")
    # rich would load its font from a server
    picture.write_text(re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL))


def _running(steps: Iterable[Step]) -> Iterable[tuple[Decimal, Decimal]]:
    """Where each step begins and ends on the axis; start and end begin at zero."""
    total = Decimal(0)
    for step in steps:
        if step.kind == "adjustment":
            yield total, total + step.units
            total += step.units
        else:
            yield Decimal(0), step.units
            total = step.units


def _bar(before: Decimal, after: Decimal, scale: Decimal, cells: int) -> str:
    if not scale:
        return ""
    low, high = (min(before, after), max(before, after))
    first = int(max(low, Decimal(0)) / scale * cells)
    eighths = int((high / scale * cells - first) * 8) if high > 0 else 0
    full, part = divmod(max(eighths, 1), 8)
    return " " * first + "█" * full + _EIGHTHS[part].strip()


def _number(value: Decimal, places: int, *, signed: bool = False) -> str:
    rounded = value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    text = f"{rounded:,}".replace("-", "−")
    return f"+{text}" if signed and value > 0 else text


def _share(units: Decimal, start: Decimal, *, signed: bool) -> str:
    if not start:
        return ""
    share = (units / start * 100).quantize(Decimal("0.1"), ROUND_HALF_UP)
    text = f"{share:,}".replace("-", "−")
    return f"{'+' if signed and share > 0 else ''}{text}%"
