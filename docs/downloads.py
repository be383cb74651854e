"""Which downloaded files are read, where each is found and what it tells, from what recognises them."""

from __future__ import annotations

from pathlib import Path

from adledger.terminal.files import steps_that_need
from ingestion.exports.layouts import VENDORS, layout

_KINDS = {kind.name for vendor in VENDORS for kind in layout(vendor).files}


def write(folder: Path) -> None:
    """Writes `downloads.md` into `folder`, a line per kind of file with the columns that make it, and
    `inputs.md`, a line per input that reasons need.
    """
    lines = ["| vendor | file | where to click | columns it must have |", "| --- | --- | --- | --- |"]
    for vendor in VENDORS:
        known = layout(vendor)
        for kind in known.files:
            columns = ", ".join(known.label(name) for name in known.fields if name in kind.needs)
            lines.append(f"| {known.title} | {kind.title} | {kind.where} | {columns} |")
    folder.mkdir(exist_ok=True)
    (folder / "downloads.md").write_text("\n".join(lines) + "\n")
    lines = ["| what | how to add | needed by |", "| --- | --- | --- |"]
    for vendor in VENDORS:
        known = layout(vendor)
        for each in known.inputs.values():
            needed = "; ".join(steps_that_need(vendor, [each.name]))
            if needed:
                lines.append(f"| {each.title} | {known.how_to_add(each.name, _KINDS)} | {needed} |")
    (folder / "inputs.md").write_text("\n".join(lines) + "\n")
