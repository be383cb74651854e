"""The demonstration's clock: what it reaches, and what keeps the machine's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from orchestration.automation.schedules import build_daily_refresh
from orchestration.execution import clock
from orchestration.execution.resources import RunSettings

STANDS_AT = datetime(2020, 3, 1, 6, tzinfo=UTC)


@pytest.fixture
def standing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(clock.VARIABLE, STANDS_AT.isoformat())


def _instant(**settings: str) -> datetime:
    @dg.op
    def step() -> None: ...

    @dg.job
    def job() -> None:
        step()

    with dg.DagsterInstance.ephemeral() as instance:
        run = job.execute_in_process(instance=instance)
        return RunSettings(**settings).instant(instance, run.run_id)


def test_without_it_the_clock_is_the_machines() -> None:
    before = datetime.now(UTC)
    assert before <= clock.now() <= datetime.now(UTC)
    assert before.replace(microsecond=0) <= _instant() <= datetime.now(UTC)


@pytest.mark.usefixtures("standing")
def test_a_run_without_as_of_takes_place_where_the_clock_stands() -> None:
    assert clock.now() == STANDS_AT
    assert _instant() == STANDS_AT
    assert _instant(as_of="2020-02-01T00:00:00+01:00") == datetime(2020, 1, 31, 23, tzinfo=UTC)


@pytest.mark.usefixtures("standing")
def test_a_tick_reads_as_of_the_clock_and_is_known_by_the_machines_day() -> None:
    tick = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    schedule = build_daily_refresh(5, "UTC")
    keys = set()
    for moment in (tick, tick + timedelta(days=1)):
        evaluated = schedule.evaluate_tick(dg.build_schedule_context(scheduled_execution_time=moment))
        (request,) = evaluated.run_requests or []
        settings = request.run_config["resources"]["run_settings"]["config"]
        assert (settings["as_of"], settings["end"]) == (STANDS_AT.isoformat(), "2020-03-01")
        keys.add(request.run_key)
    assert keys == {tick.date().isoformat(), (tick + timedelta(days=1)).date().isoformat()}
