"""Google Ads at volume: searchStream over objects, figures and clicks, a bucket of requests per account.

https://developers.google.com/google-ads/api/rest/overview
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import orjson
from starlette.applications import Starlette

from sandbox.apis import gaql
from sandbox.apis.google_ads.errors import failure, request_id
from sandbox.apis.google_ads.schema import DOUBLE, INT, LIST, camel, check_version, kind_of, mask
from sandbox.apis.state import Credentials, bearer
from sandbox.bulk.networks.accounts import ACTIONS, AD, CAMPAIGN, CONVERSION_VALUE, GROUP, Account, printed
from sandbox.bulk.networks.common import Call, Row, World, route

NETWORK = "google_ads"
MANAGER = "7000000001"
#: Rows of one batch of a stream.
BATCH = 10_000
#: Assumption, as Google publishes no figure: so many requests of an account at once, so many a second, and
#: after how many seconds a refused client may come back.
#: https://developers.google.com/google-ads/api/docs/best-practices/quotas
BURST, PER_SECOND, RETRY_SECONDS = 60, 1.0, 30
_TOKEN = "ya29.bulk"
_LEVELS = {"campaign": CAMPAIGN, "ad_group": GROUP, "ad_group_ad": AD}
_LAGS = (
    "LESS_THAN_ONE_DAY",
    "ONE_TO_TWO_DAYS",
    "TWO_TO_THREE_DAYS",
    "THREE_TO_FOUR_DAYS",
    "SEVEN_TO_EIGHT_DAYS",
    "FOURTEEN_TO_TWENTY_ONE_DAYS",
)
_DEVICES = ("MOBILE", "DESKTOP")
#: What the account holds none of; its answers have no rows.
_NONE = ("asset_group", "lead_form_submission_data")

Columns = dict[str, Any]


class Bucket:
    """`BURST` requests; `PER_SECOND` of them come back in a second of real time."""

    def __init__(self) -> None:
        self._left, self._at = float(BURST), time.monotonic()

    def take(self) -> bool:
        """Take one; False where none is left."""
        now = time.monotonic()
        self._left = min(BURST, self._left + (now - self._at) * PER_SECOND)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class GoogleAds:
    """The endpoints of the accounts under one manager."""

    def __init__(self, world: World, *, limits: bool) -> None:
        self.world = world
        self._buckets = {a.id: Bucket() for a in world.accounts[NETWORK]} if limits else {}

    async def token(self, _: Call) -> Any:
        """An access token for any refresh token."""
        return {"access_token": _TOKEN, "expires_in": 3599, "token_type": "Bearer"}

    async def stream(self, call: Call) -> Any:
        """All rows of a query as an array of batches."""
        version = call.request.path_params["version"]
        customer = call.request.path_params["customer"]
        account = self.world.account(NETWORK, customer)
        if bearer(call.request) != _TOKEN:
            raise failure(401, "authenticationError", "OAUTH_TOKEN_INVALID", "The token is not valid.")
        if account is None and customer != MANAGER:
            raise failure(403, "authorizationError", "USER_PERMISSION_DENIED", "No such customer.")
        body = await call.request.body()
        call.account = customer
        if customer in self._buckets and not self._buckets[customer].take():
            raise self._exhausted(version)
        try:
            query = gaql.parse(str(orjson.loads(body)["query"]))
            check_version(query.select, version)
            call.rows = kind_of_rows(query)
            rows = self._hierarchy(query) if account is None else self._rows(query, account)
        except gaql.QueryError as error:
            raise failure(400, error.kind, error.code, error.message, error.trigger, version) from error
        call.ask(call.path, body.decode())
        batch = {"fieldMask": mask(query), "requestId": request_id(body.decode())}
        parts = [rows[first : first + BATCH] for first in range(0, len(rows), BATCH)]
        return [{"results": orjson.Fragment(f"[{','.join(part)}]"), **batch} for part in parts] or [batch]

    def _exhausted(self, version: str) -> Exception:
        quota = {"rateScope": "ACCOUNT", "rateName": "Requests per account"}
        details = {"quotaErrorDetails": {**quota, "retryDelay": f"{RETRY_SECONDS}s"}}
        message = f"Too many requests. Retry in {RETRY_SECONDS} seconds."
        code = "RESOURCE_TEMPORARILY_EXHAUSTED"
        return failure(429, "quotaError", code, message, "", version, details)

    # -- objects ----------------------------------------------------------------------------------------

    def _hierarchy(self, query: gaql.Query) -> list[str]:
        if query.resource != "customer_client":
            raise gaql.QueryError("REQUESTED_METRICS_FOR_MANAGER", "A manager has accounts alone.")
        ids = [MANAGER, *(account.id for account in self.world.accounts[NETWORK])]
        rows = [
            {
                "id": customer,
                "manager": customer == MANAGER,
                "level": min(level, 1),
                "descriptive_name": f"Account {customer}",
                "currency_code": "EUR",
                "time_zone": "UTC",
                "status": "ENABLED",
            }
            for level, customer in enumerate(ids)
        ]
        return _objects(query, rows)

    def _rows(self, query: gaql.Query, account: Account) -> list[str]:
        if query.resource == "click_view":
            return self._clicks(query, account)
        if any(name.startswith("metrics.") for name in query.select):
            return self._figures(query, account)
        if query.resource in _NONE:
            return []
        build: dict[str, Callable[[Account], list[Row]]] = {
            "customer": _customer,
            "campaign": _campaigns,
            "ad_group": _groups,
            "ad_group_ad": _ads,
            "conversion_action": _actions,
        }
        if query.resource not in build:
            message = f"'{query.resource}' is not served."
            raise gaql.QueryError("BAD_RESOURCE_TYPE_IN_FROM_CLAUSE", message)
        return _objects(query, build[query.resource](account))

    # -- figures ----------------------------------------------------------------------------------------

    def _figures(self, query: gaql.Query, account: Account) -> list[str]:
        today, level = self.world.today, _LEVELS[query.resource]
        days = account.days(*span(query), today)
        dates = [str(day) for day in account.dates(days)]
        by_action = "segments.conversion_action" in query.select
        if not by_action:
            width = len(account.ids(level))
            shown = account.converted(days, level, today).ravel()
            columns: Columns = {
                **_names(account, level, np.tile(np.arange(width), len(days))),
                "segments.date": np.repeat(dates, width).tolist(),
                "metrics.impressions": account.total(account.impressions, days, level).ravel().tolist(),
                "metrics.clicks": account.total(account.visits, days, level).ravel().tolist(),
                "metrics.cost_micros": (account.total(account.cost, days, level).ravel() * 10_000).tolist(),
                "metrics.view_through_conversions": (shown // 2).tolist(),
            }
            return _printed(query, columns, shown)
        by_lag = "segments.conversion_lag_bucket" in query.select
        found = account.conversions(days, level, today, by_lag=by_lag)
        actions = [_action(account, number) for number in range(ACTIONS)]
        columns = {
            **_names(account, level, found.place),
            "segments.date": [dates[day] for day in found.day.tolist()],
            "segments.conversion_action": [
                f"customers/{account.id}/conversionActions/{actions[action]}"
                for action in found.action.tolist()
            ],
            "segments.conversion_action_name": [f"Lead {action}" for action in found.action.tolist()],
            "segments.conversion_action_category": ["SUBMIT_LEAD_FORM"] * len(found.day),
            "segments.conversion_attribution_event_type": ["INTERACTION"] * len(found.day),
            "segments.external_conversion_source": ["WEBPAGE"] * len(found.day),
            "segments.conversion_lag_bucket": [_LAGS[bucket] for bucket in found.bucket.tolist()],
        }
        return _printed(query, columns, found.count)

    def _clicks(self, query: gaql.Query, account: Account) -> list[str]:
        first, last = span(query)
        if first != last:
            message = "A query of clicks has a filter on a single day."
            raise gaql.QueryError("EXPECTED_FILTER_ON_A_SINGLE_DAY", message, kind="clickViewError")
        if (self.world.today - first).days >= 90:
            raise gaql.QueryError("DATE_TOO_OLD", "The day is too long ago.", kind="clickViewError")
        if not account.first_click <= first <= self.world.today:
            return []
        size = account.clicks
        random = np.random.default_rng([int(account.id), first.toordinal()])
        # 39 bytes are 52 letters
        letters = base64.urlsafe_b64encode(random.bytes(39 * size)).decode()
        ads = random.integers(0, account.ads, size)
        ids, groups = account.ids(AD), account.ids(GROUP)
        base = f"customers/{account.id}/adGroupAds"
        columns: Columns = {
            **_names(account, AD, ads),
            "click_view.gclid": [f"Cj0KCQ{letters[at : at + 50]}" for at in range(0, 52 * size, 52)],
            "click_view.ad_group_ad": [f"{base}/{groups[ad // GROUP]}~{ids[ad]}" for ad in ads.tolist()],
            "click_view.keyword_info.text": [f"crm software {ad}" for ad in ads.tolist()],
            "click_view.keyword_info.match_type": ["PHRASE"] * size,
            "segments.date": [str(first)] * size,
            "segments.device": [_DEVICES[ad % 2] for ad in ads.tolist()],
            "segments.ad_network_type": ["SEARCH"] * size,
            "segments.click_type": ["URL_CLICKS"] * size,
            "metrics.clicks": [1] * size,
        }
        return _printed(query, columns, np.zeros(size, np.int64))

    def held(self) -> dict[str, int]:
        """Rows there are of each kind today."""
        found = dict.fromkeys(_NONE, 0) | {"customer_client": 1}
        today = self.world.today

        def add(kind: str, rows: int) -> None:
            found[kind] = found.get(kind, 0) + rows

        for account in self.world.accounts[NETWORK]:
            days = account.days(account.first, today, today)
            add("customer_client", 1)
            add("customer", 1)
            add("conversion_action", ACTIONS)
            for resource, level in _LEVELS.items():
                add(resource, len(account.ids(level)))
                add(f"{resource} by day", len(account.ids(level)) * len(days))
            for kind, level, lag in (
                ("campaign by action", CAMPAIGN, False),
                ("ad_group_ad by action", AD, False),
                ("campaign by lag", CAMPAIGN, True),
            ):
                add(kind, len(account.conversions(days, level, today, by_lag=lag).day))
            add("click_view", account.clicks * ((today - account.first_click).days + 1))
        return found


def kind_of_rows(query: gaql.Query) -> str:
    """What rows a query brings: the resource and what it is split by."""
    if "segments.conversion_lag_bucket" in query.select:
        return f"{query.resource} by lag"
    if "segments.conversion_action" in query.select:
        return f"{query.resource} by action"
    return f"{query.resource} by day" if "metrics.impressions" in query.select else query.resource


def span(query: gaql.Query) -> tuple[date, date]:
    """The days a query asks for, both ends included."""
    found = [c for c in query.where if c.field == "segments.date" and c.operator in ("BETWEEN", "=")]
    if len(found) != 1:
        message = "A BETWEEN or an equality on segments.date is expected."
        raise gaql.QueryError("EXPECTED_FILTERS_ON_DATE_RANGE", message)
    return date.fromisoformat(found[0].values[0]), date.fromisoformat(found[0].values[-1])


def _names(account: Account, level: int, places: Any) -> Columns:
    """Ids of an object and of those above it."""
    found: Columns = {}
    for name, width in (("campaign.id", CAMPAIGN), ("ad_group.id", GROUP), ("ad_group_ad.ad.id", AD)):
        if width >= level:
            found[name] = np.array(account.ids(width))[places * level // width].tolist()
    return found


def _printed(query: gaql.Query, columns: Columns, count: Any) -> list[str]:
    """Rows as the query's fields nest; every field of conversions follows from their number."""
    counts = count.tolist()
    for name in query.select:
        if name.startswith("metrics.") and "conversions" in name and name not in columns:
            factor = CONVERSION_VALUE if "value" in name else 1
            columns[name] = [n * factor for n in counts]
    template, order = _template(query.select)
    return printed(template, *(columns[name] for name in order))


