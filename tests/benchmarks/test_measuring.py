"""The large portal holds what it was asked for, and the load benchmark reports what it measured."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from benchmarks import hubspot_load, network_load
from sandbox.apis.state import Credentials
from sandbox.bulk.app import build_app, settings
from sandbox.bulk.networks import app as networks
from sandbox.bulk.networks import google_ads
from sandbox.bulk.networks.accounts import Size as NetworksSize
from sandbox.bulk.networks.common import World
from sandbox.bulk.portal import Portal, Size

SIZE = Size(contacts=1_200, submissions=300, page_views=4_000, deals=40, forms=3)
_TOKEN = settings("")["SOURCES__HUBSPOT__ACCESS_TOKEN"]


def client(*, limits: bool = False, seed: int = 3) -> TestClient:
    portal = build_app(Portal(SIZE, seed), limits=limits)
    return TestClient(portal, headers={"Authorization": f"Bearer {_TOKEN}"})


def records(reader: TestClient, path: str, **params: str) -> Iterator[dict[str, Any]]:
    after: dict[str, str] = {}
    while True:
        answer = reader.get(f"/hubspot{path}", params={**params, **after})
        assert answer.status_code == 200, answer.text
        yield from answer.json()["results"]
        following = answer.json().get("paging")
        if not following:
            return
        after = {"after": following["next"]["after"]}


def contacts(reader: TestClient, archived: str = "false") -> list[dict[str, Any]]:
    names = "hs_analytics_num_page_views,hs_calculated_form_submissions"
    listed = records(
        reader, "/crm/objects/2026-09/contacts", limit="100", properties=names, archived=archived
    )
    return list(listed)


def page_views(reader: TestClient, **params: str) -> list[dict[str, Any]]:
    path = "/events/event-occurrences/2026-09"
    return list(records(reader, path, eventType="e_visited_page", limit="100", **params))


def logs(reader: TestClient) -> dict[str, list[dict[str, Any]]]:
    kinds = "hubspot,captured,flow,blog_comment"
    forms = [form["id"] for form in records(reader, "/marketing/v3/forms", formTypes=kinds)]
    path = "/form-integrations/v1/submissions/forms"
    return {form: list(records(reader, f"{path}/{form}", limit="50")) for form in forms}


def search(reader: TestClient, since: str, limit: int = 200) -> dict[str, Any]:
    rule = {"propertyName": "lastmodifieddate", "operator": "GTE", "value": since}
    body = {"filterGroups": [{"filters": [rule]}], "sorts": ["hs_object_id"], "limit": limit}
    found = reader.post("/hubspot/crm/objects/2026-09/contacts/search", json=body).json()
    assert isinstance(found, dict)
    return found


def test_the_portal_serves_as_many_records_as_it_was_asked_for() -> None:
    reader = client()
    live = [contact["id"] for contact in contacts(reader)]
    archived = [contact["id"] for contact in contacts(reader, "true")]
    views = [view["id"] for view in page_views(reader)]
    assert len(live) == len(set(live)) == SIZE.contacts
    assert archived
    assert not set(archived) & set(live)
    assert len(views) == len(set(views)) == SIZE.page_views
    assert sum(map(len, logs(reader).values())) == SIZE.submissions
    deals = records(reader, "/crm/objects/2026-09/deals", limit="100")
    assert len({deal["id"] for deal in deals}) == SIZE.deals


def test_page_views_come_once_in_either_order() -> None:
    reader = client()
    newest_first = [view["occurredAt"] for view in page_views(reader)]
    oldest_first = [view["id"] for view in page_views(reader, sort="occurredAt")]
    assert newest_first == sorted(newest_first, reverse=True)
    assert len(set(oldest_first)) == SIZE.page_views


def test_contacts_count_the_page_views_and_submissions_that_the_portal_tells() -> None:
    reader = client()
    listed = contacts(reader)
    seen = Counter(view["objectId"] for view in page_views(reader))
    counted = {c["id"]: int(c["properties"]["hs_analytics_num_page_views"]) for c in listed}
    assert {i: n for i, n in counted.items() if n} == seen
    calculated = [
        (form, int(at))
        for c in listed
        for item in filter(None, (c["properties"]["hs_calculated_form_submissions"] or "").split(";"))
        for form, _, at in [item.split(":")]
    ]
    submitted = [(form, row["submittedAt"]) for form, rows in logs(reader).items() for row in rows]
    assert sorted(calculated) == sorted(submitted)


def test_the_same_seed_gives_the_same_portal() -> None:
    assert contacts(client()) == contacts(client())
    assert contacts(client()) != contacts(client(seed=4))


def test_touched_contacts_are_found_by_search_and_new_page_views_come_first() -> None:
    reader = client()
    now = "2026-11-01T07:00:00Z"
    reader.post("/_sandbox/clock", json={"now": now})
    assert search(reader, now)["total"] == 0
    before = {view["id"] for view in page_views(reader)}
    reader.post("/_sandbox/touch", json={"contacts": 12, "page_views": 30, "submissions": 5})
    assert search(reader, now)["total"] == 12
    after = [view["id"] for view in page_views(reader)]
    assert set(after[30:]) == before
    assert sum(map(len, logs(reader).values())) == SIZE.submissions + 5


def test_the_rate_limits_refuse_the_request_too_many_and_name_their_policy() -> None:
    reader = client(limits=True)
    for _ in range(190):
        assert reader.get("/hubspot/account-info/2026-09/details").status_code == 200
    refused = reader.get("/hubspot/account-info/2026-09/details")
    assert (refused.status_code, refused.json()["policyName"]) == (429, "TEN_SECONDLY_ROLLING")
    # searches have a limit of their own
    for _ in range(5):
        search(reader, "0", limit=1)
    assert search(reader, "0", limit=1)["policyName"] == "SECONDLY"
    counted = reader.get("/_sandbox/requests").json()
    assert counted["requests"]["GET /account-info/{version}/details"] == 190
    assert sum(counted["refused"].values()) == 2


def test_the_benchmark_reports_every_run_with_the_portals_rows(tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    size = ["--contacts", "400", "--submissions", "60", "--page-views", "900", "--deals", "10"]
    options = ["--contenders", "adledger,bare", "--limits-contacts", "0", "--no-installs", "--out", str(out)]
    assert hubspot_load.main([*size, *options]) == 0
    report = json.loads(out.read_text())
    own = [run for run in report["runs"] if run["contender"] == "adledger"]
    assert [run["kind"] for run in own] == [
        "first load",
        "first load",
        "refresh, nothing new",
        "refresh, 1 % changed",
    ]
    first, changed = own[1]["rows"], own[3]["rows"]
    assert (first["contacts"], first["submissions"], first["page_views"]) == (400, 60, 900)
    assert (changed["page_views"], changed["contacts_changed"]) == (909, 4)
    assert all(run["right"] for run in report["runs"])
    for run in own:
        usage = run["usage"]
        assert usage["cpu_s"] > 0
        assert usage["wall_s"] > 0
        assert usage["peak_rss_mb"] > 50
        assert run["requests"] > 0
    # the bare client needs a package that may not be installed; then the report says so
    assert "bare" in report["skipped"] or any(run["contender"] == "bare" for run in report["runs"])
    assert set(report["marginal_cpu_us_per_row"]) == {"everything", "contacts"}


NETWORKS = NetworksSize(ads=24, accounts=6, days=20, clicks=60, click_days=5)


def world(size: NetworksSize = NETWORKS, *, limits: bool = False) -> tuple[World, TestClient]:
    held = World(size, seed=3)
    return held, TestClient(networks.build_app(held, limits=limits))


def stream(reader: TestClient, customer: str, query: str) -> Any:
    refresh = dict(
        zip(("client_id", "client_secret", "refresh_token"), Credentials().google_client, strict=True)
    )
    token = reader.post("/google/token", data=refresh).json()["access_token"]
    path = f"/google/v26/customers/{customer}/googleAds:searchStream"
    return reader.post(path, json={"query": query}, headers={"Authorization": f"Bearer {token}"})


def results(answer: Any) -> list[dict[str, Any]]:
    return [row for batch in answer.json() for row in batch.get("results", [])]


def insights(reader: TestClient, account: str, level: str, **more: str) -> list[dict[str, Any]]:
    headers = {"Authorization": f"Bearer {Credentials().facebook_token}"}
    span = {"since": "2026-10-01", "until": "2026-11-01"}
    asked = {"level": level, "time_increment": "1", "time_range": json.dumps(span), **more}
    rows: list[dict[str, Any]] = []
    after: dict[str, str] = {}
    while True:
        answer = reader.get(f"/facebook/v26.0/act_{account}/insights", params=asked | after, headers=headers)
        rows += answer.json()["data"]
        if "next" not in answer.json()["paging"]:
            return rows
        after = {"after": answer.json()["paging"]["cursors"]["after"]}


def analytics(reader: TestClient, account: str, pivot: str, fields: str) -> list[dict[str, Any]]:
    headers = {
        "Authorization": f"Bearer {Credentials().linkedin_token}",
        "LinkedIn-Version": "202607",
        "X-Restli-Protocol-Version": "2.0.0",
    }
    path = (
        f"/linkedin/rest/adAnalytics?q=analytics&pivot={pivot}&timeGranularity=DAILY"
        "&dateRange=(start:(year:2026,month:10,day:1),end:(year:2026,month:11,day:1))"
        f"&accounts=List(urn%3Ali%3AsponsoredAccount%3A{account})&fields=dateRange,pivotValues,{fields}"
    )
    found: list[dict[str, Any]] = reader.get(path, headers=headers).json()["elements"]
    return found


def test_every_ad_of_the_large_accounts_has_figures_every_day_that_add_up_to_its_campaigns() -> None:
    held, reader = world()
    google, facebook, linkedin = (accounts[0] for accounts in held.accounts.values())
    days = NETWORKS.days
    query = "SELECT segments.date, metrics.clicks, metrics.conversions FROM {} WHERE segments.date BETWEEN"
    by_ad, by_campaign = (
        results(stream(reader, google.id, f"{query.format(level)} '2026-10-01' AND '2026-11-01'"))
        for level in ("ad_group_ad", "campaign")
    )
    assert (len(by_ad), len(by_campaign)) == (google.ads * days, days)
    for figure in ("clicks", "conversions"):
        assert sum(float(row["metrics"][figure]) for row in by_ad) == sum(
            float(row["metrics"][figure]) for row in by_campaign
        )
    ads, campaigns = (
        insights(reader, facebook.id, level, fields="spend,actions,ad_id", limit="7")
        for level in ("ad", "campaign")
    )
    assert len({(row["ad_id"], row["date_start"]) for row in ads}) == len(ads) == facebook.ads * days
    assert round(sum(float(row["spend"]) for row in ads), 2) == round(
        sum(float(row["spend"]) for row in campaigns), 2
    )
    shown = analytics(reader, linkedin.id, "CREATIVE", "impressions,costInLocalCurrency")
    assert len(shown) == linkedin.ads * days
    # a row whose figures are all zero is left out
    assert 0 < len(analytics(reader, linkedin.id, "CREATIVE", "externalWebsiteConversions")) < len(shown)


def test_a_report_brings_the_rows_of_the_listing() -> None:
    held, reader = world()
    account = held.accounts["facebook_ads"][0].id
    headers = {"Authorization": f"Bearer {Credentials().facebook_token}"}
    span = '{"since":"2026-10-20","until":"2026-11-01"}'
    asked = {"level": "ad", "time_increment": "1", "time_range": span, "fields": "clicks,actions,ad_id"}
    path = f"/facebook/v26.0/act_{account}/insights"
    run = reader.post(path, params=asked, headers=headers).json()["report_run_id"]
    assert reader.get(f"/facebook/v26.0/{run}", headers=headers).json()["async_status"] == "Job Completed"
    rows, listed = (
        reader.get(address, params={**more, "limit": "500"}, headers=headers).json()["data"]
        for address, more in ((f"/facebook/v26.0/{run}/insights", {}), (path, asked))
    )
    assert rows == listed
    assert len(rows) == held.accounts["facebook_ads"][0].ads * 13


def test_ad_analytics_cuts_at_fifteen_thousand_elements() -> None:
    held, reader = world(NetworksSize(ads=4_800, accounts=6, days=20, clicks=0))
    account = held.accounts["linkedin_ads"][0]
    assert account.ads * 20 > 15_000
    assert len(analytics(reader, account.id, "CREATIVE", "clicks")) == 15_000


def test_conversions_of_the_large_accounts_show_late() -> None:
    held, reader = world()
    google = held.accounts["google_ads"][0]
    query = (
        "SELECT metrics.conversions FROM campaign WHERE segments.date BETWEEN '2026-10-13' AND '2026-11-01'"
    )

    def conversions() -> float:
        return sum(float(row["metrics"]["conversions"]) for row in results(stream(reader, google.id, query)))

    before = conversions()
    reader.post("/_sandbox/clock", json={"now": "2026-11-20T06:00:00Z"})
    assert conversions() > before > 0


def test_single_clicks_come_a_day_at_a_time_and_for_ninety_days() -> None:
    held, reader = world()
    google = held.accounts["google_ads"][0]

    def clicks(condition: str) -> Any:
        return stream(reader, google.id, f"SELECT click_view.gclid FROM click_view WHERE {condition}")

    found = results(clicks("segments.date = '2026-10-30'"))
    gclids = {row["clickView"]["gclid"] for row in found}
    assert len(gclids) == len(found) == NETWORKS.clicks // 2
    assert found == results(clicks("segments.date BETWEEN '2026-10-30' AND '2026-10-30'"))
    for condition, code in (
        ("segments.date BETWEEN '2026-10-29' AND '2026-10-30'", "EXPECTED_FILTER_ON_A_SINGLE_DAY"),
        ("segments.date = '2026-08-03'", "DATE_TOO_OLD"),
    ):
        refused = clicks(condition).json()[0]["error"]["details"][0]["errors"][0]["errorCode"]
        assert refused == {"clickViewError": code}


def test_under_limits_an_account_is_refused_the_request_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    # on a slow machine requests come back while the burst is used up
    monkeypatch.setattr(google_ads, "PER_SECOND", 0.0)
    held, reader = world(limits=True)
    first, second = held.accounts["google_ads"]
    query = "SELECT customer.id FROM customer"
    for _ in range(google_ads.BURST):
        assert stream(reader, first.id, query).status_code == 200
    refused = stream(reader, first.id, query)
    assert refused.status_code == 429
    assert "RESOURCE_TEMPORARILY_EXHAUSTED" in refused.text
    # each account has a bucket of its own
    assert stream(reader, second.id, query).status_code == 200
    assert reader.get("/_sandbox/requests").json()["refused"] == {f"429 google_ads {first.id} POST": 1}


def test_the_network_benchmark_reports_every_run_with_the_accounts_rows(tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    size = ["--ads", "24", "--days", "6", "--clicks", "40", "--click-days", "3", "--repeats", "1"]
    size += ["--networks", "google_ads"]
    assert network_load.main([*size, "--no-limits", "--no-installs", "--out", str(out)]) == 0
    report = json.loads(out.read_text())
    own = [run for run in report["runs"] if run["contender"] == "adledger"]
    assert [run["kind"] for run in own] == ["first load", "first load", "refresh a day later"]
    assert all(run["right"] for run in report["runs"])
    first, refreshed = own[1]["rows"], own[2]["rows"]
    assert first["google_ads"]["click_view"] == 3 * 40
    assert refreshed["google_ads"]["click_view"] == 4 * 40
    assert refreshed["google_ads"]["ad_group_ad by day"] == first["google_ads"]["ad_group_ad by day"] * 7 // 6
    assert "bare" in report["skipped"] or any(run["contender"] == "bare" for run in report["runs"])
