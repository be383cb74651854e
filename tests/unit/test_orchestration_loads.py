"""Loads of one run: side by side, each source's in order, again where asked, ended with the run."""

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

    def land(part: Part, say: Callable[[str], None], stopped: threading.Event) -> str:
        # breaks where the other never comes
        both.wait(SECONDS)
        return part[0]

    loads.start([("hubspot", "entities"), ("google_ads", "entities")], land)
    assert loads.result(("hubspot", "entities"), land, quiet) == "hubspot"
    assert loads.result(("google_ads", "entities"), land, quiet) == "google_ads"


def test_the_parts_of_a_source_load_one_after_another_in_order(loads: Loads) -> None:
    began, under_way = [], []

    def land(part: Part, say: Callable[[str], None], stopped: threading.Event) -> None:
        assert under_way == []
        under_way.append(part)
        began.append(part[1])
        time.sleep(0.05)
        under_way.remove(part)

    loads.start([("google_ads", "entities"), ("google_ads", "daily")], land)
    # whichever is waited for first
    loads.result(("google_ads", "daily"), land, quiet)
    loads.result(("google_ads", "entities"), land, quiet)
    assert began == ["entities", "daily"]


def test_a_fault_is_raised_to_who_waits_for_that_part_alone(loads: Loads) -> None:
    def land(part: Part, say: Callable[[str], None], stopped: threading.Event) -> str:
        if part == ("google_ads", "entities"):
            raise ValueError("refused")
        return "landed"

    parts = [("google_ads", "entities"), ("google_ads", "daily"), ("hubspot", "entities")]
    loads.start(parts, land)
    with pytest.raises(ValueError, match="refused"):
        loads.result(parts[0], land, quiet)
    assert [loads.result(part, land, quiet) for part in parts[1:]] == ["landed", "landed"]


def test_a_part_is_loaded_once_and_again_only_where_asked(loads: Loads) -> None:
    attempts = []

    def land(part: Part, say: Callable[[str], None], stopped: threading.Event) -> int:
        attempts.append(part)
        return len(attempts)

    part = ("hubspot", "entities")
    loads.start([part], land)
    loads.start([part], land)
    assert [loads.result(part, land, quiet), loads.result(part, land, quiet)] == [1, 1]
    assert loads.result(part, land, quiet, again=True) == 2


def test_who_waits_sees_the_newest_line_of_every_source(
    loads: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SAY_SECONDS", 0.0)
    monkeypatch.setattr(module, "_POLL_SECONDS", 0.01)
    seen, told = threading.Event(), []

    def land(part: Part, say: Callable[[str], None], stopped: threading.Event) -> None:
        say(f"{part[0]}: 1 row")
        assert seen.wait(SECONDS)

    def see(line: str) -> None:
        told.append(line)
        if "hubspot" in "".join(told) and "google_ads" in "".join(told):
            seen.set()

    loads.start([("hubspot", "entities"), ("google_ads", "entities")], land)
    loads.result(("hubspot", "entities"), land, see)
    assert {line for each in told for line in each.split("; ")} == {"hubspot: 1 row", "google_ads: 1 row"}


def test_stopping_tells_the_loads_and_begins_no_more(loads: Loads) -> None:
    began, ended = [], []

    def land(part: Part, say: Callable[[str], None], stopped: threading.Event) -> None:
        began.append(part[1])
        assert stopped.wait(SECONDS)
        ended.append(part[1])

    loads.start([("google_ads", "entities"), ("google_ads", "daily")], land)
    while not began:
        time.sleep(0.01)
    loads.stop()
    assert (began, ended) == (["entities"], ["entities"])
    assert not any(thread.name == "load-google_ads" for thread in threading.enumerate())
