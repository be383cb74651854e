"""Convert LinkedIn Campaign Manager reports (campaigns and conversions by day) to answers of its API.

Reports contain the name of a conversion rule but no id, so the name replaces the id. Neither report contains
windows of rules, ads or single leads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ingestion.exports import rows
from ingestion.exports.money import account_currency
from ingestion.exports.rows import Row
from ingestion.landing.arrow import Page, Table
from ingestion.landing.resources import DaysRead, Landing, Span
from ingestion.sources.linkedin_ads import tables

__all__ = ["DAILY", "ENTITIES", "accounts", "resources", "span"]

VENDOR = "linkedin_ads"
_FIGURES, _CONVERSIONS = "campaigns", "conversions"
_COUNTS = {
    "impressions": "impressions",
    "clicks": "clicks",
    "landing_page_clicks": "landingPageClicks",
    "conversions": "externalWebsiteConversions",
    "post_view_conversions": "externalWebsitePostViewConversions",
    "leads": "oneClickLeads",
    "lead_form_opens": "oneClickLeadFormOpens",
    "total_engagements": "totalEngagements",
}


ENTITIES = tuple(
    table.with_column("id", kind="text", wire=None) if table is tables.CONVERSIONS else table
    for table in tables.ENTITIES
)
DAILY = tuple(table.with_column("conversion_id", kind="text", wire=None) for table in tables.DAILY)


def accounts(landing: Landing) -> Sequence[str]:
    """Return the ad accounts with figures."""
    return rows.accounts(landing, VENDOR)


def span(landing: Landing, table: Table, account: str) -> Span:
    """Return a span that covers every day of the files."""
    return rows.span()


def resources(landing: Landing, part: str) -> list[Any]:
    """Return the dlt resources of a part. Opens no file until they run."""
    if part == "daily":
        figures = {
            tables.CAMPAIGN_ANALYTICS.name: _analytics,
            tables.CAMPAIGN_CONVERSIONS.name: _by_rule,
        }
        return rows.daily_resources(landing, VENDOR, DAILY, figures)
    read = {
        tables.AD_ACCOUNTS.name: _accounts,
        tables.CAMPAIGN_GROUPS.name: _groups,
        tables.CAMPAIGNS.name: _campaigns,
        tables.CONVERSIONS.name: _rules,
    }
    return rows.entity_resources(landing, ENTITIES, read)


def _wrap(elements: list[Mapping[str, Any]]) -> Any:
    return {"elements": elements}


def _accounts(landing: Landing) -> Iterator[Page]:
    yield from rows.pages(
        (
            # days in the reports are UTC days
            (
                (("reporting_time_zone", "UTC"),),
                {"id": int(account), "name": row["account_name"], "currency": account_currency(row)},
            )
            for (account,), row in rows.latest_rows(landing, VENDOR).items()
        ),
        _wrap,
    )


def _groups(landing: Landing) -> Iterator[Page]:
    yield from rows.pages(
        (
            (
                (("account_id", account),),
                {"id": int(group), "name": row["group_name"], "status": row.word("status", "group_status")},
            )
            for (account, group), row in rows.latest_rows(landing, VENDOR, "group_id").items()
        ),
        _wrap,
    )


def _campaigns(landing: Landing) -> Iterator[Page]:
    yield from rows.pages(
        (
            (
                (("account_id", account),),
                {
                    "id": int(campaign),
                    "campaignGroup": f"urn:li:sponsoredCampaignGroup:{row['group_id']}",
                    "name": row["campaign_name"],
                    "status": row.word("status", "campaign_status"),
                    "type": row.word("campaign_type"),
                },
            )
            for (account, campaign), row in rows.latest_rows(landing, VENDOR, "campaign_id").items()
        ),
        _wrap,
    )


def _rules(landing: Landing) -> Iterator[Page]:
    found: dict[tuple[str, str], str | None] = {}
    for row in rows.current_rows(landing, rows.exports(landing, VENDOR, _CONVERSIONS)):
        found.setdefault((row.account, row["conversion_name"]), row.word("conversion_type"))
    yield from rows.pages(
        (
            ((("account_id", account),), {"id": rule, "name": rule, "type": kind, "enabled": True})
            for (account, rule), kind in sorted(found.items())
        ),
        _wrap,
    )


def _pivot(row: Row) -> str:
    return f"urn:li:sponsoredCampaign:{row['campaign_id']}"


def _figures(row: Row, *pivots: str) -> Mapping[str, Any]:
    day = row["date"]
    found = {
        "dateRange": {"start": {"year": day.year, "month": day.month, "day": day.day}},
        "pivotValues": pivots,
        "costInLocalCurrency": rows.number_text(row["cost"]),
        "conversionValueInLocalCurrency": rows.number_text(row["conversion_value"]),
    }
    return found | {field: row[name] or 0 for name, field in _COUNTS.items()}


def _analytics(landing: Landing, table: Table) -> Iterator[Page | DaysRead]:
    asked = rows.requested_days(landing, table, VENDOR)

    def found() -> Iterator[tuple[rows.Context, Mapping[str, Any]]]:
        for row in rows.current_rows(landing, rows.exports(landing, VENDOR, _FIGURES), table, asked):
            yield (("account_id", row.account),), _figures(row, _pivot(row))

    yield from rows.pages(found(), _wrap)
    yield from rows.days_read(asked)


def _by_rule(landing: Landing, table: Table) -> Iterator[Page | DaysRead]:
    exports = rows.exports(landing, VENDOR, _CONVERSIONS)
    rows.notice_unread_days(landing, VENDOR, exports)
    asked = rows.requested_days(landing, table, VENDOR)

    def found() -> Iterator[tuple[rows.Context, Mapping[str, Any]]]:
        for row in rows.current_rows(landing, exports, table, asked):
            yield (("account_id", row.account),), _figures(row, _pivot(row), row["conversion_name"])

    yield from rows.pages(found(), _wrap)
    yield from rows.days_read(asked)
