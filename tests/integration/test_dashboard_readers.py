"""Fifty readers of the published file while others are swapped in: each sees one of them, whole."""

from __future__ import annotations

import os
import shutil
import threading
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from benchmarks.published import Company, publish
from dashboards.queries import Query
from dashboards.serving import Published

READERS, SWAPS = 50, 20
COMPANY = Company(contacts=300, days=10)
START = Query("select sum(units) from reconciliation.conversion_bridge where kind = 'start'")
MOVED = Query("select sum(units) from reconciliation.conversion_bridge where kind = 'adjustment'")
END = Query("select sum(units) from reconciliation.conversion_bridge where kind = 'end'")
AS_OF = Query("select max(as_of) from marts.sources")
CHECKED = Query("select max(checked_at) from reconciliation.tracking_health")


def _swap(serving: Path, first: Path, number: int) -> None:
    """Another day's file: later, and with other figures that balance as well."""
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
    done, faults, seen = threading.Event(), [], set[datetime]()
    swapped = threading.Condition()

    def read() -> None:
        try:
            while True:
                last = done.is_set()
                snapshot = published.snapshot()
                start, moved, end, as_of, checked = (
                    snapshot.read(query).column(0)[0].as_py() for query in (START, MOVED, END, AS_OF, CHECKED)
                )
                number = (as_of - COMPANY.as_of).days + 1
                assert (start + moved, as_of) == (end, checked)
                assert start % number == 0
                with swapped:
                    seen.add(as_of)
                    swapped.notify()
                if last:
                    return
        except Exception as error:  # noqa: BLE001 - whatever it is, the test tells
            with swapped:
                faults.append(error)
                swapped.notify()

    readers = [threading.Thread(target=read) for _ in range(READERS)]
    for reader in readers:
        reader.start()
    for number in range(1, SWAPS + 1):
        _swap(serving, first, number)
        later = COMPANY.as_of + timedelta(days=number)
        with swapped:
            assert swapped.wait_for(lambda day=later: day in seen or faults, timeout=60), later
    done.set()
    for reader in readers:
        reader.join()
    assert not faults, faults[0]
