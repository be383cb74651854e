"""Every CRM record as of an instant: what happened to the company, and what people changed by hand since.

Merging gives a new record with a new id; reading an old id answers the new record
(https://developers.hubspot.com/changelog/changes-to-how-merging-contacts-and-companies-works).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property, partial
from typing import Any

from sandbox.apis.hubspot.schema import ASSOCIATIONS, CHANGED, PROPERTIES, Property, custom_values
from sandbox.apis.state import Sandbox
from sandbox.counting.hubspot import (
    Contact,
    ContactState,
    contact_history,
    contact_state,
    deal_history,
    deal_properties,
    epoch_ms,
    stamp,
)

Entry = dict[str, Any]
History = dict[str, list[Entry]]
_KEPT_INSTANTS = 3


@dataclass(slots=True)
class Record:
    """One record: every value it has, text or None, and how to compute its history.

    `with_history`: the properties that `history_of` may return; None for any.
    """

    kind: str
    id: str
    created_at: datetime
    updated_at: datetime
    values: dict[str, str | None]
    history_of: Callable[[], History]
    archived_at: datetime | None = None
    with_history: Set[str] | None = None

    def bump(self, at: datetime) -> None:
        """Something about it changed then."""
        self.updated_at = max(self.updated_at, at)
        self.values[CHANGED[self.kind]] = stamp(self.updated_at)

    def histories(self, wanted: Mapping[str, Property]) -> dict[str, list[Entry]]:
        """The values of each of these properties, newest first."""
        entries = (
            self.history_of() if self.with_history is None or not self.with_history.isdisjoint(wanted) else {}
        )
        return {name: self._history(entries.get(name), definition) for name, definition in wanted.items()}

    def _history(self, entries: list[Entry] | None, definition: Property) -> list[Entry]:
        value = self.values.get(definition.name)
        if entries is not None or value is None:
            return entries or []
        at = self.updated_at if definition.calculated else self.created_at
        source = "CALCULATED" if definition.calculated else "CRM_UI"
        return [{"value": value, "timestamp": stamp(at), "sourceType": source}]


@dataclass(frozen=True, slots=True)
class Edit:
    """A property somebody set."""

    at: datetime
    name: str
    value: str | None
    source: str = "CRM_UI"


@dataclass(slots=True)
class Hand:
    """What people did to one record. `elsewhere`: edits of the merged-away one, in the history only."""

    edits: list[Edit] = field(default_factory=list)
    elsewhere: list[Edit] = field(default_factory=list)
    archivings: list[tuple[datetime, bool]] = field(default_factory=list)
    touched: list[datetime] = field(default_factory=list)
    erased_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Merger:
    """Two records of a type that became a third."""

    at: datetime
    kind: str
    id: str
    primary: str
    secondary: str


@dataclass(frozen=True, slots=True)
class Made:
    """A company or deal made by hand; contacts made by hand are the portal's contacts."""

    at: datetime
    kind: str
    id: str
    values: dict[str, str | None]


@dataclass(frozen=True, slots=True)
class Link:
    """Two records tied together or torn apart by hand."""

    at: datetime
    ends: tuple[tuple[str, str], tuple[str, str]]
    tied: bool


@dataclass(frozen=True, slots=True)
class Rename:
    """A property that gave way to another one with the same label."""

    at: datetime
    kind: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Organisation:
    """A company record: the e-mail domain its contacts share."""

    id: str
    domain: str
    contacts: tuple[Contact, ...]

    @property
    def created_at(self) -> datetime:
        """When the first of its contacts came."""
        return min(contact.created_at for contact in self.contacts)


class Snapshot:
    """The CRM at one instant."""

    def __init__(self, at: datetime, records: dict[str, dict[str, Record]]) -> None:
        self.at = at
        self.records = {
            kind: {i: found[i] for i in sorted(found, key=int)} for kind, found in records.items()
        }
        self.aliases: dict[str, dict[str, str]] = {kind: {} for kind in records}
        #: records that were merged away, as they were
        self.merged: dict[str, dict[str, Record]] = {kind: {} for kind in records}
        self.pairs: dict[tuple[str, str], dict[str, dict[str, list[int]]]] = {}

    @cached_property
    def live(self) -> dict[str, list[str]]:
        """Ids of live records per type, by number."""
        return self._ids(archived=False)

    @cached_property
    def archived(self) -> dict[str, list[str]]:
        """Ids of archived records per type, by number."""
        return self._ids(archived=True)

    def _ids(self, *, archived: bool) -> dict[str, list[str]]:
        return {
            kind: [i for i, record in found.items() if (record.archived_at is not None) is archived]
            for kind, found in self.records.items()
        }

    def resolve(self, kind: str, object_id: str) -> str:
        """The id a record has now; its own unless it was merged away."""
        return self.aliases[kind].get(object_id, object_id)

    def find(self, kind: str, object_id: str) -> Record | None:
        """The record with that id, or the one it was merged into."""
        return self.records[kind].get(self.resolve(kind, object_id))

    def tied(self, kind: str, object_id: str, other: str) -> dict[str, list[int]]:
        """Live records of another type tied to this one, with the association type ids."""
        return self.pairs.get((kind, object_id), {}).get(other, {})


