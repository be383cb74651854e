"""The waterfall: exact sums, in order, readable."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from rich.console import Console

from orchestration.explain import cost_without_events, read_bridges, show

ROWS = [
    # date, step_order, step, label, kind, units, evidence
    ("2026-10-01", 0, "network_conversions", "Google Ads conversions", "start", "60.1", "aggregate"),
    ("2026-10-02", 0, "network_conversions", "Google Ads conversions", "start", "40.2", "aggregate"),
    ("2026-10-01", 1, "date_basis", "dated by click", "adjustment", "2.5", "aggregate"),
    ("2026-10-02", 1, "date_basis", "dated by click", "adjustment", "-2.5", "aggregate"),
    ("2026-10-01", 5, "fractional_credit", "rounding", "adjustment", "-0.3", "aggregate"),
    ("2026-10-02", 20, "later_session", "came back later", "adjustment", "-40", "row"),
    ("2026-10-02", 21, "not_counted_by_network", "tag blocked", "adjustment", "5", "residual"),
    ("2026-10-01", 99, "hubspot_contacts", "HubSpot contacts", "end", "62.3", "row"),
    ("2026-10-02", 99, "hubspot_contacts", "HubSpot contacts", "end", "2.7", "row"),
]


@pytest.fixture
def serving(tmp_path: Path) -> Path:
    path = tmp_path / "serving.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE SCHEMA marts; CREATE SCHEMA reconciliation")
        connection.execute("CREATE TABLE marts.sources AS SELECT 'google_ads' AS source, 'stale' AS status")
        connection.execute(
            "CREATE TABLE marts.fct_ad_performance_daily AS"
            " SELECT 'first_form_submission' AS attribution_report"
        )
        connection.execute(
            "CREATE TABLE reconciliation.conversion_bridge (attribution_report VARCHAR, network VARCHAR,"
            " account_id VARCHAR, campaign_id VARCHAR, date DATE, step_order INTEGER, step VARCHAR,"
            " step_label VARCHAR, kind VARCHAR, units DECIMAL(18,6), evidence_class VARCHAR)"
        )
        for report in ("first_form_submission", "all_ad_interactions"):
            connection.executemany(
                f"INSERT INTO reconciliation.conversion_bridge"
                f" VALUES ('{report}', 'google_ads', '1', '2', ?, ?, ?, ?, ?, ?, ?)",
                ROWS,
            )
    return path


def test_steps_are_summed_exactly_over_the_range_of_one_report(serving: Path) -> None:
    (bridge,) = read_bridges(serving)
    assert [(step.label, step.units) for step in bridge.steps] == [
        ("Google Ads conversions", Decimal("100.3")),
        ("rounding", Decimal("-0.3")),
        ("came back later", Decimal("-40")),
        ("tag blocked", Decimal("5")),
        ("HubSpot contacts", Decimal("65")),
    ]
    assert (bridge.start, bridge.end) == (date(2026, 10, 1), date(2026, 10, 2))


def test_a_range_and_a_network_narrow_it(serving: Path) -> None:
    (bridge,) = read_bridges(serving, "google_ads", date(2026, 10, 1), date(2026, 10, 1))
    assert [step.units for step in bridge.steps] == [
        Decimal("60.1"),
        Decimal("2.5"),
        Decimal("-0.3"),
        Decimal("62.3"),
    ]
    assert read_bridges(serving, "linkedin_ads") == []
    assert read_bridges(serving, None, date(2027, 1, 1)) == []


def test_it_reads_as_a_waterfall(serving: Path) -> None:
    console = Console(width=140, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    show(console, read_bridges(serving))
    lines = [line.rstrip() for line in console.export_text().splitlines()]
    assert lines[0].startswith("Google Ads  2026-10-01 to 2026-10-02, report first_form_submission")
    assert "stale" in lines[0]
    cells = [line.split("█")[0].split() for line in lines[2:7]]
    assert cells[0] == ["Google", "Ads", "conversions", "100.30", "100.0%", "100.30"]
    assert cells[2] == ["came", "back", "later", "−40.00", "−39.9%", "60.00"]
    assert cells[3] == ["tag", "blocked", "+5.00", "+5.0%", "65.00"]
    assert cells[4] == ["HubSpot", "contacts", "65.00", "64.8%", "65.00"]
    later, blocked = (line.index("█") for line in (lines[4], lines[5]))
    assert lines[2].index("█") < later == blocked
    assert lines[4].endswith("row")
    assert lines[5].endswith("residual")


@pytest.mark.parametrize("width", [60, 80, 200])
def test_figures_are_never_cut_off(serving: Path, width: int) -> None:
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    show(console, read_bridges(serving))
    text = console.export_text()
    for figure in ("100.30", "−0.30", "−39.9%", "aggregate", "residual"):
        assert figure in text
    assert max(map(len, text.splitlines()[1:])) <= width


def test_the_cost_of_a_portal_without_events_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "serving.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("""
            CREATE SCHEMA marts;
            CREATE TABLE marts.fct_sessions AS
            SELECT unnest(['contact_property', 'contact_property', 'submission_context']) AS evidence;
            CREATE TABLE marts.fct_form_submissions AS
            SELECT * FROM (VALUES
                (NULL, 'c1', 'hubspot'), (true, 'c1', 'hubspot'),
                (NULL, NULL, 'hubspot'), (NULL, 'c1', 'lead_ad')
            ) AS submissions (is_tracked, contact_id, form_type)
        """)
    said = cost_without_events(path)
    assert "2 sessions are known from contact properties and 1 from a submission alone" in said
    assert "of 1 submissions nothing tells" in said
