"""Repair of a raw store that was loaded while the clock was ahead.

Its rows are true, but their observation times lie in the future: a later load with the right time would close
them before they began. Each future time is set to one shortly before now, in the same order, so that nothing
that was observed is lost. Day markers of days that have not come and the states of streams are deleted, so
that the next load reads again from the last load before.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from ingestion.landing.store import RAW_SCHEMA, Store

_INSTANT = "TIMESTAMP WITH TIME ZONE"
# columns with the as-of of a load; other columns with the same value hold it, too
_AS_OF = ("observed_at", "superseded_at", "loaded_at", "fetched_at")


def has_future(store: Store, now: datetime) -> bool:
    """Return whether the store holds rows that were observed after `now`."""
    with store.opened() as connection:
        return bool(_future(connection, _columns(connection, _AS_OF), now))


def redate(path: Path, now: datetime) -> None:
    """Set every future time of a raw store to one shortly before `now`, completely or not at all."""
    now = now.replace(microsecond=0)
    with duckdb.connect(str(path)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"USE {RAW_SCHEMA}")
        connection.begin()
        _delete_states(connection, now)
        _delete_future_days(connection, now)
        every = _columns(connection)
        _replace(connection, every, _future(connection, _columns(connection, _AS_OF), now), now)
        own = [(table, column) for table, column in every if table.startswith("_dlt_")]
        _replace(connection, own, _future(connection, own, now), now)
        _rename_loads(connection, now)
        connection.commit()


def _columns(
    connection: duckdb.DuckDBPyConnection, names: Sequence[str] = (), kind: str = _INSTANT
) -> list[tuple[str, str]]:
    """Return (table, column) of a type, in a stable order."""
    found = connection.execute(
        "SELECT table_name, column_name FROM duckdb_columns() WHERE schema_name = ? AND data_type = ?"
        " AND database_name = current_database() ORDER BY ALL",
        [RAW_SCHEMA, kind],
    ).fetchall()
    return [(table, column) for table, column in found if not names or column in names]


def _future(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[tuple[str, str]], now: datetime
) -> list[datetime]:
    query = " UNION ".join(
        f'SELECT "{column}" AS moment FROM "{table}" WHERE "{column}" > $now' for table, column in columns
    )
    found = connection.execute(f"{query} ORDER BY moment", {"now": now}).fetchall() if query else []
    return [moment for (moment,) in found]


def _replace(
    connection: duckdb.DuckDBPyConnection,
    columns: Sequence[tuple[str, str]],
    moments: Sequence[datetime],
    now: datetime,
) -> None:
    if not moments:
        return
    newest = connection.execute(
        "SELECT max(moment) FROM ("
        + " UNION ALL ".join(
            f'SELECT max("{column}") AS moment FROM "{table}" WHERE "{column}" <= $now'
            for table, column in columns
        )
        + ")",
        {"now": now},
    ).fetchone()
    before = newest[0] if newest and newest[0] else now - timedelta(days=1)
    step = min(timedelta(seconds=1), (now - before) / (len(moments) + 1))
    connection.execute("CREATE TEMP TABLE redated (was TIMESTAMPTZ, becomes TIMESTAMPTZ)")
    connection.executemany(
        "INSERT INTO redated VALUES (?, ?)",
        [[moment, now - step * place] for place, moment in enumerate(reversed(moments))],
    )
    for table, column in columns:
        connection.execute(
            f'UPDATE "{table}" SET "{column}" = becomes FROM redated WHERE "{column}" = redated.was'
        )
    connection.execute("DROP TABLE redated")


def _delete_states(connection: duckdb.DuckDBPyConnection, now: datetime) -> None:
    """Delete stream states of loads from the future: their cursors skip what changed until then."""
    if not _has(connection, "stream_state"):
        return
    connection.execute(
        "DELETE FROM stream_state WHERE read_at > $now + INTERVAL 1 DAY OR listed_at > $now + INTERVAL 1 DAY"
        " OR (stream <> 'days' AND (read_at > $now OR listed_at > $now))"
        " OR _dlt_load_id IN (SELECT load_id FROM _dlt_loads WHERE inserted_at > $now)",
        {"now": now},
    )


def _delete_future_days(connection: duckdb.DuckDBPyConnection, now: datetime) -> None:
    """Delete day markers of days that have not come: the load found them empty and took them for complete.

    Days with figures have come, in an account east of UTC.
    """
    for table, _ in _columns(connection, ("is_day_marker",), "BOOLEAN"):
        connection.execute(
            f'DELETE FROM "{table}" WHERE is_day_marker AND date > ?'
            f' AND date NOT IN (SELECT date FROM "{table}" WHERE NOT is_day_marker)',
            [now.date()],
        )


def _rename_loads(connection: duckdb.DuckDBPyConnection, now: datetime) -> None:
    """Give loads from the future ids of now; an id is a time, and dlt takes the newest for the last load."""
    if not _has(connection, "_dlt_loads"):
        return
    seconds = now.timestamp()
    ids = connection.execute(
        "SELECT load_id FROM _dlt_loads WHERE try_cast(load_id AS DOUBLE) > ? ORDER BY load_id::DOUBLE DESC",
        [seconds],
    ).fetchall()
    connection.execute("CREATE TEMP TABLE renamed (was VARCHAR, becomes VARCHAR)")
    if ids:
        connection.executemany(
            "INSERT INTO renamed VALUES (?, ?)",
            [[was, f"{seconds - place / 1000:.6f}"] for place, (was,) in enumerate(ids)],
        )
        columns = _columns(connection, ("_dlt_load_id",), "VARCHAR")
        for table, column in [*columns, ("_dlt_loads", "load_id")]:
            connection.execute(
                f'UPDATE "{table}" SET "{column}" = becomes FROM renamed WHERE "{column}" = renamed.was'
            )
    connection.execute("DROP TABLE renamed")


def _has(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    found = connection.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE schema_name = ? AND table_name = ?"
        " AND database_name = current_database()",
        [RAW_SCHEMA, table],
    ).fetchone()
    return bool(found and found[0])
