"""HubSpot's API: paths per API version, paging, search, batch reads, error signals."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
import orjson

from ingestion.config import Settings
from ingestion.errors import IngestionError
from ingestion.http import bodies, paging
from ingestion.http.client import Answer, Client, Policy, RefreshToken, StaticToken, Token
from ingestion.http.faults import ErrorBody, Judge, RequestFault, Signal, codes
from ingestion.http.pacing import Limit
from ingestion.http.refusals import Refusals
from ingestion.landing.arrow import Page
from ingestion.landing.resources import Landing
from ingestion.sources.hubspot import settings

_SEARCH = "search"
# statuses that concern the one form or list asked for
_NO_OBJECT = (400, 404)


class _Record(msgspec.Struct):
    id: str | int | None = None
    submitted_at: int | None = msgspec.field(default=None, name="submittedAt")


class _Next(msgspec.Struct):
    after: str | int | None = None


class _Paging(msgspec.Struct):
    next: _Next | None = None


class _Listing(msgspec.Struct):
    """The part of an answer that paging needs; skipping the rest makes decoding fast."""

    results: list[_Record]
    paging: _Paging | None = None

    @property
    def after(self) -> str | None:
        """Return the cursor of the next page."""
        after = self.paging.next.after if self.paging and self.paging.next else None
        return str(after) if after else None

    @property
    def ids(self) -> tuple[str, ...]:
        """Return the ids of the records that have one."""
        return tuple(str(record.id) for record in self.results if record.id is not None)


# numbers of 64 bits
_LONGEST_ID = 18
_read_listing = bodies.decoder(_Listing)


def _listing(body: bytes) -> Any:
    """Decode a `_Listing`; malformed records keep their usable fields. Raises ValueError."""
    try:
        return _read_listing(body)
    except msgspec.ValidationError:
        document = bodies.loads(body)
        if not isinstance(document, dict) or not isinstance(document.get("results"), list):
            return document
        records = []
        for row in document["results"]:
            found = row if isinstance(row, dict) else {}
            i, at = found.get("id"), found.get("submittedAt")
            records.append(
                _Record(i if isinstance(i, str | int) else None, at if isinstance(at, int) else None)
            )
        after = cursor(document)
        return _Listing(records, _Paging(_Next(after)) if after else None)


def _error_body(status: int, headers: Mapping[str, str], document: Any) -> ErrorBody:
    body = document if isinstance(document, dict) else {}
    return ErrorBody(status, str(body.get("message") or ""), codes(body.get("policyName")))


#: https://developers.hubspot.com/docs/api-reference/error-handling
judge = Judge(
    _error_body,
    (
        Signal("token", statuses=frozenset({530})),
        # the portal is being moved to another data centre; Retry-After contains the time
        Signal("transient", statuses=frozenset({477})),
        # HubSpot requires two seconds between requests after a lock
        Signal("throttled", statuses=frozenset({423}), wait=2.0),
        # the daily limit resets at midnight, the rolling limits within seconds
        Signal("throttled", codes("DAILY"), statuses=frozenset({429}), hopeless=True),
        Signal("throttled", codes("SECONDLY"), "secondly limit", frozenset({429}), wait=1.0),
    ),
)


def learn(headers: Mapping[str, str]) -> Limit | None:
    """Return the ten-second limit in the headers of an answer; None for search answers, which have none."""
    most, span = (
        headers.get("x-hubspot-ratelimit-max"),
        headers.get("x-hubspot-ratelimit-interval-milliseconds"),
    )
    if most is None or span is None or not (most.isdigit() and span.isdigit()) or int(most) < 1:
        return None
    return Limit(int(most), int(span) / 1000)


POLICY = Policy(
    settings.SOURCE,
    judge,
    lane=lambda path: _SEARCH if path.endswith("/search") else "any",
    limits={
        _SEARCH: Limit(settings.SEARCHES_PER_SECOND, 1.0),
        "any": Limit(settings.REQUESTS_PER_TEN_SECONDS, 10.0),
    },
    learn=learn,
    concurrency=settings.CONCURRENCY,
)


@dataclass(frozen=True)
class Newest:
    """The result of one search: the number of live records, the newest changes, and HubSpot's clock.

    `changes` are (id, instant), newest first.
    """

    total: int
    changes: tuple[tuple[str, datetime], ...]
    at: datetime | None


@dataclass
class HubSpot:
    """Requests to one portal; most methods yield pages."""

    client: Client
    version: str
    #: the website's own hosts, from the settings
    domains: tuple[str, ...] = ()

    @property
    def refusals(self) -> Refusals:
        """Return the error messages for refused requests."""
        return Refusals(self.client, "HubSpot", "api_version", self.version)

    # -- CRM objects ------------------------------------------------------------------------------------

    def objects(
        self, kind: str, properties: Sequence[str], history: Sequence[str], *, archived: bool
    ) -> Iterator[Page]:
        """Yield all live records of a type, or all archived ones; HubSpot never lists both at once.

        If the property names are too long for a URL, the ids are listed and the records read in batches.
        """
        params = {
            "limit": str(settings.PAGE_SIZE),
            "archived": _flag(archived),
            "properties": ",".join(properties),
        }
        if history:
            params |= {
                "limit": str(settings.PAGE_SIZE_WITH_HISTORY),
                "propertiesWithHistory": ",".join(history),
            }
        path = self._objects(kind)
        try:
            yield from self.listing(path, params, tolerated=(414,))
        except RequestFault:
            for page in self.listing(path, {"limit": str(settings.PAGE_SIZE), "archived": _flag(archived)}):
                yield from self.read(kind, page.ids, properties, history, archived=archived)

    def newest(self, kind: str, modified: str) -> Newest:
        """Return the number of live records and the latest changes, newest first."""
        answer = self._search(kind, modified, "DESCENDING", [])
        changes = ((str(row["id"]), _changed_at(row, modified)) for row in records(answer.document))
        return Newest(
            int(answer.document.get("total", 0)),
            tuple((i, at) for i, at in changes if at is not None),
            clock(answer),
        )

    def count(self, kind: str) -> tuple[int, int]:
        """Return the number of live records and the highest id among them."""
        answer = self._search(kind, "hs_object_id", "DESCENDING", [])
        ids = (number_of(row["id"]) for row in records(answer.document))
        return int(answer.document.get("total", 0)), max((i for i in ids if i is not None), default=0)

    def changed(self, kind: str, modified: str, since: datetime) -> Iterator[list[str]]:
        """Yield groups of ids of the live records changed at `since` or later.

        Pages by id instead of offset: this avoids HubSpot's limit of 10,000 results, any number of records
        may share an instant, and records that change meanwhile do not shift pages.
        """
        size = settings.SEARCH_PAGE_SIZE

        def ask(last: str | None) -> Answer:
            filters = [{"propertyName": modified, "operator": "GTE", "value": str(_epoch_ms(since))}]
            if last:
                filters.append({"propertyName": "hs_object_id", "operator": "GT", "value": last})
            return self._search(kind, "hs_object_id", "ASCENDING", filters)

        def following(answer: Answer) -> str | None:
            found = _ids(answer)
            return str(max(map(int, found))) if found and len(answer.document["results"]) >= size else None

        for answer in paging.pages(ask, following, f"HubSpot's search of {kind}"):
            if found := _ids(answer):
                yield found

    def read(
        self,
        kind: str,
        ids: Sequence[str],
        properties: Sequence[str],
        history: Sequence[str],
        *,
        archived: bool = False,
    ) -> Iterator[Page]:
        """Yield the records with these ids; HubSpot returns the survivor of a merged id and skips others."""
        size = settings.PAGE_SIZE_WITH_HISTORY if history else settings.PAGE_SIZE
        path = f"{self._objects(kind)}/batch/read?archived={_flag(archived)}"
        for start in range(0, len(ids), size):
            body = {"inputs": [{"id": i} for i in ids[start : start + size]], "properties": list(properties)}
            if history:
                body["propertiesWithHistory"] = list(history)
            yield self._page(path, self.ask(partial(self.client.post, path, body, decode=_listing)))

    def survivor(self, kind: str, object_id: str) -> str | None:
        """Return the id of the current record: the same id, the id it was merged into, or None if deleted."""
        path = f"{self._objects(kind)}/{quote(object_id, safe='')}"
        try:
            answer = self.ask(partial(self.client.get, path), tolerated=(404,))
        except RequestFault:
            return None
        found = answer.document.get("id") if isinstance(answer.document, dict) else None
        return str(found) if found else None

    def properties(self, kind: str) -> Page:
        """Return the property definitions of a type."""
        path = self._path(f"/crm/properties/{self.version}/{kind}", f"/crm/v3/properties/{kind}")
        page = self._page(path, self.ask(partial(self.client.get, path)))
        return replace(page, context=(("object_type", kind),))

    def associated(self, kind: str, ids: Sequence[str], other: str) -> Iterator[Page]:
        """Yield one record per id with all associated records, each listed once."""
        path = self._path(
            f"/crm/associations/{self.version}/{kind}/{other}/batch/read",
            f"/crm/v4/associations/{kind}/{other}/batch/read",
        )
        size = settings.ASSOCIATION_INPUTS
        for start in range(0, len(ids), size):
            found: dict[str, dict[str, Any]] = {i: {} for i in ids[start : start + size]}
            unusable: list[Any] = []
            first = [{"id": i} for i in found]

            def ask(waiting: str | None, first: list[dict[str, str]] = first) -> Answer:
                inputs = orjson.loads(waiting) if waiting else first
                return self.ask(partial(self.client.post, path, {"inputs": inputs}))

            for answer in paging.pages(ask, _remaining_inputs, f"HubSpot's associations of {kind}"):
                self._page(path, answer)
                for result in answer.document["results"]:
                    if not _is_association(result):
                        unusable.append(result)
                        continue
                    held = found.setdefault(str(result["from"]["id"]), {})
                    for item in result.get("to") or ():
                        pair = held.setdefault(str(item["toObjectId"]), {**item, "associationTypes": []})
                        for label in item["associationTypes"]:
                            if label not in pair["associationTypes"]:
                                pair["associationTypes"].append(label)
            rows: list[Any] = [{"from": {"id": i}, "to": list(held.values())} for i, held in found.items()]
            rows += unusable
            yield Page(orjson.dumps({"results": rows}), (), len(rows))

    # -- forms and events -------------------------------------------------------------------------------

    def forms(self, *, archived: bool) -> Iterator[Page]:
        """Yield forms of all types; without `formTypes` HubSpot returns only its own forms."""
        params = {
            "limit": str(settings.PAGE_SIZE),
            "formTypes": settings.FORM_TYPES,
            "archived": _flag(archived),
        }
        yield from self.listing("/marketing/v3/forms", params)

    def submissions(self, form_id: str, until: int | None) -> Iterator[Page]:
        """Yield the submissions of a form, newest first, down to `until` (epoch milliseconds, None: all).

        Yields nothing for a deleted form (404). Raises RequestFault if HubSpot refuses the log of this form.
        """
        path = f"/form-integrations/v1/submissions/forms/{quote(form_id, safe='')}"
        params = {"limit": str(settings.SUBMISSIONS_PAGE_SIZE)}
        try:
            for page in self.listing(path, params, _older_than(until), tolerated=_NO_OBJECT):
                yield replace(page, context=(("form_id", form_id),))
        except RequestFault as refused:
            if refused.status != 404:
                raise

    def page_views(
        self, since: datetime | None = None, until: datetime | None = None, contact_id: str | None = None
    ) -> Iterator[Page]:
        """Yield page views of all known contacts, or of one, oldest first.

        Raises RequestFault (400) if the portal returns page views per contact only.
        """
        path = self._path(f"/events/event-occurrences/{self.version}", "/events/v3/events")
        params = {"eventType": settings.PAGE_VIEW, "limit": str(settings.PAGE_SIZE), "sort": "occurredAt"}
        if contact_id is not None:
            params |= {"objectType": "contact", "objectId": contact_id}
        for name, instant in (("occurredAfter", since), ("occurredBefore", until)):
            if instant is not None:
                params[name] = instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        yield from self.listing(path, params, tolerated=() if contact_id else (400,))

    # -- lists ------------------------------------------------------------------------------------------

    def lists(self) -> Iterator[Page]:
        """Yield all contact lists with size and instants of the last changes, without filters."""
        path = self._path(f"/crm/lists/{self.version}/search", "/crm/v3/lists/search")
        added = ["hs_list_size", "hs_last_record_added_at", "hs_last_record_removed_at"]
        body = {"count": settings.LISTS_PAGE_SIZE, "objectTypeId": "0-1", "additionalProperties": added}

        def ask(offset: str | None) -> Answer:
            asked = {**body, "offset": int(offset or 0)}
            answer = self.ask(partial(self.client.post, path, asked))
            if not isinstance(answer.document, dict) or not isinstance(answer.document.get("lists"), list):
                raise self.refusals.without(path, "lists")
            return answer

        def following(answer: Answer) -> str | None:
            is_last = not answer.document.get("hasMore") or not answer.document["lists"]
            return None if is_last else str(answer.document.get("offset") or "")

        for answer in paging.pages(ask, following, f"{self.client.setting}: {path}"):
            found = answer.document["lists"]
            yield Page(orjson.dumps({"results": found}), (), len(found))

    def filters(self, list_id: str) -> Any:
        """Return the filters of a list. Raises RequestFault if HubSpot refuses this list."""
        path = self._path(f"/crm/lists/{self.version}/{list_id}", f"/crm/v3/lists/{list_id}")
        asked = partial(self.client.get, path, {"includeFilters": "true"})
        document = self.ask(asked, tolerated=_NO_OBJECT).document
        found = document.get("list", document) if isinstance(document, dict) else {}
        return found.get("filterBranch")

    def members(self, list_id: str) -> Iterator[Page]:
        """Yield the members of a list, after one record without id that marks the list as read.

        Raises RequestFault if HubSpot refuses this list.
        """
        stem = self._path(f"/crm/lists/{self.version}", "/crm/v3/lists")
        context = (("list_id", list_id),)
        yield Page(b'{"results":[{}]}', context, 1)
        params = {"limit": str(settings.LISTS_PAGE_SIZE)}
        for page in self.listing(f"{stem}/{list_id}/memberships", params, tolerated=_NO_OBJECT):
            yield replace(page, context=context)

    # -- the portal -------------------------------------------------------------------------------------

    def account(self) -> Iterator[Page]:
        """Yield the portal's account record as a listing."""
        path = self._path(f"/account-info/{self.version}/details", "/account-info/v3/details")
        answer = self.ask(partial(self.client.get, path))
        if not isinstance(answer.document, dict) or "portalId" not in answer.document:
            raise self.refusals.without(path, "portalId")
        context = (("domains", orjson.dumps(self.domains).decode()),)
        yield Page(b'{"results":[' + answer.body + b"]}", context, 1)

    def pipelines(self) -> Iterator[Page]:
        """Yield the deal pipelines with their stages."""
        path = self._path(f"/crm/pipelines/{self.version}/deals", "/crm/v3/pipelines/deals")
        yield self._page(path, self.ask(partial(self.client.get, path)))

    def owners(self, *, archived: bool) -> Iterator[Page]:
        """Yield the portal's active users, or the deactivated ones if `archived`."""
        path = self._path(f"/crm/owners/{self.version}", "/crm/v3/owners")
        yield from self.listing(path, {"limit": str(settings.PAGE_SIZE), "archived": _flag(archived)})

    def campaigns(self) -> Iterator[Page]:
        """Yield the marketing campaigns."""
        path = self._path(f"/marketing/campaigns/{self.version}", "/marketing/v3/campaigns")
        params = {"limit": str(settings.PAGE_SIZE), "properties": ",".join(settings.CAMPAIGN_PROPERTIES)}
        yield from self.listing(path, params)

    def exchange_rates(self) -> Iterator[Page]:
        """Yield all exchange rates the portal ever used, with the instants from which they apply."""
        path = self._path(
            f"/settings/currencies/{self.version}/exchange-rates", "/settings/v3/currencies/exchange-rates"
        )
        yield from self.listing(path, {"limit": str(settings.PAGE_SIZE)})

    # -- requests ---------------------------------------------------------------------------------------

    def listing(
        self,
        path: str,
        params: Mapping[str, str],
        ends: Callable[[_Listing], bool] = lambda _page: False,
        tolerated: Collection[int] = (),
    ) -> Iterator[Page]:
        """Yield pages by cursor, up to the first page for which `ends` is true."""

        def ask(after: str | None) -> Answer:
            asked = {**params, "after": after} if after else params
            return self.ask(
                partial(self.client.get, f"{path}?{urlencode(asked)}", decode=_listing), tolerated
            )

        def following(answer: Answer) -> str | None:
            # `_page` rejects an answer that is not a listing
            return answer.document.after if isinstance(answer.document, _Listing) else None

        for answer in paging.pages(ask, following, f"{self.client.setting}: {path}"):
            yield self._page(path, answer)
            if ends(answer.document):
                return

    def ask(self, send: Callable[[], Answer], tolerated: Collection[int] = ()) -> Answer:
        """Send a request. Raises PermissionMissing, ResponseError, RequestFault for a `tolerated` status."""
        try:
            return send()
        except RequestFault as fault:
            if fault.status in tolerated:
                raise
            raise self._explain(fault) from None

    def _search(self, kind: str, by: str, direction: str, filters: list[dict[str, str]]) -> Answer:
        path = f"{self._objects(kind)}/search"
        body = {
            "filterGroups": [{"filters": filters}] if filters else [],
            "sorts": [{"propertyName": by, "direction": direction}],
            "properties": [by],
            "limit": settings.SEARCH_PAGE_SIZE,
        }
        answer = self.ask(partial(self.client.post, path, body))
        self._page(path, answer)
        return answer

    def _objects(self, kind: str) -> str:
        return self._path(f"/crm/objects/{self.version}/{kind}", f"/crm/v3/objects/{kind}")

    def _path(self, dated: str, legacy: str) -> str:
        return legacy if self.version.startswith("v") else dated

    def _explain(self, refused: RequestFault) -> IngestionError:
        if refused.fault.kind == "access":
            return self.refusals.permission(refused, "a permission", "add the scope in HubSpot")
        return self.refusals.request(refused)

    def _page(self, path: str, answer: Answer) -> Page:
        document = answer.document
        if isinstance(document, _Listing):
            return Page(answer.body, (), len(document.results), document.ids)
        results = document.get("results") if isinstance(document, dict) else None
        if not isinstance(results, list):
            raise self.refusals.without(path, "results")
        return Page(answer.body, (), len(results))


