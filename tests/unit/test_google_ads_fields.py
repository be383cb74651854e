"""Every queried field exists in Google's protobuf messages of each supported version."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from ingestion.landing.arrow import Table
from ingestion.sources.google_ads.tables import ASSET_GROUPS, RESOURCES, query

pytest.importorskip("google.ads.googleads", reason="google-ads is not installed")


def unknown(text: str, version: str) -> list[str]:
    """Return the fields of a query that the version's `GoogleAdsRow` does not have."""
    stem = f"google.ads.googleads.{version}.services.types.google_ads_service"
    row = importlib.import_module(stem).GoogleAdsRow
    missing = []
    for name in text.removeprefix("SELECT ").split(" FROM ")[0].split(", "):
        message: Any = row.pb(row()).DESCRIPTOR
        for part in name.split("."):
            fields = message.fields_by_name if message is not None else {}
            field = fields.get(part) or fields.get(f"{part}_")
            if field is None:
                missing.append(name)
                break
            message = field.message_type
    return missing


@pytest.mark.parametrize("version", ["v23", "v24", "v25", "v26"])
@pytest.mark.parametrize("table", RESOURCES, ids=lambda table: table.name)
def test_every_queried_field_exists(table: Table, version: str) -> None:
    assert unknown(query(table, version), version) == []


def test_an_unknown_field_is_detected() -> None:
    assert unknown(query(ASSET_GROUPS, "v26"), "v24") == [
        "asset_group.tracking_url_template",
        "asset_group.final_url_suffix",
    ]
