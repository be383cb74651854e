"""Runs the commands of a page as its reader types them, and compares what they print with what it shows.

`python docs/walk.py docs/quickstart.md`, in the folder of the project. In a block of kind `console`, `$ `
begins a command; what follows is its output, where `…` stands for any text or any lines. `^C` ends a command
that would go on.
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
    """Each command of a page with the lines it is said to print."""
    for block in _BLOCK.findall(page):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *lines = part.rstrip("\n").split("\n")
            yield command, lines


def walk(page: Path) -> None:
    """Runs a page. Exits with a line that names the command which prints something else, or fails."""
    began = time.monotonic()
    found = list(commands(page.read_text(encoding="utf-8")))
    if not found:
        raise SystemExit(f"{page} has no commands")
    for command, lines in found:
        _say(f"$ {command}")
        _run(command, lines)
        _say(f"  … {time.monotonic() - began:.0f} s since the beginning")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _run(command: str, lines: list[str]) -> None:
    is_ended = lines[-1:] == [_INTERRUPT]
    expected = lines[:-1] if is_ended else lines
    process = subprocess.Popen(
        command,
        shell=True,
        text=True,
        encoding="utf-8",
        stdout=subprocess.PIPE,
        env=os.environ | {"COLUMNS": "80"},
        start_new_session=True,
    )
    assert process.stdout
    printed: list[str] = []
    for line in process.stdout:
        printed.append(line.rstrip())
        if is_ended and shows(printed, expected):
            os.killpg(process.pid, signal.SIGINT)
            break
    process.stdout.read()
    code = process.wait()
    # the shell may end by the signal, too
    if code and not (is_ended and code == -signal.SIGINT):
        raise SystemExit(f"{command}: exit code {code}")
    if not shows(printed, expected):
        raise SystemExit("\n".join([f"{command}: prints", *printed, "the page shows", *expected]))


def shows(printed: list[str], expected: list[str]) -> bool:
    """Whether the lines are those of a page. A line `…` stands for any lines, within a line for any text."""
    lines = (
        r"(?:.*\n)*" if line == _ANY else r".*".join(map(re.escape, line.rstrip().split(_ANY))) + r"[ ]*\n"
        for line in expected
    )
    # an empty line at the end is not seen
    return re.fullmatch("".join(lines), "\n".join(printed).rstrip() + "\n") is not None


if __name__ == "__main__":
    walk(Path(sys.argv[1]))
