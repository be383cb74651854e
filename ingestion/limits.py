"""Limits of time and size, with their reasons: settings (`Limit.read`), and fixed ones that modules hold.

docs/limits.py writes the table in docs/operations.md from it.
"""

from __future__ import annotations

from dataclasses import dataclass

from ingestion.config import Section


@dataclass(frozen=True)
class Limit:
    """A setting with a whole number from `lowest` to `highest` of `unit`."""

    section: str
    key: str
    default: int
    lowest: int
    highest: int
    unit: str
    about: str
    reason: str

    @property
    def name(self) -> str:
        """Return the full name of the setting."""
        return f"{self.section}.{self.key}"

    def read(self) -> int:
        """Return the configured value. Raises SettingError."""
        return Section(self.section).integer(self.key, self.default, self.lowest, self.highest)


REQUEST_SECONDS = Limit(
    "limits", "request_seconds", 600, 10, 3600, "s",
    "one request to an API, from connecting to the last byte",
    "a socket's time-out restarts with every byte, so a server that sends a byte a second would never end;"
    " Google Ads sends all rows of a query in one stream, which takes minutes for the largest accounts",
)  # fmt: skip
BODY_MEGABYTES = Limit(
    "limits", "body_megabytes", 128, 1, 1024, "MB",
    "the body of an API's answer as sent, usually compressed",
    "a stream of a million rows of Google Ads has an estimated 30 MB; four requests run at a time",
)  # fmt: skip
DECODED_MEGABYTES = Limit(
    "limits", "decoded_megabytes", 1024, 1, 8192, "MB",
    "the same body decompressed",
    "a compressed body can expand to a thousand times its size; the same stream has an estimated 600 MB",
)  # fmt: skip
PAGES = Limit(
    "limits", "pages", 100_000, 1000, 10_000_000, "pages",
    "the pages of one listing of an API",
    "a server that always returns another cursor would never end; ten million records, at 100 a page",
)  # fmt: skip
LANDING_PAGES = Limit(
    "sources.landing_pages", "pages", 1000, 1, 1_000_000, "pages",
    "landing pages checked in one refresh; new ones first, then those checked longest ago",
    "a refresh must end, however many pages ads and forms have; the other pages follow in the next refreshes",
)  # fmt: skip
LANDING_SECONDS = Limit(
    "sources.landing_pages", "seconds", 900, 1, 86_400, "s",
    "after which a refresh begins no further landing page",
    "slow servers would otherwise hold up the daily refresh for hours",
)  # fmt: skip
LIMITS = (REQUEST_SECONDS, BODY_MEGABYTES, DECODED_MEGABYTES, PAGES, LANDING_PAGES, LANDING_SECONDS)
