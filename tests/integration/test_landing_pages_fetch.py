"""The fetcher against hostile servers: each is limited by its caps, and none is private."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import pytest
import urllib3.util.connection
from hypothesis import given
from hypothesis import strategies as st

from ingestion.sources.landing_pages import fetch
from ingestion.sources.landing_pages.fetch import Fetched, Fetcher, Validators, is_public, resolve
from ingestion.sources.landing_pages.settings import Access, Caps
from ingestion.sources.landing_pages.urls import page_url

Handler = Callable[["Request", asyncio.StreamWriter], Awaitable[None]]
CAPS = Caps(connect=1.0, read=0.5, total=1.0, size=1 << 20, redirects=5)
OPEN = Access(allow_private_networks=True, seconds_between_requests=0)


class Request:
    """A received request."""

    def __init__(self, head: str) -> None:
        self.target = head.split(" ")[1]
        self.headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in head.splitlines()[1:])
        }


class Server:
    """An asyncio server on loopback in its own thread; `pages` answer paths, robots.txt allows all."""

    def __init__(self) -> None:
        self.pages: dict[str, Handler] = {"/robots.txt": reply(404)}
        self.requests: list[Request] = []
        self.connections = 0
        self.sent = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port: int = self._server.sockets[0].getsockname()[1]

    def url(self, path: str, host: str = "site.test") -> str:
        return f"http://{host}:{self.port}{path}"

    def asked(self) -> list[str]:
        return [request.target for request in self.requests if request.target != "/robots.txt"]

    def stop(self) -> None:
        async def end() -> None:
            self._server.close()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()

        self._run(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, what: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(10)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            request = Request((await reader.readuntil(b"\r\n\r\n")).decode())
            self.requests.append(request)
            handler = self.pages.get(request.target.partition("?")[0], reply(404))
            await handler(request, writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def reply(status: int, body: bytes = b"", **headers: str) -> Handler:
    async def answer(_: Request, writer: asyncio.StreamWriter) -> None:
        head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        writer.write(f"HTTP/1.1 {status} X\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    return answer


def in_turn(*handlers: Handler) -> Handler:
    left = list(handlers)

    async def answer(request: Request, writer: asyncio.StreamWriter) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(request, writer)

    return answer


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


def loopback(host: str, port: int) -> list[str]:
    return ["127.0.0.1"] if host.endswith(".test") else resolve(host, port)


def got(
    url: str, access: Access = OPEN, caps: Caps = CAPS, known: Validators | None = None, **options: Any
) -> Fetched:
    fetcher = Fetcher(access, caps, resolve=options.pop("resolve", loopback), **options)
    try:
        return fetcher.get(url, known=known)
    finally:
        fetcher.close()


# -- targets of requests ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "0.0.0.0",
        "2130706433",
        "0177.0.0.1",
        "0x7f.1",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "10.1.2.3",
        "192.168.0.1",
        "172.16.9.9",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "100.100.100.200",
        "168.63.129.16",
        "[fe80::1]",
        "224.0.0.1",
        "[2002:7f00:1::]",
        "255.255.255.255",
    ],
)
def test_private_addresses_are_refused_without_a_connection(server: Server, host: str) -> None:
    found = got(server.url("/", host), Access(seconds_between_requests=0), resolve=resolve)

    assert found.error == "private_address"
    assert found.status is None
    assert server.connections == 0


def test_a_name_that_resolves_to_a_private_address_is_refused(server: Server) -> None:
    found = got(
        server.url("/"), Access(seconds_between_requests=0), resolve=lambda *_: ["93.184.216.34", "10.0.0.1"]
    )

    assert found.error == "private_address"


def test_private_networks_can_be_allowed(server: Server) -> None:
    server.pages["/"] = reply(200, b"<p>x")

    assert got(server.url("/", "127.0.0.1"), resolve=resolve).status == 200


@pytest.fixture
def loopback_is_public(monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat a test server as public; all other addresses are judged as usual."""
    monkeypatch.setattr(fetch, "is_public", lambda found: str(found) == "127.0.0.1" or is_public(found))


