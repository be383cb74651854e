"""Write the page of reason codes: meaning, evidence, recommended action, and an example.

`python docs/reasons.py` regenerates the examples with `adledger explain` on the home in ADLEDGER_HOME;
`python docs/reasons.py contract` the tables of docs/contract.md.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
SEED = HERE.parent / "dbt_project" / "seeds" / "reason_codes.csv"
EXAMPLES = HERE / "reason_examples.json"
CONTRACT = HERE / "contract.md"
_HEADING = "## 5. Reason codes\n"
#: Last step_order of each side.
SIDES = {
    49: "the network counted it, HubSpot did not credit it",
    59: "HubSpot credited it, the network did not count it",
    99: "neither side counts it",
}
_EXPLAIN = str(Path(sys.executable).with_name("adledger"))


@cache
def codes() -> dict[str, dict[str, str]]:
    """Return the reason codes in the bridge's order, each with its row of the seed."""
    with SEED.open(newline="") as rows:
        steps = sorted(csv.DictReader(rows), key=lambda row: int(row["step_order"]))
    return {row["step"]: row for row in steps if row["kind"] == "adjustment"}


def side(code: str) -> str:
    """Return the side of a code, by its place in the bridge's order (seed reason_codes)."""
    order = int(codes()[code]["step_order"])
    return next(text for last, text in SIDES.items() if order <= last)


def contract_tables() -> str:
    """Return the tables of section 5 of the contract: per side the codes with meaning and evidence class."""
    found: dict[str, list[str]] = {text: [] for text in SIDES.values()}
    for code, step in codes().items():
        text = texts()[code]
        evidence = ", ".join([step["evidence_class"], *([text["also"]] if "also" in text else [])])
        found[side(code)].append(f"| `{code}` | {text['meaning']} | {evidence} |")
    return "\n\n".join(
        "\n".join([f"| reason_code | {text}, because … | class |", "| --- | --- | --- |", *rows])
        for text, rows in found.items()
    )


def write_contract() -> None:
    """Replace the tables of section 5 of the contract."""
    before, rest = CONTRACT.read_text().split(_HEADING)
    section, following = rest.split("\n## ", 1)
    first, last = section.index("| reason_code |"), section.rindex("|\n") + 1
    CONTRACT.write_text(
        f"{before}{_HEADING}{section[:first]}{contract_tables()}{section[last:]}\n## {following}"
    )


@cache
def texts() -> dict[str, dict[str, str]]:
    """Return the texts of reasons.yml per code: `meaning`, `do`, `also` (another evidence class) and `none`.

    `none` says why the demonstration has no example.
    """
    content: dict[str, dict[str, str]] = yaml.safe_load((HERE / "reasons.yml").read_text())
    return content


def examples() -> dict[str, Any]:
    """Return one example per code that occurs in the demonstration."""
    content: dict[str, Any] = json.loads(EXAMPLES.read_text())
    return content


def write(page: Path) -> None:
    """Write the page of reason codes."""
    from reporting.explain.bridge import EVIDENCE

    text_of, found = texts(), examples()
    lines = [
        "# Reason codes",
        "",
        "Reasons for the difference between a network's conversions and HubSpot's contacts, in the bridge's",
        "order; the first reason that applies is used ([contract](contract.md#reason-codes)). To list the",
        "events of a step: `adledger explain --step CODE`. The examples come from the demonstration",
        "(`make demo`); contacts and sessions are only numbered.",
    ]
    for code, step in codes().items():
        lines += ["", f"## {code}", "", f"**{step['label']}**: {text_of[code]['meaning']}.", ""]
        lines += [f"- Side: {side(code)}."]
        lines += [f"- Evidence: {EVIDENCE[step['evidence_class']]}."]
        lines += [f"- What to do: {text_of[code]['do']}"]
        example = found.get(code)
        lines += ["", *(_example_lines(example) if example else [f"No example: {text_of[code]['none']}"])]
    page.write_text("\n".join(lines) + "\n")


def _example_lines(example: Mapping[str, Any]) -> Iterator[str]:
    from reporting.explain.figures import short_number
    from reporting.networks import NETWORKS

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
    from reporting.networks import NETWORKS

    default, order = _explain(), list(NETWORKS)
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
                "networks": sorted(rows, key=lambda row: order.index(row["network"])),
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
    if sys.argv[1:] == ["contract"]:
        write_contract()
    else:
        EXAMPLES.write_text(json.dumps(collect(), ensure_ascii=False, indent=1) + "\n")
