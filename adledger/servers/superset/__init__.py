"""Apache Superset on this machine, run by the Python of Superset's own environment."""
