"""What the rows of a published table promise beyond their columns: stated in the dbt YAML, decided by DuckDB.

A model's `config.meta` lists `invariants` (of a row, or of a group of rows), `references` (rows of other
published tables) and `conserves` (sums that are the same in two of them). Expressions are DuckDB's; what is
null holds, as in SQL's CHECK, and nulls are equal in keys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import Annotated, Any

import ibis
import sqlglot
from ibis.util import gen_name
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from sqlglot import expressions as sql

_HOLDS = "adledger_holds"
_AMOUNT = "adledger_amount"

#: Gives the table of a name.
Others = Callable[[str], ibis.Table]


class DeclarationError(ValueError):
    """A promise in the dbt YAML that cannot be kept or broken; the message names model and promise."""


@cache
def _parsed(text: str) -> sql.Expr:
    return sqlglot.parse_one(text, dialect="duckdb")


def _expression(text: str) -> str:
    try:
        parsed = _parsed(text)
    except sqlglot.ParseError as error:
        raise ValueError(f"no SQL expression: {text}") from error
    if parsed.find(sql.Query):
        raise ValueError(f"an expression reads its own row only: {text}")
    return text


def _named(entries: Any) -> Any:
    """A list of columns, where `{name: expression}` stands for a column that is worked out, as a mapping."""
    if not isinstance(entries, list):
        return entries
    found: dict[str, Any] = {}
    for entry in entries:
        found |= entry if isinstance(entry, dict) else {entry: str(entry)}
    return found


Expression = Annotated[str, AfterValidator(_expression)]
Expressions = Annotated[dict[str, Expression], BeforeValidator(_named)]


def columns_of(*expressions: str | None) -> list[str]:
    """The columns that expressions name, in the order met."""
    found = [
        column.name
        for text in expressions
        if text
        for column in _parsed(text).find_all(sql.Column, bfs=False)
    ]
    return list(dict.fromkeys(found))


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


class Invariant(_Declared):
    """What holds in every row that `where` keeps, or, with `by`, in every group of them (aggregates then)."""

    name: str
    holds: Expression
    violation: str
    by: list[str] = Field(default_factory=list)
    where: Expression | None = None

    @property
    def is_of_groups(self) -> bool:
        """Whether what breaks it is a group, known by the columns of its key."""
        return bool(self.by)

    @property
    def used(self) -> list[str]:
        """The table's columns it is about."""
        return list(dict.fromkeys([*self.by, *columns_of(self.holds, self.where)]))

    @property
    def used_elsewhere(self) -> dict[str, list[str]]:
        """None: it is about its own table alone."""
        return {}

    def broken(self, table: ibis.Table, others: Others, shown: Sequence[str] = ()) -> ibis.Table:
        """What breaks it: rows, by the columns `shown`, or groups, by their keys."""
        clause = f"WHERE {self.where}" if self.where else ""
        if self.by:
            shown, clause = self.by, f"{clause} GROUP BY {', '.join(self.by)}"
        rows = _query(table, *shown, clause=clause, **{_HOLDS: self.holds})
        broken = rows.filter(~rows[_HOLDS])
        return broken.select(*shown) if shown else broken


class Reference(_Declared):
    """A row of another table (`to`) that each row kept by `where` names.

    `columns` maps this table's expressions to those of the other one. A row whose first one is null names
    none; of the others nulls are equal.
    """

    columns: Expressions = Field(min_length=1)
    to: str
    where: Expression | None = None
    to_where: Expression | None = None

    @property
    def name(self) -> str:
        """Columns and target."""
        return f"{', '.join(self.columns)} in {self.to}" + (
            f" where {self.to_where}" if self.to_where else ""
        )

    @property
    def violation(self) -> str:
        """What a broken reference prints."""
        kept = f" with {self.to_where}" if self.to_where else ""
        return f"has {', '.join(self.columns)} of no row in {self.to}{kept}"

    @property
    def is_of_groups(self) -> bool:
        """What breaks it is a row."""
        return False

    @property
    def used(self) -> list[str]:
        """The table's columns it is about."""
        return columns_of(*self.columns, self.where)

    @property
    def used_elsewhere(self) -> dict[str, list[str]]:
        """The columns of other tables it is about."""
        return {self.to: columns_of(*self.columns.values(), self.to_where)}

    def broken(self, table: ibis.Table, others: Others, shown: Sequence[str] = ()) -> ibis.Table:
        """The rows that name a row which is not there, by the columns `shown`."""
        keys = [f"adledger_key_{position}" for position in range(len(self.columns))]
        here, there = (dict(zip(keys, side, strict=True)) for side in zip(*self.columns.items(), strict=True))
        first = next(iter(self.columns))
        named = f"({first}) IS NOT NULL" + (f" AND ({self.where})" if self.where else "")
        rows = _query(table, *shown, clause=f"WHERE {named}", **here)
        targets = _query(others(self.to), clause=f"WHERE {self.to_where}" if self.to_where else "", **there)
        return rows.anti_join(targets, [rows[key].identical_to(targets[key]) for key in keys])


class Figure(_Declared):
    """A sum of another table; `by` says what its groups are called there where that differs."""

    table: str
    sum: Expression
    where: Expression | None = None
    by: Expressions = Field(default_factory=dict)


