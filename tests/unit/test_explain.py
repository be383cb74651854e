"""`adledger explain`: exact figures under any filter, masked personal data, standalone pages."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from click.testing import Result
from rich.console import Console
from typer.testing import CliRunner

from adledger.cli import app
from reporting.explain.bridge import cost_without_events, open_serving, read_bridges
from reporting.explain.claims import Claim, facts
from reporting.explain.masking import Mask
from reporting.explain.scope import Scope, resolve
from reporting.explain.terminal import show

MODELS = Path(__file__).parents[2] / "dbt_project" / "models"
REPORT, OTHER = "first_form_submission", "all_ad_interactions"
ANN, BOB = "70411500001", "70411500002"
PAGE = "https://shop.example/demo"
LANDING = f"{PAGE}?hsa_acc=1&hsa_cam=c1&utm_source=ads&gclid=SECRET&email=ann%40example.com&ref=R1#ann"

#: day, campaign, ad group, ad, order, step, label, kind, units, evidence class
STEPS = [
    ("2026-10-01", "c1", "g1", "a1", 0, "network_conversions", "Reported", "start", "60.1", "aggregate"),
    ("2026-10-02", "c2", None, None, 0, "network_conversions", "Reported", "start", "40.2", "aggregate"),
    ("2026-10-01", "c1", "g1", "a1", 10, "date_basis", "Dated by click", "adjustment", "2.5", "aggregate"),
    ("2026-10-02", "c2", None, None, 10, "date_basis", "Dated by click", "adjustment", "-2.5", "aggregate"),
    ("2026-10-01", "c1", "g1", "a1", 14, "fractional_credit", "Rounding", "adjustment", "-0.3", "aggregate"),
    ("2026-10-02", "c2", None, None, 33, "later_session", "Came back", "adjustment", "-2", "row"),
    ("2026-10-02", "c2", None, None, 40, "no_trace_in_hubspot", "No trace", "adjustment", "-38", "residual"),
    ("2026-10-02", "c2", None, None, 54, "not_counted_by_network", "Blocked", "adjustment", "5", "residual"),
    ("2026-10-01", "c1", "g1", "a1", 99, "hubspot_contacts", "HubSpot contacts", "end", "62.3", "row"),
    ("2026-10-02", "c2", None, None, 99, "hubspot_contacts", "HubSpot contacts", "end", "2.7", "row"),
]
#: event, campaign, ad, contact, instant, network units, hubspot units, reason, evidence
CLAIMS: list[tuple[str, str, str | None, str | None, str, int, int, str | None, dict[str, Any]]] = [
    (
        "s1", "c2", None, ANN, "2026-10-02 10:00:00Z", 1, 0, "later_session",
        {
            "campaign_named_by": "hsa", "claim_source": "click_session",
            "clicked_at": "2026-09-30 10:00:00+00",
            "click_session_id": "v1", "click_id_type": "gclid", "click_window_days": 30, "is_in_window": True,
            "submission_session_id": "v2", "conversion_number": 1, "is_tracked": True,
            "event_is_credited": False,
        },
    ),
    (
        "s2", "c2", None, None, "2026-10-02 11:00:00Z", 1, 0, "later_session",
        {"deleted_contact_id": "70411599999", "deletion": "archived", "deleted_at": "2026-10-09 08:00:00+00"},
    ),
    ("s3", "c1", "a1", BOB, "2026-10-01 09:00:00Z", 1, 1, None, {"conversion_number": 1}),
]  # fmt: skip
_AD = "network VARCHAR, account_id VARCHAR, campaign_id VARCHAR, ad_group_id VARCHAR, ad_id VARCHAR"
_BRIDGE = (
    "date DATE, step_order INTEGER, step VARCHAR, step_label VARCHAR, kind VARCHAR, units DECIMAL(18,6),"
    " evidence_class VARCHAR"
)
TABLES = {
    "reconciliation.load_faults": "source VARCHAR, kind VARCHAR, account_id VARCHAR, resource VARCHAR,"
    " subject VARCHAR, date DATE, records BIGINT, seen VARCHAR, fix VARCHAR, since TIMESTAMPTZ",
    "marts.sources": "source VARCHAR, status VARCHAR, landed_through DATE, as_of TIMESTAMPTZ",
    "marts.fct_ad_performance_daily": "attribution_report VARCHAR",
    "marts.dim_campaign": "network VARCHAR, account_id VARCHAR, campaign_id VARCHAR, campaign_name VARCHAR,"
    " account_name VARCHAR",
    "marts.dim_ad": f"{_AD}, ad_name VARCHAR",
    "marts.fct_sessions": "session_id VARCHAR, contact_id VARCHAR, session_number BIGINT,"
    " started_at TIMESTAMPTZ, page_views BIGINT, landing_page_url VARCHAR, traffic_source VARCHAR,"
    f" evidence_source VARCHAR, match_method VARCHAR, click_id_type VARCHAR, {_AD}",
    "marts.fct_form_submissions": "submission_id VARCHAR, contact_id VARCHAR, form_id VARCHAR,"
    " form_type VARCHAR, submitted_at TIMESTAMPTZ, page_url VARCHAR, session_id VARCHAR,"
    f" conversion_number BIGINT, is_tracked BOOLEAN, is_filtered BOOLEAN, {_AD}",
    "marts.fct_contact_attribution": "attribution_report VARCHAR, contact_id VARCHAR,"
    " interaction_type VARCHAR, interaction_at TIMESTAMPTZ, credited_at TIMESTAMPTZ,"
    f" submission_id VARCHAR, session_id VARCHAR, evidence_source VARCHAR, {_AD}",
    "marts.fct_first_conversions": "contact_id VARCHAR, submission_id VARCHAR, session_id VARCHAR,"
    " converted_at TIMESTAMPTZ, traffic_source VARCHAR, is_lead_ad BOOLEAN, is_ad_session BOOLEAN,"
    " existed_before_conversion BOOLEAN",
    "reconciliation.conversion_bridge": "attribution_report VARCHAR, network VARCHAR, account_id VARCHAR,"
    f" campaign_id VARCHAR, {_BRIDGE}",
    "reconciliation.ad_bridge": f"attribution_report VARCHAR, {_AD}, {_BRIDGE}",
    "reconciliation.landing_page_tags": f"tag VARCHAR, {_AD}",
    "reconciliation.conversion_ledger": f"attribution_report VARCHAR, {_AD}, event_id VARCHAR,"
    " event_type VARCHAR, contact_id VARCHAR, occurred_at TIMESTAMPTZ, date DATE,"
    " network_units DECIMAL(18,6), hubspot_units DECIMAL(18,6), reason_code VARCHAR, evidence JSON",
    "reconciliation.actions": "network VARCHAR, account_id VARCHAR, rank INTEGER, cause VARCHAR,"
    " subject_type VARCHAR, subject_id VARCHAR, contacts_gained DECIMAL(18,6), network_units DECIMAL(18,6),"
    " spend_company_currency DECIMAL(18,6), advice VARCHAR, evidence JSON",
    "reconciliation.step_coverage": "network VARCHAR, step VARCHAR, step_order INTEGER, step_label VARCHAR,"
    " coverage VARCHAR, missing_inputs VARCHAR[], how_to_add VARCHAR[]",
}


@pytest.fixture
def serving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ann clicked an ad of c2 and converted in a later session; Bob converted right after an ad of c1."""
    monkeypatch.setenv("ADLEDGER_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "400")
    path = tmp_path / "serving.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE SCHEMA marts; CREATE SCHEMA reconciliation")
        for table, columns in TABLES.items():
            connection.execute(f"CREATE TABLE {table} ({columns})")

        def insert(table: str, *rows: Sequence[Any]) -> None:
            for row in rows:
                connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", list(row))

        insert(
            "marts.sources",
            ("google_ads", "stale", "2026-10-01", "2026-10-02 06:00:00Z"),
            ("hubspot", "landed", "2026-10-03", "2026-10-03 06:00:00Z"),
        )
        insert("marts.fct_ad_performance_daily", (REPORT,))
        insert("marts.dim_campaign", ("google_ads", "1", "c1", "Brand", "Shop"))
        insert("marts.dim_campaign", ("google_ads", "1", "c2", "<script>alert(1)</script>", "Shop"))
        insert("marts.dim_ad", ("google_ads", "1", "c1", "g1", "a1", "Text ad"))
        insert(
            "marts.fct_sessions",
            ("v1", ANN, 1, "2026-09-30 10:00:00Z", 2, LANDING, "PAID_SEARCH", "page_views", "hsa", "gclid",
             "google_ads", "1", "c2", None, None),
            ("v2", ANN, 2, "2026-10-02 09:59:00Z", 1, PAGE, "DIRECT_TRAFFIC", "page_views", None, None,
             None, None, None, None, None),
        )  # fmt: skip
        insert(
            "marts.fct_form_submissions",
            ("s1", ANN, "demo-form", "hubspot", "2026-10-02 10:00:00Z", PAGE, "v2", 1, True, False,
             None, None, None, None, None),
        )  # fmt: skip
        insert(
            "marts.fct_contact_attribution",
            (OTHER, ANN, "ad_click", "2026-09-30 10:00:00Z", "2026-10-02 10:00:00Z", "s1", "v1", "page_views",
             "google_ads", "1", "c2", None, None),
        )  # fmt: skip
        insert(
            "marts.fct_first_conversions",
            (ANN, "s1", "v2", "2026-10-02 10:00:00Z", "DIRECT_TRAFFIC", False, False, False),
        )
        for report in (REPORT, OTHER):
            for day, campaign, group, ad, *step in STEPS:
                place = (report, "google_ads", "1", campaign)
                insert("reconciliation.conversion_bridge", (*place, day, *step))
                insert("reconciliation.ad_bridge", (*place, group, ad, day, *step))
        insert("reconciliation.landing_page_tags", ("launch", "google_ads", "1", "c2", None, None))
        for event, campaign, ad, contact, at, network, hubspot, reason, evidence in CLAIMS:
            insert(
                "reconciliation.conversion_ledger",
                (REPORT, "google_ads", "1", campaign, "g1" if ad else None, ad, event, "form_submission",
                 contact, at, at[:10], network, hubspot, reason, json.dumps(evidence)),
            )  # fmt: skip
        for rank, campaign, gained in ((1, "c1", "8.141593"), (2, "c2", "2"), (3, "c1", "1"), (4, "c1", "1")):
            insert(
                "reconciliation.actions",
                ("google_ads", "1", rank, "no_tracking_code", "landing_page", PAGE, gained, 3, 50,
                 f"Repair & test {rank}", json.dumps({"campaign_ids": [campaign]})),
            )  # fmt: skip
    return path


