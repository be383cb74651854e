"""The raw tables as assets: per source one load of its entities and one of its daily figures."""

# Annotations are not postponed here: Dagster reads them when a step is defined.
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from functools import cache
from typing import Any, cast

import dagster as dg
from dagster_dlt import DagsterDltTranslator, dlt_assets
from dagster_dlt.translator import DltResourceTranslatorData

from ingestion.config import Section
from ingestion.pipelines import (
    RAW_SCHEMA,
    SOURCES,
    IngestionError,
    LoadReport,
    Reread,
    Window,
    build_source,
    load,
    loaded_at,
    reads_first,
)
from orchestration.assets.stored import Relation, look
from orchestration.assets.tables import code, table_facts
from orchestration.execution.locking import writing
from orchestration.execution.partitions import DAILY_SOURCES, days
from orchestration.execution.resources import RunSettings
from orchestration.project import manifest

OWNER = "team:ingestion"

#: What the raw tables are read from. Nothing here materializes them.
apis = {
    name: dg.AssetSpec(
        ["api", name], description=f"{title}.", group_name="apis", owners=[OWNER], kinds={kind, "http"}
    )
    for name, title, kind in (
        ("hubspot", "HubSpot's CRM, forms and event APIs", "hubspot"),
        ("google_ads", "The Google Ads API", "google"),
        ("facebook_ads", "Meta's Marketing API", "facebook"),
        ("linkedin_ads", "LinkedIn's Marketing and Lead Sync APIs", "linkedin"),
        ("landing_pages", "The public pages that ads and forms lead to", "html"),
    )
}


def relation(source: str, table: str) -> Relation:
    """A raw table, as dbt's sources name it."""
    return Relation(f"raw_{source}", RAW_SCHEMA, table)


@cache
def _descriptions() -> dict[tuple[str, str], str]:
    """What dbt's YAML says of each raw table."""
    return {
        (node["source_name"], node["name"]): node["description"] for node in manifest()["sources"].values()
    }


class RawTranslator(DagsterDltTranslator):
    """Names an asset like the dbt source of its table. Upstream of it is HTTP, and what it reads first."""

    def get_asset_spec(self, data: DltResourceTranslatorData) -> dg.AssetSpec:
        source, table = data.resource.source_name, data.resource.name
        return dg.AssetSpec(
            ["raw", source, table],
            deps=[apis[source].key, *(dg.AssetKey(["raw", *upstream]) for upstream in reads_first(source))],
            description=_descriptions().get((source, table)),
            metadata={
                "dagster/table_name": str(relation(source, table)),
                **code(f"ingestion/sources/{source}/source.py", f"ingestion/sources/{source}/tables.py"),
            },
            group_name=f"raw_{source}",
            owners=[OWNER],
            kinds={"dlt", "duckdb"},
        )


def landed_at(source: str, tables: list[str]) -> datetime | None:
    """As-of of the oldest last load among `tables` of a source; None where one of them never landed."""
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
    """Asks for another attempt where the fault may pass by itself; settings and permissions never do.

    Raises dagster.RetryRequested. The step leaves its pool while it waits.
    """
    policy = _retries()
    if fault.transient and context.retry_number < policy.max_retries:
        seconds = max(0, round(policy.calculate_delay(context.retry_number + 1)))
        context.log.warning(f"{source}: again in {seconds} s: {fault}")
        raise dg.RetryRequested(policy.max_retries, seconds) from fault


def _results(
    keys: list[dg.AssetKey], rows: Mapping[str, int], facts: Mapping[str, Any]
) -> Iterator[dg.MaterializeResult[None]]:
    source = keys[0].path[1]
    with writing(f"raw_{source}"):
        stored = look([f"raw_{source}"])
    for key in keys:
        table = relation(source, key.path[-1])
        shown = table_facts(stored[table]) if table in stored else {}
        yield dg.MaterializeResult(
            asset_key=key, metadata={**facts, "rows": rows.get(table.name, 0), **shown}
        )


def _load(
    context: dg.AssetExecutionContext, settings: RunSettings, source: str, part: str, window: Window | None
) -> Iterator[dg.MaterializeResult[None]]:
    keys = sorted(context.selected_asset_keys)
    as_of = settings.instant(context.instance, context.run.run_id)
    try:
        with writing(f"raw_{source}"):
            report: LoadReport = load(
                source,
                part,
                window=window,
                as_of=as_of,
                reread=cast(Reread, settings.reread),
                progress=context.log.info,
                exclusive=lambda other: writing(f"raw_{other}"),
            )
    except IngestionError as fault:
        _retry_later(context, source, fault)
        if source not in settings.allow_stale:
            raise dg.Failure(description=str(fault), allow_retries=False) from None
        landed = landed_at(source, [key.path[-1] for key in keys])
        if landed is None:
            line = f"{fault} (--allow-stale {source} has nothing to fall back to: it never landed completely)"
            raise dg.Failure(description=line, allow_retries=False) from None
        context.log.warning(f"{source} is stale, its state of {landed.isoformat()} goes on: {fault}")
        yield from _results(
            keys, {}, {"status": "stale", "stale": True, "as_of": landed.isoformat(), "message": str(fault)}
        )
        return
    facts = {
        "status": "skipped" if report.skipped else "landed",
        "as_of": None if report.skipped else as_of.isoformat(),
        "quarantined": report.quarantined,
        "requests": report.requests,
        "from_files": report.from_files,
        "message": report.message,
    }
    yield from _results(keys, report.rows, facts)


def _entities(source: str) -> dg.AssetsDefinition:
    @dlt_assets(
        dlt_source=build_source(source, "entities", None, datetime.now(UTC)),
        # load() makes the pipeline; making one here would write to disk whenever the definitions load
        dlt_pipeline=None,
        name=f"{source}_entities",
        dagster_dlt_translator=RawTranslator(),
        pool=f"raw_{source}",
    )
    def entities(
        context: dg.AssetExecutionContext, run_settings: RunSettings
    ) -> Iterator[dg.MaterializeResult[None]]:
        yield from _load(context, run_settings, source, "entities", None)

    return entities


def _daily(source: str) -> dg.AssetsDefinition:
    @dlt_assets(
        dlt_source=build_source(source, "daily", None, datetime.now(UTC)),
        dlt_pipeline=None,
        name=f"{source}_daily",
        dagster_dlt_translator=RawTranslator(),
        partitions_def=days,
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=f"raw_{source}",
    )
    def daily(
        context: dg.AssetExecutionContext, run_settings: RunSettings
    ) -> Iterator[dg.MaterializeResult[None]]:
        keys = context.partition_key_range
        window = Window(date.fromisoformat(keys.start), date.fromisoformat(keys.end))
        yield from _load(context, run_settings, source, "daily", window)

    return daily


raw_assets = [*map(_entities, SOURCES), *map(_daily, DAILY_SOURCES)]
