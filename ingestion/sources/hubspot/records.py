"""CRM records: load the changes since the last load, or list every record.

HubSpot's search returns no archived, erased or merged records, but its count of live records reveals them. If
the count differs from the landed records, and at least every seven days, the load lists all records and looks
for missing ones. A record that is created and archived between two loads is found by the next full listing.
"""

from __future__ import annotations

from array import array
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.http import bodies
from ingestion.landing.arrow import Page, Table
from ingestion.landing.resources import Batch, Landing, batches
from ingestion.landing.store import StreamState
from ingestion.sources.hubspot import erasure, settings, tables
from ingestion.sources.hubspot.api import HubSpot, Newest, number_of, records

_LAG = timedelta(minutes=settings.INDEX_LAG_MINUTES)

# All ids that were merged into another contact, from the survivor's property or found by reading the old id.
ALIASES = """
    SELECT alias_id, contact_id FROM merged_contacts
    UNION
    SELECT alias_id, contact_id FROM (
        SELECT unnest(string_split(hs_merged_object_ids, ';')) AS alias_id, id AS contact_id FROM contacts
    ) WHERE alias_id NOT IN ('', contact_id)
"""
_MERGED_AWAY = f"SELECT alias_id FROM ({ALIASES})"


@dataclass(frozen=True)
class ObjectType:
    """A type of CRM records. `modified` is the property with the instant of its last change."""

    table: Table
    properties: tuple[str, ...]
    modified: str = "hs_lastmodifieddate"
    history: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Return the name of the type in HubSpot's paths."""
        return self.table.name


CONTACTS = ObjectType(
    tables.CONTACTS, settings.CONTACT_PROPERTIES, "lastmodifieddate", settings.CONTACT_HISTORY
)
COMPANIES = ObjectType(tables.COMPANIES, settings.COMPANY_PROPERTIES)
DEALS = ObjectType(tables.DEALS, settings.DEAL_PROPERTIES)
TYPES = (CONTACTS, COMPANIES, DEALS)


