"""The simulated company's truth: it balances, causes co-occur, one changed rule or fault moves its reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from sandbox.apis.state import Sandbox
from sandbox.serve import build_sandbox, truth_of
from sandbox.truth import Truth
from sandbox.truth.credits import REPORTS, SAME_SESSION
from sandbox.truth.reasons import ORDER, TRACELESS
from sandbox.world import accounts, second_accounts
from sandbox.world.company import Account
from sandbox.world.profiles import PROFILES, Plants

Patch = pytest.MonkeyPatch
PEOPLE = 400


def built(profile: str, **options: Any) -> Sandbox:
    return build_sandbox(people=PEOPLE, profile=profile, **options)


def steps(truth: Truth) -> dict[str, Decimal]:
    """Units per step, over everything."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for (_, _, step), units in truth.bridge().items():
        sums[step] += units
    return sums


@pytest.fixture(scope="module")
def typical() -> Sandbox:
    return built("typical")


@pytest.mark.parametrize("profile", PROFILES)
def test_every_campaigns_day_balances_and_nothing_is_unexplained(profile: str) -> None:
    truth = truth_of(built(profile))
    for report in REPORTS:
        left: dict[Any, Decimal] = defaultdict(Decimal)
        bridge = truth.bridge(report)
        for (campaign, day, step), units in bridge.items():
            left[campaign, day] += -units if step == "hubspot_contacts" else units
        assert len(left) > 200
        assert not {key: units for key, units in left.items() if units}
        assert "unexplained" not in {step for _, _, step in bridge}


@pytest.mark.parametrize("report", REPORTS)
def test_a_reports_bridge_ends_at_the_contacts_it_credits(typical: Sandbox, report: str) -> None:
    truth = truth_of(typical)
    bridge = truth.bridge(report)
    ends = sum(units for (_, _, step), units in bridge.items() if step == "hubspot_contacts")
    credited = {(c.contact.id, c.ad[:3]) for c in truth.credits if c.report == report}
    assert ends == len(credited) > 20
    # a report that does not ask for a common session loses nothing to another one
    later = {step for _, _, step in bridge} & {"session_timeout", "later_session"}
    assert bool(later) is (report in SAME_SESSION)


def test_the_truth_does_not_depend_on_what_the_portal_shows() -> None:
    full, bare = (
        truth_of(built("typical", **options)).document()
        for options in ({}, {"web_analytics": False, "pages_refuse": "gone"})
    )
    assert full == bare
    assert set(full["bridges"]) == set(REPORTS)
    assert full["bridges"]["first_form_submission"] == full["bridge"]


@pytest.mark.parametrize("profile", ["typical", "messy"])
def test_a_third_of_the_uncredited_units_has_several_causes(profile: str) -> None:
    one_sided = [one for one in truth_of(built(profile)).one_sided if one.side == "network"]
    assert sum(len(one.reason.causes) > 1 for one in one_sided) > 0.3 * len(one_sided) > 30


def test_the_contracts_order_decides_between_causes(typical: Sandbox) -> None:
    one_sided = [
        one for one in truth_of(typical).one_sided if one.side == "network" and len(one.reason.causes) > 1
    ]
    ranked = [one for one in one_sided if one.reason.code not in ("no_trace_in_hubspot", "date_basis")]
    assert ranked
    for one in ranked:
        own = [cause for cause in one.reason.causes if cause not in TRACELESS]
        assert one.reason.code == min(own, key=ORDER.index)


def test_messier_worlds_leave_less_credit_and_fewer_traces() -> None:
    found = [steps(truth_of(built(profile))) for profile in ("clean", "typical", "messy", "hostile")]
    contacts = [one["hubspot_contacts"] for one in found]
    assert contacts == sorted(contacts, reverse=True)
    traceless = [-one["no_trace_in_hubspot"] / one["hubspot_contacts"] for one in found]
    assert traceless == sorted(traceless)


def test_three_weeks_later_the_same_days_have_more_conversions(typical: Sandbox) -> None:
    early, late = datetime(2026, 10, 10, 6, tzinfo=UTC), datetime(2026, 10, 31, 6, tzinfo=UTC)
    sums = []
    for now in (early, late):
        typical.set_now(now)
        bridge = truth_of(typical).bridge()
        sums.append(
            sum(
                units
                for (campaign, day, step), units in bridge.items()
                if step == "network_conversions" and day < early.date() and campaign[0] == "google_ads"
            )
        )
    assert sums[1] > sums[0] > 0


