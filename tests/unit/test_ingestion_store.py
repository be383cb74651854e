"""State of earlier loads."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
from hypothesis import given
from hypothesis import strategies as st

from ingestion.landing.store import Store, StreamState
from ingestion.sources.hubspot import tables

LAG = timedelta(minutes=10)
READ = datetime(2026, 11, 1, 6, tzinfo=UTC)
STATE = StreamState(None, READ, READ)
# milliseconds before the load: vendors date changes to the millisecond
MOMENTS = st.integers(1, 24 * 3_600_000).map(lambda before: READ - timedelta(milliseconds=before))


def test_without_a_cursor_all_changes_can_be_new() -> None:
    assert STATE.since(LAG) is None


def test_changes_before_a_settled_cursor_are_not_requested_again() -> None:
    cursor = READ - timedelta(hours=1)
    assert replace(STATE, cursor=cursor).since(LAG) == cursor + timedelta(milliseconds=1)


def test_changes_within_the_index_lag_are_requested_again() -> None:
    assert replace(STATE, cursor=READ - timedelta(minutes=1)).since(LAG) == READ - LAG


@given(changes=st.lists(st.tuples(MOMENTS, st.timedeltas(timedelta(0), LAG)), min_size=1))
def test_nothing_is_missed_within_the_lag(changes: list[tuple[datetime, timedelta]]) -> None:
    """Each change appears some time after its instant and is found by this load or the next one."""
    seen = [at for at, late in changes if at + late < READ]
    since = replace(STATE, cursor=max(seen, default=None)).since(LAG)

    assert since is None or all(at >= since for at, late in changes if at + late >= READ)


def test_a_state_counts_only_with_a_load_that_completed(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.duckdb")
    assert store.state("contacts") is None
    with duckdb.connect(str(store.path)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("CREATE SCHEMA raw")
        connection.execute("USE raw")
        connection.execute("CREATE TABLE _dlt_loads (load_id TEXT, status INTEGER, inserted_at TIMESTAMPTZ)")
        connection.execute(
            "CREATE TABLE stream_state (stream TEXT, cursor TIMESTAMPTZ, read_at TIMESTAMPTZ,"
            " listed_at TIMESTAMPTZ, surplus BIGINT, _dlt_load_id TEXT)"
        )
        for number, status in (("1", 0), ("2", 0), ("3", 1)):
            at = READ + timedelta(hours=int(number))
            connection.execute("INSERT INTO _dlt_loads VALUES (?, ?, ?)", [number, status, at])
            connection.execute(
                "INSERT INTO stream_state VALUES ('contacts', NULL, ?, ?, ?, ?)",
                [at, READ, int(number), number],
            )

    assert store.state("contacts") == StreamState(None, READ + timedelta(hours=2), READ, 2)
    assert store.state("deals") is None


def test_a_table_is_new_until_it_has_all_declared_columns(tmp_path: Path) -> None:
    store = Store(tmp_path / "it's a store.duckdb")
    assert store.is_new(tables.PAGE_VIEW_GAPS)
    assert store.rows("SELECT 1") == []
    with duckdb.connect(str(store.path)) as connection:
        connection.execute("CREATE SCHEMA raw")
        connection.execute("CREATE TABLE raw.page_view_gaps (contact_id TEXT)")
    assert store.is_new(tables.PAGE_VIEW_GAPS)
    with duckdb.connect(str(store.path)) as connection:
        connection.execute("ALTER TABLE raw.page_view_gaps ADD COLUMN missing BIGINT")
    assert not store.is_new(tables.PAGE_VIEW_GAPS)
    assert store.is_new(tables.PAGE_VIEW_GAPS, tables.FORMS)
    assert store.column("SELECT contact_id FROM page_view_gaps").to_pylist() == []
