"""A plugin of dbt-duckdb: `~` in the paths of profiles.yml means `ADLEDGER_HOME`.

Paths that hold the home itself would make a profile differ by it, and dbt parses a project anew whenever its
profile changes.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.adapters.duckdb.plugins import BasePlugin


class Plugin(BasePlugin):
    """Sets DuckDB's `home_directory` to the home, by default `.adledger/` beside the project."""

    def update_connection_config(self, creds: DuckDBCredentials, config: dict[str, Any]) -> None:
        """Adds to `config` what `duckdb.connect` gets."""
        default = Path(__file__).parent.parent / ".adledger"
        config["home_directory"] = os.environ.get("ADLEDGER_HOME") or str(default)
