"""What every vendor returns of the richer company: second accounts, renamed and paused objects, odd leads."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any
from urllib.parse import quote

import pytest
from google.ads.googleads.v26.services.types.google_ads_service import GoogleAdsRow
from google.protobuf import json_format

from sandbox.apis.facebook_ads import PAGE_TOKEN
from sandbox.apis.facebook_ads.objects import PAGE_ID
from sandbox.world.company import Network
from tests.sandboxed import Asked

GOOGLE, GOOGLE_UK = "4471290863", "6120037584"
FACEBOOK, FACEBOOK_US = "381905527714206", "381905527715310"
LINKEDIN, LINKEDIN_US = "508912347", "508913077"
NOW = "2026-11-01T06:00:00Z"


class Typical(Asked):
    """A company with two accounts on each network."""

    def google_rows(self, query: str, account: str = GOOGLE_UK) -> list[dict[str, Any]]:
        """The rows of a query; each one is a row to Google's own client."""
        client, secret, refresh = self.sandbox.credentials.google_client
        given = {"client_id": client, "client_secret": secret, "refresh_token": refresh}
        answer = self.request("POST", "/google/token", data={**given, "grant_type": "refresh_token"})
        headers = {
            "Authorization": f"Bearer {answer.json()['access_token']}",
            "login-customer-id": "9903317745",
        }
        path = f"/google/v26/customers/{account}/googleAds:searchStream"
        answer = self.request("POST", path, json={"query": query}, headers=headers)
        assert answer.status_code == 200, answer.text
        rows = [row for batch in answer.json() for row in batch.get("results", [])]
        for row in rows:
            json_format.ParseDict(row, GoogleAdsRow.pb()())
        return rows

    def facebook_rows(self, path: str, fields: str, **parameters: str) -> list[dict[str, Any]]:
        """All rows of a listing."""
        token = PAGE_TOKEN if "lead" in path else self.sandbox.credentials.facebook_token
        asked = {"access_token": token, "fields": fields, "limit": "100", **parameters}
        found: list[dict[str, Any]] = []
        while True:
            answer = self.request("GET", f"/facebook/v26.0/{path}", params=asked)
            assert answer.status_code == 200, answer.text
            found += answer.json()["data"]
            if "next" not in answer.json().get("paging", {}):
                return found
            asked["after"] = answer.json()["paging"]["cursors"]["after"]

    def linkedin(self, path: str) -> dict[str, Any]:
        """The body of one answer."""
        headers = {
            "Authorization": f"Bearer {self.sandbox.credentials.linkedin_token}",
            "LinkedIn-Version": "202611",
            "X-Restli-Protocol-Version": "2.0.0",
        }
        answer = self.request("GET", f"/linkedin/rest/{path}", headers=headers)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def creatives(self, account: str) -> dict[str, dict[str, Any]]:
        """Creatives by name."""
        found: dict[str, dict[str, Any]] = {}
        more = ""
        while True:
            body = self.linkedin(f"adAccounts/{account}/creatives?q=criteria{more}")
            found |= {row["name"]: row for row in body["elements"]}
            if "nextPageToken" not in body["metadata"]:
                return found
            more = f"&pageToken={body['metadata']['nextPageToken']}"

    def page(self, address: str) -> str:
        """The HTML of a page."""
        answer = self.request("GET", f"/pages/{address}")
        assert answer.status_code == 200, answer.text
        return answer.text


@pytest.fixture(scope="module")
def typical() -> Typical:
    return Typical.small(people=250, profile="typical")


@pytest.fixture(autouse=True)
def usual(typical: Typical) -> None:
    typical.clock(NOW)
    typical.sandbox.faults.clear()


# -- accounts ---------------------------------------------------------------------------------------------


