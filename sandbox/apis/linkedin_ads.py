"""LinkedIn's Marketing HTTP interface: the account's objects, conversion rules and adAnalytics.

https://learn.microsoft.com/en-us/linkedin/marketing/
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.apis import restli
from sandbox.apis.faults import CATALOGUE
from sandbox.apis.state import ApiError, Json, Sandbox, bearer
from sandbox.counting.common import delivery_days
from sandbox.counting.hubspot import epoch_ms
from sandbox.counting.linkedin import LAG
from sandbox.world.company import PER_EURO, Network, Placement, Rule

#: Monthly versions that are alive on 2026-11-23; there is no 202512.
VERSIONS = tuple(f"2026{month:02d}" for month in range(1, 12))
MAX_URL = 4096
MAX_FIELDS = 20
MAX_ELEMENTS = 15_000
MAX_PAGE = 1000
MAX_CREATIVES = 100
_PIVOT_URN = {
    "ACCOUNT": "urn:li:sponsoredAccount:",
    "CAMPAIGN_GROUP": "urn:li:sponsoredCampaignGroup:",
    "CAMPAIGN": "urn:li:sponsoredCampaign:",
    "CREATIVE": "urn:li:sponsoredCreative:",
    "CONVERSION": "urn:lla:llaPartnerConversion:",
}
_COUNTS = [
    "impressions",
    "clicks",
    "landingPageClicks",
    "externalWebsiteConversions",
    "externalWebsitePostClickConversions",
    "externalWebsitePostViewConversions",
    "oneClickLeads",
    "oneClickLeadFormOpens",
    "qualifiedLeads",
]
_MONEY = ("costInLocalCurrency", "costInUsd", "conversionValueInLocalCurrency")
_KEYS = ("dateRange", "pivotValues")
_INVALID_CLIENT = {"error": "invalid_client", "error_description": "Client authentication failed"}

Row = dict[str, Any]


def problem(status: int, code: str, message: str, service_code: int | None = None, **more: Any) -> ApiError:
    """An error in LinkedIn's body."""
    body: Row = {"message": message, "status": status, "code": code, **more}
    if service_code is not None:
        body["serviceErrorCode"] = service_code
    return ApiError(status, body)


def invalid_field(name: str, description: str) -> ApiError:
    """A refused parameter, with the details the newer endpoints add."""
    details = {
        "inputErrors": [
            {"code": "FIELD_INVALID", "description": description, "input": {"inputPath": {"fieldPath": name}}}
        ]
    }
    return problem(
        400,
        "BAD_REQUEST",
        description,
        errorDetailType="com.linkedin.common.error.BadRequest",
        errorDetails=details,
    )


def _number(parameters: Row, name: str, default: int, most: int) -> int:
    text = str(parameters.get(name, default))
    if not text.isdigit() or int(text) > most or (name != "start" and int(text) == 0):
        raise invalid_field(name, f"{name} must be a number up to {most}")
    return int(text)


def _day(value: Any, name: str) -> date:
    try:
        return date(int(value["year"]), int(value["month"]), int(value["day"]))
    except (KeyError, TypeError, ValueError) as error:
        raise invalid_field(name, f"Invalid date for {name}") from error


