"""Meta's Marketing API at volume: objects, daily insights in pages or as a report, usage headers.

https://developers.facebook.com/docs/marketing-api/insights
"""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import orjson
from starlette.applications import Starlette

from sandbox.apis.facebook_ads.common import (
    from_json,
    listed,
    no_such_object,
    page,
    problem,
    read_parameters,
    select,
)
from sandbox.apis.facebook_ads.reports import COMPLETED
from sandbox.apis.faults import Faults
from sandbox.apis.state import Credentials, Json, bearer
from sandbox.bulk.common import Window
from sandbox.bulk.networks.accounts import AD, CAMPAIGN, CONVERSION_VALUE, GROUP, Account, printed
from sandbox.bulk.networks.common import Call, Row, World, route

NETWORK = "facebook_ads"
MAX_PAGE = 500
#: Insights calls of an app in development, per ad account and hour: so many, and so many for each active ad.
#: https://developers.facebook.com/docs/graph-api/overview/rate-limiting#ads-insights
CALLS_PER_HOUR, CALLS_PER_AD = 600, 400
#: A report's rows keep their parameters as long as the sandbox runs.
_FIRST_RUN = 602_392_014_900_001
_LEVELS = {"campaign": CAMPAIGN, "ad": AD}
_WINDOWS = ("1d_click", "7d_click", "28d_click")
_EDGES = ("campaigns", "adsets", "ads", "adcreatives")


