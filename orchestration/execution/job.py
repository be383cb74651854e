"""The job as a module-level function, which `dagster.reconstructable` requires."""

from __future__ import annotations

import dagster as dg

from orchestration.definitions import defs

_job = defs.resolve_job_def("refresh")


def refresh_job() -> dg.JobDefinition:
    """Returns the `refresh` job of the code location."""
    return _job
