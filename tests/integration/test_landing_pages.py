"""Landing pages of the simulated company: one snapshot per page and as-of, which matches the page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from ingestion import pipelines
from ingestion.add_page import add_page
from ingestion.errors import SettingError
from ingestion.landing.resources import Landing
from ingestion.landing.store import Store
from ingestion.sources.landing_pages import settings, tables
from ingestion.sources.landing_pages.snapshots import Snapshot
from ingestion.sources.landing_pages.source import Pages
from sandbox.apis.pages import OTHER_PORTAL
from sandbox.world.company import APP, CAMPAIGNS, SHOP, SITE
from sandbox.world.setup import build_company
from tests.company import Company, Home, served_company

AS_OF = datetime(2026, 11, 1, 6, tzinfo=UTC)
WORLD = build_company()


@pytest.fixture(scope="module")
def company() -> Iterator[Company]:
    with served_company("--people", "30") as company:
        yield company


@pytest.fixture
def home(company: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    for name, value in {**company.settings, "ADLEDGER_HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    return Store(tmp_path / "raw" / f"{settings.SOURCE}.duckdb")


def refresh(as_of: datetime = AS_OF) -> pipelines.LoadReport:
    return pipelines.load(settings.SOURCE, "entities", window=None, as_of=as_of)


def rows(home: Store, query: str) -> list[tuple[Any, ...]]:
    return home.rows(query)


@pytest.fixture(scope="module")
def landed(company: Company, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A home with snapshots of the ads' pages at two instants, for tests that only read."""
    home = tmp_path_factory.mktemp("landed")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**company.settings, "ADLEDGER_HOME": str(home)}.items():
            patch.setenv(name, value)
        pipelines.load("google_ads", "entities", window=None, as_of=AS_OF)
        store = Store(home / "raw" / f"{settings.SOURCE}.duckdb")
        refresh()
        refresh(AS_OF + timedelta(days=1))
        yield store


def test_every_final_url_of_an_ad_has_one_snapshot_per_as_of(landed: Store) -> None:
    ads = {p.landing for p in WORLD.placements if p.network == "google_ads"}
    expected = sorted(WORLD.pages[key].url for key in ads)

    for as_of in (AS_OF, AS_OF + timedelta(days=1)):
        found = landed.rows("SELECT url FROM page_snapshots WHERE fetched_at = ? ORDER BY url", [as_of])
        assert [url for (url,) in found] == expected
    urls = rows(landed, "SELECT DISTINCT source, final_url, url FROM page_urls ORDER BY url")
    assert urls == [("google_ads", url, url) for url in expected]


def test_the_pages_match_the_simulated_company(landed: Store) -> None:
    found = {
        url: (code, json.loads(portals), json.loads(forms), status, error)
        for url, code, portals, forms, status, error in rows(
            landed, "SELECT url, has_tracking_code, portal_ids, forms, http_status, error FROM page_snapshots"
        )
    }

    for page in WORLD.pages.values():
        if page.url not in found or page.url.startswith(SHOP):
            continue
        code, portals, forms, status, error = found[page.url]
        assert (code, portals, status, error) == (True, [str(WORLD.portal_id)], 200, None)
        if page.form in ("demo", "contact", "guide"):
            own = {"portal_id": str(WORLD.portal_id), "form_id": WORLD.form(page.form).guid}
            assert forms == [{"kind": "hubspot", **own}]


def test_an_unchanged_page_is_marked_and_keeps_its_content(landed: Store) -> None:
    columns = (
        "url, http_status, has_tracking_code, portal_ids, forms, content_sha256, etag, final_url, redirects"
    )
    days = [AS_OF, AS_OF + timedelta(days=1)]
    first, second = (
        landed.rows(f"SELECT {columns} FROM page_snapshots WHERE fetched_at = ? ORDER BY url", [day])
        for day in days
    )

    assert first == second
    # the shop sends no validator
    query = (
        "SELECT fetched_at, bool_and(not_modified), bool_or(not_modified) FROM page_snapshots"
        f" WHERE NOT starts_with(url, '{SHOP}') GROUP BY 1 ORDER BY 1"
    )
    assert rows(landed, query) == [(days[0], False, False), (days[1], True, True)]


