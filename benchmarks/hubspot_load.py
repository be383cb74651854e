"""What loading HubSpot costs: the warehouse, a bare client and public connectors against one large portal.

`python benchmarks/hubspot_load.py --contacts 100000 --out report.json`. Each contender runs in a process of
its own, the portal in another. Ends with an error only where a contender's rows are not the portal's.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import orjson
from rich.console import Console
from rich.table import Table

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.measuring import BARE, Failed, Portal, Programs, Usage, bulk, console, ratio, run

_HERE = Path(__file__).resolve().parent
_PACKAGES = {
    "bare": BARE,
    "meltano-tap-hubspot": ("meltano-tap-hubspot==0.10.1",),
    "tap-hubspot": ("tap-hubspot==4.5.0",),
}
ALTERNATIVES = ("meltano-tap-hubspot", "tap-hubspot")
# the connectors load no property histories: the second is what they are compared with
PLAIN = "adledger without histories"
CONTENDERS = ("adledger", PLAIN, "bare", *ALTERNATIVES)
_LEFT_OUT = {
    "dlt verified source (hubspot)": "`dlt init` copies it from GitHub, no package index has it: not run"
}
_ROLLING_LIMIT, _ROLLING_SECONDS = 190, 10.0
_SEARCH_LIMIT, _SEARCH_SECONDS = 5, 1.0


@dataclass(frozen=True)
class Run:
    """One measured run of a contender. `rows` are what it has, `expected` what the portal holds."""

    contender: str
    portal: str
    kind: str
    usage: Usage
    requests: int
    throttled: int
    rows: dict[str, int]
    expected: dict[str, int]

    @property
    def right(self) -> bool:
        """Whether the rows are the portal's."""
        return self.rows == self.expected


@dataclass
class Report:
    """Everything measured, as it is written to the file."""

    size: dict[str, int]
    runs: list[Run] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=lambda: dict(_LEFT_OUT))
    limits: dict[str, float] = field(default_factory=dict)

    def usage(self, contender: str, portal: str, kind: str = "first load") -> Run | None:
        """The run of a contender, if there was one."""
        found = (r for r in self.runs if (r.contender, r.portal, r.kind) == (contender, portal, kind))
        return next(found, None)

    def marginal(self, contender: str, large: str, small: str) -> float | None:
        """Microseconds of CPU for one more row; start-up drops out."""
        much, little = self.usage(contender, large), self.usage(contender, small)
        if much is None or little is None:
            return None
        rows = sum(much.rows.values()) - sum(little.rows.values())
        return (much.usage.cpu_s - little.usage.cpu_s) / rows * 1e6 if rows else None

    def document(self) -> dict[str, Any]:
        """The report as JSON."""
        whole = {name: self.marginal(name, "everything", "half of everything") for name in CONTENDERS}
        contacts = {name: self.marginal(name, "contacts", "half the contacts") for name in CONTENDERS}
        best = min((cost for name in ALTERNATIVES if (cost := contacts[name]) is not None), default=None)
        return {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": {
                "cpus": len(os.sched_getaffinity(0)),
                "python": platform.python_version(),
                "system": f"{platform.system()} {platform.machine()}",
            },
            "size": self.size,
            "runs": [{**asdict(item), "right": item.right} for item in self.runs],
            "marginal_cpu_us_per_row": {"everything": whole, "contacts": contacts},
            "ratios": {
                "everything: adledger / bare": ratio(whole["adledger"], whole["bare"]),
                "contacts: adledger / bare": ratio(contacts["adledger"], contacts["bare"]),
                "contacts: adledger / best alternative": ratio(contacts["adledger"], best),
                "contacts: adledger without histories / best alternative": ratio(contacts[PLAIN], best),
            },
            "rate_limits": self.limits,
            "skipped": self.skipped,
        }


