"""Each metric, as MetricFlow reads it, is the figure that plain SQL on the published tables gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from metricflow.engine.metricflow_engine import MetricFlowEngine, MetricFlowQueryRequest

from docs.dictionary import semantic_layer
from orchestration.project import (
    PUBLISHED_SCHEMAS,
    manifest,
    published_models,
    warehouse_path,
)
from reporting.explain.journey import REPORTS

ROWS = Path(__file__).parent.parent / "vectors/metrics.sql"
BY_NETWORK = ("metric_time__month", "network")
PERFORMANCE = "marts.fct_ad_performance_daily"
BRIDGE = "reconciliation.conversion_bridge where attribution_report = 'first_form_submission' and"
OPEN = "(evidence_class = 'residual' or step = 'unexplained')"
DEALS = "marts.fct_deal_attribution where attribution_report = 'first_form_submission'"
LEADS = "reconciliation.lead_sync"
PAGES = """(
    from reconciliation.landing_page_snapshots
    qualify row_number() over (partition by landing_page_url{months} order by fetched_at desc) = 1
)"""
IN_HUBSPOT = "count_if(status in ('synced', 'merged_into_existing'))"
MISSING = "count_if(status in ('missing', 'retention_passed'))"
# the figure, where it comes from, and what dates it
PLAIN = {
    "network_conversions": (
        "sum(conversions)",
        "marts.fct_network_conversions where counts_in_headline",
        "date",
    ),
    "credited_contacts": ("sum(hubspot_contacts)", PERFORMANCE, "date"),
    "spend_company_currency": ("sum(spend_company_currency)", PERFORMANCE, "date"),
    "cost_per_credited_contact": (
        "sum(spend_company_currency) / nullif(sum(hubspot_contacts), 0)",
        PERFORMANCE,
        "date",
    ),
    **{
        f"contacts_{report}": (
            "count(distinct contact_id)",
            f"marts.fct_contact_attribution where attribution_report = '{report}'",
            "credited_at",
        )
        for report in REPORTS
    },
    "explained_conversions": ("-sum(units)", f"{BRIDGE} kind = 'adjustment' and not {OPEN}", "date"),
    "unexplained_conversions": ("-sum(units)", f"{BRIDGE} kind = 'adjustment' and {OPEN}", "date"),
    "reconciled_contacts": ("sum(units)", f"{BRIDGE} kind = 'end'", "date"),
    "attributed_deal_amount_company_currency": (
        "sum(amount_company_currency * credit)",
        f"{DEALS} and network is not null",
        "closed_at",
    ),
    "won_deal_amount_company_currency": ("sum(amount_company_currency * credit)", DEALS, "closed_at"),
    "first_conversions": ("count(*)", "marts.fct_first_conversions", "converted_at"),
    "sessions": ("count(*)", "marts.fct_sessions", "started_at"),
    "ad_click_sessions": ("count(*)", "marts.fct_sessions where is_ad_click", "started_at"),
    "ad_sessions": ("sum(sessions)", "reconciliation.match_rates", "date"),
    "matched_sessions": ("sum(matched)", "reconciliation.match_rates", "date"),
    "match_rate": ("sum(matched) / sum(sessions)", "reconciliation.match_rates", "date"),
    "leads": ("count(*)", LEADS, "created_at"),
    "leads_synced": (IN_HUBSPOT, LEADS, "created_at"),
    "leads_not_synced": (MISSING, LEADS, "created_at"),
    "leads_decided": (f"{IN_HUBSPOT} + {MISSING}", LEADS, "created_at"),
    "lead_sync_rate": (f"{IN_HUBSPOT} / nullif({IN_HUBSPOT} + {MISSING}, 0)", LEADS, "created_at"),
    "ads_with_tracking_issues": (
        "count(distinct (network, account_id, ad_id))",
        "reconciliation.tracking_health where issue_code <> 'none'",
        "checked_at",
    ),
}
OF_PAGES = {
    "landing_pages": "count(*)",
    "landing_pages_with_code": "count_if(has_tracking_code)",
    "landing_pages_with_known_status": "count(has_tracking_code)",
    "tracking_code_share": "count_if(has_tracking_code) / nullif(count(has_tracking_code), 0)",
}
# of two tables: its own test
ACROSS = {"cost_per_network_conversion"}

Ask = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def engine() -> MetricFlowEngine:
    return semantic_layer()


@pytest.fixture(scope="module")
def published() -> Iterator[duckdb.DuckDBPyConnection]:
    """The published tables, by dbt's YAML, with a few rows, and nothing else."""
    with duckdb.connect() as connection:
        # days are in UTC for every client
        connection.execute("set TimeZone = 'America/New_York'")
        # as dbt names what it builds
        connection.execute(f"attach ':memory:' as {warehouse_path().stem}; use {warehouse_path().stem}")
        for schema in PUBLISHED_SCHEMAS:
            connection.execute(f"create schema {schema}")
        for model in published_models(manifest()):
            columns = ", ".join(f'"{c["name"]}" {c["data_type"]}' for c in model["columns"].values())
            connection.execute(f"create table {model['schema']}.{model['alias']} ({columns})")
        connection.execute(ROWS.read_text())
        yield connection


