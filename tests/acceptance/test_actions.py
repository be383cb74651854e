"""A fault planted into a company tops the list of what to repair, by what its removal really brings."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from typing import Any

import pytest

from ingestion.pipelines import Window
from sandbox.apis.state import Sandbox
from sandbox.serve import build_sandbox, truth_of
from sandbox.world.profiles import Plants
from tests.companies import modelled

DAYS = Window(date(2026, 10, 1), date(2026, 10, 31))
# the 90 days that the table counts
SINCE = datetime(2026, 8, 3, 6, tzinfo=UTC)
# three faults, each the worst one of another account
PLANTED = {
    "code=webinar": (
        "381905527714206",
        ("landing_page", "https://www.nordlicht.example/webinar", "no_tracking_code"),
    ),
    "auto-tracking=4471290863": ("4471290863", ("ad_account", "4471290863", "auto_tracking_off")),
    "lead-sync=9912040": ("508912347", ("lead_form", "9912040", "lead_not_synced")),
}


def company(faults: list[str]) -> Sandbox:
    return build_sandbox(people=3000, profile="typical", plants=Plants.parse(faults))


def credited(faults: list[str]) -> Counter[str]:
    """Contacts credited by account, in truth."""
    return Counter(
        credit.ad[1]
        for credit in truth_of(company(faults)).credits
        if credit.report == "first_form_submission" and credit.credited_at > SINCE
    )


@pytest.fixture(scope="module")
def actions() -> list[dict[str, Any]]:
    with modelled(company(list(PLANTED)), DAYS, "actions") as home:
        return home.rows("select * from reconciliation.actions order by account_id, rank")


@pytest.fixture(scope="module")
def faulty() -> Counter[str]:
    return credited(list(PLANTED))


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_tops_its_accounts_actions(
    actions: list[dict[str, Any]], faulty: Counter[str], fault: str
) -> None:
    account, subject = PLANTED[fault]
    top = next(row for row in actions if row["account_id"] == account)
    assert (top["subject_type"], top["subject_id"], top["cause"]) == subject
    gained = credited([other for other in PLANTED if other != fault])[account] - faulty[account]
    assert gained > 15
    assert float(top["contacts_gained"]) == pytest.approx(gained, rel=0.1)
    assert top["network_units"] > 0
    assert top["spend_company_currency"] > 0
    assert subject[1] in top["advice"]
