"""What loading the ad networks costs: the warehouse beside a bare client, a year of large accounts.

`python benchmarks/network_load.py --out report.json`. Each network's load runs in a process of its own, one
after the other, side by side under rate limits; the accounts are in another. Ends with an error only where
rows are not the accounts'.
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
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.measuring import BARE, Failed, Portal, Programs, Usage, bulk, console, ratio, run
from sandbox.bulk.networks.google_ads import BURST, PER_SECOND
from sandbox.world.company import DEFAULT_NOW

_HERE = Path(__file__).resolve().parent
# the smaller size is this part of the ads and clicks: costs per row are the difference
_PART = 10
CONTENDERS = ("adledger", "bare")
# the raw table that each kind of rows lands in
TABLES = {
    "google_ads": {
        "customer_client": "customers",
        "customer": "customer_settings",
        "campaign": "campaigns",
        "ad_group": "ad_groups",
        "ad_group_ad": "ads",
        "asset_group": "asset_groups",
        "conversion_action": "conversion_actions",
        "lead_form_submission_data": "lead_form_submissions",
        "campaign by day": "campaign_metrics",
        "ad_group by day": "ad_group_metrics",
        "ad_group_ad by day": "ad_metrics",
        "campaign by action": "campaign_conversions",
        "ad_group_ad by action": "ad_conversions",
        "campaign by lag": "campaign_conversion_lags",
        "click_view": "click_views",
    },
    "facebook_ads": {
        "campaigns": "campaigns",
        "adsets": "ad_sets",
        "ads": "ads",
        "adcreatives": "ad_creatives",
        "insights campaign": "insights_campaign",
        "insights ad": "insights_ad",
    },
    "linkedin_ads": {
        "adAccounts": "ad_accounts",
        "adCampaignGroups": "campaign_groups",
        "adCampaigns": "campaigns",
        "creatives": "creatives",
        "conversions": "conversions",
        "leadForms": "lead_forms",
        "leadFormResponses": "lead_form_responses",
        "adAnalytics CAMPAIGN": "campaign_analytics",
        "adAnalytics CREATIVE": "creative_analytics",
        "adAnalytics CREATIVE,CONVERSION": "creative_conversions",
        "adAnalytics CAMPAIGN,CONVERSION": "campaign_conversions",
    },
}
_HEADERS = {"linkedin_ads": {"LinkedIn-Version": "202607", "X-Restli-Protocol-Version": "2.0.0"}}
_LIMITED = "rate limits"

Rows = dict[str, dict[str, int]]


@dataclass(frozen=True)
class Run:
    """One measured run of a contender over all networks. `rows` are what it has, `expected` what there are.

    `serving_cpu_s` is what the sandbox took; `wall_s` is from the first start to the last end.
    """

    contender: str
    size: str
    kind: str
    usage: dict[str, Usage]
    wall_s: float
    serving_cpu_s: float
    requests: dict[str, int]
    refused: int
    rows: Rows
    expected: Rows

    @property
    def right(self) -> bool:
        """Whether the rows are the accounts'."""
        return self.rows == self.expected

    def count(self, network: str) -> int:
        """Rows of a network."""
        return sum(self.rows[network].values())


@dataclass
class Report:
    """Everything measured, as it is written to the file."""

    size: dict[str, int]
    networks: tuple[str, ...]
    runs: list[Run] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    limits: dict[str, float] = field(default_factory=dict)

    def marginal(self, contender: str, *networks: str) -> float | None:
        """Microseconds of CPU for one more row of some networks: start-up drops out, the least run counts."""

        def least(size: str) -> tuple[int, float]:
            runs = [r for r in self.runs if (r.contender, r.size, r.kind) == (contender, size, "first load")]
            cpu = (min((r.usage[network].cpu_s for r in runs), default=0.0) for network in networks)
            return sum(runs[0].count(network) for network in networks) if runs else 0, sum(cpu)

        (more, longer), (rows, cpu) = least("full"), least("part")
        return (longer - cpu) / (more - rows) * 1e6 if more > rows > 0 else None

    def document(self) -> dict[str, Any]:
        """The report as JSON."""
        costs = {n: {name: self.marginal(name, n) for name in CONTENDERS} for n in self.networks}
        costs["all networks"] = {name: self.marginal(name, *self.networks) for name in CONTENDERS}
        return {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": {
                "cpus": len(os.sched_getaffinity(0)),
                "python": platform.python_version(),
                "system": f"{platform.system()} {platform.machine()}",
            },
            "size": self.size,
            "runs": [{**asdict(item), "right": item.right} for item in self.runs],
            "marginal_cpu_us_per_row": costs,
            "ratios": {
                f"{network}: adledger / bare": ratio(cost["adledger"], cost["bare"])
                for network, cost in costs.items()
            },
            "rate_limits": self.limits,
            "skipped": self.skipped,
        }


