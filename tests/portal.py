"""A served HubSpot portal with its switches, and homes that land it: what they hold, row by row."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ingestion.sources.hubspot import source
from tests import traps
from tests.company import served_company

# Streams and what dlt runs for them: what is read, and the tables that hang on it.
STREAMS = {
    "contacts": ("contact_pages", "contacts", "contact_histories", "merged_contacts"),
    "companies": ("company_pages", "companies"),
    "deals": ("deal_pages", "deals", "deal_contacts", "deal_companies"),
    "forms": ("form_pages", "forms", "form_submissions"),
    "page_views": ("page_view_pages", "page_view_events", "page_view_gaps"),
    "lists": ("list_pages", "lists", "list_memberships"),
    "owners": ("owners",),
    "properties": ("properties",),
    "campaigns": ("marketing_campaigns",),
    "rates": ("exchange_rates",),
}

USUAL = {"page_caps": {"off": True}, "hubspot_limits": {"per_ten_seconds": 1_000_000}}

_SURVIVORS = """
    WITH RECURSIVE merged AS (
        SELECT alias_id, contact_id FROM merged_contacts
        UNION
        SELECT unnest(string_split(hs_merged_object_ids, ';')), id FROM contacts
        WHERE hs_merged_object_ids <> ''
    ), alias AS (
        SELECT alias_id, contact_id FROM merged WHERE alias_id <> contact_id
    ), chain AS (
        FROM alias
        UNION
        SELECT chain.alias_id, alias.contact_id FROM chain JOIN alias ON chain.contact_id = alias.alias_id
    ), survivors AS (
        FROM chain WHERE contact_id NOT IN (SELECT alias_id FROM alias)
    )
"""
_NOBODY = """
    WITH survivors AS (SELECT '' AS alias_id, '' AS contact_id LIMIT 0), alias AS (FROM survivors)
"""
_ROWS = {
    "contacts": "SELECT * EXCLUDE (observed_at) FROM contacts WHERE deleted_at IS NULL"
    " AND id NOT IN (SELECT alias_id FROM alias)",
    "contact_instants": "SELECT id, created_at, updated_at, archived_at FROM contacts",
    "contact_histories": """
        SELECT DISTINCT coalesce(survivors.contact_id, log.contact_id), property, entry ->> 'timestamp',
            entry ->> 'value'
        FROM (
            SELECT contact_id, property, unnest((history -> property)::JSON[]) AS entry
            FROM (SELECT contact_id, history, unnest(json_keys(history)) AS property FROM contact_histories)
        ) AS log LEFT JOIN survivors ON log.contact_id = alias_id
    """,
    "store_layout": "SELECT number, name FROM store_layout",
    "companies": "SELECT * EXCLUDE (observed_at) FROM companies WHERE deleted_at IS NULL",
    "deals": "SELECT * EXCLUDE (observed_at) FROM deals WHERE deleted_at IS NULL",
    "deal_contacts": """
        SELECT deal_id, coalesce(survivors.contact_id, other), types FROM (
            SELECT deal_id, item ->> 'toObjectId' AS other,
                list_sort([x ->> 'typeId' FOR x IN (item -> 'associationTypes')::JSON[]]) AS types
            FROM (SELECT deal_id, unnest(associations::JSON[]) AS item FROM deal_contacts)
            WHERE deal_id IN (SELECT id FROM deals WHERE deleted_at IS NULL AND NOT archived)
        ) LEFT JOIN survivors ON other = alias_id
    """,
    "form_submissions": 'SELECT form_id, submitted_at, page_url, "values" FROM form_submissions'
    " WHERE erased_contact_id IS NULL",
    "page_view_events": """
        SELECT events.id, coalesce(survivors.contact_id, object_id), occurred_at, hs_url, hs_visit_source
        FROM page_view_events AS events LEFT JOIN survivors ON object_id = alias_id
        WHERE coalesce(survivors.contact_id, object_id) NOT IN (
            SELECT id FROM contacts WHERE deleted_at IS NOT NULL OR archived
        )
    """,
}
_NEEDS_ALIASES = frozenset({"contacts", "contact_histories", "deal_contacts", "page_view_events"})


@dataclass(frozen=True)
class Store(traps.Store):
    """One ADLEDGER_HOME with what it landed of a portal."""

    source: str = "hubspot"

    def tables(self) -> set[str]:
        """Names of the landed tables, dlt's own left out."""
        found = self.query(
            "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'raw' AND database_name = 'store'"
        )
        return {name for (name,) in found if not name.startswith("_dlt")}

    def rows(self, table: str) -> list[tuple[Any, ...]]:
        """What a table says, in a stable order: merged contacts as their survivors, no instants of loads."""
        query = _ROWS.get(table, f"SELECT * EXCLUDE (observed_at) FROM {table}")
        held = self.tables()
        if table in _NEEDS_ALIASES and {"contacts", "merged_contacts"} <= held:
            query = f"{_SURVIVORS} {query}"
        elif table in _NEEDS_ALIASES:
            query = f"{_NOBODY} {query}"
        if table == "deal_contacts" and "deals" not in held:
            raise AssertionError("deals are read with their contacts")
        return sorted(self.query(query), key=repr)

    def personal(self, *texts: str) -> list[str]:
        """Tables with a row in which one of the texts stands, in any case."""
        found = []
        for table in sorted(self.tables()):
            text = "lower(to_json(row)::VARCHAR)"
            where = " OR ".join(f"contains({text}, lower(?))" for _ in texts)
            if self.query(f"SELECT 1 FROM {table} AS row WHERE {where} LIMIT 1", *texts):
                found.append(table)
        return found


@dataclass
class Portal(traps.World):
    """The simulated portal over HTTP, and its switches."""

    source: str = "hubspot"
    usual: Mapping[str, Any] = field(default_factory=lambda: USUAL)
    store: type[traps.Store] = Store

    def do(self, **operation: Any) -> Any:
        """Changes the portal by hand, or plans it with `after_requests`."""
        self.changes += 1
        return self.ask("POST", "/_sandbox/hubspot", operation)

    def held(self) -> dict[str, Any]:
        """Ids that the portal holds now: live, archived, aliases; what was planned and done."""
        found: dict[str, Any] = self.ask("GET", "/_sandbox/hubspot")
        return found

    def _choose(self, patch: pytest.MonkeyPatch, names: Sequence[str]) -> list[str]:
        """Lets loads land these streams only."""
        wanted = {name for stream in names for name in STREAMS[stream]}
        resources = source.resources

        def chosen(landing: Any, scope: str) -> list[Any]:
            found = [item for item in resources(landing, scope) if item.name in wanted]
            if not {"contacts", "page_views"} <= set(names):
                landing.follow_ups.clear()
            return found

        if names and set(names) != set(STREAMS):
            patch.setattr(source, "resources", chosen)
        return ["entities"]


@contextmanager
def served_portal(*options: str, people: int = 120) -> Iterator[Portal]:
    """A portal of that many people: whole pages, and a rate limit that no test meets unless it sets one."""
    usual = [part for name, value in USUAL.items() for part in ("--fault", f"{name}={json.dumps(value)}")]
    with served_company("--people", str(people), *usual, *options) as company:
        yield Portal(company)


def environment(portal: Portal, home: Path) -> dict[str, str]:
    """A subprocess's environment that lands the portal in a home."""
    return dict(os.environ) | portal.company.settings | {"ADLEDGER_HOME": str(home)}
