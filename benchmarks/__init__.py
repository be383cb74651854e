"""What loading costs, measured against a large simulated portal."""
