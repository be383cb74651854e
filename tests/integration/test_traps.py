"""Traps that any vendor's API may have, with the same tests for each vendor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ingestion import pipelines
from ingestion.errors import LimitSpent
from ingestion.pipelines import VENDORS, Window
from ingestion.sources.hubspot import api as hubspot_api
from ingestion.sources.linkedin_ads import api as linkedin_api
from ingestion.sources.linkedin_ads import settings as linkedin_settings
from sandbox.apis.state import Credentials
from tests.company import Company, served_company
from tests.google import no_retry_delay
from tests.portal import Portal
from tests.traps import (
    Patch,
    Timer,
    Trap,
    Without,
    World,
    no_dedupe,
    no_renewal,
    no_retry,
    no_signal,
    prove,
    quick,
)

OCTOBER = Window(date(2026, 10, 1), date(2026, 10, 31))
USUAL = {"page_caps": {"off": True}, "hubspot_limits": {"per_ten_seconds": 1_000_000}}
CLIENT = ("CLIENT_ID", "CLIENT_SECRET", "REFRESH_TOKEN")


@dataclass(frozen=True)
class Sample:
    """A listing of one vendor: the loaded tables, a part of its URL, and settings for short pages."""

    load: tuple[str, ...]
    path: str
    small: Mapping[str, Any] = field(default_factory=dict)


SAMPLES = {
    "hubspot": Sample(("owners",), "/crm/owners/", {"PAGE_SIZE": 2}),
    "google_ads": Sample(("campaign_metrics",), "googleAds:searchStream"),
    "facebook_ads": Sample(("campaigns",), "/campaigns", {"PAGE_SIZE": 2}),
    "linkedin_ads": Sample(("campaign_analytics",), "/adAnalytics"),
}
TRANSPORT: dict[str, dict[str, Any]] = {
    "an HTML page with status 200": {"html_page": {"status": 200}},
    "an HTML page with status 502": {"html_page": {"status": 502}},
    "JSON that is cut short": {"truncated_json": {}},
    "a connection that is cut": {"connection_reset": {}},
    "a connection that is cut within the answer": {"connection_reset": {"sent": 0.5}},
    "status 503": {"status": {"status": 503, "retry_after": 0}},
}
TRAPS: dict[tuple[str, str], Trap] = {
    **{
        (vendor, name): Trap(
            no_retry,
            sample.load,
            {fault: {"path": sample.path, "after": 1, **rule} for fault, rule in faults.items()},
            sample.small,
            fails=True,
        )
        for vendor, sample in SAMPLES.items()
        for name, faults in TRANSPORT.items()
    },
    **{
        (vendor, "a page that repeats rows of the one before"): Trap(
            no_dedupe, (table,), {"duplicate_page": {"path": path, **rule}, **more}, small
        )
        for vendor, table, path, rule, more, small in (
            (
                "hubspot",
                "contacts",
                "/objects/2026-09/contacts?",
                {"after": 1, "times": 2},
                {},
                {"PAGE_SIZE_WITH_HISTORY": 20},
            ),
            ("facebook_ads", "ads", "/ads?", {"times": None}, {}, {"PAGE_SIZE": 5}),
            ("linkedin_ads", "campaigns", "/adCampaigns?", {"times": None}, {"page_caps": {}}, {}),
        )
    },
    **{
        (vendor, "a token that expires in mid-run"): Trap(
            no_renewal,
            load,
            {"token_expiry": {"vendor": vendor.removesuffix("_ads"), "after": after}},
            compare=compare,
            environment={**dict(zip(CLIENT, client, strict=True)), "ACCESS_TOKEN": ""},
            fails=True,
        )
        for vendor, load, compare, after, client in (
            (
                "hubspot",
                ("forms", "owners"),
                ("form_submissions", "owners"),
                6,
                Credentials().hubspot_client,
            ),
            ("google_ads", ("campaign_metrics",), (), 1, Credentials().google_client),
            ("linkedin_ads", ("campaigns", "conversions"), (), 1, Credentials().linkedin_client),
        )
    },
}


@pytest.fixture(scope="module")
def company() -> Iterator[Company]:
    with served_company("--people", "200") as served:
        yield served


@pytest.fixture(scope="module")
def worlds(company: Company, tmp_path_factory: pytest.TempPathFactory) -> dict[str, World]:
    """All vendors of one company."""
    worlds = {name: World(company, name, USUAL, OCTOBER) for name in VENDORS if name != "hubspot"}
    worlds["hubspot"] = Portal(company, usual=USUAL)
    for world in worlds.values():
        world.folder = tmp_path_factory.mktemp("truths")
    return worlds


@pytest.fixture(autouse=True)
def untroubled(worlds: dict[str, World], monkeypatch: Patch) -> Iterator[None]:
    """Remove earlier faults, and make pauses a hundredth of a second."""
    quick(monkeypatch)
    worlds["hubspot"].mend()
    yield
    for world in worlds.values():
        world.timer = None


@pytest.mark.parametrize(("vendor", "trap"), TRAPS, ids=lambda part: part)
def test_a_trap_changes_rows_only_without_its_handling(
    vendor: str, trap: str, worlds: dict[str, World], tmp_path: Path
) -> None:
    prove(TRAPS[vendor, trap], worlds[vendor], tmp_path)


@pytest.mark.parametrize(
    ("vendor", "table", "path", "size"),
    [
        ("hubspot", "owners", "/crm/owners/", 1),
        ("facebook_ads", "ads", "/ads?", 5),
        ("linkedin_ads", "campaigns", "/adCampaigns?", 2),
    ],
)
def test_a_repeated_cursor_is_retried_once_and_then_ends_the_load(
    vendor: str,
    table: str,
    path: str,
    size: int,
    worlds: dict[str, World],
    tmp_path: Path,
    monkeypatch: Patch,
) -> None:
    world = worlds[vendor]
    monkeypatch.setattr(world.settings, "PAGE_SIZE", size)
    truth = world.truth((table,)).rows(table)
    world.faults({"repeated_cursor": {"path": path, "after": 1, "times": 1}})
    world.load(tmp_path, (table,))
    assert world.home(tmp_path).rows(table) == truth

    world.asked()
    world.faults({"repeated_cursor": {"path": path}})
    with pytest.raises(pipelines.ResponseError, match="repeated its paging cursor; run again"):
        world.load(tmp_path, (table,))
    assert sum(world.asked()[0].values()) < 10
    assert world.home(tmp_path).rows(table) == truth


@pytest.mark.parametrize(
    ("vendor", "faults", "words", "blind"),
    [
        (
            "hubspot",
            {"hubspot_limits": {"daily": 0}},
            r"limits requests \(429\)",
            no_signal(hubspot_api, "DAILY"),
        ),
        (
            "google_ads",
            {"google_quota": {"daily": 1, "retry_delay": 21_600}},
            "limits requests .*Retry in 21600 seconds",
            no_retry_delay,
        ),
        (
            "linkedin_ads",
            {"linkedin_limits": {"daily": 1}},
            "APPLICATION DAY limit .*It resets at midnight UTC",
            no_signal(linkedin_api, "DAY limit"),
        ),
    ],
    ids=["hubspot", "google_ads", "linkedin_ads"],
)
def test_a_daily_limit_ends_the_load_at_once_and_the_next_one_continues(
    vendor: str,
    faults: dict[str, Any],
    words: str,
    blind: Without,
    worlds: dict[str, World],
    tmp_path: Path,
) -> None:
    world, load = worlds[vendor], SAMPLES[vendor].load
    timer = world.timer = Timer()
    world.faults(faults)
    with pytest.raises(LimitSpent, match=words):
        world.load(tmp_path, load)
    assert timer.slept == []

    with Patch.context() as patch:
        blind(patch)
        with pytest.raises(pipelines.IngestionError):
            world.load(tmp_path, load)
    assert len(timer.slept) > 5, "a limit that is thought to pass is waited for"

    world.mend()
    world.load(tmp_path, load)
    assert world.home(tmp_path).state(load) == world.truth(load).state(load)


@pytest.mark.parametrize(
    ("vendor", "faults", "dead", "words", "alive"),
    [
        (
            "hubspot",
            {"version_gone": {"versions": ["2026-09"]}},
            {},
            r"check sources\.hubspot\.api_version \(2026-09\)",
            {"API_VERSION": "2026-03"},
        ),
        (
            "google_ads",
            {},
            {"API_VERSION": "v22"},
            r"UNSUPPORTED_VERSION.*check sources\.google_ads\.api_version \(v22\)",
            {},
        ),
        (
            "linkedin_ads",
            {"linkedin_versions": {"dead": [linkedin_settings.LINKEDIN_VERSION]}},
            {},
            rf"^sources\.linkedin_ads\.linkedin_version {linkedin_settings.LINKEDIN_VERSION} is not active"
            r" \(426\)",
            {"LINKEDIN_VERSION": "202609"},
        ),
    ],
    ids=["hubspot", "google_ads", "linkedin_ads"],
)
def test_an_ended_version_is_reported_with_its_setting_and_another_version_lands(
    vendor: str,
    faults: dict[str, Any],
    dead: dict[str, str],
    words: str,
    alive: dict[str, str],
    worlds: dict[str, World],
    tmp_path: Path,
) -> None:
    world, load = worlds[vendor], SAMPLES[vendor].load
    world.faults(faults)
    with pytest.raises((pipelines.ResponseError, pipelines.SettingError), match=words):
        world.load(tmp_path, load, dead)

    world.load(tmp_path, load, alive)
    assert world.home(tmp_path).rows(load[0])


@pytest.mark.parametrize(
    ("vendor", "key", "status", "faults"),
    [
        ("hubspot", "ACCESS_TOKEN", 401, {}),
        ("google_ads", "REFRESH_TOKEN", 400, {}),
        ("facebook_ads", "ACCESS_TOKEN", 400, {}),
        ("facebook_ads", "ACCESS_TOKEN", 401, {"facebook_access": {"expires_in": -60}}),
        ("linkedin_ads", "ACCESS_TOKEN", 401, {}),
    ],
)
def test_a_refused_credential_is_reported_with_its_setting_and_keeps_landed_rows(
    vendor: str, key: str, status: int, faults: dict[str, Any], worlds: dict[str, World], tmp_path: Path
) -> None:
    world, load = worlds[vendor], SAMPLES[vendor].load
    world.load(tmp_path, load)
    before = world.home(tmp_path).state(load)
    world.faults(faults)
    words = rf"^sources\.{vendor}\.{key.lower()} was refused \({status}\)"
    with pytest.raises(pipelines.AccessError, match=words) as refused:
        world.load(tmp_path, load, {} if faults else {key: "another-secret"})

    assert "another-secret" not in str(refused.value)
    assert world.home(tmp_path).state(load) == before


@pytest.mark.parametrize(
    ("vendor", "tables", "own", "count"),
    [
        ("facebook_ads", ("insights_campaign",), "381905527714206", 3),
        ("linkedin_ads", ("campaign_analytics", "campaigns"), "508912347", 2),
    ],
)
def test_all_accessible_accounts_are_loaded_unless_some_are_configured(
    vendor: str, tables: tuple[str, ...], own: str, count: int, worlds: dict[str, World], tmp_path: Path
) -> None:
    world = worlds[vendor]
    world.faults({vendor.replace("_ads", "_accounts"): {}})
    named, every = world.home(tmp_path / "named"), world.home(tmp_path / "every")
    world.load(named.path, tables)
    world.load(every.path, tables, {"ACCOUNT_IDS": ""})
    days = f"SELECT account_id, count(*) FROM {tables[0]} WHERE is_day_marker GROUP BY 1 ORDER BY 1"

    assert named.query(days) == [(own, 31)]
    found = every.query(days)
    assert (own, 31) in found
    assert [number for _, number in found] == [31] * count
    for table in tables:
        assert [row for row in every.rows(table) if own in row] == named.rows(table) != []
        assert len({account for (account,) in every.query(f"SELECT account_id FROM {table}")}) == count
