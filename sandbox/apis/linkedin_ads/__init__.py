"""LinkedIn's Marketing HTTP interface: objects, conversion rules, adAnalytics, posts, lead forms.

https://learn.microsoft.com/en-us/linkedin/marketing/
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.apis import restli
from sandbox.apis.faults import CATALOGUE
from sandbox.apis.limits import DailyQuota, PerSetting
from sandbox.apis.linkedin_ads import leads, objects
from sandbox.apis.linkedin_ads.analytics import Fact, Query, by_day, conversion_fact, delivery_fact
from sandbox.apis.linkedin_ads.common import (
    MAX_COUNT,
    MAX_PAGE,
    Row,
    by_status,
    cursor_page,
    denied,
    invalid_field,
    offset_page,
    problem,
)
from sandbox.apis.linkedin_ads.objects import account_urn
from sandbox.apis.state import ApiError, Json, Sandbox, bearer
from sandbox.counting.common import delivery_days, share_of, spread
from sandbox.counting.linkedin import LAG, MemberConversion
from sandbox.world.company import Account, Network, Placement, guid
from sandbox.world.extra_accounts import ExtraAccounts
from sandbox.world.journeys import LeadAdSubmission

#: Monthly versions that are alive on 2026-11-23; there is no 202512.
VERSIONS = tuple(f"2026{month:02d}" for month in range(1, 12))
MAX_CREATIVES = 100
_SCOPES = {
    "adAnalytics": "r_ads_reporting",
    "leadForms": "r_marketing_leadgen_automation",
    "leadFormResponses": "r_marketing_leadgen_automation",
    "posts": "r_organization_social",
}
_INVALID_CLIENT = {"error": "invalid_client", "error_description": "Client authentication failed"}


class LinkedInApi:
    """The endpoints of the member's ad accounts."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.owns = sandbox.company.accounts[Network.LINKEDIN]
        #: the one the switches are about
        self.own = self.owns[0]
        self._calls = PerSetting(lambda _: DailyQuota())
        self._volume: PerSetting[deque[tuple[float, int]]] = PerSetting(lambda _: deque())

    def _access(self, name: str) -> Any:
        """What the token may read and for how long, and the member's role; without one (None), no account."""
        return self.sandbox.faults.value("linkedin_access", name, CATALOGUE["linkedin_access"][name])

    def _switch(self, fault: str, name: str) -> Any:
        """A parameter of a fault, its usual value where the fault is off."""
        return self.sandbox.faults.value(fault, name, CATALOGUE[fault][name])

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
        """Refuse long addresses, bad tokens, dead versions, missing scopes, calls beyond the limit."""
        # of the query: https://learn.microsoft.com/en-us/linkedin/shared/api-guide/concepts/query-tunneling
        if len(request.scope["query_string"]) > self._switch("linkedin_url_length", "bytes"):
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
        self._check_version(request.headers.get("linkedin-version"))
        resource = _resource(request)
        if _SCOPES.get(resource.strip("/"), "r_ads") not in self._access("scopes"):
            raise denied(resource)
        rule = self.sandbox.faults.get("linkedin_limits")
        if rule is not None and not self._calls.of(rule).admit(
            resource, self.sandbox.now, rule["daily"], None
        ):
            message = "Resource level throttle APPLICATION DAY limit for calls to this resource is reached."
            raise problem(429, "TOO_MANY_REQUESTS", message, 101)

    def _check_version(self, version: str | None) -> None:
        if version is None:
            message = (
                "A version must be present. Please specify a version by adding the LinkedIn-Version header."
            )
            raise problem(400, "VERSION_MISSING", message)
        live = {*VERSIONS, *self._switch("linkedin_versions", "tolerate")}
        if version not in live - set(self._switch("linkedin_versions", "dead")):
            raise problem(426, "NONEXISTENT_VERSION", f"Requested version {version} is not active")

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
        request.state.raw_query = raw
        try:
            return restli.parse(raw, request.headers.get("x-restli-protocol-version", "1.0.0"))
        except restli.SyntaxFault as fault:
            raise problem(
                400, "ILLEGAL_ARGUMENT", f"Invalid query parameters passed to request: {fault}"
            ) from fault

    # -- accounts ---------------------------------------------------------------------------------------

    def _accounts(self) -> list[Account]:
        """The accounts in which the member has a role."""
        if self._access("role") is None:
            return []
        more: tuple[Account, ...] = ()
        if self.sandbox.faults.get("linkedin_accounts") is not None:
            more = self._extra_accounts().accounts[Network.LINKEDIN]
        return [*self.owns, *more]

    def _extra_accounts(self) -> ExtraAccounts:
        sandbox = self.sandbox
        return sandbox.lasting("extra accounts", lambda: ExtraAccounts(sandbox.company, sandbox.world.seed))

    def _placements(self, account: Account) -> list[Placement]:
        among = self.sandbox.company.placements if account in self.owns else self._extra_accounts().placements
        return [p for p in among if p.account.id == account.id]

    def _asked(self, request: Request) -> Account:
        for account in self._accounts():
            if request.path_params["account"] == account.id:
                return account
        raise denied(_resource(request))

    def _named(self, request: Request, urn: Any) -> Account:
        for account in self._accounts():
            if urn == account_urn(account):
                return account
        raise denied(_resource(request))

    def _offset_page(self, request: Request, parameters: Row, rows: list[Row], cap: int) -> Row:
        total = self.sandbox.faults.get("linkedin_no_total") is None
        return offset_page(request, request.state.raw_query, parameters, rows, cap, total=total)

    def _row(self, account: Account) -> Row:
        return objects.account_row(account, self._access("status") if account is self.own else "ACTIVE")

    async def accounts(self, request: Request, parameters: Row) -> Row:
        """Search of the accounts the user may read."""
        if parameters.get("q") != "search":
            raise invalid_field("q", "A finder is required")
        rows = by_status([self._row(account) for account in self._accounts()], parameters)
        return cursor_page(parameters, rows, MAX_PAGE, MAX_PAGE)

    async def users(self, request: Request, parameters: Row) -> Row:
        """The token's member in each account, with the role.

        https://learn.microsoft.com/en-us/linkedin/marketing/integrations/ads/account-structure/create-and-manage-account-users
        """
        if parameters.get("q") != "authenticatedUser":
            raise invalid_field("q", "A finder is required")
        rows = [objects.user_row(account, self._access("role")) for account in self._accounts()]
        return self._offset_page(request, parameters, rows, MAX_COUNT)

    async def one_account(self, request: Request, parameters: Row) -> Row:
        """One account."""
        return self._row(self._asked(request))

    # -- objects ----------------------------------------------------------------------------------------

    async def campaign_groups(self, request: Request, parameters: Row) -> Row:
        """Campaign groups of the account."""
        rows = by_status(objects.group_rows(self._asked(request), self.sandbox.now), parameters)
        return cursor_page(parameters, rows, MAX_PAGE, self.sandbox.caps.linkedin_campaign_groups)

    async def campaigns(self, request: Request, parameters: Row) -> Row:
        """Campaigns of the account."""
        listed = objects.campaign_rows(self._asked(request))
        ungrouped, unlisted = (self._switch("linkedin_campaigns", name) for name in ("ungrouped", "unlisted"))
        alone = [{**row, "campaignGroup": None} for row in listed[:ungrouped]]
        rows = by_status([*alone, *listed[ungrouped + unlisted :]], parameters)
        return cursor_page(parameters, rows, MAX_PAGE, self.sandbox.caps.linkedin_campaigns)

    async def creatives(self, request: Request, parameters: Row) -> Row:
        """Creatives of the account."""
        account = self._asked(request)
        if parameters.get("q") != "criteria":
            raise invalid_field("q", "A finder is required")
        chosen = parameters.get("campaigns")
        rows = [
            objects.creative_row(self.sandbox.company, placement, self.sandbox.now)
            for placement in self._placements(account)
            if chosen is None or f"urn:li:sponsoredCampaign:{placement.key[2]}" in chosen
        ]
        rows.sort(key=lambda row: str(row["id"]), reverse=parameters.get("sortOrder") == "DESCENDING")
        return cursor_page(parameters, rows, MAX_CREATIVES, self.sandbox.caps.linkedin_creatives)

    async def conversions(self, request: Request, parameters: Row) -> Row:
        """Conversion rules of the account."""
        account = self._named(request, parameters.get("account"))
        if parameters.get("q") != "account":
            raise invalid_field("q", "A finder is required")
        rows = [objects.conversion_row(account, rule) for rule in account.rules]
        return self._offset_page(request, parameters, rows, self.sandbox.caps.linkedin_conversions)

    def _posts(self) -> dict[str, Row]:
        placements = [p for account in self._accounts() for p in self._placements(account)]
        return objects.post_rows(self.sandbox.company, placements, self.sandbox.now)

    async def posts(self, request: Request, parameters: Row) -> Row:
        """Posts by `ids`, those that are missing under `errors`."""
        ids, found = parameters.get("ids"), self._posts()
        if not isinstance(ids, list):
            raise invalid_field("ids", "A list of post URNs is required")
        missing = {urn: {"status": 404, "message": "Post not found"} for urn in ids if urn not in found}
        return {
            "results": {urn: found[urn] for urn in ids if urn in found},
            "statuses": {urn: 200 if urn in found else 404 for urn in ids},
            "errors": missing,
        }

    async def one_post(self, request: Request, parameters: Row) -> Row:
        """One post."""
        post = self._posts().get(request.path_params["post"])
        if post is None:
            raise problem(404, "NOT_FOUND", "Post not found")
        return post

    # -- lead forms -------------------------------------------------------------------------------------

    def _owner(self, request: Request, parameters: Row) -> Account:
        owner = parameters.get("owner")
        if parameters.get("q") != "owner" or not isinstance(owner, dict):
            raise invalid_field("owner", "owner must be a union of sponsoredAccount and organization")
        return self._named(request, owner.get("sponsoredAccount"))

    async def lead_forms(self, request: Request, parameters: Row) -> Row:
        """Forms of an account, with their questions."""
        account = self._owner(request, parameters)
        forms = leads.forms_of(self._placements(account)).values()
        rows = [leads.form_row(account, form) for form in forms]
        return self._offset_page(request, parameters, rows, self.sandbox.caps.linkedin_conversions)

    async def one_lead_form(self, request: Request, parameters: Row) -> Row:
        """One form."""
        for account in self._accounts():
            form = leads.forms_of(self._placements(account)).get(request.path_params["form"])
            if form is not None:
                return leads.form_row(account, form)
        raise problem(404, "NOT_FOUND", "Lead form not found")

    async def responses(self, request: Request, parameters: Row) -> Row:
        """Responses to an account's forms, newest first."""
        account = self._owner(request, parameters)
        kind = parameters.get("leadType")
        if not isinstance(kind, dict) or kind.get("leadType") != "SPONSORED":
            raise invalid_field("leadType", "leadType must be SPONSORED for a sponsored account")
        sandbox = self.sandbox
        own = [one for one in sandbox.world.of_kind(LeadAdSubmission) if one.placement.account is account]
        sent = leads.Responses(self._placements(account), sandbox.portal.people, own, sandbox.now)
        tests = sandbox.faults.value("linkedin_leads", "test", 0)
        only = str(parameters.get("limitedToTestLeads", "false")).lower() == "true"
        rows = sent.rows(days=self._switch("linkedin_leads", "days"), tests=tests, only_tests=only)
        span = parameters.get("submittedAtTimeRange", {})
        try:
            start, end = int(span.get("start", 0)), int(span.get("end", 10**15))
        except (AttributeError, ValueError) as error:
            raise invalid_field("submittedAtTimeRange", "start and end must be milliseconds") from error
        rows = [row for row in rows if start <= row["submittedAt"] < end]
        return self._offset_page(request, parameters, rows, MAX_COUNT)

    # -- analytics --------------------------------------------------------------------------------------

    async def analytics(self, request: Request, parameters: Row) -> Row:
        """Figures by pivot and day; unpaged, cut silently at 15,000 rows."""
        if parameters.get("q") == "attributedRevenueMetrics":
            raise denied("/adAnalytics")
        query = Query.parse(parameters, self.sandbox.now.date())
        plain = self.sandbox.faults.value("linkedin_decimals", "plain", False)
        elements = query.elements(self.facts(), plain=plain)
        self._count_values(len(elements) * len(query.metrics))
        paging = {"start": 0, "count": 10, "links": []}
        return {
            "paging": paging,
            "elements": elements[: self._switch("linkedin_element_cap", "elements")],
        }

    def _count_values(self, values: int) -> None:
        """Refuse what exceeds the metric values of some minutes."""
        rule = self.sandbox.faults.get("linkedin_limits") or CATALOGUE["linkedin_limits"]
        at, volume = time.monotonic(), self._volume.of(rule)
        while volume and volume[0][0] <= at - rule["window_seconds"]:
            volume.popleft()
        if sum(count for _, count in volume) + values > rule["metric_values"]:
            message = (
                "The data request limit has been exceeded. More than 45 million metric values were requested "
                "in a 5-minute window."
            )
            raise problem(429, "TOO_MANY_REQUESTS", message)
        volume.append((at, values))

    def facts(self) -> dict[date, list[Fact]]:
        """Every daily figure known now, by day. An account without a role has none, and no error either."""
        sandbox, accounts = self.sandbox, self._accounts()
        late = sandbox.faults.get("linkedin_late_conversions")

        def build() -> dict[date, list[Fact]]:
            facts: list[Fact] = []
            for account in accounts:
                own = account in self.owns
                delivery = sandbox.world.delivery if own else self._extra_accounts().delivery
                days = delivery_days(delivery, self._placements(account), "UTC", sandbox.now - LAG)
                facts += [delivery_fact(day) for day in days]
                found = [_delayed(one, late) for one in sandbox.linkedin.get(account.id, ())]
                facts += [conversion_fact(one) for one in found if one.visible_at <= sandbox.now]
            return by_day(facts)

        return sandbox.cached(f"linkedin-facts-{[account.id for account in accounts]}-{late}", build)


