"""Changes in the portal during and between loads: afterwards the landed rows match the portal."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from ingestion.sources.hubspot import records, settings
from tests.portal import Portal, Store, environment, served_portal
from tests.warehouse import Warehouse

COMPARED = (
    "contacts",
    "companies",
    "deals",
    "deal_contacts",
    "forms",
    "form_submissions",
    "page_view_events",
    "lists",
    "owners",
)
LISTING = "GET /crm/objects/2026-09/contacts"


@pytest.fixture
def portal() -> Iterator[Portal]:
    with served_portal("--now", "2026-10-12T06:00:00Z") as served:
        yield served


def ids(portal: Portal, kind: str = "contacts") -> list[str]:
    found: list[str] = portal.held()["live"][kind]
    return found


def while_read(portal: Portal, path: str, *operations: dict[str, Any]) -> None:
    """Plan operations one by one, each after one more answer of that path."""
    for number, operation in enumerate(operations, 1):
        portal.do(**operation, after_requests=number, path=path)


def assert_landed(portal: Portal, home: Store, folder: Path, tables: Sequence[str] = COMPARED) -> None:
    """Check that the home equals a first load of the portal, and its live ids are those of the portal."""
    portal.load(folder)
    fresh = Store(folder)
    for table in tables:
        assert home.rows(table) == fresh.rows(table), table
    held = portal.held()
    for kind in ("contacts", "companies", "deals"):
        rows = home.query(f"SELECT id, archived FROM ({ALIVE[kind]})")
        assert sorted(i for i, archived in rows if not archived) == sorted(held["live"][kind])
        assert sorted(i for i, archived in rows if archived) == sorted(held["archived"][kind])


ALIVE = {
    kind: f"SELECT id, archived FROM {kind} WHERE deleted_at IS NULL" for kind in ("companies", "deals")
} | {
    "contacts": "SELECT id, archived FROM contacts WHERE deleted_at IS NULL"
    f" AND id NOT IN (SELECT alias_id FROM ({records.ALIASES}))"
}


# -- while pages are read -----------------------------------------------------------------------------------


def test_changes_while_pages_are_read_are_complete_after_two_refreshes(
    portal: Portal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every kind of change, during the first listing and during the next incremental load."""
    monkeypatch.setattr(settings, "PAGE_SIZE_WITH_HISTORY", 5)
    monkeypatch.setattr(settings, "PAGE_SIZE", 20)
    monkeypatch.setattr(settings, "SUBMISSIONS_PAGE_SIZE", 10)
    home = Store(tmp_path / "home")
    deals, chosen = ids(portal, "deals"), ids(portal)[::4]
    tied = portal.ask(
        "POST",
        "/hubspot/crm/v4/associations/deals/contacts/batch/read",
        {"inputs": [{"id": i} for i in deals[:2]]},
    )["results"]

    def everything(some: Sequence[str], deal: dict[str, Any]) -> list[dict[str, Any]]:
        first, second, third, fourth, fifth, sixth, seventh = some
        tick = {"tick": 1}
        return [
            {"do": "touch", "ids": [first], **tick},
            {"do": "create", "count": 2, **tick},
            {"do": "merge", "primary": second, "secondary": third, **tick},
            {"do": "merge", "primary": second, "secondary": seventh, **tick},
            {"do": "archive", "id": fourth, **tick},
            {"do": "erase", "id": fifth, **tick},
            {
                "do": "change_email",
                "id": sixth,
                "email": f"moved.{sixth}@else.test",
                "keep_old": True,
                **tick,
            },
            {
                "do": "dissociate",
                "from_type": "deals",
                "from_id": deal["from"]["id"],
                "to_type": "contacts",
                "to_id": str(deal["to"][0]["toObjectId"]),
                **tick,
            },
            {"do": "submit", "form": "demo", "email": f"late.{sixth}@new.test", "count": 2, **tick},
        ]

    while_read(portal, "/objects/2026-09/contacts?limit", *everything(chosen[:7], tied[0]))
    portal.load(home.path)
    assert not [done for done in portal.held()["done"] if "error" in done]

    portal.pass_time(hours=2)
    portal.do(do="touch", ids=ids(portal)[:60])
    monkeypatch.setattr(settings, "SEARCH_PAGE_SIZE", 10)
    while_read(portal, "/objects/2026-09/contacts", *everything(chosen[7:14], tied[1]))
    portal.load(home.path)
    held = portal.held()
    assert not [done for done in held["done"] if "error" in done]
    assert not held["pending"]

    portal.pass_time(minutes=30)
    portal.load(home.path)
    assert_landed(portal, home, tmp_path / "fresh")


def test_a_portal_that_grows_while_it_is_listed_is_not_listed_again(
    portal: Portal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "PAGE_SIZE_WITH_HISTORY", 10)
    portal.do(do="create", count=1, tick=1, after_requests=1, path="/objects/2026-09/contacts?", times=4)
    portal.load(tmp_path, ("contacts",))
    portal.pass_time(hours=1)
    portal.asked()
    portal.load(tmp_path, ("contacts",))

    assert LISTING not in portal.asked()[0]


