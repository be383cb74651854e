"""The simulated company: its own tests. It shares no code with the product."""
