"""How well the account explains simulated companies whose truth is known: profiles, portals and seeds.

`make accuracy`; one company by hand:
`python -m benchmarks.accuracy --profiles typical --seed 7 --portals events,no-events`.
What each choice without a source is worth: `python -m benchmarks.accuracy --profiles typical --readings`.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import subprocess
import sys
import tempfile
import urllib.request
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console

from adledger.servers.sandbox import sandbox
from benchmarks import accuracy_page, comparing
from benchmarks.choices import CHOICES, Choice

PROFILES = ("clean", "typical", "messy", "hostile")
#: What a portal and its web site let the warehouse read, and the sandbox's options for it.
PORTALS = {
    "events": [],
    "no-events": ["--no-events"],
    "no-pages": ["--no-pages"],
    "no-events-no-pages": ["--no-events", "--no-pages"],
}
#: Measured unless others are asked for: a portal with web events, and one without as most have it.
USUAL_PORTALS = ("events", "no-events")
#: The company whose models are built again under the other reading of each choice.
READINGS_PROFILE = "typical"
REPORTS = (
    "first_form_submission",
    "first_form_submission_new_contact",
    "influenced_first_form_submission",
    "first_ad_interaction",
    "last_ad_interaction",
    "all_ad_interactions",
)
#: Every simulated network day of three months, ended long enough before the clock's instant.
START, END = "2026-08-04", "2026-10-31"
_ADLEDGER = str(Path(sys.executable).with_name("adledger"))
_BRIDGE = """
    SELECT
        attribution_report, network, account_id, campaign_id, CAST(date AS VARCHAR), step,
        CAST(sum(units) AS DOUBLE)
    FROM reconciliation.conversion_bridge
    WHERE date BETWEEN CAST($start AS DATE) AND CAST($end AS DATE)
    GROUP BY ALL
"""
_FIGURES = """
    SELECT account_id, campaign_id, CAST(date AS VARCHAR), part, CAST(round(sum(conversions), 3) AS DOUBLE)
    FROM (
        SELECT *, CASE
            WHEN NOT is_form_action THEN 'non_form'
            WHEN event_type = 'uploaded' THEN 'uploaded'
            WHEN event_type IN ('view', 'engaged_view') THEN 'view'
            WHEN event_type = 'lead_form' THEN 'lead'
            ELSE 'click'
        END AS part
        FROM marts.fct_network_conversions
        WHERE counts_in_headline AND date BETWEEN CAST($start AS DATE) AND CAST($end AS DATE)
    )
    GROUP BY ALL HAVING sum(conversions) != 0
"""
_AD = "network, account_id, campaign_id, ad_group_id, ad_id"


@dataclass
class Report:
    """One attribution report of a company: its bridge as estimated and in truth.

    `credited`: the ads credited per contact, whatever instants stand beside them.
    """

    estimated: dict[comparing.Key, float]
    true: dict[comparing.Key, float]
    credited: comparing.Agreement


@dataclass
class Company:
    """One simulated company: what was estimated of it, what is true, and how its marts agree.

    `estimated` and `true` are the default report's; `reports` has all of them by name.
    """

    profile: str
    seed: int
    people: int
    estimated: dict[comparing.Key, float]
    true: dict[comparing.Key, float]
    marts: list[comparing.Agreement]
    #: uncredited units by how many causes hold for them
    causes: Counter[int] = field(default_factory=Counter)
    portal: str = "events"
    reports: dict[str, Report] = field(default_factory=dict)
    #: the default report's bridge under the other reading of a choice, by its setting
    readings: dict[str, dict[comparing.Key, float]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The profile and, unless the portal has web events and readable pages, the portal."""
        return self.profile if self.portal == "events" else f"{self.profile}, {self.portal}"


class Failed(Exception):
    """A refresh did not publish, or a build failed; the text is what it said."""


