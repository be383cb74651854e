"""The large portal holds what it was asked for, and the load benchmark reports what it measured."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from benchmarks import hubspot_load
from sandbox.bulk.app import build_app, settings
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
    told = [(form, row["submittedAt"]) for form, rows in logs(reader).items() for row in rows]
    assert sorted(calculated) == sorted(told)


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
