"""One odd record in an answer of a vendor: kinds of oddity, drawn by seed, and what a load may make of it."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tests.recorded.server import Exchange

_LISTS = ("results", "data", "elements", "lists")
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Raw:
    """JSON text to put in place of a value, as it stands."""

    text: str


def _other_type(value: Any) -> Any:
    """The same value in another JSON type, or the value itself."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, str) and value.isdecimal() and str(int(value)) == value and int(value) < 2**53:
        return int(value)
    return value


def _as_float(value: Any) -> Any:
    return Raw(f"{value}.0") if isinstance(value, int) and not isinstance(value, bool) else value


#: The record with the same meaning: a load lands the same rows.
SAME: dict[str, Callable[[Any], Any]] = {
    "the same value in another JSON type": _other_type,
    "a whole number with a decimal zero": _as_float,
}
#: One value of the record is odd: a load lands it or quarantines the record.
VALUES: dict[str, Callable[[Any], Any]] = {
    "bytes that are no UTF-8": lambda _: Raw('"M\udce4rz"'),
    "half of a surrogate pair": lambda _: Raw('"\\ud83d"'),
    "NaN": lambda _: Raw("NaN"),
    "Infinity": lambda _: Raw("-Infinity"),
    "an integer beyond 64 bits": lambda _: Raw("9" * 25),
    "an integer beyond 2^53": lambda _: Raw(str(2**60 + 1)),
    "a number beyond a double": lambda _: Raw("1e999"),
    "a fraction": lambda _: 7.5,
    "a negative number": lambda _: -1,
    "null": lambda _: None,
    "an empty text": lambda _: "",
    "a text": lambda _: "odd",
    "a list": lambda value: [value],
    "an object": lambda value: {"value": value},
    "a boolean": lambda _: True,
    "a text with a zero byte": lambda _: Raw('"a\\u0000b"'),
    "a control character": lambda _: Raw('"a\x01b"'),
    "a day that does not exist": lambda _: "2026-02-30T25:61:00Z",
    "a day before the calendar": lambda _: "0000-00-00",
    "a value nobody knows": lambda _: "SOMETHING_NEW",
    "a megabyte of text": lambda _: "x" * 1_000_000,
    "nested beyond measure": lambda _: Raw("[" * 600 + "]" * 600),
}
#: The whole record is odd.
RECORDS: dict[str, Callable[[Any], Any]] = {
    "a null record": lambda _: None,
    "a record that is a text": lambda _: "odd",
    "a record that is a number": lambda _: 7,
    "a record that is a list": lambda record: [record],
    "an empty record": lambda _: {},
}
#: The shape of the record or of the list is odd.
SHAPES = ("an absent field", "a field twice", "an unknown field", "fields in another order")
KINDS = (*SAME, *VALUES, *RECORDS, *SHAPES)


@dataclass(frozen=True)
class Mutation:
    """An exchange of a source, the place of a record in its answer, and a kind of oddity."""

    source: str
    exchange: int
    record: Path
    kind: str
    seed: int

    def __str__(self) -> str:
        return f"{self.source} {self.exchange} {'.'.join(map(str, self.record))}: {self.kind} ({self.seed})"

    def apply(self, exchanges: Sequence[Exchange]) -> None:
        """Changes the exchange's answer."""
        chosen = random.Random(str(self))
        exchange = exchanges[self.exchange]
        answer = copy.deepcopy(exchange.answer)
        holder = _at(answer, self.record[:-1])
        holder[self.record[-1]] = _odd(holder[self.record[-1]], self.kind, chosen)
        exchange.raw = _text(answer)


def mutations(source: str, exchanges: Sequence[Exchange], seed: int) -> Iterator[Mutation]:
    """Every kind of oddity for one record, drawn by seed, of every answer that holds records."""
    chosen = random.Random(f"{source}:{seed}")
    for number, exchange in enumerate(exchanges):
        if exchange.status >= 300 or exchange.path == "/token":
            continue
        records = list(_records(exchange.answer))
        for kind in KINDS if records else ():
            yield Mutation(source, number, chosen.choice(records), kind, seed)


def _records(answer: Any, at: Path = ()) -> Iterator[Path]:
    batches = enumerate(answer) if isinstance(answer, list) else [(None, answer)]
    for batch, content in batches:
        where = at if batch is None else (*at, batch)
        for name in _LISTS:
            found = content.get(name) if isinstance(content, dict) else None
            for index, record in enumerate(found if isinstance(found, list) else ()):
                if isinstance(record, dict) and record:
                    yield (*where, name, index)


def _at(node: Any, path: Path) -> Any:
    for step in path:
        node = node[step]
    return node


def _leaves(node: Any, at: Path = ()) -> Iterator[Path]:
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    found = False
    for name, child in children:
        found = True
        yield from _leaves(child, (*at, name))
    if not found and at:
        yield at


def _odd(record: Any, kind: str, chosen: random.Random) -> Any:
    if kind in RECORDS:
        return RECORDS[kind](record)
    path = chosen.choice(list(_leaves(record)))
    holder, name = _at(record, path[:-1]), path[-1]
    if kind in SAME:
        for each in list(_leaves(record)):
            inner = _at(record, each[:-1])
            inner[each[-1]] = SAME[kind](inner[each[-1]])
    elif kind in VALUES:
        holder[name] = VALUES[kind](holder[name])
    elif kind == "an absent field":
        del holder[name]
    elif kind == "an unknown field":
        record["somethingNew"] = {"a": [1, None, "x"]}
    elif kind == "a field twice":
        first = next(iter(record))
        inner = _text(record)
        return Raw(inner[:-1] + f", {json.dumps(first)}: {_text(record[first])}}}")
    else:
        return dict(reversed(record.items()))
    return record


def _text(node: Any) -> str:
    if isinstance(node, Raw):
        return node.text
    if isinstance(node, dict):
        return "{" + ", ".join(f"{json.dumps(name)}: {_text(child)}" for name, child in node.items()) + "}"
    if isinstance(node, list):
        return "[" + ", ".join(map(_text, node)) + "]"
    return json.dumps(node)
