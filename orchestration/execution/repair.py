"""Damaged files of a home: finds them and repairs the home (`adledger repair`).

Nothing is deleted: a damaged file is moved to `repair/`, because it may hold what no vendor serves any more
(click views, first observations). Of a raw store, the tables that can still be read are copied back.
Everything else is rebuilt: by the next refresh from the raw stores, by Dagster, or by dlt.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from ingestion.landing.future import has_future, redate
from ingestion.landing.store import RAW_SCHEMA, Store
from ingestion.sql import sql_text

_SIMULATED = "sandbox.json"


@dataclass(frozen=True)
class Damage:
    """A file, or a working folder of dlt, that cannot be read; `why` is the reader's message."""

    path: Path
    why: str

    def line(self, home: Path) -> str:
        """Return one line with the file, the fault and the fix."""
        return (
            f"{self.path} is damaged ({self.why}): run adledger repair, which moves it to {home / 'repair'}"
        )


def damages(home: Path, *, whole: bool = False) -> list[Damage]:
    """Return the damaged files of a home. `whole` reads every table and page instead of the files' headers.

    The caller holds the home's refresh lock.
    """
    return list(_damages(home, whole))


def _damages(home: Path, whole: bool) -> Iterator[Damage]:
    for file in [
        *sorted((home / "raw").glob("*.duckdb")),
        home / "warehouse.duckdb",
        home / "serving.duckdb",
    ]:
        if file.exists() and (why := _duckdb_fault(file, whole)):
            yield Damage(file, why)
    for file in sorted((home / "dagster").rglob("*.db")):
        if why := _sqlite_fault(file, whole):
            yield Damage(file, why)
    for folder in sorted((home / "dlt").glob("*")):
        if why := _json_fault([folder / "state.json", *folder.glob("schemas/*.json")]):
            yield Damage(folder, why)
    for folder in (home / "dbt" / "target", home / "dbt" / "build"):
        if why := _json_fault([folder / "manifest.json"]):
            yield Damage(folder, why)


def repair(home: Path, now: datetime) -> list[str]:
    """Repair a home; return one line per repair. The caller holds the home's refresh lock.

    Observations from after `now` are dated to now, except in a home with the simulated company's clock.
    """
    lines = []
    aside = home / "repair" / now.strftime("%Y-%m-%dT%H%M%SZ")
    for damage in damages(home, whole=True):
        moved = _move(damage.path, home, aside)
        line = f"{damage.path} was damaged ({damage.why}) and moved to {moved}"
        if damage.path.parent == home / "raw":
            line += f"; {_salvage(moved, damage.path)}"
        lines.append(line)
    for file in [] if (home / _SIMULATED).exists() else sorted((home / "raw").glob("*.duckdb")):
        if has_future(Store(file), now):
            _copy(file, home, aside)
            redate(file, now)
            lines.append(
                f"{file} held observations from the future; they are dated to now, the days to come are read"
                f" again, and the file as it was is in {aside}"
            )
    return lines


def _duckdb_fault(file: Path, whole: bool) -> str | None:
    try:
        with duckdb.connect(config={"threads": 1}) as connection:
            connection.execute(f"ATTACH {sql_text(file)} AS examined (READ_ONLY)")
            tables = connection.execute(
                "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'examined'"
            ).fetchall()
            for schema, table in tables if whole else ():
                connection.execute(
                    f'SELECT bit_xor(hash(t)) FROM examined."{schema}"."{table}" AS t'
                ).fetchone()
    except duckdb.Error as error:
        # another program that writes the file is no damage
        return None if "Could not set lock" in str(error) else _first_line(error)
    return None


def _sqlite_fault(file: Path, whole: bool) -> str | None:
    try:
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            found = connection.execute("PRAGMA quick_check(1)").fetchone() if whole else None
    except sqlite3.OperationalError:
        # another process writes it
        return None
    except sqlite3.DatabaseError as error:
        return _first_line(error)
    return str(found[0]).splitlines()[0] if found and found[0] != "ok" else None


def _json_fault(files: list[Path]) -> str | None:
    for file in files:
        if file.exists():
            try:
                json.loads(file.read_bytes())
            except ValueError as error:
                return f"{file.name}: {_first_line(error)}"
    return None


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:160]


def _move(path: Path, home: Path, aside: Path) -> Path:
    """Move a file, with the files that its reader keeps beside it, or a folder; return the new path."""
    target = aside / path.relative_to(home)
    target.parent.mkdir(parents=True, exist_ok=True)
    for suffix in ("", ".wal", "-wal", "-shm"):
        beside = path.with_name(path.name + suffix)
        if beside.exists():
            beside.rename(target.with_name(target.name + suffix))
    return target


def _copy(path: Path, home: Path, aside: Path) -> None:
    target = aside / path.relative_to(home)
    target.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH {sql_text(path)} AS held (READ_ONLY)")
        connection.execute(f"ATTACH {sql_text(target)} AS kept")
        connection.execute("COPY FROM DATABASE held TO kept")


def _salvage(damaged: Path, file: Path) -> str:
    """Copy the tables of a damaged raw store that can be read to a new store; return what was copied."""
    new = file.with_name(f".{file.name}.next")
    with suppress(FileNotFoundError):
        new.unlink()
    copied, lost = [], []
    with duckdb.connect(config={"threads": 1}) as connection:
        for is_second in (False, True):
            try:
                connection.execute(f"ATTACH {sql_text(damaged)} AS damaged (READ_ONLY)")
                break
            except duckdb.Error:
                wal = damaged.with_name(f"{damaged.name}.wal")
                if is_second or not wal.exists():
                    return "no table can be read; the next refresh loads what the vendor still serves"
                # the file as of the last complete load
                wal.rename(damaged.with_name(f"{damaged.name}.wal.damaged"))
        connection.execute(f"ATTACH {sql_text(new)} AS new")
        connection.execute(f"CREATE SCHEMA new.{RAW_SCHEMA}")
        for (table,) in connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'damaged' AND schema_name = ?",
            [RAW_SCHEMA],
        ).fetchall():
            try:
                connection.execute(
                    f'CREATE TABLE new.{RAW_SCHEMA}."{table}" AS FROM damaged.{RAW_SCHEMA}."{table}"'
                )
                copied.append(table)
            except duckdb.Error:
                lost.append(table)
    new.rename(file)
    missing = f", but not {', '.join(sorted(lost))}" if lost else ""
    return f"{len(copied)} tables were copied back{missing}; the next refresh loads what is still served"
