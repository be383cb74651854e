"""Google Ads' HTTP interface: OAuth token, accessible customers, GAQL search and searchStream.

https://developers.google.com/google-ads/api/rest/overview
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.apis import gaql
from sandbox.apis.faults import CATALOGUE
from sandbox.apis.google_ads import clicks, rules
from sandbox.apis.google_ads.account_reports import LEAD_FORM, Books, Row
from sandbox.apis.google_ads.errors import MESSAGES, UNSCOPED, exhausted, failure, request_id
from sandbox.apis.google_ads.schema import INT, camel, catalogue, check_version, kind_of, mask
from sandbox.apis.limits import DailyQuota, PerSetting
from sandbox.apis.state import ApiError, Json, Sandbox, bearer
from sandbox.counting.common import delivery_days
from sandbox.counting.google import CLICK_LAG
from sandbox.world.company import Account, Network
from sandbox.world.extra_accounts import ExtraAccounts
from sandbox.world.journeys import AdClick

VERSIONS = ("v23", "v24", "v25", "v26")


class GoogleAdsApi:
    """The endpoints of every account the token's user reaches."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.owns = sandbox.company.accounts[Network.GOOGLE]
        #: the one the switches are about
        self.own = self.owns[0]
        self.root = Account(
            Network.GOOGLE,
            self.own.manager_id,
            "Nordlicht Group",
            "EUR",
            "Europe/Berlin",
            (),
            (),
            manager=True,
        )
        self._quota = PerSetting(lambda _: DailyQuota())

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
        """Refuse unknown versions and tokens, and a developer token where that is the fault."""
        version = request.path_params["version"]
        if version not in VERSIONS:
            raise failure(400, "requestError", "UNSUPPORTED_VERSION", f"Version {version} is not supported.")
        if bearer(request) not in self.sandbox.minted["google_ads"]:
            message = "The OAuth access token is not valid."
            raise failure(401, "authenticationError", "OAUTH_TOKEN_INVALID", message, "", version)
        if not self._access("scoped"):
            raise ApiError(403, UNSCOPED)
        expected = self.sandbox.faults.value("google_developer_token", "header", "optional")
        sent = "developer-token" in request.headers
        if (expected, sent) in (("rejected", True), ("required", False)):
            message = (
                "The developer token header is not supported." if sent else "The developer token is missing."
            )
            raise failure(
                400, "requestError", "BAD_VALUE" if sent else "REQUIRED_FIELD_MISSING", message, "", version
            )

    def _accounts(self) -> dict[str, Account]:
        """The accounts under the manager, itself first."""
        accounts = [self.root, *(self.owns if self._access("linked") else self.owns[1:])]
        if self.sandbox.faults.get("google_hierarchy") is not None:
            accounts += self._extra_accounts().accounts[Network.GOOGLE]
        return {account.id: account for account in accounts}

    def _extra_accounts(self) -> ExtraAccounts:
        sandbox = self.sandbox
        return sandbox.lasting("extra accounts", lambda: ExtraAccounts(sandbox.company, sandbox.world.seed))

    def _status(self, account: Account) -> str:
        if account is self.own:
            return str(self._access("status"))
        return "CANCELED" if account.closed else "ENABLED"

    def _reach(self, request: Request) -> Account:
        """The account asked for.

        Raises:
            ApiError: 403; it is not reached through the manager announced, or not active.
        """
        customer, version = request.path_params["customer"], request.path_params["version"]
        accounts = self._accounts() if self._access("direct") else {}
        login = request.headers.get("login-customer-id", customer)
        if customer not in accounts or login not in self._above(accounts[customer], accounts):
            raise failure(
                403,
                "authorizationError",
                "USER_PERMISSION_DENIED",
                "User doesn't have permission to access customer. Note: If you're accessing a client "
                "customer, the manager's customer id must be set in the 'login-customer-id' header.",
                "",
                version,
            )
        if self._status(accounts[customer]) != "ENABLED":
            raise failure(
                403,
                "authorizationError",
                "CUSTOMER_NOT_ENABLED",
                "The customer account can't be accessed because it is not yet enabled or has been "
                "deactivated.",
                "",
                version,
            )
        return accounts[customer]

    def _above(self, account: Account, accounts: dict[str, Account]) -> set[str]:
        """The managers whose users reach the account; the token's user is one of the root's."""
        found = {account.id} if account is self.root else set()
        while account.manager_id:
            found.add(account.manager_id)
            account = accounts[account.manager_id]
        return found

    async def accessible(self, request: Request) -> Any:
        """Customers the user has direct access to: the manager alone."""
        return {"resourceNames": [f"customers/{self.root.id}"]} if self._access("direct") else {}

    async def fields(self, request: Request) -> Any:
        """What may be selected, of the fields that are served.

        https://developers.google.com/google-ads/api/reference/rpc/v26/GoogleAdsFieldService
        """
        version = request.path_params["version"]
        try:
            query = gaql.parse(str((await request.json())["query"]), resource="google_ads_field")
        except gaql.QueryError as error:
            raise failure(400, error.kind, error.code, error.message, error.trigger, version) from error
        found = [
            row
            for row in catalogue()
            if all(gaql.matches(c, row.get(c.field), self.sandbox.now.date()) for c in query.where)
        ]
        names = ("resource_name", *query.select)
        results = [{camel(name): row[name] for name in names if row.get(name) is not None} for row in found]
        return {"results": results, "totalResultsCount": str(len(results))} if results else {}

    # -- queries ----------------------------------------------------------------------------------------

    async def _run(self, request: Request) -> tuple[gaql.Query, list[Row], dict[str, Any], str]:
        version = request.path_params["version"]
        account = self._reach(request)
        try:
            body = orjson.loads(await request.body())
            text = str(body["query"])
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise failure(
                400, "requestError", "REQUIRED_FIELD_MISSING", "Required field is missing.", "query", version
            ) from error
        self._count(account, version)
        address = f"{request.url.path} {text}"
        if (rule := self.sandbox.faults.due("google_error", "POST", address)) is not None:
            raise failure(rule["status"], rule["kind"], rule["code"], "The request failed.", "", version)
        try:
            query = gaql.parse(text)
            check_version(query.select, version)
            return query, self._answer(query, self._books(account)), body, address
        except gaql.QueryError as error:
            raise failure(400, error.kind, error.code, error.message, error.trigger, version) from error

    def _count(self, account: Account, version: str) -> None:
        rule = self.sandbox.faults.get("google_quota")
        if rule is not None and not self._quota.of(rule).admit(
            account.id, self.sandbox.now, rule["daily"], rule["per_second"]
        ):
            raise exhausted(rule["retry_delay"], rule["scope"], version)

    async def stream(self, request: Request) -> Any:
        """All rows as an array of batches, which an error can end."""
        query, rows, _, address = await self._run(request)
        caps, faults = self.sandbox.caps, self.sandbox.faults
        size = max(1, min(caps.google_rows, math.ceil(len(rows) / caps.google_batches)))
        parts = [rows[i : i + size] for i in range(0, len(rows), size)]
        if not parts and faults.value("google_empty", "as", "batch") == "array":
            return []
        trailer, shape = {"fieldMask": mask(query), "requestId": request_id(repr(query))}, _shape(query)
        batches: list[dict[str, Any]] = [
            {**({"results": [*map(shape, part)]} if part else {}), **trailer} for part in parts or [[]]
        ]
        batches[-1]["queryResourceConsumption"] = str(100 + len(rows))
        if (rule := faults.due("google_stream_error", "POST", address)) is not None:
            version = request.path_params["version"]
            error = failure(500, rule["kind"], rule["code"], "The request failed.", "", version)
            return [*batches[: rule["batches"]], error.body]
        return batches

    async def search(self, request: Request) -> Any:
        """Rows page by page; the page size is fixed."""
        version = request.path_params["version"]
        query, rows, body, address = await self._run(request)
        if "pageSize" in body:
            message = "Setting the page size is not supported. Search Responses will have fixed page size."
            raise failure(400, "requestError", "PAGE_SIZE_NOT_SUPPORTED", message, "", version)
        if body.get("validateOnly"):
            return {}
        start, size = self._start(body, address, version), self.sandbox.caps.google_rows
        settings = body.get("searchSettings") or {}
        page = [] if settings.get("omitResults") else rows[start : start + size]
        answer: dict[str, Any] = {"results": [*map(_shape(query), page)]} if page else {}
        if page and start + size < len(rows):
            answer["nextPageToken"] = f"CAE{start + size}.{_mark(str(body['query']))}"
        if settings.get("returnTotalResultsCount"):
            answer["totalResultsCount"] = str(len(rows))
        if settings.get("returnSummaryRow"):
            answer["summaryRow"] = {"metrics": self._totals(query, rows)}
        return {**answer, "fieldMask": mask(query), "queryResourceConsumption": str(100 + len(rows))}

    def _start(self, body: dict[str, Any], address: str, version: str) -> int:
        """Where a page token leads; it belongs to its query."""
        token = str(body.get("pageToken") or "")
        if not token:
            return 0
        if (rule := self.sandbox.faults.due("google_page_token", "POST", address)) is not None:
            raise failure(400, "requestError", rule["code"], "Page token has expired.", "", version)
        place, _, mark = token.removeprefix("CAE").partition(".")
        if not token.startswith("CAE") or not place.isdigit() or mark != _mark(str(body["query"])):
            raise failure(400, "requestError", "INVALID_PAGE_TOKEN", "Page token is invalid.", "", version)
        return int(place)

    def _totals(self, query: gaql.Query, rows: list[Row]) -> dict[str, Any]:
        totals = {
            name: sum(row.get(name, 0) for row in rows)
            for name in query.select
            if name.startswith("metrics.")
        }
        return {
            camel(name[8:]): str(total) if kind_of(name) == INT else total for name, total in totals.items()
        }

    def rows(self, account: Account, text: str) -> list[Row]:
        """The rows of a query, by the names of its fields.

        Raises:
            QueryError: Google refuses it.
        """
        return self._answer(gaql.parse(text), self._books(account))

    def _answer(self, query: gaql.Query, books: Books) -> list[Row]:
        faults = self.sandbox.faults
        retention, click_view = CATALOGUE["google_retention"], CATALOGUE["google_click_view"]
        limits = rules.Limits(
            faults.value("google_retention", "months", retention["months"]),
            faults.value("google_retention", "code", retention["code"]),
            faults.value("google_click_view", "days", click_view["days"]),
        )
        asked = rules.check(query, books.today, limits, manager=books.account.manager)
        if query.resource == "click_view" and asked.days is not None:
            rows = self._clicks(books).rows(query, asked, asked.days[0])
        elif asked.metrics or asked.segments:
            rows = books.metric_rows(query, asked)
        else:
            rows = [
                row
                for row in self._entities(query.resource, books)
                if all(gaql.matches(c, row.get(c.field), books.today) for c in query.where)
            ]
        rows = gaql.order_rows(rows, query.order)
        return rows[: query.limit] if query.limit is not None else rows

    def _entities(self, resource: str, books: Books) -> list[Row]:
        if resource == "customer_client":
            return self._clients(books)
        if resource == "lead_form_submission_data":
            leads = self._leads() if books.account is self.own else []
            days = self.sandbox.faults.value("google_lead_forms", "days", 0)
            return clicks.lead_rows(books, leads, self.sandbox.portal.people, days)
        return books.entities(resource) if resource == "customer" or not books.account.manager else []

    def _clients(self, books: Books) -> list[Row]:
        """The account and those below it, whatever their status."""
        accounts = self._accounts()
        rows = []
        for account in accounts.values():
            level, above = 0, account
            while above.id != books.account.id and above.manager_id:
                level, above = level + 1, accounts[above.manager_id]
            if above.id != books.account.id:
                continue
            own = self._books(account).customer()
            rows.append(
                {
                    **books.customer(),
                    "customer_client.resource_name": f"{books.base}/customerClients/{account.id}",
                    "customer_client.id": int(account.id),
                    "customer_client.level": level,
                    "customer_client.hidden": False,
                    "customer_client.client_customer": f"customers/{account.id}",
                    **{
                        f"customer_client.{name}": own[f"customer.{name}"]
                        for name in (
                            "manager",
                            "test_account",
                            "currency_code",
                            "time_zone",
                            "descriptive_name",
                            "status",
                        )
                    },
                }
            )
        return rows

    # -- books ------------------------------------------------------------------------------------------

    def _leads(self) -> list[Any]:
        share = self.sandbox.faults.value("google_lead_forms", "share", 0.0)
        return clicks.lead_clicks(self.own, self._clicked(), share) if share else []

    def _clicked(self) -> list[AdClick]:
        """Every click of the company's people on the network, in order of time."""

        def build() -> list[AdClick]:
            made = self.sandbox.world.of_kind(AdClick)
            return [click for click in made if click.placement.network is Network.GOOGLE]

        return self.sandbox.lasting("google-clicked", build)

    def _books(self, account: Account) -> Books:
        status, leads = self._status(account), self.sandbox.faults.get("google_lead_forms")
        key = f"google-books-{account.id}-{status}-{leads}"
        return self.sandbox.cached(key, lambda: self._kept(account, status))

    def _kept(self, account: Account, status: str) -> Books:
        sandbox, own = self.sandbox, account in self.owns
        among = sandbox.company.placements if own else self._extra_accounts().placements
        placements = [p for p in among if p.account.id == account.id] if account is not self.root else []
        leads = self._leads() if account is self.own else []
        kept = (*account.rules, LEAD_FORM) if leads else account.rules
        books = Books(sandbox.company, account, placements, kept, sandbox.now, status)
        delivery = sandbox.world.delivery if own else self._extra_accounts().delivery if placements else None
        if delivery is not None:
            for day in delivery_days(delivery, placements, account.time_zone, sandbox.now - CLICK_LAG):
                books.deliver(day)
        if own:
            for credit in (*sandbox.google[account.id], *clicks.lead_credits(books, leads)):
                if credit.visible_at <= sandbox.now:
                    books.credit(credit)
        return books

    def _clicks(self, books: Books) -> clicks.Clicks:
        sandbox, usual = self.sandbox, CATALOGUE["google_click_view"]
        rates = clicks.Rates(
            *(sandbox.faults.value("google_click_view", name, usual[name]) for name in ("repeats", "invalid"))
        )
        delivery = sandbox.world.delivery if books.account in self.owns else self._extra_accounts().delivery
        own = sandbox.lasting("google-clicks-by-hour", lambda: clicks.by_hour(self._clicked()))
        key = f"google-clicks-{books.account.id}-{rates}-{books.status}"
        return sandbox.cached(key, lambda: clicks.Clicks(books, delivery, own, rates))


