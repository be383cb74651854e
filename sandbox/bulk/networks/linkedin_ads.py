"""LinkedIn's Marketing API at volume: objects, posts and adAnalytics with its cut at 15,000 elements.

https://learn.microsoft.com/en-us/linkedin/marketing/
"""

from __future__ import annotations

import time
from collections import deque
from typing import Any

import numpy as np
import orjson
from starlette.applications import Starlette

from sandbox.apis import restli
from sandbox.apis.linkedin_ads.analytics import Query
from sandbox.apis.linkedin_ads.common import (
    MAX_COUNT,
    MAX_PAGE,
    cursor_page,
    denied,
    invalid_field,
    offset_page,
    problem,
)
from sandbox.apis.state import Credentials, bearer
from sandbox.bulk.networks.accounts import (
    ACTIONS,
    AD,
    CAMPAIGN,
    CONVERSION_VALUE,
    GROUP,
    Account,
    Ints,
    printed,
)
from sandbox.bulk.networks.common import Call, Row, World, route
from sandbox.counting.hubspot import epoch_ms
from sandbox.world.company import DEFAULT_NOW

NETWORK = "linkedin_ads"
MAX_CREATIVES = 100
#: https://learn.microsoft.com/en-us/linkedin/marketing/integrations/ads-reporting/ads-reporting
MOST_ELEMENTS = 15_000
VALUES_PER_WINDOW, WINDOW_SECONDS = 45_000_000, 300.0
#: LinkedIn's campaigns are the level below its campaign groups.
_LEVELS = {"CAMPAIGN_GROUP": CAMPAIGN, "CAMPAIGN": GROUP, "CREATIVE": AD}
_URNS = {
    "CAMPAIGN_GROUP": "urn:li:sponsoredCampaignGroup:",
    "CAMPAIGN": "urn:li:sponsoredCampaign:",
    "CREATIVE": "urn:li:sponsoredCreative:",
    "CONVERSION": "urn:lla:llaPartnerConversion:",
}
_PIVOTS = (("CAMPAIGN",), ("CREATIVE",), ("CREATIVE", "CONVERSION"), ("CAMPAIGN", "CONVERSION"))
_CONVERSIONS = {"externalWebsiteConversions": 1, "externalWebsitePostClickConversions": 1}
_VALUE, _COST = "conversionValueInLocalCurrency", "costInLocalCurrency"
#: Assumption: what else people do with an ad, as one in so many impressions.
_PER_IMPRESSIONS = {
    "totalEngagements": 300,
    "viralImpressions": 20,
    "viralClicks": 2_000,
    "videoViews": 4,
    "videoCompletions": 9,
}
_AT = epoch_ms(DEFAULT_NOW)


