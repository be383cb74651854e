"""What the large portal's endpoints share: queries, refusals, rate limits, what was asked."""

from __future__ import annotations

import base64
import binascii
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import orjson
from starlette.requests import Request

from sandbox.apis.state import parse_instant

MAX_PAGE = 100
MAX_PAGE_WITH_HISTORY = 50


class Refused(Exception):
    """An answer other than success, in HubSpot's body."""

    def __init__(self, status: int, category: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"status": "error", "message": message, "category": category, **more}


class Window:
    """At most `most` events in any `seconds` of real time."""

    def __init__(self, most: int, seconds: float) -> None:
        self.most, self.seconds = most, seconds
        self._seen: deque[float] = deque()

    def left(self) -> int:
        """How many more fit now."""
        horizon = time.monotonic() - self.seconds
        while self._seen and self._seen[0] <= horizon:
            self._seen.popleft()
        return self.most - len(self._seen)

    def take(self) -> bool:
        """Count one; False, and nothing counted, when none fits."""
        if self.left() <= 0:
            return False
        self._seen.append(time.monotonic())
        return True


@dataclass
class Asked:
    """What a CRM type was asked for; how many records went out with histories, in lists and in batches."""

    properties: list[str] = field(default_factory=list)
    history: list[str] = field(default_factory=list)
    listed_with_history: int = 0
    read_with_history: int = 0


@dataclass
class Traffic:
    """What was asked since the last reset: answers by path template, refusals, properties by type."""

    requests: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    asked: dict[str, Asked] = field(default_factory=dict)


@dataclass(frozen=True)
class Query:
    """A listing without its position."""

    path: str
    params: tuple[tuple[str, str], ...]
    base: str

    def get(self, name: str, default: str = "") -> str:
        """The first value of a parameter."""
        return next((value for key, value in self.params if key == name), default)

    def names(self, name: str) -> list[str]:
        """A parameter given as a comma-separated list, repeated, or both."""
        given = [value for key, value in self.params if key == name]
        return [item.strip() for value in given for item in value.split(",") if item.strip()]

    def limit(self, default: int, most: int) -> int:
        """The page size asked for."""
        text = self.get("limit", str(default))
        if not text.isdigit() or not 1 <= int(text) <= most:
            raise Refused(400, "VALIDATION_ERROR", f"limit must be a number from 1 to {most}")
        return int(text)

    def body(self, rows: Sequence[Any], after: str | None, **more: Any) -> bytes:
        """A page as HubSpot encloses it."""
        answer: dict[str, Any] = {**more, "results": rows}
        if after is not None:
            link = f"{self.base}{self.path}?{urlencode([*self.params, ('after', after)], quote_via=quote)}"
            answer["paging"] = {"next": {"after": after, "link": link}}
        return orjson.dumps(answer)


#: Renders the page at a position; gives the body and the next position.
Render = Callable[[Query, str], tuple[bytes, str | None]]


def encoded(text: str) -> str:
    """An opaque cursor."""
    return base64.b64encode(text.encode()).decode()


def decoded(text: str) -> str:
    """What a cursor says."""
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Refused(400, "VALIDATION_ERROR", f"Invalid paging cursor: {text}") from error


def epoch_ms(text: str) -> int:
    """A filter's value: milliseconds, an id or an ISO instant."""
    if text.isdigit():
        return int(text)
    try:
        return round(parse_instant(text).timestamp() * 1000)
    except ValueError as error:
        raise Refused(400, "VALIDATION_ERROR", f"Invalid date or number: {text}") from error


async def json_body(request: Request) -> dict[str, Any]:
    """The request's JSON object."""
    try:
        body = orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise Refused(400, "VALIDATION_ERROR", "Invalid input JSON") from error
    if not isinstance(body, dict):
        raise Refused(400, "VALIDATION_ERROR", "Invalid input JSON: an object is expected")
    return body
