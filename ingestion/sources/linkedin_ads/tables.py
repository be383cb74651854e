"""The raw tables of LinkedIn Ads; the paths of their metrics are the requested fields."""

from __future__ import annotations

from ingestion.landing.arrow import INT, Column, Kind, Table

_ROWS = "elements[]"
_ACCOUNT = Column("account_id", "id")
# ids are JSON numbers in some answers and URNs in others; references to other objects are always URNs
_ID = Column("id", "id", "id", required=True, wire=INT)
_NAME = Column("name", "text", "name")
_STATUS = Column("status", "text", "status")
_TYPE = Column("type", "text", "type")
_STAMPS = (
    Column("created_at", "epoch_ms", "changeAuditStamps.created.time"),
    Column("last_modified_at", "epoch_ms", "changeAuditStamps.lastModified.time"),
)
_SCHEDULE = (
    Column("starts_at", "epoch_ms", "runSchedule.start"),
    Column("ends_at", "epoch_ms", "runSchedule.end"),
)

AD_ACCOUNTS = Table(
    "ad_accounts",
    _ROWS,
    (
        _ID,
        _NAME,
        Column("currency", "text", "currency"),
        _STATUS,
        _TYPE,
        # from a setting, because no API returns it
        Column("reporting_time_zone", "text"),
        *_STAMPS,
    ),
    key=("id",),
    disposition="merge",
)
CAMPAIGN_GROUPS = Table(
    "campaign_groups",
    _ROWS,
    (_ACCOUNT, _ID, _NAME, _STATUS, *_SCHEDULE, *_STAMPS),
    key=("account_id", "id"),
    disposition="merge",
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
        *_SCHEDULE,
        *_STAMPS,
    ),
    key=("account_id", "id"),
    disposition="merge",
)
# Text and spotlight ads contain their URL, sponsored content refers to a post with the URL, and each card of
# a carousel has its own:
# https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/posts-api
_FIRST_LINK = (
    "coalesce(row.content->>'$.textAd.landingPage', row.content->>'$.spotlight.landingPage',"
    " row.post->>'$.contentLandingPage', row.post->>'$.content.article.source',"
    " row.post->>'$.content.carousel.cards[0].landingPage')"
)
_EVERY_LINK = (
    "list_sort(list_distinct(list_concat("
    "json_extract_string(row.post, '$.content.carousel.cards[*].landingPage'),"
    f" list_filter([{_FIRST_LINK}], lambda url: url IS NOT NULL))))"
)

CREATIVES = Table(
    "creatives",
    _ROWS,
    (
        _ACCOUNT,
        Column("campaign_id", "id", "campaign", required=True),
        Column("id", "id", "id", required=True),
        _NAME,
        Column("intended_status", "text", "intendedStatus"),
        Column("content_reference", "text", sql="row.content->>'$.reference'", inputs=("content",)),
        Column("landing_url", "text", sql=_FIRST_LINK, inputs=("content", "post")),
        Column("urls", "json", sql=f"to_json({_EVERY_LINK})::VARCHAR", inputs=("content", "post")),
        Column("lead_form_id", "id", "leadgenCallToAction.destination"),
        Column("created_at", "epoch_ms", "createdAt"),
        Column("last_modified_at", "epoch_ms", "lastModifiedAt"),
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
        # https://learn.microsoft.com/en-us/linkedin/marketing/integrations/ads-reporting/conversions-api-schema
        Column("conversion_method", "text", "conversionMethod"),
        Column("attribution_type", "text", "attributionType"),
        Column("post_click_window_days", "integer", "postClickAttributionWindowSize", wire=INT),
        Column("view_through_window_days", "integer", "viewThroughAttributionWindowSize", wire=INT),
        Column("campaigns", "json", "campaigns"),
        Column("created_at", "epoch_ms", "created"),
    ),
    key=("account_id", "id"),
    disposition="track",
)
LEAD_FORMS = Table(
    "lead_forms",
    _ROWS,
    (
        _ACCOUNT,
        _ID,
        Column("version_id", "integer", "versionId", wire=INT),
        _NAME,
        Column("state", "text", "state"),
        Column("created_at", "epoch_ms", "created"),
        Column("last_modified_at", "epoch_ms", "lastModified"),
    ),
    key=("account_id", "id"),
    disposition="merge",
)
LEAD_FORM_RESPONSES = Table(
    "lead_form_responses",
    _ROWS,
    (
        _ACCOUNT,
        Column("id", "text", "id", required=True),
        Column("lead_form_id", "id", "form"),
        Column("lead_form_version", "integer", "formVersion"),
        Column("campaign_id", "id", "leadMetadata.sponsoredLeadMetadata.campaign"),
        Column("creative_id", "id", "associatedEntity.associatedCreative"),
        Column("submitted_at", "epoch_ms", "submittedAt", required=True),
        Column("test_lead", "boolean", "testLead", default=False),
        Column("email", "text", "email"),
    ),
    key=("account_id", "id"),
    disposition="merge",
    private=frozenset({"email"}),
    erasable=("email",),
)

