"""Landing pages: settings, caps, and the tables in which other sources land final URLs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlsplit

from ingestion.config import Settings
from ingestion.errors import SettingError

SOURCE = "landing_pages"
# no secret: the source is on unless `sources.landing_pages.enabled` says otherwise
CREDENTIALS: tuple[tuple[str, ...], ...] = ()

# the product token is what robots.txt groups are matched by (RFC 9309, section 2.2.1)
PRODUCT_TOKEN = "adledger"
USER_AGENT = f"{PRODUCT_TOKEN} (landing page check)"

CONCURRENCY = 4
SECONDS_BETWEEN_REQUESTS = 1.0
LONGEST_CRAWL_DELAY = 30.0
# pages of a host that are still asked for after it failed to answer that often in a row
HOST_FAILURES = 2

# RFC 9309, sections 2.3.1.2 and 2.5: five redirects, and 500 KiB that must be parsed
ROBOTS_REDIRECTS = 5
ROBOTS_BYTES = 500 << 10

# raised when a rule of `inspect` changes: a page that the server calls unchanged is then read again
RULES_VERSION = 1

# What a click on an ad that HubSpot tracks carries (https://knowledge.hubspot.com/ads/ad-tracking-in-hubspot),
# and the networks' click ids. Asked along, so that a redirect shows what it keeps.
PROBES = (
    "hsa_acc",
    "hsa_cam",
    "hsa_grp",
    "hsa_ad",
    "hsa_net",
    "hsa_ver",
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "gclid",
    "fbclid",
    "li_fat_id",
)
PLACEHOLDER = "adledger"
USER = "user"


class Origin(NamedTuple):
    """Where a source lands final URLs: `expression` gives them as text, one per row, in DuckDB's SQL."""

    source: str
    table: str
    expression: str
    condition: str = "true"


def _each(*lists: str) -> str:
    """SQL: the texts of JSON lists, one per row."""
    read = (f"from_json({name}, '[\"VARCHAR\"]')" for name in lists)
    return f"unnest(list_concat({', '.join(read)}))"


# an advertiser may send phones to a page of their own
_GOOGLE = _each("final_urls", "final_mobile_urls")
ORIGINS = (
    Origin("google_ads", "ads", _GOOGLE),
    Origin("google_ads", "asset_groups", _GOOGLE),
    # a lead ad opens its form, whatever address it carries
    Origin("facebook_ads", "ad_creatives", _each("urls"), "NOT is_lead_form"),
    Origin("linkedin_ads", "creatives", _each("urls"), "lead_form_id IS NULL"),
    # pages that ad clicks landed on, for ads whose network does not tell; a visitor's own query is not ours
    Origin("hubspot", "page_view_events", "split_part(hs_url, '?', 1)", "hs_url LIKE '%hsa_cam=%'"),
    # where forms stand: a page without tracking code leaves untracked submissions; comments are on every post
    Origin(
        "hubspot",
        "form_submissions",
        "split_part(page_url, '?', 1)",
        "page_url LIKE 'http%' AND form_id NOT IN (SELECT id FROM forms WHERE form_type = 'blog_comment')",
    ),
)


@dataclass(frozen=True)
class Caps:
    """What one page may cost at most: seconds, decoded bytes, redirects.

    `total` counts the seconds under way, redirects and retries included, not those spent waiting for a turn.
    """

    connect: float = 5.0
    read: float = 10.0
    total: float = 20.0
    size: int = 5 << 20
    redirects: int = 10


@dataclass(frozen=True)
class Access:
    """Where requests may go, and how often. `host_overrides`: host to the base URL it is fetched from."""

    allow_private_networks: bool = False
    host_overrides: Mapping[str, str] = field(default_factory=dict)
    seconds_between_requests: float = SECONDS_BETWEEN_REQUESTS


def is_enabled() -> bool:
    """Whether landing pages are fetched at all; yes unless `enabled` is false. Raises SettingError."""
    return _flag("enabled", default=True)


def access() -> Access:
    """The configured access. Raises SettingError for a value that is not of its kind."""
    settings = Settings(SOURCE)
    pause = settings.get("seconds_between_requests")
    try:
        seconds = SECONDS_BETWEEN_REQUESTS if pause is None else float(pause)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise SettingError(
            f"{settings.name('seconds_between_requests')} is no number of seconds: set it like 1"
        )
    return Access(_flag("allow_private_networks", default=False), _overrides(), seconds)


def _flag(key: str, *, default: bool) -> bool:
    settings = Settings(SOURCE)
    value = (settings.get(key) or str(default)).lower()
    if value not in ("true", "false", "1", "0", "yes", "no"):
        raise SettingError(f"{settings.name(key)} is neither true nor false")
    return value in ("true", "1", "yes")


def _overrides() -> dict[str, str]:
    settings = Settings(SOURCE)
    value = settings.table("host_overrides", '{"www.example.com": "http://127.0.0.1:8000"}')
    found = {str(host).lower(): str(base).rstrip("/") for host, base in value.items()}
    for host, base in found.items():
        parts = urlsplit(base)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise SettingError(
                f"{settings.name('host_overrides')}: what {host} is fetched from is no http(s) address"
            )
    return found
