"""The data dictionary: a page per published table and one of the metrics, from the dbt YAML."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from metricflow.engine.metricflow_engine import MetricFlowEngine
from metricflow.protocols.sql_client import SqlClient, SqlEngine
from metricflow.sql.render.duckdb_renderer import DuckDbSqlPlanRenderer
from metricflow_semantics.model.dbt_manifest_parser import parse_manifest_from_dbt_generated_manifest
from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup

from orchestration.checks.contracts import Contract, build_contract
from orchestration.project import manifest, metrics_by_model, prepared_project, published_models

_SCHEMAS = {
    "marts": "What BI reads: dimensions, and facts at the grain that each page opens with.",
    "reconciliation": "Why the numbers differ: the bridge, the ledger behind it, and what to do about it.",
}


_METRICS = """
# Metrics

The figures that people compare, defined once: in `dbt_project/models/metrics.yml`, on the semantic models
beside it. No metric adds attribution reports up: it reads the default one, the one in its name, or a table
without any.

## Ask for them

MetricFlow (`mf`, installed by `make setup`) writes the query and runs it on the published file:

```
cd dbt_project
export ADLEDGER_DBT_TARGET=serving
export ADLEDGER_HOME=$PWD/../.adledger    # of the demonstration: $PWD/../.adledger/demo
../.venv/bin/dbt parse
../.venv/bin/mf query --metrics network_conversions,reconciled_contacts --group-by metric_time__month,network
```

`--explain` shows the SQL. `metric_time` is the figure's day: the ad account's where the table has
`date`, else in UTC; add `__week`, `__month`, `__quarter` or `__year`. Keys (`network`, `ad_account`,
`campaign`, `ad`) are the same in every metric, so that several can be asked for at once; where
`campaign`, `ad` or `contact` is a key, so are the names and traits that belong to it
(`campaign__campaign_name`, …). A filter is `--where "{{ Entity('network') }} = 'google_ads'"`. `mf` looks
for a newer version of itself when it starts; nothing else leaves the machine.

## The metrics
"""
# what belongs to a key that several tables share, told once
_SHARED = ("ad__", "campaign__", "contact__")

# it tells of each step it takes
logging.getLogger("metricflow_semantics").setLevel(logging.WARNING)


class _Dialect(SqlClient):
    """What MetricFlow needs to write a query without running it."""

    sql_engine_type = SqlEngine.DUCKDB
    sql_plan_renderer = DuckDbSqlPlanRenderer()

    query = execute = dry_run = close = render_bind_parameter_key = None


def semantic_layer() -> MetricFlowEngine:
    """MetricFlow on the project's semantic models, without a warehouse."""
    written = prepared_project().manifest_path.with_name("semantic_manifest.json").read_text()
    return MetricFlowEngine(
        SemanticManifestLookup(parse_manifest_from_dbt_generated_manifest(written)), _Dialect()
    )


def write_metrics(page: Path) -> None:
    """Writes the page of the metrics: what each measures, its unit, what it is made of and grouped by."""
    content, engine = manifest(), semantic_layer()
    tables = {model["unique_id"]: model["name"] for model in published_models(content)}
    made_of: dict[str, list[str]] = {}
    for model, metrics in metrics_by_model(content).items():
        for metric in metrics:
            made_of.setdefault(metric["name"], []).append(tables[model])
    by_source: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for _, metric in sorted(content["metrics"].items()):
        by_source.setdefault(tuple(sorted(made_of[metric["name"]])), []).append(metric)
    lines, named = [_METRICS.strip()], set()
    for source, metrics in sorted(by_source.items()):
        keys, dimensions = _grouped_by(engine, [metric["name"] for metric in metrics])
        named |= {*keys, *dimensions}
        own = [name for name in dimensions if not name.startswith(_SHARED)]
        lines += [
            "",
            f"### {', '.join(source)}",
            "",
            f"From {', '.join(f'[{table}](tables/{table}.md)' for table in source)}.",
            f"Group by {', '.join(f'`{name}`' for name in ['metric_time', *keys, *own])}.",
            "",
            "| metric | unit | |",
            "| --- | --- | --- |",
        ]
        for metric in metrics:
            said = f"**{metric['label']}.** {metric['description']}"
            lines.append(f"| `{metric['name']}` | {metric['meta']['unit']} | {said} |")
    meanings = _meanings(content)
    lines += ["", "## What they are grouped by", "", "| name | |", "| --- | --- |"]
    lines += [f"| `{name}` | {meanings[name]} |" for name in sorted(named)]
    page.write_text("\n".join(lines) + "\n")


