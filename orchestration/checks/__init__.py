"""Asset checks: contracts of the published tables, freshness of the sources."""
