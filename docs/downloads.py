"""Which downloaded files are read and where each is found, from what recognises them."""

from __future__ import annotations

from pathlib import Path

from ingestion.exports.layouts import VENDORS, layout


def write(folder: Path) -> None:
    """Writes `downloads.md` into `folder`: a line per kind of file, with the columns that make it."""
    lines = ["| vendor | file | where to click | columns it must have |", "| --- | --- | --- | --- |"]
    for vendor in VENDORS:
        known = layout(vendor)
        for kind in known.files:
            columns = ", ".join(known.label(name) for name in known.fields if name in kind.needs)
            lines.append(f"| {known.title} | {kind.title} | {kind.where} | {columns} |")
    folder.mkdir(exist_ok=True)
    (folder / "downloads.md").write_text("\n".join(lines) + "\n")
