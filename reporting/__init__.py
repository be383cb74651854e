"""Everything that reads the published file, and nothing else."""
