"""The large portal as an application: HubSpot's paths, and the controls of a load test."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from email.utils import formatdate

import numpy as np
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from sandbox.apis.state import Credentials, Json, parse_instant
from sandbox.bulk import records
from sandbox.bulk.api import Api
from sandbox.bulk.common import Refused, Render, Traffic
from sandbox.bulk.portal import Portal
from sandbox.world.company import guid

VERSIONS = ("2026-03", "2026-09")


def build_app(portal: Portal, *, limits: bool = False, web_analytics: bool = True) -> Starlette:
    """The portal under `/hubspot` and its controls under `/_sandbox`.

    Controls: `clock` (GET, POST), `portal` (GET: records per kind), `touch` (POST: how many contacts, deals,
    submissions and page views change or arrive now), `requests` (GET, DELETE: what was asked since).
    """
    api = Api(portal, limits=limits, web_analytics=web_analytics)
    return Starlette(
        routes=[
            Route("/_sandbox/clock", _clock(portal), methods=["GET", "POST"]),
            Route("/_sandbox/portal", _counts(api), methods=["GET"]),
            Route("/_sandbox/touch", _touch(portal), methods=["POST"]),
            Route("/_sandbox/requests", _requests(api), methods=["GET", "DELETE"]),
            Mount("/hubspot", _hubspot(api)),
        ]
    )


def _clock(portal: Portal) -> Callable[[Request], Awaitable[Response]]:
    async def clock(request: Request) -> Response:
        if request.method == "POST":
            try:
                portal.now_ms = round(parse_instant(str((await request.json())["now"])).timestamp() * 1000)
            except (ValueError, KeyError, TypeError) as error:
                return Json({"error": f"now: {error}"}, status_code=400)
        return Json({"now": records.stamps(np.array([portal.now_ms]))[0]})

    return clock


def _counts(api: Api) -> Callable[[Request], Awaitable[Response]]:
    async def counts(_: Request) -> Response:
        held = api.portal.counts()
        # a tier without the events API shows no page view
        return Json(held if api.web_analytics else {**held, "page_views": 0})

    return counts


def _touch(portal: Portal) -> Callable[[Request], Awaitable[Response]]:
    async def touch(request: Request) -> Response:
        try:
            asked = {name: int(count) for name, count in (await request.json()).items()}
            return Json(portal.touch(**asked))
        except (ValueError, TypeError, AttributeError) as error:
            return Json({"error": f"touch: {error}"}, status_code=400)

    return touch


def _requests(api: Api) -> Callable[[Request], Awaitable[Response]]:
    async def requests(request: Request) -> Response:
        traffic = api.traffic
        if request.method == "DELETE":
            api.traffic = Traffic()
        return Json(
            {
                "total": sum(traffic.requests.values()),
                "requests": dict(sorted(traffic.requests.items())),
                "refused": dict(sorted(traffic.refused.items())),
                "asked": {kind: asdict(asked) for kind, asked in traffic.asked.items()},
            }
        )

    return requests


def _hubspot(api: Api) -> Starlette:
    def route(method: str, path: str, handler: Callable[[Request], Awaitable[Response]]) -> Route:
        template = f"{method} {path}"

        async def answer(request: Request) -> Response:
            version = str(request.path_params.get("version", VERSIONS[0])).removesuffix("-beta")
            headers: dict[str, str] = {}
            try:
                headers = api.admit(request)
                api.traffic.requests[template] += 1
                if version not in VERSIONS:
                    raise Refused(404, "OBJECT_NOT_FOUND", f"API version {version} does not exist")
                response = await handler(request)
            except Refused as refused:
                api.traffic.refused[f"{refused.status} {template}"] += 1
                correlation = guid("correlation", request.method, request.url.path, request.url.query)
                body = {**refused.body, "correlationId": correlation}
                response = Json(body, status_code=refused.status)
            # the portal's own clock, as in every answer of the vendor
            response.headers.update({**headers, "date": formatdate(api.portal.now_ms / 1000, usegmt=True)})
            return response

        return Route(path, answer, methods=[method])

    def pages(path: str, render: Render) -> Route:
        return route("GET", path, api.listing(render))

    routes = [
        pages("/events/event-occurrences/{version}", api.events),
        pages("/events/v3/events", api.events),
        pages("/form-integrations/v1/submissions/forms/{form}", api.submissions),
    ]
    for stem in ("/crm/objects/{version}/{type}", "/crm/v3/objects/{type}"):
        routes += [
            pages(stem, api.objects),
            route("POST", f"{stem}/search", api.search),
            route("POST", f"{stem}/batch/read", api.batch_read),
            route("GET", f"{stem}/{{id}}", api.one),
            pages(f"{stem}/{{id}}/associations/{{to_type}}", api.associations_of),
        ]
    routes.append(pages("/crm/v4/objects/{type}/{id}/associations/{to_type}", api.associations_of))
    for stem in ("/crm/associations/{version}", "/crm/v4/associations", "/crm/v3/associations"):
        routes.append(route("POST", f"{stem}/{{from_type}}/{{to_type}}/batch/read", api.associations))
    for version in ("v3", "{version}"):
        dated = version == "{version}"
        routes += [
            route(
                "GET",
                f"/crm/properties/{version}/{{type}}" if dated else "/crm/v3/properties/{type}",
                api.properties,
            ),
            route(
                "GET",
                f"/crm/pipelines/{version}/{{type}}" if dated else "/crm/v3/pipelines/{type}",
                api.pipelines,
            ),
            pages(f"/crm/owners/{version}" if dated else "/crm/v3/owners", api.owners),
            pages(f"/marketing/forms/{version}" if dated else "/marketing/v3/forms", api.forms),
            pages(f"/marketing/campaigns/{version}" if dated else "/marketing/v3/campaigns", api.nothing),
            pages(
                f"/settings/currencies/{version}/exchange-rates"
                if dated
                else "/settings/v3/currencies/exchange-rates",
                api.exchange_rates,
            ),
            route("POST", f"/crm/lists/{version}/search" if dated else "/crm/v3/lists/search", api.lists),
            route("GET", f"/account-info/{version}/details", api.account),
        ]
    routes += [
        pages("/crm/v3/schemas", api.nothing),
        route("GET", "/events/event-occurrences/{version}/event-types", api.event_types),
        route("GET", "/events/v3/events/event-types", api.event_types),
        route("POST", "/oauth/v2/private-apps/get/access-token-info", api.token_info),
    ]

    async def missing(request: Request, _: Exception) -> Response:
        api.traffic.refused[f"404 {request.method} {request.url.path}"] += 1
        body = {
            "status": "error",
            "message": "Unable to find the requested resource",
            "category": "OBJECT_NOT_FOUND",
        }
        return Json({**body, "correlationId": guid("correlation", request.url.path)}, status_code=404)

    return Starlette(routes=routes, exception_handlers={404: missing})


def settings(url: str) -> dict[str, str]:
    """Environment variables that point the warehouse at this portal."""
    return {
        "SOURCES__HUBSPOT__BASE_URL": f"{url}/hubspot",
        "SOURCES__HUBSPOT__ACCESS_TOKEN": Credentials().hubspot_token,
    }
