"""The LinkedIn Ads tables and the dlt resources that land them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from ingestion.arrow import INT, Column, Page, Table
from ingestion.landing import DaysRead, Landing, resource
from ingestion.linkedin_ads import api

_ROWS = "elements[]"
_ACCOUNT = Column("account_id", "id")
# ids are JSON numbers here and URNs there; references to other objects are always URNs
_ID = Column("id", "id", "id", required=True, wire=INT)
_NAME = Column("name", "text", "name")
_STATUS = Column("status", "text", "status")
_TYPE = Column("type", "text", "type")

AD_ACCOUNTS = Table(
    "ad_accounts",
    _ROWS,
    (
        _ID,
        _NAME,
        Column("currency", "text", "currency"),
        _STATUS,
        _TYPE,
        # no API names it, so the setting does
        Column("reporting_time_zone", "text"),
    ),
    key=("id",),
    disposition="merge",
)
CAMPAIGN_GROUPS = Table(
    "campaign_groups", _ROWS, (_ACCOUNT, _ID, _NAME, _STATUS), key=("account_id", "id"), disposition="merge"
)
CAMPAIGNS = Table(
    "campaigns",
    _ROWS,
    (
        _ACCOUNT,
        Column("campaign_group_id", "id", "campaignGroup"),
        _ID,
        _NAME,
        _STATUS,
        _TYPE,
        Column("objective_type", "text", "objectiveType"),
    ),
    key=("account_id", "id"),
    disposition="merge",
)
CREATIVES = Table(
    "creatives",
    _ROWS,
    (
        _ACCOUNT,
        Column("campaign_id", "id", "campaign", required=True),
        Column("id", "id", "id", required=True),
        Column("intended_status", "text", "intendedStatus"),
        Column("content_reference", "text", sql="row.content->>'$.reference'", inputs=("content",)),
        # only text and spotlight ads carry their address here; others need their post
        Column(
            "landing_url",
            "text",
            sql="coalesce(row.content->>'$.textAd.landingPage', row.content->>'$.spotlight.landingPage')",
            inputs=("content",),
        ),
    ),
    key=("account_id", "id"),
    disposition="merge",
)
CONVERSIONS = Table(
    "conversions",
    _ROWS,
    (
        _ACCOUNT,
        _ID,
        _NAME,
        _TYPE,
        Column("enabled", "boolean", "enabled"),
        Column("attribution_type", "text", "attributionType"),
        Column("post_click_window_days", "integer", "postClickAttributionWindowSize", wire=INT),
        Column("view_through_window_days", "integer", "viewThroughAttributionWindowSize", wire=INT),
    ),
    key=("account_id", "id"),
    disposition="merge",
)

_DATE = Column("date", "date_parts", "dateRange.start", required=True)
_WEBSITE = (
    Column("external_website_conversions", "integer", "externalWebsiteConversions", wire=INT),
    Column(
        "external_website_post_click_conversions", "integer", "externalWebsitePostClickConversions", wire=INT
    ),
    Column(
        "external_website_post_view_conversions", "integer", "externalWebsitePostViewConversions", wire=INT
    ),
)
_METRICS = (
    Column("impressions", "integer", "impressions", wire=INT),
    Column("clicks", "integer", "clicks", wire=INT),
    Column("cost", "money", "costInLocalCurrency"),
    *_WEBSITE,
    Column("one_click_leads", "integer", "oneClickLeads", wire=INT),
)
_VALUES = (*_WEBSITE, Column("conversion_value", "money", "conversionValueInLocalCurrency"))


def _daily(name: str, grain: tuple[str, ...], rest: tuple[Column, ...]) -> Table:
    pivots = tuple(
        Column(column, "id", f"pivotValues[{position}]", required=True)
        for position, column in enumerate(grain)
    )
    columns = (_ACCOUNT, _DATE, *pivots, *rest)
    return Table(name, _ROWS, columns, key=("account_id", "date", *grain), disposition="observe")


CAMPAIGN_ANALYTICS = _daily("campaign_analytics", ("campaign_id",), _METRICS)
CREATIVE_ANALYTICS = _daily("creative_analytics", ("creative_id",), _METRICS)
CREATIVE_CONVERSIONS = _daily("creative_conversions", ("creative_id", "conversion_id"), _VALUES)
CAMPAIGN_CONVERSIONS = _daily("campaign_conversions", ("campaign_id", "conversion_id"), _VALUES)

ENTITIES = (AD_ACCOUNTS, CAMPAIGN_GROUPS, CAMPAIGNS, CREATIVES, CONVERSIONS)
DAILY = (CAMPAIGN_ANALYTICS, CREATIVE_ANALYTICS, CREATIVE_CONVERSIONS, CAMPAIGN_CONVERSIONS)
_PIVOTS = {
    "campaign_analytics": (("CAMPAIGN",), api.METRIC_FIELDS),
    "creative_analytics": (("CREATIVE",), api.METRIC_FIELDS),
    "creative_conversions": (("CREATIVE", "CONVERSION"), api.CONVERSION_FIELDS),
    "campaign_conversions": (("CAMPAIGN", "CONVERSION"), api.CONVERSION_FIELDS),
}


def resources(landing: Landing, part: str) -> list[Any]:
    """The dlt resources of a part. Nothing is asked before they run."""
    connection = cache(lambda: api.connect(landing))

    if part == "entities":
        return [
            resource(landing, AD_ACCOUNTS, lambda: connection().accounts()),
            resource(landing, CAMPAIGN_GROUPS, lambda: connection().campaign_groups()),
            resource(landing, CAMPAIGNS, lambda: connection().campaigns()),
            resource(landing, CREATIVES, lambda: connection().creatives()),
            resource(landing, CONVERSIONS, lambda: connection().conversions()),
        ]

    def pages(table: Table) -> Callable[[], Iterable[Page | DaysRead]]:
        def items() -> Iterable[Page | DaysRead]:
            if landing.window is None:
                raise ValueError("daily figures need a window")
            pivots, fields = _PIVOTS[table.name]
            return connection().analytics(pivots, fields, landing.window)

        return items

    return [resource(landing, table, pages(table)) for table in DAILY]
