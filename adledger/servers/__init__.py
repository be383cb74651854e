"""Servers that the command line starts as its own children, watches, and ends with itself."""
