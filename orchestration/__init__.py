"""Wires the warehouse: assets, checks, jobs, schedules, the command line. Computes no figures."""
