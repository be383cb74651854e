"""dbt exposures as external assets: the readers of the published file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from orchestration.assets.dbt import WarehouseTranslator
from orchestration.assets.serving import serving_duckdb
from orchestration.assets.tables import code_references
from orchestration.project import PROJECT_DIR, manifest


def _reader(exposure: Mapping[str, Any], content: Mapping[str, Any]) -> dg.AssetSpec:
    translator = WarehouseTranslator()
    tables = [translator.get_asset_key(content["nodes"][name]) for name in exposure["depends_on"]["nodes"]]
    link = {"link": dg.MetadataValue.url(exposure["url"])} if exposure["url"] else {}
    return dg.AssetSpec(
        ["readers", exposure["name"]],
        # the file, and the tables that they read
        deps=[serving_duckdb.key, *tables],
        description=f"{exposure['label']}: {exposure['description']}",
        group_name="readers",
        owners=[f"team:{exposure['owner']['name']}"],
        kinds={exposure["type"], *exposure["meta"]["kinds"]},
        metadata={
            "maturity": exposure["maturity"],
            **link,
            **code_references(f"{PROJECT_DIR.name}/{exposure['original_file_path']}"),
        },
    )


readers = [_reader(exposure, manifest()) for _, exposure in sorted(manifest()["exposures"].items())]
