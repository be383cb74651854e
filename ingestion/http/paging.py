"""Paging for all sources: pages by cursor, with a guard against a server that repeats pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ingestion.errors import ResponseError
from ingestion.http.client import Answer
from ingestion.limits import PAGES


def pages(
    ask: Callable[[str | None], Answer],
    following: Callable[[Answer], str | None],
    what: str,
    content: Callable[[Answer], Any] = lambda answer: None,
) -> Iterator[Answer]:
    """Yield the answers page by page.

    Raises ResponseError if the server repeats a page even after a retry, or has no last page
    (`limits.pages`).

    `ask` requests the page of a cursor, None for the first page. `following` returns the next cursor: None at
    the end, empty if it is missing. `what` is the listing's name in the error. Offsets never repeat as
    cursors do; for them `content` returns a page's content, which must differ from the page before.
    """
    cursor: str | None = None
    passed: set[str] = set()
    before: Any = None
    is_second_try = False
    while True:
        answer = ask(cursor)
        after, now = following(answer), content(answer)
        if after == "" or after in passed or (now is not None and now == before):
            # retry once, because a second repeat would never end
            if is_second_try:
                raise ResponseError(f"{what} repeated its paging cursor; run again")
            is_second_try = True
            continue
        is_second_try = False
        yield answer
        if after is None:
            return
        passed.add(after)
        # settings are read rarely, because most listings have few pages
        if len(passed) % PAGES.lowest == 0 and len(passed) >= (most := PAGES.read()):
            raise ResponseError(f"{what} has more than {most:,} pages: raise {PAGES.name} if that is right")
        cursor, before = after, now
