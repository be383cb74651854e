"""Serve the simulated company over HTTP: `python -m sandbox.serve`."""

from __future__ import annotations

import argparse
import gc
import json
import signal
import socket
import sys
from collections.abc import Callable
from datetime import datetime
from itertools import chain

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from sandbox.apis import facebook_ads, faults, google_ads, hubspot, linkedin_ads, pages
from sandbox.apis.facebook_ads.objects import PAGE_ID
from sandbox.apis.state import Json, PageCaps, Sandbox, parse_instant
from sandbox.apis.wire import Wire
from sandbox.bulk import app as bulk
from sandbox.bulk.networks import app as bulk_networks
from sandbox.bulk.networks.accounts import Size as NetworksSize
from sandbox.bulk.networks.common import World as BulkWorld
from sandbox.bulk.portal import Portal as BulkPortal
from sandbox.bulk.portal import Size
from sandbox.counting.hubspot import stamp
from sandbox.truth import Truth
from sandbox.world.build import build_world, uncollected
from sandbox.world.company import DEFAULT_NOW, Network
from sandbox.world.profiles import PROFILES, Plants


def build_sandbox(
    *,
    seed: int = 7,
    people: int = 1000,
    now: datetime = DEFAULT_NOW,
    currencies: dict[str, str] | None = None,
    web_analytics: bool = True,
    caps: PageCaps | None = None,
    profile: str = "plain",
    plants: Plants | None = None,
    pages_refuse: str = "",
) -> Sandbox:
    """Simulate the company and let every vendor count it; `now` is the instant it is first read at."""
    world = build_world(seed, people, currencies, PROFILES[profile], plants)
    return Sandbox(world, now, web_analytics=web_analytics, caps=caps, pages_refuse=pages_refuse)


def build_app(sandbox: Sandbox) -> ASGIApp:
    """The vendors and the web site, each under its own prefix; clock and switches under `/_sandbox`."""

    async def clock(request: Request) -> Response:
        if request.method == "POST":
            try:
                sandbox.set_now(parse_instant(str((await request.json())["now"])))
            except (ValueError, KeyError, TypeError) as error:
                return Json({"error": f"now: {error}"}, status_code=400)
        return Json({"now": stamp(sandbox.now)})

    async def portal(request: Request) -> Response:
        if request.method == "GET":
            return Json(hubspot.changes_of(sandbox).state())
        try:
            return Json(hubspot.changes_of(sandbox).perform(await request.json()))
        except (ValueError, TypeError) as error:
            return Json({"error": str(error)}, status_code=400)

    async def switches(request: Request) -> Response:
        if request.method == "DELETE":
            sandbox.faults.clear(request.query_params.get("name"))
            sandbox.revoked.clear()
        elif request.method == "POST":
            try:
                for name, parameters in (await request.json()).items():
                    sandbox.faults.set(name, parameters)
            except (ValueError, AttributeError) as error:
                return Json({"error": str(error)}, status_code=400)
        return Json(sandbox.faults.active)

    async def requests(request: Request) -> Response:
        if request.method == "DELETE":
            wire.requests.clear()
        return Json(wire.requests.body())

    async def truth(_: Request) -> Response:
        return Json(truth_of(sandbox).document())

    async def expire_tokens(_: Request) -> Response:
        sandbox.expire_tokens()
        return Json({})

    app = Starlette(
        routes=[
            Route("/_sandbox/clock", clock, methods=["GET", "POST"]),
            Route("/_sandbox/expire-tokens", expire_tokens, methods=["POST"]),
            Route("/_sandbox/hubspot", portal, methods=["GET", "POST"]),
            Route("/_sandbox/truth", truth),
            Route("/_sandbox/faults", switches, methods=["GET", "POST", "DELETE"]),
            Route("/_sandbox/requests", requests, methods=["GET", "DELETE"]),
            Mount("/hubspot", hubspot.build_app(sandbox)),
            Mount("/google", google_ads.build_app(sandbox)),
            Mount("/facebook", facebook_ads.build_app(sandbox)),
            Mount("/linkedin", linkedin_ads.build_app(sandbox)),
            Mount("/pages", pages.build_app(sandbox)),
        ]
    )
    wire = Wire(app, sandbox)
    return wire


