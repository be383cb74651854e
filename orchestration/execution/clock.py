"""The one clock that runs, the schedule, checks and the sensor agree on."""

from __future__ import annotations

import os
from datetime import UTC, datetime

#: The instant at which the clock stands, ISO 8601 with offset; only the demonstration sets it.
VARIABLE = "ADLEDGER_CLOCK"


def simulated_now() -> datetime | None:
    """Where the simulated company's history ends, in UTC; None outside the demonstration."""
    text = os.environ.get(VARIABLE)
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def here(moment: datetime) -> datetime:
    """What the clock shows at `moment` of the machine's, in UTC: the same, or where it stands."""
    return simulated_now() or moment.astimezone(UTC)


def now() -> datetime:
    """The present instant in UTC."""
    return here(datetime.now(UTC))
