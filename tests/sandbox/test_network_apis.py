"""The three networks as documented: objects, figures, limits, and every trap by its switch."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest

from sandbox.world.company import Network
from sandbox.world.journeys import AdClick, LeadAdSubmission
from tests.sandboxed import Asked

NOW = "2026-11-01T06:00:00Z"
MONTHS = "segments.date BETWEEN '2026-06-01' AND '2026-11-01'"
GOOGLE, MANAGER, SUB_MANAGER = "4471290863", "9903317745", "8800112233"
UK, CLOSED = "5560471902", "3317720045"
ACT, ACT_US = "act_381905527714206", "act_381905527714999"
PAGE = "104477120093311"
LINKEDIN, LINKEDIN_UK = "508912347", "508912999"
EVERY_STATUS = {
    "field": "ad.effective_status",
    "operator": "IN",
    "value": ["ACTIVE", "PAUSED", "ARCHIVED", "DELETED"],
}


class Networks(Asked):
    """The sandbox and requests to its networks."""

    token: str

    def begin(self) -> None:
        """As started: no fault, the usual clock, a token of Google's."""
        self.sandbox.faults.clear()
        self.clock(NOW)
        client_id, secret, refresh = self.sandbox.credentials.google_client
        form = {"client_id": client_id, "client_secret": secret, "refresh_token": refresh}
        answer = self.request("POST", "/google/token", data={**form, "grant_type": "refresh_token"})
        self.token = answer.json()["access_token"]

    # -- Google -----------------------------------------------------------------------------------------

    def google(
        self, body: dict[str, Any], customer: str = GOOGLE, method: str = "searchStream", **headers: str
    ) -> httpx.Response:
        sent = {"Authorization": f"Bearer {self.token}", "login-customer-id": MANAGER}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        path = f"/google/v26/customers/{customer}/googleAds:{method}"
        return self.request("POST", path, headers=sent, json=body)

    def results(self, query: str, customer: str = GOOGLE) -> list[dict[str, Any]]:
        answer = self.google({"query": query}, customer)
        assert answer.status_code == 200, answer.text
        return [row for batch in answer.json() for row in batch.get("results", [])]

    def refused(self, query: str, customer: str = GOOGLE) -> tuple[int, dict[str, str]]:
        """Status and error code of a refusal."""
        answer = self.google({"query": query}, customer)
        return answer.status_code, code_of(answer.json()[-1])

    # -- Meta -------------------------------------------------------------------------------------------

    def graph(self, path: str, method: str = "GET", token: str = "", **params: Any) -> httpx.Response:
        params["access_token"] = token or self.sandbox.credentials.facebook_token
        sent = {"params": params} if method == "GET" else {"data": params}
        return self.request(method, f"/facebook/v26.0/{path}", **sent)

    def data(self, path: str, token: str = "", **params: Any) -> list[dict[str, Any]]:
        """All rows, following `next` as a client does."""
        rows: list[dict[str, Any]] = []
        while True:
            answer = self.graph(path, token=token, **params)
            assert answer.status_code == 200, answer.text
            body = answer.json()
            rows += body["data"]
            if "next" not in body.get("paging", {}):
                return rows
            params["after"] = parse_qs(urlsplit(body["paging"]["next"]).query)["after"][0]

    def insights(self, level: str = "campaign", path: str = f"{ACT}/insights", **more: str) -> Any:
        asked = {
            "level": level,
            "fields": "campaign_id,campaign_name,adset_id,ad_id,impressions,spend,actions,"
            "attribution_setting",
            "time_range": '{"since":"2026-06-15","until":"2026-11-25"}',
            "time_increment": "1",
            "limit": "100",
        }
        return self.data(path, **{**asked, **more})

    # -- LinkedIn ---------------------------------------------------------------------------------------

    def rest(self, path: str, method: str = "GET", content: str = "", **headers: str) -> httpx.Response:
        sent = {
            "Authorization": f"Bearer {self.sandbox.credentials.linkedin_token}",
            "LinkedIn-Version": "202609",
            "X-Restli-Protocol-Version": "2.0.0",
        }
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        more = {"content": content} if method == "POST" else {}
        return self.request(method, f"/linkedin/rest{path}", headers=sent, **more)

    def elements(self, path: str) -> list[dict[str, Any]]:
        answer = self.rest(path)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["elements"]
        return found

    def analytics(self, fields: str, finder: str = "q=analytics&pivot=CREATIVE", until: str = "") -> Any:
        return self.elements(analytics_path(fields, finder, until))


def analytics_path(fields: str, finder: str = "q=analytics&pivot=CREATIVE", until: str = "") -> str:
    end = until or "(year:2026,month:11,day:30)"
    return (
        f"/adAnalytics?{finder}&timeGranularity=DAILY&accounts=List({urn(LINKEDIN)})"
        f"&dateRange=(start:(year:2026,month:6,day:1),end:{end})&fields={fields}"
    )


def urn(account: str) -> str:
    return quote(f"urn:li:sponsoredAccount:{account}", safe="")


def code_of(body: dict[str, Any]) -> dict[str, str]:
    code: dict[str, str] = body["error"]["details"][0]["errors"][0]["errorCode"]
    return code


@pytest.fixture(scope="module")
def company() -> Networks:
    return Networks.small(people=400)


@pytest.fixture
def asked(company: Networks) -> Iterator[Networks]:
    company.begin()
    yield company
    company.sandbox.faults.clear()


@pytest.fixture(scope="module")
def grown() -> Networks:
    """The company in its usual size."""
    company = Networks.small(people=1000)
    company.begin()
    return company


# -- Google: accounts -----------------------------------------------------------------------------------


def test_google_hierarchy_has_a_client_below_a_sub_manager_and_a_cancelled_one(asked: Networks) -> None:
    query = (
        "SELECT customer_client.id, customer_client.level, customer_client.manager, customer_client.status, "
        "customer_client.currency_code, customer_client.time_zone FROM customer_client"
    )
    before = {row["customerClient"]["id"] for row in asked.results(query, MANAGER)}
    assert before == {MANAGER, GOOGLE}
    asked.fault(google_hierarchy={})
    clients = {row["customerClient"]["id"]: row["customerClient"] for row in asked.results(query, MANAGER)}
    assert {id_: row["level"] for id_, row in clients.items()} == {
        MANAGER: "0",
        GOOGLE: "1",
        SUB_MANAGER: "1",
        CLOSED: "1",
        UK: "2",
    }
    assert (clients[UK]["currencyCode"], clients[UK]["timeZone"]) == ("GBP", "Europe/London")
    assert clients[CLOSED]["status"] == "CANCELED"
    below = {row["customerClient"]["id"]: row["customerClient"] for row in asked.results(query, SUB_MANAGER)}
    assert {id_: row["level"] for id_, row in below.items()} == {SUB_MANAGER: "0", UK: "1"}


def test_google_accounts_are_reached_through_a_manager_above_them(asked: Networks) -> None:
    asked.fault(google_hierarchy={})
    body = {"query": "SELECT customer.id FROM customer"}
    for login in (MANAGER, SUB_MANAGER):
        assert asked.google(body, UK, login_customer_id=login).status_code == 200
    for customer, login in ((GOOGLE, SUB_MANAGER), (UK, UK)):
        answer = asked.google(body, customer, login_customer_id=login)
        assert code_of(answer.json()[0]) == {"authorizationError": "USER_PERMISSION_DENIED"}
    answer = asked.google(body, CLOSED)
    assert (answer.status_code, code_of(answer.json()[0])) == (
        403,
        {"authorizationError": "CUSTOMER_NOT_ENABLED"},
    )
    assert asked.refused(f"SELECT metrics.clicks FROM campaign WHERE {MONTHS}", SUB_MANAGER)[1] == {
        "queryError": "REQUESTED_METRICS_FOR_MANAGER"
    }


