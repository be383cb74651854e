"""What `tests.programs` imports and parses once, before it forks."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import dagster_dbt  # noqa: F401 - what a refresh imports
import dagster_dlt  # noqa: F401 - what a refresh imports
import pandera.ibis  # noqa: F401 - what a refresh imports
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest

from orchestration.project import DBT_EXECUTABLE, PROJECT_DIR, is_current, reuse_parsed, shipped_dir


def _parse() -> Manifest:
    with tempfile.TemporaryDirectory() as folder:
        arguments = [
            *("parse", "--quiet", "--log-level-file", "none", "--target-path", folder),
            *("--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR)),
        ]
        reuse_parsed(shipped_dir(), Path(folder))
        if not is_current(shipped_dir()):
            # dbt's parser starts threads that a fork would wait for: this process only reads the result
            subprocess.run([str(DBT_EXECUTABLE), *arguments], check=True)
        result = dbtRunner().invoke(arguments)
    if not isinstance(result.result, Manifest):
        raise RuntimeError(f"dbt cannot parse the project: {result.exception}")
    return result.result


#: The dbt project, parsed with its own profile and variables.
PARSED = _parse()
