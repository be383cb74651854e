"""The published file as an asset, downstream of every published model."""

# No postponed annotations: Dagster reads them when a step is defined.
from datetime import datetime

import dagster as dg

from ingestion.config import readers_group
from ingestion.landing.personal import ErasedAddresses
from ingestion.pipelines import SOURCES, home, landed_days
from orchestration.assets.publishing import Published, SourceState, publish
from orchestration.assets.raw import raw_assets
from orchestration.assets.tables import code_references
from orchestration.execution.locking import writing
from orchestration.execution.runs import HomeLock
from orchestration.project import manifest, published_models, warehouse_path

_models = list(published_models(manifest()))


def source_state(instance: dg.DagsterInstance, source: str) -> SourceState:
    """State of a source, from the last materializations of its raw tables; one stale table makes it stale.

    A source that was loaded without some of its accounts is partial.
    """
    keys = [key for asset in raw_assets for key in asset.keys if key.path[1] == source]
    found = []
    for key in keys:
        event = instance.get_latest_materialization_event(key)
        if event and event.asset_materialization:
            found.append(event.asset_materialization.metadata)
    statuses = {str(metadata["status"].value) for metadata in found}
    instants = [metadata["as_of"].value for metadata in found]
    if any(getattr(metadata.get("left_out"), "value", None) for metadata in found):
        statuses.add("partial")
    days = landed_days(source)
    status = next((name for name in ("stale", "partial", "landed") if name in statuses), "skipped")
    return SourceState(
        source,
        status,
        days.end if days else None,
        min(datetime.fromisoformat(str(instant)) for instant in instants if instant)
        if any(instants)
        else None,
    )


@dg.asset(
    key=["serving", "serving_duckdb"],
    deps=[dg.AssetKey([model["schema"], model["name"]]) for model in _models],
    group_name="serving",
    owners=["team:reconciliation"],
    metadata=code_references("orchestration/assets/publishing.py"),
    kinds={"duckdb"},
)
def serving_duckdb(context: dg.AssetExecutionContext, home_lock: HomeLock) -> dg.MaterializeResult[None]:
    """The DuckDB file that all readers use, replaced as a whole (docs/contract.md, section 1)."""
    target = home() / "serving.duckdb"
    tables = [
        Published(
            model["schema"],
            model["alias"],
            model["description"],
            {name: column["description"] for name, column in model["columns"].items()},
        )
        for model in _models
    ]
    states = [source_state(context.instance, source) for source in SOURCES]
    with writing("warehouse"):
        rows = publish(warehouse_path(), target, tables, states, readers_group())
    # the published file was the last one with data of contacts erased since
    ErasedAddresses(home()).finish()
    return dg.MaterializeResult(
        metadata={"path": dg.MetadataValue.path(target), "tables": len(rows) + 1, "rows": sum(rows.values())}
    )
