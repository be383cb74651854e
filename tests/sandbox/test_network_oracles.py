"""Meta's own client and the messages of Google's read the sandbox, and find what the company has.

`facebook-business` calls the sandbox with nothing but its host changed; every page and batch of Google's
interface is parsed into its message, which refuses unknown fields and enum names.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import facebook_business as facebook
import httpx
import pytest
from facebook_business.adobjects.adaccount import AdAccount
from facebook_business.adobjects.adreportrun import AdReportRun
from facebook_business.adobjects.leadgenform import LeadgenForm
from facebook_business.adobjects.page import Page
from facebook_business.adobjects.user import User
from facebook_business.exceptions import FacebookRequestError
from google.ads.googleads.v26.services.types.google_ads_service import (
    SearchGoogleAdsResponse,
    SearchGoogleAdsStreamResponse,
)
from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor

from sandbox.apis.facebook_ads import APP_SECRET
from sandbox.apis.state import Sandbox
from sandbox.serve import build_sandbox
from sandbox.world.company import Network
from sandbox.world.journeys import LeadAdSubmission
from tests.companies import served

ACCOUNT = "act_381905527714206"
EVERY_STATUS = ["ACTIVE", "PAUSED", "ARCHIVED", "DELETED"]
CUSTOMER, MANAGER = "4471290863", "9903317745"
RANGE = "segments.date BETWEEN '2026-06-15' AND '2026-10-31'"


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return build_sandbox(people=250)


@pytest.fixture(scope="module")
def url(sandbox: Sandbox) -> Iterator[str]:
    with served(sandbox) as url:
        yield url


@pytest.fixture(autouse=True)
def in_order(sandbox: Sandbox) -> Iterator[None]:
    yield
    sandbox.faults.clear()


# -- Meta -----------------------------------------------------------------------------------------------


@pytest.fixture
def client(sandbox: Sandbox, url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The official client, signing with the app's secret."""
    monkeypatch.setattr(facebook.FacebookSession, "GRAPH", f"{url}/facebook")
    secret, token = APP_SECRET.decode(), sandbox.credentials.facebook_token
    return facebook.FacebookAdsApi.init("330221145690017", secret, token, crash_log=False)


def test_the_client_lists_the_accounts(sandbox: Sandbox, client: Any) -> None:
    sandbox.faults.set("facebook_accounts")
    accounts = User("me", api=client).get_ad_accounts(fields=["account_id", "currency", "account_status"])
    found = {account["account_id"]: account["currency"] for account in accounts}
    assert found["381905527714206"] == "EUR"
    assert len(found) == 3


@pytest.mark.parametrize(
    ("method", "level", "field", "expected"),
    [
        ("get_campaigns", "campaign", "objective", 4),
        ("get_ad_sets", "adset", "attribution_spec", 7),
        ("get_ads", "ad", "creative", 15),
        ("get_ad_creatives", None, "object_story_spec", 15),
    ],
)
def test_the_client_lists_every_object_once(
    sandbox: Sandbox, client: Any, method: str, level: str | None, field: str, expected: int
) -> None:
    every = {"field": f"{level}.effective_status", "operator": "IN", "value": EVERY_STATUS}
    params = {"filtering": [every]} if level else {}
    rows = list(getattr(AdAccount(ACCOUNT, api=client), method)(fields=["name", field], params=params))
    assert len({row["id"] for row in rows}) == len(rows) == expected
    assert all(row[field] for row in rows)


