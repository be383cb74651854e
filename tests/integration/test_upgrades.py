"""Homes that older commits landed (`tests/recorded/homes`) are loaded on by this version."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion import pipelines
from ingestion.errors import IngestionError
from ingestion.landing import migrations
from ingestion.landing.migrations import LAYOUT, MIGRATIONS, migrate
from ingestion.pipelines import Window
from tests.company import Company, served_company
from tests.recorded.homes.keep import HERE, restore
from tests.sharing import shared
from tests.warehouse import AS_OF

#: The first layout, one that kept click views and versions of settings, the last without load_faults.
COMMITS = ("5f5c67b", "9da2c1b", "43b5a38")
DAYS = Window(AS_OF.date() - timedelta(days=9), AS_OF.date())
#: Columns and tables of loads, not of what they observed.
OWN = ("observed_at", "superseded_at", "row_version", "_dlt_load_id", "_dlt_id")
OF_LOADS = ("load_counts", "stream_state", "store_layout", "load_faults", "quarantine", "page_snapshots")


@contextmanager
def used(home: Path, settings: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update({**settings, "ADLEDGER_HOME": str(home)})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def load(home: Path, company: Company) -> None:
    # figures that come late do so by the company's clock
    company.set_clock(AS_OF.isoformat())
    with used(home, company.settings):
        for source in pipelines.SOURCES:
            for part in pipelines.parts(source):
                window = DAYS if part == "daily" else None
                as_of = AS_OF + timedelta(minutes=1)
                pipelines.load(source, part, window=window, as_of=as_of, reread="all")


@pytest.fixture(scope="module")
def company() -> Iterator[Company]:
    with served_company("--people", "60") as company:
        yield company


@pytest.fixture(scope="module")
def fresh(company: Company) -> Path:
    return shared("upgrades-fresh", lambda home: load(home, company))


@pytest.fixture(scope="module", params=COMMITS)
def commit(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def upgraded(commit: str, company: Company) -> Path:
    def fill(home: Path) -> None:
        home.rmdir()
        restore(HERE / f"{commit}.tar.xz", home)
        load(home, company)

    return shared(f"upgrades-{commit}", fill)


def rows(home: Path, source: str, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(home / "raw" / f"{source}.duckdb"), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.execute(query).fetchall()


def tables(home: Path, source: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    query = "SELECT table_name, column_name FROM duckdb_columns() WHERE schema_name = 'raw' ORDER BY ALL"
    for table, column in rows(home, source, query):
        if not table.startswith("_dlt"):
            found.setdefault(table, []).append(column)
    return found


def test_an_older_home_holds_what_a_fresh_one_holds(commit: str, upgraded: Path, fresh: Path) -> None:
    differences = {}
    for source in pipelines.SOURCES:
        if source == "hubspot" and commit != COMMITS[-1]:
            # the portal of the older simulated company had other records, which count as unchanged
            continue
        for table, columns in tables(fresh, source).items():
            if table in OF_LOADS:
                continue
            chosen = ", ".join(f'"{column}"' for column in columns if column not in OWN)
            valid = " WHERE superseded_at IS NULL" if "superseded_at" in columns else ""
            query = f"SELECT {chosen} FROM raw.{table}{valid}"
            held, expected = ({*map(str, rows(home, source, query))} for home in (upgraded, fresh))
            if held != expected:
                differences[source, table] = held ^ expected
    assert differences == {}


def test_every_table_and_column_of_a_fresh_home_is_there(upgraded: Path, fresh: Path) -> None:
    for source in pipelines.SOURCES:
        held = tables(upgraded, source)
        for table, columns in tables(fresh, source).items():
            assert set(columns) <= set(held.get(table, ())), (source, table)


@pytest.mark.parametrize("commit", COMMITS[1:])
def test_click_views_are_never_lost(commit: str, tmp_path: Path, company: Company) -> None:
    home = tmp_path / "home"
    restore(HERE / f"{commit}.tar.xz", home)
    clicks = "SELECT customer_id, date, gclid FROM raw.click_views WHERE NOT is_day_marker"
    before = set(rows(home, "google_ads", clicks))
    assert len(before) > 50
    # Google no longer lists the days
    with used(home, company.settings):
        later = AS_OF + timedelta(seconds=1)
        pipelines.load("google_ads", "entities", window=None, as_of=later)
    assert set(rows(home, "google_ads", clicks)) == before


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """The home of the first published layout, not loaded on."""
    restore(HERE / f"{COMMITS[0]}.tar.xz", tmp_path / "home")
    return tmp_path / "home"


SETTINGS = "SELECT * EXCLUDE (observed_at) FROM raw.conversion_actions ORDER BY ALL"


def test_settings_become_the_first_version(first: Path) -> None:
    before = rows(
        first, "google_ads", "SELECT id, click_through_lookback_window_days FROM raw.conversion_actions"
    )
    assert migrate(first / "raw" / "google_ads.duckdb")
    kept = rows(
        first,
        "google_ads",
        "SELECT id, click_through_lookback_window_days FROM raw.conversion_actions"
        " WHERE superseded_at IS NULL AND row_version = 'layout 1'",
    )
    assert before
    assert sorted(kept) == sorted(before)
    layouts = rows(first, "google_ads", "SELECT number, name FROM raw.store_layout")
    assert layouts == [(migration.number, migration.name) for migration in MIGRATIONS]
    assert not migrate(first / "raw" / "google_ads.duckdb")


def test_a_migration_that_fails_changes_nothing(first: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = rows(first, "google_ads", SETTINGS)

    def stopped(connection: duckdb.DuckDBPyConnection) -> bool:
        connection.execute("DROP TABLE conversion_actions")
        raise KeyboardInterrupt

    monkeypatch.setattr(migrations, "MIGRATIONS", (replace(MIGRATIONS[0], apply=stopped),))
    with pytest.raises(KeyboardInterrupt):
        migrate(first / "raw" / "google_ads.duckdb")
    assert rows(first, "google_ads", SETTINGS) == before
    assert "store_layout" not in tables(first, "google_ads")


def test_a_layout_without_a_migration_is_refused_with_one_line(
    first: Path, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "MIGRATIONS", ())
    with used(first, company.settings), pytest.raises(IngestionError) as refused:
        pipelines.load("facebook_ads", "entities", window=None, as_of=AS_OF + timedelta(seconds=1))
    assert "landed in another layout (ad_sets.id), and this version has no migration for it" in str(
        refused.value
    )


def test_a_store_of_a_newer_version_is_refused_with_one_line(first: Path) -> None:
    file = first / "raw" / "google_ads.duckdb"
    migrate(file)
    with duckdb.connect(str(file)) as connection:
        connection.execute("INSERT INTO raw.store_layout VALUES (?, 'later', now())", [LAYOUT + 1])
    with pytest.raises(
        IngestionError, match=f"has layout {LAYOUT + 1}, this version .* up to {LAYOUT}: update"
    ):
        migrate(file)


def test_a_source_that_cannot_be_read_has_the_tables_that_models_read(first: Path, company: Company) -> None:
    refused = {**company.settings, "SOURCES__FACEBOOK_ADS__ACCESS_TOKEN": "expired"}
    with used(first, refused), pytest.raises(IngestionError):
        pipelines.load("facebook_ads", "entities", window=None, as_of=AS_OF + timedelta(seconds=1))
    assert {"load_faults", "available_inputs", "leads"} <= tables(first, "facebook_ads").keys()
