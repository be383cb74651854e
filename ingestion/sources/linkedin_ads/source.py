"""The dlt resources of LinkedIn Ads: the accounts, days and pieces to load."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, timedelta
from functools import cache, partial
from typing import Any

from ingestion.http.client import in_parallel
from ingestion.landing.arrow import Page, Table
from ingestion.landing.resources import DaysRead, Landing, Span, resource
from ingestion.landing.store import Store, StreamState
from ingestion.sources.linkedin_ads import api, figures, settings
from ingestion.sources.linkedin_ads.leads import Leads
from ingestion.sources.linkedin_ads.tables import (
    AD_ACCOUNTS,
    CAMPAIGN_ANALYTICS,
    CAMPAIGN_CONVERSIONS,
    CAMPAIGN_GROUPS,
    CAMPAIGNS,
    CONVERSIONS,
    CREATIVE_ANALYTICS,
    CREATIVE_CONVERSIONS,
    CREATIVES,
    DAILY,
    ENTITIES,
    LEAD_FORM_RESPONSES,
    LEAD_FORMS,
    METRICS,
    VALUES,
)

__all__ = ["DAILY", "ENTITIES", "accounts", "resources", "span", "unsettled_days"]

_QUERIES = {
    CAMPAIGN_ANALYTICS: (("CAMPAIGN",), METRICS),
    CREATIVE_ANALYTICS: (("CREATIVE",), METRICS),
    CREATIVE_CONVERSIONS: (("CREATIVE", "CONVERSION"), VALUES),
    CAMPAIGN_CONVERSIONS: (("CAMPAIGN", "CONVERSION"), VALUES),
}


def accounts(landing: Landing) -> Sequence[str]:
    """Return the ids of the accounts to load."""
    return landing.connection(api.connect).accounts


def span(landing: Landing, table: Table, account: str) -> Span:
    """Return the span of ten years; days may change within the longest window of the account's rules."""
    today = landing.as_of.astimezone(UTC).date()
    earliest = today - timedelta(days=365 * settings.RETENTION_YEARS)
    return Span(earliest, unsettled_days(landing.store, account))


def unsettled_days(store: Store, account: str | None = None) -> int:
    """Return the number of trailing days that may change in an account, or the maximum of all accounts."""
    known = None
    if not store.is_new(CONVERSIONS):
        query = (
            f"SELECT max(greatest(post_click_window_days, view_through_window_days)) FROM {CONVERSIONS.name}"
            " WHERE account_id = coalesce(?, account_id) AND superseded_at IS NULL"
        )
        known = store.rows(query, [account])[0][0]
    return min(known or settings.USUAL_WINDOW_DAYS, settings.LONGEST_WINDOW_DAYS) + settings.SETTLING_DAYS


def resources(landing: Landing, part: str) -> list[Any]:
    """Return the dlt resources of a part. Sends no request until they run."""

    def ads() -> api.LinkedInAds:
        return landing.connection(api.connect)

    if part == "daily":
        return [resource(landing, table, partial(_figures, landing, table)) for table in DAILY]
    leads = cache(lambda account: Leads(ads(), account))

    def of_accounts(stream: Callable[[Leads], Iterator[Page]]) -> Callable[[], Iterator[Page]]:
        def items() -> Iterator[Page]:
            yield from in_parallel([partial(stream, leads(account)) for account in ads().accounts])

        return items

    return [
        resource(landing, AD_ACCOUNTS, lambda: ads().ad_accounts()),
        resource(landing, CAMPAIGN_GROUPS, lambda: ads().campaign_groups()),
        resource(landing, CAMPAIGNS, lambda: ads().campaigns()),
        resource(landing, CREATIVES, lambda: ads().creatives()),
        resource(landing, CONVERSIONS, lambda: ads().conversions()),
        resource(landing, LEAD_FORMS, of_accounts(lambda found: iter(found.forms))),
        resource(landing, LEAD_FORM_RESPONSES, of_accounts(partial(_responses, landing))),
    ]


def _figures(landing: Landing, table: Table) -> Iterator[Page | DaysRead]:
    ads = landing.connection(api.connect)
    pivots, columns = _QUERIES[table]
    fields = tuple(str(column.path) for column in columns)
    queries = [
        figures.Query(account, pivots, fields, piece)
        for account in ads.accounts
        for piece in landing.pieces(table, account, settings.SLICE_DAYS)
    ]
    yield from in_parallel([partial(figures.pages, ads, query) for query in queries])


def _responses(landing: Landing, leads: Leads) -> Iterator[Page]:
    """Yield leads that can be new since the last load; in the first load all that LinkedIn keeps."""
    stream = f"{LEAD_FORM_RESPONSES.name}:{leads.account}"
    start = landing.as_of - timedelta(days=settings.LEAD_RETENTION_DAYS)
    state = landing.store.state(stream)
    if state is not None and not landing.store.is_new(LEAD_FORM_RESPONSES):
        start = max(start, state.read_at - timedelta(days=settings.LEAD_LAG_DAYS))
    if start >= landing.as_of:
        return
    yield from leads.responses(start, landing.as_of)
    if not leads.refused:
        landing.remember(stream, StreamState(None, landing.as_of, landing.as_of))
