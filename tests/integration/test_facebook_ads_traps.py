"""Each trap of Meta's API on its own: the same rows land with it, unless its handling is removed."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ingestion import pipelines
from ingestion.errors import IngestionError
from ingestion.http.client import Answer
from ingestion.landing import arrow
from ingestion.landing import resources as landing
from ingestion.landing.arrow import Table
from ingestion.sources.facebook_ads import api, insights, leads, settings, source, tables
from ingestion.sources.facebook_ads.insights import Insights
from tests.company import served_company
from tests.traps import (
    Patch,
    Trap,
    Without,
    World,
    converted,
    no_retry,
    no_signal,
    only_usual_types,
    prove,
    quick,
    replaced,
)

NOW = "2026-11-12T06:00:00Z"
WINDOW = pipelines.Window(date(2026, 9, 25), date(2026, 10, 31))
PAGE = "104477120093311"
ACCOUNT = "381905527714206"
APP_SECRET = "sandbox-facebook-secret"
CAMPAIGNS = ("campaigns",)
OBJECTS = ("campaigns", "ad_sets", "ads", "ad_creatives")
BY_CAMPAIGN = ("insights_campaign",)
BY_AD = ("insights_ad",)
LEADS = ("lead_forms", "leads")
# even if nothing is known about the account yet
REPORTS = {"SYNCHRONOUS_ROWS": -1}
ONE_DAY = {**REPORTS, "SLICE_DAYS": 1}
# the resource from which both tables are loaded
FEEDS = {"lead_forms": "lead_pages", "leads": "lead_pages"}


# -- removed handling -------------------------------------------------------------------------------------


def until_an_empty_page(patch: Patch) -> None:
    """Without the handling, a page without rows counts as the last one."""
    following = api._next
    patch.setattr(api, "_next", lambda answer: following(answer) if answer.document["data"] else None)


def impressions_as_numbers(patch: Patch) -> None:
    """Without the handling, impressions must be a JSON number."""
    columns("impressions", wire=pa.int64())(patch)
    only_usual_types(patch)


def columns(name: str, **changed: Any) -> Without:
    """Without the handling, a column of the insights is declared differently."""

    def changing(table: Table) -> Table:
        declared = (replace(c, **changed) if c.name == name else c for c in table.columns)
        return replace(table, columns=tuple(declared))

    def patched(patch: Patch) -> None:
        changed_levels = tuple(replace(level, table=changing(level.table)) for level in insights.LEVELS)
        patch.setattr(source, "LEVELS", changed_levels)

    return patched


def colons_in_offsets(value: pa.Array) -> pa.Array:
    """Without the handling, only offsets with a colon, or Z, are parsed."""
    fits = pc.match_substring_regex(value, r"(Z|[+-]\d\d:\d\d)$")
    return pc.cast(pc.if_else(fits, value, pa.scalar(None, pa.string())), arrow.INSTANT)


def minor_units(value: pa.Array, whole: Any = arrow._CONVERSIONS["money"]) -> pa.Array:
    """Without the handling, amounts are read as minor units, like budgets."""
    return whole(pc.divide(pc.cast(value, pa.float64()), 100))


def usual_statuses(patch: Patch) -> None:
    """Without the handling, no status is requested."""
    patch.setattr(insights, "statuses", lambda level, allowed: {})
    patch.setattr(source, "_EDGES", tuple((*edge[:3], ()) for edge in source._EDGES))


def by_parameter(patch: Patch) -> None:
    """Without the handling, statuses are requested by the parameter `effective_status`."""

    def named(level: str, allowed: tuple[str, ...]) -> dict[str, str]:
        return {"effective_status": json.dumps(allowed)}

    patch.setattr(api, "statuses", named)


def never(name: str) -> Without:
    """Without the handling, the load ends at this step."""

    def refuse(*_: Any) -> Any:
        raise IngestionError("given up")

    return lambda patch: patch.setattr(insights if name == "halves" else Insights, name, refuse)


def leads_of_now(patch: Patch) -> None:
    """Without the handling, landed leads are replaced by those that Meta still keeps."""
    declared = replace(tables.LEADS, disposition="replace")
    patch.setattr(tables, "LEADS", declared)
    patch.setattr(leads.Leads, "_newest", lambda _: {})


def one_version(patch: Patch) -> None:
    """Without the handling, only the current version of an ad set is kept."""
    edges = ((replace(edge[0], disposition="merge"), *edge[1:]) for edge in source._EDGES)
    patch.setattr(source, "_EDGES", tuple(edges))


def no_proof(patch: Patch) -> None:
    """Without the handling, requests are not signed with the app's secret."""
    graph = api.graph
    patch.setattr(
        api, "graph", lambda landing, base, version, token, _: graph(landing, base, version, token, None)
    )


