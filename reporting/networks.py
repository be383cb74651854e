"""Labels of the ad networks and the other sources, for readers."""

from __future__ import annotations

import csv
from pathlib import Path

_SEED = Path(__file__).resolve().parent.parent / "dbt_project" / "seeds" / "networks.csv"

with _SEED.open(newline="", encoding="utf-8") as _rows:
    #: Label by network, in the order of the seed `networks`.
    NETWORKS = {row["network"]: row["label"] for row in csv.DictReader(_rows)}
#: Label by source: the networks, HubSpot and the landing pages.
SOURCES = {**NETWORKS, "hubspot": "HubSpot", "landing_pages": "Landing pages"}
