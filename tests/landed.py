"""Raw records of one test vector: its contacts, what they did and what the networks report of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.warehouse import Warehouse

START = datetime(2026, 10, 5, 10, tzinfo=UTC)
UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


def instant(offset: str) -> datetime:
    """The instant at an offset from START, such as 45m or -2d."""
    if (match := re.fullmatch(r"(-?\d+)([dhms])", offset)) is None:
        raise ValueError(f"{offset!r} is no offset such as 45m or -2d")
    return START + timedelta(**{UNITS[match[2]]: int(match[1])})


def milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970."""
    return int(moment.timestamp() * 1000)


def history_entry(entry: dict[str, Any]) -> dict[str, str]:
    """One value of a property's history as the API sends it."""
    moment = instant(entry["at"]).isoformat()
    return {"value": entry["value"], "timestamp": moment, "sourceType": entry.get("by", "ANALYTICS")}


def land_contact(warehouse: Warehouse, vector: dict[str, Any], email: str) -> None:
    """Land the contact and the history of its properties."""
    contact, submissions = vector["id"], vector.get("submissions", [])
    if vector.get("erased"):
        warehouse.land(
            "hubspot", "contacts", {"id": contact, "archived": False, "deleted_at": instant("10d")}
        )
        return
    counted = [
        f"{s['form']}:{'' if s.get('lead_ad') else '77'}:{milliseconds(instant(s['at']))}"
        for s in submissions
        if s.get("counted", True)
    ]
    warehouse.land(
        "hubspot",
        "contacts",
        {
            "id": contact,
            "archived": False,
            "email": email,
            "createdate": instant(submissions[0]["at"]).isoformat(),
            "hs_calculated_form_submissions": ";".join(counted),
            "hs_merged_object_ids": ";".join(vector.get("merged", [])) or None,
        }
        | vector.get("properties", {}),
    )
    urls = [u | {"value": u["url"]} for u in vector.get("url_history", [])]
    history = {"hs_analytics_last_url": urls} | vector.get("history", {})
    entries = {name: [history_entry(entry) for entry in found] for name, found in history.items()}
    warehouse.land(
        "hubspot",
        "contact_histories",
        {"contact_id": contact, "history_hash": contact, "history": entries},
    )


def land_vector(warehouse: Warehouse, vector: dict[str, Any]) -> None:
    """Land one contact, its page views, submissions, deals and leads."""
    contact, email = vector["id"], f"{vector['id'].lower()}@people.example"
    if vector.get("contact", True):
        land_contact(warehouse, vector, email)
    for number, view in enumerate(vector.get("page_views", [])):
        warehouse.land(
            "hubspot",
            "page_view_events",
            {
                "id": f"{contact}-{number}",
                "event_type": "e_visited_page",
                "object_type": "CONTACT",
                "object_id": view.get("contact", contact),
                "occurred_at": instant(view["at"]),
                "hs_url": view["url"],
                "hs_referrer": view.get("referrer"),
            },
        )
    for number, submission in enumerate(s for s in vector.get("submissions", []) if not s.get("lead_ad")):
        typed = [{"name": "email", "value": submission.get("email", email.upper()), "objectTypeId": "0-1"}]
        warehouse.land(
            "hubspot",
            "form_submissions",
            {
                "id": f"{contact}-{number}",
                "conversion_id": f"{contact}-{number}",
                "form_id": submission["form"],
                "submitted_at": instant(submission["at"]),
                "page_url": submission.get("page_url"),
                "values": [] if vector.get("erased") else typed,
                "erased_contact_id": contact if vector.get("erased") else None,
            },
        )
    for deal in vector.get("deals", []):
        warehouse.land(
            "hubspot",
            "deals",
            {
                "id": deal["id"],
                "archived": False,
                "pipeline": "sales",
                "dealstage": deal["stage"],
                "amount": deal["amount"],
                "deal_currency_code": deal.get("currency", "EUR"),
                "closedate": instant(deal.get("closed_at", "9d")).isoformat(),
            },
        )
        ends = [{"toObjectId": contact, "associationTypes": [{"typeId": kind}]} for kind in (3, 37)]
        warehouse.land("hubspot", "deal_contacts", {"deal_id": deal["id"], "associations": ends})
    for rate in vector.get("rates", []):
        warehouse.land(
            "hubspot",
            "exchange_rates",
            {
                "id": f"{rate['currency']}-{rate['at']}",
                "from_currency": rate["currency"],
                "to_currency": "EUR",
                "rate": rate["rate"],
                "effective_at": instant(rate["at"]),
            },
        )
    for lead in vector.get("leads", []):
        campaign, ad_set, ad = lead.get("ad", [None] * 3)
        warehouse.land(
            "facebook_ads",
            "leads",
            {
                "id": lead["id"],
                "page_id": "1",
                "form_id": "2",
                "created_time": instant(lead["at"]),
                "campaign_id": campaign,
                "adset_id": ad_set,
                "ad_id": ad,
                "is_organic": lead.get("is_organic", False),
                "is_test": False,
                "email": email,
            },
        )
        if ad:
            facebook_ad = {"account_id": "2223334445", "campaign_id": campaign, "adset_id": ad_set, "id": ad}
            warehouse.land("facebook_ads", "ads", facebook_ad)


