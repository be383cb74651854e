"""Web analytics events: page views of known contacts, in bulk by event type or for one contact.

https://developers.hubspot.com/docs/guides/api/analytics-and-events/event-analytics
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from operator import itemgetter
from typing import Any

from starlette.requests import Request

from sandbox.apis.hubspot.common import (
    Endpoint,
    instant,
    invalid,
    limit,
    paged,
    parameters,
    problem,
    token,
    untoken,
)
from sandbox.apis.hubspot.records import Crm
from sandbox.counting.hubspot import PageViewEvent, epoch_ms, stamp

MAX_PAGE = 10_000
NO_SCOPE = (
    "This app hasn't been granted all required scopes to make this call. Read more about required scopes "
    "here: https://developers.hubspot.com/scopes."
)


#: page views with the contact of each, and the place of each in the order of time
_Found = tuple[list[tuple[str, PageViewEvent]], list[tuple[int, str]]]


class Events:
    """The event endpoints; an Enterprise feature."""

    def __init__(self, crm: Crm) -> None:
        self.crm = crm
        self.sandbox = crm.sandbox

    def endpoints(self) -> list[Endpoint]:
        """The routes; dated and v3 ones."""
        found = []
        for stem in ("/events/v3/events", "/events/event-occurrences/{version}"):
            found += [
                Endpoint("GET", stem, self.listing, _scope),
                Endpoint("GET", f"{stem}/event-types", self.types, _scope),
            ]
        return found

    def _require_tier(self, request: Request) -> None:
        if not self.sandbox.web_analytics or self.sandbox.faults.get("events_forbidden") is not None:
            raise problem(request, 403, "MISSING_SCOPES", NO_SCOPE)

    async def types(self, request: Request) -> dict[str, Any]:
        """Types of events that exist."""
        self._require_tier(request)
        return {"eventTypes": ["e_visited_page"]}

    async def listing(self, request: Request) -> dict[str, Any]:
        """Page views of known contacts in a time range, newest first unless sorted otherwise."""
        self._require_tier(request)
        asked = request.query_params
        for_one = "objectId" in asked or any(name.startswith("objectProperty.") for name in asked)
        if self.sandbox.faults.get("events_per_contact") is not None and not for_one:
            raise invalid(request, "objectId or objectProperty is required")
        size = min(limit(request, 100, MAX_PAGE), self.sandbox.caps.hubspot_events)
        descending = asked.get("sort", "-occurredAt").startswith("-")
        rows, places = self._asked_for(request)
        after = asked.get("after")
        first, end = 0, len(rows)
        if after:
            moment, _, _, _, view_id, _ = f"{untoken(request, after)}|||||".split("|")[:6]
            place = (int(moment or 0), view_id)
            if descending:
                end = bisect_left(places, place)
            else:
                first = bisect_right(places, place)
        page = (
            rows[max(first, end - size) : end][::-1] if descending else rows[first : min(end, first + size)]
        )
        following = None
        if end - first > size:
            contact, last = page[-1]
            following = token(f"{epoch_ms(last.view.at)}|0-1|{contact}|4-1553675|{last.view.id}|")
        return paged(request, [_page_view(contact, event) for contact, event in page], following)

    def _asked_for(self, request: Request) -> _Found:
        """The events that a query's filters leave, oldest first, and their places; found once per query."""
        earliest, latest = instant(request, "occurredAfter"), instant(request, "occurredBefore")
        asked = request.query_params
        named = asked.get("objectId")
        wanted_id = None if named is None else self.crm.snapshot().resolve("contacts", named)
        wanted_email = asked.get("objectProperty.email", "").lower()
        ids = asked.getlist("id")
        of_contacts = asked.get("objectType", "contact").lower() in ("contact", "contacts", "0-1")
        of_views = asked.get("eventType", "e_visited_page") == "e_visited_page"
        emails = self.crm.snapshot().records["contacts"]

        def build() -> _Found:
            known, places = self._known()
            if not (of_contacts and of_views):
                return [], []
            if not (earliest or latest or named or wanted_email or ids):
                return known, places
            first = bisect_left(places, (epoch_ms(earliest), "")) if earliest else 0
            end = bisect_left(places, (epoch_ms(latest) + 1, "")) if latest else len(known)
            kept = [
                number
                for number, (contact, event) in enumerate(known[first:end], start=first)
                if (earliest is None or event.view.at >= earliest)
                and (latest is None or event.view.at <= latest)
                and (wanted_id is None or contact == wanted_id)
                and (not wanted_email or (emails[contact].values["email"] or "").lower() == wanted_email)
                and (not ids or event.view.id in ids)
            ]
            return [known[number] for number in kept], [places[number] for number in kept]

        paging = ("after", "limit", "sort")
        filters = sorted(pair for pair in asked.multi_items() if pair[0] not in paging)
        return self.sandbox.cached(f"hubspot-events?{filters}", build)

    def _known(self) -> _Found:
        """Page views and the live contact each belongs to: anonymous ones appear once it is known."""

        def build() -> _Found:
            snapshot, now = self.crm.snapshot(), self.sandbox.now
            found = []
            for event in self.sandbox.portal.page_views:
                if event.known_at > now:
                    continue
                record = snapshot.find("contacts", event.contact.id)
                if record is not None and record.archived_at is None:
                    found.append((*_place(event), record.id, event))
            found.sort(key=itemgetter(0, 1))
            return [row[2:] for row in found], [row[:2] for row in found]

        return self.sandbox.cached("hubspot-page-views", build)


def _scope(_: Request) -> tuple[str, ...]:
    return ("business-intelligence",)


def _place(event: PageViewEvent) -> tuple[int, str]:
    return epoch_ms(event.view.at), event.view.id


def _page_view(contact: str, event: PageViewEvent) -> dict[str, Any]:
    view, source = event.view, event.source
    utm = parameters(view.url, "utm_source", "utm_medium", "utm_campaign")
    values = {
        "hs_url": view.url,
        "hs_title": view.title,
        "hs_referrer": view.referrer or None,
        "hs_page_id": view.page_id,
        "hs_visit_source": source.category,
        "hs_visit_source_details_1": source.data_1,
        "hs_visit_source_details_2": source.data_2,
        "hs_utm_source": utm.get("utm_source"),
        "hs_utm_medium": utm.get("utm_medium"),
        "hs_utm_campaign": utm.get("utm_campaign"),
    }
    return {
        "id": view.id,
        "eventType": "e_visited_page",
        "occurredAt": stamp(view.at),
        "objectType": "CONTACT",
        "objectId": contact,
        "properties": {name: value for name, value in values.items() if value is not None},
    }
