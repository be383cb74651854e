"""Settings for downloaded files: the folder, and values that the files do not contain."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from ingestion.config import Section
from ingestion.errors import SettingError
from ingestion.exports.layouts import VENDORS

SECTION = Section("exports")
_CURRENCY = re.compile(r"[A-Z]{3}")

#: The main file of each vendor, required to load the vendor from files; the other files are optional.
MAIN = {**dict.fromkeys(VENDORS, "campaigns"), "hubspot": "contacts"}


def folder() -> Path | None:
    """Return the folder of files; None if unset. Raises SettingError if it is not a folder."""
    value = SECTION.get("folder")
    if value is None:
        return None
    path = Path(value).expanduser()
    if not path.is_dir():
        raise SettingError(
            f"{SECTION.name('folder')} is {path}, which is not a folder: set it to the folder with the files"
        )
    return path.resolve()


def portal_zone() -> ZoneInfo:
    """Return the time zone of HubSpot's exports: `time_zone`, else UTC. Raises SettingError if unknown."""
    return _zone("time_zone", SECTION.get("time_zone") or "UTC")


def is_zone_set() -> bool:
    """Return whether the portal's time zone is set; otherwise UTC is assumed."""
    return SECTION.get("time_zone") is not None


def portal_id() -> str | None:
    """Return the portal id, which no file contains; None if unset. Raises SettingError."""
    value = SECTION.get("portal_id")
    if value is not None and not value.isdecimal():
        raise SettingError(
            f'{SECTION.name("portal_id")} is "{value}": set it to the digits of the HubSpot account id'
        )
    return value


def account_zone(account: str) -> str:
    """Return the time zone of an ad account: its entry in `time_zones`, else the portal's.

    Raises SettingError.
    """
    return _zones().get(account) or portal_zone().key


def currency() -> str | None:
    """Return the portal's home currency, an ISO 4217 code; None if unset. Raises SettingError."""
    value = SECTION.get("currency")
    if value is not None and not _CURRENCY.fullmatch(value):
        raise SettingError(f'{SECTION.name("currency")} is "{value}": set it to an ISO 4217 code like EUR')
    return value


def currencies() -> Mapping[str, str]:
    """Return the currency of ad accounts, by id, whose files contain none. Raises SettingError."""
    found = {}
    for account, code in SECTION.table("currencies", '{"1234567890": "USD"}').items():
        if not _CURRENCY.fullmatch(str(code)):
            raise SettingError(
                f'{SECTION.name("currencies")} contains {account} = "{code}": set it to a code like EUR'
            )
        found[_bare_id(str(account))] = str(code)
    return found


def accounts() -> Mapping[str, str]:
    """Return the ids of ad accounts by name, for files that contain names only. Raises SettingError."""
    found = {}
    for name, account in SECTION.table("accounts", '{"Example Ltd": "508912347"}').items():
        found[str(name)] = _bare_id(str(account))
        if not found[str(name)].isdecimal():
            raise SettingError(
                f'{SECTION.name("accounts")} contains "{name}" = "{account}": set it to the digits'
            )
    return found


def day_order() -> Literal["day", "month"] | None:
    """Return the part that comes first in days like 04/08/2026; None if unset. Raises SettingError."""
    value = SECTION.get("day_order")
    if value is None:
        return None
    if value == "day" or value == "month":
        return "day" if value == "day" else "month"
    raise SettingError(f'{SECTION.name("day_order")} is "{value}": set it to "day" or "month"')


def decimal_sign() -> Literal[".", ","] | None:
    """Return the decimal sign of files that do not prove theirs; None if unset. Raises SettingError."""
    value = SECTION.get("decimal_sign")
    if value is None:
        return None
    if value == "." or value == ",":
        return "." if value == "." else ","
    raise SettingError(f'{SECTION.name("decimal_sign")} is "{value}": set it to "." or ","')


def columns() -> Mapping[str, str]:
    """Return the known label of each extra column label; empty if it is not read. Raises SettingError."""
    return {
        str(label): str(known)
        for label, known in SECTION.table("columns", '{"Kampagnennummer": "Campaign ID"}').items()
    }


def exchange_rates() -> Mapping[str, Decimal]:
    """Return the price of one unit of other currencies in the portal's, for all days. Raises SettingError."""
    found = {}
    for code, rate in SECTION.table("exchange_rates", '{"USD": 0.92}').items():
        try:
            found[str(code)] = Decimal(str(rate))
        except InvalidOperation:
            found[str(code)] = Decimal(0)
        if not _CURRENCY.fullmatch(str(code)) or not found[str(code)].is_finite() or found[str(code)] <= 0:
            raise SettingError(
                f"{SECTION.name('exchange_rates')} contains {code} = {rate}: set it like USD = 0.92,"
                " the price of one US dollar in the HubSpot account's currency"
            )
    return found


def _zones() -> Mapping[str, str]:
    value = SECTION.table("time_zones", '{"1234567890": "America/New_York"}')
    return {_bare_id(str(account)): _zone("time_zones", str(zone)).key for account, zone in value.items()}


def _bare_id(account: str) -> str:
    return account.removeprefix("act_").replace("-", "")


def _zone(key: str, name: str) -> ZoneInfo:
    found = _known_zone(name)
    if found is None:
        raise SettingError(
            f'{SECTION.name(key)} contains "{name}", which is not a time zone: set it like Europe/Berlin'
        )
    return found


@cache
def _known_zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None
