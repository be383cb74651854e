"""Writes the bundle's datasets: columns in the words of the dbt YAML, codes in the project's.

`make superset-bundle`, after a column, a word or a query changed.
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
from reporting.dashboard.show import SOURCES, TRACKING_ISSUES
from reporting.explain.bridge import EVIDENCE
from reporting.explain.journey import REPORTS
from reporting.explain.scope import NETWORKS

FOLDER = Path(__file__).with_name("bundle") / "datasets" / "adledger"
DATABASE = uuid5(NAMESPACE_DNS, "adledger.database")
_STATUS = {"landed": "Up to date", "stale": "Older: it could not be read", "skipped": "Not connected"}
#: Words that a name is not made of by capitalizing it.
_WRITTEN = {"hubspot": "HubSpot", "id": "id", "home": "(home currency)"}


@dataclass(frozen=True)
class Column:
    """A column that no published table has, or that a label of its own suits better."""

    kind: str
    label: str
    description: str


@dataclass(frozen=True)
class Metric:
    """A figure that charts show; `sql` over the dataset's rows."""

    label: str
    sql: str
    description: str
    format: str = ",.2~f"
    money: bool = False


@dataclass(frozen=True)
class Dataset:
    """A query on published tables. `tables` describe its columns, but for those in `own`."""

    sql: str
    description: str
    tables: tuple[str, ...]
    columns: tuple[str, ...]
    metrics: Mapping[str, Metric]
    own: Mapping[str, Column] = field(default_factory=dict)
    day: str | None = None
    currency: str | None = None


def _words(column: str, words: Mapping[str, str]) -> str:
    """SQL that says a code in words; a code that is not known stands for itself."""
    quoted = {code: said.replace("'", "''") for code, said in words.items()}
    cases = "\n".join(f"        WHEN '{code}' THEN '{said}'" for code, said in quoted.items())
    return f"CASE {column}\n{cases}\n        ELSE {column}\n    END"


def _sentence(column: str) -> str:
    """SQL that writes a code as words."""
    return f"upper(left({column}, 1)) || replace(substr({column}, 2), '_', ' ')"


def _one_report(sql: str) -> str:
    """Null over several attribution reports, which overlap."""
    return f"CASE WHEN min(attribution_report) = max(attribution_report) THEN {sql} END"


_NETWORK = Column("VARCHAR", "Network", "Google Ads, Facebook Ads or LinkedIn Ads.")
_ACCOUNT = Column("VARCHAR", "Account", "Name of the ad account, with its id where two have the same.")
_CAMPAIGN = Column("VARCHAR", "Campaign", "Name of the campaign, with its id where two have the same.")
_REPORT = Column(
    "VARCHAR", "Attribution report", "Rule by which HubSpot credits a contact to an ad. Never add reports up."
)
_PLACE = {"network_name": _NETWORK, "account": _ACCOUNT, "campaign": _CAMPAIGN}
_KEYS = ("network", "account_id", "campaign_id")

