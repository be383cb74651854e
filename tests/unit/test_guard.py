"""The guard of the web servers: own hosts and origins, and nothing that any page can send without asking."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from adledger.servers.guard import Guard, environment, hosts
from adledger.servers.guarded_webserver import GuardedWebserver
from adledger.servers.hosts import further_hosts
from ingestion.errors import SettingError

JSON = {"content-type": "application/json"}


async def _answer(_: Request) -> PlainTextResponse:
    return PlainTextResponse("reached")


async def _stream(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("reached")
    await websocket.close()


def _client(*own: str) -> TestClient:
    methods = ["GET", "POST", "PUT", "DELETE"]
    routes = [
        WebSocketRoute("/graphql", _stream),
        Route("/{path:path}", _answer, methods=methods),
    ]
    app = Starlette(routes=routes, middleware=[Middleware(Guard, hosts=own)])
    return TestClient(app, base_url="http://127.0.0.1:3000")


@pytest.fixture
def client() -> Iterator[TestClient]:
    with _client("127.0.0.1", "ads.example.com") as client:
        yield client


@pytest.mark.parametrize(
    ("listening", "host", "status"),
    [
        ("127.0.0.1", "127.0.0.1:3000", 200),
        ("127.0.0.1", "localhost:3000", 200),
        ("127.0.0.1", "LOCALHOST", 200),
        ("127.0.0.1", "localhost.", 200),
        ("127.0.0.1", "[::1]:3000", 200),
        ("127.0.0.1", "127.0.0.2", 200),
        ("127.0.0.1", "ads.example.com", 200),
        ("127.0.0.1", "ads.example.com:8443", 200),
        ("127.0.0.1", "foreign.example", 403),
        ("127.0.0.1", "localhost.foreign.example", 403),
        ("127.0.0.1", "x.ads.example.com", 403),
        ("127.0.0.1", "192.0.2.7", 403),
        ("127.0.0.1", "127.0.0.1@foreign.example", 403),
        ("127.0.0.1", "127.0.0.1:port", 403),
        ("127.0.0.1", "localhost/", 403),
        ("127.0.0.1", "", 403),
        ("192.0.2.7", "192.0.2.7:3000", 200),
        ("192.0.2.7", "192.0.2.8:3000", 403),
        ("0.0.0.0", "192.0.2.7:3000", 200),
        ("0.0.0.0", "foreign.example", 403),
        ("::", "[2001:db8::1]:3000", 200),
    ],
)
def test_only_own_hosts_are_answered(listening: str, host: str, status: int) -> None:
    with _client(listening, "ads.example.com") as client:
        answer = client.get("/runs", headers={"host": host})
        assert answer.status_code == status
        if status == 403:
            assert "web.hosts" in answer.text
            assert host not in answer.text or not host


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        # what the UI sends
        ("GET", "/", {}, 200),
        ("GET", "/runs?view=all", {"sec-fetch-site": "cross-site"}, 200),
        ("POST", "/graphql", {**JSON, "origin": "http://127.0.0.1:3000"}, 200),
        ("POST", "/graphql", {"content-type": "Application/JSON; charset=utf-8"}, 200),
        # other origins
        ("POST", "/graphql", {**JSON, "origin": "http://foreign.example"}, 403),
        ("POST", "/graphql", {**JSON, "origin": "http://127.0.0.1:8000"}, 403),
        ("POST", "/graphql", {**JSON, "origin": "null"}, 403),
        ("GET", "/", {"origin": "http://foreign.example"}, 403),
        # GraphQL by GET
        ("GET", "/graphql", {}, 200),
        ("GET", "/graphql?query=x", {}, 405),
        ("GET", "/graphql/?query=x", {}, 405),
        ("HEAD", "/graphql?query=x", {}, 405),
        # types that a form can send
        ("POST", "/graphql", {"content-type": "application/x-www-form-urlencoded"}, 415),
        ("POST", "/graphql", {"content-type": "multipart/form-data; boundary=x"}, 415),
        ("POST", "/graphql", {"content-type": "text/plain"}, 415),
        ("POST", "/graphql", {"content-type": "text/plain; charset=application/json"}, 415),
        ("POST", "/graphql?query=x", {}, 415),
        ("POST", "/report_asset_check/x", {}, 415),
        ("DELETE", "/graphql", {}, 415),
    ],
)
def test_only_what_the_own_pages_send_is_answered(
    client: TestClient, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    assert client.request(method, path, headers=headers).status_code == status


@pytest.mark.parametrize(
    ("headers", "reached"),
    [
        ({}, True),
        ({"origin": "http://127.0.0.1:3000"}, True),
        ({"host": "ads.example.com", "origin": "https://ads.example.com"}, True),
        ({"origin": "http://foreign.example"}, False),
        ({"origin": "http://ads.example.com"}, False),
        ({"origin": "http://127.0.0.1:3000", "host": "foreign.example"}, False),
        ({"origin": "http://foreign.example", "host": "foreign.example"}, False),
    ],
)
def test_only_own_pages_open_a_websocket(client: TestClient, headers: dict[str, str], reached: bool) -> None:
    headers = {"host": "127.0.0.1:3000", **headers}
    if reached:
        with client.websocket_connect("/graphql", headers=headers) as opened:
            assert opened.receive_text() == "reached"
    else:
        with pytest.raises(WebSocketDisconnect), client.websocket_connect("/graphql", headers=headers):
            pass


def test_no_other_site_may_frame_or_include_the_pages(client: TestClient) -> None:
    headers = client.get("/").headers
    assert headers["x-frame-options"] == "SAMEORIGIN"
    assert headers["cross-origin-resource-policy"] == "same-origin"


def test_the_web_server_of_dagster_stands_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment("127.0.0.1", ["ads.example.com"]).items():
        monkeypatch.setenv(name, value)
    first = GuardedWebserver.build_middleware(_Unset())[0]
    assert first.cls is Guard
    assert first.kwargs == {"hosts": ["127.0.0.1", "ads.example.com"]}


class _Unset(GuardedWebserver):
    """A web server without its workspace."""

    def __init__(self) -> None:
        pass


def test_a_server_without_its_hosts_does_not_start() -> None:
    with pytest.raises(KeyError):
        hosts({})


def test_the_setting_takes_host_names_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB__HOSTS", "Ads.example.com, adledger, 192.0.2.7")
    assert further_hosts() == ("ads.example.com", "adledger", "192.0.2.7")
    for bad in ("https://ads.example.com", "ads.example.com:443", "*"):
        monkeypatch.setenv("WEB__HOSTS", bad)
        with pytest.raises(SettingError, match=r"web\.hosts contains"):
            further_hosts()
