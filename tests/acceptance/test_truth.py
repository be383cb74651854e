"""A simulated company whose truth is known: what the warehouse publishes, beside what really happened."""

from __future__ import annotations

import json
from datetime import date

import duckdb
import pytest

from benchmarks.accuracy import REPORTS, Company, compared
from benchmarks.comparing import ENDS, accuracy, by_reason
from ingestion.pipelines import Window
from sandbox.apis.state import Json
from sandbox.serve import build_sandbox, truth_of
from tests.companies import modelled

#: Steps that need no single claim: they follow from the networks' own breakdown.
AGGREGATES = ("date_basis", "non_form_action", "uploaded_conversion", "view_through")


#: Two months of figures; what HubSpot holds is read whole.
DAYS = Window(date(2026, 9, 1), date(2026, 10, 31))


def company(profile: str, seed: int, people: int, portal: str = "events") -> Company:
    """The marts and the bridges of a simulated company, beside its truth."""
    sandbox = build_sandbox(
        profile=profile,
        seed=seed,
        people=people,
        web_analytics="no-events" not in portal,
        pages_refuse="forbidden" if "no-pages" in portal else "",
    )
    truth = json.loads(Json(truth_of(sandbox).document()).body)
    with (
        modelled(sandbox, DAYS, "conversion_bridge", "fct_deal_attribution") as home,
        duckdb.connect(str(home.home / "warehouse.duckdb"), read_only=True) as built,
    ):
        built.execute("SET TimeZone = 'UTC'")
        return compared(profile, seed, people, built, truth, str(DAYS.start), portal)


@pytest.fixture(scope="module")
def clean() -> Company:
    return company("clean", 7, 250)


@pytest.fixture(
    scope="module", params=["events", "no-events", pytest.param("no-events-no-pages", marks=pytest.mark.long)]
)
def typical(request: pytest.FixtureRequest) -> Company:
    return company("typical", 11, 300, request.param)


def test_every_mart_agrees_row_by_row_where_nothing_is_in_the_way(clean: Company) -> None:
    found = {mart.mart: (mart.missing, mart.surplus) for mart in clean.marts if mart.disagreed}
    assert found == {}
    assert all(mart.agreed > 20 for mart in clean.marts)
    assert {mart.mart.partition(",")[0] for mart in clean.marts} == {
        "fct_network_conversions",
        "fct_sessions",
        "fct_form_submissions",
        "fct_first_conversions",
        "fct_contact_attribution",
        "fct_deal_attribution",
    }


@pytest.mark.parametrize("step", [*ENDS, *AGGREGATES])
def test_ends_and_aggregates_agree_on_every_campaigns_day(clean: Company, step: str) -> None:
    true = {key: units for key, units in clean.true.items() if key[4] == step}
    assert true
    assert {key: units for key, units in clean.estimated.items() if key[4] == step} == pytest.approx(true)


def test_reasons_agree_but_for_units_that_several_conversions_could_hold(clean: Company) -> None:
    share = accuracy(by_reason(clean.estimated), by_reason(clean.true))
    assert share is not None
    assert share > 0.96


def test_a_typical_companys_network_figures_agree_on_every_portal(typical: Company) -> None:
    true = {key: units for key, units in typical.true.items() if key[4] == "network_conversions"}
    found = {key: units for key, units in typical.estimated.items() if key[4] == "network_conversions"}
    assert found == pytest.approx(true, abs=0.002)


#: The least share of reasons on range totals and of (contact, ad) pairs that agree, by portal.
LEAST = {"events": (0.88, 0.85), "no-events": (0.85, 0.70), "no-events-no-pages": (0.85, 0.70)}


def test_reasons_and_attribution_agree_for_each_report(typical: Company) -> None:
    right, credited = LEAST[typical.portal]
    assert list(typical.reports) == list(REPORTS)
    for name, report in typical.reports.items():
        share = accuracy(by_reason(report.estimated), by_reason(report.true))
        assert share is not None
        assert report.credited.share is not None
        assert (name, share) > (name, right)
        assert (name, report.credited.share) > (name, credited)
