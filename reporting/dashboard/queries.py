"""All queries of the pages: filtered, grouped, and limited to the rows that are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from reporting.explain.bridge import STEP_COVERAGE
from reporting.explain.scope import Scope

#: Maximum number of rows of a table on a page.
MAX_ROWS = 1000


@dataclass(frozen=True)
class Query:
    """A SELECT and its parameters."""

    sql: str
    parameters: tuple[tuple[str, Any], ...] = ()


_CHOICES = """
SELECT bridge.network, bridge.account_id, bridge.campaign_id,
    any_value(campaigns.account_name) AS account_name, any_value(campaigns.campaign_name) AS campaign_name
FROM (SELECT DISTINCT network, account_id, campaign_id FROM reconciliation.conversion_bridge) AS bridge
LEFT JOIN marts.dim_campaign AS campaigns USING (network, account_id, campaign_id)
GROUP BY bridge.network, bridge.account_id, bridge.campaign_id
ORDER BY bridge.network, account_name, bridge.account_id, campaign_name, bridge.campaign_id
"""
_SPAN = "SELECT min(date) AS first, max(date) AS last FROM reconciliation.conversion_bridge"
_REPORTS = "SELECT DISTINCT attribution_report AS report FROM reconciliation.conversion_bridge"
_CURRENCY = "SELECT any_value(company_currency) AS currency FROM marts.fct_ad_performance_daily"

# reported - explained - unexplained = contacts
_MEASURES = """
    coalesce(sum(facts.units) FILTER (facts.kind = 'start'), 0) AS reported,
    coalesce(-sum(facts.units) FILTER (facts.kind = 'adjustment' AND NOT {open}), 0) AS explained,
    coalesce(-sum(facts.units) FILTER (facts.kind = 'adjustment' AND {open}), 0) AS unexplained,
    coalesce(sum(facts.units) FILTER (facts.kind = 'end'), 0) AS contacts
""".format(open="(facts.evidence_class = 'residual' OR facts.step = 'unexplained')")
_COMPARED = """
WITH bridge AS (
    SELECT {keys}, {measures} FROM reconciliation.conversion_bridge AS facts WHERE {where} GROUP BY ALL
), costs AS (
    SELECT {keys}, sum(facts.spend_company_currency) AS spend
    FROM marts.fct_ad_performance_daily AS facts WHERE {spent} GROUP BY ALL
), compared AS (
    SELECT {names}, coalesce(reported, 0) AS reported, coalesce(explained, 0) AS explained,
        coalesce(unexplained, 0) AS unexplained, coalesce(contacts, 0) AS contacts, spend,
        spend / nullif(contacts, 0) AS cost_per_contact, spend / nullif(reported, 0) AS cost_per_conversion,
        count(*) OVER () AS found
    FROM bridge FULL JOIN costs USING ({names})
    -- days before the first load of a network have credits but no bridge
    WHERE bridge.reported IS NOT NULL OR costs.spend <> 0
)
"""
#: Grouping columns of a comparison with their SQL, by grain.
_GRAINS = {
    "total": {"whole": "true"},
    "network": {"network": "facts.network"},
    "account": {"network": "facts.network", "account_id": "facts.account_id"},
    "campaign": {
        "network": "facts.network",
        "account_id": "facts.account_id",
        "campaign_id": "facts.campaign_id",
    },
    "day": {"date": "facts.date"},
    "week": {"date": "CAST(date_trunc('week', facts.date) AS DATE)"},
    "month": {"date": "CAST(date_trunc('month', facts.date) AS DATE)"},
}
_STEPS = """
SELECT step_order, step, step_label, kind, evidence_class, sum(units) AS units
FROM reconciliation.conversion_bridge AS facts
WHERE {where}
GROUP BY ALL
HAVING sum(units) <> 0 OR kind <> 'adjustment'
ORDER BY step_order, evidence_class
"""
_BY_REPORT = f"""
SELECT facts.attribution_report AS report, facts.network, {_MEASURES}
FROM reconciliation.conversion_bridge AS facts
WHERE {{where}}
GROUP BY ALL
ORDER BY ALL
"""
_CAMPAIGNS_BY_REPORT = """
SELECT facts.network, facts.account_id, facts.campaign_id,
    any_value(campaigns.campaign_name) AS campaign_name,
    coalesce(sum(facts.units) FILTER (facts.kind = 'start' AND facts.attribution_report = $default), 0)
        AS reported,
    {reports},
    count(*) OVER () AS found
