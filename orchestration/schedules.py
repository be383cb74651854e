"""When a refresh starts by itself."""

from __future__ import annotations

import dagster as dg

from orchestration.jobs import refresh
from orchestration.partitions import next_window, range_tags


# Off until switched on, so that opening the UI never calls an ad account by itself.
@dg.schedule(
    job=refresh,
    cron_schedule="0 5 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.STOPPED,
)
def daily_refresh(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """The same refresh as `adledger refresh`, every day at 05:00 UTC, as of that instant."""
    as_of = context.scheduled_execution_time
    return dg.RunRequest(
        run_key=as_of.isoformat(),
        tags=range_tags(next_window(as_of)),
        run_config={
            "resources": {
                "run_settings": {"config": {"as_of": as_of.isoformat(), "reread": "unsettled"}},
            }
        },
    )
