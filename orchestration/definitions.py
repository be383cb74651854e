"""All definitions of the Dagster code location."""

from __future__ import annotations

from orchestration.execution.imports import without_garbage_collection

with without_garbage_collection():
    import dagster as dg

    from orchestration.assets.dbt import dbt_models
    from orchestration.assets.raw import apis, raw_assets
    from orchestration.assets.readers import readers
    from orchestration.assets.serving import serving_duckdb
    from orchestration.automation.schedules import configured_daily_refresh
    from orchestration.automation.sensors import watch
    from orchestration.checks.freshness import freshness
    from orchestration.checks.published import published_contracts
    from orchestration.execution.jobs import refresh
    from orchestration.execution.loads import LoadsOfRun
    from orchestration.execution.resources import RunSettings, dbt_resource
    from orchestration.execution.runs import HomeLock

    home_lock = HomeLock()

defs = dg.Definitions(
    assets=[*apis.values(), *raw_assets, dbt_models, serving_duckdb, *readers],
    asset_checks=[freshness, published_contracts],
    jobs=[refresh],
    schedules=[configured_daily_refresh()],
    sensors=[watch],
    # one process per run: starting a process per step would take longer than most steps
    executor=dg.in_process_executor,
    resources={
        "home_lock": home_lock,
        "loads_of_run": LoadsOfRun(home_lock=home_lock),
        "run_settings": RunSettings.configure_at_launch(),
        "dbt": dbt_resource(),
    },
)
