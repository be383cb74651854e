"""What the UI listens on, and who reaches that."""

from __future__ import annotations

import pytest

from adledger.servers.ui import Address


@pytest.mark.parametrize(
    ("host", "url", "is_private"),
    [
        ("127.0.0.1", "http://127.0.0.1:3000", True),
        ("localhost", "http://localhost:3000", True),
        ("0.0.0.0", "http://127.0.0.1:3000", False),
        ("192.0.2.7", "http://192.0.2.7:3000", False),
    ],
)
def test_an_address_others_reach_is_known_as_such(host: str, url: str, is_private: bool) -> None:
    address = Address(host, 3000)
    assert (address.url, address.is_private) == (url, is_private)
