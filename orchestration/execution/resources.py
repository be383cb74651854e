"""Resources of the steps: run settings and dbt."""

# No postponed annotations: Dagster reads them when a resource is defined.
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, cast

import dagster as dg
from dagster_dbt import DbtCliResource
from pydantic import Field, PrivateAttr

from ingestion.errors import SettingError
from ingestion.pipelines import Reread, Window
from orchestration.execution import clock
from orchestration.execution.days import choose_window
from orchestration.execution.window import RangeError, check_range
from orchestration.project import dbt_cli


class RunSettings(dg.ConfigurableResource):  # type: ignore[type-arg]  # steps get the resource itself
    """Settings of one run, the same for all of its steps."""

    as_of: str = Field(
        default="",
        description="Time to treat as now, ISO 8601 with offset. Empty: creation time of the run.",
    )
    start: str = Field(
        default="",
        description="First day of daily figures to read, like 2026-08-01. Empty: the oldest day"
        " that may have changed.",
    )
    end: str = Field(
        default="",
        description="Last day of daily figures to read, like 2026-10-31. Empty: the day of as-of.",
    )
    reread: str = Field(
        default="",
        description="Days to read again although they were read before: days that can still change"
        " (unsettled), all days of the range (all), or none. Empty: all if a range is given, else unsettled.",
    )
    allow_stale: list[str] = Field(
        default_factory=list,
        description="Sources whose last loaded data is published if they cannot be read.",
    )

    _window: Window | None = PrivateAttr(default=None)

    def window(self, as_of: datetime) -> Window:
        """Returns the days of daily figures, fixed at the first call because later loads would change them.

        Raises SettingError.
        """
        if self._window is None:
            start, end = _day("start", self.start), _day("end", self.end)
            try:
                check_range(start, end, as_of, datetime.now(UTC).date())
            except RangeError as error:
                raise SettingError(f"run_settings.{error.bound}: {error}") from None
            self._window = choose_window(as_of, start, end)
        return self._window

    def days_to_reread(self) -> Reread:
        """Returns the days of the window to read again although they were read before."""
        return cast(Reread, self.reread or ("all" if self.start or self.end else "unsettled"))

    def instant(self, instance: dg.DagsterInstance, run_id: str) -> datetime:
        """Returns as-of in UTC, to the second. Raises SettingError if it is in the future."""
        if self.as_of:
            given, now = datetime.fromisoformat(self.as_of).astimezone(UTC), clock.now()
            if given > now:
                raise SettingError(
                    f"run_settings.as_of is in the future ({self.as_of}): it is {now:%Y-%m-%dT%H:%M:%SZ}"
                )
            return given
        record = instance.get_run_record_by_id(run_id)
        created = clock.to_clock(record.create_timestamp) if record else clock.now()
        return created.replace(microsecond=0)


def _day(name: str, text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise SettingError(f'run_settings.{name} is "{text}": write a day like 2026-11-01') from None


def settings_config(
    as_of: datetime, window: Window, reread: Reread, allow_stale: Sequence[str] = ()
) -> dict[str, Any]:
    """Returns the run configuration with all of `RunSettings`."""
    settings = {
        "as_of": as_of.isoformat(),
        "start": window.start.isoformat(),
        "end": window.end.isoformat(),
        "reread": reread,
        "allow_stale": list(allow_stale),
    }
    return {"resources": {"run_settings": {"config": settings}}}


def dbt_resource() -> DbtCliResource:
    """Returns the dbt resource of this project and home."""
    return dbt_cli()
