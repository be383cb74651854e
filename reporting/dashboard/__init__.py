"""The dashboard: pages on the published file. They read nothing else and compute no figures."""
