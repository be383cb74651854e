"""All four sources with the simulated company: nothing is rejected, and a repeated load changes nothing."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion import pipelines
from tests.company import Company, served_company
from tests.recorded.world import rows

# tables with rows only after merges, for missing page views, and for Google's lead forms
NOTHING_YET = {"merged_contacts", "page_view_gaps", "ads_export", "lead_form_submissions"}
# continued from the last load
READ_ON = {"lead_form_responses", "leads"}
PARTS = {source: pipelines.parts(source) for source in pipelines.VENDORS}


@pytest.fixture(scope="module")
def company() -> Iterator[Company]:
    with served_company("--people", "300") as company:
        yield company


def load_all(source: str, environment: dict[str, str], now: str) -> dict[str, dict[str, int]]:
    """Load all parts of a source in this process; return landed rows by table, quarantined by part."""
    os.environ.update(environment)
    window = pipelines.Window(date(2026, 10, 1), date(2026, 10, 31))
    as_of = datetime.fromisoformat(now)
    reports = [pipelines.load(source, part, window=window, as_of=as_of) for part in PARTS[source]]
    return {
        "rows": {table: count for report in reports for table, count in report.rows.items()},
        "quarantined": {
            part: report.quarantined for part, report in zip(PARTS[source], reports, strict=True)
        },
    }


def test_four_sources_land_in_parallel_and_again_without_a_change(company: Company, tmp_path: Path) -> None:
    environment = company.settings | {"ADLEDGER_HOME": str(tmp_path)}
    environment["SOURCES__HUBSPOT__DOMAINS"] = "www.nordlicht.example,shop.example"

    def refresh() -> dict[str, dict[str, dict[str, int]]]:
        jobs = {source: pool.submit(load_all, source, environment, company.now) for source in PARTS}
        return {source: job.result() for source, job in jobs.items()}

    def landed() -> list[list[tuple[Any, ...]]]:
        return [
            rows(tmp_path, source, table) for source, outcome in first.items() for table in outcome["rows"]
        ]

    # each process imports dlt, so use two, which still run two loads in parallel
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        first = refresh()
        before = landed()
        second = refresh()

    assert not [source for source, outcome in first.items() if any(outcome["quarantined"].values())]
    empty = {table for outcome in first.values() for table, count in outcome["rows"].items() if not count}
    assert empty == NOTHING_YET
    networks = PARTS.keys() - {"hubspot"}
    for source in networks:
        again = {table: first[source]["rows"][table] for table in second[source]["rows"].keys() - READ_ON}
        assert {table: second[source]["rows"][table] for table in again} == again
    assert landed() == before
    with duckdb.connect(str(tmp_path / "raw" / "hubspot.duckdb"), read_only=True) as store:
        assert store.sql("SELECT domains FROM raw.account").fetchall() == [
            ('["nordlicht.example","shop.example"]',)
        ]
