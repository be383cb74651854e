"""What the dbt build costs: sessions, first conversions and attribution of a large portal, beside a script.

`python benchmarks/dbt_build.py --page-views 1000000 --contacts 100000 --out report.json`. Ends with an error
only where the two do not find the same sessions, conversions and credits.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.measuring import Failed, Usage, console, ratio, run
from ingestion import pipelines
from orchestration.project import PROJECT_DIR, build_environment

_HERE = Path(__file__).resolve().parent
AS_OF = datetime(2026, 11, 1, 6, tzinfo=UTC)
DAYS = 365
REPORTS = (
    "first_form_submission",
    "first_form_submission_new_contact",
    "influenced_first_form_submission",
    "first_ad_interaction",
    "last_ad_interaction",
    "all_ad_interactions",
)


def fill(home: Path, contacts: int, page_views: int, first_day: int, days: int) -> None:
    """Land what happened in `days` days from `first_day` on; a visit is three page views."""
    started = AS_OF - timedelta(days=DAYS)
    first, end = (started + timedelta(days=day) for day in (first_day, first_day + days))
    variables = {
        "contacts": str(contacts),
        "visits": str(max(page_views // contacts // 3, 1)),
        "days": str(DAYS),
        **{
            name: f"timestamptz '{moment.isoformat()}'"
            for name, moment in (
                ("started", started),
                ("first_visit", first),
                ("end_visit", end),
                ("as_of", AS_OF),
            )
        },
    }
    with duckdb.connect(str(home / "raw" / "hubspot.duckdb")) as connection:
        connection.execute("set TimeZone = 'UTC'")
        for name, value in variables.items():
            connection.execute(f"set variable {name} = {value}")
        connection.execute((_HERE / "dbt_build_portal.sql").read_text())


def dbt(home: Path, as_of: datetime) -> tuple[Usage, dict[str, float], float]:
    """Build the marts of HubSpot: the process, seconds by model, seconds from the first model to the last."""
    out = home / "dbt.txt"
    usage = run(
        [
            str(Path(sys.executable).with_name("dbt")),
            *(
                "build",
                "--select",
                "+fct_contact_attribution",
                "--exclude",
                "resource_type:unit_test",
                "resource_type:test",
            ),
            *("--project-dir", str(PROJECT_DIR), "--profiles-dir", str(home), "--no-use-colors"),
            *("--target-path", str(home / "target"), "--log-path", str(home / "logs")),
        ],
        out,
        environment={**os.environ, "ADLEDGER_HOME": str(home), **build_environment(as_of)},
    )
    results = json.loads((home / "target" / "run_results.json").read_text())["results"]
    seconds = {item["unique_id"].rsplit(".", 1)[1]: item["execution_time"] for item in results}
    moments = [
        datetime.fromisoformat(timing[end])
        for item in results
        for timing in item["timing"]
        for end in ("started_at", "completed_at")
        if timing["name"] == "execute"
    ]
    return usage, seconds, (max(moments) - min(moments)).total_seconds()


def profile(home: Path, memory: str) -> None:
    """The project's own profile with a limit on memory."""
    text = (PROJECT_DIR / "profiles.yml").read_text()
    (home / "profiles.yml").write_text(
        text.replace("TimeZone: UTC", f"TimeZone: UTC\n        memory_limit: {memory}", 1)
    )


def by_hand(home: Path, memory: str) -> Usage:
    """The same answers from one script."""
    (home / "hand.duckdb").unlink(missing_ok=True)
    arguments = [str(home / "hand.duckdb"), str(home / "raw" / "hubspot.duckdb"), memory]
    return run([sys.executable, str(_HERE / "bare_build.py"), *arguments], home / "hand.txt")


def rows(file: Path, queries: dict[str, str]) -> dict[str, int]:
    """What a database holds."""
    with duckdb.connect(str(file), read_only=True) as connection:
        return {name: int(connection.execute(query).fetchall()[0][0]) for name, query in queries.items()}


