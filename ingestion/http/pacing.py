"""Rate limiting: send requests as fast as a vendor allows, and no faster.

Available libraries need a limit that is known beforehand; vendors send theirs in response headers.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

# the vendor's clock and this machine's drift apart a little, even over seconds
_SLACK_SECONDS = 0.02


@dataclass(frozen=True)
class Limit:
    """At most `requests` within any `seconds`."""

    requests: int
    seconds: float


class Pacer:
    """Delays requests so that no more than the limit are sent. Safe for several threads.

    The vendor counts a request when it arrives, which is before its answer returns. A request therefore
    counts while it is in progress and for the limit's seconds after its answer, so that jitter never exceeds
    the limit.
    """

    def __init__(
        self,
        limit: Limit | None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._limit = limit
        self._clock = clock
        self._sleep = sleep
        self._under_way = 0
        self._answered: deque[float] = deque()
        self._closed_until = 0.0
        self._lock = threading.Lock()

    @property
    def limit(self) -> Limit | None:
        """Return the current limit."""
        return self._limit

    def adopt(self, limit: Limit) -> None:
        """Replace the limit by the one that the vendor sent."""
        with self._lock:
            self._limit = limit

    def hold(self, seconds: float) -> None:
        """Send nothing for `seconds`: the vendor refused one request and would refuse the others, too."""
        with self._lock:
            self._closed_until = max(self._closed_until, self._clock() + seconds)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until one request is allowed; the body of the `with` statement sends it."""
        while (pause := self._reserve()) > 0:
            self._sleep(pause)
        try:
            yield
        finally:
            with self._lock:
                self._under_way -= 1
                self._answered.append(self._clock())

    def _reserve(self) -> float:
        with self._lock:
            now = self._clock()
            if now < self._closed_until:
                return self._closed_until - now
            span = self._limit.seconds + _SLACK_SECONDS if self._limit else 0.0
            while self._answered and self._answered[0] <= now - span:
                self._answered.popleft()
            if self._limit and len(self._answered) + self._under_way >= self._limit.requests:
                # 0 would mean that the request may be sent, and the difference can round to 0
                return max(self._answered[0] + span - now, 1e-6) if self._answered else _SLACK_SECONDS
            self._under_way += 1
            return 0.0
