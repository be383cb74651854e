"""Probe a vendor's API for `adledger doctor`: few small requests, each answer becomes a finding."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Literal, Protocol, TypeVar

from ingestion.config import Settings
from ingestion.errors import AccessError, IngestionError, ResponseError, UnreachableError, redact
from ingestion.http.client import Answer, Client
from ingestion.http.clock import SKEW_LIMIT, vendor_time
from ingestion.http.faults import Fault, RequestFault

T = TypeVar("T")
Level = Literal["ok", "note", "warning", "error"]
Check = Literal[
    "settings",
    "reachability",
    "credentials",
    "permissions",
    "accounts",
    "api_version",
    "clock",
    "rate_limit",
    "requests",
    "last_load",
]
Reason = Literal["token", "access", "account", "throttled", "failing", "unreachable", "no_api", "request"]

LEVELS: tuple[Level, ...] = ("ok", "note", "warning", "error")

_SUNSET_WARNING = timedelta(days=60)
_TOKEN_WARNING = timedelta(days=14)
# A larger clock skew breaks signed requests and shifts day boundaries
_SKEW_WARNING = timedelta(seconds=60)
_SPENT_WARNING = 75.0
# No retry after this time; the client's own timeout limits the wait for one answer
_PATIENCE_SECONDS = 10.0
_LONGEST_PAUSE_SECONDS = 2.0
_SECRET_KEYS = ("access_token", "refresh_token", "client_secret", "app_secret", "developer_token")


@dataclass(frozen=True)
class Finding:
    """The result of one check. `fix` is one imperative sentence, None if nothing has to be done."""

    source: str
    check: Check
    level: Level
    seen: str
    fix: str | None = None
    subject: str | None = None


@dataclass(frozen=True)
class VendorAnswer:
    """The vendor's last answer, including refusals."""

    status: int
    headers: Mapping[str, str]
    document: Any
    fault: Fault | None


class Refused(Exception):
    """A refused or failed request and its reason; `detail` is redacted."""

    def __init__(self, reason: Reason, status: int, detail: str, answer: VendorAnswer | None = None) -> None:
        super().__init__(detail)
        self.reason, self.status, self.detail, self.answer = reason, status, detail, answer

    @property
    def ends_examination(self) -> bool:
        """Return whether every other request would fail for the same reason."""
        return self.reason in ("token", "throttled", "failing", "unreachable", "no_api")


class Examiner(Protocol):
    """The interface of `ingestion/sources/<vendor>/doctor.py`."""

    VENDOR: str
    TOKEN_FIX: str

    def examine(self, probe: Probe) -> Iterator[Finding]:
        """Yield the findings of one source. Raises Refused if all requests would fail, SettingError."""