def test_the_client_reads_insights_now_and_later(sandbox: Sandbox, client: Any) -> None:
    account = AdAccount(ACCOUNT, api=client)
    fields = ["campaign_id", "ad_id", "impressions", "spend", "actions", "attribution_setting"]
    params = {
        "level": "ad",
        "time_range": {"since": "2026-09-01", "until": "2026-10-31"},
        "time_increment": 1,
        "action_attribution_windows": ["1d_click", "7d_click", "28d_click", "1d_view"],
    }
    now = [row.export_all_data() for row in account.get_insights(fields=fields, params=params)]
    assert len(now) > 200
    assert all(isinstance(row["impressions"], str) for row in now)
    sandbox.faults.set("facebook_async", {"polls": 3})
    run = account.get_insights(fields=fields, params=params, is_async=True)
    assert isinstance(run, AdReportRun)
    states = []
    while not states or states[-1] != "Job Completed":
        states.append(run.api_get()["async_status"])
        assert len(states) < 10
    assert states[0] == "Job Not Started"
    later = [row.export_all_data() for row in run.get_insights(params={"limit": 100})]
    assert later == now


def test_the_client_raises_what_the_sandbox_refuses(sandbox: Sandbox, client: Any) -> None:
    account = AdAccount(ACCOUNT, api=client)
    sandbox.faults.set("facebook_reduce", {"limit": 10})
    with pytest.raises(FacebookRequestError) as refused:
        list(account.get_campaigns(params={"limit": 11}))
    assert (refused.value.api_error_code(), refused.value.http_status()) == (1, 500)
    sandbox.faults.clear()
    sandbox.faults.set("facebook_throttle", {"step": 100})
    list(account.get_insights(params={"limit": 1000}))
    with pytest.raises(FacebookRequestError) as throttled:
        list(account.get_insights(params={"limit": 1000}))
    assert throttled.value.api_error_code() == 80000
    usage = json.loads(throttled.value.http_headers()["x-business-use-case-usage"])
    assert usage["381905527714206"][0]["estimated_time_to_regain_access"] == 1


def test_the_client_batches(client: Any) -> None:
    batch, seen = client.new_batch(), []
    for campaign in AdAccount(ACCOUNT, api=client).get_campaigns():
        campaign.api_get(
            fields=["name"], batch=batch, success=lambda answer: seen.append(answer.json()["name"])
        )
    assert batch.execute() is None
    assert len(set(seen)) == 3


def test_the_client_reads_leads_with_the_token_of_the_page(sandbox: Sandbox, client: Any) -> None:
    (page,) = User("me", api=client).get_accounts(fields=["access_token"])
    assert [each["id"] for each in AdAccount(ACCOUNT, api=client).get_promote_pages()] == [page["id"]]
    secret = APP_SECRET.decode()
    own = facebook.FacebookAdsApi.init("330221145690017", secret, page["access_token"], crash_log=False)
    forms = list(Page(page["id"], api=own).get_lead_gen_forms(fields=["name", "leads_count"]))
    fields = ["created_time", "ad_id", "field_data", "is_organic"]
    leads = [lead for form in forms for lead in LeadgenForm(form["id"], api=own).get_leads(fields=fields)]
    sent = [
        event
        for event in sandbox.world.events
        if isinstance(event, LeadAdSubmission)
        and event.placement.network is Network.FACEBOOK
        and "2026-08-03T06" < f"{event.at:%Y-%m-%dT%H}" < "2026-11-01T05"
    ]
    assert len({lead["id"] for lead in leads}) == len(sent) > 0


# -- Google ---------------------------------------------------------------------------------------------

