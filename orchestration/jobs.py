"""The one job."""

from __future__ import annotations

import dagster as dg

# Loads overlap, up to one per source; pools keep writers of one file apart (dagster.yaml: one each).
# Workers are forked from a server that has the job imported: a new interpreter per step costs seconds.
_executor = dg.multiprocess_executor.configured(
    {"max_concurrent": 4, "start_method": {"forkserver": {"preload_modules": ["orchestration.job"]}}}
)

refresh = dg.define_asset_job(
    "refresh",
    selection=dg.AssetSelection.all(),
    description="Lands every source, builds the models, validates them, and publishes serving.duckdb.",
    executor_def=_executor,
)
