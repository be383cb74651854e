"""Convert raw pages to Arrow by one declaration per table, without a Python loop over rows.

`pyarrow.json` reads scalars with an explicit schema and rejects values that do not fit. DuckDB extracts the
JSON columns from the same bytes as received; `pyarrow.json` would rebuild them without unknown keys.
Pages that do not fit are read value by value (`tolerant.py`), which isolates the bad rows.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from typing import Any, Literal

import duckdb
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from ingestion.errors import redact
from ingestion.http import bodies
from ingestion.landing import tolerant

INSTANT = pa.timestamp("us", tz="UTC")
MONEY = pa.decimal128(18, 6)
_WIDE = pa.decimal256(60, 30)
_LAST_DIGITS = r"(?P<id>[0-9]+)$"
_LONGEST_SHOWN = 64
_URL_QUERY = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://[^\s?#]*)[?#]\S*")
# HubSpot, whose properties have the longest texts, allows 65,536 characters
_LONGEST_TEXT = 500_000
_ROWS_PATH = re.compile(r"[^.\[\]]+")

Kind = Literal[
    "text", "id", "instant", "epoch_ms", "date", "date_parts", "integer", "float", "money", "boolean", "json"
]
Disposition = Literal["replace", "merge", "observe", "track"]

_TARGET: dict[Kind, pa.DataType] = {
    "text": pa.string(),
    "id": pa.string(),
    "instant": INSTANT,
    "epoch_ms": INSTANT,
    "date": pa.date32(),
    "date_parts": pa.date32(),
    "integer": pa.int64(),
    "float": pa.float64(),
    "money": MONEY,
    "boolean": pa.bool_(),
    "json": pa.string(),
}
_SQL_NAME: dict[pa.DataType, str] = {
    pa.string(): "VARCHAR",
    INSTANT: "TIMESTAMP WITH TIME ZONE",
    pa.date32(): "DATE",
    pa.int64(): "BIGINT",
    pa.float64(): "DOUBLE",
    MONEY: "DECIMAL(18,6)",
    pa.bool_(): "BOOLEAN",
}
_PARTS = pa.struct([("year", pa.int64()), ("month", pa.int64()), ("day", pa.int64())])
# The usual JSON type of a value.
_WIRE: dict[Kind, pa.DataType] = {
    "text": pa.string(),
    "id": pa.string(),
    "instant": pa.string(),
    "epoch_ms": pa.int64(),
    "date": pa.string(),
    "date_parts": _PARTS,
    "integer": pa.string(),
    "float": pa.float64(),
    "money": pa.string(),
    "boolean": pa.bool_(),
}


@dataclass(frozen=True)
class Column:
    """One raw column.

    `path` leads from the row to the value (`a.b`; `^a` starts at the enclosing row of a nested list; `a[0]`
    takes the first element); None takes the value from the request (`Page.context`). `wire` is the JSON type
    if it differs from the usual one of the kind; a `mixed` column has several by its documentation. DuckDB
    computes a `sql` column from the JSON fields in `inputs`, as `row.<name>`. A text column with
    `readable_as` lands as received, but a value that cannot be read as that kind rejects its record; empty
    text is no value.
    """

    name: str
    kind: Kind
    path: str | None = None
    required: bool = False
    wire: pa.DataType | None = None
    mixed: bool = False
    default: Any = None
    sql: str | None = None
    inputs: tuple[str, ...] = ()
    readable_as: Literal["money", "instant", "boolean"] | None = None

    @property
    def target(self) -> pa.DataType:
        """Return the Arrow type of the landed column."""
        return _TARGET[self.kind]

    @property
    def usual(self) -> pa.DataType:
        """Return the JSON type that the typed read expects."""
        return self.wire or _WIRE[self.kind]

    @property
    def from_json(self) -> bool:
        """Return whether DuckDB extracts this column from the page."""
        return self.kind == "json" or self.sql is not None

    @property
    def expression(self) -> str:
        """Return the SQL expression over `row` of a `from_json` column."""
        return self.sql or f'row."{self.path}"'


INT = pa.int64()


@dataclass(frozen=True)
class Table:
    """One raw table: the path of its rows in a page, its columns and its key.

    `rows` is the path of lists from the page down to the row (`results[].to[]`). Values of `private` keys are
    always personal data. Observations replace earlier ones with the same `account` column and `date`; a
    `track` table is a full listing per account and keeps every version. With `whole`, new rows replace all
    earlier rows with the same value of that column. With `latest`, the last version of a record that is read
    twice wins, otherwise the first. If the column `email` belongs to an erased contact, `erasable` columns
    land empty.
    """

    name: str
    rows: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    disposition: Disposition
    account: str = "account_id"
    whole: str | None = None
    latest: bool = False
    private: frozenset[str] = frozenset()
    erasable: tuple[str, ...] = ()

    @cached_property
    def levels(self) -> tuple[str, ...]:
        """Return the names of the nested lists, outermost first."""
        return tuple(_ROWS_PATH.findall(self.rows))

    @cached_property
    def schema(self) -> pa.Schema:
        """Return the Arrow schema of the landed rows, without the columns that the load adds."""
        return pa.schema([(column.name, column.target) for column in self.columns])

    def with_column(self, name: str, **changes: Any) -> Table:
        """Return the table with changed attributes of a column, or unchanged if it has no such column."""
        columns = (replace(each, **changes) if each.name == name else each for each in self.columns)
        return replace(self, columns=tuple(columns))

    def empty(self) -> pa.Table:
        """Return the table without rows."""
        return self.schema.empty_table()


@dataclass(frozen=True)
class Page:
    """The body of one answer, and the values from its request that apply to each of its rows.

    `records` is the number of rows in the body and `ids` are their ids, if the caller read them.
    """

    body: bytes
    context: tuple[tuple[str, str], ...] = ()
    records: int | None = None
    ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rejected:
    """A record that could not be read, with personal data masked, and the reason."""

    record: str
    reason: str


@dataclass
class Reading:
    """The rows and rejected records of a batch of pages.

    `drifted` counts the values that had another JSON type than usual, by column, usual type and type.
    """

    table: pa.Table
    rejected: list[Rejected] = field(default_factory=list)
    drifted: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    @property
    def received(self) -> int:
        """Return the number of records in the pages, rejected ones included."""
        return int(self.table.num_rows) + len(self.rejected)


class Refused(Exception):
    """The typed read rejects these pages; the text is the reason, without any value."""


def mask(value: Any, private: frozenset[str] = frozenset()) -> Any:
    """Mask personal data in a record: e-mail addresses, queries of URLs, long texts, and `private` keys."""
    if isinstance(value, dict):
        return {
            key: f"<{type(item).__name__}>" if key in private and item is not None else mask(item, private)
            for key, item in value.items()
            if key != bodies.UNREADABLE
        }
    if isinstance(value, list):
        return [mask(item, private) for item in value]
    if isinstance(value, str):
        return (
            f"<text of {len(value)} characters>"
            if len(value) > _LONGEST_SHOWN
            else redact(_URL_QUERY.sub(r"\1?<query>", value))
        )
    return value


class Reader:
    """Reads pages of one table. Not thread-safe."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._schema = self._page_schema()
        self._inputs = tuple(
            f'"{name}"'.encode()
            for name in {
                name
                for column in table.columns
                if column.from_json
                for name in (column.inputs or (column.path,))
                if name
            }
        )
        self._json_query = self._build_json_query()
        self._connection: duckdb.DuckDBPyConnection | None = None

    @property
    def _duckdb(self) -> duckdb.DuckDBPyConnection:
        """Return the in-memory database, created on first use because each takes some megabytes."""
        if self._connection is None:
            self._connection = duckdb.connect(":memory:", config={"threads": 1})
        return self._connection

    def close(self) -> None:
        """Close the in-memory database."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def comparable(self, values: pa.Array) -> pa.Array:
        """Return JSON values as texts that do not depend on the order of a list or on JSON types."""
        self._duckdb.register("items", pa.table({"item": values}))
        elements = """list_sort(json_transform(item, '["JSON"]'))::VARCHAR"""
        text = f"""replace(coalesce({elements}, item), '"', '')"""
        query = f"SELECT {_whole('text')} AS item FROM (SELECT {text} AS text FROM items)"
        found = self._duckdb.execute(query).to_arrow_table()
        self._duckdb.unregister("items")
        return found.column("item").combine_chunks()

    def hashes(self, keys: pa.Array) -> pa.Array:
        """Return the hexadecimal MD5 of each text."""
        if not len(keys):
            return pa.array([], pa.string())
        self._duckdb.register("keys", pa.table({"key": keys}))
        found = self._duckdb.execute("SELECT md5(key) AS hash FROM keys").to_arrow_table()
        self._duckdb.unregister("keys")
        return found.column("hash").combine_chunks()

    def read(self, pages: Sequence[bytes], context: dict[str, str]) -> Reading:
        """Read all records of pages that share a context: typed rows, and rejected ones with a reason."""
        if not pages:
            return Reading(self.table.empty())
        try:
            return Reading(self.typed(pages, context))
        except Refused:
            return self._tolerant(pages, context)

    def typed(self, pages: Sequence[bytes], context: dict[str, str]) -> pa.Table:
        """Read pages with the usual types, all or nothing. Raises Refused with the reason."""
        joined = self._wrap(pages)
        if not joined.isascii():
            # pyarrow.json does not look at the bytes of a text
            try:
                joined.decode()
            except UnicodeDecodeError:
                raise Refused("bytes that are not UTF-8") from None
        if bodies.is_marked(joined):
            raise Refused("a value cannot be read")
        try:
            parsed = pj.read_json(
                io.BytesIO(joined),
                read_options=pj.ReadOptions(use_threads=False, block_size=max(1 << 20, len(joined) + 1)),
                parse_options=pj.ParseOptions(
                    explicit_schema=self._schema, newlines_in_values=True, unexpected_field_behavior="ignore"
                ),
            )
        except pa.ArrowInvalid as invalid:
            raise Refused(_shape_reason(str(invalid))) from None
        return self._flatten(parsed, pages, context)

    def _tolerant(self, pages: Sequence[bytes], context: dict[str, str]) -> Reading:
        """Read pages value by value; each row is judged alone."""
        leaves = tolerant.read(self._duckdb, self.table, pages)
        reasons, size = leaves.reasons(), len(leaves.records)
        arrays: list[pa.Array] = []
        seen: dict[str, tuple[str, pa.Array]] = {}
        for column in self.table.columns:
            if column.path is None and column.sql is None:
                arrays.append(pa.array([context[column.name]] * size, pa.string()))
                arrays[-1], reasons = _convert_each(column, arrays[-1], reasons)
                continue
            value = leaves.computed(column) if column.from_json else leaves.value(column)
            reasons = pc.coalesce(reasons, value.reasons)
            found, reasons = _convert_each(column, value.texts, reasons)
            arrays.append(found)
            if value.drifted.null_count < size:
                seen[column.name] = tolerant.usual_name(column), value.drifted
        is_good = pc.is_null(reasons)
        drifted = Counter(
            (name, usual, came)
            for name, (usual, types) in seen.items()
            for came in types.filter(is_good).drop_null().to_pylist()
        )
        rejected = [
            self._reject(record, reason)
            for record, reason in zip(leaves.records.to_pylist(), reasons.to_pylist(), strict=True)
            if reason is not None
        ]
        rows = pa.Table.from_arrays(arrays, schema=self.table.schema).filter(is_good)
        return Reading(rows, rejected, drifted)

    def _wrap(self, pages: Sequence[bytes]) -> bytes:
        # pyarrow.json reads objects only, and searchStream answers with an array
        if self.table.levels[0] == "batches":
            return b"\n".join(b'{"batches":' + page + b"}" for page in pages)
        return b"\n".join(pages)

    def _flatten(self, parsed: pa.Table, pages: Sequence[bytes], context: dict[str, str]) -> pa.Table:
        current = parsed.to_struct_array().combine_chunks()
        enclosing: list[dict[str, pa.Array]] = []
        for depth, level in enumerate(self.table.levels):
            lists = pc.struct_field(current, [level])
            parents = pc.list_parent_indices(lists)
            # only values that a column needs: the whole row would repeat its page once per record
            above = len(self.table.levels) - depth
            enclosing = [
                *({path: values.take(parents) for path, values in taken.items()} for taken in enclosing),
                {
                    path: pc.struct_field(current, path.split(".")).take(parents)
                    for path in self._above(above)
                },
            ]
            current = pc.list_flatten(lists)
        if current.null_count:
            raise Refused("the record is null")
        # pyarrow.json reports a repeated field only if it reads it
        if any(
            sum(page.count(name) for page in pages) > len(current) for name in self._inputs
        ) and tolerant.repeats_field(self._duckdb, self.table, pages):
            raise Refused("a field is specified twice")
        cut = self._cut_json(pages, len(current))
        arrays: list[pa.Array] = []
        for column in self.table.columns:
            if column.path is None and column.sql is None:
                value: pa.Array = pa.array([context[column.name]] * len(current), pa.string())
            elif column.from_json:
                value = cut[column.name]
            else:
                value = _pick(column, current, enclosing)
            arrays.append(_convert(column, value))
        return pa.Table.from_arrays(arrays, schema=self.table.schema)

    def _above(self, levels: int) -> list[str]:
        """Return the paths of the columns whose value is that many levels above the row."""
        carets = "^" * levels
        return [
            column.path.lstrip("^")
            for column in self.table.columns
            if column.path is not None and column.path.startswith(carets) and column.path[levels] != "^"
        ]

    def _cut_json(self, pages: Sequence[bytes], expected: int) -> dict[str, pa.Array]:
        if self._json_query is None:
            return {}
        wrapped = [self._wrap([page]).decode() for page in pages]
        self._duckdb.register("pages", pa.table({"page": pa.array(wrapped, pa.string())}))
        try:
            found = self._duckdb.execute(self._json_query).to_arrow_table()
        except duckdb.Error as error:
            raise Refused(f"the JSON columns cannot be read ({type(error).__name__})") from None
        finally:
            self._duckdb.unregister("pages")
        if found.num_rows != expected:
            raise Refused("a list of the record is not a list")
        return {name: found.column(name).combine_chunks() for name in found.column_names}

    def _build_json_query(self) -> str | None:
        columns = [column for column in self.table.columns if column.from_json]
        if not columns:
            return None
        names = sorted({name for column in columns for name in (column.inputs or (column.path,)) if name})
        structure: dict[str, Any] = dict.fromkeys(names, "JSON")
        for level in reversed(self.table.levels):
            structure = {level: [structure]}
        source = f"SELECT json_transform(page, '{orjson.dumps(structure).decode()}') AS row FROM pages"
        for level in self.table.levels:
            source = f'SELECT unnest(row."{level}") AS row FROM ({source})'
        selected = ", ".join(f'{column.expression} AS "{column.name}"' for column in columns)
        return f"SELECT {selected} FROM ({source})"

    def _page_schema(self) -> pa.Schema:
        rows: list[dict[str, Any]] = [{} for _ in range(len(self.table.levels) + 1)]
        for column in self.table.columns:
            if column.path is None or column.from_json:
                continue
            path = column.path.lstrip("^")
            node = rows[-1 - (len(column.path) - len(path))]
            *parents, leaf = path.split(".")
            for parent in parents:
                node = node.setdefault(parent, {})
            name, _, index = leaf.partition("[")
            node[name] = pa.list_(column.usual) if index else column.usual
        for depth, level in reversed(list(enumerate(self.table.levels))):
            rows[depth][level] = [rows[depth + 1]]
        return pa.schema([pa.field(name, _node_type(child)) for name, child in rows[0].items()])

    def _reject(self, record: str | None, reason: str) -> Rejected:
        document = orjson.loads(record or "null")
        return Rejected(orjson.dumps(mask(document, self.table.private)).decode(), reason)


def _whole(text: str) -> str:
    """Return SQL for JSON text without quotes in which 7.0 is 7."""
    whole = rf"regexp_replace({text}, '\.0+([],}}]|$)', '\1', 'g')"
    return f"CASE WHEN contains({text}, '.0') THEN {whole} ELSE {text} END"


def _node_type(node: Any) -> pa.DataType:
    if isinstance(node, dict):
        return pa.struct([pa.field(name, _node_type(child)) for name, child in node.items()])
    if isinstance(node, list):
        return pa.list_(_node_type(node[0]))
    return node


def _shape_reason(message: str) -> str:
    """Return the reason of a pyarrow.json error: the path and the types, never the value."""
    column = re.search(r"Column\((/[^)]*)\) (changed from \w+ to \w+|was specified twice)", message)
    if column:
        return f"{column[1].replace('/[]', '').strip('/').replace('/', '.')} {column[2]}"
    return redact(message.split(":")[0])


def _pick(column: Column, row: pa.Array, enclosing: Sequence[dict[str, pa.Array]]) -> pa.Array:
    assert column.path is not None
    path = column.path.lstrip("^")
    above = len(column.path) - len(path)
    if above:
        return enclosing[-above][path]
    path, _, index = path.partition("[")
    value = pc.struct_field(row, path.split("."))
    if not index:
        return value
    try:
        return pc.list_element(value, int(index.rstrip("]")))
    except pa.ArrowInvalid:
        raise Refused(f"{column.name}: {path} has too few elements") from None


def _convert_each(column: Column, value: pa.Array, reasons: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Convert the values of rows without a reason; return them, and the reasons with those of bad values."""
    size = len(value)
    alive = pc.indices_nonzero(pc.is_null(reasons))
    parts: list[pa.Array] = []
    bad: dict[int, str] = {}

    def convert(begin: int, end: int) -> None:
        try:
            parts.append(_convert(column, value.take(alive.slice(begin, end - begin))))
            return
        except Refused as refused:
            if end - begin == 1:
                bad[alive[begin].as_py()] = str(refused)
                parts.append(pa.nulls(1, column.target))
                return
        middle = (begin + end) // 2
        convert(begin, middle)
        convert(middle, end)

    convert(0, len(alive))
    converted = pa.concat_arrays(parts)
    if len(alive) < size:
        places: list[int | None] = [None] * size
        for position, row in enumerate(alive.to_pylist()):
            places[row] = position
        converted = converted.take(pa.array(places, pa.int64()))
    if bad:
        reasons = pc.coalesce(reasons, pa.array([bad.get(row) for row in range(size)], pa.string()))
    return converted, reasons


