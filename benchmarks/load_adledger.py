"""One load of the warehouse into `ADLEDGER_HOME`, as a schedule would run it.

Arguments: the source, the instant, and for daily figures the first and the last day. With
`--without-histories` at the end HubSpot's contacts come without property histories: what the public
connectors load.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import date, datetime

from ingestion import pipelines
from ingestion.sources.hubspot import source

if __name__ == "__main__":
    name, at, *rest = sys.argv[1:]
    as_of = datetime.fromisoformat(at)
    if "--without-histories" in rest:
        source.CONTACTS = replace(source.CONTACTS, history=())
    pipelines.load(name, "entities", window=None, as_of=as_of)
    if "daily" in pipelines.parts(name):
        window = pipelines.Window(*map(date.fromisoformat, rest))
        pipelines.load(name, "daily", window=window, as_of=as_of, reread="unsettled")
