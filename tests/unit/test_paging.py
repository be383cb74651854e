"""Paging reads to the end, and stops if a server repeats pages."""

from __future__ import annotations

import pytest

from ingestion.errors import ResponseError
from ingestion.http.client import Answer
from ingestion.http.paging import pages


def answer(after: str | None) -> Answer:
    return Answer(b"", after, {})


def read(*answers: str | None) -> tuple[list[str | None], list[str | None]]:
    """Return the requested cursors and the cursors of the yielded pages."""
    asked: list[str | None] = []
    left = list(answers)

    def ask(cursor: str | None) -> Answer:
        asked.append(cursor)
        return answer(left.pop(0))

    found = [page.document for page in pages(ask, lambda page: page.document, "the listing")]
    return asked, found


@pytest.mark.parametrize(
    ("answers", "asked", "found"),
    [
        ((None,), [None], [None]),
        (("a", "b", None), [None, "a", "b"], ["a", "b", None]),
        # a repeated or a missing cursor: the page is requested again
        (("a", "a", "b", None), [None, "a", "a", "b"], ["a", "b", None]),
        (("a", "", None), [None, "a", "a"], ["a", None]),
    ],
)
def test_pages_are_read_to_their_end(
    answers: tuple[str | None, ...], asked: list[str | None], found: list[str | None]
) -> None:
    assert read(*answers) == (asked, found)


def test_a_server_without_a_last_page_ends_the_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMITS__PAGES", "2000")
    numbers = iter(range(10_000))
    found = pages(lambda _: answer(str(next(numbers))), lambda page: page.document, "the listing")
    with pytest.raises(ResponseError, match=r"the listing has more than 2,000 pages: raise limits\.pages"):
        list(found)
    assert next(numbers) == 2000


@pytest.mark.parametrize("answers", [("a", "a", "a"), ("a", "b", "a", "a"), ("", "")])
def test_a_server_that_repeats_itself_twice_ends_the_load(answers: tuple[str, ...]) -> None:
    with pytest.raises(ResponseError, match="the listing repeated its paging cursor; run again"):
        read(*answers)