def _delayed(found: MemberConversion, rule: dict[str, Any] | None) -> MemberConversion:
    """The conversion, later where the switch has it matched late."""
    key = f"late{found.placement.key}{found.visible_at}"
    if rule is None or share_of(key) >= rule["share"]:
        return found
    lag = spread(f"{key}lag", timedelta(hours=6), timedelta(days=rule["days"]))
    return replace(found, visible_at=found.visible_at + lag)


def _resource(request: Request) -> str:
    """The resource of a path: its last name that is no id."""
    names = [part for part in request.url.path.rstrip("/").split("/") if part and not part.isdigit()]
    return f"/{next(name for name in reversed(names) if not name.startswith('urn'))}"


Handler = Callable[[Request, Row], Awaitable[Row]]


def build_app(sandbox: Sandbox) -> Starlette:
    """The interface as an ASGI application, to be mounted under any prefix."""
    api = LinkedInApi(sandbox)

    def guarded(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            api.check(request)
            body = await handler(request, await api.parameters(request))
            return Json(body, headers=_trace(request))

        return answer

    async def failed(request: Request, error: Exception) -> Response:
        if not isinstance(error, ApiError):
            raise error
        return Json(error.body, status_code=error.status, headers=_trace(request))

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
        "/rest/posts": api.posts,
        "/rest/posts/{post}": api.one_post,
        "/rest/leadForms": api.lead_forms,
        "/rest/leadForms/{form}": api.one_lead_form,
        "/rest/leadFormResponses": api.responses,
        "/rest/adAnalytics": api.analytics,
    }
    routes = [Route(path, guarded(handler), methods=["GET", "POST"]) for path, handler in handlers.items()]
    routes.append(Route("/oauth/v2/accessToken", api.token, methods=["POST"]))
    routes.append(Route("/oauth/v2/introspectToken", api.introspect, methods=["POST"]))
    return Starlette(routes=routes, exception_handlers={ApiError: failed, 404: missing})


def _trace(request: Request) -> dict[str, str]:
    """The ids LinkedIn's support asks for; no header reports limits."""
    uuid = guid("li-uuid", request.url.path, request.url.query)
    return {"x-li-uuid": uuid, "x-li-fabric": "prod-lor1", "x-li-request-id": uuid[:18]}
