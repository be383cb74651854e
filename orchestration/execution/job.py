"""The job as a worker process finds it again: resolved once, when the workers' server imports this module."""

from __future__ import annotations

import dagster as dg

from orchestration.definitions import defs

_job = defs.resolve_job_def("refresh")


def refresh_job() -> dg.JobDefinition:
    """The `refresh` job of the code location."""
    return _job
