"""Google Ads as the sandbox serves it, its switches and clock, and homes that land it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion import pipelines
from ingestion.landing.resources import Landing
from ingestion.sources.google_ads import api, source
from sandbox.apis.state import Sandbox
from sandbox.serve import build_sandbox, settings
from tests.companies import served

MANAGER, SHOP, SUB_MANAGER = "9903317745", "4471290863", "8800112233"
UK, CLOSED = "5560471902", "3317720045"


@dataclass
class Timer:
    """Seconds that pass only by sleeping; `wake` is told how many did."""

    slept: float = 0.0
    wake: Callable[[float], None] = lambda _seconds: None

    def __call__(self) -> float:
        return self.slept

    def sleep(self, seconds: float) -> None:
        """Lets them pass at once."""
        self.slept += seconds
        self.wake(self.slept)


@dataclass(frozen=True)
class Store:
    """One ADLEDGER_HOME with what it landed."""

    path: Path

    def query(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Rows of a query over the raw tables, instants in UTC."""
        with duckdb.connect(":memory:") as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(f"ATTACH '{self.path / 'raw' / 'google_ads.duckdb'}' AS store (READ_ONLY)")
            connection.execute("USE store.raw")
            return connection.execute(query, parameters).fetchall()

    def state(self, tables: Sequence[str]) -> dict[str, list[tuple[Any, ...]]]:
        """What is known of several tables now, markers of days read among it."""
        return {name: self.query(self._known(name)) for name in tables}

    def _known(self, table: str) -> str:
        held = "SELECT column_name FROM duckdb_columns() WHERE table_name = ?"
        found = {name for (name,) in self.query(held, table)} & {
            "observed_at",
            "superseded_at",
            "row_version",
        }
        where = "WHERE superseded_at IS NULL" if "superseded_at" in found else ""
        return f"SELECT * EXCLUDE ({', '.join(found)}) FROM {table} {where} ORDER BY ALL"

    def copy(self, path: Path) -> Store:
        """Another home that has landed the same."""
        shutil.copytree(self.path, path)
        return Store(path)


@dataclass
class GoogleSandbox:
    """The served accounts: a manager, a shop in New York, and behind a switch a sub-manager's client."""

    sandbox: Sandbox
    settings: dict[str, str]
    timer: Timer = field(default_factory=Timer)

    def at(self, moment: str) -> datetime:
        """Sets the clock."""
        self.sandbox.set_now(datetime.fromisoformat(moment))
        return self.sandbox.now

    def load(
        self,
        home: Path,
        tables: Sequence[str],
        window: pipelines.Window,
        **changed: str,
    ) -> list[pipelines.LoadReport]:
        """Lands some tables as of the sandbox's clock; waiting takes no time."""
        connect = api.connect

        def untimed(landing: Landing) -> api.GoogleAds:
            ads = connect(landing)
            ads.client.sleep, ads.client.clock = self.timer.sleep, self.timer
            return ads

        reports = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ADLEDGER_HOME", str(home))
            for name, value in (self.settings | changed).items():
                patch.setenv(name, value)
            patch.setattr(api, "connect", untimed)
            for part, declared in (("entities", "ENTITIES"), ("daily", "DAILY")):
                chosen = tuple(table for table in getattr(source, declared) if table.name in tables)
                if chosen:
                    patch.setattr(source, declared, chosen)
                    report = pipelines.load(
                        "google_ads",
                        part,
                        window=window if part == "daily" else None,
                        as_of=self.sandbox.now,
                        reread="unsettled",
                    )
                    reports.append(report)
        return reports


@contextmanager
def served_google(people: int = 120) -> Iterator[GoogleSandbox]:
    """The sandbox on a loopback port, in this process: a test may change what it holds."""
    sandbox = build_sandbox(people=people)
    with served(sandbox) as url:
        found = {name: value for name, value in settings(sandbox, url).items() if "__GOOGLE_ADS__" in name}
        found["SOURCES__GOOGLE_ADS__CUSTOMER_IDS"] = MANAGER
        yield GoogleSandbox(sandbox, found)
