"""Runs Apache Superset on this machine, in a Python environment of its own."""
