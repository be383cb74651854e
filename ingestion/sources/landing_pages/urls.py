"""Page URLs: convert the networks' final URLs to comparable and fetchable URLs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlsplit

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from ingestion.landing.resources import Landing
from ingestion.landing.store import RAW_SCHEMA, Store
from ingestion.sources.landing_pages.settings import ORIGINS, PAGE_VIEWS, PLACEHOLDER, PROBES, Origin

_TRACKING = re.compile(r"hsa_\w+|utm_\w+|gclid|gbraid|wbraid|gclsrc|fbclid|li_fat_id", re.IGNORECASE)
# Meta and LinkedIn write {{name}}, Google {name} and {name:text}
# https://www.facebook.com/business/help/2360940870872492,
# https://learn.microsoft.com/linkedin/marketing/integrations/ads-reporting/dynamic-utm-tracking,
# https://support.google.com/google-ads/answer/6305348
_DYNAMIC = re.compile(r"\{\{[^{}]*\}\}")
_VALUE_TRACK = re.compile(r"\{([^{}:]*)(?::([^{}]*))?\}")
_ENCODED_BRACE = re.compile(r"%7([BD])", re.IGNORECASE)
_NOTHING = re.compile(r"(un)?escapedlpurl.*|lpurl.*|ignore", re.IGNORECASE)
# parameters for other clicks than on a desktop search result; they are removed
_OTHER_CASE = frozenset({"ifmobile", "ifcontent"})
_DEFAULT_PORTS = {"http": 80, "https": 443}


class BadUrl(ValueError):
    """Not a valid http(s) URL; the text is the reason, without the URL."""


@dataclass(frozen=True)
class PageUrl:
    """The URLs of a page: `url` identifies it, `fetch_url` is requested, with the parameters of a click."""

    url: str
    fetch_url: str

    @property
    def host(self) -> str:
        """Return the host of the page."""
        return urlsplit(self.url).netloc


def is_tracking(name: str) -> bool:
    """Return whether a query parameter is a tracking parameter."""
    return _TRACKING.fullmatch(name) is not None


def tracking(url: str) -> dict[str, str]:
    """Return the tracking parameters of a URL."""
    query = urlsplit(url).query
    return {name: value for name, value in parse_qsl(query, keep_blank_values=True) if is_tracking(name)}


def without_tracking(url: str) -> str:
    """Return the URL without tracking parameters and fragment."""
    parts = urlsplit(url)
    return parts._replace(query=_kept(parts.query), fragment="").geturl()


def canonical(url: str) -> str:
    """Normalise a URL by RFC 3986, section 6, without fragment. Raises BadUrl."""
    try:
        parts = parse_url(url.strip())
    except LocationParseError:
        raise BadUrl("it cannot be parsed") from None
    if parts.scheme not in _DEFAULT_PORTS or not parts.host:
        raise BadUrl("it is not an http(s) URL")
    if parts.auth:
        raise BadUrl("it contains a user name")
    if parts.port == 0:
        raise BadUrl("it has no valid port")
    port = None if parts.port == _DEFAULT_PORTS[parts.scheme] else parts.port
    return parts._replace(port=port, path=parts.path or "/", fragment=None).url


def page_url(final_url: str) -> PageUrl:
    """Return the page of a final URL. Raises BadUrl.

    Templates are filled as for a click on a desktop search result, with their default, else a placeholder.
    Query parameters with a template are not part of the page's identity.
    """
    text = _ENCODED_BRACE.sub(lambda found: "{" if found[1] in "Bb" else "}", final_url.strip())
    before, _, rest = text.partition("?")
    query, _, _ = rest.partition("#")
    parameters = [item for item in query.split("&") if item]
    path = _filled(before.partition("#")[0])
    steady = canonical("?".join(filter(None, [path, "&".join(p for p in parameters if "{" not in p)])))
    asked = canonical("?".join(filter(None, [path, "&".join(map(_filled, parameters))])))
    present = tracking(asked)
    probes = "&".join(f"{name}={quote(PLACEHOLDER)}" for name in PROBES if name not in present)
    return PageUrl(without_tracking(steady), asked + ("&" if "?" in asked else "?") * bool(probes) + probes)


@dataclass(frozen=True)
class Known:
    """(Source, final URL) of the pages to fetch, the ads' first, and the hosts of those left out."""

    urls: Sequence[tuple[str, str]]
    foreign: Mapping[str, int]


def known_urls(landing: Landing, domains: Sequence[str] = ()) -> Known:
    """Return the page URLs that other sources have landed, without repeats.

    Of URLs that visitors send (form submissions, page views) only those on own domains are used: `domains`,
    else the hosts with page views, and the hosts of the ads' pages, each with its subdomains.
    """
    urls: list[tuple[str, str]] = []
    public: list[tuple[str, str]] = []
    for origin in ORIGINS:
        (public if origin.is_public else urls).extend(_landed(landing, origin))
    own = {_domain(_host_of(url)) for _, url in urls}
    own |= set(domains) or {_domain(host.lower()) for _, host in _landed(landing, PAGE_VIEWS)}
    foreign: Counter[str] = Counter()
    for source, url in public:
        host = _host_of(url)
        if _is_own(host, own):
            urls.append((source, url))
        elif host:
            foreign[host] += 1
    return Known(urls, foreign)


def _host_of(url: str) -> str:
    """Return the host of a URL in lower case; empty if it cannot be parsed."""
    try:
        return (urlsplit(url.strip()).hostname or "").rstrip(".")
    except ValueError:
        return ""


def _domain(host: str) -> str:
    return host.partition(":")[0].removeprefix("www.")


def _is_own(host: str, own: Collection[str]) -> bool:
    labels = host.split(".")
    # no domain has a single label, so a top-level domain never makes all of its hosts own ones
    return host in own or any(".".join(labels[place:]) in own for place in range(len(labels) - 1))


def _landed(landing: Landing, origin: Origin) -> list[tuple[str, str]]:
    with landing.exclusive(origin.source):
        return _read(Store(landing.store.path.parent / f"{origin.source}.duckdb"), origin)


def _read(other: Store, origin: Origin) -> list[tuple[str, str]]:
    query = "SELECT 1 FROM duckdb_tables() WHERE schema_name = ? AND table_name = ?"
    if not other.rows(query, [RAW_SCHEMA, origin.table]):
        return []
    found = other.rows(
        f"SELECT DISTINCT trim({origin.expression}) AS url FROM {origin.table}"
        f" WHERE {origin.condition} ORDER BY url"
    )
    return [(origin.source, url) for (url,) in found if url]


def _kept(query: str) -> str:
    return "&".join(item for item in query.split("&") if item and not is_tracking(item.partition("=")[0]))


def _filled(text: str) -> str:
    text = _DYNAMIC.sub(PLACEHOLDER, text)
    count = 1
    while count:
        # innermost templates first: {ifsearch:{keyword:crm}}
        text, count = _VALUE_TRACK.subn(_value, text)
    return text


def _value(found: re.Match[str]) -> str:
    name, default = found[1].strip().lower(), found[2]
    if _NOTHING.fullmatch(name) or name in _OTHER_CASE:
        return ""
    return PLACEHOLDER if default is None else default
