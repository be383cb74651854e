"""The last gate before readers: every published table against its contract, where the data lies."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import ibis

from orchestration.contracts import Contract, build_contract, validate
from orchestration.locking import writing
from orchestration.project import manifest, published_models, warehouse_path

CHECK_NAME = "contract"

contracts = [build_contract(node, manifest()) for node in published_models(manifest())]


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec(
            CHECK_NAME,
            asset=dg.AssetKey([contract.schema, contract.table]),
            blocking=True,
            description="Columns, types, keys, accepted values and rows as dbt's YAML declares them.",
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
                yield _result(contract, warehouse.table(contract.table, database=contract.schema))
        finally:
            warehouse.disconnect()


def _result(contract: Contract, table: ibis.Table) -> dg.AssetCheckResult:
    violations = validate(contract, table)
    return dg.AssetCheckResult(
        asset_key=dg.AssetKey([contract.schema, contract.table]),
        check_name=CHECK_NAME,
        passed=not violations,
        metadata={
            "rows": table.count().to_pyarrow().as_py(),
            "violations": [vars(violation) for violation in violations],
            "summary": [violation.line(f"{contract.schema}.{contract.table}") for violation in violations],
        },
    )
