"""Write the tables of supported export files and of inputs, from ingestion/exports/layouts."""

from __future__ import annotations

from pathlib import Path

from adledger.terminal.files import steps_that_need
from ingestion.exports.layouts import VENDORS, layout

_KINDS = {kind.name for vendor in VENDORS for kind in layout(vendor).files}


def write(folder: Path) -> None:
    """Write two tables into `folder`.

    `downloads.md` has a line per kind of file, with its required columns; `inputs.md` a line per input of
    the bridge's steps.
    """
    lines = ["| vendor | file | where to click | required columns |", "| --- | --- | --- | --- |"]
    for vendor in VENDORS:
        known = layout(vendor)
        for kind in known.files:
            columns = ", ".join(known.label(name) for name in known.fields if name in kind.needs)
            lines.append(f"| {known.title} | {kind.title} | {kind.where} | {columns} |")
    folder.mkdir(exist_ok=True)
    (folder / "downloads.md").write_text("\n".join(lines) + "\n")
    lines = ["| input | how to add | needed by |", "| --- | --- | --- |"]
    for vendor in VENDORS:
        known = layout(vendor)
        for each in known.inputs.values():
            needed = "; ".join(steps_that_need(vendor, [each.name]))
            if needed:
                lines.append(f"| {each.title} | {known.how_to_add(each.name, _KINDS)} | {needed} |")
    (folder / "inputs.md").write_text("\n".join(lines) + "\n")
