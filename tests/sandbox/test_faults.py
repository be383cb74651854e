"""Each switch does what it says, and nothing once it is off."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.apis.faults import CATALOGUE, Faults, parse
from tests.sandboxed import Asked

ROOT = Path(__file__).resolve().parents[2]
CONTACTS = "/crm/objects/2026-09/contacts"
OWNERS = "/crm/v3/owners"


@pytest.fixture(scope="module")
def company() -> Asked:
    return Asked.small()


@pytest.fixture
def asked(company: Asked) -> Iterator[Asked]:
    company.clock("2026-11-01T06:00:00Z")
    yield company
    company.request("DELETE", "/_sandbox/faults")


def statuses(asked: Asked, path: str, count: int) -> list[int]:
    return [asked.hubspot("GET", path).status_code for _ in range(count)]


# -- transport ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [423, 429, 477, 500, 502, 503, 504, 524, 530])
def test_a_status_is_answered_so_many_times_on_a_path(asked: Asked, status: int) -> None:
    asked.fault(status={"status": status, "path": "contacts", "after": 1, "times": 2, "retry_after": 3})
    assert statuses(asked, OWNERS, 1) == [200]
    assert statuses(asked, CONTACTS, 4) == [200, status, status, 200]
    asked.fault(status={"status": status, "retry_after": 3})
    answer = asked.hubspot("GET", CONTACTS)
    assert answer.headers["retry-after"] == "3"
    assert answer.json()["message"]


def test_several_rules_act_one_after_the_other(asked: Asked) -> None:
    asked.fault(status=[{"status": 500}, {"status": 503}])
    assert statuses(asked, CONTACTS, 3) == [500, 503, 200]


@pytest.mark.parametrize("vendor", ["hubspot", "google", "facebook", "linkedin"])
def test_every_vendor_fails_in_its_own_words(asked: Asked, vendor: str) -> None:
    asked.fault(status={"status": 503, "path": f"/{vendor}/"})
    body = asked.request("GET", f"/{vendor}/anything").json()
    shape = {"hubspot": "correlationId", "google": "error", "facebook": "error", "linkedin": "message"}
    assert shape[vendor] in body


def test_a_page_of_html_comes_in_place_of_json(asked: Asked) -> None:
    asked.fault(html_page={"status": 200})
    answer = asked.hubspot("GET", CONTACTS)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert asked.hubspot("GET", CONTACTS).headers["content-type"] == "application/json"


def test_json_is_cut_short_within_a_whole_body(asked: Asked) -> None:
    asked.fault(truncated_json={"path": "contacts"})
    answer = asked.hubspot("GET", CONTACTS)
    assert int(answer.headers["content-length"]) == len(answer.content)
    with pytest.raises(json.JSONDecodeError):
        answer.json()
    assert asked.hubspot("GET", CONTACTS).json()["results"]


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[str, dict[str, str]]]:
    command = [sys.executable, "-m", "sandbox.serve", "--people", "80", "--fault", 'page_caps={"off":true}']
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    yield ready["url"], {"Authorization": f"Bearer {ready['env']['SOURCES__HUBSPOT__ACCESS_TOKEN']}"}
    process.terminate()
    assert process.wait(10) == 0


def test_connections_are_cut_before_and_within_an_answer(served: tuple[str, dict[str, str]]) -> None:
    url, headers = served
    for rule, word in (
        ({"path": OWNERS}, "without sending a response"),
        ({"path": OWNERS, "sent": 0.5}, "body"),
    ):
        httpx.post(f"{url}/_sandbox/faults", json={"connection_reset": rule}).raise_for_status()
        with pytest.raises(httpx.TransportError, match=word):
            httpx.get(f"{url}/hubspot{OWNERS}", headers=headers)
        assert httpx.get(f"{url}/hubspot{OWNERS}", headers=headers).status_code == 200


def test_a_slow_body_comes_in_parts(served: tuple[str, dict[str, str]]) -> None:
    url, headers = served
    httpx.post(f"{url}/_sandbox/faults", json={"slow_body": {"seconds": 0.3, "parts": 3}}).raise_for_status()
    answer = httpx.get(f"{url}/hubspot{OWNERS}", headers=headers)
    assert answer.elapsed.total_seconds() >= 0.1
    with httpx.Client(timeout=0.05, headers=headers) as client:
        httpx.post(f"{url}/_sandbox/faults", json={"slow_body": {"seconds": 2}}).raise_for_status()
        with pytest.raises(httpx.ReadTimeout):
            client.get(f"{url}/hubspot{OWNERS}")


def test_the_command_line_sets_faults(served: tuple[str, dict[str, str]]) -> None:
    url, headers = served
    assert len(httpx.get(f"{url}/hubspot{OWNERS}", headers=headers).json()["results"]) == 3
    wrong = [sys.executable, "-m", "sandbox.serve", "--people", "20", "--fault", "no_such_fault"]
    done = subprocess.run(wrong, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "no_such_fault" in done.stderr


# -- limits and access ----------------------------------------------------------------------------------


def test_the_ten_second_limit_refuses_what_is_too_much(asked: Asked) -> None:
    used = 190 - int(asked.hubspot("GET", OWNERS).headers["x-hubspot-ratelimit-remaining"])
    asked.fault(hubspot_limits={"per_ten_seconds": used + 2})
    assert statuses(asked, OWNERS, 3) == [200, 200, 429]
    refused = asked.hubspot("GET", OWNERS)
    assert refused.json() | {"correlationId": ""} == {
        "status": "error",
        "message": "You have reached your ten_secondly_rolling limit.",
        "errorType": "RATE_LIMIT",
        "correlationId": "",
        "policyName": "TEN_SECONDLY_ROLLING",
    }
    assert "retry-after" not in refused.headers
    asked.fault(hubspot_limits={"per_ten_seconds": 1, "retry_after": True})
    assert 1 <= int(asked.hubspot("GET", OWNERS).headers["retry-after"]) <= 10


def test_searches_have_a_limit_of_their_own(asked: Asked) -> None:
    asked.fault(hubspot_limits={"search_per_second": 2})
    answers = [asked.hubspot("POST", f"{CONTACTS}/search", json={"limit": 1}) for _ in range(4)]
    assert [answer.status_code for answer in answers][:2] == [200, 200]
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json()["message"] == "You have reached your secondly limit."
    assert refused.json()["policyName"] == "SECONDLY"


def test_the_daily_limit_ends_with_the_clocks_day(asked: Asked) -> None:
    asked.clock("2026-11-03T06:00:00Z")
    asked.fault(hubspot_limits={"daily": 2})
    assert statuses(asked, OWNERS, 3) == [200, 200, 429]
    assert asked.hubspot("GET", OWNERS).json()["policyName"] == "DAILY"
    asked.clock("2026-11-04T06:00:00Z")
    assert statuses(asked, OWNERS, 1) == [200]


def test_tokens_expire_in_the_middle_of_a_run(asked: Asked) -> None:
    client, secret, refresh = asked.sandbox.credentials.hubspot_client
    form = {
        "grant_type": "refresh_token",
        "client_id": client,
        "client_secret": secret,
        "refresh_token": refresh,
    }

    def token() -> str:
        body = asked.request("POST", "/hubspot/oauth/2026-09/token", data=form).json()
        return str(body["access_token"])

    held = token()
    asked.fault(token_expiry={"after": 2})
    read = [asked.hubspot("GET", OWNERS, token=held).status_code for _ in range(4)]
    assert read == [200, 200, 401, 401]
    fresh = token()
    assert asked.hubspot("GET", OWNERS, token=fresh).status_code == 200
    asked.fault(token_expiry={"after": 1, "static": True})
    assert statuses(asked, OWNERS, 2) == [200, 401]


def test_a_missing_scope_closes_its_endpoints_only(asked: Asked) -> None:
    asked.fault(missing_scope={"scopes": ["crm.objects.deals.read", "crm.lists.read"]})
    refused = asked.hubspot("GET", "/crm/objects/2026-09/deals")
    assert refused.status_code == 403
    assert refused.json()["category"] == "MISSING_SCOPES"
    assert refused.json()["errors"][0]["context"] == {"requiredGranularScopes": ["crm.objects.deals.read"]}
    assert asked.hubspot("POST", "/crm/v3/lists/search", json={}).status_code == 403
    assert statuses(asked, CONTACTS, 1) == [200]
    key = {"tokenKey": asked.sandbox.credentials.hubspot_token}
    answer = asked.request("POST", "/hubspot/oauth/v2/private-apps/get/access-token-info", json=key).json()
    assert "crm.lists.read" not in answer["scopes"]


def test_a_version_goes_out_of_service(asked: Asked) -> None:
    asked.fault(version_gone={"versions": ["2026-09"]})
    assert asked.hubspot("GET", CONTACTS).status_code == 404
    assert asked.hubspot("GET", "/marketing/forms/2026-09-beta").status_code == 404
    assert asked.hubspot("GET", "/crm/objects/2026-03/contacts").status_code == 200


def test_events_are_refused_or_told_per_contact_only(asked: Asked) -> None:
    contact = asked.ids()[0]
    asked.fault(events_per_contact={})
    assert asked.hubspot("GET", "/events/v3/events?eventType=e_visited_page").status_code == 400
    assert asked.hubspot("GET", f"/events/v3/events?objectType=contact&objectId={contact}").status_code == 200
    asked.fault(events_forbidden={})
    assert asked.hubspot("GET", f"/events/v3/events?objectType=contact&objectId={contact}").status_code == 403


def test_a_portal_may_have_no_lists_of_ad_interactions(asked: Asked) -> None:
    asked.fault(lists_without_ads={})
    lists = asked.post("/crm/v3/lists/search", {"count": 500})["lists"]
    assert lists
    for row in lists:
        full = asked.get(f"/crm/v3/lists/{row['listId']}", includeFilters="true")["list"]
        assert "ADS_SEARCH" not in str(full)
    assert asked.hubspot("GET", "/crm/v3/lists/301").status_code == 404


def test_long_addresses_are_refused(asked: Asked) -> None:
    asked.fault(uri_length={"bytes": 200})
    names = ",".join(["hs_analytics_first_url"] * 20)
    assert asked.hubspot("GET", f"{CONTACTS}?properties={names}").status_code == 414
    body = {"inputs": [{"id": asked.ids()[0]}], "properties": names.split(",")}
    assert asked.hubspot("POST", f"{CONTACTS}/batch/read", json=body).status_code == 200


def test_the_date_can_be_wrong(asked: Asked) -> None:
    asked.fault(clock_skew={"seconds": -600})
    assert asked.hubspot("GET", OWNERS).headers["date"] == "Sun, 01 Nov 2026 05:50:00 GMT"


# -- paging and searching -------------------------------------------------------------------------------


def test_a_page_comes_with_the_rows_of_the_one_before(asked: Asked) -> None:
    every = asked.ids()
    asked.fault(duplicate_page={"path": "contacts", "times": None})
    again = [row["id"] for row in asked.rows(CONTACTS, limit=20)]
    assert len(again) > len(every)
    assert list(dict.fromkeys(again)) == every


def test_a_cursor_leads_to_itself(asked: Asked) -> None:
    after = asked.get(CONTACTS, limit=5)["paging"]["next"]["after"]
    asked.fault(repeated_cursor={"path": "contacts"})
    assert asked.get(CONTACTS, limit=5, after=after)["paging"]["next"]["after"] == after


def test_searches_end_at_the_cap(asked: Asked) -> None:
    asked.fault(search_cap={"results": 40})
    body: dict[str, Any] = {"limit": 20, "after": "20"}
    page = asked.post(f"{CONTACTS}/search", body)
    assert page["total"] > 40
    following = {**body, "after": page["paging"]["next"]["after"]}
    assert asked.hubspot("POST", f"{CONTACTS}/search", json=following).status_code == 400


def test_the_index_lags_behind_the_records(company: Asked) -> None:
    asked = Asked.small()
    asked.fault(index_lag={"seconds": 60})
    first, second, third = asked.ids()[:3]
    (merged,) = asked.do(do="merge", primary=first, secondary=second, tick=10)["ids"]
    asked.do(do="touch", ids=[third], property="favourite_module", value="inbox")
    assert {first, second} <= set(asked.found())
    assert merged not in asked.found()
    moved = {"propertyName": "lastmodifieddate", "operator": "GTE", "value": "2026-11-01T06:00:10Z"}
    assert asked.found("contacts", moved) == []
    asked.clock("2026-11-01T06:01:10Z")
    assert asked.found("contacts", moved) == [third, merged]


def test_offsets_drift(asked: Asked) -> None:
    every = asked.found()
    asked.fault(offset_drift={"by": 2})
    first = asked.post(f"{CONTACTS}/search", {"limit": 20})
    second = asked.post(f"{CONTACTS}/search", {"limit": 20, "after": first["paging"]["next"]["after"]})
    assert [row["id"] for row in second["results"]] == every[22:42]


def test_submissions_arrive_while_a_log_is_paged(company: Asked) -> None:
    asked = Asked.small()
    guid = asked.sandbox.company.form("demo").guid
    path = f"/form-integrations/v1/submissions/forms/{guid}"
    before = [row["conversionId"] for row in asked.rows(path, limit=5) if "conversionId" in row]
    asked.fault(submissions_arriving={"every": 1, "times": 2})
    paged = [row["conversionId"] for row in asked.rows(path, limit=5) if "conversionId" in row]
    assert len(paged) == len(before) + 2  # the last rows of the first two pages came twice
    assert set(paged) == set(before)
    now = [row["conversionId"] for row in asked.rows(path, limit=50) if "conversionId" in row]
    assert len(set(now) - set(before)) == 2


# -- shapes ---------------------------------------------------------------------------------------------


def test_histories_are_capped(asked: Asked) -> None:
    asked.fault(history_cap={"entries": 1})
    rows = asked.rows(CONTACTS, limit=50, propertiesWithHistory="hs_latest_source")
    assert {len(row["propertiesWithHistory"]["hs_latest_source"]) for row in rows} == {1}


def test_associations_in_other_shapes(asked: Asked) -> None:
    deals = [{"id": i} for i in asked.ids("deals")]
    path = "/crm/associations/2026-09/deals/contacts/batch/read"

    def read() -> list[dict[str, Any]]:
        results: list[dict[str, Any]] = asked.post(path, {"inputs": deals})["results"]
        return results

    asked.fault(page_caps={"off": True})
    usual = {(row["from"]["id"], to["toObjectId"]) for row in read() for to in row["to"]}
    asked.fault(association_ids={"as": "string"})
    assert {(row["from"]["id"], int(to["toObjectId"])) for row in read() for to in row["to"]} == usual
    assert all(isinstance(to["toObjectId"], str) for row in read() for to in row["to"])
    asked.fault(duplicate_association_types={})
    assert sum(len(row["to"]) for row in read()) == 2 * len(usual)
    asked.fault(association_pages={"size": 1})
    assert any("paging" in row for row in read())
    inline = [
        row["associations"]["contacts"]
        for row in asked.rows("/crm/v3/objects/deals", limit=100, associations="contacts")
    ]
    assert {len({tie["id"] for tie in found["results"]}) for found in inline} == {1}
    assert any("paging" in found for found in inline)
    asked.fault(batch_status={"status": 207})
    assert asked.hubspot("POST", path, json={"inputs": [{"id": "1"}]}).status_code == 207


def test_merged_records_can_show_among_the_archived(company: Asked) -> None:
    asked = Asked.small()
    first, second = asked.ids()[:2]
    asked.do(do="merge", primary=first, secondary=second)
    assert not {first, second} & set(asked.ids(archived="true"))
    asked.fault(merged_in_archived={})
    assert {first, second} <= set(asked.ids(archived="true"))


def test_submissions_without_ids_and_with_times_as_text(asked: Asked) -> None:
    path = f"/form-integrations/v1/submissions/forms/{asked.sandbox.company.form('demo').guid}"
    asked.fault(missing_conversion_id={"every": 2}, submitted_at_text={})
    rows = asked.rows(path, limit=50)
    assert {"conversionId" in row for row in rows} == {True, False}
    assert all(isinstance(row["submittedAt"], str) for row in rows)


def test_a_property_changes_its_type_on_the_wire(asked: Asked) -> None:
    asked.fault(wire_type={"property": "num_conversion_events", "type": "contacts"})
    row = asked.get(CONTACTS, properties="num_conversion_events,email", limit=1)["results"][0]
    assert isinstance(row["properties"]["num_conversion_events"], int)
    assert isinstance(row["properties"]["email"], str)


@pytest.mark.parametrize(
    ("kind", "first"), [("null_id", {"id": None}), ("no_id", {}), ("not_object", "not an object")]
)
def test_malformed_records_come_on_top(asked: Asked, kind: str, first: Any) -> None:
    every = asked.ids()
    asked.fault(malformed_record={"path": "objects/2026-09/contacts", "kind": kind})
    rows: list[Any] = asked.get(CONTACTS, limit=100)["results"]
    found = {"id": rows[0]["id"]} if kind == "null_id" else {} if kind == "no_id" else rows[0]
    assert found == first
    assert kind == "not_object" or "createdAt" in rows[0]
    assert [row["id"] for row in rows[1:]] == every[:100]


def test_rows_unsorted_and_stamps_of_every_precision(asked: Asked) -> None:
    usual = asked.get(CONTACTS, limit=50)["results"]
    asked.fault(unsorted={"path": "contacts"})
    assert asked.get(CONTACTS, limit=50)["results"] == usual[::-1]
    asked.fault(timestamp_precision={})
    lengths = {len(row["updatedAt"]) for row in asked.get(CONTACTS, limit=50)["results"]}
    assert len(lengths) > 2
    asked.fault(timestamp_precision={"digits": 0})
    assert {len(row["updatedAt"]) for row in asked.get(CONTACTS, limit=50)["results"]} == {20}


# -- the switches themselves ----------------------------------------------------------------------------


def test_switches_are_listed_set_and_cleared(asked: Asked) -> None:
    assert asked.request("GET", "/_sandbox/faults").json() == {}
    asked.fault(search_cap={"results": 5}, events_forbidden={})
    assert asked.request("GET", "/_sandbox/faults").json() == {
        "search_cap": {"results": 5},
        "events_forbidden": {},
    }
    assert asked.request("DELETE", "/_sandbox/faults?name=search_cap").json() == {"events_forbidden": {}}
    wrong = asked.request("POST", "/_sandbox/faults", json={"search_cap": {"rows": 5}})
    assert wrong.status_code == 400
    assert "rows" in wrong.json()["error"]


def test_every_switch_can_be_set_from_its_usual_values() -> None:
    faults = Faults()
    for name, usual in CATALOGUE.items():
        faults.set(name, usual)
        assert faults.get(name) == usual
    faults.clear()
    assert not faults.active
    assert parse('search_cap={"results": 3}') == ("search_cap", {"results": 3})
    with pytest.raises(ValueError, match="search_cap"):
        parse("search_cap={")


def test_requests_are_counted_by_path_with_ids_left_out(asked: Asked) -> None:
    asked.request("DELETE", "/_sandbox/requests")
    ids = asked.ids()
    for contact in ids[:2]:
        asked.record(contact)
    asked.hubspot("GET", "/crm/v3/objects/contacts/1")
    answer = asked.request("GET", "/_sandbox/requests").json()
    assert answer["requests"] == {
        "GET /hubspot/crm/objects/2026-09/contacts": 1,
        "GET /hubspot/crm/v3/objects/contacts/{id}": 3,
    }
    assert answer["total"] == 4
    assert answer["statuses"] == {"200": 3, "404": 1}
