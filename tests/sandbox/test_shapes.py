"""HubSpot's shapes as the sandbox sends them, where HubSpot's own clients do not look."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandboxed import Asked


@pytest.fixture(scope="module")
def asked() -> Asked:
    return Asked.small()


def test_default_properties_per_type(asked: Asked) -> None:
    expected = {
        "contacts": {"createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"},
        "companies": {"createdate", "domain", "hs_lastmodifieddate", "hs_object_id", "name"},
        "deals": {
            "amount",
            "closedate",
            "createdate",
            "dealname",
            "dealstage",
            "hs_lastmodifieddate",
            "hs_object_id",
            "pipeline",
        },
    }
    for kind, names in expected.items():
        row = asked.get(f"/crm/objects/2026-09/{kind}", limit=1)["results"][0]
        assert row["properties"].keys() == names
        number = {"contacts": "0-1", "companies": "0-2", "deals": "0-3"}[kind]
        assert asked.get(f"/crm/objects/2026-03/{number}", limit=1)["results"] == [row]


def test_an_inline_pair_comes_once_per_association_type(asked: Asked) -> None:
    rows = asked.rows("/crm/v3/objects/contacts", limit=100, associations="companies,deals")
    ties = [row["associations"]["companies"]["results"] for row in rows]
    assert all(
        [tie["type"] for tie in tied][:2] == ["contact_to_company", "contact_to_company_unlabeled"]
        for tied in ties
    )
    assert all(len({tie["id"] for tie in tied}) == 1 for tied in ties)
    assert any("deals" in row["associations"] for row in rows)


def test_companies_are_primary_and_plain(asked: Asked) -> None:
    contact = asked.ids()[0]
    (tied,) = asked.rows(f"/crm/objects/2026-09/contacts/{contact}/associations/companies")
    assert isinstance(tied["toObjectId"], int)
    assert [entry["typeId"] for entry in tied["associationTypes"]] == [279, 1]
    assert [entry["label"] for entry in tied["associationTypes"]] == [None, "Primary"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/crm/v3/objects/contacts/batch/read", 207),
        ("/crm/objects/2026-03/contacts/batch/read", 207),
        ("/crm/objects/2026-09/contacts/batch/read", 200),
        ("/crm/v4/associations/contacts/deals/batch/read", 207),
        ("/crm/associations/2026-09/contacts/deals/batch/read", 200),
    ],
)
def test_missing_inputs_are_reported_inside_the_answer(asked: Asked, path: str, status: int) -> None:
    inputs = [{"id": i} for i in (*asked.ids(), "1")]
    answer = asked.hubspot("POST", path, json={"inputs": inputs[-90:]})
    assert answer.status_code == status
    body = answer.json()
    assert body["numErrors"] == len(body["errors"])
    assert body["results"]


def test_batches_are_smaller_with_histories(asked: Asked) -> None:
    body: dict[str, Any] = {"inputs": [{"id": str(i)} for i in range(51)], "propertiesWithHistory": ["email"]}
    answer = asked.hubspot("POST", "/crm/objects/2026-09/contacts/batch/read", json=body)
    assert answer.status_code == 400
    assert answer.json()["message"] == (
        "The maximum number of inputs supported in a batch request for property histories is 50. "
        "Please reduce the number of items and try again"
    )
    body = {"inputs": [{"id": str(i)} for i in range(101)]}
    assert asked.hubspot("POST", "/crm/v3/objects/contacts/batch/read", json=body).status_code == 400


def test_custom_properties_have_values_and_are_not_hubspots(asked: Asked) -> None:
    for kind, name in (
        ("contacts", "favourite_module"),
        ("contacts", "newsletter_topics"),
        ("companies", "account_tier"),
        ("deals", "implementation_partner"),
    ):
        definitions = asked.get(f"/crm/properties/2026-09/{kind}")["results"]
        (definition,) = [row for row in definitions if row["name"] == name]
        assert definition["hubspotDefined"] is False
        rows = asked.rows(f"/crm/v3/objects/{kind}", limit=100, properties=name)
        assert len({row["properties"][name] for row in rows}) > 1


def test_every_property_the_records_have_is_defined(asked: Asked) -> None:
    for kind in ("contacts", "companies", "deals"):
        names = [row["name"] for row in asked.get(f"/crm/v3/properties/{kind}")["results"]]
        row = asked.get(f"/crm/v3/objects/{kind}", limit=1, properties=",".join(names))["results"][0]
        assert row["properties"].keys() == set(names)


def test_lifecycle_stages_move_with_the_deals(asked: Asked) -> None:
    rows = asked.rows(
        "/crm/v3/objects/contacts",
        limit=50,
        properties="lifecyclestage",
        propertiesWithHistory="lifecyclestage",
        associations="deals",
    )
    stages = {row["properties"]["lifecyclestage"] for row in rows}
    assert stages == {"subscriber", "lead", "opportunity", "customer"}
    for row in rows:
        has_deal = "deals" in row.get("associations", {})
        assert (row["properties"]["lifecyclestage"] in ("opportunity", "customer")) is has_deal
        entries = row["propertiesWithHistory"]["lifecyclestage"]
        ranks = [["subscriber", "lead", "opportunity", "customer"].index(e["value"]) for e in entries]
        assert ranks == sorted(ranks, reverse=True)


def test_searches_refuse_too_many_filters(asked: Asked) -> None:
    rule = {"propertyName": "email", "operator": "HAS_PROPERTY"}
    for groups in ([{"filters": [rule]}] * 6, [{"filters": [rule] * 7}], [{"filters": [rule] * 5}] * 4):
        answer = asked.hubspot("POST", "/crm/v3/objects/contacts/search", json={"filterGroups": groups})
        assert answer.status_code == 400


def test_the_answer_is_dated_by_the_virtual_clock_and_tells_what_is_left(asked: Asked) -> None:
    first = asked.hubspot("GET", "/crm/v3/owners").headers
    second = asked.hubspot("GET", "/crm/v3/owners").headers
    assert first["date"] == "Sun, 01 Nov 2026 06:00:00 GMT"
    assert first["x-hubspot-ratelimit-max"] == "190"
    remaining = [int(headers["x-hubspot-ratelimit-daily-remaining"]) for headers in (first, second)]
    assert remaining[1] == remaining[0] - 1
    search = asked.hubspot("POST", "/crm/v3/objects/contacts/search", json={}).headers
    assert not [name for name in search if name.startswith("x-hubspot")]


def test_tokens_tell_their_scopes(asked: Asked) -> None:
    key = asked.sandbox.credentials.hubspot_token
    path = "/hubspot/oauth/v2/private-apps/get/access-token-info"
    answer = asked.request("POST", path, json={"tokenKey": key}).json()
    assert answer["hubId"] == asked.sandbox.company.portal_id
    assert {"crm.objects.contacts.read", "forms", "crm.lists.read"} <= set(answer["scopes"])
    assert asked.request("POST", path, json={"tokenKey": "another"}).status_code == 404
    client, secret, refresh = asked.sandbox.credentials.hubspot_client
    form = {
        "grant_type": "refresh_token",
        "client_id": client,
        "client_secret": secret,
        "refresh_token": refresh,
    }
    legacy = asked.request("POST", "/hubspot/oauth/v1/token", data=form).json()
    dated = asked.request("POST", "/hubspot/oauth/2026-09/token", data=form).json()
    assert "hub_id" not in legacy
    assert dated["token_use"] == "access_token"
    known = asked.request("GET", f"/hubspot/oauth/v1/access-tokens/{dated['access_token']}").json()
    assert known["scopes"] == dated["scopes"]
    headers = asked.hubspot("GET", "/crm/v3/owners", token=dated["access_token"]).headers
    assert "x-hubspot-ratelimit-remaining" in headers
    assert "x-hubspot-ratelimit-daily-remaining" not in headers


def test_owners_who_left_have_no_user_id(asked: Asked) -> None:
    (left,) = asked.rows("/crm/owners/2026-09", archived="true")
    assert left["archived"]
    assert "userId" not in left
    assert left["userIdIncludingInactive"]


def test_campaigns_carry_only_the_properties_asked_for(asked: Asked) -> None:
    bare = asked.rows("/marketing/campaigns/2026-09")
    named = asked.rows("/marketing/campaigns/2026-09", properties="hs_name,hs_utm")
    assert [row["properties"] for row in bare] == [{}, {}, {}]
    assert all(row["properties"].keys() == {"hs_name", "hs_utm"} for row in named)


def test_rates_lead_into_the_company_currency(asked: Asked) -> None:
    rates = asked.rows("/settings/v3/currencies/exchange-rates")
    assert asked.get("/settings/currencies/2026-09/company-currency")["id"] == "EUR"
    assert {row["toCurrencyCode"] for row in rates} == {"EUR"}
    assert all(isinstance(row["conversionRate"], float) for row in rates)
    assert [row["fromCurrencyCode"] for row in rates if not row["visibleInUI"]] == ["GBP", "GBP"]
    (current,) = asked.get("/settings/v3/currencies/exchange-rates/current")["results"]
    assert current in rates


def test_a_list_knows_its_members_by_record_and_by_time(asked: Asked) -> None:
    lists = asked.post("/crm/lists/2026-09/search", {"count": 500, "objectTypeId": "0-1"})["lists"]
    assert {row["processingType"] for row in lists} == {"DYNAMIC", "MANUAL", "SNAPSHOT"}
    full = asked.get("/crm/lists/2026-09/12", includeFilters="true")["list"]
    by_id = asked.rows("/crm/v3/lists/12/memberships", limit=10)
    by_time = asked.rows("/crm/lists/2026-09/12/memberships/join-order", limit=10)
    assert full["size"] == len(by_id) > 1
    assert sorted(map(str, by_id)) == sorted(map(str, by_time))
    stamps = [row["membershipTimestamp"] for row in by_time]
    assert stamps == sorted(stamps)
    member = by_id[0]["recordId"]
    answer = asked.get(f"/crm/v3/lists/records/0-1/{member}/memberships")["results"]
    assert "12" in [row["listId"] for row in answer]
    assert "filterBranch" not in asked.get("/crm/v3/lists/14", includeFilters="true")["list"]
    assert "filterBranch" not in asked.get("/crm/v3/lists/12")["list"]
    assert asked.hubspot("GET", "/crm/v3/lists/999").status_code == 404
