"""Turn pages into dlt resources: batches, duplicates, quarantine, day markers, counts."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import dlt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.config import Section, home
from ingestion.errors import AccountLeftOut, ClockError, IngestionError, LoadStopped, ResponseError
from ingestion.http.client import Client
from ingestion.http.clock import clock_fault, system_time
from ingestion.landing.arrow import INSTANT, Page, Reader, Reading, Rejected, Table, constant, keys_of
from ingestion.landing.left_out import LoadFault, left_out_accounts
from ingestion.landing.personal import ErasedAddresses
from ingestion.landing.planning import PASS_DAYS, Pass, Span, Window
from ingestion.landing.store import Store, StreamState

__all__ = ["Batch", "DaysRead", "Lander", "Landing", "Span", "Window", "part", "reading", "resource"]

_Api = TypeVar("_Api")
_BATCH_BYTES = 2 << 20
_PROGRESS_SECONDS = 5.0
_REMEMBERED_KEYS = 50_000
# A bad value rejects one row. If a share of an account's rows is bad, the API has changed, and landing the
# rest would close correct observations. These are the defaults of the settings section `quarantine`.
_PERCENT, _FEWEST_REJECTS = 10, 10

QUARANTINE = pa.schema(
    [
        ("id", pa.string()),
        ("source", pa.string()),
        ("resource", pa.string()),
        ("record", pa.string()),
        ("reason", pa.string()),
        ("loaded_at", INSTANT),
    ]
)
_COUNTED = ("received", "landed", "duplicates", "quarantined")
LOAD_COUNTS = pa.schema(
    [
        ("id", pa.string()),
        ("resource", pa.string()),
        *((count, pa.int64()) for count in _COUNTED),
        ("loaded_at", INSTANT),
    ]
)

AVAILABLE_INPUTS = pa.schema(
    [
        ("input", pa.string()),
        ("title", pa.string()),
        ("how_to_add", pa.string()),
        ("is_available", pa.bool_()),
    ]
)


@dataclass(frozen=True)
class DaysRead:
    """Marks every day of the window as completely read for an account, with or without rows."""

    account: str
    window: Window


@dataclass
class Counts:
    """received = landed + duplicates + quarantined. `staged` counts rows given to dlt, with day markers."""

    received: int = 0
    landed: int = 0
    duplicates: int = 0
    quarantined: int = 0
    staged: int = 0


class DaysIncomplete(Exception):
    """Days that were loaded before now lack a record; `days` are by (table, account)."""

    def __init__(self, days: Mapping[tuple[str, str], set[date]]) -> None:
        super().__init__("days are incomplete")
        self.days = days


@dataclass
class Judged:
    """The records of one table and account: how many were received, and the rejected ones."""

    received: int = 0
    rejected: list[tuple[str, str, str]] = field(default_factory=list)


Batch = Mapping[str, list[Page]]
"""Pages by table from one request and the requests that depend on it."""


@dataclass
class Landing:
    """The state of one load of one source: connections, counts, rejected records, notices and stream states.

    `days` are the windows of daily tables that the current pass reads. `exclusive` locks another source's
    file while it is read. `before_load` and `after_load` change the store around dlt's load step.
    `follow_ups` yield resources that depend on rows landed before. Once `stopped` is set, the load ends at
    its next request or pause. `faults` are what the load left out, `left_out` the accounts among them, and
    `read_days` the days read by (table, account).
    """

    source: str
    as_of: datetime
    window: Window | None
    store: Store
    progress: Callable[[str], None] | None = None
    days: Pass | None = None
    from_files: bool = False
    exclusive: Callable[[str], AbstractContextManager[None]] = lambda source: nullcontext()
    counts: dict[str, Counts] = field(default_factory=dict)
    rejected: list[tuple[str, str, str]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    requests: Counter[str] = field(default_factory=Counter)
    clients: list[Client] = field(default_factory=list)
    states: dict[str, StreamState] = field(default_factory=dict)
    landers: list[Lander] = field(default_factory=list)
    before_load: list[Callable[[], None]] = field(default_factory=list)
    after_load: list[Callable[[], None]] = field(default_factory=list)
    follow_ups: list[Callable[[], Iterator[list[Any]]]] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)
    faults: dict[tuple[str | None, ...], LoadFault] = field(default_factory=dict)
    left_out: dict[str, AccountLeftOut] = field(default_factory=dict)
    judged: dict[tuple[str, str | None], Judged] = field(default_factory=dict)
    drifted: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    read_days: dict[tuple[str, str], set[date]] = field(default_factory=dict)
    _api: Any = None
    _deferred: dict[Table, list[pa.Table]] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def connection(self, connect: Callable[[Landing], _Api]) -> _Api:
        """Return the source's API object, created once per load."""
        with self._lock:
            if self._api is None:
                self._api = connect(self)
            return cast(_Api, self._api)

    def pieces(self, table: Table, account: str, days: int) -> list[Window]:
        """Return the windows of at most `days` days that the current pass reads of a table, newest first."""
        windows = self.days.windows.get((table.name, account), ()) if self.days else ()
        return [piece for window in windows for piece in reversed(list(window.slices(days)))]

    def is_first_observation(self, table: Table) -> bool:
        """Return whether the rows of a table are the first observations of their days and replace none."""
        return table.disposition == "observe" and self.days is not None and self.days.is_first

    def client(self, client: Client) -> Client:
        """Register a client: its requests and notices belong to this load, which also closes it."""
        client.requests, client.notify, client.check = self.requests, self.say, self.check
        client.dated = self.compare_clocks
        if client.sleep is time.sleep:
            client.sleep = self.pause
        self.clients.append(client)
        return client

    def check(self) -> None:
        """Raise LoadStopped once the load is stopped."""
        if self.stopped.is_set():
            raise LoadStopped(f"{self.source}: the load was stopped")

    def compare_clocks(self, client: Client, vendor: datetime) -> None:
        """Raise ClockError if the time of this load differs from the vendor's by more than SKEW_LIMIT."""
        if found := clock_fault(vendor, self.as_of, system_time()):
            host = urlsplit(client.base_url).netloc
            raise ClockError(
                f"{self.source}: this refresh's time ({self.as_of:%Y-%m-%d %H:%M} UTC) is {found} that of"
                f" {host}: correct this machine's clock (timedatectl set-ntp true), or --as-of"
            )

    def pause(self, seconds: float) -> None:
        """Sleep. Raises LoadStopped as soon as the load is stopped."""
        self.stopped.wait(seconds)
        self.check()

    def say(self, line: str) -> None:
        """Show a line of progress."""
        if self.progress:
            self.progress(line)

    def notice(self, line: str) -> None:
        """Add a notice for the user to a load that otherwise succeeds."""
        self.notices.append(line)
        self.say(f"{self.source}: {line}")

    # -- what is left out -------------------------------------------------------------------------------

    def leave_out(self, fault: LoadFault, line: str | None = None) -> None:
        """Record once what the load leaves out; the notice is `line` (none if empty), by default its text."""
        with self._lock:
            if fault.key in self.faults:
                return
            self.faults[fault.key] = fault
        if line != "":
            self.notice(line or "; ".join(filter(None, (fault.seen, fault.fix))))

    def leave_out_account(self, refused: AccountLeftOut) -> None:
        """Leave an account out of this load; what was landed of it before stays."""
        self.left_out[refused.account] = refused
        seen, _, fix = str(refused).rpartition("; ")
        line = f"account {refused.account} is left out and keeps what was landed before: {refused}"
        self.leave_out(LoadFault("account", seen, fix, account_id=refused.account), line)

    def remaining(self, accounts: Sequence[str]) -> list[str]:
        """Return the accounts that are not left out, those first that the last load left out.

        Raises AccountLeftOut if none remains.
        """
        kept = [account for account in accounts if account not in self.left_out]
        if accounts and not kept:
            raise next(error for account, error in self.left_out.items() if account in accounts)
        # an account that refuses again ends the attempt at its first request instead of its last
        refused_before = left_out_accounts(self.store)
        return sorted(kept, key=lambda account: account not in refused_before)

    def without(self, refused: AccountLeftOut) -> Landing:
        """Return a new attempt of this load without an account, but with the account's rejected records."""
        again = replace(
            self,
            days=None,
            counts={},
            rejected=[],
            notices=[],
            clients=[],
            states={},
            landers=[],
            before_load=[],
            after_load=[],
            follow_ups=[],
            faults={},
            left_out={},
            judged={},
            drifted=Counter(),
            read_days={},
            _api=None,
            _deferred={},
        )
        for error in (*self.left_out.values(), refused):
            again.leave_out_account(error)
        for (table, account), judged in self.judged.items():
            if account in again.left_out:
                again.judged[table, account] = judged
                again.rejected += judged.rejected
                counts = again.counts.setdefault(table, Counts())
                counts.received += len(judged.rejected)
                counts.quarantined += len(judged.rejected)
        return again

    def judge(self, percent: int, fewest: int) -> None:
        """Raise if more than `percent` of a table's records were rejected, and at least `fewest` of them.

        Raises AccountLeftOut for the table of one account, ResponseError for a table without accounts.
        """
        for (table, account), judged in self.judged.items():
            bad = len(judged.rejected)
            if self.from_files or account in self.left_out:
                continue
            if bad < fewest or 100 * bad <= percent * judged.received:
                continue
            of = f" of account {account}" if account else ""
            message = (
                f"{self.source}.{table}: {bad} of {judged.received} records{of} were rejected"
                f" ({judged.rejected[-1][2]}); check sources.{self.source}.base_url and the API version"
            )
            raise AccountLeftOut(message, account=account) if account else ResponseError(message)

    def judge_quarantine(self) -> None:
        """Raise if a table's share of rejected records is above the settings; see `judge`."""
        section = Section("quarantine")
        self.judge(
            section.integer("percent", _PERCENT, 0, 100),
            section.integer("records", _FEWEST_REJECTS, 1, 1_000_000),
        )

    def judge_days(self) -> None:
        """Raise DaysIncomplete if days that were read before now lack a rejected record."""
        if self.days is None or self.days.is_first or self.from_files:
            return
        held: dict[tuple[str, str], set[date]] = {}
        for (table, account), windows in self.days.windows.items():
            days = {day for window in windows for day in window.days()}
            for fault in self.faults.values():
                is_of_table = (fault.kind, fault.resource, fault.account_id) == ("day", table, account)
                if is_of_table and fault.date is not None and fault.date in days:
                    held.setdefault((table, account), set()).add(fault.date)
        if held:
            raise DaysIncomplete(held)

    def hold(self, held: Mapping[tuple[str, str], set[date]], counts: Mapping[str, Counts]) -> None:
        """Leave days out of the pass, which keep the state of their last load; count their rejected records.

        `counts` are the counts before the pass.
        """
        assert self.days is not None
        self.days = self.days.without(held)
        for table, now in self.counts.items():
            before = counts.get(table, Counts())
            rejected = now.quarantined - before.quarantined
            now.received = before.received + rejected
            now.quarantined = before.quarantined + rejected
            now.landed, now.duplicates, now.staged = before.landed, before.duplicates, 0
        for fault in list(self.faults.values()):
            if fault.kind == "day" and fault.date in held.get(
                (fault.resource or "", fault.account_id or ""), ()
            ):
                kept = f"{fault.seen}; the day keeps the figures of its last load"
                self.faults[fault.key] = replace(fault, seen=kept)

    def all_faults(self) -> list[LoadFault]:
        """Return what the load left out, with rejected records and columns in another JSON type."""
        records = [
            LoadFault(
                "records",
                f"{len(judged.rejected)} of {judged.received} records were rejected"
                f" ({judged.rejected[-1][2]})",
                "see reconciliation.quarantine",
                resource=table,
                account_id=account,
                records=len(judged.rejected),
            )
            for (table, account), judged in sorted(self.judged.items(), key=repr)
            if judged.rejected
        ]
        columns = [
            LoadFault(
                "column",
                f"came as {seen} instead of {usual}; the same values were read",
                resource=table,
                subject=column,
                records=count,
            )
            for (table, column, usual, seen), count in sorted(self.drifted.items())
        ]
        return [*self.faults.values(), *records, *columns]

    def drift_notices(self) -> list[str]:
        """Return a line per table and JSON type with the columns that came in it instead of the usual one."""
        found: dict[tuple[str, str, str], list[str]] = {}
        for table, column, usual, seen in sorted(self.drifted):
            found.setdefault((table, usual, seen), []).append(column)
        return [
            f"{table}: {', '.join(columns)} came as {seen} instead of {usual}; the same values were read"
            for (table, usual, seen), columns in found.items()
        ]

    def lander(self, table: Table, protected: pa.Table | None = None) -> Lander:
        """Return the lander of a table; it drops repeats and records with the key of a `protected` row."""
        lander = Lander(self, table)
        if protected is not None:
            lander.protect(protected)
        with self._lock:
            self.landers.append(lander)
        return lander

    def defer(self, table: Table, rows: pa.Table) -> None:
        """Keep repeated versions of records; they are loaded after the first versions."""
        with self._lock:
            self._deferred.setdefault(table, []).append(rows)

    def repeated_records(self) -> list[Any]:
        """Return resources with the latest version of records fetched twice; each is returned once."""
        with self._lock:
            found, self._deferred = self._deferred, {}
        return [_latest_versions(self, table, rows) for table, rows in found.items()]

    def close(self) -> None:
        """Close connections and readers."""
        for client in self.clients:
            client.close()
        for lander in self.landers:
            lander.close()

    def remember(self, stream: str, state: StreamState) -> None:
        """Store the state of a stream for the next load; it counts only if this load's rows land."""
        self.states[stream] = state

    def stream_states(self) -> list[dict[str, Any]]:
        """Return one record per stream with a new state."""
        return [{"stream": stream, **asdict(state)} for stream, state in sorted(self.states.items())]

    def quarantine(self) -> pa.Table:
        """Return the rejected records of this load; a repeated load replaces its own rows by their ids."""
        moment = self.as_of.isoformat()
        repeats: Counter[tuple[str, str, str]] = Counter()
        ids: list[str] = []
        for entry in self.rejected:
            repeats[entry] += 1
            parts = "\x1f".join((*entry, moment, str(repeats[entry])))
            ids.append(hashlib.sha256(parts.encode()).hexdigest()[:32])
        columns = list(zip(*self.rejected, strict=True)) or [(), (), ()]
        size = len(ids)
        return pa.Table.from_arrays(
            [
                pa.array(ids, pa.string()),
                pa.array([self.source] * size, pa.string()),
                *(pa.array(list(column), pa.string()) for column in columns),
                constant(self.as_of, size, INSTANT),
            ],
            schema=QUARANTINE,
        )

    def load_counts(self) -> pa.Table:
        """Return one row of counts per table; a repeated load replaces its own rows by their ids."""
        scope = f"{self.window.start}..{self.window.end}" if self.window else "whole"
        rows: list[dict[str, Any]] = [
            {
                "id": f"{name}|{scope}|{self.as_of.isoformat()}",
                "resource": name,
                "loaded_at": self.as_of,
                **{count: getattr(counts, count) for count in _COUNTED},
            }
            for name, counts in self.counts.items()
        ]
        return pa.Table.from_pylist(rows, schema=LOAD_COUNTS)


