"""One HubSpot load of the warehouse into `ADLEDGER_HOME`, as a schedule would run it."""

from __future__ import annotations

import sys
from datetime import datetime

from ingestion import pipelines

if __name__ == "__main__":
    pipelines.load("hubspot", "entities", window=None, as_of=datetime.fromisoformat(sys.argv[1]))
