"""Runs a command and then waits for the processes that outlive it, so that the kernel counts these, too.

Dagster captures what steps print with helper processes that the refresh does not wait for.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from contextlib import suppress

_PR_SET_CHILD_SUBREAPER = 36

if __name__ == "__main__":
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    status = subprocess.call(sys.argv[1:])
    with suppress(ChildProcessError):
        while True:
            os.wait()
    sys.exit(status)
