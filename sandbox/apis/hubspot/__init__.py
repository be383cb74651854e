"""HubSpot's HTTP interface: dated paths and their v1, v3 and v4 equivalents.

https://developers.hubspot.com/docs/api-reference/overview
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.apis.hubspot.access import Access
from sandbox.apis.hubspot.associations import Associations
from sandbox.apis.hubspot.changes import Changes, Refused
from sandbox.apis.hubspot.common import Endpoint, Reply, not_found
from sandbox.apis.hubspot.events import Events
from sandbox.apis.hubspot.forms import Forms
from sandbox.apis.hubspot.lists import Lists
from sandbox.apis.hubspot.objects import Objects
from sandbox.apis.hubspot.quirks import bent
from sandbox.apis.hubspot.records import Crm
from sandbox.apis.hubspot.settings import Settings
from sandbox.apis.state import ApiError, Json, Sandbox

__all__ = ["VERSIONS", "Changes", "Refused", "build_app", "changes_of"]

VERSIONS = ("2026-03", "2026-09")


def changes_of(sandbox: Sandbox) -> Changes:
    """The one place where the portal's records are changed by hand."""
    return sandbox.lasting("hubspot-changes", lambda: Changes(Crm(sandbox)))


def build_app(sandbox: Sandbox) -> Starlette:
    """The portal as an ASGI application, to be mounted under any prefix."""
    changes = changes_of(sandbox)
    crm, access = changes.crm, Access(sandbox)

    def guarded(endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            version = str(request.path_params.get("version", VERSIONS[0])).removesuffix("-beta")
            if version not in VERSIONS or version in sandbox.faults.value("version_gone", "versions", []):
                raise not_found(request, f"API version {version} does not exist")
            access.check(request, endpoint.scopes(request))
            body = await endpoint.handler(request)
            if isinstance(body, Reply):
                return Json(bent(request, sandbox.faults, body.body), status_code=body.status)
            return _response(bent(request, sandbox.faults, body))

        return answer

    def open_to_all(endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            return _response(await endpoint.handler(request))

        return answer

    async def failed(_: Request, error: Exception) -> Response:
        if not isinstance(error, ApiError):
            raise error
        return Json(error.body, status_code=error.status, headers=error.headers)

    async def missing(request: Request, _: Exception) -> Response:
        return Json(not_found(request, "Unable to find the requested resource").body, status_code=404)

    routes: list[Route] = []
    # tried in this order: what a load asks for most comes first
    for concern in (
        Events(crm),
        Forms(crm),
        Objects(crm, changes),
        Associations(crm),
        Settings(crm),
        Lists(crm),
    ):
        for endpoint in concern.endpoints():
            routes += _both(endpoint, guarded(endpoint))
    for endpoint in access.endpoints():
        routes += _both(endpoint, open_to_all(endpoint))
    return Starlette(routes=routes, exception_handlers={ApiError: failed, 404: missing})


def _response(body: object) -> Response:
    return body if isinstance(body, Response) else Json(body)


def _both(endpoint: Endpoint, answer: Callable[[Request], Awaitable[Response]]) -> list[Route]:
    """The route with and without a slash at its end: HubSpot's own clients send both."""
    return [Route(path, answer, methods=[endpoint.method]) for path in (endpoint.path, f"{endpoint.path}/")]
