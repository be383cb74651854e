"""The one paginator: pages by cursor, with a guard against a server that repeats itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ingestion.errors import ResponseError
from ingestion.http.client import Answer


def pages(
    ask: Callable[[str | None], Answer],
    following: Callable[[Answer], str | None],
    what: str,
    content: Callable[[Answer], Any] = lambda answer: None,
) -> Iterator[Answer]:
    """Answers page by page. Raises ResponseError where the server sends the same page again and again.

    `ask` gets a cursor, None for the first page; `following` reads the next one from an answer: None at the
    end, empty where there should be one. `what` names the listing in the error. Where a cursor is an offset,
    which never repeats, `content` is what no two pages in a row have in common.
    """
    cursor: str | None = None
    passed: set[str] = set()
    before: Any = None
    is_second_try = False
    while True:
        answer = ask(cursor)
        after, now = following(answer), content(answer)
        if after == "" or after in passed or (now is not None and now == before):
            # once may be a slip of the server; twice would go on for ever
            if is_second_try:
                raise ResponseError(f"{what} repeated its paging cursor; run again")
            is_second_try = True
            continue
        is_second_try = False
        yield answer
        if after is None:
            return
        passed.add(after)
        cursor, before = after, now
