"""Meta's Graph and Marketing HTTP interface: ad objects, insights, asynchronous reports.

https://developers.facebook.com/docs/marketing-apis
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, quote, urlencode
from zoneinfo import ZoneInfo

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.apis.faults import CATALOGUE
from sandbox.apis.state import ApiError, Json, Sandbox, base_url, bearer
from sandbox.counting.common import delivery_days
from sandbox.counting.facebook import ACTION_TYPES, LAG
from sandbox.world.company import PER_EURO, AdGroup, Campaign, Network, Placement, guid
from sandbox.world.landing import tracking_parameters

VERSIONS = tuple(f"v{number}.0" for number in range(21, 27))
DEFAULT_LIMIT = 25
RETENTION_MONTHS = 37
WINDOWS = ("1d_click", "7d_click", "28d_click", "1d_view", "1d_ev")
PAGE_ID = "104477120093311"
#: What the app asks its users for
REQUESTED = (
    "ads_read",
    "business_management",
    "leads_retrieval",
    "pages_show_list",
    "pages_read_engagement",
    "pages_manage_ads",
)

_ACCOUNT_FIELDS = {
    "id",
    "account_id",
    "name",
    "currency",
    "timezone_name",
    "timezone_offset_hours_utc",
    "account_status",
    "business_name",
}
_OBJECT_FIELDS = {
    "campaigns": {
        "id",
        "account_id",
        "name",
        "objective",
        "status",
        "effective_status",
        "buying_type",
        "created_time",
        "updated_time",
        "start_time",
    },
    "adsets": {
        "id",
        "account_id",
        "campaign_id",
        "name",
        "status",
        "effective_status",
        "attribution_spec",
        "optimization_goal",
        "billing_event",
        "created_time",
        "updated_time",
        "start_time",
    },
    "ads": {
        "id",
        "account_id",
        "campaign_id",
        "adset_id",
        "name",
        "status",
        "effective_status",
        "creative",
        "created_time",
        "updated_time",
    },
    "adcreatives": {
        "id",
        "account_id",
        "name",
        "status",
        "url_tags",
        "object_story_spec",
        "asset_feed_spec",
        "effective_object_story_id",
    },
}
_KEY_FIELDS = {
    "account": ("account_id",),
    "campaign": ("account_id", "campaign_id"),
    "adset": ("account_id", "campaign_id", "adset_id"),
    "ad": ("account_id", "campaign_id", "adset_id", "ad_id"),
}
_INSIGHT_FIELDS = {
    "account_id",
    "account_name",
    "account_currency",
    "campaign_id",
    "campaign_name",
    "adset_id",
    "adset_name",
    "ad_id",
    "ad_name",
    "objective",
    "impressions",
    "clicks",
    "inline_link_clicks",
    "spend",
    "reach",
    "frequency",
    "ctr",
    "cpc",
    "cpm",
    "actions",
    "action_values",
    "cost_per_action_type",
    "attribution_setting",
    "date_start",
    "date_stop",
}
_DEFAULT_INSIGHT_FIELDS = {"impressions", "spend", "date_start", "date_stop"}

Row = dict[str, Any]


def problem(
    status: int, code: int, message: str, kind: str = "OAuthException", subcode: int | None = None
) -> ApiError:
    """An error in Meta's body."""
    error: dict[str, Any] = {"message": message, "type": kind, "code": code}
    if subcode is not None:
        error["error_subcode"] = subcode
    error["fbtrace_id"] = guid("fbtrace", code, message).replace("-", "")[:16]
    return ApiError(status, {"error": error})


def _cursor(offset: int) -> str:
    return base64.b64encode(str(offset).encode()).decode().replace("=", "ZD")


def _offset(text: str) -> int:
    try:
        return int(base64.b64decode(text.replace("ZD", "="), validate=True))
    except (binascii.Error, ValueError) as error:
        raise problem(400, 100, "(#100) Invalid cursor for pagination") from error


