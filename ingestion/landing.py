"""From pages to what dlt loads: batches, duplicates, quarantine, day markers, counts."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import dlt
import pyarrow as pa

from ingestion.arrow import INSTANT, Page, Reader, Table, constant, first_of_each, keys_of
from ingestion.errors import ResponseError
from ingestion.http import Client

_BATCH_BYTES = 4 << 20
# One bad value costs one row; when most rows are bad, the API no longer sends what is declared here, and
# landing the rest would close good observations.
_SUSPICIOUS_REJECTS = 100

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
LOAD_COUNTS = pa.schema(
    [
        ("id", pa.string()),
        ("resource", pa.string()),
        ("received", pa.int64()),
        ("landed", pa.int64()),
        ("duplicates", pa.int64()),
        ("quarantined", pa.int64()),
        ("loaded_at", INSTANT),
    ]
)


@dataclass(frozen=True)
class Window:
    """Calendar days in each ad account's time zone, both ends included."""

    start: date
    end: date

    def days(self) -> Iterator[date]:
        """Every day of the window."""
        for offset in range((self.end - self.start).days + 1):
            yield self.start + timedelta(days=offset)

    def slices(self, days: int) -> Iterator[Window]:
        """The window in pieces of at most `days` days."""
        start = self.start
        while start <= self.end:
            end = min(self.end, start + timedelta(days=days - 1))
            yield Window(start, end)
            start = end + timedelta(days=1)


@dataclass(frozen=True)
class DaysRead:
    """Says that every day of the window was read completely for an account, rows or not."""

    account: str
    window: Window


@dataclass
class Counts:
    """received = landed + duplicates + quarantined."""

    received: int = 0
    landed: int = 0
    duplicates: int = 0
    quarantined: int = 0


