"""Contacts, companies and deals: list, read, batch read, search, merge, archive, GDPR delete.

https://developers.hubspot.com/docs/api-reference/crm-contacts-v3/guide
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sandbox.apis.hubspot.changes import Changes, Refused
from sandbox.apis.hubspot.common import (
    Endpoint,
    Reply,
    flag,
    invalid,
    json_body,
    limit,
    names,
    not_found,
    paged,
)
from sandbox.apis.hubspot.records import Crm, Record, Snapshot
from sandbox.apis.hubspot.schema import CHANGED, DEFAULTS, SINGULAR, TYPE_IDS
from sandbox.apis.state import base_url, parse_instant
from sandbox.counting.hubspot import epoch_ms, stamp

MAX_PAGE = 100
MAX_PAGE_WITH_HISTORY = 50
MAX_BATCH = 100
MAX_BATCH_WITH_HISTORY = 50
MAX_SEARCH_PAGE = 200
MAX_SEARCH_RESULTS = 10_000
#: https://developers.hubspot.com/docs/api-reference/search/guide#limitations
MAX_FILTER_GROUPS, MAX_GROUP_FILTERS, MAX_FILTERS = 5, 6, 18
_TOO_MANY = "The maximum number of inputs supported in a batch request is 100"
_TOO_MANY_WITH_HISTORY = (
    "The maximum number of inputs supported in a batch request for property histories is 50"
)
_REDUCE = ". Please reduce the number of items and try again"
_ALIASES = {
    **{name: kind for kind, name in SINGULAR.items()},
    **{number: kind for kind, number in TYPE_IDS.items()},
}


def object_type(request: Request, name: str) -> str:
    """The plural name of a type given by plural, singular or number. Raises ApiError (400) for others."""
    name = _ALIASES.get(name, name)
    if name not in DEFAULTS:
        raise invalid(request, f"Unable to infer object type from: {name}")
    return name


def read_scope(request: Request) -> tuple[str, ...]:
    """The scope that reading a type needs."""
    name = str(request.path_params.get("type") or request.path_params.get("from_type"))
    return (f"crm.objects.{_ALIASES.get(name, name)}.read",)


def write_scope(request: Request) -> tuple[str, ...]:
    """The scope that changing a type needs."""
    name = str(request.path_params["type"])
    return (f"crm.objects.{_ALIASES.get(name, name)}.write",)


class Objects:
    """The object endpoints of every type."""

    def __init__(self, crm: Crm, changes: Changes) -> None:
        self.crm = crm
        self.sandbox = crm.sandbox
        self.changes = changes

    def endpoints(self) -> list[Endpoint]:
        """The routes; dated and v3 ones."""
        found: list[Endpoint] = []
        for stem in ("/crm/v3/objects/{type}", "/crm/objects/{version}/{type}"):
            found += [
                Endpoint("GET", stem, self.listing, read_scope),
                Endpoint("POST", f"{stem}/batch/read", self.batch_read, read_scope),
                Endpoint("POST", f"{stem}/search", self.search, read_scope),
                Endpoint("POST", f"{stem}/merge", self.merge, write_scope),
                Endpoint("POST", f"{stem}/gdpr-delete", self.erase, write_scope),
                Endpoint("GET", f"{stem}/{{id}}", self.one, read_scope),
                Endpoint("DELETE", f"{stem}/{{id}}", self.archive, write_scope),
            ]
        return found

    # -- answers ----------------------------------------------------------------------------------------

    def _answers(
        self, kind: str, wanted: list[str], with_history: list[str]
    ) -> Callable[[Record], dict[str, Any]]:
        """How to answer records with the properties asked for; unknown ones are left out."""
        known = self.crm.definitions(kind)
        asked = {*(wanted or DEFAULTS[kind]), "createdate", "hs_object_id", CHANGED[kind]}
        names, traced = sorted(asked & known.keys()), {n: known[n] for n in with_history if n in known}
        most = self.sandbox.faults.value("history_cap", "entries", None)

        def answered(record: Record) -> dict[str, Any]:
            row: dict[str, Any] = {
                "id": record.id,
                "properties": {name: record.values.get(name) for name in names},
            }
            if with_history:
                histories = record.histories(traced).items()
                row["propertiesWithHistory"] = {name: entries[:most] for name, entries in histories}
            created, updated = stamp(record.created_at), stamp(record.updated_at)
            row |= {"createdAt": created, "updatedAt": updated, "archived": record.archived_at is not None}
            if record.archived_at is not None:
                row["archivedAt"] = stamp(record.archived_at)
            return row

        return answered

    async def listing(self, request: Request) -> dict[str, Any]:
        """Objects of a type by id: live ones, or archived ones only."""
        kind = object_type(request, request.path_params["type"])
        history, wanted = names(request, "propertiesWithHistory"), names(request, "properties")
        size = limit(request, 10, MAX_PAGE_WITH_HISTORY if history else MAX_PAGE)
        after = request.query_params.get("after", "0")
        if not after.isdigit():
            raise invalid(request, f"Invalid paging cursor: {after}")
        snapshot = self.crm.snapshot()
        ids = snapshot.archived[kind] if flag(request, "archived") else snapshot.live[kind]
        records = snapshot.records[kind]
        if flag(request, "archived") and self.sandbox.faults.get("merged_in_archived") is not None:
            records = {**records, **snapshot.merged[kind]}
            ids = sorted([*ids, *snapshot.merged[kind]], key=int)
        first = bisect_left(ids, int(after), key=int)
        page = ids[first : first + size]
        rows = [*map(self._answers(kind, wanted, history), (records[i] for i in page))]
        others = [_ALIASES.get(name, name) for name in names(request, "associations")]
        for row in rows:
            tied = {
                other: self._inline(request, snapshot, kind, row["id"], other)
                for other in others
                if other in DEFAULTS and other != kind
            }
            tied = {other: found for other, found in tied.items() if found["results"]}
            if tied:
                row["associations"] = tied
        return paged(request, rows, ids[first + size] if len(ids) > first + size else None)

    def _inline(
        self, request: Request, snapshot: Snapshot, kind: str, object_id: str, other: str
    ) -> dict[str, Any]:
        """Associations in a listing: the same pair once per type."""
        name = f"{SINGULAR[kind]}_to_{SINGULAR[other]}"
        tied = sorted(snapshot.tied(kind, object_id, other), key=int)
        size = int(self.sandbox.faults.value("association_pages", "size", len(tied)))
        rows = [
            {"id": found, "type": label} for found in tied[:size] for label in (name, f"{name}_unlabeled")
        ]
        if size >= len(tied):
            return {"results": rows}
        link = (
            f"{base_url(request)}/crm/v3/objects/{kind}/{object_id}/associations/{other}?after={tied[size]}"
        )
        return {"results": rows, "paging": {"next": {"after": tied[size], "link": link}}}

    async def one(self, request: Request) -> dict[str, Any]:
        """One object; an id that was merged away answers the record it became part of."""
        kind = object_type(request, request.path_params["type"])
        record = self._find(request, kind, request.path_params["id"], archived=flag(request, "archived"))
        history, wanted = names(request, "propertiesWithHistory"), names(request, "properties")
        return self._answers(kind, wanted, history)(record)

    def _find(self, request: Request, kind: str, given: str, *, archived: bool) -> Record:
        if request.query_params.get("idProperty") == "email" and kind == "contacts":
            given = self._by_email().get(given.lower(), given)
        record = self.crm.snapshot().find(kind, given)
        if record is None or (record.archived_at is not None) is not archived:
            raise not_found(request)
        return record

    def _by_email(self) -> dict[str, str]:
        snapshot = self.crm.snapshot()

        def build() -> dict[str, str]:
            return {
                email.lower(): i
                for i in snapshot.live["contacts"]
                if (email := snapshot.records["contacts"][i].values["email"])
            }

        return self.sandbox.cached("hubspot-contacts-by-email", build)

    async def batch_read(self, request: Request) -> Reply:
        """Objects by id or e-mail; the ids that do not exist are reported as one error."""
        kind, body = object_type(request, request.path_params["type"]), await json_body(request)
        inputs = list(dict.fromkeys(str(item.get("id", "")) for item in body.get("inputs", [])))
        wanted, history = list(body.get("properties", [])), list(body.get("propertiesWithHistory", []))
        if history and len(inputs) > MAX_BATCH_WITH_HISTORY:
            raise invalid(request, _TOO_MANY_WITH_HISTORY + _REDUCE)
        if len(inputs) > MAX_BATCH:
            raise invalid(request, _TOO_MANY + _REDUCE)
        if body.get("idProperty") == "email" and kind == "contacts":
            by_email = self._by_email()
            inputs = [by_email.get(value.lower(), value) for value in inputs]
        archived, snapshot = flag(request, "archived"), self.crm.snapshot()
        found = {i: snapshot.find(kind, i) for i in inputs}
        answered = self._answers(kind, wanted, history)
        rows = {
            record.id: answered(record)
            for record in found.values()
            if record is not None and (record.archived_at is not None) is archived
        }
        missing = [
            i
            for i, record in found.items()
            if record is None or (record.archived_at is not None) is not archived
        ]
        at = stamp(self.sandbox.now)
        answer: dict[str, Any] = {
            "status": "COMPLETE",
            "results": list(rows.values()),
            "startedAt": at,
            "completedAt": at,
        }
        if missing:
            error = {
                "status": "error",
                "category": "OBJECT_NOT_FOUND",
                "message": f"Could not get some {SINGULAR[kind].upper()} objects, they may be deleted or not "
                "exist. Check that ids are valid.",
                "context": {"ids": missing},
                "errors": [],
                "links": {},
            }
            answer |= {"numErrors": 1, "errors": [error]}
        return Reply(answer, batch_status(request, self.crm, failed=bool(missing)))

    # -- search -----------------------------------------------------------------------------------------

    async def search(self, request: Request) -> dict[str, Any]:
        """Live objects by filters, sorted by one property, paged by offset, read from the index."""
        kind, body = object_type(request, request.path_params["type"]), await json_body(request)
        faults = self.sandbox.faults
        size, offset = int(body.get("limit", 10)), int(body.get("after") or 0)
        if not 1 <= size <= MAX_SEARCH_PAGE:
            raise invalid(request, f"limit must be from 1 to {MAX_SEARCH_PAGE}")
        cap = int(faults.value("search_cap", "results", MAX_SEARCH_RESULTS))
        if offset + size > cap:
            raise invalid(request, f"The total number of results may not exceed {cap}")
        lag = timedelta(seconds=float(faults.value("index_lag", "seconds", 0)))
        snapshot = self.crm.snapshot(self.sandbox.now - lag)
        rows = [snapshot.records[kind][i] for i in snapshot.live[kind]]
        groups = [group.get("filters", []) for group in body.get("filterGroups", [])]
        if len(groups) > MAX_FILTER_GROUPS or any(len(group) > MAX_GROUP_FILTERS for group in groups):
            raise invalid(request, "There are too many filters in the filter groups")
        if sum(map(len, groups)) > MAX_FILTERS:
            raise invalid(request, "There are too many filters in the filter groups")
        if groups:
            known = self.crm.definitions(kind)
            for unknown in (f.get("propertyName") for group in groups for f in group):
                if unknown not in known:
                    raise invalid(request, f"Property '{unknown}' does not exist for {kind}")
            rules = [[_rule(request, filter_) for filter_ in group] for group in groups]
            rows = [row for row in rows if any(all(fits(row) for fits in group) for group in rules)]
        for sort in body.get("sorts", [])[:1]:
            given = sort if isinstance(sort, dict) else {"propertyName": str(sort).lstrip("-")}
            name = given["propertyName"]
            descending = given.get("direction") == "DESCENDING" or str(sort).startswith("-")
            rows.sort(key=lambda row: _comparable(row.values.get(name)), reverse=descending)
        start = offset + int(faults.value("offset_drift", "by", 0)) if offset else 0
        answered = self._answers(kind, list(body.get("properties", [])), [])
        page = [*map(answered, rows[start : start + size])]
        answer: dict[str, Any] = {"total": len(rows), "results": page}
        if len(rows) > offset + size:
            answer["paging"] = {"next": {"after": str(offset + size)}}
        return answer

    # -- changes ----------------------------------------------------------------------------------------

    async def merge(self, request: Request) -> dict[str, Any]:
        """Two records into a new one."""
        kind, body = object_type(request, request.path_params["type"]), await json_body(request)
        primary, secondary = str(body.get("primaryObjectId", "")), str(body.get("objectIdToMerge", ""))
        try:
            merged = self.changes.merge(kind, primary, secondary)
        except Refused as refused:
            raise invalid(request, str(refused)) from refused
        return self._answers(kind, [], [])(self.crm.snapshot().records[kind][merged])

    async def erase(self, request: Request) -> Response:
        """GDPR delete by id or e-mail."""
        kind, body = object_type(request, request.path_params["type"]), await json_body(request)
        given = str(body.get("objectId", ""))
        if body.get("idProperty") == "email":
            given = self._by_email().get(given.lower(), given)
        try:
            self.changes.erase(kind, [given])
        except Refused as refused:
            raise not_found(request, str(refused)) from refused
        return Response(status_code=204)

    async def archive(self, request: Request) -> Response:
        """Move to the recycle bin."""
        kind = object_type(request, request.path_params["type"])
        record = self._find(request, kind, request.path_params["id"], archived=False)
        self.changes.archive(kind, [record.id])
        return Response(status_code=204)


def batch_status(request: Request, crm: Crm, *, failed: bool) -> int:
    """207 where some inputs failed; 200 by the 2026-09 specification."""
    if not failed:
        return 200
    usual = 200 if request.path_params.get("version") == "2026-09" else 207
    return int(crm.sandbox.faults.value("batch_status", "status", usual))


def _comparable(value: str | None) -> tuple[int, float, str]:
    """A property value in a form that numbers, instants and texts sort by."""
    if value is None:
        return (0, 0.0, "")
    if value.isdigit():
        return (1, float(value), "")
    try:
        return (1, float(epoch_ms(parse_instant(value))), "")
    except ValueError:
        return (2, 0.0, value.lower())


def _rule(request: Request, given: dict[str, Any]) -> Callable[[Record], bool]:
    """A filter as a test of a record. Raises ApiError (400) for an operator nobody knows."""
    name, operator = str(given.get("propertyName", "")), given.get("operator")
    value = _comparable(str(given["value"])) if "value" in given else (0, 0.0, "")
    listed = [_comparable(str(v)) for v in given.get("values", [])]
    high = _comparable(str(given.get("highValue", "")))
    word = str(given.get("value", "")).strip("*").lower()
    tests: dict[str, Callable[[str, tuple[int, float, str]], bool]] = {
        "EQ": lambda _, held: held == value,
        "LT": lambda _, held: held < value,
        "LTE": lambda _, held: held <= value,
        "GT": lambda _, held: held > value,
        "GTE": lambda _, held: held >= value,
        "BETWEEN": lambda _, held: value <= held <= high,
        "IN": lambda _, held: held in listed,
        "HAS_PROPERTY": lambda *_: True,
        "CONTAINS_TOKEN": lambda text, _: word in text.lower(),
    }
    # these hold for records without the property, too
    opposites = {
        "NEQ": "EQ",
        "NOT_IN": "IN",
        "NOT_HAS_PROPERTY": "HAS_PROPERTY",
        "NOT_CONTAINS_TOKEN": "CONTAINS_TOKEN",
    }
    test = tests.get(opposites.get(str(operator), str(operator)))
    if test is None:
        raise invalid(request, f"Invalid operator: {operator}")
    opposite = operator in opposites

    def fits(record: Record) -> bool:
        held = record.values.get(name)
        return (held is not None and test(held, _comparable(held))) is not opposite

    return fits