def _convert(column: Column, value: pa.Array) -> pa.Array:
    try:
        result = _CONVERSIONS[column.kind](value) if not column.sql else pc.cast(value, column.target)
    except pa.ArrowInvalid:
        raise Refused(f"{column.name} is not a {_SQL_NAME[column.target]}") from None
    if pa.types.is_string(column.target):
        if (pc.max(pc.binary_length(result)).as_py() or 0) > _LONGEST_TEXT:
            raise Refused(f"{column.name} is longer than {_LONGEST_TEXT:,} bytes")
    elif pa.types.is_floating(column.target) and pc.any(pc.invert(pc.is_finite(result))).as_py():
        raise Refused(f"{column.name} is not a finite number")
    if result.null_count > value.null_count:
        expected = "an id" if column.kind == "id" else f"a {_SQL_NAME[column.target]}"
        raise Refused(f"{column.name} is not {expected}")
    if column.default is not None:
        result = pc.fill_null(result, pa.scalar(column.default, column.target))
    if column.required and result.null_count:
        raise Refused(f"{column.name} is missing")
    if column.readable_as is not None and not _is_readable(column.readable_as, result):
        raise Refused(f"{column.name} is not a {_SQL_NAME[_TARGET[column.readable_as]]}")
    return result


def _is_readable(kind: Kind, texts: pa.Array) -> bool:
    """Return whether each text is empty or a value of this kind, as dbt's staging models read it."""
    trimmed = pc.utf8_trim_whitespace(texts)
    values = trimmed.filter(pc.not_equal(trimmed, ""))
    if kind == "boolean":
        return bool(pc.all(pc.is_in(values, value_set=pa.array(["true", "false"])), min_count=0).as_py())
    if kind == "instant":
        # a day is its midnight in UTC
        values = pc.replace_substring_regex(values, r"^(\d{4}-\d{2}-\d{2})$", r"\1T00:00:00Z")
    try:
        _CONVERSIONS[kind](values)
    except pa.ArrowInvalid:
        return False
    return True


