"""LinkedIn Marketing API constants, each with its source."""

from __future__ import annotations

SOURCE = "linkedin_ads"
BASE_URL = "https://api.linkedin.com"
TOKEN_URL = "https://www.linkedin.com/oauth/v2/accessToken"

# Monthly, twelve months of life: https://learn.microsoft.com/en-us/linkedin/marketing/versioning
LINKEDIN_VERSION = "202607"
PROTOCOL_VERSION = "2.0.0"

CREDENTIALS = (("access_token",), ("client_id", "client_secret", "refresh_token"))

# LinkedIn does not say in which zone its days lie; docs/contract.md, section 1.
REPORTING_TIME_ZONE = "UTC"

# Conversion windows reach 90 days, and figures settle within 72 hours.
# https://learn.microsoft.com/en-us/linkedin/marketing/integrations/ads-reporting/ads-reporting
RESTATEMENT_DAYS = 93

PAGE_SIZE = 500
CREATIVES_PAGE_SIZE = 100
CONVERSIONS_COUNT = 500

# adAnalytics answers at most so many elements, and cuts without a sign; at most 20 fields.
# https://learn.microsoft.com/en-us/linkedin/marketing/integrations/ads-reporting/ads-reporting#restrictions
MOST_ELEMENTS = 15_000
SLICE_DAYS = 14
# A volume limit (45 million metric values in five minutes) clears after the five minutes.
VOLUME_WAIT = 330.0

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
