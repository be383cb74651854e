"""Chromium for tests of pages, and the pictures of them that the documentation shows."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

CHROMIUM = shutil.which("chromium")
in_a_browser = pytest.mark.skipif(CHROMIUM is None, reason="no browser: apt-get install chromium")
_QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync"
)
# bytes; the largest picture a page of documentation should load
_LARGEST = 300_000
#: Milliseconds that a page may take on a busy machine.
PATIENCE = 120_000


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser that asks nobody but the pages it is sent to."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_QUIET.split())
        expect.set_options(timeout=PATIENCE)
        yield browser
        browser.close()


def tell_faults(context: BrowserContext) -> None:
    """Prints what fails in its pages, which pytest shows where a test fails."""
    context.on("weberror", lambda fault: print(fault.error))
    context.on("requestfailed", lambda request: print(request.failure, request.url))
    context.on("response", lambda answer: print(answer.status, answer.url) if answer.status >= 400 else None)


def keep(page: Page, name: str, otherwise: Path) -> None:
    """Takes a picture of the page, for the documentation where `ADLEDGER_SCREENSHOTS` names its folder."""
    # what moves has come to rest
    page.wait_for_timeout(1500)
    file = Path(os.environ.get("ADLEDGER_SCREENSHOTS") or otherwise) / f"{name}.png"
    Image.open(BytesIO(page.screenshot())).convert("RGB").quantize(128).save(file, optimize=True)
    assert file.stat().st_size < _LARGEST
