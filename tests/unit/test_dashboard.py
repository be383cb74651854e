"""The dashboard's pages show the published figures under any filter of the URL."""

from __future__ import annotations

import csv
import io
import itertools
import re
import tomllib
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from adledger.cli import app
from benchmarks.published import Company, publish
from orchestration.checks.contracts import build_contract
from orchestration.project import manifest
from reporting.dashboard import queries, serving, show
from reporting.dashboard.serving import Published
from reporting.explain.journey import REPORTS
from reporting.explain.scope import Scope

pytestmark = pytest.mark.builds

APP = Path(serving.__file__).with_name("app.py")
PAGES = sorted(path.stem for path in (APP.parent / "views").glob("[a-z]*.py"))
COMPANY = Company(contacts=600, days=20)
FIRST, LAST = date(2026, 10, 12), COMPANY.last_day
OTHER = "all_ad_interactions"
# a converted contact with sessions, forms, claims and credits
CONTACT = "70000000009"

_LEVELS = {"title": 1, "header": 2, "subheader": 3}

Open = Callable[..., AppTest]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    publish(home / "serving.duckdb", COMPANY)
    return home


@pytest.fixture
def open_page(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Returns a function that opens a page of a home with URL parameters."""

    def open_page(name: str = "overview", *, of: Path = home, **parameters: str) -> AppTest:
        monkeypatch.setenv("ADLEDGER_HOME", str(of))
        opened = AppTest.from_file(str(APP), default_timeout=60)
        if name != "overview":
            opened.run()
            opened.switch_page(f"views/{name}.py")
        for key, value in parameters.items():
            opened.query_params[key] = value
        opened.run()
        assert not opened.exception, opened.exception[0].message
        return opened

    serving.published.clear()
    yield open_page
    serving.published.clear()


def _charts(page: AppTest) -> list[Any]:
    return [chart.proto for chart in page.get("vega_lite_chart")]


def _ask(home: Path, sql: str, **given: Any) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(home / "serving.duckdb"), read_only=True) as connection:
        return connection.execute(sql, given).fetchall()


def _text(page: AppTest) -> str:
    return "\n".join(element.value for element in (*page.markdown, *page.caption, *page.info, *page.warning))


def test_every_page_is_tested() -> None:
    assert len(PAGES) == 8


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_text_and_tables_for_every_chart(open_page: Open, name: str) -> None:
    parameters = {"contact": {"contact": CONTACT}, "bridge": {"reason": "later_session"}}.get(name, {})
    page = open_page(name, **parameters)
    assert len(page.title) == 1
    assert "Figures as of 2026-11-01 06:00 UTC." in _text(page)
    # heading levels are not skipped
    levels = [_LEVELS[element.type] for element in page.main if element.type in _LEVELS]
    assert levels[0] == 1
    assert all(below <= above + 1 for above, below in itertools.pairwise(levels)), levels
    for chart in _charts(page):
        assert len(chart.alt) > 30
        assert "*" not in chart.alt
    tables = [*page.get("dataframe"), *page.get("table")]
    assert len(tables) >= max(1, len(_charts(page)))
    assert all(len(table.proto.alt) > 20 for table in tables)
    assert len(page.get("download_button")) == len(tables)


_ACCOUNTS = st.sampled_from(
    [(network, f"{number}{account:03}") for number, network in enumerate(("google_ads", "facebook_ads"), 1)
     for account in (1, 2)]
)  # fmt: skip


@st.composite
def _scopes(draw: st.DrawFn) -> Scope:
    network = account = campaign = None
    if draw(st.booleans()):
        network, drawn = draw(_ACCOUNTS)
        if draw(st.booleans()):
            account = drawn
            if draw(st.booleans()):
                campaign = f"{drawn[0]}0{drawn[-1]}0001"
    days = st.none() | st.dates(FIRST, LAST)
    return Scope(
        network,
        account,
        campaign,
        start=draw(days),
        end=draw(days),
        report=draw(st.sampled_from(list(REPORTS))),
    )


@given(
    scope=_scopes(),
    grain=st.sampled_from(["total", "network", "account", "campaign", "day", "week", "month"]),
)
def test_figures_equal_the_marts(home: Path, scope: Scope, grain: str) -> None:
    where = (
        "($network is null or network = $network) and ($account is null or account_id = $account)"
        " and ($campaign is null or campaign_id = $campaign) and date between $start and $end"
    )
    given = {
        "network": scope.network, "account": scope.account, "campaign": scope.campaign,
        "start": scope.start or FIRST, "end": scope.end or LAST,
    }  # fmt: skip
    ((reported, contacts, moved, residual),) = _ask(
        home,
        "select sum(units) filter (step = 'network_conversions'),"
        " sum(units) filter (step = 'hubspot_contacts'),"
        " coalesce(sum(units) filter (kind = 'adjustment'), 0),"
        " coalesce(sum(units) filter (evidence_class = 'residual'), 0)"
        f" from reconciliation.conversion_bridge where attribution_report = $report and {where}",
        report=scope.report,
        **given,
    )
    ((spend,),) = _ask(
        home, f"select sum(spend_company_currency) from marts.fct_ad_performance_daily where {where}", **given
    )
    rows = Published(home / "serving.duckdb").snapshot().read(queries.compared(scope, grain)).to_pylist()
    # the sums are NULL for a range that ends before it starts
    assert sum(row["reported"] for row in rows) == (reported or 0)
    assert sum(row["contacts"] for row in rows) == (contacts or 0)
    assert sum(row["explained"] for row in rows) == residual - moved
    assert sum(row["unexplained"] for row in rows) == -residual
    assert sum(row["spend"] or 0 for row in rows) == (spend or 0)
    for row in rows:
        assert row["reported"] - row["explained"] - row["unexplained"] == row["contacts"]


@settings(max_examples=8)
@given(scope=_scopes())
def test_steps_lead_from_start_to_end(home: Path, scope: Scope) -> None:
    snapshot = Published(home / "serving.duckdb").snapshot()
    steps = snapshot.read(queries.steps(scope)).to_pylist()
    if steps:
        assert sum(-row["units"] if row["kind"] == "end" else row["units"] for row in steps) == 0
        assert [row["step_order"] for row in steps] == sorted(row["step_order"] for row in steps)


def test_the_overview_shows_the_marts_figures(open_page: Open, home: Path) -> None:
    page = open_page(network="google_ads", report=OTHER, start="2026-10-20")
    ((reported, contacts),) = _ask(
        home,
        "select sum(units) filter (kind = 'start'), sum(units) filter (kind = 'end')"
        " from reconciliation.conversion_bridge"
        " where attribution_report = $report and network = 'google_ads' and date >= '2026-10-20'",
        report=OTHER,
    )
    assert [metric.value for metric in page.metric[:2]] == [show.number(reported), show.number(contacts)]
    table = page.dataframe[0].value
    assert list(table["Network"]) == ["Google Ads"]
    assert Decimal(str(table["Reported by the network"][0])) == reported


def test_the_bridge_page_shows_the_ledger_rows_of_a_step(open_page: Open, home: Path) -> None:
    page = open_page("bridge", reason="later_session", network="linkedin_ads")
    ((rows, units),) = _ask(
        home,
        "select count(*), sum(network_units) from reconciliation.conversion_ledger"
        " where attribution_report = 'first_form_submission' and network = 'linkedin_ads'"
        " and reason_code = 'later_session'",
    )
    steps = page.dataframe[0].value.set_index("Step")
    assert steps.loc["Converted in a later session", "Conversions"] == -float(units)
    events = page.dataframe[-1].value
    assert len(events) == rows
    assert events["Facts"].str.contains("campaign identified by HubSpot's hsa_\\* parameters").all()
    assert events["Contact"].str.startswith("contact ").all()


def test_a_step_without_events_shows_its_evidence(open_page: Open) -> None:
    assert "has no single events: a total from the network" in _text(
        open_page("bridge", reason="view_through")
    )


def test_reports_are_compared_and_not_added_up(open_page: Open, home: Path) -> None:
    shown = open_page("reports").dataframe[0].value
    counted = _ask(
        home,
        "select network, attribution_report, sum(units) from reconciliation.conversion_bridge"
        " where kind = 'end' group by all",
    )
    assert sorted(shown["Contacts credited to ads"]) == sorted(float(units) for _, _, units in counted)


def test_currencies_are_never_added_up(open_page: Open) -> None:
    page = open_page("restatements", metric="spend")
    assert [header.value for header in page.header] == [
        "Restated spend in EUR by delay", "Restated days in EUR",
        "Restated spend in USD by delay", "Restated days in USD",
    ]  # fmt: skip


def test_selected_filters_are_written_to_the_url(open_page: Open) -> None:
    page = open_page()
    page.selectbox(key="choose_network").select("google_ads").run()
    page.selectbox(key="choose_campaign").select("1010001").run()
    page.date_input(key="choose_start").set_value(date(2026, 10, 20)).run()
    assert page.query_params == {"network": "google_ads", "campaign": "1010001", "start": "2026-10-20"}
    linked = open_page(**page.query_params)
    assert [metric.value for metric in linked.metric] == [metric.value for metric in page.metric]
    page.selectbox(key="choose_network").select("facebook_ads").run()
    assert page.query_params == {"network": "facebook_ads", "start": "2026-10-20"}


def test_another_page_keeps_the_filters(open_page: Open) -> None:
    page = open_page(network="google_ads", report=OTHER)
    page.query_params.clear()
    page.switch_page("views/fixes.py").run()
    assert page.query_params["network"] == "google_ads"
    page.query_params.clear()
    page.switch_page("views/bridge.py").run()
    assert page.query_params == {"network": "google_ads", "report": OTHER}


@pytest.mark.parametrize(
    ("name", "value"),
    [("network", "tiktok"), ("campaign", "1"), ("start", "yesterday"), ("end", "2031-01-01")],
)
def test_an_unknown_filter_of_a_link_is_reported(open_page: Open, name: str, value: str) -> None:
    page = open_page(**{name: value})
    text = f"“{show.escape_markdown(value)}” from this link is not in the published figures"
    assert text in _text(page)
    assert page.query_params == {}


def test_a_contact_journey_is_chronological_and_masked(open_page: Open) -> None:
    page = open_page("contact", contact=CONTACT, report=OTHER)
    events = page.table[0].value
    assert events["Time (UTC)"].is_monotonic_increasing
    assert {"Session", "Form submission", "Claim"} <= set(events["Type"])
    text = events.to_csv() + page.table[1].value.to_csv()
    assert "SECRET" not in text
    assert "someone" not in text
    assert list(page.table[1].value["Attribution report"].unique()) == [
        name.replace("_", " ").capitalize() for name in REPORTS
    ]


def test_an_unknown_contact_is_reported(open_page: Open) -> None:
    assert "No contact with this id is in the published figures" in _text(open_page("contact", contact="1"))


def _changed(home: Path, tmp_path: Path, *statements: str) -> Path:
    """A copy of the home, changed by these statements."""
    file = tmp_path / "serving.duckdb"
    file.write_bytes((home / "serving.duckdb").read_bytes())
    with duckdb.connect(str(file)) as connection:
        for statement in statements:
            connection.execute(statement)
    return tmp_path


def test_a_stale_source_is_reported(open_page: Open, home: Path, tmp_path: Path) -> None:
    stale = _changed(
        home,
        tmp_path,
        "update marts.sources set status = 'stale', as_of = '2026-10-30 06:00:00Z'"
        " where source = 'google_ads'",
    )
    assert (
        "Google Ads could not be read in the last refresh. Its figures are older: as of 2026-10-30 06:00 UTC."
        in _text(open_page("bridge", of=stale))
    )


def test_an_account_that_was_left_out_is_reported(open_page: Open, home: Path, tmp_path: Path) -> None:
    partial = _changed(
        home,
        tmp_path,
        "update marts.sources set status = 'partial' where source = 'google_ads'",
        "insert into reconciliation.load_faults by name select 'google_ads' as source, 'account' as kind,"
        " '1234567890' as account_id, 'Google Ads refuses it' as seen, 'check the id' as fix,"
        " '2026-10-30 06:00:00Z'::timestamptz as since, '2026-10-30 06:00:00Z'::timestamptz as loaded_at",
    )
    shown = re.sub(r"\\(\W|_)", r"\1", _text(open_page("bridge", of=partial)))
    assert "google_ads account 1234567890 since 2026-10-30: Google Ads refuses it; check the id" in shown


def test_a_newly_published_file_is_shown_at_the_next_run(open_page: Open, tmp_path: Path) -> None:
    publish(tmp_path / "serving.duckdb", COMPANY)
    page = open_page(of=tmp_path)
    before = page.metric[1].value
    publish(tmp_path / "serving.duckdb", Company(contacts=1500, days=20))
    page.run()
    assert not page.exception
    assert page.metric[1].value != before
    ((contacts,),) = _ask(
        tmp_path,
        "select sum(units) from reconciliation.conversion_bridge"
        " where kind = 'end' and attribution_report = 'first_form_submission'",
    )
    assert page.metric[1].value == show.number(contacts)


def test_a_file_of_an_older_version_is_reported_with_the_command_to_run(
    open_page: Open, home: Path, tmp_path: Path
) -> None:
    old = _changed(home, tmp_path, "alter table marts.fct_ad_performance_daily drop column company_currency")
    assert "run `adledger refresh`" in open_page(of=old).error[0].value


def test_empty_tables_are_not_an_error(open_page: Open, home: Path, tmp_path: Path) -> None:
    tables = _ask(home, "select table_schema || '.' || table_name from information_schema.tables")
    empty = _changed(home, tmp_path, *(f"delete from {table}" for (table,) in tables))
    for name in PAGES:
        page = open_page(name, of=empty)
        assert len(page.title) == 1


def test_a_missing_file_is_reported_with_the_command_to_run(open_page: Open, tmp_path: Path) -> None:
    assert "run `adledger refresh`" in open_page(of=tmp_path).error[0].value


@pytest.mark.parametrize(("option", "command"), [((), "refresh"), (("--demo",), "demo")])
def test_the_command_names_the_command_to_run_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: tuple[str, ...], command: str
) -> None:
    monkeypatch.setenv("ADLEDGER_HOME", str(tmp_path))
    result = CliRunner().invoke(app, ["dashboard", *option])
    assert result.exit_code == 1
    assert f"yet: run adledger {command}" in result.output


def test_a_csv_has_every_digit_and_no_formula() -> None:
    rows = [{"name": "=1+1", "units": Decimal("0.100001"), "day": date(2026, 10, 1), "tags": ["a", "b"]}]
    columns = {
        "name": ("Name", "text"),
        "units": ("Units", "units"),
        "day": ("Day", "day"),
        "tags": ("Tags", "text"),
    }
    text = show.as_csv(rows, columns).decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(text))) == [
        ["Name", "Units", "Day", "Tags"],
        ["'=1+1", "0.100001", "2026-10-01", "a, b"],
    ]


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("Brand – search", "Brand – search"),
        ("a=b; -1 unit", "a=b; -1 unit"),
        *((f"{sign}1", f"'{sign}1") for sign in "=+-@＝＋－＠"),
        ("\t=1", "'\t'=1"),
        (" =1", "' =1"),
        ("\u200b\ufeff=1", "'\u200b\ufeff=1"),
        ("a;=1", "a;'=1"),
        ("a\n＝1", "a\n'＝1"),
        ("\x00=1", "'=1"),
        ("\x1b[31mred\x9b0m\u202e", "[31mred0m"),
    ],
)
def test_no_cell_of_a_download_is_a_formula_or_holds_control_characters(text: str, cell: str) -> None:
    written = show.as_csv([{"name": text, "tags": [text]}], {"name": (text, "text"), "tags": ("x", "text")})
    rows = list(csv.reader(io.StringIO(written.decode("utf-8-sig"), newline="")))
    assert rows == [[cell, "x"], [cell, cell]]


def test_the_tables_own_toolbar_offers_no_raw_download() -> None:
    settings = tomllib.loads((APP.parent / ".streamlit" / "config.toml").read_text())
    assert settings["client"]["disableDataExport"] is True


#: Markdown, HTML, and addresses that become links by themselves.
HOSTILE = (
    "[x](http://foreign.example) ![y](https://foreign.example/z.png) <img src=http://foreign.example/q>"
    " www.foreign.example HTTP://foreign.example/a mailto:a@foreign.example `b` :red[c] \n# d\n=== \x1b[31m"
)
_LINK = re.compile(r"https?://|www\.|[^\s@\u2060]@\w|mailto:\w", re.IGNORECASE)


def _rendered(markdown: str) -> tuple[str, str]:
    """The text that Markdown shows outside code, and the characters that are not escaped in it."""
    outside = re.sub(r"(?<!\\)`[^`]*(?<!\\)`", "", markdown)
    return re.sub(r"\\(.)", r"\1", outside), re.sub(r"\\.", "", outside)


@pytest.mark.parametrize("name", PAGES)
def test_text_from_outside_is_text(open_page: Open, name: str, tmp_path: Path) -> None:
    publish(tmp_path / "serving.duckdb", Company(contacts=200, days=10))
    (tmp_path / "serving.duckdb").chmod(0o644)
    with duckdb.connect(str(tmp_path / "serving.duckdb")) as connection:
        for table, column in (
            *(("marts.dim_campaign", column) for column in ("campaign_name", "account_name")),
            *(("marts.dim_ad", column) for column in ("ad_name", "account_name")),
            *(("reconciliation.actions", column) for column in ("subject_id", "advice")),
            ("reconciliation.landing_page_tags", "tag"),
            ("reconciliation.tracking_health", "detail"),
        ):
            connection.execute(f"UPDATE {table} SET {column} = $text", {"text": HOSTILE})
    known = {"contact": {"contact": CONTACT}, "bridge": {"reason": "later_session"}}.get(name, {})
    page = open_page(name, of=tmp_path, **known, network=HOSTILE, start=HOSTILE)
    if name != "contact":
        assert any("is not in the published figures" in message.value for message in page.info)
    shown = [
        *(
            element.value
            for kind in (page.markdown, page.caption, page.info, page.warning)
            for element in kind
        ),
        *(element.value for kind in (page.title, page.header, page.subheader) for element in kind),
        *(button.label for button in page.button),
        *(str(cell) for table in page.table for row in table.value.to_numpy().tolist() for cell in row),
    ]
    assert any("foreign" in text for text in shown)
    for text in shown:
        visible, active = _rendered(text)
        assert not _LINK.search(visible), text
        assert not re.search(r"[\[\]<>]|:[a-z]|\x1b", active), text
        assert "foreign" not in text or "\n" not in text


@pytest.mark.parametrize(
    ("table", "column", "labels"),
    [
        ("tracking_health", "issue_code", show.TRACKING_ISSUES),
        ("lead_sync", "status", show.LEAD_STATUSES),
    ],
)
def test_every_published_value_has_a_label(table: str, column: str, labels: dict[str, Any]) -> None:
    content = manifest()
    contract = build_contract(content["nodes"][f"model.adledger.{table}"], content)
    (published,) = [rule.accepted for rule in contract.values if rule.column == column and rule.accepted]
    assert set(labels) == set(published)


def test_an_unused_snapshot_is_closed(tmp_path: Path) -> None:
    publish(tmp_path / "serving.duckdb", COMPANY)
    published = Published(tmp_path / "serving.duckdb")
    held = published.snapshot()
    before = held.read(queries.span())
    publish(tmp_path / "serving.duckdb", Company(contacts=100, days=10))
    assert published.snapshot() is not held
    assert held.read(queries.span()) == before != published.snapshot().read(queries.span())
    assert isinstance(before, pa.Table)
    del held
    assert _open_files(tmp_path / "serving.duckdb") == 1


def _open_files(path: Path) -> int:
    """Number of open files of this process that are, or were, at the path."""
    links = [link for link in Path("/proc/self/fd").iterdir() if link.exists() or link.is_symlink()]
    return sum(str(link.readlink()).removesuffix(" (deleted)").startswith(str(path)) for link in links)