def failure(code: int, subcode: int | None = None, message: str = "An error occurred", **more: Any) -> Any:
    """Return an error body of Meta."""
    return {
        "error": {
            "message": message,
            "type": "OAuthException",
            "code": code,
            "error_subcode": subcode,
            **more,
        }
    }


def broken(code: int, path: str = "", status: int = 400, after: int = 0, **more: Any) -> dict[str, Any]:
    """Plan one answer of Meta with an error that the status hardly reveals."""
    return {"status": {"status": status, "path": path, "after": after, "body": failure(code, **more)}}


REFUSED = failure(
    100,
    1815001,
    "Invalid parameter",
    error_user_msg="Requesting for deleted objects is not supported in this endpoint.",
)
NO_DELETED = {"status": {"status": 400, "path": "effective_status=", "times": None, "body": REFUSED}}
THROTTLE = {"step": 30, "window_seconds": 0.6, "regain": 0.012}

TRAPS: dict[str, Trap] = {
    # -- paging and statuses
    "a page without rows that has a next": Trap(
        until_an_empty_page, OBJECTS, {"facebook_empty_page": {"every": 2}}
    ),
    "archived and deleted objects are listed only if requested": Trap(usual_statuses, OBJECTS),
    "the parameter for statuses accepts no deleted ones": Trap(
        by_parameter, ("ads",), NO_DELETED, fails=True
    ),
    "figures of archived ads are hidden": Trap(usual_statuses, BY_AD, {"facebook_archived_hidden": {}}),
    "figures of archived campaigns are hidden": Trap(
        usual_statuses, BY_CAMPAIGN, {"facebook_archived_hidden": {}}
    ),
    # -- values
    "numbers are text": Trap(impressions_as_numbers, BY_CAMPAIGN, fails=True),
    "actions are absent if there are none": Trap(columns("action_values", default=None), BY_CAMPAIGN),
    "spend is in major units where budgets are in minor ones": Trap(
        converted("money", minor_units), BY_CAMPAIGN
    ),
    "offsets without a colon": Trap(converted("instant", colons_in_offsets), CAMPAIGNS),
    # -- too large answer
    "a page that is too large": Trap(
        replaced(settings, "SMALLEST_PAGE_SIZE", 200),
        OBJECTS,
        {"facebook_reduce": {"limit": 100}},
        fails=True,
    ),
    "too many days in one request": Trap(
        never("halves"), BY_CAMPAIGN, {"facebook_reduce": {"limit": None, "rows": 30}}, fails=True
    ),
    "a day too large for one request": Trap(
        never("_report"), BY_CAMPAIGN, {"facebook_reduce": {"limit": None, "rows": 1}}, fails=True
    ),
    "a listing that runs out of time": Trap(
        never("_report"),
        BY_CAMPAIGN,
        {"facebook_reduce": {"limit": None, "rows": 30, "as": "timeout"}},
        fails=True,
    ),
    # -- reports
    "a report takes a while": Trap(
        replaced(Insights, "_wait", lambda *_: None),
        BY_AD,
        {"facebook_async": {"polls": 6}},
        REPORTS,
        fails=True,
    ),
    **{
        f"a report ends as {outcome}": Trap(
            replaced(settings, "REPORT_ATTEMPTS", 1),
            BY_CAMPAIGN,
            {"facebook_async": {"polls": 1, "outcome": outcome, "times": 1}},
            ONE_DAY,
            fails=True,
        )
        for outcome in ("Job Failed", "Job Skipped")
    },
    "a report expires before it is read": Trap(
        replaced(settings, "REPORT_ATTEMPTS", 1),
        BY_CAMPAIGN,
        broken(100, "/6023920", after=1, subcode=33, message="Object with ID '1' does not exist"),
        ONE_DAY,
        fails=True,
    ),
    "reports of many rows fail": Trap(
        never("halves"),
        BY_CAMPAIGN,
        {"facebook_reduce": {"limit": None, "rows": 30, "async": True}},
        REPORTS,
        fails=True,
    ),
    "a report that does not have its fields yet": Trap(
        no_signal(api, "in summary param"),
        BY_CAMPAIGN,
        {"facebook_async": {"polls": 0, "cannot_include": 2}},
        REPORTS,
        fails=True,
    ),
    # -- days
    "actions appear weeks later": Trap(
        replaced(settings, "RESTATEMENT_DAYS", 1),
        BY_AD,
        {"facebook_late_actions": {"share": 0.6, "days": 10}},
        begin="2026-10-31T22:00:00Z",
    ),
    # -- limits and failures
    "a throttle with status 400 and the minutes to wait": Trap(
        no_retry, OBJECTS, {"facebook_throttle": THROTTLE}, fails=True
    ),
    "the throttle of lead forms": Trap(
        no_signal(api, "80005"), LEADS, {"facebook_throttle": {**THROTTLE, "step": 50}}
    ),
    **{
        f"code {code} with status 400": Trap(
            no_retry, CAMPAIGNS, broken(code, "/campaigns", after=1), fails=True
        )
        for code in (1, 2)
    },
    "an error marked as transient": Trap(
        no_retry, CAMPAIGNS, broken(190_000, "/campaigns", after=1, is_transient=True), fails=True
    ),
    # -- accounts and access
    "an app that requires a proof of its secret": Trap(
        no_proof,
        (*CAMPAIGNS, *LEADS),
        {"facebook_require_proof": {}},
        environment={"APP_SECRET": APP_SECRET},
        fails=True,
    ),
    "leads need a page access token": Trap(
        replaced(api.FacebookAds, "page", lambda ads, page: ads.graph), LEADS, fails=True
    ),
}


