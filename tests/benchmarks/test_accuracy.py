"""How the account is compared with the truth: the measure must be able to see every kind of mistake."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from adledger.commands import demo
from benchmarks import accuracy, accuracy_page, comparing, readings
from benchmarks.choices import CHOICES
from sandbox.truth.credits import REPORTS
from sandbox.world.profiles import PROFILES
from tests.warehouse import PROJECT

DAY = ("google_ads", "1", "10", "2026-09-01")
TRUE = {
    (*DAY, "network_conversions"): 10.0,
    (*DAY, "view_through"): -3.0,
    (*DAY, "repeat_submission"): -2.0,
    (*DAY, "no_trace_in_hubspot"): -1.0,
    (*DAY, "hubspot_contacts"): 4.0,
}
keys = st.tuples(
    st.sampled_from(["google_ads", "linkedin_ads"]),
    st.just("1"),
    st.sampled_from(["10", "11"]),
    st.sampled_from(["2026-09-01", "2026-09-02"]),
    st.sampled_from(["view_through", "repeat_submission", "existing_contact", "not_counted_by_network"]),
)
bridges = st.dictionaries(keys, st.integers(-9, 9).map(float), max_size=12)


def test_what_agrees_is_perfect_and_the_ends_do_not_count() -> None:
    other = {**TRUE, (*DAY, "hubspot_contacts"): 0.0}
    assert comparing.accuracy(comparing.reasons(TRUE), comparing.reasons(TRUE)) == 1
    assert comparing.accuracy(comparing.reasons(other), comparing.reasons(TRUE)) == 1


def test_a_unit_in_another_reason_costs_its_share() -> None:
    moved = {**TRUE, (*DAY, "repeat_submission"): -1.0, (*DAY, "existing_contact"): -1.0}
    assert comparing.accuracy(comparing.reasons(moved), comparing.reasons(TRUE)) == pytest.approx(1 - 1 / 6)
    assert comparing.confusion(moved, TRUE)["repeat_submission", "existing_contact"] == 1


def test_a_unit_on_another_day_counts_on_campaign_days_only() -> None:
    later = ("google_ads", "1", "10", "2026-09-02")
    moved = {**TRUE, (*DAY, "view_through"): -2.0, (*later, "view_through"): -1.0}
    assert comparing.accuracy(comparing.by_reason(moved), comparing.by_reason(TRUE)) == 1
    assert comparing.accuracy(comparing.reasons(moved), comparing.reasons(TRUE)) == pytest.approx(1 - 1 / 6)
    found = comparing.confusion(moved, TRUE)
    assert found["view_through", "nothing"] == found["nothing", "view_through"] == 1


def test_explaining_nothing_is_no_accuracy() -> None:
    nothing = {(*DAY, "no_trace_in_hubspot"): -6.0}
    assert comparing.accuracy(comparing.reasons(nothing), comparing.reasons(TRUE)) == pytest.approx(1 - 5 / 6)
    assert comparing.residual_share(nothing) == 1
    assert comparing.residual_share(TRUE) == pytest.approx(1 / 6)


@given(bridges, bridges)
def test_every_true_and_every_estimated_unit_is_somewhere_in_the_confusion(
    estimated: dict[comparing.Key, float], true: dict[comparing.Key, float]
) -> None:
    found = comparing.confusion(estimated, true)
    for side, bridge in ((0, true), (1, estimated)):
        sums: Counter[str] = Counter()
        for (*_, step), units in bridge.items():
            sums[step] += abs(units)
        counted: Counter[str] = Counter()
        for pair, units in found.items():
            counted[pair[side]] += units
        del counted["nothing"]
        assert {k: v for k, v in counted.items() if v > 1e-6} == pytest.approx(
            {k: v for k, v in sums.items() if v}
        )
    assert all(units > 0 for units in found.values())


def test_rows_of_one_side_are_named_by_what_is_unusual_about_them() -> None:
    found = comparing.agree("mart", [("a", 1), ("b", 1)], [("a", 1), ("c", 1)], {"c": "imported"})
    assert (found.agreed, found.missing, found.surplus) == (1, {"imported": 1}, {"nothing unusual": 1})


def test_the_page_says_what_is_missing_and_what_was_measured() -> None:
    true = {**TRUE, (*DAY, "contact_merged"): -1.0}
    company = accuracy.Company("typical", 7, 50, dict(TRUE), true, [comparing.Agreement("fct_sessions", 5)])
    text = accuracy_page.page([company], None, accuracy.Path("docs/accuracy.md"))
    assert "`typical` with 50 people (seed 7)" in text
    assert "`contact_merged` *missing* | -1 / 0" in text
    assert "| typical | fct_sessions | 5 | 0 | 0 |" in text
    assert accuracy_page.picture([company]).startswith("<?xml")


def test_the_page_has_a_row_per_portal_and_report() -> None:
    credited = comparing.Agreement("last_ad_interaction", 3, Counter({"imported": 1}))
    reports = {"last_ad_interaction": accuracy.Report(dict(TRUE), TRUE, credited)}
    companies = [
        accuracy.Company("typical", 7, 50, dict(TRUE), TRUE, [], portal=portal, reports=reports)
        for portal in ("events", "no-events")
    ]
    text = accuracy_page.page(companies, None, accuracy.Path("docs/accuracy.md"))
    for name in ("typical", "typical, no-events"):
        assert f"| {name} | last_ad_interaction | 100.0 % | 100.0 % | 75.0 % | 1 | 0 |" in text
    assert "last_ad_interaction" in accuracy_page.line(companies[0])
    assert "attribution 75.0 %" in accuracy_page.line(companies[0])


def read_company(**readings: dict[comparing.Key, float]) -> accuracy.Company:
    return accuracy.Company("typical", 7, 50, dict(TRUE), TRUE, [], readings=readings)


def test_the_worth_of_a_choice_is_printed_and_on_the_page() -> None:
    moved = {**TRUE, (*DAY, "repeat_submission"): -1.0, (*DAY, "existing_contact"): -1.0}
    company = read_company(repeats_take_units_last=moved, open_page_hours=dict(TRUE))
    line = accuracy_page.line(company)
    assert "repeats_take_units_last: takes a unit after all first ones 100.00 % on range totals" in line
    assert "takes a unit like a first one 83.33 %, 83.33 %; worth +16.67 and +16.67 points" in line
    assert "open_page_hours" in line
    page = accuracy_page.page([company], None, accuracy.Path("docs/accuracy.md"))
    assert "| 100.00 % / 83.33 % | +16.67 | 100.00 % / 83.33 % | +16.67 |" in page
    assert "| 100.00 % / 100.00 % | +0.00 | 100.00 % / 100.00 % | +0.00 |" in page


def test_another_reading_that_is_better_is_worth_less_than_nothing() -> None:
    estimated = {**TRUE, (*DAY, "repeat_submission"): -1.0, (*DAY, "existing_contact"): -1.0}
    company = read_company(repeats_take_units_last=dict(TRUE))
    company.estimated = estimated
    assert "worth -16.67 and -16.67 points" in accuracy_page.line(company)


def test_a_page_without_readings_says_how_to_measure_them() -> None:
    page = accuracy_page.page([read_company()], None, accuracy.Path("docs/accuracy.md"))
    assert "Not measured: `python -m benchmarks.accuracy --profiles typical --readings`" in page


def test_every_choice_is_a_setting_with_another_value() -> None:
    settings = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["vars"]
    page = Path(accuracy_page.__file__).with_suffix(".md").read_text()
    assert len({choice.setting for choice in CHOICES}) == len(CHOICES)
    for choice in CHOICES:
        used = settings[choice.setting]
        assert type(used) is type(choice.other_value)
        assert used != choice.other_value
    assert "$readings" in page


def test_a_setting_is_read_through_macros_but_not_for_the_books() -> None:
    def macro(name: str, sql: str, *uses: str) -> dict[str, Any]:
        return {
            "package_name": "adledger",
            "name": name,
            "macro_sql": sql,
            "depends_on": {"macros": [f"macro.adledger.{use}" for use in uses]},
        }

    def model(name: str, sql: str, *uses: str) -> dict[str, Any]:
        return {
            "resource_type": "model",
            "name": name,
            "raw_code": sql,
            "depends_on": {"macros": [f"macro.adledger.{use}" for use in uses]},
        }

    manifest = {
        "macros": {
            "macro.adledger.code_version": macro("code_version", "open_page_hours", "setting"),
            "macro.adledger.block": macro("block", "setting('open_page_hours')", "setting"),
            "macro.adledger.columns": macro("columns", "block()", "block"),
        },
        "nodes": {
            "a": model("by_itself", "{{ setting('open_page_hours') }}", "setting"),
            "b": model("through_macros", "{{ columns() }}", "columns"),
            "c": model("not_at_all", "{{ code_version() }}", "code_version"),
        },
    }
    assert readings.models_that_read("open_page_hours", manifest) == ["by_itself", "through_macros"]


@pytest.mark.parametrize(
    ("options", "measured"),
    [
        ([], False),
        (["--readings"], True),
        (["--page", "p.md"], True),
        (["--page", "p.md", "--no-readings"], False),
    ],
)
def test_readings_are_measured_where_a_page_is_written(options: list[str], measured: bool) -> None:
    assert accuracy.with_readings(accuracy.parsed(options)) is measured


@pytest.mark.parametrize(
    ("options", "portals"),
    [
        ([], ["events", "no-events"]),
        (["--no-events"], ["no-events"]),
        (["--no-events", "--no-pages"], ["no-events-no-pages"]),
        (["--portals", "events,no-pages"], ["events", "no-pages"]),
    ],
)
def test_portals_are_chosen_by_option(options: list[str], portals: list[str]) -> None:
    assert accuracy.portals(accuracy.parsed(options)) == portals


def test_the_harness_compares_the_reports_of_the_truth() -> None:
    assert accuracy.REPORTS == REPORTS


def test_the_demonstration_offers_every_profile() -> None:
    assert set(demo.PROFILES) == set(PROFILES)
    assert set(accuracy.PROFILES) < set(PROFILES)