def measure(
    profile: str,
    seed: int,
    people: int,
    portal: str = "events",
    choices: Sequence[Choice] = (),
) -> Company:
    """Build the company, refresh a new home with its days from START to END and compare with its truth.

    The models are built again under the other reading of each of `choices`.

    Raises:
        Failed: the refresh did not publish, or a build under another reading failed.
    """
    options = [f"--profile={profile}", f"--seed={seed}", f"--people={people}", *PORTALS[portal]]
    with tempfile.TemporaryDirectory(prefix="adledger-accuracy-") as place:
        home = Path(place)
        with sandbox(options, home / "sandbox.log") as company:
            environment = {k: v for k, v in os.environ.items() if not k.startswith("SOURCES__")}
            environment |= {**company.env, "ADLEDGER_HOME": place, "DLT_PROJECT_DIR": place}
            command = [
                _ADLEDGER,
                "refresh",
                "--start",
                START,
                "--end",
                END,
                "--as-of",
                company.now.isoformat(),
            ]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            if done.returncode:
                raise Failed(f"{profile}, {portal}, seed {seed}: {done.stderr.strip()}")
            with urllib.request.urlopen(f"{company.url}/_sandbox/truth", timeout=600) as answer:
                truth = json.loads(answer.read())
        with duckdb.connect(str(home / "serving.duckdb"), read_only=True) as serving:
            serving.execute("SET TimeZone = 'UTC'")
            found = compared(profile, seed, people, serving, truth, START, portal)
        if choices:
            found.readings = _other_readings(home, company.now.isoformat(), choices)
        return found


def _other_readings(
    home: Path, as_of: str, choices: Sequence[Choice]
) -> dict[str, dict[comparing.Key, float]]:
    """The default report's bridge of the company in `home` under the other reading of each choice."""
    settings = [choice.setting for choice in choices]
    command = [sys.executable, "-m", "benchmarks.readings", str(home), as_of, *settings]
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"other readings: {done.stdout.strip()[-4000:]} {done.stderr.strip()[-4000:]}")
    found = {}
    for setting in settings:
        file = home / "readings" / setting / "warehouse.duckdb"
        with duckdb.connect(str(file), read_only=True) as warehouse:
            rows = warehouse.execute(_BRIDGE, {"start": START, "end": END}).fetchall()
        found[setting] = {row[1:6]: row[6] for row in rows if row[0] == REPORTS[0] and row[6]}
    return found


def compared(
    profile: str,
    seed: int,
    people: int,
    serving: duckdb.DuckDBPyConnection,
    truth: dict[str, Any],
    start: str,
    portal: str = "events",
) -> Company:
    """What a warehouse holds of a company, beside `/_sandbox/truth`; network figures from `start` to END."""
    rows = serving.execute(_BRIDGE, {"start": start, "end": END}).fetchall()
    reports = {
        report: Report(
            {row[1:6]: row[6] for row in rows if row[0] == report and row[6]},
            _bridge(truth["bridges"][report], start),
            _credited(serving, truth, report),
        )
        for report in REPORTS
    }
    causes = Counter(
        len(unit["causes"])
        for unit in truth["units"]
        if unit["side"] == "network" and start <= unit["date"] <= END
    )
    default = reports[REPORTS[0]]
    marts = _marts(serving, truth, start)
    return Company(profile, seed, people, default.estimated, default.true, marts, causes, portal, reports)


def _bridge(rows: list[dict[str, str]], start: str) -> dict[comparing.Key, float]:
    """A report's true bridge from `start` to END."""
    return {
        (row["network"], row["account_id"], row["campaign_id"], row["date"], row["step"]): float(row["units"])
        for row in rows
        if start <= row["date"] <= END and float(row["units"])
    }


def _credited(serving: duckdb.DuckDBPyConnection, truth: dict[str, Any], report: str) -> comparing.Agreement:
    """The ads that a report credits with each contact, beside the truth."""
    return comparing.agree(
        report,
        serving.execute(
            f"SELECT contact_id, {_AD} FROM marts.fct_contact_attribution WHERE attribution_report = ?",
            [report],
        ).fetchall(),
        [
            (c["contact_id"], *(c[name] for name in _AD.split(", ")))
            for c in truth["credits"]
            if c["report"] == report
        ],
        {contact["contact_id"]: ", ".join(contact["conditions"]) for contact in truth["contacts"]},
    )


