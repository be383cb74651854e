"""The daily schedule: in the portal's time zone, once a day, also during a load."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from dagster._utils.schedules import schedule_execution_time_iterator

from ingestion import pipelines
from ingestion.errors import SettingError
from orchestration.automation.schedules import (
    build_daily_refresh,
    configured_daily_refresh,
    schedule_time_zone,
)
from orchestration.execution.days import next_window
from tests.holding import held
from tests.warehouse import AS_OF, Warehouse


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ADLEDGER_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def portal(home: Path) -> Warehouse:
    pipelines.load("hubspot", "entities", window=None, as_of=AS_OF)
    warehouse = Warehouse(home)
    warehouse.land(
        "hubspot",
        "account",
        {"portal_id": "1", "time_zone": "America/New_York", "company_currency": "USD"},
    )
    return warehouse


def test_the_portals_time_zone_takes_precedence_over_the_setting(
    portal: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCHEDULE__TIME_ZONE", "Asia/Tokyo")
    assert schedule_time_zone() == "America/New_York"


def test_it_is_known_while_hubspot_is_being_loaded(portal: Warehouse) -> None:
    assert schedule_time_zone() == "America/New_York"
    with held(portal.home / "locks" / "raw_hubspot.lock"):
        assert schedule_time_zone() == "America/New_York"


def test_before_the_first_load_the_setting_applies_and_then_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    assert schedule_time_zone() == "UTC"
    monkeypatch.setenv("SCHEDULE__TIME_ZONE", "Asia/Tokyo")
    monkeypatch.setenv("SCHEDULE__HOUR", "7")
    schedule = configured_daily_refresh()
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 7 * * *", "Asia/Tokyo")


@pytest.mark.parametrize(
    ("name", "value", "fix"),
    [
        ("SCHEDULE__TIME_ZONE", "Mars/Olympus", "Europe/Berlin"),
        ("SCHEDULE__HOUR", "24", "from 0 to 23"),
        ("SCHEDULE__HOUR", "five", "from 0 to 23"),
    ],
)
def test_an_invalid_setting_is_reported_with_its_fix(
    name: str, value: str, fix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingError, match=f"{name.lower().replace('__', '.')}.*{value}.*{fix}"):
        configured_daily_refresh()


@pytest.mark.parametrize("time_zone", ["America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "UTC"])
@pytest.mark.parametrize("hour", [0, 1, 2, 3, 5])
def test_clock_changes_neither_skip_nor_double_a_day(time_zone: str, hour: int) -> None:
    schedule = build_daily_refresh(hour, time_zone)
    zone = ZoneInfo(time_zone)
    assert isinstance(schedule.cron_schedule, str)
    ticks = schedule_execution_time_iterator(
        datetime(2026, 1, 1, tzinfo=zone).timestamp(), schedule.cron_schedule, schedule.execution_timezone
    )
    days = [next(ticks).astimezone(zone).date() for _ in range(365)]
    assert days == [date(2026, 1, 1) + timedelta(days=number) for number in range(365)]


def test_a_network_that_is_being_loaded_uses_the_default_days(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__GOOGLE_ADS__CLIENT_ID", "a-client")
    monkeypatch.setattr("orchestration.execution.days.unsettled_since", lambda name: date(2026, 10, 20))
    as_of = datetime(2026, 11, 1, 5, tzinfo=UTC)
    assert next_window(as_of).start == date(2026, 10, 20)
    with held(home / "locks" / "raw_google_ads.lock"):
        assert next_window(as_of).start == date(2026, 8, 4)
