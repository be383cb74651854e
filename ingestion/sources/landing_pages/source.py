"""The dlt resources of landing pages: the pages that other sources contain, and pages added by the user."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

from ingestion.http.client import in_parallel
from ingestion.landing.resources import Batch, Landing, part, reading
from ingestion.limits import LANDING_PAGES, LANDING_SECONDS
from ingestion.sources.landing_pages import settings, tables
from ingestion.sources.landing_pages.fetch import Fetcher
from ingestion.sources.landing_pages.snapshots import Snapshot, as_pages, latest_snapshots, take
from ingestion.sources.landing_pages.tables import DAILY, ENTITIES
from ingestion.sources.landing_pages.urls import BadUrl, PageUrl, known_urls, page_url

__all__ = ["DAILY", "ENTITIES", "Pages", "resources"]

_BATCH = 25
# hosts in a notice
_LISTED = 3


@dataclass
class Pages:
    """The pages of one load. `taken` collects the snapshots."""

    landing: Landing
    caps: settings.Caps | None = None
    taken: list[Snapshot] = field(default_factory=list)
    clock: Callable[[], float] = time.monotonic

    @cached_property
    def fetcher(self) -> Fetcher:
        """Return the fetcher, created for the first page."""
        return Fetcher(settings.access(), self.caps, requests=self.landing.requests, sleep=self.landing.pause)

    def known(self) -> Iterator[Batch]:
        """Yield snapshots of all pages that other sources contain and of all pages that the user added."""
        known = known_urls(self.landing, settings.own_domains())
        if known.foreign:
            hosts = ", ".join(sorted(known.foreign, key=lambda host: (-known.foreign[host], host))[:_LISTED])
            self.landing.notice(
                f"{sum(known.foreign.values())} pages that visitors sent are not fetched, because they are"
                f" not on your domains ({hosts}{', …' if len(known.foreign) > _LISTED else ''}): if one is"
                " yours, add it to sources.hubspot.domains"
            )
        found = list(known.urls)
        if not self.landing.store.is_new(tables.PAGE_URLS):
            query = "SELECT source, final_url FROM page_urls WHERE source = ? ORDER BY final_url"
            found += self.landing.store.rows(query, [settings.USER])
        yield from self.fetch(found)

    def fetch(self, final: Iterable[tuple[str, str]], tags: Sequence[dict[str, Any]] = ()) -> Iterator[Batch]:
        """Yield the `tags` and the snapshots of the pages behind (source, final URL), each page once."""
        pages: dict[str, PageUrl] = {}
        rows: list[dict[str, Any]] = []
        unusable: dict[str, int] = defaultdict(int)
        for source, text in final:
            try:
                page = page_url(text)
            except BadUrl as bad:
                unusable[f"{source}: {bad}"] += 1
                continue
            rows.append({"source": source, "final_url": text, "url": page.url})
            pages.setdefault(page.url, page)
        for reason, count in sorted(unusable.items()):
            self.landing.notice(f"{count} final URLs of {reason}")
        yield {tables.PAGE_URLS.name: as_pages(rows), tables.PAGE_TAGS.name: as_pages(tags)}
        if not pages:
            return
        before = latest_snapshots(self.landing.store, self.landing.as_of)
        share = settings.share()
        # pages without a snapshot first, then those checked longest ago; ads' pages come before others
        due = sorted(pages.values(), key=lambda page: _age(before.get(page.url)))[: share.pages]
        until = self.clock() + share.seconds
        hosts: dict[str, list[PageUrl]] = defaultdict(list)
        for page in due:
            hosts[page.host].append(page)

        def of_host(listed: list[PageUrl]) -> Iterator[Snapshot]:
            for page in listed:
                if self.clock() >= until:
                    return
                yield take(self.fetcher, page, self.landing.as_of, before.get(page.url))

        batch: list[dict[str, Any]] = []
        try:
            for snapshot in in_parallel(
                [partial(of_host, each) for each in hosts.values()], settings.CONCURRENCY
            ):
                self.taken.append(snapshot)
                batch.append(snapshot.row())
                if len(batch) == _BATCH:
                    self.landing.say(f"{self.landing.source}: {len(self.taken)} of {len(due)} pages")
                    yield {tables.PAGE_SNAPSHOTS.name: as_pages(batch)}
                    batch = []
        finally:
            self.fetcher.close()
        yield {tables.PAGE_SNAPSHOTS.name: as_pages(batch)}
        if left := len(pages) - len(self.taken):
            self.landing.notice(
                f"{left} of {len(pages)} pages were not checked within {share.pages} pages and"
                f" {share.seconds} s ({LANDING_PAGES.name}, {LANDING_SECONDS.name}): the next refreshes check"
                " them first"
            )

    def resources(self, batches: Iterable[Batch]) -> list[Any]:
        """Return the dlt resources that land the batches."""
        pages = reading("pages", lambda: batches)
        return [pages, *(part(self.landing, table, pages) for table in ENTITIES)]


def _age(before: Snapshot | None) -> float:
    return before.fetched_at.timestamp() if before else float("-inf")


def resources(landing: Landing, scope: str) -> list[Any]:
    """Return the dlt resources of a part. Sends no request until they run."""
    if scope != "entities":
        return []
    pages = Pages(landing)
    return pages.resources(pages.known())
