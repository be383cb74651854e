"""A HubSpot portal of any size for load tests: its records are computed when they are asked for."""