FROM reconciliation.conversion_bridge AS facts
LEFT JOIN marts.dim_campaign AS campaigns USING (network, account_id, campaign_id)
WHERE {where}
GROUP BY facts.network, facts.account_id, facts.campaign_id
ORDER BY reported DESC, facts.network, facts.account_id, facts.campaign_id
LIMIT {limit}
"""
_ACTIONS = """
SELECT facts.network, facts.account_id, facts.rank, facts.cause, facts.subject_type, facts.subject_id,
    any_value(campaigns.account_name) AS account_name, facts.contacts_gained, facts.network_units,
    facts.spend_company_currency AS spend, facts.advice, count(*) OVER () AS found
FROM reconciliation.actions AS facts
LEFT JOIN marts.dim_campaign AS campaigns
    ON facts.network = campaigns.network AND facts.account_id = campaigns.account_id
WHERE {where}
GROUP BY ALL
ORDER BY contacts_gained DESC, spend DESC NULLS LAST, facts.network, facts.account_id, facts.rank
LIMIT {limit}
"""
_AFFECTS_CAMPAIGN = "list_contains(CAST(facts.evidence -> 'campaign_ids' AS VARCHAR[]), $campaign)"
_LEADS = """
SELECT {columns}
FROM (
    SELECT *, CAST(created_at AT TIME ZONE 'UTC' AS DATE) AS date FROM reconciliation.lead_sync
) AS facts
WHERE {where}
GROUP BY ALL
ORDER BY ALL
LIMIT {limit}
"""
_ISSUES = """
SELECT facts.network, facts.issue_code, count(*) AS ads
FROM reconciliation.tracking_health AS facts
WHERE {where}
GROUP BY ALL
ORDER BY ads DESC, facts.issue_code, facts.network
"""
_CHECKED_ADS = """
SELECT count(DISTINCT (
    facts.network, facts.account_id, facts.campaign_id, facts.ad_group_id, facts.ad_id
)) AS ads
FROM reconciliation.tracking_health AS facts
WHERE {where}
"""
_ADS_WITH_ISSUES = """
SELECT facts.network, facts.issue_code, campaigns.campaign_name, facts.campaign_id, ads.ad_name, facts.ad_id,
    facts.landing_page_url, facts.detail, count(*) OVER () AS found
FROM reconciliation.tracking_health AS facts
LEFT JOIN marts.dim_campaign AS campaigns USING (network, account_id, campaign_id)
LEFT JOIN marts.dim_ad AS ads USING (network, account_id, campaign_id, ad_group_id, ad_id)
WHERE {where} AND facts.issue_code <> 'none'
ORDER BY facts.issue_code, facts.network, campaigns.campaign_name, ads.ad_name, facts.ad_id
LIMIT {limit}
"""
_PAGES = """
WITH latest AS (
    SELECT * FROM reconciliation.landing_page_snapshots AS facts
    QUALIFY row_number() OVER (PARTITION BY landing_page_url ORDER BY fetched_at DESC) = 1
)
SELECT facts.landing_page_url, facts.http_status, facts.has_tracking_code, facts.detected_by,
    len(facts.forms) AS forms,
    list_filter(facts.tags, lambda tag: NOT starts_with(tag, 'campaign:')) AS tags, facts.error, facts.detail,
    facts.fetched_at, count(*) OVER () AS found
FROM latest AS facts
WHERE {where}
ORDER BY facts.has_tracking_code NULLS FIRST, facts.landing_page_url
LIMIT {limit}
"""
_TAGGED = {
    "network": "list_contains(facts.tags, 'network:' || $network)",
    "account": "EXISTS (SELECT 1 FROM marts.dim_campaign AS campaigns WHERE campaigns.account_id = $account"
    " AND list_contains(facts.tags, 'campaign:' || campaigns.campaign_id))",
    "campaign": "list_contains(facts.tags, 'campaign:' || $campaign)",
}
_TAGS = """
SELECT tag, count(DISTINCT landing_page_url) AS pages
FROM (SELECT landing_page_url, unnest(tags) AS tag FROM reconciliation.landing_page_snapshots)
WHERE NOT starts_with(tag, 'campaign:')
GROUP BY tag
ORDER BY tag
LIMIT {limit}
"""
_PAGE_HISTORY = """
SELECT fetched_at, http_status, has_tracking_code, detected_by, final_url, error, detail,
    content_sha256 IS DISTINCT FROM lag(content_sha256) OVER (ORDER BY fetched_at) AS is_changed,
    count(*) OVER () AS found
