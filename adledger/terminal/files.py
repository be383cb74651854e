"""Prints the findings on a folder of downloaded reports, as a table or as JSON."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from ingestion.exports import settings
from ingestion.exports.examine import Account, File, Findings
from ingestion.exports.export import Export
from ingestion.exports.figures import Totals
from ingestion.exports.folder import decided_by, read
from ingestion.exports.layouts import VENDORS, Vendor, layout
from ingestion.landing.planning import Window
from reporting.text import json_text

_SEEDS = Path(__file__).resolve().parents[2] / "dbt_project" / "seeds"
#: Number of unknown columns that are listed by name.
_LISTED_COLUMNS = 8


def show(console: Console, found: Findings) -> None:
    """Prints a table per vendor, then the files that are not read, then the reports that could be added."""
    ordered = sorted(found.files, key=lambda file: VENDORS.index(file.export.vendor))
    for vendor, files in groupby(ordered, key=lambda file: file.export.vendor):
        accounts = [account for account in found.accounts if account.vendor == vendor]
        console.print(Text(layout(vendor).title, style="bold"))
        console.print(_table(list(files), accounts))
        console.print()
    rest = Table(box=None, pad_edge=False, show_header=False)
    rest.add_column(width=1)
    rest.add_column(overflow="fold")
    for problem in found.problems:
        rest.add_row(Text("✗", style="red"), Text(str(problem)))
    for copy, original in found.copies:
        rest.add_row(Text("·", style="dim"), Text(f"{copy}: identical to {original}, read once", style="dim"))
    if rest.row_count:
        console.print(rest)
        console.print()
    exports = [file.export for file in found.files]
    for line in missing_reports(exports):
        console.print(Text(f"→ {line}"), soft_wrap=True)
    for line in only_by_api(exports):
        console.print(Text(f"· {line}", style="dim"), soft_wrap=True)
    console.print(_summary(found))


def overview(folder: Path, console: Console) -> bool:
    """Prints the files that a refresh reads, by vendor, and those it skips; False if it reads none."""
    found = read(folder)
    for vendor in VENDORS:
        own = [export for export in found.exports if export.vendor == vendor]
        if own:
            console.print(f"{layout(vendor).title} from files:", highlight=False)
        for export in own:
            totals = export.figures.totals if export.kind.key else None
            found_in = [export.kind.title, *_totals(export, totals), *_notes(export)]
            console.print(Text(f"  {export.name}: {'; '.join(found_in)}"), soft_wrap=True)
    for problem in found.problems:
        console.print(Text(f"  not read: {problem}", style="yellow"), soft_wrap=True)
    for copy, original in found.copies:
        console.print(Text(f"  {copy}: identical to {original}, read once", style="dim"), soft_wrap=True)
    for line in missing_reports(found.exports):
        console.print(Text(f"  {line}", style="dim"), soft_wrap=True)
    return bool(found.exports)


def as_json(found: Findings) -> str:
    """The findings as JSON."""
    document = {
        "ok": not found.has_fault,
        "files": [
            {
                "file": file.export.name,
                "vendor": file.export.vendor,
                "kind": file.export.kind.name,
                "language": file.export.header.language,
                "encoding": file.export.encoding,
                "rows": file.rows,
                "downloaded": file.export.downloaded.isoformat(),
                "downloaded_by": decided_by(file.export),
                "totals": _totals_as_json(file),
                "summed_over": list(file.export.figures.summed_over) if file.totals else [],
                "notes": list(file.export.notes),
                "unknown_columns": _unread(file.export),
                "repeated_columns": list(file.export.header.repeated),
                "problems": [str(problem) for problem in file.problems],
            }
            for file in found.files
        ],
        "accounts": [
            {
                "vendor": account.vendor,
                "kind": account.kind,
                "account_id": account.account or None,
                **_days(account.days),
                "gaps": [_days(gap) for gap in account.gaps],
                "overlaps": [{**_days(days), "files": list(names)} for days, names in account.overlaps],
            }
            for account in found.accounts
        ],
        "problems": [str(problem) for problem in found.problems],
        "copies": [{"file": copy, "same_as": original} for copy, original in found.copies],
        "would_add": list(missing_reports([file.export for file in found.files])),
        "only_by_api": list(only_by_api([file.export for file in found.files])),
    }
    return json_text(document)


def _totals_as_json(file: File) -> dict[str, Any] | None:
    totals = file.totals
    if totals is None:
        return None
    return {
        "accounts": list(totals.accounts),
        **(_days(totals.days) if totals.days else {"first_day": None, "last_day": None}),
        "days": totals.day_count,
        "spend": {currency: str(amount) for currency, amount in totals.spend.items()},
        "sums": {name: str(value) for name, value in totals.sums.items()},
        "equals_total_in_row": totals.proven_by,
    }


def _totals(export: Export, totals: Totals | None) -> Iterator[str]:
    """Yields the totals of a file, to compare with the vendor's screen."""
    if totals is None:
        return
    if totals.days is not None:
        accounts = totals.accounts
        yield f"account {accounts[0]}" if len(accounts) == 1 else f"{len(accounts)} accounts"
        yield f"{totals.day_count} day{'' if totals.day_count == 1 else 's'}, {_range(totals.days)}"
    for currency, amount in totals.spend.items():
        yield f"{amount:,} {currency}"
    for name, value in totals.sums.items():
        if name not in export.kind.money:
            yield f"{value:,} {export.label(name)}"
    if totals.proven_by is not None:
        yield f"equal to the total in row {totals.proven_by}"


