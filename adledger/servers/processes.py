"""Child processes of the command line: start them, monitor them, and stop them when it ends."""

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

from orchestration.execution import parent

LOOPBACK = "127.0.0.1"
POLL_SECONDS = 0.2
_SECTIONS = ("SOURCES__", "ALERTS__", "INSTANCE__", "DESTINATION__")


class ServerFailed(Exception):
    """A server could not start, or one of its processes ended unexpectedly."""


class Stopped(Exception):
    """A signal arrived before the server was ready."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


class Signals:
    """Records the first termination signal, so that no signal interrupts starting or ending a process."""

    def __init__(self) -> None:
        self.number: int | None = None

    def __enter__(self) -> Signals:
        handled = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        # Respect nohup's ignored SIGHUP. Handle SIGINT even if a shell started us in the background with &,
        # which ignores it for us and our children.
        self._before = {
            number: signal.signal(number, self._record)
            for number in handled
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN
        }
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _record(self, number: int, _: FrameType | None) -> None:
        self.number = self.number or number

    def check(self) -> None:
        """Raises Stopped if a signal has arrived."""
        if self.number is not None:
            raise Stopped(self.number)


@dataclass(frozen=True)
class Part:
    """A running process, its name in error messages, and its log."""

    name: str
    process: subprocess.Popen[Any]
    log: Path


@dataclass(frozen=True)
class Address:
    """Address a web server listens on; `host` is an IPv4 address or a host name."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """URL for a browser on this machine."""
        return f"http://{LOOPBACK if self.host == '0.0.0.0' else self.host}:{self.port}"

    @property
    def is_private(self) -> bool:
        """True if only this machine can reach it."""
        return self.host.startswith("127.") or self.host == "localhost"

    def check(self, options: str = "--port or --host") -> None:
        """Raises ServerFailed if the address is not available; `options` names the options that change it."""
        with socket.socket() as probe:
            # bind with the same option as the web server
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.host, self.port))
            except OSError as error:
                raise ServerFailed(
                    f"cannot listen on {self.host}:{self.port} ({(error.strerror or str(error)).lower()}):"
                    f" stop the program that uses it, or choose another address with {options}"
                ) from error


def environment_without_settings() -> dict[str, str]:
    """The environment without settings and secrets, which readers of the published file do not need."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_SECTIONS)}


def start(command: Sequence[str], output: int, **options: Any) -> subprocess.Popen[Any]:
    """Starts a Python module as a child process in its own session, where Ctrl-C does not reach it.

    The child ends with this process, also if this one is killed.
    """
    options["env"] = parent.tied(options.get("env", os.environ))
    return subprocess.Popen(
        [sys.executable, parent.__file__, *command],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
        **options,
    )


def check(parts: Sequence[Part]) -> None:
    """Raises ServerFailed if a process has ended unexpectedly."""
    for part in parts:
        if part.process.poll() is not None:
            raise ServerFailed(f"{part.name} ended unexpectedly: see {part.log}")


def end(processes: Sequence[subprocess.Popen[Any]], seconds: float) -> None:
    """Interrupts the processes and, after `seconds`, kills all that remain of their sessions."""
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