def compared(home: Path) -> tuple[dict[str, int], dict[str, int]]:
    """Sessions, first conversions and credits of the build and of the script."""
    questions = {
        "sessions": ("marts.fct_sessions", "sessions", "true"),
        "ad sessions": ("marts.fct_sessions", "sessions", "campaign_id is not null"),
        "first conversions": ("marts.fct_first_conversions", "first_conversions", "true"),
        **{
            report: (
                "marts.fct_contact_attribution",
                "attribution",
                f"attribution_report = '{report}'",
            )
            for report in REPORTS
        },
    }
    asked = [
        {name: f"select count(*) from {tables[side]} where {tables[2]}" for name, tables in questions.items()}
        for side in (0, 1)
    ]
    return rows(home / "warehouse.duckdb", asked[0]), rows(home / "hand.duckdb", asked[1])


def empty(home: Path) -> None:
    """Raw stores with every table and no row."""
    os.environ["ADLEDGER_HOME"] = str(home)
    for source in pipelines.SOURCES:
        for part in pipelines.parts(source):
            window = None if part == "entities" else pipelines.Window(AS_OF.date(), AS_OF.date())
            pipelines.load(source, part, window=window, as_of=AS_OF)


def measure(contacts: int, page_views: int, memory: str, shown: Console) -> dict[str, Any]:
    """Full build, script by hand, one more day."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
        home = Path(directory)
        empty(home)
        profile(home, memory)
        shown.print(f"Landing {page_views:,} page views of {contacts:,} contacts")
        fill(home, contacts, page_views, 0, DAYS - 1)
        yesterday = AS_OF - timedelta(days=1)
        shown.print("Full build")
        full, by_model, models = dbt(home, yesterday)
        shown.print("By hand")
        hand = by_hand(home, memory)
        found, expected = compared(home)
        shown.print("One more day")
        fill(home, contacts, page_views, DAYS - 1, 1)
        day, day_by_model, day_models = dbt(home, AS_OF)
        changed = rows(
            home / "warehouse.duckdb", {"contacts": "select count(*) from intermediate.int_changed_contacts"}
        )
        by_hand(home, memory)
        after, after_expected = compared(home)
    chain = sum(by_model.values())
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cpus": len(os.sched_getaffinity(0)), "python": platform.python_version()},
        "size": {"contacts": contacts, "page_views": page_views, "memory_limit": memory},
        "full build": {
            "usage": vars(full),
            "models_s": models,
            "start_up_s": full.wall_s - models,
            "by_model": by_model,
        },
        "by hand": {"usage": vars(hand)},
        "one more day": {
            "usage": vars(day),
            "models_s": day_models,
            "start_up_s": day.wall_s - day_models,
            "by_model": day_by_model,
            "changed_contacts": changed["contacts"],
        },
        "rows": {
            "build": found,
            "by hand": expected,
            "build a day later": after,
            "by hand a day later": after_expected,
        },
        "ratios": {
            "full build / by hand": ratio(models, hand.wall_s),
            "one more day / full build": ratio(day_models, models),
        },
        "model_seconds": chain,
        "right": found == expected and after == after_expected,
    }


def show(report: dict[str, Any], shown: Console) -> None:
    """The report as a table."""
    table = Table("run", "models s", "start-up s", "CPU s", "peak MB")
    for name in ("full build", "by hand", "one more day"):
        item = report[name]
        usage = item["usage"]
        table.add_row(
            name,
            f"{item.get('models_s', usage['wall_s']):.1f}",
            f"{item.get('start_up_s', 0):.1f}",
            f"{usage['cpu_s']:.1f}",
            f"{usage['peak_rss_mb']:.0f}",
        )
    shown.print(table)
    for name in ("full build", "one more day"):
        slowest = sorted(report[name]["by_model"].items(), key=lambda pair: -pair[1])[:10]
        shown.print(name + ": " + ", ".join(f"{model} {seconds:.1f} s" for model, seconds in slowest))
    shown.print(report["rows"])
    shown.print(report["ratios"])


def main(argv: list[str] | None = None) -> int:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contacts", type=int, default=1_000_000, help="contacts of the portal")
    parser.add_argument("--page-views", type=int, default=10_000_000, help="page views, three a visit")
    parser.add_argument("--memory", default="6GB", help="DuckDB's memory_limit")
    parser.add_argument("--out", type=Path, help="write the report as JSON")
    arguments = parser.parse_args(argv)
    shown = console(stderr=True)
    try:
        report = measure(arguments.contacts, arguments.page_views, arguments.memory, shown)
    except Failed as error:
        sys.stderr.write(f"{error}\n")
        return 1
    show(report, shown)
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(report, indent=1) + "\n")
    return 0 if report["right"] else 1


if __name__ == "__main__":
    sys.exit(main())
