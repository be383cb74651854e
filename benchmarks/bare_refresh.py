"""What a refresh comes to without orchestration: the vendors' loads side by side, landing pages, one build.

Arguments: the instant, the first and the last day, the vendors, and the command that builds. Loads into
`ADLEDGER_HOME`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_LOAD = [sys.executable, str(Path(__file__).resolve().with_name("load_adledger.py"))]


def _run(*commands: list[str]) -> None:
    processes = [subprocess.Popen(command) for command in commands]
    codes = [process.wait() for process in processes]
    if any(codes):
        sys.exit(1)


if __name__ == "__main__":
    at, first, last, vendors, *build = sys.argv[1:]
    _run(*([*_LOAD, vendor, at, first, last] for vendor in vendors.split(",")))
    _run([*_LOAD, "landing_pages", at])
    _run(build)