# -- the test of all traps --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with served_company("--people", "200", "--now", NOW) as company:
        folder = tmp_path_factory.mktemp("truths")
        yield World(
            company, "facebook_ads", days=WINDOW, feeds=FEEDS, environment={"PAGE_IDS": PAGE}, folder=folder
        )


@pytest.fixture
def network(served: World, monkeypatch: Patch) -> Iterator[World]:
    """Return the account at NOW without a fault; pauses take a hundredth of a second."""
    quick(monkeypatch)
    for name in ("FIRST_POLL_SECONDS", "LONGEST_POLL_SECONDS", "LONGEST_PAUSE"):
        monkeypatch.setattr(settings, name, 0.01)
    yield served
    served.mend()
    served.at(NOW)


@pytest.mark.parametrize("trap", TRAPS.values(), ids=TRAPS)
def test_a_trap_changes_rows_only_without_its_handling(trap: Trap, network: World, tmp_path: Path) -> None:
    prove(trap, network, tmp_path)


# -- traps without a comparison ---------------------------------------------------------------------------


def test_days_beyond_the_retention_are_not_requested(
    network: World, tmp_path: Path, monkeypatch: Patch
) -> None:
    truth = network.truth(BY_CAMPAIGN).rows("insights_campaign")
    network.faults({"facebook_retention": {"months": 1}})
    monkeypatch.setattr(settings, "RETENTION_MONTHS", 1)
    network.load(tmp_path / "with", BY_CAMPAIGN)

    kept = [row for row in truth if row[1] > date(2026, 10, 12)]
    assert network.home(tmp_path / "with").rows("insights_campaign") == kept

    monkeypatch.setattr(settings, "RETENTION_MONTHS", 37)
    with pytest.raises(pipelines.ResponseError, match="cannot be beyond 37 months"):
        network.load(tmp_path / "without", BY_CAMPAIGN)


def test_the_oldest_requested_day_is_served(network: World, tmp_path: Path) -> None:
    oldest = pipelines.Window(date(2023, 10, 1), date(2023, 10, 14))
    network.load(tmp_path, BY_CAMPAIGN, window=oldest)

    assert network.home(tmp_path).query(
        "SELECT min(date), max(date) FROM insights_campaign WHERE is_day_marker"
    ) == [(date(2023, 10, 13), date(2023, 10, 14))]


