"""adAnalytics: all fields and all rows of daily figures, despite the limits of one answer.

https://learn.microsoft.com/en-us/linkedin/marketing/integrations/ads-reporting/ads-reporting
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from ingestion.errors import ResponseError
from ingestion.landing.arrow import Page
from ingestion.landing.resources import DaysRead, Window
from ingestion.sources.linkedin_ads import settings
from ingestion.sources.linkedin_ads.api import (
    LinkedInAds,
    account_urn,
    ids_of,
    restli_date_range,
    restli_list,
    restli_urn,
)

KEYS = ("dateRange", "pivotValues")

Row = dict[str, Any]


@dataclass(frozen=True)
class Query:
    """A query for daily figures of an account by pivots, optionally of some campaigns only."""

    account: str
    pivots: tuple[str, ...]
    metrics: tuple[str, ...]
    window: Window
    campaigns: tuple[str, ...] | None = None

    def paths(self) -> Iterator[str]:
        """Yield the paths of the requests, each with at most the allowed number of fields."""
        size = settings.MOST_FIELDS - len(KEYS)
        finder = f"analytics&pivot={self.pivots[0]}"
        if len(self.pivots) > 1:
            finder = f"statistics&pivots={restli_list(self.pivots)}"
        facets = f"accounts={restli_list((account_urn(self.account),))}"
        if self.campaigns is not None:
            urns = (restli_urn(f"urn:li:sponsoredCampaign:{campaign}") for campaign in self.campaigns)
            facets += f"&campaigns={restli_list(tuple(urns))}"
        for first in range(0, len(self.metrics), size):
            yield (
                f"/rest/adAnalytics?q={finder}&timeGranularity=DAILY"
                f"&dateRange={restli_date_range(self.window)}&{facets}"
                f"&fields={','.join((*KEYS, *self.metrics[first : first + size]))}"
            )


def pages(ads: LinkedInAds, query: Query) -> Iterator[Page | DaysRead]:
    """Yield all rows of a query, then `DaysRead`."""
    for rows in _rows(ads, query):
        yield Page(orjson.dumps({"elements": rows}), (("account_id", query.account),))
    yield DaysRead(query.account, query.window)


def joined(parts: Iterable[Sequence[Any]]) -> list[Any]:
    """Join the rows of several answers by day and pivot; LinkedIn leaves out rows with only zeros.

    Missing figures of a row are zero. A key that occurs twice in one answer stays two rows.
    """
    rows: dict[tuple[bytes, int], Any] = {}
    for part in parts:
        repeats: Counter[bytes] = Counter()
        for row in part:
            key = _key(row)
            repeats[key] += 1
            if isinstance(row, dict):
                rows.setdefault((key, repeats[key]), {}).update(row)
            else:
                # no row: the reader rejects it
                rows[key, repeats[key]] = row
    return list(rows.values())


def _key(row: Any) -> bytes:
    found = [row.get(name) for name in KEYS] if isinstance(row, dict) else row
    return orjson.dumps(found, option=orjson.OPT_SORT_KEYS)


def _rows(ads: LinkedInAds, query: Query) -> Iterator[list[Row]]:
    """Yield lists of complete rows: a full answer may be truncated without a sign, so it is split.

    adAnalytics has no paging.
    """
    parts: list[list[Row]] = []
    for path in query.paths():
        parts.append(ads.ask(path, query.account, settings.REPORTING).document["elements"])
        if len(parts[-1]) >= settings.MOST_ELEMENTS:
            break
    else:
        yield joined(parts)
        return
    days = (query.window.end - query.window.start).days + 1
    if days > 1:
        for half in query.window.slices((days + 1) // 2):
            yield from _rows(ads, replace(query, window=half))
        return
    missing = {_key(row) for row in parts[-1]}
    for some in _halves(ads, query):
        for rows in _rows(ads, replace(query, campaigns=some)):
            missing.difference_update(map(_key, rows))
            yield rows
    if missing:
        raise ResponseError(
            f"{ads.client.setting}: adAnalytics truncated account {query.account} on {query.window.start} at"
            f" {settings.MOST_ELEMENTS} elements, and {len(missing)} of them belong to no campaign of the"
            " account; run again, and report a bug if it happens again"
        )


def _halves(ads: LinkedInAds, query: Query) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Split the campaigns of a query or its account in halves. Raises ResponseError for fewer than two."""
    campaigns = query.campaigns
    if campaigns is None:
        campaigns = ids_of(ads.campaigns_of(query.account))
    if len(campaigns) < 2:
        raise ResponseError(
            f"{ads.client.setting}: adAnalytics truncated account {query.account} on {query.window.start} at"
            f" {settings.MOST_ELEMENTS} elements for a single campaign; this day cannot be loaded,"
            " split the campaign"
        )
    middle = len(campaigns) // 2
    return campaigns[:middle], campaigns[middle:]
