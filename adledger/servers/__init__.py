"""Servers that the command line starts as child processes, monitors, and stops when it ends."""