def test_an_ad_sets_earlier_windows_stay(network: World, tmp_path: Path) -> None:
    network.company.set_clock("2026-11-01T06:00:00Z")
    whole, spoilt = network.home(tmp_path / "with"), network.home(tmp_path / "without")
    for now in ("2026-11-01T06:00:00Z", NOW):
        network.company.set_clock(now)
        network.load(whole.path, ("ad_sets",))
        with Patch.context() as patch:
            one_version(patch)
            network.load(spoilt.path, ("ad_sets",))
    windows = (
        "SELECT attribution_spec->>'$[0].window_days', day(observed_at), {} FROM ad_sets"
        " WHERE name = 'Lookalike' ORDER BY observed_at"
    )

    assert whole.query(windows.format("day(superseded_at)")) == [("7", 1, 12), ("1", 12, None)]
    assert spoilt.query(windows.format("NULL")) == [("1", 12, None)]
    assert whole.rows("ad_sets") == network.truth(OBJECTS).rows("ad_sets")


def test_an_account_that_lists_no_deleted_ads_lists_the_others(network: World, tmp_path: Path) -> None:
    network.faults({"status": {"status": 400, "path": "DELETED", "times": None, "body": REFUSED}})
    (report,) = network.load(tmp_path / "new", ("ads",))
    network.truth(OBJECTS).copy(tmp_path / "known")
    network.load(tmp_path / "known", ("ads",))
    every = network.truth(OBJECTS).rows("ads")

    assert report.message is not None
    assert report.message.startswith(f"no deleted ads of account {ACCOUNT}: ")
    assert "Requesting for deleted objects is not supported" in report.message
    assert network.home(tmp_path / "new").rows("ads") == [row for row in every if "DELETED" not in row]
    assert network.home(tmp_path / "known").rows("ads") == every, "what was landed of deleted ads stays"


def test_leads_stay_longer_than_meta_keeps_them(network: World, tmp_path: Path, monkeypatch: Patch) -> None:
    whole, spoilt = network.home(tmp_path / "with"), network.home(tmp_path / "without")
    first = "SELECT id, email, created_time FROM leads ORDER BY id"
    network.load(whole.path, LEADS)
    before = whole.query(first)
    network.pass_time(days=120)
    network.load(whole.path, LEADS)
    leads_of_now(monkeypatch)
    network.at(NOW)
    network.load(spoilt.path, LEADS)
    assert before == whole.query(first) == spoilt.query(first)

    network.pass_time(days=120)
    network.load(spoilt.path, LEADS)
    assert spoilt.query(first) == []


def test_organic_and_test_leads_are_distinguished(network: World, tmp_path: Path) -> None:
    network.faults({"facebook_leads": {"organic": 2, "test": 1}})
    network.load(tmp_path, LEADS)
    home = network.home(tmp_path)
    by_kind = "SELECT is_organic, is_test, ad_id IS NULL, count(*) FROM leads GROUP BY ALL ORDER BY ALL"

    real = network.truth(LEADS).query("SELECT count(*) FROM leads")[0][0]
    assert network.truth(LEADS).query(by_kind) == [(False, False, False, real)]
    assert home.query(by_kind) == [
        (False, False, False, real),
        (True, False, True, 2 * 2),
        (True, True, True, 2),
    ]


def test_only_the_email_of_the_answers_lands(network: World) -> None:
    home = network.truth(LEADS)
    columns = {name for (name,) in home.query("SELECT column_name FROM (DESCRIBE leads)")}

    assert columns == {
        *("page_id", "form_id", "id", "created_time", "campaign_id", "adset_id", "ad_id"),
        *("is_organic", "is_test", "platform", "email", "observed_at"),
    }
    assert all("@" in email for (email,) in home.query("SELECT email FROM leads"))


