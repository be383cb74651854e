"""Google Ads constants, each with its source."""

from __future__ import annotations

SOURCE = "google_ads"
BASE_URL = "https://googleads.googleapis.com"
TOKEN_URL = "https://oauth2.googleapis.com/token"

# https://developers.google.com/google-ads/api/docs/sunset-dates
API_VERSION = "v26"

CREDENTIALS = (("client_id", "client_secret", "refresh_token"),)

# The longest possible click-through window: https://support.google.com/google-ads/answer/3123169
LONGEST_WINDOW_DAYS = 90
# The default window of engaged views; the API has no field for an action's own setting:
# https://support.google.com/google-ads/answer/3123169
ENGAGED_VIEW_DAYS = 3
# Conversions appear up to 15 hours late, and as-of may be on another day in the account's time zone:
# https://support.google.com/google-ads/answer/2544985
LAG_DAYS = 2
RESTATEMENT_DAYS = LONGEST_WINDOW_DAYS + LAG_DAYS

# Retention of daily figures: https://developers.google.com/google-ads/api/docs/deprecations
RETENTION_MONTHS = 37
# Retention of clicks: https://developers.google.com/google-ads/api/reference/rpc/v26/ClickView
CLICK_VIEW_DAYS = 90
# A day's clicks are usually complete at 3 a.m. of the next day:
# https://support.google.com/google-ads/answer/2544985
CLICK_LAG_DAYS = 3

# One stream per slice, so that a lost connection repeats one slice instead of the whole window
SLICE_DAYS = 31
