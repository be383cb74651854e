"""One cause less in the world, the same people doing the same: the account moves in that cause's reason."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest
import uvicorn
from hypothesis import settings as hypothesis_settings

from ingestion import pipelines
from sandbox.apis.state import Sandbox
from sandbox.serve import build_app, build_sandbox, settings, truth_of
from sandbox.truth.without import without
from tests.unit.test_sandbox_truth import no_uploads, ruled, rules, view_windows
from tests.warehouse import Warehouse

# all causes under the hypothesis profile `full`
WHOLE = hypothesis_settings().max_examples >= 1000
DAYS = pipelines.Window(date(2026, 9, 1), date(2026, 10, 31))
REPORT = "first_form_submission"
Patch = pytest.MonkeyPatch
Sums = dict[str, float]


@dataclass(frozen=True)
class Account:
    """Units per step over all campaigns and days: what the warehouse says, and what is true."""

    estimated: Sums
    true: Sums


def company() -> Sandbox:
    return build_sandbox(people=700, profile="messy")


def account_of(sandbox: Sandbox) -> Account:
    """Load the company over HTTP into an empty home, build the models and sum the bridge."""
    true: Sums = {}
    for (_, day, step), units in truth_of(sandbox).bridge().items():
        if DAYS.start <= day <= DAYS.end:
            true[step] = true.get(step, 0) + float(units)
    with (
        tempfile.TemporaryDirectory() as place,
        served(sandbox) as url,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name in [name for name in os.environ if name.startswith("SOURCES__")]:
            patch.delenv(name)
        for name, value in (settings(sandbox, url) | {"ADLEDGER_HOME": place}).items():
            patch.setenv(name, value)
        for source in pipelines.SOURCES:
            for part in pipelines.parts(source):
                window = None if part == "entities" else DAYS
                pipelines.load(source, part, window=window, as_of=sandbox.now)
        home = Warehouse(Path(place))
        home.dbt(
            "build",
            "--select",
            "+conversion_bridge",
            "--exclude",
            "resource_type:unit_test",
            "resource_type:test",
        )
        rows = home.rows(
            "select step, cast(sum(units) as double) as units from reconciliation.conversion_bridge"
            " where attribution_report = ? and date between ? and ? group by step",
            REPORT,
            DAYS.start,
            DAYS.end,
        )
    return Account({row["step"]: row["units"] for row in rows}, true)


@contextmanager
def served(sandbox: Sandbox) -> Iterator[str]:
    config = uvicorn.Config(build_app(sandbox), port=0, log_level="error", lifespan="off", date_header=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)


@pytest.fixture(scope="module")
def usual() -> Account:
    return account_of(company())


def spared(cause: str) -> Sandbox:
    """The same company, people and deeds; HubSpot is kept from nothing by that cause."""
    sandbox = company()
    world = sandbox.world
    told = without(cause, world.company, {person.key: person for person in world.people}, world.events)
    assert told is not None
    changed, people, events = told
    world = replace(world, company=changed, people=list(people.values()), events=list(events))
    return Sandbox(world, sandbox.now)


#: (cause in the world, the reason it leaves); the first ones are cheap to confuse with their neighbours
OBSTACLES = [
    ("no_tracking_cookie", "no_tracking_cookie"),
    ("lead_not_synced", "lead_not_synced"),
    ("no_tracking_code", "no_tracking_code"),
    ("auto_tracking_off", "auto_tracking_off"),
    ("form_context_missing", "form_context_missing"),
    ("untrackable_ad_type", "untrackable_ad_type"),
    ("filtered_traffic", "filtered_traffic"),
    ("contact_deleted", "contact_deleted"),
    ("contact_merged", "contact_merged"),
    ("other_device", "no_trace_in_hubspot"),
]


@pytest.mark.parametrize(("cause", "reason"), OBSTACLES if WHOLE else OBSTACLES[:2])
def test_an_obstacle_taken_away_moves_its_reason(usual: Account, cause: str, reason: str) -> None:
    other = account_of(spared(cause))
    true = other.true.get(reason, 0) - usual.true.get(reason, 0)
    found = other.estimated.get(reason, 0) - usual.estimated.get(reason, 0)
    assert true > 0
    assert found == pytest.approx(true, abs=max(2.0, 0.35 * true))
    # the network's figures are the same people's, and none of them is lost on the way
    assert other.estimated["network_conversions"] == pytest.approx(other.true["network_conversions"])


def ledgered(change: Callable[[Patch], None]) -> Sandbox:
    with pytest.MonkeyPatch.context() as patch:
        change(patch)
        return company()


#: (a network's counting rule changed, the reason it moves)
RULES = [
    (ruled("linkedin", rules("form:demo", view_window=1)), "view_through"),
    (ruled("google", rules("page:pricing", in_headline=False)), "non_form_action"),
    (ruled("google", rules("form:contact", counting="ONE_PER_CLICK")), "repeat_submission"),
    (ruled("facebook", view_windows), "view_through"),
    (no_uploads, "uploaded_conversion"),
]


@pytest.mark.parametrize(
    ("change", "reason"),
    RULES if WHOLE else RULES[:1],
    ids=["LinkedIn views", "page out of the headline", "one per click", "Meta views", "no uploads"][
        : len(RULES) if WHOLE else 1
    ],
)
def test_a_counting_rule_changed_moves_its_reason(
    usual: Account, change: Callable[[Patch], None], reason: str
) -> None:
    other = account_of(ledgered(change))
    true = other.true.get(reason, 0) - usual.true.get(reason, 0)
    found = other.estimated.get(reason, 0) - usual.estimated.get(reason, 0)
    assert true != 0
    assert found == pytest.approx(
        true, abs=0 if reason != "repeat_submission" else max(2.0, 0.35 * abs(true))
    )
