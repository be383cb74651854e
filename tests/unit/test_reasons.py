"""The page of the reason codes has each published code, with an example or why there is none."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from docs import reasons
from orchestration.checks.contracts import build_contract
from orchestration.project import manifest, published_models

EXAMPLES = reasons.examples()
AGAIN = "the codes have changed: make reasons"


def test_every_published_code_is_told_once() -> None:
    bridge = next(model for model in published_models(manifest()) if model["name"] == "conversion_bridge")
    rules = build_contract(bridge, manifest()).values
    steps = next(rule.accepted for rule in rules if rule.column == "step" and rule.accepted)
    codes = set(steps) - {"network_conversions", "hubspot_contacts"}
    assert codes == reasons.codes().keys() == reasons.texts().keys()


def test_the_contract_has_the_tables_of_the_codes() -> None:
    assert f"\n\n{reasons.contract_tables()}\n\n" in reasons.CONTRACT.read_text(), "make contract-reasons"


def test_every_code_has_an_example_or_says_why_it_has_none() -> None:
    without = {code for code, written in reasons.texts().items() if "none" in written}
    assert EXAMPLES.keys() | without == reasons.codes().keys(), AGAIN
    assert not EXAMPLES.keys() & without, "the demonstration has it: docs/reasons.yml says why it has none"


@pytest.mark.parametrize("code", EXAMPLES)
def test_an_example_is_of_its_code(code: str) -> None:
    example: dict[str, Any] = EXAMPLES[code]
    assert all(Decimal(row["units"]) for row in example["networks"])
    step, side = reasons.codes()[code], reasons.side(code)
    assert example["event"] or step["evidence_class"] != "row", AGAIN
    if event := example["event"]:
        of_network = Decimal(event["network_units"]) > Decimal(event["hubspot_units"])
        assert of_network == side.startswith("the network counted it"), AGAIN


def test_examples_name_nobody() -> None:
    text = reasons.EXAMPLES.read_text()
    assert "@" not in text
    # ids of people, visits, clicks and accounts
    assert not re.search(r"\d{6,}(?!\d*\")", re.sub(r"\d+\.\d{6}", "", text))
    assert not re.search(r"[?&]\w+=", text)


def test_the_page_tells_label_side_evidence_and_what_to_do(tmp_path: Path) -> None:
    reasons.write(tmp_path / "reasons.md")
    page = (tmp_path / "reasons.md").read_text()
    sections = {part.partition("\n")[0]: part for part in page.split("\n## ")[1:]}
    assert list(sections) == list(reasons.codes())
    for code, section in sections.items():
        assert reasons.codes()[code]["label"] in section
        for line in ("\n- Side: ", "\n- Evidence: ", "\n- What to do: "):
            assert section.count(line) == 1
        assert ("In the demonstration" in section) != ("\nNo example: " in section)
