"""The waterfall as an image: PNG for slides and mails, SVG with the terminal output."""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reporting.explain import figures, terminal
from reporting.explain.bridge import Bridge
from reporting.text import SafeConsole

NETWORK_ONLY, HUBSPOT_ONLY, TOTAL, CONNECTOR = "#c8553d", "#3a7d44", "#1f4e79", "#9aa5b1"
_ROW, _HEAD = 0.3, 1.15
# names are text, not formulas
_TITLE: dict[str, Any] = {"loc": "left", "fontsize": 11, "fontweight": "bold", "pad": 18, "parse_math": False}
# characters that fit beside each other in a title
_TITLE_LINE = 100


def draw_svg(picture: Path, bridges: Sequence[Bridge], description: str = "") -> None:
    """Writes the terminal output of the waterfalls as one standalone SVG file."""
    console = SafeConsole(record=True, file=io.StringIO(), width=100, force_terminal=True)
    terminal.show(console, bridges, description)
    drawn = console.export_svg(title="adledger explain")
    # rich's stylesheet would load a font from a server
    picture.write_text(re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL), encoding="utf-8")


def draw_png(picture: Path, bridges: Sequence[Bridge], description: str = "") -> None:
    """Writes the waterfalls as one PNG with a panel per network."""
    # importing matplotlib takes half a second
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    heights = [len(bridge.steps) * _ROW + _HEAD for bridge in bridges]
    figure = Figure(figsize=(10, sum(heights)), layout=ConstrainedLayoutEngine(h_pad=0.12, w_pad=0.12))
    panels = figure.subplots(len(bridges), 1, squeeze=False, gridspec_kw={"height_ratios": heights})
    for axes, bridge in zip(panels[:, 0], bridges, strict=True):
        digits = figures.decimal_places(bridge.steps)
        pairs = figures.running_totals(bridge.steps)
        for row, (step, (before, after)) in enumerate(zip(bridge.steps, pairs, strict=True)):
            low, high = sorted((float(before), float(after)))
            axes.barh(
                row,
                high - low,
                left=low,
                height=0.66,
                color=colour(step.kind, step.units < 0),
                # unexplained steps are paler
                alpha=0.55 if step.evidence_class == "residual" else 1,
                zorder=2,
            )
            text = figures.number(step.units, digits, signed=step.kind == "adjustment")
            axes.annotate(
                text, (high, row), (4, 0), textcoords="offset points", va="center", fontsize=9, zorder=3
            )
            if row + 1 < len(bridge.steps):
                axes.plot([float(after)] * 2, [row - 0.33, row + 1.33], color=CONNECTOR, lw=0.7, zorder=1)
        axes.set_yticks(range(len(bridge.steps)), [step.label for step in bridge.steps], fontsize=9)
        for label, step in zip(axes.get_yticklabels(), bridge.steps, strict=True):
            label.set_fontweight("bold" if step.kind != "adjustment" else "normal")
        axes.set_ylim(len(bridge.steps) - 0.4, -0.6)
        axes.margins(x=0.08)
        axes.set_xlim(left=min(0.0, axes.get_xlim()[0]) if _goes_below_zero(bridge) else 0.0)
        axes.set_title(_title(bridge, description), **_TITLE)
        axes.text(
            0, 1, _subtitle(bridge), transform=axes.transAxes, fontsize=8.5, color="#52606d", va="bottom"
        )
        axes.tick_params(axis="y", length=0)
        axes.tick_params(axis="x", labelsize=8, colors="#52606d")
        axes.grid(axis="x", color="#e4e7eb", lw=0.6, zorder=0)
        axes.set_axisbelow(True)
        axes.spines[["top", "right", "left", "bottom"]].set_visible(False)
    figure.savefig(picture, format="png", dpi=150)


def colour(kind: str, lost: bool) -> str:
    """Bar colour: total, counted only by the network (`lost`), or counted only by HubSpot."""
    if kind != "adjustment":
        return TOTAL
    return NETWORK_ONLY if lost else HUBSPOT_ONLY


def _goes_below_zero(bridge: Bridge) -> bool:
    return any(value < 0 for pair in figures.running_totals(bridge.steps) for value in pair)


def _title(bridge: Bridge, description: str) -> str:
    text = (
        f"{bridge.name} reports {figures.short_number(bridge.reported)} conversions,"
        f" HubSpot credits {figures.short_number(bridge.credited)} contacts"
    )
    return "\n".join([text, *textwrap.wrap(description, _TITLE_LINE)])


def _subtitle(bridge: Bridge) -> str:
    stale = "".join(f", {source.source} stale" for source in bridge.stale)
    return f"{bridge.start} to {bridge.end}, report {bridge.scope.report}{stale}; pale bars: unexplained"