class Recent:
    """A set of recent keys: at least the newest `size`, or all keys if `size` is None.

    Most repeats come from neighbouring pages, so memory does not have to grow with the load; staging drops
    equal rows that are further apart. A record that changes during its listing can repeat at any distance.
    """

    def __init__(self, size: int | None) -> None:
        self._size = size
        self._newer: set[Any] = set()
        self._older: set[Any] = set()

    def add(self, key: Any) -> bool:
        """Add a key; return False if it is already known."""
        if key in self._newer or key in self._older:
            return False
        self._turn()
        self._newer.add(key)
        return True

    def add_all(self, keys: Sequence[Any]) -> bool:
        """Add the keys if all are new; otherwise add none and return False."""
        found = set(keys)
        if len(found) < len(keys) or not (found.isdisjoint(self._newer) and found.isdisjoint(self._older)):
            return False
        self._turn()
        self._newer |= found
        return True

    def _turn(self) -> None:
        if self._size is not None and len(self._newer) >= self._size:
            self._newer, self._older = set(), self._newer


class Lander:
    """Lands pages of one table: reads batches, drops duplicates, adds the columns of the disposition.

    Not thread-safe.
    """

    def __init__(self, landing: Landing, table: Table) -> None:
        self._landing = landing
        self._table = table
        self._counts = landing.counts.setdefault(table.name, Counts())
        self._reader = Reader(table)
        self._seen = Recent(None if table.latest else _REMEMBERED_KEYS)
        self._protected: frozenset[str] = frozenset()
        self._last_progress = time.monotonic()

    def close(self) -> None:
        """Close the reader."""
        self._reader.close()

    def protect(self, rows: pa.Table) -> None:
        """Keep these landed rows: drop every later record with one of their keys as a duplicate."""
        self._protected = frozenset(keys_of(rows, self._table.key).to_pylist())

    def empty(self) -> pa.Table:
        """Return a table without rows, so that the destination creates all columns."""
        return self._finish(self._table.empty())

    def land(self, items: Iterable[Page | DaysRead]) -> Iterator[pa.Table]:
        """Yield the rows; the first table is empty, so that the destination creates all columns."""
        read: list[DaysRead] = []

        def pages() -> Iterator[Page]:
            for item in items:
                if isinstance(item, DaysRead):
                    read.append(item)
                else:
                    yield item

        yield self.empty()
        for batch in batches(pages()):
            yield from self.land_batch(batch)
        if read:
            yield self._markers(read)
        self._landing.say(f"{self._landing.source}.{self._table.name}: {self._counts.landed:,} rows")

    def land_batch(self, pages: Iterable[Page]) -> Iterator[pa.Table]:
        """Yield the rows of some pages, one table per context."""
        contexts: dict[tuple[tuple[str, str], ...], list[Page]] = {}
        for page in pages:
            contexts.setdefault(page.context, []).append(page)
        for context, found in contexts.items():
            yield self._read(found, dict(context))
        # the rest of a load in which most records are bad is not worth its requests
        self._landing.judge(50, 100)
        if time.monotonic() - self._last_progress >= _PROGRESS_SECONDS:
            self._last_progress = time.monotonic()
            self._landing.say(
                f"{self._landing.source}.{self._table.name}: {self._counts.landed:,} rows so far"
            )

    def _read(self, pages: list[Page], context: dict[str, str]) -> pa.Table:
        reading = self._reader.read([page.body for page in pages], context)
        sent = [page.records for page in pages]
        counted = sum(records or 0 for records in sent)
        if None not in sent and counted != reading.received:
            raise IngestionError(
                f"{self._landing.source}.{self._table.name}: {counted} records were sent, but"
                f" {reading.received} were read: this is a bug in the loader, please report it"
            )
        rows = self._without_erased(reading.table)
        keys = keys_of(rows, self._table.key).to_pylist()
        fresh: Sequence[int] = range(len(keys))
        again: list[int] = []
        # repeats are rare, and checking all keys at once is faster than checking each key
        if not self._protected.isdisjoint(keys) or not self._seen.add_all(keys):
            fresh, again = self._split_repeats(keys)
        counts = self._counts
        counts.received += reading.received
        counts.landed += len(fresh)
        counts.duplicates += rows.num_rows - len(fresh)
        counts.quarantined += len(reading.rejected)
        self._note(reading, context)
        if again and self._table.latest:
            self._landing.defer(self._table, self._finish(rows.take(pa.array(again, pa.int64()))))
        if len(fresh) < rows.num_rows:
            rows = rows.take(pa.array(fresh, pa.int64()))
        counts.staged += rows.num_rows
        return self._finish(rows)

    def _without_erased(self, rows: pa.Table) -> pa.Table:
        """Return the rows without the values of erased contacts; a network returns their leads for months."""
        if not self._table.erasable or not rows.num_rows:
            return rows
        addresses = rows.column("email")
        erased = ErasedAddresses(home()).among(set(addresses.to_pylist()))
        if not erased:
            return rows
        is_erased = pc.is_in(addresses, value_set=pa.array(sorted(erased), pa.string()))
        for name in self._table.erasable:
            column = rows.column(name)
            kept = pc.if_else(is_erased, pa.scalar(None, column.type), column)
            rows = rows.set_column(rows.schema.get_field_index(name), name, kept)
        return rows

    def _note(self, reading: Reading, context: dict[str, str]) -> None:
        """Record rejected records, the days that lack them, and columns in another JSON type."""
        landing, table = self._landing, self._table
        account = context.get(table.account)
        rejected = [(table.name, item.record, item.reason) for item in reading.rejected]
        landing.rejected.extend(rejected)
        judged = landing.judged.setdefault((table.name, account), Judged())
        judged.received += reading.received
        judged.rejected += rejected
        if not landing.from_files:
            for (column, usual, seen), count in reading.drifted.items():
                landing.drifted[table.name, column, usual, seen] += count
        if table.disposition == "observe" and account is not None:
            for item in reading.rejected:
                for day in self._days_of(item, account):
                    self._note_day(account, day)

    def _days_of(self, item: Rejected, account: str) -> list[date]:
        """Return the day of a rejected record; all days of the pass if the day cannot be read."""
        try:
            return [day_of(self._table, item)]
        except ValueError:
            return [
                day
                for window in self._landing.pieces(self._table, account, PASS_DAYS)
                for day in window.days()
            ]

    def _note_day(self, account: str, day: date) -> None:
        landing, table = self._landing, self._table
        fault = LoadFault("day", "", None, table.name, account, None, day)
        known = landing.faults.get(fault.key)
        count = (known.records or 0) + 1 if known else 1
        seen = f"{count} record{'' if count == 1 else 's'} of {day} were rejected"
        fix = "see reconciliation.quarantine; the day is loaded again by the next refresh"
        landing.faults[fault.key] = replace(fault, seen=seen, fix=fix, records=count)

    def _split_repeats(self, keys: Sequence[str]) -> tuple[list[int], list[int]]:
        """Return the positions of the records to land and of the records that were read before."""
        fresh: list[int] = []
        again: list[int] = []
        for position, key in enumerate(keys):
            if key not in self._protected:
                (fresh if self._seen.add(key) else again).append(position)
        return fresh, again

    def _markers(self, read: list[DaysRead]) -> pa.Table:
        days = sorted({(item.account, day) for item in read for day in item.window.days()})
        table = self._table
        for account, day in days:
            self._landing.read_days.setdefault((table.name, account), set()).add(day)
        arrays = [
            pa.array([account for account, _ in days], pa.string())
            if name == table.account
            else pa.array([day for _, day in days], pa.date32())
            if name == "date"
            else pa.nulls(len(days), table.schema.field(name).type)
            for name in table.schema.names
        ]
        self._counts.staged += len(days)
        return self._finish(pa.Table.from_arrays(arrays, schema=table.schema), marker=True)

    def _finish(self, rows: pa.Table, marker: bool = False) -> pa.Table:
        reader, size = self._reader, rows.num_rows
        if self._table.disposition not in ("observe", "track"):
            return rows.append_column("observed_at", constant(self._landing.as_of, size, INSTANT))
        if self._table.disposition == "observe":
            rows = rows.append_column("is_day_marker", constant(marker, size, pa.bool_()))
        # row_version must not change if a JSON list only changes its order, or a value its JSON type
        hashed = rows
        for column in self._table.columns:
            if column.kind == "json":
                position = rows.schema.get_field_index(column.name)
                hashed = hashed.set_column(position, column.name, reader.comparable(rows.column(column.name)))
        rows = rows.append_column("row_version", reader.hashes(keys_of(hashed, hashed.column_names)))
        if not self._landing.is_first_observation(self._table):
            return rows
        observed = rows.append_column("observed_at", constant(self._landing.as_of, size, INSTANT))
        return observed.append_column("superseded_at", pa.nulls(size, INSTANT))


