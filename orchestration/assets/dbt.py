"""The models as assets: one dbt build per run, its data tests as checks."""

# Annotations are not postponed here: Dagster reads them when a step is defined.
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtCliResource, dbt_assets

from orchestration.locking import writing
from orchestration.project import (
    build_arguments,
    build_dir,
    build_faults,
    manifest,
    prepared_project,
    warning_messages,
)
from orchestration.resources import RunSettings


class WarehouseTranslator(DagsterDbtTranslator):
    """Names an asset as the warehouse names the table: [schema, name], grouped by the layer's folder.

    Sources keep the key their `meta.dagster.asset_key` states, which is the raw table's.
    """

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        if dbt_resource_props["resource_type"] == "source":
            return super().get_asset_key(dbt_resource_props)
        return dg.AssetKey([dbt_resource_props["schema"], dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        if dbt_resource_props["resource_type"] == "model":
            return str(dbt_resource_props["fqn"][1])
        return f"{dbt_resource_props['resource_type']}s"


@dbt_assets(
    manifest=manifest(),
    project=prepared_project(),
    # what a load writes beside its tables stands with one of them
    dagster_dbt_translator=WarehouseTranslator(
        DagsterDbtTranslatorSettings(enable_duplicate_source_asset_keys=True)
    ),
    name="dbt_models",
    pool="warehouse",
)
def dbt_models(
    context: dg.AssetExecutionContext, dbt: DbtCliResource, run_settings: RunSettings
) -> Iterator[Any]:
    """Builds and tests every model as seen at as-of; fails with one line per root fault."""
    as_of = run_settings.instant(context.instance, context.run.run_id)
    build_dir().mkdir(parents=True, exist_ok=True)
    (build_dir() / "run_results.json").unlink(missing_ok=True)
    with writing("warehouse"):
        invocation = dbt.cli(
            build_arguments(as_of), context=context, target_path=build_dir(), raise_on_error=False
        )
        # dbt holds the warehouse file while it runs: rows can be read when it is done
        warned: list[dg.AssetCheckResult] = []
        for event in invocation.stream():
            if isinstance(event, dg.AssetCheckResult) and _is_warning(event):
                warned.append(event)
            else:
                yield event
        for event in warned:
            yield event.with_metadata({**event.metadata, "messages": warning_messages(str(event.check_name))})
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
            lines or [f"dbt stopped before it built anything: see {build_dir() / 'dbt.log'}"]
        ),
        allow_retries=False,
    )


def _is_warning(check: dg.AssetCheckResult) -> bool:
    return not check.passed and check.severity is dg.AssetCheckSeverity.WARN
