"""HubSpot constants, each with its source."""

from __future__ import annotations

SOURCE = "hubspot"
BASE_URL = "https://api.hubapi.com"

# Date versions live 18 months; v3 and v4 paths end in 2027.
# https://developers.hubspot.com/docs/developer-tooling/platform/versioning
API_VERSION = "2026-09"

CREDENTIALS = (("access_token",), ("client_id", "client_secret", "refresh_token"))

# At most 100, 50 with history:
# https://developers.hubspot.com/docs/api-reference/crm-contacts-v3/basic/get-contacts
PAGE_SIZE = 100
PAGE_SIZE_WITH_HISTORY = 50
# https://developers.hubspot.com/docs/api-reference/legacy/forms-v1/get-submissions: at most 50
SUBMISSIONS_PAGE_SIZE = 50
# https://developers.hubspot.com/docs/api-reference/crm-associations-v4/batch/read: at most 1,000
ASSOCIATION_INPUTS = 1000
FORM_TYPES = "hubspot,captured,flow,blog_comment"
PAGE_VIEW = "e_visited_page"

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
CONTACT_HISTORY = ("hs_analytics_first_url", "hs_analytics_last_url")
DEAL_PROPERTIES = (
    "amount",
    "amount_in_home_currency",
    "deal_currency_code",
    "dealstage",
    "pipeline",
    "closedate",
    "createdate",
    "dealname",
    "hs_is_closed_won",
    "hs_is_closed",
)
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