def _unread(export: Export) -> list[str]:
    """The labels of columns that were neither read nor summed over."""
    summed = export.figures.summed_over if export.kind.key else ()
    return [label for label in export.header.unknown if label not in summed]


def _notes(export: Export) -> Iterator[str]:
    """Yields how a file was read where that is not plain."""
    if export.kind.key and (columns := export.figures.summed_over):
        yield f"summed over {', '.join(columns)}"
    yield from export.notes


def _days(window: Window) -> dict[str, Any]:
    return {"first_day": window.start.isoformat(), "last_day": window.end.isoformat()}


def _table(files: list[File], accounts: list[Account]) -> RenderableType:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), show_header=False)
    table.add_column(width=1)
    table.add_column(overflow="fold")
    for file in files:
        export = file.export
        fine = not file.problems
        sign = Text("✓", style="green") if fine else Text("!", style="yellow")
        line = f"{export.name}: {export.kind.title}, {file.rows:,} rows ({export.header.language})"
        table.add_row(sign, Text(line))
        for problem in file.problems:
            table.add_row("", Text(str(problem).removeprefix(export.name).lstrip(",: "), style="yellow"))
        if totals := "; ".join(_totals(export, file.totals)):
            table.add_row("", Text(totals))
        for note in _notes(export):
            table.add_row("", Text(note, style="yellow"))
        if unknown := _unread(export):
            more = f" and {len(unknown) - _LISTED_COLUMNS} more" if len(unknown) > _LISTED_COLUMNS else ""
            table.add_row("", Text(f"not read: {', '.join(unknown[:_LISTED_COLUMNS])}{more}", style="dim"))
    for account in accounts:
        known = {kind.name: kind.title for kind in layout(files[0].export.vendor).files}
        owner = f"account {account.account}" if account.account else "an account without an id"
        table.add_row(
            Text("·", style="dim"), Text(f"{known[account.kind]} of {owner}: {_range(account.days)}")
        )
        for gap in account.gaps:
            table.add_row("", Text(f"gap: no file covers {_range(gap)}", style="yellow"))
        for days, names in account.overlaps:
            by_name = {file.export.name: file.export for file in files}
            latest = f"{names[0]} is the later download ({decided_by(by_name[names[0]])})"
            table.add_row("", Text(f"overlap: {_range(days)} in {', '.join(names)}: {latest}", style="dim"))
    return table


def _range(days: Window) -> str:
    return str(days.start) if days.start == days.end else f"{days.start} to {days.end}"


def missing_reports(exports: Sequence[Export]) -> Iterator[str]:
    """Reports and columns that these vendors also offer, each with the bridge steps that need it."""
    for vendor in VENDORS:
        own = [export for export in exports if export.vendor == vendor]
        if not own:
            continue
        known = layout(vendor)
        available = frozenset[str]().union(*(export.inputs for export in own))
        kinds = {export.kind.name for export in own}
        for kind in known.files:
            if kind.name not in kinds and kind.name == settings.MAIN[vendor]:
                yield f"{known.title} is not read from files without {kind.title}: {kind.where}"
            elif kind.name not in kinds:
                yield f"{known.title} also has {kind.title}: {kind.where}{_needed_by(vendor, kind.inputs)}"
        for each in known.inputs.values():
            kind_is_there = any(each.name in kind.adds for kind in known.files if kind.name in kinds)
            if each.name not in available and kind_is_there:
                yield f"{known.how_to_add(each.name, kinds)} is missing{_needed_by(vendor, {each.name})}"


def only_by_api(exports: Sequence[Export]) -> Iterator[str]:
    """Inputs that no report of these vendors contains, one line per vendor."""
    for vendor in VENDORS:
        if any(export.vendor == vendor for export in exports):
            titles = [each.title for each in layout(vendor).inputs.values() if each.api]
            yield f"{layout(vendor).title} exports do not contain {'; '.join(titles)}; connect the API."


def _needed_by(vendor: Vendor, inputs: Collection[str]) -> str:
    steps = steps_that_need(vendor, inputs)
    return f"; needed by: {'; '.join(steps)}" if steps else ""


def steps_that_need(vendor: Vendor, inputs: Collection[str]) -> list[str]:
    """Labels of the bridge steps that need any of these inputs of a vendor."""
    source = "hubspot" if vendor == "hubspot" else "network"
    steps = {
        row["step"]
        for row in _seed("step_inputs")
        if row["source"] == source and row["input"] in inputs and row["network"] in ("", vendor)
    }
    codes = _seed("reason_codes")
    labels = [row["label"] for row in codes if row["step"] in steps and row["kind"] == "adjustment"]
    return labels + (["all steps with event-level evidence"] if "" in steps else [])


@cache
def _seed(name: str) -> tuple[dict[str, str], ...]:
    with (_SEEDS / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return tuple(csv.DictReader(file))


def _summary(found: Findings) -> Text:
    if not found.files:
        return Text("No known report found. docs/exports.md lists the supported reports.", style="red")
    faults: Iterable[Any] = (*found.problems, *(problem for file in found.files for problem in file.problems))
    number = len(list(faults))
    if number:
        text = f"{number} problem{'' if number == 1 else 's'}; everything else can be read."
        return Text(text, style="yellow")
    rows = sum(file.rows for file in found.files)
    return Text(f"No problems: {len(found.files)} files, {rows:,} rows.", style="green")
