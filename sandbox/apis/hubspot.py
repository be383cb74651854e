"""HubSpot's HTTP interface: dated paths and their v1, v3 and v4 equivalents.

https://developers.hubspot.com/docs/api-reference/overview
"""

from __future__ import annotations

import base64
import binascii
from bisect import bisect_left, bisect_right
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, quote, urlencode
from zoneinfo import ZoneInfo

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.apis.state import ApiError, Json, Sandbox, base_url, bearer, parse_instant
from sandbox.counting.hubspot import (
    Contact,
    ContactState,
    Deal,
    PageViewEvent,
    Submission,
    contact_state,
    deal_properties,
    epoch_ms,
    stamp,
)
from sandbox.world.company import guid

VERSIONS = ("2026-03", "2026-09")
MAX_PAGE = 100
MAX_PAGE_WITH_HISTORY = 50
MAX_SUBMISSIONS = 50
MAX_BATCH = 100
MAX_ASSOCIATION_INPUTS = 1000
MAX_SEARCH_PAGE = 200
MAX_SEARCH_RESULTS = 10_000
MAX_QUERY_BYTES = 15_000

_DEFAULTS = {
    "contacts": ("createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"),
    "deals": (
        "amount",
        "closedate",
        "createdate",
        "dealname",
        "dealstage",
        "hs_lastmodifieddate",
        "hs_object_id",
        "pipeline",
    ),
}
_CONTACT_PROPERTIES = {
    "string": (
        "email firstname lastname hs_email_domain hs_additional_emails first_conversion_event_name "
        "recent_conversion_event_name hs_analytics_source_data_1 hs_analytics_source_data_2 "
        "hs_latest_source_data_1 hs_latest_source_data_2 hs_analytics_first_url hs_analytics_first_referrer "
        "hs_analytics_last_url hs_analytics_last_referrer hs_google_click_id hs_facebook_click_id "
        "hs_linkedin_click_id hs_object_source_label"
    ),
    "datetime": (
        "createdate hs_createdate lastmodifieddate first_conversion_date recent_conversion_date "
        "hs_analytics_first_timestamp hs_analytics_last_timestamp hs_analytics_first_visit_timestamp "
        "hs_analytics_last_visit_timestamp hs_latest_source_timestamp"
    ),
    "number": (
        "hs_object_id num_conversion_events num_unique_conversion_events hs_analytics_num_page_views "
        "hs_analytics_num_visits"
    ),
    "enumeration": (
        "lifecyclestage hs_object_source hs_analytics_source hs_latest_source hs_calculated_form_submissions "
        "hs_merged_object_ids"
    ),
    "bool": "hs_was_imported",
}
_DEAL_PROPERTIES = {
    "string": "dealname",
    "datetime": "createdate closedate hs_lastmodifieddate",
    "number": "hs_object_id amount amount_in_home_currency",
    "enumeration": "deal_currency_code pipeline dealstage",
    "bool": "hs_is_closed hs_is_closed_won",
}
_PROPERTIES = {"contacts": _CONTACT_PROPERTIES, "deals": _DEAL_PROPERTIES}
_STAGES = {
    "default": (
        ("appointmentscheduled", "Appointment scheduled", "0.2"),
        ("qualifiedtobuy", "Qualified to buy", "0.4"),
        ("contractsent", "Contract sent", "0.9"),
        ("closedwon", "Closed won", "1.0"),
        ("closedlost", "Closed lost", "0.0"),
    ),
    "88120417": (
        ("1730011", "Introduced", "0.2"),
        ("1730012", "Scoped", "0.5"),
        ("1730013", "Offer sent", "0.8"),
        ("1730014", "Signed", "1.0"),
        ("1730015", "Declined", "0.0"),
    ),
}
_SETUP = "2025-03-01T08:00:00Z"
_LABELS = {"default": "Sales pipeline", "88120417": "Partner pipeline"}
_TYPE_NAMES = {"contacts": "contact", "deals": "deal"}
_ASSOCIATION_TYPES = {"contacts": 4, "deals": 3}
_COUNT_HEADERS = {
    "X-HubSpot-RateLimit-Daily": "1000000",
    "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
    "X-HubSpot-RateLimit-Max": "190",
}


