"""Another process that holds a lock: in this one a second handle would be ours as well."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PROGRAM = """
import pathlib, sys
from orchestration.execution.locking import file_lock
with file_lock(pathlib.Path(sys.argv[1]), holder=sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held(path: Path, holder: str = "") -> Iterator[None]:
    """Holds the lock `path` names while the body runs."""
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(path), holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin
    assert process.stdout
    try:
        assert process.stdout.readline() == b"held\n"
        yield
    finally:
        process.stdin.close()
        process.stdout.close()
        assert process.wait(10) == 0
