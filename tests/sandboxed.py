"""A small simulated company, asked in-process: no port, no server, its own switches and clock."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from sandbox.apis.state import Sandbox
from sandbox.serve import build_app, build_sandbox


class Asked:
    """A sandbox and requests to it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self._app = build_app(sandbox)

    @classmethod
    def small(cls, people: int = 120, **options: Any) -> Asked:
        """A company of that many people."""
        return cls(build_sandbox(people=people, **options))

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request to any path of the sandbox."""

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://sandbox.test") as client:
                return await client.request(method, path, **options)

        return asyncio.run(ask())

    # -- HubSpot ----------------------------------------------------------------------------------------

    def hubspot(self, method: str, path: str, token: str | None = None, **options: Any) -> httpx.Response:
        """One request to HubSpot with the portal's token, or another one."""
        headers = {"Authorization": f"Bearer {token or self.sandbox.credentials.hubspot_token}"}
        return self.request(method, f"/hubspot{path}", headers=headers, **options)

    def get(self, path: str, **params: Any) -> Any:
        """The body of a successful GET."""
        answer = self.hubspot("GET", path, params=params or None)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """The body of a successful POST (200 or 207)."""
        answer = self.hubspot("POST", path, json=body)
        assert answer.status_code in (200, 207), answer.text
        return answer.json()

    def rows(self, path: str, **params: Any) -> list[dict[str, Any]]:
        """All rows, following `paging.next.after`."""
        found: list[dict[str, Any]] = []
        while True:
            body = self.get(path, **params)
            found += body["results"]
            if "paging" not in body:
                return found
            params["after"] = body["paging"]["next"]["after"]

    def ids(self, kind: str = "contacts", **params: Any) -> list[str]:
        """Ids as the object list has them."""
        return [row["id"] for row in self.rows(f"/crm/objects/2026-09/{kind}", limit=100, **params)]

    def found(self, kind: str = "contacts", *filters: dict[str, Any]) -> list[str]:
        """Ids as the search finds them."""
        body = {"filterGroups": [{"filters": list(filters)}] if filters else [], "limit": 200}
        return [row["id"] for row in self.post(f"/crm/objects/2026-09/{kind}/search", body)["results"]]

    def record(self, object_id: str, *properties: str, kind: str = "contacts", **params: Any) -> Any:
        """One record with those properties."""
        return self.get(f"/crm/v3/objects/{kind}/{object_id}", properties=",".join(properties), **params)

    # -- switches ---------------------------------------------------------------------------------------

    def do(self, **operation: Any) -> Any:
        """Change the portal by hand; the answer."""
        answer = self.request("POST", "/_sandbox/hubspot", json=operation)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def fault(self, **faults: Any) -> None:
        """Switch faults on."""
        answer = self.request("POST", "/_sandbox/faults", json=faults)
        assert answer.status_code == 200, answer.text

    def clock(self, now: str) -> None:
        """Set the clock."""
        assert self.request("POST", "/_sandbox/clock", json={"now": now}).status_code == 200
