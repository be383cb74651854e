"""Rate limits, in real seconds and days of the virtual clock.

HubSpot's, with headers that say how much is left: requests in ten seconds and a day; searches in a second,
whose answers carry no such headers. https://developers.hubspot.com/docs/developer-tooling/platform/usage-guidelines
And the counters that the networks' limits need.
"""

from __future__ import annotations

import math
import time
from calendar import monthrange
from collections import Counter, deque
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Generic, TypeVar

from sandbox.apis.faults import CATALOGUE, Faults
from sandbox.world.company import guid

T = TypeVar("T")


class Window:
    """How many requests were let in during the last `seconds`."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._admitted: deque[float] = deque()

    def used(self, at: float) -> int:
        """Requests in the window that ends at `at` (monotonic seconds)."""
        while self._admitted and self._admitted[0] <= at - self.seconds:
            self._admitted.popleft()
        return len(self._admitted)

    def free_in(self, at: float) -> float:
        """Seconds until the oldest request leaves the window."""
        return self._admitted[0] + self.seconds - at if self._admitted else 0.0

    def admit(self, at: float) -> None:
        """Count one."""
        self._admitted.append(at)


class PerSetting(Generic[T]):
    """A counter that starts again whenever its switch is set."""

    def __init__(self, build: Callable[[dict[str, Any]], T]) -> None:
        self._build = build
        self._rule: dict[str, Any] | None = None
        self._held: T | None = None

    def of(self, rule: dict[str, Any]) -> T:
        """The counter of this setting."""
        if self._held is None or rule is not self._rule:
            self._rule, self._held = rule, self._build(rule)
        return self._held


def months_before(day: date, months: int) -> date:
    """The same day so many months earlier, or the last one of that month."""
    number = day.year * 12 + day.month - 1 - months
    year, month = number // 12, number % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


class DailyQuota:
    """Requests per name: on a day of the clock, and in the last second."""

    def __init__(self) -> None:
        self._day: object = None
        self._used: Counter[str] = Counter()
        self._seconds: dict[str, Window] = {}

    def admit(self, name: str, now: datetime, daily: int | None, per_second: int | None) -> bool:
        """Count a request, unless it is one too many; the day ends at midnight UTC."""
        if self._day != now.date():
            self._day = now.date()
            self._used.clear()
        at, window = time.monotonic(), self._seconds.setdefault(name, Window(1))
        if (daily is not None and self._used[name] >= daily) or (
            per_second is not None and window.used(at) >= per_second
        ):
            return False
        window.admit(at)
        self._used[name] += 1
        return True


class HubSpotLimits:
    """Counts every request; refuses one only while the fault `hubspot_limits` is on."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._burst, self._search = Window(10), Window(1)
        self._day: object = None
        self._today = 0

    def _most(self) -> dict[str, Any]:
        return self._faults.get("hubspot_limits") or CATALOGUE["hubspot_limits"]

    def admit(self, path: str, now: datetime) -> tuple[dict[str, Any], dict[str, str]] | None:
        """None where the request may pass, else body and headers of the 429. The day is the clock's."""
        at, most = time.monotonic(), self._most()
        if self._day != now.date():
            self._day, self._today = now.date(), 0
        search = path.rstrip("/").endswith("/search")
        window = self._search if search else self._burst
        if self._faults.get("hubspot_limits") is not None:
            if self._today >= most["daily"]:
                return _refusal("daily", "DAILY", None)
            if window.used(at) >= most["search_per_second" if search else "per_ten_seconds"]:
                wait = window.free_in(at) if most["retry_after"] else None
                name = (
                    ("secondly", "SECONDLY") if search else ("ten_secondly_rolling", "TEN_SECONDLY_ROLLING")
                )
                return _refusal(*name, wait)
        window.admit(at)
        self._today += 1
        return None

    def headers(self, path: str, *, oauth: bool) -> dict[str, str]:
        """What is left; nothing on searches, nothing about the day for OAuth apps."""
        if path.rstrip("/").endswith("/search"):
            return {}
        most, used = self._most(), self._burst.used(time.monotonic())
        found = {
            "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
            "X-HubSpot-RateLimit-Max": str(most["per_ten_seconds"]),
            "X-HubSpot-RateLimit-Remaining": str(max(0, most["per_ten_seconds"] - used)),
        }
        if not oauth:
            found["X-HubSpot-RateLimit-Daily"] = str(most["daily"])
            found["X-HubSpot-RateLimit-Daily-Remaining"] = str(max(0, most["daily"] - self._today))
        return found


def _refusal(name: str, policy: str, wait: float | None) -> tuple[dict[str, Any], dict[str, str]]:
    body = {
        "status": "error",
        "message": f"You have reached your {name} limit.",
        "errorType": "RATE_LIMIT",
        "correlationId": guid("correlation", policy),
        "policyName": policy,
    }
    return body, {} if wait is None else {"Retry-After": str(max(1, math.ceil(wait)))}