def _template(select: tuple[str, ...]) -> tuple[str, list[str]]:
    """A row with a place for each field, and the fields in the order of their places."""
    row: Row = {}
    for name in select:
        _nest(row, name, f"@{name}@")
    text = orjson.dumps(row).decode()
    order = re.findall('"@([^"]+)@"', text)
    for name in order:
        text = text.replace(f'"@{name}@"', "%d.0" if kind_of(name) == DOUBLE else '"%s"')
    return text, order


def _nest(row: Row, name: str, value: Any) -> None:
    *parents, last = [camel(part) for part in name.split(".")]
    for parent in parents:
        row = row.setdefault(parent, {})
    row[last] = value


def _objects(query: gaql.Query, rows: list[Row]) -> list[str]:
    """Objects with the fields asked for; what is unset is left out."""
    found = []
    for row in rows:
        shaped: Row = {}
        for name in query.select:
            value, kind = row.get(name.removeprefix(f"{query.resource}."), row.get(name)), kind_of(name)
            if value is not None:
                _nest(shaped, name, [value] if kind == LIST else str(value) if kind == INT else value)
        found.append(orjson.dumps(shaped).decode())
    return found


def _customer(account: Account) -> list[Row]:
    setting = "conversion_tracking_setting"
    return [
        {
            "id": account.id,
            "auto_tagging_enabled": True,
            f"{setting}.google_ads_conversion_customer": f"customers/{account.id}",
            f"{setting}.conversion_tracking_status": "CONVERSION_TRACKING_MANAGED_BY_SELF",
        }
    ]


