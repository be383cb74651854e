"""Errors, parameters, paging and tokens as every HubSpot endpoint has them."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote_plus, urlencode

import orjson
from starlette.requests import Request

from sandbox.apis.state import ApiError, base_url, parse_instant
from sandbox.world.company import guid

Scopes = Callable[[Request], tuple[str, ...]]


@dataclass(frozen=True)
class Endpoint:
    """A route: its handler answers the body; any one of `scopes` (none: every token) opens it."""

    method: str
    path: str
    handler: Callable[[Request], Awaitable[Any]]
    scopes: Scopes = lambda _: ()


@dataclass(frozen=True)
class Reply:
    """A body with a status other than 200."""

    body: dict[str, Any]
    status: int


def problem(
    request: Request,
    status: int,
    category: str,
    message: str,
    errors: list[dict[str, Any]] | None = None,
    headers: dict[str, str] | None = None,
    **more: Any,
) -> ApiError:
    """An error in HubSpot's body."""
    body: dict[str, Any] = {
        "status": "error",
        "message": message,
        "correlationId": guid("correlation", request.method, request.url.path, request.url.query),
        "category": category,
        **more,
    }
    if errors:
        body["errors"] = errors
    return ApiError(status, body, headers)


def invalid(request: Request, message: str) -> ApiError:
    """400 VALIDATION_ERROR."""
    return problem(request, 400, "VALIDATION_ERROR", message)


def not_found(request: Request, message: str = "resource not found") -> ApiError:
    """404 OBJECT_NOT_FOUND."""
    return problem(request, 404, "OBJECT_NOT_FOUND", message)


def names(request: Request, parameter: str) -> list[str]:
    """A list parameter: repeated, comma-separated or both."""
    given = request.query_params.getlist(parameter)
    return [name.strip() for value in given for name in value.split(",") if name.strip()]


def flag(request: Request, parameter: str) -> bool:
    """A boolean parameter, false unless given."""
    return request.query_params.get(parameter, "false").lower() == "true"


def limit(request: Request, default: int, most: int) -> int:
    """The page size asked for. Raises ApiError (400) outside 1 to `most`."""
    text = request.query_params.get("limit", str(default))
    if not text.isdigit() or not 1 <= int(text) <= most:
        raise invalid(request, f"limit must be a number from 1 to {most}")
    return int(text)


def instant(request: Request, parameter: str) -> datetime | None:
    """An ISO instant. Raises ApiError (400) where it is none."""
    text = request.query_params.get(parameter)
    if not text:
        return None
    try:
        return parse_instant(text)
    except ValueError as error:
        raise invalid(request, f"Invalid date in {parameter}: {text}") from error


def parameters(url: str, *wanted: str) -> dict[str, str]:
    """The first value of each of these query parameters; reading all of them costs several times as much."""
    found = _finder(wanted).findall(url.partition("?")[2])
    return {name: unquote_plus(value) for name, value in reversed(found)}


@lru_cache
def _finder(wanted: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"(?:^|&)({'|'.join(wanted)})=([^&]+)")


def _link(request: Request, after: str) -> str:
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "after"]
    path = request.url.path.removeprefix(request.scope.get("root_path", ""))
    return f"{base_url(request)}{path}?{urlencode([*kept, ('after', after)], quote_via=quote)}"


def paged(request: Request, rows: list[Any], after: str | None) -> dict[str, Any]:
    """A page of results with the cursor and the absolute link of the next one."""
    body: dict[str, Any] = {"results": rows}
    if after is not None:
        body["paging"] = {"next": {"after": after, "link": _link(request, after)}}
    return body


def sliced(request: Request, rows: list[Any], size: int) -> dict[str, Any]:
    """The page of `rows` that the opaque offset in `after` names: rows that move shift the pages."""
    after = request.query_params.get("after")
    start = int(untoken(request, after)) if after else 0
    following = token(str(start + size)) if start + size < len(rows) else None
    return paged(request, rows[start : start + size], following)


def token(text: str) -> str:
    """An opaque cursor."""
    return base64.b64encode(text.encode()).decode()


def untoken(request: Request, text: str) -> str:
    """What an opaque cursor stands for. Raises ApiError (400) for one that was never given."""
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise invalid(request, f"Invalid paging cursor: {text}") from error


async def json_body(request: Request) -> dict[str, Any]:
    """The request's JSON object. Raises ApiError (400) for anything else."""
    try:
        body = orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise invalid(request, "Invalid input JSON") from error
    if not isinstance(body, dict):
        raise invalid(request, "Invalid input JSON: an object is expected")
    return body
