"""Meta's Graph and Marketing HTTP interface: ad objects, insights, asynchronous reports, leads, batches.

https://developers.facebook.com/docs/marketing-apis
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message

from sandbox.apis.facebook_ads import fields
from sandbox.apis.facebook_ads.common import (
    Row,
    filters,
    from_json,
    listed,
    meets,
    no_such_object,
    page,
    problem,
    read_parameters,
    select,
)
from sandbox.apis.facebook_ads.insights import Daily, Report, daily_figures
from sandbox.apis.facebook_ads.leads import Leads
from sandbox.apis.facebook_ads.objects import PAGE_ID, SECOND_PAGE_ID, Objects, Pages, pages_of_forms
from sandbox.apis.facebook_ads.reports import Runs
from sandbox.apis.faults import CATALOGUE
from sandbox.apis.limits import PerSetting, Window, months_before
from sandbox.apis.state import ApiError, Json, Sandbox, bearer
from sandbox.counting.common import delivery_days, share_of, spread
from sandbox.counting.facebook import LAG, ActionCredit
from sandbox.world.company import Account, Network
from sandbox.world.extra_accounts import ExtraAccounts
from sandbox.world.journeys import LeadAdSubmission

VERSIONS = tuple(f"v{number}.0" for number in range(21, 27))
PAGE_TOKEN = "sandbox-facebook-page-token"
PAGE_TOKENS = {PAGE_ID: PAGE_TOKEN, SECOND_PAGE_ID: "sandbox-facebook-second-page-token"}
APP_SECRET = b"sandbox-facebook-secret"
MOST_BATCHED = 50
#: What the app asks its users for
REQUESTED = (
    "ads_read",
    "business_management",
    "leads_retrieval",
    "pages_show_list",
    "pages_read_engagement",
    "pages_manage_ads",
)
_LEVELS = (("campaigns", "campaign"), ("adsets", "adset"), ("ads", "ad"))
_PARENTS = {"campaign.id": "campaign_id", "adset.id": "adset_id"}


class FacebookApi:
    """The endpoints of the user's ad accounts and page."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.owns = sandbox.company.accounts[Network.FACEBOOK]
        #: the one the switches are about
        self.own = self.owns[0]
        self.runs = Runs(sandbox.faults)
        self._calls = PerSetting(lambda rule: Window(rule["window_seconds"]))

    def access(self, name: str) -> Any:
        """What the token may read and for how long, the account's status, how much of the limit is used."""
        return self.sandbox.faults.value("facebook_access", name, CATALOGUE["facebook_access"][name])

    def _end(self, name: str) -> datetime | None:
        seconds = self.access(name)
        return None if seconds is None else self.sandbox.now + timedelta(seconds=seconds)

    # -- access -----------------------------------------------------------------------------------------

    def check(self, request: Request, parameters: dict[str, str]) -> None:
        """Refuse unknown versions and tokens; verify appsecret_proof where one is sent or required."""
        if request.path_params["version"] not in VERSIONS:
            raise problem(400, 2635, "(#2635) You are calling a deprecated version of the Ads API.")
        token = parameters.get("access_token") or bearer(request)
        if token is None:
            raise problem(
                400, 2500, "An active access token must be used to query information about the current user."
            )
        if token not in (self.sandbox.credentials.facebook_token, *PAGE_TOKENS.values()):
            raise problem(400, 190, "Invalid OAuth access token - Cannot parse access token")
        expires = self._end("expires_in")
        if expires is not None and expires <= self.sandbox.now:
            when = f"{expires:%A, %d-%b-%y %H:%M:%S} UTC"
            message = f"Error validating access token: Session has expired on {when}."
            raise problem(401, 190, message, subcode=463)
        proof = parameters.get("appsecret_proof")
        expected = hmac.new(APP_SECRET, token.encode(), hashlib.sha256).hexdigest()
        if proof is None and self.sandbox.faults.get("facebook_require_proof") is not None:
            message = "API calls from the server require an appsecret_proof argument"
            raise problem(400, 100, message, "GraphMethodException")
        if proof is not None and not hmac.compare_digest(proof, expected):
            raise problem(
                400, 100, "Invalid appsecret_proof provided in the API argument", "GraphMethodException"
            )

    async def permissions(self, request: Request, parameters: dict[str, str]) -> Row:
        """Every permission the app asks for, granted or declined.

        https://developers.facebook.com/docs/graph-api/reference/user/permissions
        """
        granted = self.access("permissions")
        names = dict.fromkeys([*REQUESTED, *granted])
        return {
            "data": [
                {"permission": name, "status": "granted" if name in granted else "declined"} for name in names
            ]
        }

    async def debug_token(self, request: Request, parameters: dict[str, str]) -> Row:
        """A token's own description. https://developers.facebook.com/docs/graph-api/reference/debug_token"""
        if "input_token" not in parameters:
            raise problem(400, 100, "(#100) The parameter input_token is required")
        if parameters["input_token"] != self.sandbox.credentials.facebook_token:
            error = {"code": 190, "message": "Invalid OAuth access token - Cannot parse access token"}
            return {"data": {"error": error, "is_valid": False, "scopes": []}}
        ends = {name: self._end(name) for name in ("expires_in", "data_access_expires_in")}
        return {
            "data": {
                "app_id": "330221145690017",
                "type": "SYSTEM_USER",
                "application": "Nordlicht reporting",
                **{name[:-2] + "at": int(at.timestamp()) if at else 0 for name, at in ends.items()},
                "is_valid": True,
                "scopes": sorted(self.access("permissions")),
                "user_id": "122100458812034",
            }
        }

    def _require_ads(self) -> None:
        if not {"ads_read", "ads_management"} & set(self.access("permissions")):
            message = "(#200) Ad account owner has NOT grant ads_management or ads_read permission"
            raise problem(403, 200, message)

    def _pages(self, name: str) -> Any:
        """Which answers name pages, and which pages refuse."""
        return self.sandbox.faults.value("facebook_pages", name, CATALOGUE["facebook_pages"][name])

    def _page_ids(self) -> list[str]:
        """The pages that own the lead forms."""
        return [PAGE_ID, SECOND_PAGE_ID] if self._pages("second") else [PAGE_ID]

    def _page_of_forms(self) -> dict[str, str]:
        return pages_of_forms(self.sandbox.company, second=self._pages("second"))

    def _require_leads(self) -> None:
        if "leads_retrieval" not in self.access("permissions"):
            raise problem(403, 200, "(#200) Requires leads_retrieval permission to manage the object")

    # -- usage ------------------------------------------------------------------------------------------

    def usage(self, path: str) -> dict[str, str]:
        """The usage headers after one more call.

        Raises:
            ApiError: 400; the account's limit is used up.

        https://developers.facebook.com/docs/graph-api/overview/rate-limiting
        """
        kind, code = "ads_management", 80004
        if "/insights" in path:
            kind, code = "ads_insights", 80000
        elif path.endswith(("/leads", "/leadgen_forms")):
            kind, code = "leadgen", 80005
        rule = self.sandbox.faults.get("facebook_throttle")
        if rule is None:
            kind = "ads_insights"
            return self._usage_headers(kind, self.access("used_percent"), self.access("regain"))
        at, calls = time.monotonic(), self._calls.of(rule)
        percent = calls.used(at) * rule["step"]
        if percent >= 100:
            code = rule["code"] or code
            message = (
                f"(#{code}) There have been too many calls from this ad-account. Wait a bit and try "
                "again. For more info, please refer to "
                "https://developers.facebook.com/docs/graph-api/overview/rate-limiting."
            )
            error = problem(400, code, message, subcode=2446079, is_transient=False)
            error.headers = self._usage_headers(kind, 100, rule["regain"])
            raise error
        calls.admit(at)
        return self._usage_headers(kind, percent + rule["step"], 0)

    def _usage_headers(self, kind: str, percent: int, regain: int) -> dict[str, str]:
        used = dict.fromkeys(("call_count", "total_cputime", "total_time"), percent)
        usage = {"type": kind, **used, "ads_api_access_tier": "standard_access"}
        usage |= {"estimated_time_to_regain_access": regain}
        account = {"acc_id_util_pct": float(percent), "reset_time_duration": 60 * regain}
        throttle = {
            "app_id_util_pct": 1,
            "acc_id_util_pct": percent,
            "ads_api_access_tier": "standard_access",
        }
        headers: dict[str, Row] = {
            "x-business-use-case-usage": {self.own.id: [usage]},
            "x-app-usage": used,
            "x-ad-account-usage": {**account, "ads_api_access_tier": "standard_access"},
            "x-fb-ads-insights-throttle": {**throttle, "ads_api_access_tier": "standard_access"},
        }
        return {name: orjson.dumps(value).decode() for name, value in headers.items()}

    def _refuse_too_large(self, parameters: dict[str, str], rows: int) -> None:
        rule = self.sandbox.faults.get("facebook_reduce")
        limit = parameters.get("limit", "0")
        if rule is None or not self._is_too_large(rule, int(limit) if limit.isdigit() else 0, rows):
            return
        if rule["as"] == "timeout":
            message = "(#100) Your request timed out. Try a smaller date range or use an asynchronous report."
            raise problem(400, 100, message, subcode=1504018)
        message = "Please reduce the amount of data you're asking for, then retry your request"
        raise problem(500, 1, message, subcode=99)

    @staticmethod
    def _is_too_large(rule: dict[str, Any], limit: int, rows: int) -> bool:
        return (rule["limit"] is not None and limit > rule["limit"]) or (
            rule["rows"] is not None and rows > rule["rows"]
        )

    # -- accounts and their objects ---------------------------------------------------------------------

    def _accounts(self) -> list[Account]:
        more: tuple[Account, ...] = ()
        if self.sandbox.faults.get("facebook_accounts") is not None:
            more = self._extra_accounts().accounts[Network.FACEBOOK]
        return [*(self.owns if self.access("assigned") else self.owns[1:]), *more]

    def _extra_accounts(self) -> ExtraAccounts:
        sandbox = self.sandbox
        return sandbox.lasting("extra accounts", lambda: ExtraAccounts(sandbox.company, sandbox.world.seed))

    def _objects(self, account: Account) -> Objects:
        among = self.sandbox.company.placements if account in self.owns else self._extra_accounts().placements
        status = self.access("account_status") if account is self.own else 1
        placements = [p for p in among if p.account.id == account.id]
        pages = Pages(self._page_of_forms(), self._pages("ad_sets"), self._pages("creatives"))
        return Objects(self.sandbox.company, account, placements, self.sandbox.now, status, pages)

    def rows(self, account: Account, edge: str) -> list[Row]:
        """Every object of an account's edge, with all its fields."""
        key = f"facebook-{account.id}-{edge}-{self.sandbox.faults.get('facebook_pages')}"
        return self.sandbox.cached(key, lambda: self._objects(account).rows(edge))

    def _account(self, node: str) -> Account:
        """The account of an `act_` id.

        Raises:
            ApiError: 400; it does not exist or may not be read.
        """
        self._require_ads()
        for account in self._accounts():
            if node == f"act_{account.id}":
                return account
        raise no_such_object(node)

    def _find(self, node: str) -> tuple[Account, str, Row]:
        """The object with that id: its account, edge and row."""
        self._require_ads()
        for account in self._accounts():
            for edge in fields.OBJECTS:
                for row in self.rows(account, edge):
                    if row["id"] == node:
                        return account, edge, row
        raise no_such_object(node)

    def _select(self, row: Row, parameters: dict[str, str], known: set[str]) -> Row:
        def read(node: str) -> Row | None:
            return self._find(node)[2]

        return select(row, parameters, known, dict.fromkeys(("creative", "campaign", "adset"), read))

    async def accounts(self, request: Request, parameters: dict[str, str]) -> Row:
        """Ad accounts of the token's user."""
        self._require_ads()
        default = {**parameters, "fields": parameters.get("fields") or "account_id"}
        rows = [self._objects(account).account_row() for account in self._accounts()]
        shaped = [self._select(row, default, fields.ACCOUNT) for row in rows]
        return page(request, parameters, shaped, 100, self.sandbox.faults)

    async def edge(self, request: Request, parameters: dict[str, str]) -> Row:
        """One listing; archived and deleted objects only where asked for."""
        node, edge = request.path_params["node"], request.path_params["edge"]
        if edge == "leadgen_forms":
            return self._lead_forms(request, node, parameters)
        if edge == "leads":
            return self._leads_of(request, node, parameters)
        if edge == "promote_pages" and node.startswith("act_"):
            return self._promoted_pages(request, node, parameters)
        if node.startswith("act_"):
            rows = self.rows(self._account(node), edge) if edge in fields.OBJECTS else []
        else:
            account, parent, _ = self._find(node)
            rows = self.rows(account, edge) if edge in fields.OBJECTS else []
            own = {"campaigns": "campaign_id", "adsets": "adset_id"}.get(parent, "")
            rows = [row for row in rows if row.get(own) == node]
        if edge not in fields.OBJECTS:
            raise problem(400, 2500, f"Unknown path components: /{edge}")
        self._refuse_too_large(parameters, 0)
        rows = _filtered(rows, parameters) if edge != "adcreatives" else rows
        if edge == "adcreatives":
            self._refuse_gone_posts(parameters, rows)
        shaped = [self._select(row, parameters, fields.OBJECTS[edge]) for row in rows]
        caps = self.sandbox.caps
        cap = caps.facebook_campaigns if edge == "campaigns" else caps.facebook_objects
        return page(request, parameters, shaped, cap, self.sandbox.faults)

    def _refuse_gone_posts(self, parameters: dict[str, str], rows: list[Row]) -> None:
        """Refuse creatives whose post was deleted, if fields are asked that come from the post."""
        number = self.sandbox.faults.value("facebook_post_gone", "creatives", 0)
        gone = {row["id"] for row in self.rows(self.own, "adcreatives")[:number]}
        asked = parameters.get("fields", "")
        if any(name in asked for name in ("story", "asset_feed_spec")) and gone & {row["id"] for row in rows}:
            raise problem(
                400,
                100,
                "Invalid parameter",
                subcode=2446289,
                error_user_title="This Ad's Post Is Not Available",
                error_user_msg="The post associated with your ad is not available. It may have been deleted.",
            )

    async def node(self, request: Request, parameters: dict[str, str]) -> Row:
        """One object, account, report, page or form, by id."""
        return self._node(request, request.path_params["node"], parameters)

    def _node(self, request: Request, node: str, parameters: dict[str, str]) -> Row:
        now = self.sandbox.now
        if node in self.runs:
            run = self.runs.get(node, now)
            account, report = self._report(run.node, run.parameters)
            state = self.runs.state(run, request.path_params["version"], now)
            dates = {"date_start": str(report.since), "date_stop": str(report.until)}
            return {**state, "account_id": account.id, **dates}
        if node.startswith("act_"):
            return self._select(self._objects(self._account(node)).account_row(), parameters, fields.ACCOUNT)
        if node in self._page_ids():
            return self._select(self._page_row(node), parameters, fields.PAGE)
        for row in self.leads().form_rows():
            if row["id"] == node:
                self._require_leads()
                return self._select(row, parameters, fields.LEAD_FORM)
        _, edge, row = self._find(node)
        if edge == "adcreatives":
            self._refuse_gone_posts(parameters, [row])
        return self._select(row, parameters, fields.OBJECTS[edge])

    async def several(self, request: Request, parameters: dict[str, str]) -> Row:
        """Objects by `ids`, as a map."""
        ids = listed(parameters, "ids")
        if not ids:
            raise problem(400, 2500, "Unknown path components: /")
        return {node: self._node(request, node, parameters) for node in ids}

    # -- insights ---------------------------------------------------------------------------------------

    def _report(self, node: str, parameters: dict[str, str]) -> tuple[Account, Report]:
        if node.startswith("act_"):
            account, level = self._account(node), "account"
        else:
            account, edge, _ = self._find(node)
            level = dict(_LEVELS).get(edge, "account")
        objects = self._objects(account)
        months = self.sandbox.faults.value(
            "facebook_retention", "months", CATALOGUE["facebook_retention"]["months"]
        )
        today = objects.now.astimezone(objects.zone).date()
        hide = self.sandbox.faults.get("facebook_archived_hidden") is not None
        oldest = months_before(today, months)
        return account, Report.parse(objects, node, level, parameters, oldest, hide_archived=hide)

    async def insights(self, request: Request, parameters: dict[str, str]) -> Row:
        """Figures of the account, a campaign, an ad set or an ad; or the rows of a finished report."""
        node = request.path_params["node"]
        asynchronous = node in self.runs
        if asynchronous:
            run = self.runs.get(node, self.sandbox.now)
            self.runs.read(run)
            node, parameters = run.node, {**run.parameters, **parameters}
        rows = self.insight_rows(node, parameters)
        self._refuse_too_large(parameters, 0 if asynchronous else len(rows))
        return page(request, parameters, rows, self.sandbox.caps.facebook_insights, self.sandbox.faults)

    def insight_rows(self, node: str, parameters: dict[str, str]) -> list[Row]:
        """All rows of a request for insights."""
        account, report = self._report(node, parameters)
        late = self.sandbox.faults.get("facebook_late_actions")
        own = {n: v for n, v in parameters.items() if n not in ("after", "limit", "access_token")}
        key = f"facebook-rows-{node}-{sorted(own.items())}-{report.hide_archived}-{late}"
        return self.sandbox.cached(key, lambda: report.rows(self._daily(account)))

    async def start_report(self, request: Request, parameters: dict[str, str]) -> Row:
        """Start an asynchronous report."""
        node = request.path_params["node"]
        account, _ = self._report(node, parameters)
        kept = {name: value for name, value in parameters.items() if name != "access_token"}
        rule = self.sandbox.faults.get("facebook_reduce")
        too_large = (
            rule is not None
            and rule["async"]
            and self._is_too_large(rule, 0, len(self.insight_rows(node, parameters)))
        )
        run = self.runs.start(account.id, node, kept, self.sandbox.now, too_large=too_large)
        return {"report_run_id": run.id}

    def _daily(self, account: Account) -> Daily:
        sandbox, own = self.sandbox, account in self.owns
        late = sandbox.faults.get("facebook_late_actions")

        def build() -> Daily:
            delivery = sandbox.world.delivery if own else self._extra_accounts().delivery
            placements = self._objects(account).placements
            days = delivery_days(delivery, placements, account.time_zone, sandbox.now - LAG)
            actions = [_delayed(credit, late) for credit in sandbox.facebook[account.id]] if own else []
            known = (action for action in actions if action.visible_at <= sandbox.now)
            return daily_figures(account, days, known)

        return sandbox.cached(f"facebook-figures-{account.id}-{late}", build)

    # -- the page's leads -------------------------------------------------------------------------------

    def leads(self) -> Leads:
        """The page's forms and what was sent in them."""
        sandbox = self.sandbox
        organic, test = (sandbox.faults.value("facebook_leads", name, 0) for name in ("organic", "test"))

        def build() -> Leads:
            sent = sandbox.world.of_kind(LeadAdSubmission)
            own = [one for one in sent if one.placement.network is Network.FACEBOOK]
            people = sandbox.portal.people
            pages = self._page_of_forms()
            return Leads(sandbox.company, people, own, sandbox.now, pages=pages, organic=organic, test=test)

        return sandbox.cached(f"facebook-leads-{organic}-{test}-{self._pages('second')}", build)

    def _page_row(self, page: str) -> Row:
        """https://developers.facebook.com/docs/pages/access-tokens: no token without pages_show_list."""
        shown = "pages_show_list" in self.access("permissions") and page not in self._pages("refused")
        return {
            "id": page,
            "name": "Nordlicht" if page == PAGE_ID else "Nordlicht Labs",
            "access_token": PAGE_TOKENS[page] if shown else None,
            "category": "Software",
            "tasks": ["ADVERTISE", "ANALYZE", "MANAGE_LEADS"],
        }

    async def pages(self, request: Request, parameters: dict[str, str]) -> Row:
        """Pages of the token's user, each with a token of its own."""
        listed = self._page_ids() if "pages_show_list" in self.access("permissions") else []
        rows = [self._page_row(each) for each in listed if each not in self._pages("refused")]
        default = {**parameters, "fields": parameters.get("fields") or "access_token,name,category,tasks"}
        shaped = [self._select(row, default, fields.PAGE) for row in rows]
        return page(request, parameters, shaped, 100, self.sandbox.faults)

    def _promoted_pages(self, request: Request, node: str, parameters: dict[str, str]) -> Row:
        """Pages whose ads the account ran.

        https://developers.facebook.com/docs/marketing-api/reference/ad-account/promote_pages: it needs
        pages_show_list and pages_manage_ads. An account without pages of its own business has an empty list.
        """
        account = self._account(node)
        missing = {"pages_show_list", "pages_manage_ads"} - set(self.access("permissions"))
        if missing:
            raise problem(403, 200, f"(#200) Requires {sorted(missing)[0]} permission to manage the object")
        listed = self._page_ids() if self._pages("promoted") and account in self.owns else []
        shaped = [self._select(self._page_row(each), parameters, fields.PAGE) for each in listed]
        return page(request, parameters, shaped, 100, self.sandbox.faults)

    def _lead_forms(self, request: Request, node: str, parameters: dict[str, str]) -> Row:
        if node not in self._page_ids():
            raise no_such_object(node)
        if (parameters.get("access_token") or bearer(request)) != PAGE_TOKENS[node]:
            message = "This method must be called with a Page Access Token"
            raise problem(400, 190, message, subcode=2069032)
        self._require_leads()
        default = {**parameters, "fields": parameters.get("fields") or "id,name,status,locale"}
        shaped = [self._select(row, default, fields.LEAD_FORM) for row in self.leads().form_rows(node)]
        return page(request, parameters, shaped, self.sandbox.caps.facebook_objects, self.sandbox.faults)

    def _leads_of(self, request: Request, node: str, parameters: dict[str, str]) -> Row:
        self._require_leads()
        leads = self.leads()
        if node not in leads.forms:
            self._find(node)
            if not self._pages("by_ad"):
                raise problem(403, 200, "(#200) The user hasn't access to the leads of this Page")
        days = self.sandbox.faults.value("facebook_leads", "days", CATALOGUE["facebook_leads"]["days"])
        rows = leads.rows(node, days)
        for name, operator, value in filters(parameters):
            if name == "time_created":
                rows = [row for row in rows if meets(_epoch(row["created_time"]), operator, value)]
        default = {**parameters, "fields": parameters.get("fields") or "id,created_time,field_data"}
        shaped = [self._select(row, default, fields.LEAD) for row in rows]
        return page(request, parameters, shaped, self.sandbox.caps.facebook_insights, self.sandbox.faults)


