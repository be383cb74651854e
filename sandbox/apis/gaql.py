"""Google Ads Query Language: parsing and evaluation over rows of dotted field names.

Grammar: https://developers.google.com/google-ads/api/docs/query/grammar
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

_TOKEN = re.compile(r"""\s*('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|>=|<=|!=|[=<>(),]|[A-Za-z0-9_.\-]+)""")
_CLAUSES = ("SELECT", "FROM", "WHERE", "ORDER", "LIMIT", "PARAMETERS")
_COMPARISONS = ("=", "!=", ">", ">=", "<", "<=")


class QueryError(Exception):
    """A query that Google refuses: its code, message, the text that triggered it and the enum of the code."""

    def __init__(self, code: str, message: str, trigger: str = "", kind: str = "queryError") -> None:
        super().__init__(message)
        self.code, self.message, self.trigger, self.kind = code, message, trigger, kind


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of WHERE; `values` holds one, two (BETWEEN) or many (IN) texts."""

    field: str
    operator: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query."""

    select: tuple[str, ...]
    resource: str
    where: tuple[Condition, ...]
    order: tuple[tuple[str, bool], ...]
    limit: int | None
    parameters: Mapping[str, str]


class _Reader:
    def __init__(self, text: str) -> None:
        self.tokens: list[str] = []
        position = 0
        text = text.strip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                raise QueryError(
                    "UNEXPECTED_INPUT", f"Error in query: unexpected input {text[position]}.", text[position]
                )
            self.tokens.append(match.group(1))
            position = match.end()
            while position < len(text) and text[position].isspace():
                position += 1
        self.place = 0

    def peek(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def word(self) -> str:
        return self.peek().upper()

    def take(self, *expected: str) -> str:
        token = self.peek()
        if not token:
            raise QueryError("UNEXPECTED_END_OF_QUERY", "Error in query: unexpected end of query.")
        if expected and token.upper() not in expected:
            raise QueryError("UNEXPECTED_INPUT", f"Error in query: unexpected input {token}.", token)
        self.place += 1
        return token

    def value(self) -> str:
        token = self.take()
        if token[0] in "'\"":
            return re.sub(r"\\(.)", r"\1", token[1:-1])
        return token

    def listed(self) -> tuple[str, ...]:
        self.take("(")
        values = [self.value()]
        while self.peek() == ",":
            self.take(",")
            values.append(self.value())
        self.take(")")
        return tuple(values)

    def names(self) -> tuple[str, ...]:
        names = [self.take()]
        while self.peek() == ",":
            self.take(",")
            names.append(self.take())
        return tuple(names)


def parse(text: str, *, resource: str = "") -> Query:
    """Parse a query; one about a given `resource` has no FROM.

    Raises:
        QueryError: it does not follow the grammar.
    """
    reader = _Reader(text)
    if reader.word() != "SELECT":
        raise QueryError("EXPECTED_SELECT", "Error in query: expected SELECT.", reader.peek())
    reader.take("SELECT")
    select = reader.names()
    if not resource:
        if reader.word() != "FROM":
            raise QueryError("EXPECTED_FROM", "Error in query: expected FROM.", reader.peek())
        reader.take("FROM")
        resource = reader.take()
    where: list[Condition] = []
    order: list[tuple[str, bool]] = []
    limit: int | None = None
    parameters: dict[str, str] = {}
    while reader.peek():
        clause = reader.take(*_CLAUSES).upper()
        if clause == "WHERE":
            where.append(_condition(reader))
            while reader.word() == "AND":
                reader.take("AND")
                where.append(_condition(reader))
        elif clause == "ORDER":
            reader.take("BY")
            order.append(_ordering(reader))
            while reader.peek() == ",":
                reader.take(",")
                order.append(_ordering(reader))
        elif clause == "LIMIT":
            number = reader.take()
            if not number.isdigit() or int(number) == 0:
                raise QueryError("INVALID_LIMIT_VALUE", f"Error in query: invalid limit {number}.", number)
            limit = int(number)
        elif clause == "PARAMETERS":
            name = reader.take()
            reader.take("=")
            parameters[name] = reader.value()
    return Query(select, resource, tuple(where), tuple(order), limit, parameters)


def _ordering(reader: _Reader) -> tuple[str, bool]:
    name = reader.take()
    descending = reader.word() == "DESC"
    if reader.word() in ("ASC", "DESC"):
        reader.take()
    return name, descending


def _condition(reader: _Reader) -> Condition:
    name = reader.take()
    operator = reader.take().upper()
    if operator in _COMPARISONS:
        return Condition(name, operator, (reader.value(),))
    if operator == "BETWEEN":
        low = reader.value()
        reader.take("AND")
        return Condition(name, operator, (low, reader.value()))
    if operator == "NOT":
        operator = f"NOT {reader.take('IN', 'LIKE').upper()}"
    if operator == "IS":
        negated = reader.word() == "NOT"
        if negated:
            reader.take("NOT")
        reader.take("NULL")
        return Condition(name, "IS NOT NULL" if negated else "IS NULL", ())
    if operator == "CONTAINS":
        return Condition(name, f"CONTAINS {reader.take('ANY', 'ALL', 'NONE').upper()}", reader.listed())
    if operator in ("IN", "NOT IN"):
        return Condition(name, operator, reader.listed())
    if operator in ("LIKE", "NOT LIKE", "DURING", "REGEXP_MATCH"):
        return Condition(name, operator, (reader.value(),))
    raise QueryError("INVALID_OPERATOR", f"Error in query: invalid operator {operator}.", operator)


def during(literal: str, today: date) -> tuple[date, date]:
    """First and last day of a date literal such as LAST_30_DAYS (which ends yesterday)."""
    yesterday = today - timedelta(days=1)
    spans = {"LAST_7_DAYS": 7, "LAST_14_DAYS": 14, "LAST_30_DAYS": 30}
    if literal in spans:
        return today - timedelta(days=spans[literal]), yesterday
    if literal == "TODAY":
        return today, today
    if literal == "YESTERDAY":
        return yesterday, yesterday
    first = today.replace(day=1)
    if found := re.fullmatch(r"(THIS|LAST)_WEEK_(MON|SUN)_(?:SUN|SAT|TODAY)", literal):
        back = today.weekday() if found[2] == "MON" else (today.weekday() + 1) % 7
        monday = today - timedelta(days=back + (7 if found[1] == "LAST" else 0))
        return monday, today if found[1] == "THIS" else monday + timedelta(days=6)
    if literal == "THIS_MONTH":
        return first, today.replace(day=monthrange(today.year, today.month)[1])
    if literal == "LAST_MONTH":
        return (first - timedelta(days=1)).replace(day=1), first - timedelta(days=1)
    raise QueryError("INVALID_VALUE_WITH_DURING_OPERATOR", f"Invalid date literal: {literal}.", literal)


def span(conditions: list[Condition], today: date) -> tuple[date, date] | None:
    """First and last day that conditions on a date allow; None where one of them is open.

    Raises:
        QueryError: a value is no date.
    """
    lows: list[date] = []
    highs: list[date] = []
    for condition in conditions:
        if condition.operator == "DURING":
            days = list(during(condition.values[0].upper(), today))
        else:
            try:
                days = [date.fromisoformat(text) for text in condition.values]
            except ValueError as error:
                text = condition.values[0]
                raise QueryError("INVALID_DATE", f"Invalid date: {text}.", text, "dateRangeError") from error
        if condition.operator in ("=", "BETWEEN", "IN", "DURING"):
            lows.append(min(days))
            highs.append(max(days))
        elif condition.operator in (">", ">="):
            lows.append(days[0] + timedelta(days=condition.operator == ">"))
        elif condition.operator in ("<", "<="):
            highs.append(days[0] - timedelta(days=condition.operator == "<"))
    return (max(lows), min(highs)) if lows and highs else None


def matches(condition: Condition, value: Any, today: date) -> bool:
    """Whether a row's value meets a condition."""
    operator, wanted = condition.operator, condition.values
    if operator == "IS NULL":
        return value is None
    if operator == "IS NOT NULL":
        return value is not None
    if operator == "DURING":
        first, last = during(wanted[0].upper(), today)
        return first.isoformat() <= str(value) <= last.isoformat()
    if operator.startswith("CONTAINS"):
        found = [text in (value or []) for text in wanted]
        return all(found) if operator.endswith("ALL") else any(found) is operator.endswith("ANY")
    if isinstance(value, bool):
        held: Any = str(value).upper()
        targets: list[Any] = [text.upper() for text in wanted]
    elif isinstance(value, int | float):
        held = value
        try:
            targets = [float(text) for text in wanted]
        except ValueError as error:
            raise QueryError("BAD_VALUE", f"Invalid value in query: {wanted[0]}.", wanted[0]) from error
    else:
        held, targets = "" if value is None else str(value), list(wanted)
    if operator == "BETWEEN":
        return bool(targets[0] <= held <= targets[1])
    if operator in ("IN", "NOT IN"):
        return (held in targets) is (operator == "IN")
    if operator in ("LIKE", "NOT LIKE"):
        pattern = re.escape(str(targets[0])).replace("%", ".*").replace("_", ".")
        return (re.fullmatch(pattern, str(held), re.IGNORECASE) is not None) is (operator == "LIKE")
    if operator == "REGEXP_MATCH":
        return re.fullmatch(str(targets[0]), str(held)) is not None
    target = targets[0]
    return bool(
        {
            "=": held == target,
            "!=": held != target,
            ">": held > target,
            ">=": held >= target,
            "<": held < target,
            "<=": held <= target,
        }[operator]
    )


def order_rows(rows: list[dict[str, Any]], order: tuple[tuple[str, bool], ...]) -> list[dict[str, Any]]:
    """Sort rows by the given fields, the first one most significant."""
    for name, descending in reversed(order):
        rows = sorted(rows, key=lambda row: (row[name] is not None, row[name]), reverse=descending)
    return rows