def ruled(name: str, change: Callable[[Account], Account]) -> Callable[[Patch], None]:
    """The first account of a network with other rules."""

    def patch(monkeypatch: Patch) -> None:
        usual = getattr(accounts, name)
        monkeypatch.setattr(accounts, name, lambda currency: change(usual(currency)))

    return patch


def rules(trigger: str, **changes: Any) -> Callable[[Account], Account]:
    def change(account: Account) -> Account:
        found = [replace(r, **changes) if r.trigger == trigger else r for r in account.rules]
        assert tuple(found) != account.rules
        return replace(account, rules=tuple(found))

    return change


def view_windows(account: Account) -> Account:
    """Ad sets that count no views."""
    campaigns = tuple(
        replace(c, groups=tuple(replace(g, view_window=0) for g in c.groups)) for c in account.campaigns
    )
    return replace(account, campaigns=campaigns)


def no_uploads(monkeypatch: Patch) -> None:
    """The second Google account without HubSpot's conversion sync."""
    usual = second_accounts.google

    def without() -> Account:
        account = usual()
        return replace(account, rules=tuple(rule for rule in account.rules if not rule.uploaded))

    monkeypatch.setattr(second_accounts, "google", without)


@pytest.mark.parametrize(
    ("change", "moved"),
    [
        pytest.param(
            ruled("linkedin", rules("form:demo", view_window=1)), {"view_through"}, id="LinkedIn view window"
        ),
        # views of purchases stand under actions that are no form
        pytest.param(
            ruled("facebook", view_windows), {"view_through", "non_form_action"}, id="Meta view window"
        ),
        pytest.param(
            ruled("google", rules("page:pricing", in_headline=False)),
            {"non_form_action"},
            id="Google action out of the headline",
        ),
        pytest.param(
            ruled("google", rules("form:contact", counting="ONE_PER_CLICK")),
            {"repeat_submission"},
            id="Google one per click (vector N1)",
        ),
        pytest.param(no_uploads, {"uploaded_conversion"}, id="no conversion sync"),
    ],
)
def test_one_changed_counting_rule_moves_its_reason(
    change: Callable[[Patch], None], moved: set[str], monkeypatch: Patch
) -> None:
    usual = steps(truth_of(built("clean")))
    change(monkeypatch)
    other = steps(truth_of(built("clean")))
    changed = {step for step in {*usual, *other} if usual.get(step, 0) != other.get(step, 0)}
    assert "network_conversions" in changed
    assert changed - {"network_conversions"} == moved


@pytest.mark.parametrize(
    ("plants", "cause"),
    [
        (Plants(pages=frozenset({"demo"})), "no_tracking_code"),
        (Plants(lead_forms=frozenset({"1180450091223"})), "lead_not_synced"),
        (Plants(accounts=frozenset({"4471290863"})), "auto_tracking_off"),
    ],
    ids=["code removed", "lead syncing off", "auto-tracking off"],
)
def test_what_a_unit_would_earn_without_a_cause_is_what_the_world_without_it_credits(
    plants: Plants, cause: str
) -> None:
    def credited(truth: Truth) -> set[Any]:
        return {
            (c.conversion.event.at, c.conversion.event.person, c.ad[:3])
            for c in truth.credits
            if c.report == "first_form_submission" and c.conversion and c.conversion.event
        }

    whole, planted = truth_of(built("clean")), truth_of(built("clean", plants=plants))
    one_sided = [one for one in planted.one_sided if one.event is not None and one.side == "network"]
    regained = {
        (one.event.at, one.event.person, one.campaign)
        for one in one_sided
        if one.event is not None and planted.credit_without(one, cause)
    }
    counted = {(one.event.at, one.event.person, one.campaign) for one in one_sided if one.event is not None}
    lost = credited(whole) - credited(planted)
    assert len(regained) > 3
    assert regained == lost & counted


def test_a_fault_can_only_be_planted_where_there_is_something() -> None:
    with pytest.raises(ValueError, match="--plant code=nowhere"):
        built("plain", plants=Plants(pages=frozenset({"nowhere"})))
    with pytest.raises(ValueError, match="--plant spam=demo"):
        Plants.parse(["spam=demo"])
