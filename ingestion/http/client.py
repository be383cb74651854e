"""The HTTP client of all sources: retries, tokens, rate limits, redaction.

A vendor's judge (`faults.py`) turns a failed answer into a `Fault`; the client decides whether to retry.
"""

from __future__ import annotations

import queue
import random
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar
from urllib.parse import urlencode, urlsplit

import orjson
import tenacity
import urllib3

from ingestion.errors import (
    AccessError,
    CertificateError,
    IngestionError,
    LimitSpent,
    ResponseError,
    UnreachableError,
    redact,
)
from ingestion.http import bodies
from ingestion.http.bounded import Reply, Sender, TooLarge, TooSlow
from ingestion.http.clock import vendor_time
from ingestion.http.faults import Fault, RequestFault
from ingestion.http.pacing import Limit, Pacer
from ingestion.limits import REQUEST_SECONDS

T = TypeVar("T")

_HEADERS = {"Accept": "application/json", "Accept-Encoding": "gzip, deflate", "User-Agent": "adledger"}
_ATTEMPTS = {"unreachable": 3, "response": 3, "transient": 5, "throttled": 8, "slow": 2}
_FIRST_WAIT = {"unreachable": 0.3, "response": 0.3, "transient": 0.5, "throttled": 2.0, "slow": 0.5}
_LONGEST_WAIT = 60.0
_LONGEST_HINT = 900.0
_CONCURRENCY = 4
_ANY = "any"


class Token(Protocol):
    """Authorises requests. `setting` is the setting that errors refer to."""

    setting: str

    def value(self) -> str:
        """Return the current access token."""

    def renew(self, refused: str) -> bool:
        """Replace the refused token; return False if that is not possible."""

    def secrets(self) -> tuple[str, ...]:
        """Return values that must never be shown."""


Send = Callable[[str, str, Mapping[str, str], bytes | None], Reply]
"""Sends a request with method, URL, headers and body. Raises urllib3's HTTPError."""


@dataclass(frozen=True)
class Answer:
    """A successful response: its body, and the document that `decode` returned.

    In the body, null and a mark replace values that cannot be read (`bodies.py`).
    """

    body: bytes
    document: Any
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Policy:
    """Request rules of one vendor. `judge` classifies every answer by status, headers and parsed body.

    `lane` maps a path to the rate limit that it counts against, `limits` are the initial limits by lane, and
    `learn` reads a lane's limit from the headers of an answer. `concurrency` is the number of parallel
    requests.
    """

    source: str
    judge: Callable[[int, Mapping[str, str], Any], Fault | None]
    authorize: Callable[[str], Mapping[str, str]] = lambda token: {"Authorization": f"Bearer {token}"}
    lane: Callable[[str], str] = lambda path: _ANY
    limits: Mapping[str, Limit] = field(default_factory=dict)
    learn: Callable[[Mapping[str, str]], Limit | None] = lambda headers: None
    concurrency: int = _CONCURRENCY


@dataclass
class _Failed(Exception):
    """One failed attempt; `stage` decides the number of retries and the waiting time."""

    stage: str
    detail: str
    status: int = 0
    wait: float | None = None
    fault: Fault | None = None

    @property
    def is_too_long(self) -> bool:
        """Return whether the vendor asks for a longer pause than a run allows."""
        return self.wait is not None and self.wait > _LONGEST_HINT


@dataclass(frozen=True)
class _Request:
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None
    decode: Callable[[bytes], Any]


def _decoded(body: bytes, decode: Callable[[bytes], Any]) -> tuple[bytes, Any]:
    """Return a body without unreadable values, and its document. Raises ValueError if it is not JSON."""
    if not body:
        return body, None
    try:
        return body, decode(body)
    except (ValueError, RecursionError):
        body = bodies.mended(body)
        return body, decode(body)


def _certificate_fault(error: BaseException) -> str:
    """Return OpenSSL's reason for refusing a connection."""
    causes = [error, error.__cause__, error.__context__, *error.args]
    found = next((cause for cause in causes if isinstance(cause, ssl.SSLError)), None)
    verified = getattr(found, "verify_message", "")
    return str(verified or getattr(found, "reason", "") or type(error).__name__).lower().replace("_", " ")


