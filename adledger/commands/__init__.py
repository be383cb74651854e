"""One module per command: its options, checked before anything slow is imported."""