def test_every_account_is_listed(typical: Typical) -> None:
    clients = typical.google_rows("SELECT customer_client.id FROM customer_client", "9903317745")
    ids = {row["customerClient"]["id"] for row in clients}
    assert ids == {"9903317745", GOOGLE, GOOGLE_UK}
    accounts = typical.facebook_rows("me/adaccounts", "account_id,currency")
    assert {row["account_id"]: row["currency"] for row in accounts} == {FACEBOOK: "EUR", FACEBOOK_US: "USD"}
    members = typical.linkedin("adAccountUsers?q=authenticatedUser")["elements"]
    assert {row["account"].rpartition(":")[2] for row in members} == {LINKEDIN, LINKEDIN_US}


def test_an_account_has_its_own_objects_and_figures(typical: Typical) -> None:
    held = {a.id: a for accounts in typical.sandbox.company.accounts.values() for a in accounts}
    for account in (GOOGLE, GOOGLE_UK):
        query = (
            "SELECT campaign.id, metrics.clicks FROM campaign"
            " WHERE segments.date BETWEEN '2026-08-01' AND '2026-10-31'"
        )
        found = typical.google_rows(query, account)
        assert {row["campaign"]["id"] for row in found} == {c.id for c in held[account].campaigns}
        assert all(int(row["metrics"]["clicks"]) > 0 for row in found)
    span = '{"since":"2026-08-01","until":"2026-10-31"}'
    for account in (FACEBOOK, FACEBOOK_US):
        rows = typical.facebook_rows(
            f"act_{account}/insights", "campaign_id,spend", level="campaign", time_range=span
        )
        assert {row["campaign_id"] for row in rows} == {c.id for c in held[account].campaigns}
    dates = "dateRange=(start:(year:2026,month:8,day:1),end:(year:2026,month:10,day:31))"
    for account in (LINKEDIN, LINKEDIN_US):
        urn = quote(f"urn:li:sponsoredAccount:{account}", safe="")
        path = f"adAnalytics?q=analytics&pivot=CAMPAIGN_GROUP&timeGranularity=ALL&{dates}"
        rows = typical.linkedin(f"{path}&accounts=List({urn})&fields=pivotValues,clicks")["elements"]
        ids = {row["pivotValues"][0].rpartition(":")[2] for row in rows}
        assert ids == {c.id for c in held[account].campaigns}


def test_each_account_counts_what_is_credited_to_it(typical: Typical) -> None:
    sandbox = typical.sandbox
    for network, counted in (
        (Network.GOOGLE, sandbox.google),
        (Network.FACEBOOK, sandbox.facebook),
        (Network.LINKEDIN, sandbox.linkedin),
    ):
        assert list(counted) == [account.id for account in sandbox.company.accounts[network]]
    query = (
        "SELECT segments.conversion_action_name, metrics.all_conversions FROM customer"
        " WHERE segments.date BETWEEN '2026-06-15' AND '2026-10-31'"
    )
    reported: dict[str, float] = defaultdict(float)
    for row in typical.google_rows(query):
        reported[row["segments"]["conversionActionName"]] += row["metrics"]["allConversions"]
    made: dict[str, float] = defaultdict(float)
    for credit in sandbox.google[GOOGLE_UK]:
        if credit.visible_at <= sandbox.now and credit.event_type != "IMPRESSION":
            made[credit.rule.name] += float(credit.units)
    assert reported == pytest.approx(made)


def test_a_switch_about_the_account_leaves_the_other_one_alone(typical: Typical) -> None:
    typical.fault(google_access={"status": "SUSPENDED"}, facebook_access={"assigned": False})
    clients = typical.google_rows(
        "SELECT customer_client.id, customer_client.status FROM customer_client", "9903317745"
    )
    statuses = {row["customerClient"]["id"]: row["customerClient"]["status"] for row in clients}
    assert (statuses[GOOGLE], statuses[GOOGLE_UK]) == ("SUSPENDED", "ENABLED")
    (left,) = typical.facebook_rows("me/adaccounts", "account_id")
    assert left["account_id"] == FACEBOOK_US


# -- the clock --------------------------------------------------------------------------------------------


