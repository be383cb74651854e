"""The filters of `adledger explain`, validated against the published data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

import duckdb

from reporting.explain.options import InvalidOption

_LISTED = 30

_DEFAULT_REPORT = "SELECT any_value(attribution_report) FROM marts.fct_ad_performance_daily"
_REPORTS = "SELECT DISTINCT attribution_report, NULL FROM reconciliation.conversion_bridge ORDER BY ALL"
_ACCOUNTS = """
SELECT DISTINCT bridge.account_id, campaigns.account_name
FROM reconciliation.conversion_bridge AS bridge
LEFT JOIN marts.dim_campaign AS campaigns USING (network, account_id, campaign_id)
WHERE $network IS NULL OR bridge.network = $network
ORDER BY ALL
"""
_CAMPAIGNS = """
SELECT DISTINCT bridge.campaign_id, campaigns.campaign_name
FROM reconciliation.conversion_bridge AS bridge
LEFT JOIN marts.dim_campaign AS campaigns USING (network, account_id, campaign_id)
WHERE ($network IS NULL OR bridge.network = $network) AND ($account IS NULL OR bridge.account_id = $account)
ORDER BY ALL
"""
_ADS = """
SELECT DISTINCT bridge.ad_id, ads.ad_name
FROM reconciliation.ad_bridge AS bridge
LEFT JOIN marts.dim_ad AS ads USING (network, account_id, campaign_id, ad_group_id, ad_id)
WHERE bridge.ad_id IS NOT NULL
  AND ($network IS NULL OR bridge.network = $network) AND ($account IS NULL OR bridge.account_id = $account)
  AND ($campaign IS NULL OR bridge.campaign_id = $campaign)
ORDER BY ALL
"""
_TAGS = """
SELECT DISTINCT tag, NULL FROM reconciliation.landing_page_tags
WHERE ($network IS NULL OR network = $network) AND ($account IS NULL OR account_id = $account)
  AND ($campaign IS NULL OR campaign_id = $campaign)
ORDER BY ALL
"""
_HAS_TAG = """EXISTS (
    SELECT 1 FROM reconciliation.landing_page_tags AS tags
    WHERE tags.tag = $tag AND tags.network = facts.network AND tags.account_id = facts.account_id
      AND tags.campaign_id = facts.campaign_id
      AND tags.ad_group_id IS NOT DISTINCT FROM facts.ad_group_id
      AND tags.ad_id IS NOT DISTINCT FROM facts.ad_id
)"""


@dataclass(frozen=True)
class Scope:
    """The filters of a query. None means no restriction; for `report`, the default report."""

    network: str | None = None
    account: str | None = None
    campaign: str | None = None
    ad: str | None = None
    tag: str | None = None
    start: date | None = None
    end: date | None = None
    report: str | None = None

    @property
    def by_ad(self) -> bool:
        """True if the query needs figures per ad."""
        return self.ad is not None or self.tag is not None

    @property
    def bridge(self) -> str:
        """Table with the bridge at the required grain."""
        return "reconciliation.ad_bridge" if self.by_ad else "reconciliation.conversion_bridge"

    def filters(self) -> dict[str, Any]:
        """All filters, by option name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def where(self) -> tuple[str, dict[str, Any]]:
        """SQL condition on a table with the alias `facts`, and its parameters."""
        conditions = {
            "report": "facts.attribution_report = $report",
            "network": "facts.network = $network",
            "account": "facts.account_id = $account",
            "campaign": "facts.campaign_id = $campaign",
            "ad": "facts.ad_id = $ad",
            "tag": _HAS_TAG,
            "start": "facts.date >= $start",
            "end": "facts.date <= $end",
        }
        given = {name: value for name, value in self.filters().items() if value is not None}
        return " AND ".join(["true", *(conditions[name] for name in given)]), given


def resolve(connection: duckdb.DuckDBPyConnection, scope: Scope) -> Scope:
    """Returns the scope with its report filled in. Raises InvalidOption for values that are not published."""
    row = connection.execute(_DEFAULT_REPORT).fetchone()
    reports = connection.execute(_REPORTS).fetchall()
    if scope.report is None:
        default = row[0] if row and row[0] else next((name for name, _ in reports), None)
        scope = Scope(**{**scope.filters(), "report": default})
    else:
        _check_known("--report", scope.report, reports)
    parents: dict[str, Any] = {"network": scope.network}
    if scope.account is not None:
        _check_known("--account", scope.account, connection.execute(_ACCOUNTS, parents).fetchall())
    parents["account"] = scope.account
    if scope.campaign is not None:
        _check_known("--campaign", scope.campaign, connection.execute(_CAMPAIGNS, parents).fetchall())
    parents["campaign"] = scope.campaign
    if scope.ad is not None:
        _check_known("--ad", scope.ad, connection.execute(_ADS, parents).fetchall())
    if scope.tag is not None:
        _check_known("--tag", scope.tag, connection.execute(_TAGS, parents).fetchall())
    return scope


def _check_known(option: str, value: str, rows: Sequence[tuple[Any, ...]]) -> None:
    if value not in {row[0] for row in rows}:
        raise unknown_value(
            option, value, [f"{known} ({name})" if name else str(known) for known, name in rows]
        )


def unknown_value(option: str, value: str, known: Iterable[str]) -> InvalidOption:
    """Returns the error for a value that is not published; its message lists those that are."""
    listed = list(known)
    more = f" and {len(listed) - _LISTED} more" if len(listed) > _LISTED else ""
    if not listed:
        return InvalidOption(option, f"{value} is not published: there are no values for these filters")
    return InvalidOption(option, f"{value} is not one of {', '.join(listed[:_LISTED])}{more}")