@pytest.mark.parametrize(
    ("granted", "expected"),
    [
        (["ads_read", "pages_show_list"], "Requires leads_retrieval permission"),
        (["ads_read"], "returned no page access token"),
    ],
)
def test_without_lead_permissions_everything_else_is_loaded(
    granted: list[str], expected: str, network: World, tmp_path: Path
) -> None:
    network.load(tmp_path, LEADS)
    network.faults({"facebook_access": {"permissions": granted}})
    (report,) = network.load(tmp_path, (*OBJECTS, *LEADS))
    home = network.home(tmp_path)

    assert report.message is not None
    assert report.message.startswith(f"no leads of page {PAGE}: sources.facebook_ads.page_ids: page {PAGE}")
    assert expected in report.message
    assert "leads_retrieval, pages_show_list" in report.message
    assert home.state(OBJECTS) == network.truth(OBJECTS).state(OBJECTS)
    assert home.rows("leads") == network.truth(LEADS).rows("leads"), "what was read before stays"


SECOND_PAGE = "108800245517620"
NOBODY = {"promoted": False, "ad_sets": False, "creatives": False}


@pytest.mark.parametrize(
    "named",
    [
        {},
        {"promoted": False},
        {"promoted": False, "ad_sets": False},
        {"ad_sets": False, "creatives": False},
        {"promoted": False, "creatives": False},
    ],
    ids=["everywhere", "by ad sets and creatives", "by creatives", "by the account", "by ad sets"],
)
def test_vector_n21_without_page_ids_the_same_leads_land(
    named: dict[str, bool], network: World, tmp_path: Path
) -> None:
    network.faults({"facebook_pages": named})
    (report,) = network.load(tmp_path, LEADS, {"PAGE_IDS": ""})

    assert report.message is None
    assert network.home(tmp_path).state(LEADS) == network.truth(LEADS).state(LEADS)


def test_finding_the_pages_needs_one_listing_of_each_kind(network: World, tmp_path: Path) -> None:
    network.asked()
    network.load(tmp_path, LEADS, {"PAGE_IDS": ""})
    asked, _ = network.asked()
    found = {path: count for path, count in asked.items() if "promote_pages" in path}

    assert sum(found.values()) == len(
        json.loads(network.company.settings["SOURCES__FACEBOOK_ADS__ACCOUNT_IDS"])
    )
    assert not [path for path in asked if path.endswith(("/adsets", "/adcreatives"))]


def test_an_account_that_promotes_no_page_has_no_leads(network: World, tmp_path: Path) -> None:
    network.faults({"facebook_pages": NOBODY})
    (report,) = network.load(tmp_path, LEADS, {"PAGE_IDS": ""})

    assert report.message is None
    assert network.home(tmp_path).state(LEADS) == {"lead_forms": [], "leads": []}


def test_several_pages_are_read_and_page_ids_narrows_them(network: World, tmp_path: Path) -> None:
    network.faults({"facebook_pages": {"second": True}})
    network.load(tmp_path / "both", LEADS, {"PAGE_IDS": ""})
    network.load(tmp_path / "one", LEADS, {"PAGE_IDS": SECOND_PAGE})
    by_page = "SELECT page_id, id FROM leads ORDER BY id"
    both = network.home(tmp_path / "both").query(by_page)

    assert {page for page, _ in both} == {PAGE, SECOND_PAGE}
    assert [lead for _, lead in both] == [
        lead for _, lead in network.truth(LEADS).query("SELECT page_id, id FROM leads ORDER BY id")
    ]
    assert network.home(tmp_path / "one").query(by_page) == [row for row in both if row[0] == SECOND_PAGE]


@pytest.mark.parametrize("by_ad", [True, False])
def test_a_page_without_permission_does_not_affect_other_pages(
    by_ad: bool, network: World, tmp_path: Path
) -> None:
    network.faults({"facebook_pages": {"second": True}})
    network.load(tmp_path / "both", LEADS, {"PAGE_IDS": ""})
    network.faults({"facebook_pages": {"second": True, "refused": [PAGE], "by_ad": by_ad}})
    (report,) = network.load(tmp_path / "one", LEADS, {"PAGE_IDS": ""})
    by_page = "SELECT page_id, form_id, id, ad_id, email FROM leads ORDER BY id"
    both = network.home(tmp_path / "both").query(by_page)

    assert network.home(tmp_path / "one").query(by_page) == [
        row for row in both if by_ad or row[0] == SECOND_PAGE
    ]
    assert report.message is not None
    (line,) = [each for each in report.message.split("; ") if PAGE in each][:1]
    expected = f"leads of page {PAGE} are loaded ad by ad" if by_ad else f"no leads of page {PAGE}"
    assert line.startswith(expected)
    assert f"page {PAGE} returned no page access token" in report.message
    assert "grant leads_retrieval, pages_show_list" in report.message


