"""Wires the warehouse: assets, checks, automation, execution. Computes no figures."""
