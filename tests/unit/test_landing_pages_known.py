"""Pages that visitors name are fetched on own domains only."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from ingestion.landing.resources import Landing
from ingestion.landing.store import RAW_SCHEMA, Store
from ingestion.sources.landing_pages import settings
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
