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
_DEFAULT_REPORT = """
SELECT any_value(report) FROM ({dataset}) AS facts
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
    """The files of the bundle by their names, on this published file and with its default report."""
    files = {str(path.relative_to(_BUNDLE)): path.read_text() for path in sorted(_BUNDLE.rglob("*.yaml"))}
    database = yaml.safe_load(files["databases/adledger.yaml"])
    database["sqlalchemy_uri"] = f"duckdb:///{serving}"
    dashboard = yaml.safe_load(files["dashboards/why_the_numbers_differ.yaml"])
    dataset = yaml.safe_load(files["datasets/adledger/campaign_days.yaml"])["sql"]
    with duckdb.connect(str(serving), read_only=True) as connection:
        found = connection.execute(_DEFAULT_REPORT.format(dataset=dataset)).fetchone()
    if found is not None and found[0] is not None:
        _choose(dashboard, found[0])
    files["databases/adledger.yaml"] = yaml.safe_dump(database)
    files["dashboards/why_the_numbers_differ.yaml"] = yaml.safe_dump(dashboard)
    return files


def _choose(dashboard: dict[str, Any], report: str) -> None:
    """Makes the report the one that is shown first."""
    filters = dashboard["metadata"]["native_filter_configuration"]
    (mask,) = (each["defaultDataMask"] for each in filters if each["id"] == _REPORT_FILTER)
    mask["extraFormData"]["filters"][0]["val"] = [report]
    mask["filterState"].update(value=[report], label=report)


if __name__ == "__main__":
    prepare(Path(sys.argv[1]), os.environ.get(PASSWORD))
