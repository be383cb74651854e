"""Raw tables as assets. Each source has one load for entities and one for daily figures."""

# No postponed annotations: Dagster reads them when a step is defined.
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import dagster as dg
from dagster_dlt import DagsterDltTranslator, dlt_assets
from dagster_dlt.translator import DltResourceTranslatorData

from ingestion.config import Section
from ingestion.pipelines import (
    RAW_SCHEMA,
    SOURCES,
    IngestionError,
    LoadReport,
    build_source,
    load,
    loaded_at,
    parts,
    reads_first,
)
from ingestion.sources import registry
from orchestration.assets.catalog import Relation, StoredTable, read_catalog
from orchestration.assets.tables import code_references, table_metadata
from orchestration.execution.days import DAILY_SOURCES
from orchestration.execution.loads import LoadsOfRun, Part
from orchestration.execution.locking import writing
from orchestration.execution.resources import RunSettings
from orchestration.project import manifest

OWNER = "team:ingestion"

#: APIs and pages that the raw tables are loaded from. Dagster does not materialize them.
apis = {
    name: dg.AssetSpec(
        ["api", name],
        description=f"{source.api}.",
        group_name="apis",
        owners=[OWNER],
        kinds={source.kind, "http"},
    )
    for name, source in registry.SOURCES.items()
}


def relation(source: str, table: str) -> Relation:
    """Relation of a raw table, as in dbt's sources."""
    return Relation(f"raw_{source}", RAW_SCHEMA, table)


@cache
def _descriptions() -> dict[tuple[str, str], str]:
    """Description of each raw table, from the dbt YAML."""
    return {
        (node["source_name"], node["name"]): node["description"] for node in manifest()["sources"].values()
    }


class RawTranslator(DagsterDltTranslator):
    """Uses the asset key of the table's dbt source. Upstream are its API and tables of other sources."""

    def get_asset_spec(self, data: DltResourceTranslatorData) -> dg.AssetSpec:
        source, table = data.resource.source_name, data.resource.name
        return dg.AssetSpec(
            ["raw", source, table],
            deps=[apis[source].key, *(dg.AssetKey(["raw", *upstream]) for upstream in reads_first(source))],
            description=_descriptions().get((source, table)),
            metadata={
                "dagster/table_name": str(relation(source, table)),
                **code_references(
                    f"ingestion/sources/{source}/source.py", f"ingestion/sources/{source}/tables.py"
                ),
            },
            group_name=f"raw_{source}",
            owners=[OWNER],
            kinds={"dlt", "duckdb"},
        )


def landed_at(source: str, tables: list[str]) -> datetime | None:
    """Earliest of the last load times (as-of) of `tables`; None if one of them was never loaded."""
    newest = loaded_at(source)
    return min((newest[table] for table in tables), default=None) if newest.keys() >= set(tables) else None


def _retries() -> dg.RetryPolicy:
    section = Section("retry")
    return dg.RetryPolicy(
        max_retries=section.integer("times", 2, 0, 10),
        delay=section.integer("seconds", 30, 0, 3600),
        backoff=dg.Backoff.EXPONENTIAL,
        jitter=dg.Jitter.PLUS_MINUS,
    )


def _retry_later(context: dg.AssetExecutionContext, source: str, fault: IngestionError) -> None:
    """Requests a retry for transient faults, but not for invalid settings or missing permissions.

    Raises dagster.RetryRequested. Other steps run during the delay.
    """
    policy = _retries()
    if fault.transient and context.retry_number < policy.max_retries:
        seconds = max(0, round(policy.calculate_delay(context.retry_number + 1)))
        context.log.warning(f"{source}: retry in {seconds} s: {fault}")
        raise dg.RetryRequested(policy.max_retries, seconds) from fault


@dataclass(frozen=True)
class Landed:
    """Result of a load: its report, its duration in seconds, and the tables of the source afterwards."""

    report: LoadReport
    seconds: float
    stored: Mapping[Relation, StoredTable]


def _executed_steps(context: dg.AssetExecutionContext) -> set[str]:
    """Names of the steps that this run executes; a partial run or a retry skips some."""
    selected = {node.name for node in context.job_def.nodes}
    retried = context.run.step_keys_to_execute
    return selected if retried is None else selected & set(retried)


def _parallel_parts(context: dg.AssetExecutionContext) -> list[Part]:
    """Parts that this run loads in parallel from the start: those that depend on no other source."""
    steps = _executed_steps(context)
    return [
        (source, part)
        for source in SOURCES
        for part in parts(source)
        if f"{source}_{part}" in steps and not reads_first(source)
    ]


