"""The large portal's endpoints.

A listing's next page is rendered once this one is on its way, so that a reader waits for nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import numpy as np
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response

from sandbox.apis.state import Credentials, Json, base_url, bearer
from sandbox.bulk import records
from sandbox.bulk.common import (
    MAX_PAGE,
    MAX_PAGE_WITH_HISTORY,
    Asked,
    Query,
    Refused,
    Render,
    Traffic,
    Window,
    decoded,
    encoded,
    epoch_ms,
    json_body,
)
from sandbox.bulk.portal import Ints, Portal
from sandbox.bulk.search import Search

MAX_SUBMISSIONS = 50
MAX_BATCH = 100
MAX_ASSOCIATION_INPUTS = 1000
MAX_SEARCH_PAGE = 200
MAX_SEARCH_RESULTS = 10_000
PORTAL_ID = 145_880_233
#: Requests in any ten seconds and searches in any second, Professional and Enterprise portals:
#: https://developers.hubspot.com/docs/developer-tooling/platform/usage-guidelines
LIMIT_PER_TEN_SECONDS = 190
LIMIT_SEARCH_PER_SECOND = 5
#: Object types the vendor has and this portal holds nothing of.
EMPTY_TYPES = frozenset(
    {"calls", "communications", "emails", "feedback_submissions", "goal_targets", "leads", "line_items"}
    | {"meetings", "notes", "postal_mail", "products", "quotes", "tasks", "tickets"}
)
#: What the headers say where limits are off, so that no reader paces itself.
_NO_LIMIT = 1_000_000
_PAGES_AHEAD = 64


class Api:
    """The portal's endpoints."""

    def __init__(self, portal: Portal, *, limits: bool, web_analytics: bool) -> None:
        self.portal, self.web_analytics = portal, web_analytics
        self.traffic = Traffic()
        self.token = Credentials().hubspot_token
        self._rolling = Window(LIMIT_PER_TEN_SECONDS if limits else _NO_LIMIT, 10.0)
        self._searches = Window(LIMIT_SEARCH_PER_SECOND if limits else _NO_LIMIT, 1.0)
        self._ahead: OrderedDict[tuple[Query, str], tuple[bytes, str | None]] = OrderedDict()
        self._search = Search(portal)
        self._cached_generation = portal.generation

    # -- every request ----------------------------------------------------------------------------------

    def admit(self, request: Request) -> dict[str, str]:
        """Check token and limits; gives the answer's rate headers."""
        if bearer(request) != self.token:
            raise Refused(401, "INVALID_AUTHENTICATION", "Authentication credentials not found.")
        if request.url.path.endswith("/search"):
            if not self._searches.take():
                raise self._throttled("secondly", "SECONDLY")
            return {}
        if not self._rolling.take():
            raise self._throttled("ten_secondly_rolling", "TEN_SECONDLY_ROLLING")
        return {
            "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
            "X-HubSpot-RateLimit-Max": str(self._rolling.most),
            "X-HubSpot-RateLimit-Remaining": str(self._rolling.left()),
        }

    def _throttled(self, limit: str, policy: str) -> Refused:
        return Refused(
            429,
            "RATE_LIMITS",
            f"You have reached your {limit} limit.",
            errorType="RATE_LIMIT",
            policyName=policy,
        )

    def note(self, kind: str, properties: Sequence[str], history: Sequence[str]) -> Asked:
        """Remember which properties a type is asked for."""
        asked = self.traffic.asked.setdefault(kind, Asked())
        asked.properties = list(properties) or asked.properties
        asked.history = list(history) or asked.history
        return asked

    def _forget_if_changed(self) -> None:
        if self._cached_generation != self.portal.generation:
            self._ahead.clear()
            self._cached_generation = self.portal.generation

    def listing(self, render: Render) -> Callable[[Request], Awaitable[Response]]:
        """A handler that pages, one page ahead."""

        async def handle(request: Request) -> Response:
            params = request.query_params.multi_items()
            after = next((value for name, value in params if name == "after"), "")
            query = Query(
                request.url.path.removeprefix(request.scope.get("root_path", "")),
                tuple(pair for pair in params if pair[0] != "after"),
                base_url(request),
            )
            self._forget_if_changed()
            body, following = (
                self._ahead.pop((query, after)) if (query, after) in self._ahead else render(query, after)
            )
            background = BackgroundTask(self._prepare, render, query, following) if following else None
            return Response(body, media_type="application/json", background=background)

        return handle

    async def _prepare(self, render: Render, query: Query, after: str) -> None:
        self._forget_if_changed()
        self._ahead[query, after] = render(query, after)
        while len(self._ahead) > _PAGES_AHEAD:
            self._ahead.popitem(last=False)

    # -- listings ---------------------------------------------------------------------------------------

    def objects(self, query: Query, after: str) -> tuple[bytes, str | None]:
        """CRM objects of a type by id, live or archived."""
        name = self._kind(query.path.rsplit("/", 1)[1])
        properties, history = query.names("properties"), query.names("propertiesWithHistory")
        limit = query.limit(10, MAX_PAGE_WITH_HISTORY if history else MAX_PAGE)
        if name is None:
            return query.body([], None), None
        asked = self.note(name, properties, history)
        ids, positions = self._listed(name, query.get("archived") == "true")
        start = int(np.searchsorted(ids, self._number(after)))
        chosen = positions[start : start + limit]
        asked.listed_with_history += len(chosen) if history else 0
        rows = records.objects(self.portal, name, chosen, properties, history)
        for other in query.names("associations"):
            self._inline(name, chosen, rows, other)
        following = str(ids[start + limit]) if start + limit < len(ids) else None
        return query.body(rows, following), following

    def _listed(self, name: str, archived: bool) -> tuple[Ints, Ints]:
        kind = records.KINDS[name]
        positions = np.flatnonzero(kind.archived(self.portal) == archived)
        return kind.ids(self.portal)[positions], positions

    def _inline(self, name: str, positions: Ints, rows: list[dict[str, Any]], other: str) -> None:
        to = self._kind(other)
        if to is None or to == name:
            return
        label = f"{records.singular(name)}_to_{records.singular(to)}"
        for position, row in zip(positions.tolist(), rows, strict=True):
            found = [
                {"id": str(number), "type": kind}
                for number in self._associated(name, position, to)
                for kind in (label, f"{label}_unlabeled")
            ]
            if found:
                row.setdefault("associations", {})[to] = {"results": found}

    def forms(self, query: Query, after: str) -> tuple[bytes, str | None]:
        """Forms of the asked types; only HubSpot's own by default."""
        rows = records.forms(self.portal, query.names("formTypes") or ["hubspot"])
        return self._sliced(query, after, [] if query.get("archived") == "true" else rows, 50, 1000)

    def owners(self, query: Query, after: str) -> tuple[bytes, str | None]:
        """The portal's users."""
        rows = [] if query.get("archived") == "true" else records.owners()
        return self._sliced(query, after, rows, 100, 500)

    def exchange_rates(self, query: Query, after: str) -> tuple[bytes, str | None]:
        """Exchange rates into the home currency."""
        return self._sliced(query, after, records.exchange_rates(), 100, 100)

    def nothing(self, query: Query, after: str) -> tuple[bytes, str | None]:
        """A listing without anything in it."""
        return query.body([], None, total=0), None

    def submissions(self, query: Query, after: str) -> tuple[bytes, str | None]:
        """A form's log, newest first; positions shift when new submissions arrive."""
        form = query.path.rsplit("/", 1)[1]
        if form not in self.portal.form_guids:
            raise Refused(404, "OBJECT_NOT_FOUND", f"No form found with guid {form}")
        log = self.portal.logs[self.portal.form_guids.index(form)]
        limit, start = query.limit(20, MAX_SUBMISSIONS), self._number(decoded(after))
        following = encoded(str(start + limit)) if start + limit < len(log) else None
        return query.body(records.submissions(self.portal, log[start : start + limit]), following), following

    def events(self, query: Query, after: str) -> tuple[bytes, str | None]:
        """Page views of all contacts or of one, in a time range; newest first by default."""
        if not self.web_analytics:
            raise Refused(403, "MISSING_SCOPES", "This app hasn't been granted all required scopes.")
        limit = query.limit(100, 1000)
        if query.get("eventType", "e_visited_page") != "e_visited_page":
            return query.body([], None), None
        whole = self._events_of(query)
        at = self.portal.viewed_at if whole is None else self.portal.viewed_at[whole]
        first, end = self._range(query, at)
        newest_first = query.get("sort", "-occurredAt").startswith("-")
        if after:
            # the token names the last record returned; later arrivals lie behind all others
            last = int(decoded(after).split("|")[4])
            place = last if whole is None else int(np.searchsorted(whole, last))
            first, end = (first, min(end, place)) if newest_first else (max(first, place + 1), end)
        chosen = (
            np.arange(max(first, end - limit), end)[::-1]
            if newest_first
            else np.arange(first, min(end, first + limit))
        )
        positions = chosen if whole is None else whole[chosen]
        following = None
        if end - first > limit:
            last = int(positions[-1])
            owner = self.portal.contact_ids[self.portal.viewer[last]]
            following = encoded(f"{self.portal.viewed_at[last]}|0-1|{owner}|4-1553675|{last}|")
        return query.body(records.page_views(self.portal, positions), following), following

    def _events_of(self, query: Query) -> Ints | None:
        owner = query.get("objectId")
        if not owner:
            return None
        place = self._place("contacts", owner)
        return np.empty(0, np.int64) if place is None else self.portal.page_views_of(place)

    def _range(self, query: Query, at: Ints) -> tuple[int, int]:
        first, end = 0, len(at)
        if query.get("occurredAfter"):
            first = int(np.searchsorted(at, epoch_ms(query.get("occurredAfter"))))
        if query.get("occurredBefore"):
            end = int(np.searchsorted(at, epoch_ms(query.get("occurredBefore")), "right"))
        return first, max(first, end)

    def _sliced(
        self, query: Query, after: str, rows: list[Any], default: int, most: int
    ) -> tuple[bytes, str | None]:
        limit, start = query.limit(default, most), self._number(decoded(after))
        following = encoded(str(start + limit)) if start + limit < len(rows) else None
        return query.body(rows[start : start + limit], following), following

    def _number(self, after: str) -> int:
        if after and not after.isdigit():
            raise Refused(400, "VALIDATION_ERROR", f"Invalid paging cursor: {after}")
        return int(after or 0)

    def _kind(self, text: str) -> str | None:
        name = records.kind_name(text)
        if name is None and text not in EMPTY_TYPES:
            raise Refused(400, "VALIDATION_ERROR", f"Unable to infer object type from: {text}")
        return name

    def _place(self, name: str, object_id: str) -> int | None:
        ids = records.KINDS[name].ids(self.portal)
        number = int(object_id) if object_id.isdigit() else -1
        place = int(np.searchsorted(ids, number))
        return place if place < len(ids) and ids[place] == number else None

    # -- single objects, batches, search ----------------------------------------------------------------

    async def one(self, request: Request) -> Response:
        """Read one object."""
        name = self._kind(request.path_params["type"])
        params = tuple(request.query_params.multi_items())
        query = Query(request.url.path, params, base_url(request))
        rows = self._read(
            name,
            [request.path_params["id"]],
            query.names("properties"),
            query.names("propertiesWithHistory"),
            query.get("archived") == "true",
        )
        if not rows:
            raise Refused(404, "OBJECT_NOT_FOUND", "resource not found")
        return Json(rows[0])

    async def batch_read(self, request: Request) -> Response:
        """Read objects by id; missing ones are left out."""
        name, body = self._kind(request.path_params["type"]), await json_body(request)
        inputs = [str(item.get("id", "")) for item in body.get("inputs", [])]
        history = list(body.get("propertiesWithHistory") or [])
        if history and len(inputs) > MAX_PAGE_WITH_HISTORY:
            raise Refused(
                400,
                "VALIDATION_ERROR",
                "The maximum number of inputs supported in a batch request for property histories is 50. "
                "Please reduce the number of items and try again",
            )
        if len(inputs) > MAX_BATCH:
            raise Refused(400, "VALIDATION_ERROR", f"inputs: at most {MAX_BATCH} are allowed")
        archived = request.query_params.get("archived", "false") == "true"
        rows = self._read(name, inputs, list(body.get("properties") or []), history, archived)
        at = self._now()
        return Json({"status": "COMPLETE", "results": rows, "startedAt": at, "completedAt": at})

    def _read(
        self, name: str | None, inputs: list[str], properties: list[str], history: list[str], archived: bool
    ) -> list[dict[str, Any]]:
        if name is None:
            return []
        asked = self.note(name, properties, history)
        asked.read_with_history += len(inputs) if history else 0
        gone = records.KINDS[name].archived(self.portal)
        places = [place for item in inputs if (place := self._place(name, item)) is not None]
        chosen = np.array([place for place in places if gone[place] == archived], np.int64)
        return records.objects(self.portal, name, chosen, properties, history) if len(chosen) else []

    async def search(self, request: Request) -> Response:
        """Search live objects by filters, sorted by one property, paged by offset."""
        name, body = self._kind(request.path_params["type"]), await json_body(request)
        limit, offset = int(body.get("limit", 10)), int(body.get("after") or 0)
        if not 1 <= limit <= MAX_SEARCH_PAGE:
            raise Refused(400, "VALIDATION_ERROR", f"limit must be from 1 to {MAX_SEARCH_PAGE}")
        if offset + limit > MAX_SEARCH_RESULTS:
            raise Refused(400, "VALIDATION_ERROR", "The total number of results may not exceed 10000")
        if name is None:
            return Json({"total": 0, "results": []})
        properties = list(body.get("properties") or [])
        self.note(name, properties, [])
        found = self._search.find(name, body)
        rows = records.objects(self.portal, name, found[offset : offset + limit], properties, ())
        answer: dict[str, Any] = {"total": len(found), "results": rows}
        if len(found) > offset + limit:
            answer["paging"] = {"next": {"after": str(offset + limit)}}
        return Json(answer)

    # -- associations -----------------------------------------------------------------------------------

    def _associated(self, name: str, position: int, to: str) -> list[int]:
        portal = self.portal
        if (name, to) == ("contacts", "companies"):
            employer = int(portal.employer[position])
            return [] if employer < 0 else [int(portal.company_ids[employer])]
        if (name, to) == ("companies", "contacts"):
            return portal.contact_ids[portal.contacts_of_company(position)].tolist()  # type: ignore[no-any-return]
        if (name, to) == ("deals", "contacts"):
            return portal.contact_ids[portal.contacts_of_deal(position)].tolist()  # type: ignore[no-any-return]
        if (name, to) == ("contacts", "deals"):
            return portal.deal_ids[portal.deals_of_contact(position)].tolist()  # type: ignore[no-any-return]
        if (name, to) == ("deals", "companies"):
            return self._associated("contacts", int(portal.deal_contact[position]), "companies")
        if (name, to) == ("companies", "deals"):
            people = portal.contacts_of_company(position)
            return portal.deal_ids[np.isin(portal.deal_contact, people)].tolist()  # type: ignore[no-any-return]
        return []

    async def associations(self, request: Request) -> Response:
        """Associations of many records; records without any are reported as errors."""
        name, to = (self._kind(request.path_params[side]) for side in ("from_type", "to_type"))
        inputs = (await json_body(request)).get("inputs", [])
        if len(inputs) > MAX_ASSOCIATION_INPUTS:
            raise Refused(400, "VALIDATION_ERROR", f"inputs: at most {MAX_ASSOCIATION_INPUTS} are allowed")
        legacy = "/crm/v3/associations/" in request.url.path
        results: list[dict[str, Any]] = []
        errors: list[dict[str, Any]] = []
        for item in inputs:
            object_id = str(item.get("id", ""))
            place = self._place(name, object_id) if name else None
            found = self._associated(name, place, to) if name and to and place is not None else []
            if not found:
                errors.append(_no_association(object_id))
                continue
            results.append(
                {"from": {"id": object_id}, "to": [_tied(name, to, number, legacy) for number in found]}
            )
        at = self._now()
        answer: dict[str, Any] = {
            "status": "COMPLETE",
            "results": results,
            "startedAt": at,
            "completedAt": at,
        }
        if errors:
            answer |= {"numErrors": len(errors), "errors": errors}
        dated = "version" in request.path_params
        return Json(answer, status_code=207 if errors and not dated else 200)

    def associations_of(self, query: Query, after: str) -> tuple[bytes, str | None]:
        """Associations of one record."""
        *_, kind, object_id, _, other = query.path.split("/")
        name, to = self._kind(kind), self._kind(other)
        place = self._place(name, object_id) if name else None
        found = self._associated(name, place, to) if name and to and place is not None else []
        return self._sliced(query, after, [_tied(name, to, number, False) for number in found], 500, 500)

    # -- settings ---------------------------------------------------------------------------------------

    async def properties(self, request: Request) -> Response:
        """The property dictionary of a type."""
        name = self._kind(request.path_params["type"])
        archived = request.query_params.get("archived") == "true"
        return Json({"results": records.definitions(name) if name and not archived else []})

    async def pipelines(self, request: Request) -> Response:
        """Pipelines with their stages."""
        deals = self._kind(request.path_params["type"]) == "deals"
        return Json({"results": records.pipelines() if deals else []})

    async def account(self, _: Request) -> Response:
        """Account details."""
        return Json(
            {
                "portalId": PORTAL_ID,
                "accountType": "STANDARD",
                "timeZone": "Europe/Berlin",
                "companyCurrency": "EUR",
                "additionalCurrencies": ["USD", "GBP"],
                "utcOffset": "+01:00",
                "utcOffsetMilliseconds": 3_600_000,
                "uiDomain": "app-eu1.hubspot.com",
                "dataHostingLocation": "eu1",
            }
        )

    async def event_types(self, _: Request) -> Response:
        """Types of events that exist."""
        return Json({"eventTypes": ["e_visited_page"]})

    async def lists(self, _: Request) -> Response:
        """No lists."""
        return Json({"lists": [], "hasMore": False, "offset": 0, "total": 0})

    async def token_info(self, _: Request) -> Response:
        """What the private app's token may do."""
        scopes = [
            "account-info.security.read",
            "behavioral_events.event_definitions.read_write",
            "business-intelligence",
            "crm.lists.read",
            *(f"crm.objects.{kind}.read" for kind in (*records.KINDS, "owners")),
            *(f"crm.schemas.{kind}.read" for kind in records.KINDS),
            "forms",
            "marketing.campaigns.read",
            "multi-currency-read",
            "oauth",
        ]
        return Json({"userId": 9001, "hubId": PORTAL_ID, "appId": 310_442, "scopes": scopes})

    def _now(self) -> str:
        return records.stamps(np.array([self.portal.now_ms]))[0]


def _tied(name: str | None, to: str | None, number: int, legacy: bool) -> dict[str, Any]:
    if legacy:
        return {"id": str(number), "type": f"{records.singular(name or '')}_to_{records.singular(to or '')}"}
    label = {"category": "HUBSPOT_DEFINED", "typeId": records.ASSOCIATION_TYPES[name, to], "label": None}
    return {"toObjectId": number, "associationTypes": [label]}


def _no_association(object_id: str) -> dict[str, Any]:
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
        "message": f"No associations found for {object_id}.",
        "context": {"fromObjectId": [object_id]},
        "errors": [],
        "links": {},
    }
