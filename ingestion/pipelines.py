"""Loads: one dlt pipeline and one DuckDB file per source, the schema contract, the load report.

Orchestration uses this interface. A load lands a part of a source completely or leaves it unchanged.
"""

from __future__ import annotations

import ctypes
import gc
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Any

# set before dlt reads its runtime settings: no telemetry, no network access except to the source
os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
os.environ.setdefault("RUNTIME__LOG_LEVEL", "CRITICAL")
# memory use must not grow with the volume: few pages are queued, one table loads at a time
os.environ.setdefault("EXTRACT__MAX_PARALLEL_ITEMS", "8")
os.environ.setdefault("LOAD__WORKERS", "1")
# erased data must not remain in staging tables or in finished load packages
os.environ.setdefault("LOAD__TRUNCATE_STAGING_DATASET", "true")
os.environ.setdefault("LOAD__DELETE_COMPLETED_JOBS", "true")

import dlt
import duckdb
import pyarrow as pa
from dlt.common.schema.exceptions import DataValidationError
from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials
from dlt.pipeline.exceptions import PipelineStepFailed

from ingestion.config import Settings, home, plain_folder, plain_path
from ingestion.errors import (
    AccessError,
    AccountLeftOut,
    ClockError,
    IngestionError,
    LoadStopped,
    ResponseError,
    SettingError,
    UnreachableError,
)
from ingestion.exports import origin as exports
from ingestion.http.clock import system_time
from ingestion.landing import left_out, migrations
from ingestion.landing.arrow import Table
from ingestion.landing.personal import ErasedAddresses, rewrite
from ingestion.landing.planning import EVER_DAYS, PASS_DAYS, Pass, Reread, Window, passes
from ingestion.landing.resources import (
    AVAILABLE_INPUTS,
    LOAD_COUNTS,
    QUARANTINE,
    DaysIncomplete,
    Landing,
    resource,
)
from ingestion.landing.store import RAW_SCHEMA, Store, StreamState
from ingestion.sources import registry
from ingestion.sources.hubspot import tables as hubspot_tables
from ingestion.sources.protocol import DailyLoader, Loader, Network

__all__ = [
    "RAW_SCHEMA",
    "SOURCES",
    "VENDORS",
    "AccessError",
    "IngestionError",
    "LoadReport",
    "Reread",
    "ResponseError",
    "SettingError",
    "UnreachableError",
    "Window",
    "build_source",
    "check_time",
    "finish_erasures",
    "home",
    "is_configured",
    "landed_as_of",
    "landed_days",
    "load",
    "loaded_at",
    "main_table",
    "parts",
    "portal_time_zone",
    "reads_files",
    "reads_first",
    "run",
    "unsettled_since",
]

SOURCES: tuple[str, ...] = tuple(registry.SOURCES)
VENDORS: tuple[str, ...] = tuple(
    name for name, source in registry.SOURCES.items() if source.settings.CREDENTIALS
)

# glibc keeps one heap per thread and does not share freed memory between them: limit M_ARENA_MAX (malloc.h)
if sys.platform == "linux" and hasattr(ctypes.CDLL(None), "mallopt"):
    ctypes.CDLL(None).mallopt(-8, 2)

# Several loads run at once, so each gets a memory limit; the order of raw rows does not matter.
_DUCKDB = {"threads": 1, "memory_limit": "100MB", "preserve_insertion_order": False}
#: Tables that every source has and the models read.
BOOKKEEPING = ("quarantine", "load_counts", "load_faults", "available_inputs")
# the state of this stream is the newest day of the last completed daily load
_DAYS = "days"
_CONTRACT = {"tables": "evolve", "columns": "evolve", "data_type": "freeze"}


@dataclass(frozen=True)
class LoadReport:
    """Result of a load. `rows` counts landed rows per table, `requests` counts HTTP requests by outcome.

    `left_out` are the accounts that could not be loaded; they keep what was landed before.
    """

    source: str
    skipped: bool
    message: str | None
    rows: dict[str, int]
    quarantined: int
    requests: dict[str, int]
    days: tuple[date, date] | None
    from_files: bool = False
    left_out: tuple[str, ...] = ()


def parts(name: str) -> tuple[str, ...]:
    """Return the parts of a source: "entities", and "daily" if it has daily figures."""
    return ("entities", "daily") if registry.source(name).loader.DAILY else ("entities",)


