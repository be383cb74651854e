"""Writes the datasets of the bundle. Column descriptions come from the dbt YAML, labels from this project.

Run `make superset-bundle` after a column, a label or a query has changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

import yaml

from orchestration.assets.publishing import SOURCES_COMMENTS
from orchestration.project import manifest, published_models
from reporting.dashboard.links import report_name
from reporting.dashboard.show import TRACKING_ISSUES
from reporting.explain.bridge import EVIDENCE_LABELS
from reporting.explain.journey import REPORTS
from reporting.networks import NETWORKS, SOURCES

FOLDER = Path(__file__).with_name("bundle") / "datasets" / "adledger"
DATABASE = uuid5(NAMESPACE_DNS, "adledger.database")
_STATUS = {
    "landed": "Up to date",
    "partial": "Read without some accounts",
    "stale": "Not read, figures are older",
    "skipped": "Not connected",
}
#: Label text for parts of column names.
_LABEL_PARTS = {"hubspot": "HubSpot", "id": "id", "home": "(home currency)"}


@dataclass(frozen=True)
class Column:
    """Type, label and description of a column that is not taken from a published table."""

    kind: str
    label: str
    description: str


@dataclass(frozen=True)
class Metric:
    """A metric of charts; `sql` aggregates the rows of the dataset."""

    label: str
    sql: str
    description: str
    format: str = ",.2~f"
    money: bool = False


@dataclass(frozen=True)
class Dataset:
    """A query on published tables. `tables` provide the descriptions of its columns except those in `own`."""

    sql: str
    description: str
    tables: tuple[str, ...]
    columns: tuple[str, ...]
    metrics: Mapping[str, Metric]
    own: Mapping[str, Column] = field(default_factory=dict)
    day: str | None = None
    currency: str | None = None


def _label_case(column: str, labels: Mapping[str, str]) -> str:
    """SQL that replaces a code by its label; unknown codes are unchanged."""
    quoted = {code: label.replace("'", "''") for code, label in labels.items()}
    cases = "\n".join(f"        WHEN '{code}' THEN '{label}'" for code, label in quoted.items())
    return f"CASE {column}\n{cases}\n        ELSE {column}\n    END"


def _code_as_label(column: str) -> str:
    """SQL that turns a code like `no_ad` into `No ad`."""
    return f"upper(left({column}, 1)) || replace(substr({column}, 2), '_', ' ')"


def _one_report(sql: str) -> str:
    """SQL that returns null for several attribution reports, because they overlap."""
    return f"CASE WHEN min(attribution_report) = max(attribution_report) THEN {sql} END"


_NETWORK = Column("VARCHAR", "Network", "Google Ads, Facebook Ads or LinkedIn Ads.")
_ACCOUNT = Column("VARCHAR", "Account", "Name of the ad account, with its id if the name is not unique.")
_CAMPAIGN = Column("VARCHAR", "Campaign", "Name of the campaign, with its id if the name is not unique.")
_REPORT = Column(
    "VARCHAR",
    "Attribution report",
    "Rule by which HubSpot credits a contact to an ad. Reports overlap: never add them up.",
)
_PLACE = {"network_name": _NETWORK, "account": _ACCOUNT, "campaign": _CAMPAIGN}
_KEYS = ("network", "account_id", "campaign_id")

# Names for filters, made unique by the id.
_NAMES = """\
names AS (
    SELECT
        network, account_id, campaign_id,
        coalesce(account_name, account_id) || CASE
            WHEN min(network || account_id) OVER accounts <> max(network || account_id) OVER accounts
                THEN ' (' || account_id || ')'
            ELSE ''
        END AS account,
        coalesce(campaign_name, campaign_id) || CASE
            WHEN count(*) OVER campaigns > 1 THEN ' (' || campaign_id || ')'
            ELSE ''
        END AS campaign
    FROM marts.dim_campaign
    WINDOW
        accounts AS (PARTITION BY coalesce(account_name, account_id)),
        campaigns AS (PARTITION BY coalesce(campaign_name, campaign_id))
)"""
_OPEN = "(evidence_class = 'residual' OR step = 'unexplained')"
_BRIDGE_TABLES = ("conversion_bridge", "fct_ad_performance_daily")


def _named(facts: str) -> str:
    return f"""\
    {_label_case(f"{facts}.network", NETWORKS)} AS network_name,
    coalesce(names.account, {facts}.account_id) AS account,
    coalesce(names.campaign, {facts}.campaign_id) AS campaign"""


def _reported(facts: str) -> str:
    names = {report: report_name(report) for report in REPORTS}
    return f"    {_label_case(f'{facts}.attribution_report', names)} AS report"


DATASETS = {
    "campaign_days": Dataset(
        description=(
            "One row per attribution report, campaign and day: reported conversions, credited contacts and"
            " spend. Select one attribution report: reports overlap, and each contains the whole spend."
        ),
        tables=_BRIDGE_TABLES,
        columns=(
            "date",
            "network_name",
            "account",
            "campaign",
            "report",
            "reported",
            "explained",
            "unexplained",
            "contacts",
            "spend_company_currency",
            "company_currency",
            "attribution_report",
            *_KEYS,
        ),
        own={
            **_PLACE,
            "report": _REPORT,
            "reported": Column("DECIMAL(38, 6)", "Reported", "Conversions reported by the network."),
            "explained": Column(
                "DECIMAL(38, 6)",
                "Difference explained",
                "Conversions counted only by the network minus those only in HubSpot, for a known reason.",
            ),
            "unexplained": Column(
                "DECIMAL(38, 6)", "Unexplained", "The part of the difference that has no known reason."
            ),
            "contacts": Column(
                "DECIMAL(38, 6)", "Contacts credited to ads", "Contacts that HubSpot credits to the campaign."
            ),
        },
        day="date",
        currency="company_currency",
        sql=f"""\
