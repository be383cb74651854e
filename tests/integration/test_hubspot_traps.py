"""Every trap of HubSpot's API: with it the same rows land as without it, until its handling is taken out.

A case names a fault of the simulated portal, the tables it could spoil, and the one piece of the loader that
keeps it from doing so. Without that piece the load must land something else, or fail.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import urllib3

from ingestion import pipelines
from ingestion.http import client as http
from ingestion.http import pacing
from ingestion.http.faults import Fault
from ingestion.landing import arrow, store
from ingestion.landing import resources as landing
from ingestion.landing.arrow import Column, Page
from ingestion.sources.hubspot import api, page_views, records, settings, source, tables
from ingestion.sources.hubspot.api import HubSpot
from sandbox.apis.state import Credentials
from tests.portal import STREAMS, Portal, Store, served_portal

Patch = pytest.MonkeyPatch
CONTACTS = ("contacts",)
FORMS = ("forms",)
DEALS = ("deals",)
VIEWS = ("contacts", "page_views")
PEOPLE = ("contacts", "forms", "page_views", "deals", "lists")
OWNERS = "/crm/owners/"


@dataclass(frozen=True)
class Trap:
    """One trap. `change` happens after a first load without the fault; without it the load is the first.

    `then` happens between two loads under the fault. `small` are settings made small enough to meet the trap.
    """

    name: str
    handling: str
    without: Callable[[Patch], None]
    streams: tuple[str, ...]
    tables: tuple[str, ...]
    faults: Mapping[str, Any] = field(default_factory=dict)
    change: Callable[[Portal], Any] | None = None
    then: Callable[[Portal], Any] | None = None
    small: Mapping[str, int] = field(default_factory=dict)
    environment: Mapping[str, str] | None = None
    fails: bool = False
    prepare: Callable[[Portal], Any] | None = None


class Never(Exception):
    """An error that nothing raises."""


# -- what is taken out ------------------------------------------------------------------------------------


def _search(hubspot: HubSpot, kind: str, body: dict[str, Any]) -> Any:
    path = f"{hubspot._objects(kind)}/search"
    return hubspot.ask(
        partial(hubspot.client.post, path, {"limit": settings.SEARCH_PAGE_SIZE, **body})
    ).document


def by_offset(patch: Patch) -> None:
    """Changes are paged by offset, not by id."""

    def changed(self: HubSpot, kind: str, modified: str, since: datetime) -> Iterator[list[str]]:
        filters = [{"propertyName": modified, "operator": "GTE", "value": since.isoformat()}]
        body: dict[str, Any] = {"filterGroups": [{"filters": filters}], "properties": [modified]}
        while True:
            document = _search(self, kind, body)
            yield [str(row["id"]) for row in document["results"]]
            body["after"] = api.cursor(document)
            if body["after"] is None:
                return

    patch.setattr(HubSpot, "changed", changed)


def by_instant(patch: Patch) -> None:
    """Changes are paged by starting again after the last instant seen."""

    def changed(self: HubSpot, kind: str, modified: str, since: datetime) -> Iterator[list[str]]:
        operator, last = "GTE", since.isoformat()
        while True:
            filters = [{"propertyName": modified, "operator": operator, "value": last}]
            sorts = [{"propertyName": modified, "direction": "ASCENDING"}]
            body = {"filterGroups": [{"filters": filters}], "sorts": sorts, "properties": [modified]}
            found = _search(self, kind, body)["results"]
            if not found:
                return
            yield [str(row["id"]) for row in found]
            operator, last = "GT", found[-1]["properties"][modified]

    patch.setattr(HubSpot, "changed", changed)


def no_overlap(patch: Patch) -> None:
    """The next load starts where the clock stood in this one."""
    patch.setattr(store.StreamState, "since", lambda state, lag: state.read_at)


def no_archived(*names: str) -> Callable[[Patch], None]:
    """Only live records are listed."""

    def patched(patch: Patch) -> None:
        for name in names:
            listing = getattr(HubSpot, name)

            def live(self: HubSpot, *args: Any, archived: bool, listing: Any = listing, **more: Any) -> Any:
                return iter(()) if archived else listing(self, *args, archived=False, **more)

            patch.setattr(HubSpot, name, live)

    return patched


def no_dedupe(patch: Patch) -> None:
    """What a page repeats lands again."""
    patch.setattr(landing.Recent, "add", lambda recent, key: True)


def no_tolerance(patch: Patch) -> None:
    """No status is anything but a failure."""
    listing = HubSpot.listing

    def strict(
        self: HubSpot, path: str, params: Any, ends: Any = lambda _page: False, tolerated: int = 0
    ) -> Any:
        return listing(self, path, params, ends)

    patch.setattr(HubSpot, "listing", strict)


def one_precision(patch: Patch) -> None:
    """Instants have milliseconds, always."""
    milliseconds = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"

    def strict(value: pa.Array) -> pa.Array:
        fits = pc.match_substring_regex(value, milliseconds)
        return pc.cast(pc.if_else(fits, value, pa.scalar(None, pa.string())), arrow.INSTANT)

    patch.setitem(arrow._CONVERSIONS, "instant", strict)


def only_200(patch: Patch) -> None:
    """207 is no success."""

    def judge(status: int, headers: Mapping[str, str], document: Any) -> Any:
        refused = Fault("request", f"HTTP {status}") if 200 < status < 400 else None
        return refused or api.judge(status, headers, document)

    patch.setattr(api, "POLICY", replace(api.POLICY, judge=judge))


def hundred_with_history(patch: Patch) -> None:
    """Batch reads are as long with history as without it."""
    patch.setattr(settings, "PAGE_SIZE_WITH_HISTORY", 100)


def associations_as_received(patch: Patch) -> None:
    """Associations land as they come."""

    def associated(self: HubSpot, kind: str, ids: Any, other: str) -> Iterator[Page]:
        path = f"/crm/associations/{self.version}/{kind}/{other}/batch/read"
        answer = self.ask(partial(self.client.post, path, {"inputs": [{"id": i} for i in ids]}))
        yield self._page(path, answer)

    patch.setattr(HubSpot, "associated", associated)


def first_associations(patch: Patch) -> None:
    """What a record's own paging holds back is not asked for."""
    patch.setattr(api, "cursor", lambda document: None)


