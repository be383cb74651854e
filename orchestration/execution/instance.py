"""Dagster's instance of a home: its runs, events and schedules, in files or in a PostgreSQL."""

from __future__ import annotations

import os
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from ingestion.config import Section, home
from ingestion.errors import SettingError

_SECTION = Section("instance")
# What dagster.yaml names instead of the address, which holds a password.
_ADDRESS = "ADLEDGER_INSTANCE_POSTGRES_URL"
_SCHEMES = ("postgresql", "postgres")
_CONNECT_SECONDS = 10
_POSTGRES_STORAGE = f"""
# instance.postgres_url is set
storage:
  postgres:
    postgres_url: {{env: {_ADDRESS}}}
"""
_CLAIM = """
    CREATE TABLE IF NOT EXISTS adledger_home (
        single BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (single), id TEXT NOT NULL, place TEXT NOT NULL
    );
    INSERT INTO adledger_home (id, place) VALUES (%(id)s, %(place)s) ON CONFLICT (single) DO NOTHING;
    SELECT id, place FROM adledger_home
"""


def use_instance() -> None:
    """Points this process and its children at the home and at its Dagster instance.

    Raises SettingError where `instance.postgres_url` names no database that answers, or another home's.
    """
    os.environ["ADLEDGER_HOME"] = str(home())
    os.environ["DAGSTER_HOME"] = str(home() / "dagster")
    folder = home() / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    content = Path(__file__).with_name("dagster.yaml").read_text()
    if address := _SECTION.get("postgres_url"):
        os.environ[_ADDRESS] = _claimed(address, folder / "home_id")
        content += _POSTGRES_STORAGE
    used = folder / "dagster.yaml"
    # left alone where it is the same: another process may be reading it
    if not used.exists() or used.read_text() != content:
        used.write_text(content)


@contextmanager
def keep_event_files_open(run_id: str) -> Iterator[None]:
    """Holds a connection to the files in which Dagster keeps a run's events; does nothing without files.

    Dagster opens and closes the files for each event. When the last connection to a file closes, SQLite
    writes its log back and deletes it, which takes longer than the event.
    """
    folder = home() / "dagster" / "history" / "runs"
    with ExitStack() as stack:
        for path in (folder / "index.db", folder / f"{run_id}.db"):
            if path.exists():
                connection = stack.enter_context(closing(sqlite3.connect(path)))
                connection.execute("PRAGMA schema_version").fetchall()
        yield


def _claimed(address: str, note: Path) -> str:
    """The address as SQLAlchemy takes it, of a database that is this home's alone.

    A refresh ends the records of runs that died in its home: it must not find another home's there.
    """
    name, variable = _SECTION.name("postgres_url"), _SECTION.environment("postgres_url")
    try:
        import psycopg2
        from psycopg2.extensions import parse_dsn
    except ModuleNotFoundError:
        raise SettingError(
            f"{name} needs packages that are missing: pip install 'adledger[postgres]', or unset {variable}"
        ) from None
    scheme, _, rest = address.partition("://")
    plain = f"postgresql://{rest}"
    try:
        parts = parse_dsn(plain) if scheme.partition("+")[0] in _SCHEMES else {}
    except psycopg2.ProgrammingError:
        parts = {}
    if not parts.get("host") or not parts.get("dbname"):
        raise SettingError(
            f"{name} is no PostgreSQL address with a host and a database: set it (or {variable}) like"
            " postgresql://host:5432/database?user=NAME&password=SECRET, special characters as %XX"
        )
    database = f"the database {parts['dbname']} at {parts['host']}:{parts.get('port', 5432)}"
    mine = note.read_text() if note.exists() else str(uuid.uuid4())
    try:
        # a connection's own `with` ends the transaction, not the connection
        with (
            closing(psycopg2.connect(plain, connect_timeout=_CONNECT_SECONDS)) as connection,
            connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(_CLAIM, {"id": mine, "place": str(home())})
            owner, place = cursor.fetchone() or (mine, "")
    except psycopg2.Error as error:
        raise SettingError(
            f"{name}: {database} cannot be used: {str(error).strip()}; mend it, or {variable}",
            secrets=(parts.get("password", ""), address),
        ) from None
    if owner != mine:
        raise SettingError(
            f"{name}: {database} holds the runs of another home ({place}):"
            f" give each home its own, in {variable}"
        )
    note.write_text(mine)
    # SQLAlchemy's own choice of a driver is another, which Dagster does not install
    return f"postgresql+psycopg2://{rest}"
