"""Classify the vendors' answers: the fault of an answer, and how long to wait before a retry.

Each vendor has a function that reads its error bodies and a table of its own signals. HTTP statuses,
Retry-After and the detail line are handled here for all vendors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal

FaultKind = Literal[
    "throttled", "transient", "too_large", "token", "access", "account", "object", "request", "response"
]


@dataclass(frozen=True)
class Fault:
    """The error of one answer; its kind is the smallest thing at fault.

    throttled, transient: the vendor, for a time; token: the credential; access, account: the account of the
    request, or the token's permission; object: one object among those of the request; too_large, request,
    response: the request.

    `wait` is the vendor's own hint in seconds; `hopeless` marks a limit that does not reset within a run.
    """

    kind: FaultKind
    detail: str
    wait: float | None = None
    hopeless: bool = False


class RequestFault(Exception):
    """A refused request that only the caller can explain: connection and token were fine."""

    def __init__(self, fault: Fault, status: int) -> None:
        super().__init__(fault.detail)
        self.fault = fault
        self.status = status


@dataclass(frozen=True)
class ErrorBody:
    """The error in the body of an answer; empty if the body contains none.

    `status` is the effective status: an error can come with HTTP status 200. `shown` is added to the detail
    line. `wait` is the pause in seconds that a throttled answer requests other than by Retry-After.
    """

    status: int
    message: str = ""
    codes: frozenset[str] = frozenset()
    shown: str = ""
    wait: float | None = None


@dataclass(frozen=True)
class Signal:
    """A vendor's rule for a fault: one of `codes` or the `text` in the detail line, and one of `statuses`.

    An empty condition always holds. `wait` is the pause in seconds if the answer requests none, `advice` is
    added to the detail line.
    """

    kind: FaultKind
    codes: frozenset[str] = frozenset()
    text: str = ""
    statuses: frozenset[int] = frozenset()
    wait: float | None = None
    hopeless: bool = False
    advice: str = ""

    def fits(self, error: ErrorBody, detail: str) -> bool:
        """Return whether the error meets the conditions."""
        if self.statuses and error.status not in self.statuses:
            return False
        if not self.codes and not self.text:
            return True
        return bool(self.codes & error.codes) or bool(self.text and self.text in detail)


def codes(*values: object) -> frozenset[str]:
    """Return error codes as text, without None."""
    return frozenset(str(value) for value in values if value is not None)


@dataclass(frozen=True)
class Judge:
    """Returns the fault of an answer of one vendor, None if it has none.

    `read` gets status, headers and the parsed body. The first of `signals` that fits decides, otherwise the
    HTTP status.
    """

    read: Callable[[int, Mapping[str, str], Any], ErrorBody]
    signals: tuple[Signal, ...]

    def __call__(self, status: int, headers: Mapping[str, str], document: Any) -> Fault | None:
        """Return the fault of an answer with this status, these headers and this body."""
        error = self.read(status, headers, document)
        if error.status < 400:
            return None
        message = error.message or _oauth_message(document) or f"HTTP {error.status}"
        detail = " ".join(filter(None, (message, error.shown)))
        signal = next(
            (found for found in self.signals if found.fits(error, detail)), Signal(_kind(error.status))
        )
        detail = " ".join(filter(None, (detail, signal.advice)))
        if signal.kind not in ("throttled", "transient"):
            return Fault(signal.kind, detail)
        asked = error.wait if signal.kind == "throttled" else None
        wait = _first(asked, retry_after(headers), signal.wait)
        return Fault(signal.kind, detail, wait, signal.hopeless)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of a Retry-After header, given as seconds or date (RFC 9110, section 10.2.3)."""
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


def _kind(status: int) -> FaultKind:
    """Return the default fault for an HTTP status (RFC 9110, section 15; 423 and 429: RFC 4918, RFC 6585)."""
    if status == 401:
        return "token"
    if status == 403:
        return "access"
    if status in (423, 429):
        return "throttled"
    if status == 408 or status >= 500:
        return "transient"
    return "request"


def _oauth_message(document: Any) -> str:
    """Return the error text of a token endpoint (RFC 6749, section 5.2), empty for other documents."""
    if not isinstance(document, dict) or not isinstance(document.get("error"), str):
        return ""
    return f"{document['error']}: {document.get('error_description') or ''}".rstrip(": ")


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)
