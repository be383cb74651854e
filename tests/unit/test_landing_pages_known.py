"""Pages are fetched from public addresses, and those that visitors name on own domains only."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from pathlib import Path

import duckdb
import pytest

from ingestion.landing.resources import Landing
from ingestion.landing.store import RAW_SCHEMA, Store
from ingestion.sources.landing_pages import settings
from ingestion.sources.landing_pages.fetch import is_public
from ingestion.sources.landing_pages.urls import known_urls

AD = "https://www.shop.example/ad"
FORMS = [
    "https://www.shop.example/form?email=a",
    "https://app.shop.example:8443/form",
    "https://SHOP.example/form",
    "https://blog.views.example/form",
    "https://foreign.example/1",
    "https://foreign.example/2",
    "https://shop.example.foreign.example/",
    "https://notshop.example/",
    "https://example/",
    "http://[broken",
]
VIEWS = ["https://views.example/a", "https://views.example/b?hsa_cam=1", "https://far.example/b?hsa_cam=1"]


@pytest.fixture
def landing(tmp_path: Path) -> Iterator[Landing]:
    raw = tmp_path / "raw"
    raw.mkdir()
    with duckdb.connect(str(raw / "google_ads.duckdb")) as connection:
        connection.execute(f"CREATE SCHEMA {RAW_SCHEMA}; USE {RAW_SCHEMA}")
        connection.execute("CREATE TABLE ads (final_urls VARCHAR, final_mobile_urls VARCHAR)")
        connection.execute("INSERT INTO ads VALUES ($urls, '[]')", {"urls": f'["{AD}"]'})
    with duckdb.connect(str(raw / "hubspot.duckdb")) as connection:
        connection.execute(f"CREATE SCHEMA {RAW_SCHEMA}; USE {RAW_SCHEMA}")
        connection.execute("CREATE TABLE forms (id VARCHAR, form_type VARCHAR)")
        connection.execute("CREATE TABLE form_submissions (page_url VARCHAR, form_id VARCHAR)")
        connection.execute("CREATE TABLE page_view_events (hs_url VARCHAR)")
        for url in FORMS:
            connection.execute("INSERT INTO form_submissions VALUES (?, 'f')", [url])
        for url in VIEWS:
            connection.execute("INSERT INTO page_view_events VALUES (?)", [url])
    landing = Landing(
        settings.SOURCE, datetime(2026, 11, 1, tzinfo=UTC), None, Store(raw / f"{settings.SOURCE}.duckdb")
    )
    yield landing
    landing.close()


@pytest.mark.parametrize(
    ("domains", "fetched", "foreign"),
    [
        (
            (),
            {AD, *VIEWS[1:], "https://www.shop.example/form", *FORMS[1:4]},
            {"foreign.example", "shop.example.foreign.example", "notshop.example", "example"},
        ),
        # what is configured replaces the hosts with page views, not those of the ads
        (
            ("foreign.example",),
            {AD, "https://www.shop.example/form", *FORMS[1:3], *FORMS[4:7]},
            {"views.example", "blog.views.example", "far.example", "notshop.example", "example"},
        ),
    ],
)
def test_pages_of_visitors_are_fetched_on_own_domains_only(
    landing: Landing, domains: tuple[str, ...], fetched: set[str], foreign: set[str]
) -> None:
    known = known_urls(landing, domains)
    assert {url.partition("?")[0] for _, url in known.urls} == {url.partition("?")[0] for url in fetched}
    assert set(known.foreign) == foreign
    assert known.urls[0] == ("google_ads", AD)


#: The first address, an inner one and the last of each block that IANA's registries reserve.
_BLOCKS = """
    0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24
    192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15
    198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 168.63.129.16/32
    ::/128 ::1/128 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23 2001:2::/48 2001:db8::/32
    2620:4f:8000::/48 3fff::/20 5f00::/16 fc00::/7 fe80::/10 ff00::/8
"""
_PUBLIC = """
    1.1.1.1 93.184.216.34 100.63.255.255 172.32.0.1 192.0.1.1 198.20.0.1 223.255.255.255 ::ffff:1.1.1.1
    2606:4700::1111 2a00:1450:4001::1 2002:101:101::1 64:ff9b::101:101 2001:200::1 3ffe::1
"""
RESERVED = [
    str(network[place])
    for network in map(ip_network, _BLOCKS.split())
    for place in dict.fromkeys((0, network.num_addresses // 2, network.num_addresses - 1))
]


@pytest.mark.parametrize("text", RESERVED)
def test_no_page_is_fetched_from_a_reserved_address(text: str) -> None:
    address = ip_address(text)
    assert not is_public(address)
    if address.version == 4:
        for inside in (f"::ffff:{address}", f"64:ff9b::{address}"):
            assert not is_public(ip_address(inside))
        assert not is_public(ip_address((0x2002 << 112) | (int(address) << 80)))


@pytest.mark.parametrize("address", _PUBLIC.split())
def test_pages_are_fetched_from_public_addresses(address: str) -> None:
    assert is_public(ip_address(address))