@pytest.fixture
def explain(serving: Path) -> Callable[..., Result]:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["explain", *arguments])

    return run


def test_only_published_columns_are_read() -> None:
    described = {
        model["name"]: {column["name"] for column in model["columns"]}
        for schema in ("marts", "reconciliation")
        for path in (MODELS / schema).glob("*.yml")
        for model in yaml.safe_load(path.read_text()).get("models", [])
    }
    for table, columns in TABLES.items():
        if table != "marts.sources":
            names = {column.split()[0] for column in re.sub(r"\(.*?\)", "", columns).split(",")}
            assert names <= described[table.partition(".")[2]], table


def _units(serving: Path, **filters: Any) -> list[str]:
    with open_serving(serving) as connection:
        bridges = read_bridges(connection, resolve(connection, Scope(**filters)))
    return [f"{step.code} {step.units.normalize():f}" for bridge in bridges for step in bridge.steps]


C1 = [
    "network_conversions 60.1",
    "date_basis 2.5",
    "fractional_credit -0.3",
    "hubspot_contacts 62.3",
]
C2 = [
    "network_conversions 40.2",
    "date_basis -2.5",
    "later_session -2",
    "no_trace_in_hubspot -38",
    "not_counted_by_network 5",
    "hubspot_contacts 2.7",
]