def test_google_accounts_have_figures_of_their_own(asked: Networks) -> None:
    query = f"SELECT campaign.id, metrics.clicks, metrics.conversions FROM campaign WHERE {MONTHS}"
    before = asked.results(query)
    asked.fault(google_hierarchy={})
    assert asked.results(query) == before
    (uk,) = asked.results(query, UK)
    assert int(uk["metrics"]["clicks"]) > 100
    assert uk["metrics"]["conversions"] == 0
    removed = asked.results("SELECT ad_group_ad.ad.name, ad_group_ad.status FROM ad_group_ad", UK)
    assert {row["adGroupAd"]["ad"]["name"]: row["adGroupAd"]["status"] for row in removed} == {
        "UK A": "ENABLED",
        "UK B": "REMOVED",
    }


@pytest.mark.parametrize("version", ["v23", "v24", "v25", "v26"])
def test_google_live_versions_answer(asked: Networks, version: str) -> None:
    headers = {"Authorization": f"Bearer {asked.token}"}
    answer = asked.request("GET", f"/google/{version}/customers:listAccessibleCustomers", headers=headers)
    assert answer.json() == {"resourceNames": [f"customers/{MANAGER}"]}
    dead = asked.request("GET", "/google/v22/customers:listAccessibleCustomers", headers=headers)
    assert code_of(dead.json()) == {"requestError": "UNSUPPORTED_VERSION"}


# -- Google: objects and figures ------------------------------------------------------------------------


def test_google_tells_where_addresses_are_rewritten(asked: Networks) -> None:
    ads = asked.results(
        "SELECT campaign.advertising_channel_type, ad_group.final_url_suffix, ad_group_ad.ad.name, "
        "ad_group_ad.ad.final_urls, ad_group_ad.ad.tracking_url_template FROM ad_group_ad"
    )
    for row in ads:
        video = row["campaign"]["advertisingChannelType"] == "VIDEO"
        assert ("trackingUrlTemplate" in row["adGroupAd"]["ad"]) is not video
        assert ("finalUrlSuffix" in row["adGroup"]) is video
        assert row["adGroupAd"]["ad"]["finalUrls"][0].startswith("https://")
    campaigns = asked.results(
        "SELECT campaign.advertising_channel_type, campaign.tracking_url_template FROM campaign"
    )
    templated = [row["campaign"] for row in campaigns if "trackingUrlTemplate" in row["campaign"]]
    assert [row["advertisingChannelType"] for row in templated] == ["PERFORMANCE_MAX"]
    assert "hsa_cam=" in templated[0]["trackingUrlTemplate"]


def test_google_removed_campaigns_stay_with_their_figures(asked: Networks) -> None:
    query = f"SELECT campaign.id, campaign.status, metrics.cost_micros FROM campaign WHERE {MONTHS}"
    removed = [row for row in asked.results(query) if row["campaign"]["status"] == "REMOVED"]
    assert [int(row["metrics"]["costMicros"]) > 0 for row in removed] == [True]


def test_google_levels_add_up_but_for_performance_max(asked: Networks) -> None:
    def totals(resource: str) -> dict[str, tuple[int, float]]:
        sums: dict[str, tuple[int, float]] = defaultdict(lambda: (0, 0.0))
        names = "campaign.id, campaign.advertising_channel_type, metrics.clicks, metrics.conversions"
        query = f"SELECT {names} FROM {resource} WHERE {MONTHS}"
        for row in asked.results(query):
            clicks, conversions = sums[row["campaign"]["advertisingChannelType"]]
            sums[row["campaign"]["advertisingChannelType"]] = (
                clicks + int(row["metrics"]["clicks"]),
                conversions + row["metrics"]["conversions"],
            )
        return sums

    campaigns, groups, ads = totals("campaign"), totals("ad_group"), totals("ad_group_ad")
    assert "PERFORMANCE_MAX" not in groups
    for kind, (clicks, conversions) in campaigns.items():
        if kind == "PERFORMANCE_MAX":
            assert clicks > 0
            continue
        for level in (groups, ads):
            assert level[kind][0] == clicks
            assert level[kind][1] == pytest.approx(conversions)


@pytest.mark.parametrize("segment", ["device", "ad_network_type"])
def test_google_segments_add_up_to_the_whole(asked: Networks, segment: str) -> None:
    metrics = "metrics.impressions, metrics.clicks, metrics.cost_micros, metrics.conversions"

    def totals(query: str) -> dict[str, float]:
        sums: dict[str, float] = defaultdict(float)
        for row in asked.results(query):
            for name, value in row["metrics"].items():
                sums[name] += float(value)
        return sums

    whole = totals(f"SELECT campaign.id, {metrics} FROM campaign WHERE {MONTHS}")
    split = totals(f"SELECT campaign.id, segments.{segment}, {metrics} FROM campaign WHERE {MONTHS}")
    assert split == pytest.approx(whole)


def test_google_conversions_by_action_type_source_and_lag_add_up(asked: Networks) -> None:
    names = (
        "conversion_action, segments.conversion_action_name, segments.conversion_attribution_event_type, "
        "segments.conversion_lag_bucket, segments.external_conversion_source"
    )
    metrics = "metrics.conversions, metrics.all_conversions, metrics.conversions_by_conversion_date"
    rows = asked.results(f"SELECT campaign.id, segments.{names}, {metrics} FROM campaign WHERE {MONTHS}")
    plain = asked.results(f"SELECT campaign.id, {metrics} FROM campaign WHERE {MONTHS}")
    for name in ("conversions", "allConversions", "conversionsByConversionDate"):
        total = sum(row["metrics"][name] for row in plain)
        assert sum(row["metrics"][name] for row in rows) == pytest.approx(total)
        assert total > 0
    buckets = {row["segments"]["conversionLagBucket"] for row in rows}
    assert {"LESS_THAN_ONE_DAY", "ONE_TO_TWO_DAYS"} < buckets
    assert {row["segments"]["conversionAttributionEventType"] for row in rows} >= {"INTERACTION"}
    assert all(row["segments"]["conversionAction"].startswith(f"customers/{GOOGLE}/") for row in rows)


def test_google_tells_which_fields_there_are(asked: Networks) -> None:
    headers = {"Authorization": f"Bearer {asked.token}"}

    def found(where: str) -> dict[str, dict[str, Any]]:
        query = f"SELECT name, category, data_type, selectable, metrics WHERE {where}"
        path = "/google/v26/googleAdsFields:search"
        body = asked.request("POST", path, headers=headers, json={"query": query}).json()
        return {row["name"]: row for row in body.get("results", [])}

    assert found("name = 'segments.date'")["segments.date"]["dataType"] == "STRING"
    assert found("name LIKE 'click_view.%'")["click_view.gclid"]["category"] == "ATTRIBUTE"
    assert found("name = 'click_view'")["click_view"]["metrics"] == ["metrics.clicks"]
    assert found("name = 'campaign.colour'") == {}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        (
            "SELECT metrics.impressions, segments.conversion_lag_bucket FROM campaign",
            {"queryError": "PROHIBITED_SEGMENT_WITH_METRIC_IN_SELECT_OR_WHERE_CLAUSE"},
        ),
        (
            "SELECT campaign.id, metrics.clicks, segments.click_type FROM campaign",
            {"queryError": "PROHIBITED_SEGMENT_IN_SELECT_OR_WHERE_CLAUSE"},
        ),
        (
            "SELECT campaign.id, metrics.clicks, segments.date FROM campaign "
            "WHERE segments.date >= '2026-10-01'",
            {"queryError": "EXPECTED_FILTERS_ON_DATE_RANGE"},
        ),
        (
            "SELECT campaign.id, metrics.clicks, segments.month FROM campaign "
            "WHERE segments.month = '2026-10-05'",
            {"queryError": "MISALIGNED_DATE_FOR_FILTER"},
        ),
        (
            "SELECT campaign.id FROM campaign WHERE segments.date = '2026-13-01'",
            {"dateRangeError": "INVALID_DATE"},
        ),
        (
            "SELECT click_view.gclid FROM click_view "
            "WHERE segments.date BETWEEN '2026-10-01' AND '2026-10-02'",
            {"clickViewError": "EXPECTED_FILTER_ON_A_SINGLE_DAY"},
        ),
        (
            "SELECT click_view.gclid FROM click_view",
            {"clickViewError": "EXPECTED_FILTER_ON_A_SINGLE_DAY"},
        ),
        (
            "SELECT click_view.gclid FROM click_view WHERE segments.date = '2026-08-01'",
            {"clickViewError": "DATE_TOO_OLD"},
        ),
        (
            "SELECT change_status.resource_type FROM change_status LIMIT 10",
            {"changeStatusError": "CHANGE_DATE_RANGE_INFINITE"},
        ),
        (
            "SELECT change_status.resource_type FROM change_status "
            "WHERE change_status.last_change_date_time BETWEEN '2026-10-01' AND '2026-11-01'",
            {"changeStatusError": "LIMIT_NOT_SPECIFIED"},
        ),
        (
            "SELECT change_status.resource_type FROM change_status "
            "WHERE change_status.last_change_date_time BETWEEN '2026-07-01' AND '2026-11-01' LIMIT 10",
            {"changeStatusError": "START_DATE_TOO_OLD"},
        ),
    ],
)
def test_google_refuses_what_does_not_go_together(asked: Networks, query: str, code: dict[str, str]) -> None:
    assert asked.refused(query) == (400, code)