METRICS = (
    "metrics.impressions, metrics.clicks, metrics.interactions, metrics.cost_micros, metrics.conversions, "
    "metrics.conversions_value, metrics.all_conversions, metrics.all_conversions_value, "
    "metrics.view_through_conversions, metrics.cross_device_conversions"
)
CUSTOMER_FIELDS = (
    "customer.id, customer.descriptive_name, customer.currency_code, customer.time_zone, customer.manager, "
    "customer.test_account, customer.status, customer.auto_tagging_enabled"
)
CAMPAIGN_FIELDS = (
    "campaign.id, campaign.name, campaign.status, campaign.serving_status, campaign.start_date_time, "
    "campaign.advertising_channel_type, campaign.end_date_time, campaign.tracking_url_template, "
    "campaign.final_url_suffix"
)
GROUP_FIELDS = "ad_group.id, ad_group.name, ad_group.status, ad_group.type, ad_group.final_url_suffix"
AD_FIELDS = (
    "ad_group_ad.status, ad_group_ad.ad_group, ad_group_ad.ad.id, ad_group_ad.ad.name, ad_group_ad.ad.type, "
    "ad_group_ad.ad.final_urls, ad_group_ad.ad.tracking_url_template, ad_group_ad.ad.final_url_suffix"
)
QUERIES = {
    "customer": f"SELECT {CUSTOMER_FIELDS} FROM customer",
    "clients": "SELECT customer_client.id, customer_client.level, customer_client.manager, "
    "customer_client.hidden, customer_client.client_customer, customer_client.status, "
    "customer_client.currency_code, customer_client.time_zone, customer_client.descriptive_name "
    "FROM customer_client",
    "campaigns": f"SELECT {CUSTOMER_FIELDS}, {CAMPAIGN_FIELDS} FROM campaign",
    "ad groups": f"SELECT {CAMPAIGN_FIELDS}, {GROUP_FIELDS} FROM ad_group",
    "ads": f"SELECT campaign.id, {GROUP_FIELDS}, {AD_FIELDS} FROM ad_group_ad",
    "actions": "SELECT conversion_action.id, conversion_action.name, conversion_action.status, "
    "conversion_action.type, conversion_action.category, conversion_action.origin, "
    "conversion_action.include_in_conversions_metric, conversion_action.primary_for_goal, "
    "conversion_action.counting_type, conversion_action.click_through_lookback_window_days, "
    "conversion_action.view_through_lookback_window_days, conversion_action.owner_customer, "
    "conversion_action.attribution_model_settings.attribution_model, "
    "conversion_action.attribution_model_settings.data_driven_model_status FROM conversion_action",
    "campaign days": f"SELECT campaign.id, segments.date, segments.week, segments.month, segments.quarter, "
    f"segments.year, segments.day_of_week, {METRICS} FROM campaign WHERE {RANGE}",
    "ad days": "SELECT ad_group_ad.ad.id, segments.date, segments.device, segments.ad_network_type, "
    f"{METRICS} FROM ad_group_ad WHERE {RANGE}",
    "conversions": "SELECT campaign.id, segments.date, segments.conversion_action, "
    "segments.conversion_action_name, segments.conversion_action_category, "
    "segments.conversion_attribution_event_type, segments.conversion_lag_bucket, "
    "segments.external_conversion_source, metrics.conversions, metrics.all_conversions, "
    "metrics.conversions_by_conversion_date, metrics.conversions_value_by_conversion_date, "
    "metrics.all_conversions_by_conversion_date, metrics.all_conversions_value_by_conversion_date "
    f"FROM campaign WHERE {RANGE}",
    "clicks": "SELECT click_view.gclid, click_view.ad_group_ad, click_view.keyword, "
    "click_view.keyword_info.text, click_view.keyword_info.match_type, click_view.page_number, "
    "click_view.area_of_interest.city, click_view.location_of_presence.country, campaign.id, ad_group.id, "
    "segments.date, segments.device, segments.ad_network_type, segments.click_type, segments.slot, "
    "metrics.clicks FROM click_view WHERE segments.date = '2026-10-20'",
    "leads": "SELECT lead_form_submission_data.id, lead_form_submission_data.asset, "
    "lead_form_submission_data.campaign, lead_form_submission_data.ad_group, "
    "lead_form_submission_data.ad_group_ad, lead_form_submission_data.gclid, "
    "lead_form_submission_data.submission_date_time, "
    "lead_form_submission_data.lead_form_submission_fields FROM lead_form_submission_data",
    "changes": "SELECT change_status.last_change_date_time, change_status.resource_type, "
    "change_status.resource_status, change_status.campaign FROM change_status "
    "WHERE change_status.last_change_date_time BETWEEN '2026-08-10' AND '2026-11-01' LIMIT 100",
}
_INT64 = {FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_UINT64}