def _marts(
    serving: duckdb.DuckDBPyConnection, truth: dict[str, Any], start: str
) -> list[comparing.Agreement]:
    """The marts beside the truth, row by row."""

    def rows(query: str) -> list[tuple[Any, ...]]:
        return serving.execute(query).fetchall()

    instant = "strftime({}, '%Y-%m-%dT%H:%M:%S.%g')".format
    why = {contact["contact_id"]: ", ".join(contact["conditions"]) for contact in truth["contacts"]}
    reports = {
        row[0] for row in rows("SELECT DISTINCT attribution_report FROM marts.fct_contact_attribution")
    }
    credits_true = [
        (
            c["contact_id"],
            c["report"],
            *(c[name] for name in _AD.split(", ")),
            _at(c["interaction_at"]),
            c["interaction_type"],
            _at(c["credited_at"]),
        )
        for c in truth["credits"]
    ]
    found = [
        comparing.agree(
            "fct_sessions",
            rows(
                f"SELECT contact_id, {instant('started_at')} FROM marts.fct_sessions"
                " WHERE evidence_source = 'page_views'"
            ),
            [(c["contact_id"], _at(at)) for c in truth["contacts"] for at in c["sessions"]],
            why,
        ),
        comparing.agree(
            "fct_form_submissions",
            rows(
                f"SELECT contact_id, form_id, {instant('submitted_at')}, conversion_number,"
                " form_type = 'lead_ad' FROM marts.fct_form_submissions"
                " WHERE conversion_number IS NOT NULL"
            ),
            [
                (c["contact_id"], sent["form_id"], _at(sent["at"]), number, sent["is_lead_ad"])
                for c in truth["contacts"]
                for number, sent in enumerate(c["conversions"], 1)
            ],
            why,
        ),
        _tracked(rows, truth, why),
        comparing.agree(
            "fct_first_conversions",
            rows(
                f"SELECT contact_id, {instant('converted_at')}, is_lead_ad, {instant('contact_created_at')}"
                " FROM marts.fct_first_conversions"
            ),
            [
                (
                    c["contact_id"],
                    _at(c["conversions"][0]["at"]),
                    c["conversions"][0]["is_lead_ad"],
                    _at(c["created_at"]),
                )
                for c in truth["contacts"]
                if c["conversions"]
            ],
            why,
        ),
    ]
    for report in sorted({c["report"] for c in truth["credits"]} & reports):
        found.append(
            comparing.agree(
                f"fct_contact_attribution, {report}",
                rows(
                    f"SELECT contact_id, attribution_report, {_AD}, {instant('interaction_at')},"
                    f" interaction_type, {instant('credited_at')} FROM marts.fct_contact_attribution"
                    f" WHERE attribution_report = '{report}'"
                ),
                [row for row in credits_true if row[1] == report],
                why,
            )
        )
    earned: dict[str, set[tuple[Any, ...]]] = {}
    for row in credits_true:
        if row[1] == "first_form_submission":
            earned.setdefault(row[0], set()).add(row[2:7])
    found.insert(
        0,
        comparing.agree(
            "fct_network_conversions, headline per campaign, day and part",
            serving.execute(_FIGURES, {"start": start, "end": END}).fetchall(),
            [
                (f["account_id"], f["campaign_id"], f["date"], f["part"], round(float(f["units"]), 3))
                for f in truth["figures"]
                if start <= f["date"] <= END
            ],
            {},
        ),
    )
    nobody = ((None,) * 5,)
    found.append(
        comparing.agree(
            "fct_deal_attribution",
            rows(
                f"SELECT deal_id, {_AD} FROM marts.fct_deal_attribution"
                " WHERE attribution_report = 'first_form_submission'"
            ),
            [
                (deal["deal_id"], *ad)
                for deal in truth["deals"]
                for ad in ({ad for c in deal["contact_ids"] for ad in earned.get(c, ())} or nobody)
            ],
            {},
        )
    )
    found.append(
        comparing.agree(
            "fct_deal_attribution, amount in home currency",
            rows(
                "SELECT DISTINCT deal_id, CAST(round(amount_company_currency, 2) AS DOUBLE)"
                " FROM marts.fct_deal_attribution WHERE attribution_report = 'first_form_submission'"
            ),
            [(deal["deal_id"], float(deal["amount_company_currency"])) for deal in truth["deals"]],
            {},
        )
    )
    return found