def test_steps_are_summed_exactly_under_the_default_report(serving: Path) -> None:
    assert _units(serving) == [
        "network_conversions 100.3",
        "fractional_credit -0.3",
        "later_session -2",
        "no_trace_in_hubspot -38",
        "not_counted_by_network 5",
        "hubspot_contacts 65",
    ]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"campaign": "c1"}, C1),
        ({"ad": "a1"}, C1),
        ({"tag": "launch"}, C2),
        ({"network": "google_ads", "account": "1", "campaign": "c2", "report": OTHER}, C2),
    ],
)
def test_every_filter_restricts_the_bridge(
    serving: Path, filters: dict[str, str], expected: list[str]
) -> None:
    assert _units(serving, **filters) == expected


def test_a_tag_without_an_ad_applies_to_its_campaign_only(serving: Path) -> None:
    with duckdb.connect(str(serving)) as connection:
        connection.execute(
            "INSERT INTO reconciliation.ad_bridge"
            " SELECT * REPLACE ('c3' AS campaign_id) FROM reconciliation.ad_bridge WHERE campaign_id = 'c2'"
        )
    assert _units(serving, tag="launch") == C2


@pytest.mark.parametrize(
    ("arguments", "option", "known"),
    [
        (["--network", "hubspot"], "--network", "google_ads, facebook_ads, linkedin_ads"),
        (["--account", "9"], "--account", "1 (Shop)"),
        (["--campaign", "c9"], "--campaign", "c1 (Brand)"),
        (["--ad", "a9"], "--ad", "a1 (Text ad)"),
        (["--tag", "lunch"], "--tag", "launch"),
        (["--tag", "launch", "--campaign", "c1"], "--tag", "there are no values for these filters"),
        (["--ad", "a1", "--campaign", "c2"], "--ad", "there are no values for these filters"),
        (["--report", "best"], "--report", f"{OTHER}, {REPORT}"),
        (["--step", "magic"], "--step", "later_session (Came back)"),
        (["--step", "later_session", "--campaign", "c1"], "--step", "date_basis (Dated by click)"),
        (["--contact", "1"], "--contact", "no contact 1 is published"),
        (["--contact", ANN, "--network", "google_ads"], "--contact", "can only be combined"),
        (["--contact", ANN, "--png", "x.png"], "--contact", "can only be combined"),
        (["--step", "later_session", "--svg", "x.svg"], "--step", "cannot be saved as an image"),
    ],
)
def test_an_unknown_value_is_refused_with_a_list_of_known_ones(
    explain: Callable[..., Result], arguments: list[str], option: str, known: str
) -> None:
    result = explain(*arguments)
    assert result.exit_code == 2
    assert f"Invalid value for {option}" in result.output
    assert known in re.sub(r"[│\s]+", " ", result.output)


