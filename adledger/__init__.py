"""The command line: one module per command. Parses options and prints results."""
