"""What the steps of a run share: its settings, and dbt."""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg
from dagster_dbt import DbtCliResource
from pydantic import Field

from orchestration.execution import clock
from orchestration.project import dbt_cli


class RunSettings(dg.ConfigurableResource):  # type: ignore[type-arg]
    """What one run takes as given; the same for all of its steps."""

    as_of: str = Field(
        default="",
        description="Instant the run treats as now, ISO 8601 with offset. Empty: when the run was created.",
    )
    reread: str = Field(
        default="all",
        description="Which days of the range are read again where they were read before: those that can still"
        " change (unsettled), every one (all), or none.",
    )
    allow_stale: list[str] = Field(
        default_factory=list,
        description="Sources whose last landed state is published when they cannot be read.",
    )

    def instant(self, instance: dg.DagsterInstance, run_id: str) -> datetime:
        """As-of in UTC, to the second."""
        if self.as_of:
            return datetime.fromisoformat(self.as_of).astimezone(UTC)
        record = instance.get_run_record_by_id(run_id)
        created = clock.here(record.create_timestamp) if record else clock.now()
        return created.replace(microsecond=0)


def dbt_resource() -> DbtCliResource:
    """dbt on this project and this home."""
    return dbt_cli()
