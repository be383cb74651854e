"""`adledger refresh` over HTTP: first load, again without one network, time passes; readers never err."""

from __future__ import annotations

import os
import shutil
import stat
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from ingestion.pipelines import SOURCES, Window
from sandbox.serve import build_sandbox
from tests.companies import modelled
from tests.company import Company, Home, served_company
from tests.refreshed import PEOPLE, copy_of_refreshed
from tests.warehouse import Warehouse

FAULTS = {
    "wrong token": ({"SOURCES__HUBSPOT__ACCESS_TOKEN": "not-a-token"}, "sources.hubspot.access_token"),
    "unreachable server": (
        {"SOURCES__GOOGLE_ADS__BASE_URL": "http://127.0.0.1:9"},
        "sources.google_ads.base_url",
    ),
    "unknown account": (
        {"SOURCES__FACEBOOK_ADS__ACCOUNT_IDS": '["999000999"]'},
        "sources.facebook_ads.account_ids",
    ),
}
LATER = "2026-11-04T06:00:00Z"
NO_LINKEDIN = {"SOURCES__LINKEDIN_ADS__BASE_URL": "http://127.0.0.1:9"}
SHORT = ("--as-of", LATER, "--start", "2026-11-01", "--end", "2026-11-03")
BALANCE = """
    select count(*), count_if(difference != 0) from (
        select sum(case when kind = 'end' then -units else units end) as difference
        from reconciliation.conversion_bridge
        group by attribution_report, network, account_id, campaign_id, date
    )
"""


@dataclass
class Reader:
    """Someone who looks at the published file all the time."""

    serving: Path
    reads: int = 0
    errors: list[str] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self.stopped.wait(0.5):
            if not self.serving.exists():
                continue
            try:
                with duckdb.connect(str(self.serving), read_only=True) as connection:
                    groups, unbalanced = connection.execute(BALANCE).fetchall()[0]
                if not groups or unbalanced:
                    self.errors.append(f"{unbalanced} of {groups} groups do not balance")
                self.reads += 1
            except duckdb.Error as error:
                self.errors.append(str(error))


@dataclass(frozen=True)
class Story:
    """Three refreshes of one home, the second without LinkedIn, and what each published."""

    home: Home
    published: list[dict[str, str]]
    sources: list[dict[str, str]]
    swapped_at: list[int]
    reader: Reader
    figures: list[dict[tuple[str, ...], Decimal]]


def headline(home: Home) -> dict[tuple[str, ...], Decimal]:
    """The network's headline per campaign and day."""
    rows = home.rows(
        "select network, campaign_id, cast(date as varchar), sum(conversions)"
        " from marts.fct_network_conversions where counts_in_headline group by all"
    )
    return {row[:3]: row[3] for row in rows}


@pytest.fixture(scope="module")
def company() -> Iterator[Company]:
    with served_company("--people", PEOPLE) as company:
        yield company


@pytest.fixture(scope="module")
def story(company: Company, tmp_path_factory: pytest.TempPathFactory) -> Story:
    home = Home(copy_of_refreshed(tmp_path_factory.mktemp("company")), company.settings)
    reader = Reader(home.serving)
    watching = threading.Thread(target=reader.run)
    watching.start()
    published, sources, swapped_at, figures = [], [], [], []
    try:
        for now, settings in ((company.now, None), (company.now, NO_LINKEDIN), (LATER, {})):
            if now != company.now:
                company.set_clock(now)
            if settings is not None:
                stale = ("--allow-stale", "linkedin_ads") if settings else ()
                result = home.run("refresh", "--as-of", now, *stale, **settings)
                assert result.returncode == 0, result.stdout + result.stderr
            published.append(home.published())
            sources.append(dict(home.rows("select source, status from marts.sources")))
            swapped_at.append(home.serving.stat().st_mtime_ns)
            figures.append(headline(home))
    finally:
        reader.stopped.set()
        watching.join()
    return Story(home, published, sources, swapped_at, reader, figures)


def test_the_published_file_is_a_read_only_snapshot(story: Story) -> None:
    assert stat.S_IMODE(os.stat(story.home.serving).st_mode) == 0o400
    assert not story.home.serving.with_name("serving.duckdb.wal").exists()
    assert len(set(story.swapped_at)) == 3


def test_every_group_of_the_bridge_adds_up(story: Story) -> None:
    groups, unbalanced = story.home.rows(BALANCE)[0]
    assert groups > 500
    assert unbalanced == 0