def test_a_file_of_an_older_version_is_reported(serving: Path, explain: Callable[..., Result]) -> None:
    with duckdb.connect(str(serving)) as connection:
        connection.execute("DROP TABLE reconciliation.ad_bridge")
    assert explain().exit_code == 0
    result = explain("--ad", "a1")
    assert result.exit_code == 1
    assert "run adledger refresh" in result.output


def test_a_file_that_cannot_be_written_is_reported(explain: Callable[..., Result], tmp_path: Path) -> None:
    for option in ("--html", "--png", "--svg"):
        nowhere = tmp_path / "nowhere" / "file"
        result = explain(option, str(nowhere))
        assert result.exit_code == 1
        assert f"cannot write {nowhere}" in result.output


def test_a_range_without_figures_writes_nothing(explain: Callable[..., Result], tmp_path: Path) -> None:
    assert "No network has figures" in explain("--start", "2027-01-01").stdout
    page = tmp_path / "page.html"
    result = explain("--start", "2027-01-01", "--html", str(page))
    assert result.exit_code == 1
    assert not page.exists()
    assert json.loads(explain("--start", "2027-01-01", "--json").stdout)["bridges"] == []


def test_notes_on_missing_inputs_follow_the_bridge(
    serving: Path, explain: Callable[..., Result], tmp_path: Path
) -> None:
    assert "Not available from" not in explain().output
    rows = (
        "('google_ads', 'date_basis', 10, 'Dated by click', 'none', ['dates'], ['Google: a column']),"
        " ('google_ads', 'later_session', 33, 'Later', 'partial', ['sessions', 'ads'], ['HubSpot: the API']),"
        " ('google_ads', 'view_through', 13, 'Seen', 'full', [], []),"
        " ('linkedin_ads', 'date_basis', 10, 'Not requested', 'none', ['dates'], ['LinkedIn: a column'])"
    )
    with duckdb.connect(str(serving)) as connection:
        connection.execute(f"INSERT INTO reconciliation.step_coverage VALUES {rows}")
    notes = [
        "Not available from the connected sources: Dated by click.",
        "Partly covered: Later; missing: sessions, ads.",
        "To improve coverage, add: Google: a column; HubSpot: the API.",
    ]
    lines = [line.rstrip() for line in explain().output.splitlines()]
    assert [line for line in lines if line in notes] == notes
    assert "Not requested" not in explain().output
    (bridge,) = json.loads(explain("--json").stdout)["bridges"]
    assert [(each["step"], each["coverage"]) for each in bridge["coverage"]] == [
        ("date_basis", "none"),
        ("later_session", "partial"),
    ]
    assert bridge["coverage"][1]["how_to_add"] == ["HubSpot: the API"]
    page = tmp_path / "page.html"
    explain("--html", str(page))
    assert all(line in page.read_text() for line in notes)


