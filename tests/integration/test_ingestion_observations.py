"""Observations over several loads: changed rows are closed and added, unchanged rows add nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from ingestion import pipelines
from tests.recorded.server import Recorded, serve
from tests.recorded.world import WINDOW, configure, rows

PERIODS = "date, campaign_id, clicks, day(observed_at), day(superseded_at)"
FIRST, SECOND = date(2026, 11, 1), date(2026, 11, 2)


@dataclass
class Network:
    """A network with one campaign; tests change its figures between loads."""

    server: Recorded
    home: Path

    def load(self, day: int, window: pipelines.Window = WINDOW) -> pipelines.LoadReport:
        return pipelines.load(
            "google_ads", "daily", window=window, as_of=datetime(2026, 11, day, 6, tzinfo=UTC)
        )

    @property
    def batches(self) -> list[dict[str, Any]]:
        answer: list[dict[str, Any]] = self.server["campaign_metrics"].answer
        return answer

    def figures(self, where: str = "NOT is_day_marker") -> list[tuple[Any, ...]]:
        return rows(self.home, "google_ads", "campaign_metrics", PERIODS, where)


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Network]:
    with serve("google_ads") as recorded:
        configure(monkeypatch, tmp_path, "google_ads", recorded)
        yield Network(recorded, tmp_path)


def test_an_unchanged_figure_adds_nothing(network: Network) -> None:
    network.load(3)
    network.load(4)

    assert network.figures() == [(FIRST, "9", 4, 3, None), (SECOND, "9", 0, 3, None)]
    assert network.figures("is_day_marker") == [(FIRST, None, None, 3, None), (SECOND, None, None, 3, None)]


def test_the_same_as_of_twice_changes_nothing(network: Network) -> None:
    network.load(3)
    tables = ("campaign_metrics", "ad_metrics", "campaign_conversions", "quarantine", "load_counts")
    before = [rows(network.home, "google_ads", table) for table in tables]
    network.load(3)

    assert [rows(network.home, "google_ads", table) for table in tables] == before


def test_a_figure_that_changes_and_changes_back_has_three_observations(network: Network) -> None:
    metrics = network.batches[0]["results"][0]["metrics"]
    for day, clicks in ((3, "4"), (4, "5"), (5, "4")):
        metrics["clicks"] = clicks
        network.load(day)

    assert network.figures(f"campaign_id IS NOT NULL AND date = '{FIRST}'") == [
        (FIRST, "9", 4, 3, 4),
        (FIRST, "9", 4, 5, None),
        (FIRST, "9", 5, 4, 5),
    ]


def test_a_day_that_lost_all_its_rows_is_closed(network: Network) -> None:
    network.load(3)
    network.batches[:] = [{"fieldMask": "x", "requestId": "y"}]
    network.load(4)

    assert network.figures() == [(FIRST, "9", 4, 3, 4), (SECOND, "9", 0, 3, 4)]
    assert network.figures("is_day_marker AND superseded_at IS NULL") == [
        (FIRST, None, None, 3, None),
        (SECOND, None, None, 3, None),
    ]


def test_days_outside_the_window_stay_as_they_are(network: Network) -> None:
    network.load(3)
    network.batches[0]["results"] = [network.batches[0]["results"][1]]
    network.load(4, pipelines.Window(SECOND, SECOND))

    assert network.figures() == [(FIRST, "9", 4, 3, None), (SECOND, "9", 0, 3, None)]


def test_landed_days_are_the_days_read_even_if_they_had_no_rows(network: Network) -> None:
    assert pipelines.landed_days("google_ads") is None
    network.load(5, pipelines.Window(FIRST, date(2026, 11, 4)))

    assert pipelines.landed_days("google_ads") == pipelines.Window(FIRST, date(2026, 11, 4))


def test_a_failed_load_keeps_the_observations(network: Network) -> None:
    network.load(3)
    before = network.figures("true")
    network.batches[0]["results"][0]["metrics"]["clicks"] = "99"
    network.server["ad_conversions"].answer = {"unexpected": True}

    with pytest.raises(pipelines.ResponseError, match=r"sources\.google_ads\.base_url"):
        network.load(4)
    assert network.figures("true") == before

    network.server["ad_conversions"].answer = []
    network.load(4)
    assert network.figures(f"date = '{FIRST}' AND NOT is_day_marker") == [
        (FIRST, "9", 4, 3, 4),
        (FIRST, "9", 99, 4, None),
    ]


def test_most_records_bad_is_an_error_not_a_day_without_figures(network: Network) -> None:
    network.load(3)
    before = network.figures("true")
    row = network.batches[0]["results"][0]
    network.batches[0]["results"] = [row | {"metrics": {"clicks": "many"}} for _ in range(120)]

    with pytest.raises(pipelines.AccessError, match="120 of 120 records of account 1234567890 were rejected"):
        network.load(4)
    assert network.figures("true") == before


def test_the_same_actions_in_another_order_are_not_a_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve("facebook_ads") as server:
        configure(monkeypatch, tmp_path, "facebook_ads", server)
        actions = server["insights campaign 1"].answer["data"][0]["actions"]
        for day in (3, 4):
            as_of = datetime(2026, 11, day, 6, tzinfo=UTC)
            pipelines.load("facebook_ads", "daily", window=WINDOW, as_of=as_of)
            actions.reverse()

    where = f"date = '{FIRST}' AND NOT is_day_marker"
    assert rows(tmp_path, "facebook_ads", "insights_campaign", "count(*)", where) == [(1,)]
