"""Prints the snapshot of a landing page."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ingestion.add_page import AddedPage

_CODE = {True: "yes", False: "no", None: "not visible in the HTML"}


def show(console: Console, added: AddedPage) -> None:
    """Prints the page and its tracking code, portals, forms and tags."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _facts(added):
        table.add_row(name, Text(value))
    console.print(Text(added.snapshot.url, style="bold"))
    console.print(table)
    console.print("The next refresh publishes it in reconciliation.landing_page_snapshots.", style="dim")


def _facts(added: AddedPage) -> Iterator[tuple[str, str]]:
    page = added.snapshot
    if page.error:
        yield "not read", f"{page.error.replace('_', ' ')}{f': {page.detail}' if page.detail else ''}"
    if page.http_status:
        yield "status", str(page.http_status)
    for step in page.redirects:
        yield "redirect", f"{step['status']} to {step['target']}"
    if page.dropped_parameters:
        yield "lost parameters", ", ".join(page.dropped_parameters)
    if page.evidence != "unread":
        yield "tracking code", f"{_CODE[page.has_tracking_code]} ({page.evidence.replace('_', ' ')})"
    if page.portal_ids:
        yield "portal", ", ".join(page.portal_ids)
    for form in page.forms:
        known = ", ".join(f"{name} {form[name]}" for name in ("portal_id", "form_id") if form.get(name))
        yield "form", f"{form['kind'].replace('_', ' ')}{f' ({known})' if known else ''}"
    if added.tags:
        yield "tags", ", ".join(added.tags)
