"""The raw tables of Facebook Ads: the path of their rows in Meta's answers, columns and keys."""

from __future__ import annotations

from ingestion.landing.arrow import INT, Column, Table

_ROWS = "data[]"
_ACCOUNT = Column("account_id", "id")
_PAGE = Column("page_id", "id")
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
    disposition="track",
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

# The place of a link depends on the ad's format: https://developers.facebook.com/docs/marketing-api/reference
# /ad-creative-object-story-spec (link, video, carousel and catalogue) and /ad-asset-feed-spec
_ANY_LINK = (
    "list_sort(list_distinct(list_concat("
    "json_extract_string(row.object_story_spec, '$..link'),"
    "json_extract_string(row.asset_feed_spec, '$..website_url'),"
    "json_extract_string(row.asset_feed_spec, '$..link'),"
    "list_filter([row.link_url->>'$', row.object_url->>'$', row.template_url->>'$'],"
    " lambda url: url IS NOT NULL))))"
)
_FORM = (
    "coalesce(json_extract_string(row.object_story_spec, '$..lead_gen_form_id')[1],"
    " json_extract_string(row.asset_feed_spec, '$..lead_gen_form_id')[1])"
)
_SPECS = ("object_story_spec", "asset_feed_spec")
_LINKS = (*_SPECS, "link_url", "object_url", "template_url")

AD_CREATIVES = Table(
    "ad_creatives",
    _ROWS,
    (
        _ACCOUNT,
        _ID,
        Column("object_type", "text", "object_type"),
        Column("url_tags", "text", "url_tags"),
        Column(
            "link_url",
            "text",
            sql="coalesce(row.object_story_spec->>'$.link_data.link',"
            " row.object_story_spec->>'$.video_data.call_to_action.value.link',"
            " row.object_story_spec->>'$.template_data.link',"
            " row.asset_feed_spec->>'$.link_urls[0].website_url',"
            " row.link_url->>'$', row.object_url->>'$', row.template_url->>'$')",
            inputs=_LINKS,
        ),
        Column("urls", "json", sql=f"to_json({_ANY_LINK})::VARCHAR", inputs=_LINKS),
        Column("lead_gen_form_id", "text", sql=_FORM, inputs=_SPECS),
        Column("is_lead_form", "boolean", sql=f"{_FORM} IS NOT NULL", inputs=_SPECS),
        Column("effective_object_story_id", "text", "effective_object_story_id"),
        Column("object_story_spec", "json", "object_story_spec"),
        Column("asset_feed_spec", "json", "asset_feed_spec"),
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
        # Meta leaves the field out instead of sending an empty list
        Column("actions", "json", "actions", default="[]"),
        Column("action_values", "json", "action_values", default="[]"),
    )
    return Table(name, _ROWS, columns, key=("account_id", "date", *grain), disposition="observe")


INSIGHTS_CAMPAIGN = _insights("insights_campaign", ("campaign_id",))
INSIGHTS_AD = _insights("insights_ad", ("campaign_id", "adset_id", "ad_id"))

LEAD_FORMS = Table(
    "lead_forms",
    _ROWS,
    (
        _PAGE,
        _ID,
        _NAME,
        Column("status", "text", "status"),
        Column("locale", "text", "locale"),
        Column("created_time", "instant", "created_time"),
        Column("leads_count", "integer", "leads_count", wire=INT),
        Column("organic_leads_count", "integer", "organic_leads_count", wire=INT),
        Column("questions", "json", "questions", default="[]"),
    ),
    key=("id",),
    disposition="merge",
)

_ANSWERS = """from_json(row.field_data, '[{"name":"VARCHAR","values":["VARCHAR"]}]')"""


def _answer(name: str) -> str:
    return f"list_filter({_ANSWERS}, lambda answer: answer.name = '{name}')[1].\"values\"[1]"


# Only the e-mail address lands, to match the lead to a contact; no other answer does.
LEADS = Table(
    "leads",
    _ROWS,
    (
        _PAGE,
        Column("form_id", "id", "form_id", required=True),
        _ID,
        Column("created_time", "instant", "created_time", required=True),
        Column("campaign_id", "id", "campaign_id"),
        Column("adset_id", "id", "adset_id"),
        Column("ad_id", "id", "ad_id"),
        Column("is_organic", "boolean", "is_organic"),
        # https://developers.facebook.com/docs/marketing-api/guides/lead-ads/testing-troubleshooting
        Column(
            "is_test",
            "boolean",
            sql="len(list_filter(flatten(list_transform("
            f'{_ANSWERS}, lambda answer: answer."values")),'
            " lambda value: starts_with(value, '<test lead: dummy data'))) > 0",
            inputs=("field_data",),
            default=False,
        ),
        Column("platform", "text", "platform"),
        # types of questions: https://developers.facebook.com/docs/marketing-api/guides/lead-ads/create
        Column(
            "email",
            "text",
            sql=f"coalesce({_answer('email')}, {_answer('work_email')})",
            inputs=("field_data",),
        ),
    ),
    key=("id",),
    disposition="merge",
    private=frozenset({"field_data"}),
    erasable=("email",),
)

ENTITIES = (AD_ACCOUNTS, CAMPAIGNS, AD_SETS, ADS, AD_CREATIVES, LEAD_FORMS, LEADS)
DAILY = (INSIGHTS_CAMPAIGN, INSIGHTS_AD)
