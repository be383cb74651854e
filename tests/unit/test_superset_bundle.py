"""Superset's bundle matches the dbt YAML, uses existing columns only, and never adds reports up."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from benchmarks.published import Company, publish
from reporting.superset import describe
from reporting.superset.assets import BUNDLE, assets
from tests.warehouse import PROJECT

FILES = {str(path.relative_to(BUNDLE)): path.read_text() for path in sorted(BUNDLE.rglob("*.yaml"))}
DATASETS = {name: yaml.safe_load(text) for name, text in FILES.items() if name.startswith("datasets/")}
CHARTS = {name: yaml.safe_load(text) for name, text in FILES.items() if name.startswith("charts/")}
(DASHBOARD,) = (yaml.safe_load(text) for name, text in FILES.items() if name.startswith("dashboards/"))
FILTERS = {each["name"]: each for each in DASHBOARD["metadata"]["native_filter_configuration"]}
ONE_REPORT = "WHERE attribution_report = 'first_form_submission'"


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("published") / "serving.duckdb"
    publish(path, Company(contacts=300, days=10))
    return path


@pytest.fixture(scope="module")
def connection(serving: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(serving), read_only=True) as connection:
        yield connection


def test_the_datasets_are_up_to_date() -> None:
    stale = [name for name, content in describe.datasets() if describe.text(content) != _text(name)]
    assert stale == [], "run make superset-bundle"


def _text(dataset: str) -> str:
    return FILES[f"datasets/adledger/{dataset}.yaml"]


@pytest.mark.parametrize("name", DATASETS)
def test_a_dataset_has_the_columns_and_figures_it_describes(
    connection: duckdb.DuckDBPyConnection, name: str
) -> None:
    dataset = DATASETS[name]
    facts = f"({dataset['sql']}) AS facts"
    found = connection.sql(f"FROM {facts}")
    assert sorted(found.columns) == sorted(column["column_name"] for column in dataset["columns"])
    assert found.fetchone() is not None
    where = ONE_REPORT if "attribution_report" in found.columns else ""
    for metric in dataset["metrics"]:
        (row,) = connection.sql(f"SELECT {metric['expression']} FROM {facts} {where}").fetchall()
        assert row[0] is not None, metric["metric_name"]
        if where:
            # reports overlap, so a sum over them is meaningless
            assert connection.sql(f"SELECT {metric['expression']} FROM {facts}").fetchall() == [(None,)]


def test_campaign_days_add_up_to_the_bridge_and_the_spend(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    dataset = DATASETS["datasets/adledger/campaign_days.yaml"]
    (found,) = connection.sql(
        "SELECT sum(reported), sum(explained), sum(unexplained), sum(contacts), sum(spend_company_currency),"
        f" count(DISTINCT report) FROM ({dataset['sql']}) AS facts {ONE_REPORT}"
    ).fetchall()
    reported, explained, unexplained, contacts, spend, reports = found
    assert reported - explained - unexplained == contacts
    bridge = f"SELECT sum(units) FROM reconciliation.conversion_bridge {ONE_REPORT}"
    assert connection.sql(f"{bridge} AND kind = 'start'").fetchall() == [(reported,)]
    assert connection.sql(f"{bridge} AND kind = 'end'").fetchall() == [(contacts,)]
    assert connection.sql(
        "SELECT sum(spend_company_currency) FROM marts.fct_ad_performance_daily"
    ).fetchall() == [(spend,)]
    assert reports == 1


def test_campaigns_or_accounts_with_the_same_name_stay_separate(tmp_path: Path) -> None:
    path = tmp_path / "serving.duckdb"
    publish(path, Company(contacts=30, days=2))
    path.chmod(0o644)
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE marts.dim_campaign SET campaign_name = 'Spring', account_name = 'Ours'")
        for name in ("campaign_days", "bridge_steps"):
            sql = DATASETS[f"datasets/adledger/{name}.yaml"]["sql"]
            (found,) = connection.sql(
                "SELECT count(DISTINCT account) = count(DISTINCT account_id), min(account), min(campaign),"
                f" count(DISTINCT campaign) = count(DISTINCT campaign_id) FROM ({sql}) AS facts"
            ).fetchall()
            assert found == (True, "Ours (1001)", "Spring (1010001)", True)


def _used(value: Any) -> Iterator[tuple[str, str]]:
    """The metrics and columns that a chart uses."""
    for key, inner in value.items():
        if key in ("metric", "metrics", "metrics_b", "timeseries_limit_metric", "x_axis_sort"):
            yield from (("metric", name) for name in ([inner] if isinstance(inner, str) else inner))
        elif key in ("groupby", "groupby_b", "all_columns", "x_axis"):
            yield from (("column", name) for name in ([inner] if isinstance(inner, str) else inner))
        elif key in ("groupbyRows", "groupbyColumns"):
            yield from (("column", column["sqlExpression"]) for column in inner)
        elif key in ("adhoc_filters", "adhoc_filters_b"):
            yield from (("column", each["subject"]) for each in inner)


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_uses_only_columns_and_metrics_of_its_dataset(name: str) -> None:
    chart = CHARTS[name]
    (dataset,) = (each for each in DATASETS.values() if each["uuid"] == chart["dataset_uuid"])
    known = {("metric", metric["metric_name"]) for metric in dataset["metrics"]}
    known |= {("column", column["column_name"]) for column in dataset["columns"]}
    used = set(_used(chart["params"]))
    assert used
    assert used <= known
    if any(column["is_dttm"] for column in dataset["columns"] if column["column_name"] == "date"):
        # otherwise the date filter would not apply to it
        assert ("column", "date") in used


def test_every_chart_is_on_the_dashboard_and_filters_apply_where_possible() -> None:
    placed = {
        each["meta"]["uuid"]: each["meta"]["chartId"]
        for each in DASHBOARD["position"].values()
        if isinstance(each, dict) and each["type"] == "CHART"
    }
    assert placed.keys() == {chart["uuid"] for chart in CHARTS.values()}
    columns = {
        dataset["uuid"]: {column["column_name"] for column in dataset["columns"]}
        for dataset in DATASETS.values()
    }
    for each in FILTERS.values():
        column = each["targets"][0].get("column", {"name": "date"})["name"]
        without = {
            placed[chart["uuid"]] for chart in CHARTS.values() if column not in columns[chart["dataset_uuid"]]
        }
        assert set(each["scope"]["excluded"]) == without, each["name"]


def test_one_attribution_report_at_a_time_with_the_default_preselected(serving: Path, tmp_path: Path) -> None:
    chosen = FILTERS["Attribution report"]
    assert (
        chosen["controlValues"] | {"multiSelect": False, "enableEmptyFilter": True} == chosen["controlValues"]
    )
    assert chosen["defaultDataMask"]["filterState"]["value"] == ["First form submission"]

    path = tmp_path / "serving.duckdb"
    path.write_bytes(serving.read_bytes())
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "UPDATE marts.fct_ad_performance_daily SET attribution_report = 'last_ad_interaction'"
        )
    filled = yaml.safe_load(assets(path)["dashboards/why_the_numbers_differ.yaml"])
    first = filled["metadata"]["native_filter_configuration"][0]["defaultDataMask"]
    assert first["filterState"]["value"] == ["Last ad interaction"]
    assert first["extraFormData"]["filters"] == [
        {"col": "report", "op": "IN", "val": ["Last ad interaction"]}
    ]


def test_money_has_the_home_currency_of_the_file(serving: Path) -> None:
    filled = assets(serving)
    assert filled.keys() == FILES.keys()
    metrics = [
        metric
        for name in DATASETS
        for metric in yaml.safe_load(filled[name])["metrics"]
        if re.search("spend|cost", metric["metric_name"])
    ]
    assert {metric["currency"]["symbol"] for metric in metrics} == {"EUR"}
    assert {metric["d3format"] for metric in metrics} == {",.2f"}


def test_the_database_is_read_only_and_has_no_fixed_path(serving: Path) -> None:
    database = yaml.safe_load(FILES["databases/adledger.yaml"])
    assert database["extra"]["engine_params"]["connect_args"] == {"read_only": True}
    assert database["sqlalchemy_uri"] == "duckdb:////path/to/serving.duckdb"
    assert not any(database[allowed] for allowed in database if allowed.startswith("allow_"))
    filled = yaml.safe_load(assets(serving)["databases/adledger.yaml"])
    assert filled == database | {"sqlalchemy_uri": f"duckdb:///{serving}"}


def test_superset_uses_the_same_duckdb_version_as_the_project() -> None:
    environment = PROJECT.parent / "adledger/servers/superset"
    wanted = (environment / "requirements.in").read_text()
    locked = (environment / "requirements.lock").read_text()
    project = tomllib.loads((PROJECT.parent / "pyproject.toml").read_text())["project"]
    (duckdb_pin,) = (each for each in project["dependencies"] if each.startswith("duckdb=="))
    assert duckdb_pin in wanted.splitlines()
    for pinned in re.findall(r"^[\w-]+==[\w.]+$", wanted, re.M):
        assert f"\n{pinned} " in f"\n{locked}"
    assert "://" not in locked
