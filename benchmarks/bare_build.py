"""The script by hand: `bare_build.py NEW_DATABASE RAW_STORE MEMORY_LIMIT`."""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb

target, store, memory = sys.argv[1:]
with duckdb.connect(target, config={"threads": 2, "memory_limit": memory}) as connection:
    connection.execute("set TimeZone = 'UTC'")
    connection.execute(f"attach '{store}' as raw_hubspot (read_only)")
    connection.execute(Path(__file__).with_suffix(".sql").read_text())