def test_google_tells_what_was_removed_lately(asked: Networks) -> None:
    rows = asked.results(
        "SELECT change_status.resource_type, change_status.resource_status, change_status.campaign "
        "FROM change_status WHERE change_status.last_change_date_time >= '2026-09-01' "
        "AND change_status.last_change_date_time <= '2026-11-01' LIMIT 100"
    )
    assert [row["changeStatus"]["resourceStatus"] for row in rows] == ["REMOVED"]
    assert rows[0]["changeStatus"]["campaign"].endswith("20890417003")


def test_google_keeps_days_for_37_months_and_months_for_longer(asked: Networks) -> None:
    def by(grain: str, start: str, end: str = "2026-10-31") -> str:
        selected = f", segments.{grain}" if grain else ""
        where = f"segments.date BETWEEN '{start}' AND '{end}'"
        return f"SELECT campaign.id, metrics.clicks{selected} FROM campaign WHERE {where}"

    assert asked.results(by("date", "2023-10-01"))
    assert asked.refused(by("date", "2023-09-30"))[1] == {"dateRangeError": "INVALID_DATE"}
    assert asked.results(by("month", "2019-01-01"))
    assert asked.refused(by("", "2019-01-02"))[1] == {"queryError": "MISALIGNED_DATE_FOR_FILTER"}
    assert asked.refused(by("month", "2015-10-01"))[1] == {"dateRangeError": "INVALID_DATE"}
    asked.fault(google_retention={"months": 6, "code": "REQUESTED_DATE_GRANULARITY_NOT_SUPPORTED"})
    assert asked.results(by("date", "2026-05-01"))
    assert asked.refused(by("date", "2026-04-30"))[1] == {
        "dateRangeError": "REQUESTED_DATE_GRANULARITY_NOT_SUPPORTED"
    }


# -- Google: clicks and lead forms ----------------------------------------------------------------------

CLICKS = (
    "SELECT click_view.gclid, click_view.ad_group_ad, click_view.keyword_info.text, "
    "click_view.location_of_presence.country, campaign.id, ad_group.id, segments.date, segments.device, "
    "segments.click_type, metrics.clicks FROM click_view WHERE segments.date = '{}'"
)


def test_google_click_view_holds_the_clicks_people_made(asked: Networks) -> None:
    asked.fault(google_click_view={"repeats": 0.0, "invalid": 0.0})
    found: dict[str, dict[str, Any]] = {}
    for day in [f"2026-10-{number}" for number in range(20, 31)]:
        rows = asked.results(CLICKS.format(day))
        assert {row["segments"]["date"] for row in rows} == {day}
        counted = asked.results(
            f"SELECT campaign.id, metrics.clicks FROM campaign WHERE segments.date = '{day}'"
        )
        assert len(rows) == sum(int(row["metrics"]["clicks"]) for row in counted)
        found |= {row["clickView"]["gclid"]: row for row in rows}
    made = [
        event
        for event in asked.sandbox.world.events
        if isinstance(event, AdClick)
        and event.placement.network is Network.GOOGLE
        and f"{event.at:%Y-%m-%dT%H}" >= "2026-10-20T04"
        and f"{event.at:%Y-%m-%dT%H}" < "2026-10-31T04"
    ]
    assert len(made) > 5
    for click in made:
        row = found[click.click_id]
        assert row["campaign"]["id"] == click.placement.campaign.id
        group, ad = click.placement.group, click.placement.ad
        if group is None or ad is None:
            assert "adGroupAd" not in row["clickView"]
            continue
        assert row["clickView"]["adGroupAd"] == f"customers/{GOOGLE}/adGroupAds/{group.id}~{ad.id}"
        assert row["adGroup"]["id"] == group.id


def test_google_click_view_repeats_clicks_over_segments_and_has_invalid_ones(asked: Networks) -> None:
    query = CLICKS.format("2026-10-20")
    asked.fault(google_click_view={"repeats": 0.0, "invalid": 0.0})
    plain = [row["clickView"]["gclid"] for row in asked.results(query)]
    assert len(set(plain)) == len(plain)
    asked.fault(google_click_view={"repeats": 0.5, "invalid": 0.3})
    more = Counter(row["clickView"]["gclid"] for row in asked.results(query))
    assert set(more) > set(plain)
    assert set(more.values()) == {1, 2}
    unsegmented = query.replace("segments.click_type, ", "")
    assert {Counter(row["clickView"]["gclid"] for row in asked.results(unsegmented))[g] for g in plain} == {1}
    asked.fault(google_click_view={"days": 10})
    assert asked.refused(query)[1] == {"clickViewError": "DATE_TOO_OLD"}


def test_google_lead_forms_name_the_click_and_end_after_their_retention(asked: Networks) -> None:
    query = (
        "SELECT lead_form_submission_data.id, lead_form_submission_data.gclid, "
        "lead_form_submission_data.submission_date_time, lead_form_submission_data.ad_group_ad, "
        "lead_form_submission_data.lead_form_submission_fields, campaign.id FROM lead_form_submission_data"
    )
    actions = "SELECT conversion_action.id, conversion_action.origin FROM conversion_action"
    total = f"SELECT customer.id, metrics.conversions FROM customer WHERE {MONTHS}"
    assert asked.results(query) == []
    before = asked.results(total)[0]["metrics"]["conversions"]
    assert len(asked.results(actions)) == 8
    asked.fault(google_lead_forms={"share": 0.5, "days": 60})
    leads = [row["leadFormSubmissionData"] for row in asked.results(query)]
    assert min(lead["submissionDateTime"] for lead in leads) >= "2026-09-02"
    for lead in leads:
        fields = {field["fieldType"]: field["fieldValue"] for field in lead["leadFormSubmissionFields"]}
        assert fields["EMAIL"].endswith((".test", ".example"))
        assert lead["submissionDateTime"][-6:] in ("-04:00", "-05:00")
    asked.fault(google_lead_forms={"share": 0.5, "days": 20})
    assert 0 < len(asked.results(query)) < len(leads)
    assert [row for row in asked.results(actions) if row["conversionAction"]["origin"] == "GOOGLE_HOSTED"]
    assert asked.results(total)[0]["metrics"]["conversions"] >= before + len(leads)


# -- Google: limits and faults --------------------------------------------------------------------------

SIMPLE = {"query": "SELECT campaign.id FROM campaign"}


