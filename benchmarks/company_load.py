"""Whether the simulated company is served faster than it is loaded; else a load of it measures the server.

`python benchmarks/company_load.py --people 100000 --out report.json`. The company is in a process of its
own, and each source is loaded in another, one after the other. Ends with an error where the contacts that
landed are not the portal's.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
from rich.table import Table

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.measuring import Failed, Portal, console, ratio, run

_HERE = Path(__file__).resolve().parent
SOURCES = ("hubspot", "google_ads", "facebook_ads", "linkedin_ads")
DAYS = 90


def measure(profile: str, people: int) -> dict[str, Any]:
    """Build the company, load each source of it, and compare the CPU of both sides."""
    started = time.perf_counter()
    with (
        tempfile.TemporaryDirectory(prefix="benchmark-") as directory,
        Portal(["--profile", profile, "--people", str(people)]) as company,
    ):
        built = {
            "wall_s": round(time.perf_counter() - started, 1),
            "cpu_s": company.cpu_s(),
            "resident_mb": round(company.resident_mb()),
        }
        # small pages are for small companies
        company.ask("faults", {"page_caps": {"off": True}})
        loads = {source: _load(company, source, Path(directory)) for source in SOURCES}
        rows = _rows(Path(directory))
        contacts = _contacts(company)
    return {
        "profile": profile,
        "people": people,
        "cpus": len(os.sched_getaffinity(0)),
        "built": built,
        "loads": loads,
        "rows": rows,
        "contacts": contacts,
        "right": contacts == rows["hubspot"]["contacts"],
    }


def _load(company: Portal, source: str, home: Path) -> dict[str, Any]:
    last = datetime.fromisoformat(company.now).date()
    days = [] if source == "hubspot" else [str(last - timedelta(days=DAYS)), str(last)]
    command = [sys.executable, str(_HERE / "load_adledger.py"), source, company.now, *days]
    before = company.cpu_s()
    company.ask("requests", method="DELETE")
    environment = {**company.environment, "ADLEDGER_HOME": str(home)}
    usage = run(command, home / f"{source}.out", environment=environment)
    serving = round(company.cpu_s() - before, 2)
    return {
        **asdict(usage),
        "serving_cpu_s": serving,
        "requests": company.ask("requests")["total"],
        "serving / loading": ratio(serving, usage.cpu_s),
    }


def _rows(home: Path) -> dict[str, dict[str, int]]:
    """Rows of each raw table; of contacts those that are live."""
    found: dict[str, dict[str, int]] = {}
    for source in SOURCES:
        with duckdb.connect(str(home / "raw" / f"{source}.duckdb"), read_only=True) as store:
            tables = store.execute(
                "SELECT table_name FROM duckdb_tables()"
                " WHERE schema_name = 'raw' AND NOT starts_with(table_name, '_')"
            ).fetchall()
            counted = {}
            for (table,) in tables:
                live = " WHERE NOT archived" if (source, table) == ("hubspot", "contacts") else ""
                count = store.execute(f'SELECT count(*) FROM raw."{table}"{live}').fetchone()
                counted[table] = int(count[0]) if count else 0
            found[source] = dict(sorted(counted.items()))
    return found


def _contacts(company: Portal) -> int:
    """How many contacts the portal says it has."""
    headers = {"Authorization": f"Bearer {company.token}", "Content-Type": "application/json"}
    answer = company.fetch(f"{company.base_url}/crm/v3/objects/contacts/search", b'{"limit": 1}', headers)
    return int(answer["total"])


def show(report: dict[str, Any]) -> None:
    """The report as a table."""
    built = report["built"]
    out = console()
    out.print(
        f"{report['people']:,} people, {report['profile']}: ready after {built['wall_s']} s, "
        f"{built['cpu_s']:.0f} s CPU, {built['resident_mb']:,} MB"
    )
    headings = ("loading CPU s", "serving CPU s", "serving / loading", "wall s", "requests", "rows")
    table = Table("source", title="Loading it, and serving that")
    for heading in headings:
        table.add_column(heading, justify="right")
    for source, item in report["loads"].items():
        table.add_row(
            source,
            f"{item['cpu_s']:.1f}",
            f"{item['serving_cpu_s']:.1f}",
            f"{item['serving / loading']}",
            f"{item['wall_s']:.1f}",
            f"{item['requests']:,}",
            f"{sum(report['rows'][source].values()):,}",
        )
    out.print(table)
    if not report["right"]:
        out.print(
            f"[red]{report['rows']['hubspot']['contacts']} contacts landed of {report['contacts']}[/red]"
        )


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark; 1 where the contacts that landed are not the portal's."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=100_000, help="of the simulated company")
    parser.add_argument("--profile", default="typical", help="how tidy its world is")
    parser.add_argument("--out", type=Path, required=True, help="the report, JSON")
    given = parser.parse_args(argv)
    try:
        report = measure(given.profile, given.people)
    except Failed as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(report, indent=2) + "\n")
    show(report)
    return 0 if report["right"] else 1


if __name__ == "__main__":
    sys.exit(main())
