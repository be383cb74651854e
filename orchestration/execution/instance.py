"""Dagster instance of a home: runs, events and schedules, in files or in a PostgreSQL database."""

from __future__ import annotations

import os
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit

from ingestion.config import Section, home, plain_path, protect_home
from ingestion.errors import SettingError

_SECTION = Section("instance")
# dagster.yaml refers to this variable, because the URL contains a password.
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
    """Sets the home and its Dagster instance for this process and its children.

    Raises SettingError if the database of `instance.postgres_url` is unreachable or belongs to another home,
    or if the home cannot be made private.
    """
    protect_home()
    os.environ["ADLEDGER_HOME"] = str(home())
    folder = home() / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["DAGSTER_HOME"] = str(plain_path(folder))
    content = Path(__file__).with_name("dagster.yaml").read_text()
    if address := _SECTION.get("postgres_url"):
        os.environ[_ADDRESS] = _claim_database(address, folder / "home_id")
        content += _POSTGRES_STORAGE
    used = folder / "dagster.yaml"
    # write only if the content differs: another process may be reading it
    if not used.exists() or used.read_text() != content:
        used.write_text(content)


def storage_fault(error: BaseException) -> str | None:
    """Returns the line for a database of `instance.postgres_url` that fails during a run, else None."""
    address = _SECTION.get("postgres_url")
    link: BaseException | None = error
    while address and link is not None:
        if type(link).__module__.partition(".")[0] == "psycopg2":
            name, variable = _SECTION.name("postgres_url"), _SECTION.environment("postgres_url")
            parts = urlsplit(address)
            given = [unquote(parts.password or ""), *parse_qs(parts.query).get("password", [])]
            return str(
                SettingError(
                    f"{name}: the database that records the runs failed: {str(link).strip()}; check the"
                    f" database or {variable}, then run the same command again",
                    secrets=(address, *given, *(quote(each, safe="") for each in given)),
                )
            )
        link = link.__cause__ or link.__context__
    return None


@contextmanager
def keep_event_files_open(run_id: str) -> Iterator[None]:
    """Keeps the SQLite files with a run's events open; does nothing without such files.

    Dagster opens and closes the files for each event. When the last connection to a file closes, SQLite
    checkpoints and deletes the write-ahead log, which takes longer than writing the event.
    """
    folder = home() / "dagster" / "history" / "runs"
    with ExitStack() as stack:
        for path in (folder / "index.db", folder / f"{run_id}.db"):
            if path.exists():
                connection = stack.enter_context(closing(sqlite3.connect(path)))
                connection.execute("PRAGMA schema_version").fetchall()
        yield


def _claim_database(address: str, note: Path) -> str:
    """Claims the database for this home and returns its URL for SQLAlchemy.

    A refresh marks dead runs of its home as failed, so a database must not contain runs of another home.
    """
    name, variable = _SECTION.name("postgres_url"), _SECTION.environment("postgres_url")
    try:
        import psycopg2
        from psycopg2.extensions import parse_dsn
    except ModuleNotFoundError:
        raise SettingError(
            f"{name} needs additional packages: pip install 'adledger[postgres]', or unset {variable}"
        ) from None
    scheme, _, rest = address.partition("://")
    plain = f"postgresql://{rest}"
    try:
        parts = parse_dsn(plain) if scheme.partition("+")[0] in _SCHEMES else {}
    except psycopg2.ProgrammingError:
        parts = {}
    if not parts.get("host") or not parts.get("dbname"):
        raise SettingError(
            f"{name} is not a PostgreSQL URL with a host and a database: set it (or {variable}) to"
            " postgresql://host:5432/database?user=NAME&password=SECRET, with special characters as %XX"
        )
    database = f"the database {parts['dbname']} at {parts['host']}:{parts.get('port', 5432)}"
    mine = note.read_text() if note.exists() else str(uuid.uuid4())
    try:
        # `with connection` only ends the transaction, so closing() is needed as well
        with (
            closing(psycopg2.connect(plain, connect_timeout=_CONNECT_SECONDS)) as connection,
            connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(_CLAIM, {"id": mine, "place": str(home())})
            owner, place = cursor.fetchone() or (mine, "")
    except psycopg2.Error as error:
        raise SettingError(
            f"{name}: {database} cannot be used: {str(error).strip()}; check the database or {variable}",
            secrets=(parts.get("password", ""), address),
        ) from None
    if owner != mine:
        raise SettingError(
            f"{name}: {database} holds the runs of another home ({place}):"
            f" use a separate database per home, set in {variable}"
        )
    note.write_text(mine)
    # SQLAlchemy's default driver is not installed with Dagster
    return f"postgresql+psycopg2://{rest}"
