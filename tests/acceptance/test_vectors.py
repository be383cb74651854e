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


def land(warehouse: Warehouse, vector: dict[str, Any]) -> None:
    contact, email = vector["id"], f"{vector['id'].lower()}@people.example"
    submissions = vector.get("submissions", [])
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
        },
    )
    warehouse.land(
        "hubspot",
        "contact_histories",
        {
            "contact_id": contact,
            "history_hash": contact,
            "history": {
                "hs_analytics_last_url": [
                    {"value": u["url"], "timestamp": instant(u["at"]).isoformat(), "sourceType": "ANALYTICS"}
                    for u in vector.get("url_history", [])
                ]
            },
        },
    )
    for number, view in enumerate(vector.get("page_views", [])):
        warehouse.land(
            "hubspot",
            "page_view_events",
            {
                "id": f"{contact}-{number}",
                "event_type": "e_visited_page",
                "object_type": "CONTACT",
                "object_id": contact,
                "occurred_at": instant(view["at"]),
                "hs_url": view["url"],
                "hs_referrer": view.get("referrer"),
            },
        )
    for number, submission in enumerate(s for s in submissions if not s.get("lead_ad")):
        warehouse.land(
            "hubspot",
            "form_submissions",
            {
                "id": f"{contact}-{number}",
                "conversion_id": f"{contact}-{number}",
                "form_id": submission["form"],
                "submitted_at": instant(submission["at"]),
                "page_url": submission.get("page_url"),
                "values": [{"name": "email", "value": email.upper(), "objectTypeId": "0-1"}],
            },
        )


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    warehouse = Warehouse.empty(tmp_path_factory.mktemp("vectors"))
    warehouse.land(
        "hubspot", "account", {"portal_id": "1", "time_zone": "Europe/Berlin", "company_currency": "EUR"}
    )
    warehouse.land(
        "hubspot", "forms", {"id": "demo", "name": "Demo", "form_type": "hubspot", "archived": False}
    )
    for vector in VECTORS:
        land(warehouse, vector)
    warehouse.dbt("build", "--exclude", "resource_type:unit_test")
    return warehouse


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_vector(warehouse: Warehouse, vector: dict[str, Any]) -> None:
    expected = vector["expected"]
    sessions = warehouse.rows(
        "select * from marts.fct_sessions where contact_id = ? order by session_number", vector["id"]
    )
    submissions = warehouse.rows(
        "select * from marts.fct_form_submissions where contact_id = ? order by submitted_at", vector["id"]
    )
    first = warehouse.rows("select * from marts.fct_first_conversions where contact_id = ?", vector["id"])
    credited = warehouse.rows(
        "select * from marts.fct_contact_attribution"
        " where contact_id = ? and attribution_report = 'first_form_submission'",
        vector["id"],
    )
    converted_in = [
        s["session_number"] for s in sessions if first and s["session_id"] == first[0]["session_id"]
    ]
    seen = {
        "sessions": [s["traffic_source"] for s in sessions],
        "evidence": [s["evidence"] for s in sessions],
        "page_views": [s["page_views"] for s in sessions],
        "form_types": [s["form_type"] for s in submissions],
        "conversions": sum(s["conversion_number"] is not None for s in submissions),
        "filtered": sum(bool(s["is_filtered"]) for s in submissions),
        "conversion_session": converted_in[0] if converted_in else None,
        "existed_before_conversion": first[0]["existed_before_conversion"] if first else None,
        "first_form_submission": [{key: credit[key] for key in AD_KEY} for credit in credited],
    }
    assert {name: seen[name] for name in expected} == expected
