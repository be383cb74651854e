"""Dagster wiring: assets, checks, schedule, command line. Computes nothing itself."""
