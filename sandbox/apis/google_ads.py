"""Google Ads' HTTP interface: OAuth token, accessible customers, GAQL search and searchStream.

https://developers.google.com/google-ads/api/rest/overview
"""

from __future__ import annotations

import math
import zlib
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qs, quote
from zoneinfo import ZoneInfo

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.apis import gaql
from sandbox.apis.faults import CATALOGUE
from sandbox.apis.state import ApiError, Json, Sandbox, bearer
from sandbox.counting.common import delivery_days
from sandbox.counting.google import CLICK_LAG, Credit
from sandbox.world.company import PER_EURO, Network, Placement, Rule
from sandbox.world.landing import tracking_parameters

VERSIONS = ("v23", "v24", "v25", "v26")
RETENTION_MONTHS = 37
_STATUS = {401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 400: "INVALID_ARGUMENT", 404: "NOT_FOUND"}
_MESSAGES = {
    401: "Request had invalid authentication credentials.",
    403: "The caller does not have permission",
    400: "Request contains an invalid argument.",
    404: "Requested entity was not found.",
}

#: https://cloud.google.com/apis/design/errors#error_info
_UNSCOPED = {
    "error": {
        "code": 403,
        "message": "Request had insufficient authentication scopes.",
        "status": "PERMISSION_DENIED",
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
                "domain": "googleapis.com",
                "metadata": {"service": "googleads.googleapis.com"},
            }
        ],
    }
}

INT, TEXT, BOOL, LIST, DOUBLE, INT32 = "int64", "string", "bool", "list", "double", "int32"
_FIELDS: dict[str, dict[str, str]] = {
    "customer": {
        "id": INT,
        "descriptive_name": TEXT,
        "currency_code": TEXT,
        "time_zone": TEXT,
        "manager": BOOL,
        "status": TEXT,
        "auto_tagging_enabled": BOOL,
        "tracking_url_template": TEXT,
        "final_url_suffix": TEXT,
    },
    "customer_client": {
        "id": INT,
        "level": INT,
        "manager": BOOL,
        "hidden": BOOL,
        "test_account": BOOL,
        "client_customer": TEXT,
        "currency_code": TEXT,
        "time_zone": TEXT,
        "descriptive_name": TEXT,
        "status": TEXT,
    },
    "campaign": {
        "id": INT,
        "name": TEXT,
        "status": TEXT,
        "advertising_channel_type": TEXT,
        "advertising_channel_sub_type": TEXT,
        "start_date_time": TEXT,
        "end_date_time": TEXT,
        "tracking_url_template": TEXT,
        "final_url_suffix": TEXT,
    },
    "ad_group": {
        "id": INT,
        "name": TEXT,
        "status": TEXT,
        "type": TEXT,
        "campaign": TEXT,
        "tracking_url_template": TEXT,
        "final_url_suffix": TEXT,
    },
    "ad_group_ad": {
        "status": TEXT,
        "ad_group": TEXT,
        "ad.id": INT,
        "ad.name": TEXT,
        "ad.type": TEXT,
        "ad.final_urls": LIST,
        "ad.tracking_url_template": TEXT,
        "ad.final_url_suffix": TEXT,
    },
    "conversion_action": {
        "id": INT,
        "name": TEXT,
        "status": TEXT,
        "type": TEXT,
        "category": TEXT,
        "origin": TEXT,
        "include_in_conversions_metric": BOOL,
        "primary_for_goal": BOOL,
        "counting_type": TEXT,
        "click_through_lookback_window_days": INT,
        "view_through_lookback_window_days": INT,
        "attribution_model_settings.attribution_model": TEXT,
        "attribution_model_settings.data_driven_model_status": TEXT,
        "owner_customer": TEXT,
    },
}
_METRICS = {
    "impressions": INT,
    "clicks": INT,
    "interactions": INT,
    "cost_micros": INT,
    "conversions": DOUBLE,
    "conversions_value": DOUBLE,
    "all_conversions": DOUBLE,
    "all_conversions_value": DOUBLE,
    "cross_device_conversions": DOUBLE,
    "view_through_conversions": INT,
    "conversions_by_conversion_date": DOUBLE,
    "conversions_value_by_conversion_date": DOUBLE,
    "all_conversions_by_conversion_date": DOUBLE,
    "all_conversions_value_by_conversion_date": DOUBLE,
}
_DELIVERY_METRICS = {"impressions", "clicks", "interactions", "cost_micros"}
_DATE_SEGMENTS = {
    "date": TEXT,
    "week": TEXT,
    "month": TEXT,
    "quarter": TEXT,
    "year": INT32,
    "day_of_week": TEXT,
}
_CONVERSION_SEGMENTS = {
    "conversion_action": TEXT,
    "conversion_action_name": TEXT,
    "conversion_action_category": TEXT,
    "conversion_attribution_event_type": TEXT,
    "external_conversion_source": TEXT,
}
#: Resources whose fields a resource may select, itself first; metrics where the last entry says so.
_SELECTABLE: dict[str, tuple[tuple[str, ...], bool]] = {
    "customer": (("customer",), True),
    "campaign": (("campaign", "customer"), True),
    "ad_group": (("ad_group", "campaign", "customer"), True),
    "ad_group_ad": (("ad_group_ad", "ad_group", "campaign", "customer"), True),
    "conversion_action": (("conversion_action", "customer"), False),
    "customer_client": (("customer_client", "customer"), False),
}
_AD_TYPES = {
    "SEARCH": "RESPONSIVE_SEARCH_AD",
    "DISPLAY": "RESPONSIVE_DISPLAY_AD",
    "VIDEO": "VIDEO_RESPONSIVE_AD",
}
_GROUP_TYPES = {"SEARCH": "SEARCH_STANDARD", "DISPLAY": "DISPLAY_STANDARD", "VIDEO": "VIDEO_RESPONSIVE"}

