"""One question, answered in the forms asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
from rich.console import Console

from reporting.explain import claims, document, journey, page, picture, reading, terminal
from reporting.explain.masking import Mask
from reporting.explain.scope import Scope, resolve


class Outdated(Exception):
    """The published file lacks what the question needs: an older version wrote it."""


@dataclass(frozen=True)
class Forms:
    """Where the answer goes; to the terminal if nowhere else."""

    html: Path | None = None
    png: Path | None = None
    svg: Path | None = None
    json: bool = False
    personal_data: bool = False

    @property
    def files(self) -> list[Path]:
        """The files asked for."""
        return [path for path in (self.html, self.png, self.svg) if path is not None]


def answer(
    serving: Path,
    asked: Scope,
    console: Console,
    forms: Forms | None = None,
    *,
    step: str | None = None,
    contact: str | None = None,
) -> bool:
    """Answers from the published file; False where the range holds no figures.

    Raises InvalidOption where the question names what is not published, and Outdated.
    """
    forms = forms or Forms()
    try:
        with reading.reading(serving) as connection:
            scope = resolve(connection, asked)
            if contact is not None:
                _journey(connection, scope, contact, console, forms)
                found = True
            else:
                found = _bridges(connection, scope, step, console, forms)
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        raise Outdated(f"an older version published {serving}: run adledger refresh") from error
    if found and not forms.json:
        for path in forms.files:
            console.print(f"Wrote {path}", highlight=False, soft_wrap=True)
    return found


def _bridges(
    connection: duckdb.DuckDBPyConnection, scope: Scope, step: str | None, console: Console, forms: Forms
) -> bool:
    bridges = reading.read_bridges(connection, scope)
    sources = reading.read_sources(connection)
    mask = Mask(shown=forms.personal_data)
    labels = reading.read_labels(connection)
    rows = claims.read_step(connection, scope, step) if step and bridges else []
    described = reading.describe(connection, scope)
    if forms.json:
        told = (
            document.step_document(scope, sources, bridges, step, rows, labels, mask)
            if step
            else document.bridges_document(scope, sources, bridges)
        )
        console.out(told, highlight=False)
    if not bridges:
        return False
    if forms.html:
        by_step = {step: rows} if step else claims.read_latest(connection, scope, page.FIRST_CLAIMS)
        page.write_bridges(forms.html, bridges, by_step, described, Mask(shown=mask.shown), chosen=step)
    if forms.png:
        picture.draw_png(forms.png, bridges, described)
    if forms.svg:
        picture.draw_svg(forms.svg, bridges, described)
    if forms.json or forms.files:
        return True
    if step:
        terminal.show_step(console, labels.get(step, step), rows, bridges, step, mask)
    else:
        terminal.show(console, bridges, described)
    return True


def _journey(
    connection: duckdb.DuckDBPyConnection, scope: Scope, contact: str, console: Console, forms: Forms
) -> None:
    person = journey.read_journey(connection, contact, scope)
    labels = reading.read_labels(connection)
    sources = reading.read_sources(connection)
    if forms.json:
        mask = Mask(shown=forms.personal_data)
        console.out(document.journey_document(sources, person, labels, mask), highlight=False)
    if forms.html:
        stale = [source for source in sources if source.is_stale]
        page.write_journey(forms.html, person, stale, labels, Mask(shown=forms.personal_data))
    if not (forms.json or forms.html):
        terminal.show_journey(console, person, labels, Mask(shown=forms.personal_data))
