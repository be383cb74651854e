"""Requests within a vendor's rate limit: as fast as it allows, and no faster.

The libraries for this take a limit that is known beforehand; a vendor tells its own in answers' headers.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

# A request is counted where it arrives: two that leave just far enough apart may arrive closer together.
_SLACK_SECONDS = 0.25


@dataclass(frozen=True)
class Limit:
    """At most `requests` within any `seconds`."""

    requests: int
    seconds: float


class Pacer:
    """Lets requests go, at most as many as the limit allows. For several threads at once."""

    def __init__(
        self,
        limit: Limit | None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._limit = limit
        self._clock = clock
        self._sleep = sleep
        self._sent: deque[float] = deque()
        self._closed_until = 0.0
        self._lock = threading.Lock()

    @property
    def limit(self) -> Limit | None:
        """The limit in force."""
        return self._limit

    def adopt(self, limit: Limit) -> None:
        """Takes the limit that the vendor tells."""
        with self._lock:
            self._limit = limit

    def hold(self, seconds: float) -> None:
        """Lets nothing go for `seconds`: the vendor refused one request and would refuse the others, too."""
        with self._lock:
            self._closed_until = max(self._closed_until, self._clock() + seconds)

    def take(self) -> None:
        """Waits until one request may go, and counts it."""
        while (pause := self._reserve()) > 0:
            self._sleep(pause)

    def _reserve(self) -> float:
        with self._lock:
            now = self._clock()
            if now < self._closed_until:
                return self._closed_until - now
            if self._limit is None:
                return 0.0
            span = self._limit.seconds + _SLACK_SECONDS
            while self._sent and self._sent[0] <= now - span:
                self._sent.popleft()
            if len(self._sent) >= self._limit.requests:
                return self._sent[0] + span - now
            self._sent.append(now)
            return 0.0
