"""A home after its first refresh of a company of 400 people; tests that only look at it have it in common."""

from __future__ import annotations

from pathlib import Path

from tests.company import Home, served_company
from tests.sharing import copied, shared

PEOPLE = "400"
DAYS = ("--start", "2026-09-15", "--end", "2026-11-01")


def refreshed() -> Path:
    """The shared home: nothing in it may change."""
    return shared("refreshed", _refresh)


def copy_of_refreshed(to: Path) -> Path:
    """A home of one's own in the same state."""
    return copied("refreshed", _refresh, to)


def _refresh(folder: Path) -> None:
    with served_company("--people", PEOPLE) as company:
        done = Home(folder, company.settings).run("refresh", "--as-of", company.now, *DAYS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
