"""dbt-duckdb plugin that resolves `~` in the paths of profiles.yml to `ADLEDGER_HOME`.

dbt parses a project again whenever its profile changes. With `~` the profile is the same for every home.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.adapters.duckdb.plugins import BasePlugin


class Plugin(BasePlugin):
    """Sets DuckDB's `home_directory` to `ADLEDGER_HOME`, by default `.adledger/` beside the project."""

    def update_connection_config(self, creds: DuckDBCredentials, config: dict[str, Any]) -> None:
        """Add `home_directory` to `config`, the arguments for `duckdb.connect`."""
        default = Path(__file__).parent.parent / ".adledger"
        config["home_directory"] = os.environ.get("ADLEDGER_HOME") or str(default)
