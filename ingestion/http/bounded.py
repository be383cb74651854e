"""Send a request within a deadline and read its answer up to a size, as sent and decompressed.

A socket's time-out restarts with every byte, so it does not end an answer that drips: a watchdog shuts the
connection at the deadline.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from ingestion import limits

CONNECT_SECONDS, READ_SECONDS = 5.0, 60.0
_PIECE = 1 << 18
_LOOKS_EVERY, _IDLE_SECONDS = 0.2, 5.0


class TooSlow(Exception):
    """No complete answer within the deadline."""


class TooLarge(Exception):
    """A body beyond a limit; `limit` is its setting."""

    def __init__(self, limit: limits.Limit, value: int) -> None:
        super().__init__(f"more than {value} MB ({limit.name})")


@dataclass(frozen=True)
class Reply:
    """A response before it is checked for errors. Header names are case-insensitive."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Watch(threading.local):
    """The deadline of this thread's request: connections register the socket that they read from."""

    current: _Deadline | None = None


_WATCH = _Watch()


class _Deadline:
    """The end of one request, from the start of `with`. Entering and leaving costs microseconds."""

    def __init__(self, seconds: float) -> None:
        self.is_over = False
        self.ends = time.monotonic() + seconds
        self._sock: Any = None
        self._lock = threading.Lock()

    def __enter__(self) -> _Deadline:
        _WATCHDOG.add(self)
        _WATCH.current = self
        return self

    def __exit__(self, *_: object) -> None:
        _WATCH.current = None
        _WATCHDOG.remove(self)
        with self._lock:
            # another request may use the connection from now on
            self._sock = None

    def watch(self, sock: Any) -> None:
        with self._lock:
            self._sock = sock
            if self.is_over:
                _shut(sock)

    def end(self) -> None:
        with self._lock:
            self.is_over = True
            if self._sock is not None:
                _shut(self._sock)


class _Watchdog:
    """One thread for the deadlines of all requests of this process; it ends when there are none for a while.

    A timer per request would start a thread for each, which costs as much as the request.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[_Deadline] = set()
        self._thread: threading.Thread | None = None

    def add(self, deadline: _Deadline) -> None:
        with self._lock:
            self._running.add(deadline)
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="deadlines", daemon=True)
                self._thread.start()

    def remove(self, deadline: _Deadline) -> None:
        with self._lock:
            self._running.discard(deadline)

    def _watch(self) -> None:
        idle_since = time.monotonic()
        while True:
            time.sleep(_LOOKS_EVERY)
            now = time.monotonic()
            with self._lock:
                over = [each for each in self._running if each.ends <= now]
                self._running.difference_update(over)
                if self._running or over:
                    idle_since = now
                elif now - idle_since > _IDLE_SECONDS:
                    self._thread = None
                    return
            for each in over:
                each.end()


def _renew() -> None:
    # a forked process has neither the thread nor its requests
    global _WATCHDOG
    _WATCHDOG = _Watchdog()


_WATCHDOG = _Watchdog()
os.register_at_fork(after_in_child=_renew)


def _shut(sock: socket.socket) -> None:
    try:
        # shut the plain socket, because TLS would wait for a closing handshake
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
    except OSError:
        return


class _Watched(HTTPConnection):
    def getresponse(self) -> Any:
        """Read the answer's head; from here on the deadline may shut the connection."""
        if _WATCH.current is not None and self.sock is not None:
            _WATCH.current.watch(self.sock)
        return super().getresponse()


class _WatchedTls(_Watched, HTTPSConnection):
    pass


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Watched


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _WatchedTls


class Sender:
    """Connections to one host, through the proxy that the environment sets for it. Raises SettingError."""

    def __init__(self, scheme: str, host: str, concurrency: int) -> None:
        self._seconds = limits.REQUEST_SECONDS.read()
        self._sent, self._decoded = limits.BODY_MEGABYTES.read(), limits.DECODED_MEGABYTES.read()
        options: dict[str, Any] = {"maxsize": concurrency, "block": True}
        # requests to this machine must not go through a proxy that the shell happens to set
        local = host in ("127.0.0.1", "localhost", "::1")
        proxy = None if local or proxy_bypass(host) else getproxies().get(scheme)
        self._pool = urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)
        self._pool.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        """Send a request and return its answer. Raises TooSlow, TooLarge and urllib3's HTTPError."""
        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=min(READ_SECONDS, self._seconds))
        with _Deadline(self._seconds) as deadline:
            try:
                answer = self._pool.request(
                    method,
                    url,
                    headers=dict(headers),
                    body=body,
                    timeout=timeout,
                    retries=False,
                    redirect=False,
                    preload_content=False,
                )
                content = self._read(answer)
            except (OSError, ValueError, urllib3.exceptions.HTTPError):
                # a connection that was shut at the deadline can raise different errors
                if deadline.is_over:
                    raise TooSlow(f"no complete answer within {self._seconds} s") from None
                raise
            if deadline.is_over:
                raise TooSlow(f"no complete answer within {self._seconds} s")
        return Reply(answer.status, answer.headers, content)

    def _read(self, answer: urllib3.BaseHTTPResponse) -> bytes:
        pieces: list[bytes] = []
        held = 0
        while piece := answer.read1(_PIECE, decode_content=True):
            pieces.append(piece)
            held += len(piece)
            for limit, value, size in (
                (limits.BODY_MEGABYTES, self._sent, answer.tell()),
                (limits.DECODED_MEGABYTES, self._decoded, held),
            ):
                if size > value << 20:
                    answer.close()
                    raise TooLarge(limit, value)
        answer.release_conn()
        return b"".join(pieces)