def _load(
    context: dg.AssetExecutionContext, settings: RunSettings, loads_of_run: LoadsOfRun, source: str, part: str
) -> Iterator[dg.MaterializeResult[None]]:
    keys = sorted(context.selected_asset_keys)
    as_of = settings.instant(context.instance, context.run.run_id)

    def land(requested: Part, report: Callable[[str], None], stopped: threading.Event) -> Landed:
        return _land(requested, settings, as_of, report, stopped)

    loads = loads_of_run.loads
    try:
        if any(daily == "daily" for _, daily in [*_parallel_parts(context), (source, part)]):
            # fix the days before a load changes the data that they are derived from
            settings.window(as_of)
        loads.start(_parallel_parts(context), land)
        landed: Landed = loads.result((source, part), land, context.log.info, again=context.retry_number > 0)
    except IngestionError as fault:
        _retry_later(context, source, fault)
        yield from _stale_results(context, settings, source, keys, fault)
        return
    report = landed.report
    facts = {
        "status": "skipped" if report.skipped else "landed",
        "as_of": None if report.skipped else as_of.isoformat(),
        "quarantined": report.quarantined,
        "left_out": list(report.left_out),
        "requests": report.requests,
        "from_files": report.from_files,
        "message": report.message,
        "seconds": round(landed.seconds, 1),
    }
    yield from _results(keys, landed.stored, report.rows, facts)


def _land(
    part: Part,
    settings: RunSettings,
    as_of: datetime,
    report_progress: Callable[[str], None],
    stopped: threading.Event,
) -> Landed:
    """Loads a part in the thread of its source."""
    source, name = part
    began = time.monotonic()
    with writing(f"raw_{source}"):
        report = load(
            source,
            name,
            window=settings.window(as_of) if name == "daily" else None,
            as_of=as_of,
            reread=settings.days_to_reread(),
            progress=report_progress,
            exclusive=lambda other: writing(f"raw_{other}"),
            stopped=stopped,
        )
        return Landed(report, time.monotonic() - began, read_catalog([f"raw_{source}"]))


def _stale_results(
    context: dg.AssetExecutionContext,
    settings: RunSettings,
    source: str,
    keys: Sequence[dg.AssetKey],
    fault: IngestionError,
) -> Iterator[dg.MaterializeResult[None]]:
    """Results with the last loaded data, if `--allow-stale` permits it. Raises dagster.Failure otherwise."""
    if source not in settings.allow_stale:
        raise dg.Failure(description=str(fault), allow_retries=False) from None
    landed = landed_at(source, [key.path[-1] for key in keys])
    if landed is None:
        line = f"{fault} (--allow-stale {source} is not possible: the source was never loaded completely)"
        raise dg.Failure(description=line, allow_retries=False) from None
    context.log.warning(f"{source} is stale, using its data of {landed.isoformat()}: {fault}")
    with writing(f"raw_{source}"):
        stored = read_catalog([f"raw_{source}"])
    facts = {"status": "stale", "stale": True, "as_of": landed.isoformat(), "message": str(fault)}
    yield from _results(keys, stored, {}, facts)


def _results(
    keys: Sequence[dg.AssetKey],
    stored: Mapping[Relation, StoredTable],
    rows: Mapping[str, int],
    facts: Mapping[str, Any],
) -> Iterator[dg.MaterializeResult[None]]:
    for key in keys:
        table = relation(key.path[1], key.path[-1])
        added = table_metadata(stored[table]) if table in stored else {}
        yield dg.MaterializeResult(
            asset_key=key, metadata={**facts, "rows": rows.get(table.name, 0), **added}
        )


def _priority(source: str, part: str) -> str:
    """Priority of the step that waits for a load. Landing pages load after the sources with their URLs."""
    if reads_first(source):
        return "1"
    return "2" if part == "entities" else "0"


def _asset(source: str, part: str) -> dg.AssetsDefinition:
    @dlt_assets(
        dlt_source=build_source(source, part, None, datetime.now(UTC)),
        # load() creates the pipeline; here it would write to disk whenever the definitions load
        dlt_pipeline=None,
        name=f"{source}_{part}",
        dagster_dlt_translator=RawTranslator(),
        op_tags={"dagster/priority": _priority(source, part)},
    )
    def tables(
        context: dg.AssetExecutionContext, run_settings: RunSettings, loads_of_run: LoadsOfRun
    ) -> Iterator[dg.MaterializeResult[None]]:
        yield from _load(context, run_settings, loads_of_run, source, part)

    return tables


raw_assets = [
    *(_asset(source, "entities") for source in SOURCES),
    *(_asset(source, "daily") for source in DAILY_SOURCES),
]
