"""`dbt` and `adledger`, each call in a fork of a process that has imported them.

Importing them takes longer than most of what tests ask of them. Tests of the programs' own start and end run
the installed commands.
"""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(["tests.imported"])


def run(
    program: str, *arguments: str, environment: Mapping[str, str], seconds: float = 420
) -> subprocess.CompletedProcess[str]:
    """Runs `program` ("dbt" or "adledger") and returns what `subprocess.run` would of the command.

    Raises subprocess.TimeoutExpired after `seconds`, with the stack of every thread in `stderr`.
    """
    with tempfile.TemporaryDirectory() as folder:
        output, errors = Path(folder) / "output", Path(folder) / "errors"
        process = _SERVER.Process(
            target=_main, args=(program, arguments, dict(environment), str(output), str(errors), seconds)
        )
        process.start()
        process.join(seconds + 5)
        if expired := process.exitcode is None:
            process.kill()
            process.join()
        said, complained = (file.read_text() if file.exists() else "" for file in (output, errors))
        if expired:
            raise subprocess.TimeoutExpired([program, *arguments], seconds, said, complained)
        return subprocess.CompletedProcess([program, *arguments], process.exitcode, said, complained)


def _main(
    program: str,
    arguments: tuple[str, ...],
    environment: dict[str, str],
    output: str,
    errors: str,
    seconds: float,
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    # what is private must be so whatever the user's umask is
    os.umask(0)
    for path, stream in ((output, sys.stdout), (errors, sys.stderr)):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(file, stream.fileno())
        os.close(file)
    faulthandler.dump_traceback_later(seconds)
    sys.argv = [program, *arguments]
    code = _dbt(arguments) if program == "dbt" else _adledger()
    sys.exit(code)


def _dbt(arguments: tuple[str, ...]) -> int:
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    from tests.imported import PARSED

    # another target or variables change what is parsed
    parsed = {"--target", "--vars", "--no-partial-parse"}.isdisjoint(arguments) and "parse" not in arguments
    result = dbtRunner(manifest=PARSED if parsed else None).invoke([*arguments])
    DuckDBConnectionManager.close_all_connections()
    if result.exception:
        print(result.exception, file=sys.stderr)
        return 2
    return 0 if result.success else 1


def _adledger() -> int:
    from adledger.cli import app

    app()
    return 0