def latest_history(patch: Patch) -> None:
    """A contact's history is what the last load read."""
    patch.setattr(tables, "CONTACT_HISTORIES", replace(tables.CONTACT_HISTORIES, whole="contact_id"))


def no_aliases(patch: Patch) -> None:
    """A contact that is not listed any more is an erased one."""
    patch.setattr(HubSpot, "survivor", lambda *_: None)
    patch.setattr(records, "_merged", lambda pages: iter(()))


def only_conversion_ids(patch: Patch) -> None:
    """Submissions are told apart by their conversion id alone."""
    columns = tuple(
        Column("id", "text", "conversionId", default="") if column.name == "id" else column
        for column in tables.FORM_SUBMISSIONS.columns
    )
    patch.setattr(tables, "FORM_SUBMISSIONS", replace(tables.FORM_SUBMISSIONS, columns=columns))


def only_hubspot_forms(patch: Patch) -> None:
    """Forms are listed without naming their types."""
    patch.setattr(settings, "FORM_TYPES", "hubspot")


def no_submission_overlap(patch: Patch) -> None:
    """Logs are read down to the newest landed submission."""
    patch.setattr(source, "_OVERLAP", timedelta(0))


def typed_listings(patch: Patch) -> None:
    """Pages are what the specification says."""

    def decode(body: bytes) -> Any:
        return msgspec.json.decode(body, type=api._Listing)

    patch.setattr(api, "_listing", decode)


def no_refusals(*modules: Any) -> Callable[[Patch], None]:
    """A refused stream ends the load."""

    def patched(patch: Patch) -> None:
        for module in modules:
            patch.setattr(module, "PermissionMissing", Never)

    return patched


