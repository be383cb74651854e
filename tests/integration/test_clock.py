"""A load refuses a wrong clock, and a store that was loaded with one can be repaired."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from ingestion import pipelines
from ingestion.errors import ClockError
from ingestion.http.clock import SKEW_LIMIT, clock_fault, vendor_time
from ingestion.landing.future import has_future, redate
from ingestion.landing.resources import Landing
from ingestion.landing.store import Store
from ingestion.pipelines import Window
from tests.company import Company, served_company

SOURCE = "google_ads"
NOW = datetime(2026, 11, 1, 6, tzinfo=UTC)
AHEAD = NOW + timedelta(days=30)
DAYS = 10


@pytest.mark.parametrize(
    ("vendor", "as_of", "now", "fault"),
    [
        (NOW, NOW, NOW, None),
        (NOW, NOW + SKEW_LIMIT, NOW + SKEW_LIMIT, None),
        (NOW, AHEAD, AHEAD, "30 days ahead of"),
        (NOW, NOW + timedelta(minutes=6), NOW, "6 minutes ahead of"),
        (NOW, NOW - timedelta(hours=3), NOW - timedelta(hours=3), "3 hours behind"),
        # an earlier as-of that was asked for, and the simulated company's clock
        (NOW, NOW - timedelta(days=3), NOW, None),
        (NOW, NOW, AHEAD, None),
        (NOW, NOW, NOW - timedelta(days=300), None),
    ],
)
def test_a_clock_may_differ_from_the_vendors_by_minutes(
    vendor: datetime, as_of: datetime, now: datetime, fault: str | None
) -> None:
    assert clock_fault(vendor, as_of, now) == fault


@pytest.mark.parametrize(
    ("headers", "time"),
    [
        ({"date": "Sun, 01 Nov 2026 06:00:00 GMT"}, NOW),
        ({"date": "Sun, 01 Nov 2026 05:00:00 GMT", "age": "3600"}, NOW),
        ({}, None),
        ({"date": "yesterday"}, None),
        ({"date": "Sun, 01 Nov 2026 06:00:00 GMT", "age": "old"}, None),
    ],
)
def test_a_vendors_time_is_that_of_its_answer(headers: dict[str, str], time: datetime | None) -> None:
    assert vendor_time(headers) == time


@pytest.fixture(scope="module")
def company() -> Iterator[Company]:
    with served_company("--people", "150") as company:
        yield company


def load(home: Path, as_of: datetime) -> None:
    for part in ("entities", "daily"):
        window = Window(NOW.date() - timedelta(days=DAYS), as_of.date()) if part == "daily" else None
        pipelines.load(SOURCE, part, window=window, as_of=as_of, reread="unsettled")


@pytest.fixture
def home(company: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in {**company.settings, "ADLEDGER_HOME": str(tmp_path / "home")}.items():
        monkeypatch.setenv(name, value)
    return tmp_path / "home"


def current(home: Path) -> dict[str, list[tuple[object, ...]]]:
    """Rows that are valid now, of all tables that keep observations, without their times."""
    with duckdb.connect(str(home / "raw" / f"{SOURCE}.duckdb"), read_only=True) as connection:
        tables = connection.execute(
            "SELECT table_name FROM duckdb_columns()"
            " WHERE column_name = 'superseded_at' AND schema_name = 'raw'"
        ).fetchall()
        assert len(tables) > 5
        return {
            table: connection.execute(
                f"SELECT * EXCLUDE (observed_at, superseded_at) FROM raw.{table}"
                " WHERE superseded_at IS NULL ORDER BY ALL"
            ).fetchall()
            for (table,) in tables
        }


def test_a_load_ahead_of_the_vendors_clock_lands_nothing(home: Path) -> None:
    with pytest.raises(ClockError) as refused:
        load(home, AHEAD)
    line = str(refused.value)
    assert line.startswith(
        "google_ads: this refresh's time (2026-12-01 06:00 UTC) is 30 days ahead of that of 127"
    )
    assert line.endswith("correct this machine's clock (timedatectl set-ntp true), or --as-of")
    assert pipelines.loaded_at(SOURCE) == {}


def test_a_store_from_the_future_is_refused_until_it_is_repaired(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(home, NOW)
    before = current(home)
    undisturbed = home.with_name("undisturbed")
    shutil.copytree(home, undisturbed)
    with monkeypatch.context() as wrong:
        # a vendor that sends no Date
        wrong.setattr(Landing, "compare_clocks", lambda *_: None)
        load(home, AHEAD)
    later = NOW + timedelta(minutes=4)
    monkeypatch.setattr(pipelines, "system_time", lambda: later)
    store = Store(home / "raw" / f"{SOURCE}.duckdb")
    assert has_future(store, later)
    with pytest.raises(
        ClockError, match=r"observed at 2026-12-01 06:00:00 UTC, which has not come yet: .*repair"
    ):
        load(home, later)

    redate(store.path, NOW + timedelta(minutes=2))
    assert not has_future(store, later)
    assert max(pipelines.loaded_at(SOURCE).values()) == NOW + timedelta(minutes=2)
    assert current(home)["click_views"] == before["click_views"]
    load(home, later)
    repaired = current(home), pipelines.landed_days(SOURCE)
    monkeypatch.setenv("ADLEDGER_HOME", str(undisturbed))
    load(undisturbed, later)
    assert repaired == (current(undisturbed), pipelines.landed_days(SOURCE))


def test_an_as_of_before_the_last_load_is_refused(home: Path) -> None:
    load(home, NOW)
    landed = current(home)
    with pytest.raises(ClockError, match=r"after the as-of of this refresh .* use a later --as-of"):
        load(home, NOW - timedelta(days=1))
    assert current(home) == landed


def test_future_times_keep_their_order_and_loads_their_rows(tmp_path: Path) -> None:
    file = tmp_path / "store.duckdb"
    ids = [str((NOW + timedelta(days=days)).timestamp()) for days in (-1, 30, 31)]
    with duckdb.connect(str(file)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("CREATE SCHEMA raw; USE raw")
        connection.execute("CREATE TABLE _dlt_loads (load_id VARCHAR, inserted_at TIMESTAMPTZ)")
        connection.execute(
            "CREATE TABLE f (v INTEGER, observed_at TIMESTAMPTZ, superseded_at TIMESTAMPTZ,"
            " _dlt_load_id VARCHAR)"
        )
        times = [NOW - timedelta(days=1), AHEAD, AHEAD + timedelta(days=1)]
        for value, (moment, load_id) in enumerate(zip(times, ids, strict=True)):
            connection.execute("INSERT INTO _dlt_loads VALUES (?, ?)", [load_id, moment])
            ends = times[value + 1] if value < 2 else None
            connection.execute("INSERT INTO f VALUES (?, ?, ?, ?)", [value, moment, ends, load_id])
    redate(file, NOW)
    with duckdb.connect(str(file)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        rows = connection.execute(
            "SELECT v, observed_at, superseded_at, inserted_at FROM raw.f"
            " JOIN raw._dlt_loads ON load_id = _dlt_load_id ORDER BY observed_at, load_id::DOUBLE"
        ).fetchall()
    second = NOW - timedelta(seconds=1)
    assert rows == [
        (0, times[0], second, times[0]),
        (1, second, NOW, second),
        (2, NOW, None, NOW),
    ]
