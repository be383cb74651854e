"""Generate the tables of docs/exports.md from the layouts: supported files and the inputs they provide."""

from __future__ import annotations

from pathlib import Path

from adledger.terminal.files import steps_that_need
from ingestion.exports.layouts import VENDORS, layout

_KINDS = {kind.name for vendor in VENDORS for kind in layout(vendor).files}


def write(folder: Path) -> None:
    """Write three tables into `folder`: `downloads.md` with a line per kind of file and its required columns,
    `labels.md` with a line per language, and `inputs.md` with a line per input that bridge steps need.
    """
    lines = ["| vendor | file | where to download it | required columns |", "| --- | --- | --- | --- |"]
    for vendor in VENDORS:
        known = layout(vendor)
        for kind in known.files:
            columns = ", ".join(known.label(name) for name in known.fields if name in kind.needs)
            lines.append(f"| {known.title} | {kind.title} | {kind.where} | {columns} |")
    folder.mkdir(exist_ok=True)
    (folder / "downloads.md").write_text("\n".join(lines) + "\n")
    lines = [
        "| vendor | language | columns with a label | labels are from |",
        "| --- | --- | --- | --- |",
    ]
    for vendor in VENDORS:
        known = layout(vendor)
        for language, source in known.sources.items():
            named = {
                name for found in known.labels.values() for name, spoken, _ in found if spoken == language
            }
            names = len({name.partition(".")[0] for name in named})
            text = f"[the vendor's help]({source})" if source else "a translation, unconfirmed by a real file"
            lines.append(f"| {known.title} | {language} | {names} | {text} |")
    (folder / "labels.md").write_text("\n".join(lines) + "\n")
    lines = ["| input | how to add it | needed by |", "| --- | --- | --- |"]
    for vendor in VENDORS:
        known = layout(vendor)
        for each in known.inputs.values():
            needed = "; ".join(steps_that_need(vendor, [each.name]))
            if needed:
                lines.append(f"| {each.title} | {known.how_to_add(each.name, _KINDS)} | {needed} |")
    (folder / "inputs.md").write_text("\n".join(lines) + "\n")
