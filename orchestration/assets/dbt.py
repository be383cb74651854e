"""The models as assets: one dbt build per run, its data tests as checks."""

# Annotations are not postponed here: Dagster reads them when a step is defined.
import json
import os
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
from ingestion.pipelines import SOURCES
from orchestration.assets.lineage import column_lineage
from orchestration.assets.catalog import Relation, look
from orchestration.assets.tables import code, table_metadata
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
    warning_messages,
)


class WarehouseTranslator(DagsterDbtTranslator):
    """Names an asset as the warehouse names the table: [schema, name], grouped by its layer.

    Sources keep the key their `meta.dagster.asset_key` states, which is the raw table's.
    """

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        if dbt_resource_props["resource_type"] == "source":
            return super().get_asset_key(dbt_resource_props)
        return dg.AssetKey([dbt_resource_props["schema"], dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        # a group per folder is too many for one screen
        if dbt_resource_props["resource_type"] == "model":
            return super().get_group_name(dbt_resource_props) or str(dbt_resource_props["fqn"][1])
        return f"{dbt_resource_props['resource_type']}s"

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        # without the SQL, which would stand before the columns: the code's link leads to it
        return str(dbt_resource_props["description"])

    def get_asset_check_spec(
        self, asset_spec: dg.AssetSpec, manifest: Mapping[str, Any], unique_id: str, project: Any
    ) -> dg.AssetCheckSpec | None:
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        if spec is None or spec.description:
            return spec
        return replace(spec, description=_promise(manifest["nodes"][unique_id]))

    def get_metadata(self, dbt_resource_props: Mapping[str, Any]) -> Mapping[str, Any]:
        yaml = (dbt_resource_props.get("patch_path") or "").partition("://")[2]
        files = [path for path in (dbt_resource_props["original_file_path"], yaml) if path]
        measured = _metrics().get(dbt_resource_props["unique_id"])
        return {
            **super().get_metadata(dbt_resource_props),
            **({"metrics": dg.MetadataValue.md(_listed(measured))} if measured else {}),
            **code(*(f"{PROJECT_DIR.name}/{path}" for path in files)),
        }


@cache
def _metrics() -> Mapping[str, list[Mapping[str, Any]]]:
    return metrics_by_model(manifest())


def _listed(metrics: Iterable[Mapping[str, Any]]) -> str:
    return "\n".join(
        f"- `{metric['name']}` ({metric['meta']['unit']}): {metric['description']}" for metric in metrics
    )


def _promise(test: Mapping[str, Any]) -> str:
    """What a data test asks for, as its own description says it, else in the words of the dbt YAML."""
    if test["description"] or "test_metadata" not in test:
        return str(test["description"])
    asked = {name: value for name, value in test["test_metadata"]["kwargs"].items() if name != "model"}
    values = (
        ", ".join(map(str, value)) if isinstance(value, list) else str(value) for value in asked.values()
    )
    return f"{test['test_metadata']['name'].replace('_', ' ')}: {'; '.join(values)}"


@dbt_assets(
    manifest=manifest(),
    project=prepared_project(),
    # what a load writes beside its tables stands with one of them
    dagster_dbt_translator=WarehouseTranslator(
        DagsterDbtTranslatorSettings(enable_duplicate_source_asset_keys=True)
    ),
    name="dbt_models",
)
def dbt_models(
    context: dg.AssetExecutionContext, dbt: DbtCliResource, run_settings: RunSettings, home_lock: HomeLock
) -> Iterator[Any]:
    """Builds and tests every model as seen at as-of; fails with one line per root fault."""
    as_of = run_settings.instant(context.instance, context.run.run_id)
    build_dir().mkdir(parents=True, exist_ok=True)
    reuse_parsed(prepared_project().target_path, build_dir())
    os.environ.update(build_environment(as_of))
    (build_dir() / "run_results.json").unlink(missing_ok=True)
    with writing("warehouse"):
        invocation = dbt.cli(BUILD_ARGUMENTS, context=context, target_path=build_dir(), raise_on_error=False)
        # dbt holds the warehouse file while it runs: what lies in it can be told when it is done
        events = list(_counted(context, invocation.stream()))
        if events:
            yield from _completed(context, events, as_of)
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
            lines or [f"dbt stopped before it built anything: {redact(_said(invocation))}"]
        ),
        allow_retries=False,
    )


def _said(invocation: DbtCliInvocation) -> str:
    """The errors that dbt printed, without the command that dagster-dbt puts before them."""
    _, _, errors = str(invocation.get_error()).partition("Errors parsed from dbt logs:")
    return errors.strip() or f"it ended with {invocation.process.returncode} and printed no error"


def _counted(context: dg.AssetExecutionContext, events: Iterator[Any]) -> Iterator[Any]:
    """Says now and then how far the build is."""
    built, wanted = 0, len(context.selected_asset_keys)
    for event in events:
        if isinstance(event, dg.Output):
            built += 1
            if built % 20 == 0:
                context.log.info(f"models: {built} of {wanted} built")
        yield event


def _completed(context: dg.AssetExecutionContext, events: list[Any], as_of: datetime) -> Iterator[Any]:
    """The events of a build with what its tables hold, and what the rows of its warnings say."""
    built = build_dir() / "manifest.json"
    content = json.loads(built.read_bytes()) if built.exists() else manifest()
    stored = look(["warehouse", *(f"raw_{name}" for name in SOURCES)])
    lineage = column_lineage(
        content,
        {relation: found.columns for relation, found in stored.items()},
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
            if table := stored.get(Relation.parse(node["relation_name"])):
                shown = table_metadata(table, node["columns"], lineage.origins.get(unique_id), keys)
                event = event.with_metadata({**event.metadata, **shown})
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
