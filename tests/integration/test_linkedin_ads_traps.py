"""Each trap of LinkedIn's API on its own: the same rows land with it, unless its handling is removed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ingestion import pipelines
from ingestion.doctor import examine
from ingestion.errors import ResponseError
from ingestion.http import client as http
from ingestion.landing import arrow
from ingestion.landing.arrow import Column, Page, Table
from ingestion.landing.resources import Span
from ingestion.pipelines import Window
from ingestion.sources.linkedin_ads import api, figures, settings, source, tables
from sandbox.apis.state import Credentials
from tests.company import served_company
from tests.traps import Patch, Store, Timer, Trap, Without, World, converted, no_signal, prove, replaced

FIGURES = ("campaign_analytics", "creative_analytics", "creative_conversions", "campaign_conversions")
CAMPAIGNS = ("campaign_analytics",)
LATE = {"linkedin_late_conversions": {"share": 0.8, "days": 25}}
# LinkedIn's own page sizes
USUAL: dict[str, Any] = {"page_caps": {"off": True}}
WINDOW = Window(date(2026, 10, 12), date(2026, 12, 31))
VOLUME = {"linkedin_limits": {"metric_values": 8_000}}
# bookkeeping tables
LEFT_OUT = ("observed_at", "superseded_at", "row_version", "is_day_marker")


@dataclass(frozen=True)
class Home(Store):
    """The landed rows of LinkedIn without test leads and day markers."""

    def rows(self, table: str) -> list[tuple[Any, ...]]:
        """Return the current rows of a table, with amounts in whole cents as in the plain figures."""
        names = [name for (name,) in self.query(f"SELECT column_name FROM (DESCRIBE {table})")]
        where = [f"NOT {name}" for name in ("is_day_marker", "test_lead") if name in names]
        where += [f"{name} IS NULL" for name in names if name == "superseded_at"]
        columns = ["round(cost, 2)" if name == "cost" else name for name in names if name not in LEFT_OUT]
        query = f"SELECT {', '.join(columns)} FROM {table} WHERE {' AND '.join(['true', *where])}"
        return sorted(self.query(query), key=repr)


# -- removed handling -------------------------------------------------------------------------------------


def only_common_rows(patch: Patch) -> None:
    """Without the handling, only rows that are in all answers are joined."""
    joined = figures.joined

    def inner(parts: Any) -> list[dict[str, Any]]:
        lists = list(parts)
        common = set.intersection(*({figures._key(row) for row in rows} for rows in lists))
        return [row for row in joined(lists) if figures._key(row) in common]

    patch.setattr(figures, "joined", inner)


def no_campaign_facet(patch: Patch) -> None:
    """Without the handling, a truncated day ends the load."""

    def cut(ads: Any, query: Any) -> Any:
        raise ResponseError("cut")

    patch.setattr(figures, "_halves", cut)


def column(table: Table, **changes: Any) -> Without:
    """Without the handling, columns of a table are read from other paths."""

    def patched(patch: Patch) -> None:
        columns = tuple(
            Column(c.name, c.kind, changes[c.name], default=c.default) if c.name in changes else c
            for c in table.columns
        )
        patch.setattr(source, table.name.upper(), replace(table, columns=columns))

    return patched


def first_page_by_token(patch: Patch) -> None:
    """Without the handling, page tokens are not followed."""

    def one(self: Any, path: str, size: int, account: str | None) -> Iterator[Page]:
        answer = self.ask(f"{path}&pageSize={size}", account)
        yield Page(answer.body, (("account_id", account),) if account else ())

    patch.setattr(api.LinkedInAds, "_by_token", one)


def until_a_short_page(patch: Patch) -> None:
    """Without the handling, a short page counts as the last."""

    def stream(self: Any, path: str, account: str, permission: str) -> Iterator[Any]:
        start = 0
        while True:
            answer = self.ask(f"{path}&start={start}&count={settings.COUNT}", account, permission)
            yield answer
            start += len(answer.document["elements"])
            if len(answer.document["elements"]) < settings.COUNT:
                return

    patch.setattr(api.LinkedInAds, "by_offset", stream)


def nothing_left_out(patch: Patch) -> None:
    """Without the handling, a missing permission ends the load."""

    def refuse(self: Any, permission: str, line: str) -> None:
        raise pipelines.AccessError(line)

    patch.setattr(api.LinkedInAds, "leave_out", refuse)


def only_what_is_listed(patch: Patch) -> None:
    """Without the handling, leads are replaced by the last answer."""
    table = replace(tables.LEAD_FORM_RESPONSES, disposition="replace")
    patch.setattr(source, "LEAD_FORM_RESPONSES", table)


# -- changes between loads ----------------------------------------------------------------------------------


def pass_days(days: int) -> Callable[[World], None]:
    return lambda network: network.pass_time(days=days)


def five_minutes_pass(network: World, seconds: float) -> None:
    if seconds > 300:
        network.faults(VOLUME)


def leads_expire(network: World) -> None:
    """Advance ten days; LinkedIn then keeps leads of two weeks only."""
    pass_days(10)(network)
    network.faults({"linkedin_leads": {"test": 0, "days": 14}})


TRAPS: dict[str, Trap] = {
    # -- protocol
    "Rest.li 1.0 unless the header says otherwise": Trap(
        replaced(settings, "PROTOCOL_VERSION", "1.0.0"), CAMPAIGNS, fails=True
    ),
    "URNs encoded twice": Trap(
        replaced(figures, "account_urn", lambda account: f"urn%253Ali%253AsponsoredAccount%253A{account}"),
        CAMPAIGNS,
        fails=True,
    ),
    "URLs that are too long (414)": Trap(
        replaced(settings, "LONGEST_ADDRESS", 10**6),
        (*FIGURES, "campaigns", "creatives"),
        {"linkedin_url_length": {"bytes": 300}},
        {"LONGEST_ADDRESS": 300},
        fails=True,
    ),
    "pages by token": Trap(
        first_page_by_token, ("campaign_groups", "campaigns", "creatives"), {"page_caps": {}}
    ),
    "pages by offset, shorter than requested, without a total": Trap(
        until_a_short_page, ("conversions", "lead_forms"), {"page_caps": {}, "linkedin_no_total": {}}
    ),
    "ids as numbers or URNs": Trap(
        converted("id", lambda value: pc.cast(value, pa.string())), ("creatives", *FIGURES)
    ),
    "instants in audit stamps or flat": Trap(
        column(tables.CREATIVES, created_at="changeAuditStamps.created.time"), ("campaigns", "creatives")
    ),
    "days as objects": Trap(
        converted("date_parts", lambda value: pc.cast(pc.struct_field(value, ["year"]), pa.date32())),
        CAMPAIGNS,
        fails=True,
    ),
    # -- figures
    "at most twenty fields": Trap(replaced(settings, "MOST_FIELDS", 50), CAMPAIGNS, fails=True),
    "rows of zeros are left out, different ones in each answer": Trap(
        only_common_rows, ("campaign_analytics", "creative_analytics"), small={"MOST_FIELDS": 6}
    ),
    "answers truncated without a sign": Trap(
        replaced(settings, "MOST_ELEMENTS", 15_000),
        FIGURES,
        {"linkedin_element_cap": {"elements": 30}},
        {"MOST_ELEMENTS": 30},
    ),
    "a single truncated day": Trap(
        no_campaign_facet,
        FIGURES,
        {"linkedin_element_cap": {"elements": 5}},
        {"MOST_ELEMENTS": 5},
        fails=True,
    ),
    "money with twenty decimals, or an exponent": Trap(
        converted("money", lambda value: pc.cast(value, arrow.MONEY)),
        ("campaign_analytics", "campaign_conversions"),
        truth={"linkedin_decimals": {}},
        fails=True,
    ),
    "conversions matched weeks later": Trap(
        replaced(source, "span", lambda landing, table, account: Span(None, 0)),
        FIGURES,
        world=LATE,
        then=pass_days(12),
    ),
    "too many metric values in five minutes (429)": Trap(
        no_signal(api, "metric values"), FIGURES, VOLUME, on_pause=five_minutes_pass, fails=True
    ),
    # -- posts and leads
    "the link of sponsored content is in its post": Trap(
        replaced(api.LinkedInAds, "_posts", lambda self, creatives: {}), ("creatives",)
    ),
    "test leads among the leads": Trap(
        column(tables.LEAD_FORM_RESPONSES, test_lead="isTest"),
        ("lead_form_responses",),
        {"linkedin_leads": {"test": 2}},
    ),
    "leads that LinkedIn no longer keeps": Trap(
        only_what_is_listed, ("lead_form_responses",), then=leads_expire
    ),
    # -- access
    "no permission for leads and posts (403)": Trap(
        nothing_left_out,
        ("campaigns", "conversions", *FIGURES, "creatives", "lead_forms", "lead_form_responses"),
        {"linkedin_access": {"scopes": ["r_ads", "r_ads_reporting"]}},
        fails=True,
        compare=("campaigns", "conversions", *FIGURES),
    ),
}

# -- the test of all traps ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with served_company("--people", "200") as company:
        folder = tmp_path_factory.mktemp("truths")
        yield World(company, "linkedin_ads", USUAL, days=WINDOW, timer=Timer(), folder=folder, store=Home)


@pytest.fixture
def network(served: World) -> World:
    """Return the network in its first state, without a fault; pauses take no time."""
    assert served.timer
    served.timer.reset()
    served.mend()
    served.at(served.company.now)
    return served


@pytest.mark.parametrize("trap", TRAPS.values(), ids=TRAPS)
def test_a_trap_changes_rows_only_without_its_handling(trap: Trap, network: World, tmp_path: Path) -> None:
    prove(trap, network, tmp_path)


# -- messages ---------------------------------------------------------------------------------------------


def failure(network: World, home: Path, *tables: str) -> str:
    with pytest.raises(pipelines.IngestionError) as caught:
        network.load(home, tables)
    return str(caught.value)


def test_a_request_without_a_version_is_refused(network: World, tmp_path: Path, monkeypatch: Patch) -> None:
    get = http.Client.get

    def without(self: http.Client, path: str, **options: Any) -> http.Answer:
        del options["headers"]["LinkedIn-Version"]
        return get(self, path, **options)

    monkeypatch.setattr(http.Client, "get", without)
    line = failure(network, tmp_path, "campaigns")
    assert "A version must be present" in line
    assert "check sources.linkedin_ads.linkedin_version" in line


def test_an_account_without_access_is_an_error_despite_empty_answers(
    network: World, tmp_path: Path, monkeypatch: Patch
) -> None:
    network.faults({"linkedin_access": {"role": None}})
    line = failure(network, tmp_path / "checked", "campaign_analytics")
    assert line.startswith("sources.linkedin_ads.account_ids: account 508912347 is unknown or not accessible")

    monkeypatch.setattr(api.LinkedInAds, "accounts", property(lambda self: self.account_ids))
    network.load(tmp_path / "unchecked", ("campaign_analytics",))
    assert network.home(tmp_path / "unchecked").state(("campaign_analytics",)) == {"campaign_analytics": []}


@pytest.mark.parametrize(
    ("scopes", "table", "missing", "begins"),
    [
        (["r_ads_reporting"], "campaigns", "r_ads", "sources.linkedin_ads.access_token does not have r_ads"),
        # LinkedIn refuses a missing role in one account with the same answer
        (["r_ads"], "campaign_analytics", "r_ads_reporting", "sources.linkedin_ads.account_ids: account "),
    ],
)
def test_a_missing_required_permission_is_reported(
    scopes: list[str], table: str, missing: str, begins: str, network: World, tmp_path: Path
) -> None:
    network.faults({"linkedin_access": {"scopes": scopes}})
    line = failure(network, tmp_path, table)
    assert line.startswith(begins)
    assert line.endswith(f"authorise again with {missing}")


def test_each_missing_permission_is_reported_once(network: World, tmp_path: Path) -> None:
    tables = ("creatives", "lead_forms", "lead_form_responses")
    network.faults({"linkedin_access": {"scopes": ["r_ads", "r_ads_reporting"]}, "page_caps": {}})
    (report,) = network.load(tmp_path, tables)
    said = report.message or ""
    assert said.count("landing pages of sponsored content are unknown") == 1
    assert said.count("sources.linkedin_ads.access_token does not have r_organization_social") == 1
    assert said.count("lead forms and leads are not loaded") == 1
    assert said.count("sources.linkedin_ads.access_token does not have r_marketing_leadgen_automation") == 1
    found = network.home(tmp_path).state(tables)
    assert (found["lead_forms"], found["lead_form_responses"]) == ([], [])

    # leads refused before are loaded completely once the permission is granted
    network.mend()
    network.load(tmp_path, tables)
    assert all(network.home(tmp_path).state(tables).values())


def test_leads_continue_from_the_last_load_with_days_of_overlap(
    network: World, tmp_path: Path, monkeypatch: Patch
) -> None:
    table = ("lead_form_responses",)
    network.load(tmp_path / "whole", table)
    submitted = sorted(row[6] for row in network.home(tmp_path / "whole").rows(table[0]))
    # ten minutes after a lead was sent, LinkedIn does not list it yet
    network.company.set_clock((submitted[-2] + timedelta(minutes=10)).isoformat())
    for home in ("with", "without"):
        network.load(tmp_path / home, table)
    network.company.set_clock(network.company.now)
    (again,) = network.load(tmp_path / "with", table)
    assert network.home(tmp_path / "with").state(table) == network.home(tmp_path / "whole").state(table)
    assert again.rows[table[0]] < len(submitted)

    monkeypatch.setattr(settings, "LEAD_LAG_DAYS", 0)
    network.load(tmp_path / "without", table)
    assert len(network.home(tmp_path / "without").rows(table[0])) == len(submitted) - 1


def test_only_the_email_of_a_lead_lands(network: World, tmp_path: Path) -> None:
    path = "/linkedin/rest/leadFormResponses?q=owner&count=500&start=0&leadType=(leadType:SPONSORED)"
    owner = "&owner=(sponsoredAccount:urn%3Ali%3AsponsoredAccount%3A508912347)"
    headers = {"LinkedIn-Version": settings.LINKEDIN_VERSION, "X-Restli-Protocol-Version": "2.0.0"}
    sent = network.ask("GET", path + owner, **headers)["elements"]
    network.load(tmp_path, ("lead_form_responses",))

    written = (tmp_path / "raw" / "linkedin_ads.duckdb").read_bytes()
    for response in sent:
        first, last, email, _ = (
            answer["answerDetails"].get("textQuestionAnswer", {}).get("answer")
            for answer in response["formResponse"]["answers"]
        )
        assert email.encode() in written
        assert response["submitter"].encode() not in written
        assert not {first.encode(), last.encode()} & set(written.split(b"\0"))


def test_the_doctor_reports_data_missing_without_optional_scopes(network: World, monkeypatch: Patch) -> None:
    network.faults({"linkedin_access": {"scopes": ["r_ads", "r_ads_reporting"]}})
    for key, value in zip(("CLIENT_ID", "CLIENT_SECRET"), Credentials().linkedin_client, strict=False):
        monkeypatch.setenv(f"SOURCES__LINKEDIN_ADS__{key}", value)
    for key, value in network.company.settings.items():
        monkeypatch.setenv(key, value)
    found = list(examine("linkedin_ads", network.now))

    assert not [finding for finding in found if finding.level == "error"]
    notes = {finding.subject: finding.seen for finding in found if finding.check == "permissions"}
    assert notes["r_marketing_leadgen_automation"].endswith("no lead forms and no leads")
    assert notes["r_organization_social"].endswith("no landing pages of sponsored content")
