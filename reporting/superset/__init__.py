"""A dashboard for Apache Superset on the published file."""