def test_google_quota_is_told_in_the_body_alone_and_ends_with_the_day(asked: Networks) -> None:
    asked.clock("2026-11-02T06:00:00Z")
    asked.fault(google_quota={"daily": 2, "retry_delay": 30})
    answers = [asked.google(SIMPLE) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    error = answers[2].json()[0]["error"]
    failure = error["details"][0]["errors"][0]
    assert (error["status"], failure["errorCode"]) == (
        "RESOURCE_EXHAUSTED",
        {"quotaError": "RESOURCE_EXHAUSTED"},
    )
    assert failure["details"]["quotaErrorDetails"]["retryDelay"] == "30s"
    assert not [name for name in answers[2].headers if "limit" in name or name == "retry-after"]
    asked.clock("2026-11-03T06:00:00Z")
    assert asked.google(SIMPLE).status_code == 200


def test_google_errors_come_once_or_after_good_batches(asked: Networks) -> None:
    asked.fault(google_error={"path": "FROM campaign"})
    assert asked.google({"query": "SELECT customer.id FROM customer"}).status_code == 200
    answer = asked.google(SIMPLE)
    assert (answer.status_code, code_of(answer.json()[0])) == (500, {"internalError": "TRANSIENT_ERROR"})
    assert asked.google(SIMPLE).status_code == 200
    asked.fault(google_stream_error={"batches": 2})
    broken = asked.google(SIMPLE)
    assert broken.status_code == 200
    assert ["results" in batch for batch in broken.json()] == [True, True, False]
    assert code_of(broken.json()[-1]) == {"internalError": "INTERNAL_ERROR"}
    assert all("error" not in batch for batch in asked.google(SIMPLE).json())


def test_google_streams_can_be_cut(asked: Networks) -> None:
    asked.fault(connection_reset={"path": "googleAds:searchStream", "sent": 0.5})
    with pytest.raises((ConnectionResetError, httpx.HTTPError)):
        asked.google(SIMPLE)
    asked.fault(truncated_json={"path": "googleAds:searchStream"})
    with pytest.raises(json.JSONDecodeError):
        asked.google(SIMPLE).json()


def test_google_streams_come_whole_where_pages_are_not_capped(asked: Networks) -> None:
    batches = asked.google(SIMPLE).json()
    asked.fault(page_caps={"off": True})
    (whole,) = asked.google(SIMPLE).json()
    assert len(batches) == 3
    assert whole["results"] == [row for batch in batches for row in batch["results"]]


def test_google_search_pages_by_tokens_of_its_own_query(asked: Networks) -> None:
    asked.fault(page_caps={"google_rows": 2})
    pages, token = [], ""
    while True:
        body = asked.google({**SIMPLE, "pageToken": token}, method="search").json()
        pages.append([row["campaign"]["id"] for row in body["results"]])
        token = body.get("nextPageToken", "")
        if not token:
            break
    assert [len(page) for page in pages] == [2, 2, 2]
    assert len({campaign for page in pages for campaign in page}) == 6
    first = asked.google(SIMPLE, method="search").json()["nextPageToken"]
    other = {"query": "SELECT ad_group.id FROM ad_group", "pageToken": first}
    assert code_of(asked.google(other, method="search").json()) == {"requestError": "INVALID_PAGE_TOKEN"}
    asked.fault(google_page_token={})
    expired = asked.google({**SIMPLE, "pageToken": first}, method="search")
    assert code_of(expired.json()) == {"requestError": "EXPIRED_PAGE_TOKEN"}
    sized = asked.google({**SIMPLE, "pageSize": 100}, method="search")
    assert code_of(sized.json()) == {"requestError": "PAGE_SIZE_NOT_SUPPORTED"}


def test_google_search_settings_give_totals_and_a_summary(asked: Networks) -> None:
    query = f"SELECT campaign.id, metrics.clicks FROM campaign WHERE {MONTHS}"
    settings = {"returnTotalResultsCount": True, "returnSummaryRow": True, "omitResults": True}
    body = asked.google({"query": query, "searchSettings": settings}, method="search").json()
    clicks = sum(int(row["metrics"]["clicks"]) for row in asked.results(query))
    assert "results" not in body
    assert body["totalResultsCount"] == "6"
    assert body["summaryRow"] == {"metrics": {"clicks": str(clicks)}}
    assert asked.google({"query": query, "validateOnly": True}, method="search").json() == {}


def test_google_empty_answers_have_no_results(asked: Networks) -> None:
    query = {"query": "SELECT campaign.id FROM campaign WHERE campaign.id = 1"}
    (batch,) = asked.google(query).json()
    assert "results" not in batch
    assert "results" not in asked.google(query, method="search").json()
    asked.fault(google_empty={"as": "array"})
    assert asked.google(query).json() == []


@pytest.mark.parametrize(("header", "status"), [("optional", 200), ("rejected", 400), ("required", 200)])
def test_google_developer_tokens(asked: Networks, header: str, status: int) -> None:
    asked.fault(google_developer_token={"header": header})
    assert asked.google(SIMPLE, developer_token="x").status_code == status
    assert asked.google(SIMPLE).status_code == (400 if header == "required" else 200)


# -- Meta: objects --------------------------------------------------------------------------------------


def test_facebook_hides_archived_and_deleted_objects_unless_asked(asked: Networks) -> None:
    shown = {row["id"] for row in asked.data(f"{ACT}/ads", fields="id,effective_status")}
    every = asked.data(f"{ACT}/ads", fields="id,effective_status", filtering=json.dumps([EVERY_STATUS]))
    statuses = {row["id"]: row["effective_status"] for row in every}
    assert shown == {id_ for id_, status in statuses.items() if status == "ACTIVE"}
    assert set(statuses.values()) == {"ACTIVE", "ARCHIVED", "DELETED"}
    rule = [{"field": "ad.effective_status", "operator": "IN", "value": ["DELETED"]}]
    deleted = asked.data(f"{ACT}/ads", filtering=json.dumps(rule))
    assert [row["id"] for row in deleted] == [id_ for id_, one in statuses.items() if one == "DELETED"]
    since = {"field": "ad.updated_time", "operator": "GREATER_THAN", "value": 1790000000}
    changed = asked.data(f"{ACT}/ads", filtering=json.dumps([since, EVERY_STATUS]))
    assert 0 < len(changed) < len(statuses)


def test_facebook_gives_the_id_alone_without_fields_and_follows_braces(asked: Networks) -> None:
    assert all(set(row) == {"id"} for row in asked.data(f"{ACT}/adsets"))
    fields = "name,creative{id,url_tags},campaign{name,objective}"
    for row in asked.data(f"{ACT}/ads", fields=fields):
        assert set(row["creative"]) == {"id", "url_tags"}
        assert set(row["campaign"]) == {"id", "name", "objective"}
    error = asked.graph(f"{ACT}/ads", fields="name,colour").json()["error"]
    assert (error["code"], "colour" in error["message"]) == (100, True)


def test_facebook_creatives_lead_to_pages_in_several_ways(asked: Networks) -> None:
    fields = "object_type,object_story_spec,asset_feed_spec,url_tags,effective_object_story_id"
    creatives = asked.data(f"{ACT}/adcreatives", fields=fields)
    stories = [row["object_story_spec"] for row in creatives]
    assert any("video_data" in story for story in stories)
    assert any("child_attachments" in story.get("link_data", {}) for story in stories)
    feeds = [row["asset_feed_spec"]["link_urls"] for row in creatives if "asset_feed_spec" in row]
    assert [links[0]["website_url"] for links in feeds] == ["https://www.nordlicht.example/contact"]
    assert all("utm_source=facebook" in row["url_tags"] for row in creatives)


def test_facebook_windows_of_an_ad_set_change_once(asked: Networks) -> None:
    def windows() -> dict[str, list[tuple[str, int]]]:
        rows = asked.data(f"{ACT}/adsets", fields="name,attribution_spec,updated_time")
        return {
            row["name"]: [(one["event_type"], one["window_days"]) for one in row["attribution_spec"]]
            for row in rows
        }

    before = windows()
    asked.clock("2026-11-12T06:00:00Z")
    after = windows()
    assert {name for name in before if before[name] != after[name]} == {"Lookalike"}
    assert after["Lookalike"] == [("CLICK_THROUGH", 1)]
    settings = {
        (row["date_start"], row["attribution_setting"])
        for row in asked.insights("adset", time_range='{"since":"2026-11-01","until":"2026-11-11"}')
        if row["adset_id"].endswith("400201")
    }
    assert {setting for day, setting in settings if day < "2026-11-09"} == {"7d_click_1d_view"}
    assert {setting for day, setting in settings if day >= "2026-11-09"} == {"1d_click"}


def test_facebook_accounts_are_listed_with_their_status(asked: Networks) -> None:
    fields = "account_id,currency,timezone_name,account_status"
    assert len(asked.data("me/adaccounts", fields=fields)) == 1
    asked.fault(facebook_accounts={})
    accounts = {row["id"]: row for row in asked.data("me/adaccounts", fields=fields)}
    assert (accounts[ACT_US]["currency"], accounts[ACT_US]["timezone_name"]) == ("USD", "America/Los_Angeles")
    assert sorted(row["account_status"] for row in accounts.values()) == [1, 1, 101]
    assert asked.insights(path=f"{ACT_US}/insights")
    assert asked.data(f"{ACT_US}/campaigns", fields="name") != asked.data(f"{ACT}/campaigns", fields="name")


def test_facebook_nodes_are_read_alone_by_ids_and_in_batches(asked: Networks) -> None:
    campaign = asked.data(f"{ACT}/campaigns")[0]["id"]
    adsets = {row["id"] for row in asked.data(f"{campaign}/adsets")}
    assert adsets
    assert asked.graph("", ids=f"{campaign},{ACT}", fields="name").json().keys() == {campaign, ACT}
    calls = [
        {"method": "GET", "relative_url": f"{campaign}?fields=name"},
        {"method": "GET", "relative_url": "v26.0/99?fields=name"},
    ]
    first, second = asked.graph("", method="POST", batch=json.dumps(calls)).json()
    assert (first["code"], json.loads(first["body"])["id"]) == (200, campaign)
    assert (second["code"], json.loads(second["body"])["error"]["error_subcode"]) == (400, 33)
    assert any(header["name"] == "content-type" for header in first["headers"])
    many = asked.graph("", method="POST", batch=json.dumps(calls * 26))
    assert many.json()["error"]["code"] == 100


def test_facebook_proof_is_verified_and_can_be_required(asked: Networks) -> None:
    token = asked.sandbox.credentials.facebook_token
    proof = hmac.new(b"sandbox-facebook-secret", token.encode(), hashlib.sha256).hexdigest()
    assert asked.graph(ACT, appsecret_proof="0" * 64).status_code == 400
    asked.fault(facebook_require_proof={})
    refusal = asked.graph(ACT).json()["error"]
    assert (refusal["code"], refusal["type"]) == (100, "GraphMethodException")
    assert asked.graph(ACT, appsecret_proof=proof).status_code == 200


def test_facebook_pages_can_be_empty_and_go_on(asked: Networks) -> None:
    plain = asked.data(f"{ACT}/adcreatives")
    asked.fault(facebook_empty_page={"every": 2})
    first = asked.graph(f"{ACT}/adcreatives").json()
    second = asked.graph(f"{ACT}/adcreatives", after=first["paging"]["cursors"]["after"]).json()
    assert (second["data"], "next" in second["paging"]) == ([], True)
    assert second["paging"]["cursors"]["after"] != first["paging"]["cursors"]["after"]
    assert asked.data(f"{ACT}/adcreatives") == plain
    asked.fault(page_caps={"off": True})
    asked.sandbox.faults.clear("facebook_empty_page")
    last = asked.graph(f"{ACT}/adcreatives", limit=100).json()
    assert ("after" in last["paging"]["cursors"], "next" in last["paging"]) == (True, False)


# -- Meta: insights -------------------------------------------------------------------------------------


def test_facebook_costs_per_action_belong_to_actions(asked: Networks) -> None:
    (row, *_) = asked.insights(fields="spend,actions,cost_per_action_type,outbound_clicks")
    counts = {action["action_type"]: action["value"] for action in row["actions"]}
    for cost in row["cost_per_action_type"]:
        expected = Decimal(row["spend"]) / int(counts[cost["action_type"]])
        assert Decimal(cost["value"]) == pytest.approx(expected, abs=Decimal("0.000001"))


def test_facebook_filters_insights_and_can_hide_archived_ads(asked: Networks) -> None:
    everything = asked.insights("ad")
    campaign = everything[0]["campaign_id"]
    rule = json.dumps([{"field": "campaign.id", "operator": "IN", "value": [campaign]}])
    assert {row["campaign_id"] for row in asked.insights("ad", filtering=rule)} == {campaign}
    many = json.dumps([{"field": "impressions", "operator": "GREATER_THAN", "value": 200}])
    assert all(int(row["impressions"]) > 200 for row in asked.insights(filtering=many))
    asked.fault(facebook_archived_hidden={})
    hidden = {row["campaign_name"] for row in everything} - {
        row["campaign_name"] for row in asked.insights("ad")
    }
    assert hidden == {"Webinar autumn"}
    rule = json.dumps([{"field": "ad.effective_status", "operator": "IN", "value": ["ARCHIVED"]}])
    assert {row["campaign_name"] for row in asked.insights("ad", filtering=rule)} == hidden


def test_facebook_deleted_ads_spend_in_their_campaign_alone(asked: Networks) -> None:
    def spend(level: str) -> Decimal:
        rows = asked.insights(level)
        return sum((Decimal(row["spend"]) for row in rows), Decimal(0))

    assert spend("adset") == spend("campaign") == spend("account")
    assert spend("ad") < spend("campaign")
    rule = json.dumps([{"field": "ad.effective_status", "operator": "IN", "value": ["DELETED"]}])
    assert asked.insights("ad", filtering=rule) == []


def test_facebook_goes_back_37_months(asked: Networks) -> None:
    def status(since: str) -> int:
        span = json.dumps({"since": since, "until": "2026-10-31"})
        return asked.graph(f"{ACT}/insights", time_range=span).status_code

    assert (status("2023-10-01"), status("2023-09-30")) == (200, 400)
    asked.fault(facebook_retention={"months": 2})
    assert (status("2026-09-01"), status("2026-08-31")) == (200, 400)


def run_report(asked: Networks, **params: str) -> str:
    span = '{"since":"2026-10-01","until":"2026-10-07"}'
    started = asked.graph(f"{ACT}/insights", method="POST", time_range=span, **params)
    return str(started.json()["report_run_id"])


def test_facebook_reports_live_through_their_states(asked: Networks) -> None:
    asked.fault(facebook_async={"polls": 4})
    run = run_report(asked, level="campaign", fields="campaign_id,spend", time_increment="1")
    early = asked.graph(f"{run}/insights").json()["error"]
    assert (early["code"], early["error_subcode"]) == (2601, 1815107)
    states = [asked.graph(run).json() for _ in range(5)]
    assert [state["async_status"] for state in states] == [
        "Job Not Started",
        "Job Started",
        "Job Running",
        "Job Running",
        "Job Completed",
    ]
    percent = [state["async_percent_completion"] for state in states]
    assert (percent[-1], percent == sorted(percent), states[-1]["is_running"]) == (100, True, False)
    assert (states[-1]["date_start"], states[-1]["date_stop"]) == ("2026-10-01", "2026-10-07")
    direct = asked.insights(
        fields="campaign_id,spend", time_range='{"since":"2026-10-01","until":"2026-10-07"}'
    )
    assert asked.data(f"{run}/insights", limit=100) == direct
    asked.clock("2026-12-05T06:00:00Z")
    assert asked.graph(run).json()["error"]["error_subcode"] == 33


@pytest.mark.parametrize("outcome", ["Job Failed", "Job Skipped"])
def test_facebook_reports_can_end_badly_and_be_started_again(asked: Networks, outcome: str) -> None:
    asked.fault(facebook_async={"polls": 1, "outcome": outcome, "times": 1})
    for expected in (outcome, "Job Completed"):
        run = run_report(asked, level="campaign")
        asked.graph(run)
        state = asked.graph(run).json()
        assert state["async_status"] == expected
        assert ("error_code" in state) is (expected == "Job Failed")
        assert asked.graph(f"{run}/insights").status_code == (200 if expected == "Job Completed" else 400)


def test_facebook_reports_can_refuse_to_be_read_for_a_while(asked: Networks) -> None:
    asked.fault(facebook_async={"polls": 0, "cannot_include": 1})
    run = run_report(asked)
    refusal = asked.graph(f"{run}/insights").json()["error"]
    assert (refusal["code"], "Cannot include" in refusal["message"]) == (100, True)
    assert asked.graph(f"{run}/insights").status_code == 200


def test_facebook_asks_to_reduce_the_amount_of_data(asked: Networks) -> None:
    span = '{"since":"2026-10-01","until":"2026-10-30"}'
    asked.fault(facebook_reduce={"limit": 50, "rows": 40, "async": True})
    assert asked.graph(f"{ACT}/campaigns", limit=51).status_code == 500
    assert asked.graph(f"{ACT}/campaigns", limit=50).status_code == 200
    asked_for = {"level": "ad", "time_increment": "1", "limit": "50"}
    error = asked.graph(f"{ACT}/insights", time_range=span, **asked_for).json()["error"]
    assert (error["code"], "reduce the amount of data" in error["message"]) == (1, True)
    short = '{"since":"2026-10-01","until":"2026-10-02"}'
    assert asked.graph(f"{ACT}/insights", time_range=short, **asked_for).status_code == 200
    run = run_report(asked, level="ad", time_increment="1")
    assert asked.graph(run).json()["async_status"] == "Job Failed"
    asked.fault(facebook_reduce={"rows": 40, "as": "timeout"})
    assert (
        asked.graph(f"{ACT}/insights", time_range=span, **asked_for).json()["error"]["error_subcode"]
        == 1504018
    )


def test_facebook_usage_rises_until_calls_are_refused(asked: Networks) -> None:
    asked.fault(facebook_throttle={"step": 40, "window_seconds": 30.0, "regain": 3})
    answers = [asked.graph(f"{ACT}/insights") for _ in range(4)]
    used = [json.loads(answer.headers["x-business-use-case-usage"]) for answer in answers]
    entries = [entry for usage in used for (entry,) in usage.values()]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 400]
    assert [entry["call_count"] for entry in entries] == [40, 80, 120, 100]
    assert [entry["estimated_time_to_regain_access"] for entry in entries] == [0, 0, 0, 3]
    assert answers[3].json()["error"]["code"] == 80000
    assert asked.graph(f"{ACT}/ads").json()["error"]["code"] == 80004
    assert asked.graph("1180450091223/leads").json()["error"]["code"] == 80005
    asked.sandbox.faults.clear()
    assert asked.graph(f"{ACT}/insights").status_code == 200


