"""Ends a process with its parent, also if the parent was killed and could not end it.

A child compares its parent's process id with the one that it was started by; an orphan gets another parent.
Run as a script, it runs a module like `python -m`. Standard library only: it also runs in dbt and in
Superset's own environment.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time
from collections.abc import Mapping

_VARIABLE = "ADLEDGER_PARENT"
_POLL_SECONDS = 0.5


def tied(environment: Mapping[str, str]) -> dict[str, str]:
    """Returns the environment of a child that ends with this process, if the child calls `watch`."""
    return {**environment, _VARIABLE: str(os.getpid())}


def watch() -> None:
    """Ends this process, and its process group if it leads one, as soon as its parent has ended.

    Does nothing in a process whose parent did not ask for it with `tied`.
    """
    parent = os.environ.pop(_VARIABLE, "")
    if parent.isdecimal():
        threading.Thread(target=_end_with, args=(int(parent),), name="parent", daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_POLL_SECONDS)
    if os.getpgrp() == os.getpid():
        # runs that Dagster's code server started
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    watch()
    del sys.argv[0]
    # as with -m
    sys.path[0] = os.getcwd()
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
