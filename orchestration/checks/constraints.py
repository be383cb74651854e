"""Constraints on the rows of published tables, declared in the dbt YAML and evaluated by DuckDB.

A model's `config.meta` lists `invariants` (of a row or a group of rows), `references` (to rows of other
published tables) and `conserves` (sums that are equal in two tables). Expressions are DuckDB SQL. An
expression that is null counts as true, as in SQL's CHECK, and nulls are equal in keys.
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

#: Returns the published table with that name.
TableLookup = Callable[[str], ibis.Table]


class DeclarationError(ValueError):
    """An invalid constraint in the dbt YAML; the message contains the model and the constraint."""


@cache
def _parsed(text: str) -> sql.Expr:
    return sqlglot.parse_one(text, dialect="duckdb")


def _expression(text: str) -> str:
    try:
        parsed = _parsed(text)
    except sqlglot.ParseError as error:
        raise ValueError(f"not a SQL expression: {text}") from error
    if parsed.find(sql.Query):
        raise ValueError(f"an expression cannot contain a query: {text}")
    return text


def _as_mapping(entries: Any) -> Any:
    """Converts a list of columns and `{name: expression}` entries to a mapping of names to expressions."""
    if not isinstance(entries, list):
        return entries
    found: dict[str, Any] = {}
    for entry in entries:
        found |= entry if isinstance(entry, dict) else {entry: str(entry)}
    return found


Expression = Annotated[str, AfterValidator(_expression)]
Expressions = Annotated[dict[str, Expression], BeforeValidator(_as_mapping)]


def columns_of(*expressions: str | None) -> list[str]:
    """Columns used by the expressions, in order of appearance."""
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
    """An expression that is true in every row that matches `where` or, with `by`, in every group of them."""

    name: str
    holds: Expression
    violation: str
    by: list[str] = Field(default_factory=list)
    where: Expression | None = None

    @property
    def is_of_groups(self) -> bool:
        """True if violations are groups, identified by their key columns."""
        return bool(self.by)

    @property
    def used(self) -> list[str]:
        """Columns of the table that the constraint uses."""
        return list(dict.fromkeys([*self.by, *columns_of(self.holds, self.where)]))

    @property
    def used_elsewhere(self) -> dict[str, list[str]]:
        """Columns of other tables that the constraint uses: none."""
        return {}

    def violations(self, table: ibis.Table, tables: TableLookup, shown: Sequence[str] = ()) -> ibis.Table:
        """Violating rows with the columns `shown`, or violating groups with their keys."""
        clause = f"WHERE {self.where}" if self.where else ""
        if self.by:
            shown, clause = self.by, f"{clause} GROUP BY {', '.join(self.by)}"
        rows = _query(table, *shown, clause=clause, **{_HOLDS: self.holds})
        violating = rows.filter(~rows[_HOLDS])
        return violating.select(*shown) if shown else violating


class Reference(_Declared):
    """A foreign key: each row that matches `where` refers to a row of the table `to`.

    `columns` maps this table's expressions to those of the other table. A row refers to none if the first
    expression is null; nulls in the other expressions are equal.
    """

    columns: Expressions = Field(min_length=1)
    to: str
    where: Expression | None = None
    to_where: Expression | None = None

    @property
    def name(self) -> str:
        """Name made of the columns and the other table."""
        return f"{', '.join(self.columns)} in {self.to}" + (
            f" where {self.to_where}" if self.to_where else ""
        )

    @property
    def violation(self) -> str:
        """Message for a row without a matching row."""
        condition = f" with {self.to_where}" if self.to_where else ""
        return f"has {', '.join(self.columns)} without a matching row in {self.to}{condition}"

    @property
    def is_of_groups(self) -> bool:
        """False: violations are rows."""
        return False

    @property
    def used(self) -> list[str]:
        """Columns of the table that the constraint uses."""
        return columns_of(*self.columns, self.where)

    @property
    def used_elsewhere(self) -> dict[str, list[str]]:
        """Columns of other tables that the constraint uses."""
        return {self.to: columns_of(*self.columns.values(), self.to_where)}

    def violations(self, table: ibis.Table, tables: TableLookup, shown: Sequence[str] = ()) -> ibis.Table:
        """Rows without a matching row in the other table, with the columns `shown`."""
        keys = [f"adledger_key_{position}" for position in range(len(self.columns))]
        here, there = (dict(zip(keys, side, strict=True)) for side in zip(*self.columns.items(), strict=True))
        first = next(iter(self.columns))
        condition = f"({first}) IS NOT NULL" + (f" AND ({self.where})" if self.where else "")
        rows = _query(table, *shown, clause=f"WHERE {condition}", **here)
        targets = _query(tables(self.to), clause=f"WHERE {self.to_where}" if self.to_where else "", **there)
        return rows.anti_join(targets, [rows[key].identical_to(targets[key]) for key in keys])


class Figure(_Declared):
    """A sum over another table; `by` maps group columns to their names there, if they differ."""

    table: str
    sum: Expression
    where: Expression | None = None
    by: Expressions = Field(default_factory=dict)


class Conservation(_Declared):
    """A sum that is equal in this table and another one, group by group.

    A group that exists only in this table must sum to zero. A group that exists only in the other table is
    a violation unless `partial`. With `for_every`, this table has each group of the other table once per
    accepted value of that column.
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
    #: Accepted values of the column `for_every`, taken from its declaration.
    every: tuple[str, ...] = Field(default=(), exclude=True)

    @property
    def is_of_groups(self) -> bool:
        """True: violations are groups, shown with both sums."""
        return True

    @property
    def used(self) -> list[str]:
        """Columns of the table that the constraint uses."""
        every = [self.for_every] if self.for_every else []
        return list(dict.fromkeys([*columns_of(*self.by.values(), self.sum, self.where), *every]))

    @property
    def used_elsewhere(self) -> dict[str, list[str]]:
        """Columns of other tables that the constraint uses."""
        other = self.equals
        return {other.table: columns_of(*self._by_there.values(), other.sum, other.where)}

    @property
    def _by_there(self) -> dict[str, str]:
        return {name: self.equals.by.get(name, name) for name in self.by}

    def violations(self, table: ibis.Table, tables: TableLookup, shown: Sequence[str] = ()) -> ibis.Table:
        """Groups with different sums: keys, the sum `here`, and the sum named like the other table."""
        here = _sums(table, self._groups, self.sum, self.where)
        there = _sums(tables(self.equals.table), self._by_there, self.equals.sum, self.equals.where)
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