# -- Meta: leads ----------------------------------------------------------------------------------------


def page_token(asked: Networks) -> str:
    (page,) = asked.data("me/accounts")
    assert page["id"] == PAGE
    return str(page["access_token"])


def test_facebook_lead_forms_need_the_token_of_their_page(asked: Networks) -> None:
    refusal = asked.graph(f"{PAGE}/leadgen_forms").json()["error"]
    assert (refusal["code"], "Page Access Token" in refusal["message"]) == (190, True)
    forms = asked.data(f"{PAGE}/leadgen_forms", page_token(asked), fields="id,name,leads_count,questions")
    assert len(forms) == 2
    assert {question["key"] for form in forms for question in form["questions"]} == {"email", "full_name"}
    asked.fault(facebook_access={"permissions": ["ads_read", "pages_show_list"]})
    assert asked.graph(f"{PAGE}/leadgen_forms", token=page_token(asked)).json()["error"]["code"] == 200


def test_facebook_names_the_page_of_an_ad_in_three_places(asked: Networks) -> None:
    account = asked.sandbox.company.accounts[Network.FACEBOOK][0].id
    fields = "id,adset{promoted_object},creative{actor_id,effective_object_story_id,object_story_spec}"
    ads = asked.data(f"act_{account}/ads", fields=fields, limit="100")
    promoted = [ad["adset"]["promoted_object"].get("page_id") for ad in ads]
    assert {page for page in promoted if page} == {PAGE}
    assert None in promoted, "ads for a website promote a pixel"
    for ad in ads:
        creative = ad["creative"]
        assert creative["actor_id"] == creative["object_story_spec"]["page_id"] == PAGE
        assert creative["effective_object_story_id"].startswith(f"{PAGE}_")
    assert asked.data(f"act_{account}/promote_pages", fields="id,name") == [{"id": PAGE, "name": "Nordlicht"}]
    asked.fault(facebook_access={"permissions": ["ads_read", "pages_show_list"]})
    assert asked.graph(f"act_{account}/promote_pages").json()["error"]["code"] == 200


