"""The least a load of a network can do: ask asynchronously, decode with pyarrow.json, write Parquet.

Reads its task (JSON) from standard input: a network's address, its headers, the requests to make and where to
write. Prints the rows of each kind as JSON. Listings are followed from page to page.
"""

from __future__ import annotations

import asyncio
import io
import json
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj
import pyarrow.parquet as pq
from yarl import URL

_BATCH_BYTES = 4 << 20
_CONCURRENCY = 4
# the list that holds an answer's rows; Google's answer is an array, which pyarrow.json does not read
_ROWS = {"google_ads": "results", "facebook_ads": "data", "linkedin_ads": "elements"}
# what is asked of each row: some objects are asked for in parts
_FIELDS = re.compile("fields=([^&]*)|SELECT (.*?) FROM")


class Sink:
    """Collects answers with the same fields and writes their rows as Parquet in batches."""

    def __init__(self, path: Path, network: str) -> None:
        self._path, self._network = path, network
        self._writer: pq.ParquetWriter | None = None
        self._schema: pa.Schema | None = None
        self._waiting: list[bytes] = []
        self._size = 0
        self.rows = 0

    def add(self, body: bytes) -> None:
        """Take an answer."""
        self._waiting.append(b'{"batches":' + body + b"}" if self._network == "google_ads" else body)
        self._size += len(body)
        if self._size >= _BATCH_BYTES:
            self.flush()

    def close(self) -> int:
        """Write the rest; gives the number of rows."""
        self.flush()
        if self._writer:
            self._writer.close()
        return self.rows

    def flush(self) -> None:
        """Write what waits. The first batch sets the schema."""
        if not self._waiting:
            return
        answers = pj.read_json(
            io.BytesIO(b"\n".join(self._waiting)),
            read_options=pj.ReadOptions(use_threads=False, block_size=self._size + 100 * len(self._waiting)),
            parse_options=pj.ParseOptions(
                explicit_schema=self._schema, unexpected_field_behavior="ignore" if self._schema else "infer"
            ),
        )
        self._waiting, self._size = [], 0
        for chunk in answers.to_struct_array().chunks:
            found = self._lists(chunk)
            if found is None or not pa.types.is_struct(found.type):
                continue
            self._schema = self._schema or answers.schema
            rows = pa.Table.from_struct_array(found)
            self._writer = self._writer or pq.ParquetWriter(self._path, rows.schema)
            self._writer.write_table(rows)
            self.rows += rows.num_rows

    def _lists(self, answers: pa.StructArray) -> pa.Array | None:
        """The rows of the answers; None where no answer has any."""
        for level in ("batches", "results") if self._network == "google_ads" else (_ROWS[self._network],):
            if answers.type.get_field_index(level) < 0:
                return None
            answers = pc.list_flatten(pc.struct_field(answers, [level]))
        return answers


def _following(network: str, body: bytes) -> str:
    """What leads from an answer to the next, as a parameter: it stands in the last key; empty at the end."""
    if network == "facebook_ads":
        paging = _last(body, b'"paging":')
        return f"&after={paging['cursors']['after']}" if "next" in paging else ""
    token = _last(body, b'"metadata":').get("nextPageToken") if network == "linkedin_ads" else None
    return f"&pageToken={token}" if token else ""


def _last(body: bytes, key: bytes) -> Any:
    place = body.rfind(key)
    return json.loads(body[place + len(key) : -1]) if place >= 0 else {}


async def _answers(
    session: aiohttp.ClientSession, task: dict[str, Any], asked: dict[str, Any]
) -> AsyncIterator[bytes]:
    """The answers to a request, page by page. One to LinkedIn may be tunnelled: its query is the body."""
    tunnelled = task["network"] == "linkedin_ads" and asked["method"] == "POST"
    headers = {"Content-Type": "application/x-www-form-urlencoded" if tunnelled else "application/json"}
    if tunnelled:
        headers["X-HTTP-Method-Override"] = "GET"
    place = ""
    while True:
        # the address is encoded already
        url = URL(task["base_url"] + asked["path"] + ("" if tunnelled else place), encoded=True)
        body = asked["body"] + (place if tunnelled else "")
        async with session.request(
            asked["method"], url, data=body.encode() or None, headers=headers
        ) as response:
            response.raise_for_status()
            found = await response.read()
        yield found
        place = _following(task["network"], found)
        if not place:
            return


async def load(task: dict[str, Any]) -> dict[str, int]:
    """All requests, a few at once; gives the rows of each kind."""
    sinks: dict[tuple[str, str], Sink] = {}
    turns = asyncio.Semaphore(_CONCURRENCY)

    async def read(asked: dict[str, Any]) -> None:
        # fields that one request cannot hold come in several
        fields = "".join(map("".join, _FIELDS.findall(asked["path"] + asked["body"])))
        key = (asked["rows"], fields)
        if key not in sinks:
            sinks[key] = Sink(Path(task["out"]) / f"{len(sinks)}.parquet", task["network"])
        async with turns:
            async for body in _answers(session, task, asked):
                sinks[key].add(body)

    headers = dict(task["headers"])
    async with aiohttp.ClientSession(headers=headers) as session:
        if task["token_url"]:
            async with session.post(task["token_url"], data=task["form"]) as response:
                token = (await response.json())["access_token"]
            session.headers["Authorization"] = f"Bearer {token}"
        await asyncio.gather(*map(read, task["asked"]))
    rows: dict[str, int] = {}
    for (kind, _), sink in sinks.items():
        rows[kind] = max(rows.get(kind, 0), sink.close())
    return rows


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(load(json.load(sys.stdin)))))
