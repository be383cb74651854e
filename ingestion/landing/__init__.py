"""Turn response bodies into rows for dlt: Arrow, batches, duplicates, quarantine, counts, days to load."""
