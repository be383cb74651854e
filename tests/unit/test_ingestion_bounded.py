"""An answer ends at the deadline and at the size limits, however the server sends it; TLS must be valid."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ingestion.errors import CertificateError, ResponseError, SettingError, UnreachableError
from ingestion.http.client import Client, Policy, StaticToken

Serve = Callable[[socket.socket], None]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@contextmanager
def serving(answer: Serve, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """Answers every connection to a loopback port; yields the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def handle(connection: socket.socket) -> None:
            with suppress(OSError), connection:
                wrapped = context.wrap_socket(connection, server_side=True) if context else connection
                while wrapped.recv(65536):
                    answer(wrapped)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    threading.Thread(target=handle, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def _client(port: int, scheme: str = "http") -> Client:
    return Client(
        Policy("hubspot", lambda *_: None),
        f"{scheme}://127.0.0.1:{port}",
        token=StaticToken("sources.hubspot.access_token", "tok-secret"),
        sleep=lambda _: None,
    )


def _whole(body: bytes, *headers: str) -> Serve:
    head = HEAD + b"".join(f"{line}\r\n".encode() for line in headers)
    return lambda to: to.sendall(head + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)


def _dripping(start: bytes) -> Serve:
    def answer(to: socket.socket) -> None:
        to.sendall(start)
        while True:
            to.sendall(b"x")
            time.sleep(0.05)

    return answer


#: 60 MB when it is decompressed.
COMPRESSED = gzip.compress(b'"' + b"x" * (60 << 20) + b'"')


def test_an_answer_within_the_limits_is_read_and_the_connection_kept() -> None:
    ports: set[Any] = set()

    def answer(to: socket.socket) -> None:
        ports.add(to.getpeername())
        _whole(gzip.compress(b'{"a": 1}'), "Content-Encoding: gzip")(to)

    with serving(answer) as port:
        client = _client(port)
        assert [client.get("/x").document for _ in range(3)] == [{"a": 1}] * 3
        client.close()
    assert len(ports) == 1


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\nX-Slow: ", HEAD + b"Content-Length: 100000\r\n\r\n["])
def test_an_answer_that_drips_ends_at_the_deadline(start: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingestion.http.bounded.limits.Limit.read", lambda limit: min(limit.default, 1))
    with serving(_dripping(start)) as port:
        began = time.monotonic()
        with pytest.raises(
            UnreachableError, match=r"too slow, no complete answer within 1 s \(limits\.request_s"
        ):
            _client(port).get("/x")
        # two attempts
        assert 2 <= time.monotonic() - began < 4


@pytest.mark.parametrize(
    ("setting", "answer"),
    [
        # beyond what is sent
        ("body_megabytes", _whole(b'"' + b"x" * (3 << 20) + b'"')),
        # beyond what it expands to, without its length in the head
        ("decoded_megabytes", lambda to: to.sendall(
            HEAD + b"Content-Encoding: gzip\r\nConnection: close\r\n\r\n" + COMPRESSED) or to.close()),
    ],
)  # fmt: skip
def test_a_body_beyond_a_limit_is_refused(
    setting: str, answer: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"LIMITS__{setting.upper()}", "2")
    with serving(answer) as port:
        client = _client(port)
        tracemalloc.start()
        with pytest.raises(ResponseError, match=rf"more than 2 MB \(limits\.{setting}\)") as refused:
            client.get("/x")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert str(refused.value).startswith("sources.hubspot.base_url: 127.0.0.1:")
    assert "tok-secret" not in str(refused.value)
    assert peak < 80 << 20


def test_a_limit_that_is_no_number_names_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMITS__REQUEST_SECONDS", "soon")
    with pytest.raises(SettingError, match=r"limits\.request_seconds"):
        _client(1)


def _certificate(folder: Path, days: int) -> tuple[Path, Path]:
    """Write a certificate for 127.0.0.1 that is valid until so many days from now; return it and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=10))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate, private


@pytest.mark.parametrize(
    ("days", "trusted", "reason"),
    [(1, False, "self-signed certificate"), (-1, True, "certificate has expired")],
)
def test_a_refused_certificate_is_one_line_and_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int, trusted: bool, reason: str
) -> None:
    certificate, key = _certificate(tmp_path, days)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serving(_whole(b"{}"), context) as port:
        client = _client(port, "https")
        with pytest.raises(CertificateError) as refused:
            client.get("/x")
    line = str(refused.value)
    assert line.startswith("sources.hubspot.base_url: 127.0.0.1:")
    assert reason in line
    assert "SSL_CERT_FILE" in line
    assert not refused.value.transient
    assert client.requests == {"unreachable": 1}