def test_facebook_leads_are_what_people_sent_in_90_days(asked: Networks) -> None:
    fields = "id,created_time,ad_id,form_id,is_organic,field_data"
    leads = [
        lead
        for form in ("1180450091223", "1180450091388")
        for lead in asked.data(f"{form}/leads", fields=fields)
    ]
    sent = Counter(
        event.email
        for event in asked.sandbox.world.events
        if isinstance(event, LeadAdSubmission)
        and event.placement.network is Network.FACEBOOK
        and "2026-08-03T06" < f"{event.at:%Y-%m-%dT%H}" < "2026-11-01T05"
    )
    assert Counter(answers(lead)["email"] for lead in leads) == sent
    assert len(sent) > 3
    assert all(lead["created_time"].endswith("+0000") and not lead["is_organic"] for lead in leads)
    of_one_ad = asked.data(f"{leads[0]['ad_id']}/leads", fields=fields)
    assert {lead["ad_id"] for lead in of_one_ad} == {leads[0]["ad_id"]}
    since = [{"field": "time_created", "operator": "GREATER_THAN", "value": 1792000000}]
    later = asked.data("1180450091223/leads", fields=fields, filtering=json.dumps(since))
    assert 0 < len(later) < len(leads)


def answers(lead: dict[str, Any]) -> dict[str, str]:
    return {field["name"]: field["values"][0] for field in lead["field_data"]}


def test_facebook_organic_and_test_leads_name_no_ad(asked: Networks) -> None:
    fields = "id,ad_id,is_organic,field_data"
    before = len(asked.data("1180450091223/leads", fields=fields))
    asked.fault(facebook_leads={"organic": 2, "test": 1})
    leads = asked.data("1180450091223/leads", fields=fields)
    extra = [lead for lead in leads if lead["is_organic"]]
    assert len(leads) == before + 3
    assert [lead for lead in extra if "ad_id" in lead] == []
    assert sum("test lead" in answers(lead)["full_name"] for lead in extra) == 1
    asked.fault(facebook_leads={"organic": 0, "test": 0, "days": 10})
    assert len(asked.data("1180450091223/leads", fields=fields)) < before


# -- LinkedIn -------------------------------------------------------------------------------------------


