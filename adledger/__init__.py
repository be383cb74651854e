"""The command line: one module per command. Reads options and prints."""
