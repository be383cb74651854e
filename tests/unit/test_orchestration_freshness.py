"""Freshness of a source, by its newest day and its last load, at the run's as-of."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from ingestion import pipelines
from orchestration.checks.freshness import Limits, late_days, late_load, monitored_sources
from tests.warehouse import AS_OF, Warehouse

LIMITS = Limits(days=1, hours=36)


@pytest.fixture(scope="module")
def google(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A network with days up to October 30, loaded as of October 31, 6:00."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADLEDGER_HOME", str(home))
        warehouse = Warehouse(home)
        for part in pipelines.parts("google_ads"):
            pipelines.load("google_ads", part, window=None, as_of=AS_OF)
        for table in pipelines._tables("google_ads", "daily"):
            _read(warehouse, table.name, date(2026, 10, 30))
        for part in pipelines.parts("google_ads"):
            for table in pipelines._tables("google_ads", part):
                _count(warehouse, table.name, _at(31, 6))
    return warehouse


def _read(warehouse: Warehouse, table: str, day: date) -> None:
    marker = {"customer_id": "1", "date": day, "is_day_marker": True, "row_version": f"{day}"}
    warehouse.land("google_ads", table, marker)


def _count(warehouse: Warehouse, table: str, as_of: datetime) -> None:
    with duckdb.connect(str(warehouse.home / "raw" / "google_ads.duckdb")) as connection:
        connection.execute(
            "INSERT INTO raw.load_counts BY NAME SELECT ? AS id, ? AS resource, ? AS loaded_at",
            [table, table, as_of],
        )


def _at(day: int, hour: int) -> datetime:
    return datetime(2026, 10, day, hour, tzinfo=UTC)


@pytest.fixture(autouse=True)
def home(google: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ADLEDGER_HOME", str(google.home))
    return google.home


def test_the_newest_day_is_late_when_more_days_are_missing_than_allowed() -> None:
    assert late_days("google_ads", _at(31, 23), LIMITS) is None
    late = late_days("google_ads", datetime(2026, 11, 1, 0, tzinfo=UTC), LIMITS)
    assert late == (
        "google_ads: the newest day of its figures is 2026-10-30, 2 days before 2026-11-01:"
        " run adledger refresh, and adledger doctor google_ads if that does not help"
    )
    assert late_days("google_ads", datetime(2026, 11, 1, 0, tzinfo=UTC), Limits(2, 36)) is None


def test_a_backfill_of_old_days_does_not_make_figures_fresh(google: Warehouse) -> None:
    later = datetime(2026, 11, 5, 6, tzinfo=UTC)
    before = late_days("google_ads", later, LIMITS)
    for table in pipelines._tables("google_ads", "daily"):
        _read(google, table.name, date(2024, 3, 1))
    assert before
    assert late_days("google_ads", later, LIMITS) == before


def test_a_load_is_late_by_its_age_at_as_of() -> None:
    landed = _at(31, 6)
    assert late_load("google_ads", landed + timedelta(hours=36), LIMITS) is None
    late = late_load("google_ads", landed + timedelta(hours=37), LIMITS)
    assert late
    assert "google_ads: last loaded 2026-10-31 06:00 UTC, 37 hours before 2026-11-01 19:00" in late
    assert "adledger doctor" in late


def test_what_never_landed_is_not_late() -> None:
    assert late_days("linkedin_ads", AS_OF, LIMITS) is None
    assert late_load("hubspot", AS_OF, LIMITS) is None


def test_a_source_without_credentials_is_not_monitored(monkeypatch: pytest.MonkeyPatch) -> None:
    assert monitored_sources() == ()
    monkeypatch.setenv("SOURCES__GOOGLE_ADS__CLIENT_ID", "a-client")
    assert monitored_sources() == ("google_ads", "landing_pages")