Row = dict[str, Any]


def failure(
    status: int, kind: str, code: str, message: str, trigger: str = "", version: str = "v26"
) -> ApiError:
    """An error in Google's body, not yet wrapped for a stream."""
    error: dict[str, Any] = {"errorCode": {kind: code}, "message": message}
    if trigger:
        error["trigger"] = {"stringValue": trigger}
        error["location"] = {"fieldPathElements": [{"fieldName": "query"}]}
    detail = {
        "@type": f"type.googleapis.com/google.ads.googleads.{version}.errors.GoogleAdsFailure",
        "errors": [error],
        "requestId": _request_id(f"{kind}{code}{message}"),
    }
    body = {"code": status, "message": _MESSAGES[status], "status": _STATUS[status], "details": [detail]}
    return ApiError(status, {"error": body})


def _request_id(text: str) -> str:
    return f"Ix{zlib.crc32(text.encode()):010d}{zlib.adler32(text.encode()):010d}"


class GoogleAdsApi:
    """The account's endpoints."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.account = sandbox.company.accounts[Network.GOOGLE]
        self.placements = [p for p in sandbox.company.placements if p.network is Network.GOOGLE]

    def _access(self, name: str) -> Any:
        """What the token's user may read."""
        return self.sandbox.faults.value("google_access", name, CATALOGUE["google_access"][name])

    # -- access -----------------------------------------------------------------------------------------

    async def token(self, request: Request) -> Response:
        """Exchange a refresh token; parameters in the body or in the query."""
        form = {key: values[0] for key, values in parse_qs((await request.body()).decode()).items()}
        form = {**dict(request.query_params), **form}
        client_id, secret, refresh = self.sandbox.credentials.google_client
        if (form.get("client_id"), form.get("client_secret")) != (client_id, secret):
            return Json(
                {"error": "invalid_client", "error_description": "The OAuth client was not found."},
                status_code=401,
            )
        if form.get("grant_type") != "refresh_token" or form.get("refresh_token") != refresh:
            return Json(
                {"error": "invalid_grant", "error_description": "Token has been expired or revoked."},
                status_code=400,
            )
        return Json(
            {
                "access_token": self.sandbox.mint("google_ads", "ya29.sandbox-"),
                "expires_in": 3599,
                "scope": "https://www.googleapis.com/auth/adwords",
                "token_type": "Bearer",
            }
        )

    def check(self, request: Request) -> None:
        """Refuse unknown versions and tokens."""
        version = request.path_params["version"]
        if version not in VERSIONS:
            raise failure(400, "requestError", "UNSUPPORTED_VERSION", f"Version {version} is not supported.")
        if bearer(request) not in self.sandbox.minted["google_ads"]:
            raise failure(
                401,
                "authenticationError",
                "OAUTH_TOKEN_INVALID",
                "The OAuth access token is not valid.",
                "",
                version,
            )
        if not self._access("scoped"):
            raise ApiError(403, _UNSCOPED)

    def _check_customer(self, request: Request, customer: str) -> None:
        login = request.headers.get("login-customer-id", customer)
        reached = {self.account.manager_id} if self._access("direct") else set()
        reached |= {self.account.id} if reached and self._access("linked") else set()
        if customer not in reached or login != self.account.manager_id:
            raise failure(
                403,
                "authorizationError",
                "USER_PERMISSION_DENIED",
                "User doesn't have permission to access customer. Note: If you're accessing a client "
                "customer, the manager's customer id must be set in the 'login-customer-id' header.",
                "",
                request.path_params["version"],
            )
        if customer == self.account.id and self._access("status") != "ENABLED":
            raise failure(
                403,
                "authorizationError",
                "CUSTOMER_NOT_ENABLED",
                "The customer account can't be accessed because it is not yet enabled or has been "
                "deactivated.",
                "",
                request.path_params["version"],
            )

    async def accessible(self, request: Request) -> Any:
        """Customers the user has direct access to: the manager alone."""
        return {"resourceNames": [f"customers/{self.account.manager_id}"]} if self._access("direct") else {}

    # -- queries ----------------------------------------------------------------------------------------

    async def _run(self, request: Request) -> tuple[gaql.Query, list[Row], dict[str, Any]]:
        customer = request.path_params["customer"]
        self._check_customer(request, customer)
        version = request.path_params["version"]
        try:
            body = orjson.loads(await request.body())
            text = body["query"]
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise failure(
                400, "requestError", "REQUIRED_FIELD_MISSING", "Required field is missing.", "query", version
            ) from error
        try:
            query = gaql.parse(text)
            return query, self._answer(query, customer), body
        except gaql.QueryError as error:
            kind = "dateRangeError" if error.code == "INVALID_DATE" else "queryError"
            raise failure(400, kind, error.code, error.message, error.trigger, version) from error

    async def stream(self, request: Request) -> Any:
        """All rows as an array of batches."""
        query, rows, _ = await self._run(request)
        caps = self.sandbox.caps
        size = max(1, min(caps.google_rows, math.ceil(len(rows) / caps.google_batches)))
        parts = [rows[i : i + size] for i in range(0, len(rows), size)] or [[]]
        batches = []
        for part in parts:
            batch: dict[str, Any] = {"results": [self._shape(query, row) for row in part]} if part else {}
            batch["fieldMask"] = _mask(query)
            batch["requestId"] = _request_id(repr(query))
            batches.append(batch)
        batches[-1]["queryResourceConsumption"] = str(100 + len(rows))
        return batches

    async def search(self, request: Request) -> Any:
        """Rows page by page; the page size is fixed."""
        version = request.path_params["version"]
        query, rows, body = await self._run(request)
        if "pageSize" in body:
            message = "Setting the page size is not supported. Search Responses will have fixed page size."
            raise failure(400, "requestError", "PAGE_SIZE_NOT_SUPPORTED", message, "", version)
        token = str(body.get("pageToken") or "CAE0")
        if not token.startswith("CAE") or not token[3:].isdigit():
            raise failure(400, "requestError", "INVALID_PAGE_TOKEN", "Page token is invalid.", "", version)
        start, size = int(token[3:]), self.sandbox.caps.google_rows
        answer: dict[str, Any] = {}
        page = rows[start : start + size]
        if page:
            answer["results"] = [self._shape(query, row) for row in page]
        if start + size < len(rows):
            answer["nextPageToken"] = f"CAE{start + size}"
        if (body.get("searchSettings") or {}).get("returnTotalResultsCount"):
            answer["totalResultsCount"] = str(len(rows))
        return {**answer, "fieldMask": _mask(query), "queryResourceConsumption": str(100 + len(rows))}

    def _answer(self, query: gaql.Query, customer: str) -> list[Row]:
        metrics, segments = self._validate(query, customer)
        today = self.sandbox.now.astimezone(ZoneInfo(self.account.time_zone)).date()
        if metrics or segments:
            rows = self._metric_rows(query, today, metrics, segments)
        else:
            rows = [
                row
                for row in self._entities(query.resource, customer)
                if all(gaql.matches(c, row.get(c.field), today) for c in query.where)
            ]
        rows = gaql.order_rows(rows, query.order)
        return rows[: query.limit] if query.limit is not None else rows

    def _validate(self, query: gaql.Query, customer: str) -> tuple[list[str], list[str]]:
        if query.resource not in _SELECTABLE:
            raise gaql.QueryError(
                "BAD_RESOURCE_TYPE_IN_FROM_CLAUSE",
                f"Invalid resource in FROM: {query.resource}.",
                query.resource,
            )
        resources, has_metrics = _SELECTABLE[query.resource]
        used = [*query.select, *(c.field for c in query.where), *(name for name, _ in query.order)]
        for name in used:
            _kind(name)
            owner = name.split(".")[0]
            if (owner in ("metrics", "segments") and not has_metrics) or (
                owner not in ("metrics", "segments") and owner not in resources
            ):
                raise gaql.QueryError(
                    "PROHIBITED_RESOURCE_TYPE_IN_SELECT_CLAUSE",
                    f"Cannot select fields from the following resources: {owner.upper()}, since the resource "
                    f"is incompatible with the resource in the FROM clause.",
                    owner,
                )
        metrics = [name for name in query.select if name.startswith("metrics.")]
        segments = [name for name in query.select if name.startswith("segments.")]
        for condition in query.where:
            name = condition.field
            if name.startswith("segments.") and name not in segments and name[9:] not in _DATE_SEGMENTS:
                raise gaql.QueryError(
                    "EXPECTED_REFERENCED_FIELD_IN_SELECT_CLAUSE",
                    f"The following field must be present in SELECT clause: '{name}'.",
                    name,
                )
        for name, _ in query.order:
            if name not in query.select:
                raise gaql.QueryError(
                    "EXPECTED_REFERENCED_FIELD_IN_SELECT_CLAUSE",
                    f"The following field must be present in SELECT clause: '{name}'.",
                    name,
                )
        by_action = any(name[9:] in _CONVERSION_SEGMENTS for name in segments)
        clashing = [m for m in metrics if by_action and m[8:] in _DELIVERY_METRICS]
        if clashing:
            raise gaql.QueryError(
                "PROHIBITED_SEGMENT_WITH_METRIC_IN_SELECT_OR_WHERE_CLAUSE",
                f"Cannot select or filter on the following segments with {clashing[0]}: conversion segments.",
                clashing[0],
            )
        if metrics and customer == self.account.manager_id:
            raise gaql.QueryError(
                "REQUESTED_METRICS_FOR_MANAGER",
                "Metrics cannot be requested for a manager account. To retrieve metrics, issue separate "
                "requests against each client account under the manager account.",
            )
        dated = [c for c in query.where if c.field in ("segments.date", "segments.week", "segments.month")]
        if "segments.date" in segments and not dated:
            raise gaql.QueryError(
                "EXPECTED_FILTERS_ON_DATE_RANGE",
                "A filter on a finite date range is expected.",
                "segments.date",
            )
        self._check_dates(dated)
        return metrics, segments

    def _check_dates(self, dated: list[gaql.Condition]) -> None:
        oldest = self.sandbox.now.date() - timedelta(days=RETENTION_MONTHS * 31)
        for condition in dated:
            for text in condition.values if condition.operator != "DURING" else ():
                try:
                    day = date.fromisoformat(text)
                except ValueError as error:
                    raise gaql.QueryError("INVALID_DATE", f"Invalid date: {text}.", text) from error
                if day < oldest:
                    raise gaql.QueryError("INVALID_DATE", f"Date {text} is older than 37 months.", text)

    # -- rows -------------------------------------------------------------------------------------------

    def _customer(self, customer: str) -> Row:
        manager = customer == self.account.manager_id
        return {
            "customer.resource_name": f"customers/{customer}",
            "customer.id": int(customer),
            "customer.descriptive_name": "Nordlicht Group" if manager else self.account.name,
            "customer.currency_code": "EUR" if manager else self.account.currency,
            "customer.time_zone": "Europe/Berlin" if manager else self.account.time_zone,
            "customer.manager": manager,
            "customer.status": "ENABLED" if manager else self._access("status"),
            "customer.auto_tagging_enabled": not manager,
        }

    def _placement(self, placement: Placement, resource: str) -> Row | None:
        """The attributes of the resource this placement belongs to, or None where it has none."""
        base = f"customers/{self.account.id}"
        campaign, group, ad = placement.campaign, placement.group, placement.ad
        row = self._customer(self.account.id)
        if resource == "customer":
            return row
        removed = campaign.status == "REMOVED" and campaign.ends <= self.sandbox.now
        status = "REMOVED" if removed else "ENABLED"
        row |= {
            "campaign.resource_name": f"{base}/campaigns/{campaign.id}",
            "campaign.id": int(campaign.id),
            "campaign.name": campaign.name,
            "campaign.status": status,
            "campaign.advertising_channel_type": campaign.kind,
            "campaign.start_date_time": campaign.starts.strftime("%Y-%m-%d 00:00:00"),
        }
        if resource == "campaign":
            return row
        if group is None or ad is None:
            return None
        row |= {
            "ad_group.resource_name": f"{base}/adGroups/{group.id}",
            "ad_group.id": int(group.id),
            "ad_group.name": group.name,
            "ad_group.status": "ENABLED",
            "ad_group.type": _GROUP_TYPES[campaign.kind],
            "ad_group.campaign": f"{base}/campaigns/{campaign.id}",
        }
        if resource == "ad_group":
            return row
        return row | {
            "ad_group_ad.resource_name": f"{base}/adGroupAds/{group.id}~{ad.id}",
            "ad_group_ad.status": "ENABLED",
            "ad_group_ad.ad_group": f"{base}/adGroups/{group.id}",
            "ad_group_ad.ad.resource_name": f"{base}/ads/{ad.id}",
            "ad_group_ad.ad.id": int(ad.id),
            "ad_group_ad.ad.name": ad.name,
            "ad_group_ad.ad.type": _AD_TYPES[campaign.kind],
            "ad_group_ad.ad.final_urls": [self.sandbox.company.pages[ad.landing].url],
            "ad_group_ad.ad.tracking_url_template": _tracking_template(placement),
        }

    def _entities(self, resource: str, customer: str) -> list[Row]:
        manager = customer == self.account.manager_id
        if resource == "customer_client":
            return self._clients(customer)
        if resource == "customer":
            return [self._customer(customer)]
        if manager:
            return []
        if resource == "conversion_action":
            return [self._conversion_action(rule) for rule in self.account.rules]
        rows = [
            self._placement(p, resource) for p in self.placements if p.campaign.starts <= self.sandbox.now
        ]
        return list({row[f"{resource}.resource_name"]: row for row in rows if row is not None}.values())

    def _clients(self, customer: str) -> list[Row]:
        linked = [self.account.id] if self._access("linked") else []
        accounts = linked if customer == self.account.id else [self.account.manager_id, *linked]
        rows = []
        for level, client in enumerate(accounts):
            own = self._customer(client)
            rows.append(
                {
                    **self._customer(customer),
                    "customer_client.resource_name": f"customers/{customer}/customerClients/{client}",
                    "customer_client.id": int(client),
                    "customer_client.level": level,
                    "customer_client.hidden": False,
                    "customer_client.test_account": False,
                    "customer_client.client_customer": f"customers/{client}",
                    **{
                        f"customer_client.{name}": own[f"customer.{name}"]
                        for name in ("manager", "currency_code", "time_zone", "descriptive_name", "status")
                    },
                }
            )
        return rows

    def _conversion_action(self, rule: Rule) -> Row:
        prefix = "conversion_action"
        return {
            **self._customer(self.account.id),
            f"{prefix}.resource_name": _action_name(self.account.id, rule),
            f"{prefix}.id": int(rule.id),
            f"{prefix}.name": rule.name,
            f"{prefix}.status": "ENABLED",
            f"{prefix}.type": "WEBPAGE",
            f"{prefix}.category": rule.category,
            f"{prefix}.origin": "WEBSITE",
            f"{prefix}.include_in_conversions_metric": rule.in_headline,
            f"{prefix}.primary_for_goal": rule.in_headline,
            f"{prefix}.counting_type": rule.counting,
            f"{prefix}.click_through_lookback_window_days": rule.click_window,
            f"{prefix}.view_through_lookback_window_days": rule.view_window,
            f"{prefix}.attribution_model_settings.attribution_model": rule.model,
            f"{prefix}.attribution_model_settings.data_driven_model_status": (
                "AVAILABLE" if "DATA_DRIVEN" in rule.model else None
            ),
            f"{prefix}.owner_customer": f"customers/{self.account.id}",
        }

    def _facts(self) -> list[tuple[Placement, date, Rule | None, str, dict[str, float]]]:
        """Every daily figure known now: (placement, day, action, event type, metrics)."""

        def build() -> list[tuple[Placement, date, Rule | None, str, dict[str, float]]]:
            facts: list[tuple[Placement, date, Rule | None, str, dict[str, float]]] = []
            until = self.sandbox.now - CLICK_LAG
            zone, rate = self.account.time_zone, PER_EURO[self.account.currency]
            for day in delivery_days(self.sandbox.world.delivery, self.placements, zone, until):
                delivered: dict[str, float] = {
                    "impressions": day.impressions,
                    "clicks": day.clicks,
                    "interactions": day.clicks,
                    "cost_micros": int(day.cost_micros * rate),
                }
                facts.append((day.placement, day.day, None, "", delivered))
            for credit in self.sandbox.google:
                if credit.visible_at <= self.sandbox.now:
                    facts.extend(_credit_facts(credit))
            return facts

        return self.sandbox.cached("google-facts", build)

    def _metric_rows(
        self, query: gaql.Query, today: date, metrics: list[str], segments: list[str]
    ) -> list[Row]:
        by_action = any(name[9:] in _CONVERSION_SEGMENTS for name in segments)
        dated = [c for c in query.where if c.field.startswith("segments.") and c.field[9:] in _DATE_SEGMENTS]
        rest = [c for c in query.where if c not in dated]
        attributes = {p.key: self._placement(p, query.resource) for p in self.placements}
        sums: dict[tuple[Any, ...], dict[str, float]] = defaultdict(lambda: defaultdict(float))
        rows: dict[tuple[Any, ...], Row] = {}
        identity = f"{query.resource}.resource_name"
        if not segments:
            for row in attributes.values():
                if row is not None:
                    rows.setdefault((row[identity],), dict(row))
        filtered = [c.field for c in rest if c.field.startswith("metrics.")]
        names = [name.removeprefix("metrics.") for name in dict.fromkeys((*metrics, *filtered))]
        in_range: dict[date, bool] = {}
        for placement, day, rule, event_type, figures in self._facts():
            attribute = attributes[placement.key]
            if attribute is None or (by_action and rule is None):
                continue
            if day not in in_range:
                calendar = _calendar(day)
                in_range[day] = all(gaql.matches(c, calendar[c.field], today) for c in dated)
            if not in_range[day]:
                continue
            values = _calendar(day)
            if by_action and rule is not None:
                values |= _action_segments(self.account.id, rule, event_type)
            key = (attribute[identity], *(values[name] for name in segments))
            total = sums[key]
            for name in names:
                total[name] += figures.get(name, 0)
            if key not in rows:
                rows[key] = {**attribute, **{name: values[name] for name in segments}}
        result = []
        for key, row in rows.items():
            total = sums.get(key, {})
            if segments and metrics and not any(total.get(name[8:]) for name in metrics):
                continue
            for name in names:
                figure = total.get(name, 0)
                row[f"metrics.{name}"] = int(figure) if _METRICS[name] == INT else float(figure)
            if all(gaql.matches(c, row.get(c.field), today) for c in rest):
                result.append(row)
        result.sort(key=lambda row: (row[identity], *(str(row[name]) for name in segments)))
        return result

    # -- shaping ----------------------------------------------------------------------------------------

    def _shape(self, query: gaql.Query, row: Row) -> dict[str, Any]:
        shaped: dict[str, Any] = {}
        names = dict.fromkeys(query.select)
        if query.parameters.get("omit_unselected_resource_names") != "true":
            owners = {query.resource, *(name.split(".")[0] for name in query.select)} - {
                "metrics",
                "segments",
            }
            named = {f"{owner}.resource_name": None for owner in sorted(owners)}
            if any(name.startswith("ad_group_ad.ad.") for name in query.select):
                named["ad_group_ad.ad.resource_name"] = None
            names = named | names
        for name in names:
            value, kind = row.get(name), _kind(name)
            if value is None or value == "" or value == []:
                continue
            place = shaped
            *parents, last = [_camel(part) for part in name.split(".")]
            for parent in parents:
                place = place.setdefault(parent, {})
            place[last] = str(value) if kind == INT else value
        return shaped


