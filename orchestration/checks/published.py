"""Validates every published table against its contract before publication."""

# No postponed annotations: Dagster reads them when a step is defined.
from collections.abc import Iterator

import dagster as dg
import ibis

from orchestration.checks.contracts import Contract, build_contract, check_result
from orchestration.execution.locking import writing
from orchestration.execution.runs import HomeLock
from orchestration.project import manifest, published_models, warehouse_path

contracts = [build_contract(node, manifest()) for node in published_models(manifest())]


def _description(contract: Contract) -> str:
    names = "".join(f"\n- {name}" for name in contract.constraints)
    return f"Columns, types, keys, accepted values and constraints declared in the dbt YAML.{names}"


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec(
            contract.check_key.name,
            asset=contract.check_key.asset_key,
            blocking=True,
            description=_description(contract),
        )
        for contract in contracts
    ],
    name="published_contracts",
    # a run from the UI may build only some tables
    can_subset=True,
)
def published_contracts(
    context: dg.AssetCheckExecutionContext, home_lock: HomeLock
) -> Iterator[dg.AssetCheckResult]:
    """Validates the published tables that the run builds, on the warehouse file opened read-only."""
    with writing("warehouse"):
        warehouse = ibis.duckdb.connect(warehouse_path(), read_only=True)
        try:
            for contract in contracts:
                if contract.check_key in context.selected_asset_check_keys:
                    table = warehouse.table(contract.table, database=contract.schema)
                    yield check_result(contract, table)
        finally:
            warehouse.disconnect()
