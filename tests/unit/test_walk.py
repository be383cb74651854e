"""A page's commands are run as it says, and what they print is compared with what it shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.walk import commands, shows, walk

pytestmark = pytest.mark.builds


@pytest.mark.parametrize(
    ("printed", "expected", "is_shown"),
    [
        (["a", "b"], ["a", "b"], True),
        (["a", "b", ""], ["a", "b"], True),
        (["a", "b"], ["a"], False),
        (["a", "b", "c"], ["a", "…", "c"], True),
        (["a", "c"], ["a", "…", "c"], True),
        (["a", "b", "c"], ["a", "…"], True),
        (["a", "b"], ["a", "…", "c"], False),
        (["took 12 s"], ["took … s"], True),
        (["1.5"], ["1x5"], False),
    ],
)
def test_any_text_stands_only_where_the_page_says(
    printed: list[str], expected: list[str], is_shown: bool
) -> None:
    assert shows(printed, expected) is is_shown


def test_only_console_blocks_are_run() -> None:
    page = "```\nrm x\n```\n\n```console\n$ echo a\na\n$ true\n```\n"
    assert list(commands(page)) == [("echo a", ["a"]), ("true", [])]


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ("$ echo a\nb", "echo a: output\na\noutput on the page\nb"),
        ("$ false", "false: exit code 1"),
        ("", "has no commands"),
    ],
)
def test_what_differs_is_said(tmp_path: Path, block: str, said: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"```console\n{block}\n```\n")
    with pytest.raises(SystemExit, match=said):
        walk(page)


def test_a_command_that_would_go_on_is_interrupted(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```console\n$ echo ready; sleep 60\nready\n^C\n```\n")
    walk(page)
