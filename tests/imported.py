"""What `tests.programs` imports and parses once, before it forks."""

from __future__ import annotations

import tempfile
from pathlib import Path

import dagster_dbt  # noqa: F401 - what a refresh imports
import dagster_dlt  # noqa: F401 - what a refresh imports
import pandera.ibis  # noqa: F401 - what a refresh imports
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest

from orchestration.project import PROJECT_DIR, reuse_parsed, shipped_dir


def _parse() -> Manifest:
    project = str(PROJECT_DIR)
    with tempfile.TemporaryDirectory() as folder:
        reuse_parsed(shipped_dir(), Path(folder))
        result = dbtRunner().invoke(
            [
                *("parse", "--quiet", "--log-level-file", "none", "--target-path", folder),
                *("--project-dir", project, "--profiles-dir", project),
            ]
        )
    if not isinstance(result.result, Manifest):
        raise RuntimeError(f"dbt cannot parse the project: {result.exception}")
    return result.result


#: The dbt project, parsed with its own profile and variables.
PARSED = _parse()
