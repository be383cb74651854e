"""One odd record of a vendor costs at most itself: the load ends and its counts balance."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion import pipelines
from ingestion.errors import AccountLeftOut
from tests.mutations import KINDS, SAME, Mutation, mutations
from tests.recorded.server import Exchange, exchanges, serve
from tests.recorded.world import AS_OF, SECRETS, WINDOW, configure

_SOURCES = ("hubspot", "google_ads", "facebook_ads", "linkedin_ads")
_BOOKKEEPING = {
    "available_inputs",
    "load_counts",
    "load_faults",
    "quarantine",
    "store_layout",
    "stream_state",
}
# read per object of another table: without the object they are not asked for
_OF_AN_OBJECT = {"form_submissions", "list_memberships", "leads", "lead_form_responses"}
_ASSOCIATIONS = "/crm/associations/2026-09/deals/contacts/batch/read"
_UNKNOWN = dict.fromkeys(_SOURCES, Exchange("unknown", "", {"message": "not found"}, status=404))
_UNKNOWN["google_ads"] = Exchange(
    "unknown",
    "",
    status=403,
    answer=[
        {
            "error": {
                "code": 403,
                "status": "PERMISSION_DENIED",
                "details": [{"errors": [{"errorCode": {"authorizationError": "USER_PERMISSION_DENIED"}}]}],
            }
        }
    ],
)
Landed = dict[str, Counter[tuple[Any, ...]]]


def _drawn(number: int, seed: int) -> list[Mutation]:
    """Mutations of all sources, as many of every kind as possible."""
    found = [mutation for source in _SOURCES for mutation in mutations(source, exchanges(source), seed)]
    random.Random(seed).shuffle(found)
    by_kind = {kind: [each for each in found if each.kind == kind] for kind in KINDS}
    rounds = zip(*by_kind.values(), strict=False)
    return [mutation for one in rounds for mutation in one][:number]


def _together(found: list[Mutation], most: int) -> list[tuple[Mutation, ...]]:
    """Mutations in groups of one source, at most `most`, each of another answer; of accounts each alone."""
    groups: list[list[Mutation]] = []
    for mutation in found:
        for group in groups:
            if (
                len(group) < most
                and group[0].source == mutation.source
                and mutation.exchange not in {each.exchange for each in group}
                and not any(map(_is_of_account, (mutation, *group)))
            ):
                group.append(mutation)
                break
        else:
            groups.append([mutation])
    return [tuple(group) for group in groups]


def _is_of_account(mutation: Mutation) -> bool:
    return exchanges(mutation.source)[mutation.exchange].name.startswith("accounts")


def _id(group: tuple[Mutation, ...]) -> str:
    return ", ".join(map(str, group))


def _load(home: Path, source: str, mutations: tuple[Mutation, ...]) -> int:
    with serve(source) as recorded, pytest.MonkeyPatch.context() as patch:
        for mutation in mutations:
            mutation.apply(recorded.exchanges)
        # deals without the second one, whose associations take two pages
        one_deal = {"status": "COMPLETE", "results": [{"from": {"id": "8078"}, "to": [{"toObjectId": 151}]}]}
        recorded.exchanges.append(Exchange("one deal", _ASSOCIATIONS, one_deal, method="POST"))
        # what the vendors answer when asked for an id that does not exist
        recorded.unknown = _UNKNOWN[source]
        configure(patch, home, source, recorded)
        return sum(
            pipelines.load(source, part, window=WINDOW, as_of=AS_OF).quarantined
            for part in pipelines.parts(source)
        )


def _landed(home: Path, source: str) -> tuple[Landed, list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Landed rows by table, the counts that do not balance, and the quarantine."""
    with duckdb.connect(str(home / "raw" / f"{source}.duckdb"), read_only=True) as store:
        tables = store.execute("""
            SELECT table_name, list(column_name ORDER BY column_index) FROM duckdb_columns()
            WHERE schema_name = 'raw' AND NOT starts_with(table_name, '_dlt')
                AND NOT starts_with(column_name, '_') AND column_name NOT IN ('observed_at', 'superseded_at')
            GROUP BY ALL
        """).fetchall()
        landed: Landed = {}
        for table, columns in tables:
            if table not in _BOOKKEEPING:
                # hashes change with any value of their record
                names = ", ".join(
                    f'"{name}"' for name in columns if name not in ("row_version", "history_hash")
                )
                landed[table] = Counter(store.execute(f'SELECT {names} FROM raw."{table}"').fetchall())
        unbalanced = store.execute("""
            SELECT resource, received, landed, duplicates, quarantined FROM raw.load_counts
            WHERE received != landed + duplicates + quarantined
        """).fetchall()
        quarantine = store.execute("SELECT resource, record, reason FROM raw.quarantine").fetchall()
    return landed, unbalanced, quarantine


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Landed, int]]:
    found = {}
    for source in _SOURCES:
        home = tmp_path_factory.mktemp(source)
        quarantined = _load(home, source, ())
        found[source] = _landed(home, source)[0], quarantined
    return found


@pytest.mark.parametrize(
    "group",
    [
        *_together(_drawn(12, seed=1), 1),
        *(pytest.param(group, marks=pytest.mark.long) for group in _together(_drawn(1000, seed=2), 6)),
    ],
    ids=_id,
)
def test_odd_records_cost_at_most_themselves(
    tmp_path: Path, undisturbed: dict[str, tuple[Landed, int]], group: tuple[Mutation, ...]
) -> None:
    source = group[0].source
    before, quarantined_before = undisturbed[source]

    try:
        quarantined = _load(tmp_path, source, group) - quarantined_before
    except AccountLeftOut:
        # without its only account the source has nothing to load
        if not _is_of_account(group[0]):
            raise
        return
    after, unbalanced, quarantine = _landed(tmp_path, source)

    assert not unbalanced
    assert len(quarantine) == quarantined + quarantined_before
    assert after.keys() == before.keys()
    lost = {table: rows for table in before if (rows := before[table] - after[table])}
    changed = {table: rows for table in before if (rows := after[table] - before[table])}
    if all(each.kind in SAME for each in group):
        assert not lost
        assert not changed
    # one record: a row each in the tables made of it, changed or quarantined
    for table, rows in lost.items():
        assert rows.total() <= len(group) or table in _OF_AN_OBJECT, (table, rows)
        assert quarantined or changed, (table, rows)
    text = str(quarantine)
    assert not [secret for secret in SECRETS if secret in text]
    assert "@" not in text
