"""The sandbox's rate windows and fault rules, without a server."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sandbox.apis.faults import Faults
from sandbox.apis.limits import HubSpotLimits, Window

NOW = datetime(2026, 11, 1, 6, tzinfo=UTC)
LIST, SEARCH = "/hubspot/crm/v3/objects/contacts", "/hubspot/crm/v3/objects/contacts/search"


class Clock:
    """A monotonic clock that is moved by hand."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr("sandbox.apis.limits.time.monotonic", found)
    return found


def test_a_window_forgets_what_is_older_than_itself() -> None:
    window = Window(10)
    for at in (0.0, 4.0, 9.9):
        window.admit(at)
    assert window.used(9.95) == 3
    assert window.free_in(9.95) == pytest.approx(0.05)
    assert window.used(10.0) == 2
    assert window.used(30.0) == 0
    assert window.free_in(30.0) == 0


def test_refused_requests_do_not_prolong_the_wait(clock: Clock) -> None:
    faults = Faults()
    faults.set("hubspot_limits", {"per_ten_seconds": 2})
    limits = HubSpotLimits(faults)
    assert [limits.admit(LIST, NOW) is None for _ in range(5)] == [True, True, False, False, False]
    clock.at += 10
    assert limits.admit(LIST, NOW) is None


def test_searches_and_other_requests_do_not_share_a_window(clock: Clock) -> None:
    faults = Faults()
    faults.set("hubspot_limits", {"per_ten_seconds": 1, "search_per_second": 1, "retry_after": True})
    limits = HubSpotLimits(faults)
    assert limits.admit(LIST, NOW) is None
    assert limits.admit(SEARCH, NOW) is None
    refused = [limits.admit(path, NOW) for path in (LIST, SEARCH)]
    assert [found and found[1]["Retry-After"] for found in refused] == ["10", "1"]
    clock.at += 1
    assert limits.admit(SEARCH, NOW) is None
    assert limits.admit(LIST, NOW) is not None


def test_without_the_switch_requests_are_counted_and_never_refused(clock: Clock) -> None:
    limits = HubSpotLimits(Faults())
    assert all(limits.admit(LIST, NOW) is None for _ in range(300))
    headers = limits.headers(LIST, oauth=False)
    assert headers["X-HubSpot-RateLimit-Remaining"] == "0"
    assert headers["X-HubSpot-RateLimit-Daily-Remaining"] == "999700"
    assert "X-HubSpot-RateLimit-Daily" not in limits.headers(LIST, oauth=True)
    assert limits.headers(SEARCH, oauth=False) == {}


def test_a_rule_lets_some_requests_pass_then_acts_so_many_times() -> None:
    faults = Faults()
    faults.set("status", {"path": "/deals", "method": "GET", "after": 1, "times": 2})
    seen = [
        ("GET", "/contacts"),
        ("GET", "/deals"),
        ("POST", "/deals"),
        ("GET", "/deals"),
        ("GET", "/deals?after=7"),
        ("GET", "/deals"),
    ]
    acted = [faults.due("status", method, path) is not None for method, path in seen]
    assert acted == [False, False, False, True, True, False]
    faults.set("status", {"path": "/deals"})
    assert faults.due("status", "GET", "/deals") is not None


def test_unknown_faults_and_parameters_are_named() -> None:
    faults = Faults()
    with pytest.raises(ValueError, match="no fault stauts; there are status"):
        faults.set("stauts")
    with pytest.raises(ValueError, match="search_cap has no rows; it has results"):
        faults.set("search_cap", {"rows": 3})
    with pytest.raises(ValueError, match="an object or a list of objects"):
        faults.set("status", 503)
