"""What lies between a client and any of the four vendors: the clock's Date header, counts of requests, rate
limits, and faults of transport and paging. See `faults.CATALOGUE` for the switches.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from datetime import timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.apis.hubspot import changes_of
from sandbox.apis.limits import HubSpotLimits
from sandbox.apis.state import Sandbox
from sandbox.world.company import guid

_ID = re.compile(r"(?<=/)(\d+|act_\d+|[0-9a-f]{8}-[0-9a-f-]{27}|urn%3A[^/]+)(?=/|$)", re.IGNORECASE)
_TOKEN = re.compile(r"(?<=/access-tokens/)[^/]+")
_HTML = (
    b"<!DOCTYPE html><html><head><title>Just a moment...</title></head>"
    b"<body><h1>We'll be right back</h1></body></html>"
)
_HUBSPOT_MESSAGES = {
    403: ("MISSING_SCOPES", "You do not have permissions to view this object."),
    423: ("LOCKED", "The resource is locked. Wait at least two seconds before you try again."),
    477: ("MIGRATION_IN_PROGRESS", "This portal is being moved between data centres."),
    429: ("RATE_LIMITS", "You have reached your ten_secondly_rolling limit."),
    530: ("INVALID_AUTHENTICATION", "The access token is malformed."),
}


class Requests:
    """Requests since the last reset, by method and path with ids left out, and by status."""

    def __init__(self) -> None:
        self.paths: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()

    def add(self, method: str, path: str, status: int) -> None:
        """Count one; status 0 is a connection that was cut before an answer."""
        self.paths[f"{method} {_TOKEN.sub('{token}', _ID.sub('{id}', path.rstrip('/')))}"] += 1
        self.statuses[str(status)] += 1

    def clear(self) -> None:
        """Start again from zero."""
        self.paths.clear()
        self.statuses.clear()

    def body(self) -> dict[str, Any]:
        """The counts as JSON."""
        return {
            "total": sum(self.paths.values()),
            "requests": dict(sorted(self.paths.items())),
            "statuses": dict(sorted(self.statuses.items())),
        }


class Wire:
    """ASGI middleware around every vendor's application; outermost, so that it can cut connections."""

    def __init__(self, app: ASGIApp, sandbox: Sandbox) -> None:
        self.app, self.sandbox = app, sandbox
        self.requests = Requests()
        self._limits = HubSpotLimits(sandbox.faults)
        self._changes = changes_of(sandbox)
        self._pages: dict[str, list[Any]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path: str = scope["path"]
        if path.startswith("/_sandbox/"):
            await self.app(scope, receive, self._dated(send, {}))
            return
        status = [0]

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                status[0] = message["status"]
            await send(message)

        await self._answer(scope, receive, counted, send)
        self.requests.add(scope["method"], path, status[0])
        self._changes.after_request(_address(scope))
        self._submissions_arrive(path)

    # -- before the vendor ------------------------------------------------------------------------------

    async def _answer(self, scope: Scope, receive: Receive, counted: Send, raw: Send) -> None:
        method, path, address = scope["method"], scope["path"], _address(scope)
        vendor, faults = path.split("/")[1], self.sandbox.faults
        headers: dict[str, str] = {}
        authorization = dict(scope["headers"]).get(b"authorization", b"").decode()
        if authorization:
            self._expire_tokens(vendor)
        if vendor == "hubspot" and authorization:
            refused = self._limits.admit(path, self.sandbox.now)
            headers = self._limits.headers(path, oauth="sandbox-hubspot-oauth-" in authorization)
            if refused is not None:
                body, more = refused
                await _send(self._dated(counted, headers | more), 429, orjson.dumps(body))
                return
        out = self._dated(counted, headers)
        rule = faults.due("connection_reset", method, address)
        if rule is not None and not rule["sent"]:
            await _reset(raw)
            return
        if (failure := faults.due("status", method, address)) is not None:
            body = failure["body"] or _failure(vendor, failure["status"])
            more = {} if failure["retry_after"] is None else {"Retry-After": str(failure["retry_after"])}
            await _send(self._dated(counted, headers | more), failure["status"], orjson.dumps(body))
            return
        if (page := faults.due("html_page", method, address)) is not None:
            await _send(out, page["status"], _HTML, "text/html; charset=utf-8")
            return
        if rule is None and not faults.active.keys() & _BODY_FAULTS:
            await self.app(scope, receive, out)
            return
        await self._bent(scope, receive, out, raw, rule)

    def _expire_tokens(self, vendor: str) -> None:
        rule = self.sandbox.faults.get("token_expiry")
        keys = {"hubspot": "hubspot", "google": "google_ads", "linkedin": "linkedin_ads"}
        if rule is None or rule["vendor"] != vendor:
            return
        counts = self.sandbox.faults.seen.setdefault("token_expiry#0", [0, 0])
        counts[0] += 1
        if counts[0] <= rule["after"] or counts[1]:
            return
        counts[1] = 1
        if vendor in keys:
            self.sandbox.minted[keys[vendor]].clear()
        if rule["static"] and vendor == "hubspot":
            self.sandbox.revoked.add(self.sandbox.credentials.hubspot_token)

    # -- after the vendor -------------------------------------------------------------------------------

    async def _bent(
        self, scope: Scope, receive: Receive, out: Send, raw: Send, reset: dict[str, Any] | None
    ) -> None:
        """Let the vendor answer, then spoil the answer."""
        start: Message = {}
        parts: list[bytes] = []

        async def keep(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                parts.append(message.get("body", b""))

        await self.app(scope, receive, keep)
        body, method, address = b"".join(parts), scope["method"], _address(scope)
        faults = self.sandbox.faults
        kept = [(name, value) for name, value in start["headers"] if name != b"content-length"]
        if start["status"] == 200:
            if faults.due("duplicate_page", method, address) is not None:
                body = self._with_earlier_page(scope["path"], body)
            if faults.due("repeated_cursor", method, address) is not None:
                body = _pointing_back(scope, body)
        length = len(body)
        if start["status"] == 200 and (rule := faults.due("truncated_json", method, address)) is not None:
            body = body[: int(len(body) * rule["keep"])]
            length = len(body)
        headers = [*kept, (b"content-length", str(length).encode())]
        await out({"type": "http.response.start", "status": start["status"], "headers": headers})
        if reset is not None:
            await out(_part(body[: int(len(body) * reset["sent"])], more=True))
            await _reset(raw)
            return
        slow = faults.due("slow_body", method, address)
        count = 1 if slow is None else max(1, int(slow["parts"]))
        step = max(1, -(-len(body) // count))
        for place in range(0, max(1, len(body)), step):
            if slow is not None:
                await asyncio.sleep(slow["seconds"] / count)
            await out(_part(body[place : place + step], more=place + step < len(body)))

    def _with_earlier_page(self, path: str, body: bytes) -> bytes:
        """The page with the rows of the page before it once more."""
        document = orjson.loads(body)
        for key in ("results", "data", "elements"):
            if isinstance(document, dict) and isinstance(document.get(key), list):
                own = document[key]
                document[key] = [*self._pages.get(path, []), *own]
                self._pages[path] = own
        return orjson.dumps(document)

    def _dated(self, send: Send, headers: dict[str, str]) -> Send:
        """`send` with the Date of the virtual clock and these headers."""

        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                skew = timedelta(seconds=float(self.sandbox.faults.value("clock_skew", "seconds", 0)))
                now = format_datetime(self.sandbox.now + skew, usegmt=True)
                more = {**headers, "Date": now}
                message = {
                    **message,
                    "headers": [
                        *message.get("headers", []),
                        *((name.lower().encode(), value.encode()) for name, value in more.items()),
                    ],
                }
            await send(message)

        return dated

    def _submissions_arrive(self, path: str) -> None:
        rule = self.sandbox.faults.get("submissions_arriving")
        head, found, form = path.partition("/form-integrations/v1/submissions/forms/")
        if rule is None or not found or head != "/hubspot":
            return
        counts = self.sandbox.faults.seen.setdefault("submissions_arriving#0", [0, 0])
        counts[0] += 1
        if counts[0] % rule["every"] == 0 and counts[1] < rule["times"]:
            counts[1] += 1
            asked = {"do": "submit", "form": rule["form"] or form.strip("/"), "email": rule["email"]}
            self._changes.perform({**asked, "tick": 1})


_BODY_FAULTS = {"duplicate_page", "repeated_cursor", "truncated_json", "slow_body"}


def _address(scope: Scope) -> str:
    query = scope.get("query_string", b"").decode()
    return f"{scope['path']}?{query}" if query else str(scope["path"])


def _part(body: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


async def _send(send: Send, status: int, body: bytes, content_type: str = "application/json") -> None:
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send(_part(body, more=False))


async def _reset(send: Send) -> None:
    """Cut the connection; called in-process, without a socket, raise what a client would see."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None:
        raise ConnectionResetError("the sandbox cut the connection")
    await asyncio.sleep(0.02)  # what was sent so far leaves first
    transport.abort()
    await asyncio.sleep(0.01)  # the server takes note, so that it answers nothing more


def _failure(vendor: str, status: int) -> dict[str, Any]:
    """An error in the vendor's own body."""
    if vendor == "google":
        name = {429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE"}.get(status, "UNKNOWN")
        return {"error": {"code": status, "message": "The service is unavailable.", "status": name}}
    if vendor == "facebook":
        error = {"message": "An unknown error occurred", "type": "OAuthException", "code": 2}
        return {"error": {**error, "is_transient": status >= 500, "fbtrace_id": guid("trace", status)[:11]}}
    if vendor == "linkedin":
        return {"message": "Internal Server Error", "status": status}
    category, message = _HUBSPOT_MESSAGES.get(
        status, ("INTERNAL_ERROR", "There was a problem with the request.")
    )
    body = {"status": "error", "message": message, "correlationId": guid("correlation", status)}
    if status == 429:
        return {**body, "errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING"}
    return {**body, "category": category}


def _pointing_back(scope: Scope, body: bytes) -> bytes:
    """The page with a cursor that leads to itself: HubSpot's, Meta's or LinkedIn's."""
    document = orjson.loads(body)
    asked = parse_qs(scope.get("query_string", b"").decode())
    if not isinstance(document, dict):
        return body
    paging = document.get("paging") or {}
    following, metadata = paging.get("next"), document.get("metadata") or {}
    if "after" in asked and isinstance(following, dict):
        following["after"] = asked["after"][0]
    elif "after" in asked and isinstance(following, str):
        url = urlsplit(following)
        again = urlencode({**dict(parse_qsl(url.query)), "after": asked["after"][0]})
        paging["next"] = url._replace(query=again).geturl()
        paging["cursors"]["after"] = asked["after"][0]
    elif "pageToken" in asked and "nextPageToken" in metadata:
        metadata["nextPageToken"] = asked["pageToken"][0]
    return orjson.dumps(document)
