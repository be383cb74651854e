"""The dlt resources of HubSpot: requests and the tables that they fill."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from typing import Any

import orjson
import pyarrow as pa

from ingestion.errors import PermissionMissing
from ingestion.http import bodies
from ingestion.http.client import in_parallel
from ingestion.http.faults import RequestFault
from ingestion.landing.arrow import Page
from ingestion.landing.left_out import LoadFault
from ingestion.landing.resources import Batch, Landing, batches, part, reading, resource
from ingestion.landing.store import StreamState
from ingestion.sources.hubspot import api, settings, tables
from ingestion.sources.hubspot.page_views import PageViews, gaps
from ingestion.sources.hubspot.records import COMPANIES, CONTACTS, DEALS, TYPES, ObjectType, Records
from ingestion.sources.hubspot.tables import DAILY, ENTITIES

__all__ = ["DAILY", "ENTITIES", "page_view_follow_ups", "resources"]

_FULL_LISTING = timedelta(days=settings.FULL_LISTING_DAYS)
_OVERLAP = timedelta(hours=settings.SUBMISSION_OVERLAP_HOURS)


class Portal:
    """One load of one portal: the client, and data that several tables share."""

    def __init__(self, landing: Landing) -> None:
        self.landing = landing
        self._lock = threading.Lock()
        self._definitions: dict[str, Page | None] = {}

    @cached_property
    def hubspot(self) -> api.HubSpot:
        """Return the client, created for the first request."""
        return api.connect(self.landing)

    @cached_property
    def page_views(self) -> PageViews:
        """Return the page views of this load."""
        return PageViews(self.landing, self.hubspot)

    def definitions(self, kind: str) -> Page | None:
        """Return the property definitions of a type, requested once; None without permission."""
        with self._lock:
            if kind not in self._definitions:
                try:
                    self._definitions[kind] = self.hubspot.properties(kind)
                except PermissionMissing as refusal:
                    self.landing.notice(f"custom properties of {kind} are not loaded: {refusal}")
                    self._definitions[kind] = None
            return self._definitions[kind]

    def custom(self, kind: ObjectType) -> tuple[str, ...]:
        """Return the names of the portal's custom properties of a type."""
        page = self.definitions(kind.name)
        rows = api.records(bodies.loads(page.body), "name") if page is not None else []
        own = {
            str(row["name"])
            for row in rows
            if row.get("hubspotDefined") in (False, "false") and row.get("archived") in (False, "false", None)
        }
        return tuple(sorted(own - set(kind.properties)))

    def records(self, kind: ObjectType) -> Iterator[Batch]:
        """Yield the records of a type."""
        yield from Records(self.landing, self.hubspot, kind, self.custom(kind)).batches()

    def properties(self) -> Iterator[Page]:
        """Yield all property definitions; add notices about changes of the properties in use."""
        for kind in TYPES:
            page = self.definitions(kind.name)
            if page is not None:
                self._report(kind, api.records(bodies.loads(page.body), "name"))
                yield page

    def _report(self, kind: ObjectType, rows: list[dict[str, Any]]) -> None:
        now = {str(row["name"]): row for row in rows}
        by_label = {str(row.get("label")): name for name, row in now.items()}
        landed = {}
        if not self.landing.store.is_new(tables.PROPERTIES):
            query = "SELECT name, label, type FROM properties WHERE object_type = ?"
            landed = {
                name: (label, type_) for name, label, type_ in self.landing.store.rows(query, [kind.name])
            }
        for name in sorted(set(kind.properties) - now.keys()):
            self.landing.notice(f"{kind.name} have no property {name}: its column stays empty")
        for name, (label, type_) in sorted(landed.items()):
            if name not in now:
                new = by_label.get(label)
                change = f"is now {new}" if new and new not in landed else "was deleted"
                self.landing.notice(f"the property {name} of {kind.name} {change}")
            elif now[name].get("type") != type_:
                new_type = now[name].get("type")
                self.landing.notice(
                    f"the property {name} of {kind.name} changed its type from {type_} to {new_type}"
                )

    def forms(self) -> Iterator[Batch]:
        """Yield forms and their new submissions."""
        store = self.landing.store
        known = None if store.is_new(tables.FORMS, tables.FORM_SUBMISSIONS) else store.state("forms")
        whole = known is None or self.landing.as_of - known.listed_at >= _FULL_LISTING
        pages = list(self.hubspot.forms(archived=False))
        ids = [i for page in pages for i in page.ids]
        landed = (
            set()
            if known is None
            else {row[0] for row in store.rows("SELECT id FROM forms WHERE NOT archived")}
        )
        if whole or landed - set(ids):
            archived = list(self.hubspot.forms(archived=True))
            pages += archived
            ids += [i for page in archived for i in page.ids]
        yield {tables.FORMS.name: pages}
        newest: dict[str, int] = {}
        if not whole:
            query = "SELECT form_id, epoch_ms(max(submitted_at)) FROM form_submissions GROUP BY form_id"
            newest = dict(store.rows(query))
        overlap = int(_OVERLAP.total_seconds() * 1000)
        names = {
            str(row["id"]): f"{row.get('name')} ({row.get('formType')})"
            for page in pages
            for row in api.records(bodies.loads(page.body))
        }

        def log(form_id: str) -> Iterator[Page]:
            until = newest[form_id] - overlap if form_id in newest else None
            try:
                yield from self.hubspot.submissions(form_id, until)
            except RequestFault as refused:
                form = f"form {form_id}, {names.get(form_id)}"
                answer = f"HubSpot refused its log ({refused.status}): {refused}"
                seen = f"submissions of {form} are not loaded: {answer}"
                fix = "if the form is in use, ask HubSpot why its submissions cannot be read"
                table = tables.FORM_SUBMISSIONS.name
                self.landing.leave_out(LoadFault("object", seen, fix, resource=table, subject=form_id))

        logs = [partial(log, i) for i in dict.fromkeys(ids)]
        for group in batches(in_parallel(logs, settings.CONCURRENCY)):
            yield {tables.FORM_SUBMISSIONS.name: group}
        as_of = self.landing.as_of
        listed_at = as_of if known is None or whole else known.listed_at
        self.landing.remember("forms", StreamState(None, as_of, listed_at))

    def purged_submissions(self) -> pa.Table:
        """Return the keys of erased submissions, because HubSpot may list them for another month."""
        empty = pa.table({name: pa.array([], pa.string()) for name in tables.FORM_SUBMISSIONS.key})
        if self.landing.store.is_new(tables.FORM_SUBMISSIONS):
            return empty
        query = "SELECT form_id, id FROM form_submissions WHERE erased_contact_id IS NOT NULL"
        found = self.landing.store.rows(query)
        return (
            pa.table(dict(zip(empty.column_names, zip(*found, strict=True), strict=True))) if found else empty
        )

    def owners(self) -> Iterator[Page]:
        """Yield the portal's users; full listings include the deactivated ones."""
        store = self.landing.store
        known = None if store.is_new(tables.OWNERS) else store.state("owners")
        whole = known is None or self.landing.as_of - known.listed_at >= _FULL_LISTING
        yield from self.hubspot.owners(archived=False)
        if whole:
            yield from self.hubspot.owners(archived=True)
        as_of = self.landing.as_of
        self.landing.remember(
            "owners", StreamState(None, as_of, as_of if known is None or whole else known.listed_at)
        )

    def lists(self) -> Iterator[Batch]:
        """Yield lists with their filters, and the members of changed lists with an ad-interaction filter."""
        store = self.landing.store
        landed: dict[str, tuple[Any, ...]] = {}
        if not store.is_new(tables.LISTS, tables.LIST_MEMBERSHIPS):
            query = (
                "SELECT id, filters_updated_at, has_ad_filter, filters, size, last_added_at, last_removed_at"
                " FROM lists WHERE deleted_at IS NULL"
            )
            landed = {str(row[0]): row[1:] for row in store.rows(query)}
        seen: set[str] = set()
        for page in self.hubspot.lists():
            rows = bodies.loads(page.body)["results"]
            members: list[Page] = []
            for row in rows:
                # a row without a readable id goes to quarantine when it lands
                if not isinstance(row, dict) or api.number_of(row.get("listId")) is None:
                    continue
                i = str(row["listId"])
                seen.add(i)
                before = landed.get(i)
                if before is not None and str(before[0]) == str(_instant(row.get("filtersUpdatedAt"))):
                    row["hasAdFilter"], row["filterBranch"] = before[1], orjson.loads(before[2] or "null")
                else:
                    try:
                        row["filterBranch"] = self.hubspot.filters(i)
                    except RequestFault as refused:
                        self._leave_out_list(i, row.get("name"), refused)
                        _, row["hasAdFilter"], filters, *_ = before or (None, None, None)
                        row["filterBranch"] = orjson.loads(filters or "null")
                        # without the instant the next load asks again
                        row["filtersUpdatedAt"] = None
                        continue
                    row["hasAdFilter"] = b'"ADS_SEARCH"' in orjson.dumps(row["filterBranch"])
                    before = None
                extra = row.get("additionalProperties")
                extra = extra if isinstance(extra, dict) else {}
                membership = tuple(
                    extra.get(name)
                    for name in ("hs_list_size", "hs_last_record_added_at", "hs_last_record_removed_at")
                )
                if row["hasAdFilter"] and (before is None or before[3:] != membership):
                    try:
                        members += list(self.hubspot.members(i))
                    except RequestFault as refused:
                        self._leave_out_list(i, row.get("name"), refused)
                        # without the size the next load asks again
                        row["additionalProperties"] = None
            yield {
                tables.LISTS.name: [Page(orjson.dumps({"results": rows}), (), len(rows))],
                tables.LIST_MEMBERSHIPS.name: members,
            }
        gone = [{"listId": i, "deletedAt": self.landing.as_of.isoformat()} for i in landed if i not in seen]
        if gone:
            yield {
                tables.LISTS.name: [Page(orjson.dumps({"results": gone}), (), len(gone))],
                tables.LIST_MEMBERSHIPS.name: [
                    Page(b'{"results":[{}]}', (("list_id", row["listId"]),), 1) for row in gone
                ],
            }

    def _leave_out_list(self, list_id: str, name: Any, refused: RequestFault) -> None:
        answer = f"HubSpot refused it ({refused.status}): {refused}"
        seen = f"list {list_id}, {name}, is not compared with HubSpot's own count: {answer}"
        fix = "if the list still exists, ask HubSpot why it cannot be read"
        self.landing.leave_out(LoadFault("object", seen, fix, resource=tables.LISTS.name, subject=list_id))


