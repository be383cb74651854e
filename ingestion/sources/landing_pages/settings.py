"""Landing pages: settings, limits, and the tables of other sources that contain page URLs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlsplit

from ingestion import limits
from ingestion.config import Settings
from ingestion.errors import SettingError

SOURCE = "landing_pages"
# needs no credentials: the source is enabled unless `sources.landing_pages.enabled` is false
CREDENTIALS: tuple[tuple[str, ...], ...] = ()

# groups in robots.txt are matched by the product token (RFC 9309, section 2.2.1)
PRODUCT_TOKEN = "adledger"
USER_AGENT = f"{PRODUCT_TOKEN} (landing page check)"

CONCURRENCY = 8
SECONDS_BETWEEN_REQUESTS = 1.0
LONGEST_CRAWL_DELAY = 30.0
# a host is skipped after this many pages in a row without an answer
HOST_FAILURES = 2

# RFC 9309, sections 2.3.1.2 and 2.5: at least five redirects and 500 KiB
ROBOTS_REDIRECTS = 5
ROBOTS_BYTES = 500 << 10

# increase when a rule of `inspect` changes, so that pages are read again even if they are unchanged
RULES_VERSION = 1

# URL parameters of a click on an ad that HubSpot tracks (https://knowledge.hubspot.com/ads/ad-tracking-in-hubspot)
# and the networks' click ids. Sent with each request to see which of them a redirect keeps.
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
    """A table of another source with page URLs; the DuckDB SQL `expression` returns one URL per row.

    `is_public`: visitors wrote the URLs, so only those on own domains are fetched.
    """

    source: str
    table: str
    expression: str
    condition: str = "true"
    is_public: bool = False


def _each(*lists: str) -> str:
    """Return SQL for the texts of JSON lists, one per row."""
    read = (f"from_json({name}, '[\"VARCHAR\"]')" for name in lists)
    return f"unnest(list_concat({', '.join(read)}))"


# ads may have a separate page for mobile devices
_GOOGLE = _each("final_urls", "final_mobile_urls")
ORIGINS = (
    Origin("google_ads", "ads", _GOOGLE),
    Origin("google_ads", "asset_groups", _GOOGLE),
    # a lead ad opens its form, even if it has a URL
    Origin("facebook_ads", "ad_creatives", _each("urls"), "NOT is_lead_form"),
    Origin("linkedin_ads", "creatives", _each("urls"), "lead_form_id IS NULL"),
    # pages that ad clicks landed on, for ads without a known URL; the visitor's query string is removed
    Origin(
        "hubspot",
        "page_view_events",
        "split_part(hs_url, '?', 1)",
        "hs_url LIKE '%hsa_cam=%'",
        is_public=True,
    ),
    # pages with forms: without tracking code their submissions are untracked; blog comments are on every post
    Origin(
        "hubspot",
        "form_submissions",
        "split_part(page_url, '?', 1)",
        "page_url LIKE 'http%' AND form_id NOT IN (SELECT id FROM forms WHERE form_type = 'blog_comment')",
        is_public=True,
    ),
)
#: Hosts of the site: those with page views, unless `sources.hubspot.domains` lists them.
PAGE_VIEWS = Origin("hubspot", "page_view_events", "split_part(split_part(hs_url, '://', 2), '/', 1)")


@dataclass(frozen=True)
class Caps:
    """Limits for fetching one page: seconds, decoded bytes, redirects.

    `total` limits the seconds of all requests, with redirects and retries, without waiting for the rate
    limit.
    """

    connect: float = 5.0
    read: float = 10.0
    total: float = 20.0
    size: int = 5 << 20
    redirects: int = 10


@dataclass(frozen=True)
class Access:
    """Allowed request targets and pace. `host_overrides` maps a host to the base URL it is fetched from."""

    allow_private_networks: bool = False
    host_overrides: Mapping[str, str] = field(default_factory=dict)
    seconds_between_requests: float = SECONDS_BETWEEN_REQUESTS


@dataclass(frozen=True)
class Share:
    """Limits of one load: pages, and seconds after which no further page is begun."""

    pages: int
    seconds: int


def share() -> Share:
    """Return the configured limits of a load. Raises SettingError for an invalid value."""
    return Share(limits.LANDING_PAGES.read(), limits.LANDING_SECONDS.read())


def own_domains() -> tuple[str, ...]:
    """Return the configured domains of the site. Raises SettingError for an invalid value."""
    return Settings("hubspot").hosts("domains")


def is_enabled() -> bool:
    """Return whether landing pages are fetched: true unless `enabled` is false. Raises SettingError."""
    return _flag("enabled", default=True)


def access() -> Access:
    """Return the configured access. Raises SettingError for an invalid value."""
    settings = Settings(SOURCE)
    pause = settings.get("seconds_between_requests")
    try:
        seconds = SECONDS_BETWEEN_REQUESTS if pause is None else float(pause)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise SettingError(
            f"{settings.name('seconds_between_requests')} is not a number of seconds: set it like 1"
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
                f"{settings.name('host_overrides')}: the base URL of {host} is not an http(s) URL"
            )
    return found
