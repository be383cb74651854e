"""Superset's secret and its host names: it starts with a secret of its own only, and answers own hosts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from adledger.servers.names import OwnHosts

#: Fewest characters of a secret that signs login sessions.
SHORTEST_SECRET = 32
_HOSTS = "WEB__HOSTS"

Start = Callable[..., Any]
App = Callable[[dict[str, Any], Start], Iterable[bytes]]


def own_secret(variables: Mapping[str, str], shipped: str) -> str:
    """Return `SUPERSET_SECRET_KEY`. Raises RuntimeError if it is missing, short or the `shipped` default.

    Whoever knows the secret can sign a login session of the administrator.
    """
    secret = variables.get("SUPERSET_SECRET_KEY", "")
    if len(secret) < SHORTEST_SECRET or secret == shipped:
        raise RuntimeError(
            f"SUPERSET_SECRET_KEY is not a secret of at least {SHORTEST_SECRET} characters:"
            " start Superset with make superset, which creates one"
        )
    return secret


class HostCheck:
    """WSGI middleware that refuses requests for foreign host names (`WEB__HOSTS` lists further own ones)."""

    def __init__(self, app: App, variables: Mapping[str, str]) -> None:
        self._app = app
        self._own = OwnHosts(name.strip() for name in variables.get(_HOSTS, "").split(",") if name.strip())

    def __call__(self, environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        """Pass a request on, or refuse it with 403."""
        if environ.get("HTTP_HOST", "") in self._own:
            return self._app(environ, start_response)
        start_response("403 Forbidden", [("Content-Type", "text/plain")])
        return [b"adledger: this host name is not one of the server's: add it to WEB__HOSTS\n"]