@pytest.mark.usefixtures("loopback_is_public")
@pytest.mark.parametrize(
    "target",
    ["http://169.254.169.254/latest/meta-data/", "//127.0.0.2/", "http://[::1]/", "http://0x7f000002/", "http://10.0.0.1/"],
)  # fmt: skip
def test_a_redirect_does_not_lead_into_a_private_network(server: Server, target: str) -> None:
    server.pages["/"] = reply(302, Location=target)

    found = got(server.url("/?hsa_cam=1"), Access(seconds_between_requests=0))

    assert found.error == "private_address"
    assert [one.status for one in found.steps] == [302]
    assert server.asked() == ["/?hsa_cam=1"]


@pytest.mark.usefixtures("loopback_is_public")
def test_the_connection_goes_to_the_address_that_was_checked(server: Server) -> None:
    server.pages["/"] = reply(200, b"<p>x")
    answers = [["127.0.0.1"], ["127.0.0.1"], ["127.0.0.2"]]

    found = got(server.url("/"), Access(seconds_between_requests=0), resolve=lambda *_: answers.pop(0))

    # one answer for robots.txt and one for the page; the third, a private address, is never requested
    assert (found.status, answers) == (200, [["127.0.0.2"]])


ADDRESSES = (
    st.ip_addresses(v=4)
    | st.ip_addresses(v=6)
    | st.sampled_from(["127.0.0.1", "10.0.0.1", "169.254.169.254", "93.184.216.34", "::1", "::ffff:10.0.0.1"])
    | st.builds(lambda low: str(IPv6Address((0x64FF9B << 96) | low)), st.integers(0, 2**32 - 1))
).map(str)


@given(st.lists(st.lists(ADDRESSES, max_size=3), min_size=1, max_size=4), st.sampled_from(["http", "https"]))
def test_no_private_address_is_ever_connected_to(answers: list[list[str]], scheme: str) -> None:
    left = list(answers)
    connected: list[str] = []

    def changing(host: str, port: int) -> Sequence[str]:
        return left.pop(0) if len(left) > 1 else left[0]

    def connect(target: tuple[str, int], *_: Any, **__: Any) -> Any:
        connected.append(target[0])
        raise OSError("no network in tests")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(urllib3.util.connection, "create_connection", connect)
        access = Access(seconds_between_requests=0)
        found = got(f"{scheme}://site.test/", access, resolve=changing, sleep=lambda _: None)

    assert found.error
    for text in connected:
        target = ip_address(text)
        inner = target.ipv4_mapped if isinstance(target, IPv6Address) else None
        plain = inner or target
        assert not plain.is_private
        assert not plain.is_loopback
        assert not plain.is_link_local
        assert not plain.is_multicast
        assert str(plain) != str(IPv4Address("168.63.129.16"))


def test_public_addresses_are_connected_to_as_they_were_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    connected: list[tuple[str, int]] = []

    def connect(target: tuple[str, int], *_: Any, **__: Any) -> Any:
        connected.append(target)
        raise OSError("no network in tests")

    monkeypatch.setattr(urllib3.util.connection, "create_connection", connect)
    answer = ["2606:2800:21f:cb07:6820:80da:af6b:8b2c", "93.184.216.34"]
    access = Access(seconds_between_requests=0)
    found = got("https://site.test/", access, resolve=lambda *_: answer, sleep=lambda _: None)

    assert found.error == "unreachable"
    assert connected[:2] == [(answer[1], 443), (answer[0], 443)]