def test_google_objects_are_told_as_they_are_now(typical: Typical) -> None:
    query = (
        "SELECT campaign.name, ad_group_ad.ad.name, ad_group_ad.status, ad_group_ad.ad.tracking_url_template,"
        " ad_group.final_url_suffix FROM ad_group_ad WHERE campaign.id = 21770518001"
    )
    for moment, campaign, ads, tracked in (
        (
            "2026-08-01T06:00:00Z",
            "UK Search",
            {"CRM UK A": "ENABLED", "CRM UK B": "ENABLED", "Spring offer": "ENABLED"},
            False,
        ),
        (
            NOW,
            "UK Search (exact)",
            {"CRM UK A": "ENABLED", "CRM UK B": "PAUSED", "Summer offer": "ENABLED"},
            True,
        ),
    ):
        typical.clock(moment)
        rows = typical.google_rows(query)
        assert {row["campaign"]["name"] for row in rows} == {campaign}
        assert {row["adGroupAd"]["ad"]["name"]: row["adGroupAd"]["status"] for row in rows} == ads
        for row in rows:
            template = row["adGroupAd"]["ad"].get("trackingUrlTemplate", "")
            assert ("hsa_cam=21770518001" in template) is tracked
            assert ("utm_medium=" in row["adGroup"].get("finalUrlSuffix", "")) is not tracked


def test_google_tells_what_changed_last(typical: Typical) -> None:
    query = (
        "SELECT change_status.resource_type, change_status.resource_status, campaign.name"
        " FROM change_status WHERE change_status.last_change_date_time >= '2026-09-01'"
        " AND change_status.last_change_date_time <= '2026-10-31' LIMIT 1000"
    )
    changed = {
        row["campaign"]["name"]
        for row in typical.google_rows(query)
        if row["changeStatus"]["resourceType"] == "CAMPAIGN"
        and row["changeStatus"]["resourceStatus"] == "CHANGED"
    }
    # renamed, and given a template
    assert changed == {"UK Search (exact)", "Smart UK"}


def test_meta_objects_are_told_as_they_are_now(typical: Typical) -> None:
    asked = {"effective_status": '["ACTIVE","PAUSED"]'}
    for moment, ads in (
        ("2026-09-01T06:00:00Z", {"US still": "ACTIVE", "US link": "ACTIVE", "US clip": "ACTIVE"}),
        (NOW, {"US still (v2)": "ACTIVE", "US link": "ACTIVE", "US clip": "PAUSED"}),
    ):
        typical.clock(moment)
        rows = typical.facebook_rows(f"act_{FACEBOOK_US}/ads", "name,effective_status", **asked)
        held = {row["name"]: row["effective_status"] for row in rows}
        assert held == {**ads, "US lead": "ACTIVE"}
    updated = typical.facebook_rows(f"act_{FACEBOOK_US}/ads", "name,updated_time", **asked)
    assert {row["name"]: row["updated_time"][:10] for row in updated} == {
        "US still (v2)": "2026-09-05",
        "US link": "2026-06-14",
        "US clip": "2026-09-28",
        "US lead": "2026-06-14",
    }


def test_linkedin_posts_carry_the_parameters_that_stand_on_them_now(typical: Typical) -> None:
    for moment, tracked in (("2026-09-30T06:00:00Z", False), (NOW, True)):
        typical.clock(moment)
        urn = typical.creatives(LINKEDIN_US)["Offer"]["content"]["reference"]
        post = typical.linkedin(f"posts/{quote(urn, safe='')}")
        assert post["contentLandingPage"].startswith("https://promo.nordlicht.example/offer?utm_")
        assert ("hsa_cam=654100801" in post["contentLandingPage"]) is tracked


def test_an_ad_leads_through_its_redirect_and_keeps_its_parameters(typical: Typical) -> None:
    rows = typical.facebook_rows(f"act_{FACEBOOK_US}/adcreatives", "name,url_tags,object_story_spec")
    (row,) = [row for row in rows if row["name"] == "US link"]
    assert row["object_story_spec"]["link_data"]["link"] == "https://go.nordlicht.example/short"
    assert "hsa_ad={{ad.id}}" in row["url_tags"]


