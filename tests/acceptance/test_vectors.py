"""Every vector of tests/vectors, landed as raw records and read from the published tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from ingestion.landing.personal import email_hash, email_key
from tests.landed import land_google, land_snapshot, land_vector
from tests.warehouse import Warehouse


def vectors(name: str) -> list[dict[str, Any]]:
    """The vectors of one file."""
    content = (Path(__file__).parent.parent / "vectors" / name).read_text()
    found: list[dict[str, Any]] = yaml.safe_load(content)
    return found


VECTORS = vectors("attribution.yml")
REASONS = vectors("reasons.yml")
AD_KEY = ("network", "account_id", "campaign_id", "ad_group_id", "ad_id")


PIPELINE = [
    {"id": "won", "label": "Won", "metadata": {"isClosed": "true", "probability": "1.0"}},
    {"id": "open", "label": "Open", "metadata": {"isClosed": "false", "probability": "0.4"}},
]


def _land(warehouse: Warehouse, events: bool) -> None:
    account = {"portal_id": "1", "time_zone": "Europe/Berlin", "company_currency": "EUR"}
    warehouse.land("hubspot", "account", account)
    form = {"id": "demo", "name": "Demo", "form_type": "hubspot", "archived": False}
    warehouse.land("hubspot", "forms", form)
    warehouse.land("hubspot", "deal_pipelines", {"id": "sales", "label": "Sales", "stages": PIPELINE})
    for vector in VECTORS:
        if vector.get("events", True) is events:
            land_vector(warehouse, vector)
    for vector in REASONS:
        if vector.get("events", True) is events:
            land_google(warehouse, vector)
            for contact in vector.get("contacts", []):
                land_vector(warehouse, contact)
            for url, has_code in vector.get("snapshots", {}).items():
                land_snapshot(warehouse, url, has_tracking_code=has_code)


@pytest.fixture(scope="module")
def warehouses(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Warehouse]:
    """A portal with page-view events and one without."""
    built = {}
    for events in (True, False):
        warehouse = built[events] = Warehouse.empty(tmp_path_factory.mktemp("vectors"))
        with warehouse.at_once():
            _land(warehouse, events)
        warehouse.dbt("build", "--exclude", "resource_type:unit_test")
    return built


@pytest.mark.parametrize("events", [True, False])
def test_every_vector_keeps_the_contracts(warehouses: dict[bool, Warehouse], events: bool) -> None:
    tables = (
        *("fct_sessions", "fct_form_submissions", "fct_first_conversions", "fct_contact_attribution"),
        *("fct_deal_attribution", "conversion_ledger", "conversion_bridge", "actions", "match_rates"),
    )
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
        " using (network, lead_id) where email_hash = ? order by lead_sync.created_at",
        email_hash(email_key(warehouse.home), f"{contact.lower()}@people.example"),
    )
    converted_in = [
        s["session_number"] for s in sessions if first and s["session_id"] == first[0]["session_id"]
    ]
    of_default = [c for c in earned if c["attribution_report"] == "first_form_submission"]
    seen = {
        "sessions": [s["traffic_source"] for s in sessions],
        "evidence": [s["evidence_source"] for s in sessions],
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
            | {name: str(d[name]) for name in ("amount_company_currency", "credit")}
            for d in deals
        ],
    }
    assert {name: seen[name] for name in expected} == expected


def ledger_row(row: dict[str, Any]) -> dict[str, Any]:
    """A row of the ledger with its evidence as columns."""
    return {**json.loads(row["evidence"]), **{name: row[name] for name in row if name != "evidence"}}


@pytest.mark.parametrize("vector", REASONS, ids=lambda vector: vector["id"])
def test_reason_vector(warehouses: dict[bool, Warehouse], vector: dict[str, Any]) -> None:
    expected, account = vector["expected"], vector["google"]["account"]
    warehouse = warehouses[vector.get("events", True)]
    contacts = [contact["id"] for contact in vector.get("contacts", [])]
    of_contacts = "where list_contains(?, contact_id) order by contact_id"
    submissions = warehouse.rows(
        f"select * from marts.fct_form_submissions {of_contacts}, submitted_at", contacts
    )
    sessions = warehouse.rows(f"select * from marts.fct_sessions {of_contacts}, session_number", contacts)
    earned = warehouse.rows(f"select * from marts.fct_contact_attribution {of_contacts}, ad_id", contacts)
    ledger = warehouse.rows(
        "select * from reconciliation.conversion_ledger where account_id = ?"
        " and attribution_report = 'first_form_submission' order by occurred_at, event_id",
        account,
    )
    bridge = warehouse.rows(
        "select * from reconciliation.conversion_bridge"
        " where attribution_report = 'first_form_submission' and account_id = ?",
        account,
    )
    rates = warehouse.rows(
        "select * from reconciliation.match_rates where account_id = ? and sessions > 0", account
    )
    actions = warehouse.rows(
        "select * from reconciliation.actions where account_id = ? order by rank", account
    )
    warnings = warehouse.rows("select spend from checks.ads_exceed_campaign where account_id = ?", account)
    remainders = warehouse.rows(
        "select spend from marts.fct_ad_performance_daily where account_id = ? and ad_id is null", account
    )
    seen = {
        "sessions": [s["traffic_source"] for s in sessions],
        "tracked": [[s["is_tracked"], s["tracking_evidence"]] for s in submissions],
        "reports": {
            report: [c["ad_id"] for c in earned if c["attribution_report"] == report]
            for report in expected.get("reports", {})
        },
        "ledger": [
            {name: ledger_row(row)[name] for name in wanted}
            for row, wanted in zip(ledger, expected.get("ledger", []), strict=False)
        ],
        "bridge": {row["step"]: float(row["units"]) for row in bridge},
        "inferred": sorted(row["step"] for row in bridge if row["evidence_class"] == "inferred"),
        "match_rates": {row["match_method"]: [row["sessions"], row["matched"]] for row in rates},
        "actions": [[row["cause"], row["subject_type"], row["subject_id"]] for row in actions],
        "advice": [row["advice"] for row in actions],
        "warnings": [str(row["spend"]) for row in warnings],
        "remainders": [str(row["spend"]) for row in remainders],
    }
    assert {name: seen[name] for name in expected} == expected
    if "ledger" in expected:
        assert len(ledger) == len(expected["ledger"])