def _tracking_template(placement: Placement) -> str | None:
    """HubSpot's auto-tracking template of an ad, with Google's own placeholders."""
    if placement.ad is None or not placement.ad.auto_tracked:
        return None
    dynamic = {
        "utm_term": "{keyword}",
        "hsa_ad": "{creative}",
        "hsa_src": "{network}",
        "hsa_tgt": "{targetid}",
        "hsa_kw": "{keyword}",
        "hsa_mt": "{matchtype}",
    }
    parameters = tracking_parameters(placement, "")
    return "{lpurl}?" + "&".join(f"{name}={dynamic.get(name, quote(value))}" for name, value in parameters)


def _kind(name: str) -> str:
    """The type of a field.

    Raises:
        gaql.QueryError: nobody knows the field.
    """
    owner, _, rest = name.partition(".")
    known = {"metrics": _METRICS, "segments": {**_DATE_SEGMENTS, **_CONVERSION_SEGMENTS}, **_FIELDS}.get(
        owner, {}
    )
    if rest.endswith("resource_name") and owner in _FIELDS:
        return TEXT
    if rest not in known:
        raise gaql.QueryError("UNRECOGNIZED_FIELD", f"Unrecognized field in the query: '{name}'.", name)
    return known[rest]


def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


def _mask(query: gaql.Query) -> str:
    return ",".join(".".join(_camel(part) for part in name.split(".")) for name in query.select)


