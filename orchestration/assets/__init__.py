"""Dagster assets: raw tables (dlt), models (dbt) and the published file."""