def test_a_refused_page_without_lead_ads_adds_no_notice(network: World, tmp_path: Path) -> None:
    network.faults({"facebook_pages": {"refused": [PAGE], "ad_sets": False, "creatives": False}})
    (report,) = network.load(tmp_path, LEADS, {"PAGE_IDS": ""})

    assert report.message is None


def test_an_unknown_page_does_not_affect_other_pages(network: World, tmp_path: Path) -> None:
    (report,) = network.load(tmp_path, LEADS, {"PAGE_IDS": f"123,{PAGE}"})

    assert report.message is not None
    assert report.message.startswith(
        "no leads of page 123: sources.facebook_ads.page_ids: page 123 is unknown"
    )
    assert network.home(tmp_path).state(LEADS) == network.truth(LEADS).state(LEADS)


def test_no_token_is_kept_or_shown(network: World, tmp_path: Path) -> None:
    said: list[str] = []
    network.faults({"facebook_async": {"polls": 3}})
    for names in ((*OBJECTS, *LEADS), (*BY_CAMPAIGN, *BY_AD)):
        network.load(tmp_path, names, {"APP_SECRET": APP_SECRET}, said=said)
    network.faults({"facebook_access": {"expires_in": -60}})
    with pytest.raises(pipelines.AccessError) as refused:
        network.load(tmp_path, OBJECTS, {"APP_SECRET": APP_SECRET})
    shown = "\n".join([*said, str(refused.value)])
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())

    for secret in ("sandbox-facebook-token", "sandbox-facebook-page-token", APP_SECRET, "appsecret_proof"):
        assert secret not in shown
        assert secret.encode() not in written


# -- figures ----------------------------------------------------------------------------------------------


def test_vector_n18_a_deleted_ads_figures_stay_in_its_campaign(network: World) -> None:
    span = json.dumps({"since": str(WINDOW.start), "until": str(WINDOW.end)})
    asked = {"level": "account", "fields": "spend,impressions,clicks", "time_range": span}
    path = f"/facebook/v26.0/act_{ACCOUNT}/insights?{urllib.parse.urlencode(asked)}"
    (whole,) = network.ask("GET", path)["data"]
    sums = "SELECT sum(spend), sum(impressions), sum(clicks) FROM {}"
    campaigns = network.truth(BY_CAMPAIGN).query(sums.format("insights_campaign"))[0]
    ads = network.truth(BY_AD).query(sums.format("insights_ad"))[0]

    assert [str(value) for value in campaigns] == [
        f"{whole['spend']}0000",
        whole["impressions"],
        whole["clicks"],
    ]
    assert all(of_ads < of_campaigns for of_ads, of_campaigns in zip(ads, campaigns, strict=True))


def test_vector_n19_parameters_that_meta_ignores_change_nothing(
    network: World, tmp_path: Path, monkeypatch: Patch
) -> None:
    truth = network.truth(BY_AD).rows("insights_ad")
    asked = Insights._params
    ignored = {"action_report_time": "impression", "use_unified_attribution_setting": "false"}
    monkeypatch.setattr(Insights, "_params", lambda *args: {**asked(*args), **ignored})
    network.load(tmp_path, BY_AD)

    assert network.home(tmp_path).rows("insights_ad") == truth


# -- requests ---------------------------------------------------------------------------------------------


def test_the_last_page_has_no_other_after_it(network: World, tmp_path: Path, monkeypatch: Patch) -> None:
    path = "GET /v26.0/{id}/campaigns"
    network.asked()
    network.load(tmp_path, CAMPAIGNS)
    assert network.asked()[0][path] == 4

    def cursor(answer: Answer) -> str | None:
        after: str | None = (answer.document.get("paging") or {}).get("cursors", {}).get("after")
        return after

    monkeypatch.setattr(api, "_next", cursor)
    network.load(tmp_path, CAMPAIGNS)
    assert network.asked()[0][path] == 5


