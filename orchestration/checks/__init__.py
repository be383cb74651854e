"""What must hold: contracts of the published tables, freshness of the sources."""