@dataclass
class Client:
    """Sends requests to one vendor's API at `base_url`.

    Raises AccessError for a refused token, UnreachableError if the server cannot be reached or keeps failing
    (LimitSpent if a rate limit outlasts the run), ResponseError if an answer is not JSON, and RequestFault
    for errors that only the caller can explain. `send` and `clock` are replaced in tests. `check` is called
    before each request, `dated` with the vendor's time of the first answer that has one; they and `sleep` may
    raise to end a load.
    """

    policy: Policy
    base_url: str
    token: Token | None = None
    base_setting: str = "base_url"
    send: Send | None = None
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    notify: Callable[[str], None] = lambda _line: None
    check: Callable[[], None] = lambda: None
    dated: Callable[[Client, datetime], None] = lambda client, vendor: None
    requests: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._pacers: dict[str, Pacer] = {}
        self._lock = threading.Lock()
        self._is_dated = False
        parts = urlsplit(self.base_url)
        self._sender = Sender(parts.scheme, parts.hostname or "", self.policy.concurrency)

    def close(self) -> None:
        """Close the connections."""
        self._sender.close()

    @property
    def setting(self) -> str:
        """Return the name of the setting with the URL that requests go to."""
        return f"sources.{self.policy.source}.{self.base_setting}"

    def secrets(self) -> tuple[str, ...]:
        """Return values that must never be shown."""
        return self.token.secrets() if self.token else ()

    def error(self, kind: type[IngestionError], message: str) -> IngestionError:
        """Return an error of this client, redacted."""
        return kind(message, secrets=self.secrets())

    def get(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        decode: Callable[[bytes], Any] = bodies.strict,
    ) -> Answer:
        """GET `path`, relative to the base URL; it may already contain an encoded query.

        `decode` parses the body into the answer's document; it raises ValueError for a body that is not JSON.
        """
        if params:
            path = f"{path}{'&' if '?' in path else '?'}{urlencode(params)}"
        return self._send("GET", path, headers=headers, decode=decode)

    def post(
        self,
        path: str,
        json: Any,
        headers: Mapping[str, str] | None = None,
        decode: Callable[[bytes], Any] = bodies.strict,
    ) -> Answer:
        """POST a JSON body that changes nothing at the vendor, so that it is retried like a GET."""
        typed = {"Content-Type": "application/json", **(headers or {})}
        return self._send("POST", path, body=orjson.dumps(json), headers=typed, decode=decode)

    def get_tunnelled(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """GET `path` with its query in the body of a POST, for URLs that are too long."""
        path, _, query = path.partition("?")
        override = {"X-HTTP-Method-Override": "GET", "Content-Type": "application/x-www-form-urlencoded"}
        return self._send("POST", path, body=query.encode(), headers={**override, **(headers or {})})

    def post_form(self, path: str, form: Mapping[str, str]) -> Answer:
        """POST a form without authorisation, for token endpoints."""
        typed = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._send("POST", path, body=urlencode(form).encode(), headers=typed, authorize=False)

    def _send(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        decode: Callable[[bytes], Any] = bodies.strict,
        authorize: bool = True,
    ) -> Answer:
        url = path if path.startswith("http") else self.base_url + path
        request = _Request(method, url, {**_HEADERS, **(headers or {})}, body, decode)
        pacer = self._pacer(self.policy.lane(path.partition("?")[0]))

        def before_sleep(state: tenacity.RetryCallState) -> None:
            self._announce(state, pacer)

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(self._worth_another),
            stop=self._is_spent,
            wait=self._wait,
            sleep=self.sleep,
            before_sleep=before_sleep,
            reraise=True,
        )
        try:
            return retrying(self._attempt, pacer, request, authorize)
        except _Failed as failed:
            raise self._explain(failed, authorize) from None

    def _worth_another(self, error: BaseException) -> bool:
        if not isinstance(error, _Failed) or error.stage not in _ATTEMPTS:
            return False
        return not (error.fault and error.fault.hopeless)

    def _is_spent(self, state: tenacity.RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        assert isinstance(error, _Failed)
        return error.is_too_long or state.attempt_number >= _ATTEMPTS[error.stage]

    def _wait(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        assert isinstance(error, _Failed)
        if error.wait is not None:
            return error.wait + random.uniform(0, 0.2)
        ceiling = min(_LONGEST_WAIT, _FIRST_WAIT[error.stage] * 2 ** (state.attempt_number - 1))
        return random.uniform(ceiling / 2, ceiling)

    def _pacer(self, lane: str) -> Pacer:
        with self._lock:
            if lane not in self._pacers:
                self._pacers[lane] = Pacer(self.policy.limits.get(lane), self.clock, self.sleep)
            return self._pacers[lane]

    def _announce(self, state: tenacity.RetryCallState, pacer: Pacer) -> None:
        pause = state.next_action.sleep if state.next_action else 0.0
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, _Failed) and error.stage == "throttled":
            pacer.hold(pause)
        if pause >= 5 and isinstance(error, _Failed):
            self.notify(f"{self.policy.source}: {error.stage}, waiting {pause:.0f} s")

    def _count(self, outcome: str) -> None:
        with self._lock:
            self.requests[outcome] += 1

    def _attempt(self, pacer: Pacer, request: _Request, authorize: bool) -> Answer:
        token = self.token.value() if authorize and self.token else None
        try:
            return self._once(pacer, request, token)
        except _Failed as failed:
            if failed.stage != "token" or token is None or self.token is None or not self.token.renew(token):
                raise
        return self._once(pacer, request, self.token.value())

    def _once(self, pacer: Pacer, request: _Request, token: str | None) -> Answer:
        headers = {**request.headers, **(self.policy.authorize(token) if token else {})}
        self.check()
        try:
            with pacer.turn():
                reply = (self.send or self._sender.send)(request.method, request.url, headers, request.body)
        except urllib3.exceptions.LocationParseError as error:
            raise self.error(ResponseError, f"{self.setting}: {error}") from None
        except TooLarge as error:
            self._count("unreadable")
            host = urlsplit(self.base_url).netloc
            raise self.error(
                ResponseError,
                f"{self.setting}: {host} sent an answer of {error}: check that the URL is the API's own,"
                " or raise the limit",
            ) from None
        except TooSlow as error:
            self._count("unreachable")
            raise _Failed("slow", str(error)) from None
        except urllib3.exceptions.SSLError as error:
            self._count("unreachable")
            raise _Failed("certificate", _certificate_fault(error)) from None
        except urllib3.exceptions.HTTPError as error:
            self._count("unreachable")
            # the server may have handled the request and only the answer was lost, so retry more often
            may_have_arrived = isinstance(
                error, (urllib3.exceptions.ReadTimeoutError, urllib3.exceptions.ProtocolError)
            )
            stage = "transient" if may_have_arrived else "unreachable"
            raise _Failed(stage, f"{type(error).__name__}: {error}") from None
        self._compare_clocks(reply.headers)
        limit = self.policy.learn(reply.headers)
        if limit is not None:
            pacer.adopt(limit)
        return self._read(reply, request.decode)

    def _compare_clocks(self, headers: Mapping[str, str]) -> None:
        vendor = None if self._is_dated else vendor_time(headers)
        if vendor is not None:
            self.dated(self, vendor)
            self._is_dated = True

    def _read(self, reply: Reply, decode: Callable[[bytes], Any]) -> Answer:
        status, headers, body = reply.status, reply.headers, reply.body
        try:
            body, document = _decoded(body, decode if status < 400 else bodies.strict)
        except ValueError:
            document = None
            if status < 400:
                # a truncated body or a gateway's error page may not occur again
                self._count("unreadable")
                raise _Failed("response", "not JSON", status) from None
        fault_found = self.policy.judge(status, headers, document)
        if fault_found is None:
            self._count("ok")
            return Answer(body, document, headers)
        self._count(fault_found.kind)
        raise _Failed(fault_found.kind, fault_found.detail, status, fault_found.wait, fault_found)

    def _explain(self, failed: _Failed, authorized: bool) -> Exception:
        host = urlsplit(self.base_url).netloc
        detail = redact(failed.detail, self.secrets())
        if failed.stage == "unreachable":
            return self.error(
                UnreachableError,
                f"{self.setting}: {host} cannot be reached ({detail}): check the URL and the network",
            )
        if failed.stage == "certificate":
            return self.error(
                CertificateError,
                f"{self.setting}: {host} has no valid certificate ({detail}): check this machine's clock;"
                " for a proxy that decrypts traffic, set SSL_CERT_FILE to its certificate",
            )
        if failed.stage == "slow":
            return self.error(
                UnreachableError,
                f"{self.setting}: {host} is too slow, {detail} ({REQUEST_SECONDS.name}): run again later",
            )
        if failed.stage == "response":
            return self.error(
                ResponseError,
                f"{self.setting}: {host} answered {failed.status} with a body that is not JSON:"
                " check that the URL is the API's own",
            )
        if failed.stage == "token" and authorized:
            setting = self.token.setting if self.token else self.setting
            return self.error(
                AccessError, f"{setting} was refused ({failed.status}): {detail}; set a valid one"
            )
        if failed.stage in ("throttled", "transient"):
            what = "limits requests" if failed.stage == "throttled" else "keeps failing"
            when = "run again after the limit resets" if failed.stage == "throttled" else "run again later"
            answered = f" ({failed.status})" if failed.status else ""
            spent = failed.is_too_long or bool(failed.fault and failed.fault.hopeless)
            kind = LimitSpent if spent else UnreachableError
            return self.error(kind, f"{self.setting}: {host} {what}{answered}: {detail}; {when}")
        assert failed.fault is not None
        return RequestFault(Fault(failed.fault.kind, detail), failed.status)


@dataclass
class StaticToken:
    """A configured access token that cannot be renewed."""

    setting: str
    token: str

    def value(self) -> str:
        """Return the token."""
        return self.token

    def renew(self, refused: str) -> bool:
        """Return False: a configured token cannot be renewed."""
        return False

    def secrets(self) -> tuple[str, ...]:
        """Return the token, which must never be shown."""
        return (self.token,)


@dataclass
class RefreshToken:
    """An access token that is fetched with a refresh token on first use and after a refusal (RFC 6749)."""

    setting: str
    client: Client
    path: str
    form: Mapping[str, str]
    _current: str | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def value(self) -> str:
        """Return the current access token; fetch one if there is none."""
        with self._lock:
            if self._current is None:
                self._current = self._fetch()
            return self._current

    def renew(self, refused: str) -> bool:
        """Fetch a new token, once for all threads whose request failed with the same token."""
        with self._lock:
            if self._current == refused:
                self._current = self._fetch()
        return True

    def secrets(self) -> tuple[str, ...]:
        """Return the secrets sent to the token endpoint and the token it returned."""
        sent = tuple(value for key, value in self.form.items() if key in ("client_secret", "refresh_token"))
        return (*sent, self._current) if self._current else sent

    def _fetch(self) -> str:
        try:
            answer = self.client.post_form(self.path, {"grant_type": "refresh_token", **self.form})
        except RequestFault as fault:
            raise AccessError(
                f"{self.setting} was refused ({fault.status}): {fault.fault.detail};"
                " authorise the app again and check client_id and client_secret",
                secrets=self.secrets(),
            ) from None
        token = answer.document.get("access_token") if isinstance(answer.document, dict) else None
        if not isinstance(token, str) or not token:
            raise ResponseError(f"{self.client.setting}: the token endpoint sent no access_token")
        return token


def token_endpoint(policy: Policy, url: str) -> tuple[Client, str]:
    """Return a client of the token endpoint's host, and the endpoint's path."""
    parts = urlsplit(url)
    return Client(policy, f"{parts.scheme}://{parts.netloc}", base_setting="token_url"), parts.path


def in_parallel(streams: Sequence[Callable[[], Iterator[T]]], workers: int = _CONCURRENCY) -> Iterator[T]:
    """Yield the items of all streams as they arrive, reading up to `workers` streams at once.

    The first error of any stream ends all of them. A short queue bounds the memory.
    """
    if len(streams) == 1:
        yield from streams[0]()
        return
    results: queue.Queue[tuple[str, Any]] = queue.Queue(maxsize=2 * workers)
    stop = threading.Event()

    def put(kind: str, value: Any) -> bool:
        while not stop.is_set():
            try:
                results.put((kind, value), timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def pump(stream: Callable[[], Iterator[T]]) -> None:
        if stop.is_set():
            return
        try:
            for item in stream():
                if not put("item", item):
                    return
            put("end", None)
        except BaseException as error:  # noqa: BLE001 - handed to the thread that reads
            put("error", error)

    pool = ThreadPoolExecutor(max_workers=max(1, min(workers, len(streams))), thread_name_prefix="page")
    try:
        for stream in streams:
            pool.submit(pump, stream)
        ended = 0
        while ended < len(streams):
            kind, value = results.get()
            if kind == "error":
                raise value
            if kind == "item":
                yield value
            else:
                ended += 1
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)
