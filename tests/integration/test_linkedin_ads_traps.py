"""Every trap of LinkedIn's API: with it the same rows land as without it, until its handling is taken out.

A case names a fault of the simulated network, or its plain behaviour, and the one piece of the loader that
copes with it. Without that piece the load must land something else, or fail.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ingestion import pipelines
from ingestion.doctor import examine
from ingestion.errors import ResponseError
from ingestion.http import client as http
from ingestion.landing import arrow
from ingestion.landing import resources as landing
from ingestion.landing.arrow import Column, Page, Table
from ingestion.landing.resources import Span
from ingestion.pipelines import Window
from ingestion.sources.linkedin_ads import api, figures, settings, source, tables
from sandbox.apis.state import Credentials
from tests.company import Company, served_company

Patch = pytest.MonkeyPatch
FIGURES = ("campaign_analytics", "creative_analytics", "creative_conversions", "campaign_conversions")
CAMPAIGNS = ("campaign_analytics",)
LATE = {"linkedin_late_conversions": {"share": 0.8, "days": 25}}
# pages as long as LinkedIn's own
USUAL: dict[str, Any] = {"page_caps": {"off": True}}


@dataclass(frozen=True)
class Trap:
    """One trap. `then` happens between two loads under the fault; `truth` are faults of the compared load.

    `small` are settings made small enough to meet the trap; tables `beside` are landed, but not compared.
    """

    name: str
    handling: str
    without: Callable[[Patch], None]
    tables: tuple[str, ...]
    faults: Mapping[str, Any] = field(default_factory=dict)
    small: Mapping[str, Any] = field(default_factory=dict)
    truth: Mapping[str, Any] = field(default_factory=dict)
    beside: tuple[str, ...] = ()
    then: Callable[[Network], None] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    fails: bool = False


@dataclass
class Clock:
    """Time that passes only by sleeping; `woken` is told how long every sleep was."""

    now: float = 0.0
    woken: Callable[[float], None] = lambda _seconds: None
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)
        self.woken(seconds)

    def read(self) -> float:
        return self.now


@dataclass
class Network:
    """The simulated network, its switches, and loads of some tables from it."""

    company: Company

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            self.company.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            content = answer.read()
        return json.loads(content) if content else None

    @property
    def now(self) -> datetime:
        return datetime.fromisoformat(self.ask("GET", "/_sandbox/clock")["now"])

    def faults(self, faults: Mapping[str, Any]) -> None:
        if faults:
            self.ask("POST", "/_sandbox/faults", faults)

    def mend(self) -> None:
        self.ask("DELETE", "/_sandbox/faults")
        self.faults(USUAL)

    def begin(self) -> None:
        self.mend()
        self.company.set_clock(self.company.now)

    def asked(self) -> tuple[dict[str, int], dict[str, int]]:
        """How often each address was asked since the last time, and how often each status was answered."""
        found = self.ask("GET", "/_sandbox/requests")
        self.ask("DELETE", "/_sandbox/requests")
        return found["requests"], found["statuses"]

    def load(
        self, home: Path, names: tuple[str, ...], environment: Mapping[str, str] | None = None
    ) -> list[pipelines.LoadReport]:
        """Lands some tables in a home: entities first, then the days of some weeks."""
        daily = tuple(table for table in tables.DAILY if table.name in names)
        entities = tuple(table for table in tables.ENTITIES if table.name in names)
        resources = source.resources

        def chosen(landing: Any, part: str) -> list[Any]:
            return [found for found in resources(landing, part) if found.name in names]

        now = self.now
        window = Window(date(2026, 10, 12), now.date() - timedelta(days=1))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ADLEDGER_HOME", str(home))
            for key, value in (environment or self.company.settings).items():
                patch.setenv(key, value)
            patch.setattr(source, "resources", chosen)
            patch.setattr(source, "ENTITIES", entities)
            patch.setattr(source, "DAILY", daily)
            return [
                pipelines.load("linkedin_ads", part, window=window, as_of=now, reread="unsettled")
                for part, wanted in (("entities", entities), ("daily", daily))
                if wanted
            ]


# -- what is taken out ------------------------------------------------------------------------------------


def no_retry(patch: Patch) -> None:
    """Nothing is asked twice."""
    patch.setattr(http, "_ATTEMPTS", dict.fromkeys(http._ATTEMPTS, 1))


def no_dedupe(patch: Patch) -> None:
    """What is listed twice lands twice."""
    patch.setattr(landing.Recent, "add_all", lambda recent, keys: True)


def setting(name: str, value: Any) -> Callable[[Patch], None]:
    """A constant is another."""
    return lambda patch: patch.setattr(settings, name, value)


def no_pause_for(text: str) -> Callable[[Patch], None]:
    """The limit with this text is any other limit."""
    signals = tuple(signal for signal in api.judge.signals if signal.text != text)
    policy = replace(api.POLICY, judge=replace(api.judge, signals=signals))
    return lambda patch: patch.setattr(api, "POLICY", policy)


def encoded_twice(patch: Patch) -> None:
    """URNs are encoded by us and again by a generic client."""
    patch.setattr(figures, "account_urn", lambda account: f"urn%253Ali%253AsponsoredAccount%253A{account}")


def only_common_rows(patch: Patch) -> None:
    """Answers are merged where each of them has the row."""
    joined = figures.joined

    def inner(parts: Any) -> list[dict[str, Any]]:
        lists = list(parts)
        common = set.intersection(*({figures._key(row) for row in rows} for rows in lists))
        return [row for row in joined(lists) if figures._key(row) in common]

    patch.setattr(figures, "joined", inner)


def no_campaign_facet(patch: Patch) -> None:
    """A day that was cut is the end."""

    def cut(ads: Any, query: Any) -> Any:
        raise ResponseError("cut")

    patch.setattr(figures, "_halves", cut)


def conversion(kind: arrow.Kind, convert: Callable[[pa.Array], pa.Array]) -> Callable[[Patch], None]:
    """Values of a kind are read more simply."""
    return lambda patch: patch.setitem(arrow._CONVERSIONS, kind, convert)


def column(table: Table, **changes: Any) -> Callable[[Patch], None]:
    """Columns of a table are read from elsewhere."""

    def patched(patch: Patch) -> None:
        columns = tuple(
            Column(c.name, c.kind, changes[c.name], default=c.default) if c.name in changes else c
            for c in table.columns
        )
        patch.setattr(source, table.name.upper(), replace(table, columns=columns))

    return patched


def first_page_by_token(patch: Patch) -> None:
    """Tokens are not followed."""

    def one(self: Any, path: str, size: int, account: str | None) -> Iterator[Page]:
        answer = self.ask(f"{path}&pageSize={size}", account)
        yield Page(answer.body, (("account_id", account),) if account else ())

    patch.setattr(api.LinkedInAds, "_by_token", one)


def until_a_short_page(patch: Patch) -> None:
    """A page with less than was asked for is the last."""

    def stream(self: Any, path: str, account: str, permission: str) -> Iterator[Any]:
        start = 0
        while True:
            answer = self.ask(f"{path}&start={start}&count={settings.COUNT}", account, permission)
            yield answer
            start += len(answer.document["elements"])
            if len(answer.document["elements"]) < settings.COUNT:
                return

    patch.setattr(api.LinkedInAds, "by_offset", stream)


def no_posts(patch: Patch) -> None:
    """Creatives alone tell where they lead."""
    patch.setattr(api.LinkedInAds, "_posts", lambda self, creatives: {})


def nothing_left_out(patch: Patch) -> None:
    """A missing permission ends the load."""

    def refuse(self: Any, permission: str, line: str) -> None:
        raise pipelines.AccessError(line)

    patch.setattr(api.LinkedInAds, "leave_out", refuse)


def no_renewal(patch: Patch) -> None:
    """A token that expires is the end."""
    patch.setattr(http.RefreshToken, "renew", lambda token, refused: False)


def nothing_unsettled(patch: Patch) -> None:
    """A day that was read is final."""
    patch.setattr(source, "span", lambda landing, table, account: Span(None, 0))


def only_what_is_listed(patch: Patch) -> None:
    """Leads are what the last answer had."""
    table = replace(tables.LEAD_FORM_RESPONSES, disposition="replace")
    patch.setattr(source, "LEAD_FORM_RESPONSES", table)


# -- what happens in between --------------------------------------------------------------------------------


def pass_days(days: int) -> Callable[[Network], None]:
    return lambda network: network.company.set_clock((network.now + timedelta(days=days)).isoformat())


def leads_expire(network: Network) -> None:
    """Ten days later LinkedIn keeps a fortnight of leads."""
    pass_days(10)(network)
    network.faults({"linkedin_leads": {"test": 0, "days": 14}})


KEYS = Credentials().linkedin_client
OAUTH = dict(zip(("CLIENT_ID", "CLIENT_SECRET", "REFRESH_TOKEN"), KEYS, strict=True))

TRAPS = (
    # -- protocol
    Trap(
        "Rest.li 1.0 unless the header says otherwise",
        "the protocol header",
        setting("PROTOCOL_VERSION", "1.0.0"),
        CAMPAIGNS,
        fails=True,
    ),
    Trap("URNs encoded twice", "encoding them once", encoded_twice, CAMPAIGNS, fails=True),
    Trap(
        "addresses that are too long (414)",
        "tunnelling",
        setting("LONGEST_ADDRESS", 10**6),
        (*FIGURES, "campaigns", "creatives"),
        {"linkedin_url_length": {"bytes": 300}},
        {"LONGEST_ADDRESS": 300},
        fails=True,
    ),
    Trap(
        "pages by token",
        "following them",
        first_page_by_token,
        ("campaign_groups", "campaigns", "creatives"),
        {"page_caps": {}},
    ),
    Trap(
        "pages by offset, shorter than asked for, without a total",
        "reading on to an empty page",
        until_a_short_page,
        ("conversions", "lead_forms"),
        {"page_caps": {}, "linkedin_no_total": {}},
    ),
    Trap(
        "ids as numbers here and URNs there",
        "ids are the last digits",
        conversion("id", lambda value: pc.cast(value, pa.string())),
        ("creatives", *FIGURES),
    ),
    Trap(
        "instants in audit stamps here and flat there",
        "a path per table",
        column(tables.CREATIVES, created_at="changeAuditStamps.created.time"),
        ("campaigns", "creatives"),
    ),
    Trap(
        "days as objects",
        "days are put together from their parts",
        conversion("date_parts", lambda value: pc.cast(pc.struct_field(value, ["year"]), pa.date32())),
        CAMPAIGNS,
        fails=True,
    ),
    # -- figures
    Trap("at most twenty fields", "several requests", setting("MOST_FIELDS", 50), CAMPAIGNS, fails=True),
    Trap(
        "rows of zeros are left out, in each answer other ones",
        "an outer join",
        only_common_rows,
        ("campaign_analytics", "creative_analytics"),
        small={"MOST_FIELDS": 6},
    ),
    Trap(
        "answers cut without a sign",
        "halving the days",
        setting("MOST_ELEMENTS", 15_000),
        FIGURES,
        {"linkedin_element_cap": {"elements": 30}},
        {"MOST_ELEMENTS": 30},
    ),
    Trap(
        "a single day that is cut",
        "asking for some campaigns at a time",
        no_campaign_facet,
        FIGURES,
        {"linkedin_element_cap": {"elements": 5}},
        {"MOST_ELEMENTS": 5},
        fails=True,
    ),
    Trap(
        "money with twenty decimals, or an exponent",
        "wide decimals, rounded",
        conversion("money", lambda value: pc.cast(value, arrow.MONEY)),
        ("campaign_analytics", "campaign_conversions"),
        truth={"linkedin_decimals": {}},
    ),
    Trap(
        "conversions matched weeks later",
        "days are read again for as long as the account's windows reach",
        nothing_unsettled,
        FIGURES,
        LATE,
        truth=LATE,
        then=pass_days(12),
    ),
    Trap(
        "too many metric values in five minutes (429)",
        "waiting them out",
        no_pause_for("metric values"),
        FIGURES,
        {"linkedin_limits": {"metric_values": 8_000}},
        fails=True,
    ),
    *(
        Trap(
            name,
            "trying again",
            no_retry,
            CAMPAIGNS,
            {fault: {"path": "/adAnalytics", "after": 1, **rule}},
            fails=True,
        )
        for name, fault, rule in (
            ("JSON that is cut short", "truncated_json", {}),
            ("an HTML page with status 200", "html_page", {"status": 200}),
            ("an answer of 503", "status", {"status": 503}),
            ("a connection that is cut within the answer", "connection_reset", {"sent": 0.5}),
        )
    ),
    Trap(
        "rows that come again on the next page",
        "repeats are dropped by key",
        no_dedupe,
        ("campaigns",),
        {"page_caps": {}, "duplicate_page": {"path": "/adCampaigns?", "times": None}},
    ),
    # -- posts and leads
    Trap(
        "sponsored content leads where its post says",
        "asking for the posts",
        no_posts,
        ("creatives",),
    ),
    Trap(
        "test leads among the leads",
        "a flag",
        column(tables.LEAD_FORM_RESPONSES, test_lead="isTest"),
        ("lead_form_responses",),
        {"linkedin_leads": {"test": 2}},
    ),
    Trap(
        "leads that LinkedIn keeps no longer",
        "what was landed stays",
        only_what_is_listed,
        ("lead_form_responses",),
        then=leads_expire,
    ),
    # -- access
    Trap(
        "no permission for leads and posts (403)",
        "what is not allowed is left out, and a line says so",
        nothing_left_out,
        ("campaigns", "conversions", *FIGURES),
        {"linkedin_access": {"scopes": ["r_ads", "r_ads_reporting"]}},
        beside=("creatives", "lead_forms", "lead_form_responses"),
        fails=True,
    ),
    Trap(
        "a token that expires in mid-run",
        "renewing it",
        no_renewal,
        ("campaigns", "conversions"),
        {"token_expiry": {"vendor": "linkedin", "after": 1}},
        environment=OAUTH,
        fails=True,
    ),
)

_FACTS = {
    # the plain figures it is compared with have two places
    "campaign_analytics": "* EXCLUDE (cost), round(cost, 2) AS cost",
    "creative_analytics": "* EXCLUDE (cost), round(cost, 2) AS cost",
}
_BOOKS = ("observed_at", "superseded_at", "row_version", "is_day_marker")


def landed(home: Path, tables: tuple[str, ...]) -> dict[str, list[tuple[Any, ...]]]:
    """What the tables say now, in a stable order, without word of loads."""
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"ATTACH '{home / 'raw' / 'linkedin_ads.duckdb'}' AS store (READ_ONLY)")
        connection.execute("USE store.raw")
        found = {}
        for table in tables:
            columns = {row[0] for row in connection.execute(f"DESCRIBE {table}").fetchall()}
            current = " AND ".join(
                ["true"]
                + (["superseded_at IS NULL"] if "superseded_at" in columns else [])
                + (["NOT is_day_marker"] if "is_day_marker" in columns else [])
                + (["NOT test_lead"] if "test_lead" in columns else [])
            )
            rows = connection.execute(f"SELECT {_FACTS.get(table, '*')} FROM {table} WHERE {current}")
            names = [entry[0] for entry in rows.description or ()]
            kept = [place for place, name in enumerate(names) if name not in _BOOKS]
            found[table] = sorted((tuple(row[i] for i in kept) for row in rows.fetchall()), key=repr)
        return found


def unbalanced(home: Path) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(home / "raw" / "linkedin_ads.duckdb"), read_only=True) as connection:
        query = "FROM raw.load_counts WHERE received <> landed + duplicates + quarantined"
        return connection.execute(query).fetchall()


# -- the proof ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served() -> Iterator[Network]:
    with served_company("--people", "200") as company:
        yield Network(company)


@pytest.fixture
def network(served: Network) -> Network:
    served.begin()
    return served


@pytest.fixture
def clock(monkeypatch: Patch) -> Clock:
    """Waiting takes no time."""
    clock = Clock()
    monkeypatch.setattr(api, "Client", partial(http.Client, sleep=clock.sleep, clock=clock.read))
    return clock


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.name)
def test_a_trap_changes_nothing_unless_its_handling_is_out(
    trap: Trap, network: Network, clock: Clock, tmp_path: Path, monkeypatch: Patch
) -> None:
    truth, whole, broken = tmp_path / "truth", tmp_path / "with", tmp_path / "without"

    def five_minutes_pass(seconds: float) -> None:
        if seconds > 300 and "linkedin_limits" in trap.faults:
            network.faults(dict(trap.faults))

    clock.woken = five_minutes_pass

    def load(home: Path) -> None:
        own = {f"SOURCES__LINKEDIN_ADS__{key}": value for key, value in trap.environment.items()}
        settings_found = dict(network.company.settings) | own
        if own:
            del settings_found["SOURCES__LINKEDIN_ADS__ACCESS_TOKEN"]
        network.load(home, trap.tables + trap.beside, settings_found)

    def load_without(home: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            trap.without(patch)
            load(home)

    with pytest.MonkeyPatch.context() as small:
        for name, value in trap.small.items():
            small.setattr(settings, name, value)
        network.faults(trap.faults)
        load(whole)
        network.faults(trap.faults)
        if trap.fails:
            with pytest.raises(pipelines.IngestionError):
                load_without(broken)
        else:
            load_without(broken)
        if trap.then:
            trap.then(network)
            load(whole)
            load_without(broken)
    network.mend()
    network.faults(trap.truth)
    load(truth)

    expected = landed(truth, trap.tables)
    assert all(expected.values()), "nothing to compare"
    assert landed(whole, trap.tables) == expected
    assert unbalanced(whole) == []
    if not trap.fails:
        assert landed(broken, trap.tables) != expected


# -- what is said, not only landed ------------------------------------------------------------------------


def failure(network: Network, home: Path, *tables: str, **environment: str) -> str:
    settings_found = dict(network.company.settings)
    settings_found |= {f"SOURCES__LINKEDIN_ADS__{key}": value for key, value in environment.items()}
    with pytest.raises(pipelines.IngestionError) as caught:
        network.load(home, tables, settings_found)
    return str(caught.value)


def test_the_days_limit_ends_the_load_at_once_and_says_when_it_resets(
    network: Network, clock: Clock, tmp_path: Path, monkeypatch: Patch
) -> None:
    network.faults({"linkedin_limits": {"daily": 1}})
    line = failure(network, tmp_path, "campaign_analytics")
    assert "APPLICATION DAY limit" in line
    assert "It resets at midnight UTC" in line
    assert clock.slept == []

    no_pause_for("DAY limit")(monkeypatch)
    failure(network, tmp_path, "campaign_analytics")
    assert len(clock.slept) > 5


def test_a_cursor_that_repeats_ends_the_load(network: Network, clock: Clock, tmp_path: Path) -> None:
    network.faults({"page_caps": {}, "repeated_cursor": {"path": "/adCampaigns?"}})
    assert "repeated its paging cursor; run again" in failure(network, tmp_path, "campaigns")


def test_a_dead_version_names_the_setting(network: Network, clock: Clock, tmp_path: Path) -> None:
    network.faults({"linkedin_versions": {"dead": [settings.LINKEDIN_VERSION]}})
    line = failure(network, tmp_path, "campaigns")
    assert line.startswith(
        f"sources.linkedin_ads.linkedin_version {settings.LINKEDIN_VERSION} is not active (426)"
    )
    network.load(
        tmp_path,
        ("campaigns",),
        {**network.company.settings, "SOURCES__LINKEDIN_ADS__LINKEDIN_VERSION": "202609"},
    )
    assert landed(tmp_path, ("campaigns",))["campaigns"]


def test_a_request_without_a_version_is_refused(
    network: Network, clock: Clock, tmp_path: Path, monkeypatch: Patch
) -> None:
    get = http.Client.get

    def without(self: http.Client, path: str, **options: Any) -> http.Answer:
        del options["headers"]["LinkedIn-Version"]
        return get(self, path, **options)

    monkeypatch.setattr(http.Client, "get", without)
    line = failure(network, tmp_path, "campaigns")
    assert "A version must be present" in line
    assert "check sources.linkedin_ads.linkedin_version" in line


def test_an_account_without_access_is_an_error_although_its_figures_come_empty(
    network: Network, clock: Clock, tmp_path: Path, monkeypatch: Patch
) -> None:
    network.faults({"linkedin_access": {"role": None}})
    line = failure(network, tmp_path / "checked", "campaign_analytics")
    assert line.startswith("sources.linkedin_ads.account_ids: account 508912347 is unknown or not accessible")

    monkeypatch.setattr(api.LinkedInAds, "accounts", property(lambda self: self.account_ids))
    network.load(tmp_path / "unchecked", ("campaign_analytics",))
    assert landed(tmp_path / "unchecked", ("campaign_analytics",)) == {"campaign_analytics": []}


@pytest.mark.parametrize(
    ("scopes", "table", "missing"),
    [
        (["r_ads_reporting"], "campaigns", "r_ads"),
        (["r_ads"], "campaign_analytics", "r_ads_reporting"),
    ],
)
def test_a_permission_that_nothing_goes_without_is_named(
    scopes: list[str], table: str, missing: str, network: Network, clock: Clock, tmp_path: Path
) -> None:
    network.faults({"linkedin_access": {"scopes": scopes}})
    line = failure(network, tmp_path, table)
    assert line.startswith(f"sources.linkedin_ads.access_token lacks {missing} ")
    assert line.endswith(f"authorise again with {missing}")


def test_missing_permissions_are_said_once_each(network: Network, clock: Clock, tmp_path: Path) -> None:
    tables = ("creatives", "lead_forms", "lead_form_responses")
    network.faults({"linkedin_access": {"scopes": ["r_ads", "r_ads_reporting"]}, "page_caps": {}})
    (report,) = network.load(tmp_path, tables)
    said = report.message or ""
    assert said.count("landing pages of sponsored content are unknown") == 1
    assert said.count("sources.linkedin_ads.access_token lacks r_organization_social") == 1
    assert said.count("lead forms and leads are left out") == 1
    assert said.count("sources.linkedin_ads.access_token lacks r_marketing_leadgen_automation") == 1
    found = landed(tmp_path, tables)
    assert (found["lead_forms"], found["lead_form_responses"]) == ([], [])

    # what could not be read is read from the beginning once it can
    network.mend()
    network.load(tmp_path, tables)
    assert all(landed(tmp_path, tables).values())


def test_leads_are_read_on_from_the_last_load_with_days_of_overlap(
    network: Network, clock: Clock, tmp_path: Path, monkeypatch: Patch
) -> None:
    table = ("lead_form_responses",)
    network.load(tmp_path / "whole", table)
    submitted = sorted(row[6] for row in landed(tmp_path / "whole", table)[table[0]])
    # ten minutes after a lead was sent, LinkedIn does not show it yet
    network.company.set_clock((submitted[-2] + timedelta(minutes=10)).isoformat())
    for home in ("with", "without"):
        network.load(tmp_path / home, table)
    network.company.set_clock(network.company.now)
    (again,) = network.load(tmp_path / "with", table)
    assert landed(tmp_path / "with", table) == landed(tmp_path / "whole", table)
    assert again.rows[table[0]] < len(submitted)

    monkeypatch.setattr(settings, "LEAD_LAG_DAYS", 0)
    network.load(tmp_path / "without", table)
    assert len(landed(tmp_path / "without", table)[table[0]]) == len(submitted) - 1


def test_of_a_lead_nothing_personal_lands_but_the_email(
    network: Network, clock: Clock, tmp_path: Path
) -> None:
    path = "/linkedin/rest/leadFormResponses?q=owner&count=500&start=0&leadType=(leadType:SPONSORED)"
    owner = "&owner=(sponsoredAccount:urn%3Ali%3AsponsoredAccount%3A508912347)"
    token = network.company.settings["SOURCES__LINKEDIN_ADS__ACCESS_TOKEN"]
    headers = {
        "Authorization": f"Bearer {token}",
        "LinkedIn-Version": settings.LINKEDIN_VERSION,
        "X-Restli-Protocol-Version": "2.0.0",
    }
    request = urllib.request.Request(network.company.url + path + owner, headers=headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        sent = json.loads(answer.read())["elements"]
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


def test_every_account_the_token_reaches_is_read_unless_some_are_named(
    network: Network, clock: Clock, tmp_path: Path
) -> None:
    tables = ("campaigns", "campaign_analytics")
    network.faults({"linkedin_accounts": {}})
    network.load(tmp_path / "named", tables)
    every = {**network.company.settings, "SOURCES__LINKEDIN_ADS__ACCOUNT_IDS": ""}
    network.load(tmp_path / "every", tables, every)

    named, reached = landed(tmp_path / "named", tables), landed(tmp_path / "every", tables)
    for table in tables:
        assert {row[0] for row in named[table]} == {"508912347"}
        assert {row[0] for row in reached[table]} == {"508912347", "508912999"}
        assert [row for row in reached[table] if row[0] == "508912347"] == named[table]


def test_the_doctor_tells_what_a_load_would_go_without(network: Network, monkeypatch: Patch) -> None:
    network.faults({"linkedin_access": {"scopes": ["r_ads", "r_ads_reporting"]}})
    client = {"CLIENT_ID": KEYS[0], "CLIENT_SECRET": KEYS[1]}
    for key, value in client.items():
        monkeypatch.setenv(f"SOURCES__LINKEDIN_ADS__{key}", value)
    for key, value in network.company.settings.items():
        monkeypatch.setenv(key, value)
    found = list(examine("linkedin_ads", network.now))

    assert not [finding for finding in found if finding.level == "error"]
    notes = {finding.subject: finding.seen for finding in found if finding.check == "permissions"}
    assert notes["r_marketing_leadgen_automation"].endswith("no lead forms and no leads")
    assert notes["r_organization_social"].endswith("no landing pages of sponsored content")