Constraint = Invariant | Reference | Conservation
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
) -> list[Constraint]:
    """Reads the constraints in a model's `meta`.

    `columns` are the columns of every published table, `accepted` the accepted values of the model's columns.
    Raises DeclarationError if a constraint is malformed or uses a table or column that is not published.
    """
    constraints: list[Constraint] = []
    for kind, form in _KINDS.items():
        for position, declared in enumerate(meta.get(kind, []), start=1):
            given = declared.get("name") if isinstance(declared, dict) else None
            where = f"dbt model {model}, meta.{kind}, {given or f'number {position}'}"
            try:
                constraint: Constraint = form.model_validate(declared)
            except ValidationError as error:
                faults = "; ".join(
                    f"{'.'.join(map(str, fault['loc']))}: {fault['msg'].removeprefix('Value error, ')}"
                    for fault in error.errors()
                )
                raise DeclarationError(f"{where}: {faults}") from error
            _check_columns(where, constraint, model, columns)
            if isinstance(constraint, Conservation) and constraint.for_every:
                if constraint.for_every not in accepted:
                    raise DeclarationError(
                        f"{where}: for_every: {constraint.for_every} has no accepted values"
                    )
                constraint = constraint.model_copy(update={"every": tuple(accepted[constraint.for_every])})
            constraints.append(constraint)
    names = [constraint.name for constraint in constraints]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DeclarationError(f"dbt model {model}: meta declares twice: {', '.join(twice)}")
    return constraints


def _check_columns(
    where: str, constraint: Constraint, model: str, columns: Mapping[str, Iterable[str]]
) -> None:
    for table, used in [(model, constraint.used), *constraint.used_elsewhere.items()]:
        if table not in columns:
            raise DeclarationError(f"{where}: no published table {table}")
        if unknown := [name for name in used if name not in columns[table]]:
            raise DeclarationError(f"{where}: {table} has no column {', '.join(unknown)}")


def _query(table: ibis.Table, *selected: str, clause: str = "", **columns: str) -> ibis.Table:
    """Selects columns and named expressions; `clause` follows FROM."""
    alias = gen_name("rows")
    listed = ", ".join([*selected, *(f"({text}) AS {name}" for name, text in columns.items())])
    return table.alias(alias).sql(f"SELECT {listed} FROM {alias} {clause}")


def _sums(table: ibis.Table, by: Mapping[str, str], amount: str, where: str | None) -> ibis.Table:
    # GROUP BY ALL groups by the expression: its alias may also be the name of a column
    clause = f"{f'WHERE {where} ' if where else ''}GROUP BY ALL"
    return _query(table, clause=clause, **by, **{_AMOUNT: f"sum({amount})"})