def land_google(warehouse: Warehouse, vector: dict[str, Any]) -> None:
    """Land a Google Ads account in EUR and Berlin time, its objects and its figures of the day of START."""
    google = vector["google"]
    account = {"customer_id": google["account"]}
    day = account | {"date": START.date(), "row_version": "1"}
    zone = {"currency_code": "EUR", "time_zone": "Europe/Berlin"}
    warehouse.land("google_ads", "customers", account | zone | {"manager": False})
    for table in ("campaign_metrics", "campaign_conversions", "ad_metrics", "ad_conversions"):
        warehouse.land("google_ads", table, day | {"is_day_marker": True})
    for campaign in google["campaigns"]:
        conversions = campaign.get("conversions", 0)
        named = {
            "id": campaign["id"],
            "name": f"Campaign of {vector['id']}",
            "advertising_channel_type": campaign.get("type", "SEARCH"),
        }
        warehouse.land("google_ads", "campaigns", account | named)
        figures = day | {"campaign_id": campaign["id"], "is_day_marker": False}
        totals = {
            "impressions": 100,
            "clicks": campaign.get("clicks", 10),
            "cost_micros": campaign.get("cost_micros", 0),
            "conversions": conversions,
            "all_conversions": conversions,
            "view_through_conversions": 0,
        }
        warehouse.land("google_ads", "campaign_metrics", figures | totals)
        for ad, cost in campaign.get("ad_cost_micros", {}).items():
            spent = {"ad_group_id": "80", "ad_id": ad, "impressions": 10, "clicks": 1, "cost_micros": cost}
            counted = {"conversions": 0, "all_conversions": 0, "view_through_conversions": 0}
            warehouse.land("google_ads", "ad_metrics", figures | spent | counted)
        if conversions:
            by_action = {
                "conversion_action_id": "1",
                "conversion_action_name": "Demo form",
                "conversion_action_category": "SUBMIT_LEAD_FORM",
                "conversion_attribution_event_type": "INTERACTION",
                "external_conversion_source": "WEBPAGE",
                "conversions": conversions,
                "all_conversions": conversions,
                "conversions_by_conversion_date": conversions,
                "all_conversions_by_conversion_date": conversions,
            }
            warehouse.land("google_ads", "campaign_conversions", figures | by_action)
    for click in google.get("click_views", []):
        warehouse.land("google_ads", "click_views", day | {"is_day_marker": False} | click)
    for ad in google.get("ads", []):
        warehouse.land("google_ads", "ads", account | ad)


def land_snapshot(warehouse: Warehouse, url: str, *, has_tracking_code: bool) -> None:
    """Land a snapshot of a page, taken before START, with or without the portal's tracking code."""
    warehouse.land(
        "landing_pages",
        "page_snapshots",
        {
            "snapshot_id": url,
            "url": url,
            "fetched_at": instant("-1d"),
            "http_status": 200,
            "final_url": url,
            "has_tracking_code": has_tracking_code,
            "evidence": "script" if has_tracking_code else "absent",
            "portal_ids": ["1"] if has_tracking_code else [],
        },
    )
