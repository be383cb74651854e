"""Column lineage of the models, from the SQL that dbt compiled.

dagster-dbt's own column lineage parses a model once per column and does not support `union all by name`.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingestion.errors import redact
from orchestration.assets.catalog import Relation

#: Source columns, as (relation, column), of each column.
Origins = dict[str, list[tuple[Relation, str]]]


@dataclass(frozen=True)
class Lineage:
    """Origins by model id, and one message per model whose SQL could not be parsed."""

    origins: dict[str, Origins]
    faults: list[str]


def column_lineage(
    content: Mapping[str, Any], columns: Mapping[Relation, Mapping[str, str]], cache: Path, *, as_of: str
) -> Lineage:
    """Returns the origins of every column of every model in the compiled manifest `content`.

    `columns` are the columns of all relations with their types. Results are kept in the file `cache`. A model
    is parsed again only if its SQL or the columns it may read have changed. A new `as_of` is not a change.
    """
    cached = json.loads(cache.read_bytes()) if cache.exists() else {}
    relations = {
        unique_id: Relation.parse(node["relation_name"])
        for unique_id, node in {**content["nodes"], **content["sources"]}.items()
        if node.get("relation_name")
    }
    found: dict[str, Any] = {}
    for unique_id, node in content["nodes"].items():
        if node["resource_type"] != "model" or not node.get("compiled_code"):
            continue
        sql = node["compiled_code"].replace(as_of, "as-of")
        # an incremental model reads itself
        inputs = [relations[one] for one in (unique_id, *node["depends_on"]["nodes"]) if one in relations]
        read = {relation: dict(columns[relation]) for relation in inputs if relation in columns}
        key = hashlib.sha256(repr((sql, sorted(read.items()))).encode()).hexdigest()
        previous = cached.get(unique_id)
        found[unique_id] = (
            previous if previous and previous["key"] == key else {"key": key, **_parse(sql, read)}
        )
    if found != cached:
        cache.write_text(json.dumps(found))
    return Lineage(
        {
            unique_id: {
                name: [(Relation(*relation), column) for relation, column in origins]
                for name, origins in one["origins"].items()
            }
            for unique_id, one in found.items()
        },
        [f"no column lineage of {name}: {one['fault']}" for name, one in found.items() if one["fault"]],
    )


# it logs whole queries that it parses only partly; missing origins are visible in the result
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)


def _parse(sql: str, columns: Mapping[Relation, Mapping[str, str]]) -> dict[str, Any]:
    from sqlglot.errors import SqlglotError

    try:
        return {"origins": dict(_origins(sql, columns)), "fault": None}
    # sqlglot also raises ValueError for unsupported SQL
    except (SqlglotError, ValueError) as error:
        return {"origins": {}, "fault": redact(str(error).splitlines()[0])}


def _origins(
    sql: str, columns: Mapping[Relation, Mapping[str, str]]
) -> Iterator[tuple[str, list[tuple[Relation, str]]]]:
    from sqlglot import exp, parse_one
    from sqlglot.lineage import lineage
    from sqlglot.optimizer import build_scope
    from sqlglot.optimizer.qualify import qualify
    from sqlglot.schema import MappingSchema

    tree: dict[str, Any] = {}
    for relation, types in columns.items():
        tree.setdefault(relation.database, {}).setdefault(relation.schema, {})[relation.name] = dict(types)
    schema = MappingSchema(tree, dialect="duckdb")
    query = qualify(
        parse_one(sql, dialect="duckdb"), schema=schema, dialect="duckdb", validate_qualify_columns=False
    )
    for union in query.find_all(exp.SetOperation):
        if union.args.get("by_name"):
            _align_columns(union)
    # trim_selects and copy would copy the query for each node
    found = lineage(
        None,
        query,
        schema=schema,
        dialect="duckdb",
        scope=build_scope(query),
        trim_selects=False,
        copy=False,
    )
    for name, node in found.items():
        tables = ((end.expression, end.name) for end in node.walk() if not end.downstream)
        origins = {
            (Relation(table.catalog, table.db, table.name), column.split(".")[-1].strip('"'))
            for table, column in tables
            if isinstance(table, exp.Table)
        }
        # sqlglot finds no origin for columns of UNPIVOT
        origins = {(relation, column) for relation, column in origins if column in columns.get(relation, ())}
        yield name, sorted(origins)


def _align_columns(union: Any) -> None:
    """Gives both sides of a `union by name` the same columns in the same order."""
    from sqlglot import exp

    sides = list(_sides(union))
    names = list(dict.fromkeys(column.alias_or_name for side in sides for column in side.selects))
    for side in sides:
        given = {column.alias_or_name: column for column in side.selects}
        columns = [given.get(name) or exp.alias_(exp.Null(), name, quoted=True) for name in names]
        side.set("expressions", columns)


def _sides(query: Any) -> Iterator[Any]:
    from sqlglot import exp

    if isinstance(query, exp.SetOperation) and query.args.get("by_name"):
        query.set("by_name", False)
        yield from _sides(query.left)
        yield from _sides(query.right)
    else:
        yield query.unnest()
