"""Google Ads' reports: campaigns by day ("Excel .csv"), conversions by action and day (".csv").

Cost cannot stand beside a conversion action:
https://developers.google.com/google-ads/api/docs/reporting/segmentation. A report has no row for what has no
figures, conversion actions by name only, two decimals, a total per network and account.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from sandbox.apis.google_ads import GoogleAdsApi
from sandbox.apis.state import Sandbox
from sandbox.exports.files import EXCEL, Cell, Style, summed, write
from sandbox.world.company import Account

_CAMPAIGNS = {
    "en": "Day|Customer ID|Account name|Currency code|Campaign status|Campaign|Campaign ID|Campaign type|"
    "Impr.|Clicks|Cost|Conversions|Conv. value|All conv.|View-through conv.",
    "de": "Tag|Kundennummer|Kontoname|Währungscode|Kampagnenstatus|Kampagne|Kampagnen-ID|Kampagnentyp|"
    "Impressionen|Klicks|Kosten|Conversions|Conv.-Wert|Alle Conv.|View-through-Conv.",
}
_ACTIONS = (
    "Day|Customer ID|Campaign|Campaign ID|Conversion action|Conversion category|Conversion source|"
    "Ad event type|Conversions|Conv. value|All conv.|All conv. value|Conversions (by conv. time)|"
    "Conv. value (by conv. time)|All conv. (by conv. time)|All conv. value (by conv. time)"
)
_TITLES = {"en": "Campaign report", "de": "Kampagnenbericht"}
_TOTALS = {"en": ("Total: Campaigns", "Total: Account"), "de": ("Gesamt: Kampagnen", "Gesamt: Konto")}
_COUNTED = ("conversions", "conversions_value", "all_conversions", "all_conversions_value")
_METRICS = (*_COUNTED, *(f"{name}_by_conversion_date" for name in _COUNTED))
#: As the interface calls the enums of https://developers.google.com/google-ads/api/reference/rpc/v26.
_STATUSES = {
    "en": {"ENABLED": "Enabled", "PAUSED": "Paused", "REMOVED": "Removed"},
    "de": {"ENABLED": "Aktiviert", "PAUSED": "Pausiert", "REMOVED": "Entfernt"},
}
_TYPES = {
    "en": {
        "SEARCH": "Search",
        "DISPLAY": "Display",
        "VIDEO": "Video",
        "PERFORMANCE_MAX": "Performance Max",
        "DEMAND_GEN": "Demand Gen",
        "SMART": "Smart",
    },
}
_TYPES["de"] = _TYPES["en"] | {"SEARCH": "Suchnetzwerk", "DISPLAY": "Displaynetzwerk"}
_CATEGORIES = {"SIGNUP": "Sign-up"}
_SOURCES = {
    "WEBPAGE": "Website",
    "UPLOAD": "Import from clicks",
    "GOOGLE_HOSTED": "Lead form hosted by Google",
}
_EVENTS = {"INTERACTION": "Click", "ENGAGED_VIEW": "Engaged view", "IMPRESSION": "View"}


def export(sandbox: Sandbox, folder: Path, first: date, last: date, language: str) -> None:
    """Writes both reports: the accounts of the manager in one file each."""
    api = GoogleAdsApi(sandbox)
    style = replace(EXCEL, language=language, nothing=" --", grouped=True)
    campaigns = [row for account in api.owns for row in _campaign_rows(api, account, first, last, language)]
    header = _CAMPAIGNS[language].split("|")
    totals = [
        [name, *[None] * 7, *(summed(campaigns, place) for place in range(8, len(header)))]
        for name in _TOTALS[language]
    ]
    title = _TITLES[language]
    write(
        folder / f"{title}.csv",
        header,
        campaigns,
        style,
        before=[[title], [f"{style.words(first)} - {style.words(last)}"]],
        after=totals,
    )
    english = Style(encoding="utf-8-sig", nothing=" --", grouped=True)
    write(
        folder / "Conversion action report.csv",
        _ACTIONS.split("|"),
        [row for account in api.owns for row in _action_rows(api, account, first, last)],
        english,
        before=[["Conversion action report"], [f"{english.words(first)} - {english.words(last)}"]],
    )


def _dashed(account: Account) -> str:
    return f"{account.id[:3]}-{account.id[3:6]}-{account.id[6:]}"


def _two(value: Any) -> Decimal:
    return Decimal(str(value or 0)).quantize(Decimal("0.01"))


def _between(first: date, last: date) -> str:
    return f"segments.date BETWEEN '{first}' AND '{last}'"


def _campaign_rows(
    api: GoogleAdsApi, account: Account, first: date, last: date, language: str
) -> list[Sequence[Cell]]:
    found = api.rows(
        account,
        "SELECT segments.date, campaign.id, campaign.name, campaign.status,"
        " campaign.advertising_channel_type, metrics.impressions, metrics.clicks, metrics.cost_micros,"
        " metrics.conversions, metrics.conversions_value, metrics.all_conversions,"
        " metrics.view_through_conversions"
        f" FROM campaign WHERE {_between(first, last)} ORDER BY segments.date, campaign.id",
    )
    return [
        [
            str(row["segments.date"]),
            _dashed(account),
            account.name,
            account.currency,
            _STATUSES[language][row["campaign.status"]],
            row["campaign.name"],
            str(row["campaign.id"]),
            _TYPES[language][row["campaign.advertising_channel_type"]],
            int(row.get("metrics.impressions", 0)),
            int(row.get("metrics.clicks", 0)),
            _two(Decimal(int(row.get("metrics.cost_micros", 0))) / 1_000_000),
            _two(row.get("metrics.conversions")),
            _two(row.get("metrics.conversions_value")),
            _two(row.get("metrics.all_conversions")),
            int(row.get("metrics.view_through_conversions", 0)),
        ]
        for row in found
    ]


def _action_rows(api: GoogleAdsApi, account: Account, first: date, last: date) -> list[Sequence[Cell]]:
    found = api.rows(
        account,
        "SELECT segments.date, campaign.id, campaign.name, segments.conversion_action_name,"
        " segments.conversion_action_category, segments.external_conversion_source,"
        f" segments.conversion_attribution_event_type, {', '.join(f'metrics.{name}' for name in _METRICS)}"
        f" FROM campaign WHERE {_between(first, last)} ORDER BY segments.date, campaign.id",
    )
    return [
        [
            str(row["segments.date"]),
            _dashed(account),
            row["campaign.name"],
            str(row["campaign.id"]),
            row["segments.conversion_action_name"],
            _category(row["segments.conversion_action_category"]),
            _SOURCES[row["segments.external_conversion_source"]],
            _EVENTS[row["segments.conversion_attribution_event_type"]],
            *(_two(row.get(f"metrics.{name}")) for name in _METRICS),
        ]
        for row in found
    ]


def _category(name: str) -> str:
    return _CATEGORIES.get(name) or name.replace("_", " ").capitalize()
