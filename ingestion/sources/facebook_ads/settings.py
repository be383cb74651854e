"""Meta Marketing API constants, each with its source."""

from __future__ import annotations

SOURCE = "facebook_ads"
BASE_URL = "https://graph.facebook.com"

# https://developers.facebook.com/docs/graph-api/changelog
API_VERSION = "v26.0"

CREDENTIALS = (("access_token",),)

# Figures change for 28 days for all ad sets: events may be sent late, and every answer contains the 28-day
# window. One more day because the days of reports are not UTC days.
# https://developers.facebook.com/docs/marketing-api/insights/best-practices
RESTATEMENT_DAYS = 29

# https://developers.facebook.com/docs/marketing-api/insights
RETENTION_MONTHS = 37

# Meta answers larger pages with "Please reduce the amount of data"; the limit is then halved.
PAGE_SIZE = 200
SMALLEST_PAGE_SIZE = 25
# https://developers.facebook.com/docs/graph-api/overview#multiple-ids: at most 50
IDS_PER_REQUEST = 50
SLICE_DAYS = 30

# Larger results are requested as a report at once.
# https://developers.facebook.com/docs/marketing-api/insights/best-practices#asynchronous
SYNCHRONOUS_ROWS = 5_000
# A report that is lost while it is read is read again from its start. Repeats are detected among the newest
# 50,000 rows of all parallel reports, which are four.
MOST_ROWS = 12_000
# Parallel reports and listings of one account; its limit is shared with other programs.
PER_ACCOUNT = 2
REPORT_ATTEMPTS = 2
REPORT_SECONDS = 3_600.0
FIRST_POLL_SECONDS = 1.0
LONGEST_POLL_SECONDS = 30.0

# Above this percentage of a limit, requests are delayed, by up to LONGEST_PAUSE seconds each at 100 %.
# https://developers.facebook.com/docs/graph-api/overview/rate-limiting: a limit counts the last hour
HURRIED_PERCENT = 75.0
LONGEST_PAUSE = 60.0

# 7d_view and 28d_view no longer exist: https://developers.facebook.com/docs/marketing-api/reference/ads-action-stats
ATTRIBUTION_WINDOWS = ("1d_click", "7d_click", "28d_click", "1d_view", "1d_ev")

# Listings and insights leave out archived and deleted objects unless their status is requested.
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

# https://developers.facebook.com/docs/marketing-api/guides/lead-ads/retrieving
# https://developers.facebook.com/docs/marketing-api/reference/ad-account/promote_pages
PAGE_PERMISSIONS = ("pages_show_list", "pages_manage_ads")
LEAD_PERMISSIONS = ("leads_retrieval", "pages_show_list", "pages_read_engagement", "pages_manage_ads")
# After this many refused ads of a page, the token is assumed to have no access to its leads.
REFUSED_ADS = 3
# Leads are filtered by the second they were sent and appear a little later.
LEAD_OVERLAP_DAYS = 1