def _listed(parameters: dict[str, str], name: str) -> list[str]:
    """A list parameter: JSON text or a comma list."""
    text = parameters.get(name, "").strip()
    if text.startswith("["):
        return [str(value) for value in _json(name, text)]
    return [part.strip() for part in text.split(",") if part.strip()]


def _json(name: str, text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise problem(400, 100, f"(#100) Param {name} must be valid JSON") from error


async def _parameters(request: Request) -> dict[str, str]:
    parameters = dict(request.query_params)
    if request.method == "POST":
        form = parse_qs((await request.body()).decode(), keep_blank_values=True)
        parameters |= {name: values[0] for name, values in form.items()}
    return parameters


class FacebookApi:
    """The ad account's endpoints."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.account = sandbox.company.accounts[Network.FACEBOOK]
        self.placements = [p for p in sandbox.company.placements if p.network is Network.FACEBOOK]
        self.zone = ZoneInfo(self.account.time_zone)
        self.reports: dict[str, tuple[str, dict[str, str]]] = {}

    def access(self, name: str) -> Any:
        """What the token may read and for how long, the account's status, how much of the limit is used."""
        return self.sandbox.faults.value("facebook_access", name, CATALOGUE["facebook_access"][name])

    def _end(self, name: str) -> datetime | None:
        seconds = self.access(name)
        return None if seconds is None else self.sandbox.now + timedelta(seconds=seconds)

    # -- access -----------------------------------------------------------------------------------------

    def check(self, request: Request, parameters: dict[str, str]) -> None:
        """Refuse unknown versions and tokens; verify appsecret_proof where one is sent."""
        if request.path_params["version"] not in VERSIONS:
            raise problem(400, 2635, "(#2635) You are calling a deprecated version of the Ads API.")
        token = parameters.get("access_token") or bearer(request)
        if token is None:
            raise problem(
                400, 2500, "An active access token must be used to query information about the current user."
            )
        if token != self.sandbox.credentials.facebook_token:
            raise problem(400, 190, "Invalid OAuth access token - Cannot parse access token")
        expires = self._end("expires_in")
        if expires is not None and expires <= self.sandbox.now:
            when = f"{expires:%A, %d-%b-%y %H:%M:%S} UTC"
            message = f"Error validating access token: Session has expired on {when}."
            raise problem(401, 190, message, subcode=463)
        proof = parameters.get("appsecret_proof")
        expected = hmac.new(b"sandbox-facebook-secret", token.encode(), hashlib.sha256).hexdigest()
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

    # -- paging -----------------------------------------------------------------------------------------

    def _page(self, request: Request, parameters: dict[str, str], rows: list[Row], cap: int) -> Row:
        text = parameters.get("limit", str(DEFAULT_LIMIT))
        if not text.isdigit() or int(text) == 0:
            raise problem(400, 100, "(#100) Param limit must be a positive integer")
        limit = min(int(text), cap)
        start = _offset(parameters["after"]) if parameters.get("after") else 0
        page = rows[start : start + limit]
        body: Row = {"data": page}
        if page:
            end = start + len(page)
            body["paging"] = {"cursors": {"before": _cursor(start), "after": _cursor(end)}}
            if end < len(rows):
                kept = {name: value for name, value in parameters.items() if name != "after"}
                path = request.url.path.removeprefix(request.scope.get("root_path", ""))
                query = urlencode({**kept, "after": _cursor(end)}, quote_via=quote)
                body["paging"]["next"] = f"{base_url(request)}{path}?{query}"
        return body

    # -- objects ----------------------------------------------------------------------------------------

    def _select(self, row: Row, parameters: dict[str, str], known: set[str]) -> Row:
        wanted = [name.partition("{")[0] for name in _listed(parameters, "fields")]
        for name in wanted:
            if name not in known:
                raise problem(
                    400, 100, f"(#100) Tried accessing nonexisting field ({name}) on node type (AdObject)"
                )
        names = [*wanted, *(() if "id" in wanted else ("id",))]
        return {name: row[name] for name in names if row.get(name) is not None}

    def _account_row(self) -> Row:
        account = self.account
        offset = self.sandbox.now.astimezone(self.zone).utcoffset() or timedelta()
        return {
            "id": f"act_{account.id}",
            "account_id": account.id,
            "name": account.name,
            "currency": account.currency,
            "timezone_name": account.time_zone,
            "timezone_offset_hours_utc": offset // timedelta(hours=1),
            "account_status": self.access("account_status"),
            "business_name": "Nordlicht",
        }

    async def accounts(self, request: Request, parameters: dict[str, str]) -> Row:
        """Ad accounts of the token's user."""
        self._require_ads()
        rows = [self._account_row()] if self.access("assigned") else []
        default = {**parameters, "fields": parameters.get("fields") or "account_id"}
        shaped = [self._select(row, default, _ACCOUNT_FIELDS) for row in rows]
        return self._page(request, parameters, shaped, 100)

    def _require_account(self, request: Request) -> None:
        node = request.path_params["node"]
        self._require_ads()
        if node != f"act_{self.account.id}" or not self.access("assigned"):
            raise problem(
                400,
                100,
                f"Unsupported get request. Object with ID '{node}' does not exist, cannot be loaded due to "
                "missing permissions, or does not support this operation.",
                "GraphMethodException",
                33,
            )

    def _rows(self, edge: str) -> list[Row]:
        build = {
            "campaigns": self._campaign_rows,
            "adsets": self._adset_rows,
            "ads": self._ad_rows,
            "adcreatives": self._creative_rows,
        }[edge]
        return self.sandbox.cached(f"facebook-{edge}", build)

    def _when(self, at: datetime) -> str:
        return at.astimezone(self.zone).strftime("%Y-%m-%dT%H:%M:%S%z")

    def _campaign_status(self, campaign: Campaign) -> str:
        return "ARCHIVED" if campaign.status == "ARCHIVED" and campaign.ends <= self.sandbox.now else "ACTIVE"

    def _is_deleted(self, placement: Placement) -> bool:
        ad = placement.ad
        return ad is not None and ad.deleted_at is not None and ad.deleted_at <= self.sandbox.now

    def _times(self, campaign: Campaign, changed: datetime | None = None) -> Row:
        archived = self._campaign_status(campaign) == "ARCHIVED"
        updated = max(changed or campaign.starts, campaign.ends if archived else campaign.starts)
        return {"created_time": self._when(campaign.starts), "updated_time": self._when(updated)}

    def _campaign_rows(self) -> list[Row]:
        return [
            {
                "id": campaign.id,
                "account_id": self.account.id,
                "name": campaign.name,
                "objective": campaign.kind,
                "status": self._campaign_status(campaign),
                "effective_status": self._campaign_status(campaign),
                "buying_type": "AUCTION",
                "start_time": self._when(campaign.starts),
                **self._times(campaign),
            }
            for campaign in self.account.campaigns
        ]

    def _adset_rows(self) -> list[Row]:
        return [
            {
                "id": group.id,
                "account_id": self.account.id,
                "campaign_id": campaign.id,
                "name": group.name,
                "status": "ACTIVE",
                "effective_status": _under(self._campaign_status(campaign)),
                "attribution_spec": _attribution_spec(group),
                "optimization_goal": "OFFSITE_CONVERSIONS",
                "billing_event": "IMPRESSIONS",
                "start_time": self._when(campaign.starts),
                **self._times(campaign),
            }
            for campaign in self.account.campaigns
            for group in campaign.groups
        ]

    def _ad_rows(self) -> list[Row]:
        rows = []
        for placement in self.placements:
            campaign, group, ad = placement.campaign, placement.group, placement.ad
            if group is None or ad is None:
                continue
            gone = self._is_deleted(placement)
            status = "DELETED" if gone else "ACTIVE"
            rows.append(
                {
                    "id": ad.id,
                    "account_id": self.account.id,
                    "campaign_id": campaign.id,
                    "adset_id": group.id,
                    "name": ad.name,
                    "status": status,
                    "effective_status": status if gone else _under(self._campaign_status(campaign)),
                    "creative": {"id": _creative_id(ad.id)},
                    **self._times(campaign, ad.deleted_at if gone else None),
                }
            )
        return rows

    def _creative_rows(self) -> list[Row]:
        rows = []
        for placement in self.placements:
            ad = placement.ad
            if ad is None:
                continue
            link = self.sandbox.company.pages[ad.landing].url
            action: Row = {"type": "LEARN_MORE", "value": {"link": link}}
            if ad.lead_form is not None:
                link = "https://fb.me/"
                action = {"type": "SIGN_UP", "value": {"link": link, "lead_gen_form_id": ad.lead_form.id}}
            rows.append(
                {
                    "id": _creative_id(ad.id),
                    "account_id": self.account.id,
                    "name": ad.name,
                    "status": "ACTIVE",
                    "url_tags": _url_tags(placement),
                    "object_story_spec": _story(ad.name, link, action),
                    "effective_object_story_id": f"{PAGE_ID}_{ad.id}",
                }
            )
        return rows

    async def edge(self, request: Request, parameters: dict[str, str]) -> Row:
        """One listing of the account; archived and deleted objects only where asked for."""
        self._require_account(request)
        edge = request.path_params["edge"]
        if edge not in _OBJECT_FIELDS:
            raise problem(400, 2500, f"Unknown path components: /{edge}")
        rows = self._rows(edge)
        allowed = _listed(parameters, "effective_status")
        for rule in _json("filtering", parameters.get("filtering", "[]")):
            name = str(rule["field"]).split(".")[-1]
            if name == "effective_status" and rule["operator"] == "IN":
                allowed = [str(value) for value in rule["value"]]
            elif name == "updated_time" and rule["operator"] == "GREATER_THAN":
                rows = [row for row in rows if _epoch(row.get("updated_time")) > int(rule["value"])]
        if edge != "adcreatives":
            statuses = set(allowed) or {row["effective_status"] for row in rows} - {"ARCHIVED", "DELETED"}
            rows = [row for row in rows if row["effective_status"] in statuses]
        shaped = [self._select(row, parameters, _OBJECT_FIELDS[edge]) for row in rows]
        caps = self.sandbox.caps
        cap = caps.facebook_campaigns if edge == "campaigns" else caps.facebook_objects
        return self._page(request, parameters, shaped, cap)

    async def node(self, request: Request, parameters: dict[str, str]) -> Row:
        """One object, the account or a report run, by id."""
        node = request.path_params["node"]
        if node in self.reports:
            return self._report_state(node)
        if node == f"act_{self.account.id}":
            self._require_account(request)
            return self._select(self._account_row(), parameters, _ACCOUNT_FIELDS)
        for edge, known in _OBJECT_FIELDS.items():
            for row in self._rows(edge):
                if row["id"] == node:
                    return self._select(row, parameters, known)
        self._require_account(request)
        return {}

    # -- insights ---------------------------------------------------------------------------------------

    async def insights(self, request: Request, parameters: dict[str, str]) -> Row:
        """Figures of the account, a campaign, an ad set or an ad; or the rows of a finished report."""
        node = request.path_params["node"]
        if node in self.reports:
            node, kept = self.reports[node]
            parameters = {**kept, **parameters}
        rows = self._insight_rows(request, node, parameters)
        return self._page(request, parameters, rows, self.sandbox.caps.facebook_insights)

    async def start_report(self, request: Request, parameters: dict[str, str]) -> Row:
        """Start an asynchronous report."""
        node = request.path_params["node"]
        self._insight_rows(request, node, parameters)
        run = str(602_392_014_900_000 + len(self.reports) + 1)
        self.reports[run] = (node, parameters)
        return {"report_run_id": run}

    def _report_state(self, run: str) -> Row:
        parameters = self.reports[run][1]
        since, until = self._range(parameters)
        at = int(self.sandbox.now.timestamp())
        return {
            "id": run,
            "account_id": self.account.id,
            "time_ref": at,
            "time_completed": at,
            "async_status": "Job Completed",
            "async_percent_completion": 100,
            "date_start": since.isoformat(),
            "date_stop": until.isoformat(),
            "is_running": False,
        }

    def _range(self, parameters: dict[str, str]) -> tuple[date, date]:
        today = self.sandbox.now.astimezone(self.zone).date()
        if "time_range" not in parameters:
            if parameters.get("date_preset", "last_30d") == "maximum":
                return today - timedelta(days=RETENTION_MONTHS * 30), today
            return today - timedelta(days=30), today - timedelta(days=1)
        span = _json("time_range", parameters["time_range"])
        try:
            since, until = date.fromisoformat(span["since"]), date.fromisoformat(span["until"])
        except (KeyError, TypeError, ValueError) as error:
            raise problem(400, 100, "(#100) Must specify a valid time_range with since and until") from error
        if since > until:
            raise problem(400, 100, "(#100) since must be before or equal to until")
        if since < today - timedelta(days=RETENTION_MONTHS * 31):
            raise problem(
                400,
                3018,
                "(#3018) The start date of the time range cannot be beyond 37 months from the current date",
            )
        return since, until

    def _figures(self) -> dict[tuple[Placement, date], dict[str, Any]]:
        """Delivery and actions per placement and day, as known now."""

        def build() -> dict[tuple[Placement, date], dict[str, Any]]:
            rate = PER_EURO[self.account.currency]
            figures: dict[tuple[Placement, date], dict[str, Any]] = defaultdict(_no_figures)
            until = self.sandbox.now - LAG
            for day in delivery_days(
                self.sandbox.world.delivery, self.placements, self.account.time_zone, until
            ):
                held = figures[(day.placement, day.day)]
                cents = (Decimal(day.cost_micros) * rate / 1_000_000).quantize(Decimal("0.01"))
                held |= {"impressions": day.impressions, "clicks": day.clicks, "spend": cents}
                if day.clicks:
                    held["actions"]["link_click"].update(dict.fromkeys(("value", *WINDOWS[:3]), day.clicks))
            for credit in self.sandbox.facebook:
                if credit.visible_at > self.sandbox.now:
                    continue
                held = figures[(credit.placement, credit.day)]
                for name in ACTION_TYPES[credit.family]:
                    for window in credit.windows:
                        held["actions"][name][window] += 1
                        if credit.amount:
                            held["values"][name][window] += credit.amount
            return figures

        return self.sandbox.cached("facebook-figures", build)

    def _insight_rows(self, request: Request, node: str, parameters: dict[str, str]) -> list[Row]:
        fields = set(_listed(parameters, "fields")) or _DEFAULT_INSIGHT_FIELDS
        for name in sorted(fields - _INSIGHT_FIELDS):
            raise problem(400, 100, f"(#100) {name} is not valid for fields param.")
        own_level = self._level_of(request, node)
        level = parameters.get("level", own_level)
        if level not in _KEY_FIELDS:
            raise problem(400, 100, f"(#100) level must be one of {', '.join(_KEY_FIELDS)}")
        if parameters.get("breakdowns", "[]") not in ("", "[]"):
            raise problem(400, 100, "(#100) The sandbox serves no breakdowns")
        since, until = self._range(parameters)
        step = parameters.get("time_increment", "all_days")
        windows = [w for w in _listed(parameters, "action_attribution_windows") if w in WINDOWS]
        groups: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
        sample: dict[tuple[Any, ...], Placement] = {}
        bounds: dict[tuple[Any, ...], tuple[date, date]] = {}
        for (placement, day), figures in self._figures().items():
            if not since <= day <= until or not _belongs(placement, node, own_level):
                continue
            # a deleted ad stays in its parents' figures and has no row of its own
            if level == "ad" and self._is_deleted(placement):
                continue
            span = _span(day, since, until, step)
            key = (*(_entity(placement, level)), *span)
            groups[key].append(figures)
            sample.setdefault(key, placement)
            bounds[key] = span
        rows = []
        for key in sorted(groups):
            figures = _merged(groups[key])
            if figures["impressions"] or figures["actions"]:
                rows.append(self._insight(sample[key], level, bounds[key], figures, fields, windows))
        return rows

    def _level_of(self, request: Request, node: str) -> str:
        if node == f"act_{self.account.id}":
            return "account"
        for edge, level in (("campaigns", "campaign"), ("adsets", "adset"), ("ads", "ad")):
            if any(row["id"] == node for row in self._rows(edge)):
                return level
        self._require_account(request)
        return "account"

    def _insight(
        self,
        placement: Placement,
        level: str,
        span: tuple[date, date],
        figures: dict[str, Any],
        fields: set[str],
        windows: list[str],
    ) -> Row:
        group, ad = placement.group, placement.ad
        impressions, clicks, spend = figures["impressions"], figures["clicks"], figures["spend"]
        row: Row = {"account_id": self.account.id, "account_name": self.account.name}
        if level != "account":
            row |= {"campaign_id": placement.campaign.id, "campaign_name": placement.campaign.name}
            row["objective"] = placement.campaign.kind
        if level in ("adset", "ad") and group is not None:
            row |= {"adset_id": group.id, "adset_name": group.name}
        if level == "ad" and ad is not None:
            row |= {"ad_id": ad.id, "ad_name": ad.name}
        row["account_currency"] = self.account.currency
        row |= {"impressions": str(impressions), "clicks": str(clicks), "inline_link_clicks": str(clicks)}
        row |= {"spend": str(spend), "reach": str(round(impressions * 0.85))}
        if impressions:
            row["frequency"] = f"{impressions / max(round(impressions * 0.85), 1):.6f}"
            row["ctr"] = f"{100 * clicks / impressions:.6f}"
            row["cpm"] = f"{1000 * float(spend) / impressions:.6f}"
        if clicks:
            row["cpc"] = f"{float(spend) / clicks:.6f}"
        row["actions"] = _action_list(figures["actions"], windows)
        row["action_values"] = _action_list(figures["values"], windows)
        row["attribution_setting"] = _setting(placement, level)
        row |= {"date_start": span[0].isoformat(), "date_stop": span[1].isoformat()}
        always = {"date_start", "date_stop"}
        return {
            name: value for name, value in row.items() if name in fields | always and value not in (None, [])
        }


def _no_figures() -> dict[str, Any]:
    return {
        "impressions": 0,
        "clicks": 0,
        "spend": Decimal("0.00"),
        "actions": defaultdict(lambda: defaultdict(int)),
        "values": defaultdict(lambda: defaultdict(Decimal)),
    }


def _merged(parts: list[dict[str, Any]]) -> dict[str, Any]:
    total = _no_figures()
    for part in parts:
        for name in ("impressions", "clicks", "spend"):
            total[name] += part[name]
        for kind in ("actions", "values"):
            for action, counts in part[kind].items():
                for window, amount in counts.items():
                    total[kind][action][window] += amount
    return total


def _action_list(actions: dict[str, dict[str, Any]], windows: list[str]) -> list[Row]:
    """Actions as text; a window is absent where it is zero, an action where nothing asked for is left."""
    rows = []
    for name in sorted(actions):
        counts = actions[name]
        held = {window: str(counts[window]) for window in windows if counts.get(window)}
        value = counts.get("value", 0)
        if value or held:
            rows.append({"action_type": name, "value": str(value), **held})
    return rows


def _entity(placement: Placement, level: str) -> tuple[str, ...]:
    _, campaign, group, ad = placement.key
    return {"account": (), "campaign": (campaign,), "adset": (campaign, group), "ad": (campaign, group, ad)}[
        level
    ]


def _belongs(placement: Placement, node: str, level: str) -> bool:
    _, campaign, group, ad = placement.key
    return level == "account" or {"campaign": campaign, "adset": group, "ad": ad}[level] == node


def _span(day: date, since: date, until: date, step: str) -> tuple[date, date]:
    if step == "all_days":
        return since, until
    if step == "monthly":
        last = (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        return max(since, day.replace(day=1)), min(until, last)
    if not step.isdigit() or not 1 <= int(step) <= 90:
        raise problem(400, 100, "(#100) time_increment must be all_days, monthly or a number from 1 to 90")
    first = since + timedelta(days=(day - since).days // int(step) * int(step))
    return first, min(until, first + timedelta(days=int(step) - 1))


def _attribution_spec(group: AdGroup) -> list[Row]:
    spec: list[Row] = [{"event_type": "CLICK_THROUGH", "window_days": group.click_window}]
    if group.view_window:
        spec.append({"event_type": "VIEW_THROUGH", "window_days": group.view_window})
    return spec


def _group_setting(group: AdGroup) -> str:
    return f"{group.click_window}d_click" + (f"_{group.view_window}d_view" if group.view_window else "")


def _setting(placement: Placement, level: str) -> str | None:
    groups = (
        [placement.group] if level in ("adset", "ad") and placement.group else list(placement.campaign.groups)
    )
    settings = {_group_setting(group) for group in groups}
    if level == "account":
        return "mixed"
    return settings.pop() if len(settings) == 1 else "mixed"


def _under(campaign_status: str) -> str:
    return "ACTIVE" if campaign_status == "ACTIVE" else "ARCHIVED"


def _creative_id(ad_id: str) -> str:
    return str(int(ad_id) + 50_000)


def _url_tags(placement: Placement) -> str:
    """The ad's parameters with Meta's own placeholders, as HubSpot writes them into the ad."""
    dynamic = {
        "utm_campaign": "{{campaign.name}}",
        "hsa_cam": "{{campaign.id}}",
        "hsa_grp": "{{adset.id}}",
        "hsa_ad": "{{ad.id}}",
        "hsa_src": "[SITE_SOURCE_NAME]",
    }
    tracked = placement.ad is not None and placement.ad.auto_tracked
    parameters = tracking_parameters(placement, "fb")
    return "&".join(f"{n}={dynamic.get(n, v) if tracked else quote(v)}" for n, v in parameters)


def _story(name: str, link: str, action: Row) -> Row:
    if "clip" in name.lower() or "video" in name.lower():
        return {
            "page_id": PAGE_ID,
            "video_data": {"video_id": "770011", "title": name, "call_to_action": action},
        }
    return {"page_id": PAGE_ID, "link_data": {"link": link, "name": name, "call_to_action": action}}


def _epoch(text: str | None) -> int:
    return int(datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z").timestamp()) if text else 0


def build_app(sandbox: Sandbox) -> Starlette:
    """The Graph interface as an ASGI application, to be mounted under any prefix."""
    api = FacebookApi(sandbox)
    Handler = Callable[[Request, dict[str, str]], Awaitable[Any]]

    def guarded(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            parameters = await _parameters(request)
            api.check(request, parameters)
            used = dict.fromkeys(("call_count", "total_cputime", "total_time"), api.access("used_percent"))
            usage = [{"type": "ads_insights", **used, "ads_api_access_tier": "standard_access"}]
            usage[0] |= {"estimated_time_to_regain_access": api.access("regain")}
            return Json(
                await handler(request, parameters),
                headers={
                    "x-business-use-case-usage": orjson.dumps({api.account.id: usage}).decode(),
                    "facebook-api-version": request.path_params["version"],
                },
            )

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
        routes += [
            Route(f"/{{version}}/me/adaccounts{slash}", guarded(api.accounts), methods=["GET"]),
            Route(f"/{{version}}/me/permissions{slash}", guarded(api.permissions), methods=["GET"]),
            Route(f"/{{version}}/debug_token{slash}", guarded(api.debug_token), methods=["GET"]),
            Route(f"/{{version}}/{{node}}/insights{slash}", guarded(api.insights), methods=["GET"]),
            Route(f"/{{version}}/{{node}}/insights{slash}", guarded(api.start_report), methods=["POST"]),
            Route(f"/{{version}}/{{node}}{slash}", guarded(api.node), methods=["GET"]),
            Route(f"/{{version}}/{{node}}/{{edge}}{slash}", guarded(api.edge), methods=["GET"]),
        ]
    return Starlette(routes=routes, exception_handlers={ApiError: failed, 404: missing})