def test_linkedin_landing_pages_stand_in_text_ads_and_posts(asked: Networks) -> None:
    creatives = [
        element
        for token in ("", "&pageToken=DgE4", "&pageToken=DgE8")
        for element in asked.elements(f"/adAccounts/{LINKEDIN}/creatives?q=criteria&pageSize=100{token}")
    ]
    texts = [row["content"]["textAd"]["landingPage"] for row in creatives if "textAd" in row["content"]]
    assert len(texts) == 2
    assert all("hsa_cam=652100801" in link for link in texts)
    references = [row["content"]["reference"] for row in creatives if "reference" in row["content"]]
    encoded = ",".join(quote(one, safe="") for one in (*references, "urn:li:share:1"))
    body = asked.rest(f"/posts?ids=List({encoded})", X_RestLi_Method="BATCH_GET").json()
    assert set(body["results"]) == set(references)
    assert set(body["errors"]) == {"urn:li:share:1"}
    links = {
        urn: post.get("contentLandingPage") or post["content"].get("article", {}).get("source")
        for urn, post in body["results"].items()
    }
    forms = {row["content"]["reference"] for row in creatives if "leadgenCallToAction" in row}
    assert {urn for urn, link in links.items() if link is None} == forms
    one = asked.rest(f"/posts/{quote(references[0], safe='')}").json()
    assert one == body["results"][references[0]]
    asked.fault(linkedin_access={"scopes": ["r_ads", "r_ads_reporting"]})
    assert asked.rest(f"/posts?ids=List({encoded})").status_code == 403


def test_linkedin_serves_more_than_twenty_fields_but_not_at_once(asked: Networks) -> None:
    metrics = [
        *("impressions", "clicks", "landingPageClicks", "companyPageClicks", "totalEngagements"),
        *("approximateMemberReach", "externalWebsiteConversions", "externalWebsitePostClickConversions"),
        *("externalWebsitePostViewConversions", "oneClickLeads", "oneClickLeadFormOpens", "qualifiedLeads"),
        *("validWorkEmailLeads", "reactions", "comments", "shares", "follows", "videoViews", "videoStarts"),
        *("videoCompletions", "viralImpressions", "costInLocalCurrency", "costInUsd"),
    ]
    keys = "dateRange,pivotValues"
    assert asked.rest(analytics_path(f"{keys},{','.join(metrics[:19])}")).status_code == 400
    first = asked.analytics(f"{keys},{','.join(metrics[:18])}")
    second = asked.analytics(f"{keys},{','.join(metrics[18:])}")
    assert len(first) > 100
    assert set(second[0]) == {"dateRange", "pivotValues", *metrics[18:]}


def test_linkedin_chunks_of_fields_have_different_rows(asked: Networks) -> None:
    def keys(fields: str) -> set[str]:
        return {json.dumps([row["dateRange"], row["pivotValues"]]) for row in asked.analytics(fields)}

    delivery = keys("dateRange,pivotValues,impressions")
    conversions = keys("dateRange,pivotValues,externalWebsiteConversions")
    assert 0 < len(conversions) < len(delivery)
    assert keys("dateRange,pivotValues") >= delivery | conversions


def test_linkedin_statistics_by_campaign_and_rule_add_up(asked: Networks) -> None:
    fields = "dateRange,pivotValues,externalWebsiteConversions"
    pairs = asked.analytics(fields, "q=statistics&pivots=List(CAMPAIGN,CONVERSION)")
    assert all(len(row["pivotValues"]) == 2 for row in pairs)
    total = sum(row["externalWebsiteConversions"] for row in asked.analytics(fields))
    assert sum(row["externalWebsiteConversions"] for row in pairs) == total > 0
    rules = {f"urn:lla:llaPartnerConversion:{n}" for n in range(10440101, 10440108)}
    assert {row["pivotValues"][1] for row in pairs} <= rules
    many = "q=statistics&pivots=List(ACCOUNT,CAMPAIGN,CREATIVE,CONVERSION)"
    assert asked.rest(analytics_path(fields, many)).status_code == 400
    demographic = asked.rest(analytics_path(fields, "q=statistics&pivots=List(MEMBER_COUNTRY_V2)"))
    assert demographic.json()["errorDetails"]["inputErrors"][0]["code"] == "FIELD_INVALID"


def test_linkedin_cuts_elements_silently(asked: Networks) -> None:
    whole = asked.analytics("dateRange,pivotValues,impressions")
    asked.fault(linkedin_element_cap={"elements": 50})
    cut = asked.rest(analytics_path("dateRange,pivotValues,impressions")).json()
    assert cut["elements"] == whole[:50]
    assert cut["paging"] == {"start": 0, "count": 10, "links": []}


def test_linkedin_money_can_be_plain_for_comparison(asked: Networks) -> None:
    fields = "dateRange,pivotValues,impressions,costInLocalCurrency,conversionValueInLocalCurrency"
    ugly = asked.analytics(fields)
    asked.fault(linkedin_decimals={})
    plain = asked.analytics(fields)
    assert any(row["conversionValueInLocalCurrency"] == "-2E-18" for row in ugly)
    for one, other in zip(ugly, plain, strict=True):
        for name in ("costInLocalCurrency", "conversionValueInLocalCurrency"):
            assert round(Decimal(one[name]), 2) == Decimal(other[name])


def test_linkedin_reads_both_protocols_and_tunnels(asked: Networks) -> None:
    second = asked.rest(analytics_path("impressions,clicks"))
    path = (
        "/adAnalytics?q=analytics&pivot=CREATIVE&timeGranularity=DAILY&fields=impressions,clicks"
        f"&accounts[0]=urn:li:sponsoredAccount:{LINKEDIN}"
        "&dateRange.start.day=1&dateRange.start.month=6&dateRange.start.year=2026"
        "&dateRange.end.day=30&dateRange.end.month=11&dateRange.end.year=2026"
    )
    assert asked.rest(path, X_Restli_Protocol_Version="1.0.0").json() == second.json()
    long = ",".join(quote(f"urn:li:sponsoredCreative:{n}", safe="") for n in range(412900000, 412900100))
    query = analytics_path("dateRange,pivotValues,clicks") + f"&creatives=List({long})"
    assert asked.rest(query).status_code == 414
    name, _, content = query.partition("?")
    tunnelled = asked.rest(name, "POST", content, X_HTTP_Method_Override="GET")
    assert tunnelled.status_code == 200
    asked.fault(linkedin_url_length={"bytes": 100_000})
    assert asked.rest(query).json() == tunnelled.json()


def test_linkedin_versions_can_be_tolerated_or_dead(asked: Networks) -> None:
    path = "/adAccounts?q=search"
    assert asked.rest(path, LinkedIn_Version="202511").json()["code"] == "NONEXISTENT_VERSION"
    asked.fault(linkedin_versions={"tolerate": ["202511"], "dead": ["202609"]})
    assert asked.rest(path, LinkedIn_Version="202511").status_code == 200
    assert asked.rest(path).status_code == 426


