"""Servers that the command line starts as its own children, watches, and ends with itself."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

LOOPBACK = "127.0.0.1"
POLL_SECONDS = 0.2
_SECTIONS = ("SOURCES__", "ALERTS__", "INSTANCE__", "DESTINATION__")


class ServerFailed(Exception):
    """A server could not start, or a part of it ended by itself."""


class Stopped(Exception):
    """A signal came before the server answered."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


class Signals:
    """Remembers the first signal that asks to end, so that none interrupts starting or ending a process."""

    def __init__(self) -> None:
        self.number: int | None = None

    def __enter__(self) -> Signals:
        wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        # nohup keeps its meaning; Ctrl-C does even where a shell's & took it away, from the children too
        self._before = {
            number: signal.signal(number, self._see)
            for number in wanted
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN
        }
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _see(self, number: int, _: FrameType | None) -> None:
        self.number = self.number or number

    def check(self) -> None:
        """Raises Stopped once a signal has come."""
        if self.number is not None:
            raise Stopped(self.number)


@dataclass(frozen=True)
class Part:
    """A running process and what an error calls it."""

    name: str
    process: subprocess.Popen[Any]
    log: Path


@dataclass(frozen=True)
class Address:
    """What the web server listens on; `host` is an IPv4 address or a name of one."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """Where a browser on this machine finds it."""
        return f"http://{LOOPBACK if self.host == '0.0.0.0' else self.host}:{self.port}"

    @property
    def is_private(self) -> bool:
        """Whether this machine alone reaches it."""
        return self.host.startswith("127.") or self.host == "localhost"

    def check(self, options: str = "--port or --host") -> None:
        """Raises ServerFailed where it cannot be listened on; `options` choose another."""
        with socket.socket() as probe:
            # as the web server binds it
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.host, self.port))
            except OSError as error:
                raise ServerFailed(
                    f"cannot listen on {self.host}:{self.port} ({(error.strerror or str(error)).lower()}):"
                    f" end what uses it, or choose another with {options}"
                ) from error


def reading_environment() -> dict[str, str]:
    """The environment without what a reader of the published file need not know: settings and secrets."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_SECTIONS)}


def start(command: Sequence[str], output: int, **options: Any) -> subprocess.Popen[Any]:
    """A module of this Python as a child of its own session, which Ctrl-C in the terminal does not reach."""
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
        **options,
    )


def check(parts: Sequence[Part]) -> None:
    """Raises ServerFailed where a part has ended by itself."""
    for part in parts:
        if part.process.poll() is not None:
            raise ServerFailed(f"{part.name} ended by itself, so what it served is closed: see {part.log}")


def end(processes: Sequence[subprocess.Popen[Any]], seconds: float) -> None:
    """Interrupts the processes, and kills what is left of their sessions after that time."""
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
    until = time.monotonic() + seconds
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, until - time.monotonic()))
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
