"""Dagster's web server behind the guard: `python -m adledger.servers.guarded_webserver` and its options."""

from __future__ import annotations

from typing import Any

import dagster_webserver.app
from dagster_webserver.cli import cli
from dagster_webserver.webserver import DagsterWebserver
from starlette.middleware import Middleware

from adledger.servers import guard


class GuardedWebserver(DagsterWebserver[Any, Any]):
    """Dagster's web server, whose requests pass the guard first."""

    def build_middleware(self) -> list[Middleware]:
        """Dagster's own middleware, within the guard."""
        return [Middleware(guard.Guard, hosts=guard.hosts()), *super().build_middleware()]


if __name__ == "__main__":
    # its command line has no option for middleware; `adledger ui` checks that the guard is in place
    dagster_webserver.app.DagsterWebserver = GuardedWebserver  # type: ignore[attr-defined] # imported there
    cli(auto_envvar_prefix="DAGSTER_WEBSERVER")
