"""What the orchestration of a refresh costs: `adledger refresh` beside its loads and its build alone.

`python benchmarks/overhead.py --repeats 3 --out report.json`. Both read the demonstration's company over
loopback HTTP, first into an empty home, then again days later, when figures were restated. The two take
turns; the medians are reported. Ends with an error where they do not land and build the same rows.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.measuring import Failed, Portal, Usage, console, ratio, run
from ingestion.pipelines import SOURCES, VENDORS
from orchestration.project import BUILD_ARGUMENTS, DBT_EXECUTABLE, PROJECT_DIR, build_environment

_HERE = Path(__file__).resolve().parent
AIM = 1.25
LOADING_AIM_S = 5
#: How much later the second refresh is.
LATER = timedelta(days=3)
REFRESHES = ("first", "restated")
CONTENDERS = ("adledger", "bare")
# a refresh prints the days it reads, which the loads alone take as settings
_DAYS = re.compile(r"^Days (\S+) to (\S+),", re.MULTILINE)


def _adopted(command: list[str], out: Path, environment: dict[str, str]) -> Usage:
    return run([sys.executable, str(_HERE / "adopting.py"), *command], out, environment=environment)


def refresh(home: Path, at: datetime, settings: dict[str, str]) -> tuple[Usage, tuple[str, str]]:
    """The product: what it took, and the first and last day that it read."""
    out = home / "refresh.out"
    command = [str(Path(sys.executable).with_name("adledger")), "refresh", "--as-of", at.isoformat()]
    usage = _adopted(command, out, {**settings, "ADLEDGER_HOME": str(home)})
    found = _DAYS.search(out.read_text())
    if found is None:
        raise Failed("the refresh did not say which days it reads")
    return usage, (found[1], found[2])


def bare(home: Path, at: datetime, settings: dict[str, str], days: tuple[str, str]) -> Usage:
    """The same loads and the same build, in plain processes."""
    build = [
        str(DBT_EXECUTABLE),
        *BUILD_ARGUMENTS,
        *("--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR)),
        *("--target-path", str(home / "dbt"), "--log-path", str(home / "dbt")),
    ]
    program = [sys.executable, str(_HERE / "bare_refresh.py")]
    command = [*program, at.isoformat(), *days, ",".join(VENDORS), *build]
    environment = {**settings, **build_environment(at), "ADLEDGER_HOME": str(home)}
    return _adopted(command, home / "bare.out", environment)


def definitions(home: Path) -> Usage:
    """What a fresh process takes to load the code location, its dbt project being parsed."""
    command = [sys.executable, "-c", "import orchestration.definitions"]
    return run(command, home / "definitions.out", environment={"ADLEDGER_HOME": str(home)})


def rows(home: Path) -> dict[str, int]:
    """Rows of every table that was landed or built, but those that say how a load went."""
    files = {
        "warehouse": home / "warehouse.duckdb",
        **{source: home / "raw" / f"{source}.duckdb" for source in SOURCES},
    }
    return {table: count for name, file in files.items() for table, count in _counted(name, file)}


def _counted(name: str, file: Path) -> Iterator[tuple[str, int]]:
    with duckdb.connect(str(file), read_only=True) as connection:
        tables = connection.execute(
            "SELECT schema_name, table_name FROM duckdb_tables()"
            " WHERE NOT starts_with(table_name, '_')"
            " AND table_name NOT IN ('load_counts', 'load_faults', 'stream_state')"
        ).fetchall()
        for schema, table in tables:
            counted = connection.execute(f'SELECT count(*) FROM "{schema}"."{table}"').fetchall()
            yield f"{name}.{schema}.{table}", int(counted[0][0])


def measure(arguments: list[str], repeats: int, shown: Console) -> dict[str, Any]:
    """Take turns, each time on a company of its own, since time only passes forward there."""
    taken: dict[str, dict[str, list[Usage]]] = {
        name: {refresh: [] for refresh in REFRESHES} for name in CONTENDERS
    }
    loading: list[Usage] = []
    days: dict[str, tuple[str, str]] = {}
    landed: list[dict[str, dict[str, int]]] = []
    for repeat in range(repeats):
        # the refresh says what is to be read, so it is the first to run; then they change places
        order = CONTENDERS if repeat % 2 == 0 else CONTENDERS[::-1]
        counted: dict[str, dict[str, int]] = {}
        for contender in order:
            with (
                Portal(["--profile", "typical", *arguments]) as company,
                tempfile.TemporaryDirectory(prefix="benchmark-") as directory,
            ):
                home, now = Path(directory), datetime.fromisoformat(company.now)
                for name, at in zip(REFRESHES, (now, now + LATER), strict=True):
                    company.ask("clock", {"now": at.isoformat()})
                    if contender == "adledger":
                        usage, days[name] = refresh(home, at, company.environment)
                    else:
                        usage = bare(home, at, company.environment, days[name])
                    taken[contender][name].append(usage)
                    shown.print(
                        f"{repeat + 1}. {contender}, {name}: {usage.wall_s:.1f} s, {usage.cpu_s:.1f} s CPU"
                    )
                if contender == "adledger":
                    loading.append(definitions(home))
                counted[contender] = rows(home)
        landed.append(counted)
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cpus": len(os.sched_getaffinity(0)), "python": platform.python_version()},
        "repeats": repeats,
        "days": days,
        "rows": sum(landed[-1]["adledger"].values()),
        "runs": {
            contender: {name: [vars(usage) for usage in runs] for name, runs in item.items()}
            for contender, item in taken.items()
        },
        "median": {
            contender: {name: _median(runs) for name, runs in item.items()}
            for contender, item in taken.items()
        },
        "ratios": {
            name: {
                figure: ratio(*(_median(taken[contender][name])[figure] for contender in CONTENDERS))
                for figure in ("wall_s", "cpu_s")
            }
            for name in REFRESHES
        },
        "definitions": _median(loading),
        "differing": sorted(
            {
                table
                for counted in landed
                for table in counted["adledger"].keys() | counted["bare"].keys()
                if counted["adledger"].get(table) != counted["bare"].get(table)
            }
        ),
    }


def _median(runs: list[Usage]) -> dict[str, float]:
    return {
        figure: round(median(getattr(usage, figure) for usage in runs), 2)
        for figure in ("wall_s", "cpu_s", "peak_rss_mb")
    }


def show(report: dict[str, Any], shown: Console) -> None:
    """The report as a table."""
    table = Table("refresh", "contender", title=f"Medians of {report['repeats']}")
    for heading in ("wall s", "CPU s", "peak MB"):
        table.add_column(heading, justify="right")
    for name in REFRESHES:
        for contender in CONTENDERS:
            item = report["median"][contender][name]
            table.add_row(
                name,
                contender,
                f"{item['wall_s']:.1f}",
                f"{item['cpu_s']:.1f}",
                f"{item['peak_rss_mb']:.0f}",
            )
        times = report["ratios"][name]
        table.add_row("", f"times (aim: {AIM})", f"{times['wall_s']}", f"{times['cpu_s']}", "")
    shown.print(table)
    item = report["definitions"]
    shown.print(
        f"Definitions load in {item['wall_s']:.1f} s, {item['cpu_s']:.1f} s CPU (aim: {LOADING_AIM_S})"
    )
    if report["differing"]:
        shown.print(f"[red]Not the same rows in {', '.join(report['differing'])}[/red]")


def main(argv: list[str] | None = None) -> int:
    """Measure and report; 1 where the two did not land and build the same."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=3, help="of each contender")
    parser.add_argument("--people", type=int, help="of the simulated company; default: the demonstration's")
    parser.add_argument("--out", type=Path, help="write the report as JSON")
    given = parser.parse_args(argv)
    shown = console(stderr=True)
    size = ["--people", str(given.people)] if given.people else []
    try:
        report = measure(size, given.repeats, shown)
    except Failed as error:
        sys.stderr.write(f"{error}\n")
        return 1
    show(report, shown)
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(json.dumps(report, indent=1) + "\n")
    return 0 if not report["differing"] else 1


if __name__ == "__main__":
    sys.exit(main())
