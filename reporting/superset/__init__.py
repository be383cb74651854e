"""A dashboard in Apache Superset on the published file. What runs in Superset's own environment says so."""