def no_follow_up(patch: Patch) -> None:
    """Page views come in bulk, from the newest landed on, and in no other way."""
    patch.setattr(page_views.PageViews, "missing", lambda views: [])


def no_retry(patch: Patch) -> None:
    """Nothing is asked twice."""
    patch.setattr(http, "_ATTEMPTS", dict.fromkeys(http._ATTEMPTS, 1))


def no_patience(patch: Patch) -> None:
    """An answer that takes a moment is given up, once and for all."""
    no_retry(patch)
    patch.setattr(http, "_TIMEOUT", urllib3.Timeout(connect=5.0, read=0.1))


def no_renewal(patch: Patch) -> None:
    """A token that expires is the end."""
    patch.setattr(http.RefreshToken, "renew", lambda token, refused: False)


# -- what happens in the portal ---------------------------------------------------------------------------


def live(portal: Portal, kind: str = "contacts") -> list[str]:
    found: list[str] = portal.held()["live"][kind]
    return found


def import_many(portal: Portal) -> None:
    """Seventy contacts get the same instant."""
    portal.pass_time(hours=1)
    portal.do(do="touch", count=70)
    portal.pass_time(minutes=1)


def touch_before_the_index_shows_it(portal: Portal) -> None:
    portal.pass_time(hours=1)
    portal.do(do="touch", ids=live(portal)[:3])
    portal.pass_time(seconds=30)


def archive_two(portal: Portal) -> None:
    portal.do(do="archive", ids=live(portal)[3:5])


def stage(portal: Portal) -> None:
    portal.pass_time(hours=1)
    portal.do(do="touch", ids=live(portal)[5:15], property="lifecyclestage", value="other")
    portal.pass_time(minutes=1)


def merge_in_chains(portal: Portal) -> None:
    """One pair, and one chain of three: contacts with submissions, page views and deals."""
    portal.pass_time(hours=1)
    rows = portal.ask(
        "GET",
        "/hubspot/crm/v3/objects/contacts?limit=100&associations=deals"
        "&properties=hs_analytics_num_page_views,hs_calculated_form_submissions",
    )["results"]
    rich = [
        row["id"]
        for row in sorted(rows, key=lambda row: "associations" not in row)
        if int(row["properties"]["hs_analytics_num_page_views"] or 0) > 2
        and row["properties"]["hs_calculated_form_submissions"]
    ]
    portal.do(do="merge", primary=rich[0], secondary=rich[1])
    (middle,) = portal.do(do="merge", primary=rich[2], secondary=rich[3])["ids"]
    portal.pass_time(minutes=2)
    portal.do(do="merge", primary=rich[4], secondary=middle)
    portal.pass_time(minutes=20)


def submit_now(portal: Portal) -> None:
    portal.pass_time(hours=5)
    hour_ago = (portal.now - timedelta(hours=1)).isoformat()
    portal.do(do="submit", form="webinar", email="earlier@example.test", at=hour_ago)
    portal.do(do="submit", form="webinar", email="latest@example.test")


def submit_backdated(portal: Portal) -> None:
    portal.pass_time(minutes=10)
    before = (portal.now - timedelta(hours=3)).isoformat()
    portal.do(do="submit", form="webinar", email="backdated@example.test", at=before)


def arrive(portal: Portal) -> None:
    """What arrived while the log was read is in the portal from now on."""
    portal.faults({"submissions_arriving": {"times": 0}})
    portal.changes += 1


OAUTH = dict(
    zip(
        ("CLIENT_ID", "CLIENT_SECRET", "REFRESH_TOKEN"),
        Credentials().hubspot_client,
        strict=True,
    )
)

