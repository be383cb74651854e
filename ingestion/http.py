"""The one HTTP client: retries, tokens, limits, redaction. It knows statuses; vendors' signals are policies.

A vendor's policy turns a failed answer into a `Fault`; what is done about a fault is decided here, once.
"""

from __future__ import annotations

import queue
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal, Protocol, TypeVar
from urllib.parse import urlsplit

import httpx
import orjson
import tenacity

from ingestion.errors import AccessError, IngestionError, ResponseError, UnreachableError, redact

T = TypeVar("T")
FaultKind = Literal[
    "throttled", "transient", "too_large", "token", "access", "account", "request", "response"
]

_TIMEOUT = httpx.Timeout(60.0, connect=5.0)
_ATTEMPTS = {"unreachable": 3, "response": 3, "transient": 5, "throttled": 8}
_FIRST_WAIT = {"unreachable": 0.3, "response": 0.3, "transient": 0.5, "throttled": 2.0}
_LONGEST_WAIT = 60.0
_LONGEST_HINT = 900.0
_CONCURRENCY = 4


@dataclass(frozen=True)
class Fault:
    """What went wrong with one answer.

    `wait` is the vendor's own hint in seconds; `hopeless` marks a limit that no wait within a run outlasts.
    """

    kind: FaultKind
    detail: str
    wait: float | None = None
    hopeless: bool = False


class RequestFault(Exception):
    """A fault that only the caller can explain: nothing was wrong with the connection or the token."""

    def __init__(self, fault: Fault, status: int) -> None:
        super().__init__(fault.detail)
        self.fault = fault
        self.status = status


class Token(Protocol):
    """What authorises requests. `setting` is the name an error shows."""

    setting: str

    def value(self) -> str:
        """The current access token."""

    def renew(self, refused: str) -> bool:
        """Replaces the refused token; False when that is not possible."""

    def secrets(self) -> tuple[str, ...]:
        """Values that must never be shown."""


@dataclass(frozen=True)
class Answer:
    """A successful answer: the body as received, and the same parsed."""

    body: bytes
    document: Any
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Policy:
    """How one vendor is spoken to. `judge` reads status, headers and parsed body of every answer."""

    source: str
    judge: Callable[[int, Mapping[str, str], Any], Fault | None]
    authorize: Callable[[str], Mapping[str, str]] = lambda token: {"Authorization": f"Bearer {token}"}


@dataclass
class _Failed(Exception):
    """One failed attempt; `stage` decides how often and how long it is worth trying again."""

    stage: str
    detail: str
    status: int = 0
    wait: float | None = None
    fault: Fault | None = None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of a Retry-After header, given as seconds or as a date (RFC 9110, section 10.2.3)."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def judge_status(status: int, headers: Mapping[str, str], detail: str) -> Fault | None:
    """The fault that the status alone tells, for what a vendor does not say better itself."""
    if status < 400:
        return None
    if status == 401:
        return Fault("token", detail)
    if status == 403:
        return Fault("access", detail)
    if status in (423, 429):
        return Fault("throttled", detail, wait=retry_after(headers))
    if status == 408 or status >= 500:
        return Fault("transient", detail, wait=retry_after(headers))
    return Fault("request", detail)


