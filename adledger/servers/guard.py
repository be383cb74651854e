"""The guard in front of Dagster's UI and the dashboard, which have no login: own hosts and origins only.

A browser sends requests to this machine for every page it shows, so listening on loopback keeps out other
machines, not other web pages. The guard refuses requests for a foreign host name (a name that its owner lets
resolve to this machine), from a foreign origin, and requests that any page can send without asking: changes
by GET, and the content types of HTML forms (https://fetch.spec.whatwg.org/#cors-safelisted-request-header).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adledger.servers.names import OwnHosts

_VARIABLE = "ADLEDGER_GUARD"
_SETTING = "web.hosts (WEB__HOSTS)"
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_GRAPHQL = "/graphql"
# no other site may frame the pages or include their files
_HEADERS = {"X-Frame-Options": "SAMEORIGIN", "Cross-Origin-Resource-Policy": "same-origin"}


def environment(host: str, further: Iterable[str]) -> dict[str, str]:
    """Variables that pass the guard's hosts to a server: the address it listens on, and further names."""
    return {_VARIABLE: json.dumps([host, *further])}


def hosts(variables: Mapping[str, str] = os.environ) -> list[str]:
    """The address to listen on and the further host names, from `environment`. Raises KeyError without."""
    return [str(host) for host in json.loads(variables[_VARIABLE])]


class Guard:
    """ASGI middleware. `hosts` are the address the server listens on, and further host names."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self.app = app
        self._own = OwnHosts(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it with a status and one line of text."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        refused = self._refusal(scope)
        if refused is None:
            await self.app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            # closed before it is accepted: the server answers 403
            await send({"type": "websocket.close", "code": 1008, "reason": ""})
        else:
            status, line = refused
            await PlainTextResponse(f"adledger: {line}\n", status)(scope, receive, send)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        named = headers.getlist("host")
        if len(named) != 1 or named[0] not in self._own:
            return 403, f"this host name is not one of the server's: add it to {_SETTING}"
        origins = headers.getlist("origin")
        if len(origins) > 1 or any(not _is_same(origin, named[0]) for origin in origins):
            return 403, "requests of other origins are refused; a proxy must pass the Host header on"
        if scope["type"] == "websocket":
            return None
        is_graphql = scope["path"].rstrip("/").endswith(_GRAPHQL)
        if scope["method"] in _READING:
            # GraphQL by GET runs mutations, too
            return (405, "send GraphQL by POST") if is_graphql and scope["query_string"] else None
        types = [value.partition(";")[0].strip().lower() for value in headers.getlist("content-type")]
        return None if types == ["application/json"] else (415, "send the content type application/json")


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
        await send(message)

    return sending


def _is_same(origin: str, host: str) -> bool:
    parts = urlsplit(origin)
    return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower()
