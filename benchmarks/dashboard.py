"""How long the dashboard's pages take on a large published file, in a browser.

`python benchmarks/dashboard.py --page-views 10000000 --out report.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb
from playwright.sync_api import Browser, BrowserContext, sync_playwright

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.measuring import console
from benchmarks.published import Company, publish

_ADLEDGER = str(Path(sys.executable).with_name("adledger"))
#: A page and its link; one contact and the events behind a step are read row by row.
PAGES = {
    "overview": "/",
    "bridge": "/bridge?network=google_ads&reason=later_session",
    "fixes": "/fixes",
    "reports": "/reports",
    "leads": "/leads",
    "tracking": "/tracking",
    "restatements": "/restatements",
    "contact": "/contact?contact=70000000009",
}
_VIEWS_PER_CONTACT = 10
# contacts of the file to compare with: what is left is not for its size
_FEW = 1000
_PAINTED = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
_SHOWN = "canvas.marks, svg.marks"
# this page has no chart
_TABLE = "[data-testid=stTable]"


def main() -> None:
    """Makes the file, opens each page in browsers of its own, prints and writes what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page-views", type=int, default=10_000_000)
    parser.add_argument("--campaigns", type=int, default=50, help="of each of six accounts")
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--home", type=Path, help="kept between runs, so that the file is made once")
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        large, small = asked.home or Path(folder) / "large", Path(folder) / "small"
        _publish(large, Company(asked.page_views // _VIEWS_PER_CONTACT, asked.campaigns, asked.days))
        _publish(small, Company(_FEW, campaigns=5, days=30))
        report = {
            "large": {"file": _size(large), **measured(large, asked.repeats)},
            "small": {"file": _size(small), **measured(small, asked.repeats)},
        }
    asked.out.write_text(json.dumps(report, indent=2))
    out = console()
    for size, found in report.items():
        out.print(f"{size}: {found['file']}, server {found['server_mb']} MB")
        for name, seconds in found["pages"].items():
            out.print(f"{name:13} {seconds}")


def _publish(home: Path, company: Company) -> None:
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "serving.duckdb").exists():
        publish(home / "serving.duckdb", company)


def _size(home: Path) -> dict[str, int]:
    serving = home / "serving.duckdb"
    tables = ("marts.fct_sessions", "reconciliation.conversion_ledger", "reconciliation.conversion_bridge")
    with duckdb.connect(str(serving), read_only=True) as connection:
        counts = {
            table: int(connection.execute(f"select count(*) from {table}").fetchall()[0][0])
            for table in tables
        }
        (views,) = connection.execute("select sum(page_views) from marts.fct_sessions").fetchall()[0]
    return {"page_views": int(views), "mb": serving.stat().st_size // 2**20, **counts}


def measured(home: Path, repeats: int) -> dict[str, Any]:
    """Seconds to each page's first chart (first time, new browsers, one that knows the app), and to paint."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [_ADLEDGER, "dashboard", "--port", str(port)],
        env=os.environ | {"ADLEDGER_HOME": str(home)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout
        if "dashboard is running at" not in server.stdout.readline():
            raise SystemExit("the dashboard did not start")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            url = f"http://127.0.0.1:{port}"
            pages = {}
            # what a server does once, whatever it serves
            _opened_anew(browser, url, "/contact", "h1")
            # has loaded the app's own files
            known = browser.new_context()
            _opened(known, url, "/", _SHOWN)
            for name, link in PAGES.items():
                target = _TABLE if name == "contact" else _SHOWN
                first = _opened_anew(browser, url, link, target)
                new = [_opened_anew(browser, url, link, target) for _ in range(repeats)]
                again = [_opened(known, url, link, target) for _ in range(repeats)]
                pages[name] = {
                    "first_s": round(first[1], 2),
                    "new_s": round(statistics.median(shown for _, shown in new), 2),
                    "again_s": round(statistics.median(shown for _, shown in again), 2),
                    "paint_s": round(statistics.median(painted for painted, _ in new), 2),
                }
            browser.close()
        child = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()[0]
        peak = next(
            line
            for line in Path(f"/proc/{child}/status").read_text().splitlines()
            if line.startswith("VmHWM")
        )
        return {
            "pages": pages,
            "server_mb": int(peak.split()[1]) // 1024,
        }
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)


def _opened_anew(browser: Browser, url: str, link: str, target: str) -> tuple[float, float]:
    """The same as `_opened`, in a browser that has loaded nothing before."""
    with browser.new_context() as context:
        return _opened(context, url, link, target)


def _opened(context: BrowserContext, url: str, link: str, target: str) -> tuple[float, float]:
    """Seconds from the link to the browser's first contentful paint, and to what is waited for."""
    page = context.new_page()
    page.set_viewport_size({"width": 1400, "height": 900})
    began = time.perf_counter()
    page.goto(f"{url}{link}", wait_until="commit")
    page.locator(target).first.wait_for(timeout=120_000)
    took = time.perf_counter() - began
    painted = page.evaluate(_PAINTED) / 1000
    page.close()
    return painted, took


if __name__ == "__main__":
    main()
