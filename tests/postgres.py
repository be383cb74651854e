"""A PostgreSQL server of Debian's packages on a loopback port, for as long as a test needs it."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg2

from tests.opened import free_port

PASSWORD = "p@ss/word:%"
_USER = "adledger"


def programs() -> Path | None:
    """Where the newest installed server's programs lie; Debian keeps them off PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    if found:
        return found[-1].parent
    initdb = shutil.which("initdb")
    return Path(initdb).resolve().parent if initdb else None


@dataclass(frozen=True)
class Postgres:
    """A running server with one role, which may create databases."""

    port: int

    def address(self, database: str, *, password: str = PASSWORD) -> str:
        return f"postgresql://{_USER}:{quote(password, safe='')}@127.0.0.1:{self.port}/{database}"

    def create(self, database: str) -> str:
        """The address of a new database."""
        self.run("postgres", f"CREATE DATABASE {database}")
        return self.address(database)

    def run(self, database: str, statement: str) -> list[tuple[object, ...]]:
        connection = psycopg2.connect(self.address(database))
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()


@contextmanager
def served_postgres() -> Iterator[Postgres]:
    """An empty server without any durability, stopped at the end; the caller made sure it is installed."""
    place = programs()
    assert place
    # it refuses to run as root; its own user cannot enter pytest's folders
    user = pwd.getpwnam("postgres").pw_name if os.getuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="adledger-postgres-"))
    secret = folder / "secret"
    secret.write_text(PASSWORD)
    if user:
        for path in (folder, secret):
            shutil.chown(path, user)

    def run(program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(place / program), "-D", str(folder / "data"), *arguments],
            user=user,
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    port = free_port()
    try:
        run("initdb", "-U", _USER, "--auth=scram-sha-256", f"--pwfile={secret}", "--no-sync")
        options = (
            f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories= -c fsync=off"
            " -c max_connections=50"
        )
        run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield Postgres(port)
        finally:
            run("pg_ctl", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)
