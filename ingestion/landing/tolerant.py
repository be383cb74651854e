"""Read pages value by value if the typed read refuses them: a value in another JSON type is the same value.

DuckDB returns JSON type and text of every declared value of all rows at once. Numbers, texts and booleans
that mean the same become the text that the typed read converts; a value that could mean two things is refused
with a reason. Each row is judged alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.http import bodies
from ingestion.sql import sql_text

if TYPE_CHECKING:
    from ingestion.landing.arrow import Column, Table

# a double holds every whole number below this one, so that a smaller number lost no digits
_EXACT = float(2**53)
_INTEGERS = pa.array(["UBIGINT", "BIGINT"])
_NUMBERS = pa.array(["UBIGINT", "BIGINT", "DOUBLE", "HUGEINT", "UHUGEINT"])
_NAMES = {
    "VARCHAR": "string",
    "BOOLEAN": "boolean",
    "OBJECT": "object",
    "ARRAY": "array",
    **dict.fromkeys(_NUMBERS.to_pylist(), "number"),
}
_DATE_PARTS = ("year", "month", "day")
_NUMERIC = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
#: The kinds that accept a JSON number, and those that accept a boolean, in place of their usual type.
_NUMBER_KINDS = frozenset({"text", "id", "integer", "epoch_ms", "float", "money"})
_BOOLEAN_KINDS = frozenset({"text", "boolean"})
_WHOLE_KINDS = frozenset({"id", "integer", "epoch_ms"})


@dataclass(frozen=True)
class Value:
    """The values of a column, one per row: texts that the typed conversion accepts, and the refused rows.

    `reasons` has one reason per refused row, else null; `drifted` the JSON type of a value that does not have
    the usual one, else null.
    """

    texts: pa.Array
    reasons: pa.Array
    drifted: pa.Array


class Leaves:
    """The declared values of a batch of pages; `records` has the JSON text of each row."""

    def __init__(self, table: Table, found: pa.Table) -> None:
        self._table, self._found = table, found
        self.records: pa.Array = found.column("record").combine_chunks()

    def reasons(self) -> pa.Array:
        """Return why a row as a whole cannot be read, null if it can."""
        record_type = self._column("record_type")
        reasons = pc.if_else(pc.equal(record_type, "OBJECT"), None, "the record is not an object")
        reasons = pc.if_else(
            pc.or_kleene(pc.is_null(record_type), pc.equal(record_type, "NULL")),
            "the record is null",
            reasons,
        )
        reasons = pc.if_else(self._column("is_repeated"), "a field is specified twice", reasons)
        marked = self._column("is_marked")
        if not pc.any(marked).as_py():
            return reasons
        marks = [
            bodies.mark_of(orjson.loads(record)) if is_marked else None
            for record, is_marked in zip(self.records.to_pylist(), marked.to_pylist(), strict=True)
        ]
        return pc.coalesce(pa.array(marks, pa.string()), reasons)

    def computed(self, column: Column) -> Value:
        """Return the values of a column that DuckDB computes."""
        value = self._column(f"sql_{column.name}")
        reasons = pc.if_else(pc.is_valid(value), None, f"{column.name} cannot be read")
        return Value(
            pc.struct_field(value, ["v"]), pc.cast(reasons, pa.string()), pa.nulls(len(value), pa.string())
        )

    def value(self, column: Column) -> Value:
        """Return the values of a column that is read by its path."""
        if column.kind != "date_parts":
            return self._value(column, *_place(self._table, column))
        node, path = _place(self._table, column)
        parts = [self._value(column, node, (*path, part)) for part in _DATE_PARTS]
        padded = [
            pc.utf8_lpad(part.texts, width=width, padding="0")
            for part, width in zip(parts, (4, 2, 2), strict=True)
        ]
        reasons = pc.coalesce(*(part.reasons for part in parts))
        drifted = pc.coalesce(*(part.drifted for part in parts))
        return Value(pc.binary_join_element_wise(*padded, "-"), reasons, drifted)

    def _column(self, name: str) -> pa.Array:
        return self._found.column(name).combine_chunks()

    def _leaf(self, node: int, path: tuple[str, ...]) -> tuple[pa.Array, pa.Array]:
        position = _paths(self._table)[node].index(path)
        types, texts = self._column(f"types_{node}"), self._column(f"texts_{node}")
        return pc.list_element(types, position), pc.list_element(texts, position)

    def _value(self, column: Column, node: int, path: tuple[str, ...]) -> Value:
        types, texts = self._leaf(node, path)
        shown, usual = ".".join(path), usual_name(column)
        is_missing = pc.or_kleene(pc.is_null(types), pc.equal(types, "NULL"))
        is_text, is_number = pc.equal(types, "VARCHAR"), pc.is_in(types, _NUMBERS)
        is_boolean = pc.equal(types, "BOOLEAN")
        kind = "integer" if column.kind == "date_parts" else column.kind
        fits = is_text
        if kind in _NUMBER_KINDS:
            fits = pc.or_(pc.fill_null(fits, False), pc.fill_null(is_number, False))
        if kind in _BOOLEAN_KINDS:
            fits = pc.or_(pc.fill_null(fits, False), pc.fill_null(is_boolean, False))
        fits = pc.fill_null(fits, False)
        seen = _named(types)
        changed = pc.binary_join_element_wise(f"{shown} changed from {usual} to ", seen, "")
        reasons = pc.if_else(pc.or_(fits, is_missing), None, changed)
        texts = pc.if_else(fits, texts, None)
        # 7.0 is 7
        if kind in _WHOLE_KINDS or kind == "text":
            whole = pc.replace_substring_regex(texts, r"^(-?\d+)\.0+$", r"\1")
            texts = whole if kind != "text" else pc.if_else(is_number, whole, texts)
        reasons = self._judged(column, kind, types, texts, reasons)
        reasons = pc.coalesce(self._parents(column, node, path), reasons)
        texts = pc.if_else(pc.is_valid(reasons), None, texts)
        is_other = pc.and_(pc.is_valid(texts), pc.not_equal(seen, usual))
        drifted = pc.if_else(is_other, None if column.mixed else seen, None)
        return Value(texts, reasons, drifted)

    def _judged(
        self, column: Column, kind: str, types: pa.Array, texts: pa.Array, reasons: pa.Array
    ) -> pa.Array:
        """Add the reasons of values that could mean two things."""
        is_text = pc.fill_null(pc.equal(types, "VARCHAR"), False)
        if kind == "boolean":
            is_wrong = pc.and_(is_text, pc.invert(pc.is_in(texts, pa.array(["true", "false"]))))
            return pc.if_else(pc.fill_null(is_wrong, False), f"{column.name} is not a BOOLEAN", reasons)
        if kind == "float":
            is_wrong = pc.and_(is_text, pc.invert(pc.match_substring_regex(texts, _NUMERIC)))
            return pc.if_else(pc.fill_null(is_wrong, False), f"{column.name} is not a DOUBLE", reasons)
        if kind not in _NUMBER_KINDS or kind == "money":
            return reasons
        is_number = pc.fill_null(pc.is_in(types, _NUMBERS), False)
        numbers = pc.cast(pc.if_else(is_number, texts, None), pa.float64())
        is_inexact = pc.fill_null(pc.greater_equal(pc.abs(numbers), _EXACT), False)
        if kind in ("integer", "epoch_ms") or usual_name(column) == "number":
            # an integer is exact where the vendor usually sends one
            is_inexact = pc.and_(is_inexact, pc.invert(pc.is_in(types, _INTEGERS)))
        lost = f"{column.name} is a number that is too large to be exact"
        reasons = pc.if_else(is_inexact, lost, reasons)
        if kind == "id":
            is_wrong = pc.and_(is_number, pc.invert(pc.match_substring_regex(texts, r"^\d+$")))
            reasons = pc.if_else(pc.fill_null(is_wrong, False), f"{column.name} is not an id", reasons)
        return reasons

    def _parents(self, column: Column, node: int, path: tuple[str, ...]) -> pa.Array:
        """Return the reasons of rows in which an object or list above the value is something else."""
        reasons: pa.Array = pa.nulls(len(self.records), pa.string())
        for depth in range(1, len(path)):
            parent, below = path[:depth], path[depth]
            types, _ = self._leaf(node, parent)
            expected = "array" if below.startswith("[") else "object"
            seen = _named(types)
            is_wrong = pc.fill_null(pc.not_equal(seen, expected), False)
            changed = pc.binary_join_element_wise(f"{'.'.join(parent)} changed from {expected} to ", seen, "")
            reasons = pc.coalesce(reasons, pc.if_else(is_wrong, changed, None))
            if expected == "array":
                too_few = pc.and_(
                    pc.fill_null(pc.equal(seen, "array"), False),
                    pc.is_null(self._leaf(node, path[: depth + 1])[0]),
                )
                text = f"{column.name}: {'.'.join(parent)} has too few elements"
                reasons = pc.coalesce(reasons, pc.if_else(too_few, text, None))
        return reasons


def read(connection: duckdb.DuckDBPyConnection, table: Table, pages: Sequence[bytes]) -> Leaves:
    """Return the declared values of all rows of some pages."""
    texts = [bodies.mended(page).decode() for page in pages]
    connection.register("pages", pa.table({"page": pa.array(texts, pa.string())}))
    try:
        return Leaves(table, connection.execute(_query(table)).to_arrow_table())
    finally:
        connection.unregister("pages")


def repeats_field(connection: duckdb.DuckDBPyConnection, table: Table, pages: Sequence[bytes]) -> bool:
    """Return whether a row of some pages has one of the declared fields twice."""
    texts = [page.decode() for page in pages]
    connection.register("pages", pa.table({"page": pa.array(texts, pa.string())}))
    try:
        last = len(table.levels)
        query = f"SELECT bool_or({_repeated(table, last)}) FROM ({_rows_query(table)})"
        found = connection.execute(query).fetchone()
        return bool(found and found[0])
    finally:
        connection.unregister("pages")


def _place(table: Table, column: Column) -> tuple[int, tuple[str, ...]]:
    """Return the node that a column's path begins at (0 is the page), and the steps of its path."""
    assert column.path is not None
    path = column.path.lstrip("^")
    steps: list[str] = []
    for step in path.split("."):
        name, bracket, index = step.partition("[")
        steps += [name, *([bracket + index] if bracket else [])]
    return len(table.levels) - (len(column.path) - len(path)), tuple(steps)