def _tracked(
    rows: Callable[[str], list[tuple[Any, ...]]], truth: dict[str, Any], why: dict[str, str]
) -> comparing.Agreement:
    """Whether HubSpot knew the visitor of a form, of the submissions where the warehouse says so or not."""
    instant = "strftime(submitted_at, '%Y-%m-%dT%H:%M:%S.%g')"
    found = rows(
        f"SELECT contact_id, form_id, {instant}, is_tracked FROM marts.fct_form_submissions"
        " WHERE conversion_number IS NOT NULL AND form_type != 'lead_ad' AND is_tracked IS NOT NULL"
    )
    decided = {row[:3] for row in found}
    true = [
        (c["contact_id"], sent["form_id"], _at(sent["at"]), sent["is_tracked"])
        for c in truth["contacts"]
        for sent in c["conversions"]
    ]
    return comparing.agree(
        "fct_form_submissions, is_tracked where decided",
        found,
        [row for row in true if row[:3] in decided],
        why,
    )


def _at(text: str) -> str:
    """An instant as the marts' are printed, with milliseconds."""
    head, _, fraction = text.removesuffix("Z").partition(".")
    return f"{head}.{(fraction or '0').ljust(3, '0')[:3]}"


def portals(given: argparse.Namespace) -> list[str]:
    """The portals that the options ask for.

    Raises:
        SystemExit: there is no such portal.
    """
    if given.no_events or given.no_pages:
        return ["-".join(["no-events"] * given.no_events + ["no-pages"] * given.no_pages)]
    asked: list[str] = given.portals.split(",")
    if unknown := set(asked) - set(PORTALS):
        raise SystemExit(f"--portals {min(unknown)}: one of {', '.join(PORTALS)}")
    return asked


def with_readings(given: argparse.Namespace) -> bool:
    """Whether the options ask for both readings of each choice: by themselves, or as part of a page."""
    return bool(given.page if given.readings is None else given.readings)


def parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--profiles", default=",".join(PROFILES), help="separated by commas")
    parser.add_argument(
        "--portals",
        default=",".join(USUAL_PORTALS),
        help=f"separated by commas, of {', '.join(PORTALS)}; events: web events and readable pages",
    )
    parser.add_argument("--no-events", action="store_true", help="short for --portals no-events")
    parser.add_argument("--no-pages", action="store_true", help="no landing page can be fetched")
    parser.add_argument("--seeds", type=int, default=1, help="companies per profile, of seeds drawn now")
    parser.add_argument("--seed", type=int, action="append", help="these seeds instead (repeatable)")
    parser.add_argument("--people", type=int, default=1000)
    parser.add_argument(
        "--readings",
        action=argparse.BooleanOptionalAction,
        help="build the models under both readings of each choice without a source, on the first company"
        f" of the profile {READINGS_PROFILE} (default: where a page is written)",
    )
    parser.add_argument("--page", type=Path, help="write the page about it into this Markdown file")
    parser.add_argument("--picture", type=Path, help="and its picture into this SVG file")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, write page and picture, print the accuracies."""
    given = parsed(argv)
    console = Console()
    seeds = given.seed or [secrets.randbelow(10**6) for _ in range(given.seeds)]
    console.print(f"seeds {', '.join(map(str, seeds))}; {given.people} people each")
    companies: list[Company] = []
    failed = False
    for profile, portal, seed in product(given.profiles.split(","), portals(given), seeds):
        is_read = with_readings(given) and profile == READINGS_PROFILE and seed == seeds[0]
        with console.status(f"{profile}, {portal}, seed {seed}"):
            try:
                choices = CHOICES if is_read else ()
                companies.append(measure(profile, seed, given.people, portal, choices))
            except Failed as error:
                # the others can still be measured
                failed = True
                console.print(f"[red]accuracy:[/red] {error}", highlight=False, soft_wrap=True)
                continue
        console.print(accuracy_page.line(companies[-1]), highlight=False, soft_wrap=True, markup=False)
    if failed:
        # a page without them would look complete
        return 1
    if given.page:
        given.page.write_text(accuracy_page.page(companies, given.picture, given.page))
    if given.picture:
        given.picture.parent.mkdir(parents=True, exist_ok=True)
        given.picture.write_text(accuracy_page.picture(companies))
    return 0


if __name__ == "__main__":
    sys.exit(main())