# -- between two loads --------------------------------------------------------------------------------------


def test_changes_between_two_refreshes_are_complete_and_reach_the_models(
    portal: Portal, tmp_path: Path
) -> None:
    warehouse = Warehouse.empty(tmp_path / "home")
    home = Store(warehouse.home)
    portal.load(home.path)
    first, second, third, fourth, fifth, sixth, seventh = ids(portal)[10:17]
    (gone,) = portal.do(do="create", properties={"firstname": "Gone"})["ids"]
    portal.pass_time(hours=3)
    (merged,) = portal.do(do="merge", primary=first, secondary=second)["ids"]
    portal.do(do="archive", ids=[third, fourth])
    portal.load(home.path)
    assert home.query("SELECT contact_id FROM merged_contacts WHERE alias_id = ?", second) == [(merged,)]

    portal.pass_time(hours=3)
    portal.do(do="merge", primary=fifth, secondary=merged)
    portal.do(do="restore", ids=[third])
    portal.do(do="erase", ids=[sixth, gone])
    portal.do(do="change_email", id=seventh, email="other.person@elsewhere.test")
    portal.do(do="submit", form="contact", email="other.person@elsewhere.test")
    portal.do(do="create", type="deals", properties={"dealname": "New", "amount": "10"})
    portal.do(do="archive", type="deals", ids=ids(portal, "deals")[:1])
    companies = ids(portal, "companies")
    portal.do(do="merge", type="companies", primary=companies[0], secondary=companies[1])
    portal.do(do="erase", type="deals", ids=ids(portal, "deals")[3:4])
    portal.pass_time(minutes=30)
    portal.load(home.path)

    assert_landed(portal, home, tmp_path / "fresh")
    warehouse.dbt("build", as_of=portal.now.isoformat())
    contacts = warehouse.rows("SELECT contact_id FROM intermediate.int_contacts")
    assert sorted(row["contact_id"] for row in contacts) == sorted(ids(portal))


def test_a_week_later_everything_is_listed_again(portal: Portal, tmp_path: Path) -> None:
    """An archived contact that is erased does not change the number of live records."""
    home = Store(tmp_path / "home")
    victim = ids(portal)[7]
    portal.do(do="archive", ids=[victim])
    portal.load(home.path)
    portal.do(do="erase", ids=[victim])
    portal.pass_time(days=6, hours=23)
    portal.load(home.path)
    portal.pass_time(hours=2)
    portal.asked()
    portal.load(home.path)

    assert portal.asked()[0][LISTING] >= 2
    assert home.query("SELECT deleted_at IS NOT NULL, email FROM contacts WHERE id = ?", victim) == [
        (True, None)
    ]
    assert_landed(portal, home, tmp_path / "fresh")


# -- nothing new --------------------------------------------------------------------------------------------


def test_a_refresh_without_changes_sends_one_request_per_stream_and_form(
    portal: Portal, tmp_path: Path
) -> None:
    portal.load(tmp_path)
    portal.pass_time(minutes=30)
    portal.load(tmp_path)
    portal.pass_time(minutes=30)
    portal.asked()
    portal.load(tmp_path)

    forms = Store(tmp_path).query("SELECT count(*) FROM forms WHERE NOT archived")[0][0]
    objects = ("contacts", "companies", "deals")
    assert portal.asked() == (
        {
            "GET /account-info/2026-09/details": 1,
            **{f"GET /crm/properties/2026-09/{kind}": 1 for kind in objects},
            **{f"POST /crm/objects/2026-09/{kind}/search": 1 for kind in objects},
            "GET /crm/pipelines/2026-09/deals": 1,
            "GET /crm/owners/2026-09": 1,
            "GET /marketing/campaigns/2026-09": 1,
            "GET /settings/currencies/2026-09/exchange-rates": 1,
            "POST /crm/lists/2026-09/search": 1,
            "GET /events/event-occurrences/2026-09": 1,
            "GET /marketing/v3/forms": 1,
            "GET /form-integrations/v1/submissions/forms/{id}": forms,
        },
        {"200": 14 + forms},
    )


# -- any sequence -------------------------------------------------------------------------------------------

PICK = st.integers(0, 10_000)
OPERATIONS = st.one_of(
    st.fixed_dictionaries({"do": st.just("touch"), "count": st.integers(1, 30)}),
    st.fixed_dictionaries({"do": st.just("create"), "count": st.integers(1, 3)}),
    st.fixed_dictionaries({"do": st.just("merge"), "primary": PICK, "secondary": PICK}),
    st.fixed_dictionaries({"do": st.sampled_from(["archive", "erase"]), "id": PICK}),
    st.fixed_dictionaries({"do": st.just("restore"), "id": PICK}),
    st.fixed_dictionaries({"do": st.just("submit"), "form": st.sampled_from(["demo", "guide"]), "by": PICK}),
    st.fixed_dictionaries({"do": st.just("archive"), "type": st.just("deals"), "id": PICK}),
    st.fixed_dictionaries({"do": st.just("wait"), "minutes": st.sampled_from([1, 30, 600])}),
    st.fixed_dictionaries({"do": st.just("load")}),
)


