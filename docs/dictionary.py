"""Write the data dictionary from the dbt YAML: a page per published table and a page of metrics."""

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
    "marts": "Tables for BI: dimensions, and facts at the grain in the first sentence of each page.",
    "reconciliation": "The bridge with its reasons, the ledger of single events, and actions to fix.",
}


_METRICS = """
# Metrics

Common figures, defined once in `dbt_project/models/metrics.yml`, on the semantic models in the same folder.
No metric adds up attribution reports: each uses the default report, the report in its name, or a table
without reports.

## Query metrics

MetricFlow (`mf`, installed by `make setup`) generates the query and runs it on the published file:

```
cd dbt_project
export ADLEDGER_DBT_TARGET=serving
export ADLEDGER_HOME=$PWD/../.adledger    # for the demonstration: $PWD/../.adledger/demo
../.venv/bin/dbt parse
../.venv/bin/mf query --metrics network_conversions,reconciled_contacts --group-by metric_time__month,network
```

`--explain` shows the SQL. `metric_time` is the day: in the ad account's time zone if the table has `date`,
else in UTC; append `__week`, `__month`, `__quarter` or `__year`. Keys (`network`, `ad_account`,
`campaign`, `ad`) are the same in all metrics, so that one query can combine several. With the keys
`campaign`, `ad` and `contact` you can also group by their attributes (`campaign__campaign_name`, …). Filter
with `--where "{{ Entity('network') }} = 'google_ads'"`. `mf` checks for a newer version of itself when it
starts; it sends nothing else.

## List of metrics
"""
# prefixes of attributes of keys that several tables share: listed once, not per table
_SHARED = ("ad__", "campaign__", "contact__")

# MetricFlow logs every step at level INFO
logging.getLogger("metricflow_semantics").setLevel(logging.WARNING)


class _Dialect(SqlClient):
    """SQL client that lets MetricFlow generate DuckDB queries without running them."""

    sql_engine_type = SqlEngine.DUCKDB
    sql_plan_renderer = DuckDbSqlPlanRenderer()

    query = execute = dry_run = close = render_bind_parameter_key = None


def semantic_layer() -> MetricFlowEngine:
    """Return a MetricFlow engine on the project's semantic models, without a warehouse."""
    written = prepared_project().manifest_path.with_name("semantic_manifest.json").read_text()
    return MetricFlowEngine(
        SemanticManifestLookup(parse_manifest_from_dbt_generated_manifest(written)), _Dialect()
    )


def write_metrics(page: Path) -> None:
    """Write the page of metrics, with description, unit, source tables and dimensions of each."""
    content, engine = manifest(), semantic_layer()
    tables = {model["unique_id"]: model["name"] for model in published_models(content)}
    tables_of: dict[str, list[str]] = {}
    for model, metrics in metrics_by_model(content).items():
        for metric in metrics:
            tables_of.setdefault(metric["name"], []).append(tables[model])
    by_source: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for _, metric in sorted(content["metrics"].items()):
        by_source.setdefault(tuple(sorted(tables_of[metric["name"]])), []).append(metric)
    lines, names = [_METRICS.strip()], set()
    for source, metrics in sorted(by_source.items()):
        keys, dimensions = _grouped_by(engine, [metric["name"] for metric in metrics])
        names |= {*keys, *dimensions}
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
            description = f"**{metric['label']}.** {metric['description']}"
            lines.append(f"| `{metric['name']}` | {metric['meta']['unit']} | {description} |")
    meanings = _meanings(content)
    lines += ["", "## Keys and dimensions", "", "| name | |", "| --- | --- |"]
    lines += [f"| `{name}` | {meanings[name]} |" for name in sorted(names)]
    page.write_text("\n".join(lines) + "\n")


def _grouped_by(engine: MetricFlowEngine, metrics: list[str]) -> tuple[list[str], list[str]]:
    """Return the keys and dimensions that the metrics share, without time and without joins over two keys."""
    keys = {entity.name for entity in engine.entities_for_metrics(metrics)}
    dimensions = {
        dimension.granularity_free_dunder_name
        for dimension in engine.simple_dimensions_for_metrics(metrics)
        if len(dimension.entity_links) == 1
    }
    return sorted(keys), sorted(dimensions)


def _meanings(content: Mapping[str, Any]) -> dict[str, str]:
    """Return the description of each entity and dimension: its own, else that of its column."""
    found = {}
    for semantic in content["semantic_models"].values():
        (model,) = semantic["depends_on"]["nodes"]
        columns = content["nodes"][model]["columns"]
        primary = semantic["primary_entity"] or next(
            entity["name"] for entity in semantic["entities"] if entity["type"] == "primary"
        )
        for one in [*semantic["entities"], *semantic["dimensions"]]:
            column = columns.get(one["expr"] or one["name"], {"description": None})
            description = one["description"] or column["description"]
            name = one["name"] if one in semantic["entities"] else f"{primary}__{one['name']}"
            if description:
                found.setdefault(name, " ".join(description.split()).replace("|", "\\|"))
    return found


def write(folder: Path) -> None:
    """Write `index.md` and one page per table into `folder`, after emptying it."""
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
        "All published tables and columns, from the dbt YAML. The published file contains the same texts:",
        "`SELECT column_name, comment FROM duckdb_columns()`. Keys, units and time:",
        "[contract](../contract.md), section 2.",
    ]
    for schema, meaning in _SCHEMAS.items():
        names = sorted(model["name"] for model in models if model["schema"] == schema)
        lines += ["", f"## {schema}", "", meaning, "", "```{toctree}", ":maxdepth: 1", "", *names, "```"]
    return lines


def _readers(content: Mapping[str, Any]) -> list[str]:
    lines = ["", "## Readers", "", "| reader | | tables |", "| --- | --- | --- |"]
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
        description = " ".join(column["description"].split()).replace("|", "\\|")
        for values in filter(None, rules):
            description += f" One of {', '.join(f'`{value}`' for value in values)}."
        column_type = f"{column['data_type']}{'' if None in rules else ', may be null'}"
        lines.append(f"| `{name}` | {column_type} | {description} |")
    if contract.constraints:
        lines += [
            "",
            "## Constraints",
            "",
            "The file is not published if a row violates one of these constraints:",
            "",
        ]
    lines += [
        f"- `{name}`: violated by a row that {constraint.violation}"
        for name, constraint in contract.constraints.items()
    ]
    return lines