def cursor(document: Any) -> str | None:
    """Return the cursor of the next page."""
    after = ((document.get("paging") or {}).get("next") or {}).get("after")
    return str(after) if after else None


def _is_association(result: Any) -> bool:
    """Return whether a result can be joined with the others of its record; else it goes to quarantine."""
    if not isinstance(result, dict) or bodies.mark_of(result):
        return False
    above, below = result.get("from"), result.get("to")
    return (
        isinstance(above, dict)
        and above.get("id") is not None
        and isinstance(below, list | None)
        and all(
            isinstance(item, dict)
            and item.get("toObjectId") is not None
            and isinstance(item.get("associationTypes"), list)
            for item in below or ()
        )
    )


def _remaining_inputs(answer: Answer) -> str | None:
    """Return the inputs for the next pages of records with more associations; None if there are none."""
    results = answer.document.get("results") if isinstance(answer.document, dict) else None
    waiting = [
        {"id": str(result["from"]["id"]), "after": after}
        for result in (results if isinstance(results, list) else ())
        if isinstance(result, dict) and isinstance(result.get("from"), dict) and (after := cursor(result))
    ]
    return orjson.dumps(waiting).decode() if waiting else None


def _ids(answer: Answer) -> list[str]:
    return [str(row["id"]) for row in records(answer.document)]


