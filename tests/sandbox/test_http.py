"""The served sandbox as a client sees it: access, paging, shapes, the clock and the process itself."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]
DEFAULT_NOW = "2026-11-01T06:00:00Z"
AUGUST_TO_OCTOBER = "segments.date BETWEEN '2026-08-01' AND '2026-10-31'"


@dataclass
class Served:
    """A running sandbox and a client without credentials."""

    process: subprocess.Popen[str]
    url: str
    env: dict[str, str]
    http: httpx.Client

    def setting(self, name: str) -> str:
        return self.env[f"SOURCES__{name}"]

    def ids(self, name: str) -> str:
        return str(json.loads(self.setting(name))[0])

    def clock(self, now: str) -> None:
        self.http.post(f"{self.url}/_sandbox/clock", json={"now": now}).raise_for_status()

    # -- HubSpot ----------------------------------------------------------------------------------------

    def hubspot(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.setting('HUBSPOT__ACCESS_TOKEN')}"}
        return self.http.request(
            method, f"{self.setting('HUBSPOT__BASE_URL')}{path}", headers=headers, **kwargs
        )

    def hubspot_pages(self, path: str, **params: Any) -> list[list[dict[str, Any]]]:
        headers = {"Authorization": f"Bearer {self.setting('HUBSPOT__ACCESS_TOKEN')}"}
        url: str | None = f"{self.setting('HUBSPOT__BASE_URL')}{path}"
        pages = []
        while url:
            answer = self.http.get(url, headers=headers, params=params or None)
            assert answer.status_code == 200, answer.text
            params = {}
            body = answer.json()
            pages.append(body["results"])
            url = body.get("paging", {}).get("next", {}).get("link")
        return pages

    # -- Google -----------------------------------------------------------------------------------------

    def google_token(self, **changes: str) -> httpx.Response:
        form = {
            "grant_type": "refresh_token",
            "client_id": self.setting("GOOGLE_ADS__CLIENT_ID"),
            "client_secret": self.setting("GOOGLE_ADS__CLIENT_SECRET"),
            "refresh_token": self.setting("GOOGLE_ADS__REFRESH_TOKEN"),
        }
        return self.http.post(self.setting("GOOGLE_ADS__TOKEN_URL"), data={**form, **changes})

    def google_headers(self) -> dict[str, str]:
        token = self.google_token().json()["access_token"]
        return {
            "Authorization": f"Bearer {token}",
            "login-customer-id": self.setting("GOOGLE_ADS__LOGIN_CUSTOMER_ID"),
        }

    def stream(self, query: str, customer: str | None = None, headers: dict[str, str] | None = None) -> Any:
        customer = customer or self.ids("GOOGLE_ADS__CUSTOMER_IDS")
        url = f"{self.setting('GOOGLE_ADS__BASE_URL')}/v26/customers/{customer}/googleAds:searchStream"
        return self.http.post(url, json={"query": query}, headers=headers or self.google_headers())

    def rows(self, query: str) -> list[dict[str, Any]]:
        return [row for batch in self.stream(query).json() for row in batch.get("results", [])]

    # -- Facebook ---------------------------------------------------------------------------------------

    def facebook_pages(self, path: str, **params: Any) -> list[list[dict[str, Any]]]:
        params["access_token"] = self.setting("FACEBOOK_ADS__ACCESS_TOKEN")
        url: str | None = f"{self.setting('FACEBOOK_ADS__BASE_URL')}/v26.0/{path}"
        pages = []
        while url:
            answer = self.http.get(url, params=params or None)
            assert answer.status_code == 200, answer.text
            params = {}
            body = answer.json()
            pages.append(body["data"])
            url = body.get("paging", {}).get("next")
        return pages

    def facebook_account(self) -> str:
        return f"act_{self.ids('FACEBOOK_ADS__ACCOUNT_IDS')}"

    # -- LinkedIn ---------------------------------------------------------------------------------------

    def linkedin(self, path: str, **headers: str) -> httpx.Response:
        sent = {
            "Authorization": f"Bearer {self.setting('LINKEDIN_ADS__ACCESS_TOKEN')}",
            "LinkedIn-Version": "202609",
            "X-Restli-Protocol-Version": "2.0.0",
        }
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.get(f"{self.setting('LINKEDIN_ADS__BASE_URL')}/rest{path}", headers=sent)


def start(*arguments: str) -> Served:
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox.serve", *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    return Served(process, ready["url"], ready["env"], httpx.Client(timeout=30))


def stop(served: Served) -> int:
    served.http.close()
    served.process.send_signal(signal.SIGTERM)
    return served.process.wait(10)


@pytest.fixture(scope="module")
def running() -> Iterator[Served]:
    served = start()
    yield served
    assert stop(served) == 0


@pytest.fixture
def served(running: Served) -> Served:
    running.clock(DEFAULT_NOW)
    return running


def assert_pages(pages: list[list[dict[str, Any]]], key: str = "id", least: int = 3) -> None:
    ids = [row[key] for page in pages for row in page]
    assert len(pages) >= least
    assert len(set(ids)) == len(ids) > 0


# -- paging ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/crm/objects/2026-09/contacts", {"limit": 100}),
        ("/crm/objects/2026-09/contacts", {"limit": 50, "propertiesWithHistory": "hs_analytics_first_url"}),
        ("/crm/v3/objects/deals", {"limit": 100}),
        ("/events/event-occurrences/2026-09", {"eventType": "e_visited_page", "limit": 1000}),
        ("/events/v3/events", {"eventType": "e_visited_page", "limit": 1000, "sort": "occurredAt"}),
        ("/marketing/forms/2026-09-beta", {"formTypes": "hubspot,captured,flow,blog_comment"}),
        ("/crm/v3/owners", {}),
    ],
)
def test_hubspot_pages_hold_every_row_once(served: Served, path: str, params: dict[str, Any]) -> None:
    assert_pages(served.hubspot_pages(path, **params))


def test_hubspot_submissions_come_newest_first_with_several_large_forms(served: Served) -> None:
    forms = served.hubspot_pages("/marketing/v3/forms", formTypes="hubspot,captured,flow,blog_comment")
    large = 0
    for form in (form for page in forms for form in page):
        pages = served.hubspot_pages(f"/form-integrations/v1/submissions/forms/{form['id']}", limit=50)
        sent = [row["submittedAt"] for page in pages for row in page]
        assert sent == sorted(sent, reverse=True)
        assert all(isinstance(at, int) for at in sent)
        large += len(pages) >= 3
    assert large >= 2


def test_hubspot_associations_page_within_one_deal(served: Served) -> None:
    deals = [row["id"] for page in served.hubspot_pages("/crm/v3/objects/deals", limit=100) for row in page]
    path = "/crm/associations/2026-09/deals/contacts/batch/read"
    pending: list[dict[str, str]] = [{"id": deal} for deal in deals]
    pairs: list[tuple[str, str]] = []
    rounds = 0
    while pending:
        rounds += 1
        body = served.hubspot("POST", path, json={"inputs": pending}).json()
        pairs += [(r["from"]["id"], str(to["toObjectId"])) for r in body["results"] for to in r["to"]]
        pending = [
            {"id": r["from"]["id"], "after": r["paging"]["next"]["after"]}
            for r in body["results"]
            if "paging" in r
        ]
    assert rounds >= 3
    assert len(set(pairs)) == len(pairs) > len(deals)


@pytest.mark.parametrize("level", ["campaign", "adset", "ad"])
def test_facebook_objects_page(served: Served, level: str) -> None:
    statuses = ["ACTIVE", "PAUSED", "ARCHIVED", "DELETED"]
    every = json.dumps([{"field": f"{level}.effective_status", "operator": "IN", "value": statuses}])
    path = f"{served.facebook_account()}/{level}s"
    assert_pages(served.facebook_pages(path, fields="id,name", limit=500, filtering=every))


def test_facebook_creatives_page(served: Served) -> None:
    path = f"{served.facebook_account()}/adcreatives"
    assert_pages(served.facebook_pages(path, fields="id,name", limit=500))


@pytest.mark.parametrize(
    ("path", "page_size"),
    [("adCampaignGroups?q=search", 1000), ("adCampaigns?q=search", 1000), ("creatives?q=criteria", 100)],
)
def test_linkedin_cursor_pages(served: Served, path: str, page_size: int) -> None:
    account = served.ids("LINKEDIN_ADS__ACCOUNT_IDS")
    pages, token = [], ""
    while True:
        body = served.linkedin(f"/adAccounts/{account}/{path}&pageSize={page_size}{token}").json()
        pages.append(body["elements"])
        following = body["metadata"].get("nextPageToken")
        if following is None:
            break
        token = f"&pageToken={following}"
    assert_pages(pages)


def test_linkedin_conversions_page_by_offset(served: Served) -> None:
    account = quote(f"urn:li:sponsoredAccount:{served.ids('LINKEDIN_ADS__ACCOUNT_IDS')}", safe="")
    pages, read, total = [], 0, 1
    while read < total:
        path = f"/conversions?q=account&account={account}&start={read}&count=500"
        body = served.linkedin(path).json()
        pages.append(body["elements"])
        read, total = read + len(body["elements"]), body["paging"]["total"]
    assert_pages(pages)


def test_google_streams_come_in_batches(served: Served) -> None:
    batches = served.stream("SELECT campaign.id, campaign.name FROM campaign").json()
    ids = [row["campaign"]["id"] for batch in batches for row in batch["results"]]
    assert len(batches) >= 3
    assert len(set(ids)) == len(ids) == 6
    assert ["queryResourceConsumption" in batch for batch in batches] == [False] * (len(batches) - 1) + [True]


# -- access ---------------------------------------------------------------------------------------------


def test_each_vendor_refuses_a_wrong_token_in_its_own_words(served: Served) -> None:
    wrong = {"Authorization": "Bearer wrong"}
    hubspot = served.http.get(f"{served.setting('HUBSPOT__BASE_URL')}/crm/v3/objects/contacts", headers=wrong)
    assert (hubspot.status_code, hubspot.json()["category"]) == (401, "INVALID_AUTHENTICATION")
    google = served.stream("SELECT campaign.id FROM campaign", headers=wrong)
    failure = google.json()[0]["error"]
    assert (google.status_code, failure["status"]) == (401, "UNAUTHENTICATED")
    facebook = served.http.get(
        f"{served.setting('FACEBOOK_ADS__BASE_URL')}/v26.0/me/adaccounts", headers=wrong
    )
    assert facebook.json()["error"]["code"] == 190
    linkedin = served.linkedin("/adAccounts?q=search", Authorization="Bearer wrong")
    assert (linkedin.status_code, linkedin.json()["serviceErrorCode"]) == (401, 65600)


def test_google_refuses_a_revoked_refresh_token(served: Served) -> None:
    answer = served.google_token(refresh_token="revoked")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_google_refuses_unknown_customers_and_a_missing_login(served: Served) -> None:
    headers = served.google_headers()
    other = served.stream("SELECT campaign.id FROM campaign", customer="1112223334", headers=headers)
    del headers["login-customer-id"]
    direct = served.stream("SELECT campaign.id FROM campaign", headers=headers)
    for answer in (other, direct):
        errors = answer.json()[0]["error"]["details"][0]["errors"]
        assert answer.status_code == 403
        assert errors[0]["errorCode"] == {"authorizationError": "USER_PERMISSION_DENIED"}


def test_expired_tokens_are_refused_until_refreshed(served: Served) -> None:
    headers = served.google_headers()
    served.http.post(f"{served.url}/_sandbox/expire-tokens").raise_for_status()
    query = "SELECT campaign.id FROM campaign"
    assert served.stream(query, headers=headers).status_code == 401
    assert served.stream(query).status_code == 200


def test_linkedin_wants_a_live_version_and_encoded_urns(served: Served) -> None:
    assert served.linkedin("/adAccounts?q=search", LinkedIn_Version="202511").status_code == 426
    token = {"Authorization": f"Bearer {served.setting('LINKEDIN_ADS__ACCESS_TOKEN')}"}
    unversioned = served.http.get(
        f"{served.setting('LINKEDIN_ADS__BASE_URL')}/rest/adAccounts?q=search", headers=token
    )
    assert (unversioned.status_code, unversioned.json()["code"]) == (400, "VERSION_MISSING")
    since = "dateRange=(start:(year:2026,month:8,day:1))"
    path = f"/adAnalytics?q=analytics&pivot=CAMPAIGN&timeGranularity=DAILY&{since}"
    assert served.linkedin(f"{path}&accounts=List(urn:li:sponsoredAccount:1)").status_code == 400
    assert served.linkedin(f"{path}&accounts=List(urn%3Ali%3AsponsoredAccount%3A1)").json()["elements"] == []


def test_a_foreign_account_is_refused(served: Served) -> None:
    token = served.setting("FACEBOOK_ADS__ACCESS_TOKEN")
    url = f"{served.setting('FACEBOOK_ADS__BASE_URL')}/v26.0/act_99/campaigns"
    error = served.http.get(url, params={"access_token": token}).json()["error"]
    assert (error["code"], error["error_subcode"]) == (100, 33)
    assert served.linkedin("/adAccounts/99/adCampaigns?q=search").status_code == 403


# -- shapes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("SELECT campaign.foo FROM campaign", "UNRECOGNIZED_FIELD"),
        ("SELECT metrics.clicks, segments.date FROM campaign", "EXPECTED_FILTERS_ON_DATE_RANGE"),
        (
            "SELECT metrics.clicks, segments.conversion_action FROM campaign",
            "PROHIBITED_SEGMENT_WITH_METRIC_IN_SELECT_OR_WHERE_CLAUSE",
        ),
        (
            "SELECT campaign.id FROM campaign ORDER BY campaign.name",
            "EXPECTED_REFERENCED_FIELD_IN_SELECT_CLAUSE",
        ),
        ("SELECT campaign.id campaign.name FROM campaign", "EXPECTED_FROM"),
    ],
)
def test_google_names_what_is_wrong_with_a_query(served: Served, query: str, code: str) -> None:
    answer = served.stream(query)
    assert answer.status_code == 400
    assert answer.json()[0]["error"]["details"][0]["errors"][0]["errorCode"] == {"queryError": code}


def test_google_filters_orders_and_limits(served: Served) -> None:
    rows = served.rows(
        "SELECT campaign.id, segments.date, metrics.impressions FROM campaign "
        f"WHERE {AUGUST_TO_OCTOBER} AND metrics.clicks >= 5 AND campaign.status != 'REMOVED' "
        "AND campaign.name IN ('Brand Search', 'Nobody') "
        "ORDER BY metrics.impressions DESC, segments.date LIMIT 5"
    )
    shown = [int(row["metrics"]["impressions"]) for row in rows]
    assert len(rows) == 5
    assert shown == sorted(shown, reverse=True)
    assert {row["campaign"]["id"] for row in rows} == {"20890417001"}
    assert all("clicks" not in row["metrics"] for row in rows)


def test_google_gives_no_metrics_for_a_manager(served: Served) -> None:
    manager = served.setting("GOOGLE_ADS__LOGIN_CUSTOMER_ID")
    errors = served.stream("SELECT metrics.clicks FROM campaign", customer=manager).json()[0]["error"][
        "details"
    ]
    assert errors[0]["errors"][0]["errorCode"] == {"queryError": "REQUESTED_METRICS_FOR_MANAGER"}


def test_google_prints_int64_as_text_and_totals_agree_across_queries(served: Served) -> None:
    fields = "campaign.id, segments.date, metrics.conversions"
    daily = served.rows(f"SELECT {fields}, metrics.clicks FROM campaign WHERE {AUGUST_TO_OCTOBER}")
    split = served.rows(
        f"SELECT {fields}, segments.conversion_action, segments.conversion_attribution_event_type, "
        f"metrics.conversions_by_conversion_date FROM campaign WHERE {AUGUST_TO_OCTOBER}"
    )
    assert isinstance(daily[0]["metrics"]["clicks"], str)
    totals = [sum(row["metrics"]["conversions"] for row in rows) for rows in (daily, split)]
    assert totals[0] == pytest.approx(totals[1])
    assert any(row["metrics"]["conversions"] % 1 for row in split)
    assert {"INTERACTION", "ENGAGED_VIEW"} <= {
        row["segments"]["conversionAttributionEventType"] for row in split
    }


def test_google_performance_max_stands_above_its_ads(served: Served) -> None:
    where = f"WHERE {AUGUST_TO_OCTOBER}"
    campaigns = served.rows(f"SELECT campaign.advertising_channel_type, metrics.clicks FROM campaign {where}")
    ads = served.rows(f"SELECT campaign.advertising_channel_type, metrics.clicks FROM ad_group_ad {where}")
    kinds = [{row["campaign"]["advertisingChannelType"] for row in rows} for rows in (campaigns, ads)]
    assert kinds[0] - kinds[1] == {"PERFORMANCE_MAX"}


def test_facebook_keeps_a_deleted_ad_in_the_campaign_alone_vector_n18(served: Served) -> None:
    path = f"{served.facebook_account()}/insights"
    shared = {
        "time_range": '{"since":"2026-08-01","until":"2026-10-31"}',
        "time_increment": "1",
        "limit": 500,
    }

    def total(level: str) -> dict[str, int]:
        fields = "campaign_id,campaign_name,impressions"
        sums: dict[str, int] = {}
        for page in served.facebook_pages(path, level=level, fields=fields, **shared):
            for row in page:
                assert isinstance(row["impressions"], str)
                sums[row["campaign_name"]] = sums.get(row["campaign_name"], 0) + int(row["impressions"])
        return sums

    campaigns, ads = total("campaign"), total("ad")
    assert ads["Webinar autumn"] < campaigns["Webinar autumn"]
    assert ads["Leads DE"] == campaigns["Leads DE"]


def test_facebook_names_one_event_several_times_and_leaves_out_nothing_but_zeros(served: Served) -> None:
    pages = served.facebook_pages(
        f"{served.facebook_account()}/insights",
        level="campaign",
        fields="campaign_name,clicks,actions",
        time_range='{"since":"2026-08-01","until":"2026-10-31"}',
        time_increment="1",
        action_attribution_windows='["1d_click","7d_click","28d_click","1d_view"]',
        limit=500,
    )
    rows = [row for page in pages for row in page]
    assert len(pages) >= 3
    assert any("actions" not in row for row in rows)
    assert all(row["actions"] for row in rows if "actions" in row)
    for row in rows:
        actions = {action["action_type"]: action for action in row.get("actions", [])}
        for action in actions.values():
            assert all(action[window] != "0" for window in action if window.endswith(("click", "view")))
        pixel = int(actions.get("offsite_conversion.fb_pixel_lead", {}).get("value", "0"))
        onsite = int(actions.get("onsite_conversion.lead_grouped", {}).get("value", "0"))
        assert int(actions.get("lead", {}).get("value", "0")) == pixel + onsite


def test_facebook_report_runs_give_the_same_rows(served: Served) -> None:
    token = served.setting("FACEBOOK_ADS__ACCESS_TOKEN")
    account = served.facebook_account()
    asked = {
        "level": "campaign",
        "fields": "campaign_id,spend",
        "time_range": '{"since":"2026-10-01","until":"2026-10-07"}',
    }
    url = f"{served.setting('FACEBOOK_ADS__BASE_URL')}/v26.0/{account}/insights"
    run = served.http.post(url, data={**asked, "access_token": token}).json()["report_run_id"]
    assert served.facebook_pages(f"{run}/insights") == served.facebook_pages(f"{account}/insights", **asked)


def test_linkedin_money_is_ugly_text_and_zero_rows_are_omitted(served: Served) -> None:
    account = served.ids("LINKEDIN_ADS__ACCOUNT_IDS")
    path = (
        f"/adAnalytics?q=analytics&pivot=CREATIVE&timeGranularity=DAILY&accounts=List(urn%3Ali%3AsponsoredAccount"
        f"%3A{account})&dateRange=(start:(year:2026,month:8,day:1),end:(year:2026,month:10,day:31))&fields="
    )
    costs = served.linkedin(f"{path}dateRange,pivotValues,impressions,costInLocalCurrency").json()["elements"]
    assert all(row["impressions"] or Decimal(row["costInLocalCurrency"]) for row in costs)
    assert any(len(row["costInLocalCurrency"]) > 15 for row in costs)
    leads = served.linkedin(f"{path}dateRange,pivotValues,oneClickLeads").json()["elements"]
    assert 0 < len(leads) < len(costs)
    assert all(row["oneClickLeads"] > 0 for row in leads)
    bare = served.linkedin(f"{path}impressions").json()["elements"]
    assert set(bare[0]) == {"impressions"}
    many = ",".join(["clicks"] * 21)
    assert served.linkedin(f"{path}{many}").status_code == 400


def test_linkedin_reads_tunnelled_queries(served: Served) -> None:
    account = served.ids("LINKEDIN_ADS__ACCOUNT_IDS")
    url = f"{served.setting('LINKEDIN_ADS__BASE_URL')}/rest/adAccounts/{account}/adCampaigns"
    headers = {
        "Authorization": f"Bearer {served.setting('LINKEDIN_ADS__ACCESS_TOKEN')}",
        "LinkedIn-Version": "202609",
        "X-Restli-Protocol-Version": "2.0.0",
        "X-HTTP-Method-Override": "GET",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    tunnelled = served.http.post(url, content="q=search&pageSize=100", headers=headers).json()
    assert tunnelled == served.linkedin(f"/adAccounts/{account}/adCampaigns?q=search&pageSize=100").json()


def test_hubspot_lists_archived_contacts_apart(served: Served) -> None:
    live = {r["id"] for page in served.hubspot_pages("/crm/v3/objects/contacts", limit=100) for r in page}
    archived = [
        row
        for page in served.hubspot_pages("/crm/v3/objects/contacts", limit=100, archived="true")
        for row in page
    ]
    assert archived
    assert all(row["archived"] and row["archivedAt"] for row in archived)
    assert not live & {row["id"] for row in archived}


def test_hubspot_values_are_text_and_unset_ones_null(served: Served) -> None:
    asked = "num_conversion_events,hs_merged_object_ids,no_such_property"
    row = served.hubspot(
        "GET", "/crm/objects/2026-09/contacts", params={"properties": asked, "limit": 1}
    ).json()["results"][0]
    assert isinstance(row["properties"]["num_conversion_events"], str)
    assert row["properties"]["hs_merged_object_ids"] is None
    assert "no_such_property" not in row["properties"]


def test_hubspot_search_finds_what_the_list_holds(served: Served) -> None:
    body = {
        "filterGroups": [
            {"filters": [{"propertyName": "hs_is_closed_won", "operator": "EQ", "value": "true"}]}
        ],
        "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
        "limit": 200,
    }
    found = served.hubspot("POST", "/crm/objects/2026-09/deals/search", json=body).json()
    pages = served.hubspot_pages("/crm/v3/objects/deals", limit=100, properties="hs_is_closed_won")
    won = [r["id"] for page in pages for r in page if r["properties"]["hs_is_closed_won"] == "true"]
    assert [row["id"] for row in found["results"]] == won
    assert found["total"] == len(won) > 0


# -- the clock ------------------------------------------------------------------------------------------


def test_a_google_day_restates_between_two_readings(served: Served) -> None:
    query = (
        "SELECT campaign.id, segments.date, metrics.conversions, metrics.conversions_by_conversion_date "
        f"FROM campaign WHERE {AUGUST_TO_OCTOBER}"
    )

    def read(now: str) -> dict[tuple[str, str], tuple[float, float]]:
        served.clock(now)
        return {
            (row["campaign"]["id"], row["segments"]["date"]): (
                row["metrics"]["conversions"],
                row["metrics"]["conversionsByConversionDate"],
            )
            for row in served.rows(query)
        }

    first, later = read(DEFAULT_NOW), read("2026-11-08T06:00:00Z")
    by_click = {day for day in later if later[day][0] != first.get(day, (0.0, 0.0))[0]}
    by_conversion = {day for day in later if later[day][1] != first.get(day, (0.0, 0.0))[1]}
    assert len(by_click) > len(by_conversion)
    assert min(date for _, date in by_click) < "2026-10-25"
    assert min(date for _, date in by_conversion) >= "2026-10-30"


def test_nothing_later_than_the_clock_is_told(served: Served) -> None:
    served.clock("2026-09-15T12:00:00Z")
    contacts = [r for page in served.hubspot_pages("/crm/v3/objects/contacts", limit=100) for r in page]
    views = served.hubspot_pages("/events/v3/events", limit=1000)
    assert max(row["updatedAt"] for row in contacts) <= "2026-09-15T12:00:00Z"
    assert max(row["occurredAt"] for page in views for row in page) <= "2026-09-15T12:00:00Z"
    rows = served.rows(
        "SELECT segments.date, metrics.impressions, campaign.id FROM campaign "
        "WHERE segments.date BETWEEN '2026-09-01' AND '2026-10-31'"
    )
    assert max(row["segments"]["date"] for row in rows) == "2026-09-15"


def test_three_weeks_later_there_are_new_days(served: Served) -> None:
    served.clock("2026-11-22T06:00:00Z")
    pages = served.facebook_pages(
        f"{served.facebook_account()}/insights",
        level="campaign",
        fields="campaign_id,impressions",
        time_range='{"since":"2026-11-01","until":"2026-11-21"}',
        time_increment="1",
    )
    assert {row["date_start"] for page in pages for row in page} >= {"2026-11-02", "2026-11-20"}


# -- the process ----------------------------------------------------------------------------------------


def everything(served: Served) -> list[bytes]:
    """Answers of all four vendors under a host name that does not depend on the port."""
    host = {"Host": "sandbox.test"}
    hubspot = {**host, "Authorization": f"Bearer {served.setting('HUBSPOT__ACCESS_TOKEN')}"}
    base = served.setting("HUBSPOT__BASE_URL")
    account = served.ids("LINKEDIN_ADS__ACCOUNT_IDS")
    query = f"SELECT campaign.id, segments.date, metrics.conversions FROM campaign WHERE {AUGUST_TO_OCTOBER}"
    ask: list[Callable[[], httpx.Response]] = [
        lambda: served.http.get(f"{base}/crm/v3/objects/contacts?limit=100", headers=hubspot),
        lambda: served.http.get(f"{base}/events/v3/events?limit=500", headers=hubspot),
        lambda: served.stream(query),
        lambda: served.http.get(
            f"{served.setting('FACEBOOK_ADS__BASE_URL')}/v26.0/{served.facebook_account()}/insights",
            params={"access_token": served.setting("FACEBOOK_ADS__ACCESS_TOKEN"), "level": "ad"},
            headers=host,
        ),
        lambda: served.linkedin(f"/adAccounts/{account}/creatives?q=criteria"),
    ]
    return [call().raise_for_status().content for call in ask]


def test_the_same_seed_gives_the_same_answers_and_settings_change_them() -> None:
    first, again = start("--seed", "11", "--people", "200"), start("--seed", "11", "--people", "200")
    other = start("--seed", "12", "--people", "200", "--currency", "google_ads=USD", "--no-events")
    try:
        assert everything(first) == everything(again)
        assert other.hubspot("GET", "/events/v3/events").status_code == 403
        currency = other.rows("SELECT customer.currency_code FROM customer")[0]["customer"]["currencyCode"]
        assert currency == "USD"
        contacts = "/crm/v3/objects/contacts?limit=100"
        assert other.hubspot("GET", contacts).content != first.hubspot("GET", contacts).content
    finally:
        codes = [stop(served) for served in (first, again, other)]
    assert codes == [0, 0, 0]


def test_a_wrong_argument_is_one_line() -> None:
    command = [sys.executable, "-m", "sandbox.serve", "--currency", "google_ads=XXX"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "google_ads=XXX" in done.stderr
    assert done.stderr.count("\n") == 1
