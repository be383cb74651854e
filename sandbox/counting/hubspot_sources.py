"""HubSpot's traffic source of a landing: the full URL first, then the referrer; first match wins.

https://knowledge.hubspot.com/reports/understand-hubspots-traffic-sources-in-the-traffic-analytics-tool
Vectors C1, C3, C6, C7, C9, C11, C13, C15, C17, C20.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qsl, urlsplit

_SOCIAL_NAMES = {"facebook", "instagram", "linkedin", "twitter", "youtube", "xing", "pinterest"}
_SOCIAL_HOSTS = (
    "facebook.com",
    "instagram.com",
    "linkedin.com",
    "twitter.com",
    "t.co",
    "youtube.com",
    "xing.com",
)
_SEARCH = re.compile(r"(^|\.)(google|bing|duckduckgo|yahoo|ecosia)\.")
_MAIL = re.compile(r"(^|\.)(mail|webmail|outlook)\.")
_PAID_WORDS = ("adword", "ppc", "cpc")
_GCLID = re.compile(r"[A-Za-z0-9_-]{20,}")


@dataclass(frozen=True, slots=True)
class Source:
    """A category of HubSpot's enumeration with its two drill-downs."""

    category: str
    data_1: str | None = None
    data_2: str | None = None


@lru_cache(1 << 14)
def ad_block(url: str) -> Mapping[str, str]:
    """The `hsa_*` parameters of the ad that a URL names; empty where it names none.

    An address can hold several sets of them, where one was pasted into an ad that HubSpot tags again. A set
    ends where a name comes again. Assumption: HubSpot takes the first set that has network, account and
    campaign, whole; what it really does is not documented.
    """
    sets: list[dict[str, str]] = [{}]
    for name, value in parse_qsl(urlsplit(url).query, keep_blank_values=True):
        if name.startswith("hsa_"):
            if name in sets[-1]:
                sets.append({})
            sets[-1][name] = value
    complete = (one for one in sets if all(one.get(name) for name in ("hsa_net", "hsa_acc", "hsa_cam")))
    return next(complete, {})


def _social(host: str) -> str | None:
    found = next((name for name in _SOCIAL_HOSTS if host == name or host.endswith(f".{name}")), None)
    return found.split(".")[0] if found else None


@lru_cache(1 << 14)
def traffic_source(url: str, referrer: str, own_domain: str) -> Source | None:
    """The source of a landing; None where the referrer is the company's own site and the URL says nothing."""
    query = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    utm_source, medium = query.get("utm_source", "").lower(), query.get("utm_medium", "").lower()
    campaign, plain = query.get("utm_campaign", ""), query.get("source", "").lower()
    host = urlsplit(referrer).hostname or ""
    social = _social(host)
    network = utm_source if utm_source in _SOCIAL_NAMES else social
    tagged = [utm_source, medium, campaign.lower()]
    keyword = query.get("utm_term") or None
    if medium == "social" and network:
        return Source("SOCIAL_MEDIA", network.capitalize(), campaign or None)
    if any(word in plain for word in _PAID_WORDS) or _GCLID.fullmatch(query.get("gclid", "")):
        return Source("PAID_SEARCH", campaign or None, keyword)
    if any(word in medium for word in ("paid", "ppc", "cpc")) and network:
        return Source("PAID_SOCIAL", network.capitalize(), campaign or None)
    if "paidsocial" in utm_source or "paidsocial" in medium:
        return Source("PAID_SOCIAL", (network or utm_source).capitalize(), campaign or None)
    if any(tagged) and re.search(r"(^|\.)google\.", host):
        return Source("PAID_SEARCH", campaign or None, keyword)
    if any(word in value for value in tagged for word in _PAID_WORDS):
        return Source("PAID_SEARCH", campaign or None, keyword)
    if any("email" in value for value in (*tagged, plain)):
        return Source("EMAIL_MARKETING", campaign or None)
    if any(tagged) or plain:
        return Source("OTHER_CAMPAIGNS", campaign or None, " / ".join(v for v in (utm_source, medium) if v))
    if social:
        return Source("SOCIAL_MEDIA", social.capitalize())
    if _MAIL.search(host):
        return Source("DIRECT_TRAFFIC")
    if _SEARCH.search(host):
        return Source("ORGANIC_SEARCH", None, host.split(".")[-2])
    if host == own_domain or host.endswith(f".{own_domain}"):
        return None
    if host:
        return Source("REFERRALS", host, referrer)
    return Source("DIRECT_TRAFFIC")
