"""Dagster definitions: assets, checks, automation and execution. Computes no figures."""