WITH bridge AS (
    SELECT
        attribution_report, network, account_id, campaign_id, date,
        coalesce(sum(units) FILTER (WHERE kind = 'start'), 0) AS reported,
        coalesce(-sum(units) FILTER (WHERE kind = 'adjustment' AND NOT {_OPEN}), 0) AS explained,
        coalesce(-sum(units) FILTER (WHERE kind = 'adjustment' AND {_OPEN}), 0) AS unexplained,
        coalesce(sum(units) FILTER (WHERE kind = 'end'), 0) AS contacts
    FROM reconciliation.conversion_bridge
    GROUP BY attribution_report, network, account_id, campaign_id, date
),
-- spend does not depend on the report, so each report contains it
costs AS (
    SELECT
        reports.attribution_report, spent.network, spent.account_id, spent.campaign_id, spent.date,
        sum(spent.spend_company_currency) AS spend_company_currency
    FROM marts.fct_ad_performance_daily AS spent
    CROSS JOIN (SELECT DISTINCT attribution_report FROM bridge) AS reports
    GROUP BY reports.attribution_report, spent.network, spent.account_id, spent.campaign_id, spent.date
),
facts AS (
    SELECT
        attribution_report, network, account_id, campaign_id, date,
        coalesce(bridge.reported, 0) AS reported,
        coalesce(bridge.explained, 0) AS explained,
        coalesce(bridge.unexplained, 0) AS unexplained,
        coalesce(bridge.contacts, 0) AS contacts,
        costs.spend_company_currency
    FROM bridge
    FULL JOIN costs USING (attribution_report, network, account_id, campaign_id, date)
    -- days before the first load of a network have credits but no bridge
    WHERE bridge.reported IS NOT NULL OR costs.spend_company_currency <> 0
),
{_NAMES}
SELECT
    facts.*,
    (SELECT any_value(company_currency) FROM marts.fct_ad_performance_daily) AS company_currency,
{_named("facts")},
{_reported("facts")}
FROM facts
LEFT JOIN names USING (network, account_id, campaign_id)""",
        metrics={
            "reported_conversions": Metric(
                "Reported by networks",
                _one_report("sum(reported)"),
                "Conversions that the networks report, by their own rules. Google's can be fractional.",
            ),
            "hubspot_contacts": Metric(
                "Contacts credited to ads",
                _one_report("sum(contacts)"),
                "Contacts credited to ads under the selected report, each once per campaign.",
            ),
            "difference_explained": Metric(
                "Difference explained",
                _one_report("sum(explained)"),
                "Part of the difference with a known reason. Reported minus explained minus unexplained"
                " equals the credited contacts.",
            ),
            "not_explained": Metric(
                "Unexplained",
                _one_report("sum(unexplained)"),
                "Part of the difference that no evidence explains. Negative if HubSpot credits more contacts"
                " than remain after the known reasons.",
            ),
            "spend": Metric(
                "Spend",
                _one_report("sum(spend_company_currency)"),
                "Ad spend in the home currency of the HubSpot portal.",
                ",.2f",
                money=True,
            ),
            "cost_per_contact": Metric(
                "Cost per HubSpot contact",
                _one_report("sum(spend_company_currency) / nullif(sum(contacts), 0)"),
                "Spend divided by credited contacts; empty without contacts.",
                ",.2f",
                money=True,
            ),
            "cost_per_conversion": Metric(
                "Cost per reported conversion",
                _one_report("sum(spend_company_currency) / nullif(sum(reported), 0)"),
                "Spend divided by reported conversions; empty without conversions.",
                ",.2f",
                money=True,
            ),
        },
    ),
    "bridge_steps": Dataset(
        description=(
            "One row per attribution report, campaign, day and step of the bridge from reported conversions"
            " to credited contacts. Select one attribution report: reports overlap."
        ),
        tables=_BRIDGE_TABLES,
        columns=(
            "date",
            "network_name",
            "account",
            "campaign",
            "report",
            "step_label",
            "place",
            "part",
            "known_by",
            "units",
            "step",
            "step_order",
            "kind",
            "evidence_class",
            "attribution_report",
            *_KEYS,
        ),
        own={
            **_PLACE,
            "report": _REPORT,
            "place": Column(
                "VARCHAR", "Step", "Label of the step, preceded by its position in the waterfall."
            ),
            "part": Column("VARCHAR", "Part", "Reported, explained, unexplained, or in HubSpot."),
            "known_by": Column(
                "VARCHAR",
                "Evidence",
                "Event level, Inferred, Network total or Unexplained: the evidence for the step.",
            ),
        },
        day="date",
        sql=f"""\
