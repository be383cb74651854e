"""Readers of the published file. They read nothing else."""
