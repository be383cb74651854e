"""The HTTP client of all sources, error classification and rate limiting."""
