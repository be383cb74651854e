"""Fields of every node that is served.

https://developers.facebook.com/docs/marketing-api/reference/v26.0
"""

from __future__ import annotations

ACCOUNT = {
    "id",
    "account_id",
    "name",
    "currency",
    "timezone_name",
    "timezone_offset_hours_utc",
    "account_status",
    "business_name",
}
_SHARED = {"id", "account_id", "name", "status", "effective_status", "created_time", "updated_time"}
OBJECTS = {
    "campaigns": _SHARED | {"objective", "buying_type", "start_time", "stop_time", "special_ad_categories"},
    "adsets": _SHARED
    | {
        "campaign_id",
        "campaign",
        "attribution_spec",
        "promoted_object",
        "optimization_goal",
        "billing_event",
        "daily_budget",
        "start_time",
        "end_time",
    },
    "ads": _SHARED | {"campaign_id", "campaign", "adset_id", "adset", "creative"},
    "adcreatives": {
        "id",
        "account_id",
        "name",
        "status",
        "actor_id",
        "url_tags",
        "object_type",
        "link_url",
        "object_url",
        "template_url",
        "object_story_spec",
        "asset_feed_spec",
        "effective_object_story_id",
    },
}
PAGE = {"id", "name", "access_token", "category", "tasks"}
LEAD_FORM = {
    "id",
    "name",
    "status",
    "locale",
    "created_time",
    "leads_count",
    "organic_leads_count",
    "questions",
    "page_id",
}
LEAD = {
    "id",
    "created_time",
    "ad_id",
    "ad_name",
    "adset_id",
    "adset_name",
    "campaign_id",
    "campaign_name",
    "form_id",
    "is_organic",
    "platform",
    "field_data",
}
INSIGHTS = {
    "account_id",
    "account_name",
    "account_currency",
    "campaign_id",
    "campaign_name",
    "adset_id",
    "adset_name",
    "ad_id",
    "ad_name",
    "objective",
    "buying_type",
    "optimization_goal",
    "impressions",
    "clicks",
    "unique_clicks",
    "inline_link_clicks",
    "outbound_clicks",
    "spend",
    "reach",
    "frequency",
    "ctr",
    "cpc",
    "cpm",
    "cpp",
    "actions",
    "action_values",
    "cost_per_action_type",
    "attribution_setting",
    "created_time",
    "updated_time",
    "date_start",
    "date_stop",
}
INSIGHTS_BY_DEFAULT = {"account_id", "campaign_id", "adset_id", "ad_id", "impressions", "spend"}