def test_every_network_is_explained_beyond_its_residual(story: Story) -> None:
    shares = dict(
        story.home.rows("""
            select network,
                sum(abs(units)) filter (where evidence_class = 'residual') / sum(abs(units))
            from reconciliation.conversion_bridge
            where kind = 'adjustment' and attribution_report = 'first_form_submission' group by network
        """)
    )
    assert set(shares) == {"google_ads", "facebook_ads", "linkedin_ads"}
    assert all(share < 0.25 for share in shares.values()), shares


def test_the_same_refresh_publishes_the_same_rows_a_stale_source_with_what_it_landed_last(
    story: Story,
) -> None:
    landed = dict.fromkeys(SOURCES, "landed")
    assert story.sources == [landed, landed | {"linkedin_ads": "stale"}, landed]
    first, second = (
        {k: v for k, v in found.items() if k != "marts.sources"} for found in story.published[:2]
    )
    assert first == second


def test_a_day_that_a_network_restates_is_restated(story: Story) -> None:
    before, after = story.figures[1], story.figures[2]
    restated = [key for key in before if before[key] != after.get(key)]
    assert restated
    assert {key[0] for key in restated} >= {"google_ads"}
    restated = story.home.rows("""
        select network, campaign_id, cast(date as varchar), sum(value - previous_value), min(days_after)
        from reconciliation.restatements where metric = 'conversions' group by all
    """)
    moved = {
        key: after.get(key, 0) - before.get(key, 0)
        for key in before.keys() | after.keys()
        if key[2] <= "2026-11-01" and abs(after.get(key, 0) - before.get(key, 0)) > Decimal("0.001")
    }
    assert {row[:3]: round(row[3], 2) for row in restated if abs(row[3]) > Decimal("0.001")} == {
        key: round(difference, 2) for key, difference in moved.items()
    }
    assert all(days_after >= 0 for *_, days_after in restated)
    raw = story.home.path / "raw" / "google_ads.duckdb"
    with duckdb.connect() as connection:
        connection.execute(f"attach '{raw}' as store (read_only)")
        kept = connection.execute(
            "select count(*) from store.raw.campaign_conversions where superseded_at is not null"
        ).fetchall()
    assert kept[0][0] > 0


def test_only_days_that_changed_are_reconciled_again(story: Story, tmp_path: Path) -> None:
    tables = ("conversion_ledger", "conversion_bridge", "ad_bridge")
    shutil.copytree(story.home.path / "raw", tmp_path / "raw")
    shutil.copy(story.home.path / "warehouse.duckdb", tmp_path)
    whole = Warehouse(tmp_path)
    changed, days = (
        whole.rows(f"select count(*) as days from intermediate.{model}")[0]["days"]
        for model in ("int_changed_days", "int_day_inputs")
    )
    assert 0 < changed < days / 2
    # without the project's hash everything is built
    whole.dbt("run", "--select", *tables, as_of=LATER)
    for table in tables:
        query = f"from reconciliation.{table}"
        built = [tuple(row.values()) for row in whole.rows(query)]
        assert sorted(map(str, built)) == sorted(map(str, story.home.rows(query)))
        assert built


def test_readers_never_err_and_see_only_whole_snapshots(story: Story) -> None:
    assert story.reader.reads > 50
    assert story.reader.errors == []


def test_explain_prints_each_networks_bridge(story: Story) -> None:
    result = story.home.run("explain")
    assert result.returncode == 0, result.stderr
    for words in ("Google", "Facebook", "LinkedIn", "Contacts credited to ads", "Unmatched in HubSpot"):
        assert words in result.stdout


@pytest.mark.parametrize(
    "fault",
    [pytest.param(fault, marks=() if fault == "wrong token" else pytest.mark.long) for fault in FAULTS],
)
def test_a_fault_names_its_setting_and_leaves_the_published_file(story: Story, fault: str) -> None:
    settings, named = FAULTS[fault]
    before = story.home.serving.stat()
    result = story.home.run("refresh", *SHORT, **settings)
    assert result.returncode == 1
    first, *rest = result.stderr.splitlines()
    assert first.startswith("adledger: ")
    assert named in first
    assert rest == [
        f"adledger: nothing was published: {story.home.serving} is unchanged",
        f"adledger: details: {story.home.path / 'logs' / 'refresh.log'}",
    ]
    assert "not-a-token" not in result.stdout + result.stderr
    after = story.home.serving.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_missing_exchange_rate_stops_the_refresh() -> None:
    company = build_sandbox(people=100, currencies={"google_ads": "CHF"})
    days = Window(date(2026, 10, 30), date(2026, 10, 31))
    with (
        pytest.raises(AssertionError, match=r"CHF to EUR.*2026-10-30.*dbt_project/seeds/exchange_rates\.csv"),
        modelled(company, days, "fct_ad_performance_daily"),
    ):
        pass
