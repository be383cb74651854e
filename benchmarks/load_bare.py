"""The least a HubSpot load can do: page asynchronously, decode with pyarrow.json, write Parquet.

Reads its task (JSON) from standard input and prints the rows per object as JSON.
"""

from __future__ import annotations

import asyncio
import io
import json
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj
import pyarrow.parquet as pq

_BATCH_BYTES = 4 << 20
_HISTORY_INPUTS = 50
_PAGE_VIEW = "e_visited_page"
_PAGE_VIEW_PROPERTIES = (
    "hs_url",
    "hs_title",
    "hs_referrer",
    "hs_page_id",
    "hs_visit_source",
    "hs_visit_source_details_1",
    "hs_visit_source_details_2",
    "hs_utm_source",
    "hs_utm_medium",
    "hs_utm_campaign",
)


def _texts(names: Sequence[str]) -> pa.StructType:
    return pa.struct([(name, pa.string()) for name in names])


def _records(properties: Sequence[str], history: Sequence[str]) -> dict[str, pa.DataType]:
    columns: dict[str, pa.DataType] = {
        "id": pa.string(),
        "createdAt": pa.string(),
        "updatedAt": pa.string(),
        "archived": pa.bool_(),
    }
    if properties:
        columns["properties"] = _texts(properties)
    if history:
        entries = pa.list_(_texts(("value", "timestamp", "sourceType", "sourceId")))
        columns["propertiesWithHistory"] = pa.struct([(name, entries) for name in history])
    return columns


class Sink:
    """Collects pages of one object and writes them as Parquet in batches."""

    def __init__(self, path: Path, columns: dict[str, pa.DataType]) -> None:
        row = pa.struct(list(columns.items()))
        self._page = pa.schema([("results", pa.list_(row))])
        self._writer = pq.ParquetWriter(path, pa.schema(list(row)))
        self._waiting: list[bytes] = []
        self._size = 0
        self.rows = 0

    def add(self, body: bytes) -> None:
        """Take a page."""
        self._waiting.append(body)
        self._size += len(body)
        if self._size >= _BATCH_BYTES:
            self.flush()

    def close(self) -> int:
        """Write the rest; gives the number of rows."""
        self.flush()
        self._writer.close()
        return self.rows

    def flush(self) -> None:
        """Write what waits."""
        if not self._waiting:
            return
        pages = pj.read_json(
            io.BytesIO(b"\n".join(self._waiting)),
            read_options=pj.ReadOptions(use_threads=False, block_size=self._size + len(self._waiting)),
            parse_options=pj.ParseOptions(explicit_schema=self._page, unexpected_field_behavior="ignore"),
        )
        for chunk in pages.column("results").chunks:
            rows = pa.Table.from_struct_array(pc.list_flatten(chunk))
            self._writer.write_table(rows)
            self.rows += rows.num_rows
        self._waiting, self._size = [], 0


async def _pages(session: aiohttp.ClientSession, url: str, params: dict[str, str]) -> AsyncIterator[bytes]:
    after: str | None = None
    while True:
        asked = {**params, "after": after} if after else params
        async with session.get(url, params=asked) as response:
            if response.status == 403:
                return
            response.raise_for_status()
            body = await response.read()
        yield body
        # the cursor is the answer's last key
        place = body.rfind(b'"paging":')
        if place < 0:
            return
        after = json.loads(body[place + len(b'"paging":') : -1])["next"]["after"]


async def _objects(session: aiohttp.ClientSession, task: dict[str, Any], kind: str) -> dict[str, int]:
    asked = task["asked"].get(kind, {"properties": [], "history": []})
    listed = asked["history"] if asked.get("listed_with_history") else []
    sink = Sink(Path(task["out"]) / f"{kind}.parquet", _records(asked["properties"], listed))
    params = {"limit": "50" if listed else "100", "properties": ",".join(asked["properties"])}
    if listed:
        params["propertiesWithHistory"] = ",".join(listed)
    url = f"{task['base_url']}/crm/objects/2026-09/{kind}"
    ids: list[str] = []
    wanted = asked.get("read_with_history", 0)
    live = 0
    for archived in ("false", "true"):
        async for body in _pages(session, url, {**params, "archived": archived}):
            sink.add(body)
            if len(ids) < wanted:
                ids += [row["id"] for row in json.loads(body)["results"]]
        if archived == "false":
            sink.flush()
            live = sink.rows
    if wanted:
        await _histories(session, task, kind, ids[:wanted])
    total = sink.close()
    return {kind: live, f"archived_{kind}": total - live} if kind == "contacts" else {kind: total}


async def _histories(session: aiohttp.ClientSession, task: dict[str, Any], kind: str, ids: list[str]) -> None:
    """As many histories as the compared loader read in batches."""
    names = task["asked"][kind]["history"]
    sink = Sink(Path(task["out"]) / f"{kind}_history.parquet", _records((), names))
    url = f"{task['base_url']}/crm/objects/2026-09/{kind}/batch/read"
    for start in range(0, len(ids), _HISTORY_INPUTS):
        inputs = [{"id": item} for item in ids[start : start + _HISTORY_INPUTS]]
        async with session.post(url, json={"inputs": inputs, "propertiesWithHistory": names}) as response:
            response.raise_for_status()
            sink.add(await response.read())
    sink.close()


async def _submissions(session: aiohttp.ClientSession, task: dict[str, Any]) -> dict[str, int]:
    url = f"{task['base_url']}/marketing/v3/forms"
    kinds = "hubspot,captured,flow,blog_comment"
    forms: list[str] = []
    async for body in _pages(session, url, {"limit": "100", "formTypes": kinds}):
        forms += [form["id"] for form in json.loads(body)["results"]]
    field = pa.struct([("name", pa.string()), ("value", pa.string()), ("objectTypeId", pa.string())])
    columns = {
        "conversionId": pa.string(),
        "submittedAt": pa.int64(),
        "values": pa.list_(field),
        "pageUrl": pa.string(),
    }

    async def log(form: str) -> int:
        sink = Sink(Path(task["out"]) / f"submissions_{form}.parquet", columns)
        path = f"{task['base_url']}/form-integrations/v1/submissions/forms/{form}"
        async for body in _pages(session, path, {"limit": "50"}):
            sink.add(body)
        return sink.close()

    return {"submissions": sum(await asyncio.gather(*map(log, forms)))}


async def _page_views(session: aiohttp.ClientSession, task: dict[str, Any]) -> dict[str, int]:
    columns = {
        "id": pa.string(),
        "eventType": pa.string(),
        "occurredAt": pa.string(),
        "objectType": pa.string(),
        "objectId": pa.string(),
        "properties": _texts(_PAGE_VIEW_PROPERTIES),
    }
    sink = Sink(Path(task["out"]) / "page_views.parquet", columns)
    url = f"{task['base_url']}/events/event-occurrences/2026-09"
    async for body in _pages(session, url, {"limit": "100", "eventType": _PAGE_VIEW}):
        sink.add(body)
    return {"page_views": sink.close()}


async def load(task: dict[str, Any]) -> dict[str, int]:
    """All objects at once; gives the rows of each."""
    headers = {"Authorization": f"Bearer {task['token']}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        parts = await asyncio.gather(
            *(_objects(session, task, kind) for kind in ("contacts", "deals")),
            _submissions(session, task),
            _page_views(session, task),
        )
    return {name: count for part in parts for name, count in part.items()}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(load(json.load(sys.stdin)))))
