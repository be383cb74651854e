"""Pages of final URLs: templates, tracking parameters and spelling do not distinguish pages."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.landing.resources import Landing
from ingestion.landing.store import Store
from ingestion.sources.landing_pages.settings import PROBES
from ingestion.sources.landing_pages.urls import BadUrl, is_tracking, known_urls, page_url


@pytest.mark.parametrize(
    ("final_url", "url"),
    [
        ("https://www.ex.test", "https://www.ex.test/"),
        (" HTTPS://WWW.Ex.test:443/demo#top ", "https://www.ex.test/demo"),
        ("http://ex.test:8080/a/../b", "http://ex.test:8080/b"),
        ("https://ex.test/demo?utm_source=x&plan=pro&hsa_cam=7&gclid=G", "https://ex.test/demo?plan=pro"),
        ("https://ex.test/demo?FBCLID=a&li_fat_id=b&UTM_Term=c", "https://ex.test/demo"),
        # templates of Google, Meta and LinkedIn
        ("https://ex.test/demo?kw={keyword}&m={matchtype}&plan=pro", "https://ex.test/demo?plan=pro"),
        ("https://ex.test/demo?c={{campaign.name}}&s={{site_source_name}}", "https://ex.test/demo"),
        ("https://ex.test/demo?c=%7B%7BCAMPAIGN_ID%7D%7D", "https://ex.test/demo"),
        ("https://ex.test/{ifmobile:m}{ifnotmobile:desktop}/demo", "https://ex.test/desktop/demo"),
        ("https://ex.test/{ifsearch:{keyword:crm}}", "https://ex.test/crm"),
        ("https://ex.test/demo{ignore}?a={_custom}", "https://ex.test/demo"),
        ("https://ex.test/größe", "https://ex.test/gr%C3%B6%C3%9Fe"),
    ],
)
def test_a_page_is_identified_by_its_url_without_tracking(final_url: str, url: str) -> None:
    assert page_url(final_url).url == url


def test_the_fetch_url_has_the_parameters_of_a_click() -> None:
    asked = page_url(
        "https://ex.test/demo?plan=pro&utm_campaign=Brand&kw={keyword:crm}&n={network}"
    ).fetch_url
    query = {name: values[0] for name, values in parse_qs(urlsplit(asked).query).items()}

    assert query["plan"] == "pro"
    assert query["utm_campaign"] == "Brand"
    assert query["kw"] == "crm"
    assert query["n"]
    assert set(PROBES) <= query.keys()
    assert "{" not in asked


@pytest.mark.parametrize(
    "final_url",
    [
        "",
        "{lpurl}",
        "demo",
        "mailto:a@ex.test",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https://",
        "https://me:secret@ex.test/",
        "https://exa mple.test/",
        "https://ex.test:99999/",
    ],
)
def test_an_invalid_url_is_rejected_without_showing_it(final_url: str) -> None:
    with pytest.raises(BadUrl) as refused:
        page_url(final_url)

    assert "secret" not in str(refused.value)


@given(
    st.text(st.characters(codec="utf-8"), max_size=20),
    st.lists(
        st.tuples(
            st.text("abcdefghij{}=%&", min_size=1, max_size=8) | st.sampled_from(PROBES),
            st.text("abc{}:.%7BD", max_size=10),
        ),
        max_size=4,
    ),
)
def test_the_url_of_a_page_maps_to_the_same_page(path: str, query: list[tuple[str, str]]) -> None:
    text = f"https://ex.test/{path}?" + "&".join(f"{name}={value}" for name, value in query)
    try:
        page = page_url(text)
    except BadUrl:
        return

    assert page_url(page.url).url == page.url
    assert not [name for name in parse_qs(urlsplit(page.url).query) if is_tracking(name)]
    assert "{" not in page.fetch_url


def beside(directory: Path) -> Landing:
    """Return a load of landing pages with its file next to those of the other sources."""
    store = Store(directory / "landing_pages.duckdb")
    return Landing("landing_pages", datetime(2026, 11, 1, tzinfo=UTC), None, store)


def test_final_urls_come_from_tables_of_other_sources(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "google_ads.duckdb")) as store:
        store.execute("CREATE SCHEMA raw")
        store.execute("CREATE TABLE raw.ads (final_urls JSON, final_mobile_urls JSON)")
        store.execute(
            """INSERT INTO raw.ads VALUES
                ('["https://a.test/", "https://b.test/?x=1"]', '[]'), ('[]', '[]'), (NULL, NULL),
                ('["https://a.test/"]', '["https://m.a.test/"]'), (NULL, '["https://m.b.test/"]')"""
        )
    with duckdb.connect(str(tmp_path / "hubspot.duckdb")) as store:
        store.execute("CREATE SCHEMA raw")
        store.execute("CREATE TABLE raw.page_view_events (hs_url VARCHAR)")
        store.execute(
            "INSERT INTO raw.page_view_events VALUES ('https://c.test/?hsa_cam=1&email=p@x.test'),"
            " ('https://c.test/account?token=1'), (NULL)"
        )

    assert known_urls(beside(tmp_path)).urls == [
        ("google_ads", "https://a.test/"),
        ("google_ads", "https://b.test/?x=1"),
        ("google_ads", "https://m.a.test/"),
        ("google_ads", "https://m.b.test/"),
        ("hubspot", "https://c.test/"),
    ]


def test_a_source_without_landed_tables_has_no_final_urls(tmp_path: Path) -> None:
    assert known_urls(beside(tmp_path)).urls == []
