"""A fault costs the smallest thing it belongs to: a record, an object, an account; the rest lands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ingestion.doctor import examine
from ingestion.errors import AccessError, AccountLeftOut
from ingestion.http.bounded import Reply, Sender
from ingestion.landing.planning import Window
from tests.company import Company, served_company
from tests.portal import Portal
from tests.traps import UNBALANCED, Patch, Store, World, quick

OCTOBER = Window(date(2026, 10, 1), date(2026, 10, 31))
USUAL = {"page_caps": {"off": True}, "hubspot_limits": {"per_ten_seconds": 1_000_000}}
NETWORKS = ("google_ads", "facebook_ads", "linkedin_ads")
NO_ACCESS: dict[str, dict[str, Any]] = {
    "facebook_ads": {
        "error": {
            "message": "(#200) Ad account owner has NOT grant ads_management or ads_read permission",
            "type": "OAuthException",
            "code": 200,
        }
    },
    "linkedin_ads": {"message": "Not enough permissions to access: GET /adCampaigns", "status": 403},
}


@pytest.fixture(scope="module")
def company() -> Iterator[Company]:
    with served_company("--people", "200") as served:
        yield served


@pytest.fixture(scope="module")
def worlds(company: Company, tmp_path_factory: pytest.TempPathFactory) -> dict[str, World]:
    everything = {"ACCOUNT_IDS": "", "CUSTOMER_IDS": ""}
    found: dict[str, World] = {
        name: World(company, name, USUAL, OCTOBER, environment=everything) for name in NETWORKS
    }
    found["hubspot"] = Portal(company, usual=USUAL)
    for world in found.values():
        world.folder = tmp_path_factory.mktemp("truths")
    return found


@pytest.fixture(autouse=True)
def untroubled(worlds: dict[str, World], monkeypatch: Patch) -> None:
    quick(monkeypatch)
    worlds["hubspot"].mend()


def faults(home: Store, *columns: str) -> list[tuple[Any, ...]]:
    return home.query(f"SELECT {', '.join(columns)} FROM load_faults ORDER BY ALL")


ACCOUNTS = {
    "facebook_ads": (("campaigns", "insights_campaign"), {"facebook_accounts": {}}, "/act_{}/"),
    "linkedin_ads": (("campaigns", "campaign_analytics"), {"linkedin_accounts": {}}, "/adAccounts/{}/"),
    "google_ads": (("campaigns", "campaign_metrics"), {"google_hierarchy": {}}, "/customers/{}/"),
}


@pytest.mark.parametrize("vendor", ACCOUNTS)
def test_an_account_that_refuses_is_left_out_and_keeps_what_was_landed(
    vendor: str, worlds: dict[str, World], tmp_path: Path, monkeypatch: Patch
) -> None:
    world, (load, more, path) = worlds[vendor], ACCOUNTS[vendor]
    column = "customer_id" if vendor == "google_ads" else "account_id"
    whole = world.truth(load, more)
    accounts = sorted({row[0] for row in whole.query(f"SELECT DISTINCT {column} FROM {load[0]}")})
    assert len(accounts) > 1
    refused = accounts[-1]
    rule = {"path": path.format(refused), "status": 403, "times": None}
    # LinkedIn's figures name the account in their query
    query = {**rule, "path": f"sponsoredAccount%3A{refused}"}
    refusal: dict[str, Any] = {"status": [{**each, "body": NO_ACCESS.get(vendor)} for each in (rule, query)]}
    if vendor == "google_ads":
        refusal = {"google_error": {**rule, "kind": "authorizationError", "code": "CUSTOMER_NOT_ENABLED"}}
    world.faults({**more, **refusal})

    never, before = world.home(tmp_path / "never"), whole.copy(tmp_path / "before")
    for home in (never, before):
        said: list[str] = []
        reports = world.load(home.path, load, said=said)
        assert [report.left_out for report in reports] == [(refused,)] * 2
        assert all(f"account {refused} is left out" in str(report.message) for report in reports)
        assert home.query(UNBALANCED) == []
    for table in load:
        rows = f"SELECT DISTINCT {column} FROM {table} WHERE {column} <> '{refused}' ORDER BY 1"
        assert never.query(f"FROM {table} WHERE {column} = '{refused}'") == []
        assert never.query(rows) == whole.query(rows)
        assert before.rows(table) == whole.rows(table)
    parts = [(part, "account", refused) for part in ("daily", "entities")]
    assert faults(never, "part", "kind", "account_id") == parts
    (seen, fix, since), *_ = faults(never, "seen", "fix", "since")
    assert "refuse" in seen or "unknown or not accessible" in seen
    assert fix.startswith("check the id and")

    world.pass_time(hours=1)
    world.load(never.path, load)
    assert faults(never, "since", "loaded_at")[0] == (since, world.now)
    for name, value in {**world.company.settings, "ADLEDGER_HOME": str(never.path)}.items():
        monkeypatch.setenv(name, value)
    findings = [finding for finding in examine(vendor) if finding.check == "last_load"]
    assert [(finding.level, finding.subject) for finding in findings] == [("warning", refused)]

    world.mend()
    world.faults(more)
    world.load(never.path, load)
    assert faults(never, "kind") == []
    assert never.state(load) == world.truth(load, more).state(load)


@pytest.mark.parametrize("vendor", ACCOUNTS)
def test_a_source_whose_accounts_all_refuse_stops_with_one_line(
    vendor: str, worlds: dict[str, World], tmp_path: Path
) -> None:
    world, (load, _, path) = worlds[vendor], ACCOUNTS[vendor]
    rule = {"path": path.format(""), "status": 403, "times": None}
    refusal: dict[str, Any] = {
        "status": {**rule, "path": rule["path"].rstrip("/"), "body": NO_ACCESS.get(vendor)}
    }
    if vendor == "google_ads":
        code = {"kind": "authorizationError", "code": "CUSTOMER_NOT_ENABLED"}
        refusal = {"google_error": {**rule, **code, "path": "/customers/"}}
    world.faults(refusal)
    with pytest.raises(AccessError, match=f"sources.{vendor}"):
        world.load(tmp_path, load)


def test_a_creative_without_its_post_costs_only_its_landing_page(
    worlds: dict[str, World], tmp_path: Path
) -> None:
    world, load = worlds["facebook_ads"], ("campaigns", "ads", "ad_creatives")
    world.faults({"facebook_post_gone": {"creatives": 1}})
    (report,) = world.load(tmp_path, load)

    home, truth = world.home(tmp_path), world.truth(load)
    ((gone, seen),) = faults(home, "subject", "seen")
    assert "2446289" in seen
    assert str(report.message).count("without the landing page of their post") == 1
    assert gone in str(report.message)
    others = f"FROM ad_creatives WHERE id <> '{gone}' ORDER BY id"
    columns = "SELECT id, link_url, urls, url_tags, lead_gen_form_id "
    assert home.query(columns + others) == truth.query(columns + others)
    assert home.state(load[:2]) == truth.state(load[:2])
    assert home.query(UNBALANCED) == []


def test_a_form_whose_log_is_refused_is_named_and_the_others_land(
    worlds: dict[str, World], tmp_path: Path
) -> None:
    world = worlds["hubspot"]
    load = ("forms",)
    truth = world.truth(load)
    form = truth.query("SELECT form_id FROM form_submissions GROUP BY ALL ORDER BY count(*) LIMIT 1")[0][0]
    body = {"status": "error", "message": "This form type is not supported"}
    refusal = {"path": f"/submissions/forms/{form}", "status": 400, "times": None, "body": body}
    world.faults({"status": refusal})
    (report,) = world.load(tmp_path, load)

    home = world.home(tmp_path)
    ((subject, seen),) = faults(home, "subject", "seen")
    assert subject == form
    assert f"submissions of form {form}, " in str(report.message)
    assert "This form type is not supported" in seen
    found = "FROM form_submissions WHERE form_id <> ? ORDER BY form_id, id"
    assert home.query(f"SELECT form_id, id {found}", form) == truth.query(f"SELECT form_id, id {found}", form)


@pytest.mark.parametrize("refused", ["", "/memberships"])
def test_a_list_that_is_refused_is_named_and_asked_for_again(
    refused: str, worlds: dict[str, World], tmp_path: Path
) -> None:
    world, load = worlds["hubspot"], ("lists",)
    truth = world.truth(load)
    found = truth.query("SELECT id FROM lists WHERE has_ad_filter ORDER BY ALL LIMIT 1")[0][0]
    world.faults({"status": {"path": f"/{found}{refused}", "status": 404, "times": None}})
    (report,) = world.load(tmp_path, load)

    home = world.home(tmp_path)
    assert [row[:2] for row in faults(home, "kind", "subject")] == [("object", found)]
    assert f"list {found}, " in str(report.message)
    others = f"FROM lists WHERE id <> '{found}' ORDER BY id"
    assert home.query(f"SELECT id, has_ad_filter {others}") == truth.query(
        f"SELECT id, has_ad_filter {others}"
    )
    assert home.query(f"FROM list_memberships WHERE list_id = '{found}'") == []
    assert home.query(UNBALANCED) == []

    world.mend()
    world.load(tmp_path, load)
    assert faults(home, "kind") == []
    assert home.state(load) == truth.state(load)


def test_campaigns_without_a_group_and_figures_of_unlisted_ones_land(
    worlds: dict[str, World], tmp_path: Path
) -> None:
    world, load = worlds["linkedin_ads"], ("campaigns", "campaign_analytics")
    truth = world.truth(load)
    world.faults({"linkedin_campaigns": {"ungrouped": 1, "unlisted": 1}})
    world.load(tmp_path, load)

    home = world.home(tmp_path)
    accounts = len(truth.query("SELECT DISTINCT account_id FROM campaigns"))
    assert len(home.query("FROM campaigns WHERE campaign_group_id IS NULL")) == accounts
    listed, all_listed = home.query("SELECT id FROM campaigns"), truth.query("SELECT id FROM campaigns")
    assert len(all_listed) - len(listed) == accounts
    assert home.rows("campaign_analytics") == truth.rows("campaign_analytics")


# -- records ---------------------------------------------------------------------------------------------


def answers(patch: Patch, change: Callable[[bytes], bytes], path: str = "", part: bytes = b"") -> None:
    """Change the body of each answer to a path that contains a part, before it is decoded."""
    send = Sender.send

    def changed(sender: Sender, method: str, url: str, *request: Any) -> Reply:
        reply = send(sender, method, url, *request)
        return replace(reply, body=change(reply.body)) if path in url and part in reply.body else reply

    patch.setattr(Sender, "send", changed)


def every(number: int, pattern: bytes, new: bytes) -> Callable[[bytes], bytes]:
    """Return a change of every so-many-th match over all bodies."""
    seen = 0

    def once(match: re.Match[bytes]) -> bytes:
        nonlocal seen
        seen += 1
        return match.expand(new) if seen % number == 0 else match[0]

    return lambda body: re.sub(pattern, once, body)


def first(pattern: bytes, new: bytes) -> Callable[[bytes], bytes]:
    """Return a change of the first match in the first body that has one."""
    done = False

    def change(body: bytes) -> bytes:
        nonlocal done
        if done or not re.search(pattern, body):
            return body
        done = True
        return re.sub(pattern, lambda match: match.expand(new), body, count=1)

    return change


@pytest.mark.parametrize(
    ("vendor", "load", "pattern", "new", "column"),
    [
        ("facebook_ads", "insights_campaign", rb'"impressions":"(\d+)"', rb'"impressions":\1', "impressions"),
        ("facebook_ads", "insights_campaign", rb'"value":"(\d+)"', rb'"value":\1', None),
        ("google_ads", "campaign_metrics", rb'"clicks":"(\d+)"', rb'"clicks":\1.0', "clicks"),
        ("linkedin_ads", "campaigns", rb'"id":(\d+)', rb'"id":"\1"', "id"),
        (
            "hubspot",
            "contacts",
            rb'"num_conversion_events":"(\d+)"',
            rb'"num_conversion_events":\1',
            "num_conversion_events",
        ),
        ("hubspot", "contacts", rb'"archived":(true|false)', rb'"archived":"\1"', "archived"),
    ],
)
def test_a_type_that_drifts_in_a_part_of_the_rows_changes_none_of_them(
    vendor: str,
    load: str,
    pattern: bytes,
    new: bytes,
    column: str | None,
    worlds: dict[str, World],
    tmp_path: Path,
    monkeypatch: Patch,
) -> None:
    world = worlds[vendor]
    truth, home = world.truth((load,)), world.home(tmp_path)
    answers(monkeypatch, every(5, pattern, new))
    (report,) = world.load(tmp_path, (load,))

    # the JSON columns are kept as received
    end = None if column else -3
    assert [row[:end] for row in home.rows(load)] == [row[:end] for row in truth.rows(load)]
    assert report.quarantined == 0
    drifted = [row for row in faults(home, "kind", "subject") if row[1] == column]
    assert drifted == ([("column", column)] if column else [])
    if column:
        assert str(report.message).count(f"{column} came as") == 1

    monkeypatch.undo()
    world.load(tmp_path, (load,))
    if vendor == "facebook_ads":
        # the same figures in their usual type are no new observation
        assert home.query(f"SELECT count(*) FROM {load} WHERE superseded_at IS NOT NULL") == [(0,)]


@pytest.mark.parametrize(
    ("vendor", "load", "pattern", "path", "part"),
    [
        ("hubspot", "contacts", b'"createdAt":"2', "/contacts?", b""),
        ("facebook_ads", "campaigns", b'"name":"', "/campaigns?", b""),
        ("google_ads", "campaigns", b'"name":"', "", b"advertisingChannelType"),
        ("linkedin_ads", "campaigns", b'"name":"', "/adCampaigns?", b""),
    ],
)
def test_a_byte_that_is_no_text_costs_its_record(
    vendor: str,
    load: str,
    pattern: bytes,
    path: str,
    part: bytes,
    worlds: dict[str, World],
    tmp_path: Path,
    monkeypatch: Patch,
) -> None:
    world = worlds[vendor]
    truth, home = world.truth((load,)), world.home(tmp_path)
    answers(monkeypatch, first(pattern, pattern + b"\xff"), path, part)
    world.load(tmp_path, (load,))

    assert home.query(UNBALANCED) == []
    ((reason, record),) = home.query(
        "SELECT reason, record::VARCHAR FROM quarantine WHERE resource = ?", load
    )
    assert "bytes that are not UTF-8" in reason
    assert "adledger" not in record
    landed = home.rows(load)
    assert len(landed) == len(truth.rows(load)) - 1
    assert set(map(repr, landed)) < set(map(repr, truth.rows(load)))
    assert ("records", load) in faults(home, "kind", "resource")


IMPRESSIONS = rb'"impressions":"(\d+)"'


def test_a_day_that_lacks_a_record_is_marked_and_read_again(
    worlds: dict[str, World], tmp_path: Path, monkeypatch: Patch
) -> None:
    world, load = worlds["facebook_ads"], ("insights_campaign",)
    truth, home = world.truth(load), world.home(tmp_path)
    days = "FROM load_faults WHERE kind = 'day'"
    with monkeypatch.context() as patch:
        answers(patch, first(IMPRESSIONS, rb'"impressions":"\1 or more"'))
        world.load(tmp_path, load)
    assert len(home.rows(*load)) == len(truth.rows(*load)) - 1
    assert home.query(f"SELECT resource, records {days}") == [(*load, 1)]

    world.pass_time(hours=1)
    world.load(tmp_path, load)
    assert home.rows(*load) == world.truth(load).rows(*load)
    assert home.query(days) == []

    # a day that was complete keeps its figures instead of losing the record
    world.pass_time(hours=1)
    with monkeypatch.context() as patch:
        answers(patch, every(40, IMPRESSIONS, rb'"impressions":"\1 or more"'))
        (report,) = world.load(tmp_path, load)
    assert report.quarantined > 0
    assert home.rows(*load) == world.truth(load).rows(*load)
    assert home.query(UNBALANCED) == []
    kept = home.query(f"SELECT seen {days}")
    assert len(kept) > 0
    assert all(seen.endswith("the day keeps the figures of its last load") for (seen,) in kept)


@pytest.mark.parametrize(
    ("vendor", "load", "pattern", "new"),
    [
        ("facebook_ads", "insights_campaign", rb'"spend":"[\d.]+"', b'"spend":"12,5"'),
        ("google_ads", "campaign_metrics", rb'"costMicros":"\d+"', b'"costMicros":"12,5"'),
        (
            "linkedin_ads",
            "campaign_analytics",
            rb'"costInLocalCurrency":"[\d.]+"',
            b'"costInLocalCurrency":"12,5"',
        ),
    ],
)
def test_a_rejected_row_of_a_landed_day_keeps_its_last_observation(
    vendor: str,
    load: str,
    pattern: bytes,
    new: bytes,
    worlds: dict[str, World],
    tmp_path: Path,
    monkeypatch: Patch,
) -> None:
    world = worlds[vendor]
    home = world.truth((load,)).copy(tmp_path / "home")
    before = home.query(f"SELECT * EXCLUDE (row_version) FROM {load} ORDER BY ALL")
    world.pass_time(hours=1)
    with monkeypatch.context() as patch:
        answers(patch, first(pattern, new))
        (report,) = world.load(home.path, (load,))

    assert report.quarantined == 1
    ((day, seen),) = home.query("SELECT date, seen FROM load_faults WHERE kind = 'day'")
    # other days may be restated meanwhile
    of_day = f"SELECT * EXCLUDE (row_version) FROM {load} WHERE date = ? ORDER BY ALL"
    assert home.query(of_day, day) == [row for row in before if day in row]
    assert seen == f"1 record of {day} were rejected; the day keeps the figures of its last load"
    assert home.query("SELECT resource, reason LIKE '%is not a%' FROM quarantine") == [(load, True)]


def test_an_account_with_too_many_rejected_records_keeps_its_last_state(
    worlds: dict[str, World], tmp_path: Path, monkeypatch: Patch
) -> None:
    world, load = worlds["facebook_ads"], ("insights_campaign",)
    truth, home = world.truth(load), world.truth(load).copy(tmp_path / "home")
    world.pass_time(hours=1)
    fourth = every(4, IMPRESSIONS, rb'"impressions":"\1 or more"')
    with monkeypatch.context() as patch:
        answers(patch, fourth)
        with pytest.raises(AccountLeftOut, match=r"records of account \d+ were rejected"):
            world.load(home.path, load)
    assert home.rows(*load) == truth.rows(*load)

    with monkeypatch.context() as patch:
        answers(patch, fourth)
        patch.setenv("QUARANTINE__PERCENT", "50")
        (report,) = world.load(home.path, load)
    assert report.quarantined > 10
    assert home.rows(*load) == world.truth(load).rows(*load)
