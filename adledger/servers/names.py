"""The host names that a web server answers to. Standard library only: Superset's environment imports it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?")


class OwnHosts:
    """The address that a server listens on, further names, and always the loopback names.

    A server that listens on all addresses (`0.0.0.0`) can be reached by each of its IP addresses: every IP
    address is allowed then, because only names can be made to resolve to this machine.
    """

    def __init__(self, hosts: Iterable[str]) -> None:
        self._hosts = {"localhost", *(host.lower() for host in hosts)}
        self._any_address = any(_is_address(host) and ip_address(host).is_unspecified for host in self._hosts)

    def __contains__(self, header: str) -> bool:
        """Return whether a Host header is one of them, with any port."""
        host = _host(header)
        if host is None:
            return False
        if host in self._hosts:
            return True
        return _is_address(host) and (self._any_address or ip_address(host).is_loopback)


def is_host_name(text: str) -> bool:
    """True for a host name or an IP address, in lower case and without a port."""
    return _NAME.fullmatch(text) is not None or _is_address(text)


def _host(header: str) -> str | None:
    """The host of a Host header, in lower case and without port; None if it is not valid."""
    try:
        parts = urlsplit(f"//{header}")
        host, _ = parts.hostname, parts.port
    except ValueError:
        return None
    if host is None or parts.netloc != header or "@" in header:
        return None
    host = host.removesuffix(".")
    return host if is_host_name(host) else None


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
