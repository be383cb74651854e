"""The large ad accounts as an application: three networks, and the controls of a load test."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from sandbox.apis.state import Json, parse_instant
from sandbox.bulk.networks import facebook_ads, google_ads, linkedin_ads
from sandbox.bulk.networks.common import Traffic, World
from sandbox.counting.hubspot import stamp


def build_app(world: World, *, limits: bool = False) -> Starlette:
    """The networks under `/google`, `/facebook` and `/linkedin`, their controls under `/_sandbox`.

    Controls: `clock` (GET, POST), `portal` (GET: rows per network and kind), `requests` (GET, DELETE: what
    was asked since).
    """
    google = google_ads.GoogleAds(world, limits=limits)
    facebook = facebook_ads.FacebookAds(world, limits=limits)
    linkedin = linkedin_ads.LinkedInAds(world, limits=limits)

    async def clock(request: Request) -> Response:
        if request.method == "POST":
            try:
                world.now = parse_instant(str((await request.json())["now"]))
            except (ValueError, KeyError, TypeError) as error:
                return Json({"error": f"now: {error}"}, status_code=400)
        return Json({"now": stamp(world.now)})

    async def portal(_: Request) -> Response:
        return Json(
            {
                google_ads.NETWORK: google.held(),
                facebook_ads.NETWORK: facebook.held(),
                linkedin_ads.NETWORK: linkedin.held(),
            }
        )

    async def requests(request: Request) -> Response:
        if request.method == "DELETE":
            world.traffic = Traffic()
        return Json(world.traffic.document())

    return Starlette(
        routes=[
            Route("/_sandbox/clock", clock, methods=["GET", "POST"]),
            Route("/_sandbox/portal", portal, methods=["GET"]),
            Route("/_sandbox/requests", requests, methods=["GET", "DELETE"]),
            Mount("/google", google_ads.build_app(google)),
            Mount("/facebook", facebook_ads.build_app(facebook)),
            Mount("/linkedin", linkedin_ads.build_app(linkedin)),
        ]
    )


def settings(url: str, world: World) -> dict[str, str]:
    """Environment variables that point the warehouse at these accounts."""
    return {
        **google_ads.settings(f"{url}/google"),
        **facebook_ads.settings(f"{url}/facebook", world),
        **linkedin_ads.settings(f"{url}/linkedin"),
    }