class Conservation(_Declared):
    """A sum that is the same here and in another table, group by group.

    A group that only this table has sums to zero; one that only the other has is missing here, unless
    `partial`. With `for_every` the other table's groups stand here once for each value this column accepts.
    """

    name: str
    by: Expressions = Field(min_length=1)
    sum: Expression
    equals: Figure
    violation: str
    where: Expression | None = None
    for_every: str | None = None
    partial: bool = False
    tolerance: Decimal = Field(default=Decimal(0), ge=0)
    #: What the column `for_every` accepts; filled in from its declaration.
    every: tuple[str, ...] = Field(default=(), exclude=True)

    @property
    def is_of_groups(self) -> bool:
        """What breaks it is a group, shown with both sums."""
        return True

    @property
    def used(self) -> list[str]:
        """The table's columns it is about."""
        every = [self.for_every] if self.for_every else []
        return list(dict.fromkeys([*columns_of(*self.by.values(), self.sum, self.where), *every]))

    @property
    def used_elsewhere(self) -> dict[str, list[str]]:
        """The columns of other tables it is about."""
        other = self.equals
        return {other.table: columns_of(*self._by_there.values(), other.sum, other.where)}

    @property
    def _by_there(self) -> dict[str, str]:
        return {name: self.equals.by.get(name, name) for name in self.by}

    def broken(self, table: ibis.Table, others: Others, shown: Sequence[str] = ()) -> ibis.Table:
        """The groups that differ, by their keys, with both sums: `here`, and by the other table's name."""
        here = _sums(table, self._groups, self.sum, self.where)
        there = _sums(others(self.equals.table), self._by_there, self.equals.sum, self.equals.where)
        if self.for_every:
            there = there.cross_join(ibis.memtable({self.for_every: list(self.every)}))
        joined = here.outer_join(
            there, [here[name].identical_to(there[name]) for name in self._groups], rname="other_{name}"
        )
        ours, theirs = joined[_AMOUNT], joined[f"other_{_AMOUNT}"]
        differs = (ibis.coalesce(ours, 0) - ibis.coalesce(theirs, 0)).abs() > self.tolerance
        return joined.filter(differs & ours.notnull() if self.partial else differs | ours.isnull()).select(
            **{name: ibis.coalesce(joined[name], joined[f"other_{name}"]) for name in self._groups},
            here=ours,
            **{self.equals.table: theirs},
        )

    @property
    def _groups(self) -> dict[str, str]:
        return self.by | ({self.for_every: self.for_every} if self.for_every else {})


Promise = Invariant | Reference | Conservation
_KINDS: Mapping[str, type[Invariant] | type[Reference] | type[Conservation]] = {
    "invariants": Invariant,
    "references": Reference,
    "conserves": Conservation,
}


def read_constraints(
    model: str,
    meta: Mapping[str, Any],
    columns: Mapping[str, Iterable[str]],
    accepted: Mapping[str, Sequence[str]],
) -> list[Promise]:
    """The promises that a model's `meta` states.

    `columns` are those of every published table, `accepted` the accepted values of the model's columns.
    Raises DeclarationError where a promise is malformed or names a table or column that is not published.
    """
    promises: list[Promise] = []
    for kind, form in _KINDS.items():
        for position, declared in enumerate(meta.get(kind, []), start=1):
            given = declared.get("name") if isinstance(declared, dict) else None
            where = f"dbt model {model}, meta.{kind}, {given or f'number {position}'}"
            try:
                promise: Promise = form.model_validate(declared)
            except ValidationError as error:
                faults = "; ".join(
                    f"{'.'.join(map(str, fault['loc']))}: {fault['msg'].removeprefix('Value error, ')}"
                    for fault in error.errors()
                )
                raise DeclarationError(f"{where}: {faults}") from error
            _find_columns(where, promise, model, columns)
            if isinstance(promise, Conservation) and promise.for_every:
                if promise.for_every not in accepted:
                    raise DeclarationError(f"{where}: for_every: {promise.for_every} has no accepted values")
                promise = promise.model_copy(update={"every": tuple(accepted[promise.for_every])})
            promises.append(promise)
    names = [promise.name for promise in promises]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DeclarationError(f"dbt model {model}: meta promises twice: {', '.join(twice)}")
    return promises


def _find_columns(where: str, promise: Promise, model: str, columns: Mapping[str, Iterable[str]]) -> None:
    for table, used in [(model, promise.used), *promise.used_elsewhere.items()]:
        if table not in columns:
            raise DeclarationError(f"{where}: no published table {table}")
        if unknown := [name for name in used if name not in columns[table]]:
            raise DeclarationError(f"{where}: {table} has no column {', '.join(unknown)}")


def _query(table: ibis.Table, *kept: str, clause: str = "", **columns: str) -> ibis.Table:
    """Selects `kept` and expressions under a name; what follows FROM is `clause`."""
    alias = gen_name("rows")
    listed = ", ".join([*kept, *(f"({text}) AS {name}" for name, text in columns.items())])
    return table.alias(alias).sql(f"SELECT {listed} FROM {alias} {clause}")


def _sums(table: ibis.Table, by: Mapping[str, str], amount: str, where: str | None) -> ibis.Table:
    # by what is selected: a key may have the name of a column that it is worked out from
    clause = f"{f'WHERE {where} ' if where else ''}GROUP BY ALL"
    return _query(table, clause=clause, **by, **{_AMOUNT: f"sum({amount})"})
