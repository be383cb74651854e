"""The one job."""

from __future__ import annotations

import dagster as dg

refresh = dg.define_asset_job(
    "refresh",
    selection=dg.AssetSelection.all(),
    description="Lands every source, builds the models, validates them, and publishes serving.duckdb.",
)