def main_table(name: str, part: str) -> str:
    """Return the table that represents a part of a source in freshness checks."""
    return _tables(name, part)[0].name


def reads_first(name: str) -> tuple[tuple[str, str], ...]:
    """Return (source, table) of the tables that must have landed before a source is loaded."""
    return registry.source(name).reads_first


def build_source(name: str, part: str, window: Window | None, as_of: datetime) -> Any:
    """Return the dlt source of a part ("entities" or "daily"). Reads nothing until its resources run.

    Raises ValueError for an unknown name or part, and for "daily" of a source without daily figures.
    """
    return _source(_landing(name, part, window, as_of), part, registry.source(name).loader)


def load(
    name: str,
    part: str,
    *,
    window: Window | None,
    as_of: datetime,
    reread: Reread = "all",
    progress: Callable[[str], None] | None = None,
    exclusive: Callable[[str], AbstractContextManager[None]] = lambda source: nullcontext(),
    stopped: threading.Event | None = None,
) -> LoadReport:
    """Load one part of a source into `home()`; "daily" loads the days of `window`.

    New days are loaded first, in loads of their own; `reread` selects the days to load again. `exclusive` is
    a lock that is held while another source's file is read. The load ends early once `stopped` is set.
    Raises IngestionError and then leaves the landed data unchanged, ValueError for an unknown part.
    """
    landing = replace(
        _landing(name, part, window, as_of, progress),
        exclusive=exclusive,
        from_files=reads_files(name),
        stopped=stopped or threading.Event(),
    )
    _tables(name, part)
    _switch_file(name)
    _migrate(name)
    if not is_configured(name):
        message = f"{name}: skipped, {_why_skipped(name)}"
        silent = replace(landing, progress=None)
        run(silent, lambda: _empty(silent, part))
        landing.say(message)
        return LoadReport(name, True, message, {}, 0, {}, None)
    try:
        check_time(name, as_of)
        landing = _load_accounts(landing, part, window, reread)
    except LoadStopped:
        raise
    except IngestionError:
        # its own fault, such as a full disk, is that of the load
        with suppress(IngestionError):
            _add_missing_tables(_landing(name, part, window, as_of))
        raise
    if name == "hubspot" and ErasedAddresses(home()).is_pending:
        rewrite(_file(name))
    return LoadReport(
        source=name,
        skipped=False,
        message="; ".join([*landing.notices, *landing.drift_notices()]) or None,
        rows={table: counts.landed for table, counts in landing.counts.items()},
        quarantined=len(landing.rejected),
        requests=dict(landing.requests),
        days=(landing.window.start, landing.window.end) if landing.window else None,
        from_files=landing.from_files,
        left_out=tuple(landing.left_out),
    )


def _migrate(name: str) -> None:
    """Bring the store of a source to the current layout."""
    if _file(name).exists() and migrations.migrate(_file(name)):
        # dlt's copy of the schema in its working folder is that of the old layout
        _pipeline(name).drop()


def _add_missing_tables(landing: Landing) -> None:
    """Add empty tables to a store of an older version whose source cannot be loaded now.

    The models read them if the last loaded data is published (`--allow-stale`).
    """
    name = landing.source
    declared = [table for part in parts(name) for table in _tables(name, part)]
    if _file(name).exists() and (landing.store.is_new(*declared) or not landing.store.has(*BOOKKEEPING)):
        silent = replace(landing, progress=None, window=None)
        for part in parts(name):
            run(silent, partial(_empty, silent, part))


def check_time(name: str, as_of: datetime) -> None:
    """Raise ClockError if a source holds observations made after `as_of`."""
    newest = Store(_file(name)).newest_observation()
    if newest is None or newest <= as_of:
        return
    held = f"{name}: its raw store holds what was observed at {newest:%Y-%m-%d %H:%M:%S} UTC"
    if newest > system_time():
        raise ClockError(
            f"{held}, which has not come yet: check this machine's clock, then run adledger repair"
        )
    raise ClockError(
        f"{held}, after the as-of of this refresh ({as_of:%Y-%m-%d %H:%M:%S} UTC):"
        " use a later --as-of, or another ADLEDGER_HOME for an earlier one"
    )


