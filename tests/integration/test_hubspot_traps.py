"""Each trap of HubSpot's API on its own: the same rows land with it, unless its handling is removed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ingestion.http import bounded, pacing
from ingestion.http.faults import Fault
from ingestion.landing import arrow, store
from ingestion.landing.arrow import Column, Page
from ingestion.sources.hubspot import api, page_views, records, settings, source, tables
from ingestion.sources.hubspot.api import HubSpot
from tests.portal import STREAMS, Portal, Store, served_portal
from tests.traps import UNBALANCED, Patch, Trap, no_dedupe, no_retry, prove, quick, replaced

CONTACTS = ("contacts",)
FORMS = ("forms",)
DEALS = ("deals",)
VIEWS = ("contacts", "page_views")
PEOPLE = ("contacts", "forms", "page_views", "deals", "lists")
OWNERS = "/crm/owners/"


class Never(Exception):
    """An error that is never raised."""


# -- removed handling -------------------------------------------------------------------------------------


def _search(hubspot: HubSpot, kind: str, body: dict[str, Any]) -> Any:
    path = f"{hubspot._objects(kind)}/search"
    return hubspot.ask(
        partial(hubspot.client.post, path, {"limit": settings.SEARCH_PAGE_SIZE, **body})
    ).document


def by_offset(patch: Patch) -> None:
    """Without the handling, changes are paged by offset, not by id."""

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
    """Without the handling, changes are paged by the last instant seen."""

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


def no_archived(*names: str) -> Callable[[Patch], None]:
    """Without the handling, only live records are listed."""

    def patched(patch: Patch) -> None:
        for name in names:
            listing = getattr(HubSpot, name)

            def live(self: HubSpot, *args: Any, archived: bool, listing: Any = listing, **more: Any) -> Any:
                return iter(()) if archived else listing(self, *args, archived=False, **more)

            patch.setattr(HubSpot, name, live)

    return patched


def no_tolerance(patch: Patch) -> None:
    """Without the handling, every error status is a failure."""
    listing = HubSpot.listing

    def strict(
        self: HubSpot, path: str, params: Any, ends: Any = lambda _page: False, tolerated: int = 0
    ) -> Any:
        return listing(self, path, params, ends)

    patch.setattr(HubSpot, "listing", strict)


def one_precision(patch: Patch) -> None:
    """Without the handling, instants must have milliseconds."""
    milliseconds = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"

    def strict(value: pa.Array) -> pa.Array:
        fits = pc.match_substring_regex(value, milliseconds)
        return pc.cast(pc.if_else(fits, value, pa.scalar(None, pa.string())), arrow.INSTANT)

    patch.setitem(arrow._CONVERSIONS, "instant", strict)


def only_200(patch: Patch) -> None:
    """Without the handling, 207 is not a success."""

    def judge(status: int, headers: Mapping[str, str], document: Any) -> Any:
        refused = Fault("request", f"HTTP {status}") if 200 < status < 400 else None
        return refused or api.judge(status, headers, document)

    patch.setattr(api, "POLICY", replace(api.POLICY, judge=judge))


def associations_as_received(patch: Patch) -> None:
    """Without the handling, associations land as received."""

    def associated(self: HubSpot, kind: str, ids: Any, other: str) -> Iterator[Page]:
        path = f"/crm/associations/{self.version}/{kind}/{other}/batch/read"
        answer = self.ask(partial(self.client.post, path, {"inputs": [{"id": i} for i in ids]}))
        yield self._page(path, answer)

    patch.setattr(HubSpot, "associated", associated)


def no_aliases(patch: Patch) -> None:
    """Without the handling, a contact that is no longer listed counts as erased."""
    patch.setattr(HubSpot, "survivor", lambda *_: None)
    patch.setattr(records, "_merged", lambda pages: iter(()))


def only_conversion_ids(patch: Patch) -> None:
    """Without the handling, submissions are identified by their conversion id only."""
    columns = tuple(
        Column("id", "text", "conversionId", default="") if column.name == "id" else column
        for column in tables.FORM_SUBMISSIONS.columns
    )
    patch.setattr(tables, "FORM_SUBMISSIONS", replace(tables.FORM_SUBMISSIONS, columns=columns))


def typed_listings(patch: Patch) -> None:
    """Without the handling, pages must match the specification."""

    def decode(body: bytes) -> Any:
        return msgspec.json.decode(body, type=api._Listing)

    patch.setattr(api, "_listing", decode)


def no_refusals(*modules: Any) -> Callable[[Patch], None]:
    """Without the handling, a refused stream ends the load."""

    def patched(patch: Patch) -> None:
        for module in modules:
            patch.setattr(module, "PermissionMissing", Never)

    return patched


def no_follow_up(patch: Patch) -> None:
    """Without the handling, page views are only loaded in bulk, from the newest landed one."""
    patch.setattr(page_views.PageViews, "missing", lambda views: [])


def no_patience(patch: Patch) -> None:
    """Without the handling, a slow answer fails without a retry."""
    no_retry(patch)
    patch.setattr(bounded, "READ_SECONDS", 0.1)


# -- changes in the portal --------------------------------------------------------------------------------


def live(portal: Portal, kind: str = "contacts") -> list[str]:
    found: list[str] = portal.held()["live"][kind]
    return found


def import_many(portal: Portal) -> None:
    """Give seventy contacts the same instant."""
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
    """Merge one pair and one chain of three contacts with submissions, page views and deals."""
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
    """Keep the submissions that arrived while the log was read."""
    portal.faults({"submissions_arriving": {"times": 0}})
    portal.changes += 1


TRAPS: dict[str, Trap] = {
    # -- search
    "more changes than a query returns": Trap(
        by_offset,
        CONTACTS,
        {"search_cap": {"results": 40}},
        {"SEARCH_PAGE_SIZE": 20},
        change=import_many,
        fails=True,
    ),
    "one instant for many records": Trap(
        by_instant, CONTACTS, change=import_many, small={"SEARCH_PAGE_SIZE": 20}
    ),
    "offsets that drift while pages are read": Trap(
        by_offset, CONTACTS, {"offset_drift": {"by": 1}}, {"SEARCH_PAGE_SIZE": 20}, change=import_many
    ),
    "an index that lags": Trap(
        replaced(store.StreamState, "since", lambda state, lag: state.read_at),
        CONTACTS,
        {"index_lag": {"seconds": 60}},
        change=touch_before_the_index_shows_it,
        then=lambda portal: portal.pass_time(seconds=90),
    ),
    # -- listings
    "archived records are not in the default listing": Trap(
        no_archived("objects"), CONTACTS, prepare=lambda portal, _: archive_two(portal)
    ),
    "property names too long for a URL (414)": Trap(
        no_tolerance, CONTACTS, {"uri_length": {"bytes": 600}}, fails=True
    ),
    "instants of any precision": Trap(
        one_precision, CONTACTS, {"timestamp_precision": {}}, compare=("contact_instants",), fails=True
    ),
    # -- batch reads
    "207 for a batch": Trap(
        only_200,
        DEALS,
        {"batch_status": {"status": 207}},
        compare=("deals", "deal_contacts"),
        prepare=lambda portal, _: portal.do(do="create", type="deals"),
        fails=True,
    ),
    "fifty records a batch with history": Trap(
        replaced(settings, "PAGE_SIZE_WITH_HISTORY", 100), CONTACTS, change=import_many, fails=True
    ),
    "a history that is capped": Trap(
        replaced(tables, "CONTACT_HISTORIES", replace(tables.CONTACT_HISTORIES, whole="contact_id")),
        CONTACTS,
        {"history_cap": {"entries": 1}},
        compare=("contact_histories",),
        change=stage,
    ),
    # -- associations
    "the same association several times": Trap(
        associations_as_received,
        DEALS,
        {"duplicate_association_types": {}, "association_ids": {"as": "string"}},
        compare=("deal_contacts",),
    ),
    "associations in pages of one": Trap(
        replaced(api, "cursor", lambda document: None),
        DEALS,
        {"association_pages": {"size": 1}},
        compare=("deal_contacts",),
    ),
    # -- merges
    "merged contacts, in chains": Trap(
        no_aliases,
        PEOPLE,
        compare=("contacts", "form_submissions", "page_view_events", "deal_contacts"),
        change=merge_in_chains,
    ),
    # -- forms
    "submissions arriving while their log is read": Trap(
        no_dedupe,
        FORMS,
        {"submissions_arriving": {"every": 1, "times": 3}},
        {"SUBMISSIONS_PAGE_SIZE": 10},
        compare=("form_submissions",),
        then=arrive,
    ),
    "submissions without a conversion id": Trap(
        only_conversion_ids,
        FORMS,
        {"missing_conversion_id": {"every": 2}},
        compare=("form_submissions",),
        then=lambda portal: None,
    ),
    "backdated submissions": Trap(
        replaced(source, "_OVERLAP", timedelta(0)),
        FORMS,
        compare=("form_submissions",),
        change=submit_now,
        then=submit_backdated,
        small={"SUBMISSIONS_PAGE_SIZE": 1},
    ),
    "instants of submissions as text": Trap(
        typed_listings, FORMS, {"submitted_at_text": {}}, compare=("form_submissions",), fails=True
    ),
    "a form deleted before its log is read (404)": Trap(
        no_tolerance,
        FORMS,
        {"status": {"status": 404, "path": "/submissions/forms/", "after": 2, "times": 1}},
        fails=True,
    ),
    "forms of other types are listed only if requested": Trap(
        replaced(settings, "FORM_TYPES", "hubspot"), FORMS, compare=("forms", "form_submissions")
    ),
    "archived forms are not in the default listing": Trap(no_archived("forms"), FORMS),
    # -- page views
    "no page views in the portal's tier (403)": Trap(
        no_refusals(page_views), VIEWS, {"events_forbidden": {}}, compare=("contacts",), fails=True
    ),
    "page views per contact only (400)": Trap(
        no_follow_up, VIEWS, {"events_per_contact": {}}, compare=("page_view_events",)
    ),
    "page views that appear late, with their old instants": Trap(
        no_follow_up, VIEWS, compare=("page_view_events",), change=lambda portal: portal.pass_time(days=12)
    ),
    # -- access
    "scopes missing from the token (403)": Trap(
        no_refusals(source),
        ("contacts", "lists", "owners", "campaigns", "rates", "companies"),
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
        compare=("contacts",),
        fails=True,
    ),
    # -- transport
    **{
        f"status {status}": Trap(
            no_retry,
            ("owners",),
            {"status": {"status": status, "path": OWNERS, "after": 1, "retry_after": 0}},
            {"PAGE_SIZE": 2},
            fails=True,
        )
        for status in (408, 423, 429, 477, 500, 502, 503, 504, 524)
    },
    "a slow body": Trap(
        no_patience, ("owners",), {"slow_body": {"path": OWNERS, "seconds": 1.2, "parts": 4}}, fails=True
    ),
}


# -- the test of all traps ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with served_portal("--now", "2026-10-12T06:00:00Z") as served:
        served.folder = tmp_path_factory.mktemp("truths")
        yield served


@pytest.fixture(autouse=True)
def no_faults_left(portal: Portal) -> Iterator[None]:
    yield
    portal.mend()


@pytest.mark.parametrize("trap", TRAPS.values(), ids=TRAPS)
def test_a_trap_changes_rows_only_without_its_handling(
    trap: Trap, portal: Portal, tmp_path: Path, monkeypatch: Patch
) -> None:
    quick(monkeypatch)
    prove(trap, portal, tmp_path)


def facts_of(truth: Store) -> list[str]:
    """Return the landed tables without the bookkeeping tables."""
    return sorted(
        truth.tables() - {"stream_state", "load_counts", "quarantine", "available_inputs", "load_faults"}
    )


# -- messages ---------------------------------------------------------------------------------------------


def test_merged_contacts_still_listed_as_archived_do_not_land_as_contacts(
    portal: Portal, tmp_path: Path
) -> None:
    streams = ("contacts", "page_views")
    home = portal.truth(streams).copy(tmp_path / "home")
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

    assert home.state(compared) == portal.truth(streams).state(compared)
    assert not listed, "nothing new is nothing to list"


@pytest.mark.parametrize(
    ("kind", "streams"),
    [("null_id", CONTACTS), ("no_id", DEALS), ("not_object", ("contacts", "deals", "forms", "page_views"))],
)
def test_a_malformed_record_affects_no_other_record(
    kind: str, streams: tuple[str, ...], portal: Portal, tmp_path: Path
) -> None:
    truth = portal.truth(streams)
    portal.faults({"malformed_record": {"path": "", "kind": kind}})
    for _ in range(2):
        portal.load(tmp_path, streams)
        portal.pass_time(seconds=1)
    home = Store(tmp_path)
    compared = facts_of(truth)

    assert home.state(compared) == truth.state(compared)
    assert home.query("FROM quarantine")
    assert home.query(UNBALANCED) == []


def test_a_value_in_another_type_is_the_same_value(portal: Portal, tmp_path: Path) -> None:
    truth = portal.truth(CONTACTS)
    ((converted,),) = truth.query("SELECT count(num_conversion_events) FROM contacts")
    assert converted
    portal.faults({"wire_type": {"property": "num_conversion_events", "type": "contacts"}})
    portal.load(tmp_path, CONTACTS)
    home = Store(tmp_path)

    assert home.rows("contacts") == truth.rows("contacts")
    assert home.query("SELECT count(*) FROM quarantine") == [(0,)]
    assert home.query(UNBALANCED) == []
    said = (
        "SELECT resource, subject, records FROM load_faults WHERE kind = 'column' AND resource = 'contacts'"
    )
    assert home.query(said) == [("contacts", "num_conversion_events", converted)]


def test_deleted_and_renamed_properties_are_reported(portal: Portal, tmp_path: Path) -> None:
    streams = ("contacts", "properties")
    home = portal.truth(streams).copy(tmp_path / "home")
    portal.do(do="rename_property", old="badge_number", new="badge_code")
    portal.do(do="rename_property", old="hs_linkedin_click_id", new="hs_li_click")
    portal.pass_time(minutes=20)
    try:
        (report,) = portal.load(home.path, streams)
    finally:
        portal.do(do="rename_property", old="badge_code", new="badge_number")
        portal.do(do="rename_property", old="hs_li_click", new="hs_linkedin_click_id")

    assert report.message is not None
    assert "the property badge_number of contacts is now badge_code" in report.message
    assert "contacts have no property hs_linkedin_click_id: its column stays empty" in report.message


def test_an_erased_contact_leaves_a_tombstone_and_nothing_personal(portal: Portal, tmp_path: Path) -> None:
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
    home = portal.truth(PEOPLE).copy(tmp_path / "home")
    spared = portal.truth(PEOPLE).copy(tmp_path / "spared")
    personal = (email, old, "Veramarie", "Erasedson")
    assert set(home.personal(*personal)) >= {"contacts", "contact_histories", "form_submissions"}

    portal.do(do="erase", id=contact)
    portal.pass_time(minutes=20)
    portal.load(home.path, PEOPLE)
    with Patch.context() as patch:
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
    assert home.rows("contacts") == portal.truth(PEOPLE).rows("contacts")
    assert spared.personal(*personal), "without the count that shows it, the contact stays"


# -- limits -----------------------------------------------------------------------------------------------


def refused(portal: Portal) -> int:
    return portal.asked()[1].get("429", 0)


def test_searches_keep_to_their_limit(portal: Portal, tmp_path: Path, monkeypatch: Patch) -> None:
    before = portal.truth(CONTACTS)
    paced, hurried = before.copy(tmp_path / "paced"), before.copy(tmp_path / "hurried")
    import_many(portal)
    monkeypatch.setattr(settings, "SEARCH_PAGE_SIZE", 9)
    portal.faults({"hubspot_limits": {"search_per_second": 5, "per_ten_seconds": 10_000}})
    time.sleep(1)
    portal.asked()
    portal.load(paced.path, CONTACTS)
    assert refused(portal) == 0

    with Patch.context() as patch:
        patch.setattr(pacing.Pacer, "_reserve", lambda pacer: 0.0)
        portal.load(hurried.path, CONTACTS)
    assert refused(portal) >= 1
    assert paced.rows("contacts") == hurried.rows("contacts")


def test_the_ten_second_limit_is_learnt_and_kept(tmp_path: Path, monkeypatch: Patch) -> None:
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


@pytest.mark.parametrize(
    ("version", "streams"), [("v3", tuple(STREAMS)), ("2026-03", ("deals", "lists"))], ids=["v3", "2026-03"]
)
def test_every_api_version_lands_the_same(
    version: str, streams: tuple[str, ...], portal: Portal, tmp_path: Path
) -> None:
    portal.load(tmp_path, streams, {"API_VERSION": version})

    truth = portal.truth(streams)
    compared = facts_of(truth)
    assert Store(tmp_path).state(compared) == truth.state(compared)