TRAPS = (
    # -- search
    Trap(
        "more changes than a query gives",
        "paging by id",
        by_offset,
        CONTACTS,
        ("contacts",),
        {"search_cap": {"results": 40}},
        import_many,
        small={"SEARCH_PAGE_SIZE": 20},
        fails=True,
    ),
    Trap(
        "one instant for many records",
        "paging by id",
        by_instant,
        CONTACTS,
        ("contacts",),
        change=import_many,
        small={"SEARCH_PAGE_SIZE": 20},
    ),
    Trap(
        "offsets that drift while pages are read",
        "paging by id",
        by_offset,
        CONTACTS,
        ("contacts",),
        {"offset_drift": {"by": 1}},
        import_many,
        small={"SEARCH_PAGE_SIZE": 20},
    ),
    Trap(
        "an index that lags",
        "the cursor is the newest change seen, not the clock",
        no_overlap,
        CONTACTS,
        ("contacts",),
        {"index_lag": {"seconds": 60}},
        touch_before_the_index_shows_it,
        then=lambda portal: portal.pass_time(seconds=90),
    ),
    # -- listings
    Trap(
        "archived records are in no usual listing",
        "the archived sweep",
        no_archived("objects"),
        CONTACTS,
        ("contacts",),
        prepare=archive_two,
    ),
    Trap(
        "a page that repeats the one before",
        "repeats are dropped by key",
        no_dedupe,
        CONTACTS,
        ("contacts",),
        {"duplicate_page": {"path": "/objects/2026-09/contacts?", "after": 1, "times": 2}},
        small={"PAGE_SIZE_WITH_HISTORY": 20},
    ),
    Trap(
        "property names that do not fit an address (414)",
        "listing by id and batch reads",
        no_tolerance,
        CONTACTS,
        ("contacts",),
        {"uri_length": {"bytes": 600}},
        fails=True,
    ),
    Trap(
        "instants of any precision",
        "instants are parsed, not matched",
        one_precision,
        CONTACTS,
        ("contact_instants",),
        {"timestamp_precision": {}},
    ),
    # -- batch reads
    Trap(
        "207 for a batch",
        "every 2xx is a success",
        only_200,
        DEALS,
        ("deals", "deal_contacts"),
        {"batch_status": {"status": 207}},
        prepare=lambda portal: portal.do(do="create", type="deals"),
        fails=True,
    ),
    Trap(
        "fifty records a batch with history",
        "batches of fifty",
        hundred_with_history,
        CONTACTS,
        ("contacts",),
        change=import_many,
        fails=True,
    ),
    Trap(
        "a history that is capped",
        "what was read once stays",
        latest_history,
        CONTACTS,
        ("contact_histories",),
        {"history_cap": {"entries": 1}},
        stage,
    ),
    # -- associations
    Trap(
        "the same association several times",
        "types are counted once",
        associations_as_received,
        DEALS,
        ("deal_contacts",),
        {"duplicate_association_types": {}, "association_ids": {"as": "string"}},
    ),
    Trap(
        "associations in pages of one",
        "paging within a record",
        first_associations,
        DEALS,
        ("deal_contacts",),
        {"association_pages": {"size": 1}},
    ),
    # -- merges
    Trap(
        "merged contacts, in chains",
        "reading the old id tells the new one",
        no_aliases,
        PEOPLE,
        ("contacts", "form_submissions", "page_view_events", "deal_contacts"),
        change=merge_in_chains,
    ),
    # -- forms
    Trap(
        "submissions arriving while their log is read",
        "repeats are dropped by key, the next load brings the rest",
        no_dedupe,
        FORMS,
        ("form_submissions",),
        {"submissions_arriving": {"every": 1, "times": 3}},
        then=arrive,
        small={"SUBMISSIONS_PAGE_SIZE": 10},
    ),
    Trap(
        "submissions without a conversion id",
        "the rest of the record tells them apart",
        only_conversion_ids,
        FORMS,
        ("form_submissions",),
        {"missing_conversion_id": {"every": 2}},
        then=lambda portal: None,
    ),
    Trap(
        "submissions dated back",
        "six hours of overlap",
        no_submission_overlap,
        FORMS,
        ("form_submissions",),
        change=submit_now,
        then=submit_backdated,
        small={"SUBMISSIONS_PAGE_SIZE": 1},
    ),
    Trap(
        "instants of submissions as text",
        "a page that is not to specification is read without one",
        typed_listings,
        FORMS,
        ("form_submissions",),
        {"submitted_at_text": {}},
        fails=True,
    ),
    Trap(
        "a form deleted before its log is read (404)",
        "a form that is gone has no log",
        no_tolerance,
        FORMS,
        ("forms",),
        {"status": {"status": 404, "path": "/submissions/forms/", "after": 2, "times": 1}},
        fails=True,
    ),
    Trap(
        "forms of other types are not listed unasked",
        "naming every type",
        only_hubspot_forms,
        FORMS,
        ("forms", "form_submissions"),
    ),
    Trap(
        "archived forms are in no usual listing",
        "the archived sweep",
        no_archived("forms"),
        FORMS,
        ("forms",),
    ),
    # -- page views
    Trap(
        "no page views in the portal's tier (403)",
        "the rest lands, and a line says so",
        no_refusals(page_views),
        VIEWS,
        ("contacts",),
        {"events_forbidden": {}},
        fails=True,
    ),
    Trap(
        "page views per contact only (400)",
        "asking for every contact that counts some",
        no_follow_up,
        VIEWS,
        ("page_view_events",),
        {"events_per_contact": {}},
    ),
    Trap(
        "page views that show up late, with their old instants",
        "asking for every contact that counts more than is landed",
        no_follow_up,
        VIEWS,
        ("page_view_events",),
        change=lambda portal: portal.pass_time(days=12),
    ),
    # -- access
    Trap(
        "scopes that the token lacks (403)",
        "what is not allowed is left out, and a line says so",
        no_refusals(source),
        ("contacts", "lists", "owners", "campaigns", "rates", "companies"),
        ("contacts",),
        {
            "missing_scope": {
                "scopes": [
                    "crm.lists.read",
                    "crm.objects.owners.read",
                    "marketing.campaigns.read",
                    "settings.currencies.read",
                    "multi-currency-read",
                    "crm.objects.companies.read",
                ]
            }
        },
        fails=True,
    ),
    Trap(
        "a token that expires in mid-run",
        "renewing it once for all that were refused",
        no_renewal,
        (*FORMS, "owners"),
        ("form_submissions", "owners"),
        {"token_expiry": {"after": 6}},
        environment=OAUTH,
        fails=True,
    ),
    # -- transport
    *(
        Trap(
            f"status {status}",
            "trying again",
            no_retry,
            ("owners",),
            ("owners",),
            {"status": {"status": status, "path": OWNERS, "after": 1, "retry_after": 0}},
            fails=True,
            small={"PAGE_SIZE": 2},
        )
        for status in (408, 423, 429, 477, 500, 502, 503, 504, 524)
    ),
    *(
        Trap(
            name,
            "trying again",
            no_retry,
            ("owners",),
            ("owners",),
            {fault: {"path": OWNERS, "after": 1, **rule}},
            fails=True,
            small={"PAGE_SIZE": 2},
        )
        for name, fault, rule in (
            ("an HTML page with status 200", "html_page", {"status": 200}),
            ("an HTML page with status 502", "html_page", {"status": 502}),
            ("JSON that is cut short", "truncated_json", {}),
            ("a connection that is cut", "connection_reset", {}),
            ("a connection that is cut within the answer", "connection_reset", {"sent": 0.5}),
        )
    ),
    Trap(
        "a body that comes slowly",
        "patience",
        no_patience,
        ("owners",),
        ("owners",),
        {"slow_body": {"path": OWNERS, "seconds": 1.2, "parts": 4}},
        fails=True,
    ),
)


