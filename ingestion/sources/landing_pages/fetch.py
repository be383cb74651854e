"""Fetch one page over HTTP within limits: robots.txt, pacing, size and time caps, single redirects.

Connections are opened to the IP address that was checked; the host name is used for TLS and the Host header
only. So a second DNS answer between check and connection has no effect. No proxy is used, because a proxy
would resolve the name itself.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any, Literal
from urllib.parse import urljoin, urlsplit

import urllib3
from protego import Protego
from urllib3.connection import HTTPConnection, HTTPSConnection

from ingestion.errors import redact
from ingestion.http.faults import retry_after
from ingestion.http.pacing import Limit, Pacer
from ingestion.sources.landing_pages.settings import (
    HOST_FAILURES,
    LONGEST_CRAWL_DELAY,
    PRODUCT_TOKEN,
    ROBOTS_BYTES,
    ROBOTS_REDIRECTS,
    USER_AGENT,
    Access,
    Caps,
)
from ingestion.sources.landing_pages.urls import BadUrl, canonical, tracking, without_tracking

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Sequence[str]]
"""Resolves a host name to IP addresses, as text. Raises OSError."""
Trouble = Literal[
    "bad_address",
    "private_address",
    "robots_disallowed",
    "robots_unreachable",
    "host_unreachable",
    "name_not_resolved",
    "unreachable",
    "certificate",
    "timeout",
    "bad_response",
    "redirect_loop",
    "too_many_redirects",
    "http_status",
    "too_large",
    "not_html",
]

_HEADERS = {
    "User-Agent": USER_AGENT,
    "Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.1",
    "Accept-Encoding": "gzip, deflate",
    "Connection": "close",
}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_WORTH_ANOTHER = frozenset({429, 502, 503, 504})
_ATTEMPTS = 2
_LONGEST_RETRY_WAIT = 5.0
_PIECE = 1 << 16
_ADDRESSES = 2
_NO_ANSWER = frozenset({"timeout", "unreachable", "name_not_resolved"})
# Blocks without public web servers. A list of its own, because that of Python's ipaddress differs by version.
# https://www.iana.org/assignments/iana-ipv4-special-registry and …/multicast-addresses
_RESERVED_V4 = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private use
        "100.64.0.0/10",  # shared by customers of a provider
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local, with the metadata services of clouds
        "172.16.0.0/12",  # private use
        "192.0.0.0/24",  # IETF protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relay anycast, deprecated
        "192.168.0.0/16",  # private use
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
# RFC 4291: global unicast addresses; all others are reserved, local or multicast
_GLOBAL_UNICAST = IPv6Network("2000::/3")
# https://www.iana.org/assignments/iana-ipv6-special-registry, the blocks within 2000::/3
_RESERVED_V6 = tuple(
    IPv6Network(block)
    for block in (
        "2001::/23",  # IETF protocol assignments, with Teredo, benchmarking and ORCHID
        "2001:db8::/32",  # documentation
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
# RFC 6052: IPv4 addresses behind a translator
_TRANSLATED = IPv6Network("64:ff9b::/96")
# https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16: a platform's own service
_PLATFORM = frozenset({IPv4Address("168.63.129.16")})


def is_public(address: Address) -> bool:
    """Return whether an IP address may belong to a public web server (IANA's special-purpose registries).

    Addresses that contain an IPv4 address (mapped, 6to4, NAT64) are judged by that address.
    """
    if isinstance(address, IPv4Address):
        return address not in _PLATFORM and not any(address in block for block in _RESERVED_V4)
    inner = address.ipv4_mapped or address.sixtofour
    if address in _TRANSLATED:
        inner = IPv4Address(int(address) & 0xFFFFFFFF)
    if inner is not None:
        return is_public(inner)
    return address in _GLOBAL_UNICAST and not any(address in block for block in _RESERVED_V6)


def resolve(host: str, port: int) -> list[str]:
    """Resolve a host name with the operating system; it accepts octal and decimal IP addresses, too."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True)
class Validators:
    """ETag and Last-Modified of the page's last answer, for a conditional request (RFC 9110, 13.1)."""

    final_url: str
    etag: str | None = None
    last_modified: str | None = None

    def headers(self) -> dict[str, str]:
        """Return the headers of the request."""
        headers = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in headers.items() if value}


@dataclass(frozen=True)
class Step:
    """One redirect. `kept` are the unchanged tracking parameters, `dropped` the changed or missing ones."""

    kind: Literal["redirect", "refresh"]
    status: int
    source: str
    target: str
    kept: tuple[str, ...]
    dropped: tuple[str, ...]


