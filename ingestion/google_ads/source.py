"""The Google Ads tables and the dlt resources that land them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from ingestion.arrow import Column, Page, Table
from ingestion.google_ads import api
from ingestion.landing import DaysRead, Landing, resource

_ROWS = "batches[].results[]"
_CUSTOMER = Column("customer_id", "id")
_DATE = Column("date", "date", "segments.date", required=True)
_CAMPAIGN = Column("campaign_id", "id", "campaign.id", required=True)
_AD_GROUP = Column("ad_group_id", "id", "adGroup.id", required=True)
_AD = Column("ad_id", "id", "adGroupAd.ad.id", required=True)


def _float(name: str, path: str) -> Column:
    return Column(name, "float", path)


_METRICS = (
    Column("impressions", "integer", "metrics.impressions"),
    Column("clicks", "integer", "metrics.clicks"),
    Column("cost_micros", "integer", "metrics.costMicros"),
    _float("conversions", "metrics.conversions"),
    _float("conversions_value", "metrics.conversionsValue"),
    _float("all_conversions", "metrics.allConversions"),
    Column("view_through_conversions", "integer", "metrics.viewThroughConversions"),
)
_ACTION = (
    Column("conversion_action_id", "id", "segments.conversionAction", required=True),
    Column("conversion_action_name", "text", "segments.conversionActionName"),
    Column("conversion_action_category", "text", "segments.conversionActionCategory"),
    Column("conversion_attribution_event_type", "text", "segments.conversionAttributionEventType"),
    Column("external_conversion_source", "text", "segments.externalConversionSource"),
    _float("conversions", "metrics.conversions"),
    _float("conversions_value", "metrics.conversionsValue"),
    _float("all_conversions", "metrics.allConversions"),
    _float("all_conversions_value", "metrics.allConversionsValue"),
    _float("conversions_by_conversion_date", "metrics.conversionsByConversionDate"),
)
_ACTION_KEY = ("conversion_action_id", "conversion_attribution_event_type", "external_conversion_source")

CUSTOMERS = Table(
    "customers",
    _ROWS,
    (
        Column("customer_id", "id", "customerClient.id", required=True),
        # a false boolean is left out of Google's JSON
        Column("manager", "boolean", "customerClient.manager", default=False),
        Column("level", "integer", "customerClient.level"),
        Column("descriptive_name", "text", "customerClient.descriptiveName"),
        Column("currency_code", "text", "customerClient.currencyCode"),
        Column("time_zone", "text", "customerClient.timeZone"),
        Column("status", "text", "customerClient.status"),
    ),
    key=("customer_id",),
    disposition="merge",
)
CAMPAIGNS = Table(
    "campaigns",
    _ROWS,
    (
        _CUSTOMER,
        Column("id", "id", "campaign.id", required=True),
        Column("name", "text", "campaign.name"),
        Column("status", "text", "campaign.status"),
        Column("advertising_channel_type", "text", "campaign.advertisingChannelType"),
    ),
    key=("customer_id", "id"),
    disposition="merge",
)
AD_GROUPS = Table(
    "ad_groups",
    _ROWS,
    (
        _CUSTOMER,
        _CAMPAIGN,
        Column("id", "id", "adGroup.id", required=True),
        Column("name", "text", "adGroup.name"),
        Column("status", "text", "adGroup.status"),
        Column("type", "text", "adGroup.type"),
    ),
    key=("customer_id", "id"),
    disposition="merge",
)
ADS = Table(
    "ads",
    _ROWS,
    (
        _CUSTOMER,
        _CAMPAIGN,
        _AD_GROUP,
        Column("id", "id", "adGroupAd.ad.id", required=True),
        Column("name", "text", "adGroupAd.ad.name"),
        Column("status", "text", "adGroupAd.status"),
        Column("type", "text", "adGroupAd.ad.type"),
        Column(
            "final_urls",
            "json",
            sql="row.\"adGroupAd\"->'$.ad.finalUrls'",
            inputs=("adGroupAd",),
            default="[]",
        ),
    ),
    key=("customer_id", "ad_group_id", "id"),
    disposition="merge",
)
CONVERSION_ACTIONS = Table(
    "conversion_actions",
    _ROWS,
    (
        _CUSTOMER,
        Column("id", "id", "conversionAction.id", required=True),
        Column("name", "text", "conversionAction.name"),
        Column("status", "text", "conversionAction.status"),
        Column("type", "text", "conversionAction.type"),
        Column("category", "text", "conversionAction.category"),
        Column(
            "include_in_conversions_metric",
            "boolean",
            "conversionAction.includeInConversionsMetric",
            default=False,
        ),
        Column("primary_for_goal", "boolean", "conversionAction.primaryForGoal", default=False),
        Column("counting_type", "text", "conversionAction.countingType"),
        Column(
            "click_through_lookback_window_days", "integer", "conversionAction.clickThroughLookbackWindowDays"
        ),
        Column(
            "view_through_lookback_window_days", "integer", "conversionAction.viewThroughLookbackWindowDays"
        ),
        Column("attribution_model", "text", "conversionAction.attributionModelSettings.attributionModel"),
        Column("origin", "text", "conversionAction.origin"),
    ),
    key=("customer_id", "id"),
    disposition="merge",
)


def _daily(
    name: str, grain: tuple[Column, ...], rest: tuple[Column, ...], key: tuple[str, ...] = ()
) -> Table:
    columns = (_CUSTOMER, _DATE, *grain, *rest)
    return Table(
        name,
        _ROWS,
        columns,
        key=("customer_id", "date", *(column.name for column in grain), *key),
        disposition="observe",
        account="customer_id",
    )


CAMPAIGN_METRICS = _daily("campaign_metrics", (_CAMPAIGN,), _METRICS)
AD_METRICS = _daily("ad_metrics", (_CAMPAIGN, _AD_GROUP, _AD), _METRICS)
CAMPAIGN_CONVERSIONS = _daily("campaign_conversions", (_CAMPAIGN,), _ACTION, _ACTION_KEY)
AD_CONVERSIONS = _daily("ad_conversions", (_CAMPAIGN, _AD_GROUP, _AD), _ACTION, _ACTION_KEY)

ENTITIES = (CUSTOMERS, CAMPAIGNS, AD_GROUPS, ADS, CONVERSION_ACTIONS)
DAILY = (CAMPAIGN_METRICS, AD_METRICS, CAMPAIGN_CONVERSIONS, AD_CONVERSIONS)
_QUERIES = {
    "campaigns": api.CAMPAIGNS,
    "ad_groups": api.AD_GROUPS,
    "ads": api.ADS,
    "conversion_actions": api.CONVERSION_ACTIONS,
    "campaign_metrics": api.CAMPAIGN_METRICS,
    "ad_metrics": api.AD_METRICS,
    "campaign_conversions": api.CAMPAIGN_CONVERSIONS,
    "ad_conversions": api.AD_CONVERSIONS,
}


def resources(landing: Landing, part: str) -> list[Any]:
    """The dlt resources of a part. Nothing is asked before they run."""
    connection = cache(lambda: api.connect(landing))

    def pages(table: Table) -> Callable[[], Iterable[Page | DaysRead]]:
        def items() -> Iterable[Page | DaysRead]:
            if table is CUSTOMERS:
                return connection().customers()
            if part == "entities":
                return connection().entities(_QUERIES[table.name])
            if landing.window is None:
                raise ValueError("daily figures need a window")
            return connection().daily(_QUERIES[table.name], landing.window)

        return items

    return [resource(landing, table, pages(table)) for table in (ENTITIES if part == "entities" else DAILY)]
