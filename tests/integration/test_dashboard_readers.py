"""Fifty concurrent readers while the published file is replaced: each sees one complete version."""

from __future__ import annotations

import os
import shutil
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import duckdb

from benchmarks.published import Company, publish
from reporting.dashboard.queries import Query
from reporting.dashboard.serving import Published
from tests.swapping import read_through

READERS, SWAPS = 50, 20
COMPANY = Company(contacts=300, days=10)
START = Query("select sum(units) from reconciliation.conversion_bridge where kind = 'start'")
MOVED = Query("select sum(units) from reconciliation.conversion_bridge where kind = 'adjustment'")
END = Query("select sum(units) from reconciliation.conversion_bridge where kind = 'end'")
AS_OF = Query("select max(as_of) from marts.sources")
CHECKED = Query("select max(checked_at) from reconciliation.tracking_health")


def _swap(serving: Path, first: Path, number: int) -> None:
    """Publishes the file of a later day, with other figures that also balance."""
    beside = serving.with_name(".next")
    shutil.copy(first, beside)
    beside.chmod(0o644)
    later = COMPANY.as_of + timedelta(days=number)
    with duckdb.connect(str(beside)) as connection:
        connection.execute("update marts.sources set as_of = ?", [later])
        connection.execute("update reconciliation.tracking_health set checked_at = ?", [later])
        connection.execute(f"update reconciliation.conversion_bridge set units = units * {number + 1}")
    os.replace(beside, serving)


def test_every_read_is_of_one_file(tmp_path: Path) -> None:
    serving, first = tmp_path / "serving.duckdb", tmp_path / "first.duckdb"
    publish(first, COMPANY)
    shutil.copy(first, serving)
    published = Published(serving)

    def read() -> datetime:
        snapshot = published.snapshot()
        start, moved, end, as_of, checked = (
            snapshot.read(query).column(0)[0].as_py() for query in (START, MOVED, END, AS_OF, CHECKED)
        )
        number = (as_of - COMPANY.as_of).days + 1
        assert (start + moved, as_of) == (end, checked)
        assert start % number == 0
        return as_of

    swaps = (
        (partial(_swap, serving, first, number), COMPANY.as_of + timedelta(days=number))
        for number in range(1, SWAPS + 1)
    )
    read_through(swaps, read, READERS)
