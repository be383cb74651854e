"""From bodies to what dlt loads: Arrow, batches, duplicates, quarantine, counts, planning of days."""