UNBALANCED = "FROM load_counts WHERE received <> landed + duplicates + quarantined"


# -- the proof ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def portal() -> Iterator[Portal]:
    with served_portal("--now", "2026-10-12T06:00:00Z") as served:
        yield served


@dataclass
class Truths:
    """What the portal holds, as a first load without any fault lands it; kept until the portal changes."""

    portal: Portal
    folder: Path
    known: dict[tuple[int, tuple[str, ...]], Store] = field(default_factory=dict)

    def now(self, streams: tuple[str, ...]) -> Store:
        key = (self.portal.changes, streams)
        if key not in self.known:
            home = self.folder / f"{len(self.known)}"
            self.portal.load(home, streams)
            self.known[key] = Store(home)
        return self.known[key]


@pytest.fixture(scope="module")
def truths(portal: Portal, tmp_path_factory: pytest.TempPathFactory) -> Truths:
    return Truths(portal, tmp_path_factory.mktemp("truths"))


@pytest.fixture(autouse=True)
def no_faults_left(portal: Portal) -> Iterator[None]:
    yield
    portal.mend()


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.name)
def test_a_trap_changes_nothing_unless_its_handling_is_out(
    trap: Trap, portal: Portal, truths: Truths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "_FIRST_WAIT", dict.fromkeys(http._FIRST_WAIT, 0.01))
    whole, broken = Store(tmp_path / "with"), Store(tmp_path / "without")
    if trap.prepare:
        trap.prepare(portal)
    if trap.change:
        before = truths.now(trap.streams)
        for home in (whole, broken):
            before.copy(home.path)
        trap.change(portal)
    for name, value in trap.small.items():
        monkeypatch.setattr(settings, name, value)

    def load(home: Store) -> None:
        settings_found = portal.company.settings
        if trap.environment:
            prefix = "SOURCES__HUBSPOT__"
            own = {prefix + name: value for name, value in trap.environment.items()}
            settings_found = {f"{prefix}BASE_URL": settings_found[f"{prefix}BASE_URL"], **own}
        portal.load(home.path, trap.streams, dict(settings_found))

    def load_without(home: Store) -> None:
        with pytest.MonkeyPatch.context() as patch:
            trap.without(patch)
            load(home)

    portal.faults(dict(trap.faults))
    load(whole)
    portal.faults(dict(trap.faults))
    if trap.fails:
        with pytest.raises(pipelines.IngestionError):
            load_without(broken)
    else:
        load_without(broken)
    if trap.then:
        trap.then(portal)
        load(whole)
        if not trap.fails:
            load_without(broken)
    portal.mend()
    truth = truths.now(trap.streams).state(trap.tables)

    assert all(truth.values()), "nothing to compare"
    assert whole.state(trap.tables) == truth
    assert whole.query(UNBALANCED) == []
    if not trap.fails:
        assert broken.state(trap.tables) != truth