# -- kinds of campaigns and conversions -------------------------------------------------------------------


def test_campaigns_without_ads_are_told_by_their_kind(typical: Typical) -> None:
    query = "SELECT campaign.name, campaign.advertising_channel_type FROM campaign"
    kinds = {
        row["campaign"]["name"]: row["campaign"]["advertisingChannelType"]
        for row in typical.google_rows(query)
    }
    assert (kinds["Smart UK"], kinds["Demand Gen UK"]) == ("SMART", "DEMAND_GEN")
    assert typical.google_rows("SELECT asset_group.id FROM asset_group") == []
    clicked = typical.google_rows(
        "SELECT campaign.name, segments.date, metrics.clicks FROM campaign"
        " WHERE segments.date BETWEEN '2026-10-01' AND '2026-10-30' AND metrics.clicks > 0"
    )
    days = Counter(row["segments"]["date"] for row in clicked)
    clicks = typical.google_rows(
        "SELECT click_view.gclid, click_view.ad_group_ad, campaign.name, segments.click_type,"
        " segments.ad_network_type, segments.slot FROM click_view"
        f" WHERE segments.date = '{days.most_common(1)[0][0]}'"
    )
    named = {(row["campaign"]["name"], "adGroupAd" in row["clickView"]) for row in clicks}
    assert {("Smart UK", False), ("Demand Gen UK", True), ("UK Search (exact)", True)} <= named
    assert ("Smart UK", True) not in named
    ads = typical.google_rows("SELECT ad_group_ad.ad.name, ad_group_ad.ad.type FROM ad_group_ad")
    types = {row["adGroupAd"]["ad"]["name"]: row["adGroupAd"]["ad"]["type"] for row in ads}
    assert types["Guide card"] == "DEMAND_GEN_MULTI_ASSET_AD"


def test_what_is_uploaded_says_so(typical: Typical) -> None:
    query = "SELECT conversion_action.name, conversion_action.type, conversion_action.origin FROM"
    types = {
        row["conversionAction"]["name"]: row["conversionAction"]["type"]
        for row in typical.google_rows(f"{query} conversion_action")
    }
    assert types.pop("HubSpot opportunity") == "UPLOAD_CLICKS"
    assert set(types.values()) == {"WEBPAGE"}
    query = (
        "SELECT segments.conversion_action_name, segments.external_conversion_source,"
        " metrics.all_conversions FROM customer WHERE segments.date BETWEEN '2026-06-15' AND '2026-10-31'"
    )
    sources = {
        row["segments"]["externalConversionSource"]
        for row in typical.google_rows(query)
        if row["segments"]["conversionActionName"] == "HubSpot opportunity"
    }
    assert sources == {"UPLOAD"}


# -- leads ------------------------------------------------------------------------------------------------


def test_meta_hides_the_ad_of_organic_and_test_leads(typical: Typical) -> None:
    fields = "id,is_organic,ad_id,adset_id,campaign_id,field_data"
    forms = typical.facebook_rows(f"{PAGE_ID}/leadgen_forms", "id,leads_count,organic_leads_count")
    assert len(forms) == 3
    for form in forms:
        leads = typical.facebook_rows(f"{form['id']}/leads", fields)
        odd = [lead for lead in leads if lead["is_organic"]]
        assert not any(lead.keys() & {"ad_id", "adset_id", "campaign_id"} for lead in odd)
        assert all("ad_id" in lead for lead in leads if lead not in odd)
        names = [answer["values"][0] for lead in odd for answer in lead["field_data"]]
        assert names.count("<test lead: dummy data for full_name>") == 1
        assert len(odd) == form["organic_leads_count"] == 4


