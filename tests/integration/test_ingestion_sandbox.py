"""All four sources against the simulated company: every page is read, nothing is refused, a repeat changes nothing."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from ingestion import pipelines
from tests.recorded.world import rows

PARTS = [("hubspot", "entities")] + [
    (source, part) for source in pipelines.SOURCES if source != "hubspot" for part in ("entities", "daily")
]


@pytest.fixture(scope="module")
def company() -> Iterator[dict[str, Any]]:
    """The running sandbox: what it printed when it was ready."""
    command = [sys.executable, "-m", "sandbox.serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


def load_all(source: str, environment: dict[str, str], now: str) -> dict[str, Any]:
    """Every part of a source, in this process."""
    os.environ.update(environment)
    window = pipelines.Window(date(2026, 10, 1), date(2026, 10, 31))
    reports = [
        pipelines.load(name, part, window=window, as_of=datetime.fromisoformat(now))
        for name, part in PARTS
        if name == source
    ]
    return {
        "rows": {table: count for report in reports for table, count in report.rows.items()},
        "quarantined": sum(report.quarantined for report in reports),
    }


def test_four_sources_land_side_by_side_and_again_without_a_change(
    company: dict[str, Any], tmp_path: Path
) -> None:
    environment = company["env"] | {"ADLEDGER_HOME": str(tmp_path)}

    def refresh(pool: ProcessPoolExecutor) -> dict[str, dict[str, Any]]:
        jobs = {source: pool.submit(load_all, source, environment, company["now"]) for source in PARTS}
        return {source: job.result() for source, job in jobs.items()}

    def landed() -> dict[str, list[tuple[Any, ...]]]:
        return {
            f"{source}.{table}": rows(tmp_path, source, table)
            for source in first
            for table in first[source]["rows"]
        }

    first = refresh()
    before = landed()

    assert [outcome["quarantined"] for outcome in first.values()] == [0, 0, 0, 0]
    assert all(outcome["rows"] and min(outcome["rows"].values()) > 0 for outcome in first.values())
    assert refresh() == first
    assert landed() == before
