"""Write the page of reason codes: meaning, evidence, recommended action, and an example.

`python docs/reasons.py` regenerates the examples with `adledger explain` on the home in ADLEDGER_HOME.
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
    """Return the reason codes in the bridge's order, each with its row of the seed."""
    with SEED.open(newline="") as rows:
        steps = sorted(csv.DictReader(rows), key=lambda row: int(row["step_order"]))
    return {row["step"]: row for row in steps if row["kind"] == "adjustment"}


def meanings() -> dict[str, tuple[str, str]]:
    """Return the side and the meaning of each code, from docs/contract.md."""
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


def texts() -> dict[str, dict[str, str]]:
    """Return the texts of reasons.yml per code: `do`, and `none` if the demonstration has no example."""
    content: dict[str, dict[str, str]] = yaml.safe_load((HERE / "reasons.yml").read_text())
    return content


def examples() -> dict[str, Any]:
    """Return one example per code that occurs in the demonstration."""
    content: dict[str, Any] = json.loads(EXAMPLES.read_text())
    return content


def write(page: Path) -> None:
    """Write the page of reason codes."""
    from reporting.explain.bridge import EVIDENCE

    meaning_of, text_of, found = meanings(), texts(), examples()
    lines = [
        "# Reason codes",
        "",
        "Reasons for the difference between a network's conversions and HubSpot's contacts, in the bridge's",
        "order; the first reason that applies is used ([contract](contract.md#reason-codes)). To list the",
        "events of a step: `adledger explain --step CODE`. The examples come from the demonstration",
        "(`make demo`); contacts and sessions are only numbered.",
    ]
    for code, step in codes().items():
        side, meaning = meaning_of[code]
        lines += ["", f"## {code}", "", f"**{step['label']}**: {meaning}.", ""]
        lines += [f"- Side: {side}."]
        lines += [f"- Evidence: {EVIDENCE[step['evidence_class']]}."]
        lines += [f"- What to do: {text_of[code]['do']}"]
        example = found.get(code)
        lines += ["", *(_example_lines(example) if example else [f"No example: {text_of[code]['none']}"])]
    page.write_text("\n".join(lines) + "\n")


def _example_lines(example: Mapping[str, Any]) -> Iterator[str]:
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
    """Return the examples from `adledger explain`: of the default report, else of another report."""
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
    """Return the latest event of the step, without ids; its facts only number contacts and sessions."""
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