def _paths(table: Table) -> list[list[tuple[str, ...]]]:
    """Return, per node, the paths of its declared values and of the objects and lists above them."""
    found: list[dict[tuple[str, ...], None]] = [{} for _ in range(len(table.levels) + 1)]
    for column in table.columns:
        if column.path is None or column.from_json:
            continue
        node, path = _place(table, column)
        ends = [(*path, part) for part in _DATE_PARTS] if column.kind == "date_parts" else [path]
        for end in ends:
            found[node] |= {end[:depth]: None for depth in range(1, len(end) + 1)}
    return [list(paths) for paths in found]


def _query(table: Table) -> str:
    last = len(table.levels)
    selected = [
        f"n{last}::VARCHAR AS record",
        f"json_type(n{last}) AS record_type",
        f"coalesce(contains(n{last}::VARCHAR, '\"{bodies.UNREADABLE}\":'), false) AS is_marked",
        f"{_repeated(table, last)} AS is_repeated",
    ]
    for node, paths in enumerate(_paths(table)):
        if paths:
            listed = ", ".join(sql_text(_json_path(path)) for path in paths)
            selected.append(f"json_type(n{node}, [{listed}]) AS types_{node}")
            selected.append(f"json_extract_string(n{node}, [{listed}]) AS texts_{node}")
    computed = [column for column in table.columns if column.from_json]
    selected += [f'TRY(struct_pack(v := {column.expression})) AS "sql_{column.name}"' for column in computed]
    names = {name for column in computed for name in (column.inputs or (column.path,)) if name}
    structure = orjson.dumps(dict.fromkeys(sorted(names) or ["id"], "JSON")).decode()
    rows = f"SELECT *, json_transform(n{last}, {sql_text(structure)}) AS row FROM ({_rows_query(table)})"
    return f"SELECT {', '.join(selected)} FROM ({rows})"


