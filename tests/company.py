"""The sandbox's company as a running server, and a home that refreshes from it the way a user does."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from tests import programs
from tests.warehouse import without_sources

ADLEDGER = str(Path(sys.executable).with_name("adledger"))


@dataclass(frozen=True)
class Company:
    """A served company: its address, its clock and the settings that point at it."""

    url: str
    now: str
    settings: dict[str, str]

    def set_clock(self, now: str) -> None:
        """Let the company's time pass."""
        request = urllib.request.Request(
            f"{self.url}/_sandbox/clock",
            data=json.dumps({"now": now}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.status == 200


@contextmanager
def served_company(*options: str) -> Iterator[Company]:
    """A company on a loopback port, stopped at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox.serve", "--port", "0", *options], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        yield Company(ready["url"], ready["now"], ready["env"])
    finally:
        process.terminate()
        process.wait(timeout=30)


@dataclass(frozen=True)
class Home:
    """One ADLEDGER_HOME and the commands a user runs on it."""

    path: Path
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def serving(self) -> Path:
        return self.path / "serving.duckdb"

    def run(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run `adledger` with this home and its company's settings, some of them overridden."""
        environment = without_sources(dict(os.environ)) | self.settings | settings
        return programs.run(
            "adledger", *arguments, environment=environment | {"ADLEDGER_HOME": str(self.path)}
        )

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Rows of the published file."""
        with duckdb.connect(str(self.serving), read_only=True) as connection:
            connection.execute("set TimeZone = 'UTC'")
            return connection.execute(query, parameters).fetchall()

    def published(self) -> dict[str, str]:
        """A digest of every published table's rows, in any order."""
        tables = self.rows("select table_schema, table_name from information_schema.tables order by all")
        return {
            f"{schema}.{name}": hashlib.sha256(
                "\n".join(sorted(map(str, self.rows(f"from {schema}.{name}")))).encode()
            ).hexdigest()
            for schema, name in tables
        }
