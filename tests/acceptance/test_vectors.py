"""Every vector of tests/vectors/attribution.yml, landed as raw records and read from the marts."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.warehouse import Warehouse

VECTORS: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent.parent / "vectors" / "attribution.yml").read_text()
)
START = datetime(2026, 10, 5, 10, tzinfo=UTC)
UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
AD_KEY = ("network", "account_id", "campaign_id", "ad_group_id", "ad_id")


def instant(offset: str) -> datetime:
    number, unit = re.fullmatch(r"(-?\d+)([dhms])", offset).groups()  # type: ignore[union-attr]
    return START + timedelta(**{UNITS[unit]: int(number)})


def milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def history_entry(entry: dict[str, Any]) -> dict[str, str]:
    moment = instant(entry["at"]).isoformat()
    return {"value": entry["value"], "timestamp": moment, "sourceType": entry.get("by", "ANALYTICS")}


def land_contact(warehouse: Warehouse, vector: dict[str, Any], email: str) -> None:
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


def land(warehouse: Warehouse, vector: dict[str, Any]) -> None:
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
                "deal_currency_code": "EUR",
                "closedate": instant("9d").isoformat(),
            },
        )
        ends = [{"toObjectId": contact, "associationTypes": [{"typeId": kind}]} for kind in (3, 37)]
        warehouse.land("hubspot", "deal_contacts", {"deal_id": deal["id"], "associations": ends})
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


PIPELINE = [
    {"id": "won", "label": "Won", "metadata": {"isClosed": "true", "probability": "1.0"}},
    {"id": "open", "label": "Open", "metadata": {"isClosed": "false", "probability": "0.4"}},
]


@pytest.fixture(scope="module")
def warehouses(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Warehouse]:
    """A portal with page-view events and one without."""
    built = {}
    for events in (True, False):
        warehouse = built[events] = Warehouse.empty(tmp_path_factory.mktemp("vectors"))
        account = {"portal_id": "1", "time_zone": "Europe/Berlin", "company_currency": "EUR"}
        warehouse.land("hubspot", "account", account)
        form = {"id": "demo", "name": "Demo", "form_type": "hubspot", "archived": False}
        warehouse.land("hubspot", "forms", form)
        warehouse.land("hubspot", "deal_pipelines", {"id": "sales", "label": "Sales", "stages": PIPELINE})
        for vector in VECTORS:
            if vector.get("events", True) is events:
                land(warehouse, vector)
        warehouse.dbt("build", "--exclude", "resource_type:unit_test")
    return built


@pytest.mark.parametrize("events", [True, False])
def test_every_vector_keeps_the_contracts(warehouses: dict[bool, Warehouse], events: bool) -> None:
    tables = ("fct_sessions", "fct_form_submissions", "fct_first_conversions", "fct_contact_attribution")
    assert warehouses[events].breaches(*tables) == []


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_vector(warehouses: dict[bool, Warehouse], vector: dict[str, Any]) -> None:
    expected, contact = vector["expected"], vector["id"]
    warehouse = warehouses[vector.get("events", True)]
    sessions = warehouse.rows(
        "select * from marts.fct_sessions where contact_id = ? order by session_number", contact
    )
    submissions = warehouse.rows(
        "select * from marts.fct_form_submissions where contact_id = ? order by submitted_at", contact
    )
    gone = warehouse.rows(
        "select submission_id from marts.fct_form_submissions"
        " where contact_id is null and starts_with(submission_id, ?)",
        f"{contact}-",
    )
    first = warehouse.rows("select * from marts.fct_first_conversions where contact_id = ?", contact)
    earned = warehouse.rows(
        "select * from marts.fct_contact_attribution where contact_id = ? order by ad_id", contact
    )
    deals = warehouse.rows(
        "select * from marts.fct_deal_attribution"
        " where attribution_report = 'first_form_submission' and starts_with(deal_id, ?)",
        f"{contact}-",
    )
    leads = warehouse.rows(
        "select lead_id, status from intermediate.int_network_leads inner join reconciliation.lead_sync"
        " using (network, lead_id) where email_hash = sha256(?) order by lead_sync.created_at",
        f"{contact.lower()}@people.example",
    )
    converted_in = [
        s["session_number"] for s in sessions if first and s["session_id"] == first[0]["session_id"]
    ]
    of_default = [c for c in earned if c["attribution_report"] == "first_form_submission"]
    seen = {
        "sessions": [s["traffic_source"] for s in sessions],
        "evidence": [s["evidence"] for s in sessions],
        "drilldowns": [[s["traffic_source_drilldown_1"], s["traffic_source_drilldown_2"]] for s in sessions],
        "page_views": [s["page_views"] for s in sessions],
        "form_types": [s["form_type"] for s in submissions],
        "tracked": [s["is_tracked"] for s in submissions],
        "submission_ads": [s["ad_id"] for s in submissions],
        "conversions": sum(s["conversion_number"] is not None for s in submissions),
        "filtered": sum(bool(s["is_filtered"]) for s in submissions),
        "without_contact": len(gone),
        "network_leads": len(leads),
        "lead_statuses": [lead["status"] for lead in leads],
        "conversion_session": converted_in[0] if converted_in else None,
        "existed_before_conversion": first[0]["existed_before_conversion"] if first else None,
        "first_form_submission": [{key: credit[key] for key in AD_KEY} for credit in of_default],
        "reports": {
            report: [c["ad_id"] for c in earned if c["attribution_report"] == report]
            for report in expected.get("reports", {})
        },
        "deals": [
            {"deal_id": d["deal_id"], "ad_id": d["ad_id"]}
            | {name: str(d[name]) for name in ("amount_home", "credit")}
            for d in deals
        ],
    }
    assert {name: seen[name] for name in expected} == expected