def finish_erasures(exclusive: Callable[[str], AbstractContextManager[None]]) -> bool:
    """Remove what the raw stores still contain of erased contacts; return whether an erasure is pending.

    Empties the leads of erased contacts, rewrites the files, and deletes the damaged files that a repair set
    aside, because nobody can search them. The caller then rebuilds the warehouse,
    publishes, and ends the erasure with `ErasedAddresses.finish`. `exclusive` is a lock per source.
    """
    erased = ErasedAddresses(home())
    if not erased.is_pending:
        return False
    for name in SOURCES:
        tables = [table for table in registry.source(name).loader.ENTITIES if table.erasable]
        with exclusive(name):
            # including the store of the other origin (files or API), which is set aside
            for file in sorted(_file(name).parent.glob(f"{name}*.duckdb")):
                for table in tables:
                    _empty_erased(file, table, erased)
                rewrite(file)
    shutil.rmtree(home() / "repair", ignore_errors=True)
    return True


def _empty_erased(file: Path, table: Table, erased: ErasedAddresses) -> None:
    store = Store(file)
    columns = "SELECT column_name FROM duckdb_columns() WHERE schema_name = ? AND table_name = ?"
    if ("email",) not in store.rows(columns, [RAW_SCHEMA, table.name]):
        return
    found = erased.among({address for (address,) in store.rows(f"SELECT DISTINCT email FROM {table.name}")})
    if found:
        emptied = ", ".join(f"{name} = NULL" for name in table.erasable)
        with duckdb.connect(str(file)) as connection:
            connection.execute(
                f"UPDATE {RAW_SCHEMA}.{table.name} SET {emptied} WHERE email IN (SELECT unnest(?))",
                [sorted(found)],
            )


def _load_accounts(landing: Landing, part: str, window: Window | None, reread: Reread) -> Landing:
    """Load a part, again without each account that cannot be loaded; return the attempt that succeeded."""
    while True:
        try:
            if part == "daily" and window is not None:
                _load_days(landing, window, reread)
            else:
                _load_whole(landing, part)
            return landing
        except AccountLeftOut as refused:
            if refused.account in landing.left_out:
                # no account remains
                raise
            again = landing.without(refused)
        finally:
            landing.close()
        landing = again


def _load_whole(landing: Landing, part: str) -> None:
    pipeline = _pipeline(landing.source)
    source = _source(landing, part, _reader(landing.source))
    _run(pipeline, [source, _bookkeeping(landing)], landing)
    if again := landing.repeated_records():
        _run(pipeline, [_dlt_source(landing, again.copy)], landing)
    for follow_up in landing.follow_ups:
        for resources in follow_up():
            run(landing, resources.copy)


def _load_days(landing: Landing, window: Window, reread: Reread) -> None:
    module = _daily_reader(landing.source)
    state = landing.store.state(_DAYS)
    found = passes(
        landing.store,
        module.DAILY,
        module.accounts(landing),
        lambda table, account: module.span(landing, table, account),
        window,
        reread,
        state.read_at.date() if state else None,
        # files are read within seconds, so one pass loads all their days
        EVER_DAYS if landing.from_files else PASS_DAYS,
        left_out.incomplete_days(landing.store),
    )
    for number, each in enumerate(found, 1):
        landing.days = each
        if len(found) > 1:
            landing.say(f"{landing.source}: {each.label} ({number} of {len(found)})")
        if number == len(found) and reread == "unsettled":
            newest = datetime.combine(window.end, time(), UTC)
            landing.remember(_DAYS, StreamState(None, newest, newest))
        if each.is_first:
            landing.before_load.append(partial(_delete_incomplete_days, landing, module.DAILY, each))
        _load_pass(landing, lambda: module.resources(landing, "daily"))


def _load_pass(landing: Landing, resources: Callable[[], list[Any]]) -> None:
    """Load a pass; days that were complete and now lack a record are left out, and keep their figures."""
    counts = {table: replace(found) for table, found in landing.counts.items()}
    while True:
        try:
            run(landing, resources)
            return
        except DaysIncomplete as incomplete:
            landing.hold(incomplete.days, counts)


