"""The raw tables of Google Ads, and their queries, which are built from the paths of the columns."""

from __future__ import annotations

import re

from ingestion.landing.arrow import Column, Table

_ROWS = "batches[].results[]"
_CAPITAL = re.compile("[A-Z]")
# Fields that are newer than v23, the oldest supported version, with the first major version that has them:
# https://developers.google.com/google-ads/api/docs/release-notes
_SINCE = {"asset_group.tracking_url_template": 25, "asset_group.final_url_suffix": 25}

_CUSTOMER = Column("customer_id", "id")
_DATE = Column("date", "date", "segments.date", required=True)
_CAMPAIGN = Column("campaign_id", "id", "campaign.id", required=True)
_AD_GROUP = Column("ad_group_id", "id", "adGroup.id", required=True)
_AD = Column("ad_id", "id", "adGroupAd.ad.id", required=True)
# Google's JSON leaves false values out
_ABSENT = False


def _urls(name: str, owner: str, path: str) -> Column:
    """Return a column with a list of URLs; Google's JSON leaves empty lists out."""
    return Column(
        name, "json", f"{owner}.{path}", sql=f"row.\"{owner}\"->'$.{path}'", inputs=(owner,), default="[]"
    )


def _answer(kind: str) -> str:
    """Return SQL for the answer to a lead form's question of this type, null if the form has none."""
    fields = """json_transform(row."leadFormSubmissionData"->'$.leadFormSubmissionFields',"""
    fields += """ '[{"fieldType": "VARCHAR", "fieldValue": "VARCHAR"}]')"""
    return f"[field.fieldValue for field in {fields} if field.fieldType = '{kind}'][1]"


_METRICS = (
    Column("impressions", "integer", "metrics.impressions"),
    Column("clicks", "integer", "metrics.clicks"),
    Column("cost_micros", "integer", "metrics.costMicros"),
    Column("conversions", "float", "metrics.conversions"),
    Column("conversions_value", "float", "metrics.conversionsValue"),
    Column("all_conversions", "float", "metrics.allConversions"),
    Column("view_through_conversions", "integer", "metrics.viewThroughConversions"),
)
_ACTION = Column("conversion_action_id", "id", "segments.conversionAction", required=True)
# Cost cannot be selected together with the conversion action, so spend and conversions are two queries:
# https://developers.google.com/google-ads/api/docs/reporting/segmentation
_CONVERSIONS = (
    _ACTION,
    Column("conversion_action_name", "text", "segments.conversionActionName"),
    Column("conversion_action_category", "text", "segments.conversionActionCategory"),
    Column("conversion_attribution_event_type", "text", "segments.conversionAttributionEventType"),
    Column("external_conversion_source", "text", "segments.externalConversionSource"),
    Column("conversions", "float", "metrics.conversions"),
    Column("conversions_value", "float", "metrics.conversionsValue"),
    Column("all_conversions", "float", "metrics.allConversions"),
    Column("all_conversions_value", "float", "metrics.allConversionsValue"),
    Column("conversions_by_conversion_date", "float", "metrics.conversionsByConversionDate"),
    Column("conversions_value_by_conversion_date", "float", "metrics.conversionsValueByConversionDate"),
    Column("all_conversions_by_conversion_date", "float", "metrics.allConversionsByConversionDate"),
    Column(
        "all_conversions_value_by_conversion_date", "float", "metrics.allConversionsValueByConversionDate"
    ),
)
_ACTION_KEY = ("conversion_action_id", "conversion_attribution_event_type", "external_conversion_source")