def records(document: Any, key: str = "id") -> list[dict[str, Any]]:
    """Return the records of an answer that have `key`; the others go to quarantine when they land."""
    return [row for row in document["results"] if isinstance(row, dict) and row.get(key) is not None]


def number_of(record_id: Any) -> int | None:
    """Return a record's id as a number; None for a value that is no id, whose record goes to quarantine."""
    text = str(record_id)
    return int(text) if text.isdecimal() and len(text) <= _LONGEST_ID else None


def clock(answer: Answer) -> datetime | None:
    """Return the time of HubSpot's clock from the Date header."""
    try:
        return parsedate_to_datetime(answer.headers.get("date", "")).astimezone(UTC)
    except ValueError:
        return None


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _epoch_ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _changed_at(row: Any, modified: str) -> datetime | None:
    try:
        return datetime.fromisoformat(row["properties"][modified])
    except (KeyError, TypeError, ValueError):
        return None


def _older_than(until: int | None) -> Callable[[_Listing], bool]:
    def ends(page: _Listing) -> bool:
        instants = [record.submitted_at for record in page.results if record.submitted_at is not None]
        return until is not None and any(at < until for at in instants)

    return ends


def connect(landing: Landing) -> HubSpot:
    """Connect with the settings in `sources.hubspot`. Raises SettingError."""
    section = Settings(settings.SOURCE)
    base_url = section.url("base_url", settings.BASE_URL)
    version = section.version("api_version", settings.API_VERSION, r"v3|\d{4}-\d{2}")
    found = section.credentials(*settings.CREDENTIALS) or {"access_token": section.require("access_token")}
    client = landing.client(Client(POLICY, base_url))
    token: Token
    if "access_token" in found:
        token = StaticToken(section.name("access_token"), found["access_token"])
    else:
        path = "/oauth/v1/token" if version == "v3" else f"/oauth/{version}/token"
        token = RefreshToken(section.name("refresh_token"), client, path, found)
    client.token = token
    return HubSpot(client, version, section.hosts("domains"))
