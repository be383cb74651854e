"""Prepares the bundle of dashboard, charts and datasets for import into Superset."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import yaml

BUNDLE = Path(__file__).with_name("bundle")
_REPORT_FILTER = "NATIVE_FILTER-report"
_DEFAULTS = """
SELECT any_value(report), any_value(company_currency) FROM ({dataset}) AS facts
WHERE attribution_report = (SELECT any_value(attribution_report) FROM marts.fct_ad_performance_daily)
"""


def assets(serving: Path) -> dict[str, str]:
    """Files of the bundle by name, with path, default report and home currency of the published file."""
    files = {
        str(path.relative_to(BUNDLE)): yaml.safe_load(path.read_text())
        for path in sorted(BUNDLE.rglob("*.yaml"))
    }
    dataset = files["datasets/adledger/campaign_days.yaml"]["sql"]
    with duckdb.connect(str(serving), read_only=True) as connection:
        found = connection.execute(_DEFAULTS.format(dataset=dataset)).fetchone()
    report, currency = found or (None, None)
    files["databases/adledger.yaml"]["sqlalchemy_uri"] = f"duckdb:///{serving}"
    for name, content in files.items():
        if name.startswith("dashboards/") and report is not None:
            _set_default_report(content["metadata"]["native_filter_configuration"], report)
        for metric in content.get("metrics", ()):
            if "currency" in metric and currency is not None:
                metric["currency"]["symbol"] = currency
    return {name: yaml.safe_dump(content) for name, content in files.items()}


def _set_default_report(filters: list[dict[str, Any]], report: str) -> None:
    """Sets the default value of the report filter."""
    (mask,) = (each["defaultDataMask"] for each in filters if each["id"] == _REPORT_FILTER)
    mask["extraFormData"]["filters"][0]["val"] = [report]
    mask["filterState"].update(value=[report], label=report)
