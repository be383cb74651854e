"""One company through downloaded files and through the APIs: equal figures, differences only as announced."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion.pipelines import Window
from sandbox.apis.state import Sandbox
from sandbox.export import export
from sandbox.serve import build_sandbox, settings
from tests.companies import modelled, served
from tests.company import Home

DAYS = Window(date(2026, 8, 10), date(2026, 10, 31))
NETWORKS = ("google_ads", "facebook_ads", "linkedin_ads")
# a file has two decimals, of money and of conversions alike
CENT = Decimal("0.005")
RATES = {"USD": Decimal("0.92"), "GBP": Decimal("1.15")}
Key = tuple[Any, ...]


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return build_sandbox(people=300, profile="messy")


def _about(sandbox: Sandbox) -> dict[str, str]:
    """What no file contains, as a user would set it."""
    accounts = [account for found in sandbox.company.accounts.values() for account in found]
    return {
        "EXPORTS__TIME_ZONE": sandbox.company.portal_time_zone,
        "EXPORTS__TIME_ZONES": json.dumps({account.id: account.time_zone for account in accounts}),
        "EXPORTS__CURRENCY": "EUR",
        "EXPORTS__EXCHANGE_RATES": json.dumps({currency: float(rate) for currency, rate in RATES.items()}),
    }


class Tables:
    """What a home published, or would publish."""

    def __init__(self, file: Path) -> None:
        self._connection = duckdb.connect(str(file), read_only=True)
        self._connection.execute("SET TimeZone = 'UTC'")

    def __call__(self, query: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(query).fetchall()

    def sums(self, query: str) -> dict[Key, Decimal]:
        """The last column by all others."""
        return {tuple(key): value for *key, value in self(query) if value}

    def steps(self) -> dict[Key, Decimal]:
        """Units by network, step, campaign and day, of HubSpot's default report."""
        return self.sums(
            "SELECT network, step, campaign_id, date, sum(units) FROM reconciliation.conversion_bridge"
            " WHERE attribution_report = 'first_form_submission' GROUP BY ALL"
        )

    def coverage(self) -> dict[tuple[str, str], str]:
        return {
            (network, step): coverage
            for network, step, coverage in self(
                "SELECT network, step, coverage FROM reconciliation.step_coverage"
            )
        }

    def close(self) -> None:
        self._connection.close()


@contextmanager
def _opened(file: Path) -> Iterator[Tables]:
    tables = Tables(file)
    yield tables
    tables.close()


@pytest.fixture(scope="module")
def by_api(sandbox: Sandbox) -> Iterator[Tables]:
    with (
        modelled(sandbox, DAYS, "conversion_bridge", "fct_ad_performance_daily", "step_coverage") as built,
        _opened(built.home / "warehouse.duckdb") as tables,
    ):
        yield tables