def _instant(text: Any) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if isinstance(text, str) else None


def resources(landing: Landing, scope: str) -> list[Any]:
    """Return the dlt resources of a part. Sends no request until they run."""
    if scope != "entities":
        return []
    portal = Portal(landing)

    def optional(name: str, items: Any) -> Any:
        def read() -> Iterator[Any]:
            try:
                yield from items()
            except PermissionMissing as refusal:
                landing.notice(f"no {name}: {refusal}")

        return read

    contacts = reading("contact_pages", lambda: portal.records(CONTACTS))
    companies = reading("company_pages", optional("companies", lambda: portal.records(COMPANIES)))
    deals = reading("deal_pages", lambda: portal.records(DEALS))
    forms = reading("form_pages", lambda: portal.forms())
    views = reading("page_view_pages", lambda: portal.page_views.newest())
    lists = reading("list_pages", optional("lists", lambda: portal.lists()))
    fed = (
        (tables.CONTACT_HISTORIES, contacts),
        (tables.MERGED_CONTACTS, contacts),
        (tables.FORMS, forms),
        (tables.PAGE_VIEW_EVENTS, views),
        (tables.PAGE_VIEW_GAPS, views),
        (tables.DEAL_CONTACTS, deals),
        (tables.DEAL_COMPANIES, deals),
        (tables.LISTS, lists),
        (tables.LIST_MEMBERSHIPS, lists),
    )
    landing.follow_ups.append(lambda: page_view_follow_ups(portal))
    return [
        contacts,
        companies,
        deals,
        forms,
        views,
        lists,
        part(landing, tables.CONTACTS, contacts, widened=lambda: tables.contacts(portal.custom(CONTACTS))),
        part(
            landing, tables.COMPANIES, companies, widened=lambda: tables.companies(portal.custom(COMPANIES))
        ),
        part(landing, tables.DEALS, deals, widened=lambda: tables.deals(portal.custom(DEALS))),
        *(part(landing, table, parent) for table, parent in fed),
        part(landing, tables.FORM_SUBMISSIONS, forms, protected=portal.purged_submissions),
        resource(landing, tables.ACCOUNT, lambda: portal.hubspot.account()),
        resource(landing, tables.PROPERTIES, portal.properties),
        resource(landing, tables.DEAL_PIPELINES, lambda: portal.hubspot.pipelines()),
        resource(landing, tables.OWNERS, optional("owners", portal.owners)),
        resource(
            landing,
            tables.MARKETING_CAMPAIGNS,
            optional("marketing campaigns", lambda: portal.hubspot.campaigns()),
        ),
        resource(
            landing,
            tables.EXCHANGE_RATES,
            optional("exchange rates", lambda: portal.hubspot.exchange_rates()),
        ),
        # only exported files contain these rows
        resource(landing, tables.ADS_EXPORT, lambda: ()),
    ]


def page_view_follow_ups(portal: Portal) -> Iterator[list[Any]]:
    """Yield resources that need landed contacts: page views that the first step did not return."""
    views, landing = portal.page_views, portal.landing
    if not views.is_allowed:
        return
    missing = views.missing()
    if missing and not views.is_whole:
        if views.in_bulk and len(missing) > views.landed() / settings.PAGE_SIZE:
            # reading all page views needs fewer requests than one per contact
            yield _page_views(landing, views.everything())
            views.is_whole = True
            missing = views.missing()
        else:
            yield _page_views(landing, views.of_contacts(missing))
    if missing and views.is_whole:
        yield _page_views(landing, [gaps([(i, number) for i, number, _ in missing])])


def _page_views(landing: Landing, found: Iterable[Batch]) -> list[Any]:
    pages = reading("page_view_pages", lambda: found)
    return [
        pages,
        *(part(landing, table, pages) for table in (tables.PAGE_VIEW_EVENTS, tables.PAGE_VIEW_GAPS)),
    ]