def perform(portal: Portal, home: Store, operation: dict[str, Any]) -> None:
    """Return one operation with its picks replaced by existing records."""
    if operation["do"] == "load":
        portal.load(home.path)
        return
    if operation["do"] == "wait":
        portal.pass_time(minutes=operation["minutes"])
        return
    held = portal.held()
    kind = operation.get("type", "contacts")
    among = held["archived" if operation["do"] == "restore" else "live"][kind]
    if operation["do"] == "archive":
        # a record created since the last load is found as archived only by the next full listing
        landed = {i for (i,) in home.query(f"SELECT id FROM {kind}")}
        among = [i for i in among if i in landed]
    asked = dict(operation)
    for name in {"id", "primary", "secondary"} & asked.keys():
        if not among:
            return
        asked[name] = among[asked[name] % len(among)]
    if "by" in asked:
        asked["email"] = f"person.{asked.pop('by') % 5}@sequence.test"
    if asked.get("primary") != asked.get("secondary") or "primary" not in asked:
        portal.do(**asked, tick=1)


@pytest.fixture(scope="module")
def sequenced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Portal, Store, Iterator[Path]]]:
    """A portal and a home that keep their changes between sequences, and folders for comparisons."""
    folder = tmp_path_factory.mktemp("sequences")
    with served_portal("--now", "2026-10-12T06:00:00Z", people=60) as portal:
        home = Store(folder / "home")
        portal.load(home.path)
        yield portal, home, (folder / f"fresh-{number}" for number in itertools.count())


@hypothesis.given(operations=st.lists(OPERATIONS, min_size=3, max_size=8))
@hypothesis.settings(max_examples=hypothesis.settings().max_examples // 20)
def test_after_any_sequence_of_changes_a_load_lands_the_portal(
    operations: list[dict[str, Any]], sequenced: tuple[Portal, Store, Iterator[Path]]
) -> None:
    portal, home, folders = sequenced
    for operation in operations:
        perform(portal, home, operation)
    portal.pass_time(minutes=20)
    portal.load(home.path)
    assert_landed(portal, home, next(folders))


# -- a crashed load -----------------------------------------------------------------------------------------

DIES = """
import os, sys
from datetime import datetime
import dlt
from ingestion.landing import resources as landing, store
from ingestion import pipelines

def die(*_, **__):
    os._exit(9)

point = sys.argv[1]
if point == "extract":
    seen = iter(range(6))
    pages = landing.Lander.land_batch
    landing.Lander.land_batch = lambda *a: pages(*a) if next(seen, None) is not None else die()
elif point == "before load":
    dlt.Pipeline.load = die
elif point == "mid-load":
    from dlt.load.load import Load
    complete, jobs = Load.complete_jobs, iter(range(4))
    Load.complete_jobs = lambda *a, **k: complete(*a, **k) if next(jobs, None) is not None else die()
pipelines.load("hubspot", "entities", window=None, as_of=datetime.fromisoformat(sys.argv[2]))
"""


@pytest.mark.parametrize("point", ["extract", "before load", "mid-load"])
def test_a_repeated_load_after_a_crash_lands_the_same_as_an_undisturbed_one(
    point: str, reloaded: tuple[Portal, Store, Store], tmp_path: Path
) -> None:
    portal, before, undisturbed = reloaded
    home = before.copy(tmp_path / "home")
    died = subprocess.run(
        [sys.executable, "-c", DIES, point, portal.now.isoformat()],
        env=environment(portal, home.path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert died.returncode == 9, died.stderr[-2000:]
    portal.load(home.path)

    # aliases that the landed survivors list need no row in merged_contacts
    bookkeeping = {"stream_state", "load_counts", "quarantine", "available_inputs", "load_faults"}
    tables = sorted(undisturbed.tables() - bookkeeping - {"merged_contacts"})
    assert home.state(tables) == undisturbed.state(tables)
    assert sorted(home.query(records.ALIASES)) == sorted(undisturbed.query(records.ALIASES))


@pytest.fixture(scope="module")
def reloaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Portal, Store, Store]]:
    """A portal, a home with its first load, and that home after changes and a second load."""
    folder = tmp_path_factory.mktemp("reloaded")
    with served_portal("--now", "2026-10-12T06:00:00Z") as portal:
        before = Store(folder / "before")
        portal.load(before.path)
        portal.pass_time(hours=2)
        contacts = ids(portal)
        portal.do(do="touch", count=20)
        portal.do(do="merge", primary=contacts[3], secondary=contacts[4])
        portal.do(do="archive", ids=contacts[5:7])
        portal.do(do="erase", ids=contacts[8:9])
        portal.do(do="submit", form="demo", email="more@example.test")
        portal.pass_time(minutes=20)
        undisturbed = before.copy(folder / "undisturbed")
        portal.load(undisturbed.path)
        yield portal, before, undisturbed
