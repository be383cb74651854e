"""Sets up Superset in its own environment: its tables, its administrator and the dashboard.

A second run updates the existing setup.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import superset
from flask_migrate import upgrade
from superset.app import create_app

from adledger.servers.superset.serve import ADMIN, PASSWORD
from reporting.superset.assets import assets


def prepare(serving: Path, password: str | None) -> None:
    """Sets up the database in `SUPERSET_HOME`; without a password the administrator keeps the current one."""
    with create_app().app_context():
        # these imports need an application
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
            ImportAssetsCommand(assets(serving)).run()


if __name__ == "__main__":
    prepare(Path(sys.argv[1]), os.environ.get(PASSWORD))
