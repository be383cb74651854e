"""The dashboard in a browser: each page on a desk and on a phone, while other figures are swapped in."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
import urllib3
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Error, Page, expect

from benchmarks.published import Company, publish
from tests.browsing import PATIENCE, chromium, in_a_browser
from tests.company import ADLEDGER
from tests.opened import free_port
from tests.unit.test_dashboard import CONTACT, OTHER, PAGES
from tests.warehouse import without_sources

pytestmark = in_a_browser
#: What Streamlit's own parts lack: roles in its menu, focus on a table that scrolls.
STREAMLITS = {"list", "listitem", "scrollable-region-focusable"}
#: How often a page is looked at until it has come to rest.
LOOKS = 10
COMPANY, GROWN = Company(contacts=900, days=20), Company(contacts=1800, days=20)
PARAMETERS = {"contact": f"?contact={CONTACT}", "bridge": "?reason=later_session"}


class Served:
    """A started `adledger dashboard` and its home."""

    def __init__(self, home: Path) -> None:
        self.home, self.port = home, free_port()
        publish(home / "serving.duckdb", COMPANY)
        self.process = subprocess.Popen(
            [ADLEDGER, "dashboard", "--port", str(self.port)],
            env=without_sources(dict(os.environ)) | {"ADLEDGER_HOME": str(home)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout
        self.line = self.process.stdout.readline()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(tmp_path_factory.mktemp("dashboard"))
    yield served
    if served.process.poll() is None:
        served.process.send_signal(signal.SIGTERM)
        served.process.communicate(timeout=30)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


def _page(browser: Browser, served: Served, width: int, theme: str) -> Page:
    context = browser.new_context(
        base_url=served.url,
        viewport={"width": width, "height": 900},
        color_scheme="dark" if theme == "dark" else "light",
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.on("request", lambda request: _ask_nobody_else(request.url, served))
    return page


def _ask_nobody_else(url: str, served: Served) -> None:
    assert url.startswith((served.url, "data:", "blob:")), url


def _open(page: Page, name: str) -> None:
    page.goto(f"/{'' if name == 'overview' else name}{PARAMETERS.get(name, '')}")
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    expect(page.get_by_text("Figures as of").first).to_be_visible()
    # it has come to rest, a table is there, and nothing has failed
    expect(page.locator("[data-testid=stApp][data-test-script-state=notRunning]")).to_be_visible()
    expect(page.locator("[data-testid=stDataFrame], [data-testid=stTable]").first).to_be_visible()
    expect(page.locator("[data-testid=stException], [data-testid=stAlertContentError]")).to_have_count(0)


def _lacks(page: Page) -> list[str]:
    """What the page lacks for who cannot see it well, or at all. https://dequeuniversity.com/rules/axe/"""
    for _ in range(LOOKS):
        violations = Axe().run(page).response["violations"]
        found = [
            f"{one['help']}: {node['html']}"
            for one in violations
            for node in one["nodes"]
            if one["id"] not in STREAMLITS
        ]
        if not found:
            break
        # what is new fades in
        page.wait_for_timeout(1000)
    return found


def _choose(page: Page, box: str, option: str) -> None:
    """Chooses from a box; its list closes when the page finds new figures by itself meanwhile."""
    for _ in range(LOOKS):
        page.get_by_role("combobox", name=box).press("ArrowDown")
        with suppress(Error):
            page.get_by_role("option", name=option).click(timeout=3000)
            return
    raise AssertionError(f"{box} offers no {option}")


def _luminance(page: Page) -> float:
    colour = page.evaluate("getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor")
    red, green, blue = (int(part) for part in colour[colour.index("(") + 1 : -1].split(",")[:3])
    return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255


def test_it_says_where_it_is(served: Served) -> None:
    assert served.line.startswith(f"The dashboard is running at {served.url}. Press Ctrl-C to stop it.")


def test_it_answers_its_own_hosts_and_origins_alone(served: Served) -> None:
    for headers in ({"Host": "foreign.example"}, {"Origin": "http://foreign.example"}):
        for path in ("/", "/_stcore/health", "/_stcore/stream"):
            assert urllib3.request("GET", f"{served.url}{path}", headers=headers).status == 403


def test_every_page_on_a_desk_on_a_phone_and_through_a_swap(served: Served, browser: Browser) -> None:
    desk = _page(browser, served, 1400, "light")
    for name in PAGES:
        _open(desk, name)
        assert _luminance(desk) > 0.9
        assert _lacks(desk) == [], name
    _open(desk, "overview")
    contacts = desk.get_by_test_id("stMetricValue").nth(1)
    before = contacts.inner_text()
    publish(served.home / "serving.duckdb", GROWN)
    # what is chosen next is answered from the new file
    _choose(desk, "Group by", "Weeks")
    expect(contacts).not_to_have_text(before)
    expect(desk).to_have_url(f"{served.url}/?by=week")
    grown = contacts.inner_text()

    phone = _page(browser, served, 390, "dark")
    for name in PAGES:
        _open(phone, name)
        assert phone.evaluate("document.documentElement.scrollWidth") <= 390, name
        assert _luminance(phone) < 0.1
        assert _lacks(phone) == [], name
    _open(phone, "overview")
    expect(phone.get_by_test_id("stMetricValue").nth(1)).to_have_text(grown)


def test_a_link_shows_the_same_view_and_other_pages_keep_its_filters(
    served: Served, browser: Browser
) -> None:
    page = _page(browser, served, 1400, "dark")
    page.goto("/bridge?network=google_ads&account=1001&report=all_ad_interactions&start=2026-10-20")
    shown = "Google Ads · Google Europe · 2026-10-20 to 2026-10-31 · report “All ad interactions”"
    expect(page.get_by_text(shown)).to_be_visible()
    page.get_by_role("link", name="Overview").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Reported conversions and HubSpot contacts")
    expect(page.get_by_text(shown)).to_be_visible()
    kept = {"network": "google_ads", "account": "1001", "report": OTHER, "start": "2026-10-20"}
    assert dict(parse_qsl(urlsplit(page.url).query)) == kept


def test_charts_tell_what_they_show_and_save_as_pictures_tables_as_csv(
    served: Served, browser: Browser
) -> None:
    page = _page(browser, served, 1400, "light")
    _open(page, "bridge")
    described = re.compile(r"^The networks report [\d,.]+ conversions, HubSpot credits \d+ contacts")
    expect(page.get_by_test_id("stVegaLiteChart").first).to_have_attribute("aria-label", described)
    with page.expect_download() as saved:
        # the keyboard reaches what the mouse has to look for
        page.get_by_role("button", name="Download as PNG").first.press("Enter")
    assert Path(saved.value.path()).read_bytes().startswith(b"\x89PNG")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download as CSV", exact=True).first.click()
    assert Path(saved.value.path()).read_text("utf-8-sig").startswith("Step,Conversions,% of reported")


def test_interrupting_it_leaves_nothing(served: Served) -> None:
    children = Path(f"/proc/{served.process.pid}/task/{served.process.pid}/children").read_text().split()
    assert len(children) == 1
    served.process.send_signal(signal.SIGINT)
    served.process.communicate(timeout=30)
    assert served.process.returncode == 0
    assert not Path(f"/proc/{children[0]}").exists()
