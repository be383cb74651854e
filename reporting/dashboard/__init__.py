"""The dashboard: pages that read the published file, and nothing else. Computes no figures."""