def test_what_a_load_left_out_is_said_wherever_the_bridge_stands(
    serving: Path, explain: Callable[..., Result], tmp_path: Path
) -> None:
    with duckdb.connect(str(serving)) as connection:
        for day in ("2026-10-02", "2026-10-01"):
            connection.execute(
                "INSERT INTO reconciliation.load_faults VALUES ('google_ads', 'day', '17', 'ad_metrics',"
                " NULL, ?, 2, '', 'see reconciliation.quarantine', '2026-10-03 06:00:00Z')",
                [day],
            )
        connection.execute("""
            INSERT INTO reconciliation.load_faults VALUES
                ('google_ads', 'account', '1', NULL, NULL, NULL, NULL, 'Google Ads refuses it',
                 'check the id', '2026-10-02 06:00:00Z'),
                ('google_ads', 'column', NULL, 'campaigns', 'name', NULL, 7, 'as a number', NULL,
                 '2026-10-02 06:00:00Z')
        """)
    lines = [
        "google_ads ad_metrics account 17: figures of 2026-10-01 to 2026-10-02 lack 4 rejected records;"
        " see reconciliation.quarantine",
        "google_ads account 1 since 2026-10-02: Google Ads refuses it; check the id",
    ]
    terminal = explain().stdout
    page = tmp_path / "page.html"
    explain("--html", str(page))
    for line in lines:
        assert f"Incomplete: {line}" in terminal
        assert line in page.read_text()
    (bridge,) = json.loads(explain("--json").stdout)["bridges"]
    faults = bridge["load_faults"]
    assert [(fault["source"], fault["kind"]) for fault in faults] == [
        ("google_ads", "account"),
        ("google_ads", "day"),
    ]


