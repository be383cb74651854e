"""dbt's own unit tests of the rules, run on a home without data."""

from __future__ import annotations

import json
from pathlib import Path

from tests.warehouse import Warehouse


def test_every_dbt_unit_test_passes(tmp_path: Path) -> None:
    warehouse = Warehouse.empty(tmp_path)
    warehouse.dbt("build", "--empty", "--exclude", "resource_type:unit_test", "resource_type:test")
    warehouse.dbt("test", "--select", "test_type:unit", check=False)
    results = json.loads((tmp_path / "dbt/target/run_results.json").read_text())["results"]
    statuses = {result["unique_id"].rsplit(".", 1)[1]: result["status"] for result in results}
    assert len(statuses) >= 9
    assert {name: status for name, status in statuses.items() if status != "pass"} == {}
