"""LinkedIn Marketing API constants, each with its source."""

from __future__ import annotations

SOURCE = "linkedin_ads"
BASE_URL = "https://api.linkedin.com"
TOKEN_URL = "https://www.linkedin.com/oauth/v2/accessToken"

# A new version every month, each supported for twelve months: https://learn.microsoft.com/en-us/linkedin/marketing/versioning
LINKEDIN_VERSION = "202607"
# https://linkedin.github.io/rest.li/spec/protocol
PROTOCOL_VERSION = "2.0.0"

CREDENTIALS = (("access_token",), ("client_id", "client_secret", "refresh_token"))

# https://learn.microsoft.com/en-us/linkedin/marketing/increasing-access
ADS = "r_ads"
REPORTING = "r_ads_reporting"
# https://learn.microsoft.com/en-us/linkedin/marketing/lead-sync/leadsync#permissions
LEADS = "r_marketing_leadgen_automation"
# https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/posts-api#permissions
POSTS = "r_organization_social"

# LinkedIn does not document the time zone of its days; docs/contract.md, section 1.
REPORTING_TIME_ZONE = "UTC"

# A conversion is reported within 72 hours:
# https://learn.microsoft.com/en-us/linkedin/marketing/conversions/conversions-faq
SETTLING_DAYS = 3
# Windows are 1, 7, 30 or 90 days, up to 365 for leads, purchases and similar rules; 90 while none is known:
# https://learn.microsoft.com/en-us/linkedin/marketing/integrations/ads-reporting/conversions-api-schema
LONGEST_WINDOW_DAYS = 365
USUAL_WINDOW_DAYS = 90
RESTATEMENT_DAYS = USUAL_WINDOW_DAYS + SETTLING_DAYS

PAGE_SIZE = 500
CREATIVES_PAGE_SIZE = 100
COUNT = 500
# Query strings over 4 KB are refused (414); this limit applies to the whole URL.
# https://learn.microsoft.com/en-us/linkedin/shared/api-guide/concepts/query-tunneling
LONGEST_ADDRESS = 4096

# adAnalytics returns at most this many elements and truncates without a sign; at most 20 fields, keys
# included. Figures are kept for ten years.
# https://learn.microsoft.com/en-us/linkedin/marketing/integrations/ads-reporting/ads-reporting
MOST_ELEMENTS = 15_000
MOST_FIELDS = 20
RETENTION_YEARS = 10
SLICE_DAYS = 14
# The volume limit (45 million metric values in five minutes) resets after five minutes.
VOLUME_WAIT = 330.0

# https://learn.microsoft.com/en-us/linkedin/marketing/lead-sync/usecases
LEAD_RETENTION_DAYS = 365
# The delay with which leads may appear; LinkedIn documents no maximum.
LEAD_LAG_DAYS = 3

CAMPAIGN_STATUSES = (
    "ACTIVE",
    "PAUSED",
    "ARCHIVED",
    "COMPLETED",
    "CANCELED",
    "DRAFT",
    "PENDING_DELETION",
    "REMOVED",
)
GROUP_STATUSES = ("ACTIVE", "ARCHIVED", "CANCELED", "DRAFT", "PAUSED", "PENDING_DELETION", "REMOVED")
