"""The dlt resources of Google Ads: the accounts, days and pieces to load."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from ingestion.errors import AccessError, AccountLeftOut
from ingestion.http.client import in_parallel
from ingestion.landing.arrow import Page, Table
from ingestion.landing.planning import months_before
from ingestion.landing.resources import DaysRead, Landing, Span, resource
from ingestion.sources.google_ads import api, settings
from ingestion.sources.google_ads.tables import (
    CAMPAIGNS,
    CLICK_VIEWS,
    CONVERSION_ACTIONS,
    CUSTOMER_SETTINGS,
    CUSTOMERS,
    DAILY,
    ENTITIES,
    query,
)

__all__ = ["DAILY", "ENTITIES", "accounts", "resources", "span"]

# The longest window of the actions that counted in the last 90 days: a changed window applies to later clicks
# only, and conversions can be uploaded 90 days after the click, whatever the window is.
# https://support.google.com/google-ads/answer/3123169, https://support.google.com/google-ads/answer/2998031
_WIDEST_WINDOW = f"""
    SELECT max(CASE WHEN type LIKE 'UPLOAD%' THEN {settings.LONGEST_WINDOW_DAYS}
        ELSE greatest(click_through_lookback_window_days, view_through_lookback_window_days) END)
    FROM conversion_actions
    WHERE customer_id = ? AND status <> 'REMOVED' AND (superseded_at IS NULL OR superseded_at > ?)
"""
# returns a row if a manager's actions count in the account but their settings could not be read
_UNKNOWN_ACTIONS = """
    FROM customer_settings AS settings
    WHERE customer_id = ? AND conversion_customer_id <> customer_id AND NOT EXISTS (
        FROM conversion_actions AS actions
        WHERE actions.customer_id = settings.customer_id
            AND actions.owner_customer_id = settings.conversion_customer_id
    )
"""


def accounts(landing: Landing) -> Sequence[str]:
    """Return the enabled accounts that are not managers. Raises AccessError, SettingError."""
    ads = landing.connection(api.connect)
    found = tuple(ads.accounts)
    _name_closed(landing, ads)
    return found


def _name_closed(landing: Landing, ads: api.GoogleAds) -> None:
    """Leave out closed accounts that are configured, and suspended ones that were loaded before.

    Raises AccountLeftOut if no account remains.
    """
    landed: set[str] = set()
    if not landing.store.is_new(CAMPAIGNS):
        landed = {row[0] for row in landing.store.rows("SELECT DISTINCT customer_id FROM campaigns")}
    for account, status in sorted(ads.closed.items()):
        if account in ads.customer_ids or (status == "SUSPENDED" and account in landed):
            refused = AccountLeftOut(
                f"sources.google_ads.customer_ids: account {account} is {status} and returns no figures;"
                " reactivate it in Google Ads or remove it from the setting",
                account=account,
            )
            landing.leave_out_account(refused)
            if not ads.accounts:
                raise refused


def span(landing: Landing, table: Table, account: str) -> Span:
    """Return the days that Google serves of a table and may restate, in the account's time zone."""
    today = landing.connection(api.connect).today(account, landing.as_of)
    if table is CLICK_VIEWS:
        return Span(today - timedelta(days=settings.CLICK_VIEW_DAYS - 1), settings.CLICK_LAG_DAYS)
    window = settings.LONGEST_WINDOW_DAYS
    if not landing.store.is_new(CONVERSION_ACTIONS):
        recently = landing.as_of - timedelta(days=window)
        ((widest,),) = landing.store.rows(_WIDEST_WINDOW, [account, recently])
        is_known = widest is not None and (
            landing.store.is_new(CUSTOMER_SETTINGS) or not landing.store.rows(_UNKNOWN_ACTIONS, [account])
        )
        window = max(widest, settings.ENGAGED_VIEW_DAYS) if is_known else window
    return Span(months_before(today, settings.RETENTION_MONTHS), window + settings.LAG_DAYS)


def resources(landing: Landing, part: str) -> list[Any]:
    """Return the dlt resources of a part. Sends no request until they run."""
    tables, read = (ENTITIES, _listed) if part == "entities" else (DAILY, _days)
    return [resource(landing, table, partial(read, landing, table)) for table in tables]


def _listed(landing: Landing, table: Table) -> Iterable[Page | DaysRead]:
    ads = landing.connection(api.connect)
    if table is CUSTOMERS:
        found = ads.customers
        _name_closed(landing, ads)
        return found
    text = query(table, ads.version)
    read = partial(_actions, landing) if table is CONVERSION_ACTIONS else ads.rows
    return in_parallel([partial(read, account, text) for account in ads.accounts])


def _actions(landing: Landing, account: str, text: str) -> Iterator[Page]:
    """Yield the account's own conversion actions, and those of the manager that tracks its conversions.

    https://developers.google.com/google-ads/api/docs/conversions/getting-started
    """
    ads = landing.connection(api.connect)
    yield from ads.rows(account, text)
    owner = ads.conversion_customer(account)
    if owner is None:
        return
    try:
        yield from ads.rows(account, text, owner)
    except AccessError as refusal:
        landing.notice(
            f"settings of actions that a manager shares with account {account} are unknown: {refusal}"
        )


def _days(landing: Landing, table: Table) -> Iterable[Page | DaysRead]:
    ads = landing.connection(api.connect)
    text = query(table, ads.version)
    # one day per query: https://developers.google.com/google-ads/api/fields/v26/click_view
    days = 1 if table is CLICK_VIEWS else settings.SLICE_DAYS
    found = [(account, piece) for account in ads.accounts for piece in landing.pieces(table, account, days)]
    # alternate between accounts, because each has its own rate limit
    found.sort(key=lambda item: item[1].start, reverse=True)
    return in_parallel([partial(ads.days, account, piece, text) for account, piece in found])
