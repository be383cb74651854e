"""Loads of one run: parallel, in order per source, repeatable, stopped with the run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from orchestration.execution import loads as module
from orchestration.execution.loads import Loads, Part

SECONDS = 10.0


@pytest.fixture
def loads() -> Iterator[Loads]:
    made = Loads()
    yield made
    made.stop()


def quiet(line: str) -> None: ...


def test_sources_load_at_the_same_time(loads: Loads) -> None:
    both = threading.Barrier(2)

    def load(part: Part, report: Callable[[str], None], stopped: threading.Event) -> str:
        # fails if the other load does not start
        both.wait(SECONDS)
        return part[0]

    loads.start([("hubspot", "entities"), ("google_ads", "entities")], load)
    assert loads.result(("hubspot", "entities"), load, quiet) == "hubspot"
    assert loads.result(("google_ads", "entities"), load, quiet) == "google_ads"


def test_the_parts_of_a_source_load_one_after_another_in_order(loads: Loads) -> None:
    started, running = [], []

    def load(part: Part, report: Callable[[str], None], stopped: threading.Event) -> None:
        assert running == []
        running.append(part)
        started.append(part[1])
        time.sleep(0.05)
        running.remove(part)

    loads.start([("google_ads", "entities"), ("google_ads", "daily")], load)
    # the order of waiting does not matter
    loads.result(("google_ads", "daily"), load, quiet)
    loads.result(("google_ads", "entities"), load, quiet)
    assert started == ["entities", "daily"]


def test_a_fault_is_raised_only_for_its_part(loads: Loads) -> None:
    def load(part: Part, report: Callable[[str], None], stopped: threading.Event) -> str:
        if part == ("google_ads", "entities"):
            raise ValueError("refused")
        return "landed"

    parts = [("google_ads", "entities"), ("google_ads", "daily"), ("hubspot", "entities")]
    loads.start(parts, load)
    with pytest.raises(ValueError, match="refused"):
        loads.result(parts[0], load, quiet)
    assert [loads.result(part, load, quiet) for part in parts[1:]] == ["landed", "landed"]


def test_a_part_is_loaded_once_and_again_only_on_request(loads: Loads) -> None:
    attempts = []

    def load(part: Part, report: Callable[[str], None], stopped: threading.Event) -> int:
        attempts.append(part)
        return len(attempts)

    part = ("hubspot", "entities")
    loads.start([part], load)
    loads.start([part], load)
    assert [loads.result(part, load, quiet), loads.result(part, load, quiet)] == [1, 1]
    assert loads.result(part, load, quiet, again=True) == 2


def test_waiting_reports_the_latest_line_of_every_source(
    loads: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_REPORT_SECONDS", 0.0)
    monkeypatch.setattr(module, "_POLL_SECONDS", 0.01)
    seen, reported = threading.Event(), []

    def load(part: Part, report: Callable[[str], None], stopped: threading.Event) -> None:
        report(f"{part[0]}: 1 row")
        assert seen.wait(SECONDS)

    def see(line: str) -> None:
        reported.append(line)
        if "hubspot" in "".join(reported) and "google_ads" in "".join(reported):
            seen.set()

    loads.start([("hubspot", "entities"), ("google_ads", "entities")], load)
    loads.result(("hubspot", "entities"), load, see)
    assert {line for each in reported for line in each.split("; ")} == {"hubspot: 1 row", "google_ads: 1 row"}


def test_stopping_ends_the_running_load_and_starts_no_other(loads: Loads) -> None:
    started, ended = [], []

    def load(part: Part, report: Callable[[str], None], stopped: threading.Event) -> None:
        started.append(part[1])
        assert stopped.wait(SECONDS)
        ended.append(part[1])

    loads.start([("google_ads", "entities"), ("google_ads", "daily")], load)
    while not started:
        time.sleep(0.01)
    loads.stop()
    assert (started, ended) == (["entities"], ["entities"])
    assert not any(thread.name == "load-google_ads" for thread in threading.enumerate())
