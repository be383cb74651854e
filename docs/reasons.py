"""The page of the reason codes: meaning, evidence, what to do, and an example of the demonstration.

`python docs/reasons.py` writes the examples anew, from `adledger explain` on the home in ADLEDGER_HOME.
"""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
SEED = HERE.parent / "dbt_project" / "seeds" / "reason_codes.csv"
EXAMPLES = HERE / "reason_examples.json"
_EXPLAIN = str(Path(sys.executable).with_name("adledger"))
_NETWORKS = ("google_ads", "facebook_ads", "linkedin_ads")


def codes() -> dict[str, dict[str, str]]:
    """The reason codes in the bridge's order, with their label and evidence class."""
    with SEED.open(newline="") as rows:
        steps = sorted(csv.DictReader(rows), key=lambda row: int(row["step_order"]))
    return {row["step"]: row for row in steps if row["kind"] == "adjustment"}


def meanings() -> dict[str, tuple[str, str]]:
    """On which side each code stands and what it says, in the words of the contract."""
    _, _, section = (HERE / "contract.md").read_text().partition("## 5. Reason codes")
    found, side = {}, ""
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 3 and cells[0] == "reason_code":
            side = cells[1].removesuffix(", because …")
        elif len(cells) == 3 and cells[0].startswith("`"):
            found[cells[0].strip("`")] = (side, cells[1])
    (rest,) = re.findall(r"`unexplained` ([^;]+);", section)
    return {**found, "unexplained": ("neither", " ".join(rest.split()))}


def written() -> dict[str, dict[str, str]]:
    """What to do about each code, and why there is no example where there is none."""
    content: dict[str, dict[str, str]] = yaml.safe_load((HERE / "reasons.yml").read_text())
    return content


def examples() -> dict[str, Any]:
    """One example of each code that the demonstration has."""
    content: dict[str, Any] = json.loads(EXAMPLES.read_text())
    return content


def write(page: Path) -> None:
    """Writes the page."""
    from reporting.explain.bridge import EVIDENCE

    said, advice, found = meanings(), written(), examples()
    lines = [
        "# Reason codes",
        "",
        "Why a network's conversions and HubSpot's contacts differ, step by step, in the bridge's order;",
        "the first reason that holds takes a unit ([contract](contract.md#reason-codes)). The events behind",
        "a step: `adledger explain --step CODE`. The examples are those of the demonstration (`make demo`);",
        "people and visits are only numbered.",
    ]
    for code, step in codes().items():
        side, meaning = said[code]
        lines += ["", f"## {code}", "", f"**{step['label']}**: {meaning}.", ""]
        lines += [f"- Side: {side}."]
        lines += [f"- Evidence: {EVIDENCE[step['evidence_class']]}."]
        lines += [f"- What to do: {advice[code]['do']}"]
        example = found.get(code)
        lines += ["", *(_told(example) if example else [f"No example: {advice[code]['none']}"])]
    page.write_text("\n".join(lines) + "\n")


def _told(example: Mapping[str, Any]) -> Iterator[str]:
    from reporting.explain.figures import short_number
    from reporting.explain.scope import NETWORKS

    under = "" if example["is_default_report"] else f" Under the report `{example['report']}`:"
    yield f"In the demonstration, {example['start']} to {example['end']}.{under}"
    yield ""
    yield "| network | conversions | this step | contacts |"
    yield "| --- | ---: | ---: | ---: |"
    for row in example["networks"]:
        units = Decimal(row["units"])
        sides = [short_number(Decimal(row[name])) for name in ("network_conversions", "hubspot_contacts")]
        moved = f"{'+' if units > 0 else ''}{short_number(units)}"
        yield f"| {NETWORKS[row['network']]} | {sides[0]} | {moved} | {sides[1]} |"
    if event := example["event"]:
        yield ""
        counted = "the network counts it" if Decimal(event["network_units"]) else "HubSpot counts it"
        yield f"One of them: {NETWORKS[event['network']]}, {event['campaign']}, {event['date']}; {counted}."
        if event["facts"]:
            yield ""
        yield from (f"- {fact}" for fact in event["facts"])


def collect() -> dict[str, Any]:
    """The examples, from `adledger explain`: the default report's, else another's."""
    default = _explain()
    found: dict[str, Any] = {}
    for report in [default["report"], *(name for name in _reports() if name != default["report"])]:
        answer = default if report == default["report"] else _explain("--report", report)
        for code in codes().keys() - found.keys():
            rows = [row for bridge in answer["bridges"] if (row := _row(bridge, code))]
            if not rows:
                continue
            claims = _explain("--report", report, "--step", code)["claims"]
            found[code] = {
                "report": report,
                "is_default_report": report == default["report"],
                "start": min(bridge["start"] for bridge in answer["bridges"]),
                "end": max(bridge["end"] for bridge in answer["bridges"]),
                "networks": sorted(rows, key=lambda row: _NETWORKS.index(row["network"])),
                "event": _event(claims),
            }
    return {code: found[code] for code in codes() if code in found}


def _reports() -> list[str]:
    from reporting.explain.journey import REPORTS

    return list(REPORTS)


def _row(bridge: Mapping[str, Any], code: str) -> dict[str, str] | None:
    units = [step["units"] for step in bridge["steps"] if step["step"] == code]
    if not units:
        return None
    return {
        "network": bridge["network"],
        "network_conversions": bridge["network_conversions"],
        # a step has one evidence class
        "units": units[0],
        "hubspot_contacts": bridge["hubspot_contacts"],
    }


def _event(claims: list[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The latest event that the step moves; ids are left out, the facts only number people and visits."""
    for claim in claims:
        if claim["network_units"] != claim["hubspot_units"]:
            return {
                "network": claim["network"],
                "campaign": claim["campaign_name"] or "a campaign of that time",
                "date": claim["date"],
                "network_units": claim["network_units"],
                "hubspot_units": claim["hubspot_units"],
                "facts": claim["facts"],
            }
    return None


def _explain(*arguments: str) -> dict[str, Any]:
    answer = subprocess.run(
        [_EXPLAIN, "explain", *arguments, "--json"], stdout=subprocess.PIPE, text=True, check=True
    )
    content: dict[str, Any] = json.loads(answer.stdout)
    return content


if __name__ == "__main__":
    EXAMPLES.write_text(json.dumps(collect(), ensure_ascii=False, indent=1) + "\n")
