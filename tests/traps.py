"""Traps of the vendors' APIs: a served vendor with its switches, homes that land it, and the proof of a trap.

A trap is a fault of the simulated vendor, or its plain behaviour, and one piece of the loader that copes with
it. The same rows land with the trap as without it; without that piece the load fails, or lands other rows.
"""

from __future__ import annotations

import importlib
import json
import shutil
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, Self

import duckdb
import pytest

from ingestion import pipelines
from ingestion.errors import IngestionError
from ingestion.http import client as http
from ingestion.landing import arrow
from ingestion.landing import resources as landing
from ingestion.pipelines import Window
from tests.company import Company

Patch = pytest.MonkeyPatch
Without = Callable[[Patch], None]

_BOOKS = {"observed_at", "superseded_at", "row_version"}
UNBALANCED = "FROM load_counts WHERE received <> landed + duplicates + quarantined"


@dataclass(frozen=True)
class Store:
    """One ADLEDGER_HOME with what it landed of a source."""

    path: Path
    source: str

    def query(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Rows of a query over the raw tables, instants in UTC."""
        with duckdb.connect(":memory:") as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(f"ATTACH '{self.path / 'raw' / f'{self.source}.duckdb'}' AS store (READ_ONLY)")
            connection.execute("USE store.raw")
            return connection.execute(query, parameters).fetchall()

    def rows(self, table: str) -> list[tuple[Any, ...]]:
        """The current rows of a table in a stable order, without the bookkeeping of loads."""
        columns = {name for (name,) in self.query(f"SELECT column_name FROM (DESCRIBE {table})")}
        where = "superseded_at IS NULL" if "superseded_at" in columns else "true"
        left_out = ", ".join(sorted(columns & _BOOKS))
        return sorted(self.query(f"SELECT * EXCLUDE ({left_out}) FROM {table} WHERE {where}"), key=repr)

    def state(self, tables: Iterable[str]) -> dict[str, list[tuple[Any, ...]]]:
        """The current rows of several tables."""
        return {table: self.rows(table) for table in tables}

    def copy(self, path: Path) -> Self:
        """Another home that has landed the same."""
        shutil.copytree(self.path, path)
        return replace(self, path=path)


@dataclass
class Timer:
    """Seconds that pass only by sleeping; `wake` gets the length of every one."""

    slept: list[float] = field(default_factory=list)
    wake: Callable[[float], Any] | None = None

    def __call__(self) -> float:
        return sum(self.slept)

    def sleep(self, seconds: float) -> None:
        """Lets them pass at once."""
        self.slept.append(seconds)
        if self.wake:
            self.wake(seconds)

    def reset(self, wake: Callable[[float], Any] | None = None) -> None:
        """Starts again."""
        self.slept.clear()
        self.wake = wake


@dataclass
class World:
    """A served vendor, its switches and clock, and loads of some of its tables.

    `usual` are faults that are always on. With a `timer` waiting takes no time.
    """

    company: Company
    source: str
    usual: Mapping[str, Any] = field(default_factory=dict)
    days: Window | None = None
    timer: Timer | None = None
    #: the resource, which lands nothing itself, that a table's rows come from
    feeds: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    store: type[Store] = Store
    #: where the compared loads are kept
    folder: Path | None = None
    changes: int = field(default=0, init=False)
    _truths: dict[Any, Store] = field(default_factory=dict, init=False)

    @property
    def api(self) -> ModuleType:
        """The vendor's `api` module."""
        return importlib.import_module(f"ingestion.sources.{self.source}.api")

    @property
    def settings(self) -> ModuleType:
        """The vendor's constants."""
        return importlib.import_module(f"ingestion.sources.{self.source}.settings")

    def home(self, path: Path) -> Store:
        """A home in that folder."""
        return self.store(path, self.source)

    # -- switches ---------------------------------------------------------------------------------------

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """One request to a switch, or to the vendor itself."""
        token = self.company.settings.get(f"SOURCES__{self.source}__ACCESS_TOKEN".upper(), "")
        request = urllib.request.Request(
            self.company.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {token}", **headers},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            content = answer.read()
        return json.loads(content) if content else None

    @property
    def now(self) -> datetime:
        """The vendor's clock."""
        return datetime.fromisoformat(self.ask("GET", "/_sandbox/clock")["now"])

    def at(self, moment: str | datetime) -> datetime:
        """Sets the clock; the instant that it shows."""
        self.company.set_clock(moment if isinstance(moment, str) else moment.isoformat())
        return self.now

    def pass_time(self, **span: float) -> None:
        """Lets the vendor's time pass (as `timedelta` takes it)."""
        self.at(self.now + timedelta(**span))

    def faults(self, faults: Mapping[str, Any]) -> None:
        """Replaces the faults."""
        self.ask("POST", "/_sandbox/faults", dict(faults))

    def mend(self) -> None:
        """Switches every fault off that is not usual."""
        self.ask("DELETE", "/_sandbox/faults")
        self.faults(self.usual)

    def asked(self) -> tuple[dict[str, int], dict[str, int]]:
        """How often each address was asked since the last time, and how often each status was answered."""
        found = self.ask("GET", "/_sandbox/requests")
        self.ask("DELETE", "/_sandbox/requests")
        prefix = f"/{self.source.removesuffix('_ads')}"
        return {path.replace(prefix, "", 1): n for path, n in found["requests"].items()}, found["statuses"]

    # -- loads ------------------------------------------------------------------------------------------

    def load(
        self,
        home: Path,
        names: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        window: Window | None = None,
        said: list[str] | None = None,
    ) -> list[pipelines.LoadReport]:
        """Lands some tables, or all: entities and days. `environment` has the source's settings by key."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ADLEDGER_HOME", str(home))
            own = {**self.environment, **(environment or {})}
            prefix = f"SOURCES__{self.source}__".upper()
            for key, value in {**self.company.settings, **{prefix + k: v for k, v in own.items()}}.items():
                patch.setenv(key, value)
            if self.timer is not None:
                client = partial(http.Client, sleep=self.timer.sleep, clock=self.timer)
                patch.setattr(self.api, "Client", client)
            parts = self._choose(patch, names)
            now = self.now
            days = window or self.days or Window(now.date(), now.date())
            days = replace(days, end=min(days.end, now.date()))
            return [
                pipelines.load(
                    self.source,
                    part,
                    window=days if part == "daily" else None,
                    as_of=now,
                    reread="unsettled",
                    progress=said.append if said is not None else None,
                )
                for part in parts
            ]

    def _choose(self, patch: Patch, names: Sequence[str]) -> list[str]:
        """Lets loads land these tables only; the parts that they belong to."""
        source = importlib.import_module(f"ingestion.sources.{self.source}.source")
        resources, feeds = source.resources, {self.feeds[name] for name in names if name in self.feeds}
        patch.setattr(
            source,
            "resources",
            lambda landing, part: [one for one in resources(landing, part) if one.name in {*names, *feeds}],
        )
        patch.setattr(source, "DAILY", tuple(table for table in source.DAILY if table.name in names))
        parts = {"entities": source.ENTITIES, "daily": source.DAILY}
        return [part for part, tables in parts.items() if {table.name for table in tables} & set(names)]

    def truth(
        self, names: Sequence[str], faults: Mapping[str, Any] | None = None, window: Window | None = None
    ) -> Store:
        """What the vendor holds now, as a first load without any fault lands it; kept until it changes."""
        key = (self.changes, self.now, tuple(names), json.dumps(faults or {}), window)
        if key not in self._truths:
            assert self.folder is not None
            home = self.home(self.folder / f"{len(self._truths)}")
            active = self.ask("GET", "/_sandbox/faults")
            self.mend()
            self.faults(faults or {})
            self.load(home.path, names, window=window)
            self.mend()
            self.faults(active)
            self._truths[key] = home
        return self._truths[key]


@dataclass(frozen=True)
class Trap:
    """One trap: the piece of the loader that is taken out, the tables that are loaded, and the faults.

    `faults` are on while two homes load, `small` are settings made small enough to meet the trap. `compare`
    are the compared tables, by default all that are loaded. `world` is on in the compared load, too; `truth`
    only there. Without the piece the load `fails`, or lands something else.

    `prepare` happens before everything, `change` between a first load without the trap and those with it,
    `then` between two loads with it. `begin` is the clock of the first of two loads with it. `on_pause` gets
    the length of every pause of a client that waits no real time.
    """

    without: Without
    load: tuple[str, ...]
    faults: Mapping[str, Any] = field(default_factory=dict)
    small: Mapping[str, Any] = field(default_factory=dict)
    compare: tuple[str, ...] = ()
    world: Mapping[str, Any] = field(default_factory=dict)
    truth: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    window: Window | None = None
    truth_window: Window | None = None
    prepare: Callable[[Any, Patch], Any] | None = None
    change: Callable[[Any], Any] | None = None
    then: Callable[[Any], Any] | None = None
    begin: str | None = None
    on_pause: Callable[[Any, float], Any] | None = None
    fails: bool = False


def prove(trap: Trap, world: World, folder: Path) -> None:
    """Asserts that the same rows land with the trap as without it, but not without the piece that copes."""
    whole, spoilt = world.home(folder / "with"), world.home(folder / "without")
    compared = trap.compare or trap.load
    with pytest.MonkeyPatch.context() as prepared:
        if trap.prepare:
            trap.prepare(world, prepared)
            world.changes += 1
        if trap.change:
            for home in (whole, spoilt):
                world.truth(trap.load, trap.world).copy(home.path)
            trap.change(world)
        with pytest.MonkeyPatch.context() as patch:
            for name, value in trap.small.items():
                patch.setattr(world.settings, name, value)
            _load_both(trap, world, whole, spoilt)
        expected = world.truth(
            trap.load, {**trap.world, **trap.truth}, trap.truth_window or trap.window
        ).state(compared)
    # what was prepared by a patch is gone
    world.changes += bool(trap.prepare)

    assert all(expected.values()), "nothing to compare"
    assert whole.state(compared) == expected
    assert whole.query(UNBALANCED) == []
    if not trap.fails:
        assert spoilt.state(compared) != expected


def _load_both(trap: Trap, world: World, whole: Store, spoilt: Store) -> None:
    """Loads one home as it should be and one without the piece, in turn, once or twice."""

    def load(home: Store) -> None:
        with pytest.MonkeyPatch.context() as patch:
            if home is spoilt:
                trap.without(patch)
            world.load(home.path, trap.load, trap.environment, trap.window)

    end = world.now
    if trap.begin:
        world.at(trap.begin)
    for home in (whole, spoilt):
        world.faults({**trap.world, **trap.faults})
        if world.timer is not None:
            world.timer.reset(partial(trap.on_pause, world) if trap.on_pause else None)
        if home is spoilt and trap.fails:
            with pytest.raises(pipelines.IngestionError):
                load(home)
        else:
            load(home)
    if trap.begin:
        world.at(end)
    if trap.then:
        trap.then(world)
    if trap.then or trap.begin:
        load(whole)
        if not trap.fails:
            load(spoilt)


# -- what is taken out of the loader ----------------------------------------------------------------------


def no_retry(patch: Patch) -> None:
    """A failed request is not sent again."""
    patch.setattr(http, "_ATTEMPTS", dict.fromkeys(http._ATTEMPTS, 1))


def no_dedupe(patch: Patch) -> None:
    """Records that are listed twice land twice."""
    patch.setattr(landing.Recent, "add", lambda recent, key: True)
    patch.setattr(landing.Recent, "add_all", lambda recent, keys: True)


def no_renewal(patch: Patch) -> None:
    """A token that expires ends the load."""
    patch.setattr(http.RefreshToken, "renew", lambda token, refused: False)


def replaced(owner: Any, name: str, value: Any) -> Without:
    """A constant, or a function, of the loader is another."""
    return lambda patch: patch.setattr(owner, name, value)


def converted(kind: arrow.Kind, conversion: Callable[[Any], Any]) -> Without:
    """Values of a kind are read in another way."""
    return lambda patch: patch.setitem(arrow._CONVERSIONS, kind, conversion)


def only_usual_types(patch: Patch) -> None:
    """A value in another JSON type than usual ends the load."""

    def refuse(reader: arrow.Reader, pages: Any, context: Any) -> Any:
        raise IngestionError("a value has another type")

    patch.setattr(arrow.Reader, "_tolerant", refuse)


def no_signal(api: Any, sign: str) -> Without:
    """The judge knows neither the signal with this text nor this code."""
    signals = tuple(
        replace(signal, codes=signal.codes - {sign})
        for signal in api.judge.signals
        if signal.text != sign and signal.codes != {sign}
    )
    assert signals != api.judge.signals, f"no signal {sign}"
    policy = replace(api.POLICY, judge=replace(api.judge, signals=signals))
    return lambda patch: patch.setattr(api, "POLICY", policy)


def quick(patch: Patch) -> None:
    """The client waits hundredths of seconds where no vendor says how long."""
    patch.setattr(http, "_FIRST_WAIT", dict.fromkeys(http._FIRST_WAIT, 0.01))