CUSTOMERS = Table(
    "customers",
    _ROWS,
    (
        Column("customer_id", "id", "customerClient.id", required=True),
        Column("manager", "boolean", "customerClient.manager", default=_ABSENT),
        Column("level", "integer", "customerClient.level"),
        Column("descriptive_name", "text", "customerClient.descriptiveName"),
        Column("currency_code", "text", "customerClient.currencyCode"),
        Column("time_zone", "text", "customerClient.timeZone"),
        Column("status", "text", "customerClient.status"),
    ),
    key=("customer_id",),
    disposition="merge",
)
CUSTOMER_SETTINGS = Table(
    "customer_settings",
    _ROWS,
    (
        Column("customer_id", "id", "customer.id", required=True),
        Column("auto_tagging_enabled", "boolean", "customer.autoTaggingEnabled", default=_ABSENT),
        Column("tracking_url_template", "text", "customer.trackingUrlTemplate"),
        Column("final_url_suffix", "text", "customer.finalUrlSuffix"),
        # the account with the conversion actions: this account or a manager above it
        Column(
            "conversion_customer_id", "id", "customer.conversionTrackingSetting.googleAdsConversionCustomer"
        ),
        Column(
            "conversion_tracking_status",
            "text",
            "customer.conversionTrackingSetting.conversionTrackingStatus",
        ),
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
        Column("advertising_channel_sub_type", "text", "campaign.advertisingChannelSubType"),
        # in the account's time zone, without UTC offset
        Column("start_date_time", "text", "campaign.startDateTime"),
        Column("end_date_time", "text", "campaign.endDateTime"),
        Column("tracking_url_template", "text", "campaign.trackingUrlTemplate"),
        Column("final_url_suffix", "text", "campaign.finalUrlSuffix"),
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
        Column("tracking_url_template", "text", "adGroup.trackingUrlTemplate"),
        Column("final_url_suffix", "text", "adGroup.finalUrlSuffix"),
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
        _urls("final_urls", "adGroupAd", "ad.finalUrls"),
        _urls("final_mobile_urls", "adGroupAd", "ad.finalMobileUrls"),
        Column("tracking_url_template", "text", "adGroupAd.ad.trackingUrlTemplate"),
        Column("final_url_suffix", "text", "adGroupAd.ad.finalUrlSuffix"),
    ),
    key=("customer_id", "ad_group_id", "id"),
    disposition="merge",
)
# Performance Max campaigns have asset groups instead of ads:
# https://developers.google.com/google-ads/api/docs/performance-max/asset-groups
ASSET_GROUPS = Table(
    "asset_groups",
    _ROWS,
    (
        _CUSTOMER,
        _CAMPAIGN,
        Column("id", "id", "assetGroup.id", required=True),
        Column("name", "text", "assetGroup.name"),
        Column("status", "text", "assetGroup.status"),
        _urls("final_urls", "assetGroup", "finalUrls"),
        _urls("final_mobile_urls", "assetGroup", "finalMobileUrls"),
        Column("tracking_url_template", "text", "assetGroup.trackingUrlTemplate"),
        Column("final_url_suffix", "text", "assetGroup.finalUrlSuffix"),
    ),
    key=("customer_id", "id"),
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
            default=_ABSENT,
        ),
        Column("primary_for_goal", "boolean", "conversionAction.primaryForGoal", default=_ABSENT),
        Column("counting_type", "text", "conversionAction.countingType"),
        Column(
            "click_through_lookback_window_days", "integer", "conversionAction.clickThroughLookbackWindowDays"
        ),
        Column(
            "view_through_lookback_window_days", "integer", "conversionAction.viewThroughLookbackWindowDays"
        ),
        Column("attribution_model", "text", "conversionAction.attributionModelSettings.attributionModel"),
        Column("origin", "text", "conversionAction.origin"),
        # null for Google's own actions
        Column("owner_customer_id", "id", "conversionAction.ownerCustomer"),
    ),
    key=("customer_id", "id"),
    disposition="track",
    account="customer_id",
)
LEAD_FORM_SUBMISSIONS = Table(
    "lead_form_submissions",
    _ROWS,
    (
        _CUSTOMER,
        Column("id", "text", "leadFormSubmissionData.id", required=True),
        Column("campaign_id", "id", "leadFormSubmissionData.campaign"),
        Column("ad_group_id", "id", "leadFormSubmissionData.adGroup"),
        Column("ad_id", "id", "leadFormSubmissionData.adGroupAd"),
        Column("lead_form_asset_id", "id", "leadFormSubmissionData.asset"),
        Column("gclid", "text", "leadFormSubmissionData.gclid"),
        Column("submitted_at", "instant", "leadFormSubmissionData.submissionDateTime", required=True),
        # only the e-mail address lands, to match the lead to a contact
        Column(
            "email",
            "text",
            "leadFormSubmissionData.leadFormSubmissionFields",
            sql=f"coalesce({_answer('EMAIL')}, {_answer('WORK_EMAIL')})",
            inputs=("leadFormSubmissionData",),
        ),
    ),
    key=("customer_id", "id"),
    disposition="merge",
    private=frozenset({"leadFormSubmissionFields", "gclid"}),
    erasable=("email", "gclid"),
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
        private=frozenset({"gclid"}),
    )