# -- what is said, not only landed ------------------------------------------------------------------------


def test_a_cursor_that_repeats_is_asked_again_once_and_then_ends_the_load(
    portal: Portal, truths: Truths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "PAGE_SIZE", 1)
    truth = truths.now(("owners",)).rows("owners")
    portal.faults({"repeated_cursor": {"path": OWNERS, "after": 1, "times": 1}})
    portal.load(tmp_path, ("owners",))
    assert Store(tmp_path).rows("owners") == truth

    portal.asked()
    portal.faults({"repeated_cursor": {"path": OWNERS}})
    with pytest.raises(pipelines.ResponseError, match="repeated its paging cursor; run again"):
        portal.load(tmp_path, ("owners",))
    assert sum(portal.asked()[0].values()) < 10
    assert Store(tmp_path).rows("owners") == truth


def test_merged_contacts_that_are_still_listed_as_archived_are_no_contacts(
    portal: Portal, truths: Truths, tmp_path: Path
) -> None:
    streams = ("contacts", "page_views")
    home = truths.now(streams).copy(tmp_path / "home")
    first, second = live(portal)[20:22]
    portal.do(do="merge", primary=first, secondary=second)
    portal.pass_time(minutes=20)
    portal.faults({"merged_in_archived": {}})
    portal.load(home.path, streams)
    portal.asked()
    portal.load(home.path, streams)
    listed = "GET /crm/objects/2026-09/contacts" in portal.asked()[0]
    portal.mend()
    compared = ("contacts", "page_view_events")

    assert home.state(compared) == truths.now(streams).state(compared)
    assert not listed, "nothing new is nothing to list"


