"""Apache Superset on a published file: the dashboard in a browser, queries while others are swapped in."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pytest
import urllib3
import yaml
from playwright.sync_api import BrowserContext, Page, Response, expect

from benchmarks.published import Company, publish
from tests.browsing import PATIENCE, chromium, in_a_browser, keep, tell_faults
from tests.opened import free_port
from tests.swapping import read_through
from tests.warehouse import PROJECT, without_sources

ROOT = PROJECT.parent
PYTHON = ROOT / ".superset/bin/python"
CHARTS = sorted((ROOT / "reporting/superset/bundle/charts").iterdir())
DASHBOARD = "/superset/dashboard/why-the-numbers-differ/"
PASSWORD = "of-this-test"
COMPANY, GROWN = Company(contacts=900, days=40), Company(contacts=1800, days=40)
SWAPS, READERS = 10, 4
REPORTED = """
SELECT sum(units) FROM reconciliation.conversion_bridge
WHERE kind = 'start' AND attribution_report = 'first_form_submission'
"""
MEASURES = ("reported_conversions", "difference_explained", "not_explained", "hubspot_contacts")

pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="no Superset: make superset-setup")


class Served:
    """A started `make superset`, its home, and the lines it has printed."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home, self.port, self.lines = home, free_port(), list[str]()
        self.process = subprocess.Popen(
            [PYTHON, "-m", "adledger.servers.superset.serve", "--home", home, "--port", str(self.port)],
            cwd=ROOT,
            env=without_sources(dict(os.environ)) | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout
        while not self.lines or self.url not in self.lines[-1]:
            self.lines.append(self.process.stdout.readline())
            assert self.lines[-1], (self.lines, (home / "logs/superset.log").read_text()[-3000:])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def log_in(self, password: str) -> None:
        """Lets `ask` ask as the administrator."""
        credentials = {"username": "admin", "password": password, "provider": "db"}
        self.headers = {"Authorization": f"Bearer {self.ask('security/login', credentials)['access_token']}"}

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """The answer of Superset's API; a body is posted."""
        answer = urllib3.request(
            "POST" if body else "GET",
            f"{self.url}/api/v1/{path}",
            json=body,
            headers=getattr(self, "headers", None),
            timeout=60,
            retries=False,
        )
        assert answer.status == 200, (path, answer.status, answer.data[:2000])
        return answer.json()

    def assets(self) -> dict[str, list[str]]:
        """The names of all that was imported."""
        names = {"dashboard": "dashboard_title", "chart": "slice_name", "dataset": "table_name"}
        return {
            kind: sorted(row[name] for row in self.ask(f"{kind}/?q=(page_size:100)")["result"])
            for kind, name in {**names, "database": "database_name"}.items()
        }

    def measures(self, dataset: int) -> dict[str, Decimal]:
        """The measures of the default report, by one query."""
        query = {
            "metrics": [*MEASURES],
            "filters": [{"col": "report", "op": "IN", "val": ["First form submission"]}],
            "columns": [],
        }
        asked = {"datasource": {"id": dataset, "type": "table"}, "queries": [query], "force": True}
        (row,) = self.ask("chart/data", asked)["result"][0]["data"]
        return {name: Decimal(str(row[name])) for name in MEASURES}

    def end(self) -> None:
        """As Ctrl-C does; nothing of it is left."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=60)
        assert self.process.returncode == 0
        assert [child for child in children if Path(f"/proc/{child}").exists()] == []


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("superset")
    publish(home / "serving.duckdb", COMPANY)
    served = Served(home, SUPERSET_ADMIN_PASSWORD=PASSWORD)
    served.log_in(PASSWORD)
    yield served
    if served.process.poll() is None:
        served.end()


def _reported(home: Path) -> str:
    """The conversions reported, as the dashboard writes them."""
    with duckdb.connect(str(home / "serving.duckdb"), read_only=True) as connection:
        (value,) = connection.execute(REPORTED).fetchall()[0]
    return f"{value:,.1f}".removesuffix(".0")


def _answered(page: Page, answers: list[Response], charts: int) -> list[Response]:
    """The answers to charts and filters, once that many charts have one."""
    until = time.monotonic() + PATIENCE / 1000
    while True:
        asked = [answer for answer in answers if "/chart/data" in answer.url]
        shown = {answer.request.post_data_json["form_data"].get("slice_id") for answer in asked} - {None}
        if len(shown) == charts:
            return asked
        assert time.monotonic() < until, (len(shown), charts)
        page.wait_for_timeout(200)


def _log_in(context: BrowserContext) -> None:
    """Logs in by the form, in a page of its own."""
    page = context.new_page()
    # a second after it opens, the page reports itself; the answer's cookie ends a session begun meanwhile
    page.add_init_script("navigator.sendBeacon = () => true")
    page.goto("/login/")
    page.get_by_placeholder("Username").or_(page.locator("#username")).first.fill("admin")
    page.locator("input[type=password]").fill(PASSWORD)
    page.locator("button[type=submit], input[type=submit]").first.click()
    page.wait_for_url(lambda url: "login" not in url)
    expect(context.request.get("/api/v1/me/")).to_be_ok()
    page.close()


@in_a_browser
def test_every_chart_shows_what_is_published_also_after_a_swap(served: Served, tmp_path: Path) -> None:
    with chromium() as browser:
        # as tall as the dashboard, which draws what is in sight
        context = browser.new_context(base_url=served.url, viewport={"width": 1400, "height": 5200})
        context.set_default_timeout(PATIENCE)
        answers = list[Response]()
        context.on("response", lambda answer: answers.append(answer))
        tell_faults(context)
        _log_in(context)

        page = context.new_page()
        opened = page.goto(DASHBOARD)
        assert opened
        assert (opened.status, opened.url) == (200, f"{served.url}{DASHBOARD}")
        names = sorted(yaml.safe_load(file.read_text())["slice_name"] for file in CHARTS)
        expect(page.locator("[data-test=chart-container]")).to_have_count(len(names))
        figure, before = page.locator(".header-line").first, _reported(served.home)
        expect(figure).to_have_text(before)
        asked = _answered(page, answers, len(names))
        expect(page.locator("[data-test=loading-indicator]")).to_have_count(0)
        expect(page.get_by_text("Unexpected error").or_(page.get_by_text("No results"))).to_have_count(0)
        assert [answer.url for answer in asked if answer.status != 200] == []
        assert all(result["rowcount"] for answer in asked for result in answer.json()["result"])
        assert [answer.url for answer in answers if not answer.url.startswith((served.url, "data:"))] == []

        # what is in sight is enough
        page.set_viewport_size({"width": 1400, "height": 1760})
        page.reload()
        expect(figure).to_have_text(before)
        expect(page.locator("[data-test=loading-indicator]")).to_have_count(0)
        keep(page, "superset", tmp_path)
        publish(served.home / "serving.duckdb", GROWN)
        after = _reported(served.home)
        assert after != before
        page.reload()
        expect(figure).to_have_text(after)


def _swap(serving: Path, first: Path, number: int) -> None:
    """Another file, whose bridge is that many times the first's and balances as well."""
    beside = serving.with_name(".next")
    shutil.copy(first, beside)
    beside.chmod(0o644)
    with duckdb.connect(str(beside)) as connection:
        connection.execute(f"UPDATE reconciliation.conversion_bridge SET units = units * {number}")
    os.replace(beside, serving)


def test_each_answer_is_of_one_file_while_others_are_swapped_in(served: Served, tmp_path: Path) -> None:
    serving, first = served.home / "serving.duckdb", tmp_path / "first.duckdb"
    publish(first, COMPANY)
    _swap(serving, first, 1)
    datasets = served.ask("dataset/?q=(page_size:100)")["result"]
    (dataset,) = (row["id"] for row in datasets if row["table_name"] == "campaign_days")
    once = served.measures(dataset)

    def read() -> int:
        found = served.measures(dataset)
        number = int(found["hubspot_contacts"] / once["hubspot_contacts"])
        assert found == {name: value * number for name, value in once.items()}
        return number

    swaps = ((partial(_swap, serving, first, number), number) for number in range(2, SWAPS + 2))
    read_through(swaps, read, READERS)


def test_started_again_it_is_the_same(served: Served) -> None:
    assets, key = served.assets(), (served.home / "superset/secret_key").read_text()
    assert assets["chart"] == sorted(yaml.safe_load(file.read_text())["slice_name"] for file in CHARTS)
    assert [len(assets[kind]) for kind in ("dashboard", "database")] == [1, 1]
    served.end()
    # without a password it keeps the one it has
    again = Served(served.home)
    try:
        assert len(again.lines) == 1
        again.log_in(PASSWORD)
        assert again.assets() == assets
    finally:
        again.end()
    assert (served.home / "superset/secret_key").read_text() == key
    assert stat.S_IMODE((served.home / "superset/secret_key").stat().st_mode) == 0o600
    assert stat.S_IMODE((served.home / "superset").stat().st_mode) == 0o700


def test_without_a_published_file_it_says_what_to_run(tmp_path: Path) -> None:
    result = subprocess.run(
        [PYTHON, "-m", "adledger.servers.superset.serve", "--home", tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert f"nothing is published in {tmp_path}: run adledger refresh" in result.stdout
    assert list(tmp_path.iterdir()) == []
