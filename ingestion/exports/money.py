"""Currencies of ad accounts (from their files) and of the HubSpot portal."""

from __future__ import annotations

from ingestion.errors import SettingError
from ingestion.exports import settings
from ingestion.exports.folder import Folder
from ingestion.exports.rows import Row


def account_currency(row: Row) -> str:
    """Return the currency of a row of a main file, which is known of every file that is read."""
    return str(row["currency"])


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
