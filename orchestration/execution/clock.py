"""The clock of runs, schedule, checks and sensor: the system clock, or a fixed time in the demonstration."""

from __future__ import annotations

import os
from datetime import UTC, datetime

#: Fixed time of the clock, ISO 8601 with offset. Only the demonstration sets it.
VARIABLE = "ADLEDGER_CLOCK"


def simulated_now() -> datetime | None:
    """End of the simulated history in UTC; None outside the demonstration."""
    text = os.environ.get(VARIABLE)
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def to_clock(system_time: datetime) -> datetime:
    """Converts a system time to the time of this clock, in UTC."""
    return simulated_now() or system_time.astimezone(UTC)


def now() -> datetime:
    """Current time of this clock, in UTC."""
    return to_clock(datetime.now(UTC))
