"""`adledger ui` on the demonstration's company, as a user starts and ends it, and what it runs."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

from adledger.servers.sandbox import write_options
from tests.company import ADLEDGER
from tests.warehouse import without_sources


@dataclass
class Opened:
    """A started `adledger ui`, its home, and the lines it has printed."""

    home: Path
    port: int
    process: subprocess.Popen[str]
    lines: list[str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait(self) -> None:
        """Read what it prints until it says where it is."""
        assert self.process.stdout
        while not self.lines or self.url not in self.lines[-1]:
            line = self.process.stdout.readline()
            assert line, self.lines
            self.lines.append(line)

    def ask(self, query: str) -> Any:
        """The web server's answer to a GraphQL query."""
        answer = urllib3.request("POST", f"{self.url}/graphql", json={"query": query}, timeout=30).json()
        assert "errors" not in answer, answer
        return answer["data"]

    def end(self, number: int) -> tuple[int, str]:
        """The exit code after that signal, and the rest of what it prints."""
        self.process.send_signal(number)
        return self.ended()

    def ended(self) -> tuple[int, str]:
        rest, _ = self.process.communicate(timeout=90)
        return self.process.returncode, rest

    def children(self) -> dict[int, str]:
        """The command lines of the processes it started that live, whoever their parent is by now."""
        found, marker = {}, f"ADLEDGER_HOME={self.home}".encode()
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit() and int(folder.name) != self.process.pid:
                with suppress(OSError):
                    environment = (folder / "environ").read_bytes().split(b"\0")
                    if any(entry.startswith(marker) for entry in environment):
                        command = (folder / "cmdline").read_bytes()
                        found[int(folder.name)] = command.replace(b"\0", b" ").decode()
        return found


def free_port() -> int:
    """A loopback port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def company_options(people: int) -> list[str]:
    """The sandbox's options for the UI's company."""
    return ["--profile=plain", f"--people={people}"]


@contextmanager
def opened_ui(home: Path, people: int) -> Iterator[Opened]:
    """Starts it with a company of that many people; killed at the end where the test did not end it."""
    (home / "demo").mkdir(parents=True, exist_ok=True)
    write_options(home / "demo", company_options(people))
    port = free_port()
    process = subprocess.Popen(
        [ADLEDGER, "ui", "--demo", "--port", str(port)],
        env=without_sources(dict(os.environ)) | {"ADLEDGER_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    opened = Opened(home, port, process, [])
    try:
        yield opened
    finally:
        if process.poll() is None:
            opened.end(signal.SIGTERM)
        for pid in opened.children():
            os.kill(pid, signal.SIGKILL)
