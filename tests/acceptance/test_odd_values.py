"""No value that visitors or vendors write stops the models."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests.odd_values import put_odd_values
from tests.refreshed import copy_of_refreshed
from tests.warehouse import Warehouse


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 9))])
def test_every_model_is_built_on_odd_values(tmp_path: Path, seed: int) -> None:
    home = copy_of_refreshed(tmp_path)
    (home / "warehouse.duckdb").unlink()
    assert put_odd_values(home / "raw", seed) > 3000
    with duckdb.connect(str(home / "raw" / "facebook_ads.duckdb")) as store:
        odd = '[{"action_type": "offsite_conversion.fb_pixel_lead", "value": "abc"}]'
        current = (
            "SELECT max(rowid) FROM raw.insights_campaign WHERE NOT is_day_marker AND superseded_at IS NULL"
        )
        store.execute(f"UPDATE raw.insights_campaign SET actions = ? WHERE rowid = ({current})", [odd])

    warehouse = Warehouse(home)
    warehouse.dbt("seed")
    warehouse.dbt("run")

    # what counts nothing or otherwise is said
    said = ("facebook_actions_are_numbers", "unknown_time_zones")
    warehouse.dbt("test", "--select", *said)
    for check in said:
        assert warehouse.rows(f"select message from checks.{check}")

    (sessions,) = warehouse.rows("select count(*) as found from marts.fct_sessions")
    assert sessions["found"] > 500
