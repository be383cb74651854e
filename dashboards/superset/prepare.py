"""Makes Superset ready, in its own environment: its tables, its administrator, the dashboard.

Run again, it brings what is there up to date.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import duckdb
import superset
import yaml
from flask_migrate import upgrade
from superset.app import create_app

ADMIN, PASSWORD = "admin", "SUPERSET_ADMIN_PASSWORD"
_BUNDLE = Path(__file__).with_name("bundle")
_REPORT_FILTER = "NATIVE_FILTER-report"
_SHOWN_FIRST = """
SELECT any_value(report), any_value(home_currency) FROM ({dataset}) AS facts
WHERE attribution_report = (SELECT any_value(attribution_report) FROM marts.fct_ad_performance_daily)
"""


def prepare(serving: Path, password: str | None) -> None:
    """Makes the database that Superset is set to ready. The administrator gets the password; None: keeps its own."""
    with create_app().app_context():
        # they ask for an application
        from superset.commands.importers.v1.assets import ImportAssetsCommand
        from superset.extensions import appbuilder, security_manager
        from superset.utils.core import override_user

        upgrade(directory=str(Path(superset.__file__).with_name("migrations")))
        appbuilder.add_permissions(update_perms=True)
        security_manager.sync_role_definitions()
        admin = security_manager.find_user(ADMIN)
        if admin is None:
            role = security_manager.find_role("Admin")
            admin = security_manager.add_user(ADMIN, "adledger", ADMIN, "admin@localhost", role, password)
        elif password is not None:
            security_manager.reset_password(admin.id, password)
        with override_user(admin):
            ImportAssetsCommand(bundle(serving)).run()


def bundle(serving: Path) -> dict[str, str]:
    """The bundle's files by their names, for this published file: its path, default report and home currency."""
    files = {
        str(path.relative_to(_BUNDLE)): yaml.safe_load(path.read_text())
        for path in sorted(_BUNDLE.rglob("*.yaml"))
    }
    dataset = files["datasets/adledger/campaign_days.yaml"]["sql"]
    with duckdb.connect(str(serving), read_only=True) as connection:
        found = connection.execute(_SHOWN_FIRST.format(dataset=dataset)).fetchone()
    report, currency = found or (None, None)
    files["databases/adledger.yaml"]["sqlalchemy_uri"] = f"duckdb:///{serving}"
    for name, content in files.items():
        if name.startswith("dashboards/") and report is not None:
            _choose(content["metadata"]["native_filter_configuration"], report)
        for metric in content.get("metrics", ()):
            if "currency" in metric and currency is not None:
                metric["currency"]["symbol"] = currency
    return {name: yaml.safe_dump(content) for name, content in files.items()}


def _choose(filters: list[dict[str, Any]], report: str) -> None:
    """Makes the report the one that is shown first."""
    (mask,) = (each["defaultDataMask"] for each in filters if each["id"] == _REPORT_FILTER)
    mask["extraFormData"]["filters"][0]["val"] = [report]
    mask["filterState"].update(value=[report], label=report)


if __name__ == "__main__":
    prepare(Path(sys.argv[1]), os.environ.get(PASSWORD))
