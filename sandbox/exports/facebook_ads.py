"""Meta Ads Manager's table export with days and compared attribution settings, and the leads of its forms.

One file per account; a summary row without ids comes last; money's currency stands in the header.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.apis.facebook_ads import FacebookApi
from sandbox.apis.state import Sandbox
from sandbox.exports.files import EXCEL, Cell, Style, summed, write
from sandbox.world.company import Account

_HEADERS = {
    "en": "Reporting starts|Reporting ends|Day|Account ID|Account name|Campaign name|"
    "Campaign ID|Campaign delivery|Attribution setting|Impressions|Clicks (all)|Amount spent",
    "de": "Berichtsstart|Berichtsende|Tag|Konto-ID|Kontoname|Kampagnenname|"
    "Kampagnen-ID|Kampagnenauslieferung|Attributionseinstellung|Impressionen|Klicks (alle)|"
    "Ausgegebener Betrag",
}
#: What a column of the table is called, and the action it counts.
_ACTIONS = {
    "Website leads": "offsite_conversion.fb_pixel_lead",
    "Website registrations completed": "offsite_conversion.fb_pixel_complete_registration",
    "Website purchases": "offsite_conversion.fb_pixel_purchase",
}
_FORM = ("Leads (form)", "onsite_conversion.lead_grouped")
_WINDOWS = {"1d_click": "1-day click", "7d_click": "7-day click", "28d_click": "28-day click"}
_SETTINGS = {
    "1d_click": "1-day click",
    "7d_click": "7-day click",
    "1d_view": "1-day view",
    "28d_click": "28-day click",
}
_LEAD = (
    *("id", "created_time", "ad_id", "ad_name", "adset_id", "adset_name", "campaign_id", "campaign_name"),
    *("form_id", "form_name", "is_organic", "platform", "email", "full_name", "lead_status"),
)
_LEAD_DAYS = 90


def export(sandbox: Sandbox, folder: Path, first: date, last: date, language: str) -> None:
    """Writes a file of campaigns per account, and one of all forms' leads."""
    api = FacebookApi(sandbox)
    for account in api.owns:
        _campaigns(api, account, folder, (first, last), language)
    _leads(api, folder, first, last)


def _campaigns(
    api: FacebookApi, account: Account, folder: Path, days: tuple[date, date], language: str
) -> None:
    first, last = days
    found = api.insight_rows(
        f"act_{account.id}",
        {
            "level": "campaign",
            "time_increment": "1",
            "time_range": f'{{"since":"{first}","until":"{last}"}}',
            "fields": "campaign_id,campaign_name,impressions,clicks,spend,actions,attribution_setting",
            "action_attribution_windows": '["1d_click","7d_click","28d_click"]',
        },
    )
    delivery = {row["id"]: row["effective_status"].lower() for row in api.rows(account, "campaigns")}
    *names, spent = _HEADERS[language].split("|")
    header = [*names, f"{spent} ({account.currency})"]
    for name in _ACTIONS:
        header += [name, *(f"{name} - {window}" for window in _WINDOWS.values())]
    header.append(_FORM[0])
    rows: list[list[Cell]] = []
    for row in found:
        actions = {action["action_type"]: action for action in row.get("actions", ())}
        line: list[Cell] = [
            row["date_start"],
            row["date_stop"],
            row["date_start"],
            account.id,
            account.name,
            row["campaign_name"],
            row["campaign_id"],
            delivery[row["campaign_id"]],
            _setting(row.get("attribution_setting", "")),
            int(row.get("impressions", 0)),
            int(row.get("clicks", 0)),
            Decimal(row.get("spend", "0")),
        ]
        for kind in _ACTIONS.values():
            line += [_count(actions, kind, "value"), *(_count(actions, kind, name) for name in _WINDOWS)]
        line.append(_count(actions, _FORM[1], "value"))
        rows.append(line)
    total: list[Cell] = [str(first), str(last), *[None] * 7]
    total += [summed(rows, place) or None for place in range(9, len(header))]
    write(
        folder / f"{account.name.replace(' ', '-')}-Campaigns-{first}-{last}.csv",
        header,
        rows,
        # machines' numbers, whatever the language
        Style(encoding="utf-8-sig"),
        after=[total],
    )


def _count(actions: Mapping[str, Mapping[str, Any]], kind: str, window: str) -> int | None:
    return int(actions.get(kind, {}).get(window, 0)) or None


def _setting(setting: str) -> str:
    """The ad sets' windows as the table writes them: `7d_click_1d_view` is "7-day click or 1-day view"."""
    parts = setting.split("_")
    named = [_SETTINGS.get("_".join(parts[place : place + 2])) for place in range(0, len(parts), 2)]
    return " or ".join(name for name in named if name) or "Multiple attribution settings"


def _leads(api: FacebookApi, folder: Path, first: date, last: date) -> None:
    leads, zone = api.leads(), ZoneInfo(api.own.time_zone)
    begin, end = (datetime.combine(day, time(), zone) for day in (first, last + timedelta(days=1)))
    rows: list[list[Cell]] = []
    for form in leads.form_rows():
        for lead in leads.rows(form["id"], _LEAD_DAYS):
            at = datetime.fromisoformat(lead["created_time"]).astimezone(zone)
            if not begin <= at < end:
                continue
            answers = {field["name"]: field["values"][0] for field in lead["field_data"]}
            values = {
                **lead,
                **answers,
                "id": f"l:{lead['id']}",
                "created_time": at.isoformat(),
                "form_id": f"f:{form['id']}",
                "form_name": form["name"],
                "is_organic": str(lead["is_organic"]).lower(),
                "lead_status": "CREATED",
                **{
                    f"{kind}_id": f"{mark}:{lead[f'{kind}_id']}"
                    for kind, mark in (("ad", "ag"), ("adset", "as"), ("campaign", "c"))
                    if f"{kind}_id" in lead
                },
            }
            rows.append([values.get(name) for name in _LEAD])
    rows.sort(key=lambda row: str(row[1]))
    write(folder / "leads.csv", _LEAD, rows, EXCEL)
