"""The setting `web.hosts`, and a check that a started server refuses foreign host names."""

from __future__ import annotations

import urllib3

from adledger.servers.names import is_host_name
from adledger.servers.processes import Address, ServerFailed
from ingestion.config import Section
from ingestion.errors import SettingError

# RFC 2606: a name that never exists
_FOREIGN = "foreign.invalid"


def further_hosts() -> tuple[str, ...]:
    """Host names beside its own that a server is reached by, as behind a proxy: the setting `web.hosts`.

    Raises SettingError for an entry that is no host name.
    """
    section = Section("web")
    found = tuple(entry.lower() for entry in section.entries("hosts"))
    for entry in found:
        if not is_host_name(entry):
            raise SettingError(
                f'{section.name("hosts")} contains "{entry}", which is not a host name:'
                " set it like ads.example.com, without a scheme or a port"
            )
    return found


def check_guard(address: Address) -> None:
    """Raises ServerFailed if the server at `address` answers a request for a foreign host name."""
    try:
        answer = urllib3.request(
            "GET", f"{address.url}/", headers={"Host": _FOREIGN}, retries=False, redirect=False, timeout=30
        )
    except urllib3.exceptions.HTTPError as error:
        raise ServerFailed(f"{address.url} does not answer: {type(error).__name__}") from error
    if answer.status != 403:
        raise ServerFailed(
            f"{address.url} answers requests for a foreign host name: the installed packages differ from"
            " requirements.lock; run make setup"
        )
