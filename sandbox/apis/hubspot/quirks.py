"""Answers that are well-formed HTTP and yet not what the documentation promises; see `faults.CATALOGUE`."""

from __future__ import annotations

import re
import zlib
from typing import Any

import orjson
from starlette.requests import Request

from sandbox.apis.faults import Faults

_STAMP = re.compile(rb'"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?Z"')


def bent(request: Request, faults: Faults, body: Any) -> Any:
    """The body as the active faults change it."""
    if not faults.active or not isinstance(body, dict):
        return body
    rows, path = body.get("results"), request.url.path
    if isinstance(rows, list):
        if "/submissions/forms/" in path:
            rows = [_submission(row, faults) for row in rows]
        if "/objects/" in path and request.path_params.get("type") == faults.value("wire_type", "type", None):
            rows = [_retyped(row, str(faults.value("wire_type", "property", ""))) for row in rows]
        if (
            faults.get("malformed_record") is not None
            and faults.value("malformed_record", "path", "") in path
        ):
            rows = [*_malformed(rows, str(faults.value("malformed_record", "kind", ""))), *rows]
        if faults.get("unsorted") is not None and faults.value("unsorted", "path", "") in path:
            rows = rows[::-1]
        body = {**body, "results": rows}
    if faults.get("timestamp_precision") is not None:
        digits = faults.value("timestamp_precision", "digits", None)
        body = orjson.loads(_STAMP.sub(lambda found: _restamped(found, digits), orjson.dumps(body)))
    return body


def _submission(row: dict[str, Any], faults: Faults) -> dict[str, Any]:
    row = dict(row)
    every = faults.value("missing_conversion_id", "every", 0)
    if every and zlib.crc32(str(row.get("conversionId")).encode()) % every == 0:
        row.pop("conversionId", None)
    if faults.get("submitted_at_text") is not None:
        row["submittedAt"] = str(row["submittedAt"])
    return row


def _retyped(row: dict[str, Any], name: str) -> dict[str, Any]:
    """The row with one property as a JSON number, where it is one."""
    held = row.get("properties", {}).get(name)
    if not isinstance(held, str):
        return row
    try:
        number = float(held)
    except ValueError:
        return row
    value = int(number) if number.is_integer() else number
    return {**row, "properties": {**row["properties"], name: value}}


def _malformed(rows: list[Any], kind: str) -> list[Any]:
    """One more record that cannot be landed."""
    row = dict(rows[0]) if rows and isinstance(rows[0], dict) else {}
    if kind == "not_object":
        return ["not an object"]
    for key in ("id", "conversionId", "submittedAt"):
        if key in row:
            row[key] = None
    if kind == "no_id":
        row = {key: value for key, value in row.items() if value is not None}
    return [row]


def _restamped(found: re.Match[bytes], digits: int | None) -> bytes:
    """The same instant with that many digits of its second; None: as many as chance has it, losing none."""
    second, fraction = found.group(1), (found.group(2) or b".")[1:].ljust(3, b"0")
    if digits is None:
        shapes = (fraction, fraction + b"000", fraction.rstrip(b"0"))
        fraction = shapes[zlib.crc32(found.group(0)) % 3]
    else:
        fraction = fraction.ljust(digits, b"0")[:digits]
    return b'"' + second + (b"." + fraction if fraction else b"") + b'Z"'
