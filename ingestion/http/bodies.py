"""Decode JSON bodies so that a value that cannot be read costs its record, not the body.

Vendors pass on what visitors typed, so a body can hold bytes that are not UTF-8, lone surrogates, NaN,
numbers beyond every type, or values nested without end. `mended` returns the body with null in place of such
a value, and marks the object that contains it; the landing layer quarantines marked records.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any

import msgspec
import orjson

from ingestion.errors import redact

#: The key that marks an object with an unreadable value; its value is the reason, without the value.
UNREADABLE = "adledger_unreadable"
# inside a string the quotes are escaped, so that only a key matches
_MARK = f'"{UNREADABLE}":'.encode()
# orjson reads 1,024 levels and writes 254; no vendor's record has more than twenty
_DEEPEST = 100
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_LONGEST_NAME = 64
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{}]', re.DOTALL)
_BAD_ESCAPE = re.compile(r'\\(?:\\|(?=["/bfnrt])|(?=u[0-9A-Fa-f]{4})|(?P<bad>.))', re.DOTALL)
# lone surrogates, so that no string of a vendor is the same
_TOO_DEEP, _INVALID_ESCAPE = "\ud800 too deep", "\ud800 invalid escape"
_BYTES = re.compile("[\udc80-\udcff]")
_SURROGATE = re.compile("[\ud800-\udfff]")


class _Bad:
    """A value that cannot be read, with the reason."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


def is_marked(body: bytes) -> bool:
    """Return whether a body contains an object with an unreadable value."""
    return _MARK in body


def mark_of(value: Any) -> str | None:
    """Return the reason of the first mark in a value, at any depth; None if it has none."""
    items: Any = ()
    if isinstance(value, dict):
        if UNREADABLE in value:
            return redact(str(value[UNREADABLE]))
        items = value.values()
    elif isinstance(value, list):
        items = value
    return next((found for item in items if (found := mark_of(item)) is not None), None)


def strict(body: bytes) -> Any:
    """Return the document of a body. Raises ValueError, also for nesting that is too deep."""
    document = orjson.loads(body)
    if _is_deep(body):
        raise ValueError(f"nested more than {_DEEPEST} levels deep")
    return document


def loads(body: bytes) -> Any:
    """Return the document of a body, with marks in place of unreadable values. Raises ValueError."""
    try:
        return strict(body)
    except ValueError:
        return orjson.loads(mended(body))


def decoder(kind: Any) -> Callable[[bytes], Any]:
    """Return a decoder of the parts of a body that a msgspec type declares; it skips the rest, which is fast.

    The decoder raises ValueError, also for skipped text that is not UTF-8.
    """
    decode = msgspec.json.Decoder(kind).decode

    def decoded(body: bytes) -> Any:
        if not body.isascii():
            body.decode()
        if _is_deep(body):
            raise ValueError(f"nested more than {_DEEPEST} levels deep")
        return decode(body)

    return decoded


def mended(body: bytes) -> bytes:
    """Return a body that every reader accepts, with null and a mark in place of unreadable values.

    A body without such a value is returned unchanged. Raises ValueError if the body is not JSON.
    """
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    else:
        if not _is_deep(body):
            return body
    # invalid bytes become lone surrogates, which no valid text contains
    text = _readable(body.decode("utf-8", "surrogateescape").removeprefix("\ufeff"))
    document = json.loads(
        text,
        strict=False,
        object_pairs_hook=_object,
        parse_constant=lambda name: _Bad(f"{name} is not a number"),
        parse_float=_float,
        parse_int=_int,
    )
    return orjson.dumps(_item(document))


def _is_deep(body: bytes) -> bool:
    """Return whether a body may be nested too deep: brackets in texts count, too."""
    brackets = body.translate(None, _NO_BRACKETS)
    for _ in range(_DEEPEST):
        # each round removes the innermost level
        outer = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if outer == brackets:
            break
        brackets = outer
    return len(brackets) > _DEEPEST


def _readable(text: str) -> str:
    """Replace what no parser accepts by a lone surrogate: nesting that is too deep, invalid escapes."""
    parts: list[str] = []
    depth = begin = done = 0
    for token in _TOKEN.finditer(text):
        match token[0][0]:
            case "[" | "{":
                depth += 1
                if depth == _DEEPEST:
                    begin = token.start()
            case "]" | "}":
                depth -= 1
                if depth == _DEEPEST - 1:
                    parts += [text[done:begin], f'"{_TOO_DEEP}"']
                    done = token.end()
            case _ if depth < _DEEPEST and any(found["bad"] for found in _BAD_ESCAPE.finditer(token[0])):
                parts += [text[done : token.start()], f'"{_INVALID_ESCAPE}"']
                done = token.end()
    if depth:
        raise ValueError("the body is cut short")
    return "".join([*parts, text[done:]])


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    reason: str | None = None
    for key, value in pairs:
        if _text_fault(key):
            reason = reason or "the name of a field cannot be read"
            continue
        fault = "is specified twice" if key in found else _fault(value)
        if fault:
            reason = reason or redact(f"{key[:_LONGEST_NAME]}: {fault}")
        found[key] = None if fault else _item(value)
    return {**found, UNREADABLE: reason} if reason else found


def _item(value: Any) -> Any:
    if isinstance(value, list):
        return [_item(item) for item in value]
    fault = _fault(value)
    return {UNREADABLE: fault} if fault else value


def _fault(value: Any) -> str | None:
    if isinstance(value, _Bad):
        return value.reason
    return _text_fault(value) if isinstance(value, str) else None


def _text_fault(text: str) -> str | None:
    if text.isascii() or not _SURROGATE.search(text):
        return None
    if text == _TOO_DEEP:
        return f"nested more than {_DEEPEST} levels deep"
    if text == _INVALID_ESCAPE:
        return "an invalid escape sequence"
    return "bytes that are not UTF-8" if _BYTES.search(text) else "half a surrogate pair"


def _float(text: str) -> Any:
    value = float(text)
    return value if math.isfinite(value) else _Bad("a number beyond every type")


def _int(text: str) -> Any:
    # no vendor's number is longer, and Python refuses to parse more than 4,300 digits
    value = int(text) if len(text) <= 20 else None
    return value if value is not None and -(2**63) <= value < 2**64 else _Bad("a number beyond every type")