def truth_of(sandbox: Sandbox) -> Truth:
    """What really happened, as of the sandbox's clock."""
    world = sandbox.world
    return Truth(
        sandbox.company,
        {person.key: person for person in world.people},
        world.events,
        sandbox.portal,
        google=chain(*sandbox.google.values()),
        facebook=chain(*sandbox.facebook.values()),
        linkedin=chain(*sandbox.linkedin.values()),
        now=sandbox.now,
    )


def settings(sandbox: Sandbox, url: str) -> dict[str, str]:
    """Environment variables that point the warehouse at this sandbox."""
    keys = sandbox.credentials
    accounts = sandbox.company.accounts
    client_id, secret, refresh = keys.google_client
    google, facebook, linkedin = (
        [account.id for account in accounts[network]]
        for network in (Network.GOOGLE, Network.FACEBOOK, Network.LINKEDIN)
    )
    values = {
        "HUBSPOT__BASE_URL": f"{url}/hubspot",
        "HUBSPOT__ACCESS_TOKEN": keys.hubspot_token,
        "GOOGLE_ADS__BASE_URL": f"{url}/google",
        "GOOGLE_ADS__TOKEN_URL": f"{url}/google/token",
        "GOOGLE_ADS__CLIENT_ID": client_id,
        "GOOGLE_ADS__CLIENT_SECRET": secret,
        "GOOGLE_ADS__REFRESH_TOKEN": refresh,
        "GOOGLE_ADS__LOGIN_CUSTOMER_ID": accounts[Network.GOOGLE][0].manager_id,
        "GOOGLE_ADS__CUSTOMER_IDS": json.dumps(google),
        "FACEBOOK_ADS__BASE_URL": f"{url}/facebook",
        "FACEBOOK_ADS__ACCESS_TOKEN": keys.facebook_token,
        "FACEBOOK_ADS__ACCOUNT_IDS": json.dumps(facebook),
        "FACEBOOK_ADS__PAGE_IDS": json.dumps([PAGE_ID]),
        "LINKEDIN_ADS__BASE_URL": f"{url}/linkedin",
        "LINKEDIN_ADS__TOKEN_URL": f"{url}/linkedin/oauth/v2/accessToken",
        "LINKEDIN_ADS__ACCESS_TOKEN": keys.linkedin_token,
        "LINKEDIN_ADS__ACCOUNT_IDS": json.dumps(linkedin),
        "LANDING_PAGES__HOST_OVERRIDES": json.dumps({host: f"{url}/pages/{host}" for host in pages.hosts()}),
        "LANDING_PAGES__ALLOW_PRIVATE_NETWORKS": "true",
        "LANDING_PAGES__SECONDS_BETWEEN_REQUESTS": "0",
    }
    return {f"SOURCES__{name}": value for name, value in values.items()}


