"""The one HTTP client, and requests within a rate limit."""