_DATE = Column("date", "date_parts", "dateRange.start", required=True)


def _metric(name: str, field: str, kind: Kind = "integer") -> Column:
    # LinkedIn leaves out zeros
    return Column(name, kind, field, wire=INT if kind == "integer" else None, default=0)


VALUES = (
    _metric("external_website_conversions", "externalWebsiteConversions"),
    _metric("external_website_post_click_conversions", "externalWebsitePostClickConversions"),
    _metric("external_website_post_view_conversions", "externalWebsitePostViewConversions"),
    _metric("conversion_value", "conversionValueInLocalCurrency", "money"),
)
# https://learn.microsoft.com/en-us/linkedin/marketing/integrations/ads-reporting/ads-reporting-schema
METRICS = (
    _metric("impressions", "impressions"),
    _metric("clicks", "clicks"),
    _metric("cost", "costInLocalCurrency", "money"),
    *VALUES,
    _metric("one_click_leads", "oneClickLeads"),
    _metric("one_click_lead_form_opens", "oneClickLeadFormOpens"),
    _metric("valid_work_email_leads", "validWorkEmailLeads"),
    _metric("qualified_leads", "qualifiedLeads"),
    _metric("lead_generation_mail_contact_info_shares", "leadGenerationMailContactInfoShares"),
    _metric("registrations", "registrations"),
    _metric("landing_page_clicks", "landingPageClicks"),
    _metric("company_page_clicks", "companyPageClicks"),
    _metric("total_engagements", "totalEngagements"),
    _metric("sends", "sends"),
    _metric("opens", "opens"),
    _metric("video_views", "videoViews"),
    _metric("video_completions", "videoCompletions"),
    _metric("viral_impressions", "viralImpressions"),
    _metric("viral_clicks", "viralClicks"),
    _metric("viral_landing_page_clicks", "viralLandingPageClicks"),
    _metric("viral_external_website_conversions", "viralExternalWebsiteConversions"),
    _metric("viral_external_website_post_click_conversions", "viralExternalWebsitePostClickConversions"),
    _metric("viral_external_website_post_view_conversions", "viralExternalWebsitePostViewConversions"),
    _metric("viral_one_click_leads", "viralOneClickLeads"),
    _metric("viral_one_click_lead_form_opens", "viralOneClickLeadFormOpens"),
)


def _daily(name: str, grain: tuple[str, ...], metrics: tuple[Column, ...]) -> Table:
    pivots = tuple(
        Column(column, "id", f"pivotValues[{position}]", required=True)
        for position, column in enumerate(grain)
    )
    columns = (_ACCOUNT, _DATE, *pivots, *metrics)
    return Table(name, _ROWS, columns, key=("account_id", "date", *grain), disposition="observe")


CAMPAIGN_ANALYTICS = _daily("campaign_analytics", ("campaign_id",), METRICS)
CREATIVE_ANALYTICS = _daily("creative_analytics", ("creative_id",), METRICS)
CREATIVE_CONVERSIONS = _daily("creative_conversions", ("creative_id", "conversion_id"), VALUES)
CAMPAIGN_CONVERSIONS = _daily("campaign_conversions", ("campaign_id", "conversion_id"), VALUES)

ENTITIES = (
    AD_ACCOUNTS,
    CAMPAIGN_GROUPS,
    CAMPAIGNS,
    CREATIVES,
    CONVERSIONS,
    LEAD_FORMS,
    LEAD_FORM_RESPONSES,
)
DAILY = (CAMPAIGN_ANALYTICS, CREATIVE_ANALYTICS, CREATIVE_CONVERSIONS, CAMPAIGN_CONVERSIONS)