def day_of(table: Table, item: Rejected) -> date:
    """Return the day of a rejected record of daily figures. Raises ValueError if it cannot be read."""
    path = next((column.path for column in table.columns if column.name == "date"), None)
    value: Any = orjson.loads(item.record)
    for step in (path or "").split("."):
        value = value.get(step) if isinstance(value, dict) else None
    if isinstance(value, dict):
        try:
            return date(*(int(value[part]) for part in ("year", "month", "day")))
        except (KeyError, TypeError, OverflowError) as error:
            raise ValueError("no day") from error
    return date.fromisoformat(str(value))


def hints(landing: Landing, table: Table) -> dict[str, Any]:
    """Return dlt's hints for a table: write disposition, keys, and the JSON type, which Arrow lacks."""
    columns: dict[str, Any] = {
        column.name: {"data_type": "json"} for column in table.columns if column.kind == "json"
    }
    if table.disposition == "replace":
        return {"columns": columns, "write_disposition": "replace"}
    if table.disposition == "merge":
        # the lander has already dropped repeats; dlt would sort whole tables in memory to find none
        merge = {"disposition": "merge", "strategy": "delete-insert", "deduplicated": True}
        whole = {"merge_key": table.whole} if table.whole else {}
        return {"columns": columns, "write_disposition": merge, "primary_key": table.key, **whole}
    columns["row_version"] = {"x-row-version": True}
    merge_key = (table.account, "date") if table.disposition == "observe" else (table.account,)
    if landing.is_first_observation(table):
        # the first load appends rows with the columns that dlt's scd2 strategy adds itself in later loads
        columns["row_version"] |= {"nullable": False, "unique": False, "row_key": False}
        validity = {"data_type": "timestamp", "nullable": True}
        columns["observed_at"] = {**validity, "x-valid-from": True}
        columns["superseded_at"] = {**validity, "x-valid-to": True, "x-active-record-timestamp": None}
        return {"columns": columns, "merge_key": merge_key, "write_disposition": "append"}
    return {
        "columns": columns,
        "merge_key": merge_key,
        "write_disposition": {
            "disposition": "merge",
            "strategy": "scd2",
            "validity_column_names": ["observed_at", "superseded_at"],
            "boundary_timestamp": landing.as_of,
            "row_version_column_name": "row_version",
        },
    }