def _grouped_by(engine: MetricFlowEngine, metrics: list[str]) -> tuple[list[str], list[str]]:
    """The keys and dimensions that the metrics share, without time itself and what only two keys lead to."""
    keys = {entity.name for entity in engine.entities_for_metrics(metrics)}
    dimensions = {
        dimension.granularity_free_dunder_name
        for dimension in engine.simple_dimensions_for_metrics(metrics)
        if len(dimension.entity_links) == 1
    }
    return sorted(keys), sorted(dimensions)


def _meanings(content: Mapping[str, Any]) -> dict[str, str]:
    """What each entity and dimension is: its own description, else that of its column."""
    found = {}
    for semantic in content["semantic_models"].values():
        (model,) = semantic["depends_on"]["nodes"]
        columns = content["nodes"][model]["columns"]
        primary = semantic["primary_entity"] or next(
            entity["name"] for entity in semantic["entities"] if entity["type"] == "primary"
        )
        for one in [*semantic["entities"], *semantic["dimensions"]]:
            column = columns.get(one["expr"] or one["name"], {"description": None})
            said = one["description"] or column["description"]
            name = one["name"] if one in semantic["entities"] else f"{primary}__{one['name']}"
            if said:
                found.setdefault(name, " ".join(said.split()).replace("|", "\\|"))
    return found


def write(folder: Path) -> None:
    """Writes `index.md` and one page per table into `folder`, which is emptied before."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    content = manifest()
    models = list(published_models(content))
    for model in models:
        lines = _page(model, build_contract(model, content))
        (folder / f"{model['name']}.md").write_text("\n".join(lines) + "\n")
    (folder / "index.md").write_text("\n".join([*_index(models), *_readers(content)]) + "\n")


def _index(models: Iterable[Mapping[str, Any]]) -> list[str]:
    lines = [
        "# Data dictionary",
        "",
        "Every published table and column, as the dbt YAML declares them. The same words stand in the file",
        "itself: `SELECT column_name, comment FROM duckdb_columns()`. Keys, units and time:",
        "[contract](../contract.md), section 2.",
    ]
    for schema, meaning in _SCHEMAS.items():
        names = sorted(model["name"] for model in models if model["schema"] == schema)
        lines += ["", f"## {schema}", "", meaning, "", "```{toctree}", ":maxdepth: 1", "", *names, "```"]
    return lines


def _readers(content: Mapping[str, Any]) -> list[str]:
    lines = ["", "## Who reads them", "", "| reader | | reads |", "| --- | --- | --- |"]
    for _, exposure in sorted(content["exposures"].items()):
        tables = (content["nodes"][parent]["name"] for parent in exposure["depends_on"]["nodes"])
        read = ", ".join(f"[{table}]({table}.md)" for table in tables)
        lines.append(f"| {exposure['label']} | {exposure['description']} | {read} |")
    return lines


def _page(model: Mapping[str, Any], contract: Contract) -> list[str]:
    grain, _, rest = model["description"].partition(". ")
    lines = [f"# {model['name']}", "", f"**{grain.rstrip('.')}.** {rest}".rstrip(), ""]
    for key in contract.columns.unique or ():
        lines += [f"Key: {', '.join(f'`{name}`' for name in key)}; nulls are equal.", ""]
    lines += [f"In the file: `{contract.schema}.{contract.table}`.", "", "## Columns", ""]
    lines += ["| column | type | |", "| --- | --- | --- |"]
    for name, column in model["columns"].items():
        rules = [rule.accepted for rule in contract.values if rule.column == name]
        said = " ".join(column["description"].split()).replace("|", "\\|")
        for values in filter(None, rules):
            said += f" One of {', '.join(f'`{value}`' for value in values)}."
        kind = f"{column['data_type']}{'' if None in rules else ', may be null'}"
        lines.append(f"| `{name}` | {kind} | {said} |")
    if contract.constraints:
        lines += [
            "",
            "## What its rows keep",
            "",
            "The file is not published where rows break one of these:",
            "",
        ]
    lines += [
        f"- `{name}`: else a row {constraint.violation}" for name, constraint in contract.constraints.items()
    ]
    return lines