def test_https_verifies_the_name_and_not_the_address(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def refuse(*_: Any, **options: Any) -> Any:
        asked.update(options)
        raise ssl.SSLCertVerificationError("no certificate in tests")

    monkeypatch.setattr(ssl.SSLContext, "wrap_socket", refuse)

    found = got(f"https://site.test:{server.port}/")

    assert asked["server_hostname"] == "site.test"
    assert found.error == "certificate"


def test_an_overridden_host_keeps_its_own_name(server: Server) -> None:
    server.pages["/base/robots.txt"] = reply(404)
    server.pages["/base/demo"] = reply(301, Location=f"http://127.0.0.1:{server.port}/base/next?a=1")
    server.pages["/base/next"] = reply(200, b"<p>x")
    access = Access(True, {"www.ex.test": f"http://127.0.0.1:{server.port}/base"}, 0)

    found = got("https://www.ex.test/demo?hsa_cam=1", access, resolve=resolve)

    assert found.final_url == "https://www.ex.test/next?a=1"
    assert [(one.source, one.target) for one in found.steps] == [
        ("https://www.ex.test/demo", "https://www.ex.test/next?a=1")
    ]


# -- caps of a page ---------------------------------------------------------------------------------------


async def silent(_: Request, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(30)


def dripping(head: bytes, drop: bytes) -> Handler:
    async def answer(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(drop)
            await writer.drain()
            await asyncio.sleep(0.05)

    return answer


@pytest.mark.parametrize(
    "handler",
    [
        silent,
        dripping(b"HTTP/1.1 200 OK\r\n", b"X-Slow: 1\r\n"),
        dripping(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 99999\r\n\r\n", b"x"),
        dripping(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        dripping(
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"")[:10],
            b"\x00\x00\x00\xff\xff",
        ),
    ],
    ids=["silent", "headers", "body", "chunks", "continue", "empty gzip blocks"],
)  # fmt: skip
def test_an_endless_answer_stops_at_the_cap(server: Server, handler: Handler) -> None:
    server.pages["/"] = handler
    began = time.monotonic()

    found = got(server.url("/"))

    assert found.error == "timeout"
    assert time.monotonic() - began < CAPS.total + 0.7


def test_a_silent_server_stops_at_the_cap_once(server: Server) -> None:
    server.pages["/robots.txt"] = silent
    fetcher = Fetcher(OPEN, CAPS, resolve=loopback)
    began = time.monotonic()

    found = [fetcher.get(server.url(f"/{number}")) for number in range(20)]

    assert {one.error for one in found} == {"timeout"}
    assert time.monotonic() - began < CAPS.total + 0.7
    fetcher.close()


def test_a_silent_host_is_skipped_after_two_pages(server: Server) -> None:
    server.pages |= {f"/{number}": silent for number in range(20)}
    fetcher = Fetcher(OPEN, CAPS, resolve=loopback)

    found = Counter(fetcher.get(server.url(f"/{number}")).error for number in range(20))

    assert found == {"timeout": 2, "host_unreachable": 18}
    fetcher.close()


def test_a_silent_name_server_stops_at_the_cap() -> None:
    gate = threading.Event()
    began = time.monotonic()

    def stuck(host: str, port: int) -> list[str]:
        gate.wait(10)
        return []

    found = got("http://site.test/", resolve=stuck)
    elapsed = time.monotonic() - began
    gate.set()

    assert found.error == "timeout"
    assert elapsed < CAPS.total + 0.7


def endless(server: Server, head: bytes, piece: bytes) -> Handler:
    async def answer(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while server.sent < 1 << 30:
            writer.write(piece)
            server.sent += len(piece)
            await writer.drain()

    return answer


@pytest.mark.parametrize(
    "head",
    [b"Content-Length: 1073741824\r\n", b"", b"Transfer-Encoding: chunked\r\n"],
    ids=["announced", "until it closes", "chunks"],
)
def test_a_page_of_a_gigabyte_stops_at_the_cap(server: Server, head: bytes) -> None:
    piece = b"x" * 65_536
    chunk = b"10000\r\n" + piece + b"\r\n" if b"chunked" in head else piece
    server.pages["/"] = endless(
        server, b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n" + head + b"\r\n", chunk
    )

    found = got(server.url("/"), caps=Caps(size=1 << 20, total=10))

    assert (found.error, found.is_whole, len(found.body)) == ("too_large", False, 1 << 20)
    # plus the buffers of the sockets
    assert server.sent < 32 << 20


def test_a_compressed_bomb_is_unpacked_only_to_the_cap(server: Server) -> None:
    bomb = gzip.compress(bytes(64 << 20), 9)
    server.pages["/"] = reply(200, bomb, Content_Type="text/html", Content_Encoding="gzip")
    began = time.process_time()

    found = got(server.url("/"), caps=Caps(size=1 << 20, total=10))

    assert (found.error, len(found.body)) == ("too_large", 1 << 20)
    assert time.process_time() - began < 1


def test_garbage_is_a_bad_response(server: Server) -> None:
    server.pages["/a"] = dripping(b"\x16\x03\x01 no http at all\r\n\r\n", b"x")
    server.pages["/b"] = reply(200, b"not gzip", Content_Encoding="gzip")

    assert got(server.url("/a")).error in ("bad_response", "unreachable")
    assert got(server.url("/b")).error == "bad_response"


# -- redirects --------------------------------------------------------------------------------------------


def test_redirects_are_recorded_step_by_step(server: Server) -> None:
    server.pages["/ad"] = reply(301, Location="/one?hsa_cam=1&gclid=G&utm_source=x&plan=pro")
    server.pages["/one"] = reply(302, Location="two?hsa_cam=1&gclid=other#top")
    server.pages["/two"] = reply(200, b"<p>x", Content_Type="text/html")

    found = got(server.url("/ad?hsa_cam=1&gclid=G&utm_source=x&plan=pro"))

    steps = [(one.status, one.source, one.target, one.kept, one.dropped) for one in found.steps]
    assert steps == [
        (
            301,
            server.url("/ad?plan=pro"),
            server.url("/one?plan=pro"),
            ("hsa_cam", "gclid", "utm_source"),
            (),
        ),
        (302, server.url("/one?plan=pro"), server.url("/two"), ("hsa_cam",), ("gclid", "utm_source")),
    ]
    assert found.final_url == server.url("/two")
    assert server.asked()[-1] == "/two?hsa_cam=1&gclid=other"
    assert dict(found.arrived) == {"hsa_cam": "1", "gclid": "other"}


def test_a_redirect_loop_ends(server: Server) -> None:
    server.pages["/a"] = reply(302, Location="/b")
    server.pages["/b"] = reply(302, Location="/a#again")

    found = got(server.url("/a"))

    assert found.error == "redirect_loop"
    assert server.asked() == ["/a", "/b"]


def test_a_chain_without_end_ends(server: Server) -> None:
    server.pages |= {f"/{number}": reply(302, Location=f"/{number + 1}") for number in range(20)}

    found = got(server.url("/0"))

    assert found.error == "too_many_redirects"
    assert len(found.steps) == CAPS.redirects


@pytest.mark.parametrize(
    "target", ["ftp://site.test/", "javascript:alert(1)", "http://[::1", "http://a:b@site.test/"]
)
def test_a_redirect_to_an_invalid_url_ends(server: Server, target: str) -> None:
    server.pages["/"] = reply(302, Location=target)

    assert got(server.url("/")).error == "bad_address"


# -- robots.txt and pace ----------------------------------------------------------------------------------


def test_robots_txt_is_fetched_once_and_obeyed(server: Server) -> None:
    own = b"Disallow: /intern*/draft$\nDisallow: /secret\nAllow: /secret/open\n"
    rules = b"User-agent: *\nAllow: /\n\nUser-agent: adledger\n" + own
    server.pages["/robots.txt"] = reply(200, rules)
    server.pages |= {
        path: reply(200, b"<p>x") for path in ("/secret", "/secret/open", "/internal/draft", "/demo")
    }
    fetcher = Fetcher(OPEN, CAPS, resolve=loopback)

    found = {
        path: fetcher.get(server.url(path))
        for path in ("/secret", "/secret/open", "/internal/draft", "/demo")
    }
    fetcher.close()

    assert {path: one.error for path, one in found.items()} == {
        "/secret": "robots_disallowed",
        "/secret/open": None,
        "/internal/draft": "robots_disallowed",
        "/demo": None,
    }
    assert [one.robots_allowed for one in found.values()] == [False, True, False, True]
    assert server.asked() == ["/secret/open", "/demo"]
    assert sum(request.target == "/robots.txt" for request in server.requests) == 1


@pytest.mark.parametrize(
    ("robots", "error"),
    [
        (reply(404), None),
        (reply(403), None),
        (reply(500), "robots_unreachable"),
        (reply(200, b"\xff\xfe<html>"), None),
        (reply(302, Location="/robots.txt"), None),
    ],
)
def test_results_without_a_robots_txt(server: Server, robots: Handler, error: str | None) -> None:
    server.pages["/robots.txt"] = robots
    server.pages["/"] = reply(200, b"<p>x")

    assert got(server.url("/")).error == error


def test_robots_txt_of_a_redirect_target_is_obeyed(server: Server) -> None:
    server.pages["/robots.txt"] = reply(200, b"User-agent: *\nDisallow: /private")
    server.pages["/"] = reply(302, Location="/private")

    found = got(server.url("/"))

    assert (found.error, len(found.steps), server.asked()) == ("robots_disallowed", 1, ["/"])


def test_a_page_with_forbidden_queries_is_fetched_without_query(server: Server) -> None:
    server.pages["/robots.txt"] = reply(200, b"User-agent: *\nDisallow: /*?")
    server.pages["/demo"] = reply(200, b"<p>x")
    page = page_url(server.url("/demo"))
    fetcher = Fetcher(OPEN, CAPS, resolve=loopback)

    found = fetcher.get(page.fetch_url, fallback=page.url)
    fetcher.close()

    assert (found.error, found.robots_allowed, dict(found.asked)) == (None, True, {})
    assert server.asked() == ["/demo"]


def test_requests_to_a_host_are_paced(server: Server) -> None:
    server.pages["/robots.txt"] = reply(200, b"User-agent: *\nCrawl-delay: 7")
    server.pages["/"] = reply(200, b"<p>x")
    now = [1000.0]
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        now[0] += seconds

    access = Access(True, {}, 2.0)
    got(server.url("/"), access, sleep=sleep, clock=lambda: now[0])
    server.pages["/robots.txt"] = reply(404)
    got(server.url("/"), access, sleep=sleep, clock=lambda: now[0])

    assert pauses == [pytest.approx(7, abs=0.1), pytest.approx(2, abs=0.1)]


def test_requests_have_the_user_agent(server: Server) -> None:
    server.pages["/"] = reply(200, b"<p>x")
    got(server.url("/"))

    assert {request.headers["user-agent"].split()[0] for request in server.requests} == {"adledger"}
    assert {request.headers["host"] for request in server.requests} == {f"site.test:{server.port}"}


# -- retries ---------------------------------------------------------------------------------------------


def test_a_temporary_failure_is_retried_once(server: Server) -> None:
    async def cut(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    server.pages["/busy"] = in_turn(reply(503, Retry_After="1"), reply(200, b"<p>x"))
    server.pages["/cut"] = in_turn(cut, reply(200, b"<p>x"))
    pauses: list[float] = []

    assert got(server.url("/busy"), sleep=pauses.append).status == 200
    assert got(server.url("/cut"), sleep=pauses.append).status == 200
    assert pauses == [1, 0.5]


def test_a_refused_connection_is_not_a_timeout() -> None:
    pauses: list[float] = []
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    found = got(f"http://site.test:{port}/", sleep=pauses.append)

    assert (found.error, pauses) == ("unreachable", [0.5])


def test_a_connection_that_is_never_accepted_is_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*_: Any, **__: Any) -> Any:
        raise TimeoutError("timed out")

    monkeypatch.setattr(urllib3.util.connection, "create_connection", connect)

    assert got("http://site.test/").error == "timeout"


@pytest.mark.parametrize(("status", "asked"), [(404, 1), (403, 1), (500, 1), (503, 2)])
def test_a_permanent_failure_is_recorded(server: Server, status: int, asked: int) -> None:
    server.pages["/"] = reply(status, b"<p>x")

    found = got(server.url("/"), sleep=lambda _: None)

    assert (found.error, found.status, len(server.asked())) == ("http_status", status, asked)


def test_an_unchanged_page_is_not_sent_again(server: Server) -> None:
    async def answer(request: Request, writer: asyncio.StreamWriter) -> None:
        same = request.headers.get("if-none-match") == 'W/"1"'
        await reply(304 if same else 200, b"" if same else b"<p>x", ETag='W/"1"')(request, writer)

    server.pages["/new"] = answer
    server.pages["/old"] = reply(302, Location="/new?hsa_cam=1")
    known = Validators(server.url("/new"), 'W/"1"', "Sun, 01 Nov 2026 06:00:00 GMT")

    found = got(server.url("/old?hsa_cam=1"), known=known)

    assert (found.not_modified, found.body, found.error) == (True, b"", None)
    conditional = [request.target for request in server.requests if "if-modified-since" in request.headers]
    assert conditional == ["/new?hsa_cam=1"]
