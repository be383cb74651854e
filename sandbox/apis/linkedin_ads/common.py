"""LinkedIn's errors, dates and paging.

https://learn.microsoft.com/en-us/linkedin/shared/api-guide/concepts/error-handling and /pagination
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from starlette.requests import Request

from sandbox.apis.state import ApiError
from sandbox.counting.hubspot import epoch_ms

MAX_PAGE = 1000
MAX_COUNT = 500

Row = dict[str, Any]


def problem(status: int, code: str, message: str, service_code: int | None = None, **more: Any) -> ApiError:
    """An error in LinkedIn's body."""
    body: Row = {"message": message, "status": status, "code": code, **more}
    if service_code is not None:
        body["serviceErrorCode"] = service_code
    return ApiError(status, body)


def invalid_field(name: str, description: str) -> ApiError:
    """A refused parameter, with the details the newer endpoints add."""
    details = {
        "inputErrors": [
            {"code": "FIELD_INVALID", "description": description, "input": {"inputPath": {"fieldPath": name}}}
        ]
    }
    return problem(
        400,
        "BAD_REQUEST",
        description,
        errorDetailType="com.linkedin.common.error.BadRequest",
        errorDetails=details,
    )


def denied(resource: str) -> ApiError:
    """The refusal of a resource the token or the member may not read."""
    return problem(403, "ACCESS_DENIED", f"Not enough permissions to access: GET {resource}", 100)


def number(parameters: Row, name: str, default: int, most: int) -> int:
    """A numeric parameter up to `most`."""
    text = str(parameters.get(name, default))
    if not text.isdigit() or int(text) > most or (name != "start" and int(text) == 0):
        raise invalid_field(name, f"{name} must be a number up to {most}")
    return int(text)


def day(value: Any, name: str) -> date:
    """A date record."""
    try:
        return date(int(value["year"]), int(value["month"]), int(value["day"]))
    except (KeyError, TypeError, ValueError) as error:
        raise invalid_field(name, f"Invalid date for {name}") from error


def stamps(created: datetime, changed: datetime) -> Row:
    """`changeAuditStamps`, in milliseconds."""
    return {
        "created": {"actor": "urn:li:unknown:0", "time": epoch_ms(created)},
        "lastModified": {"actor": "urn:li:unknown:0", "time": epoch_ms(changed)},
    }


def by_status(rows: list[Row], parameters: Row) -> list[Row]:
    """Rows in the statuses the search names, else all."""
    search = parameters.get("search", {})
    if not isinstance(search, dict):
        raise invalid_field("search", "search must be a record")
    values = (search.get("status") or {}).get("values")
    return [row for row in rows if values is None or row["status"] in values]


def cursor_page(parameters: Row, rows: list[Row], most: int, cap: int) -> Row:
    """A page by token; the last one has none."""
    size = min(number(parameters, "pageSize", min(100, most), most), cap)
    token = str(parameters.get("pageToken", "DgE0"))
    if not token.startswith("DgE") or not token[3:].isdigit():
        raise invalid_field("pageToken", "Invalid page token")
    start = int(token[3:])
    metadata = {"nextPageToken": f"DgE{start + size}"} if start + size < len(rows) else {}
    return {"elements": rows[start : start + size], "metadata": metadata}


def offset_page(
    request: Request, raw_query: str, parameters: Row, rows: list[Row], cap: int, *, total: bool
) -> Row:
    """A page by offset, with the total unless LinkedIn leaves it out."""
    start = number(parameters, "start", 0, 10**6)
    count = min(number(parameters, "count", 10, MAX_COUNT), cap)
    links = []
    if start + count < len(rows):
        kept = [part for part in raw_query.split("&") if not part.startswith(("start=", "count="))]
        path = request.url.path.removeprefix(request.scope.get("root_path", ""))
        href = f"{path}?{'&'.join([*kept, f'start={start + count}', f'count={count}'])}"
        links.append({"rel": "next", "href": href, "type": "application/json"})
    paging: Row = {"start": start, "count": count, "links": links}
    if total:
        paging["total"] = len(rows)
    return {"elements": rows[start : start + count], "paging": paging}
