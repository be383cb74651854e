"""Lists: a few the company made, and one per advertised campaign that holds who interacted with its ads.

Filters: https://developers.hubspot.com/docs/api/crm/list-filters-definitions (ADS_SEARCH); shapes:
https://developers.hubspot.com/docs/api-reference/crm-lists-v3/guide. There is no event for leaving a list.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.requests import Request

from sandbox.apis.hubspot.common import (
    Endpoint,
    flag,
    invalid,
    json_body,
    limit,
    names,
    not_found,
    paged,
)
from sandbox.apis.hubspot.objects import object_type
from sandbox.apis.hubspot.records import Crm, Record
from sandbox.apis.hubspot.schema import TYPE_IDS
from sandbox.apis.state import parse_instant
from sandbox.counting.hubspot import contact_touches, stamp
from sandbox.counting.hubspot_sources import ad_block
from sandbox.world.company import ADS_START, Campaign, Network

MAX_COUNT = 500
MAX_OFFSET = 10_000
MAX_MEMBERS = 250
#: What HubSpot calls each network and which part of a campaign the company's lists name.
_NETWORKS = {
    Network.GOOGLE: ("ADWORDS", "adwords", "ID"),
    Network.FACEBOOK: ("FACEBOOK", "facebook", "ID"),
    Network.LINKEDIN: ("LINKEDIN", "linkedin", "NAME"),
}
_ALWAYS_RETURNED = ("hs_list_size", "hs_last_record_added_at", "hs_last_record_removed_at")


@dataclass(frozen=True)
class Segment:
    """A list. `joined`: since when a record is a member, None if it is not."""

    id: str
    name: str
    kind: str
    processing: str
    created_at: datetime
    filters: tuple[dict[str, Any], ...]
    joined: Callable[[Record], datetime | None]

    @property
    def of_ads(self) -> bool:
        """Whether it holds who interacted with ads."""
        return any(rule["filterType"] == "ADS_SEARCH" for rule in self.filters)


class Lists:
    """The list endpoints."""

    def __init__(self, crm: Crm) -> None:
        self.crm = crm
        self.sandbox = crm.sandbox
        self._interactions: dict[tuple[str, str], dict[str, datetime]] = {}
        self._read = 0

    def endpoints(self) -> list[Endpoint]:
        """The routes; dated and v3 ones."""
        found = []
        for stem in ("/crm/v3/lists", "/crm/lists/{version}"):
            found += [
                Endpoint("POST", f"{stem}/search", self.search, _scope),
                Endpoint("GET", stem, self.several, _scope),
                Endpoint("GET", f"{stem}/records/{{type}}/{{id}}/memberships", self.of_record, _scope),
                Endpoint("GET", f"{stem}/{{list}}", self.one, _scope),
                Endpoint("GET", f"{stem}/{{list}}/memberships", self.members, _scope),
                Endpoint("GET", f"{stem}/{{list}}/memberships/join-order", self.members_by_time, _scope),
            ]
        return found

    # -- what lists there are ---------------------------------------------------------------------------

    @property
    def segments(self) -> list[Segment]:
        """All lists, with the filters they have now."""
        return self.sandbox.cached("hubspot-lists", lambda: [*self._made(), *self._of_campaigns()])

    def _made(self) -> list[Segment]:
        def holding(name: str, *values: str) -> Callable[[Record], datetime | None]:
            def joined(record: Record) -> datetime | None:
                held = record.values.get(name)
                if held is None or (values and held not in values):
                    return None
                entries = record.histories({name: self.crm.definitions(record.kind)[name]})[name]
                return max(parse_instant(str(entries[0]["timestamp"])), created)

            return joined

        created = datetime.fromisoformat("2025-03-01T08:00:00+00:00")
        return [
            Segment(
                "11",
                "Newsletter readers",
                "contacts",
                "DYNAMIC",
                created,
                (_property("newsletter_topics", "IS_KNOWN"),),
                holding("newsletter_topics"),
            ),
            Segment(
                "12",
                "Customers",
                "contacts",
                "DYNAMIC",
                created,
                (_property("lifecyclestage", "IS_ANY_OF", "customer"),),
                holding("lifecyclestage", "customer"),
            ),
            Segment(
                "14",
                "Imported 8420117",
                "contacts",
                "MANUAL",
                created,
                (),
                holding("hs_object_source", "IMPORT"),
            ),
            Segment(
                "15",
                "Came by e-mail",
                "contacts",
                "SNAPSHOT",
                created,
                (_property("hs_latest_source", "IS_ANY_OF", "EMAIL_MARKETING"),),
                holding("hs_latest_source", "EMAIL_MARKETING"),
            ),
            Segment(
                "17",
                "Gold accounts",
                "companies",
                "DYNAMIC",
                created,
                (_property("account_tier", "IS_ANY_OF", "gold"),),
                holding("account_tier", "gold"),
            ),
        ]

    def _of_campaigns(self) -> list[Segment]:
        found: list[Segment] = []
        for network, accounts in self.sandbox.company.accounts.items():
            for campaign in (campaign for account in accounts for campaign in account.campaigns):
                found.append(self._of_campaign(str(301 + len(found)), network, campaign))
        return found

    def _of_campaign(self, list_id: str, network: Network, campaign: Campaign) -> Segment:
        ad_network, tag, term = _NETWORKS[network]
        rule = {
            "filterType": "ADS_SEARCH",
            "adNetwork": ad_network,
            "entityType": "CAMPAIGN",
            "searchTermType": term,
            "searchTerms": [campaign.id if term == "ID" else campaign.name_at(self.sandbox.now)],
            "operator": "IS_EQUAL_TO",
        }

        def joined(record: Record) -> datetime | None:
            at = self._interactions_with(tag, campaign.id).get(record.id)
            return at if at is not None and at <= self.sandbox.now else None

        name = f"Ad interactions: {campaign.name}"
        return Segment(list_id, name, "contacts", "DYNAMIC", ADS_START, (rule,), joined)

    def _interactions_with(self, tag: str, campaign: str) -> dict[str, datetime]:
        """When the portal first knew of each contact that it came by an ad of the campaign."""
        contacts = self.sandbox.portal.contacts
        # contacts are only ever added
        for contact in contacts[self._read :]:
            for touch in contact_touches(contact):
                query = ad_block(touch.url)
                key = (query.get("hsa_net", ""), query.get("hsa_cam", ""))
                if all(key):
                    first = self._interactions.setdefault(key, {})
                    first[contact.id] = min(first.get(contact.id, touch.known_at), touch.known_at)
        self._read = len(contacts)
        return self._interactions.get((tag, campaign), {})

    def members_of(self, segment: Segment) -> dict[str, datetime]:
        """Record ids with the instant each joined, by id."""

        def build() -> dict[str, datetime]:
            snapshot = self.crm.snapshot()
            rows = (
                (i, segment.joined(snapshot.records[segment.kind][i])) for i in snapshot.live[segment.kind]
            )
            return {i: at for i, at in rows if at is not None}

        return self.sandbox.cached(f"hubspot-list-{segment.id}", build)

    def _removed_at(self, segment: Segment) -> datetime | None:
        snapshot = self.crm.snapshot()
        gone = [snapshot.records[segment.kind][i] for i in snapshot.archived[segment.kind]]
        stamps = [r.archived_at for r in gone if r.archived_at and segment.joined(r) is not None]
        stamps += [m.at for m in self.crm.mergers if m.kind == segment.kind and m.at <= snapshot.at]
        return max(stamps, default=None)

    # -- endpoints --------------------------------------------------------------------------------------

    def _body(self, segment: Segment) -> dict[str, Any]:
        members = self.members_of(segment)
        latest = max([*members.values(), segment.created_at])
        return {
            "listId": segment.id,
            "listVersion": 1,
            "name": segment.name,
            "objectTypeId": TYPE_IDS[segment.kind],
            "processingStatus": "COMPLETE",
            "processingType": segment.processing,
            "createdAt": stamp(segment.created_at),
            "createdById": "9001",
            "updatedAt": stamp(latest),
            "updatedById": "9001",
            "filtersUpdatedAt": stamp(segment.created_at),
        }

    def _full(self, segment: Segment, *, filters: bool) -> dict[str, Any]:
        body = self._body(segment) | {"size": len(self.members_of(segment))}
        if filters and segment.filters:
            body["filterBranch"] = _branches(segment.filters)
        return body

    def _existing(self) -> list[Segment]:
        without_ads = self.sandbox.faults.get("lists_without_ads") is not None
        return [
            segment
            for segment in self.segments
            if segment.created_at <= self.sandbox.now and not (without_ads and segment.of_ads)
        ]

    async def search(self, request: Request) -> dict[str, Any]:
        """Lists by name, type or id, in the order of their ids unless sorted otherwise."""
        asked = await json_body(request)
        offset, count = int(asked.get("offset") or 0), min(int(asked.get("count") or 20), MAX_COUNT)
        if offset + count > MAX_OFFSET:
            raise invalid(request, f"offset and count may not exceed {MAX_OFFSET}")
        kinds, ids = asked.get("processingTypes"), asked.get("listIds")
        word, type_id = str(asked.get("query") or "").lower(), asked.get("objectTypeId")
        found = [
            segment
            for segment in self._existing()
            if word in segment.name.lower()
            and (not kinds or segment.processing in kinds)
            and (not ids or segment.id in map(str, ids))
            and (not type_id or TYPE_IDS[segment.kind] == type_id)
        ]
        sort = str(asked.get("sort") or "")
        keys = {"HS_LIST_NAME": "name", "HS_UPDATED_AT": "updatedAt", "HS_CREATED_AT": "createdAt"}
        rows = [(segment, self._body(segment)) for segment in found]
        if sort.lstrip("-") in keys:
            key = keys[sort.lstrip("-")]
            rows.sort(key=lambda row: str(row[1][key]), reverse=sort.startswith("-"))
        returned = {*_ALWAYS_RETURNED, *(asked.get("additionalProperties") or [])}
        for segment, body in rows[offset : offset + count]:
            more = {name: value for name, value in self._properties(segment).items() if name in returned}
            body["additionalProperties"] = more
        page = [body for _, body in rows[offset : offset + count]]
        following = offset + len(page)
        return {"lists": page, "hasMore": following < len(rows), "offset": following, "total": len(rows)}

    def _properties(self, segment: Segment) -> dict[str, str]:
        members, removed = self.members_of(segment), self._removed_at(segment)
        more = {"hs_list_size": str(len(members)), "hs_list_reference_count": "0"}
        if members:
            more["hs_last_record_added_at"] = stamp(max(members.values()))
        if removed is not None:
            more["hs_last_record_removed_at"] = stamp(removed)
        return more

    def _find(self, request: Request) -> Segment:
        for segment in self._existing():
            if segment.id == request.path_params["list"]:
                return segment
        raise not_found(request, f"List does not exist with ID {request.path_params['list']}.")

    async def one(self, request: Request) -> dict[str, Any]:
        """One list, with its filters if asked."""
        return {"list": self._full(self._find(request), filters=flag(request, "includeFilters"))}

    async def several(self, request: Request) -> dict[str, Any]:
        """Lists by id."""
        wanted, filters = names(request, "listIds"), flag(request, "includeFilters")
        return {"lists": [self._full(s, filters=filters) for s in self._existing() if s.id in wanted]}

    async def members(self, request: Request) -> dict[str, Any]:
        """Members by record id."""
        segment = self._find(request)
        return self._members(request, list(self.members_of(segment).items()))

    async def members_by_time(self, request: Request) -> dict[str, Any]:
        """Members by the time they joined."""
        joined = self.members_of(self._find(request))
        return self._members(request, sorted(joined.items(), key=lambda row: (row[1], int(row[0]))))

    def _members(self, request: Request, joined: list[tuple[str, datetime]]) -> dict[str, Any]:
        size = min(limit(request, 100, MAX_MEMBERS), self.sandbox.caps.hubspot_members)
        after = request.query_params.get("after", "0")
        if not after.isdigit():
            raise invalid(request, f"Invalid paging cursor: {after}")
        end = int(after) + size
        rows = [{"recordId": i, "membershipTimestamp": stamp(at)} for i, at in joined[int(after) : end]]
        return {**paged(request, rows, str(end) if end < len(joined) else None), "total": len(joined)}

    async def of_record(self, request: Request) -> dict[str, Any]:
        """The lists one record is in."""
        kind = object_type(request, request.path_params["type"])
        record_id = self.crm.snapshot().resolve(kind, request.path_params["id"])
        rows = []
        for segment in self._existing():
            at = self.members_of(segment).get(record_id) if segment.kind == kind else None
            if at is not None:
                rows.append(
                    {
                        "listId": segment.id,
                        "listVersion": 1,
                        "firstAddedTimestamp": stamp(at),
                        "lastAddedTimestamp": stamp(at),
                    }
                )
        return {"results": rows, "total": len(rows)}


def _scope(_: Request) -> tuple[str, ...]:
    return ("crm.lists.read",)


def _property(name: str, operator: str, *values: str) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationType": "ENUMERATION",
        "operator": operator,
        "includeObjectsWithNoValueSet": False,
    }
    if operator == "IS_KNOWN":
        operation["operationType"] = "ALL_PROPERTY"
    else:
        operation["values"] = list(values)
    return {"filterType": "PROPERTY", "property": name, "operation": operation}


def _branches(filters: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    inner = {
        "filterBranchType": "AND",
        "filterBranchOperator": "AND",
        "filterBranches": [],
        "filters": list(filters),
    }
    return {"filterBranchType": "OR", "filterBranchOperator": "OR", "filterBranches": [inner], "filters": []}
