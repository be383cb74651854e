"""Rest.li query syntax, both protocol versions, as LinkedIn reads it.

https://linkedin.github.io/rest.li/spec/protocol: version 2.0.0 writes lists as `List(a,b)` and records as
`(k:v,k:v)`; inside them `(),:'` of a text must be percent-encoded. Version 1.0.0 writes `a[0]=x&b.c=y`.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, unquote

_RESERVED = set("(),:'")


class SyntaxFault(Exception):
    """A query that does not follow the protocol the client announced."""


def parse(query: str, protocol: str) -> dict[str, Any]:
    """Parameters of a raw query: text, lists and dicts.

    Raises:
        SyntaxFault: the query is malformed.
    """
    if protocol != "2.0.0":
        return _parse_first_version(query)
    parameters: dict[str, Any] = {}
    for part in filter(None, query.split("&")):
        name, _, raw = part.partition("=")
        parameters[unquote(name)] = _top_level(raw)
    return parameters


def _top_level(raw: str) -> Any:
    if raw.startswith(("List(", "(")):
        value, end = _value(raw, 0)
        if end != len(raw):
            raise SyntaxFault(f"unexpected text after position {end}: {raw}")
        return value
    # a plain text parameter may carry a URN with literal colons
    return unquote(raw)


def _value(raw: str, place: int) -> tuple[Any, int]:
    if raw.startswith("List(", place):
        return _list(raw, place + 5)
    if raw.startswith("(", place):
        return _record(raw, place + 1)
    end = place
    while end < len(raw) and raw[end] not in _RESERVED:
        end += 1
    return unquote(raw[place:end]), end


def _list(raw: str, place: int) -> tuple[list[Any], int]:
    items: list[Any] = []
    if raw.startswith(")", place):
        return items, place + 1
    while True:
        value, place = _value(raw, place)
        items.append(value)
        if raw.startswith(")", place):
            return items, place + 1
        if not raw.startswith(",", place):
            raise SyntaxFault(f"a list item is not percent-encoded or not closed: {raw}")
        place += 1


def _record(raw: str, place: int) -> tuple[dict[str, Any], int]:
    fields: dict[str, Any] = {}
    while True:
        name, place = _value(raw, place)
        if not isinstance(name, str) or not raw.startswith(":", place):
            raise SyntaxFault(f"a record field has no value: {raw}")
        fields[name], place = _value(raw, place + 1)
        if raw.startswith(")", place):
            return fields, place + 1
        if not raw.startswith(",", place):
            raise SyntaxFault(f"a record value is not percent-encoded or not closed: {raw}")
        place += 1


def _parse_first_version(query: str) -> dict[str, Any]:
    parameters: dict[str, Any] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        steps = re.findall(r"[^.\[\]]+", name)
        indexed = re.findall(r"\[(\d+)\]", name)
        place: Any = parameters
        for number, step in enumerate(steps):
            last = number == len(steps) - 1
            if isinstance(place, list):
                index = int(step)
                while len(place) <= index:
                    place.append(None)
                if last:
                    place[index] = value
                else:
                    place[index] = place[index] or {}
                    place = place[index]
                continue
            if last:
                place[step] = value
            else:
                following = steps[number + 1]
                place = place.setdefault(step, [] if following in indexed else {})
    return parameters
