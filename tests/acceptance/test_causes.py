"""One cause less in the world, the same people doing the same: the account moves in that cause's reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from functools import partial

import pytest

from ingestion.pipelines import Window
from sandbox.apis.state import Sandbox
from sandbox.serve import DEFAULT_NOW, truth_of
from sandbox.truth.without import without
from sandbox.world.build import build_world
from sandbox.world.profiles import PROFILES, Plants, Profile
from tests.companies import modelled
from tests.sandbox.test_truth import no_uploads, ruled, rules, view_windows

pytestmark = pytest.mark.long
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


def company(profile: Profile = WRONG) -> Sandbox:
    return Sandbox(build_world(7, 1200, None, profile, UNTRACKED), DEFAULT_NOW)


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
    changed_world = without(
        cause, world.company, {person.key: person for person in world.people}, world.events
    )
    assert changed_world is not None
    changed, people, events = changed_world
    world = replace(world, company=changed, people=list(people.values()), events=list(events))
    return Sandbox(world, sandbox.now)


def changed(change: Callable[[Patch], None]) -> Callable[[], Sandbox]:
    """The company with a network's counting rule changed."""

    def build() -> Sandbox:
        with pytest.MonkeyPatch.context() as patch:
            change(patch)
            return company()

    return build


#: What is taken out of the world or changed in it, and the reason that moves: obstacles by their own names.
CAUSES = [
    *(
        pytest.param(partial(spared, cause), cause, id=cause)
        for cause in (
            "no_tracking_cookie",
            "lead_not_synced",
            "no_tracking_code",
            "auto_tracking_off",
            "form_context_missing",
            "untrackable_ad_type",
            "filtered_traffic",
            "contact_deleted",
            "contact_merged",
        )
    ),
    pytest.param(
        changed(ruled("linkedin", rules("form:demo", view_window=1))),
        "view_through",
        id="LinkedIn view window",
    ),
    pytest.param(changed(ruled("facebook", view_windows)), "view_through", id="Meta view window"),
    pytest.param(
        changed(ruled("google", rules("page:pricing", in_headline=False))),
        "non_form_action",
        id="page out of the headline",
    ),
    pytest.param(
        changed(ruled("google", rules("form:contact", counting="ONE_PER_CLICK"))),
        "repeat_submission",
        id="one per click",
    ),
    pytest.param(changed(no_uploads), "uploaded_conversion", id="no uploads"),
    pytest.param(
        partial(company, replace(WRONG, conversions_api=False)),
        "uploaded_conversion",
        id="no Conversions API rules",
    ),
    pytest.param(partial(spared, "idle_tab"), "session_timeout", id="no tabs left open"),
    pytest.param(partial(spared, "second_click"), "repeat_submission", id="no second clicks"),
    pytest.param(partial(spared, "own_template"), "auto_tracking_off", id="no templates of ads"),
]
#: The network's own breakdown gives these exactly; others rest on which event took which unit.
EXACT = ("view_through", "non_form_action", "uploaded_conversion")


@pytest.mark.parametrize(("build", "reason"), CAUSES)
def test_a_cause_less_moves_its_reason(usual: Account, build: Callable[[], Sandbox], reason: str) -> None:
    other = account_of(build())
    true = other.true.get(reason, 0) - usual.true.get(reason, 0)
    found = other.estimated.get(reason, 0) - usual.estimated.get(reason, 0)
    assert true != 0
    assert found == pytest.approx(true, abs=0.001 if reason in EXACT else max(2.0, 0.5 * abs(true)))
    # the network's figures are the same people's, and none of them is lost on the way
    assert other.estimated["network_conversions"] == pytest.approx(other.true["network_conversions"])


#: What stands in addresses and keeps nobody from a credit: without it the account is the same.
HARMLESS = [
    pytest.param(partial(company, replace(WRONG, stale_parameters=())), id="no doubled parameters"),
    pytest.param(partial(spared, "imported_template"), id="no imported templates"),
    pytest.param(partial(spared, "click_id_order"), id="gclid first"),
]


@pytest.mark.parametrize("build", HARMLESS)
def test_what_only_stands_in_addresses_moves_nothing(usual: Account, build: Callable[[], Sandbox]) -> None:
    other = account_of(build())
    assert other.true == pytest.approx(usual.true)
    assert other.estimated == pytest.approx(usual.estimated)
