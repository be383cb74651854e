"""Meta Marketing API constants, each with its source."""

from __future__ import annotations

SOURCE = "facebook_ads"
BASE_URL = "https://graph.facebook.com"

# https://developers.facebook.com/docs/graph-api/changelog
API_VERSION = "v26.0"

CREDENTIALS = (("access_token",),)

# The longest attribution window is 28 days; a conversion may be reported on the day after it.
# https://developers.facebook.com/docs/marketing-api/insights/best-practices
RESTATEMENT_DAYS = 29

# Larger pages are answered with "Please reduce the amount of data"; the limit is halved then.
PAGE_SIZE = 200
SMALLEST_PAGE_SIZE = 5
SLICE_DAYS = 30

# 7d_view and 28d_view are gone: https://developers.facebook.com/docs/marketing-api/reference/ads-action-stats
ATTRIBUTION_WINDOWS = ("1d_click", "7d_click", "28d_click", "1d_view", "1d_ev")

# Listings hide archived and deleted objects unless their status is asked for.
# https://developers.facebook.com/docs/marketing-api/reference/ad-account/ads
_COMMON_STATUSES = ("ACTIVE", "PAUSED", "ARCHIVED", "DELETED", "IN_PROCESS", "WITH_ISSUES")
CAMPAIGN_STATUSES = _COMMON_STATUSES
AD_SET_STATUSES = (*_COMMON_STATUSES, "CAMPAIGN_PAUSED")
AD_STATUSES = (
    *AD_SET_STATUSES,
    "ADSET_PAUSED",
    "PENDING_REVIEW",
    "DISAPPROVED",
    "PREAPPROVED",
    "PENDING_BILLING_INFO",
)