def _rows_query(table: Table) -> str:
    """Return a query of one row per record: the page as n0, and each nested list's element below it.

    What is no list, or below no object, becomes the record itself, so that it is counted and refused.
    """
    page = "'{\"batches\":' || page || '}'" if table.levels[0] == "batches" else "page"
    query = f"SELECT ({page})::JSON AS n0 FROM pages"
    for node, level in enumerate(table.levels):
        path = sql_text(_json_path((level,)))
        elements = (
            f"CASE WHEN json_type(n{node}) IS DISTINCT FROM 'OBJECT' THEN [n{node}]"
            f" WHEN json_type(n{node}, {path}) = 'ARRAY'"
            f" THEN json_transform(json_extract(n{node}, {path}), '[\"JSON\"]')"
            f" WHEN coalesce(json_type(n{node}, {path}), 'NULL') = 'NULL' THEN []::JSON[]"
            f" ELSE [json_extract(n{node}, {path})] END"
        )
        query = f"SELECT *, unnest({elements}) AS n{node + 1} FROM ({query})"
    return query


def _repeated(table: Table, node: int) -> str:
    """Return an expression that is true for rows with a declared field that is specified twice."""
    names: dict[tuple[str, ...], set[str]] = {(): set()}
    for path in _paths(table)[node]:
        if not path[-1].startswith("["):
            names.setdefault(path[:-1], set()).add(path[-1])
    for column in table.columns:
        if column.from_json:
            names[()] |= {name for name in (column.inputs or (column.path,)) if name}
    checks = []
    for above, known in sorted(names.items()):
        if known:
            listed = ", ".join(map(sql_text, sorted(known)))
            keys = f"json_keys(n{node}, {sql_text(_json_path(above))})"
            declared = f"list_filter({keys}, lambda name: name IN ({listed}))"
            checks.append(f"len({declared}) > len(list_distinct({declared}))")
    return f"coalesce({' OR '.join(checks)}, false)" if checks else "false"


def _json_path(path: tuple[str, ...]) -> str:
    return "$" + "".join(step if step.startswith("[") else f'."{step}"' for step in path)


def usual_name(column: Column) -> str:
    """Return the name of the JSON type that a column usually has."""
    kind = column.usual
    if pa.types.is_boolean(kind):
        return "boolean"
    return "number" if pa.types.is_integer(kind) or pa.types.is_floating(kind) else "string"


def _named(types: pa.Array) -> pa.Array:
    """Return the names of JSON types, null for null and for a missing value."""
    encoded = pc.dictionary_encode(pc.cast(types, pa.string()))
    names: list[Any] = [_NAMES.get(name) for name in encoded.dictionary.to_pylist()]
    return pa.array(names, pa.string()).take(encoded.indices)
