"""Prints the findings of `adledger doctor`, as tables or as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import groupby

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from ingestion.doctor import SECRETS_FILE, examine, is_skipped
from ingestion.pipelines import VENDORS
from ingestion.sources.probe import Finding
from ingestion.sources.registry import SOURCES
from reporting.networks import SOURCES as LABELS
from reporting.text import SafeConsole, json_text

_SIGNS = {"ok": ("✓", "green"), "note": ("·", "dim"), "warning": ("!", "yellow"), "error": ("✗", "red")}


def findings(sources: Sequence[str], console: Console) -> Iterator[tuple[str, list[Finding]]]:
    """Yields the findings per source and shows a progress line meanwhile."""
    for source in dict.fromkeys(sources or VENDORS):
        found: list[Finding] = []
        with console.status(f"{LABELS[source]}: checking") as status:
            for finding in examine(source):
                found.append(finding)
                status.update(f"{LABELS[source]}: {finding.check.replace('_', ' ')}")
        yield source, found


def show(console: Console, sources: Sequence[str]) -> bool:
    """Prints one table of findings per source; returns True if there is no error."""
    everything: list[Finding] = []
    configured = False
    for source, found in findings(sources, console):
        console.print(_table(source, found))
        console.print()
        everything += found
        configured |= not is_skipped(found)
    console.print(_summary(everything) if configured else _start())
    return not has_error(everything)


def as_json(sources: Sequence[str]) -> tuple[str, bool]:
    """Returns the findings as JSON, and True if there is no error."""
    found = [finding for _, part in findings(sources, SafeConsole(quiet=True)) for finding in part]
    document = {
        "checked_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "ok": not has_error(found),
        "findings": [asdict(finding) for finding in found],
    }
    return json_text(document), not has_error(found)


def has_error(found: Iterable[Finding]) -> bool:
    """True if a finding prevents a refresh from working."""
    return any(finding.level == "error" for finding in found)


def _table(source: str, found: Sequence[Finding]) -> RenderableType:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), show_header=False)
    table.add_column(width=1)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in _merged(found):
        sign, style = _SIGNS[finding.level]
        seen = Text(finding.seen, style="dim" if finding.level == "note" else "")
        table.add_row(Text(sign, style=style), Text(finding.check.replace("_", " "), style="dim"), seen)
        if finding.fix:
            table.add_row("", "", Text(f"→ {finding.fix}", style="bold" if finding.level == "error" else ""))
    return Group(Text(LABELS[source], style="bold"), table)


def _merged(found: Sequence[Finding]) -> Iterator[Finding]:
    """Sorts the findings by check, problems first, and merges granted permissions into one line."""
    ordered = sorted(found, key=lambda finding: _ORDER.index(finding.check))
    for check, group in groupby(ordered, key=lambda finding: finding.check):
        members = list(group)
        yield from (member for member in members if member.level != "ok")
        fine = [member for member in members if member.level == "ok"]
        if check == "permissions" and fine:
            yield Finding(fine[0].source, check, "ok", ", ".join(member.seen for member in fine))
        else:
            yield from fine


_ORDER = (
    "settings",
    "reachability",
    "credentials",
    "api_version",
    "accounts",
    "permissions",
    "rate_limit",
    "clock",
    "requests",
)


def _summary(found: Sequence[Finding]) -> Text:
    errors, warnings = (sum(finding.level == level for finding in found) for level in ("error", "warning"))
    if errors:
        text = f"{_count(errors, 'error')}, {_count(warnings, 'warning')}: fix the errors before a refresh."
        return Text(text, style="red")
    if warnings:
        return Text(f"No errors, {_count(warnings, 'warning')}: a refresh works.", style="yellow")
    return Text("No problems: a refresh works.", style="green")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _start() -> RenderableType:
    """First steps, shown if no source is set up."""
    lines: list[str] = []
    for name in VENDORS:
        # the alternative with the fewest keys
        keys = min(SOURCES[name].settings.CREDENTIALS, key=len)
        lines += ["", f"[sources.{name}]", *(f'{key} = "…"' for key in keys)]
    template = "\n".join(lines[1:])
    return Group(
        Text("No source is set up. To try it without any account:", style="bold"),
        Text("  adledger demo"),
        Text(f"or put your credentials in {SECRETS_FILE} and run adledger doctor again:", style="bold"),
        Text("\n".join(f"  {line}" if line else "" for line in template.splitlines())),
    )