def _latest_versions(landing: Landing, table: Table, versions: list[pa.Table]) -> Any:
    rows = pa.concat_tables(versions)
    places = {key: place for place, key in enumerate(keys_of(rows, table.key).to_pylist())}
    last = rows.take(pa.array(sorted(places.values()), pa.int64()))
    landing.counts[table.name].staged += last.num_rows
    return dlt.resource([last], name=table.name, **hints(landing, table))


def resource(landing: Landing, table: Table, items: Callable[[], Iterable[Page | DaysRead]]) -> Any:
    """Return a dlt resource that lands `table` from the pages of `items()`, called when the resource runs."""

    def rows() -> Iterator[pa.Table]:
        lander = landing.lander(table)
        yield from lander.land(items())
        # each reader holds its own in-memory database, and a load has many passes
        lander.close()

    return dlt.resource(rows, name=table.name, **hints(landing, table))


def batches(pages: Iterable[Page]) -> Iterator[list[Page]]:
    """Group pages into batches of a few megabytes: large enough to read fast, small enough for memory."""
    group: list[Page] = []
    size = 0
    for page in pages:
        group.append(page)
        size += len(page.body)
        if size >= _BATCH_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def reading(name: str, items: Callable[[], Iterable[Batch]]) -> Any:
    """Return a dlt resource that lands no table itself: it reads batches for its dependent `part` tables."""

    def read() -> Iterator[Batch]:
        yield {}
        yield from items()

    return dlt.resource(read, name=name, selected=False, parallelized=True)


def part(
    landing: Landing,
    table: Table,
    parent: Any,
    protected: Callable[[], pa.Table] | None = None,
    widened: Callable[[], Table] | None = None,
) -> Any:
    """Return a dlt transformer that lands `table` from its pages in the batches of the parent.

    `protected` returns the keys of landed rows that must not change any more; `widened` returns the table
    with columns that are known only after asking the vendor.
    """
    landers: list[Lander] = []

    def rows(batch: Batch) -> Iterator[pa.Table]:
        if not landers:
            current = widened() if widened else table
            landers.append(landing.lander(current, protected() if protected else None))
            yield landers[0].empty()
        if batch.get(table.name):
            yield from landers[0].land_batch(batch[table.name])

    return dlt.transformer(rows, data_from=parent, name=table.name, **hints(landing, table))
