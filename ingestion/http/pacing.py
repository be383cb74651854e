"""Requests within a vendor's rate limit: as fast as it allows, and no faster.

The libraries for this take a limit that is known beforehand; a vendor tells its own in answers' headers.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

# clocks run apart a little, even over seconds
_SLACK_SECONDS = 0.02


@dataclass(frozen=True)
class Limit:
    """At most `requests` within any `seconds`."""

    requests: int
    seconds: float


class Pacer:
    """Lets requests go, at most as many as the limit allows. For several threads at once.

    The vendor counts a request when it arrives, which is before its answer is here: a request counts while it
    is under way and from its answer on for the limit's seconds, so that no jitter brings one too many.
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

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Waits until one request may go; the body sends it."""
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
                # never 0, which would be a turn: the difference may round to it
                return max(self._answered[0] + span - now, 1e-6) if self._answered else _SLACK_SECONDS
            self._under_way += 1
            return 0.0