@dataclass
class Probe:
    """The examination of one source: its clients, its last answer, and the clock skew of all answers."""

    source: str
    now: datetime
    sleep: Callable[[float], None] = time.sleep
    requests: int = 0
    last_answer: VendorAnswer | None = None
    _skews: list[timedelta] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)
    _asked: float = 0.0

    def __post_init__(self) -> None:
        self.section = Settings(self.source)
        self.clients: list[Client] = []

    def connect(self, connect: Callable[[Any], T]) -> T:
        """Return the source's API object, with this probe in place of a load. Raises SettingError."""
        return connect(self)

    def client(self, client: Client) -> Client:
        """Register a client: record its answers, limit its retries, and close it at the end."""
        self.clients.append(client)
        self._watch(client)
        return client

    def close(self) -> None:
        """Close the connections."""
        for client in self.clients:
            client.close()

    def ask(self, send: Callable[[], Answer]) -> Answer:
        """Send one request. Raises Refused."""
        self.last_answer, self._asked = None, time.monotonic()
        try:
            return send()
        except (RequestFault, IngestionError) as error:
            raise self._refused(error) from None

    def secrets(self) -> tuple[str, ...]:
        """Return values that must never be shown."""
        configured = tuple(value for key in _SECRET_KEYS if (value := self.section.get(key)))
        return configured + tuple(value for client in self.clients for value in client.secrets())

    def finding(
        self, check: Check, level: Level, seen: str, fix: str | None = None, subject: str | None = None
    ) -> Finding:
        """Return a finding of this source, redacted."""
        secrets = self.secrets()
        shown = [redact(text, secrets) if text is not None else None for text in (fix, subject)]
        return Finding(self.source, check, level, redact(seen, secrets), *shown)

    def setting(self, key: str) -> str:
        """Return a setting as shown in a fix: its full name and its environment variable."""
        return f"{self.section.name(key)} ({self.section.environment(key)})"

    def version(self, version: str, setting: str, sunset: Sunset | None) -> Finding:
        """Return a finding about the end of an API version; `setting` is the key of the version."""
        fix = f"Set {self.setting(setting)} to a newer version."
        if sunset is None:
            return self.finding(
                "api_version",
                "note",
                f"{version} is not in the table of known sunsets",
                subject=version,
            )
        if sunset.day is None:
            return self.finding("api_version", "ok", f"{version}, sunset not announced", subject=version)
        left = sunset.day - self.now.date()
        day = f"{'' if sunset.exact else 'about '}{sunset.day}"
        if left <= timedelta(0):
            seen = f"{version} is past its sunset ({day}; {sunset.source})"
            return self.finding("api_version", "error", seen, sunset.fix or fix, version)
        if left < _SUNSET_WARNING:
            seen = f"{version} ends in {left.days} days ({day}; {sunset.source})"
            return self.finding("api_version", "warning", seen, sunset.fix or fix, version)
        return self.finding("api_version", "ok", f"{version}, until {day}", subject=version)

    def expiry(self, what: str, at: datetime, fix: str, renewed: bool = False) -> Finding:
        """Return a finding about the expiry of a token; `renewed` if the program renews it by itself."""
        left = at - self.now
        shown = f"{at:%Y-%m-%d %H:%M} UTC"
        if renewed:
            return self.finding("credentials", "ok", f"{what} renewed automatically, this one until {shown}")
        if left <= timedelta(0):
            return self.finding("credentials", "error", f"{what} expired on {shown}", fix)
        if left < _TOKEN_WARNING:
            return self.finding(
                "credentials", "warning", f"{what} expires in {left.days} days ({shown})", fix
            )
        return self.finding("credentials", "ok", f"{what} valid until {shown}")

    def limit_usage(self, percent: float, seen: str, fix: str) -> Finding:
        """Return a finding about the used percentage of a rate limit."""
        level: Level = "error" if percent >= 100 else "warning" if percent >= _SPENT_WARNING else "ok"
        return self.finding("rate_limit", level, seen, None if level == "ok" else fix)

    def clock(self, vendor: str) -> Iterator[Finding]:
        """Compare this machine's clock with the vendor's, from all answers with a Date header."""
        if not self._skews:
            if self.requests:
                yield self.finding("clock", "note", f"{vendor} sent no Date header")
            return
        # the smallest difference has the least network delay
        skew = min(self._skews, key=abs)
        seconds = round(skew.total_seconds())
        level: Level = "error" if abs(skew) > SKEW_LIMIT else "warning" if abs(skew) > _SKEW_WARNING else "ok"
        if level == "ok":
            yield self.finding("clock", level, f"agrees with {vendor} within {abs(seconds)} s")
            return
        side = "ahead of" if seconds > 0 else "behind"
        yield self.finding(
            "clock",
            level,
            f"this machine is {abs(seconds)} s {side} {vendor}",
            "Set this machine's clock, for example with: timedatectl set-ntp true.",
        )

    def explain(self, refused: Refused, vendor: str, token_fix: str) -> Finding:
        """Return the finding of a refusal that ends the examination."""
        status = f" ({refused.status})" if refused.status else ""
        match refused.reason:
            case "token":
                return self.finding("credentials", "error", f"refused{status}: {refused.detail}", token_fix)
            case "throttled":
                wait = refused.answer.fault.wait if refused.answer and refused.answer.fault else None
                when = f"in {wait:.0f} s" if wait else "when the limit has reset"
                return self.finding(
                    "rate_limit",
                    "error",
                    f"{vendor} refuses requests now{status}: {refused.detail}",
                    f"Run adledger doctor again {when}, and pause other programs that use the same access.",
                )
            case "failing":
                return self.finding(
                    "reachability",
                    "error",
                    f"{vendor} fails{status}: {refused.detail}",
                    f"Look at {vendor}'s status page and run adledger doctor again later.",
                )
            case "no_api":
                return self.finding(
                    "reachability",
                    "error",
                    f"the server answers{status}, but it is not {vendor}'s API: {refused.detail}",
                    f"Set {self.setting('base_url')} to the API itself, or let the proxy pass its answers.",
                )
            case "unreachable":
                return self.finding(
                    "reachability", "error", refused.detail, self._network_fix(refused.detail)
                )
        return self.finding(
            "permissions", "error", f"{vendor} refused a request{status}: {refused.detail}", token_fix
        )

    def _network_fix(self, detail: str) -> str:
        text = detail.lower()
        key = "token_url" if "token_url" in text else "base_url"
        if "certificate" in text:
            return "Trust the proxy's certificate (SSL_CERT_FILE), or exclude this host from TLS inspection."
        if "ssl" in text or "tls" in text:
            return f"Check that {self.setting(key)} is an https server on that port."
        if "name or service" in text or "nodename" in text or "name resolution" in text or "getaddr" in text:
            return f"Correct the host in {self.setting(key)}, or this machine's DNS."
        return f"Check {self.setting(key)}, the network and the proxy (HTTPS_PROXY)."

    def _watch(self, client: Client) -> None:
        judge = client.policy.judge

        def watching(status: int, headers: Mapping[str, str], document: Any) -> Fault | None:
            fault = judge(status, headers, document)
            self.requests += 1
            self.last_answer = VendorAnswer(status, headers, document, fault)
            self._note_time(headers)
            # no retries: a failure is reported at once
            return replace(fault, hopeless=True) if fault else None

        client.policy = replace(client.policy, judge=watching)
        client.sleep = self._pause

    def _note_time(self, headers: Mapping[str, str]) -> None:
        vendor = vendor_time(headers)
        if vendor is not None:
            here = self.now + timedelta(seconds=time.monotonic() - self._began)
            self._skews.append(here - vendor)

    def _pause(self, seconds: float) -> None:
        waited = time.monotonic() - self._asked
        if seconds > _LONGEST_PAUSE_SECONDS or waited > _PATIENCE_SECONDS:
            raise UnreachableError(f"{self.section.name('base_url')}: no answer within {waited:.0f} s")
        self.sleep(seconds)

    def _refused(self, error: RequestFault | IngestionError) -> Refused:
        answer = self.last_answer
        secrets = self.secrets()
        if isinstance(error, RequestFault):
            reasons: dict[str, Reason] = {"access": "access", "account": "account"}
            reason = reasons.get(error.fault.kind, "request")
            if _is_page(answer):
                return Refused("no_api", error.status, "a web page", answer)
            return Refused(reason, error.status, redact(error.fault.detail, secrets), answer)
        status = answer.status if answer else 0
        detail = redact(answer.fault.detail if answer and answer.fault else str(error), secrets)
        if isinstance(error, AccessError):
            return Refused("token", status, detail, answer)
        if isinstance(error, ResponseError):
            return Refused("no_api", status, redact(str(error), secrets), answer)
        if answer is not None and answer.fault is not None:
            if _is_page(answer):
                return Refused("no_api", status, "a web page", answer)
            return Refused(
                "throttled" if answer.fault.kind == "throttled" else "failing", status, detail, answer
            )
        return Refused("unreachable", 0, redact(str(error), secrets), answer)


@dataclass(frozen=True)
class Sunset:
    """The last day of an API version, None if not announced; `exact` is False for a month or an estimate."""

    day: date | None
    source: str
    exact: bool = True
    fix: str | None = None


def _is_page(answer: VendorAnswer | None) -> bool:
    return answer is not None and answer.document is None and "html" in answer.headers.get("content-type", "")
