"""The rows that a folder of downloaded files would land, without a load."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from ingestion.exports import rows
from ingestion.exports.folder import read
from ingestion.landing.resources import Landing


def landing_of(vendor: str) -> Landing:
    """Return a landing without a store; the setting exports.folder names its files."""
    return Landing(vendor, datetime(2026, 11, 1, 6, tzinfo=UTC), None, cast(Any, None), from_files=True)


def current(vendor: str, kind: str) -> list[rows.Row]:
    """Return the rows of a kind of file that no later download covers."""
    landing = landing_of(vendor)
    return list(rows.current_rows(landing, rows.exports(landing, vendor, kind)))


def refusals(folder: Path) -> list[str]:
    """Return the problems of files that are not read, and of the rows that are not read."""
    found = read(folder)
    of_rows = [
        str(problem) for export in found.exports if export.kind.key for problem in export.figures.problems
    ]
    return [*map(str, found.problems), *of_rows]