def test_the_terminal_shows_a_waterfall(serving: Path) -> None:
    lines = [line.rstrip() for line in _shown(serving, 140).splitlines()]
    assert lines[0].startswith("Google Ads  2026-10-01 to 2026-10-02, report first_form_submission")
    assert "stale" in lines[0]
    cells = [re.split("[▏▎▍▌▋▊▉█]", line)[0].split() for line in lines[3:9]]
    assert cells[0] == ["Reported", "100.30", "100.0%", "100.30"]
    assert cells[2] == ["Came", "back", "−2.00", "−2.0%", "98.00"]
    assert cells[4] == ["Blocked", "+5.00", "+5.0%", "65.00"]
    assert cells[5] == ["HubSpot", "contacts", "65.00", "64.8%", "65.00"]
    reported, trace, blocked = (line.index("█") for line in (lines[3], lines[6], lines[7]))
    assert reported < trace == blocked
    assert lines[5].endswith("Event level")
    assert lines[6].endswith("Unexplained")


def test_a_page_shows_the_latest_events_and_their_total(
    serving: Path, explain: Callable[..., Result], tmp_path: Path
) -> None:
    with duckdb.connect(str(serving)) as connection:
        connection.execute(
            "INSERT INTO reconciliation.conversion_ledger"
            " SELECT * EXCLUDE (n)"
            " REPLACE (event_id || n AS event_id, occurred_at - to_hours(n) AS occurred_at)"
            " FROM reconciliation.conversion_ledger, range(1, 3) AS copies (n)"
        )
    page = tmp_path / "page.html"
    explain("--html", str(page))
    assert "the latest 3 of 6" in page.read_text()
    assert re.findall(r"2026-10-02 \d\d:00", page.read_text()) == [
        "2026-10-02 06:00",
        "2026-10-02 11:00",
        "2026-10-02 10:00",
        "2026-10-02 10:00",
    ]
    explain("--html", str(page), "--step", "later_session")
    assert "all 6" in page.read_text()


@pytest.mark.parametrize("width", [60, 80, 200])
def test_figures_are_never_cut_off(serving: Path, width: int) -> None:
    text = _shown(serving, width)
    for figure in ("100.30", "−0.30", "−37.9%", "Network total", "Unexplained"):
        assert figure in text
    assert max(map(len, text.splitlines()[1:])) <= width


def _shown(serving: Path, width: int) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    with open_serving(serving) as connection:
        show(console, read_bridges(connection, resolve(connection, Scope())))
    return console.export_text()


def test_json_adds_up_without_losing_a_digit(explain: Callable[..., Result]) -> None:
    document = json.loads(explain("--json").stdout)
    assert document["filters"] == dict.fromkeys(
        ("network", "account", "campaign", "ad", "tag", "start", "end")
    )
    (bridge,) = document["bridges"]
    steps = {step["step"]: Decimal(step["units"]) for step in bridge["steps"]}
    moved = sum(Decimal(step["units"]) for step in bridge["steps"] if step["kind"] == "adjustment")
    assert steps["network_conversions"] + moved == steps["hubspot_contacts"]
    assert bridge["network_conversions"] == "100.300000"
    assert bridge["stale_sources"] == ["google_ads"]
    assert [action["contacts_gained"] for action in bridge["actions"]] == ["8.141593", "2.000000", "1.000000"]


def test_actions_are_restricted_to_the_campaigns_of_the_filters(explain: Callable[..., Result]) -> None:
    for filters in (["--campaign", "c2"], ["--tag", "launch"]):
        (bridge,) = json.loads(explain(*filters, "--json").stdout)["bridges"]
        assert [action["rank"] for action in bridge["actions"]] == [2]


def test_the_rows_behind_a_step_sum_to_it(explain: Callable[..., Result]) -> None:
    document = json.loads(explain("--step", "later_session", "--json").stdout)
    assert document["label"] == "Came back"
    assert [claim["occurred_at"] for claim in document["claims"]] == [
        "2026-10-02T11:00:00Z",
        "2026-10-02T10:00:00Z",
    ]
    assert -sum(Decimal(claim["network_units"]) for claim in document["claims"]) == Decimal(document["units"])
    ann = document["claims"][1]
    assert ann["reason"] == "Came back"
    assert (
        "ad click (gclid) on 2026-09-30 10:00 UTC in session 1, 2 days before the form submission"
        in ann["facts"]
    )
    assert "in a later session" in ann["facts"]
    assert ann["evidence"]["click_session_id"] == "session 1"