def _delayed(credit: ActionCredit, rule: dict[str, Any] | None) -> ActionCredit:
    """The credit, later where the switch has the site's server send it late."""
    key = f"late{credit.placement.key}{credit.visible_at}"
    if rule is None or share_of(key) >= rule["share"]:
        return credit
    lag = spread(f"{key}lag", timedelta(hours=6), timedelta(days=rule["days"]))
    return replace(credit, visible_at=credit.visible_at + lag)


def _filtered(rows: list[Row], parameters: dict[str, str]) -> list[Row]:
    """The objects asked for; without a status asked for, no archived and no deleted ones.

    Raises:
        ApiError: 400; deleted ones are found by `filtering` alone.
    """
    allowed = listed(parameters, "effective_status")
    if "DELETED" in allowed:
        message = "Requesting for deleted objects is not supported in this endpoint."
        raise problem(400, 100, "Invalid parameter", subcode=1815001, error_user_msg=message)
    for name, operator, value in filters(parameters):
        column = _PARENTS.get(name, name.split(".")[-1])
        if column == "effective_status" and operator == "IN":
            allowed = [str(one) for one in value]
        elif column.endswith("_time"):
            rows = [row for row in rows if meets(_epoch(row.get(column)), operator, value)]
        else:
            rows = [row for row in rows if meets(row.get(column, row["id"]), operator, value)]
    statuses = set(allowed) or {row["effective_status"] for row in rows} - {"ARCHIVED", "DELETED"}
    return [row for row in rows if row["effective_status"] in statuses]


