"""Draws the CPU per further row of a report: `plot.py report.json picture.svg`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from matplotlib.figure import Figure

_OWN, _OTHERS = "#1f6f8b", "#b8c4cc"


def draw(report: Path, picture: Path) -> None:
    """One panel per portal, one bar per contender that was measured there."""
    measured = json.loads(report.read_text())["marginal_cpu_us_per_row"]
    figure = Figure(figsize=(8, 1.2 + 0.8 * len(measured) * 2), layout="constrained")
    for number, (portal, costs) in enumerate(measured.items(), 1):
        bars = {name: cost for name, cost in costs.items() if cost is not None}
        axes = figure.add_subplot(len(measured), 1, number)
        colours = [_OWN if name == "adledger" else _OTHERS for name in bars]
        axes.bar_label(axes.barh(list(bars), list(bars.values()), color=colours), fmt="%.0f µs", padding=3)
        axes.invert_yaxis()
        axes.set_title(f"CPU per further row: {portal}", loc="left", fontsize=10)
        axes.margins(x=0.12)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(picture, metadata={"Date": None} if picture.suffix == ".svg" else None)


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(sys.argv[2]))
