"""The job as `dagster.reconstructable` asks for it: a function of a module, resolved once."""

from __future__ import annotations

import dagster as dg

from orchestration.definitions import defs

_job = defs.resolve_job_def("refresh")


def refresh_job() -> dg.JobDefinition:
    """The `refresh` job of the code location."""
    return _job
