"""dbt-duckdb plugin: resolves `~` in the paths of profiles.yml to `ADLEDGER_HOME`, and sets the home's key.

dbt parses a project again whenever its profile changes. With `~` the profile is the same for every home.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.adapters.duckdb.plugins import BasePlugin

from ingestion.landing.personal import email_key
from orchestration.execution import parent

_BLOCK_BYTES = 64


class Plugin(BasePlugin):
    """Sets DuckDB's `home_directory` to `ADLEDGER_HOME`, by default `.adledger/` beside the project."""

    def update_connection_config(self, creds: DuckDBCredentials, config: dict[str, Any]) -> None:
        """Add the home and its folder for spilled data to `config`, the arguments for `duckdb.connect`."""
        if creds.database == "warehouse":
            # files of the home are private, also if dbt is run by hand
            os.umask(0o077)
            # a build must not outlive a killed run
            parent.watch()
        config["home_directory"] = str(_home())
        # by default `.tmp` in the working directory, where a killed build would leave rows
        config["temp_directory"] = str(_home() / "dbt" / "spilled")

    def configure_cursor(self, cursor: Any) -> None:
        """Set the variables of the macro `email_hash`: the key with both paddings of RFC 2104, section 2.

        Variables, because text in a model would land in the warehouse, in dbt's artifacts and in logs.
        """
        if self.creds is None or self.creds.database != "warehouse":
            # the target `serving` reads published tables only
            return
        padded = email_key(_home()).ljust(_BLOCK_BYTES, b"\0")
        for name, pad in (("email_key_inner", 0x36), ("email_key_outer", 0x5C)):
            # no parameter: for its type, DuckDB would import pandas, which takes 70 MB
            cursor.execute(f"SET VARIABLE {name} = unhex('{bytes(byte ^ pad for byte in padded).hex()}')")


def _home() -> Path:
    default = Path(__file__).parent.parent / ".adledger"
    return Path(os.environ.get("ADLEDGER_HOME") or default)
