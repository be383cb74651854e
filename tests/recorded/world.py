"""A home of its own and the settings of one recorded source, for a test."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion import pipelines
from tests.recorded.server import Recorded

AS_OF = datetime(2026, 11, 3, 6, tzinfo=UTC)
WINDOW = pipelines.Window(date(2026, 11, 1), date(2026, 11, 2))

_SETTINGS: dict[str, dict[str, str]] = {
    "hubspot": {"ACCESS_TOKEN": "pat-eu1-secret"},
    "google_ads": {
        "CLIENT_ID": "client",
        "CLIENT_SECRET": "GOCSPX-secret",
        "REFRESH_TOKEN": "1//refresh-secret",
        "LOGIN_CUSTOMER_ID": "999-999-9999",
    },
    "facebook_ads": {"ACCESS_TOKEN": "EAAB-secret", "ACCOUNT_IDS": "act_1700252"},
    "linkedin_ads": {"ACCESS_TOKEN": "AQX-secret", "ACCOUNT_IDS": '["500000001"]'},
}
SECRETS = ("pat-eu1-secret", "GOCSPX-secret", "1//refresh-secret", "EAAB-secret", "AQX-secret", "ya29.first")


def configure(monkeypatch: pytest.MonkeyPatch, home: Path, source: str, server: Recorded | None) -> None:
    """Points ADLEDGER_HOME and one source at the test."""
    monkeypatch.setenv("ADLEDGER_HOME", str(home))
    for key, value in _SETTINGS[source].items():
        monkeypatch.setenv(f"SOURCES__{source}__{key}".upper(), value)
    if server is not None:
        monkeypatch.setenv(f"SOURCES__{source}__BASE_URL".upper(), server.url)
        monkeypatch.setenv(f"SOURCES__{source}__TOKEN_URL".upper(), f"{server.url}/token")


def rows(
    home: Path, source: str, table: str, columns: str = "*", where: str = "true"
) -> list[tuple[Any, ...]]:
    """Landed rows in a stable order, instants in UTC."""
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"ATTACH '{home / 'raw' / f'{source}.duckdb'}' AS store (READ_ONLY)")
        query = f"SELECT {columns} FROM store.raw.{table} WHERE {where} ORDER BY ALL"
        return connection.execute(query).fetchall()


def types(home: Path, source: str, table: str) -> dict[str, str]:
    """Column types of a landed table."""
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"ATTACH '{home / 'raw' / f'{source}.duckdb'}' AS store (READ_ONLY)")
        return {row[0]: row[1] for row in connection.execute(f"DESCRIBE store.raw.{table}").fetchall()}