def test_totals_list_events_and_other_steps_report_that_they_have_none(
    explain: Callable[..., Result],
) -> None:
    assert len(json.loads(explain("--step", "network_conversions", "--json").stdout)["claims"]) == 3
    assert len(json.loads(explain("--step", "hubspot_contacts", "--json").stdout)["claims"]) == 1
    assert "Evidence: Unexplained" in explain("--step", "no_trace_in_hubspot").stdout


def test_a_journey_shows_sessions_forms_credits_and_claims(explain: Callable[..., Result]) -> None:
    document = json.loads(explain("--contact", ANN, "--json").stdout)
    assert [session["named_by"] for session in document["sessions"]] == ["hsa_* parameters in the URL", None]
    assert document["submissions"][0]["session_id"] == document["sessions"][1]["session_id"]
    reports = {report["attribution_report"]: report for report in document["reports"]}
    assert len(reports) == 6
    assert reports[OTHER]["credits"][0]["campaign_id"] == "c2"
    assert reports[OTHER]["why_nobody"] is None
    assert reports[REPORT]["credits"] == []
    assert "in a session that no ad click started (direct traffic)" in reports[REPORT]["why_nobody"]
    (claim,) = document["claims"]
    assert (claim["network_units"], claim["hubspot_units"]) == ("1.000000", "0.000000")
    assert claim["reason"] == "Came back"
    text = explain("--contact", ANN).stdout
    for part in (
        "form demo-form",
        "conversion 1, tracked",
        "no ad",
        "Counted by Google Ads, not credited in HubSpot",
        "Came back",
    ):
        assert part in text


