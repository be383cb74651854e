"""The benchmarks: their own tests."""