# Names as filters offer them: two accounts or campaigns of one name stay two.
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
    {_words(f"{facts}.network", NETWORKS)} AS network_name,
    coalesce(names.account, {facts}.account_id) AS account,
    coalesce(names.campaign, {facts}.campaign_id) AS campaign"""


def _reported(facts: str) -> str:
    names = {report: report_name(report) for report in REPORTS}
    return f"    {_words(f'{facts}.attribution_report', names)} AS report"


DATASETS = {
    "campaign_days": Dataset(
        description=(
            "One row per attribution report, campaign and day: what the network reports, what HubSpot"
            " credits, what it cost. Choose one attribution report: they overlap, and spend stands in each."
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
            "reported": Column("DECIMAL(38, 6)", "Reported", "Conversions that the network reports."),
            "explained": Column(
                "DECIMAL(38, 6)",
                "Difference explained",
                "Conversions only the network counts, less those only HubSpot counts, for a known reason.",
            ),
            "unexplained": Column(
                "DECIMAL(38, 6)", "Not explained", "The same, as far as no reason is known."
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
-- spend is of no report, so that each has it
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
    -- days before the networks were read have credits and no bridge
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
                "Conversions that the networks report. They count by their own rules, Google in fractions.",
            ),
            "hubspot_contacts": Metric(
                "Contacts credited to ads",
                _one_report("sum(contacts)"),
                "Contacts credited to ads to ads under the report chosen, each once per campaign.",
            ),
            "difference_explained": Metric(
                "Difference explained",
                _one_report("sum(explained)"),
                "Part of the difference with a known reason. Reported, less this, less what is not explained,"
                " are the contacts.",
            ),
            "not_explained": Metric(
                "Not explained",
                _one_report("sum(unexplained)"),
                "Part of the difference that no evidence explains. Below zero: HubSpot has more than the"
                " reasons leave.",
            ),
            "spend": Metric(
                "Spend",
                _one_report("sum(spend_company_currency)"),
                "What the ads cost, in the HubSpot portal's home currency.",
                ",.2f",
                money=True,
            ),
            "cost_per_contact": Metric(
                "Cost per HubSpot contact",
                _one_report("sum(spend_company_currency) / nullif(sum(contacts), 0)"),
                "Spend divided by the contacts HubSpot credits; empty without any.",
                ",.2f",
                money=True,
            ),
            "cost_per_conversion": Metric(
                "Cost per reported conversion",
                _one_report("sum(spend_company_currency) / nullif(sum(reported), 0)"),
                "Spend divided by the conversions the networks report; empty without any.",
                ",.2f",
                money=True,
            ),
        },
    ),
    "bridge_steps": Dataset(
        description=(
            "One row per attribution report, campaign, day and step: how a network's conversions become"
            " HubSpot's contacts. Choose one attribution report: they overlap."
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
            "place": Column("VARCHAR", "Step", "The step in plain words, after its place in the waterfall."),
            "part": Column("VARCHAR", "Part", "Reported, explained, not explained, or in HubSpot."),
            "known_by": Column("VARCHAR", "How it is known", "What the figure of a step rests on."),
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
            WHEN {_OPEN} THEN 'Not explained'
            ELSE 'Explained'
        END AS part
    FROM reconciliation.conversion_bridge
),
{_NAMES}
SELECT
    facts.*,
    {_words("facts.evidence_class", EVIDENCE)} AS known_by,
{_named("facts")},
{_reported("facts")}
FROM facts
LEFT JOIN names USING (network, account_id, campaign_id)""",
        metrics={
            "step_units": Metric(
                "Conversions", _one_report("sum(units)"), "Signed: what only the network counts is taken off."
            ),
        },
    ),
    "actions": Dataset(
        description=(
            "One row per removable cause and campaign that it concerns: what to repair. A cause's figures"
            " stand in each of its rows."
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
            "what": Column("VARCHAR", "What is wrong", "The cause in plain words."),
            "where": Column("VARCHAR", "Where", "The page, form, campaign or account to repair."),
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
    coalesce(labels.step_label, {_sentence("facts.cause")}) AS what,
    {_sentence("facts.subject_type")} || ' ' || facts.subject_id AS "where",
    (SELECT any_value(company_currency) FROM marts.fct_ad_performance_daily) AS company_currency,
    {_words("facts.network", NETWORKS)} AS network_name,
    coalesce(accounts.account, facts.account_id) AS account,
    coalesce(names.campaign, facts.campaign_id) AS campaign
FROM facts
LEFT JOIN names USING (network, account_id, campaign_id)
LEFT JOIN accounts USING (network, account_id)
LEFT JOIN labels ON facts.cause = labels.step""",
        metrics={
            "gain": Metric(
                "Contacts you would gain",
                "max(contacts_gained)",
                "Contacts HubSpot would have credited in the last 90 days under the default report. One"
                " contact can suffer from two causes: do not add them up.",
            ),
            "conversions_concerned": Metric(
                "Conversions with this cause", "max(network_units)", "Of those the network reports."
            ),
            "spend_concerned": Metric(
                "Spend behind it",
                "max(spend_company_currency)",
                "Spend of the campaigns concerned, in the home currency.",
                ",.2f",
                money=True,
            ),
        },
    ),
    "tracking_health": Dataset(
        description="One row per ad and issue: whether HubSpot can credit the ad at all, as last looked at.",
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
            "issue": Column("VARCHAR", "Issue", "What is wrong, in plain words."),
            "page": Column("VARCHAR", "Landing page", "Where the ad leads to, without parameters."),
            "checked_at": Column("TIMESTAMP", "Checked (UTC)", "When it was last looked at."),
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
    {_words("facts.issue_code", TRACKING_ISSUES)} AS issue,
{_named("facts")}
FROM facts
LEFT JOIN names USING (network, account_id, campaign_id)
LEFT JOIN marts.dim_ad AS ads
    ON facts.network = ads.network AND facts.account_id = ads.account_id AND facts.ad_id = ads.ad_id""",
        metrics={
            "ads": Metric(
                "Ads",
                "count(DISTINCT (network, account_id, ad_id))",
                "An ad with two issues counts in both.",
                ",d",
            ),
        },
    ),
    "sources": Dataset(
        description="One row per source: as of when its figures are.",
        tables=(),
        columns=("source_name", "state", "as_of", "landed_through", "source", "status"),
        own={
            "source_name": Column("VARCHAR", "Source", "HubSpot or an ad network."),
            "state": Column("VARCHAR", "State", "Whether it could be read in the last refresh."),
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
    {_words("source", SOURCES)} AS source_name,
    {_words("status", _STATUS)} AS state
FROM marts.sources""",
        metrics={"sources": Metric("Sources", "count(*)", "How many sources there are.", ",d")},
    ),
}


def described() -> Iterator[tuple[str, dict[str, Any]]]:
    """The name and the content of each dataset's file."""
    columns = {model["name"]: model["columns"] for model in published_models(manifest())}
    for name, dataset in DATASETS.items():
        yield name, _content(name, dataset, columns)


def write() -> None:
    """Writes the files."""
    for name, content in described():
        (FOLDER / f"{name}.yaml").write_text(text(content))


def text(content: Mapping[str, Any]) -> str:
    """YAML whose queries read as they are written."""
    return str(yaml.dump(dict(content), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110))


def _content(name: str, dataset: Dataset, described: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
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
        _column(column, dataset.own.get(column) or _published(column, dataset, described))
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


def _published(name: str, dataset: Dataset, described: Mapping[str, Mapping[str, Any]]) -> Column:
    """A column as the first of the dataset's tables that has it describes it."""
    found = next(described[table][name] for table in dataset.tables if name in described[table])
    first, *others = (_WRITTEN.get(word, word) for word in name.split("_"))
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
    """A SafeDumper to which texts of several lines are added below."""


def _lines(dumper: yaml.SafeDumper, said: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", said, style="|" if "\n" in said else None)


_Dumper.add_representer(str, _lines)

if __name__ == "__main__":
    write()