@pytest.mark.parametrize(
    "arguments",
    [
        ["--step", "later_session"],
        ["--step", "later_session", "--json"],
        ["--contact", ANN],
        ["--contact", ANN, "--json"],
        ["--html", "FILE"],
        ["--contact", ANN, "--html", "FILE"],
    ],
)
def test_personal_data_shows_only_on_request(
    explain: Callable[..., Result], arguments: list[str], tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    arguments = [str(page) if argument == "FILE" else argument for argument in arguments]

    def output(*more: str) -> str:
        result = explain(*arguments, *more)
        assert result.exit_code == 0, result.output
        return page.read_text() if page.exists() else result.stdout

    hidden = output()
    for secret in (ANN, BOB, "70411599999", "SECRET", "ann%40example.com", "ann@example.com", "R1"):
        assert secret not in hidden
    assert "contact 1" in hidden
    assert ANN in output("--show-personal-data")


class _Loads(HTMLParser):
    """Collects everything that a browser would fetch or run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"script", "link", "img", "iframe", "object", "embed", "base", "form", "image", "use"}:
            self.found.append(tag)
        for name, value in attrs:
            if name in {"src", "href", "xlink:href", "action", "background"} or name.startswith("on"):
                self.found.append(f"{name}={value}")
            if value and "http" in value:
                self.found.append(f"{name}={value}")


@pytest.mark.parametrize("arguments", [[], ["--step", "later_session"], ["--contact", ANN]])
def test_a_page_loads_nothing_and_is_escaped(
    explain: Callable[..., Result], arguments: list[str], tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    assert explain(*arguments, "--html", str(page)).exit_code == 0
    text = page.read_text()
    loads = _Loads()
    loads.feed(text)
    assert loads.found == []
    assert not re.search(r"url\(|@import|<script", text)
    assert "&lt;script&gt;alert(1)" in text


def test_a_page_describes_its_chart_in_text(explain: Callable[..., Result], tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    explain("--html", str(page))
    text = re.sub(r"\s+", " ", re.sub(r"<svg.*?</svg>|<[^>]+>", " ", page.read_text(), flags=re.DOTALL))
    assert "Google Ads reports 100.3 conversions, HubSpot credits 65 contacts." in text
    assert "These steps explain the difference of 35.3." in text
    assert "2026-10-01 to 2026-10-02" in text
    assert "Stale: Google Ads could not be read in the last refresh" in text
    for label in ("Reported 100.30 100.0%", "Came back −2.00 −2.0% Event level", "HubSpot contacts 65.00"):
        assert label in text
    assert "Repair &amp; test 1 Shop 8.1" in text
    assert "Repair &amp; test 4" not in text


def test_images_are_written(explain: Callable[..., Result], tmp_path: Path) -> None:
    png, svg = tmp_path / "bridge.png", tmp_path / "bridge.svg"
    assert explain("--png", str(png), "--svg", str(svg)).exit_code == 0
    assert png.read_bytes().startswith(b"\x89PNG")
    assert "@font-face" not in svg.read_text()


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        (LANDING, f"{PAGE}?hsa_acc=1&hsa_cam=c1&utm_source=ads&gclid=…&email=…&ref=…"),
        ("https://ann:pw@shop.example/u/ann@example.com/x", "https://shop.example/u/…/x"),
        ("https://shop.example/?utm_content=ann%2540example.com&ann@example.com", "https://shop.example/?utm_content=…&…"),
        ("https://shop.example/?xhsa_cam=1&utm_id=", "https://shop.example/?xhsa_cam=…&utm_id="),
        ("http://[broken", "…"),
    ],
)  # fmt: skip
def test_urls_lose_personal_data(url: str, masked: str) -> None:
    assert Mask().url(url) == masked
    assert Mask(shown=True).url(url) == url


def test_a_contact_keeps_its_number() -> None:
    mask = Mask()
    assert [mask.id("contact", contact) for contact in (ANN, BOB, ANN, None)] == [
        "contact 1",
        "contact 2",
        "contact 1",
        None,
    ]


def test_the_cost_of_a_portal_without_events_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "serving.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("""
            CREATE SCHEMA marts;
            CREATE TABLE marts.fct_sessions AS
            SELECT unnest(['contact_property', 'contact_property', 'submission_context']) AS evidence_source;
            CREATE TABLE marts.fct_form_submissions AS
            SELECT * FROM (VALUES
                (NULL, 'c1', 'hubspot'), (true, 'c1', 'hubspot'),
                (NULL, NULL, 'hubspot'), (NULL, 'c1', 'lead_ad')
            ) AS submissions (is_tracked, contact_id, form_type)
        """)
    text = cost_without_events(path)
    assert "2 sessions are known only from contact properties and 1 only from a form submission" in text
    assert "1 submissions have no information on tracking" in text


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        ({"is_filtered": True}, "HubSpot filtered the submission"),
        ({"is_headline_action": False}, "a secondary conversion action"),
        (
            {"conversion_number": 2, "campaign_claims_earlier_one": True},
            "2nd conversion, and this campaign already claims an earlier one",
        ),
        ({"existed_before_conversion": True}, "the contact existed before this conversion"),
        ({"is_form_context_missing": True}, "passes no cookie or page URL"),
        (
            {"click_session_id": "a", "submission_session_id": "b", "is_timed_out_session": True},
            "in the next session",
        ),
        ({"lead_status": "missing"}, "the lead was never synced to HubSpot"),
        ({"campaign_named_by": "landing_page"}, "campaign identified by its landing page"),
    ],
)
def test_every_fact_that_decides_a_reason_is_listed(evidence: dict[str, Any], expected: str) -> None:
    claim = Claim(
        *(
            "s",
            "form_submission",
            ANN,
            datetime(2026, 10, 2, 10, tzinfo=UTC),
            date(2026, 10, 2),
            "google_ads",
            "1",
            "c",
        ),
        *(None, None, None, None, Decimal(1), Decimal(0), "later_session", evidence, 1),
    )
    assert any(expected in fact for fact in facts(claim, Mask()))
    assert not any(expected in fact for fact in facts(replace(claim, evidence={}), Mask()))
