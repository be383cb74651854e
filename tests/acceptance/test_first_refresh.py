"""The demonstration's first refresh: what a person sees of it in the UI, and that a kill loses nothing.

`make screenshots` keeps the UI's pictures for the documentation.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from ingestion.pipelines import SOURCES
from tests.browsing import PATIENCE, chromium, in_a_browser, keep
from tests.company import ADLEDGER, Company, Home, served_company
from tests.opened import Opened, company_options, free_port, opened_ui
from tests.warehouse import without_sources

PEOPLE = 200
# tenths of the time that an undisturbed refresh takes: loads first, then the build, then publishing
POINTS = [pytest.param(tenth, marks=() if tenth == 6 else pytest.mark.long) for tenth in range(1, 11)]
BRIDGE = "/assets/reconciliation/conversion_bridge"
ASSETS = """{ assetNodes { assetKey { path } groupName isMaterializable dependencyKeys { path }
    assetMaterializations(limit: 1) { runId } } }"""
RUNS = "{ runsOrError { ... on Runs { results { runId startTime endTime } } } }"


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """The UI of a home that it has just refreshed for the first time."""
    with opened_ui(tmp_path_factory.mktemp("ui"), PEOPLE) as opened:
        opened.wait()
        yield opened


@pytest.fixture(scope="module")
def page(opened: Opened) -> Iterator[Page]:
    with chromium() as browser:
        page = browser.new_page(base_url=opened.url)
        page.set_default_timeout(PATIENCE)
        yield page


def _name(key: dict[str, Any]) -> str:
    return "/".join(key["path"])


def test_opening_it_refreshes_the_demonstration_first(opened: Opened) -> None:
    assert "Days 2026-08-04 to 2026-11-01, as of 2026-11-01 06:00:00 UTC\n" in opened.lines
    assert any(line.lstrip().startswith("published") for line in opened.lines)


@in_a_browser
def test_the_lineage_is_whole_from_the_networks_to_the_published_file(
    opened: Opened, page: Page, tmp_path: Path
) -> None:
    assets = {_name(node["assetKey"]): node for node in opened.ask(ASSETS)["assetNodes"]}
    groups = {node["groupName"] for node in assets.values()}
    raw = {f"raw_{source}" for source in SOURCES}
    assert {*raw, "serving"} <= groups
    page.set_viewport_size({"width": 1400, "height": 1000})
    page.goto("/asset-groups")
    for group in groups:
        expect(page.get_by_text(group, exact=True).locator("visible=true").first).to_be_visible()
    keep(page, "lineage", tmp_path)

    made = {name: node for name, node in assets.items() if node["isMaterializable"]}
    assert [name for name, node in made.items() if not node["assetMaterializations"]] == []
    published = Home(opened.home / "demo").rows(
        "SELECT concat_ws('/', table_schema, table_name) FROM information_schema.tables"
        " WHERE table_name <> 'sources'"
    )
    assert {name for (name,) in published} <= made.keys()

    reached, ahead = set(), ["serving/serving_duckdb"]
    while ahead:
        name = ahead.pop()
        if name not in reached:
            reached.add(name)
            ahead += [_name(key) for key in assets[name]["dependencyKeys"]]
    assert {name for (name,) in published} <= reached
    assert raw <= {assets[name]["groupName"] for name in reached}


@in_a_browser
def test_the_run_is_green(opened: Opened, page: Page, tmp_path: Path) -> None:
    (run,) = opened.ask(RUNS)["runsOrError"]["results"]
    page.set_viewport_size({"width": 1400, "height": 720})
    page.goto("/runs")
    expect(page.get_by_text("Success", exact=True)).to_have_count(1)
    page.get_by_text(run["runId"][:8], exact=True).click()
    expect(page.get_by_text("Errored (0)")).to_be_visible()
    expect(page.get_by_text(re.compile(r"^Succeeded \([1-9]\d*\)$"))).to_be_visible()
    expect(page.get_by_text('Finished execution of run for "refresh".')).to_be_visible()
    # all steps instead of their events
    page.locator('button:has([aria-label="expand_arrows"])').first.click()
    keep(page, "run", tmp_path)


@in_a_browser
def test_the_bridge_says_what_its_columns_mean_and_that_its_checks_passed(page: Page, tmp_path: Path) -> None:
    page.set_viewport_size({"width": 1400, "height": 1000})
    page.goto(f"{BRIDGE}?view=overview")
    columns = page.get_by_role("row").filter(has_text="evidence_class")
    expect(columns.first).to_contain_text("varchar")
    described = page.get_by_role("row").filter(has_text=re.compile("^attribution_report"))
    expect(described.first).to_contain_text("Rule that credits a contact to ads")
    keep(page, "asset", tmp_path)

    page.goto(f"{BRIDGE}?view=checks")
    heading = page.get_by_text(re.compile(r"^Checks \(\d+\)$"))
    expect(heading).to_be_visible()
    expected = int(re.sub(r"\D", "", heading.inner_text()))
    for name in ("contract", "residual_share", "unexplained_conversions"):
        expect(page.get_by_text(name, exact=True).first).to_be_visible()
    expect(page.get_by_text("Succeeded", exact=True)).to_have_count(expected)
    keep(page, "checks", tmp_path)


@in_a_browser
def test_the_dashboard_shows_what_it_published(opened: Opened, page: Page, tmp_path: Path) -> None:
    port = free_port()
    process = subprocess.Popen(
        [ADLEDGER, "dashboard", "--demo", "--port", str(port)],
        env=without_sources(dict(os.environ)) | {"ADLEDGER_HOME": str(opened.home)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        assert f"http://127.0.0.1:{port}" in process.stdout.readline()
        ((reported, contacts),) = Home(opened.home / "demo").rows(
            "SELECT sum(units) FILTER (kind = 'start'), sum(units) FILTER (kind = 'end')"
            " FROM reconciliation.conversion_bridge WHERE attribution_report = 'first_form_submission'"
        )
        page.set_viewport_size({"width": 1400, "height": 1100})
        page.goto(f"http://127.0.0.1:{port}")
        expect(page.get_by_test_id("stMetricValue").nth(0)).to_have_text(f"{reported:,.1f}")
        expect(page.get_by_test_id("stMetricValue").nth(1)).to_have_text(f"{contacts:,.0f}")
        keep(page, "dashboard", tmp_path)
        page.goto(f"http://127.0.0.1:{port}/bridge?network=google_ads")
        expect(page.get_by_text(re.compile("^The networks report [\\d,.]+ conversions"))).to_be_visible()
        keep(page, "dashboard_bridge", tmp_path)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 0


@dataclass(frozen=True)
class Undisturbed:
    """What the UI's first refresh published, and how long it took in seconds."""

    published: dict[str, str]
    seconds: float


