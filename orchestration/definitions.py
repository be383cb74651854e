"""The table of contents: everything the one code location holds."""

from __future__ import annotations

from orchestration.execution.loading import uncollected

with uncollected():
    import dagster as dg

    from orchestration.assets.dbt import dbt_models
    from orchestration.assets.raw import apis, raw_assets
    from orchestration.assets.readers import readers
    from orchestration.assets.serving import serving_duckdb
    from orchestration.automation.schedules import configured_daily_refresh
    from orchestration.automation.sensors import watch
    from orchestration.checks.freshness import freshness
    from orchestration.checks.published import published_contracts
    from orchestration.execution.executor import alone_in_home
    from orchestration.execution.jobs import refresh
    from orchestration.execution.resources import RunSettings, dbt_resource

defs = dg.Definitions(
    assets=[*apis.values(), *raw_assets, dbt_models, serving_duckdb, *readers],
    asset_checks=[freshness, published_contracts],
    jobs=[refresh],
    schedules=[configured_daily_refresh()],
    sensors=[watch],
    executor=alone_in_home,
    resources={"run_settings": RunSettings.configure_at_launch(), "dbt": dbt_resource()},
)
