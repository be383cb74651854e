"""Currencies of ad accounts (from their files) and of the HubSpot portal."""

from __future__ import annotations

from ingestion.errors import SettingError
from ingestion.exports import settings
from ingestion.exports.folder import Folder
from ingestion.exports.rows import Row


def account_currency(row: Row) -> str:
    """Return the currency of a row: its column, the header, else the setting. Raises SettingError."""
    found = row["currency"] or row.export.header.currency or settings.currency()
    if not found:
        raise SettingError(
            f"{row.export.name} contains no currency: add the column to the report, or set"
            f" {settings.SECTION.name('currency')} ({settings.SECTION.environment('currency')}), like EUR"
        )
    return str(found)


def company_currency(folder: Folder) -> str:
    """Return the portal's currency: the setting, else the ad accounts' only one. Raises SettingError."""
    if configured := settings.currency():
        return configured
    found: set[str] = set()
    for export in folder.exports:
        if export.has_figures:
            found |= export.currencies
    if len(found) == 1:
        return found.pop()
    raise SettingError(
        f"{settings.SECTION.name('currency')} is not set, and the files contain"
        f" {', '.join(sorted(found)) or 'none'}: set it ({settings.SECTION.environment('currency')})"
        " to the HubSpot account's own currency, like EUR"
    )