class Days:
    """The insights of a span, rendered a page at a time: what a list is to `page`."""

    def __init__(self, account: Account, level: int, days: range, fields: list[str], today: date) -> None:
        self._account, self._level, self._days, self._fields = account, level, days, fields
        self._width = len(account.ids(level))
        self._today = today

    def __len__(self) -> int:
        return len(self._days) * self._width

    def __getitem__(self, place: slice) -> list[Any]:
        """A slice renders the days it touches and cuts the rest off."""
        start, end, _ = place.indices(len(self))
        first, last = start // self._width, -(-end // self._width)
        rows = self._rows(self._days[first:last]) if start < end else []
        return [orjson.Fragment(row) for row in rows[start - first * self._width : end - first * self._width]]

    def _rows(self, days: range) -> list[str]:
        account, level, width = self._account, self._level, self._width
        dates = np.repeat([str(day) for day in account.dates(days)], width).tolist()
        visits = account.total(account.visits, days, level).ravel().tolist()
        shown = account.converted(days, level, self._today).ravel().tolist()
        cost = account.total(account.cost, days, level).ravel()
        columns: dict[str, tuple[str, Any]] = {
            "account_id": ('"account_id":"%s"', [account.id] * len(dates)),
            "account_currency": ('"account_currency":"%s"', ["EUR"] * len(dates)),
            "impressions": (
                '"impressions":"%d"',
                account.total(account.impressions, days, level).ravel().tolist(),
            ),
            "clicks": ('"clicks":"%d"', visits),
            "spend": ('"spend":"%.2f"', (cost / 100).tolist()),
            "attribution_setting": ('"attribution_setting":"%s"', ["7d_click_1d_view"] * len(dates)),
            "actions": (
                '"actions":[%s]',
                [_action("link_click", clicks) + _LEADS[n] for clicks, n in zip(visits, shown, strict=True)],
            ),
        }
        for name, ids in (("campaign_id", CAMPAIGN), ("adset_id", GROUP), ("ad_id", AD)):
            if ids >= level:
                chosen = np.array(account.ids(ids))[np.arange(width) * level // ids].tolist()
                columns[name] = (f'"{name}":"%s"', chosen * len(days))
        asked = [columns[name] for name in columns if name in self._fields]
        asked += [('"date_start":"%s"', dates), ('"date_stop":"%s"', dates)]
        template = ",".join(form for form, _ in asked)
        if "action_values" in self._fields:
            # absent, not empty, where there are none
            template += "%s"
            asked.append(("", [_VALUES[n] for n in shown]))
        return printed(f"{{{template}}}", *(column for _, column in asked))


def _action(kind: str, count: int) -> str:
    windows = "".join(f',"{window}":"{count}"' for window in _WINDOWS)
    return f'{{"action_type":"{kind}","value":"{count}"{windows}}}'


def _leads(count: int) -> str:
    kinds = ("lead", "offsite_conversion.fb_pixel_lead")
    return "".join(f",{_action(kind, count)}" for kind in kinds) if count else ""


def _values(count: int) -> str:
    value = _action("offsite_conversion.fb_pixel_lead", count * CONVERSION_VALUE)
    return f',"action_values":[{value}]' if count else ""


_LEADS = [_leads(count) for count in range(CAMPAIGN + 1)]
_VALUES = [_values(count) for count in range(CAMPAIGN + 1)]


class FacebookAds:
    """The endpoints of the ad accounts."""

    def __init__(self, world: World, *, limits: bool) -> None:
        self.world = world
        self._runs: dict[str, tuple[Account, dict[str, str]]] = {}
        self._no_faults = Faults()
        self._calls = {
            account.id: Window(CALLS_PER_HOUR + CALLS_PER_AD * account.ads, 3600.0)
            for account in (world.accounts[NETWORK] if limits else [])
        }

    async def account(self, call: Call) -> Any:
        """The account itself."""
        account, parameters = await self._admitted(call)
        row = {
            "id": f"act_{account.id}",
            "account_id": account.id,
            "name": f"Account {account.id}",
            "currency": "EUR",
            "timezone_name": "UTC",
            "account_status": 1,
        }
        return self._told(account, select(row, parameters, set(row), {}))

    async def objects(self, call: Call) -> Any:
        """A page of an edge's objects."""
        account, parameters = await self._admitted(call)
        call.rows = edge = call.request.path_params["edge"]
        if edge not in _EDGES:
            raise problem(400, 100, f"(#100) Tried accessing nonexisting field ({edge})")
        known = {name.partition("{")[0] for name in listed(parameters, "fields")}
        shaped = [select(row, parameters, known, {}) for row in _rows(account, edge)]
        self._note(call, parameters)
        return self._told(account, page(call.request, parameters, shaped, MAX_PAGE, self._no_faults))

    async def insights(self, call: Call) -> Any:
        """A page of figures; a POST starts a report of them."""
        account, parameters = await self._admitted(call)
        if call.request.method == "POST":
            run = str(_FIRST_RUN + len(self._runs))
            self._runs[run] = (account, parameters)
            return self._told(account, {"report_run_id": run})
        return self._page(call, account, parameters, parameters)

    async def run(self, call: Call) -> Any:
        """The state of a report: it has completed."""
        account, _ = self._run(call)
        row = {"id": call.request.path_params["run"], "account_id": account.id, "is_running": False}
        return self._told(account, {**row, "async_status": COMPLETED, "async_percent_completion": 100})

    async def report(self, call: Call) -> Any:
        """A page of a report's rows."""
        account, asked = self._run(call)
        return self._page(call, account, asked, await read_parameters(call.request))

    def _page(self, call: Call, account: Account, asked: dict[str, str], place: dict[str, str]) -> Any:
        level, fields = asked.get("level", ""), listed(asked, "fields")
        if level not in _LEVELS:
            raise problem(400, 100, f"(#100) level must be one of {', '.join(_LEVELS)}")
        if asked.get("time_increment") != "1":
            raise problem(400, 100, "(#100) time_increment must be 1")
        call.rows = f"insights {level}"
        window = from_json("time_range", asked.get("time_range", "{}"))
        since, until = (date.fromisoformat(window[name]) for name in ("since", "until"))
        today = self.world.today
        rows: Any = Days(account, _LEVELS[level], account.days(since, until, today), fields, today)
        self._note(call, place)
        return self._told(account, page(call.request, place, rows, MAX_PAGE, self._no_faults))

    def _note(self, call: Call, parameters: dict[str, str]) -> None:
        if "after" not in parameters:
            call.ask(f"{call.path}?{call.request.url.query}")

    async def _admitted(self, call: Call) -> tuple[Account, dict[str, str]]:
        node = call.request.path_params["node"]
        account = self.world.account(NETWORK, node)
        if account is None:
            raise no_such_object(f"act_{node}")
        self._admit(call, account)
        return account, await read_parameters(call.request)

    def _run(self, call: Call) -> tuple[Account, dict[str, str]]:
        run = call.request.path_params["run"]
        if run not in self._runs:
            raise no_such_object(run)
        self._admit(call, self._runs[run][0])
        return self._runs[run]

    def _admit(self, call: Call, account: Account) -> None:
        call.account = account.id
        if bearer(call.request) != Credentials().facebook_token:
            raise problem(401, 190, "Error validating access token", subcode=463)
        if account.id in self._calls and not self._calls[account.id].take():
            message = (
                "(#80000) There have been too many calls from this ad-account. Wait a bit and try again."
            )
            refusal = problem(400, 80000, message, subcode=2446079)
            refusal.headers = self._usage(account, 60)
            raise refusal

    def _told(self, account: Account, body: Any) -> Json:
        return Json(body, headers=self._usage(account, 0))

    def _usage(self, account: Account, regain: int) -> dict[str, str]:
        if account.id not in self._calls:
            return {}
        calls = self._calls[account.id]
        used = 100 * (calls.most - calls.left()) // calls.most
        usage = {"type": "ads_insights", "call_count": used, "total_cputime": 0, "total_time": 0}
        usage["estimated_time_to_regain_access"] = regain
        return {"x-business-use-case-usage": orjson.dumps({account.id: [usage]}).decode()}

    def held(self) -> dict[str, int]:
        """Rows there are of each kind today."""
        today = self.world.today
        found: dict[str, int] = {}
        for account in self.world.accounts[NETWORK]:
            days = len(account.days(account.first, today, today))
            counts = {edge: len(_rows(account, edge)) for edge in _EDGES}
            counts |= {
                f"insights {level}": days * len(account.ids(width)) for level, width in _LEVELS.items()
            }
            found = {kind: found.get(kind, 0) + rows for kind, rows in counts.items()}
        return found


def _rows(account: Account, edge: str) -> list[Row]:
    """All objects of an edge."""
    campaigns, groups = account.ids(CAMPAIGN), account.ids(GROUP)
    stem = {"account_id": account.id, "status": "ACTIVE", "effective_status": "ACTIVE"}
    stem["updated_time"] = f"{account.first}T09:00:00+0000"
    if edge == "campaigns":
        return [{**stem, "id": c, "name": f"Campaign {c}", "objective": "OUTCOME_LEADS"} for c in campaigns]
    if edge == "adsets":
        spec = [
            {"event_type": "CLICK_THROUGH", "window_days": 7},
            {"event_type": "VIEW_THROUGH", "window_days": 1},
        ]
        return [
            {
                **stem,
                "id": group,
                "campaign_id": campaigns[number * GROUP // CAMPAIGN],
                "name": f"Set {group}",
                "attribution_spec": spec,
            }
            for number, group in enumerate(groups)
        ]
    if edge == "ads":
        return [
            {
                **stem,
                "id": ad,
                "campaign_id": campaigns[number // CAMPAIGN],
                "adset_id": groups[number // GROUP],
                "name": f"Ad {ad}",
                "creative": {"id": f"9{ad}"},
            }
            for number, ad in enumerate(account.ids(AD))
        ]
    return [
        {
            "id": f"9{ad}",
            "account_id": account.id,
            "object_type": "SHARE",
            "url_tags": "utm_source=facebook&utm_medium=paid&utm_campaign={{campaign.name}}",
            "effective_object_story_id": f"104477120093311_{ad}",
            "object_story_spec": {
                "page_id": "104477120093311",
                "link_data": {"link": "https://www.nordlicht.example/demo", "name": f"Ad {ad}"},
            },
        }
        for ad in account.ids(AD)
    ]


def build_app(facebook: FacebookAds) -> Starlette:
    """The accounts as an ASGI application, to be mounted under any prefix."""
    paths = {
        "/{version}/act_{node}": (["GET"], facebook.account),
        "/{version}/act_{node}/insights": (["GET", "POST"], facebook.insights),
        "/{version}/act_{node}/{edge}": (["GET"], facebook.objects),
        "/{version}/{run}/insights": (["GET"], facebook.report),
        "/{version}/{run}": (["GET"], facebook.run),
    }
    return Starlette(
        routes=[
            route(facebook.world, NETWORK, methods, path, handler, lambda body: body)
            for path, (methods, handler) in paths.items()
        ]
    )


def settings(url: str, world: World) -> dict[str, str]:
    """Environment variables that point the warehouse at these accounts."""
    ids = [account.id for account in world.accounts[NETWORK]]
    return {
        "SOURCES__FACEBOOK_ADS__BASE_URL": url,
        "SOURCES__FACEBOOK_ADS__ACCESS_TOKEN": Credentials().facebook_token,
        "SOURCES__FACEBOOK_ADS__ACCOUNT_IDS": orjson.dumps(ids).decode(),
    }
