"""The dlt resources of Facebook Ads, the accounts to load and the days they serve."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from ingestion.landing.arrow import Page, Table
from ingestion.landing.planning import months_before
from ingestion.landing.resources import DaysRead, Landing, Span, part, reading, resource
from ingestion.sources.facebook_ads import api, settings, tables
from ingestion.sources.facebook_ads.insights import LEVELS, Insights, Level
from ingestion.sources.facebook_ads.leads import Leads
from ingestion.sources.facebook_ads.tables import DAILY, ENTITIES

__all__ = ["DAILY", "ENTITIES", "accounts", "resources", "span"]

_EDGES: tuple[tuple[Table, str, str, tuple[str, ...]], ...] = (
    (tables.CAMPAIGNS, "campaigns", api.CAMPAIGN_FIELDS, settings.CAMPAIGN_STATUSES),
    (tables.AD_SETS, "adsets", api.AD_SET_FIELDS, settings.AD_SET_STATUSES),
    (tables.ADS, "ads", api.AD_FIELDS, settings.AD_STATUSES),
)


def accounts(landing: Landing) -> Sequence[str]:
    """Return the ad accounts to load. Raises AccessError, SettingError."""
    return landing.connection(api.connect).ids


def span(landing: Landing, table: Table, account: str) -> Span:
    """Return the span of the last 37 months, with four weeks of unsettled figures.

    The oldest day is left out, because in some time zones it is already too old.
    """
    oldest = months_before(landing.as_of.date(), settings.RETENTION_MONTHS)
    return Span(oldest + timedelta(days=1), settings.RESTATEMENT_DAYS)


def resources(landing: Landing, scope: str) -> list[Any]:
    """Return the dlt resources of a part. Sends no request until they run."""

    def ads() -> api.FacebookAds:
        return landing.connection(api.connect)

    def objects(edge: str, fields: str, allowed: tuple[str, ...]) -> Iterator[Page]:
        return ads().objects(edge, fields, allowed)

    def insights(level: Level) -> Iterator[Page | DaysRead]:
        return Insights(landing, ads(), level).days()

    if scope == "daily":
        return [resource(landing, level.table, partial(insights, level)) for level in LEVELS]
    leads = reading("lead_pages", lambda: Leads(landing, ads()).batches())
    return [
        resource(landing, tables.AD_ACCOUNTS, lambda: ads().accounts),
        *(
            resource(landing, table, partial(objects, edge, fields, allowed))
            for table, edge, fields, allowed in _EDGES
        ),
        resource(landing, tables.AD_CREATIVES, lambda: ads().creatives()),
        leads,
        part(landing, tables.LEAD_FORMS, leads),
        part(landing, tables.LEADS, leads),
    ]
