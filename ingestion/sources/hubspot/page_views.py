"""Page views: the newest of all contacts in bulk, then those of contacts with a higher count than landed.

Page views of an anonymous visitor appear with their old instants once the visitor becomes a known contact. A
cursor over instants misses them; the contact's own count of page views shows that they are missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import orjson

from ingestion.errors import PermissionMissing
from ingestion.http import bodies
from ingestion.http.client import in_parallel
from ingestion.http.faults import RequestFault
from ingestion.landing.arrow import Page
from ingestion.landing.resources import Batch, Landing, batches
from ingestion.landing.store import StreamState
from ingestion.sources.hubspot import settings, tables
from ingestion.sources.hubspot.api import HubSpot, cursor
from ingestion.sources.hubspot.records import ALIASES

_LAG = timedelta(minutes=settings.INDEX_LAG_MINUTES)
_STREAM = tables.PAGE_VIEW_EVENTS.name

# Contacts that count more page views than landed, apart from views that the API is known not to return.
_MISSING = f"""
    WITH RECURSIVE aliases AS ({ALIASES}), resolved AS (
        SELECT alias_id, contact_id FROM aliases
        UNION
        SELECT resolved.alias_id, aliases.contact_id
        FROM resolved JOIN aliases ON resolved.contact_id = aliases.alias_id
    ), survivors AS (
        SELECT alias_id, contact_id FROM resolved WHERE contact_id NOT IN (SELECT alias_id FROM aliases)
    ), landed AS (
        SELECT coalesce(survivors.contact_id, object_id) AS id, count(*) AS views
        FROM page_view_events LEFT JOIN survivors ON object_id = alias_id
        GROUP BY 1
    ), counted AS (
        SELECT id, try_cast(hs_analytics_num_page_views AS BIGINT) AS views FROM contacts
        WHERE deleted_at IS NULL AND NOT archived AND id NOT IN (SELECT alias_id FROM aliases)
    )
    SELECT counted.id, counted.views - coalesce(landed.views, 0) AS missing, counted.views
    FROM counted
    LEFT JOIN landed ON counted.id = landed.id
    LEFT JOIN page_view_gaps AS gaps ON counted.id = gaps.contact_id
    WHERE counted.views - coalesce(landed.views, 0) > coalesce(gaps.missing, 0)
    ORDER BY counted.id
"""


@dataclass
class PageViews:
    """The page views of one load."""

    landing: Landing
    hubspot: HubSpot
    is_allowed: bool = True
    in_bulk: bool = True
    is_whole: bool = field(default=False, init=False)

    def newest(self) -> Iterator[Batch]:
        """Yield the page views since the last load, or all of them in the first load."""
        store = self.landing.store
        known = None if store.is_new(tables.PAGE_VIEW_EVENTS) else store.state(_STREAM)
        since = replace(known, cursor=self._newest_landed()).since(_LAG) if known is not None else None
        self.is_whole = since is None
        try:
            yield from self._bulk(since)
        except PermissionMissing:
            # page-view events need an Enterprise subscription; sessions then come from contact properties
            self.is_allowed = False
            self.landing.notice(
                "this portal's subscription has no page-view events (403): using contact properties instead"
            )
            return
        except RequestFault:
            self.in_bulk = self.is_whole = False
            self.landing.notice(
                "this portal returns page views per contact only (400): loading them contact by contact"
            )
        listed_at = known.listed_at if known is not None else self.landing.as_of
        self.landing.remember(_STREAM, StreamState(None, self.landing.as_of, listed_at))

    def everything(self) -> Iterator[Batch]:
        """Yield all page views in bulk."""
        yield from self._bulk(None)

    def missing(self) -> list[tuple[str, int, int]]:
        """Return (id, missing, total) of contacts that count more page views than landed."""
        return [(str(i), int(missing), int(views)) for i, missing, views in self.landing.store.rows(_MISSING)]

    def landed(self) -> int:
        """Return the number of landed page views."""
        return int(self.landing.store.rows(f"SELECT count(*) FROM {_STREAM}")[0][0])

    def of_contacts(self, asked: list[tuple[str, int, int]]) -> Iterator[Batch]:
        """Yield all page views of some contacts, and the number that the API does not return for each."""
        counted = {i: views for i, _, views in asked}

        def stream(contact_id: str) -> Iterator[tuple[str, Page]]:
            for page in self.hubspot.page_views(contact_id=contact_id):
                yield contact_id, page

        returned = dict.fromkeys(counted, 0)
        found = in_parallel([partial(stream, i) for i in counted], settings.CONCURRENCY)

        def pages() -> Iterator[Page]:
            for contact_id, page in found:
                returned[contact_id] += page.records or 0
                yield page

        for group in batches(pages()):
            yield {_STREAM: group}
        yield gaps([(i, views - returned[i]) for i, views in counted.items()])

    def _bulk(self, since: datetime | None) -> Iterator[Batch]:
        for group in batches(self._pages(since)):
            yield {_STREAM: group}

    def _pages(self, since: datetime | None) -> Iterator[Page]:
        """Yield the first page, then the rest; a long rest is read in parallel time slices."""
        first = next(self.hubspot.page_views(since), None)
        if first is None:
            return
        yield first
        document = bodies.loads(first.body)
        begin = _last_instant(document["results"])
        if not cursor(document) or begin is None:
            return
        end, count = self.landing.as_of, settings.PAGE_VIEW_SLICES
        step = (end - begin) / count
        edges: list[datetime | None] = [begin, *(begin + step * number for number in range(1, count)), None]
        if step < timedelta(hours=1):
            edges = [begin, None]
        slices = [partial(self.hubspot.page_views, *edge) for edge in pairwise(edges)]
        yield from in_parallel(slices, settings.PAGE_VIEW_READERS)

    def _newest_landed(self) -> datetime | None:
        found: datetime | None = self.landing.store.rows(f"SELECT max(occurred_at) FROM {_STREAM}")[0][0]
        return found


def _last_instant(events: list[Any]) -> datetime | None:
    try:
        return datetime.fromisoformat(events[-1]["occurredAt"])
    except (IndexError, KeyError, TypeError, ValueError):
        return None


def gaps(missing: list[tuple[str, int]]) -> Batch:
    """Return the rows with the number of page views that the API does not return for each contact."""
    rows = [{"id": i, "missing": number} for i, number in missing]
    return {tables.PAGE_VIEW_GAPS.name: [Page(orjson.dumps({"results": rows}), (), len(rows))]}