WITH facts AS (
    SELECT
        attribution_report, network, account_id, campaign_id, date,
        step_order, step, step_label, kind, evidence_class, units,
        lpad(cast(dense_rank() OVER (ORDER BY step_order) AS VARCHAR), 2, ' ') || '. ' || step_label AS place,
        CASE
            WHEN kind = 'start' THEN 'Reported'
            WHEN kind = 'end' THEN 'In HubSpot'
            WHEN {_OPEN} THEN 'Unexplained'
            ELSE 'Explained'
        END AS part
    FROM reconciliation.conversion_bridge
),
{_NAMES}
SELECT
    facts.*,
    {_label_case("facts.evidence_class", EVIDENCE_LABELS)} AS known_by,
{_named("facts")},
{_reported("facts")}
FROM facts
LEFT JOIN names USING (network, account_id, campaign_id)""",
        metrics={
            "step_units": Metric(
                "Conversions",
                _one_report("sum(units)"),
                "Signed: negative for conversions that only the network counts.",
            ),
        },
    ),
    "actions": Dataset(
        description=(
            "One row per issue that can be fixed and affected campaign. The figures of an issue are repeated"
            " in each of its rows."
        ),
        tables=("actions",),
        columns=(
            "network_name",
            "account",
            "campaign",
            "what",
            "where",
            "advice",
            "contacts_gained",
            "network_units",
            "spend_company_currency",
            "company_currency",
            "rank",
            "cause",
            "subject_type",
            "subject_id",
            *_KEYS,
        ),
        own={
            **_PLACE,
            "what": Column("VARCHAR", "Issue", "Label of the issue."),
            "where": Column("VARCHAR", "Affected object", "The page, form, campaign or account to fix."),
            "company_currency": Column("VARCHAR", "Home currency", "The HubSpot portal's home currency."),
        },
        currency="company_currency",
        sql=f"""\
