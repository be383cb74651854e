"""The data dictionary: a page for each published table, from the dbt YAML, where its meaning stands."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from orchestration.contracts import Contract, build_contract
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
    for model in models:
        lines = _page(model, build_contract(model, content))
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
    if contract.promises:
        lines += [
            "",
            "## What its rows keep",
            "",
            "The file is not published where rows break one of these:",
            "",
        ]
    lines += [f"- `{name}`: else a row {promise.violation}" for name, promise in contract.promises.items()]
    return lines
