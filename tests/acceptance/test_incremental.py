"""The same events in any order and batching give the marts of one full build."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.test_vectors import PIPELINE, VECTORS
from tests.landed import instant, land_vector
from tests.warehouse import AS_OF, Warehouse

MODELS = ("+fct_deal_attribution", "--exclude", "resource_type:unit_test", "resource_type:test")
MARTS = (
    "fct_sessions",
    "fct_form_submissions",
    "fct_first_conversions",
    "fct_contact_attribution",
    "fct_deal_attribution",
)
Record = tuple[str, str, dict[str, Any]]


class Recorder(Warehouse):
    """Keeps what would be landed."""

    def __init__(self, records: list[Record]) -> None:
        super().__init__(Path())
        object.__setattr__(self, "_records", records)

    def land(self, source: str, table: str, *rows: dict[str, Any]) -> None:
        records: list[Record] = object.__getattribute__(self, "_records")
        records.extend((source, table, row) for row in rows)


def portal_records(*, events: bool) -> list[Record]:
    """Every record of the vectors' portal, and those of two contacts before they were merged."""
    records: list[Record] = []
    recorder = Recorder(records)
    for vector in VECTORS:
        if vector.get("events", True) is events:
            land_vector(recorder, vector)
    recorder.land("hubspot", "deal_pipelines", {"id": "sales", "label": "Sales", "stages": PIPELINE})
    recorder.land(
        "hubspot", "forms", {"id": "demo", "name": "Demo", "form_type": "hubspot", "archived": False}
    )
    for contact in ("I5-primary", "I5-secondary"):
        known = {"id": contact, "archived": False, "createdate": instant("0m").isoformat()}
        recorder.land("hubspot", "contacts", known)
    click = {
        "customer_id": "1112223334",
        "date": instant("0m").date(),
        "gclid": "Cj0KCQexample8",
        "row_version": "1",
    }
    recorder.land("google_ads", "click_views", click | {"campaign_id": "901", "clicks": 1})
    return records


def earlier(contact: dict[str, Any]) -> dict[str, Any]:
    """The record as it may have been read before: fewer submissions counted, another source."""
    counted = (contact.get("hs_calculated_form_submissions") or "").split(";")
    return {
        "id": contact["id"],
        "archived": False,
        "email": f"before.{contact.get('email')}",
        "createdate": contact.get("createdate") or instant("0m").isoformat(),
        "hs_calculated_form_submissions": ";".join(counted[: len(counted) // 2]),
        "hs_analytics_source": "OFFLINE",
    }


def new_home(path: Path) -> Warehouse:
    home = Warehouse.empty(path)
    account = {"portal_id": "1", "time_zone": "Europe/Berlin", "company_currency": "EUR"}
    home.land("hubspot", "account", account)
    return home


def read(home: Warehouse, records: list[Record]) -> None:
    """Land records as a load does: a contact read again replaces what was known of it."""
    known = {row["id"] for _, table, row in records if table == "contacts"}
    home.erase("hubspot", "contacts", known)
    tables: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for source, table, row in records:
        tables[source, table].append(row)
    with home.at_once():
        for (source, table), rows in tables.items():
            home.land(source, table, *rows)


def marts(home: Warehouse) -> dict[str, list[str]]:
    return {mart: sorted(map(str, home.rows(f"from marts.{mart}"))) for mart in MARTS}


@pytest.mark.parametrize(
    ("order", "batch_count"),
    [(0, 2), *(pytest.param(order, 4, marks=pytest.mark.long) for order in range(20))],
)
def test_any_order_and_batching_gives_the_marts_of_one_full_build(
    tmp_path: Path, order: int, batch_count: int
) -> None:
    chance = random.Random(order)
    records = portal_records(events=order % 5 != 4)
    chance.shuffle(records)
    batches: list[list[Record]] = [[] for _ in range(batch_count)]
    for source, table, row in records:
        number = chance.randrange(batch_count)
        batches[number].append((source, table, row))
        if table == "contacts" and number:
            batches[chance.randrange(number)].append((source, table, earlier(row)))
    home = new_home(tmp_path)
    for number, batch in enumerate(batches, 1):
        read(home, batch)
        # until the last batch the clock stands anywhere
        as_of = AS_OF if number == batch_count else instant("0m") + timedelta(days=chance.randint(-3, 20))
        build(home, as_of, project_hash="this one")
    found = marts(home)
    assert all(found.values())
    # without the hash everything is built, whatever was
    build(home, AS_OF)
    assert found == marts(home)
    if batch_count > 2:
        # nothing is built again for a contact that did not change
        for _ in range(2):
            build(home, AS_OF, project_hash="this one")
        assert home.rows("from intermediate.int_changed_contacts") == []
        assert found == marts(home)


def build(home: Warehouse, as_of: datetime, **variables: str) -> None:
    home.dbt("build", "--select", *MODELS, as_of=as_of.isoformat(), **variables)
