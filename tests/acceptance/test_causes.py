"""One cause less in the world, the same people doing the same: the account moves in that cause's reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

import pytest
from hypothesis import settings

from ingestion.pipelines import Window
from sandbox.apis.state import Sandbox
from sandbox.serve import DEFAULT_NOW, truth_of
from sandbox.truth.without import without
from sandbox.world.build import build_world
from sandbox.world.profiles import PROFILES, Plants
from tests.companies import modelled
from tests.unit.test_sandbox_truth import no_uploads, ruled, rules, view_windows

# all causes under the hypothesis profile `full`
WHOLE = settings().max_examples >= 1000
DAYS = Window(date(2026, 9, 1), date(2026, 10, 31))
REPORT = "first_form_submission"
Patch = pytest.MonkeyPatch
Sums = dict[str, float]


@dataclass(frozen=True)
class Account:
    """Units per step over all campaigns and days: what the warehouse says, and what is true."""

    estimated: Sums
    true: Sums


#: Everything that can go wrong does so often enough to be counted.
WRONG = replace(
    PROFILES["messy"],
    name="wrong",
    internal=0.06,
    archived=0.15,
    second_email=0.25,
    merged=0.9,
)
UNTRACKED = Plants(accounts=frozenset({"508912347"}))


def company() -> Sandbox:
    return Sandbox(build_world(7, 1200, None, WRONG, UNTRACKED), DEFAULT_NOW)


def account_of(sandbox: Sandbox) -> Account:
    """Load the company over HTTP into an empty home, build the models and sum the bridge."""
    true: Sums = {}
    for (_, day, step), units in truth_of(sandbox).bridge().items():
        if DAYS.start <= day <= DAYS.end:
            true[step] = true.get(step, 0) + float(units)
    with modelled(sandbox, DAYS, "conversion_bridge") as home:
        rows = home.rows(
            "select step, cast(sum(units) as double) as units from reconciliation.conversion_bridge"
            " where attribution_report = ? and date between ? and ? group by step",
            REPORT,
            DAYS.start,
            DAYS.end,
        )
    return Account({row["step"]: row["units"] for row in rows}, true)


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


#: (cause in the world, the reason it leaves)
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
    assert found == pytest.approx(true, abs=0 if reason != "repeat_submission" else max(2.0, 0.5 * abs(true)))