def test_linkedin_marks_test_leads_and_keeps_their_creative(typical: Typical) -> None:
    for account, forms in ((LINKEDIN, 2), (LINKEDIN_US, 1)):
        owner = f"owner=(sponsoredAccount:{quote(f'urn:li:sponsoredAccount:{account}', safe='')})"
        path = f"leadFormResponses?q=owner&{owner}&leadType=(leadType:SPONSORED)&count=500"
        leads = typical.linkedin(path)["elements"]
        tests = [lead for lead in leads if lead["testLead"]]
        assert typical.linkedin(f"{path}&limitedToTestLeads=true")["elements"] == tests
        assert len(tests) == len({lead["id"] for lead in tests}) == forms
        for lead in tests:
            assert lead["associatedEntity"]["associatedCreative"].startswith("urn:li:sponsoredCreative:")
            first, last, email, _ = lead["formResponse"]["answers"]
            given = [one["answerDetails"]["textQuestionAnswer"]["answer"] for one in (first, last, email)]
            assert given == ["Test", "Lead", "test.lead.0@linkedin.test"]


# -- the site and HubSpot ---------------------------------------------------------------------------------


def test_the_microsite_has_a_form_and_no_tracking_code(typical: Typical) -> None:
    html = typical.page("promo.nordlicht.example/offer")
    assert "hs-script-loader" not in html
    assert typical.sandbox.company.form("offer").guid in html


def test_an_agencys_form_is_plain_html(typical: Typical) -> None:
    html = typical.page("www.nordlicht.example/roadshow")
    assert "hs-script-loader" in html
    assert "hsforms" not in html
    assert typical.sandbox.company.form("roadshow").guid not in html
    assert '<form action="https://' in html


def test_every_campaign_of_every_account_has_a_list(typical: Typical) -> None:
    company = typical.sandbox.company
    campaigns = [c for accounts in company.accounts.values() for a in accounts for c in a.campaigns]
    asked = {"count": 500, "query": "Ad interactions"}
    found = typical.post("/crm/lists/2026-09/search", asked)["lists"]
    assert [row["name"] for row in found] == [f"Ad interactions: {campaign.name}" for campaign in campaigns]
    sizes = {row["name"]: int(row["additionalProperties"]["hs_list_size"]) for row in found}
    assert sizes["Ad interactions: CRM Search EU"] > 0
    assert sum(size > 0 for size in sizes.values()) > 5


def test_world_merges_and_erasures_reach_the_portal() -> None:
    asked = Asked.small(people=400, profile="hostile")
    portal = asked.sandbox.portal
    merge, (erased_at, erased) = portal.merges[0], portal.erasures[0]
    for moment, alive, found in (
        (merge.at.replace(microsecond=0), True, [merge.secondary.id]),
        (merge.at.replace(second=merge.at.second, microsecond=999_999), False, []),
    ):
        asked.clock(moment.isoformat())
        ids = asked.ids()
        for contact in (merge.primary, merge.secondary):
            assert (contact.id in ids) is alive
        assert (merge.merged.id in ids) is not alive
        rule = {"propertyName": "email", "operator": "EQ", "value": merge.secondary.email}
        assert asked.found("contacts", rule) == found
    record = asked.record(merge.primary.id, "email", "hs_additional_emails", "hs_merged_object_ids")
    assert record["id"] == merge.merged.id
    assert record["properties"]["hs_additional_emails"] == merge.secondary.email
    merged = f"{merge.primary.id};{merge.secondary.id}"
    assert record["properties"]["hs_merged_object_ids"] == merged

    asked.clock("2026-11-20T06:00:00Z")
    assert erased_at < asked.sandbox.now
    assert asked.hubspot("GET", f"/crm/v3/objects/contacts/{erased.id}").status_code == 404
    live = set(asked.ids())
    events = asked.rows("/events/v3/events", limit=500)
    assert {event["objectId"] for event in events} <= live
    for form in asked.sandbox.company.forms:
        rows = asked.rows(f"/form-integrations/v1/submissions/forms/{form.guid}", limit=50)
        sent = [v["value"].lower() for row in rows for v in row["values"] if v["name"] == "email"]
        assert erased.email not in sent