@pytest.fixture(scope="module")
def ask(engine: MetricFlowEngine, published: duckdb.DuckDBPyConnection) -> Ask:
    """The rows MetricFlow's own query of some metrics gives, in order."""

    def ask(
        metrics: Sequence[str], by: Sequence[str] = (), where: str | None = None
    ) -> list[tuple[Any, ...]]:
        request = MetricFlowQueryRequest.create(
            metric_names=metrics, group_by_names=by or None, where_constraints=[where] if where else None
        )
        sql = engine.explain(request).sql_statement.without_descriptions.sql
        found = published.sql(sql)
        order = [*(name for name in found.columns if name not in metrics), *metrics]
        return _ordered(found.select(*(f'"{name}"' for name in order)).fetchall())

    return ask


def _ordered(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    plain = [
        tuple(round(float(value), 9) if isinstance(value, Decimal | float) else value for value in row)
        for row in rows
    ]
    return sorted(plain, key=lambda row: [(value is not None, str(value)) for value in row])


def test_every_metric_is_compared() -> None:
    metrics = manifest()["metrics"].values()
    assert {metric["name"] for metric in metrics} == {*PLAIN, *OF_PAGES, *ACROSS}
    for metric in metrics:
        assert all((metric["description"], metric["label"], metric["meta"]["unit"])), metric["name"]


@pytest.mark.parametrize("metric", PLAIN)
def test_a_metric_is_what_plain_sql_gives(
    metric: str, ask: Ask, published: duckdb.DuckDBPyConnection
) -> None:
    figure, source, dated = PLAIN[metric]
    day = dated if dated == "date" else f"cast({dated} at time zone 'UTC' as date)"
    month = f"date_trunc('month', {day})"
    assert ask([metric]) == _ordered(published.sql(f"select {figure} from {source}").fetchall())
    rows = published.sql(f"select {month}, network, {figure} from {source} group by all").fetchall()
    assert rows
    assert ask([metric], BY_NETWORK) == _ordered(rows)


@pytest.mark.parametrize("metric", OF_PAGES)
def test_a_page_counts_by_its_latest_snapshot(
    metric: str, ask: Ask, published: duckdb.DuckDBPyConnection
) -> None:
    pages, month = PAGES.format(months=""), "date_trunc('month', fetched_at at time zone 'UTC')"
    assert ask([metric]) == _ordered(published.sql(f"select {OF_PAGES[metric]} from {pages}").fetchall())
    monthly = PAGES.format(months=f", {month}")
    rows = published.sql(f"select {month}, {OF_PAGES[metric]} from {monthly} group by all").fetchall()
    assert rows
    assert ask([metric], ["metric_time__month"]) == _ordered(rows)


def test_a_ratio_of_two_tables_joins_their_rows(ask: Ask) -> None:
    assert ask(["cost_per_network_conversion"]) == _ordered([(60.25 / 12,)])
    assert ask(["cost_per_network_conversion"], ["campaign"]) == [
        ("google_ads/1/7", 30.25 / 4),
        ("google_ads/2/8", 10.0),
        # no rate for its currency
        ("linkedin_ads/1/7", None),
    ]


def test_no_metric_adds_reports_up(engine: MetricFlowEngine, ask: Ask) -> None:
    seen = 0
    for metric in engine.list_metrics():
        names = {dimension.granularity_free_dunder_name for dimension in metric.dimensions}
        for report in (name for name in names if name.endswith("__attribution_report")):
            assert len(ask([metric.name], [report])) == 1, metric.name
            seen += 1
    assert seen >= len(REPORTS) + 5


def test_metrics_of_one_table_group_by_campaign_alike(ask: Ask) -> None:
    """Same ids in two networks are two campaigns; a name that they share is one line, no row doubled."""
    asked = ["network_conversions", "credited_contacts", "reconciled_contacts"]
    assert ask(asked, ["campaign"]) == [
        ("google_ads/1/7", 4.0, 1, 1.0),
        ("google_ads/2/8", 3.0, 0, 0.0),
        ("linkedin_ads/1/7", 5.0, 2, 2.0),
    ]
    assert ask(asked, ["campaign__campaign_name"]) == [("Brand", 12.0, 3, 3.0)]


def test_figures_without_an_ad_stay_with_their_campaign(ask: Ask) -> None:
    assert ask(["network_conversions"], ["ad"]) == [
        ("google_ads/1/7//", 1.5),
        ("google_ads/1/7/71/711", 2.5),
        ("google_ads/2/8//", 3.0),
        ("linkedin_ads/1/7/72/721", 5.0),
    ]


def test_the_difference_is_explained_and_not_explained(ask: Ask) -> None:
    asked = ["network_conversions", "explained_conversions", "unexplained_conversions", "reconciled_contacts"]
    rows = ask(asked, ["campaign", "metric_time__day"])
    assert len(rows) == 4
    for *_, reported, explained, unexplained, contacts in rows:
        assert reported - explained - unexplained == contacts
    assert ask(["explained_conversions"], ["bridge__step"]) == [
        ("fractional_credit", -0.5),
        ("later_session", 1.0),
        ("lead_not_synced", 4.0),
        ("view_through", 1.5),
    ]


def test_a_filter_on_network_is_asked_of_each_table(ask: Ask) -> None:
    only = "{{ Entity('network') }} = 'linkedin_ads'"
    assert ask(["network_conversions", "leads"], where=only) == [(5.0, 5)]