class Benchmark:
    """Runs the contenders and collects the report."""

    def __init__(self, size: Mapping[str, int], contenders: tuple[str, ...], venvs: Path | None) -> None:
        self.size = dict(size)
        self.contenders = contenders
        self.report = Report(self.size)
        self.console = console(stderr=True)
        self.programs = Programs(venvs, _PACKAGES, self.console, self.report.skipped)
        self._asked: dict[str, Any] = {}

    def compare(self) -> None:
        """Everything at two sizes, then contacts alone at two sizes for those that load no more."""
        with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
            work = Path(directory)
            half = {**self.size, **{n: self.size[n] // 2 for n in ("contacts", "submissions", "page_views")}}
            self._everything("half of everything", half, work, refreshes=False)
            self._everything("everything", self.size, work, refreshes=True)
            if not set(ALTERNATIVES) & set(self.contenders):
                return
            # visits stay in the contacts' properties, as in a portal whose tier has no events
            few = {**self.size, "submissions": min(1000, self.size["submissions"]), "deals": 0}
            views = self.size["page_views"]
            self._contacts(
                "half the contacts", {**few, "contacts": half["contacts"], "page_views": views // 2}, work
            )
            self._contacts("contacts", {**few, "page_views": views}, work)

    def under_limits(self, size: Mapping[str, int]) -> None:
        """The warehouse against a portal that enforces the vendor's rate limits."""
        with (
            tempfile.TemporaryDirectory(prefix="benchmark-") as directory,
            bulk(size, limits=True) as portal,
        ):
            result = self._adledger(portal, "rate limits", "first load", Path(directory) / "home")
            traffic = portal.ask("requests")
        searches = sum(count for path, count in traffic["requests"].items() if path.endswith("/search"))
        others = traffic["total"] - searches
        # the first window is free: what the limits allow is reached by a client that never waits too long
        least = max(
            max(0, others - _ROLLING_LIMIT) / _ROLLING_LIMIT * _ROLLING_SECONDS,
            max(0, searches - _SEARCH_LIMIT) / _SEARCH_LIMIT * _SEARCH_SECONDS,
        )
        wall = result.usage.wall_s
        self.report.limits = {
            "requests": others,
            "searches": searches,
            "throttled": result.throttled,
            "wall_s": round(wall, 2),
            "least_s": round(least, 2),
            "wall / least": round(wall / least, 3) if least else 0.0,
        }

    # -- portals ----------------------------------------------------------------------------------------

    def _everything(self, name: str, size: Mapping[str, int], work: Path, *, refreshes: bool) -> None:
        with bulk(size) as portal:
            home = work / name.replace(" ", "-")
            self._adledger(portal, name, "first load", home)
            if "bare" in self.contenders:
                self._bare(portal, name, work)
            if refreshes:
                self._refresh(portal, name, home)
            shutil.rmtree(home, ignore_errors=True)

    def _contacts(self, name: str, size: Mapping[str, int], work: Path) -> None:
        with bulk(size, web_analytics=False) as portal:
            home = work / name.replace(" ", "-")
            self._adledger(portal, name, "first load", home)
            shutil.rmtree(home, ignore_errors=True)
            if "bare" in self.contenders:
                self._bare(portal, name, work)
            if PLAIN in self.contenders:
                self._adledger(portal, name, "first load", home, contender=PLAIN)
                shutil.rmtree(home, ignore_errors=True)
            for connector in ALTERNATIVES:
                if connector in self.contenders:
                    self._tap(connector, portal, name, work)

    def _refresh(self, portal: Portal, name: str, home: Path) -> None:
        _forward(portal)
        self._adledger(portal, name, "refresh, nothing new", home)
        now = _forward(portal)
        share = {kind: self.size[kind] // 100 for kind in ("contacts", "submissions", "page_views")}
        portal.ask("touch", share)
        self._adledger(portal, name, "refresh, 1 % changed", home, changed_since=now)

    # -- contenders -------------------------------------------------------------------------------------

    def _measured(
        self,
        contender: str,
        portal: Portal,
        names: tuple[str, str],
        work: Callable[[], Usage],
        rows: Callable[[], dict[str, int]],
        also: Mapping[str, int] | None = None,
    ) -> Run:
        portal.ask("requests", method="DELETE")
        usage = work()
        traffic = portal.ask("requests")
        found = rows()
        held = {**portal.ask("portal"), **(also or {})}
        result = Run(
            contender,
            *names,
            usage,
            traffic["total"],
            sum(count for path, count in traffic["refused"].items() if path.startswith("429")),
            found,
            {kind: held[kind] for kind in found},
        )
        self.report.runs.append(result)
        self.console.print(
            f"{contender}, {names[0]}, {names[1]}: {usage.wall_s:.1f} s, {usage.cpu_s:.1f} s CPU, "
            f"{usage.peak_rss_mb:.0f} MB, {result.requests:,} requests"
            + ("" if result.right else f", [red]rows {found} instead of {result.expected}[/red]")
        )
        return result

    def _adledger(
        self,
        portal: Portal,
        name: str,
        kind: str,
        home: Path,
        changed_since: datetime | None = None,
        contender: str = "adledger",
    ) -> Run:
        home.mkdir(parents=True, exist_ok=True)
        at = portal.ask("clock")["now"].replace("Z", "+00:00")
        options = ["--without-histories"] if contender == PLAIN else []
        command = [sys.executable, str(_HERE / "load_adledger.py"), "hubspot", at, *options]
        environment = {**portal.environment, "ADLEDGER_HOME": str(home)}
        also = {} if changed_since is None else {"contacts_changed": self.size["contacts"] // 100}
        result = self._measured(
            contender,
            portal,
            (name, kind),
            lambda: run(command, home / "load.out", environment=environment),
            lambda: _landed(home, changed_since),
            also,
        )
        if kind == "first load" and contender == "adledger":
            self._asked = portal.ask("requests")["asked"]
        return result

    def _bare(self, portal: Portal, name: str, work: Path) -> None:
        python = self.programs.python("bare")
        if python is None:
            return
        # the same properties and histories as the warehouse asked this portal for
        out = Path(tempfile.mkdtemp(dir=work))
        task = {"base_url": portal.base_url, "token": portal.token, "out": str(out), "asked": self._asked}
        command, answer = [python, str(_HERE / "load_bare.py")], out / "rows.json"
        self._measured(
            "bare",
            portal,
            (name, "first load"),
            lambda: run(command, answer, given=json.dumps(task), environment=portal.environment),
            lambda: json.loads(answer.read_text()),
        )
        shutil.rmtree(out)

    def _tap(self, connector: str, portal: Portal, name: str, work: Path) -> None:
        python = self.programs.python(connector)
        if python is None:
            return
        out = Path(tempfile.mkdtemp(dir=work))
        environment = {
            **portal.environment,
            "HUBSPOT_BASE_URL": portal.base_url,
            "PYTHONPATH": str(_HERE / "redirect"),
        }
        singer = connector == "tap-hubspot"
        (out / "config.json").write_text(
            json.dumps(
                {"api_key" if singer else "access_token": portal.token, "start_date": "2010-01-01T00:00:00Z"}
            )
        )
        catalog, records = out / "catalog.json", out / "records.jsonl"
        config = ["--config", str(out / "config.json")]
        program = str(Path(python).parent / "tap-hubspot")
        discover = [python, "-c", _SINGER_DISCOVERY] if singer else [program, "--discover"]
        try:
            run([*discover, *config], out / "found.json", environment=environment)
            catalog.write_text(json.dumps(_contacts_only(json.loads((out / "found.json").read_text()))))
            given = ["--properties" if singer else "--catalog", str(catalog)]
            self._measured(
                connector,
                portal,
                (name, "first load"),
                lambda: run([program, *config, *given], records, environment=environment),
                lambda: {"contacts": _records(records)},
            )
        except Failed as failure:
            self.programs.skip(connector, str(failure))
        shutil.rmtree(out)


# `--discover` asks for the schemas of every object, retired interfaces among them; this asks for one
_SINGER_DISCOVERY = """
import json, sys, tap_hubspot as tap
tap.CONFIG.update(json.load(open(sys.argv[2])))
stream = next(s for s in tap.STREAMS if s.tap_stream_id == "contacts")
schema, metadata = tap.load_discovered_schema(stream)
json.dump({"streams": [{"stream": "contacts", "tap_stream_id": "contacts", "schema": schema,
                        "metadata": metadata}]}, sys.stdout)
"""


def _contacts_only(catalog: dict[str, Any]) -> dict[str, Any]:
    """A Singer catalog in which the contacts, and all their fields, are selected."""
    streams = [stream for stream in catalog["streams"] if stream["tap_stream_id"] == "contacts"]
    for stream in streams:
        for entry in stream["metadata"]:
            entry["metadata"]["selected"] = True
    return {"streams": streams}


def _records(path: Path) -> int:
    """Contacts in a Singer file; a tap may write one twice where it starts a new search."""
    with path.open("rb") as lines:
        messages = (orjson.loads(line) for line in lines)
        return len({message["record"]["id"] for message in messages if message["type"] == "RECORD"})


def _landed(home: Path, changed_since: datetime | None) -> dict[str, int]:
    """Rows per object in the raw store."""
    queries = {
        "contacts": "SELECT count(DISTINCT id) FROM contacts WHERE NOT archived",
        "archived_contacts": "SELECT count(DISTINCT id) FROM contacts WHERE archived",
        "deals": "SELECT count(DISTINCT id) FROM deals",
        "submissions": "SELECT count(*) FROM form_submissions",
        "page_views": "SELECT count(DISTINCT id) FROM page_view_events",
    }
    if changed_since is not None:
        since = changed_since.isoformat()
        queries["contacts_changed"] = f"SELECT count(DISTINCT id) FROM contacts WHERE updated_at >= '{since}'"
    with duckdb.connect(str(home / "raw" / "hubspot.duckdb"), read_only=True) as store:
        store.execute("USE raw")
        return {kind: store.execute(query).fetchall()[0][0] for kind, query in queries.items()}


def _forward(portal: Portal) -> datetime:
    """An hour passes at the portal; gives the new instant."""
    now = datetime.fromisoformat(portal.ask("clock")["now"].replace("Z", "+00:00")) + timedelta(hours=1)
    portal.ask("clock", {"now": now.isoformat()})
    return now


def show(document: Mapping[str, Any], out: Console) -> None:
    """The report as tables."""
    table = Table("contender", "portal", "run", title="HubSpot load")
    for heading in ("wall s", "CPU s", "peak MB", "requests", "rows", "right"):
        table.add_column(heading, justify="right")
    for item in document["runs"]:
        usage = item["usage"]
        rows = sum(n for kind, n in item["rows"].items() if kind != "contacts_changed")
        table.add_row(
            item["contender"],
            item["portal"],
            item["kind"],
            f"{usage['wall_s']:.1f}",
            f"{usage['cpu_s']:.1f}",
            f"{usage['peak_rss_mb']:.0f}",
            f"{item['requests']:,}",
            f"{rows:,}",
            "yes" if item["right"] else "NO",
        )
    out.print(table)
    costs = Table("contender", title="CPU per further row, µs")
    measured = document["marginal_cpu_us_per_row"]
    for portal in measured:
        costs.add_column(portal, justify="right")
    for name in CONTENDERS:
        values = [measured[portal][name] for portal in measured]
        costs.add_row(name, *("-" if value is None else f"{value:.1f}" for value in values))
    out.print(costs)
    for name, value in document["ratios"].items():
        out.print(f"{name}: {'-' if value is None else value}")
    if document["rate_limits"]:
        out.print("under rate limits:", document["rate_limits"])
    for name, why in document["skipped"].items():
        out.print(f"left out: {name}: {why}")


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--contacts", type=int, default=100_000)
    parser.add_argument("--submissions", type=int, default=25_000)
    parser.add_argument("--page-views", type=int, default=400_000)
    parser.add_argument("--deals", type=int, default=2_000)
    parser.add_argument("--contenders", default=",".join(CONTENDERS), help="adledger and others")
    parser.add_argument(
        "--limits-contacts", type=int, default=60_000, help="size under rate limits; 0: not run"
    )
    parser.add_argument("--out", type=Path, required=True, help="the report, JSON")
    parser.add_argument("--picture", type=Path, help="bars of the CPU per row, SVG or PNG")
    parser.add_argument("--venvs", type=Path, default=_HERE / ".venvs", help="where contenders are installed")
    parser.add_argument("--no-installs", action="store_true", help="leave out what is not installed already")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark; 1 when rows differ from the portal's."""
    given = _arguments(argv)
    size = {name: getattr(given, name) for name in ("contacts", "submissions", "page_views", "deals")}
    contenders = tuple(given.contenders.split(","))
    unknown = set(contenders) - set(CONTENDERS)
    if unknown or "adledger" not in contenders:
        sys.stderr.write(f"contenders: adledger and any of {', '.join(CONTENDERS[1:])}\n")
        return 2
    # ends the portal and the contender, too
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    benchmark = Benchmark(size, contenders, None if given.no_installs else given.venvs)
    try:
        benchmark.compare()
        if given.limits_contacts:
            benchmark.under_limits(
                {
                    "contacts": given.limits_contacts,
                    "submissions": given.limits_contacts // 5,
                    "page_views": given.limits_contacts,
                    "deals": 500,
                }
            )
    except Failed as failure:
        sys.stderr.write(f"the benchmark did not end: {failure}\n")
        return 1
    document = benchmark.report.document()
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(document, indent=2) + "\n")
    show(document, console())
    if given.picture:
        benchmark.programs.draw(given.out, given.picture)
    return 0 if all(item.right for item in benchmark.report.runs) else 1


if __name__ == "__main__":
    sys.exit(main())
