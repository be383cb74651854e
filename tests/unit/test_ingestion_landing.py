"""Records that a load reads twice."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from ingestion.landing import resources as landing
from ingestion.landing.arrow import Column, Page, Table
from ingestion.landing.resources import Landing
from ingestion.landing.store import Store

AS_OF = datetime(2026, 11, 1, 6, tzinfo=UTC)


def table(*, latest: bool) -> Table:
    columns = (Column("id", "id", "id", required=True), Column("archived", "boolean", "archived"))
    return Table("records", "results[]", columns, key=("id",), disposition="merge", latest=latest)


def page(first: int, last: int, archived: bool) -> Page:
    rows = [{"id": str(number), "archived": archived} for number in range(first, last)]
    return Page(orjson.dumps({"results": rows}), (), len(rows))


def test_a_record_archived_long_after_it_was_listed_lands_once_and_as_archived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landing, "_REMEMBERED_KEYS", 10)
    load = Landing("hubspot", AS_OF, None, Store(tmp_path / "none.duckdb"))
    lander = load.lander(table(latest=True))

    landed = [
        rows for start in range(0, 500, 50) for rows in lander.land_batch([page(start, start + 50, False)])
    ]
    landed += lander.land_batch([page(3, 4, True)])

    ids = [number for rows in landed for number in rows.column("id").to_pylist()]
    assert sorted(map(int, ids)) == list(range(500)), "each key is staged once"
    (again,) = load.repeated_records()
    assert [row for rows in again for row in rows.select(["id", "archived"]).to_pylist()] == [
        {"id": "3", "archived": True}
    ]
    assert load.counts["records"].landed == 500
    assert load.counts["records"].duplicates == 1
    load.close()