class Crm:
    """The CRM's records and the changes made to them by hand. Changes are dated by the virtual clock."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.hands: dict[tuple[str, str], Hand] = {}
        self.mergers: list[Merger] = []
        self.made: list[Made] = []
        self.links: list[Link] = []
        self.renames: list[Rename] = []
        #: per form: when it was deleted, when it was archived
        self.form_fates: dict[str, tuple[datetime | None, datetime | None]] = {}
        #: e-mail addresses of erased contacts with the instants of erasure
        self.erased_emails: dict[str, list[datetime]] = {}
        self._states: dict[datetime, dict[str, ContactState]] = {}
        for merge in sandbox.portal.merges:
            parents = (merge.primary.id, merge.secondary.id)
            self.mergers.append(Merger(merge.at, "contacts", merge.merged.id, *parents))
        for at, contact in sandbox.portal.erasures:
            self.hand("contacts", contact.id).erased_at = at
            self.erased_emails.setdefault(contact.email, []).append(at)
        self.organisations = self._organisations()

    def _organisations(self) -> dict[str, Organisation]:
        by_domain: dict[str, list[Contact]] = {}
        for contact in self.sandbox.portal.contacts:
            by_domain.setdefault(contact.email.partition("@")[2], []).append(contact)
        return {
            domain: Organisation(str(18_204_550_000 + 31 * number), domain, tuple(contacts))
            for number, (domain, contacts) in enumerate(by_domain.items())
        }

    def hand(self, kind: str, object_id: str) -> Hand:
        """What people did to that record, to be added to."""
        return self.hands.setdefault((kind, object_id), Hand())

    def changed(self, *contacts: str) -> None:
        """Answer from the changed records from now on; of `contacts` the activity changed, too."""
        for states in self._states.values():
            for contact in contacts:
                states.pop(contact, None)
        self.organisations = self._organisations()
        self.sandbox.forget()

    def definitions(self, kind: str) -> dict[str, Property]:
        """The properties a type has now, archived ones included."""

        def build() -> dict[str, Property]:
            found = {definition.name: definition for definition in PROPERTIES[kind]}
            for rename in self.renames:
                if rename.kind == kind and rename.at <= self.sandbox.now and rename.old in found:
                    found[rename.new] = replace(found.pop(rename.old), name=rename.new)
            return found

        return self.sandbox.cached(f"hubspot-properties-{kind}", build)

    def snapshot(self, at: datetime | None = None) -> Snapshot:
        """The CRM as of that instant, now by default."""
        moment = at or self.sandbox.now
        return self.sandbox.cached(f"hubspot-crm@{moment.isoformat()}", lambda: self._snapshot(moment))

    # -- building ---------------------------------------------------------------------------------------

    def _snapshot(self, at: datetime) -> Snapshot:
        records = {
            "contacts": {record.id: record for record in self._contacts(at)},
            "companies": {record.id: record for record in self._companies(at)},
            "deals": {record.id: record for record in self._deals(at)},
        }
        for made in self.made:
            if made.at <= at:
                record = Record(made.kind, made.id, made.at, made.at, dict(made.values), dict)
                records[made.kind][made.id] = record
        merged = {merger.id for merger in self.mergers}
        for kind, found in records.items():
            for object_id in found:
                if object_id not in merged:
                    self._apply(found, kind, object_id, at)
        aliases: dict[str, dict[str, str]] = {kind: {} for kind in records}
        gone: dict[str, dict[str, Record]] = {kind: {} for kind in records}
        for merger in sorted(self.mergers, key=lambda merger: merger.at):
            # a lead's contact may come into being seconds after it was merged
            if merger.at <= at and {merger.primary, merger.secondary} <= records[merger.kind].keys():
                parents = self._merge(records[merger.kind], aliases[merger.kind], merger, at)
                gone[merger.kind] |= {parent.id: parent for parent in parents}
        for (kind, object_id), hand in self.hands.items():
            if hand.erased_at is not None and hand.erased_at <= at:
                records[kind].pop(object_id, None)
        for rename in self.renames:
            if rename.at <= at:
                for record in records[rename.kind].values():
                    record.values[rename.new] = record.values.pop(rename.old, None)
        snapshot = Snapshot(at, records)
        snapshot.aliases, snapshot.merged = aliases, gone
        self._tie(snapshot)
        return snapshot

    def _contacts(self, at: datetime) -> Iterable[Record]:
        states = self._states.setdefault(at, {})
        for earlier in list(self._states)[:-_KEPT_INSTANTS]:
            del self._states[earlier]
        for contact in self.sandbox.portal.contacts:
            if (contact.exists_from or contact.created_at) > at:
                continue
            state = states.get(contact.id) or contact_state(contact, at)
            states[contact.id] = state
            values = {**state.properties, **custom_values("contacts", contact.root or contact.id)}
            values["hs_all_contact_vids"] = contact.id
            gone = contact.archived_at if contact.archived_at and contact.archived_at <= at else None
            yield Record(
                "contacts",
                contact.id,
                contact.created_at,
                state.updated_at,
                values,
                partial(contact_history, contact, at),
                gone,
                state.properties.keys(),
            )

    def _deals(self, at: datetime) -> Iterable[Record]:
        portal = self.sandbox.portal
        for deal in portal.deals_at(at):
            values, updated = deal_properties(deal, at, portal.company)
            known = (portal.contact_of(person, at) for person in deal.opened.people)
            contacts = [contact for contact in known if contact is not None]
            record = Record(
                "deals",
                deal.id,
                deal.opened.at,
                updated,
                {**values, **custom_values("deals", deal.id)},
                partial(deal_history, deal, at),
            )
            for moment in _comings(contacts, at):
                record.bump(moment)
            yield record

    def _companies(self, at: datetime) -> Iterable[Record]:
        for organisation in self.organisations.values():
            if organisation.created_at > at:
                continue
            oldest = min(organisation.contacts, key=lambda contact: contact.created_at)
            values: dict[str, str | None] = {
                "name": organisation.domain.partition(".")[0].replace("-", " ").title(),
                "domain": organisation.domain,
                "createdate": stamp(organisation.created_at),
                "hs_object_id": organisation.id,
                "hs_object_source": oldest.object_source,
                "hs_object_source_label": oldest.object_source,
                "hs_analytics_source": oldest.offline.category,
                "hs_analytics_source_data_1": oldest.offline.data_1,
                "hs_analytics_source_data_2": oldest.offline.data_2,
                "lifecyclestage": "lead",
                **custom_values("companies", organisation.id),
            }
            created = organisation.created_at
            record = Record("companies", organisation.id, created, created, values, dict)
            for moment in _comings(organisation.contacts, at):
                record.bump(moment)
            deals = {id(deal): deal for contact in organisation.contacts for deal in contact.deals}
            for deal in deals.values():
                if deal.opened.at <= at:
                    record.bump(deal.opened.at)
                    record.values["lifecyclestage"] = "opportunity"
            record.bump(created)
            yield record

    def _apply(self, found: dict[str, Record], kind: str, object_id: str, at: datetime) -> None:
        hand, record = self.hands.get((kind, object_id)), found[object_id]
        if hand is None:
            return
        edits = [edit for edit in hand.edits if edit.at <= at]
        all_edits = [*edits, *(edit for edit in hand.elsewhere if edit.at <= at)]
        before = dict(record.values)
        history_before, created = record.history_of, record.created_at
        for edit in edits:
            record.values[edit.name] = edit.value
            record.bump(edit.at)

        def history() -> History:
            entries = dict(history_before())
            for edit in sorted(all_edits, key=lambda edit: edit.at):
                if edit.name not in entries:
                    first = before.get(edit.name)
                    entries[edit.name] = (
                        [{"value": first, "timestamp": stamp(created), "sourceType": "CRM_UI"}]
                        if first
                        else []
                    )
                entry = {"value": edit.value or "", "timestamp": stamp(edit.at), "sourceType": edit.source}
                entries[edit.name] = [entry, *entries[edit.name]]
            return entries

        if all_edits:
            record.history_of, record.with_history = history, None
        for moment, gone in hand.archivings:
            if moment <= at:
                record.archived_at = moment if gone else None
                if not gone:
                    record.bump(moment)
        for moment in hand.touched:
            if moment <= at:
                record.bump(moment)

    def _merge(
        self, found: dict[str, Record], aliases: dict[str, str], merger: Merger, at: datetime
    ) -> tuple[Record, Record]:
        primary, secondary = found.pop(merger.primary), found.pop(merger.secondary)
        if merger.kind == "contacts":
            # the merged contact's analytics are counted over both; what is entered by hand is the primary's
            record = found[merger.id]
        else:
            values = {**secondary.values, **{n: v for n, v in primary.values.items() if v is not None}}
            created = min(primary.created_at, secondary.created_at)
            histories = (secondary.history_of, primary.history_of)
            record = Record(
                merger.kind,
                merger.id,
                created,
                merger.at,
                values,
                lambda: _combined(*(each() for each in histories)),
            )
            record.values |= {"hs_object_id": merger.id, "createdate": stamp(created)}
            found[merger.id] = record
        old = [merger.primary, *_ids(primary), merger.secondary, *_ids(secondary)]
        record.values["hs_merged_object_ids"] = ";".join(old)
        if merger.kind == "contacts":
            emails = [primary.values["hs_additional_emails"], secondary.values["email"]]
            emails.append(secondary.values["hs_additional_emails"])
            record.values["hs_additional_emails"] = ";".join(filter(None, emails))
            record.values["hs_all_contact_vids"] = ";".join([merger.id, *old])
            record.values["hs_calculated_merged_vids"] = ";".join(f"{i}:{epoch_ms(merger.at)}" for i in old)
        record.bump(merger.at)
        for alias, now in aliases.items():
            if now in (merger.primary, merger.secondary):
                aliases[alias] = merger.id
        aliases |= {merger.primary: merger.id, merger.secondary: merger.id}
        self._apply(found, merger.kind, merger.id, at)
        for parent in (primary, secondary):
            parent.archived_at = merger.at
        return primary, secondary

    # -- associations -----------------------------------------------------------------------------------

    def _tie(self, snapshot: Snapshot) -> None:
        portal = self.sandbox.portal
        emails = {contact.id: contact.email for contact in portal.contacts}
        for contact in portal.contacts:
            if contact.exists_from is None:
                # a merged contact keeps its primary's primary company
                chief = emails[snapshot.resolve("contacts", contact.id)] == contact.email
                self._tie_company(snapshot, "contacts", contact.id, contact.email, primary=chief)
        for deal in portal.deals_at(snapshot.at):
            for person in deal.opened.people:
                known = portal.contact_of(person, snapshot.at)
                if known is not None:
                    _join(snapshot, ("deals", deal.id), ("contacts", known.id))
            email = portal.people[deal.opened.person].email
            self._tie_company(snapshot, "deals", deal.id, email, primary=True)
        for link in self.links:
            if link.at <= snapshot.at:
                (_join if link.tied else _part)(snapshot, *link.ends)
        for (kind, object_id), others in snapshot.pairs.items():
            record = snapshot.records[kind][object_id]
            for other, tied in others.items():
                name = f"num_associated_{other}"
                if name in self.definitions(kind):
                    record.values[name] = str(len(tied))

    def _tie_company(
        self, snapshot: Snapshot, kind: str, object_id: str, email: str, *, primary: bool
    ) -> None:
        organisation = self.organisations.get(email.partition("@")[2])
        if organisation is not None:
            _join(snapshot, (kind, object_id), ("companies", organisation.id), primary=primary)


def _ids(record: Record) -> list[str]:
    return [i for i in (record.values.get("hs_merged_object_ids") or "").split(";") if i]


def _combined(*histories: History) -> History:
    joined: History = {}
    for history in histories:
        for name, entries in history.items():
            joined[name] = sorted(
                [*joined.get(name, []), *entries], key=lambda entry: str(entry["timestamp"]), reverse=True
            )
    return joined


def _comings(contacts: Iterable[Contact], at: datetime) -> list[datetime]:
    """When contacts came and went."""
    return [
        moment
        for contact in contacts
        for moment in (contact.created_at, contact.archived_at)
        if moment is not None and moment <= at
    ]


def _ends(snapshot: Snapshot, *ends: tuple[str, str]) -> list[tuple[str, str]] | None:
    """Both ends by the ids they have now; None unless both are live."""
    resolved = [(kind, snapshot.resolve(kind, object_id)) for kind, object_id in ends]
    for kind, object_id in resolved:
        record = snapshot.records[kind].get(object_id)
        if record is None or record.archived_at is not None:
            return None
    return resolved


def _join(snapshot: Snapshot, one: tuple[str, str], two: tuple[str, str], *, primary: bool = False) -> None:
    ends = _ends(snapshot, one, two)
    if ends is None:
        return
    for (kind, object_id), (other, other_id) in (ends, ends[::-1]):
        plain, first = ASSOCIATIONS[kind, other]
        types = [plain, first] if primary and first is not None else [plain]
        tied = snapshot.pairs.setdefault((kind, object_id), {}).setdefault(other, {})
        tied.setdefault(other_id, types)


def _part(snapshot: Snapshot, one: tuple[str, str], two: tuple[str, str]) -> None:
    ends = _ends(snapshot, one, two)
    if ends is None:
        return
    for (kind, object_id), (other, other_id) in (ends, ends[::-1]):
        snapshot.pairs.get((kind, object_id), {}).get(other, {}).pop(other_id, None)
