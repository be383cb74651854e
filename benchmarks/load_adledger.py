"""One HubSpot load of the warehouse into `ADLEDGER_HOME`, as a schedule would run it.

With `--without-histories` as the second argument contacts come without property histories: what the public
connectors load.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import datetime

from ingestion import pipelines
from ingestion.hubspot import source

if __name__ == "__main__":
    if "--without-histories" in sys.argv:
        source.CONTACTS = replace(source.CONTACTS, history=())
    pipelines.load("hubspot", "entities", window=None, as_of=datetime.fromisoformat(sys.argv[1]))
