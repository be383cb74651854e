"""A loopback server that answers from recorded exchanges, and keeps what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

FOLDER = Path(__file__).parent


@dataclass
class Exchange:
    """One answer, given when path, listed query values and a part of the body fit, at most `times` times."""

    name: str
    path: str
    answer: Any = None
    method: str = "GET"
    query: dict[str, str | None] = field(default_factory=dict)
    contains: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    raw: str | None = None
    times: int | None = None

    def fits(self, request: Request) -> bool:
        """Whether this answers the request; a query value of None means that the parameter is absent."""
        asked = {key: request.query.get(key) for key in self.query}
        same = self.method == request.method and self.path == request.path and asked == self.query
        return same and self.contains in request.body and self.times != 0


@dataclass(frozen=True)
class Request:
    """What came in. `target` is the request target as it was on the wire."""

    method: str
    target: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: str


@dataclass
class Recorded:
    """The running server."""

    url: str
    exchanges: list[Exchange]
    requests: list[Request] = field(default_factory=list)
    #: the answer to a request that fits no exchange
    unknown: Exchange | None = None

    def __getitem__(self, name: str) -> Exchange:
        return next(exchange for exchange in self.exchanges if exchange.name == name)

    def first(self, exchange: Exchange) -> None:
        """Lets an exchange take precedence."""
        self.exchanges.insert(0, exchange)

    def asked(self, path: str) -> list[Request]:
        """Requests for a path, in order."""
        return [request for request in self.requests if request.path == path]


def exchanges(source: str) -> list[Exchange]:
    """The exchanges of `<source>.json`."""
    return [Exchange(**entry) for entry in json.loads((FOLDER / f"{source}.json").read_text())]


@contextmanager
def serve(source: str) -> Iterator[Recorded]:
    """Serves the exchanges of a source on a free loopback port."""
    state = Recorded("", exchanges(source))
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # headers and body in one packet: two of them wait for a delayed acknowledgement

        def handle_any(self) -> None:
            parts = urlsplit(self.path)
            size = int(self.headers.get("Content-Length") or 0)
            request = Request(
                self.command,
                self.path,
                parts.path,
                {key: values[-1] for key, values in parse_qs(parts.query, keep_blank_values=True).items()},
                {key.lower(): value for key, value in self.headers.items()},
                self.rfile.read(size).decode(),
            )
            with lock:
                state.requests.append(request)
                exchange = next((item for item in state.exchanges if item.fits(request)), None)
                if exchange is not None and exchange.times is not None:
                    exchange.times -= 1
            if exchange is None:
                nothing = {"message": f"no recording for {request.path}"}
                exchange = state.unknown or Exchange("none", "", answer=nothing, status=404)
            text = exchange.raw if exchange.raw is not None else json.dumps(exchange.answer)
            # bytes that are no UTF-8 stand as surrogates
            body = text.replace("{base}", state.url).encode(errors="surrogateescape")
            self.send_response(exchange.status)
            for key, value in {"Content-Type": "application/json", **exchange.headers}.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = handle_any
        do_POST = handle_any

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