class LinkedInApi:
    """The ad account's endpoints."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.account = sandbox.company.accounts[Network.LINKEDIN]
        self.placements = [p for p in sandbox.company.placements if p.network is Network.LINKEDIN]

    def _access(self, name: str) -> Any:
        """What the token may read and for how long, and the member's role; without one (None), no account."""
        return self.sandbox.faults.value("linkedin_access", name, CATALOGUE["linkedin_access"][name])

    # -- access -----------------------------------------------------------------------------------------

    async def token(self, request: Request) -> Response:
        """Exchange a refresh token."""
        form = {key: values[0] for key, values in parse_qs((await request.body()).decode()).items()}
        *client, refresh = self.sandbox.credentials.linkedin_client
        if [form.get("client_id"), form.get("client_secret")] != client:
            return Json(_INVALID_CLIENT, 401)
        if form.get("grant_type") != "refresh_token" or form.get("refresh_token") != refresh:
            return Json(
                {
                    "error": "invalid_request",
                    "error_description": "The provided authorization grant or refresh token is invalid, "
                    "expired or revoked.",
                },
                400,
            )
        return Json(
            {
                "access_token": self.sandbox.mint("linkedin_ads", "AQ-sandbox-"),
                "expires_in": 5_184_000,
                "refresh_token": refresh,
                "refresh_token_expires_in": 31_536_000,
            }
        )

    async def introspect(self, request: Request) -> Response:
        """A token's own description, for the app it belongs to.

        https://learn.microsoft.com/en-us/linkedin/shared/authentication/token-introspection
        """
        form = {key: values[0] for key, values in parse_qs((await request.body()).decode()).items()}
        *client, _ = self.sandbox.credentials.linkedin_client
        if [form.get("client_id"), form.get("client_secret")] != client:
            return Json(_INVALID_CLIENT, 401)
        if form.get("token") not in self._tokens():
            return Json({"active": False})
        expires = self.sandbox.now + timedelta(seconds=self._access("expires_in"))
        created = int((expires - timedelta(days=60)).timestamp())
        return Json(
            {
                "active": self._access("token_status") == "active",
                "client_id": client[0],
                "authorized_at": created,
                "created_at": created,
                "status": self._access("token_status"),
                "expires_at": int(expires.timestamp()),
                "scope": ",".join(self._access("scopes")),
                "auth_type": "3L",
            }
        )

    def _tokens(self) -> set[str]:
        return {self.sandbox.credentials.linkedin_token, *self.sandbox.minted["linkedin_ads"]}

    def check(self, request: Request) -> None:
        """Refuse long addresses, bad tokens, and missing or dead versions."""
        if len(str(request.url)) > MAX_URL:
            raise ApiError(414, {"message": "Request URI Too Long", "status": 414})
        token = bearer(request)
        if token is None:
            raise problem(401, "EMPTY_ACCESS_TOKEN", "Empty oauth2 access token", 65604)
        if token not in self._tokens():
            raise problem(401, "INVALID_ACCESS_TOKEN", "Invalid access token", 65600)
        if self._access("token_status") == "revoked":
            message = "The token used in the request has been revoked by the user"
            raise problem(401, "REVOKED_ACCESS_TOKEN", message, 65601)
        if self._access("token_status") == "expired":
            raise problem(401, "EXPIRED_ACCESS_TOKEN", "The token used in the request has expired", 65602)
        version = request.headers.get("linkedin-version")
        if version is None:
            message = (
                "A version must be present. Please specify a version by adding the LinkedIn-Version header."
            )
            raise problem(400, "VERSION_MISSING", message)
        if version not in VERSIONS:
            raise problem(426, "NONEXISTENT_VERSION", f"Requested version {version} is not active")
        scope = "r_ads_reporting" if _resource(request) == "/adAnalytics" else "r_ads"
        if scope not in self._access("scopes"):
            message = f"Not enough permissions to access: GET {_resource(request)}"
            raise problem(403, "ACCESS_DENIED", message, 100)

    async def parameters(self, request: Request) -> Row:
        """The query, tunnelled or not, in the syntax of the announced protocol.

        Raises:
            ApiError: 400 where the query is malformed.
        """
        raw = request.scope["query_string"].decode()
        if request.method == "POST":
            if request.headers.get("x-http-method-override", "").upper() != "GET":
                raise problem(405, "METHOD_NOT_ALLOWED", "Method POST is not supported for this resource")
            raw = (await request.body()).decode()
        try:
            return restli.parse(raw, request.headers.get("x-restli-protocol-version", "1.0.0"))
        except restli.SyntaxFault as fault:
            raise problem(
                400, "ILLEGAL_ARGUMENT", f"Invalid query parameters passed to request: {fault}"
            ) from fault

    def _require_account(self, request: Request) -> None:
        if request.path_params["account"] != self.account.id or self._access("role") is None:
            raise problem(
                403, "ACCESS_DENIED", f"Not enough permissions to access: GET {_resource(request)}", 100
            )

    # -- paging -----------------------------------------------------------------------------------------

    def _cursor_page(self, parameters: Row, rows: list[Row], most: int, cap: int) -> Row:
        size = min(_number(parameters, "pageSize", min(100, most), most), cap)
        token = str(parameters.get("pageToken", "DgE0"))
        if not token.startswith("DgE") or not token[3:].isdigit():
            raise invalid_field("pageToken", "Invalid page token")
        start = int(token[3:])
        metadata = {"nextPageToken": f"DgE{start + size}"} if start + size < len(rows) else {}
        return {"elements": rows[start : start + size], "metadata": metadata}

    def _offset_page(self, request: Request, parameters: Row, rows: list[Row], cap: int) -> Row:
        start = _number(parameters, "start", 0, 10**6)
        count = min(_number(parameters, "count", 10, 500), cap)
        links = []
        if start + count < len(rows):
            account = f"urn%3Ali%3AsponsoredAccount%3A{self.account.id}"
            path = request.url.path.removeprefix(request.scope.get("root_path", ""))
            href = f"{path}?q=account&account={account}&start={start + count}&count={count}"
            links.append({"rel": "next", "href": href, "type": "application/json"})
        paging = {"start": start, "count": count, "total": len(rows), "links": links}
        return {"elements": rows[start : start + count], "paging": paging}

    # -- entities ---------------------------------------------------------------------------------------

    def _account_row(self) -> Row:
        created = datetime.fromisoformat("2024-05-02T09:00:00+00:00")
        return {
            "id": int(self.account.id),
            "name": self.account.name,
            "type": "BUSINESS",
            "status": self._access("status"),
            "currency": self.account.currency,
            "reference": "urn:li:organization:64200173",
            "test": False,
            "servingStatuses": ["RUNNABLE"],
            "version": {"versionTag": "6"},
            "changeAuditStamps": _stamps(created, created),
        }

    async def accounts(self, request: Request, parameters: Row) -> Row:
        """Search of the accounts the user may read."""
        if parameters.get("q") != "search":
            raise invalid_field("q", "A finder is required")
        rows = _by_status([self._account_row()] if self._access("role") else [], parameters)
        return self._cursor_page(parameters, rows, MAX_PAGE, MAX_PAGE)

    async def users(self, request: Request, parameters: Row) -> Row:
        """The token's member in each account, with the role.

        https://learn.microsoft.com/en-us/linkedin/marketing/integrations/ads/account-structure/create-and-manage-account-users
        """
        if parameters.get("q") != "authenticatedUser":
            raise invalid_field("q", "A finder is required")
        created = datetime.fromisoformat("2024-05-02T09:00:00+00:00")
        row = {
            "account": self._account_urn(),
            "role": self._access("role"),
            "user": "urn:li:person:qZ7x1Nordlicht",
            "changeAuditStamps": _stamps(created, created),
        }
        return self._offset_page(request, parameters, [row] if self._access("role") else [], MAX_PAGE)

    async def one_account(self, request: Request, parameters: Row) -> Row:
        """One account."""
        self._require_account(request)
        return self._account_row()

    async def campaign_groups(self, request: Request, parameters: Row) -> Row:
        """Campaign groups of the account."""
        self._require_account(request)
        rows = [
            {
                "id": int(campaign.id),
                "account": self._account_urn(),
                "name": campaign.name,
                "status": "ACTIVE",
                "runSchedule": {"start": epoch_ms(campaign.starts)},
                "servingStatuses": ["RUNNABLE"],
                "test": False,
                "changeAuditStamps": _stamps(campaign.starts, campaign.starts),
            }
            for campaign in self.account.campaigns
        ]
        cap = self.sandbox.caps.linkedin_campaign_groups
        return self._cursor_page(parameters, _by_status(rows, parameters), MAX_PAGE, cap)

    async def campaigns(self, request: Request, parameters: Row) -> Row:
        """Campaigns of the account."""
        self._require_account(request)
        currency = self.account.currency
        rows = [
            {
                "id": int(group.id),
                "account": self._account_urn(),
                "campaignGroup": f"urn:li:sponsoredCampaignGroup:{campaign.id}",
                "name": group.name,
                "status": "ACTIVE",
                "type": campaign.kind,
                "objectiveType": "LEAD_GENERATION" if group.ads[0].lead_form else "WEBSITE_CONVERSION",
                "costType": "CPC",
                "dailyBudget": {"amount": "120.00", "currencyCode": currency},
                "unitCost": {"amount": str(campaign.cost_per_click), "currencyCode": currency},
                "runSchedule": {"start": epoch_ms(campaign.starts), "end": None},
                "locale": {"country": "DE", "language": "en"},
                "test": False,
                "changeAuditStamps": _stamps(campaign.starts, campaign.starts),
            }
            for campaign in self.account.campaigns
            for group in campaign.groups
        ]
        cap = self.sandbox.caps.linkedin_campaigns
        return self._cursor_page(parameters, _by_status(rows, parameters), MAX_PAGE, cap)

    async def creatives(self, request: Request, parameters: Row) -> Row:
        """Creatives of the account; ids are URNs, audit stamps are flat milliseconds."""
        self._require_account(request)
        if parameters.get("q") != "criteria":
            raise invalid_field("q", "A finder is required")
        chosen = parameters.get("campaigns")
        rows = [
            self._creative(placement)
            for placement in self.placements
            if chosen is None or f"urn:li:sponsoredCampaign:{placement.key[2]}" in chosen
        ]
        rows.sort(key=lambda row: str(row["id"]), reverse=parameters.get("sortOrder") == "DESCENDING")
        return self._cursor_page(parameters, rows, MAX_CREATIVES, self.sandbox.caps.linkedin_creatives)

    def _creative(self, placement: Placement) -> Row:
        _, _, group, ad = placement.key
        at = epoch_ms(placement.campaign.starts)
        row: Row = {
            "id": f"urn:li:sponsoredCreative:{ad}",
            "campaign": f"urn:li:sponsoredCampaign:{group}",
            "account": self._account_urn(),
            "name": placement.ad.name if placement.ad else "",
            "intendedStatus": "ACTIVE",
            "isServing": True,
            "content": {"reference": f"urn:li:share:{int(ad) * 16}"},
            "createdAt": at,
            "lastModifiedAt": at,
        }
        if placement.lead_form is not None:
            destination = f"urn:li:adForm:{placement.lead_form.id}"
            row["leadgenCallToAction"] = {"destination": destination, "label": "SIGN_UP"}
        return row

    async def conversions(self, request: Request, parameters: Row) -> Row:
        """Conversion rules of the account; audit stamps are flat milliseconds."""
        if parameters.get("q") != "account" or parameters.get("account") != self._account_urn():
            raise problem(403, "ACCESS_DENIED", "Not enough permissions to access: GET /conversions", 100)
        rows = [self._conversion(rule) for rule in self.account.rules]
        return self._offset_page(request, parameters, rows, self.sandbox.caps.linkedin_conversions)

    def _conversion(self, rule: Rule) -> Row:
        at = epoch_ms(self.account.campaigns[0].starts)
        return {
            "id": int(rule.id),
            "name": rule.name,
            "account": self._account_urn(),
            "type": rule.category,
            "enabled": True,
            "attributionType": rule.attribution,
            "postClickAttributionWindowSize": rule.click_window,
            "viewThroughAttributionWindowSize": rule.view_window,
            "campaigns": [f"urn:li:sponsoredCampaign:{campaign}" for campaign in rule.campaigns],
            "created": at,
            "lastModified": at,
        }

    def _account_urn(self) -> str:
        return f"urn:li:sponsoredAccount:{self.account.id}"

    # -- analytics --------------------------------------------------------------------------------------

    async def analytics(self, request: Request, parameters: Row) -> Row:
        """Figures by pivot and day; unpaged, cut silently at 15,000 rows."""
        finder = parameters.get("q")
        if finder == "analytics":
            pivots = [parameters.get("pivot")]
        elif finder == "statistics":
            pivots = parameters.get("pivots", [])
            if not isinstance(pivots, list) or not 1 <= len(pivots) <= 3:
                raise invalid_field("pivots", "1 to 3 pivots are expected")
        else:
            raise invalid_field("q", "A finder is required")
        for pivot in pivots:
            if pivot not in _PIVOT_URN:
                raise invalid_field("pivot", f"Unsupported pivot {pivot}")
        fields = self._fields(parameters)
        span = parameters.get("dateRange")
        if not isinstance(span, dict) or "start" not in span:
            raise invalid_field("dateRange", "dateRange is required")
        today = self.sandbox.now.date()
        first = _day(span["start"], "dateRange.start")
        last = _day(span["end"], "dateRange.end") if "end" in span else today
        granularity = parameters.get("timeGranularity")
        if granularity not in ("DAILY", "MONTHLY", "YEARLY", "ALL"):
            raise invalid_field("timeGranularity", "timeGranularity must be DAILY, MONTHLY, YEARLY or ALL")
        elements = self._elements(parameters, [str(p) for p in pivots], fields, first, last, str(granularity))
        if self._access("role") is None:
            # an account without a role has no figures, and no error either
            elements = []
        paging = {"start": 0, "count": 10, "links": []}
        return {"paging": paging, "elements": elements[:MAX_ELEMENTS]}

    def _fields(self, parameters: Row) -> list[str]:
        given = parameters.get("fields")
        if given is None:
            return ["impressions", "clicks"]
        fields = [name.strip() for name in str(given).split(",") if name.strip()]
        if len(fields) > MAX_FIELDS:
            raise invalid_field("fields", f"At most {MAX_FIELDS} fields can be requested")
        for name in fields:
            if name not in (*_COUNTS, *_MONEY, *_KEYS):
                raise invalid_field("fields", f"Unknown field {name}")
        return fields

    def _chosen(self, parameters: Row) -> list[Placement]:
        """Placements of the accounts, groups, campaigns and creatives asked for; others have no activity."""
        facets = {"accounts": "ACCOUNT", "campaignGroups": "CAMPAIGN_GROUP", "campaigns": "CAMPAIGN"}
        facets["creatives"] = "CREATIVE"
        given = {pivot: parameters[name] for name, pivot in facets.items() if name in parameters}
        if not given:
            raise invalid_field("accounts", "At least one facet is required")
        for pivot, urns in given.items():
            if not isinstance(urns, list) or not all(str(urn).startswith(_PIVOT_URN[pivot]) for urn in urns):
                raise invalid_field(pivot.lower(), f"Invalid URN list: {urns}")
        return [
            placement
            for placement in self.placements
            if all(_urn(placement, None, pivot) in urns for pivot, urns in given.items())
        ]

    def _figures(self) -> list[tuple[Placement, Rule | None, date, Row]]:
        """Every daily figure known now: (placement, rule, day, metrics)."""

        def build() -> list[tuple[Placement, Rule | None, date, Row]]:
            rate, dollars = PER_EURO[self.account.currency], PER_EURO["USD"]
            facts: list[tuple[Placement, Rule | None, date, Row]] = []
            until = self.sandbox.now - LAG
            for day in delivery_days(self.sandbox.world.delivery, self.placements, "UTC", until):
                euros = Decimal(day.cost_micros) / 1_000_000
                opens = day.clicks if day.placement.lead_form else 0
                metrics: Row = {
                    "impressions": day.impressions,
                    "clicks": day.clicks,
                    "landingPageClicks": day.clicks - opens,
                    "oneClickLeadFormOpens": opens,
                    "costInLocalCurrency": euros * rate,
                    "costInUsd": euros * dollars,
                }
                facts.append((day.placement, None, day.day, metrics))
            for found in self.sandbox.linkedin:
                if found.visible_at > self.sandbox.now:
                    continue
                if found.rule is None:
                    facts.append((found.placement, None, found.day, {"oneClickLeads": 1}))
                    continue
                side = "PostClick" if found.post_click else "PostView"
                metrics = {"externalWebsiteConversions": 1, f"externalWebsite{side}Conversions": 1}
                metrics["conversionValueInLocalCurrency"] = found.amount
                facts.append((found.placement, found.rule, found.day, metrics))
            return facts

        return self.sandbox.cached("linkedin-figures", build)

    def _elements(
        self, parameters: Row, pivots: list[str], fields: list[str], first: date, last: date, granularity: str
    ) -> list[Row]:
        chosen = {placement.key for placement in self._chosen(parameters)}
        sums: dict[tuple[Any, ...], dict[str, Any]] = defaultdict(lambda: defaultdict(int))
        for placement, rule, day, metrics in self._figures():
            if placement.key not in chosen or not first <= day <= last:
                continue
            if "CONVERSION" in pivots and rule is None:
                continue
            span = _span(day, first, last, granularity)
            key = (span, tuple(_urn(placement, rule, pivot) for pivot in pivots))
            for name, amount in metrics.items():
                sums[key][name] += amount
        wanted = [name for name in fields if name not in _KEYS]
        elements = []
        for key in sorted(sums):
            figures = sums[key]
            if wanted and not any(figures.get(name) for name in wanted):
                continue
            (start, end), urns = key
            row: Row = {}
            if "dateRange" in fields:
                row["dateRange"] = {"start": _date(start), "end": _date(end)}
            if "pivotValues" in fields:
                row["pivotValues"] = list(urns)
            for name in wanted:
                amount = figures.get(name, 0)
                row[name] = _ugly(amount, f"{name}{key}") if name in _MONEY else int(amount)
            elements.append(row)
        return elements