@dataclass
class Client:
    """Requests to one vendor's API at `base_url`.

    Raises AccessError for a refused token, UnreachableError when the server cannot be reached or keeps
    failing, ResponseError when an answer is not JSON, and RequestFault for what only the caller can explain.
    `transport` and `sleep` are for tests.
    """

    policy: Policy
    base_url: str
    token: Token | None = None
    base_setting: str = "base_url"
    transport: httpx.BaseTransport | None = None
    sleep: Callable[[float], None] = time.sleep
    notify: Callable[[str], None] = lambda _line: None
    requests: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        limits = httpx.Limits(max_connections=_CONCURRENCY, max_keepalive_connections=_CONCURRENCY)
        # trust_env off: a base_url on loopback must not travel through a proxy that the shell happens to name
        local = urlsplit(self.base_url).hostname in ("127.0.0.1", "localhost", "::1")
        self._http = httpx.Client(
            timeout=_TIMEOUT,
            limits=limits,
            transport=self.transport,
            trust_env=not local,
            follow_redirects=False,
        )
        self._lock = threading.Lock()

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    @property
    def setting(self) -> str:
        """The name of the setting that decides where requests go."""
        return f"sources.{self.policy.source}.{self.base_setting}"

    def secrets(self) -> tuple[str, ...]:
        """Values that must never be shown."""
        return self.token.secrets() if self.token else ()

    def error(self, kind: type[IngestionError], message: str) -> IngestionError:
        """An error of this client, redacted."""
        return kind(message, secrets=self.secrets())

    def get(
        self, path: str, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """GET `path` (relative to the base URL; its query may be encoded already)."""
        return self._send("GET", path, params=params, headers=headers)

    def post(self, path: str, json: Any, headers: Mapping[str, str] | None = None) -> Answer:
        """POST a JSON body that only reads: it is repeated like a GET."""
        body = orjson.dumps(json)
        return self._send(
            "POST", path, content=body, headers={"Content-Type": "application/json", **(headers or {})}
        )

    def post_form(self, path: str, form: Mapping[str, str]) -> Answer:
        """POST a form, without authorisation (token endpoints)."""
        return self._send("POST", path, data=form, authorize=False)

    def _send(self, method: str, path: str, *, authorize: bool = True, **options: Any) -> Answer:
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(self._worth_another),
            stop=self._is_spent,
            wait=self._wait,
            sleep=self.sleep,
            before_sleep=self._announce,
            reraise=True,
        )
        try:
            return retrying(self._attempt, method, path, authorize, options)
        except _Failed as failed:
            raise self._explain(failed, authorize) from None

    def _worth_another(self, error: BaseException) -> bool:
        if not isinstance(error, _Failed) or error.stage not in _ATTEMPTS:
            return False
        return not (error.fault and error.fault.hopeless)

    def _is_spent(self, state: tenacity.RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        assert isinstance(error, _Failed)
        too_long = error.wait is not None and error.wait > _LONGEST_HINT
        return too_long or state.attempt_number >= _ATTEMPTS[error.stage]

    def _wait(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        assert isinstance(error, _Failed)
        if error.wait is not None:
            return error.wait + random.uniform(0, 0.2)
        ceiling = min(_LONGEST_WAIT, _FIRST_WAIT[error.stage] * 2 ** (state.attempt_number - 1))
        return random.uniform(ceiling / 2, ceiling)

    def _announce(self, state: tenacity.RetryCallState) -> None:
        pause = state.next_action.sleep if state.next_action else 0.0
        error = state.outcome.exception() if state.outcome else None
        if pause >= 5 and isinstance(error, _Failed):
            self.notify(f"{self.policy.source}: {error.stage}, waiting {pause:.0f} s")

    def _count(self, outcome: str) -> None:
        with self._lock:
            self.requests[outcome] += 1

    def _attempt(self, method: str, path: str, authorize: bool, options: dict[str, Any]) -> Answer:
        token = self.token.value() if authorize and self.token else None
        try:
            return self._once(method, path, token, options)
        except _Failed as failed:
            if failed.stage != "token" or token is None or self.token is None or not self.token.renew(token):
                raise
        return self._once(method, path, self.token.value(), options)

    def _once(self, method: str, path: str, token: str | None, options: dict[str, Any]) -> Answer:
        url = path if path.startswith("http") else self.base_url + path
        headers = {**(options.get("headers") or {}), **(self.policy.authorize(token) if token else {})}
        try:
            response = self._http.request(method, url, **{**options, "headers": headers})
        except httpx.InvalidURL as error:
            raise self.error(ResponseError, f"{self.setting}: {error}") from None
        except httpx.TransportError as error:
            self._count("unreachable")
            stage = (
                "transient"
                if isinstance(error, (httpx.ReadTimeout, httpx.RemoteProtocolError))
                else "unreachable"
            )
            raise _Failed(stage, f"{type(error).__name__}: {error}") from None
        return self._read(response)

    def _read(self, response: httpx.Response) -> Answer:
        status, headers = response.status_code, response.headers
        try:
            document = orjson.loads(response.content) if response.content else None
        except orjson.JSONDecodeError:
            document = None
            if status < 400:
                # an HTML page comes back as HTML; a cut JSON body may come whole the next time
                self._count("unreadable")
                looks_json = "json" in headers.get("content-type", "")
                fault = Fault("response", "not JSON", hopeless=not looks_json)
                raise _Failed("response", "not JSON", status, fault=fault) from None
        fault_found = self.policy.judge(status, headers, document)
        if fault_found is None:
            self._count("ok")
            return Answer(response.content, document, headers)
        self._count(fault_found.kind)
        raise _Failed(fault_found.kind, fault_found.detail, status, fault_found.wait, fault_found)

    def _explain(self, failed: _Failed, authorized: bool) -> Exception:
        host = urlsplit(self.base_url).netloc
        detail = redact(failed.detail, self.secrets())
        if failed.stage == "unreachable":
            return self.error(
                UnreachableError,
                f"{self.setting}: {host} cannot be reached ({detail}): check the address and network",
            )
        if failed.stage == "response":
            return self.error(
                ResponseError,
                f"{self.setting}: {host} answered {failed.status} with something that is not JSON:"
                " check that the address is the API's own",
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
            return self.error(UnreachableError, f"{self.setting}: {host} {what}{answered}: {detail}; {when}")
        assert failed.fault is not None
        return RequestFault(Fault(failed.fault.kind, detail), failed.status)


@dataclass
class StaticToken:
    """A token that was configured as it is."""

    setting: str
    token: str

    def value(self) -> str:
        """The token."""
        return self.token

    def renew(self, refused: str) -> bool:
        """False: there is nothing to renew it with."""
        return False

    def secrets(self) -> tuple[str, ...]:
        """The token."""
        return (self.token,)


@dataclass
class RefreshToken:
    """An access token fetched with a refresh token, on first use and when one is refused (RFC 6749)."""

    setting: str
    client: Client
    path: str
    form: Mapping[str, str]
    _current: str | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def value(self) -> str:
        """The current access token, fetched when there is none."""
        with self._lock:
            if self._current is None:
                self._current = self._fetch()
            return self._current

    def renew(self, refused: str) -> bool:
        """Fetches a new token, once for all threads whose request failed with the same one."""
        with self._lock:
            if self._current == refused:
                self._current = self._fetch()
        return True

    def secrets(self) -> tuple[str, ...]:
        """Everything that is sent to the token endpoint, and what came back."""
        sent = tuple(value for key, value in self.form.items() if key in ("client_secret", "refresh_token"))
        return (*sent, self._current) if self._current else sent

    def _fetch(self) -> str:
        try:
            answer = self.client.post_form(self.path, {"grant_type": "refresh_token", **self.form})
        except RequestFault as fault:
            raise AccessError(
                f"{self.setting} was refused ({fault.status}): {fault.fault.detail};"
                " authorise again and check client_id and client_secret",
                secrets=self.secrets(),
            ) from None
        token = answer.document.get("access_token") if isinstance(answer.document, dict) else None
        if not isinstance(token, str) or not token:
            raise ResponseError(f"{self.client.setting}: the token endpoint sent no access_token")
        return token


def in_parallel(streams: Sequence[Callable[[], Iterator[T]]], workers: int = _CONCURRENCY) -> Iterator[T]:
    """Yields what the streams yield, as it comes, reading up to `workers` of them at once.

    The first error of any stream ends all of them. Memory is bounded by a short queue.
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