def problem(
    request: Request, status: int, category: str, message: str, errors: list[dict[str, Any]] | None = None
) -> ApiError:
    """An error in HubSpot's body."""
    body: dict[str, Any] = {
        "status": "error",
        "message": message,
        "correlationId": guid("correlation", request.method, request.url.path, request.url.query),
        "category": category,
    }
    if errors:
        body["errors"] = errors
    return ApiError(status, body)


def _names(request: Request, parameter: str) -> list[str]:
    given = request.query_params.getlist(parameter)
    return [name.strip() for value in given for name in value.split(",") if name.strip()]


def _limit(request: Request, default: int, most: int) -> int:
    text = request.query_params.get("limit", str(default))
    if not text.isdigit() or not 1 <= int(text) <= most:
        raise problem(request, 400, "VALIDATION_ERROR", f"limit must be a number from 1 to {most}")
    return int(text)


def _page_link(request: Request, after: str) -> str:
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "after"]
    path = request.url.path.removeprefix(request.scope.get("root_path", ""))
    return f"{base_url(request)}{path}?{urlencode([*kept, ('after', after)], quote_via=quote)}"


def _paged(request: Request, rows: list[Any], after: str | None) -> dict[str, Any]:
    body: dict[str, Any] = {"results": rows}
    if after is not None:
        body["paging"] = {"next": {"after": after, "link": _page_link(request, after)}}
    return body