class Benchmark:
    """Runs the contenders and collects the report."""

    def __init__(
        self,
        size: Mapping[str, int],
        repeats: int,
        networks: tuple[str, ...],
        contenders: tuple[str, ...],
        venvs: Path | None,
    ) -> None:
        self.size, self.repeats = dict(size), repeats
        self.networks, self.contenders = networks, contenders
        self.report = Report(self.size, networks)
        self.console = console(stderr=True)
        self.programs = Programs(venvs, {"bare": BARE}, self.console, self.report.skipped)

    def compare(self) -> None:
        """A first load at two sizes in turn; at the full one also the refresh of the next day."""
        small = {**self.size, "ads": max(self.size["accounts"], self.size["ads"] // _PART)}
        small["clicks"] = max(1, self.size["clicks"] // _PART)
        with (
            tempfile.TemporaryDirectory(prefix="benchmark-") as directory,
            bulk(small) as part,
            bulk(self.size) as whole,
        ):
            homes = [Path(directory) / str(number) for number in range(self.repeats)]
            # in turn, so that what else goes on here meets both sizes and both contenders
            for home in homes:
                for size, portal in (("part", part), ("full", whole)):
                    shutil.rmtree(home, ignore_errors=True)
                    asked = self._adledger(portal, size, "first load", home)
                    if "bare" in self.contenders:
                        self._bare(portal, size, asked, Path(directory))
            _next_day(whole)
            for home in homes:
                self._adledger(whole, "full", "refresh a day later", home)

    def under_limits(self) -> None:
        """The warehouse against accounts that enforce the vendors' rate limits."""
        with (
            tempfile.TemporaryDirectory(prefix="benchmark-") as directory,
            bulk(self.size, limits=True) as portal,
        ):
            self._adledger(portal, "full", _LIMITED, Path(directory) / "home")
            traffic = portal.ask("requests")
        result = self.report.runs[-1]
        accounts: dict[str, int] = {}
        for name, count in traffic["requests"].items():
            network, account, _ = name.split(" ", 2)
            if network == "google_ads" and account != "-":
                accounts[account] = accounts.get(account, 0) + count
        # Google's accounts fill their buckets side by side; the other vendors' limits are not met
        least = max(max(0, count - BURST) for count in accounts.values()) / PER_SECOND
        self.report.limits = {
            "requests of an account": max(accounts.values()),
            "refused": result.refused,
            "wall_s": round(result.wall_s, 2),
            "least_s": round(least, 2),
            "wall / least": round(result.wall_s / least, 3) if least else 0.0,
        }

    # -- contenders -------------------------------------------------------------------------------------

    def _measured(
        self,
        contender: str,
        portal: Portal,
        names: tuple[str, str],
        work: Callable[[str], Usage],
        rows: Callable[[], Rows],
    ) -> list[dict[str, Any]]:
        """Runs the work of every network; gives what was asked for."""
        portal.ask("requests", method="DELETE")
        served, started = portal.cpu_s(), time.perf_counter()
        with ThreadPoolExecutor(len(self.networks) if names[1] == _LIMITED else 1) as pool:
            usage = dict(zip(self.networks, pool.map(work, self.networks), strict=True))
        wall = time.perf_counter() - started
        served, traffic = portal.cpu_s() - served, portal.ask("requests")
        held, found = portal.ask("portal"), rows()
        result = Run(
            contender,
            *names,
            usage,
            wall,
            served,
            {
                network: sum(n for name, n in traffic["requests"].items() if name.startswith(network))
                for network in self.networks
            },
            sum(traffic["refused"].values()),
            found,
            {network: {kind: held[network][kind] for kind in kinds} for network, kinds in found.items()},
        )
        self.report.runs.append(result)
        cpu = sum(used.cpu_s for used in usage.values())
        count = sum(map(result.count, self.networks))
        peak = max(used.peak_rss_mb for used in usage.values())
        self.console.print(
            f"{contender}, {', '.join(names)}: {wall:.1f} s, {cpu:.1f} s CPU ({served:.1f} s to serve it),"
            f" {peak:.0f} MB at most, {traffic['total']:,} requests, {count:,} rows"
            + ("" if result.right else f", [red]rows {found} instead of {result.expected}[/red]")
        )
        asked: list[dict[str, Any]] = traffic["asked"]
        return asked

    def _adledger(self, portal: Portal, size: str, kind: str, home: Path) -> list[dict[str, Any]]:
        home.mkdir(parents=True, exist_ok=True)
        at = portal.ask("clock")["now"].replace("Z", "+00:00")
        last = datetime.fromisoformat(at).date()
        first = DEFAULT_NOW.date() - timedelta(days=self.size["days"] - 1)
        environment = {**portal.environment, "ADLEDGER_HOME": str(home)}

        def work(network: str) -> Usage:
            command = [sys.executable, str(_HERE / "load_adledger.py"), network, at, str(first), str(last)]
            return run(command, home / f"{network}.out", environment=environment)

        return self._measured("adledger", portal, (size, kind), work, lambda: _landed(home, self.networks))

    def _bare(self, portal: Portal, size: str, asked: list[dict[str, Any]], work: Path) -> None:
        python = self.programs.python("bare")
        if python is None:
            return
        out = Path(tempfile.mkdtemp(dir=work))

        def load(network: str) -> Usage:
            (out / network).mkdir()
            task = _task(portal.environment, network, [one for one in asked if one["network"] == network])
            return run(
                [python, str(_HERE / "load_bare_networks.py")],
                out / f"{network}.json",
                given=json.dumps({**task, "out": str(out / network)}),
                environment=portal.environment,
            )

        def rows() -> Rows:
            found = {network: json.loads((out / f"{network}.json").read_text()) for network in self.networks}
            return {n: {kind: found[n].get(kind, 0) for kind in TABLES[n]} for n in self.networks}

        self._measured("bare", portal, (size, "first load"), load, rows)
        shutil.rmtree(out)


def _task(environment: Mapping[str, str], network: str, asked: list[dict[str, Any]]) -> dict[str, Any]:
    """What the bare client needs for a network: address, credentials, and the same requests."""
    prefix = f"SOURCES__{network.upper()}__"
    own = {name.removeprefix(prefix).lower(): value for name, value in environment.items() if prefix in name}
    headers = _HEADERS.get(network, {})
    if "access_token" in own:
        headers = {**headers, "Authorization": f"Bearer {own['access_token']}"}
    form = {name: own[name] for name in ("client_id", "client_secret", "refresh_token") if name in own}
    return {
        "network": network,
        "base_url": own["base_url"],
        "token_url": own.get("token_url"),
        "form": {"grant_type": "refresh_token", **form},
        "headers": headers,
        "asked": asked,
    }


def _landed(home: Path, networks: Sequence[str]) -> Rows:
    """Rows per network and kind in the raw stores, of daily figures those that hold now."""
    found: Rows = {}
    for network in networks:
        with duckdb.connect(str(home / "raw" / f"{network}.duckdb"), read_only=True) as store:
            found[network] = {kind: _current(store, table) for kind, table in TABLES[network].items()}
    return found


def _current(store: duckdb.DuckDBPyConnection, table: str) -> int:
    query = "SELECT column_name FROM duckdb_columns() WHERE schema_name = 'raw' AND table_name = ?"
    columns = {name for (name,) in store.execute(query, [table]).fetchall()}
    rules = {"superseded_at": "superseded_at IS NULL", "is_day_marker": "NOT is_day_marker"}
    conditions = " AND ".join(rule for name, rule in rules.items() if name in columns) or "true"
    count: int = store.execute(f"SELECT count(*) FROM raw.{table} WHERE {conditions}").fetchall()[0][0]
    return count


def _next_day(portal: Portal) -> None:
    now = datetime.fromisoformat(portal.ask("clock")["now"].replace("Z", "+00:00"))
    portal.ask("clock", {"now": (now + timedelta(days=1)).isoformat()})


def show(document: Mapping[str, Any], out: Console) -> None:
    """The report as tables."""
    table = Table("contender", "size", "run", "network", title="Network load")
    for heading in ("CPU s", "peak MB", "requests", "rows", "wall s", "right"):
        table.add_column(heading, justify="right")
    for item in document["runs"]:
        for network, usage in item["usage"].items():
            table.add_row(
                item["contender"],
                item["size"],
                item["kind"],
                network,
                f"{usage['cpu_s']:.1f}",
                f"{usage['peak_rss_mb']:.0f}",
                f"{item['requests'][network]:,}",
                f"{sum(item['rows'][network].values()):,}",
                f"{usage['wall_s']:.1f}",
                "yes" if item["rows"][network] == item["expected"][network] else "NO",
            )
    out.print(table)
    costs = Table("network", *CONTENDERS, "ratio", title="CPU per further row, µs")
    for network, cost in document["marginal_cpu_us_per_row"].items():
        values = [*(cost[name] for name in CONTENDERS), document["ratios"][f"{network}: adledger / bare"]]
        costs.add_row(network, *("-" if value is None else f"{value:.1f}" for value in values))
    out.print(costs)
    if document["rate_limits"]:
        out.print("under rate limits:", document["rate_limits"])
    for name, why in document["skipped"].items():
        out.print(f"left out: {name}: {why}")


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ads", type=int, default=500, help="over all accounts")
    parser.add_argument("--accounts", type=int, default=6, help="a third of them per network")
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--clicks", type=int, default=5_000, help="Google's single clicks per day")
    parser.add_argument("--click-days", type=int, default=90)
    parser.add_argument("--repeats", type=int, default=3, help="of each run; the least CPU counts")
    parser.add_argument("--networks", default=",".join(TABLES), help="those to load")
    parser.add_argument("--contenders", default=",".join(CONTENDERS), help="adledger and others")
    parser.add_argument("--no-limits", action="store_true", help="leave the run under rate limits out")
    parser.add_argument("--out", type=Path, required=True, help="the report, JSON")
    parser.add_argument("--picture", type=Path, help="bars of the CPU per row, SVG or PNG")
    parser.add_argument("--venvs", type=Path, default=_HERE / ".venvs", help="where contenders are installed")
    parser.add_argument("--no-installs", action="store_true", help="leave out what is not installed already")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark; 1 when rows differ from the accounts'."""
    given = _arguments(argv)
    size = {name: getattr(given, name) for name in ("ads", "accounts", "days", "clicks", "click_days")}
    networks, contenders = tuple(given.networks.split(",")), tuple(given.contenders.split(","))
    if not {"adledger"} <= set(contenders) <= set(CONTENDERS):
        sys.stderr.write(f"contenders: adledger and any of {', '.join(CONTENDERS[1:])}\n")
        return 2
    if not set(networks) <= TABLES.keys():
        sys.stderr.write(f"networks: any of {', '.join(TABLES)}\n")
        return 2
    # ends the accounts and the contender, too
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    benchmark = Benchmark(
        size, given.repeats, networks, contenders, None if given.no_installs else given.venvs
    )
    try:
        benchmark.compare()
        if not given.no_limits and "google_ads" in networks:
            benchmark.under_limits()
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
