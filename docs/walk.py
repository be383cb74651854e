"""Runs the commands of a documentation page and compares their output with the page.

Run `python docs/walk.py docs/quickstart.md` in the project folder. In a `console` block, `$ ` starts a
command, and its output follows. `…` stands for any text or any lines. `^C` stops a command that does not end.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ANY, _INTERRUPT = "…", "^C"


def commands(page: str) -> Iterator[tuple[str, list[str]]]:
    """Yields each command of a page with its expected output lines."""
    for block in _BLOCK.findall(page):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *lines = part.rstrip("\n").split("\n")
            yield command, lines


def walk(page: Path) -> None:
    """Runs all commands of a page. Exits with a message if a command fails or its output differs."""
    began = time.monotonic()
    found = list(commands(page.read_text(encoding="utf-8")))
    if not found:
        raise SystemExit(f"{page} contains no commands")
    for command, lines in found:
        _print(f"$ {command}")
        _run(command, lines)
        _print(f"  … {time.monotonic() - began:.0f} s since the start")


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _run(command: str, lines: list[str]) -> None:
    is_interrupted = lines[-1:] == [_INTERRUPT]
    expected = lines[:-1] if is_interrupted else lines
    process = subprocess.Popen(
        command,
        shell=True,
        text=True,
        encoding="utf-8",
        stdout=subprocess.PIPE,
        env=os.environ | {"COLUMNS": "100"},
        start_new_session=True,
    )
    assert process.stdout
    printed: list[str] = []
    for line in process.stdout:
        printed.append(line.rstrip())
        if is_interrupted and matches(printed, expected):
            os.killpg(process.pid, signal.SIGINT)
            break
    process.stdout.read()
    code = process.wait()
    # the signal may also end the shell
    if code and not (is_interrupted and code == -signal.SIGINT):
        raise SystemExit(f"{command}: exit code {code}")
    if not matches(printed, expected):
        raise SystemExit("\n".join([f"{command}: output", *printed, "expected", *expected]))


def matches(printed: list[str], expected: list[str]) -> bool:
    """True if the output matches the page. A line `…` matches any lines; `…` within a line, any text."""
    lines = (
        r"(?:.*\n)*" if line == _ANY else r".*".join(map(re.escape, line.rstrip().split(_ANY))) + r"[ ]*\n"
        for line in expected
    )
    # ignore empty lines at the end
    return re.fullmatch("".join(lines), "\n".join(printed).rstrip() + "\n") is not None


if __name__ == "__main__":
    walk(Path(sys.argv[1]))
