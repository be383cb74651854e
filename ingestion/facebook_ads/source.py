"""The Facebook Ads tables and the dlt resources that land them."""

from __future__ import annotations

from functools import cache
from typing import Any

from ingestion.arrow import INT, Column, Table
from ingestion.facebook_ads import api, settings
from ingestion.landing import Landing, Window, resource

_ROWS = "data[]"
_ACCOUNT = Column("account_id", "id")
_ID = Column("id", "id", "id", required=True)
_NAME = Column("name", "text", "name")
_STATUS = (
    Column("status", "text", "status"),
    Column("effective_status", "text", "effective_status"),
)
_UPDATED = Column("updated_time", "instant", "updated_time")

AD_ACCOUNTS = Table(
    "ad_accounts",
    _ROWS,
    (
        Column("account_id", "id", "account_id", required=True),
        _NAME,
        Column("currency", "text", "currency"),
        Column("timezone_name", "text", "timezone_name"),
        Column("account_status", "integer", "account_status", wire=INT),
    ),
    key=("account_id",),
    disposition="merge",
)
CAMPAIGNS = Table(
    "campaigns",
    _ROWS,
    (_ACCOUNT, _ID, _NAME, Column("objective", "text", "objective"), *_STATUS, _UPDATED),
    key=("account_id", "id"),
    disposition="merge",
)
AD_SETS = Table(
    "ad_sets",
    _ROWS,
    (
        _ACCOUNT,
        Column("campaign_id", "id", "campaign_id", required=True),
        _ID,
        _NAME,
        *_STATUS,
        Column("attribution_spec", "json", "attribution_spec", default="[]"),
        _UPDATED,
    ),
    key=("account_id", "id"),
    disposition="merge",
)
ADS = Table(
    "ads",
    _ROWS,
    (
        _ACCOUNT,
        Column("campaign_id", "id", "campaign_id", required=True),
        Column("adset_id", "id", "adset_id", required=True),
        _ID,
        _NAME,
        *_STATUS,
        Column("creative_id", "id", "creative.id"),
        _UPDATED,
    ),
    key=("account_id", "id"),
    disposition="merge",
)
AD_CREATIVES = Table(
    "ad_creatives",
    _ROWS,
    (
        _ACCOUNT,
        _ID,
        Column("url_tags", "text", "url_tags"),
        Column(
            "link_url",
            "text",
            sql="coalesce(row.object_story_spec->>'$.link_data.link',"
            " row.object_story_spec->>'$.video_data.call_to_action.value.link',"
            " row.asset_feed_spec->>'$.link_urls[0].website_url')",
            inputs=("object_story_spec", "asset_feed_spec"),
        ),
        Column(
            "is_lead_form",
            "boolean",
            sql="coalesce(row.object_story_spec->>'$.link_data.call_to_action.value.lead_gen_form_id',"
            " row.object_story_spec->>'$.video_data.call_to_action.value.lead_gen_form_id',"
            " row.asset_feed_spec->>'$.call_to_actions[0].value.lead_gen_form_id') IS NOT NULL",
            inputs=("object_story_spec", "asset_feed_spec"),
        ),
        Column("object_story_spec", "json", "object_story_spec"),
    ),
    key=("account_id", "id"),
    disposition="merge",
)


def _insights(name: str, grain: tuple[str, ...]) -> Table:
    columns = (
        _ACCOUNT,
        Column("date", "date", "date_start", required=True),
        *(Column(column, "id", column, required=True) for column in grain),
        Column("impressions", "integer", "impressions"),
        Column("clicks", "integer", "clicks"),
        Column("spend", "money", "spend"),
        Column("account_currency", "text", "account_currency"),
        Column("attribution_setting", "text", "attribution_setting"),
        # absent, not empty, when there are none
        Column("actions", "json", "actions", default="[]"),
        Column("action_values", "json", "action_values", default="[]"),
    )
    return Table(name, _ROWS, columns, key=("account_id", "date", *grain), disposition="observe")


INSIGHTS_CAMPAIGN = _insights("insights_campaign", ("campaign_id",))
INSIGHTS_AD = _insights("insights_ad", ("campaign_id", "adset_id", "ad_id"))

ENTITIES = (AD_ACCOUNTS, CAMPAIGNS, AD_SETS, ADS, AD_CREATIVES)
DAILY = (INSIGHTS_CAMPAIGN, INSIGHTS_AD)


def resources(landing: Landing, part: str) -> list[Any]:
    """The dlt resources of a part. Nothing is asked before they run."""
    connection = cache(lambda: api.connect(landing))

    def window() -> Window:
        if landing.window is None:
            raise ValueError("daily figures need a window")
        return landing.window

    if part == "daily":
        fields = api.INSIGHT_FIELDS
        return [
            resource(landing, INSIGHTS_CAMPAIGN, lambda: connection().insights("campaign", fields, window())),
            resource(
                landing,
                INSIGHTS_AD,
                lambda: connection().insights("ad", f"{fields},adset_id,ad_id", window()),
            ),
        ]
    return [
        resource(landing, AD_ACCOUNTS, lambda: connection().accounts()),
        resource(
            landing,
            CAMPAIGNS,
            lambda: connection().objects("campaigns", api.CAMPAIGN_FIELDS, settings.CAMPAIGN_STATUSES),
        ),
        resource(
            landing,
            AD_SETS,
            lambda: connection().objects("adsets", api.AD_SET_FIELDS, settings.AD_SET_STATUSES),
        ),
        resource(landing, ADS, lambda: connection().objects("ads", api.AD_FIELDS, settings.AD_STATUSES)),
        resource(landing, AD_CREATIVES, lambda: connection().objects("adcreatives", api.CREATIVE_FIELDS, ())),
    ]