@pytest.mark.parametrize(
    ("kind", "streams"),
    [("null_id", CONTACTS), ("no_id", DEALS), ("not_object", ("contacts", "deals", "forms", "page_views"))],
)
def test_a_malformed_record_costs_itself_alone(
    kind: str, streams: tuple[str, ...], portal: Portal, truths: Truths, tmp_path: Path
) -> None:
    truth = truths.now(streams)
    portal.faults({"malformed_record": {"path": "", "kind": kind}})
    for _ in range(2):
        portal.load(tmp_path, streams)
        portal.pass_time(seconds=1)
    home = Store(tmp_path)
    compared = sorted(truth.tables() - {"stream_state", "load_counts", "quarantine", "told_facts"})

    assert home.state(compared) == truth.state(compared)
    assert home.query("FROM quarantine")
    assert home.query(UNBALANCED) == []


def test_a_type_that_changed_is_set_aside_with_its_reason(
    portal: Portal, truths: Truths, tmp_path: Path
) -> None:
    truth = truths.now(CONTACTS)
    converted = truth.query("SELECT id FROM contacts WHERE num_conversion_events IS NOT NULL ORDER BY id")
    portal.faults({"wire_type": {"property": "num_conversion_events", "type": "contacts"}})
    portal.load(tmp_path, CONTACTS)
    home = Store(tmp_path)
    rejected = home.query("SELECT record ->> 'id', reason, record::VARCHAR FROM quarantine ORDER BY 1")

    assert [(i,) for i, _, _ in rejected] == converted
    reason = "results.properties.num_conversion_events changed from string to number"
    assert {reason} == {told for _, told, _ in rejected}
    assert all("@" not in record and "<" in record for _, _, record in rejected)
    assert home.query(UNBALANCED) == []
    assert [row for row in truth.rows("contacts") if (row[0],) not in converted] == home.rows("contacts")

    portal.pass_time(minutes=20)
    portal.asked()
    portal.load(tmp_path, CONTACTS)
    assert "GET /crm/objects/2026-09/contacts" not in portal.asked()[0], "they are counted, not looked for"


def test_properties_that_go_or_get_another_name_are_reported(
    portal: Portal, truths: Truths, tmp_path: Path
) -> None:
    streams = ("contacts", "properties")
    home = truths.now(streams).copy(tmp_path / "home")
    portal.do(do="rename_property", old="badge_number", new="badge_code")
    portal.do(do="rename_property", old="hs_linkedin_click_id", new="hs_li_click")
    portal.pass_time(minutes=20)
    try:
        report = portal.load(home.path, streams)
    finally:
        portal.do(do="rename_property", old="badge_code", new="badge_number")
        portal.do(do="rename_property", old="hs_li_click", new="hs_linkedin_click_id")

    assert report.message is not None
    assert "the property badge_number of contacts is now badge_code" in report.message
    assert "contacts have no property hs_linkedin_click_id: what it tells stays empty" in report.message


def test_an_erased_contact_leaves_a_tombstone_and_nothing_personal(
    portal: Portal, truths: Truths, tmp_path: Path
) -> None:
    email, old = "vera.erased@personal-1.test", "v.former@personal-2.test"
    page = f"https://www.nordlicht.example/demo?email={old}&hsa_cam=42"
    named = {"firstname": "Veramarie", "lastname": "Erasedson", "email": email}
    (contact,) = portal.do(do="create", properties=named)["ids"]
    portal.do(do="change_email", id=contact, email=old)
    portal.do(do="change_email", id=contact, email=email, keep_old=True)
    portal.do(do="submit", form="demo", email=email, page_url=page, values={"lastname": "Erasedson"}, count=2)
    portal.do(do="submit", form="guide", email=old.upper(), values={"message": "Call Veramarie"})
    portal.do(do="touch", ids=[contact], property="hs_analytics_last_url", value=page)
    portal.pass_time(minutes=20)
    home = truths.now(PEOPLE).copy(tmp_path / "home")
    spared = truths.now(PEOPLE).copy(tmp_path / "spared")
    personal = (email, old, "Veramarie", "Erasedson")
    assert set(home.personal(*personal)) >= {"contacts", "contact_histories", "form_submissions"}

    portal.do(do="erase", id=contact)
    portal.pass_time(minutes=20)
    portal.load(home.path, PEOPLE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records.Records, "_changed", lambda *_: [])
        portal.load(spared.path, PEOPLE)

    assert home.personal(*personal) == []
    tombstone = home.query("SELECT COLUMNS(*)::VARCHAR FROM contacts WHERE id = ?", contact)
    held = [value for value in tombstone[0] if value is not None]
    assert len(held) == 4, "id, archived, deleted_at and observed_at"
    kept = home.query(
        'SELECT "values", page_url FROM form_submissions WHERE erased_contact_id = ? ORDER BY ALL', contact
    )
    assert kept[:2] == [("[]", "https://www.nordlicht.example/demo?hsa_cam=42")] * 2
    assert len(kept) == 3
    assert home.rows("contacts") == truths.now(PEOPLE).rows("contacts")
    assert spared.personal(*personal), "without the count that tells of it, the contact stays"