def _resource(request: Request) -> str:
    parts = request.url.path.rstrip("/").split("/")
    return f"/{parts[-1] if not parts[-1].isdigit() else parts[-2]}"


def _stamps(created: datetime, changed: datetime) -> Row:
    return {
        "created": {"actor": "urn:li:unknown:0", "time": epoch_ms(created)},
        "lastModified": {"actor": "urn:li:unknown:0", "time": epoch_ms(changed)},
    }


def _by_status(rows: list[Row], parameters: Row) -> list[Row]:
    search = parameters.get("search", {})
    if not isinstance(search, dict):
        raise invalid_field("search", "search must be a record")
    values = (search.get("status") or {}).get("values")
    return [row for row in rows if values is None or row["status"] in values]


def _urn(placement: Placement, rule: Rule | None, pivot: str) -> str:
    _, campaign, group, ad = placement.key
    ids = {
        "ACCOUNT": placement.account.id,
        "CAMPAIGN_GROUP": campaign,
        "CAMPAIGN": group,
        "CREATIVE": ad,
        "CONVERSION": rule.id if rule else "",
    }
    return _PIVOT_URN[pivot] + ids[pivot]


def _span(day: date, first: date, last: date, granularity: str) -> tuple[date, date]:
    if granularity == "DAILY":
        return day, day
    if granularity == "MONTHLY":
        following = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
        return max(first, day.replace(day=1)), min(last, following - timedelta(days=1))
    if granularity == "YEARLY":
        return max(first, date(day.year, 1, 1)), min(last, date(day.year, 12, 31))
    return first, last


