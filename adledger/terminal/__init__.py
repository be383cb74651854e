"""What a terminal, or a program, is shown."""