def _delete_incomplete_days(landing: Landing, tables: Sequence[Table], days: Pass) -> None:
    """Delete rows of incomplete days that an interrupted load left behind."""
    held = {table.name: table.account for table in tables if not landing.store.is_new(table)}
    with duckdb.connect(str(landing.store.path)) as connection:
        for (table, account), windows in days.windows.items():
            for window in windows if table in held else ():
                connection.execute(
                    f"DELETE FROM {RAW_SCHEMA}.{table} WHERE {held[table]} = ? AND date BETWEEN ? AND ?",
                    [account, window.start, window.end],
                )


def run(landing: Landing, resources: Callable[[], list[Any]]) -> None:
    """Load the resources and the bookkeeping tables, completely or not at all. Raises IngestionError."""
    _run(_pipeline(landing.source), [_dlt_source(landing, resources), _bookkeeping(landing)], landing)


def reads_files(name: str) -> bool:
    """Return whether a source is loaded from files in `exports.folder`. Raises SettingError."""
    return exports.reader(name) is not None


def is_configured(name: str) -> bool:
    """Return whether a source can be loaded; sources that are not configured are skipped.

    True if it has files or a credential, or if it needs no credential and is enabled. Raises SettingError if
    `exports.folder` is not a folder.
    """
    source = registry.source(name)
    if reads_files(name):
        return True
    if source.is_enabled is not None:
        return source.is_enabled()
    keys = {key for keys in source.settings.CREDENTIALS for key in keys}
    return any(Settings(name).get(key) is not None for key in keys)


def _why_skipped(name: str) -> str:
    credentials = registry.source(name).settings.CREDENTIALS
    if not credentials:
        return f"{Settings(name).name('enabled')} is false"
    missing = exports.missing_main_file(name)
    why = f"no credentials (set {Settings(name).name(credentials[0][0])})"
    return f"{why}, and {missing}" if missing else why


def landed_days(name: str) -> Window | None:
    """Return the window from the first day in any daily table of a source to the newest day in all of them.

    None if one table has no day. Tables begin on different days: Google serves click views for 90 days only.
    """
    tables = registry.source(name).loader.DAILY
    store = Store(_file(name))
    if not tables or store.is_new(*tables):
        return None
    read = store.rows(
        " UNION ALL ".join(
            f"SELECT min(date), max(date) FROM {table.name} WHERE is_day_marker" for table in tables
        )
    )
    if any(first is None for first, _ in read):
        return None
    return Window(min(first for first, _ in read), min(last for _, last in read))


def unsettled_since(name: str) -> date | None:
    """Return the first landed day that could still change after the last load; None before the first load.

    For files it is their first day, because each load reads all their days.
    """
    if registry.source(name).loader.DAILY and reads_files(name):
        return exports.first_day(name)
    landed, store = landed_days(name), Store(_file(name))
    if landed is None:
        return None
    state = store.state(_DAYS)
    newest = min(landed.end, state.read_at.date()) if state else landed.end
    network = _network(name)
    days = network.settings.RESTATEMENT_DAYS
    # some sources restate figures for longer than usual in some accounts
    if network.unsettled_days is not None:
        days = max(days, network.unsettled_days(store))
    return max(landed.start, newest - timedelta(days=days))


def loaded_at(name: str) -> dict[str, datetime]:
    """Return the as-of of the last load by table, for the tables of a source that have landed."""
    try:
        return dict(
            Store(_file(name)).rows("SELECT resource, max(loaded_at) FROM load_counts GROUP BY resource")
        )
    except duckdb.CatalogException:
        return {}


def landed_as_of(name: str) -> datetime | None:
    """Return the as-of of the older of a source's parts; None if a part never landed."""
    known = loaded_at(name)
    newest = [
        max((known[table.name] for table in _tables(name, part) if table.name in known), default=None)
        for part in parts(name)
    ]
    found = [instant for instant in newest if instant is not None]
    return min(found) if len(found) == len(newest) else None


def portal_time_zone() -> str | None:
    """Return the HubSpot portal's time zone (IANA) from the last load; None before the first load."""
    store = Store(_file("hubspot"))
    if store.is_new(hubspot_tables.ACCOUNT):
        return None
    found = store.rows("SELECT time_zone FROM account LIMIT 1")
    return str(found[0][0]) if found else None


def _landing(
    name: str,
    part: str,
    window: Window | None,
    as_of: datetime,
    progress: Callable[[str], None] | None = None,
) -> Landing:
    return Landing(name, as_of, window if part == "daily" else None, Store(_file(name)), progress)


