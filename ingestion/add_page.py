"""Add a landing page by hand: `add_page` takes a snapshot now, and every later load takes another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ingestion import pipelines
from ingestion.errors import SettingError
from ingestion.landing.resources import Landing
from ingestion.landing.store import Store
from ingestion.sources.landing_pages import settings, tables
from ingestion.sources.landing_pages.snapshots import Snapshot
from ingestion.sources.landing_pages.source import Pages
from ingestion.sources.landing_pages.urls import BadUrl, page_url

_LONGEST_TAG = 64


@dataclass(frozen=True)
class AddedPage:
    """A page that was added: its new snapshot and all its tags."""

    snapshot: Snapshot
    tags: tuple[str, ...]


def add_page(
    url: str,
    tags: Sequence[str] = (),
    *,
    as_of: datetime,
    progress: Callable[[str], None] | None = None,
) -> AddedPage:
    """Take a snapshot of a page and tag it. If the page cannot be fetched, the snapshot holds the error.

    A tag that the page already has keeps its date. Raises SettingError for an invalid URL or tag, and
    IngestionError if the load fails.
    """
    try:
        page = page_url(url)
    except BadUrl as bad:
        raise SettingError(
            f"the page cannot be added, {bad}: enter a URL like https://www.example.com/demo"
        ) from None
    given = tuple(dict.fromkeys(tag.strip() for tag in tags))
    if any(not tag or len(tag) > _LONGEST_TAG or not tag.isprintable() for tag in given):
        raise SettingError(f"a tag must have 1 to {_LONGEST_TAG} printable characters")
    store = Store(pipelines.home() / "raw" / f"{settings.SOURCE}.duckdb")
    present = _tags(store, page.url)
    new = [
        {"url": page.url, "tag": tag, "tagged_at": as_of.isoformat()} for tag in given if tag not in present
    ]
    landing = Landing(settings.SOURCE, as_of, None, store, progress)
    pages = Pages(landing)
    try:
        pipelines.run(landing, lambda: pages.resources(pages.fetch([(settings.USER, page.url)], new)))
    finally:
        landing.close()
    return AddedPage(pages.taken[0], tuple(sorted({*present, *given})))


def _tags(store: Store, url: str) -> tuple[str, ...]:
    if store.is_new(tables.PAGE_TAGS):
        return ()
    return tuple(tag for (tag,) in store.rows("SELECT tag FROM page_tags WHERE url = ?", [url]))
