"""Backfills and restated days: interrupted loads, and days that later loads request again."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion import pipelines
from ingestion.errors import LoadStopped
from ingestion.pipelines import LoadReport, Reread, Window
from tests.company import Company, served_company
from tests.recorded.world import rows

SOURCE = "linkedin_ads"
TABLES = ("campaign_analytics", "creative_analytics", "campaign_conversions", "creative_conversions")
AS_OF = datetime(2026, 11, 1, 6, tzinfo=UTC)
TODAY = AS_OF.date()
YEAR = Window(TODAY - timedelta(days=299), TODAY)


@pytest.fixture(scope="module")
def company() -> Iterator[Company]:
    with served_company("--people", "200") as company:
        yield company


def control(company: Company, path: str, method: str, body: Any = None) -> None:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{company.url}/_sandbox/{path}", data=data, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200


@pytest.fixture
def broken(company: Company) -> Iterator[Any]:
    """Refuse figures after some requests, until the test ends."""

    def after(requests: int) -> None:
        rule = {"status": 400, "path": "adAnalytics", "after": requests, "times": None}
        control(company, "faults", "POST", {"status": rule})

    yield after
    control(company, "faults", "DELETE")


def use(home: Path, company: Company, patch: pytest.MonkeyPatch) -> Path:
    for name, value in {**company.settings, "ADLEDGER_HOME": str(home)}.items():
        patch.setenv(name, value)
    return home


def load(window: Window, reread: Reread, as_of: datetime = AS_OF) -> LoadReport:
    return pipelines.load(SOURCE, "daily", window=window, as_of=as_of, reread=reread)


def asked(report: LoadReport) -> int:
    return sum(report.requests.values())


def landed(home: Path) -> dict[str, list[tuple[Any, ...]]]:
    return {table: sorted(rows(home, SOURCE, table), key=str) for table in TABLES}


def test_an_interrupted_backfill_continues_where_it_stopped(
    company: Company, broken: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = use(tmp_path / "whole", company, monkeypatch)
    undisturbed = load(YEAR, "none")

    parts = use(tmp_path / "parts", company, monkeypatch)
    broken(asked(undisturbed) // 2)
    with pytest.raises(pipelines.IngestionError):
        load(YEAR, "none")
    stopped = pipelines.landed_days(SOURCE)
    control(company, "faults", "DELETE")
    rest = load(YEAR, "none")

    assert stopped is not None
    assert (stopped.end, YEAR.start < stopped.start < TODAY) == (TODAY, True)
    assert asked(rest) < asked(undisturbed)
    assert pipelines.landed_days(SOURCE) == YEAR
    assert landed(parts) == landed(whole)
    assert sum(map(len, landed(whole).values())) > len(TABLES) * 300
    assert asked(load(YEAR, "none")) <= 2, "nothing is left to read but the accounts"


def test_new_days_land_even_if_reloading_old_ones_fails(
    company: Company, broken: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last_week = Window(TODAY - timedelta(days=40), TODAY - timedelta(days=7))
    usual = Window(last_week.start, TODAY)
    use(tmp_path / "undisturbed", company, monkeypatch)
    load(last_week, "unsettled", AS_OF - timedelta(days=7))
    load(usual, "unsettled")
    use(tmp_path / "new", company, monkeypatch)
    new = asked(load(Window(last_week.end + timedelta(days=1), TODAY), "none"))

    home = use(tmp_path / "disturbed", company, monkeypatch)
    load(last_week, "unsettled", AS_OF - timedelta(days=7))
    broken(new)

    with pytest.raises(pipelines.IngestionError):
        load(usual, "unsettled")
    found = pipelines.landed_days(SOURCE)
    unsettled = pipelines.unsettled_since(SOURCE)
    control(company, "faults", "DELETE")
    load(usual, "unsettled")

    assert found == usual
    assert unsettled == last_week.start, "the days that were to be read again still are"
    assert landed(home) == landed(tmp_path / "undisturbed")


def test_rows_of_an_interrupted_load_are_not_duplicated(
    company: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    month = Window(TODAY - timedelta(days=29), TODAY)
    whole = use(tmp_path / "whole", company, monkeypatch)
    load(month, "none")
    died = use(tmp_path / "died", company, monkeypatch)
    load(month, "none")
    with duckdb.connect(str(died / "raw" / f"{SOURCE}.duckdb")) as connection:
        # rows that landed before the day markers did
        connection.execute(
            "DELETE FROM raw.creative_analytics WHERE is_day_marker AND date > DATE '2026-10-15'"
        )
    load(month, "none")

    assert landed(died) == landed(whole)


def test_settled_days_are_not_loaded_again(
    company: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(tmp_path, company, monkeypatch)
    pipelines.load(SOURCE, "entities", window=None, as_of=AS_OF)
    everything = load(YEAR, "all")
    changing = load(YEAR, "unsettled")

    assert asked(changing) < asked(everything) / 2
    assert changing.rows["campaign_analytics"] > 0
    assert pipelines.unsettled_since(SOURCE) > date(2026, 7, 1)


def test_a_stopped_load_keeps_landed_rows(
    company: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    month = Window(TODAY - timedelta(days=29), TODAY)
    home = use(tmp_path, company, monkeypatch)
    load(month, "none")
    before, stopped, said = landed(home), threading.Event(), []

    def say(line: str) -> None:
        said.append(line)
        stopped.set()

    with pytest.raises(LoadStopped):
        pipelines.load(
            SOURCE,
            "daily",
            window=YEAR,
            as_of=AS_OF + timedelta(minutes=1),
            reread="all",
            progress=say,
            stopped=stopped,
        )
    assert said
    assert landed(home) == before
    assert pipelines.landed_days(SOURCE) == month
