"""The event log of a home's Dagster instance: Dagster's own SQLite files, kept open while they are written.

Dagster opens, commits and checkpoints a file for each event, two of them where it concerns an asset, and each
day of a daily table is an event. `instance.py` names this class; with Dagster's own the files read the same.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

import sqlalchemy as db
from dagster._core.events import ASSET_EVENTS
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log import SqlEventLogStorageTable, SqliteEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from dagster._utils.concurrency import ConcurrencyClaimStatus

from ingestion.config import home

_ASK_AGAIN_SECONDS = 0.5


class EventLog(SqliteEventLogStorage):
    """Keeps a connection to the index and to the last run open; stores a batch in one transaction per file.

    No commit waits for the disk: a machine that loses power may forget its last events, but keeps the file.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: dict[str, db.Engine] = {}
        super().__init__(base_dir, inst_data)

    @classmethod
    def config_type(cls) -> Any:
        """None: it lies where Dagster's own would."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> Self:
        """The event log of `DAGSTER_HOME`, else of `ADLEDGER_HOME`."""
        instance = os.environ.get("DAGSTER_HOME") or home() / "dagster"
        return cls(os.path.join(instance, "history", "runs"), inst_data)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[db.Connection]:
        with self._db_lock, self._engine(shard).begin() as connection:
            yield connection

    def _engine(self, shard: str) -> db.Engine:
        if shard not in self._engines:
            # a UI looks at many runs
            for other in self._engines.keys() - {INDEX_SHARD_NAME} if shard != INDEX_SHARD_NAME else ():
                self._engines.pop(other).dispose()
            engine = db.create_engine(
                self.conn_string_for_shard(shard),
                pool_size=1,
                connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS},
            )
            db.event.listen(engine, "connect", _without_waiting)
            if not _is_stamped(engine):
                self._initdb(engine)
            self._engines[shard] = engine
        return self._engines[shard]

    def dispose(self) -> None:
        """Closes the files."""
        for engine in self._engines.values():
            engine.dispose()
        super().dispose()

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """As `store_event` of each; those of assets in one transaction per file."""
        of_assets: defaultdict[str, list[EventLogEntry]] = defaultdict(list)
        for event in events:
            if event.is_dagster_event and event.dagster_event_type in ASSET_EVENTS:
                of_assets[event.run_id].append(event)
            else:
                self.store_event(event)
        for run_id, batch in of_assets.items():
            rows = [self._event_to_row(event) for event in batch]
            with self.run_connection(run_id) as connection:
                connection.execute(SqlEventLogStorageTable.insert(), rows)
            with self.index_transaction() as connection:
                insert = SqlEventLogStorageTable.insert()
                ids = [_id(connection.execute(insert, row)) for row in rows]
                self._store_asset_event_tags(connection, batch, ids)
                # what is kept of an asset is its last event of a kind
                last = {
                    (row["asset_key"], row["dagster_event_type"]): (event, event_id)
                    for row, event, event_id in zip(rows, batch, ids, strict=True)
                }
                for event, event_id in last.values():
                    self._store_asset_event(connection, event, event_id)

    def claim_concurrency_slot(self, *args: Any, **kwargs: Any) -> ConcurrencyClaimStatus:
        """As Dagster's; who is refused asks again soon, not after a wait that grows to 15 seconds."""
        status: ConcurrencyClaimStatus = super().claim_concurrency_slot(*args, **kwargs)
        soon: ConcurrencyClaimStatus = status.with_sleep_interval(_ASK_AGAIN_SECONDS)
        return soon


def _without_waiting(connection: Any, _: Any) -> None:
    connection.execute("PRAGMA synchronous = NORMAL")


def _is_stamped(engine: db.Engine) -> bool:
    """Whether Dagster has set the file up; its own check reads all its migrations."""
    with engine.connect() as connection:
        try:
            return bool(connection.scalar(db.text("SELECT count(*) FROM alembic_version")))
        except db.exc.OperationalError:
            return False


def _id(inserted: db.CursorResult[Any]) -> int:
    key = inserted.inserted_primary_key
    assert key is not None
    return int(key[0])
