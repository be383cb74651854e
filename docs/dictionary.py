"""The data dictionary: a page for each published table, from the dbt YAML, where its meaning stands."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from orchestration.project import manifest, published_models

_SCHEMAS = {
    "marts": "What BI reads: dimensions, and facts at the grain that each page opens with.",
    "reconciliation": "Why the numbers differ: the bridge, the ledger behind it, and what to do about it.",
}


def write(folder: Path) -> None:
    """Writes `index.md` and one page per table into `folder`, which is emptied before."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    content = manifest()
    models = list(published_models(content))
    tests: dict[str, list[Mapping[str, Any]]] = {}
    for node in content["nodes"].values():
        if node["resource_type"] == "test" and node.get("attached_node"):
            tests.setdefault(node["attached_node"], []).append(node)
    for model in models:
        lines = _page(model, tests.get(model["unique_id"], []))
        (folder / f"{model['name']}.md").write_text("\n".join(lines) + "\n")
    (folder / "index.md").write_text("\n".join(_index(models)) + "\n")


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


def _page(model: Mapping[str, Any], tests: Iterable[Mapping[str, Any]]) -> list[str]:
    grain, _, rest = model["description"].partition(". ")
    lines = [f"# {model['name']}", "", f"**{grain.rstrip('.')}.** {rest}".rstrip(), ""]
    tests = list(tests)
    for test in tests:
        if (test.get("test_metadata") or {}).get("name") == "unique_combination":
            key = ", ".join(f"`{name}`" for name in test["test_metadata"]["kwargs"]["columns"])
            lines += [f"Key: {key}; nulls are equal.", ""]
    lines += [f"In the file: `{model['schema']}.{model['name']}`.", "", "## Columns", ""]
    lines += ["| column | type | |", "| --- | --- | --- |"]
    for column in model["columns"].values():
        values = _values(column["name"], tests)
        said = " ".join(column["description"].split()).replace("|", "\\|")
        said += f" One of {', '.join(f'`{value}`' for value in values)}." if values else ""
        required = any(constraint["type"] == "not_null" for constraint in column["constraints"])
        kind = f"{column['data_type']}{'' if required else ', may be null'}"
        lines.append(f"| `{column['name']}` | {kind} | {said} |")
    kept = [*_kept(model), *sorted(test["description"] for test in tests if test["description"])]
    if kept:
        lines += [
            "",
            "## What its rows keep",
            "",
            "A row that breaks one of these keeps the file from being published.",
            "",
        ]
        lines += [f"- {sentence}" for sentence in kept]
    return lines


def _values(column: str, tests: Iterable[Mapping[str, Any]]) -> list[str]:
    for test in tests:
        metadata = test.get("test_metadata") or {}
        if metadata.get("name") == "accepted_values" and metadata["kwargs"].get("column_name") == column:
            return list(map(str, metadata["kwargs"]["values"]))
    return []


def _kept(model: Mapping[str, Any]) -> Iterable[str]:
    for promise in model["config"]["meta"].get("invariants", []):
        by = f" per {', '.join(promise['by'])}" if promise.get("by") else ""
        yield f"`{' '.join(promise['holds'].split())}`{by}: else it {promise['violation']}"
    for promise in model["config"]["meta"].get("references", []):
        yield f"has its row in [{promise['to']}]({promise['to']}.md)"
