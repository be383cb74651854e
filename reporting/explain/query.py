"""Runs one query on the published file and writes the requested outputs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
from rich.console import Console

from reporting.explain import claims, document, journey, page, picture, terminal
from reporting.explain.bridge import describe, open_serving, read_bridges, read_labels, read_sources
from reporting.explain.masking import Mask
from reporting.explain.scope import Scope, resolve


class Outdated(Exception):
    """An older version wrote the published file, and a table or column that the query needs is missing."""


@dataclass(frozen=True)
class Outputs:
    """Requested outputs; the terminal if there are no others."""

    html: Path | None = None
    png: Path | None = None
    svg: Path | None = None
    json: bool = False
    personal_data: bool = False

    @property
    def files(self) -> list[Path]:
        """Paths of the files to write."""
        return [path for path in (self.html, self.png, self.svg) if path is not None]


def run_query(
    serving: Path,
    filters: Scope,
    console: Console,
    outputs: Outputs | None = None,
    *,
    step: str | None = None,
    contact: str | None = None,
) -> bool:
    """Writes the bridges, the events of `step` or the journey of `contact`; False if there are no figures.

    Raises InvalidOption for values that are not published, and Outdated.
    """
    outputs = outputs or Outputs()
    try:
        with open_serving(serving) as connection:
            scope = resolve(connection, filters)
            if contact is not None:
                _write_journey(connection, scope, contact, console, outputs)
                found = True
            else:
                found = _write_bridges(connection, scope, step, console, outputs)
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        raise Outdated(f"an older version published {serving}: run adledger refresh") from error
    if found and not outputs.json:
        for path in outputs.files:
            console.print(f"Wrote {path}", highlight=False, soft_wrap=True)
    return found


def _write_bridges(
    connection: duckdb.DuckDBPyConnection, scope: Scope, step: str | None, console: Console, outputs: Outputs
) -> bool:
    bridges = read_bridges(connection, scope)
    sources = read_sources(connection)
    mask = Mask(shown=outputs.personal_data)
    labels = read_labels(connection)
    rows = claims.read_step(connection, scope, step) if step and bridges else []
    description = describe(connection, scope)
    if outputs.json:
        text = (
            document.step_document(scope, sources, bridges, step, rows, labels, mask)
            if step
            else document.bridges_document(scope, sources, bridges)
        )
        console.out(text, highlight=False)
    if not bridges:
        return False
    if outputs.html:
        by_step = {step: rows} if step else claims.read_latest(connection, scope, page.FIRST_CLAIMS)
        page.write_bridges(outputs.html, bridges, by_step, description, Mask(shown=mask.shown), chosen=step)
    if outputs.png:
        picture.draw_png(outputs.png, bridges, description)
    if outputs.svg:
        picture.draw_svg(outputs.svg, bridges, description)
    if outputs.json or outputs.files:
        return True
    if step:
        terminal.show_step(console, labels.get(step, step), rows, bridges, step, mask)
    else:
        terminal.show(console, bridges, description)
    return True


def _write_journey(
    connection: duckdb.DuckDBPyConnection, scope: Scope, contact: str, console: Console, outputs: Outputs
) -> None:
    found = journey.read_journey(connection, contact, scope)
    labels = read_labels(connection)
    sources = read_sources(connection)
    if outputs.json:
        mask = Mask(shown=outputs.personal_data)
        console.out(document.journey_document(sources, found, labels, mask), highlight=False)
    if outputs.html:
        stale = [source for source in sources if source.is_stale]
        page.write_journey(outputs.html, found, stale, labels, Mask(shown=outputs.personal_data))
    if not (outputs.json or outputs.html):
        terminal.show_journey(console, found, labels, Mask(shown=outputs.personal_data))