@pytest.mark.parametrize("days", [0, 1])
def test_the_same_refresh_again_lands_the_same(
    days: int, landed: Store, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**company.settings, "ADLEDGER_HOME": str(landed.path.parent.parent)}.items():
        monkeypatch.setenv(name, value)
    # each complete answer has different bytes
    names = [column.name for column in tables.PAGE_SNAPSHOTS.columns if column.name != "raw_sha256"]
    columns = ", ".join(names)
    query = f"SELECT {columns} FROM page_snapshots ORDER BY 1"
    before = rows(landed, query)

    report = refresh(AS_OF + timedelta(days=days))

    assert rows(landed, query) == before
    assert report.requests.keys() == {"ok"}


def snapshot(home: Store, url: str, as_of: datetime = AS_OF, caps: settings.Caps | None = None) -> Snapshot:
    landing = Landing(settings.SOURCE, as_of, None, home)
    pages = Pages(landing, caps)
    pipelines.run(landing, lambda: pages.resources(pages.fetch([(settings.USER, url)])))
    return pages.taken[0]


def test_pages_beyond_the_limit_follow_in_the_next_refreshes(
    home: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipelines.load("google_ads", "entities", window=None, as_of=AS_OF)
    total = len({page.landing for page in WORLD.placements if page.network == "google_ads"})
    limit = total // 2 + 1
    monkeypatch.setenv("SOURCES__LANDING_PAGES__PAGES", str(limit))
    first, second = refresh(), refresh(AS_OF + timedelta(days=1))
    left = f"{total - limit} of {total} pages were not checked within {limit} pages and 900 s"
    assert left in str(first.message)
    assert "sources.landing_pages.pages" in str(first.message)
    assert len(home.rows("SELECT DISTINCT url FROM page_snapshots")) == total
    assert len(home.rows("SELECT url FROM page_snapshots")) == 2 * limit
    assert left in str(second.message)


def test_no_page_is_begun_after_the_time_is_up(home: Store) -> None:
    landing = Landing(settings.SOURCE, AS_OF, None, home)
    seconds = iter(range(0, 1_000_000, 899))
    pages = Pages(landing, clock=lambda: float(next(seconds)))
    urls = [(settings.USER, f"{SITE}/{number}") for number in range(5)]
    pipelines.run(landing, lambda: pages.resources(pages.fetch(urls)))
    assert len(pages.taken) == 1
    assert "4 of 5 pages were not checked" in landing.notices[-1]


@pytest.mark.parametrize(
    ("url", "code", "evidence"),
    [
        (f"{SITE}/demo", True, "script"),
        (f"{APP}/signup", False, "absent"),
        (f"{SHOP}/starter-kit", None, "tag_manager"),
        (f"{CAMPAIGNS}/partner", True, "script"),
    ],
)
def test_tracking_code_has_three_values(home: Store, url: str, code: bool | None, evidence: str) -> None:
    found = snapshot(home, url)

    assert (found.has_tracking_code, found.evidence) == (code, evidence)
    landed = rows(home, "SELECT url, has_tracking_code, evidence, portal_ids FROM page_snapshots")
    portal = {"partner": OTHER_PORTAL, "demo": WORLD.portal_id}.get(urlsplit(url).path.strip("/"))
    assert landed == [(url, code, evidence, json.dumps([str(portal)] if portal else []))]


@pytest.mark.parametrize(
    ("path", "status", "final", "error"),
    [
        ("/demo", 200, f"{SITE}/demo", None),
        ("/short", 200, f"{SITE}/guide", None),
        ("/chain", 200, f"{SITE}/demo", None),
        ("/gone", 410, f"{CAMPAIGNS}/gone", "http_status"),
        ("/nothing", 404, f"{CAMPAIGNS}/nothing", "http_status"),
        ("/loop", 302, f"{CAMPAIGNS}/loop/again", "redirect_loop"),
        ("/internal/preview", None, f"{CAMPAIGNS}/internal/preview", "robots_disallowed"),
        ("/brochure.pdf", 200, f"{CAMPAIGNS}/brochure.pdf", "not_html"),
        ("/huge", 200, f"{CAMPAIGNS}/huge", "too_large"),
        ("/slow", None, f"{CAMPAIGNS}/slow", "timeout"),
        ("/refresh", 200, f"{CAMPAIGNS}/refresh", None),
    ],
)
def test_results_of_campaign_urls(
    home: Store, path: str, status: int | None, final: str, error: str | None
) -> None:
    found = snapshot(home, f"{CAMPAIGNS}{path}", caps=settings.Caps(total=3, size=1 << 20))

    assert (found.http_status, found.final_url, found.error) == (status, final, error)
    if error:
        assert found.has_tracking_code is None


def test_a_redirect_shows_what_it_drops(home: Store) -> None:
    keeps, drops = snapshot(home, f"{CAMPAIGNS}/chain"), snapshot(home, f"{CAMPAIGNS}/short")

    assert [one["status"] for one in keeps.redirects] == [307, 302]
    assert keeps.dropped_parameters == []
    assert set(drops.dropped_parameters or ()) == {
        p for p in settings.PROBES if p.startswith(("hsa_", "utm_"))
    }
    ((stored,),) = rows(home, f"SELECT redirects FROM page_snapshots WHERE url = '{CAMPAIGNS}/short'")
    assert json.loads(stored)[0]["kept"] == ["gclid", "fbclid", "li_fat_id"]


def test_a_meta_refresh_is_recorded_and_not_followed(home: Store) -> None:
    found = snapshot(home, f"{CAMPAIGNS}/refresh")

    assert [(one["kind"], one["target"]) for one in found.redirects] == [("refresh", f"{SITE}/demo")]


def test_content_is_the_same_although_every_answer_differs(home: Store) -> None:
    one, two = (snapshot(home, f"{APP}/signup", AS_OF + timedelta(hours=hour)) for hour in (0, 1))

    assert one.content_sha256 == two.content_sha256
    assert one.raw_sha256 != two.raw_sha256
    assert not two.not_modified


def test_a_page_added_by_hand_is_tagged_and_stays(home: Store) -> None:
    added = add_page(f"{APP}/signup?utm_source=x", ["launch", "trial"], as_of=AS_OF)
    later = AS_OF + timedelta(days=1)
    again = add_page(f"{APP}/signup", ["launch", "q4"], as_of=later)
    refresh(later + timedelta(days=1))

    assert (added.snapshot.has_tracking_code, added.tags) == (False, ("launch", "trial"))
    assert again.tags == ("launch", "q4", "trial")
    url = f"{APP}/signup"
    assert rows(home, "SELECT url, tag, tagged_at FROM page_tags ORDER BY tag") == [
        (url, "launch", AS_OF),
        (url, "q4", later),
        (url, "trial", AS_OF),
    ]
    assert rows(home, "SELECT count(*), count(DISTINCT fetched_at) FROM page_snapshots") == [(3, 3)]


def test_a_private_page_is_refused_with_an_error(home: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__LANDING_PAGES__ALLOW_PRIVATE_NETWORKS", "false")

    found = add_page("http://169.254.169.254/latest/meta-data/", as_of=AS_OF).snapshot

    assert (found.error, found.http_status) == ("private_address", None)
    assert rows(home, "SELECT error FROM page_snapshots") == [("private_address",)]


@pytest.mark.parametrize(("url", "tags"), [("demo", []), ("ftp://ex.test/", []), ("https://ex.test/", [" "])])
def test_an_invalid_page_or_tag_lands_nothing(home: Store, url: str, tags: list[str]) -> None:
    with pytest.raises(SettingError):
        add_page(url, tags, as_of=AS_OF)

    assert not home.path.exists()


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("HOST_OVERRIDES", "www.ex.test", "host_overrides is not a table"),
        ("HOST_OVERRIDES", '{"www.ex.test": "ftp://ex.test"}', "the base URL of www.ex.test is not an http"),
        ("ALLOW_PRIVATE_NETWORKS", "maybe", "allow_private_networks is neither"),
        ("SECONDS_BETWEEN_REQUESTS", "soon", "seconds_between_requests is not a number"),
    ],
)
def test_a_malformed_setting_is_reported(
    home: Store, monkeypatch: pytest.MonkeyPatch, key: str, value: str, message: str
) -> None:
    monkeypatch.setenv(f"SOURCES__LANDING_PAGES__{key}", value)

    with pytest.raises(SettingError, match=message):
        add_page("https://www.nordlicht.example/demo", as_of=AS_OF)


def test_a_page_is_added_from_the_command_line(company: Company, tmp_path: Path) -> None:
    home = Home(tmp_path, company.settings)
    added = home.run("page", "add", f"{CAMPAIGNS}/short", "--tag", "launch", "--tag", "q4")
    refused = home.run("page", "add", "demo")

    assert added.returncode == 0, added.stderr
    for text in ("redirect", f"301 to {SITE}/guide", "lost parameters", "yes (script)", "launch, q4"):
        assert text in added.stdout
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "enter a URL like https://www.example.com/demo" in refused.stderr