@pytest.fixture(scope="module")
def by_files(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tables]:
    """What a user gets: every check of a refresh passed."""
    place = tmp_path_factory.mktemp("files")
    export(sandbox, place / "downloads", DAYS.start, DAYS.end)
    with served(sandbox) as url:
        pages = {name: value for name, value in settings(sandbox, url).items() if "LANDING_PAGES" in name}
        home = Home(place / "home", _about(sandbox) | pages)
        done = home.run(
            "refresh",
            *("--exports", str(place / "downloads")),
            *("--as-of", sandbox.now.isoformat(), "--end", str(DAYS.end)),
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Days {DAYS.start} to {DAYS.end}" in done.stdout
    assert "uncovered_steps_are_empty" not in done.stdout
    with _opened(home.serving) as tables:
        yield tables


@pytest.fixture(scope="module")
def mixed(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tables]:
    """Google's campaigns from one file without its conversions by action; everything else from APIs."""
    place = tmp_path_factory.mktemp("mixed")
    export(sandbox, place / "all", DAYS.start, DAYS.end)
    downloads = place / "downloads"
    downloads.mkdir()
    (place / "all" / "google-ads" / "Campaign report.csv").rename(downloads / "report.csv")
    models = ("conversion_bridge", "fct_ad_performance_daily", "step_coverage")
    with (
        modelled(
            sandbox, DAYS, *models, files=_about(sandbox) | {"EXPORTS__FOLDER": str(downloads)}
        ) as built,
        _opened(built.home / "warehouse.duckdb") as tables,
    ):
        yield tables


def _apart(one: dict[Key, Decimal], other: dict[Key, Decimal], rows: int = 1) -> dict[Key, tuple[Any, Any]]:
    """Where two differ by more than the rounding of so many rows."""
    return {
        key: (one.get(key), other.get(key))
        for key in one.keys() | other.keys()
        if abs(one.get(key, Decimal(0)) - other.get(key, Decimal(0))) > CENT * rows
    }


# each row of a file is rounded: a campaign's conversions are its actions', LinkedIn's groups have campaigns
@pytest.mark.parametrize(
    ("metric", "rounded"), [("impressions", 0), ("clicks", 0), ("spend", 3), ("network_conversions", 8)]
)
def test_every_figure_that_files_carry_is_equal(
    by_api: Tables, by_files: Tables, metric: str, rounded: int
) -> None:
    query = (
        f"SELECT network, account_id, campaign_id, date, sum({metric}) FROM marts.fct_ad_performance_daily"
        f" WHERE date BETWEEN '{DAYS.start}' AND '{DAYS.end}' GROUP BY ALL"
    )
    one, other = by_api.sums(query), by_files.sums(query)
    assert len(one) > 100
    assert {network for network, *_ in other} == set(NETWORKS)
    assert _apart(one, other, rounded) == {}


def test_every_deal_is_there(by_api: Tables, by_files: Tables) -> None:
    """If not all of its credits: files are to the minute, too."""
    deals = (
        "SELECT DISTINCT deal_id, date_trunc('minute', closed_at), currency, amount"
        " FROM marts.fct_deal_attribution ORDER BY ALL"
    )
    assert len(by_api(deals)) > 20
    assert by_files(deals) == by_api(deals)
    # no file says what a currency was worth when, as the API does: the setting's rate holds for all days
    worth = (
        "SELECT currency, amount, amount_company_currency FROM marts.fct_deal_attribution"
        " WHERE currency != 'EUR'"
    )
    assert by_files(worth)
    for currency, amount, home in by_files(worth):
        assert home == amount * RATES[currency]


def test_what_people_did_is_the_same(by_api: Tables, by_files: Tables) -> None:
    minutes = (
        "SELECT contact_id, form_id, date_trunc('minute', submitted_at), conversion_number"
        " FROM marts.fct_form_submissions ORDER BY ALL"
    )
    assert len(by_api(minutes)) > 300
    assert by_files(minutes) == by_api(minutes)
    first = "SELECT contact_id, converted_at FROM marts.fct_first_conversions ORDER BY ALL"
    assert by_files(first) == by_api(first)
    names = "network, account_id, campaign_id, campaign_name, status, account_currency, account_time_zone"
    campaigns = f"SELECT {names} FROM marts.dim_campaign ORDER BY ALL"
    assert by_files(campaigns) == by_api(campaigns)


@pytest.mark.parametrize("home", ["by_files", "mixed"])
def test_the_bridge_adds_up(home: str, request: pytest.FixtureRequest) -> None:
    tables: Tables = request.getfixturevalue(home)
    broken = tables(
        "SELECT attribution_report, network, campaign_id, date FROM reconciliation.conversion_bridge"
        " GROUP BY ALL HAVING sum(CASE kind WHEN 'end' THEN -units ELSE units END) <> 0"
    )
    assert broken == []
    assert tables("SELECT count(*) > 500 FROM reconciliation.conversion_bridge") == [(True,)]
    assert tables("SELECT sum(units) FROM reconciliation.conversion_bridge WHERE step = 'unexplained'") == [
        (None,)
    ]


@pytest.mark.parametrize("home", ["by_files", "mixed"])
def test_reasons_differ_where_it_is_announced_and_nowhere_else(
    by_api: Tables, home: str, request: pytest.FixtureRequest
) -> None:
    tables: Tables = request.getfixturevalue(home)
    coverage, whole, steps = tables.coverage(), by_api.steps(), tables.steps()
    assert set(by_api.coverage().values()) == {"full"}
    assert set(coverage.values()) == {"full", "partial", "none"}
    apart = {(network, step) for network, step, *_ in _apart(whole, steps, 8)}
    assert {coverage[each] for each in apart} <= {"partial", "none"}
    # what is announced can be seen: the steps with full coverage have units, and others differ
    assert len({(network, step) for network, step, *_ in steps if coverage[network, step] == "full"}) >= 9
    assert len(apart) >= 9
    assert {key for key in steps if coverage[key[0], key[1]] == "none"} == set()
    lost = {each for each in apart if coverage[each] == "none"}
    assert lost >= (
        {("linkedin_ads", "lead_not_synced")}
        if home == "by_files"
        else {("google_ads", step) for step in ("date_basis", "non_form_action", "view_through")}
    )


def test_files_of_one_network_leave_the_others_as_their_apis_have_them(by_api: Tables, mixed: Tables) -> None:
    whole, steps, coverage = by_api.steps(), mixed.steps(), mixed.coverage()
    assert {found for (network, _), found in coverage.items() if network != "google_ads"} == {"full"}
    for network in ("facebook_ads", "linkedin_ads"):
        assert {key: units for key, units in steps.items() if key[0] == network} == {
            key: units for key, units in whole.items() if key[0] == network
        }
    credited = {key: units for key, units in whole.items() if key[1] == "hubspot_contacts"}
    assert credited
    assert {key: units for key, units in steps.items() if key[1] == "hubspot_contacts"} == credited


def test_hubspots_own_export_says_what_the_files_miss(by_api: Tables, by_files: Tables) -> None:
    own = by_files.sums(
        "SELECT network, campaign_id, hubspot_contacts FROM reconciliation.hubspot_check"
        " WHERE hubspot_source = 'ads_export' AND attribution_report = 'first_form_submission'"
    )
    ours = by_files.sums(
        "SELECT network, campaign_id, contacts FROM reconciliation.hubspot_check"
        " WHERE hubspot_source = 'ads_export' AND attribution_report = 'first_form_submission'"
    )
    credited = by_api.sums(
        "SELECT network, campaign_id, sum(units) FROM reconciliation.conversion_bridge"
        " WHERE attribution_report = 'first_form_submission' AND step = 'hubspot_contacts' GROUP BY ALL"
    )
    assert sum(ours.values()) < sum(own.values())
    assert {key: units for key, units in ours.items() if units > own.get(key, 0)} == {}
    assert sum(own.values()) == pytest.approx(sum(credited.values()), abs=2)


def test_a_folder_without_any_known_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing of the kind\n")
    done = Home(tmp_path / "home").run("refresh", "--exports", str(tmp_path))
    assert done.returncode == 1
    assert "notes.txt: has no known header" in done.stdout
    assert "contains no known report" in done.stderr
    assert not (tmp_path / "home" / "raw").exists()