def _epoch(text: str | None) -> int:
    return int(datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z").timestamp()) if text else 0


Handler = Callable[[Request, dict[str, str]], Awaitable[Any]]


async def _batch(app: Starlette, request: Request, parameters: dict[str, str]) -> Response:
    """Several requests in one: an array of status, headers and the body as text.

    https://developers.facebook.com/docs/graph-api/batch-requests
    """
    calls = from_json("batch", parameters["batch"])
    if not isinstance(calls, list) or len(calls) > MOST_BATCHED:
        raise problem(400, 100, f"Too many requests in batch message. Maximum batch size is {MOST_BATCHED}.")
    answers = [await _call(app, request, parameters, call) for call in calls]
    with_headers = parameters.get("include_headers", "true") != "false"
    return Json([a if with_headers else {k: v for k, v in a.items() if k != "headers"} for a in answers])


async def _call(app: Starlette, request: Request, parameters: dict[str, str], call: Row) -> Row:
    path, _, query = str(call["relative_url"]).lstrip("/").partition("?")
    version = request.path_params["version"]
    path = path if path.split("/")[0] in VERSIONS else f"{version}/{path}"
    shared = {n: parameters[n] for n in ("access_token", "appsecret_proof") if n in parameters}
    if "access_token=" in query:
        shared = {}
    raw = "&".join(part for part in (query, urlencode(shared)) if part)
    body, sent = str(call.get("body", "")).encode(), False
    scope = {
        **request.scope,
        "method": str(call.get("method", "GET")).upper(),
        "path": f"{request.scope.get('root_path', '')}/{path}",
        "raw_path": None,
        "query_string": raw.encode(),
    }
    start: Message = {}
    parts: list[bytes] = []

    async def receive() -> Message:
        nonlocal sent
        if sent:
            return {"type": "http.disconnect"}
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def keep(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        else:
            parts.append(message.get("body", b""))

    await app(scope, receive, keep)
    headers = [{"name": name.decode(), "value": value.decode()} for name, value in start["headers"]]
    return {"code": start["status"], "headers": headers, "body": b"".join(parts).decode()}


def build_app(sandbox: Sandbox) -> Starlette:
    """The Graph interface as an ASGI application, to be mounted under any prefix."""
    api = FacebookApi(sandbox)

    def guarded(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            parameters = await read_parameters(request)
            api.check(request, parameters)
            version = {"facebook-api-version": request.path_params["version"]}
            if "batch" in parameters and request.method == "POST":
                return await _batch(app, request, parameters)
            used = api.usage(request.url.path.rstrip("/"))
            return Json(await handler(request, parameters), headers={**used, **version})

        return answer

    async def failed(_: Request, error: Exception) -> Response:
        if not isinstance(error, ApiError):
            raise error
        return Json(error.body, status_code=error.status, headers=error.headers)

    async def missing(request: Request, _: Exception) -> Response:
        error = problem(400, 2500, f"Unknown path components: {request.url.path}")
        return Json(error.body, status_code=error.status)

    routes = []
    for slash in ("", "/"):
        get, root = partial(Route, methods=["GET"]), f"/{{version}}{slash}"
        routes += [
            Route(root, guarded(api.several), methods=["GET", "POST"]),
            get(f"/{{version}}/me/adaccounts{slash}", guarded(api.accounts)),
            get(f"/{{version}}/me/accounts{slash}", guarded(api.pages)),
            get(f"/{{version}}/me/permissions{slash}", guarded(api.permissions)),
            get(f"/{{version}}/debug_token{slash}", guarded(api.debug_token)),
            get(f"/{{version}}/{{node}}/insights{slash}", guarded(api.insights)),
            Route(f"/{{version}}/{{node}}/insights{slash}", guarded(api.start_report), methods=["POST"]),
            get(f"/{{version}}/{{node}}{slash}", guarded(api.node)),
            get(f"/{{version}}/{{node}}/{{edge}}{slash}", guarded(api.edge)),
        ]
    app = Starlette(routes=routes, exception_handlers={ApiError: failed, 404: missing})
    return app