WITH facts AS (
    SELECT
        network, account_id, subject_type, subject_id, cause, rank,
        contacts_gained, network_units, spend_company_currency, advice,
        unnest(coalesce(cast(evidence -> 'campaign_ids' AS VARCHAR[]), [campaign_id])) AS campaign_id
    FROM reconciliation.actions
),
labels AS (
    SELECT step, any_value(step_label) AS step_label
    FROM reconciliation.conversion_bridge
    GROUP BY step
),
{_NAMES},
accounts AS (
    SELECT network, account_id, any_value(account) AS account
    FROM names
    GROUP BY network, account_id
)
SELECT
    facts.*,
    coalesce(labels.step_label, {_code_as_label("facts.cause")}) AS what,
    {_code_as_label("facts.subject_type")} || ' ' || facts.subject_id AS "where",
    (SELECT any_value(company_currency) FROM marts.fct_ad_performance_daily) AS company_currency,
    {_label_case("facts.network", NETWORKS)} AS network_name,
    coalesce(accounts.account, facts.account_id) AS account,
    coalesce(names.campaign, facts.campaign_id) AS campaign
FROM facts
LEFT JOIN names USING (network, account_id, campaign_id)
LEFT JOIN accounts USING (network, account_id)
LEFT JOIN labels ON facts.cause = labels.step""",
        metrics={
            "gain": Metric(
                "Contacts gained",
                "max(contacts_gained)",
                "Additional contacts that HubSpot would have credited in the last 90 days under the default"
                " report. One contact can be affected by several issues: do not add them up.",
            ),
            "conversions_concerned": Metric(
                "Affected conversions", "max(network_units)", "Conversions reported by the network."
            ),
            "spend_concerned": Metric(
                "Affected spend",
                "max(spend_company_currency)",
                "Spend of the affected campaigns, in the home currency.",
                ",.2f",
                money=True,
            ),
        },
    ),
    "tracking_health": Dataset(
        description="One row per ad and issue that keeps HubSpot from crediting it, as of the last check.",
        tables=("tracking_health", "dim_ad"),
        columns=(
            "network_name",
            "account",
            "campaign",
            "ad",
            "issue",
            "page",
            "detail",
            "checked_at",
            "issue_code",
            "ad_group_id",
            "ad_id",
            *_KEYS,
        ),
        own={
            **_PLACE,
            "ad": Column("VARCHAR", "Ad", "Name of the ad, else its id."),
            "issue": Column("VARCHAR", "Issue", "Label of the issue."),
            "page": Column("VARCHAR", "Landing page", "Landing page URL of the ad, without parameters."),
            "checked_at": Column("TIMESTAMP", "Checked (UTC)", "Time of the last check."),
        },
        sql=f"""\