CAMPAIGN_METRICS = _daily("campaign_metrics", (_CAMPAIGN,), _METRICS)
AD_GROUP_METRICS = _daily("ad_group_metrics", (_CAMPAIGN, _AD_GROUP), _METRICS)
AD_METRICS = _daily("ad_metrics", (_CAMPAIGN, _AD_GROUP, _AD), _METRICS)
CAMPAIGN_CONVERSIONS = _daily("campaign_conversions", (_CAMPAIGN,), _CONVERSIONS, _ACTION_KEY)
AD_CONVERSIONS = _daily("ad_conversions", (_CAMPAIGN, _AD_GROUP, _AD), _CONVERSIONS, _ACTION_KEY)
CAMPAIGN_CONVERSION_LAGS = _daily(
    "campaign_conversion_lags",
    (
        _CAMPAIGN,
        _ACTION,
        Column("conversion_lag_bucket", "text", "segments.conversionLagBucket", required=True),
    ),
    (
        Column("conversions", "float", "metrics.conversions"),
        Column("all_conversions", "float", "metrics.allConversions"),
    ),
)
# https://developers.google.com/google-ads/api/fields/v26/click_view; campaigns without ads have clicks too
CLICK_VIEWS = _daily(
    "click_views",
    (
        Column("gclid", "text", "clickView.gclid", required=True),
        Column("campaign_id", "id", "campaign.id"),
        Column("ad_group_id", "id", "adGroup.id"),
        Column("ad_id", "id", "clickView.adGroupAd"),
        Column("device", "text", "segments.device"),
        Column("ad_network_type", "text", "segments.adNetworkType"),
        Column("click_type", "text", "segments.clickType"),
    ),
    (
        Column("keyword_text", "text", "clickView.keywordInfo.text"),
        Column("keyword_match_type", "text", "clickView.keywordInfo.matchType"),
        Column("clicks", "integer", "metrics.clicks"),
    ),
)

RESOURCES = {
    CUSTOMERS: "customer_client",
    CUSTOMER_SETTINGS: "customer",
    CAMPAIGNS: "campaign",
    AD_GROUPS: "ad_group",
    ADS: "ad_group_ad",
    ASSET_GROUPS: "asset_group",
    CONVERSION_ACTIONS: "conversion_action",
    LEAD_FORM_SUBMISSIONS: "lead_form_submission_data",
    CAMPAIGN_METRICS: "campaign",
    AD_GROUP_METRICS: "ad_group",
    AD_METRICS: "ad_group_ad",
    CAMPAIGN_CONVERSIONS: "campaign",
    AD_CONVERSIONS: "ad_group_ad",
    CAMPAIGN_CONVERSION_LAGS: "campaign",
    CLICK_VIEWS: "click_view",
}
DAILY = tuple(table for table in RESOURCES if table.disposition == "observe")
ENTITIES = tuple(table for table in RESOURCES if table.disposition != "observe")


def query(table: Table, version: str) -> str:
    """Return the query for a table's columns that this API version (like "v26") has, without a condition."""
    fields = [_snake(column.path) for column in table.columns if column.path is not None]
    known = [field for field in fields if _SINCE.get(field, 0) <= int(version.removeprefix("v"))]
    return f"SELECT {', '.join(known)} FROM {RESOURCES[table]}"


def _snake(path: str) -> str:
    return _CAPITAL.sub(lambda letter: f"_{letter[0].lower()}", path)
