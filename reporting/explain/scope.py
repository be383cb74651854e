"""What a question is about: the filters of `adledger explain`, checked against what is published."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

import duckdb

from reporting.explain.options import InvalidOption

NETWORKS = {"google_ads": "Google Ads", "facebook_ads": "Facebook Ads", "linkedin_ads": "LinkedIn Ads"}
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
_CARRIES_TAG = """EXISTS (
    SELECT 1 FROM reconciliation.landing_page_tags AS tags
    WHERE tags.tag = $tag AND tags.network = facts.network AND tags.account_id = facts.account_id
      AND tags.campaign_id = facts.campaign_id
      AND tags.ad_group_id IS NOT DISTINCT FROM facts.ad_group_id
      AND tags.ad_id IS NOT DISTINCT FROM facts.ad_id
)"""


@dataclass(frozen=True)
class Scope:
    """The filters of a question; None: no restriction, for the report the default one."""

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
        """Whether campaigns are too coarse for the question."""
        return self.ad is not None or self.tag is not None

    @property
    def bridge(self) -> str:
        """The table that holds the bridge at the grain asked for."""
        return "reconciliation.ad_bridge" if self.by_ad else "reconciliation.conversion_bridge"

    def filters(self) -> dict[str, Any]:
        """Every filter by its option's name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def where(self) -> tuple[str, dict[str, Any]]:
        """The condition on a table named `facts` at the grain of this scope, and its parameters."""
        conditions = {
            "report": "facts.attribution_report = $report",
            "network": "facts.network = $network",
            "account": "facts.account_id = $account",
            "campaign": "facts.campaign_id = $campaign",
            "ad": "facts.ad_id = $ad",
            "tag": _CARRIES_TAG,
            "start": "facts.date >= $start",
            "end": "facts.date <= $end",
        }
        given = {name: value for name, value in self.filters().items() if value is not None}
        return " AND ".join(["true", *(conditions[name] for name in given)]), given


def resolve(connection: duckdb.DuckDBPyConnection, asked: Scope) -> Scope:
    """The scope with its report filled in; a value that is not published is refused with those that are."""
    row = connection.execute(_DEFAULT_REPORT).fetchone()
    reports = connection.execute(_REPORTS).fetchall()
    if asked.report is None:
        default = row[0] if row and row[0] else next((name for name, _ in reports), None)
        asked = Scope(**{**asked.filters(), "report": default})
    else:
        _known("--report", asked.report, reports)
    place: dict[str, Any] = {"network": asked.network}
    if asked.account is not None:
        _known("--account", asked.account, connection.execute(_ACCOUNTS, place).fetchall())
    place["account"] = asked.account
    if asked.campaign is not None:
        _known("--campaign", asked.campaign, connection.execute(_CAMPAIGNS, place).fetchall())
    place["campaign"] = asked.campaign
    if asked.ad is not None:
        _known("--ad", asked.ad, connection.execute(_ADS, place).fetchall())
    if asked.tag is not None:
        _known("--tag", asked.tag, connection.execute(_TAGS, place).fetchall())
    return asked


def _known(option: str, value: str, rows: Sequence[tuple[Any, ...]]) -> None:
    if value not in {row[0] for row in rows}:
        raise unknown(option, value, [f"{known} ({name})" if name else str(known) for known, name in rows])


def unknown(option: str, value: str, known: Iterable[str]) -> InvalidOption:
    """The refusal of a value, with those that are known."""
    listed = list(known)
    more = f" and {len(listed) - _LISTED} more" if len(listed) > _LISTED else ""
    return InvalidOption(
        option, f"{value} is none of {', '.join(listed[:_LISTED]) or 'none known here'}{more}"
    )