FROM reconciliation.landing_page_snapshots
WHERE landing_page_url = $url
ORDER BY fetched_at DESC
LIMIT {limit}
"""
# Accounts have different currencies, so spend is grouped by currency in `unit`.
_RESTATED = """
WITH facts AS (
    SELECT facts.*, CASE WHEN facts.metric = 'spend' THEN campaigns.account_currency ELSE '' END AS unit
    FROM reconciliation.restatements AS facts
    LEFT JOIN marts.dim_campaign AS campaigns USING (network, account_id, campaign_id)
    WHERE facts.metric = $metric
)
"""
_BY_AGE = f"""{_RESTATED}
SELECT facts.unit, facts.network, facts.days_after,
    sum(facts.value - facts.previous_value) AS change,
    count(DISTINCT (facts.account_id, facts.campaign_id, facts.date)) AS campaign_days
FROM facts
WHERE {{where}}
GROUP BY ALL
ORDER BY ALL
LIMIT {{limit}}
"""
_BY_DAY = f"""{_RESTATED}, campaign_days AS (
    SELECT facts.unit, facts.network, facts.account_id, facts.campaign_id, facts.date,
        arg_min(facts.previous_value, facts.observed_at) AS first_value,
        arg_max(facts.value, facts.observed_at) AS last_value,
        max(facts.days_after) AS days_after
    FROM facts
    WHERE {{where}}
    GROUP BY ALL
)
SELECT unit, network, date, sum(first_value) AS first_value, sum(last_value) AS last_value,
    sum(last_value) - sum(first_value) AS change, max(days_after) AS days_after, count(*) AS campaigns,
    count(*) OVER () AS found
FROM campaign_days
GROUP BY unit, network, date
ORDER BY date DESC, network, unit
LIMIT {{limit}}
"""


def choices() -> Query:
    """All campaigns of the bridge with their names."""
    return Query(_CHOICES)


def span() -> Query:
    """The first and the last day of the bridge."""
    return Query(_SPAN)


def reports() -> Query:
    """The attribution reports of the bridge."""
    return Query(_REPORTS)


def currency() -> Query:
    """The portal's home currency; null without a portal."""
    return Query(_CURRENCY)


def compared(scope: Scope, grain: str) -> Query:
    """Reported, explained and unexplained conversions, contacts and spend, by grain."""
    keys = _GRAINS[grain]
    where, given = scope.where()
    # spend does not depend on the report
    spent, _ = replace(scope, report=None).where()
    sql = _COMPARED.format(
        keys=", ".join(f"{sql} AS {name}" for name, sql in keys.items()),
        names=", ".join(keys),
        measures=_MEASURES,
        where=where,
        spent=spent,
    )
    if grain == "campaign":
        sql += f"""
SELECT compared.*, campaigns.campaign_name, campaigns.account_name
FROM compared LEFT JOIN marts.dim_campaign AS campaigns USING (network, account_id, campaign_id)
ORDER BY reported DESC, contacts DESC, network, account_id, campaign_id LIMIT {MAX_ROWS}"""
    elif grain == "account":
        sql += f"""
SELECT compared.*, (
    SELECT any_value(account_name) FROM marts.dim_campaign AS campaigns
    WHERE campaigns.network = compared.network AND campaigns.account_id = compared.account_id
) AS account_name
FROM compared ORDER BY reported DESC, network, account_id LIMIT {MAX_ROWS}"""
    else:
        sql += f"SELECT * FROM compared ORDER BY {', '.join(keys)} LIMIT {MAX_ROWS}"
    return Query(sql, tuple(given.items()))


def step_coverage() -> Query:
    """Steps per network that the loaded sources do not fully cover."""
    return Query(STEP_COVERAGE)


def steps(scope: Scope) -> Query:
    """The bridge's steps, summed over the scope."""
    return _scoped(_STEPS, scope)


def by_report(scope: Scope) -> Query:
    """Start and end of the bridge per attribution report and network. Reports overlap: never add them up."""
    return _scoped(_BY_REPORT, replace(scope, report=None))