def _shape(query: gaql.Query) -> Callable[[Row], dict[str, Any]]:
    """How a row of the query's answer becomes JSON."""
    names = dict.fromkeys(query.select)
    if query.parameters.get("omit_unselected_resource_names") != "true":
        owners = {query.resource, *(name.split(".")[0] for name in query.select)} - {"metrics", "segments"}
        named = {f"{owner}.resource_name": None for owner in sorted(owners)}
        if any(name.startswith("ad_group_ad.ad.") for name in query.select):
            named["ad_group_ad.ad.resource_name"] = None
        names = named | names
    paths = [([camel(part) for part in name.split(".")], kind_of(name) == INT) for name in names]
    plan = [(name, path[:-1], path[-1], as_text) for name, (path, as_text) in zip(names, paths, strict=True)]

    def shaped(row: Row) -> dict[str, Any]:
        body: dict[str, Any] = {}
        for name, parents, last, as_text in plan:
            value = row.get(name)
            if value is None or value == "" or value == []:
                continue
            place = body
            for parent in parents:
                place = place.setdefault(parent, {})
            place[last] = str(value) if as_text else value
        return body

    return shaped


def _mark(query: str) -> str:
    return f"{zlib.crc32(query.encode()):08x}"


def build_app(sandbox: Sandbox) -> Starlette:
    """The accounts as an ASGI application, to be mounted under any prefix."""
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
            {"error": {"code": 404, "message": MESSAGES[404], "status": "NOT_FOUND"}}, status_code=404
        )

    stem = "/{version}/customers"
    routes = [
        Route(path, api.token, methods=["POST"])
        for path in ("/token", "/oauth2/v3/token", "/oauth2/v4/token")
    ]
    routes += [
        Route("/{version}/googleAdsFields:search", guarded(api.fields), methods=["POST"]),
        Route(f"{stem}:listAccessibleCustomers", guarded(api.accessible), methods=["GET"]),
        Route(
            f"{stem}/{{customer}}/googleAds:searchStream", guarded(api.stream, stream=True), methods=["POST"]
        ),
        Route(f"{stem}/{{customer}}/googleAds:search", guarded(api.search), methods=["POST"]),
    ]
    return Starlette(routes=routes, exception_handlers={404: missing})