WITH facts AS (
    SELECT
        network, account_id, campaign_id, ad_group_id, ad_id, issue_code, detail,
        split_part(landing_page_url, '?', 1) AS page,
        checked_at AT TIME ZONE 'UTC' AS checked_at
    FROM reconciliation.tracking_health
),
{_NAMES}
SELECT
    facts.*,
    coalesce(ads.ad_name, facts.ad_id) AS ad,
    {_label_case("facts.issue_code", TRACKING_ISSUES)} AS issue,
{_named("facts")}
FROM facts
LEFT JOIN names USING (network, account_id, campaign_id)
LEFT JOIN marts.dim_ad AS ads
    ON facts.network = ads.network AND facts.account_id = ads.account_id AND facts.ad_id = ads.ad_id""",
        metrics={
            "ads": Metric(
                "Ads",
                "count(DISTINCT (network, account_id, ad_id))",
                "An ad with two issues counts for both.",
                ",d",
            ),
        },
    ),
    "sources": Dataset(
        description="One row per source with the time of its figures.",
        tables=(),
        columns=("source_name", "state", "as_of", "landed_through", "source", "status"),
        own={
            "source_name": Column("VARCHAR", "Source", "HubSpot or an ad network."),
            "state": Column("VARCHAR", "State", "Result of reading the source in the last refresh."),
            "as_of": Column("TIMESTAMP", "Figures as of (UTC)", SOURCES_COMMENTS["as_of"]),
            "landed_through": Column("DATE", "Newest day", SOURCES_COMMENTS["landed_through"]),
            "source": Column("VARCHAR", "Source code", SOURCES_COMMENTS["source"]),
            "status": Column("VARCHAR", "Status code", SOURCES_COMMENTS["status"]),
        },
        sql=f"""\
SELECT
    source,
    status,
    landed_through,
    as_of AT TIME ZONE 'UTC' AS as_of,
    {_label_case("source", SOURCES)} AS source_name,
    {_label_case("status", _STATUS)} AS state
FROM marts.sources""",
        metrics={"sources": Metric("Sources", "count(*)", "Number of sources.", ",d")},
    ),
}


def datasets() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields the name and the content of each dataset file."""
    columns = {model["name"]: model["columns"] for model in published_models(manifest())}
    for name, dataset in DATASETS.items():
        yield name, _content(name, dataset, columns)


def write() -> None:
    """Writes the dataset files."""
    for name, content in datasets():
        (FOLDER / f"{name}.yaml").write_text(text(content))


def text(content: Mapping[str, Any]) -> str:
    """Formats YAML with queries as literal blocks."""
    return str(yaml.dump(dict(content), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110))


def _content(name: str, dataset: Dataset, descriptions: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    content: dict[str, Any] = {
        "table_name": name,
        "description": dataset.description,
        "sql": dataset.sql,
        "uuid": str(uuid5(NAMESPACE_DNS, f"adledger.dataset.{name}")),
        "database_uuid": str(DATABASE),
        "version": "1.0.0",
        "main_dttm_col": dataset.day,
        "currency_code_column": dataset.currency,
    }
    content["columns"] = [
        _column(column, dataset.own.get(column) or _published(column, dataset, descriptions))
        for column in dataset.columns
    ]
    content["metrics"] = [
        {
            "metric_name": key,
            "verbose_name": metric.label,
            "expression": metric.sql,
            "description": metric.description,
            "d3format": metric.format,
            **({"currency": {"symbol": "AUTO", "symbolPosition": "suffix"}} if metric.money else {}),
        }
        for key, metric in dataset.metrics.items()
    ]
    return content


def _published(name: str, dataset: Dataset, descriptions: Mapping[str, Mapping[str, Any]]) -> Column:
    """Type, label and description of a column, from the first table of the dataset that contains it."""
    found = next(descriptions[table][name] for table in dataset.tables if name in descriptions[table])
    first, *others = (_LABEL_PARTS.get(word, word) for word in name.split("_"))
    label = " ".join([first[:1].upper() + first[1:], *others])
    return Column(found["data_type"].upper(), label, " ".join(found["description"].split()))


def _column(name: str, column: Column) -> dict[str, Any]:
    is_number = column.kind.startswith(("DECIMAL", "INTEGER", "BIGINT"))
    return {
        "column_name": name,
        "verbose_name": column.label,
        "description": column.description,
        "type": column.kind,
        "is_dttm": column.kind in ("DATE", "TIMESTAMP"),
        "groupby": not is_number,
        "filterable": True,
    }


class _Dumper(yaml.SafeDumper):
    """A SafeDumper that writes multi-line text as literal blocks."""


def _represent_text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _represent_text)

if __name__ == "__main__":
    write()