def _action_name(customer: str, rule: Rule) -> str:
    return f"customers/{customer}/conversionActions/{rule.id}"


def _action_segments(customer: str, rule: Rule, event_type: str) -> dict[str, Any]:
    return {
        "segments.conversion_action": _action_name(customer, rule),
        "segments.conversion_action_name": rule.name,
        "segments.conversion_action_category": rule.category,
        "segments.conversion_attribution_event_type": event_type,
        "segments.external_conversion_source": "WEBPAGE",
    }


def _calendar(day: date) -> dict[str, Any]:
    return {
        "segments.date": day.isoformat(),
        "segments.week": (day - timedelta(days=day.weekday())).isoformat(),
        "segments.month": day.replace(day=1).isoformat(),
        "segments.quarter": day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1).isoformat(),
        "segments.year": day.year,
        "segments.day_of_week": day.strftime("%A").upper(),
    }


def _credit_facts(credit: Credit) -> list[tuple[Placement, date, Rule | None, str, dict[str, float]]]:
    """A credit's figures: by interaction day, and by conversion day for the `_by_conversion_date` metrics."""
    place, rule, kind = credit.placement, credit.rule, credit.event_type
    if kind == "IMPRESSION":
        return [(place, credit.interacted_on, rule, kind, {"view_through_conversions": 1})]
    at_click = {"all_conversions": credit.units, "all_conversions_value": credit.value}
    at_conversion = {
        "all_conversions_by_conversion_date": credit.units,
        "all_conversions_value_by_conversion_date": credit.value,
    }
    if credit.cross_device:
        at_click["cross_device_conversions"] = credit.units
    if rule.in_headline:
        at_click |= {"conversions": credit.units, "conversions_value": credit.value}
        at_conversion |= {
            "conversions_by_conversion_date": credit.units,
            "conversions_value_by_conversion_date": credit.value,
        }
    return [
        (place, credit.interacted_on, rule, kind, at_click),
        (place, credit.converted_on, rule, kind, at_conversion),
    ]


def build_app(sandbox: Sandbox) -> Starlette:
    """The account as an ASGI application, to be mounted under any prefix."""
    api = GoogleAdsApi(sandbox)

    def guarded(
        handler: Callable[[Request], Awaitable[Any]], *, stream: bool = False
    ) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            try:
                api.check(request)
                return Json(await handler(request))
            except ApiError as error:
                return Json([error.body] if stream else error.body, status_code=error.status)

        return answer

    async def missing(_: Request, __: Exception) -> Response:
        return Json(
            {"error": {"code": 404, "message": _MESSAGES[404], "status": "NOT_FOUND"}}, status_code=404
        )

    stem = "/{version}/customers"
    routes = [
        Route(path, api.token, methods=["POST"])
        for path in ("/token", "/oauth2/v3/token", "/oauth2/v4/token")
    ]
    routes += [
        Route(f"{stem}:listAccessibleCustomers", guarded(api.accessible), methods=["GET"]),
        Route(
            f"{stem}/{{customer}}/googleAds:searchStream", guarded(api.stream, stream=True), methods=["POST"]
        ),
        Route(f"{stem}/{{customer}}/googleAds:search", guarded(api.search), methods=["POST"]),
    ]
    return Starlette(routes=routes, exception_handlers={404: missing})
