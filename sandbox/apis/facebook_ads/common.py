"""Errors, parameters, field selection and paging as the Graph API has them.

https://developers.facebook.com/docs/graph-api/guides/error-handling and /results
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, quote, urlencode

import orjson
from starlette.requests import Request

from sandbox.apis.faults import Faults
from sandbox.apis.state import ApiError, base_url
from sandbox.world.company import guid

DEFAULT_LIMIT = 25

Row = dict[str, Any]


def problem(
    status: int,
    code: int,
    message: str,
    kind: str = "OAuthException",
    subcode: int | None = None,
    **more: Any,
) -> ApiError:
    """An error in Meta's body."""
    error: Row = {"message": message, "type": kind, "code": code}
    if subcode is not None:
        error["error_subcode"] = subcode
    error |= more
    error["fbtrace_id"] = guid("fbtrace", code, message).replace("-", "")[:16]
    return ApiError(status, {"error": error})


def no_such_object(node: str) -> ApiError:
    """The refusal of an id that does not exist or may not be read."""
    return problem(
        400,
        100,
        f"Unsupported get request. Object with ID '{node}' does not exist, cannot be loaded due to "
        "missing permissions, or does not support this operation.",
        "GraphMethodException",
        33,
    )


async def read_parameters(request: Request) -> dict[str, str]:
    """Parameters of the query and of a form."""
    parameters = dict(request.query_params)
    if request.method == "POST":
        form = parse_qs((await request.body()).decode(), keep_blank_values=True)
        parameters |= {name: values[0] for name, values in form.items()}
    return parameters


def listed(parameters: dict[str, str], name: str) -> list[str]:
    """A list parameter: JSON text or a comma list, whose braces hold commas of their own."""
    text = parameters.get(name, "").strip()
    if text.startswith("["):
        return [str(value) for value in from_json(name, text)]
    return [part.strip() for part in re.split(r",(?![^{]*\})", text) if part.strip()]


def from_json(name: str, text: str) -> Any:
    """A JSON parameter."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise problem(400, 100, f"(#100) Param {name} must be valid JSON") from error


def select(
    row: Row, parameters: dict[str, str], known: set[str], nested: dict[str, Callable[[str], Row | None]]
) -> Row:
    """The fields asked for, with `id`; fields in braces come from the object the row points to."""
    chosen: Row = {}
    for field in listed(parameters, "fields"):
        name, _, inner = field.partition("{")
        if name not in known:
            raise problem(
                400, 100, f"(#100) Tried accessing nonexisting field ({name}) on node type (AdObject)"
            )
        value = row.get(name)
        if inner and isinstance(value, dict) and name in nested:
            found = nested[name](str(value["id"])) or value
            wanted = [part.strip() for part in inner.rstrip("}").split(",")]
            value = {part: found[part] for part in dict.fromkeys([*wanted, "id"]) if part in found}
        if value is not None:
            chosen[name] = value
    if "id" in row:
        chosen.setdefault("id", row["id"])
    return chosen


# -- paging ---------------------------------------------------------------------------------------------


def _cursor(offset: int, mark: str = "") -> str:
    return base64.b64encode(f"{offset}{mark}".encode()).decode().replace("=", "ZD")


def _offset(text: str) -> tuple[int, bool]:
    """The row a cursor stands before, and whether an empty page was sent there already."""
    try:
        plain = base64.b64decode(text.replace("ZD", "="), validate=True).decode()
        return int(plain.rstrip("e")), plain.endswith("e")
    except (binascii.Error, ValueError) as error:
        raise problem(400, 100, "(#100) Invalid cursor for pagination") from error


def page(request: Request, parameters: dict[str, str], rows: list[Row], cap: int, faults: Faults) -> Row:
    """One page; `after` stands on the last one too, `next` does not."""
    text = parameters.get("limit", str(DEFAULT_LIMIT))
    if not text.isdigit() or int(text) == 0:
        raise problem(400, 100, "(#100) Param limit must be a positive integer")
    limit = min(int(text), cap)
    start, emptied = _offset(parameters["after"]) if parameters.get("after") else (0, False)
    every = faults.value("facebook_empty_page", "every", 0)
    if every and rows[start:] and not emptied and (start // limit + 1) % every == 0:
        after = _cursor(start, "e")
        cursors = {"before": _cursor(start), "after": after}
        return {"data": [], "paging": {"cursors": cursors, "next": _next(request, parameters, after)}}
    found = rows[start : start + limit]
    body: Row = {"data": found}
    if found:
        end = start + len(found)
        body["paging"] = {"cursors": {"before": _cursor(start), "after": _cursor(end)}}
        if end < len(rows):
            body["paging"]["next"] = _next(request, parameters, _cursor(end))
    return body


def _next(request: Request, parameters: dict[str, str], after: str) -> str:
    kept = {name: value for name, value in parameters.items() if name != "after"}
    path = request.url.path.removeprefix(request.scope.get("root_path", ""))
    return f"{base_url(request)}{path}?{urlencode({**kept, 'after': after}, quote_via=quote)}"


# -- filtering ------------------------------------------------------------------------------------------

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "EQUAL": lambda held, wanted: held == wanted,
    "NOT_EQUAL": lambda held, wanted: held != wanted,
    "IN": lambda held, wanted: held in wanted,
    "NOT_IN": lambda held, wanted: held not in wanted,
    "CONTAIN": lambda held, wanted: str(wanted).lower() in str(held).lower(),
    "NOT_CONTAIN": lambda held, wanted: str(wanted).lower() not in str(held).lower(),
    "GREATER_THAN": lambda held, wanted: float(held) > float(wanted),
    "GREATER_THAN_OR_EQUAL": lambda held, wanted: float(held) >= float(wanted),
    "LESS_THAN": lambda held, wanted: float(held) < float(wanted),
    "LESS_THAN_OR_EQUAL": lambda held, wanted: float(held) <= float(wanted),
}


def filters(parameters: dict[str, str]) -> list[tuple[str, str, Any]]:
    """Field, operator and value of every rule in `filtering`."""
    rules = from_json("filtering", parameters.get("filtering") or "[]")
    try:
        found = [(str(rule["field"]), str(rule["operator"]), rule["value"]) for rule in rules]
    except (TypeError, KeyError) as error:
        raise problem(400, 100, "(#100) Param filtering must be an array of objects") from error
    for _, operator, _ in found:
        if operator not in _COMPARISONS:
            raise problem(400, 100, f"(#100) {operator} is not a valid filtering operator")
    return found


def meets(held: Any, operator: str, wanted: Any) -> bool:
    """Whether a value passes one rule; numbers may come as text."""
    try:
        if isinstance(wanted, list):
            return _COMPARISONS[operator](str(held), [str(value) for value in wanted])
        if operator in ("EQUAL", "NOT_EQUAL"):
            return _COMPARISONS[operator](str(held), str(wanted))
        return held is not None and _COMPARISONS[operator](held, wanted)
    except (TypeError, ValueError) as error:
        raise problem(400, 100, "(#100) A value in filtering does not fit its operator") from error