def _reader(name: str) -> Loader:
    """Return the module that loads a source: the one for its files, else the one for its API."""
    return exports.reader(name) or registry.source(name).loader


def _daily_reader(name: str) -> DailyLoader:
    return exports.daily_reader(name) or _network(name).loader


def _network(name: str) -> Network:
    found = registry.source(name)
    if not isinstance(found, Network):
        raise ValueError(f"{name} has no daily figures")
    return found


def _tables(name: str, part: str) -> tuple[Table, ...]:
    loader = registry.source(name).loader
    tables = {"entities": loader.ENTITIES, "daily": loader.DAILY}.get(part, ())
    if not tables:
        raise ValueError(f"{name} has no part {part}")
    return tables


def _source(landing: Landing, part: str, reader: Loader) -> Any:
    _tables(landing.source, part)
    return _dlt_source(landing, lambda: reader.resources(landing, part))


def _dlt_source(landing: Landing, resources: Callable[[], list[Any]]) -> Any:
    name = landing.source

    def source_resources() -> list[Any]:
        # dlt reads the function's `__module__`, which a partial or built-in does not have
        return resources()

    return dlt.source(
        source_resources, name=name, section=name, max_table_nesting=0, schema_contract=_CONTRACT
    )()


def _empty(landing: Landing, part: str) -> list[Any]:
    empty = [(table, resource(landing, table, lambda: ())) for table in _tables(landing.source, part)]
    for table, rows in empty:
        if table.disposition == "replace":
            # rows that landed while credentials were set are kept
            rows.apply_hints(write_disposition="append")
    return [rows for _, rows in empty]


def _bookkeeping(landing: Landing) -> Any:
    """Return the dlt source of the bookkeeping tables; it is extracted last, so that they are complete."""

    return _dlt_source(landing, lambda: bookkeeping_resources(landing))


def bookkeeping_resources(landing: Landing) -> list[Any]:
    def quarantine() -> Iterator[pa.Table]:
        yield QUARANTINE.empty_table()
        if landing.rejected:
            yield landing.quarantine()

    def load_counts() -> Iterator[pa.Table]:
        yield LOAD_COUNTS.empty_table()
        if landing.requests or landing.from_files:
            yield landing.load_counts()

    def available_inputs() -> Iterator[pa.Table]:
        yield AVAILABLE_INPUTS.empty_table()
        if landing.requests or landing.from_files:
            found = exports.available_inputs(landing.source, from_files=landing.from_files)
            yield pa.Table.from_pylist(found, schema=AVAILABLE_INPUTS)

    def load_faults() -> Iterator[pa.Table]:
        yield left_out.rows(landing)

    def stream_state() -> Iterator[list[dict[str, Any]]]:
        if landing.states:
            yield landing.stream_states()

    merge = {"write_disposition": "merge", "primary_key": "id"}
    instant = {"data_type": "timestamp", "nullable": True}
    return [
        dlt.resource(
            stream_state,
            name="stream_state",
            write_disposition="append",
            columns={
                "stream": {"data_type": "text"},
                # a separate dictionary for each column: dlt writes the column's name into it
                **{name: {**instant} for name in ("cursor", "read_at", "listed_at")},
                "surplus": {"data_type": "bigint"},
            },
        ),
        dlt.resource(quarantine, name="quarantine", columns={"record": {"data_type": "json"}}, **merge),
        dlt.resource(load_counts, name="load_counts", **merge),
        dlt.resource(load_faults, name="load_faults", write_disposition="replace"),
        dlt.resource(
            available_inputs, name="available_inputs", write_disposition="merge", primary_key="input"
        ),
    ]


def _file(name: str) -> Path:
    return plain_path(home() / "raw") / f"{name}.duckdb"


def _pipeline_name(name: str) -> str:
    """Return the pipeline's name; files and API have separate pipelines that do not share state."""
    if reads_files(name):
        return f"{name}_exports"
    # a skipped source keeps its current file
    return name if is_configured(name) else _pipeline_of_file(name) or name


