"""dbt models as assets, built by one dbt build per run, with dbt's data tests as asset checks."""

# No postponed annotations: Dagster reads them when a step is defined.
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any

import dagster as dg
from dagster_dbt import (
    DagsterDbtTranslator,
    DagsterDbtTranslatorSettings,
    DbtCliInvocation,
    DbtCliResource,
    dbt_assets,
)
from dagster_shared.record import replace

from ingestion.errors import redact
from ingestion.pipelines import SOURCES, finish_erasures
from orchestration.assets.catalog import Relation, read_catalog
from orchestration.assets.lineage import column_lineage
from orchestration.assets.tables import code_references, table_metadata
from orchestration.execution import parent
from orchestration.execution.locking import writing
from orchestration.execution.resources import RunSettings
from orchestration.execution.runs import HomeLock
from orchestration.project import (
    BUILD_ARGUMENTS,
    PROJECT_DIR,
    build_dir,
    build_environment,
    build_faults,
    manifest,
    metrics_by_model,
    prepared_project,
    reuse_parsed,
    spilled_dir,
    warehouse_path,
    warning_messages,
)


class WarehouseTranslator(DagsterDbtTranslator):
    """Uses [schema, name] of the table as the asset key, and its layer as the group.

    Sources have the key of their raw table, from `meta.dagster.asset_key`.
    """

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        if dbt_resource_props["resource_type"] == "source":
            return super().get_asset_key(dbt_resource_props)
        return dg.AssetKey([dbt_resource_props["schema"], dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        # one group per folder would be too many for one screen
        if dbt_resource_props["resource_type"] == "model":
            return super().get_group_name(dbt_resource_props) or str(dbt_resource_props["fqn"][1])
        return f"{dbt_resource_props['resource_type']}s"

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        # without the SQL, which dagster-dbt would show above the columns; the code reference links to it
        return str(dbt_resource_props["description"])

    def get_asset_check_spec(
        self, asset_spec: dg.AssetSpec, manifest: Mapping[str, Any], unique_id: str, project: Any
    ) -> dg.AssetCheckSpec | None:
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        if spec is None or spec.description:
            return spec
        return replace(spec, description=_test_description(manifest["nodes"][unique_id]))

    def get_metadata(self, dbt_resource_props: Mapping[str, Any]) -> Mapping[str, Any]:
        yaml = (dbt_resource_props.get("patch_path") or "").partition("://")[2]
        files = [path for path in (dbt_resource_props["original_file_path"], yaml) if path]
        metrics = _metrics().get(dbt_resource_props["unique_id"])
        return {
            **super().get_metadata(dbt_resource_props),
            **({"metrics": dg.MetadataValue.md(_metric_list(metrics))} if metrics else {}),
            **code_references(*(f"{PROJECT_DIR.name}/{path}" for path in files)),
        }


@cache
def _metrics() -> Mapping[str, list[Mapping[str, Any]]]:
    return metrics_by_model(manifest())


def _metric_list(metrics: Iterable[Mapping[str, Any]]) -> str:
    return "\n".join(
        f"- `{metric['name']}` ({metric['meta']['unit']}): {metric['description']}" for metric in metrics
    )


def _test_description(test: Mapping[str, Any]) -> str:
    """Description of a data test, else its name and arguments from the dbt YAML."""
    if test["description"] or "test_metadata" not in test:
        return str(test["description"])
    arguments = {name: value for name, value in test["test_metadata"]["kwargs"].items() if name != "model"}
    values = (
        ", ".join(map(str, value)) if isinstance(value, list) else str(value) for value in arguments.values()
    )
    return f"{test['test_metadata']['name'].replace('_', ' ')}: {'; '.join(values)}"


@dbt_assets(
    manifest=manifest(),
    project=prepared_project(),
    # dbt sources that are bookkeeping tables of a load share the asset key of a raw table
    dagster_dbt_translator=WarehouseTranslator(
        DagsterDbtTranslatorSettings(enable_duplicate_source_asset_keys=True)
    ),
    name="dbt_models",
)
def dbt_models(
    context: dg.AssetExecutionContext, dbt: DbtCliResource, run_settings: RunSettings, home_lock: HomeLock
) -> Iterator[Any]:
    """Builds and tests all models at the as-of time. Fails with one line per root fault."""
    as_of = run_settings.instant(context.instance, context.run.run_id)
    if finish_erasures(lambda source: writing(f"raw_{source}")):
        context.log.info("contacts were erased: the warehouse is rebuilt")
        _delete_build()
    # rows that a killed build spilled
    shutil.rmtree(spilled_dir(), ignore_errors=True)
    build_dir().mkdir(parents=True, exist_ok=True)
    reuse_parsed(prepared_project().target_path, build_dir())
    os.environ.update(parent.tied(build_environment(as_of)))
    (build_dir() / "run_results.json").unlink(missing_ok=True)
    with writing("warehouse"):
        invocation = dbt.cli(BUILD_ARGUMENTS, context=context, target_path=build_dir(), raise_on_error=False)
        # dbt locks the warehouse file while it runs, so table metadata is read afterwards
        events = list(_log_progress(context, invocation.stream()))
        if events:
            yield from _with_table_metadata(context, events, as_of)
    if invocation.process.returncode == 0:
        return
    if (build_dir() / "run_results.json").exists():
        lines = build_faults(
            invocation.get_artifact("run_results.json"), invocation.get_artifact("manifest.json")
        )
    else:
        lines = []
    raise dg.Failure(
        description="\n".join(
            lines or [f"dbt stopped before it built a model: {redact(_dbt_errors(invocation))}"]
        ),
        allow_retries=False,
    )


def _delete_build() -> None:
    """Deletes the warehouse and the last build's artifacts: dropped tables stay in a file's free blocks."""
    with writing("warehouse"):
        for path in (warehouse_path(), warehouse_path().with_name(f"{warehouse_path().name}.wal")):
            path.unlink(missing_ok=True)
        shutil.rmtree(build_dir(), ignore_errors=True)


def _dbt_errors(invocation: DbtCliInvocation) -> str:
    """Errors that dbt printed, without the command that dagster-dbt adds."""
    _, _, errors = str(invocation.get_error()).partition("Errors parsed from dbt logs:")
    return errors.strip() or f"exit code {invocation.process.returncode}, no error message"


def _log_progress(context: dg.AssetExecutionContext, events: Iterator[Any]) -> Iterator[Any]:
    """Logs after every 20 models how many are built."""
    built, total = 0, len(context.selected_asset_keys)
    for event in events:
        if isinstance(event, dg.Output):
            built += 1
            if built % 20 == 0:
                context.log.info(f"models: {built} of {total} built")
        yield event


def _with_table_metadata(
    context: dg.AssetExecutionContext, events: list[Any], as_of: datetime
) -> Iterator[Any]:
    """Adds columns, row counts and lineage to the events of a build, and messages to its warnings."""
    built_manifest = build_dir() / "manifest.json"
    content = json.loads(built_manifest.read_bytes()) if built_manifest.exists() else manifest()
    catalog = read_catalog(["warehouse", *(f"raw_{name}" for name in SOURCES)])
    lineage = column_lineage(
        content,
        {relation: found.columns for relation, found in catalog.items()},
        build_dir() / "column_lineage.json",
        as_of=as_of.isoformat(),
    )
    for line in lineage.faults:
        context.log.warning(line)
    keys = _keys(content)
    for event in events:
        if isinstance(event, dg.Output):
            unique_id = str(event.metadata["unique_id"].value)
            node = content["nodes"][unique_id]
            if table := catalog.get(Relation.parse(node["relation_name"])):
                added = table_metadata(table, node["columns"], lineage.origins.get(unique_id), keys)
                event = event.with_metadata({**event.metadata, **added})
        elif isinstance(event, dg.AssetCheckResult) and _is_warning(event):
            event = event.with_metadata(
                {**event.metadata, "messages": warning_messages(str(event.check_name))}
            )
        yield event


def _keys(content: Mapping[str, Any]) -> dict[Relation, dg.AssetKey]:
    translator = WarehouseTranslator()
    return {
        Relation.parse(node["relation_name"]): translator.get_asset_key(node)
        for node in [*content["nodes"].values(), *content["sources"].values()]
        if node.get("relation_name") and node["resource_type"] in ("model", "seed", "source")
    }


def _is_warning(check: dg.AssetCheckResult) -> bool:
    return not check.passed and check.severity is dg.AssetCheckSeverity.WARN
