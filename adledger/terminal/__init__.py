"""Output of the commands, for terminals and for programs."""
