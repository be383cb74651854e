"""How well the account explains simulated companies whose truth is known: profiles times seeds.

`make accuracy`; one company by hand: `python -m benchmarks.accuracy --profiles typical --seed 7`.
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
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console

from benchmarks import accuracy_page, comparing
from orchestration.demo import sandbox

PROFILES = ("clean", "typical", "messy", "hostile")
#: Every simulated network day of three months, ended long enough before the clock's instant.
START, END = "2026-08-04", "2026-10-31"
_ADLEDGER = str(Path(sys.executable).with_name("adledger"))
_BRIDGE = """
    SELECT network, account_id, campaign_id, CAST(date AS VARCHAR), step, CAST(sum(units) AS DOUBLE)
    FROM reconciliation.conversion_bridge
    WHERE attribution_report = 'first_form_submission'
        AND date BETWEEN CAST($start AS DATE) AND CAST($end AS DATE)
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
class Company:
    """One simulated company: what was estimated of it, what is true, and how its marts agree."""

    profile: str
    seed: int
    people: int
    estimated: dict[comparing.Key, float]
    true: dict[comparing.Key, float]
    marts: list[comparing.Agreement]
    #: uncredited units by how many causes hold for them
    causes: Counter[int] = field(default_factory=Counter)


class Failed(Exception):
    """A refresh did not publish; the text is what it said."""


def measure(profile: str, seed: int, people: int) -> Company:
    """Build the company, refresh a new home with its days from START to END and compare with its truth.

    Raises:
        Failed: the refresh did not publish.
    """
    options = [f"--profile={profile}", f"--seed={seed}", f"--people={people}"]
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
                raise Failed(f"{profile}, seed {seed}: {done.stderr.strip()}")
            with urllib.request.urlopen(f"{company.url}/_sandbox/truth", timeout=600) as answer:
                truth = json.loads(answer.read())
        with duckdb.connect(str(home / "serving.duckdb"), read_only=True) as serving:
            serving.execute("SET TimeZone = 'UTC'")
            return compared(profile, seed, people, serving, truth, START)


def compared(
    profile: str,
    seed: int,
    people: int,
    serving: duckdb.DuckDBPyConnection,
    truth: dict[str, Any],
    start: str,
) -> Company:
    """What a warehouse holds of a company, beside `/_sandbox/truth`; network figures from `start` to END."""
    rows = serving.execute(_BRIDGE, {"start": start, "end": END}).fetchall()
    true = {
        (row["network"], row["account_id"], row["campaign_id"], row["date"], row["step"]): float(row["units"])
        for row in truth["bridge"]
        if start <= row["date"] <= END and float(row["units"])
    }
    causes = Counter(
        len(unit["causes"])
        for unit in truth["units"]
        if unit["side"] == "network" and start <= unit["date"] <= END
    )
    estimated = {row[:5]: row[5] for row in rows if row[5]}
    return Company(profile, seed, people, estimated, true, _marts(serving, truth, start), causes)


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
                " WHERE evidence = 'page_views'"
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
    return found


def _at(text: str) -> str:
    """An instant as the marts' are printed, with milliseconds."""
    head, _, fraction = text.removesuffix("Z").partition(".")
    return f"{head}.{(fraction or '0').ljust(3, '0')[:3]}"


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, write page and picture, print the accuracies."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--profiles", default=",".join(PROFILES), help="separated by commas")
    parser.add_argument("--seeds", type=int, default=1, help="companies per profile, of seeds drawn now")
    parser.add_argument("--seed", type=int, action="append", help="these seeds instead (repeatable)")
    parser.add_argument("--people", type=int, default=1000)
    parser.add_argument("--page", type=Path, help="write the page about it into this Markdown file")
    parser.add_argument("--picture", type=Path, help="and its picture into this SVG file")
    given = parser.parse_args(argv)
    console = Console()
    seeds = given.seed or [secrets.randbelow(10**6) for _ in range(given.seeds)]
    console.print(f"seeds {', '.join(map(str, seeds))}; {given.people} people each")
    companies = []
    for profile in given.profiles.split(","):
        for seed in seeds:
            with console.status(f"{profile}, seed {seed}"):
                try:
                    companies.append(measure(profile, seed, given.people))
                except Failed as error:
                    console.print(f"[red]accuracy:[/red] {error}", highlight=False)
                    return 1
            console.print(accuracy_page.line(companies[-1]), highlight=False)
    if given.page:
        given.page.write_text(accuracy_page.page(companies, given.picture, given.page))
    if given.picture:
        given.picture.parent.mkdir(parents=True, exist_ok=True)
        given.picture.write_text(accuracy_page.picture(companies))
    return 0


if __name__ == "__main__":
    sys.exit(main())