class LinkedInAds:
    """The endpoints of the ad accounts."""

    def __init__(self, world: World, *, limits: bool) -> None:
        self.world = world
        self._limits = limits
        self._values: deque[tuple[float, int]] = deque()

    async def answer(self, call: Call) -> Any:
        """Any resource, its query tunnelled or not."""
        if bearer(call.request) != Credentials().linkedin_token:
            raise problem(401, "INVALID_ACCESS_TOKEN", "Invalid access token", 65600)
        if call.request.headers.get("linkedin-version") is None:
            raise problem(400, "VERSION_MISSING", "A version must be present.")
        tunnelled = call.request.method == "POST"
        raw = (await call.request.body()).decode() if tunnelled else call.request.url.query
        try:
            parameters = restli.parse(raw, call.request.headers.get("x-restli-protocol-version", "1.0.0"))
        except restli.SyntaxFault as fault:
            raise problem(400, "ILLEGAL_ARGUMENT", f"Invalid query parameters: {fault}") from fault
        call.rows = resource = call.request.path_params["resource"]
        if resource == "posts":
            found: Row = {"results": {urn: _post(urn) for urn in parameters["ids"]}, "errors": {}}
        elif resource == "adAnalytics":
            found = self._analytics(call, parameters, raw)
        else:
            found = self._objects(call, resource, parameters, raw)
        if "pageToken" not in parameters and parameters.get("start", "0") == "0":
            call.ask(call.path if tunnelled else f"{call.path}?{raw}", raw if tunnelled else "")
        return found

    def _objects(self, call: Call, resource: str, parameters: Row, raw: str) -> Row:
        if resource == "adAccounts":
            every = [_account(account) for account in self.world.accounts[NETWORK]]
            return cursor_page(parameters, every, MAX_PAGE, MAX_PAGE)
        owner = parameters.get("account") or (parameters.get("owner") or {}).get("sponsoredAccount", "")
        named = call.request.path_params.get("account") or owner.rpartition(":")[2]
        account = self.world.account(NETWORK, named)
        if account is None:
            raise denied(f"/{resource}")
        call.account = account.id
        if resource in _OBJECTS:
            most = MAX_CREATIVES if resource == "creatives" else MAX_PAGE
            return cursor_page(parameters, _OBJECTS[resource](account), most, most)
        rows = _rules(account) if resource == "conversions" else []
        return offset_page(call.request, raw, parameters, rows, MAX_COUNT, total=True)

    def _analytics(self, call: Call, parameters: Row, raw: str) -> Row:
        query = Query.parse(parameters, self.world.today)
        call.rows = f"adAnalytics {','.join(query.pivots)}"
        if tuple(query.pivots) not in _PIVOTS or query.granularity != "DAILY":
            raise invalid_field("pivots", "Daily figures by campaign or creative are expected")
        elements: list[str] = []
        for urn in query.facets.get("ACCOUNT", []):
            account = self.world.account(NETWORK, urn.rpartition(":")[2])
            if account is not None:
                call.account = account.id
                elements += self._elements(account, query)
        elements = elements[:MOST_ELEMENTS]
        self._count(len(elements) * len(query.metrics))
        found = orjson.Fragment(f"[{','.join(elements)}]")
        return {"elements": found, "paging": {"start": 0, "count": 10, "links": []}}

    def _count(self, values: int) -> None:
        now = time.monotonic()
        while self._values and self._values[0][0] <= now - WINDOW_SECONDS:
            self._values.popleft()
        if self._limits and sum(count for _, count in self._values) + values > VALUES_PER_WINDOW:
            raise problem(
                429,
                "TOO_MANY_REQUESTS",
                "The data request limit has been exceeded. More than 45 million metric values were requested"
                " in a 5-minute window.",
            )
        self._values.append((now, values))

    def _elements(self, account: Account, query: Query) -> list[str]:
        today, level = self.world.today, _LEVELS[query.pivots[0]]
        days = account.days(query.first, query.last, today)
        width = len(account.ids(level))
        if "CONVERSION" in query.pivots:
            found = account.conversions(days, level, today)
            day, place, counts = found.day, found.place, found.count
            figures: dict[str, Ints] = {}
        else:
            day, place = np.repeat(np.arange(len(days)), width), np.tile(np.arange(width), len(days))
            counts = account.converted(days, level, today).ravel()
            shown = account.total(account.impressions, days, level).ravel()
            clicks = account.total(account.visits, days, level).ravel()
            figures = {name: shown // per for name, per in _PER_IMPRESSIONS.items()}
            figures |= {"impressions": shown, "clicks": clicks, "landingPageClicks": clicks}
            figures[_COST] = account.total(account.cost, days, level).ravel()
        figures |= {name: counts * each for name, each in _CONVERSIONS.items()}
        figures[_VALUE] = counts * (100 * CONVERSION_VALUE)
        zeros = np.zeros(len(day), np.int64)
        asked = [(name, figures.get(name, zeros)) for name in query.metrics]
        # a row of zeros is left out
        kept = np.any([values != 0 for _, values in asked], axis=0) & self._chosen(
            account, query, level, place
        )
        urns = np.array([f'"{_URNS[query.pivots[0]]}{number}"' for number in account.ids(level)])[place]
        if "CONVERSION" in query.pivots:
            rules = np.array([f',"{_URNS["CONVERSION"]}{rule["id"]}"' for rule in _rules(account)])
            urns = np.char.add(urns, rules[found.action])
        dates = np.array([_date_range(at) for at in account.dates(days)])[day] if len(days) else zeros
        template = '{"dateRange":%s,"pivotValues":[%s]'
        columns: list[Any] = [dates[kept].tolist(), urns[kept].tolist()]
        for name, values in asked:
            if name in (_COST, _VALUE):
                # a long tail of binary noise
                template += f',"{name}":"%d.%02d0000000000021316"'
                columns += [(values[kept] // 100).tolist(), (values[kept] % 100).tolist()]
            else:
                template += f',"{name}":%d'
                columns.append(values[kept].tolist())
        return printed(template + "}", *columns)

    def _chosen(self, account: Account, query: Query, level: int, place: Ints) -> Any:
        """Which rows belong to the campaigns asked for."""
        if "CAMPAIGN" not in query.facets:
            return np.ones(len(place), np.bool_)
        urns = np.array([f"{_URNS['CAMPAIGN']}{number}" for number in account.ids(GROUP)])
        return np.isin(urns, query.facets["CAMPAIGN"])[place * level // GROUP]

    def held(self) -> dict[str, int]:
        """Rows there are of each kind today."""
        today, every = self.world.today, self.world.accounts[NETWORK]
        found = {"adAccounts": len(every), "leadForms": 0, "leadFormResponses": 0}
        for account in every:
            days = account.days(account.first, today, today)
            counts = {name: len(build(account)) for name, build in _OBJECTS.items()}
            counts["conversions"] = ACTIONS
            for pivots in _PIVOTS:
                level = _LEVELS[pivots[0]]
                split = len(pivots) > 1
                counts[f"adAnalytics {','.join(pivots)}"] = (
                    len(account.conversions(days, level, today).day)
                    if split
                    else len(days) * len(account.ids(level))
                )
            found |= {kind: found.get(kind, 0) + rows for kind, rows in counts.items()}
        return found


def _date_range(at: Any) -> str:
    day = f'{{"year":{at.year},"month":{at.month},"day":{at.day}}}'
    return f'{{"start":{day},"end":{day}}}'


def _stamped(row: Row) -> Row:
    stamp = {"actor": "urn:li:unknown:0", "time": _AT}
    return {**row, "changeAuditStamps": {"created": stamp, "lastModified": stamp}}


def _account(account: Account) -> Row:
    row = {"id": int(account.id), "name": f"Account {account.id}", "type": "BUSINESS"}
    return _stamped({**row, "status": "ACTIVE", "currency": "EUR", "test": False})


def _groups(account: Account) -> list[Row]:
    return [
        _stamped({"id": int(group), "name": f"Group {group}", "status": "ACTIVE"})
        for group in account.ids(CAMPAIGN)
    ]


def _campaigns(account: Account) -> list[Row]:
    groups = account.ids(CAMPAIGN)
    return [
        _stamped(
            {
                "id": int(campaign),
                "campaignGroup": f"{_URNS['CAMPAIGN_GROUP']}{groups[number * GROUP // CAMPAIGN]}",
                "name": f"Campaign {campaign}",
                "status": "ACTIVE",
                "type": "SPONSORED_UPDATES",
                "objectiveType": "WEBSITE_CONVERSION",
            }
        )
        for number, campaign in enumerate(account.ids(GROUP))
    ]


def _creatives(account: Account) -> list[Row]:
    campaigns = account.ids(GROUP)
    return [
        {
            "id": f"{_URNS['CREATIVE']}{ad}",
            "campaign": f"{_URNS['CAMPAIGN']}{campaigns[number // GROUP]}",
            "name": f"Creative {ad}",
            "intendedStatus": "ACTIVE",
            "content": {"reference": f"urn:li:share:{int(ad) * 16}"},
            "createdAt": _AT,
            "lastModifiedAt": _AT,
        }
        for number, ad in enumerate(account.ids(AD))
    ]


def _rules(account: Account) -> list[Row]:
    return [
        {
            "id": int(account.id) % 1_000 * 100 + number,
            "name": f"Lead {number}",
            "type": "LEAD",
            "enabled": True,
            "attributionType": "LAST_TOUCH_BY_CAMPAIGN",
            "postClickAttributionWindowSize": 30,
            "viewThroughAttributionWindowSize": 7,
            "campaigns": [],
            "created": _AT,
        }
        for number in range(ACTIONS)
    ]


def _post(urn: str) -> Row:
    return {"id": urn, "contentLandingPage": f"https://www.nordlicht.example/demo?post={urn[-6:]}"}


_OBJECTS = {"adCampaignGroups": _groups, "adCampaigns": _campaigns, "creatives": _creatives}


def build_app(linkedin: LinkedInAds) -> Starlette:
    """The accounts as an ASGI application, to be mounted under any prefix."""
    return Starlette(
        routes=[
            route(linkedin.world, NETWORK, ["GET", "POST"], path, linkedin.answer, lambda body: body)
            for path in ("/rest/adAccounts/{account}/{resource}", "/rest/{resource}")
        ]
    )


def settings(url: str) -> dict[str, str]:
    """Environment variables that point the warehouse at these accounts."""
    return {
        "SOURCES__LINKEDIN_ADS__BASE_URL": url,
        "SOURCES__LINKEDIN_ADS__ACCESS_TOKEN": Credentials().linkedin_token,
    }