@dataclass
class Landing:
    """What one load of one source landed, per table, and what it had to leave aside."""

    source: str
    as_of: datetime
    window: Window | None
    progress: Callable[[str], None] | None = None
    counts: dict[str, Counts] = field(default_factory=dict)
    rejected: list[tuple[str, str, str]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    requests: Counter[str] = field(default_factory=Counter)
    clients: list[Client] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def client(self, client: Client) -> Client:
        """The client, counting into this load and speaking through its progress, closed at its end."""
        client.requests, client.notify = self.requests, self.say
        self.clients.append(client)
        return client

    def say(self, line: str) -> None:
        """Shows a line of progress."""
        if self.progress:
            self.progress(line)

    def notice(self, line: str) -> None:
        """Remembers what the user should know of this load although it succeeds."""
        self.notices.append(line)
        self.say(f"{self.source}: {line}")

    def lander(self, table: Table) -> Lander:
        """The lander of a table; it remembers keys as long as the load lasts."""
        with self._lock:
            self.counts.setdefault(table.name, Counts())
        return Lander(self, table)

    def quarantine(self) -> pa.Table:
        """The rejected records of this load. Ids make a repeated load replace its own rows."""
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
        """One row per table of this load. Ids make a repeated load replace its own rows."""
        scope = f"{self.window.start}..{self.window.end}" if self.window else "whole"
        rows: list[dict[str, Any]] = [
            {
                "id": f"{name}|{scope}|{self.as_of.isoformat()}",
                "resource": name,
                "loaded_at": self.as_of,
                **vars(counts),
            }
            for name, counts in self.counts.items()
        ]
        return pa.Table.from_pylist(rows, schema=LOAD_COUNTS)


class Lander:
    """Lands pages of one table: reads batches, drops duplicates, adds what the disposition needs."""

    def __init__(self, landing: Landing, table: Table) -> None:
        self._landing = landing
        self._table = table
        self._counts = landing.counts[table.name]
        self._seen: pa.Array | None = None

    def land(self, items: Iterable[Page | DaysRead]) -> Iterator[pa.Table]:
        """Yields at least one table, if an empty one, so that the destination has every column."""
        reader = Reader(self._table)
        waiting: dict[tuple[tuple[str, str], ...], list[bytes]] = {}
        read: list[DaysRead] = []
        try:
            yield self._finish(reader, self._table.empty())
            for item in items:
                if isinstance(item, DaysRead):
                    read.append(item)
                    continue
                batch = waiting.setdefault(item.context, [])
                batch.append(item.body)
                if sum(map(len, batch)) >= _BATCH_BYTES:
                    yield self._batch(reader, waiting.pop(item.context), dict(item.context))
            for context, batch in waiting.items():
                yield self._batch(reader, batch, dict(context))
            self._distrust()
            if read:
                yield self._markers(reader, read)
        finally:
            reader.close()
        self._landing.say(f"{self._landing.source}.{self._table.name}: {self._counts.landed:,} rows")

    def _distrust(self) -> None:
        counts = self._counts
        if counts.quarantined >= _SUSPICIOUS_REJECTS and 2 * counts.quarantined > counts.received:
            source, table = self._landing.source, self._table.name
            reason = next(reason for name, _, reason in reversed(self._landing.rejected) if name == table)
            raise ResponseError(
                f"{source}.{table}: {counts.quarantined} of {counts.received} records are refused ({reason});"
                f" check sources.{source}.base_url and the API version"
            )

    def _batch(self, reader: Reader, bodies: list[bytes], context: dict[str, str]) -> pa.Table:
        reading = reader.read(bodies, context)
        keys = keys_of(reading.table, self._table.key)
        positions = first_of_each(keys, self._seen)
        fresh = keys.take(positions)
        self._seen = fresh if self._seen is None else pa.concat_arrays([self._seen, fresh])
        counts = self._counts
        counts.received += reading.received
        counts.landed += len(positions)
        counts.duplicates += reading.table.num_rows - len(positions)
        counts.quarantined += len(reading.rejected)
        self._landing.rejected.extend(
            (self._table.name, item.record, item.reason) for item in reading.rejected
        )
        return self._finish(reader, reading.table.take(positions))

    def _markers(self, reader: Reader, read: list[DaysRead]) -> pa.Table:
        days = sorted({(item.account, day) for item in read for day in item.window.days()})
        table = self._table
        arrays = [
            pa.array([account for account, _ in days], pa.string())
            if name == table.account
            else pa.array([day for _, day in days], pa.date32())
            if name == "date"
            else pa.nulls(len(days), table.schema.field(name).type)
            for name in table.schema.names
        ]
        return self._finish(reader, pa.Table.from_arrays(arrays, schema=table.schema), marker=True)

    def _finish(self, reader: Reader, rows: pa.Table, marker: bool = False) -> pa.Table:
        if self._table.disposition != "observe":
            return rows.append_column("observed_at", constant(self._landing.as_of, rows.num_rows, INSTANT))
        rows = rows.append_column("is_day_marker", constant(marker, rows.num_rows, pa.bool_()))
        # equal exactly where nothing that the network reports changed
        facts = rows
        for column in self._table.columns:
            if column.kind == "json":
                position = rows.schema.get_field_index(column.name)
                facts = facts.set_column(position, column.name, reader.unordered(rows.column(column.name)))
        return rows.append_column("row_version", reader.hashes(keys_of(facts, facts.column_names)))


def hints(table: Table, as_of: datetime) -> dict[str, Any]:
    """dlt's hints for a table: write disposition, keys, and types where Arrow's do not say enough (JSON)."""
    columns: dict[str, Any] = {
        column.name: {"data_type": "json"} for column in table.columns if column.kind == "json"
    }
    if table.disposition != "observe":
        merge = {"write_disposition": "merge", "primary_key": table.key}
        return {
            "columns": columns,
            **(merge if table.disposition == "merge" else {"write_disposition": "replace"}),
        }
    columns["row_version"] = {"x-row-version": True}
    return {
        "columns": columns,
        "merge_key": (table.account, "date"),
        "write_disposition": {
            "disposition": "merge",
            "strategy": "scd2",
            "validity_column_names": ["observed_at", "superseded_at"],
            "boundary_timestamp": as_of,
            "row_version_column_name": "row_version",
        },
    }


def resource(landing: Landing, table: Table, items: Callable[[], Iterable[Page | DaysRead]]) -> Any:
    """A dlt resource that lands `table` from the pages `items()` gives once it runs."""

    def rows() -> Iterator[pa.Table]:
        yield from landing.lander(table).land(items())

    return dlt.resource(rows, name=table.name, **hints(table, landing.as_of))


def dependent(
    landing: Landing, table: Table, parent: Any, items: Callable[[pa.Table], Iterable[Page]]
) -> Any:
    """A dlt transformer that lands `table` from pages asked for per batch of the parent's landed rows."""
    landers: list[Lander] = []

    def rows(batch: pa.Table) -> Iterator[pa.Table]:
        if not landers:
            landers.append(landing.lander(table))
        yield from landers[0].land(items(batch))

    return dlt.transformer(rows, data_from=parent, name=table.name, **hints(table, landing.as_of))
