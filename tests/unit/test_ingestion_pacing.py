"""Requests are sent as fast as the limit allows, and no faster."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from ingestion.http.pacing import Limit, Pacer


@dataclass
class Clock:
    """A clock that advances only during sleeps and requests."""

    now: float = 0.0
    pauses: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def most_within(arrivals: list[float], seconds: float) -> int:
    """Return the maximum number of arrivals in a window of that length, start included, end excluded."""
    return max(sum(start <= at < start + seconds for at in arrivals) for start in arrivals)


@given(
    requests=st.integers(1, 12),
    seconds=st.sampled_from([0.5, 1.0, 10.0]),
    answers=st.lists(st.tuples(st.floats(0, 3), st.floats(0, 1), st.floats(0, 5)), min_size=1, max_size=60),
)
def test_no_window_has_more_requests_than_the_limit_at_any_arrival_time(
    requests: int, seconds: float, answers: list[tuple[float, float, float]]
) -> None:
    """Each request has a duration, an arrival time within it, and a pause before the next request."""
    clock = Clock()
    pacer = Pacer(Limit(requests, seconds), clock, clock.sleep)
    arrivals = []
    for took, share, later in answers:
        with pacer.turn():
            arrivals.append(clock.now + took * share)
            clock.now += took
        clock.now += later

    assert most_within(arrivals, seconds) <= requests


@given(requests=st.integers(1, 12), windows=st.integers(1, 5))
def test_the_limit_is_used_up(requests: int, windows: int) -> None:
    clock = Clock()
    pacer = Pacer(Limit(requests, 10.0), clock, clock.sleep)
    for _ in range(requests * windows):
        with pacer.turn():
            pass

    assert clock.now <= (windows - 1) * 10.1


def test_threads_share_one_limit() -> None:
    pacer = Pacer(Limit(5, 0.3))
    arrivals: list[float] = []

    def ask() -> None:
        for _ in range(3):
            with pacer.turn():
                arrivals.append(time.monotonic())

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(arrivals) == 15
    assert most_within(arrivals, 0.3) <= 5


def test_a_request_that_fails_counts_like_any_other() -> None:
    clock = Clock()
    pacer = Pacer(Limit(1, 10.0), clock, clock.sleep)
    try:
        with pacer.turn():
            raise ConnectionError
    except ConnectionError:
        pass
    with pacer.turn():
        assert clock.now >= 10


def test_the_longest_hold_stops_all_requests() -> None:
    clock = Clock()
    pacer = Pacer(None, clock, clock.sleep)
    pacer.hold(7)
    pacer.hold(3)
    with pacer.turn():
        assert clock.now == 7
    with pacer.turn():
        assert clock.now == 7


def test_a_new_limit_counts_earlier_requests() -> None:
    clock = Clock()
    pacer = Pacer(Limit(100, 10.0), clock, clock.sleep)
    for _ in range(5):
        with pacer.turn():
            pass
    pacer.adopt(Limit(5, 10.0))
    with pacer.turn():
        assert clock.now >= 10
    pacer.adopt(Limit(1000, 10.0))
    with pacer.turn():
        assert clock.now < 11
    assert pacer.limit == Limit(1000, 10.0)


def test_without_a_limit_nothing_waits() -> None:
    clock = Clock()
    pacer = Pacer(None, clock, clock.sleep)
    for _ in range(1000):
        with pacer.turn():
            pass
    assert clock.pauses == []