def _token(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _untoken(request: Request, text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise problem(request, 400, "VALIDATION_ERROR", f"Invalid paging cursor: {text}") from error


async def _json_body(request: Request) -> dict[str, Any]:
    try:
        body = orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise problem(request, 400, "VALIDATION_ERROR", "Invalid input JSON") from error
    if not isinstance(body, dict):
        raise problem(request, 400, "VALIDATION_ERROR", "Invalid input JSON: an object is expected")
    return body


class HubSpotApi:
    """The portal's endpoints."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    # -- access -----------------------------------------------------------------------------------------

    def check(self, request: Request) -> None:
        """Refuse a request without a valid token or with an oversized address."""
        if len(request.url.query) > MAX_QUERY_BYTES:
            raise ApiError(414, {"status": "error", "message": "URI Too Long"})
        token = bearer(request)
        if token is None:
            raise problem(
                request,
                401,
                "INVALID_AUTHENTICATION",
                "Authentication credentials not found. This API supports OAuth 2.0 authentication and you "
                "can find more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview",
            )
        if token not in {self.sandbox.credentials.hubspot_token, *self.sandbox.minted["hubspot"]}:
            raise problem(
                request,
                401,
                "EXPIRED_AUTHENTICATION"
                if token.startswith("sandbox-hubspot-oauth-")
                else "INVALID_AUTHENTICATION",
                "The OAuth token used to make this call is expired or invalid.",
            )

    async def token(self, request: Request) -> dict[str, Any]:
        """Exchange a refresh token."""
        form = {key: values[0] for key, values in parse_qs((await request.body()).decode()).items()}
        client = self.sandbox.credentials.hubspot_client
        given = (form.get("client_id", ""), form.get("client_secret", ""), form.get("refresh_token", ""))
        if form.get("grant_type") != "refresh_token" or given != client:
            raise ApiError(
                400,
                {
                    "status": "BAD_REFRESH_TOKEN",
                    "message": "missing or invalid refresh token",
                    "correlationId": guid("correlation", "token"),
                },
            )
        return {
            "token_type": "bearer",
            "access_token": self.sandbox.mint("hubspot", "sandbox-hubspot-oauth-"),
            "refresh_token": client[2],
            "expires_in": 1800,
            "hub_id": self.sandbox.company.portal_id,
        }

    # -- CRM objects ------------------------------------------------------------------------------------

    def _type(self, request: Request) -> str:
        name: str = request.path_params["type"]
        aliases = {"0-1": "contacts", "0-3": "deals", "contact": "contacts", "deal": "deals"}
        name = aliases.get(name, name)
        if name not in _DEFAULTS:
            raise problem(request, 400, "VALIDATION_ERROR", f"Unable to infer object type from: {name}")
        return name

    def _contact_states(self) -> dict[str, tuple[Contact, ContactState]]:
        def build() -> dict[str, tuple[Contact, ContactState]]:
            now, portal = self.sandbox.now, self.sandbox.portal
            contacts = [*portal.contacts_at(now, archived=False), *portal.contacts_at(now, archived=True)]
            return {c.id: (c, contact_state(c, now)) for c in sorted(contacts, key=lambda c: int(c.id))}

        return self.sandbox.cached("hubspot-contacts", build)

    def _deals(self) -> dict[str, Deal]:
        return self.sandbox.cached(
            "hubspot-deals",
            lambda: {deal.id: deal for deal in self.sandbox.portal.deals_at(self.sandbox.now)},
        )

    def _object(
        self, kind: str, object_id: str, wanted: list[str], with_history: list[str]
    ) -> dict[str, Any]:
        now = self.sandbox.now
        archived_at: datetime | None = None
        history: dict[str, list[dict[str, str]]] = {}
        if kind == "contacts":
            contact, state = self._contact_states()[object_id]
            values, updated, created = state.properties, state.updated_at, contact.created_at
            archived_at = contact.archived_at if contact.archived_at and contact.archived_at <= now else None
            history = state.history
        else:
            deal = self._deals()[object_id]
            values, updated = deal_properties(deal, now)
            created = deal.opened.at
        known = {name for names in _PROPERTIES[kind].values() for name in names.split()}
        names = {*(wanted or _DEFAULTS[kind]), *_always(kind)} & known
        row: dict[str, Any] = {
            "id": object_id,
            "properties": {name: values.get(name) for name in sorted(names)},
        }
        if with_history:
            row["propertiesWithHistory"] = {
                name: history.get(name) or _single_entry(values.get(name), stamp(updated))
                for name in with_history
                if name in known
            }
        row |= {"createdAt": stamp(created), "updatedAt": stamp(updated), "archived": archived_at is not None}
        if archived_at is not None:
            row["archivedAt"] = stamp(archived_at)
        return row

    def _ids(self, kind: str, *, archived: bool) -> list[str]:
        if kind == "deals":
            return [] if archived else list(self._deals())
        now = self.sandbox.now
        return [
            contact.id
            for contact, _ in self._contact_states().values()
            if (contact.archived_at is not None and contact.archived_at <= now) is archived
        ]

    async def objects(self, request: Request) -> dict[str, Any]:
        """List the objects of a type by id."""
        kind = self._type(request)
        history = _names(request, "propertiesWithHistory")
        limit = _limit(request, 10, MAX_PAGE_WITH_HISTORY if history else MAX_PAGE)
        after = request.query_params.get("after", "0")
        if not after.isdigit():
            raise problem(request, 400, "VALIDATION_ERROR", f"Invalid paging cursor: {after}")
        archived = request.query_params.get("archived", "false") == "true"
        ids = [i for i in self._ids(kind, archived=archived) if int(i) >= int(after)]
        wanted = _names(request, "properties")
        rows = [self._object(kind, i, wanted, history) for i in ids[:limit]]
        for row in rows:
            associations = {
                other: self._inline(request, kind, row["id"], other)
                for other in _names(request, "associations")
                if other in _DEFAULTS and other != kind
            }
            associations = {other: found for other, found in associations.items() if found["results"]}
            if associations:
                row["associations"] = associations
        return _paged(request, rows, ids[limit] if len(ids) > limit else None)

    def _inline(self, request: Request, kind: str, object_id: str, other: str) -> dict[str, Any]:
        name = f"{_TYPE_NAMES[kind]}_to_{_TYPE_NAMES[other]}"
        return {
            "results": [
                {"id": found, "type": label}
                for found in self._associated(kind, object_id, other)
                for label in (name, f"{name}_unlabeled")
            ]
        }

    async def one(self, request: Request) -> dict[str, Any]:
        """Read one object."""
        kind, object_id = self._type(request), request.path_params["id"]
        archived = request.query_params.get("archived", "false") == "true"
        if object_id not in self._ids(kind, archived=archived):
            raise problem(request, 404, "OBJECT_NOT_FOUND", "resource not found")
        return self._object(
            kind, object_id, _names(request, "properties"), _names(request, "propertiesWithHistory")
        )

    async def batch_read(self, request: Request) -> dict[str, Any]:
        """Read objects by id or e-mail; missing ones are left out."""
        kind, body = self._type(request), await _json_body(request)
        inputs = [str(item.get("id", "")) for item in body.get("inputs", [])]
        if len(inputs) > MAX_BATCH:
            raise problem(request, 400, "VALIDATION_ERROR", f"inputs: at most {MAX_BATCH} are allowed")
        archived = request.query_params.get("archived", "false") == "true"
        live = set(self._ids(kind, archived=archived))
        if body.get("idProperty") == "email" and kind == "contacts":
            by_email = {c.email: i for i, (c, _) in self._contact_states().items() if i in live}
            inputs = [by_email.get(value.lower(), value) for value in inputs]
        wanted, history = list(body.get("properties", [])), list(body.get("propertiesWithHistory", []))
        rows = [self._object(kind, i, wanted, history) for i in inputs if i in live]
        at = stamp(self.sandbox.now)
        return {"status": "COMPLETE", "results": rows, "startedAt": at, "completedAt": at}

    async def search(self, request: Request) -> dict[str, Any]:
        """Search live objects by filters, sorted by one property, paged by offset."""
        kind, body = self._type(request), await _json_body(request)
        limit, offset = int(body.get("limit", 10)), int(body.get("after") or 0)
        if not 1 <= limit <= MAX_SEARCH_PAGE:
            raise problem(request, 400, "VALIDATION_ERROR", f"limit must be from 1 to {MAX_SEARCH_PAGE}")
        if offset + limit > MAX_SEARCH_RESULTS:
            raise problem(
                request, 400, "VALIDATION_ERROR", "The total number of results may not exceed 10000"
            )
        known = [name for names in _PROPERTIES[kind].values() for name in names.split()]
        rows = [self._object(kind, i, known, []) for i in self._ids(kind, archived=False)]
        groups = body.get("filterGroups", [])
        if groups:
            rows = [
                row
                for row in rows
                if any(all(_fits(request, row, f) for f in group.get("filters", [])) for group in groups)
            ]
        for sort in body.get("sorts", [])[:1]:
            name = sort["propertyName"] if isinstance(sort, dict) else str(sort)
            descending = isinstance(sort, dict) and sort.get("direction") == "DESCENDING"
            rows.sort(key=lambda row: _comparable(row["properties"].get(name)), reverse=descending)
        wanted = list(body.get("properties", []))
        page = [self._object(kind, row["id"], wanted, []) for row in rows[offset : offset + limit]]
        answer: dict[str, Any] = {"total": len(rows), "results": page}
        if len(rows) > offset + limit:
            answer["paging"] = {"next": {"after": str(offset + limit)}}
        return answer

    # -- associations -----------------------------------------------------------------------------------

    def _associated(self, kind: str, object_id: str, other: str) -> list[str]:
        """Live records of the other type tied to this one."""

        def build() -> dict[tuple[str, str], list[str]]:
            now, portal = self.sandbox.now, self.sandbox.portal
            pairs: dict[tuple[str, str], list[str]] = {}
            for deal in self._deals().values():
                for person in deal.opened.people:
                    contact = portal.contact_of(person)
                    if contact is None or contact.created_at > now:
                        continue
                    if contact.archived_at is not None and contact.archived_at <= now:
                        continue
                    pairs.setdefault(("deals", deal.id), []).append(contact.id)
                    pairs.setdefault(("contacts", contact.id), []).append(deal.id)
            return pairs

        if {kind, other} != {"contacts", "deals"}:
            return []
        return self.sandbox.cached("hubspot-associations", build).get((kind, object_id), [])

    def _association_page(
        self, kind: str, object_id: str, other: str, after: str | None
    ) -> tuple[list[dict[str, Any]], str | None]:
        found = sorted(self._associated(kind, object_id, other), key=int)
        rest = [i for i in found if after is None or int(i) >= int(after)]
        cap = self.sandbox.caps.hubspot_associated
        label = {"category": "HUBSPOT_DEFINED", "typeId": _ASSOCIATION_TYPES[kind], "label": None}
        rows = [{"toObjectId": int(i), "associationTypes": [label]} for i in rest[:cap]]
        if kind == "deals" and rows and after is None:
            decision = {"category": "USER_DEFINED", "typeId": 37, "label": "Decision maker"}
            rows[0]["associationTypes"] = [label, decision]
        return rows, rest[cap] if len(rest) > cap else None

    async def associations_batch(self, request: Request) -> Response:
        """Associations of many records; records without any are reported as errors."""
        kind, other = request.path_params["from_type"], request.path_params["to_type"]
        body = await _json_body(request)
        inputs = body.get("inputs", [])
        if len(inputs) > MAX_ASSOCIATION_INPUTS:
            raise problem(
                request, 400, "VALIDATION_ERROR", f"inputs: at most {MAX_ASSOCIATION_INPUTS} are allowed"
            )
        if kind not in _DEFAULTS or other not in _DEFAULTS:
            raise problem(
                request, 400, "VALIDATION_ERROR", f"Unable to infer object type from: {kind}/{other}"
            )
        results: list[dict[str, Any]] = []
        errors: list[dict[str, Any]] = []
        legacy = "/crm/v3/associations/" in request.url.path
        for item in inputs:
            object_id, after = str(item.get("id", "")), item.get("after")
            rows, following = self._association_page(kind, object_id, other, after)
            if not rows:
                errors.append(_no_association(kind, object_id))
                continue
            to: list[dict[str, Any]] = rows
            if legacy:
                name = f"{_TYPE_NAMES[kind]}_to_{_TYPE_NAMES[other]}"
                to = [{"id": str(row["toObjectId"]), "type": name} for row in rows]
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
        dated = "version" in request.path_params
        return Json(answer, status_code=207 if errors and not dated else 200)

    async def associations_of(self, request: Request) -> dict[str, Any]:
        """Associations of one record, paged."""
        kind, other = self._type(request), request.path_params["to_type"]
        rows, after = self._association_page(
            kind, request.path_params["id"], other, request.query_params.get("after")
        )
        return _paged(request, rows, after)

    # -- settings ---------------------------------------------------------------------------------------

    async def properties(self, request: Request) -> dict[str, Any]:
        """The property dictionary of a type."""
        kind = self._type(request)
        rows: list[dict[str, Any]] = [
            {
                "name": name,
                "label": name.replace("_", " ").capitalize(),
                "type": type_name,
                "fieldType": "text",
                "groupName": "contactinformation" if kind == "contacts" else "dealinformation",
                "options": [],
                "calculated": name.startswith(("num_", "hs_calculated")),
                "hasUniqueValue": name in ("email", "hs_object_id"),
                "hubspotDefined": True,
                "archived": False,
                "createdAt": _SETUP,
                "updatedAt": _SETUP,
            }
            for type_name, names in _PROPERTIES[kind].items()
            for name in names.split()
        ]
        return {"results": rows}

    async def pipelines(self, request: Request) -> dict[str, Any]:
        """Pipelines with their stages."""
        if self._type(request) != "deals":
            return {"results": []}
        when = {"createdAt": _SETUP, "updatedAt": _SETUP}
        return {
            "results": [
                {
                    "id": pipeline,
                    "label": _LABELS[pipeline],
                    "displayOrder": order,
                    "archived": False,
                    **when,
                    "stages": [
                        {
                            "id": stage,
                            "label": label,
                            "displayOrder": number,
                            "metadata": {
                                "isClosed": "true" if probability in ("0.0", "1.0") else "false",
                                "probability": probability,
                            },
                            "archived": False,
                            **when,
                        }
                        for number, (stage, label, probability) in enumerate(stages)
                    ],
                }
                for order, (pipeline, stages) in enumerate(_STAGES.items())
            ]
        }

    async def owners(self, request: Request) -> dict[str, Any]:
        """The portal's users."""
        archived = request.query_params.get("archived", "false") == "true"
        names: tuple[tuple[str, str], ...] = (
            () if archived else (("Ida", "Berg"), ("Tom", "Falk"), ("Una", "Roth"))
        )
        rows: list[dict[str, Any]] = [
            {
                "id": str(501 + number),
                "email": f"{first}.{last}@nordlicht.example".lower(),
                "firstName": first,
                "lastName": last,
                "userId": 9001 + number,
                "userIdIncludingInactive": 9001 + number,
                "type": "PERSON",
                "teams": [],
                "archived": False,
                "createdAt": _SETUP,
                "updatedAt": _SETUP,
            }
            for number, (first, last) in enumerate(names)
        ]
        return self._slice(request, rows, min(_limit(request, 100, 500), self.sandbox.caps.hubspot_owners))

    def _slice(self, request: Request, rows: list[dict[str, Any]], limit: int) -> dict[str, Any]:
        after = request.query_params.get("after")
        start = int(_untoken(request, after)) if after else 0
        following = _token(str(start + limit)) if start + limit < len(rows) else None
        return _paged(request, rows[start : start + limit], following)

    async def account(self, request: Request) -> dict[str, Any]:
        """Account details."""
        company = self.sandbox.company
        local = self.sandbox.now.astimezone(ZoneInfo(company.portal_time_zone))
        offset = local.utcoffset() or timedelta()
        return {
            "portalId": company.portal_id,
            "accountType": "STANDARD",
            "timeZone": company.portal_time_zone,
            "companyCurrency": company.home_currency,
            "additionalCurrencies": ["USD"],
            "utcOffset": _offset_text(offset),
            "utcOffsetMilliseconds": offset // timedelta(milliseconds=1),
            "uiDomain": "app-eu1.hubspot.com",
            "dataHostingLocation": "eu1",
        }

    # -- forms ------------------------------------------------------------------------------------------

    async def forms(self, request: Request) -> dict[str, Any]:
        """Forms of the asked types; only HubSpot's own by default."""
        kinds = _names(request, "formTypes") or ["hubspot"]
        archived = request.query_params.get("archived", "false") == "true"
        email = {
            "objectTypeId": "0-1",
            "name": "email",
            "label": "Email",
            "required": True,
            "hidden": False,
            "fieldType": "email",
            "validation": {"blockedEmailDomains": [], "useDefaultBlockList": False},
            "dependentFields": [],
        }
        rows = [
            {
                "formType": form.kind,
                "id": form.guid,
                "name": form.name,
                "createdAt": stamp(form.created_at),
                "updatedAt": stamp(form.created_at),
                "archived": False,
                "fieldGroups": [{"groupType": "default_group", "richTextType": "text", "fields": [email]}],
                "configuration": {"language": "en", "cloneable": True},
                "displayOptions": {"theme": "default_style"},
                "legalConsentOptions": {"type": "none"},
            }
            for form in self.sandbox.company.forms
            if not archived and form.kind in kinds and form.created_at <= self.sandbox.now
        ]
        return self._slice(request, rows, min(_limit(request, 50, 1000), self.sandbox.caps.hubspot_forms))

    async def submissions(self, request: Request) -> dict[str, Any]:
        """A form's log, newest first; offsets shift when new submissions arrive."""
        form = request.path_params["form"]
        if form not in self.sandbox.portal.submissions:
            raise problem(request, 404, "OBJECT_NOT_FOUND", f"No form found with guid {form}")
        limit = _limit(request, 20, MAX_SUBMISSIONS)

        def build() -> list[Submission]:
            log = self.sandbox.portal.submissions[form]
            return sorted((s for s in log if s.at <= self.sandbox.now), key=lambda s: s.at, reverse=True)

        rows = self.sandbox.cached(f"hubspot-submissions-{form}", build)
        return self._slice(request, [_submission(row) for row in rows], limit)

    # -- web analytics ----------------------------------------------------------------------------------

    def _require_events(self, request: Request) -> None:
        if not self.sandbox.web_analytics:
            raise problem(
                request,
                403,
                "MISSING_SCOPES",
                "This app hasn't been granted all required scopes to make this call. Read more about "
                "required scopes here: https://developers.hubspot.com/scopes.",
            )

    async def event_types(self, request: Request) -> dict[str, Any]:
        """Types of events that exist."""
        self._require_events(request)
        return {"eventTypes": ["e_visited_page"]}

    async def events(self, request: Request) -> dict[str, Any]:
        """Page views of known contacts in a time range."""
        self._require_events(request)
        asked = request.query_params
        limit = min(_limit(request, 100, 10_000), self.sandbox.caps.hubspot_events)
        descending = asked.get("sort", "-occurredAt").startswith("-")
        rows, places = self._events_asked_for(request)
        after = asked.get("after")
        first, end = 0, len(rows)
        if after:
            moment, _, _, _, view_id, _ = f"{_untoken(request, after)}|||||".split("|")[:6]
            place = (int(moment or 0), view_id)
            if descending:
                end = bisect_left(places, place)
            else:
                first = bisect_right(places, place)
        page = (
            rows[max(first, end - limit) : end][::-1] if descending else rows[first : min(end, first + limit)]
        )
        following = None
        if end - first > limit:
            last = page[-1]
            key = f"{epoch_ms(last.view.at)}|0-1|{last.contact.id}|4-1553675|{last.view.id}|"
            following = _token(key)
        return _paged(request, [_page_view(event) for event in page], following)

    def _events_asked_for(self, request: Request) -> tuple[list[PageViewEvent], list[tuple[int, str]]]:
        """The events that a query's filters leave, oldest first, and their places; found once per query."""
        earliest = _instant(request, "occurredAfter")
        latest = _instant(request, "occurredBefore")

        def build() -> tuple[list[PageViewEvent], list[tuple[int, str]]]:
            rows = [
                e
                for e in self._known_page_views()
                if (earliest is None or e.view.at >= earliest)
                and (latest is None or e.view.at <= latest)
                and self._asked_for(request, e)
            ]
            return rows, [(epoch_ms(e.view.at), e.view.id) for e in rows]

        paging = ("after", "limit", "sort")
        filters = sorted(pair for pair in request.query_params.multi_items() if pair[0] not in paging)
        return self.sandbox.cached(f"hubspot-events?{filters}", build)

    def _known_page_views(self) -> list[PageViewEvent]:
        def build() -> list[PageViewEvent]:
            now = self.sandbox.now
            found = [
                e
                for e in self.sandbox.portal.page_views
                if e.known_at <= now and not (e.contact.archived_at and e.contact.archived_at <= now)
            ]
            return sorted(found, key=lambda e: (epoch_ms(e.view.at), e.view.id))

        return self.sandbox.cached("hubspot-page-views", build)

    def _asked_for(self, request: Request, event: PageViewEvent) -> bool:
        asked = request.query_params
        if asked.get("eventType", "e_visited_page") != "e_visited_page":
            return False
        if asked.get("objectType", "contact").lower() not in ("contact", "contacts", "0-1"):
            return False
        if asked.get("objectId", event.contact.id) != event.contact.id:
            return False
        if asked.get("objectProperty.email", event.contact.email).lower() != event.contact.email:
            return False
        wanted = asked.getlist("id")
        return not wanted or event.view.id in wanted


def _offset_text(offset: timedelta) -> str:
    minutes = offset // timedelta(minutes=1)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def _instant(request: Request, name: str) -> datetime | None:
    text = request.query_params.get(name)
    if not text:
        return None
    try:
        return parse_instant(text)
    except ValueError as error:
        raise problem(request, 400, "VALIDATION_ERROR", f"Invalid date in {name}: {text}") from error


def _always(kind: str) -> tuple[str, ...]:
    changed = "lastmodifieddate" if kind == "contacts" else "hs_lastmodifieddate"
    return ("createdate", "hs_object_id", changed)


def _single_entry(value: str | None, at: str) -> list[dict[str, str]]:
    return [] if value is None else [{"value": value, "timestamp": at, "sourceType": "CALCULATED"}]


def _no_association(kind: str, object_id: str) -> dict[str, Any]:
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
        "message": f"No {_TYPE_NAMES[kind]} is associated with {object_id}.",
        "context": {"fromObjectId": [object_id]},
        "errors": [],
        "links": {},
    }


def _submission(row: Submission) -> dict[str, Any]:
    body: dict[str, Any] = {
        "submittedAt": epoch_ms(row.at),
        "values": [{"name": name, "value": value, "objectTypeId": "0-1"} for name, value in row.values],
        "pageUrl": row.page_url,
    }
    if row.conversion_id is not None:
        body = {"conversionId": row.conversion_id, **body}
    return body


def _page_view(event: PageViewEvent) -> dict[str, Any]:
    view, source = event.view, event.source
    query = parse_qs(view.url.partition("?")[2])
    values = {
        "hs_url": view.url,
        "hs_title": view.title,
        "hs_referrer": view.referrer or None,
        "hs_page_id": view.page_id,
        "hs_visit_source": source.category,
        "hs_visit_source_details_1": source.data_1,
        "hs_visit_source_details_2": source.data_2,
        "hs_utm_source": query.get("utm_source", [None])[0],
        "hs_utm_medium": query.get("utm_medium", [None])[0],
        "hs_utm_campaign": query.get("utm_campaign", [None])[0],
    }
    return {
        "id": view.id,
        "eventType": "e_visited_page",
        "occurredAt": stamp(view.at),
        "objectType": "CONTACT",
        "objectId": event.contact.id,
        "properties": {name: value for name, value in values.items() if value is not None},
    }


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


def _fits(request: Request, row: dict[str, Any], rule: dict[str, Any]) -> bool:
    held = row["properties"].get(rule.get("propertyName", ""))
    operator = rule.get("operator")
    value = _comparable(str(rule["value"])) if "value" in rule else (0, 0.0, "")
    mine = _comparable(held)
    listed = [_comparable(str(v)) for v in rule.get("values", [])]
    high = _comparable(str(rule.get("highValue", "")))
    answers: dict[str, Callable[[], bool]] = {
        "EQ": lambda: held is not None and mine == value,
        "NEQ": lambda: mine != value,
        "LT": lambda: held is not None and mine < value,
        "LTE": lambda: held is not None and mine <= value,
        "GT": lambda: held is not None and mine > value,
        "GTE": lambda: held is not None and mine >= value,
        "BETWEEN": lambda: held is not None and value <= mine <= high,
        "IN": lambda: held is not None and mine in listed,
        "NOT_IN": lambda: mine not in listed,
        "HAS_PROPERTY": lambda: held is not None,
        "NOT_HAS_PROPERTY": lambda: held is None,
        "CONTAINS_TOKEN": lambda: (
            held is not None and str(rule.get("value", "")).strip("*").lower() in held.lower()
        ),
        "NOT_CONTAINS_TOKEN": lambda: (
            str(rule.get("value", "")).strip("*").lower() not in (held or "").lower()
        ),
    }
    if operator not in answers:
        raise problem(request, 400, "VALIDATION_ERROR", f"Invalid operator: {operator}")
    return answers[operator]()


def build_app(sandbox: Sandbox) -> Starlette:
    """The portal as an ASGI application, to be mounted under any prefix."""
    api = HubSpotApi(sandbox)

    def guarded(handler: Callable[[Request], Awaitable[Any]]) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            version = str(request.path_params.get("version", VERSIONS[0])).removesuffix("-beta")
            if version not in VERSIONS:
                raise problem(request, 404, "OBJECT_NOT_FOUND", f"API version {version} does not exist")
            api.check(request)
            body = await handler(request)
            response = body if isinstance(body, Response) else Json(body)
            if not request.url.path.endswith("/search"):
                response.headers.update(_COUNT_HEADERS)
            return response

        return answer

    async def token(request: Request) -> Response:
        return Json(await api.token(request))

    async def failed(_: Request, error: Exception) -> Response:
        if not isinstance(error, ApiError):
            raise error
        return Json(error.body, status_code=error.status, headers=error.headers)

    async def missing(request: Request, _: Exception) -> Response:
        error = problem(request, 404, "OBJECT_NOT_FOUND", "Unable to find the requested resource")
        return Json(error.body, status_code=404)

    def get(path: str, handler: Callable[[Request], Awaitable[Any]]) -> Route:
        return Route(path, guarded(handler), methods=["GET"])

    def post(path: str, handler: Callable[[Request], Awaitable[Any]]) -> Route:
        return Route(path, guarded(handler), methods=["POST"])

    routes: list[Route] = []
    for stem in ("/crm/v3/objects/{type}", "/crm/objects/{version}/{type}"):
        routes += [
            get(stem, api.objects),
            post(f"{stem}/batch/read", api.batch_read),
            post(f"{stem}/search", api.search),
            get(f"{stem}/{{id}}", api.one),
        ]
    for stem in (
        "/crm/v4/objects/{type}/{id}",
        "/crm/v3/objects/{type}/{id}",
        "/crm/objects/{version}/{type}/{id}",
    ):
        routes.append(get(f"{stem}/associations/{{to_type}}", api.associations_of))
    for stem in ("/crm/v4/associations", "/crm/v3/associations", "/crm/associations/{version}"):
        routes.append(post(f"{stem}/{{from_type}}/{{to_type}}/batch/read", api.associations_batch))
    routes += [
        get("/crm/v3/properties/{type}", api.properties),
        get("/crm/properties/{version}/{type}", api.properties),
        get("/crm/v3/pipelines/{type}", api.pipelines),
        get("/crm/pipelines/{version}/{type}", api.pipelines),
        get("/crm/v3/owners", api.owners),
        get("/crm/owners/{version}", api.owners),
        get("/account-info/v3/details", api.account),
        get("/account-info/{version}/details", api.account),
        get("/marketing/v3/forms", api.forms),
        get("/marketing/forms/{version}", api.forms),
        get("/form-integrations/v1/submissions/forms/{form}", api.submissions),
        get("/events/v3/events", api.events),
        get("/events/v3/events/event-types", api.event_types),
        get("/events/event-occurrences/{version}", api.events),
        get("/events/event-occurrences/{version}/event-types", api.event_types),
        Route("/oauth/{version}/token", token, methods=["POST"]),
    ]
    return Starlette(routes=routes, exception_handlers={ApiError: failed, 404: missing})
