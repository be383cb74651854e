"""What a load left out or read differently: accounts, objects, records, columns in another JSON type.

A record that cannot be read costs itself (quarantine), an object (a form, a creative) its own rows, and an
account its own tables, which keep what was landed before; only a fault of the whole source ends its load.
Each is one row of the raw table `load_faults`, the state after the last load of each part of the source.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal

import duckdb
import pyarrow as pa

from ingestion.landing.arrow import INSTANT
from ingestion.landing.store import Store

if TYPE_CHECKING:
    from ingestion.landing.resources import Landing

FaultedKind = Literal["account", "object", "records", "day", "column"]

LOAD_FAULTS = pa.schema(
    [
        ("id", pa.string()),
        ("part", pa.string()),
        ("kind", pa.string()),
        ("resource", pa.string()),
        ("account_id", pa.string()),
        ("subject", pa.string()),
        ("date", pa.date32()),
        ("records", pa.int64()),
        ("seen", pa.string()),
        ("fix", pa.string()),
        ("since", INSTANT),
        ("loaded_at", INSTANT),
    ]
)


@dataclass(frozen=True)
class LoadFault:
    """Something that the last load left out or read differently.

    `subject` is the object's id or the column's name, `records` the number of records concerned, `seen` what
    is missing and why, `fix` what to do.
    """

    kind: FaultedKind
    seen: str
    fix: str | None = None
    resource: str | None = None
    account_id: str | None = None
    subject: str | None = None
    date: date | None = None
    records: int | None = None

    @property
    def key(self) -> tuple[str | None, ...]:
        """Return what the fault concerns; it keeps its `since` as long as this does not change."""
        day = self.date.isoformat() if self.date else None
        return self.kind, self.resource, self.account_id, self.subject, day


def known(store: Store) -> list[dict[str, Any]]:
    """Return the rows of `load_faults`; none before the first load."""
    try:
        rows = store.rows(f"SELECT {', '.join(LOAD_FAULTS.names)} FROM load_faults")
    except duckdb.CatalogException:
        return []
    return [dict(zip(LOAD_FAULTS.names, row, strict=True)) for row in rows]


def left_out_accounts(store: Store) -> frozenset[str]:
    """Return the ids of the accounts that the last load left out."""
    return frozenset(str(row["account_id"]) for row in known(store) if row["kind"] == "account")


def incomplete_days(store: Store) -> dict[tuple[str, str], frozenset[date]]:
    """Return the days with quarantined figures by (table, account); they are loaded again."""
    found: dict[tuple[str, str], set[date]] = {}
    for row in known(store):
        if row["kind"] == "day" and row["date"] is not None:
            found.setdefault((row["resource"], row["account_id"]), set()).add(row["date"])
    return {key: frozenset(days) for key, days in found.items()}


def rows(landing: Landing) -> pa.Table:
    """Return all rows of `load_faults` after this load: those of its part are new, the others stay."""
    before = known(landing.store)
    part = "daily" if landing.window else "entities"
    is_read = bool(landing.requests or landing.from_files)
    kept = [row for row in before if not is_read or row["part"] != part or _is_other_day(landing, row)]
    since = {(row["part"], row["id"]): row["since"] for row in before}
    new = [_row(landing, part, fault, since) for fault in landing.all_faults()] if is_read else []
    merged = {(row["part"], row["id"]): row for row in [*kept, *new]}
    return pa.Table.from_pylist(list(merged.values()), schema=LOAD_FAULTS)


def _is_other_day(landing: Landing, row: dict[str, Any]) -> bool:
    """Return whether a row concerns a day that this load did not read."""
    if row["kind"] != "day":
        return False
    return row["date"] not in landing.read_days.get((row["resource"], row["account_id"]), set())


def _row(
    landing: Landing, part: str, fault: LoadFault, since: dict[tuple[str, str], datetime]
) -> dict[str, Any]:
    key = "\x1f".join(each or "" for each in fault.key)
    identity = hashlib.sha256(key.encode()).hexdigest()[:32]
    return {
        "id": identity,
        "part": part,
        "kind": fault.kind,
        "resource": fault.resource,
        "account_id": fault.account_id,
        "subject": fault.subject,
        "date": fault.date,
        "records": fault.records,
        "seen": fault.seen,
        "fix": fault.fix,
        "since": since.get((part, identity), landing.as_of),
        "loaded_at": landing.as_of,
    }
