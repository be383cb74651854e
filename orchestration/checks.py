"""The last gate before readers: every published table against its contract, where the data lies."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import ibis

from orchestration.contracts import CHECK_NAME, Contract, build_contract, check_result
from orchestration.locking import writing
from orchestration.project import manifest, published_models, warehouse_path

contracts = [build_contract(node, manifest()) for node in published_models(manifest())]


def _description(contract: Contract) -> str:
    promised = "".join(f"\n- {name}" for name in contract.promises)
    return f"Columns, types, keys, accepted values and rows as dbt's YAML declares them.{promised}"


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec(
            CHECK_NAME,
            asset=dg.AssetKey([contract.schema, contract.table]),
            blocking=True,
            description=_description(contract),
        )
        for contract in contracts
    ],
    name="published_contracts",
    pool="warehouse",
)
def published_contracts() -> Iterator[dg.AssetCheckResult]:
    """Validates every published table on the warehouse file, opened read-only."""
    with writing("warehouse"):
        warehouse = ibis.duckdb.connect(warehouse_path(), read_only=True)
        try:
            for contract in contracts:
                yield check_result(contract, warehouse.table(contract.table, database=contract.schema))
        finally:
            warehouse.disconnect()
