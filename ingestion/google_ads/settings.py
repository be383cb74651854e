"""Google Ads constants, each with its source."""

from __future__ import annotations

SOURCE = "google_ads"
BASE_URL = "https://googleads.googleapis.com"
TOKEN_URL = "https://oauth2.googleapis.com/token"

# https://developers.google.com/google-ads/api/docs/sunset-dates
API_VERSION = "v26"

CREDENTIALS = (("client_id", "client_secret", "refresh_token"),)

# Conversions are restated for up to the longest click-through window, 90 days, and settle within two more.
# https://developers.google.com/google-ads/api/docs/conversions/reporting
RESTATEMENT_DAYS = 92

# One stream per slice: a cut connection costs one slice, not the window
SLICE_DAYS = 31