@dataclass(frozen=True)
class Fetched:
    """A fetched page. `body` is decoded, up to the cap; `final_url` has no tracking parameters.

    `asked` are the tracking parameters of the first request, `arrived` those of the last. `robots_allowed` is
    None if robots.txt could not be fetched.
    """

    status: int | None = None
    final_url: str | None = None
    steps: tuple[Step, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    is_whole: bool = True
    not_modified: bool = False
    robots_allowed: bool | None = None
    asked: Mapping[str, str] = field(default_factory=dict)
    arrived: Mapping[str, str] = field(default_factory=dict)
    error: Trouble | None = None
    detail: str | None = None


class Failure(Exception):
    """A request without a usable answer."""

    def __init__(self, error: Trouble, detail: str = "") -> None:
        super().__init__(detail)
        self.error: Trouble = error


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes
    is_whole: bool


@dataclass
class _Budget:
    """The seconds left for a page; only time during requests counts."""

    seconds: float
    clock: Callable[[], float]

    @contextmanager
    def spending(self) -> Iterator[None]:
        """Subtract the run time of the `with` body."""
        began = self.clock()
        try:
            yield
        finally:
            self.seconds -= self.clock() - began


@dataclass
class _Robots:
    """The robots.txt rules of one origin. If unknown, nothing is allowed (RFC 9309, 2.3.1.4); see `error`."""

    rules: Protego | None
    error: Trouble = "robots_disallowed"

    def allows(self, url: str) -> bool:
        return self.rules is not None and self.rules.can_fetch(url, PRODUCT_TOKEN)


class Fetcher:
    """Fetches pages. Safe for several threads if each fetches other hosts.

    `requests` counts outcomes. `resolve`, `clock` and `sleep` are replaced in tests.
    """

    def __init__(
        self,
        access: Access,
        caps: Caps | None = None,
        *,
        requests: Counter[str] | None = None,
        resolve: Resolve = resolve,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.access, self.caps = access, caps or Caps()
        self.requests = requests if requests is not None else Counter()
        self._resolve, self._clock, self._sleep = resolve, clock, sleep
        self._lock = threading.Lock()
        self._robots: dict[str, _Robots] = {}
        self._pacers: dict[str, Pacer] = {}
        self._failures: Counter[str] = Counter()
        self._names = ThreadPoolExecutor(8, thread_name_prefix="name")
        self._tls = ssl.create_default_context()

    def close(self) -> None:
        """Cancel pending name lookups."""
        self._names.shutdown(wait=False, cancel_futures=True)

    def get(self, url: str, fallback: str | None = None, known: Validators | None = None) -> Fetched:
        """Fetch the page at `url` and follow redirects. Never raises because of a server's behaviour.

        If robots.txt forbids `url` but allows `fallback`, `fallback` is fetched instead.
        """
        budget = _Budget(self.caps.total, self._clock)
        steps: list[Step] = []
        seen: set[str] = set()
        asked = tracking(url)
        robots_allowed: bool | None = None
        answer: _Answer | None = None

        def result(error: Trouble | None = None, detail: str | None = None) -> Fetched:
            return Fetched(
                status=answer.status if answer else None,
                final_url=shown(url),
                steps=tuple(steps),
                headers=answer.headers if answer else {},
                body=answer.body if answer else b"",
                is_whole=answer.is_whole if answer else True,
                not_modified=answer is not None and answer.status == 304,
                robots_allowed=robots_allowed,
                asked=asked,
                arrived=tracking(url),
                error=error,
                detail=redact(detail) if detail else None,
            )

        try:
            url = canonical(url)
            while True:
                seen.add(url)
                robots = self._robots_of(url)
                if not robots.allows(url) and fallback and not steps and robots.allows(fallback):
                    url = canonical(fallback)
                    asked, fallback = tracking(url), None
                    continue
                robots_allowed = None if robots.rules is None else robots.allows(url)
                if not robots_allowed:
                    answer = None
                    return result(robots.error)
                conditional = known.headers() if known and known.final_url == shown(url) else {}
                answer = self._ask(url, budget, conditional, self.caps.size)
                location = answer.headers.get("location")
                if answer.status not in _REDIRECTS or not location:
                    break
                target = canonical(urljoin(url, self._public_url(location)))
                steps.append(step("redirect", answer.status, url, target))
                url = target
                if url in seen:
                    return result("redirect_loop")
                if len(steps) >= self.caps.redirects:
                    return result("too_many_redirects")
        except ValueError as bad:
            return result("bad_address", str(bad) if isinstance(bad, BadUrl) else "it cannot be parsed")
        except Failure as failure:
            answer = None
            return result(failure.error, str(failure))
        if answer.status != 304 and not 200 <= answer.status < 300:
            return result("http_status", str(answer.status))
        return result(None if answer.is_whole else "too_large")

    # -- robots.txt ---------------------------------------------------------------------------------------

    def _robots_of(self, url: str) -> _Robots:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        with self._lock:
            known = self._robots.get(origin)
        if known is None:
            known = self._read_robots(origin)
            with self._lock:
                self._robots[origin] = known
        return known

    def _read_robots(self, origin: str) -> _Robots:
        budget = _Budget(self.caps.total, self._clock)
        url = f"{origin}/robots.txt"
        try:
            for _ in range(ROBOTS_REDIRECTS + 1):
                answer = self._ask(url, budget, {}, ROBOTS_BYTES)
                location = answer.headers.get("location")
                if answer.status not in _REDIRECTS or not location:
                    break
                url = canonical(urljoin(url, self._public_url(location)))
        except Failure as failure:
            if failure.error in ("private_address", "host_unreachable", "name_not_resolved"):
                raise
            return _Robots(None, failure.error)
        except ValueError:
            return _Robots(Protego.parse(""))
        if answer.status >= 500 or answer.status == 429:
            return _Robots(None, "robots_unreachable")
        text = answer.body.decode("utf-8", "replace") if 200 <= answer.status < 300 else ""
        rules = Protego.parse(text)
        delay = rules.crawl_delay(PRODUCT_TOKEN)
        if delay and delay > self.access.seconds_between_requests:
            self._pacer(origin).adopt(Limit(1, min(float(delay), LONGEST_CRAWL_DELAY)))
        return _Robots(rules)

    # -- one request --------------------------------------------------------------------------------------

    def _pacer(self, url: str) -> Pacer:
        host = urlsplit(url).hostname or ""
        pause = self.access.seconds_between_requests
        with self._lock:
            if host not in self._pacers:
                limit = Limit(1, pause) if pause else None
                self._pacers[host] = Pacer(limit, self._clock, self._sleep)
            return self._pacers[host]

    def _ask(self, url: str, budget: _Budget, headers: Mapping[str, str], size: int) -> _Answer:
        host = urlsplit(url).netloc
        for attempt in range(1, _ATTEMPTS + 1):
            last = attempt == _ATTEMPTS
            if self._failures[host] >= HOST_FAILURES:
                raise Failure("host_unreachable", "the host did not answer earlier requests")
            try:
                with self._pacer(url).turn(), budget.spending():
                    answer = self._send(url, budget.seconds, headers, size)
            except Failure as failure:
                # only an unreachable host is retried: other errors repeat or have used up the time
                last = last or failure.error != "unreachable" or budget.seconds <= 0
                self._note(host, failure.error, last)
                if last:
                    raise
                wait = 0.5
            else:
                self._note(host, None, last)
                if last or answer.status not in _WORTH_ANOTHER:
                    return answer
                requested_wait = retry_after(answer.headers)
                if (requested_wait or 0) > _LONGEST_RETRY_WAIT:
                    return answer
                wait = requested_wait or 0.5
            self._sleep(wait)
        raise AssertionError("unreachable")

    def _note(self, host: str, error: Trouble | None, last: bool) -> None:
        with self._lock:
            self.requests[error or "ok"] += 1
            if error not in _NO_ANSWER:
                self._failures[host] = 0
            elif last:
                self._failures[host] += 1

    def _send(self, url: str, seconds: float, headers: Mapping[str, str], size: int) -> _Answer:
        began = self._clock()
        parts = urlsplit(self._fetched_from(url))
        port = parts.port or (443 if parts.scheme == "https" else 80)
        host = (parts.hostname or "").rstrip(".")
        addresses = self._checked(host, port, seconds)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        for place, found in enumerate(addresses, start=1):
            left = seconds - (self._clock() - began)
            if left <= 0:
                raise Failure("timeout", "the page's time is up")
            connection = self._connection(parts.scheme, str(found), port, host, min(self.caps.connect, left))
            try:
                return self._exchange(
                    connection, target, {"Host": parts.netloc, **_HEADERS, **headers}, left, size
                )
            except _NotConnected as refused:
                if place == len(addresses):
                    raise refused.failure from None
            finally:
                connection.close()
        raise AssertionError("unreachable")

    def _checked(self, host: str, port: int, seconds: float) -> list[Address]:
        """Return the IP addresses to connect to. Raises Failure if one of them is not public."""
        try:
            names = self._names.submit(self._resolve, host, port).result(max(0.0, seconds))
            found = [ip_address(name.partition("%")[0]) for name in names]
        except FutureTimeout:
            raise Failure("timeout", "the name server does not answer") from None
        except (OSError, ValueError) as error:
            raise Failure("name_not_resolved", type(error).__name__) from None
        if not found:
            raise Failure("name_not_resolved", "no address")
        if not self.access.allow_private_networks and not all(map(is_public, found)):
            raise Failure("private_address", "set sources.landing_pages.allow_private_networks to fetch it")
        return sorted(found, key=lambda address: address.version)[:_ADDRESSES]

    def _connection(
        self, scheme: str, address: str, port: int, host: str, seconds: float
    ) -> HTTPConnection | HTTPSConnection:
        if scheme == "http":
            return HTTPConnection(address, port, timeout=seconds)
        return HTTPSConnection(address, port, timeout=seconds, server_hostname=host, ssl_context=self._tls)

    def _exchange(
        self,
        connection: HTTPConnection | HTTPSConnection,
        target: str,
        headers: Mapping[str, str],
        seconds: float,
        size: int,
    ) -> _Answer:
        deadline = self._clock() + seconds
        is_over = threading.Event()
        try:
            connection.connect()
        except (OSError, urllib3.exceptions.HTTPError) as error:
            raise _NotConnected(_connection_failure(error)) from None
        sock: Any = connection.sock
        # a socket's timeout restarts with every byte, so a slow server needs a deadline
        cut = threading.Timer(max(0.0, deadline - self._clock()), _shut, (sock, is_over))
        cut.daemon = True
        cut.start()
        try:
            connection.timeout = max(0.01, min(self.caps.read, deadline - self._clock()))
            sock.settimeout(connection.timeout)
            connection.request("GET", target, headers=dict(headers), preload_content=False)
            answer = connection.getresponse()
            pieces: list[bytes] = []
            held = 0
            while piece := answer.read1(_PIECE, decode_content=True):
                pieces.append(piece)
                held += len(piece)
                if held > size or answer.tell() > size:
                    break
            body = b"".join(pieces)
            if is_over.is_set():
                raise Failure("timeout", "no complete answer")
        except (OSError, ValueError, HTTPException, urllib3.exceptions.HTTPError) as error:
            # a socket that was shut at the deadline can raise different errors
            if is_over.is_set() or isinstance(error, TimeoutError | urllib3.exceptions.TimeoutError):
                raise Failure("timeout", "no complete answer") from None
            lost = isinstance(error, OSError | urllib3.exceptions.ProtocolError)
            raise Failure("unreachable" if lost else "bad_response", type(error).__name__) from None
        finally:
            cut.cancel()
        return _Answer(answer.status, answer.headers, body[:size], len(body) <= size)

    # -- overrides ----------------------------------------------------------------------------------------

    def _fetched_from(self, url: str) -> str:
        parts = urlsplit(url)
        base = self.access.host_overrides.get(parts.netloc) or self.access.host_overrides.get(
            parts.hostname or ""
        )
        return url if base is None else base + parts.path + (f"?{parts.query}" if parts.query else "")

    def _public_url(self, location: str) -> str:
        """Return a redirect target with the public host in place of its override."""
        for host, base in self.access.host_overrides.items():
            if location == base or location.startswith((base + "/", base + "?")):
                return f"https://{host}{location[len(base) :] or '/'}"
        return location


class _NotConnected(Exception):
    """No connection to this IP address; another address of the host may work."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(str(failure))
        self.failure = failure


def shown(url: str) -> str:
    """Return a URL for storage, without tracking parameters and e-mail addresses."""
    return redact(without_tracking(url))


def step(kind: Literal["redirect", "refresh"], status: int, source: str, target: str) -> Step:
    """Return the redirect between two URLs."""
    before, after = tracking(source), tracking(target)
    kept = tuple(name for name, value in before.items() if after.get(name) == value)
    dropped = tuple(name for name in before if name not in kept)
    return Step(kind, status, shown(source), shown(target), kept, dropped)


def _shut(sock: socket.socket, is_over: threading.Event) -> None:
    is_over.set()
    try:
        # shut the plain socket, because TLS would wait for a closing handshake
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
    except OSError:
        return


def _connection_failure(error: Exception) -> Failure:
    causes = [error, error.__cause__, error.__context__, *error.args]
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return Failure("certificate", "the certificate is not valid for this host")
    # urllib3's NewConnectionError is a subclass of its timeout error
    refused = isinstance(error, urllib3.exceptions.NewConnectionError)
    timeouts = (TimeoutError, urllib3.exceptions.ConnectTimeoutError)
    if not refused and any(isinstance(cause, timeouts) for cause in causes):
        return Failure("timeout", "no connection")
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return Failure("certificate", "TLS could not be agreed on")
    return Failure("unreachable", type(error).__name__)
