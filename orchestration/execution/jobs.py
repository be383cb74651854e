"""The refresh job."""

from __future__ import annotations

import dagster as dg

refresh = dg.define_asset_job(
    "refresh",
    selection=dg.AssetSelection.all(),
    description="Loads every source, builds and validates the models, and publishes serving.duckdb.",
)