def _pipeline_of_file(name: str) -> str | None:
    """Return the pipeline that wrote the source's file; None before the first load."""
    known = (
        "SELECT count(*) FROM duckdb_tables() WHERE schema_name = ? AND table_name = '_dlt_pipeline_state'"
    )
    store = Store(_file(name))
    if not any(count for (count,) in store.rows(known, [RAW_SCHEMA])):
        return None
    found = store.rows("SELECT pipeline_name FROM _dlt_pipeline_state ORDER BY created_at DESC LIMIT 1")
    return str(found[0][0]) if found else None


def _switch_file(name: str) -> None:
    """Put the database file of the other origin aside and restore the file of this origin (API or files).

    Each step is one rename or one deletion, so that a crash between two steps loses nothing.
    """
    wanted, landed, file = _pipeline_name(name), _pipeline_of_file(name), _file(name)

    def aside(pipeline: str) -> Path:
        return file.with_name(f"{name}.{'exports' if pipeline != name else 'api'}.duckdb")

    if landed is not None and landed != wanted:
        with duckdb.connect(str(file)):
            # merges the write-ahead log that an interrupted load left next to the file
            pass
        if landed != name and not registry.source(name).loader.DAILY:
            # files can be loaded again; personal data must not stay where erasure requests do not apply
            file.unlink()
        else:
            file.rename(aside(landed))
    if not file.exists() and aside(wanted).exists():
        aside(wanted).rename(file)


def _pipeline(name: str) -> Any:
    (home() / "raw").mkdir(parents=True, exist_ok=True)
    return dlt.pipeline(
        pipeline_name=_pipeline_name(name),
        pipelines_dir=str(plain_folder(home() / "dlt")),
        destination=dlt.destinations.duckdb(
            DuckDbCredentials(str(_file(name)), global_config=_DUCKDB), replace_strategy="insert-from-staging"
        ),
        dataset_name=RAW_SCHEMA,
    )


def _run(pipeline: Any, sources: list[Any], landing: Landing) -> None:
    if pipeline.has_pending_data:
        # dlt would load the packages of an interrupted load and ignore the new data
        pipeline.drop()
    try:
        pipeline.sync_destination()
        pipeline.extract(sources, loader_file_format="parquet")
        pipeline.normalize()
        _verify(pipeline, landing)
        _judge(pipeline, landing)
        for change in landing.before_load:
            change()
        _release_memory()
        # an open connection keeps DuckDB from writing a checkpoint after each table
        with duckdb.connect(str(_file(landing.source))):
            pipeline.load()
    except PipelineStepFailed as failure:
        pipeline.drop()
        raise _explain(landing.source, failure) from failure
    for change in landing.after_load:
        change()
    landing.before_load.clear()
    landing.after_load.clear()


def _release_memory() -> None:
    """Release the memory that extraction used before DuckDB loads the rows."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


def _verify(pipeline: Any, landing: Landing) -> None:
    """Raise IngestionError if dlt is about to load another number of rows than was read."""
    normalized = pipeline.last_trace.last_normalize_info.row_counts
    for table, counts in landing.counts.items():
        found, expected = normalized.get(table, 0), counts.staged
        counts.staged = 0
        if found != expected:
            pipeline.drop()
            raise IngestionError(
                f"{landing.source}.{table}: {expected} rows were read, but {found} are about to be loaded:"
                " this is a bug in the loader, please report it"
            )


def _judge(pipeline: Any, landing: Landing) -> None:
    """Raise if so many records were rejected that the last landed state is better: of all, or of some days.

    Raises IngestionError, DaysIncomplete.
    """
    try:
        landing.judge_quarantine()
        landing.judge_days()
    except (IngestionError, DaysIncomplete):
        pipeline.drop()
        raise


def _explain(name: str, failure: PipelineStepFailed) -> IngestionError:
    cause: BaseException | None = failure
    innermost: BaseException = failure
    while cause is not None:
        if isinstance(cause, IngestionError):
            return cause
        innermost, cause = cause, cause.__cause__ or cause.__context__
    detail = f"{type(innermost).__name__}: {innermost}"
    file = home() / "raw" / f"{name}.duckdb"
    if isinstance(innermost, DataValidationError):
        return IngestionError(
            f"{name}: the tables in {file} were landed in another layout ({innermost.table_name}."
            f"{innermost.column_name}), and this version has no migration for it: move the file to another"
            " folder and run adledger backfill, or refresh with the version that landed it"
        )
    return IngestionError(f"{name}: the {failure.step} step into {file} failed: {detail}; run again")
