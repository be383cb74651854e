"""The table of contents: everything the one code location holds."""

from __future__ import annotations

import dagster as dg

from orchestration.assets.dbt import dbt_models
from orchestration.assets.raw import raw_assets
from orchestration.assets.serving import serving_duckdb
from orchestration.checks import published_contracts
from orchestration.jobs import refresh
from orchestration.resources import RunSettings, dbt_resource
from orchestration.schedules import daily_refresh

defs = dg.Definitions(
    assets=[*raw_assets, dbt_models, serving_duckdb],
    asset_checks=[published_contracts],
    jobs=[refresh],
    schedules=[daily_refresh],
    resources={"run_settings": RunSettings.configure_at_launch(), "dbt": dbt_resource()},
)
