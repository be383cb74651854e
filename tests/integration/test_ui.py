"""The UI's processes: where they listen, and that none outlives the command, however it ends."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path

import pytest
import urllib3

from tests.opened import Opened, opened_ui


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that passes for refreshed, so that opening it refreshes nothing."""
    home = tmp_path_factory.mktemp("home")
    (home / "demo").mkdir()
    (home / "demo" / "serving.duckdb").touch()
    return home


def _assert_nothing_left(opened: Opened) -> None:
    until = time.monotonic() + 5
    while (left := opened.children()) and time.monotonic() < until:
        time.sleep(0.1)
    assert left == {}
    socket.create_server(("127.0.0.1", opened.port)).close()


def _listeners(port: int) -> set[str]:
    """The local addresses, as the kernel prints them, that anything listens on with that port."""
    tables = [Path(f"/proc/net/{name}").read_text().splitlines() for name in ("tcp", "tcp6")]
    rows = [row.split() for table in tables for row in table]
    local = [row[1].split(":") for row in rows if row[3] == "0A"]
    return {address for address, number in local if int(number, 16) == port}


def test_it_answers_on_loopback_alone_and_ctrl_c_leaves_nothing(home: Path) -> None:
    with opened_ui(home, 20) as opened:
        opened.wait()
        assert "clock is fixed at 2026-11-01 06:00 UTC" in opened.lines[0]
        assert str(home / "demo" / "logs" / "ui.log") in opened.lines[-1]
        assert len(opened.lines) == 2
        assert _listeners(opened.port) == {"0100007F"}
        (node,) = opened.ask("""{ assetNodes(assetKeys: [{path: ["raw", "google_ads", "campaign_metrics"]}])
            { isMaterializable isPartitioned } }""")["assetNodes"]
        assert node == {"isMaterializable": True, "isPartitioned": False}
        for headers in ({"Host": "foreign.example"}, {"Origin": "http://foreign.example"}):
            answer = urllib3.request(
                "POST", f"{opened.url}/graphql", json={"query": "{ version }"}, headers=headers
            )
            assert answer.status == 403
        assert urllib3.request("GET", f"{opened.url}/graphql?query=%7Bversion%7D").status == 405
        assert urllib3.request("GET", f"{opened.url}/runs").status == 200
        commands = " ".join(opened.children().values())
        assert all(part in commands for part in ("guarded_webserver", "dagster._daemon", "sandbox.serve"))
        assert opened.end(signal.SIGINT) == (0, "")
        _assert_nothing_left(opened)


def test_it_closes_when_the_web_server_dies(home: Path) -> None:
    with opened_ui(home, 20) as opened:
        opened.wait()
        (web,) = [pid for pid, command in opened.children().items() if "guarded_webserver" in command]
        os.kill(web, signal.SIGKILL)
        code, said = opened.ended()
        assert code == 1
        (line,) = said.splitlines()
        log = home / "demo" / "logs" / "ui.log"
        assert line == f"adledger: Dagster's web server ended unexpectedly: see {log}"
        _assert_nothing_left(opened)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_during_start_up_leaves_nothing(home: Path, number: signal.Signals) -> None:
    with opened_ui(home, 20) as opened:
        until = time.monotonic() + 30
        while not any("code-server" in command for command in opened.children().values()):
            assert time.monotonic() < until
            time.sleep(0.05)
        code, _ = opened.end(number)
        assert code == 128 + number
        _assert_nothing_left(opened)