def _to_id(value: pa.Array) -> pa.Array:
    return pc.struct_field(pc.extract_regex(pc.cast(value, pa.string()), _LAST_DIGITS), ["id"])


def _to_epoch(value: pa.Array) -> pa.Array:
    return pc.cast(pc.cast(pc.cast(value, pa.int64()), pa.timestamp("ms", tz="UTC")), INSTANT)


def _to_date_from_parts(value: pa.Array) -> pa.Array:
    def padded(part: str, width: int) -> pa.Array:
        return pc.utf8_lpad(pc.cast(pc.struct_field(value, [part]), pa.string()), width=width, padding="0")

    if pa.types.is_string(value.type):
        return pc.cast(value, pa.date32())
    return pc.cast(
        pc.binary_join_element_wise(padded("year", 4), padded("month", 2), padded("day", 2), "-"), pa.date32()
    )


def _to_money(value: pa.Array) -> pa.Array:
    # round half away from zero, because vendors send up to twenty decimal places
    wide = pc.cast(pc.cast(value, pa.string()), _WIDE)
    return pc.cast(pc.round(wide, ndigits=6, round_mode="half_towards_infinity"), MONEY)


_CONVERSIONS: dict[Kind, Callable[[pa.Array], pa.Array]] = {
    "text": lambda value: pc.cast(value, pa.string()),
    "json": lambda value: pc.cast(value, pa.string()),
    "id": _to_id,
    "instant": lambda value: pc.cast(value, INSTANT),
    "epoch_ms": _to_epoch,
    "date": lambda value: pc.cast(value, pa.date32()),
    "date_parts": _to_date_from_parts,
    "integer": lambda value: pc.cast(value, pa.int64()),
    "float": lambda value: pc.cast(value, pa.float64()),
    "money": _to_money,
    "boolean": lambda value: pc.cast(value, pa.bool_()),
}


def keys_of(table: pa.Table, names: Sequence[str]) -> pa.Array:
    """Return one text per row; two rows have the same text if their key columns are equal, nulls included."""
    # the length in front of each part keeps ("a|b", "c") apart from ("a", "b|c")
    parts: list[Any] = []
    if len(names) == 1 and not table.column(names[0]).null_count:
        return pc.cast(table.column(names[0]), pa.string()).combine_chunks()
    for name in names:
        text = pc.cast(table.column(name), pa.string())
        length = pc.cast(pc.utf8_length(text), pa.string())
        parts.append(pc.fill_null(pc.binary_join_element_wise(length, text, ":"), "-"))
    joined = pc.binary_join_element_wise(*parts, "|")
    return joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined


def constant(value: datetime | date | bool, size: int, kind: pa.DataType) -> pa.Array:
    """Return an array with `size` times the same value."""
    return pa.repeat(pa.scalar(value, kind), size)
