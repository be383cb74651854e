"""The fixed clock of the demonstration, and the places that keep the system clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from orchestration.automation.schedules import build_daily_refresh
from orchestration.execution import clock
from orchestration.execution.resources import RunSettings

FIXED_TIME = datetime(2020, 3, 1, 6, tzinfo=UTC)


@pytest.fixture
def fixed_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(clock.VARIABLE, FIXED_TIME.isoformat())


def _instant(**settings: str) -> datetime:
    @dg.op
    def step() -> None: ...

    @dg.job
    def job() -> None:
        step()

    with dg.DagsterInstance.ephemeral() as instance:
        run = job.execute_in_process(instance=instance)
        return RunSettings(**settings).instant(instance, run.run_id)


def test_without_a_fixed_time_it_is_the_system_clock() -> None:
    before = datetime.now(UTC)
    assert before <= clock.now() <= datetime.now(UTC)
    assert before.replace(microsecond=0) <= _instant() <= datetime.now(UTC)


@pytest.mark.usefixtures("fixed_clock")
def test_a_run_without_as_of_uses_the_fixed_time() -> None:
    assert clock.now() == FIXED_TIME
    assert _instant() == FIXED_TIME
    assert _instant(as_of="2020-02-01T00:00:00+01:00") == datetime(2020, 1, 31, 23, tzinfo=UTC)


@pytest.mark.usefixtures("fixed_clock")
def test_a_tick_uses_the_fixed_time_as_as_of_and_the_system_day_as_run_key() -> None:
    tick = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    schedule = build_daily_refresh(5, "UTC")
    keys = set()
    for moment in (tick, tick + timedelta(days=1)):
        evaluated = schedule.evaluate_tick(dg.build_schedule_context(scheduled_execution_time=moment))
        (request,) = evaluated.run_requests or []
        settings = request.run_config["resources"]["run_settings"]["config"]
        assert (settings["as_of"], settings["end"]) == (FIXED_TIME.isoformat(), "2020-03-01")
        keys.add(request.run_key)
    assert keys == {tick.date().isoformat(), (tick + timedelta(days=1)).date().isoformat()}