class _Server(uvicorn.Server):
    """A server that says when it is ready, in one line of JSON on stdout."""

    def __init__(self, config: uvicorn.Config, ready: str) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start serving, then print the line."""
        await super().startup(sockets=sockets)
        sys.stdout.write(self._ready + "\n")
        sys.stdout.flush()


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.serve", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="port; 0 takes a free one")
    parser.add_argument("--seed", type=int, default=7, help="the same seed gives the same company")
    parser.add_argument("--people", type=int, default=1000, help="number of simulated persons")
    parser.add_argument(
        "--profile",
        choices=PROFILES,
        default="plain",
        help="how tidy the world is; plain: one account a network",
    )
    parser.add_argument(
        "--plant",
        action="append",
        default=[],
        metavar="FAULT",
        help="code=PAGE, lead-sync=FORM or auto-tracking=ACCOUNT: a fault in an otherwise equal world",
    )
    parser.add_argument("--now", default=stamp(DEFAULT_NOW), help="the virtual clock, ISO 8601 with offset")
    parser.add_argument(
        "--currency", action="append", default=[], metavar="NETWORK=CODE", help="currency of an ad account"
    )
    parser.add_argument("--no-events", action="store_true", help="a portal tier without web analytics events")
    parser.add_argument(
        "--no-pages",
        nargs="?",
        const="forbidden",
        default="",
        choices=pages.REFUSALS,
        help="the web site refuses whoever fetches its pages: robots.txt, 403 (the default) or 410",
    )
    parser.add_argument(
        "--bulk",
        metavar="COUNTS",
        help="instead of the company, a large HubSpot portal (contacts=200000,submissions=50000,...)"
        " or large ad accounts (ads=500,accounts=6,days=365,clicks=5000,...)",
    )
    parser.add_argument("--limits", action="store_true", help="with --bulk: enforce the vendors' rate limits")
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="NAME[={JSON}]",
        help="misbehave as a vendor does; the names are in sandbox/apis/faults.py",
    )
    parser.add_argument("--access-log", action="store_true", help="log requests to stderr")
    return parser.parse_args(argv)


def _served(arguments: argparse.Namespace) -> tuple[ASGIApp, str, Callable[[str], dict[str, str]]]:
    """The application, the instant it is read at and the environment it asks for, given its address."""
    if arguments.bulk is not None and "ads=" in arguments.bulk:
        world = BulkWorld(NetworksSize.parse(arguments.bulk), arguments.seed)
        networks = bulk_networks.build_app(world, limits=arguments.limits)
        return networks, stamp(world.now), lambda url: bulk_networks.settings(url, world)
    if arguments.bulk is not None:
        portal = BulkPortal(Size.parse(arguments.bulk), arguments.seed)
        app = bulk.build_app(portal, limits=arguments.limits, web_analytics=not arguments.no_events)
        return app, stamp(DEFAULT_NOW), bulk.settings
    sandbox = build_sandbox(
        seed=arguments.seed,
        people=arguments.people,
        now=parse_instant(arguments.now),
        currencies=dict(item.split("=", 1) for item in arguments.currency),
        web_analytics=not arguments.no_events,
        profile=arguments.profile,
        plants=Plants.parse(arguments.plant),
        pages_refuse=arguments.no_pages,
    )
    for name, parameters in map(faults.parse, arguments.fault):
        sandbox.faults.set(name, parameters)
    # the records stay, and what answers are made of ends with them: little garbage is left to look for
    gc.set_threshold(100_000, 20, 100)
    # with many people the first answer would keep its client waiting
    with uncollected():
        hubspot.changes_of(sandbox).crm.snapshot()
    return build_app(sandbox), stamp(sandbox.now), lambda url: settings(sandbox, url)


def main(argv: list[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT."""
    arguments = _arguments(argv)
    try:
        app, now, environment = _served(arguments)
    except ValueError as error:
        sys.stderr.write(f"sandbox: {error}\n")
        return 2
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((arguments.host, arguments.port))
    except OSError as error:
        sys.stderr.write(f"sandbox: cannot listen on {arguments.host}:{arguments.port}: {error.strerror}\n")
        return 2
    url = f"http://{arguments.host}:{listener.getsockname()[1]}"
    ready = json.dumps({"url": url, "now": now, "env": environment(url)})
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=arguments.access_log,
        lifespan="off",
        # the sandbox sends the Date of its own clock
        date_header=False,
        timeout_graceful_shutdown=2,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn shuts down gracefully, then raises the signal again: by then there is nothing left to end
        signal.signal(number, lambda *_: None)
    _Server(config, ready).run(sockets=[listener])
    return 0


if __name__ == "__main__":
    sys.exit(main())