def _campaigns(account: Account) -> list[Row]:
    return [
        {
            "id": campaign,
            "name": f"Campaign {number}",
            "status": "ENABLED",
            "advertising_channel_type": "SEARCH",
            "start_date_time": f"{account.first} 00:00:00",
        }
        for number, campaign in enumerate(account.ids(CAMPAIGN))
    ]


def _groups(account: Account) -> list[Row]:
    above = account.ids(CAMPAIGN)
    return [
        {
            "campaign.id": above[number * GROUP // CAMPAIGN],
            "id": group,
            "name": f"Group {number}",
            "status": "ENABLED",
            "type": "SEARCH_STANDARD",
        }
        for number, group in enumerate(account.ids(GROUP))
    ]


def _ads(account: Account) -> list[Row]:
    campaigns, groups = account.ids(CAMPAIGN), account.ids(GROUP)
    return [
        {
            "campaign.id": campaigns[number // CAMPAIGN],
            "ad_group.id": groups[number // GROUP],
            "ad.id": ad,
            "ad.name": f"Ad {number}",
            "status": "ENABLED",
            "ad.type": "RESPONSIVE_SEARCH_AD",
            "ad.final_urls": f"https://www.nordlicht.example/demo?ad={ad}",
        }
        for number, ad in enumerate(account.ids(AD))
    ]


def _action(account: Account, number: int) -> str:
    return f"{account.id[-3:]}{880_001 + number}"


def _actions(account: Account) -> list[Row]:
    return [
        {
            "id": _action(account, number),
            "name": f"Lead {number}",
            "status": "ENABLED",
            "type": "WEBPAGE",
            "category": "SUBMIT_LEAD_FORM",
            "include_in_conversions_metric": True,
            "primary_for_goal": True,
            "counting_type": "ONE_PER_CLICK",
            "click_through_lookback_window_days": 30,
            "view_through_lookback_window_days": 1,
            "attribution_model_settings.attribution_model": "GOOGLE_ADS_LAST_CLICK",
            "origin": "WEBSITE",
            "owner_customer": f"customers/{account.id}",
        }
        for number in range(ACTIONS)
    ]


def build_app(google: GoogleAds) -> Starlette:
    """The accounts as an ASGI application, to be mounted under any prefix."""
    path = "/{version}/customers/{customer}/googleAds:searchStream"
    return Starlette(
        routes=[
            route(google.world, NETWORK, ["POST"], "/token", google.token, lambda body: body),
            route(google.world, NETWORK, ["POST"], path, google.stream, lambda body: [body]),
        ]
    )


def settings(url: str) -> dict[str, str]:
    """Environment variables that point the warehouse at these accounts."""
    client_id, secret, refresh = Credentials().google_client
    return {
        "SOURCES__GOOGLE_ADS__BASE_URL": url,
        "SOURCES__GOOGLE_ADS__TOKEN_URL": f"{url}/token",
        "SOURCES__GOOGLE_ADS__CLIENT_ID": client_id,
        "SOURCES__GOOGLE_ADS__CLIENT_SECRET": secret,
        "SOURCES__GOOGLE_ADS__REFRESH_TOKEN": refresh,
        "SOURCES__GOOGLE_ADS__LOGIN_CUSTOMER_ID": MANAGER,
    }
