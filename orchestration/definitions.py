"""The table of contents: everything the one code location holds."""

from __future__ import annotations

from orchestration.loading import uncollected

with uncollected():
    import dagster as dg

    from orchestration.assets.dbt import dbt_models
    from orchestration.assets.raw import apis, raw_assets
    from orchestration.assets.readers import readers
    from orchestration.assets.serving import serving_duckdb
    from orchestration.checks import published_contracts
    from orchestration.execution import alone_in_home
    from orchestration.freshness import freshness
    from orchestration.jobs import refresh
    from orchestration.resources import RunSettings, dbt_resource
    from orchestration.schedules import configured_daily_refresh
    from orchestration.sensors import watch

defs = dg.Definitions(
    assets=[*apis.values(), *raw_assets, dbt_models, serving_duckdb, *readers],
    asset_checks=[freshness, published_contracts],
    jobs=[refresh],
    schedules=[configured_daily_refresh()],
    sensors=[watch],
    executor=alone_in_home,
    resources={"run_settings": RunSettings.configure_at_launch(), "dbt": dbt_resource()},
)