def _date(day: date) -> Row:
    return {"year": day.year, "month": day.month, "day": day.day}


def _ugly(amount: Decimal | int, key: str) -> str:
    """Money the way LinkedIn prints it: a long tail of binary noise, and noise where there is nothing."""
    noise = zlib.crc32(key.encode()) % 9973 - 4986
    if not amount:
        return "-2E-18" if noise % 5 == 0 else "0"
    return f"{Decimal(amount) + Decimal(noise).scaleb(-17):.20f}"


Handler = Callable[[Request, Row], Awaitable[Row]]


def build_app(sandbox: Sandbox) -> Starlette:
    """The interface as an ASGI application, to be mounted under any prefix."""
    api = LinkedInApi(sandbox)

    def guarded(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            api.check(request)
            return Json(await handler(request, await api.parameters(request)))

        return answer

    async def failed(_: Request, error: Exception) -> Response:
        if not isinstance(error, ApiError):
            raise error
        return Json(error.body, status_code=error.status, headers=error.headers)

    async def missing(request: Request, _: Exception) -> Response:
        body = {
            "message": f"No virtual resource found: {request.url.path}",
            "status": 404,
            "code": "RESOURCE_NOT_FOUND",
        }
        return Json(body, status_code=404)

    handlers: dict[str, Handler] = {
        "/rest/adAccounts": api.accounts,
        "/rest/adAccounts/{account}": api.one_account,
        "/rest/adAccountUsers": api.users,
        "/rest/adAccounts/{account}/adCampaignGroups": api.campaign_groups,
        "/rest/adAccounts/{account}/adCampaigns": api.campaigns,
        "/rest/adAccounts/{account}/creatives": api.creatives,
        "/rest/conversions": api.conversions,
        "/rest/adAnalytics": api.analytics,
    }
    routes = [Route(path, guarded(handler), methods=["GET", "POST"]) for path, handler in handlers.items()]
    routes.append(Route("/oauth/v2/accessToken", api.token, methods=["POST"]))
    routes.append(Route("/oauth/v2/introspectToken", api.introspect, methods=["POST"]))
    return Starlette(routes=routes, exception_handlers={ApiError: failed, 404: missing})