def test_linkedin_limits_are_told_by_their_message_alone(asked: Networks) -> None:
    asked.clock("2026-11-02T23:00:00Z")
    asked.fault(linkedin_limits={"daily": 2})
    answers = [asked.rest("/adAccounts?q=search") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert "APPLICATION DAY limit" in answers[2].json()["message"]
    assert not [name for name in answers[2].headers if "limit" in name or name == "retry-after"]
    assert asked.rest(f"/adAccounts/{LINKEDIN}/adCampaigns?q=search").status_code == 200
    asked.clock("2026-11-03T00:00:01Z")
    assert asked.rest("/adAccounts?q=search").status_code == 200
    asked.sandbox.faults.clear()
    asked.fault(linkedin_limits={"metric_values": 100})
    volume = asked.rest(analytics_path("dateRange,pivotValues,impressions"))
    assert (volume.status_code, "45 million metric values" in volume.json()["message"]) == (429, True)


def test_linkedin_offset_pages_link_onwards_and_may_hide_their_total(asked: Networks) -> None:
    path = f"/conversions?q=account&account={urn(LINKEDIN)}&count=500"
    body = asked.rest(path).json()
    ids, hrefs = [row["id"] for row in body["elements"]], []
    while links := body["paging"]["links"]:
        hrefs.append(links[0]["href"])
        body = asked.rest(links[0]["href"].removeprefix("/rest")).json()
        ids += [row["id"] for row in body["elements"]]
    assert len(set(ids)) == len(ids) == body["paging"]["total"] == 7
    assert len(hrefs) == 3
    asked.fault(linkedin_no_total={})
    assert "total" not in asked.rest(path).json()["paging"]


def test_linkedin_accounts_of_the_member(asked: Networks) -> None:
    assert len(asked.elements("/adAccounts?q=search")) == 1
    before = asked.analytics("impressions,clicks")
    asked.fault(linkedin_accounts={})
    rows = {row["id"]: row for row in asked.elements("/adAccounts?q=search")}
    assert rows[int(LINKEDIN_UK)]["currency"] == "GBP"
    assert len(asked.elements(f"/adAccounts/{LINKEDIN_UK}/creatives?q=criteria")) == 2
    assert asked.elements(f"/conversions?q=account&account={urn(LINKEDIN_UK)}") == []
    assert asked.analytics("impressions,clicks") == before
    other = analytics_path("impressions").replace(urn(LINKEDIN), urn(LINKEDIN_UK))
    assert asked.elements(other)


def responses(asked: Networks, more: str = "") -> list[dict[str, Any]]:
    owner = f"owner=(sponsoredAccount:{urn(LINKEDIN)})"
    return asked.elements(
        f"/leadFormResponses?q=owner&{owner}&leadType=(leadType:SPONSORED)&count=500&start=0{more}"
    )


def test_linkedin_responses_are_read_through_the_questions_of_their_form(asked: Networks) -> None:
    path = f"/leadForms?q=owner&owner=(sponsoredAccount:{urn(LINKEDIN)})&count=500"
    forms = {form["id"]: form for form in asked.elements(path)}
    emails = {
        question["questionId"]: form_id
        for form_id, form in forms.items()
        for question in form["content"]["questions"]
        if question.get("predefinedField") == "EMAIL"
    }
    assert len(emails) == len(forms) == 2
    found = Counter(
        answer["answerDetails"]["textQuestionAnswer"]["answer"]
        for response in responses(asked)
        for answer in response["formResponse"]["answers"]
        if answer["questionId"] in emails
    )
    sent = Counter(
        event.email
        for event in asked.sandbox.world.events
        if isinstance(event, LeadAdSubmission)
        and event.placement.network is Network.LINKEDIN
        and f"{event.at:%Y-%m-%dT%H:%M}" <= "2026-11-01T05:29"
    )
    assert found == sent
    assert len(sent) > 5
    assert asked.rest(f"/leadForms/{next(iter(forms))}").json() in forms.values()
    untyped = f"/leadFormResponses?q=owner&owner=(sponsoredAccount:{urn(LINKEDIN)})"
    assert asked.rest(untyped).status_code == 400
    asked.fault(linkedin_access={"scopes": ["r_ads", "r_ads_reporting"]})
    assert asked.rest(path).status_code == 403


def test_linkedin_responses_by_time_test_leads_and_retention(asked: Networks) -> None:
    every = responses(asked)
    middle = sorted(row["submittedAt"] for row in every)[len(every) // 2]
    later = responses(asked, f"&submittedAtTimeRange=(start:{middle},end:1893456000000)")
    assert {row["id"] for row in later} == {row["id"] for row in every if row["submittedAt"] >= middle}
    asked.fault(linkedin_leads={"test": 1})
    tests = responses(asked, "&limitedToTestLeads=true")
    assert [row["testLead"] for row in tests] == [True, True]
    assert len(responses(asked)) == len(every) + 2
    asked.fault(linkedin_leads={"test": 0, "days": 90})
    kept = responses(asked)
    assert 0 < len(kept) < len(every)
    assert min(row["submittedAt"] for row in kept) >= 1785736800000


# -- paging faults of any network -----------------------------------------------------------------------


def test_cursors_can_lead_to_their_own_page(asked: Networks) -> None:
    first = asked.graph(f"{ACT}/ads", limit=2).json()["paging"]["cursors"]["after"]
    plain = asked.graph(f"{ACT}/ads", limit=2, after=first).json()["paging"]
    path = f"/adAccounts/{LINKEDIN}/creatives?q=criteria&pageSize=2&pageToken=DgE2"
    assert asked.rest(path).json()["metadata"] == {"nextPageToken": "DgE4"}
    asked.fault(repeated_cursor={})
    paging = asked.graph(f"{ACT}/ads", limit=2, after=first).json()["paging"]
    assert plain["cursors"]["after"] != first == paging["cursors"]["after"]
    assert parse_qs(urlsplit(paging["next"]).query)["after"] == [first]
    assert asked.rest(path).json()["metadata"] == {"nextPageToken": "DgE2"}


def test_pages_can_bring_rows_again(asked: Networks) -> None:
    pages = [asked.graph(f"{ACT}/ads", limit=2).json()]
    asked.fault(duplicate_page={"path": "/ads", "times": 2})
    again = [asked.graph(f"{ACT}/ads", limit=2).json() for _ in range(2)]
    assert again[1]["data"] == pages[0]["data"] * 2


# -- restatement ----------------------------------------------------------------------------------------


def google_days(asked: Networks) -> dict[str, float]:
    query = f"SELECT customer.id, segments.date, metrics.conversions FROM customer WHERE {MONTHS}"
    return {row["segments"]["date"]: row["metrics"]["conversions"] for row in asked.results(query)}


def facebook_days(asked: Networks) -> dict[str, float]:
    days: dict[str, float] = defaultdict(float)
    for row in asked.insights():
        for action in row.get("actions", []):
            if action["action_type"] != "link_click":
                days[row["date_start"]] += float(action["value"])
    return days


def linkedin_days(asked: Networks) -> dict[str, float]:
    days: dict[str, float] = defaultdict(float)
    for row in asked.analytics("dateRange,pivotValues,externalWebsiteConversions"):
        start = row["dateRange"]["start"]
        days[f"{start['year']}-{start['month']:02d}-{start['day']:02d}"] += row["externalWebsiteConversions"]
    return days


READERS = {"google": google_days, "facebook": facebook_days, "linkedin": linkedin_days}


@pytest.mark.parametrize(
    ("network", "window", "clocks"),
    [
        # the longest click window, and the slowest model's lag
        ("google", 61, ("2026-10-15", "2026-11-01")),
        # a week in which the site's server may send what happened, and what is dated by an impression
        ("facebook", 9, ("2026-11-10", "2026-11-22")),
        # two days until a member is matched
        ("linkedin", 3, ("2026-10-15", "2026-10-22")),
    ],
)
def test_days_are_restated_until_their_window_is_over(
    grown: Networks, network: str, window: int, clocks: tuple[str, str]
) -> None:
    read = READERS[network]
    seen = []
    for clock in (*clocks, "2027-03-01", "2027-04-01"):
        grown.clock(f"{clock}T06:00:00Z")
        seen.append(read(grown))
    early, later, over, afterwards = seen
    before = date.fromisoformat(clocks[0])
    settled = {day for day in later if (before - date.fromisoformat(day)).days > window}
    moving = {day for day in later if day < clocks[0]} - settled
    assert any(early.get(day, 0) != later[day] for day in moving)
    assert settled
    assert all(early.get(day, 0) == later[day] for day in settled)
    assert over == afterwards


@pytest.mark.parametrize(
    ("network", "fault"),
    [("facebook", "facebook_late_actions"), ("linkedin", "linkedin_late_conversions")],
)
def test_late_conversions_come_within_their_days(asked: Networks, network: str, fault: str) -> None:
    read = READERS[network]
    plain = {day: count for day, count in read(asked).items() if day < "2026-10-31"}
    asked.fault(**{fault: {}})
    late = {day: count for day, count in read(asked).items() if day < "2026-10-31"}
    assert sum(late.values()) < sum(plain.values())
    assert all(late.get(day, 0) == count for day, count in plain.items() if day < "2026-09-28")
    asked.clock("2026-12-05T06:00:00Z")
    assert {day: count for day, count in read(asked).items() if day < "2026-10-31"} == plain
