"""Associations: batch read (dated, v4, v3) and the pages of one record.

https://developers.hubspot.com/docs/api-reference/crm-associations-v4/guide
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from sandbox.apis.hubspot.common import Endpoint, Reply, invalid, json_body, paged
from sandbox.apis.hubspot.objects import batch_status, object_type, read_scope
from sandbox.apis.hubspot.records import Crm
from sandbox.apis.hubspot.schema import DECISION_MAKER, SINGULAR
from sandbox.apis.state import base_url
from sandbox.counting.hubspot import stamp

MAX_INPUTS = 1000
MAX_PAGE = 500
_PRIMARY = (1, 2, 5, 6)


class Associations:
    """The association endpoints."""

    def __init__(self, crm: Crm) -> None:
        self.crm = crm
        self.sandbox = crm.sandbox

    def endpoints(self) -> list[Endpoint]:
        """The routes; dated, v4 and v3 ones."""
        found = [
            Endpoint("GET", f"{stem}/associations/{{to_type}}", self.of_one, read_scope)
            for stem in (
                "/crm/v4/objects/{type}/{id}",
                "/crm/v3/objects/{type}/{id}",
                "/crm/objects/{version}/{type}/{id}",
            )
        ]
        for stem in ("/crm/v4/associations", "/crm/v3/associations", "/crm/associations/{version}"):
            path = f"{stem}/{{from_type}}/{{to_type}}/batch/read"
            found.append(Endpoint("POST", path, self.batch, read_scope))
        return found

    def _page(
        self, kind: str, object_id: str, other: str, after: str | None, most: int
    ) -> tuple[list[dict[str, Any]], str | None]:
        """A page of the tied records by id, and the cursor of the next one."""
        tied = self.crm.snapshot().tied(kind, object_id, other)
        rest = [i for i in sorted(tied, key=int) if after is None or int(i) >= int(after)]
        faults = self.sandbox.faults
        size = int(faults.value("association_pages", "size", min(most, self.sandbox.caps.hubspot_associated)))
        as_number = faults.value("association_ids", "as", "number") == "number"
        rows: list[dict[str, Any]] = [
            {
                "toObjectId": int(i) if as_number else i,
                "associationTypes": [_type(number) for number in tied[i]],
            }
            for i in rest[:size]
        ]
        if (kind, other) == ("deals", "contacts") and rows and after is None:
            label = {"category": "USER_DEFINED", "typeId": DECISION_MAKER, "label": "Decision maker"}
            rows[0]["associationTypes"].append(label)
        if faults.get("duplicate_association_types") is not None:
            for row in rows:
                row["associationTypes"] += row["associationTypes"]
            rows = [row for row in rows for _ in range(2)]
        return rows, rest[size] if len(rest) > size else None

    async def batch(self, request: Request) -> Reply:
        """Associations of many records; records without any are reported as errors."""
        kind = object_type(request, request.path_params["from_type"])
        other = object_type(request, request.path_params["to_type"])
        inputs = (await json_body(request)).get("inputs", [])
        if len(inputs) > MAX_INPUTS:
            raise invalid(request, f"inputs: at most {MAX_INPUTS} are allowed")
        results: list[dict[str, Any]] = []
        errors: list[dict[str, Any]] = []
        legacy = "/crm/v3/associations/" in request.url.path
        for item in inputs:
            object_id, after = str(item.get("id", "")), item.get("after")
            rows, following = self._page(kind, object_id, other, after, MAX_PAGE)
            if not rows:
                errors.append(_no_association(kind, object_id))
                continue
            to = [row for plain in rows for row in _legacy(kind, other, plain)] if legacy else rows
            result: dict[str, Any] = {"from": {"id": object_id}, "to": to}
            if following is not None:
                path = f"/crm/v4/objects/{kind}/{object_id}/associations/{other}"
                link = f"{base_url(request)}{path}?after={following}"
                result["paging"] = {"next": {"after": following, "link": link}}
            results.append(result)
        at = stamp(self.sandbox.now)
        answer: dict[str, Any] = {
            "status": "COMPLETE",
            "results": results,
            "startedAt": at,
            "completedAt": at,
        }
        if errors:
            answer |= {"numErrors": len(errors), "errors": errors}
        return Reply(answer, batch_status(request, self.crm, failed=bool(errors)))

    async def of_one(self, request: Request) -> dict[str, Any]:
        """Associations of one record, paged."""
        kind = object_type(request, request.path_params["type"])
        other = object_type(request, request.path_params["to_type"])
        object_id = self.crm.snapshot().resolve(kind, request.path_params["id"])
        size = request.query_params.get("limit", str(MAX_PAGE))
        if not size.isdigit() or not 1 <= int(size) <= MAX_PAGE:
            raise invalid(request, f"limit must be a number from 1 to {MAX_PAGE}")
        rows, after = self._page(kind, object_id, other, request.query_params.get("after"), int(size))
        if "/crm/v3/" in request.url.path:
            rows = [row for plain in rows for row in _legacy(kind, other, plain)]
        return paged(request, rows, after)


def _type(number: int) -> dict[str, Any]:
    label = "Primary" if number in _PRIMARY else None
    return {"category": "HUBSPOT_DEFINED", "typeId": number, "label": label}


def _legacy(kind: str, other: str, row: dict[str, Any]) -> list[dict[str, str]]:
    """A pair as v3 returns it: once per association type."""
    name = f"{SINGULAR[kind]}_to_{SINGULAR[other]}"
    kinds = {
        name if entry["typeId"] in _PRIMARY else f"{name}_unlabeled" for entry in row["associationTypes"]
    }
    if (kind, other) in (("contacts", "deals"), ("deals", "contacts")):
        kinds = {name, f"{name}_unlabeled"}
    return [{"id": str(row["toObjectId"]), "type": label} for label in sorted(kinds)]


def _no_association(kind: str, object_id: str) -> dict[str, Any]:
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
        "message": f"No {SINGULAR[kind]} is associated with {object_id}.",
        "context": {"fromObjectId": [object_id]},
        "errors": [],
        "links": {},
    }