@pytest.fixture(scope="module")
def google(sandbox: Sandbox, url: str) -> Iterator[httpx.Client]:
    client_id, secret, refresh = sandbox.credentials.google_client
    form = {"client_id": client_id, "client_secret": secret, "refresh_token": refresh}
    with httpx.Client(base_url=f"{url}/google", timeout=30) as http:
        token = http.post("/token", data={**form, "grant_type": "refresh_token"}).json()["access_token"]
        http.headers.update({"Authorization": f"Bearer {token}", "login-customer-id": MANAGER})
        yield http


def test_parsing_refuses_what_google_would_never_send() -> None:
    for body in ({"results": [{"campaign": {"colour": "x"}}]}, {"results": [{"campaign": {"status": "ON"}}]}):
        with pytest.raises(json_format.ParseError):
            parsed(body)


def parsed(body: dict[str, Any], kind: Any = SearchGoogleAdsStreamResponse) -> Any:
    """The message of a batch, or of a page."""
    return json_format.Parse(json.dumps(body), kind.pb(kind()))


@pytest.mark.parametrize("name", QUERIES)
def test_every_batch_of_every_query_is_a_message_of_googles(
    sandbox: Sandbox, google: httpx.Client, name: str
) -> None:
    sandbox.faults.set("google_hierarchy")
    sandbox.faults.set("google_lead_forms", {"share": 0.5})
    customer = MANAGER if name == "clients" else CUSTOMER
    stem, query = f"/v26/customers/{customer}/googleAds", {"query": QUERIES[name]}
    batches = google.post(f"{stem}:searchStream", json=query).raise_for_status().json()
    streamed = [row for batch in batches for row in parsed(batch).results]
    assert streamed
    paged, token = [], ""
    while True:
        body = google.post(f"{stem}:search", json={**query, "pageToken": token}).raise_for_status().json()
        message = parsed(body, SearchGoogleAdsResponse)
        paged += list(message.results)
        token = message.next_page_token
        if not token:
            break
    assert paged == streamed
    for batch, rows in ((batch, parsed(batch).results) for batch in batches):
        for row, message in zip(batch.get("results", []), rows, strict=True):
            assert_types(row, message)


def assert_types(row: dict[str, Any], message: Any) -> None:
    """int64 is text, other numbers are numbers, and nothing is sent that the message does not keep."""
    fields = {field.json_name.rstrip("_"): field for field in message.DESCRIPTOR.fields}
    for name, value in row.items():
        field = fields[name]
        if isinstance(value, dict):
            assert_types(value, getattr(message, field.name))
        elif field.type in _INT64:
            assert isinstance(value, str), name
        elif field.type in (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_INT32):
            assert isinstance(value, int | float), name
            assert not isinstance(value, bool), name


def test_lead_forms_and_clicks_agree_on_the_click(sandbox: Sandbox, google: httpx.Client) -> None:
    sandbox.faults.set("google_lead_forms", {"share": 0.5})
    path = f"/v26/customers/{CUSTOMER}/googleAds:searchStream"

    def rows(query: str) -> list[Any]:
        batches = google.post(path, json={"query": query}).raise_for_status().json()
        return [row for batch in batches for row in parsed(batch).results]

    by_day: dict[str, set[str]] = defaultdict(set)
    for row in rows(QUERIES["leads"]):
        data = row.lead_form_submission_data
        by_day[data.submission_date_time[:10]].add(data.gclid)
    assert by_day
    for day, gclids in list(by_day.items())[:5]:
        clicks = rows(QUERIES["clicks"].replace("2026-10-20", day))
        assert gclids <= {row.click_view.gclid for row in clicks}