@dataclass
class Records:
    """The records of one type in one load. `custom` are the portal's own properties."""

    landing: Landing
    hubspot: HubSpot
    kind: ObjectType
    custom: tuple[str, ...]

    def batches(self) -> Iterator[Batch]:
        """Yield the records to land with their dependent rows (histories, associations)."""
        newest = self.hubspot.newest(self.kind.name, self.kind.modified)
        known = None if self._is_new() else self.landing.store.state(self.kind.name)
        changed = self._changed(newest, known) if known is not None else None
        if known is None or changed is None:
            # count only records that existed before the listing began; later ones may be in count or listing
            total, last = self.hubspot.count(self.kind.name)
            listed = yield from self._everything(last)
            state = StreamState(None, self.landing.as_of, self.landing.as_of, total - listed)
        else:
            pages = (page for ids in changed for page in self._read(ids))
            yield from self._batches(pages)
            state = known
        cursor = newest.changes[0][1] if newest.changes else state.cursor
        read_at = min(self.landing.as_of, newest.at or self.landing.as_of)
        self.landing.remember(self.kind.name, StreamState(cursor, read_at, state.listed_at, state.surplus))

    # -- what changed -----------------------------------------------------------------------------------

    def _changed(self, newest: Newest, known: StreamState) -> list[list[str]] | None:
        """Return groups of ids of the changed records; None if everything has to be listed."""
        if self.landing.as_of - known.listed_at >= timedelta(days=settings.FULL_LISTING_DAYS):
            return None
        since = known.since(_LAG)
        recent = [i for i, at in newest.changes if since is None or at >= since]
        if len(recent) < len(newest.changes) or len(newest.changes) == newest.total:
            groups = [recent] if recent else []
        elif since is None:
            return None
        else:
            groups = list(self.hubspot.changed(self.kind.name, self.kind.modified, since))
        live = self._live_count([i for group in groups for i in group], known.listed_at)
        return groups if live + known.surplus == newest.total else None

    def _live_count(self, changed: Sequence[str], listed_at: datetime) -> int:
        """Return the number of live records: landed, `changed` and quarantined ones."""
        query = f"""
            SELECT count(*) FROM (
                {self._live()}
                UNION
                SELECT unnest(?)
                UNION
                SELECT record ->> 'id' FROM quarantine
                WHERE resource = ? AND loaded_at >= ? AND (record ->> 'id') IS NOT NULL
                    AND coalesce(record ->> 'archived', '') <> 'true'
                    AND (record ->> 'id') NOT IN (SELECT id FROM {self.kind.name})
            )
        """
        return int(self.landing.store.rows(query, [list(changed), self.kind.name, listed_at])[0][0])

    def _live(self) -> str:
        merged = f" AND id NOT IN ({_MERGED_AWAY})" if self.kind is CONTACTS else ""
        return f"SELECT id FROM {self.kind.name} WHERE deleted_at IS NULL AND NOT archived{merged}"

    # -- everything -------------------------------------------------------------------------------------

    def _everything(self, last: int) -> Generator[Batch, None, int]:
        """List all records, then look up landed ones that the listing did not contain.

        Returns the number of live records with an id up to `last`.
        """
        seen: dict[bool, array[int]] = {False: array("q"), True: array("q")}
        for archived, ids in seen.items():
            # archived records last: a record archived in between is read twice, and the last version wins
            pages = self.hubspot.objects(
                self.kind.name, self._properties, self.kind.history, archived=archived
            )
            for batch in self._batches(pages):
                numbers = (number_of(i) for page in batch[self.kind.name] for i in page.ids)
                ids.extend(i for i in numbers if i is not None)
                yield batch
        if not self._is_new():
            yield from self._missing(seen[False] + seen[True])
        live, gone = pa.array(seen[False], pa.int64()), pa.array(seen[True], pa.int64())
        counted = pc.and_(pc.less_equal(live, last), pc.invert(pc.is_in(live, value_set=gone)))
        return int(pc.count_distinct(live.filter(counted)).as_py())

    def _missing(self, seen: array[int]) -> Iterator[Batch]:
        landed = self.landing.store.column(self._landed())
        known = pa.array(seen, pa.int64()).cast(pa.string())
        missing = landed.filter(pc.invert(pc.is_in(landed, value_set=known))).to_pylist()
        for start in range(0, len(missing), settings.PAGE_SIZE):
            yield from self._look_for(missing[start : start + settings.PAGE_SIZE])

    def _landed(self) -> str:
        query = f"SELECT id FROM {self.kind.name} WHERE deleted_at IS NULL"
        if self.kind is not CONTACTS:
            return query
        query += f" AND id NOT IN ({_MERGED_AWAY})"
        if self.landing.store.is_new(tables.PAGE_VIEW_EVENTS):
            return query
        # contacts can be erased before they are listed, while their page views have already landed
        return (
            f"{query} UNION SELECT object_id FROM page_view_events"
            f" WHERE object_id NOT IN (SELECT id FROM contacts UNION {_MERGED_AWAY})"
        )

    def _look_for(self, ids: list[str]) -> Iterator[Batch]:
        """Look up records that the listing did not contain: shifted during paging, merged or erased."""
        pages = [*self._read(ids), *self._read(ids, archived=True)]
        yield from self._batches(pages)
        found = {i for page in pages for i in page.ids}
        merged_into = dict(_merged(pages))
        survivors: dict[str, str | None] = {}
        for i in ids:
            if i not in found:
                survivors[i] = merged_into.get(i) or self.hubspot.survivor(self.kind.name, i)
        gone = [i for i, survivor in survivors.items() if survivor is None]
        aliases = {i: survivor for i, survivor in survivors.items() if survivor not in (None, i)}
        if self.kind is not CONTACTS:
            gone += list(aliases)
        elif aliases:
            rows = [{"alias": alias, "id": survivor} for alias, survivor in aliases.items()]
            yield {tables.MERGED_CONTACTS.name: [_page(rows)]}
        if gone and self.kind is CONTACTS:
            gone = erasure.schedule(self.landing, gone, ALIASES)
        if gone:
            at = self.landing.as_of.isoformat()
            yield {self.kind.name: [_page([{"id": i, "deletedAt": at} for i in gone])]}

    def _is_new(self) -> bool:
        return self.landing.store.is_new(self.kind.table, tables.MERGED_CONTACTS)

    # -- reading ----------------------------------------------------------------------------------------

    @property
    def _properties(self) -> tuple[str, ...]:
        return (*self.kind.properties, *self.custom)

    def _read(self, ids: Sequence[str], *, archived: bool = False) -> Iterator[Page]:
        return self.hubspot.read(self.kind.name, ids, self._properties, self.kind.history, archived=archived)

    def _batches(self, pages: Iterable[Page]) -> Iterator[Batch]:
        for group in batches(pages):
            batch: dict[str, list[Page]] = {self.kind.name: group}
            if self.kind.history:
                batch[tables.CONTACT_HISTORIES.name] = group
            if self.kind is DEALS:
                ids = list(dict.fromkeys(i for page in group for i in page.ids))
                for table, other in (
                    (tables.DEAL_CONTACTS, "contacts"),
                    (tables.DEAL_COMPANIES, "companies"),
                ):
                    batch[table.name] = list(self.hubspot.associated("deals", ids, other))
            yield batch


def _merged(pages: Iterable[Page]) -> Iterator[tuple[str, str]]:
    for page in pages:
        for row in records(bodies.loads(page.body)):
            merged = (row.get("properties") or {}).get("hs_merged_object_ids")
            for alias in str(merged or "").split(";"):
                if alias:
                    yield alias, str(row["id"])


def _page(rows: list[dict[str, str | None]]) -> Page:
    return Page(orjson.dumps({"results": rows}), (), len(rows))
