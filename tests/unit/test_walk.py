"""The commands of a page are run, and their output is compared with the page."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.walk import commands, matches, walk

pytestmark = pytest.mark.builds


@pytest.mark.parametrize(
    ("printed", "expected", "is_match"),
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
def test_the_ellipsis_matches_any_text(printed: list[str], expected: list[str], is_match: bool) -> None:
    assert matches(printed, expected) is is_match


def test_only_console_blocks_are_run() -> None:
    page = "```\nrm x\n```\n\n```console\n$ echo a\na\n$ true\n```\n"
    assert list(commands(page)) == [("echo a", ["a"]), ("true", [])]


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ("$ echo a\nb", "echo a: output\na\nexpected\nb"),
        ("$ false", "false: exit code 1"),
        ("", "contains no commands"),
    ],
)
def test_differences_are_reported(tmp_path: Path, block: str, message: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"```console\n{block}\n```\n")
    with pytest.raises(SystemExit, match=message):
        walk(page)


def test_a_command_that_does_not_end_is_interrupted(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```console\n$ echo ready; sleep 60\nready\n^C\n```\n")
    walk(page)
