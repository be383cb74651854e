"""Execution of runs: instance, settings, locks, parallel loads and progress."""
