"""A published file of any size without a refresh: the columns of dbt's YAML, filled by one script.

`published.sql` keeps what the dashboard's figures rest on: bridges balance, row steps are the ledger's.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import yaml

from orchestration.assets.publishing import STORAGE_VERSION

_HERE = Path(__file__).parent
_PROJECT = _HERE.parent / "dbt_project"
_REASONS = _PROJECT / "seeds" / "reason_codes.csv"
_SOURCES = "source varchar, status varchar, landed_through date, as_of timestamptz"


@dataclass(frozen=True)
class Company:
    """Its size. A contact has 3.3 visits and 10 page views, every third one converts."""

    contacts: int = 900
    #: Of each of the six accounts, two a network.
    campaigns: int = 2
    days: int = 40
    last_day: date = date(2026, 10, 31)
    as_of: datetime = datetime(2026, 11, 1, 6, tzinfo=UTC)


def publish(serving: Path, company: Company | None = None) -> None:
    """Writes the file beside and renames it onto `serving`, as a refresh does."""
    company = company or Company()
    beside = serving.with_name(f".{serving.name}.next")
    beside.unlink(missing_ok=True)
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"attach '{beside}' as serving (storage_version '{STORAGE_VERSION}')")
        connection.execute("use serving; create schema marts; create schema reconciliation")
        for table, columns in described().items():
            connection.execute(f"create table {table} ({columns})")
        for name, value in asdict(company).items():
            connection.execute(f"set variable {name} = $value", {"value": value})
        connection.execute(f"create temp table reason_codes as from read_csv('{_REASONS}')")
        connection.execute((_HERE / "published.sql").read_text())
        connection.execute("checkpoint serving; use memory; detach serving")
    beside.chmod(0o444)
    os.replace(beside, serving)


def described() -> dict[str, str]:
    """Each published table and its columns with their types, as SQL."""
    tables = {"marts.sources": _SOURCES}
    for schema in ("marts", "reconciliation"):
        for path in sorted((_PROJECT / "models" / schema).glob("*.yml")):
            for model in yaml.safe_load(path.read_text()).get("models", []):
                columns = (f"{column['name']} {column['data_type']}" for column in model["columns"])
                tables[f"{schema}.{model['name']}"] = ", ".join(columns)
    return tables
