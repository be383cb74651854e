"""HubSpot constants, each with its source."""

from __future__ import annotations

from typing import Literal

SOURCE = "hubspot"
BASE_URL = "https://api.hubapi.com"

# Dated API versions are supported for 18 months; v3 and v4 paths end in 2027.
# https://developers.hubspot.com/docs/developer-tooling/platform/versioning
API_VERSION = "2026-09"

CREDENTIALS = (("access_token",), ("client_id", "client_secret", "refresh_token"))

# Records per page: at most 100, with history at most 50; the same for batch reads:
# https://developers.hubspot.com/docs/api-reference/crm-contacts-v3/basic/get-contacts
PAGE_SIZE = 100
PAGE_SIZE_WITH_HISTORY = 50
# https://developers.hubspot.com/docs/api-reference/search/guide: 200 a page, five a second per account
SEARCH_PAGE_SIZE = 200
SEARCHES_PER_SECOND = 5
# https://developers.hubspot.com/docs/developer-tooling/platform/usage-guidelines: private apps have 100 or
# 190 requests in ten seconds by tier; the headers of each answer contain the limit
REQUESTS_PER_TEN_SECONDS = 100
CONCURRENCY = 8
# page views of long ranges are split into time slices, some of which are read in parallel
PAGE_VIEW_SLICES = 32
PAGE_VIEW_READERS = 4
# https://developers.hubspot.com/docs/api-reference/legacy/forms-v1/get-submissions: at most 50
SUBMISSIONS_PAGE_SIZE = 50
# the documentation allows 1,000, a later notice 100
ASSOCIATION_INPUTS = 100
LISTS_PAGE_SIZE = 250
FORM_TYPES = "hubspot,captured,flow,blog_comment"
PAGE_VIEW = "e_visited_page"

# Only a full listing finds archived and erased records and backdated submissions.
FULL_LISTING_DAYS = 7
# Changed records reach the search index with a delay, so each load overlaps with the one before.
INDEX_LAG_MINUTES = 10
# Submissions may be sent with an earlier instant than the time they arrive.
SUBMISSION_OVERLAP_HOURS = 6

CONTACT_PROPERTIES = (
    "email",
    "hs_additional_emails",
    "createdate",
    "lastmodifieddate",
    "lifecyclestage",
    "hs_object_source",
    "hs_analytics_source",
    "hs_analytics_source_data_1",
    "hs_analytics_source_data_2",
    "hs_analytics_first_url",
    "hs_analytics_first_referrer",
    "hs_analytics_first_timestamp",
    "hs_analytics_last_url",
    "hs_analytics_last_referrer",
    "hs_analytics_last_timestamp",
    "hs_analytics_first_visit_timestamp",
    "hs_analytics_last_visit_timestamp",
    "hs_latest_source",
    "hs_latest_source_data_1",
    "hs_latest_source_data_2",
    "hs_latest_source_timestamp",
    "hs_analytics_num_page_views",
    "hs_analytics_num_visits",
    "first_conversion_date",
    "first_conversion_event_name",
    "recent_conversion_date",
    "num_conversion_events",
    "hs_calculated_form_submissions",
    "hs_google_click_id",
    "hs_facebook_click_id",
    "hs_linkedin_click_id",
    "hs_merged_object_ids",
)
# properties read with their history: sources, session starts, click ids, landing URLs, lifecycle stages
CONTACT_HISTORY = (
    "hs_analytics_source",
    "hs_analytics_source_data_1",
    "hs_analytics_source_data_2",
    "hs_latest_source",
    "hs_latest_source_data_1",
    "hs_latest_source_data_2",
    "hs_latest_source_timestamp",
    "hs_analytics_first_url",
    "hs_analytics_last_url",
    "hs_google_click_id",
    "hs_facebook_click_id",
    "hs_linkedin_click_id",
    "lifecyclestage",
)
COMPANY_PROPERTIES = (
    "name",
    "domain",
    "createdate",
    "hs_lastmodifieddate",
    "lifecyclestage",
    "hs_merged_object_ids",
)
DEAL_PROPERTIES = (
    "amount",
    "amount_in_home_currency",
    "deal_currency_code",
    "dealstage",
    "pipeline",
    "closedate",
    "createdate",
    "hs_lastmodifieddate",
    "dealname",
    "hubspot_owner_id",
    "hs_is_closed_won",
    "hs_is_closed",
    "hs_merged_object_ids",
)
# Properties that are landed as text and read as another type. HubSpot writes numbers with a decimal point,
# instants by ISO 8601: https://developers.hubspot.com/docs/api-reference/crm-properties-v3/guide
PROPERTY_KINDS: dict[str, Literal["money", "instant", "boolean"]] = {
    **dict.fromkeys(
        (
            "amount",
            "amount_in_home_currency",
            "hs_analytics_num_page_views",
            "hs_analytics_num_visits",
            "num_conversion_events",
        ),
        "money",
    ),
    **dict.fromkeys(
        (
            "closedate",
            "createdate",
            "first_conversion_date",
            "hs_analytics_first_timestamp",
            "hs_analytics_first_visit_timestamp",
            "hs_analytics_last_timestamp",
            "hs_analytics_last_visit_timestamp",
            "hs_lastmodifieddate",
            "hs_latest_source_timestamp",
            "lastmodifieddate",
            "recent_conversion_date",
        ),
        "instant",
    ),
    **dict.fromkeys(("hs_is_closed", "hs_is_closed_won"), "boolean"),
}
CAMPAIGN_PROPERTIES = ("hs_name", "hs_utm", "hs_start_date", "hs_end_date", "hs_campaign_status")
EVENT_PROPERTIES = (
    "hs_url",
    "hs_title",
    "hs_referrer",
    "hs_page_id",
    "hs_visit_source",
    "hs_visit_source_details_1",
    "hs_visit_source_details_2",
    "hs_utm_source",
    "hs_utm_medium",
    "hs_utm_campaign",
)
