"""Google Ads constants, each with its source."""

from __future__ import annotations

SOURCE = "google_ads"
BASE_URL = "https://googleads.googleapis.com"
TOKEN_URL = "https://oauth2.googleapis.com/token"

# https://developers.google.com/google-ads/api/docs/sunset-dates
API_VERSION = "v26"

CREDENTIALS = (("client_id", "client_secret", "refresh_token"),)

# The longest click-through window there is: https://support.google.com/google-ads/answer/3123169
LONGEST_WINDOW_DAYS = 90
# How long an engaged view earns a conversion by default; no field tells what an action's own setting is:
# https://support.google.com/google-ads/answer/3123169
ENGAGED_VIEW_DAYS = 3
# Conversions show up to 15 hours late, and the day of as-of is not the account's:
# https://support.google.com/google-ads/answer/2544985
LAG_DAYS = 2
RESTATEMENT_DAYS = LONGEST_WINDOW_DAYS + LAG_DAYS

# Figures of days are kept this long: https://developers.google.com/google-ads/api/docs/deprecations
RETENTION_MONTHS = 37
# Clicks are kept this long: https://developers.google.com/google-ads/api/reference/rpc/v26/ClickView
CLICK_VIEW_DAYS = 90
# A day's clicks are complete at 3 a.m. of the next, as a rule:
# https://support.google.com/google-ads/answer/2544985
CLICK_LAG_DAYS = 3

# One stream per slice: a cut connection costs one slice, not the window
SLICE_DAYS = 31