# -- limits -----------------------------------------------------------------------------------------------


def refused(portal: Portal) -> int:
    return portal.asked()[1].get("429", 0)


def test_searches_keep_to_their_limit(
    portal: Portal, truths: Truths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = truths.now(CONTACTS)
    paced, hurried = before.copy(tmp_path / "paced"), before.copy(tmp_path / "hurried")
    import_many(portal)
    monkeypatch.setattr(settings, "SEARCH_PAGE_SIZE", 9)
    portal.faults({"hubspot_limits": {"search_per_second": 5, "per_ten_seconds": 10_000}})
    time.sleep(1)
    portal.asked()
    portal.load(paced.path, CONTACTS)
    assert refused(portal) == 0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pacing.Pacer, "_reserve", lambda pacer: 0.0)
        portal.load(hurried.path, CONTACTS)
    assert refused(portal) >= 1
    assert paced.rows("contacts") == hurried.rows("contacts")


def test_the_ten_second_limit_is_learnt_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "PAGE_SIZE", 2)
    monkeypatch.setattr(settings, "ASSOCIATION_INPUTS", 10)
    with served_portal() as fresh:
        fresh.faults({"hubspot_limits": {"per_ten_seconds": 30}})
        started = time.monotonic()
        fresh.load(tmp_path, ("companies", "deals"))
        took = time.monotonic() - started
        asked, statuses = fresh.asked()

    limited = sum(count for path, count in asked.items() if not path.endswith("/search"))
    assert 30 < limited < 60
    assert 9 < took < 15
    assert statuses.get("429", 0) <= 1


def test_the_daily_limit_ends_the_load_at_once(portal: Portal, tmp_path: Path) -> None:
    portal.faults({"hubspot_limits": {"daily": 0}})
    started = time.monotonic()
    with pytest.raises(pipelines.UnreachableError, match=r"limits requests \(429\)"):
        portal.load(tmp_path, ("owners",))
    assert time.monotonic() - started < 5


def test_a_version_that_is_gone_names_the_setting(portal: Portal, tmp_path: Path) -> None:
    portal.faults({"version_gone": {"versions": [settings.API_VERSION]}})
    with pytest.raises(pipelines.ResponseError, match=r"check sources\.hubspot\.api_version \(2026-09\)"):
        portal.load(tmp_path, ("owners",))


@pytest.mark.parametrize(
    ("version", "streams"), [("v3", tuple(STREAMS)), ("2026-03", ("deals", "lists"))], ids=["v3", "2026-03"]
)
def test_every_api_version_lands_the_same(
    version: str, streams: tuple[str, ...], portal: Portal, truths: Truths, tmp_path: Path
) -> None:
    spoken = portal.company.settings | {"SOURCES__HUBSPOT__API_VERSION": version}
    portal.load(tmp_path, streams, spoken)

    truth = truths.now(streams)
    compared = sorted(truth.tables() - {"stream_state", "load_counts", "quarantine", "told_facts"})
    assert Store(tmp_path).state(compared) == truth.state(compared)
