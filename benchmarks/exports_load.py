"""Time and memory of large downloaded files: contacts, and two years of campaigns by day and device.

`python benchmarks/exports_load.py --contacts 1000000 --campaigns 500 --out report.json`. Each step is a
process: examining the folder as `adledger doctor --exports` does, and loading each source. It ends with an
error if the landed rows or their sums are not those of the files.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
from rich.table import Table

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.measuring import Failed, Usage, console, run

_ROOT = Path(__file__).resolve().parent.parent
_DEVICES = ("Mobile phones", "Computers", "Tablets")
_FIRST = date(2024, 11, 1)
_DAYS = 730
#: The aim: most memory of a step.
LIMIT_MB = 600
_EXAMINE = """
import sys
from pathlib import Path
from ingestion.exports.examine import examine
found = examine(Path(sys.argv[1]))
assert not found.has_fault, [str(problem) for problem in found.problems]
print([(file.export.name, file.rows) for file in found.files])
"""
_LOAD = """
import sys
from datetime import datetime, UTC
from ingestion import pipelines
source, instant = sys.argv[1], datetime.fromisoformat(sys.argv[2])
window = pipelines.Window(*(datetime.fromisoformat(day).date() for day in sys.argv[3:5]))
for part in pipelines.parts(source):
    print(pipelines.load(source, part, window=None if part == "entities" else window, as_of=instant))
"""


def write_contacts(file: Path, number: int) -> None:
    """Write a contacts export; every third contact has submitted a form."""
    header = (
        "Record ID,Email,First Name,Last Name,Create Date,Last Modified Date,Lifecycle Stage,"
        "Original Traffic Source,Original Traffic Source Drill-Down 1,First Page Seen,Time First Seen,"
        "Last Page Seen,Time Last Seen,Number of Sessions,Number of Pageviews,"
        "All form submissions for a contact,Merged contact IDs"
    )
    start = datetime(2025, 1, 1, tzinfo=UTC)
    with file.open("w", encoding="utf-8-sig") as out:
        out.write(f"{header}\n")
        for n in range(number):
            at = start + timedelta(minutes=n % 900_000)
            seen = f"{at:%Y-%m-%d %H:%M}"
            page = f"https://www.example.test/landing?utm_source=google&gclid=click{n}"
            form = f"c37c1f5f-7b07-5263-b46e-61dd5d442d49:71{n:06}:{int(at.timestamp() * 1000)}"
            out.write(
                f"{70_000_000_000 + n},contact{n}@example.test,First{n},Last{n},{seen},{seen},lead,"
                f"Paid Search,brand,{page},{seen},{page},{seen},3,9,{'' if n % 3 else form},\n"
            )


def write_campaigns(file: Path, campaigns: int) -> tuple[int, float]:
    """Write a report of campaigns by day and device. Returns clicks and cost."""
    clicks, cents = 0, 0
    with file.open("w", encoding="utf-8") as out:
        out.write(f'Campaign report\n"{_FIRST:%B} {_FIRST.day}, {_FIRST.year} - October 31, 2026"\n')
        out.write("Day,Customer ID,Campaign,Campaign ID,Device,Currency code,Impr.,Clicks,Cost,Conversions\n")
        for offset in range(_DAYS):
            day = _FIRST + timedelta(days=offset)
            for campaign in range(campaigns):
                for place, device in enumerate(_DEVICES):
                    count = (offset * 7 + campaign * 3 + place) % 90
                    spent = count * 137 + place
                    clicks, cents = clicks + count, cents + spent
                    out.write(
                        f"{day},111-222-3333,Campaign {campaign},{20_000_000_000 + campaign},{device},EUR,"
                        f"{count * 20},{count},{spent / 100:.2f},{count / 10:.2f}\n"
                    )
        out.write(
            f"Total: Account, --, --, --, --,EUR,{clicks * 20},{clicks},{cents / 100:.2f},{clicks / 10:.2f}\n"
        )
    return clicks, cents / 100


def measure(contacts: int, campaigns: int, place: Path) -> dict[str, Any]:
    """Write the files, run each step, and compare the landed rows with the files."""
    folders = {name: place / name for name in ("contacts", "campaigns")}
    for folder in folders.values():
        folder.mkdir()
    write_contacts(folders["contacts"] / "hubspot-crm-exports-all-contacts.csv", contacts)
    clicks, cost = write_campaigns(folders["campaigns"] / "Campaign report.csv", campaigns)
    steps: dict[str, Usage] = {}
    sizes = {name: sum(file.stat().st_size for file in folder.iterdir()) for name, folder in folders.items()}
    last = _FIRST + timedelta(days=_DAYS - 1)
    for name, source in (("contacts", "hubspot"), ("campaigns", "google_ads")):
        environment = os.environ | {
            "PYTHONPATH": str(_ROOT),
            "ADLEDGER_HOME": str(place / "home"),
            "EXPORTS__FOLDER": str(folders[name]),
            "EXPORTS__TIME_ZONE": "Europe/Berlin",
            "EXPORTS__CURRENCY": "EUR",
        }
        command = [sys.executable, "-c", _EXAMINE, str(folders[name])]
        steps[f"examine {name}"] = run(command, place / f"examine-{name}.txt", environment=environment)
        load = [sys.executable, "-c", _LOAD, source, "2026-11-01T06:00:00+00:00", str(_FIRST), str(last)]
        steps[f"load {name}"] = run(load, place / f"load-{name}.txt", environment=environment)
    landed = _landed(place / "home" / "raw")
    expected = (contacts, _DAYS * campaigns, clicks, round(cost, 2))
    if landed != expected:
        raise Failed(f"landed {landed}, the files contain {expected}")
    return {
        "contacts": contacts,
        "campaign_rows": _DAYS * campaigns * len(_DEVICES),
        "megabytes": {name: round(size / 1e6) for name, size in sizes.items()},
        "steps": {name: asdict(usage) for name, usage in steps.items()},
    }


def _landed(raw: Path) -> tuple[int, int, int, float]:
    with duckdb.connect(str(raw / "hubspot.duckdb"), read_only=True) as store:
        (contacts,) = store.execute("SELECT count(*) FROM raw.contacts").fetchall()[0]
    with duckdb.connect(str(raw / "google_ads.duckdb"), read_only=True) as store:
        query = (
            "SELECT count(*), sum(clicks), round(sum(cost_micros) / 1e6, 2) FROM raw.campaign_metrics"
            " WHERE NOT is_day_marker"
        )
        rows, clicks, cost = store.execute(query).fetchall()[0]
    return contacts, rows, int(clicks), float(cost)


def main() -> None:
    """Measure, print a table, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contacts", type=int, default=1_000_000)
    parser.add_argument("--campaigns", type=int, default=500)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
        report = measure(asked.contacts, asked.campaigns, Path(directory))
    table = Table("step", "wall s", "CPU s", "peak MB", f"under {LIMIT_MB} MB")
    for name, usage in report["steps"].items():
        peak = usage["peak_rss_mb"]
        table.add_row(
            name, f"{usage['wall_s']:.1f}", f"{usage['cpu_s']:.1f}", f"{peak:.0f}", str(peak < LIMIT_MB)
        )
    console().print(table)
    if asked.out:
        asked.out.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