def test_a_large_expected_result_is_a_report_at_once(
    network: World, tmp_path: Path, monkeypatch: Patch
) -> None:
    def reports() -> int:
        return network.asked()[0].get("POST /v26.0/{id}/insights", 0)

    monkeypatch.setattr(settings, "SYNCHRONOUS_ROWS", 150)
    reports()
    network.load(tmp_path, BY_AD)
    assert reports() == 0, "nothing is known of the account"

    network.load(tmp_path, BY_AD)
    assert reports() == 1, "at most 13 ads a day had figures: 390 rows in 30 days, 91 in 7"

    network.load(tmp_path / "new", ("ads", *CAMPAIGNS))
    network.load(tmp_path / "new", BY_AD)
    assert reports() == 1, "15 ads are known"
    network.load(tmp_path / "new", BY_CAMPAIGN)
    assert reports() == 0, "4 campaigns are known"

    expected = network.truth(BY_AD).rows("insights_ad")
    assert (
        network.home(tmp_path).rows("insights_ad")
        == network.home(tmp_path / "new").rows("insights_ad")
        == expected
    )


def test_a_report_that_always_fails_is_an_error_with_account_and_day(
    network: World, tmp_path: Path, monkeypatch: Patch
) -> None:
    monkeypatch.setattr(settings, "SYNCHRONOUS_ROWS", -1)
    network.faults({"facebook_async": {"polls": 0, "outcome": "Job Failed"}})
    days = pipelines.Window(date(2026, 10, 30), date(2026, 10, 31))
    with pytest.raises(pipelines.ResponseError) as failed:
        network.load(tmp_path, BY_AD, window=days)

    assert f"report of ad insights failed for account {ACCOUNT} on 2026-10-31 (Job Failed: " in str(
        failed.value
    )


def test_a_report_that_hangs_is_given_up(network: World, tmp_path: Path, monkeypatch: Patch) -> None:
    monkeypatch.setattr(settings, "SYNCHRONOUS_ROWS", -1)
    monkeypatch.setattr(settings, "REPORT_SECONDS", 0.05)
    network.faults({"facebook_async": {"polls": 10_000}})
    day = pipelines.Window(WINDOW.end, WINDOW.end)
    said: list[str] = []
    with pytest.raises(pipelines.ResponseError, match=r"Job Running at \d+ % after"):
        network.load(tmp_path, BY_AD, window=day, said=said)

    assert any(f"report of account {ACCOUNT} for {WINDOW.end}" in line for line in said)


def test_a_report_lost_while_it_is_read_lands_once(
    network: World, tmp_path: Path, monkeypatch: Patch
) -> None:
    truth = network.truth(BY_AD).rows("insights_ad")
    monkeypatch.setattr(landing, "_REMEMBERED_KEYS", 100)
    monkeypatch.setattr(settings, "SYNCHRONOUS_ROWS", -1)
    monkeypatch.setattr(settings, "PAGE_SIZE", 10)
    monkeypatch.setattr(settings, "MOST_ROWS", 30)
    # the 25th page after the first
    gone = broken(100, "&after=", after=24, subcode=33, message="Object with ID '1' does not exist")
    for home in (tmp_path / "whole", tmp_path / "twice"):
        network.load(home, ("ads",))
        network.faults(gone)
        network.load(home, BY_AD)
        monkeypatch.setattr(settings, "MOST_ROWS", 10_000)

    assert network.home(tmp_path / "whole").rows("insights_ad") == truth
    assert len(network.home(tmp_path / "twice").rows("insights_ad")) > len(truth)


def test_requests_slow_down_before_they_are_refused(
    network: World, tmp_path: Path, monkeypatch: Patch
) -> None:
    network.faults({"facebook_throttle": {"step": 8, "window_seconds": 0.5, "regain": 0}})
    monkeypatch.setattr(settings, "LONGEST_PAUSE", 0.6)
    (paced,) = network.load(tmp_path / "paced", OBJECTS)
    assert "throttled" not in paced.requests

    network.faults({"facebook_throttle": {"step": 8, "window_seconds": 0.5, "regain": 0.01}})
    monkeypatch.setattr(api, "POLICY", replace(api.POLICY, learn=lambda headers: None))
    (hurried,) = network.load(tmp_path / "hurried", OBJECTS)
    assert hurried.requests["throttled"] >= 1
    assert network.home(tmp_path / "paced").state(OBJECTS) == network.home(tmp_path / "hurried").state(
        OBJECTS
    )