def campaigns_by_report(scope: Scope, default: str, names: Sequence[str]) -> Query:
    """Contacts per campaign, with one column for each report in `names`."""
    where, given = replace(scope, report=None).where()
    columns = [
        f"coalesce(sum(facts.units) FILTER (facts.kind = 'end' AND facts.attribution_report = $report{n}), 0)"
        f' AS "{name}"'
        for n, name in enumerate(names)
    ]
    sql = _CAMPAIGNS_BY_REPORT.format(where=where, reports=", ".join(columns), limit=MAX_ROWS)
    numbered = {f"report{n}": name for n, name in enumerate(names)}
    return Query(sql, tuple({**given, **numbered, "default": default}.items()))


def actions(scope: Scope) -> Query:
    """Recommended actions, largest gain first. With a campaign: those that affect it or also others."""
    where, given = _current(replace(scope, campaign=None)).where()
    if scope.campaign is not None:
        where, given = f"{where} AND {_AFFECTS_CAMPAIGN}", {**given, "campaign": scope.campaign}
    return Query(_ACTIONS.format(where=where, limit=MAX_ROWS), tuple(given.items()))


def leads_by_status(scope: Scope) -> Query:
    """Leads per network and status."""
    columns = "facts.network, facts.status, count(*) AS leads"
    return _scoped(_LEADS, replace(scope, report=None), columns=columns)


def lead_delays(scope: Scope) -> Query:
    """Time from lead to HubSpot in seconds, per network."""
    columns = """facts.network, count(facts.latency_seconds) AS leads,
    quantile_cont(facts.latency_seconds, 0.5) AS median, quantile_cont(facts.latency_seconds, 0.95) AS late,
    max(facts.latency_seconds) AS latest"""
    return _scoped(_LEADS, replace(scope, report=None), columns=columns)


def leads_by_form(scope: Scope) -> Query:
    """Leads per form, with those that are missing in HubSpot."""
    columns = """facts.network, facts.form_id, count(*) AS leads,
    count(*) FILTER (facts.status IN ('missing', 'retention_passed')) AS lost,
    count(*) FILTER (facts.status = 'pending') AS pending,
    max(facts.created_at) FILTER (facts.status IN ('missing', 'retention_passed')) AS last_lost_at,
    max(facts.created_at) AS last_lead_at"""
    return _scoped(_LEADS, replace(scope, report=None), columns=columns)


def issues(scope: Scope) -> Query:
    """Ads per network and tracking issue, including ads without issues."""
    return _scoped(_ISSUES, _current(scope))


def checked_ads(scope: Scope) -> Query:
    """Number of ads; an ad with several issues counts once."""
    return _scoped(_CHECKED_ADS, _current(scope))


def ads_with_issues(scope: Scope) -> Query:
    """Ads that HubSpot cannot credit, with the finding and the recommendation."""
    return _scoped(_ADS_WITH_ISSUES, _current(scope))


def pages(scope: Scope, tag: str | None) -> Query:
    """Latest snapshot of each landing page of the scope's ads, restricted to a tag if given."""
    given = {name: value for name in _TAGGED if (value := getattr(scope, name)) is not None}
    conditions = [_TAGGED[name] for name in given]
    if tag is not None:
        conditions.append("list_contains(facts.tags, $tag)")
        given["tag"] = tag
    return Query(
        _PAGES.format(where=" AND ".join(["true", *conditions]), limit=MAX_ROWS), tuple(given.items())
    )


def tags() -> Query:
    """Tags of landing pages, without the tags for campaigns."""
    return Query(_TAGS.format(limit=MAX_ROWS))


def page_history(url: str) -> Query:
    """All snapshots of a page, latest first."""
    return Query(_PAGE_HISTORY.format(limit=MAX_ROWS), (("url", url),))


def restated_by_age(scope: Scope, metric: str) -> Query:
    """Size of restatements, by the number of days after the reported day."""
    return _restated(_BY_AGE, scope, metric)


def restated_by_day(scope: Scope, metric: str) -> Query:
    """Restated days, with the first and the latest value."""
    return _restated(_BY_DAY, scope, metric)


def _restated(sql: str, scope: Scope, metric: str) -> Query:
    query = _scoped(sql, replace(scope, report=None))
    return Query(query.sql, (*query.parameters, ("metric", metric)))


def _current(scope: Scope) -> Scope:
    """The scope without days and report, for tables that hold only the current state."""
    return replace(scope, report=None, start=None, end=None)


def _scoped(sql: str, scope: Scope, **parts: str) -> Query:
    where, given = scope.where()
    return Query(sql.format(where=where, limit=MAX_ROWS, **parts), tuple(given.items()))
