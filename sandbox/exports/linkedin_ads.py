"""LinkedIn Campaign Manager's reports by day: campaigns, and conversions by rule.

Days are UTC, the file's name holds the account's id, rules have names only. The columns are those from before
campaign groups were renamed.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

from sandbox.apis.linkedin_ads import LinkedInApi
from sandbox.apis.linkedin_ads.analytics import Query
from sandbox.apis.linkedin_ads.common import Row
from sandbox.apis.linkedin_ads.objects import account_urn, campaign_rows, group_rows
from sandbox.apis.state import Sandbox
from sandbox.exports.files import EXCEL, Cell, Style, write
from sandbox.world.company import Account

_CAMPAIGN = {
    "en": "Start Date (in UTC)|Account Name|Currency|Campaign Group ID|Campaign Group Name|"
    "Campaign Group Status|Campaign ID|Campaign Name|Campaign Type|Campaign Status|Total Spent|Impressions|"
    "Clicks|Clicks to Landing Page|Conversions|Click Conversions|View-Through Conversions|"
    "Total Conversion Value|Leads|Lead Forms Opened|Total Engagements",
    "de": "Startdatum (in UTC)|Kontoname|Währung|Kampagnengruppen-ID|Name der Kampagnengruppe|"
    "Status der Kampagnengruppe|Kampagnen-ID|Name der Kampagne|Kampagnentyp|Kampagnenstatus|Gesamtausgaben|"
    "Impressions|Klicks|Klicks auf Landingpage|Conversions|Click Conversions|View-Through Conversions|"
    "Total Conversion Value|Leads|Lead Forms Opened|Total Engagements",
}
_CONVERSION = (
    "Start Date (in UTC)|Account Name|Currency|Campaign Group ID|Campaign Group Name|Campaign ID|"
    "Campaign Name|Conversion Name|Conversion Type|Conversions|Post-Click Conversions|"
    "View-Through Conversions|Total Conversion Value"
)
_TYPES = {"TEXT_AD": "Text Ads", "SPONSORED_UPDATES": "Sponsored Content"}
_COUNTED = (
    "externalWebsiteConversions",
    "externalWebsitePostClickConversions",
    "externalWebsitePostViewConversions",
)
_VALUE = "conversionValueInLocalCurrency"
_DELIVERED = ("impressions", "clicks", "landingPageClicks")
_LEADS = ("oneClickLeads", "oneClickLeadFormOpens", "totalEngagements")


def export(sandbox: Sandbox, folder: Path, first: date, last: date, language: str) -> None:
    """Writes both reports of each account."""
    api = LinkedInApi(sandbox)
    style = replace(EXCEL, language=language)
    for account in api.owns:
        for kind, header, rows, written in (
            ("campaign", _CAMPAIGN[language], _campaigns(api, account, (first, last), style), style),
            ("conversion", _CONVERSION, _conversions(api, account, (first, last)), EXCEL),
        ):
            write(
                folder / f"account_{account.id}_{kind}_performance_report.csv",
                header.split("|"),
                rows,
                written,
                before=_before(kind, sandbox.now, first, last),
            )


def _before(kind: str, now: datetime, first: date, last: date) -> list[list[str]]:
    return [
        [f"{kind.title()} Performance Report (in UTC)"],
        [f"Report Start: {EXCEL.words(first)}, 12:00 AM"],
        [f"Report End: {EXCEL.words(last)}, 11:59 PM"],
        [f"Date Generated: {EXCEL.words(now.date())}, {now:%I:%M %p}"],
        [],
    ]


def _campaigns(api: LinkedInApi, account: Account, days: tuple[date, date], style: Style) -> list[list[Cell]]:
    groups = {str(row["id"]): row for row in group_rows(account, api.sandbox.now)}
    campaigns = {str(row["id"]): row for row in campaign_rows(account)}
    rows: list[list[Cell]] = []
    fields = ("costInLocalCurrency", *_DELIVERED, *_COUNTED, _VALUE, *_LEADS)
    for row in _elements(api, account, ("CAMPAIGN_GROUP", "CAMPAIGN"), fields, days):
        group, campaign = (_number(urn) for urn in row["pivotValues"])
        rows.append(
            [
                _day(row, style),
                account.name,
                account.currency,
                group,
                groups[group]["name"],
                groups[group]["status"].capitalize(),
                campaign,
                campaigns[campaign]["name"],
                _TYPES.get(campaigns[campaign]["type"], campaigns[campaign]["type"]),
                campaigns[campaign]["status"].capitalize(),
                _money(row["costInLocalCurrency"]),
                *(row[name] for name in (*_DELIVERED, *_COUNTED)),
                _money(row[_VALUE]),
                *(row[name] for name in _LEADS),
            ]
        )
    return rows


def _conversions(api: LinkedInApi, account: Account, days: tuple[date, date]) -> list[list[Cell]]:
    groups = {str(row["id"]): row["name"] for row in group_rows(account, api.sandbox.now)}
    campaigns = {str(row["id"]): row["name"] for row in campaign_rows(account)}
    rules = {rule.id: rule for rule in account.rules}
    rows: list[list[Cell]] = []
    for row in _elements(
        api, account, ("CAMPAIGN_GROUP", "CAMPAIGN", "CONVERSION"), (*_COUNTED, _VALUE), days
    ):
        group, campaign, rule = (_number(urn) for urn in row["pivotValues"])
        rows.append(
            [
                _day(row, EXCEL),
                account.name,
                account.currency,
                group,
                groups[group],
                campaign,
                campaigns[campaign],
                rules[rule].name,
                rules[rule].category.replace("_", " ").title(),
                *(row[name] for name in _COUNTED),
                _money(row[_VALUE]),
            ]
        )
    return rows


def _elements(
    api: LinkedInApi,
    account: Account,
    pivots: tuple[str, ...],
    fields: tuple[str, ...],
    days: tuple[date, date],
) -> list[Row]:
    query = Query(
        list(pivots),
        ["dateRange", "pivotValues", *fields],
        *days,
        "DAILY",
        {"ACCOUNT": [account_urn(account)]},
    )
    return query.elements(api.facts(), plain=True)


def _number(urn: str) -> str:
    return urn.rpartition(":")[2]


def _day(row: Row, style: Style) -> str:
    start = row["dateRange"]["start"]
    if style.language == "de":
        return f"{start['day']}.{start['month']}.{start['year']}"
    return f"{start['month']}/{start['day']}/{start['year']}"


def _money(text: str) -> Decimal:
    return Decimal(text).quantize(Decimal("0.01"))
