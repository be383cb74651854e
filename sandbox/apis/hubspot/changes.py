"""What people do in the portal while the sandbox runs: merge, erase, archive, create, submit, rename.

Each operation is dated by the virtual clock. `perform` takes the JSON of `POST /_sandbox/hubspot`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sandbox.apis.hubspot.records import Crm, Edit, Link, Made, Merger, Rename
from sandbox.apis.hubspot.schema import ASSOCIATIONS, CHANGED, DEFAULTS, custom_values
from sandbox.apis.state import parse_instant
from sandbox.counting.hubspot import Contact, Conversion, Submission, stamp
from sandbox.counting.hubspot_sources import Source
from sandbox.world.company import Form, guid
from sandbox.world.people import Person

#: Ids of records that are made by hand start here, above every simulated one.
_FIRST_ID = {"contacts": 70_900_000_001, "companies": 18_900_000_001, "deals": 9_390_000_001}


class Refused(ValueError):
    """An operation that cannot be done; the message says why."""


class Changes:
    """The operations. Each raises Refused where a record or property does not exist."""

    def __init__(self, crm: Crm) -> None:
        self.crm = crm
        self.sandbox = crm.sandbox
        self._next = dict(_FIRST_ID)
        self._submitted = 0
        self.pending: list[dict[str, Any]] = []
        self.done: list[dict[str, Any]] = []

    def perform(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Do `asked["do"]` with its other keys as arguments; answers the ids touched.

        `tick` (seconds) moves the clock first. With `after_requests` (and `path`, `times`) it is done after
        every so many requests whose address contains `path`, while a client pages. Raises Refused for an
        unknown operation or argument.
        """
        arguments = dict(asked)
        if "after_requests" in arguments:
            plan = {
                "after_requests": int(arguments.pop("after_requests")),
                "path": str(arguments.pop("path", "")),
                "times": int(arguments.pop("times", 1)),
                "seen": 0,
                "asked": arguments,
            }
            self.pending.append(plan)
            return {"scheduled": len(self.pending)}
        name = str(arguments.pop("do", ""))
        tick = float(arguments.pop("tick", 0))
        operations: dict[str, Callable[..., dict[str, Any]]] = {
            "merge": lambda **a: {"ids": [self.merge(**_typed(a))]},
            "erase": lambda **a: {"ids": self.erase(**_typed(a))},
            "archive": lambda **a: {"ids": self.archive(**_typed(a))},
            "restore": lambda **a: {"ids": self.restore(**_typed(a))},
            "create": lambda **a: {"ids": self.create(**_typed(a))},
            "touch": lambda **a: {"ids": self.touch(**_typed(a))},
            "change_email": lambda **a: {"ids": self.change_email(**a)},
            "submit": self.submit,
            "rename_property": lambda **a: self.rename_property(**_typed(a)),
            "associate": lambda **a: self.associate(**a),
            "dissociate": lambda **a: self.associate(**a, tied=False),
            "delete_form": lambda **a: self.end_form(**a, deleted=True),
            "archive_form": lambda **a: self.end_form(**a, deleted=False),
        }
        if name not in operations:
            raise Refused(f"do: one of {', '.join(operations)}")
        if tick:
            self.sandbox.set_now(self.sandbox.now + timedelta(seconds=tick))
        try:
            return operations[name](**arguments)
        except TypeError as error:
            raise Refused(f"{name}: {error}") from error

    def after_request(self, address: str) -> None:
        """A vendor answered a request: do what was planned for now."""
        for plan in [plan for plan in self.pending if plan["path"] in address]:
            plan["seen"] += 1
            if plan["seen"] % plan["after_requests"]:
                continue
            plan["times"] -= 1
            if plan["times"] <= 0:
                self.pending.remove(plan)
            try:
                self.done.append({**plan["asked"], "answer": self.perform(plan["asked"])})
            except ValueError as error:
                self.done.append({**plan["asked"], "error": str(error)})

    def state(self) -> dict[str, Any]:
        """Every id the portal holds now, and what was planned and done."""
        snapshot, now = self.crm.snapshot(), self.sandbox.now
        return {
            "now": stamp(now),
            "live": snapshot.live,
            "archived": snapshot.archived,
            "aliases": snapshot.aliases,
            "pending": self.pending,
            "done": self.done,
        }

    # -- records ----------------------------------------------------------------------------------------

    def _live(self, kind: str, object_id: str) -> str:
        record = self.crm.snapshot().find(kind, object_id)
        if record is None or record.archived_at is not None:
            raise Refused(f"no live record {object_id} in {kind}")
        return record.id

    def _new_id(self, kind: str) -> str:
        self._next[kind] += 50
        return str(self._next[kind])

    def _touch_tied(self, kind: str, object_id: str) -> None:
        """Counts of associated records are properties, too: their records change with them."""
        for other in DEFAULTS:
            for tied in self.crm.snapshot().tied(kind, object_id, other):
                self.crm.hand(other, tied).touched.append(self.sandbox.now)

    def merge(self, kind: str, primary: str, secondary: str) -> str:
        """Merge two records into a new one; its id."""
        first, second = self._live(kind, primary), self._live(kind, secondary)
        if first == second:
            raise Refused(f"{primary} and {secondary} are the same record")
        now, new = self.sandbox.now, self._new_id(kind)
        self._touch_tied(kind, first)
        self._touch_tied(kind, second)
        if kind == "contacts":
            self._merge_contacts(new, first, second)
        held, gone = self.crm.hand(kind, first), self.crm.hand(kind, second)
        hand = self.crm.hand(kind, new)
        # the merged record's additional e-mail addresses are both parents'
        hand.edits = [edit for edit in held.edits if edit.name != "hs_additional_emails"]
        hand.elsewhere = [*held.elsewhere, *gone.edits, *gone.elsewhere]
        self.crm.mergers.append(Merger(now, kind, new, first, second))
        self.crm.changed()
        return new

    def _merge_contacts(self, new: str, primary: str, secondary: str) -> None:
        contacts = {contact.id: contact for contact in self.sandbox.portal.contacts}
        first, second = contacts[primary], contacts[secondary]
        older = min(first, second, key=lambda contact: contact.created_at)
        self.sandbox.portal.contacts.append(
            Contact(
                first.email,
                first.person,
                older.created_at,
                older.object_source,
                older.offline,
                id=new,
                cookies=[*first.cookies, *(c for c in second.cookies if not first.knows(c[1]))],
                conversions=[*first.conversions, *second.conversions],
                lead_touches=[*first.lead_touches, *second.lead_touches],
                deals=[*first.deals, *(deal for deal in second.deals if deal not in first.deals)],
                exists_from=self.sandbox.now,
                root=first.root or first.id,
            )
        )

    def erase(self, kind: str, ids: list[str]) -> list[str]:
        """Delete for good: out of every listing, with the contacts' submissions and events."""
        found = [self._known(kind, object_id) for object_id in ids]
        for object_id in found:
            record = self.crm.snapshot().records[kind][object_id]
            self._touch_tied(kind, object_id)
            self.crm.hand(kind, object_id).erased_at = self.sandbox.now
            emails = [
                record.values.get("email"),
                *(record.values.get("hs_additional_emails") or "").split(";"),
            ]
            for email in filter(None, emails):
                self.crm.erased_emails.setdefault(email.lower(), []).append(self.sandbox.now)
        self.crm.changed()
        return found

    def _known(self, kind: str, object_id: str) -> str:
        record = self.crm.snapshot().find(kind, object_id)
        if record is None:
            raise Refused(f"no record {object_id} in {kind}")
        return record.id

    def archive(self, kind: str, ids: list[str]) -> list[str]:
        """Move live records to the recycle bin."""
        found = [self._live(kind, object_id) for object_id in ids]
        for object_id in found:
            self._touch_tied(kind, object_id)
            self.crm.hand(kind, object_id).archivings.append((self.sandbox.now, True))
        self.crm.changed()
        return found

    def restore(self, kind: str, ids: list[str]) -> list[str]:
        """Bring archived records back."""
        found = [self._known(kind, object_id) for object_id in ids]
        for object_id in found:
            self.crm.hand(kind, object_id).archivings.append((self.sandbox.now, False))
        self.crm.changed()
        for object_id in found:
            self._touch_tied(kind, object_id)
        self.crm.changed()
        return found

    def create(self, kind: str, properties: dict[str, str] | None = None, count: int = 1) -> list[str]:
        """New records; contacts get an e-mail address of their own unless `properties` has one."""
        given, now = dict(properties or {}), self.sandbox.now
        made = []
        for _ in range(count):
            new = self._new_id(kind)
            made.append(new)
            if kind == "contacts":
                self._new_contact(new, given.get("email", f"new.{new}@harbor-{new[-4:]}.test"), given)
                given_here = {name: value for name, value in given.items() if name != "email"}
                hand = self.crm.hand(kind, new)
                hand.edits += [Edit(now, name, value, "INTEGRATION") for name, value in given_here.items()]
                continue
            values: dict[str, str | None] = {
                "hs_object_id": new,
                "createdate": stamp(now),
                CHANGED[kind]: stamp(now),
                **custom_values(kind, new),
                **given,
            }
            self.crm.made.append(Made(now, kind, new, values))
        self.crm.changed()
        return made

    def _new_contact(
        self, new: str, email: str, names: dict[str, str], source: str = "INTEGRATION"
    ) -> Contact:
        first, last = names.get("firstname", "New"), names.get("lastname", f"Contact {new[-4:]}")
        person = Person(-int(new), first, last, email, -1, (), False, False, False, False, "new", 0.0)
        offline = Source("OFFLINE", source)
        contact = Contact(email.lower(), person, self.sandbox.now, source, offline, id=new)
        self.sandbox.portal.contacts.append(contact)
        return contact

    def touch(
        self,
        kind: str,
        property: str = "",  # noqa: A002 (the name in the JSON)
        value: str | None = "",
        ids: list[str] | None = None,
        count: int = 1,
    ) -> list[str]:
        """Set a property of some records at one instant, as an import does: `ids`, or the first `count`."""
        name = property or {"contacts": "favourite_module", "companies": "account_tier"}.get(kind, "dealname")
        if name not in self.crm.definitions(kind):
            raise Refused(f"{kind} have no property {name}")
        chosen = self.crm.snapshot().live[kind][:count] if ids is None else ids
        found = [self._live(kind, object_id) for object_id in chosen]
        for number, object_id in enumerate(found):
            text = value if value != "" else f"touched {stamp(self.sandbox.now)} {number}"
            self.crm.hand(kind, object_id).edits.append(Edit(self.sandbox.now, name, text, "IMPORT"))
        self.crm.changed()
        return found

    def change_email(self, id: str, email: str, keep_old: bool = False) -> list[str]:  # noqa: A002
        """Give a contact another e-mail address, the old one kept as an additional one if asked."""
        found = self._live("contacts", id)
        values = self.crm.snapshot().records["contacts"][found].values
        hand, now = self.crm.hand("contacts", found), self.sandbox.now
        hand.edits.append(Edit(now, "email", email))
        hand.edits.append(Edit(now, "hs_email_domain", email.partition("@")[2]))
        if keep_old:
            old = [e for e in (values.get("hs_additional_emails") or "").split(";") if e]
            hand.edits.append(Edit(now, "hs_additional_emails", ";".join([*old, str(values["email"])])))
        self.crm.changed()
        return [found]

    # -- forms ------------------------------------------------------------------------------------------

    def _form(self, form: str) -> Form:
        for known in self.sandbox.company.forms:
            if form in (known.key, known.guid):
                return known
        raise Refused(f"form: one of {', '.join(known.key for known in self.sandbox.company.forms)}")

    def submit(
        self,
        form: str,
        email: str,
        at: str | None = None,
        page_url: str = "",
        values: dict[str, str] | None = None,
        count: int = 1,
    ) -> dict[str, Any]:
        """Send a form, dated back to `at` if given; a contact with that e-mail address is found or made."""
        known_form, now = self._form(form), self.sandbox.now
        moment = parse_instant(at) if at else now
        page = next((p for p in self.sandbox.company.pages.values() if p.form == known_form.key), None)
        url = page_url or (page.url if page else "https://www.nordlicht.example/")
        conversions = []
        contact = self._contact_with(email) or self._new_contact(
            self._new_id("contacts"), email, values or {}, "FORM"
        )
        for _ in range(count):
            self._submitted += 1
            conversion = guid("conversion by hand", known_form.guid, email, self._submitted)
            sent = (("email", email), *(values or {}).items())
            log = self.sandbox.portal.submissions[known_form.guid]
            log.append(Submission(conversion, moment, url, sent, known_at=now))
            title = f"{page.title if page else 'Page'}: {known_form.name}"
            contact.conversions.append(
                Conversion(moment, now, known_form.guid, page.page_id if page else "71000099", title)
            )
            conversions.append(conversion)
        self.crm.changed(contact.id)
        return {"ids": [contact.id], "conversion_ids": conversions, "form": known_form.guid}

    def _contact_with(self, email: str) -> Contact | None:
        snapshot = self.crm.snapshot()
        contacts = {contact.id: contact for contact in self.sandbox.portal.contacts}
        for object_id in snapshot.live["contacts"]:
            values = snapshot.records["contacts"][object_id].values
            known = [values["email"], *(values.get("hs_additional_emails") or "").split(";")]
            if email.lower() in (str(address).lower() for address in known if address):
                return contacts[object_id]
        return None

    def end_form(self, form: str, deleted: bool) -> dict[str, Any]:
        """Delete a form (its id is unknown from then on) or archive it."""
        known, now = self._form(form), self.sandbox.now
        gone, archived = self.crm.form_fates.get(known.guid, (None, None))
        self.crm.form_fates[known.guid] = (now, archived) if deleted else (gone, now)
        self.crm.changed()
        return {"form": known.guid}

    # -- schema and associations ------------------------------------------------------------------------

    def rename_property(self, kind: str, old: str, new: str) -> dict[str, Any]:
        """Replace a property by another one with the same label and values."""
        if old not in self.crm.definitions(kind):
            raise Refused(f"{kind} have no property {old}")
        self.crm.renames.append(Rename(self.sandbox.now, kind, old, new))
        self.crm.changed()
        return {"old": old, "new": new}

    def associate(
        self, from_type: str, from_id: str, to_type: str, to_id: str, tied: bool = True
    ) -> dict[str, Any]:
        """Tie two records, or tear them apart; both change with it."""
        if (from_type, to_type) not in ASSOCIATIONS:
            raise Refused(f"{from_type} and {to_type} cannot be associated")
        ends = ((from_type, self._live(from_type, from_id)), (to_type, self._live(to_type, to_id)))
        self.crm.links.append(Link(self.sandbox.now, ends, tied))
        for kind, object_id in ends:
            self.crm.hand(kind, object_id).touched.append(self.sandbox.now)
        self.crm.changed()
        return {"ids": [object_id for _, object_id in ends]}


def _typed(arguments: dict[str, Any]) -> dict[str, Any]:
    """`type` of the JSON (contacts unless given) as the argument `kind`; a single `id` as `ids`."""
    kind = arguments.pop("type", "contacts")
    if kind not in DEFAULTS:
        raise Refused(f"type: one of {', '.join(DEFAULTS)}")
    if "id" in arguments:
        arguments["ids"] = [arguments.pop("id")]
    return {"kind": kind, **arguments}
