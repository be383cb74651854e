"""Settings of files as a source: where they lie, and what no file tells."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from ingestion.config import Section
from ingestion.errors import SettingError

SECTION = Section("exports")
_CURRENCY = re.compile(r"[A-Z]{3}")

#: The file without which a vendor is not read from files; the others only tell more.
MAIN = {
    "hubspot": "contacts",
    "google_ads": "campaigns",
    "facebook_ads": "campaigns",
    "linkedin_ads": "campaigns",
}


def folder() -> Path | None:
    """The folder of files; None where none is set. Raises SettingError for what is no folder."""
    value = SECTION.get("folder")
    if value is None:
        return None
    path = Path(value).expanduser()
    if not path.is_dir():
        raise SettingError(
            f"{SECTION.name('folder')} is {path}, which is no folder: set it to the one with the files"
        )
    return path.resolve()


def portal_zone() -> ZoneInfo:
    """The zone of HubSpot's exports: `time_zone`, else UTC. Raises SettingError for an unknown name."""
    return _zone("time_zone", SECTION.get("time_zone") or "UTC")


def is_zone_set() -> bool:
    """Whether the portal's zone is told or only assumed."""
    return SECTION.get("time_zone") is not None


def portal_id() -> str | None:
    """The portal's own id, which no file tells; None where it is not set. Raises SettingError."""
    value = SECTION.get("portal_id")
    if value is not None and not value.isdecimal():
        raise SettingError(
            f'{SECTION.name("portal_id")} is "{value}": set it to the digits of the HubSpot account id'
        )
    return value


def account_zone(account: str) -> str:
    """The zone of an ad account's days: its entry in `time_zones`, else the portal's. Raises SettingError."""
    return _zones().get(account) or portal_zone().key


def currency() -> str | None:
    """The portal's home currency, an ISO 4217 code; None where it is not set. Raises SettingError."""
    value = SECTION.get("currency")
    if value is not None and not _CURRENCY.fullmatch(value):
        raise SettingError(f'{SECTION.name("currency")} is "{value}": set it to an ISO 4217 code like EUR')
    return value


def columns() -> Mapping[str, str]:
    """Labels that are not known, and the known one that each means. Raises SettingError."""
    return {
        str(label): str(known)
        for label, known in SECTION.table("columns", '{"Kampagnennummer": "Campaign ID"}').items()
    }


def exchange_rates() -> Mapping[str, Decimal]:
    """Units of the portal's currency for one of another, for all days. Raises SettingError."""
    found = {}
    for code, rate in SECTION.table("exchange_rates", '{"USD": 0.92}').items():
        try:
            found[str(code)] = Decimal(str(rate))
        except InvalidOperation:
            found[str(code)] = Decimal(0)
        if not _CURRENCY.fullmatch(str(code)) or not found[str(code)].is_finite() or found[str(code)] <= 0:
            raise SettingError(
                f"{SECTION.name('exchange_rates')} holds {code} = {rate}: set it like USD = 0.92, the units"
                " of the HubSpot account's currency for one US dollar"
            )
    return found


def _zones() -> Mapping[str, str]:
    value = SECTION.table("time_zones", '{"1234567890": "America/New_York"}')
    return {
        str(account).removeprefix("act_").replace("-", ""): _zone("time_zones", str(zone)).key
        for account, zone in value.items()
    }


def _zone(key: str, name: str) -> ZoneInfo:
    found = _known_zone(name)
    if found is None:
        raise SettingError(
            f'{SECTION.name(key)} holds "{name}", which is no time zone: set it like Europe/Berlin'
        )
    return found


@cache
def _known_zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None