@pytest.fixture(scope="module")
def undisturbed(opened: Opened) -> Undisturbed:
    (run,) = opened.ask(RUNS)["runsOrError"]["results"]
    return Undisturbed(Home(opened.home / "demo").published(), run["endTime"] - run["startTime"])


@pytest.fixture(scope="module")
def company() -> Iterator[Company]:
    """The same company as the UI's, without a UI."""
    with served_company(*company_options(PEOPLE)) as company:
        yield company


def _killed(home: Home, as_of: str, seconds: float) -> bool:
    """Kills the main process of a refresh; False where it had ended before."""
    process = subprocess.Popen(
        [ADLEDGER, "refresh", "--as-of", as_of],
        env=without_sources(dict(os.environ)) | home.settings | {"ADLEDGER_HOME": str(home.path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        process.wait(seconds)
        return False
    except subprocess.TimeoutExpired:
        return True
    finally:
        process.kill()
        process.wait()


def _running_in(home: Path) -> list[str]:
    """Command lines of the processes of a home."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"ADLEDGER_HOME={home}\0".encode() in (folder / "environ").read_bytes():
                found.append((folder / "cmdline").read_text().replace("\0", " "))
    return found


@pytest.mark.parametrize("point", POINTS)
def test_after_a_kill_the_next_refresh_publishes_what_an_undisturbed_one_does(
    undisturbed: Undisturbed, company: Company, point: int, tmp_path: Path
) -> None:
    home = Home(tmp_path, company.settings)
    # a little before the tenth: the last one must not end by itself
    assert _killed(home, company.now, undisturbed.seconds * (point - 0.25) / 10)
    # its workers end with it
    until = time.monotonic() + 10
    while (left := _running_in(home.path)) and time.monotonic() < until:
        time.sleep(0.2)
    assert left == []
    result = home.run("refresh", "--as-of", company.now)
    assert result.returncode == 0, result.stdout + result.stderr
    assert home.published() == undisturbed.published
