"""dbt's own unit tests of the rules, run without data; settings are checked before anything runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.warehouse import Warehouse

pytestmark = pytest.mark.builds


def test_nothing_read_can_be_published_and_every_dbt_unit_test_passes(tmp_path: Path) -> None:
    warehouse = Warehouse.empty(tmp_path)
    warehouse.dbt("build", "--exclude", "resource_type:unit_test", "resource_type:test")
    assert warehouse.breaches() == []
    warehouse.dbt("test", "--select", "test_type:unit", check=False)
    results = json.loads((tmp_path / "dbt/target/run_results.json").read_text())["results"]
    statuses = {result["unique_id"].rsplit(".", 1)[1]: result["status"] for result in results}
    assert len(statuses) >= 9
    assert {name: status for name, status in statuses.items() if status != "pass"} == {}


WRONG_SETTINGS = [
    ("last_click_takes_all", "sometimes", "true or false"),
    *(
        pytest.param(*wrong, marks=pytest.mark.long)
        for wrong in (
            ("session_gap_minutes", "half an hour", "a whole number of at least 1"),
            ("hsa_block_taken", "middle", "first or last"),
            ("default_attribution_report", "last_click", "one of first_form_submission"),
        )
    ),
]


@pytest.mark.parametrize(("setting", "value", "rule"), WRONG_SETTINGS)
def test_a_wrong_setting_stops_the_compilation(tmp_path: Path, setting: str, value: Any, rule: str) -> None:
    result = Warehouse(tmp_path).dbt(
        "parse", "--target", "render", "--no-partial-parse", check=False, **{setting: value}
    )
    assert result.returncode != 0
    assert f"adledger: vars.{setting} is " in result.stdout
    assert rule in result.stdout
    assert "dbt_project/dbt_project.yml" in result.stdout
