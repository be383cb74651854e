"""What the large accounts' endpoints share: the clock, what was asked, how requests are routed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.apis.state import ApiError, Json
from sandbox.bulk.networks.accounts import NETWORKS, Account, Size, accounts
from sandbox.world.company import DEFAULT_NOW

Row = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """One request for rows, without its place in a listing. `path` begins behind the network's base."""

    network: str
    rows: str
    method: str
    path: str
    body: str


@dataclass
class Traffic:
    """What was asked since the last reset: answers and refusals by network, account and kind of rows."""

    requests: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    asked: dict[Asked, None] = field(default_factory=dict)

    def document(self) -> Row:
        """As JSON."""
        return {
            "total": sum(self.requests.values()),
            "requests": dict(sorted(self.requests.items())),
            "refused": dict(sorted(self.refused.items())),
            "asked": [asdict(asked) for asked in self.asked],
        }


class World:
    """All accounts, the clock they are read at, and what was asked of them."""

    def __init__(self, size: Size, seed: int) -> None:
        self.size, self.now = size, DEFAULT_NOW
        self.accounts = accounts(size, seed)
        self.traffic = Traffic()

    @property
    def today(self) -> date:
        """The accounts' day: their zone is UTC."""
        return self.now.date()

    def account(self, network: str, account_id: str) -> Account | None:
        """An account by its id."""
        return next((account for account in self.accounts[network] if account.id == account_id), None)


@dataclass
class Call:
    """One request under way. The handler names the account and the rows it is about."""

    request: Request
    world: World
    network: str
    account: str = ""
    rows: str = ""

    def ask(self, path: str, body: str = "") -> None:
        """Remember the request: what it asks for brings rows."""
        asked = Asked(self.network, self.rows, self.request.method, path, body)
        self.world.traffic.asked[asked] = None

    @property
    def path(self) -> str:
        """The path behind the network's base."""
        return self.request.url.path.removeprefix(self.request.scope.get("root_path", ""))


Handler = Callable[[Call], Awaitable[Any]]


def route(
    world: World, network: str, methods: list[str], path: str, handler: Handler, wrap: Callable[[Any], Any]
) -> Route:
    """A route whose answers and refusals are counted; `wrap` encloses an error's body."""

    async def answer(request: Request) -> Response:
        call = Call(request, world, network)
        try:
            found = await handler(call)
            response = found if isinstance(found, Response) else Json(found)
            counted, prefix = world.traffic.requests, ""
        except ApiError as error:
            response = Json(wrap(error.body), status_code=error.status, headers=error.headers)
            counted, prefix = world.traffic.refused, f"{error.status} "
        counted[f"{prefix}{network} {call.account or '-'} {call.rows or request.method}"] += 1
        return response

    assert network in NETWORKS
    return Route(path, answer, methods=methods)
