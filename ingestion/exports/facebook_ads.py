"""Convert files of Meta Ads Manager (campaigns by day, leads of instant forms) to answers of its API.

Neither file contains ad sets, ads or forms without leads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ingestion.exports import rows, settings
from ingestion.exports.layouts import normal
from ingestion.exports.money import account_currency
from ingestion.exports.rows import Row
from ingestion.landing.arrow import Page, Table
from ingestion.landing.resources import DaysRead, Landing, Span
from ingestion.sources.facebook_ads import tables
from ingestion.sources.facebook_ads.tables import DAILY

__all__ = ["DAILY", "ENTITIES", "accounts", "resources", "span"]

VENDOR = "facebook_ads"
_FIGURES, _LEADS = "campaigns", "leads"


# the leads file has no page id
ENTITIES = tuple(table.with_column("page_id", path="page_id") for table in tables.ENTITIES)
# the action type of a column: https://developers.facebook.com/docs/marketing-api/reference/ads-action-stats
_ACTIONS = {
    "lead": "offsite_conversion.fb_pixel_lead",
    "complete_registration": "offsite_conversion.fb_pixel_complete_registration",
    "purchase": "offsite_conversion.fb_pixel_purchase",
    "lead_form": "onsite_conversion.lead_grouped",
}
_WINDOWS = ("1d_click", "7d_click", "28d_click")


def accounts(landing: Landing) -> Sequence[str]:
    """Return the ad accounts with figures."""
    return rows.accounts(landing, VENDOR)


def span(landing: Landing, table: Table, account: str) -> Span:
    """Return a span that covers every day of the files."""
    return rows.span()


def resources(landing: Landing, part: str) -> list[Any]:
    """Return the dlt resources of a part. Opens no file until they run."""
    if part == "daily":
        return rows.daily_resources(landing, VENDOR, DAILY, {tables.INSIGHTS_CAMPAIGN.name: _insights})
    read = {
        tables.AD_ACCOUNTS.name: _accounts,
        tables.CAMPAIGNS.name: _campaigns,
        tables.LEAD_FORMS.name: _lead_forms,
        tables.LEADS.name: _leads,
    }
    return rows.entity_resources(landing, ENTITIES, read)


def _wrap(data: list[Mapping[str, Any]]) -> Any:
    return {"data": data}


def _accounts(landing: Landing) -> Iterator[Page]:
    yield from rows.pages(
        (
            (
                (),
                {
                    "account_id": account,
                    "name": row["account_name"],
                    "currency": account_currency(row),
                    "timezone_name": settings.account_zone(account),
                },
            )
            for (account,), row in rows.latest_rows(landing, VENDOR).items()
        ),
        _wrap,
    )


def _campaigns(landing: Landing) -> Iterator[Page]:
    yield from rows.pages(
        (
            (
                (("account_id", account),),
                {
                    "id": campaign,
                    "name": row["campaign_name"],
                    "status": row.word("delivery"),
                    "effective_status": row.word("delivery"),
                },
            )
            for (account, campaign), row in rows.latest_rows(landing, VENDOR, "campaign_id").items()
        ),
        _wrap,
    )


def _insights(landing: Landing, table: Table) -> Iterator[Page | DaysRead]:
    asked = rows.requested_days(landing, table, VENDOR)

    def found() -> Iterator[tuple[rows.Context, Mapping[str, Any]]]:
        for row in rows.current_rows(landing, rows.exports(landing, VENDOR, _FIGURES), table, asked):
            yield (
                (("account_id", row.account),),
                {
                    "date_start": str(row["date"]),
                    "campaign_id": row["campaign_id"],
                    "impressions": rows.number_text(row["impressions"]),
                    "clicks": rows.number_text(row["clicks"]),
                    "spend": rows.number_text(row["spend"]),
                    "account_currency": account_currency(row),
                    "attribution_setting": _setting(row),
                    "actions": _actions(row),
                },
            )

    yield from rows.pages(found(), _wrap)
    yield from rows.days_read(asked)


def _actions(row: Row) -> list[dict[str, str]]:
    """Return the actions of a row; without attribution windows in the file, all of them count as clicks."""
    shown = row.export.fields
    found = []
    for name, kind in _ACTIONS.items():
        if not row[name]:
            continue
        action = {"action_type": kind, "value": str(row[name])}
        windows = [window for window in _WINDOWS if f"{name}.{window}" in shown]
        for window in _WINDOWS if name != "lead_form" else ():
            count = row[f"{name}.{window}"] if windows else row[name]
            if count:
                action[window] = str(count)
        found.append(action)
    return found


def _setting(row: Row) -> str | None:
    """Return the attribution setting (`7-day click or 1-day view`) in the API's spelling; null if mixed."""
    setting = normal(row["attribution_setting"] or "")
    clicks = row.export.layout.words.get("attribution_setting", {})
    return next((value for words, value in clicks.items() if f" {words} " in f" {setting} "), None)


def _lead_forms(landing: Landing) -> Iterator[Page]:
    forms: dict[str, str | None] = {}
    for _, lead in rows.records(landing, rows.exports(landing, VENDOR, _LEADS), None):
        forms.setdefault(lead.values["form_id"], lead.values.get("form_name"))
    yield from rows.pages((((), {"id": form, "name": name}) for form, name in forms.items()), _wrap)


def _leads(landing: Landing) -> Iterator[Page]:
    def found() -> Iterator[tuple[rows.Context, Mapping[str, Any]]]:
        seen: set[str] = set()
        for _, record in rows.records(landing, rows.exports(landing, VENDOR, _LEADS), tables.LEADS):
            lead = record.values
            # a lead never changes, so its rows are equal
            if lead["lead_id"] in seen:
                rows.count_repeat(landing, tables.LEADS)
                continue
            seen.add(lead["lead_id"])
            yield (
                (),
                {
                    "id": lead["lead_id"],
                    "form_id": lead["form_id"],
                    "created_time": lead["created_time"].isoformat(),
                    "campaign_id": lead.get("campaign_id"),
                    "adset_id": lead.get("adset_id"),
                    "ad_id": lead.get("ad_id"),
                    "is_organic": (lead["is_organic"] or "").lower() == "true",
                    "platform": lead.get("platform"),
                    "field_data": [{"name": "email", "values": [lead["email"]]}] if lead.get("email") else [],
                },
            )

    yield from rows.pages(found(), _wrap)
