"""Every trap of Meta's API: with it the same rows land as without it, until its handling is taken out.

A case names a fault of the simulated account, the tables it could spoil, and the one piece of the loader that
keeps it from doing so. Without that piece the load must land something else, or fail.
"""

from __future__ import annotations

import json
import shutil
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ingestion import pipelines
from ingestion.errors import IngestionError
from ingestion.http import client as http
from ingestion.http.client import Answer
from ingestion.http.faults import Fault
from ingestion.landing import arrow
from ingestion.landing import resources as landing
from ingestion.landing.arrow import Table
from ingestion.sources.facebook_ads import api, insights, leads, settings, source, tables
from ingestion.sources.facebook_ads.insights import Insights
from tests.company import Company, served_company

Patch = pytest.MonkeyPatch
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
# even where nothing is known of the account yet
REPORTS = {"SYNCHRONOUS_ROWS": -1}
ONE_DAY = {**REPORTS, "SLICE_DAYS": 1}
# what hangs on a resource that lands nothing itself
FEEDS = {"lead_forms": "lead_pages", "leads": "lead_pages"}


@dataclass(frozen=True)
class Home:
    """One ADLEDGER_HOME with what it landed of the account."""

    path: Path

    def query(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of a query over the raw tables, instants in UTC."""
        with duckdb.connect(":memory:") as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(f"ATTACH '{self.path / 'raw' / 'facebook_ads.duckdb'}' AS store (READ_ONLY)")
            connection.execute("USE store.raw")
            return connection.execute(query).fetchall()

    def rows(self, table: str) -> list[tuple[Any, ...]]:
        """What a table says now, in a stable order."""
        known = {row[0] for row in self.query(f"SELECT column_name FROM (DESCRIBE {table})")}
        left_out = ", ".join(sorted(known & {"observed_at", "superseded_at", "row_version"}))
        where = "superseded_at IS NULL" if "superseded_at" in known else "true"
        return sorted(self.query(f"SELECT * EXCLUDE ({left_out}) FROM {table} WHERE {where}"), key=repr)

    def state(self, names: tuple[str, ...]) -> dict[str, list[tuple[Any, ...]]]:
        """What several tables say."""
        return {name: self.rows(name) for name in names}

    def copy(self, path: Path) -> Home:
        """Another home that has landed the same."""
        shutil.copytree(self.path, path)
        return Home(path)


@dataclass
class Network:
    """The simulated account over HTTP, its switches, and loads from it."""

    company: Company

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """One request to a switch."""
        request = urllib.request.Request(
            f"{self.company.url}/_sandbox/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    def figures(self, **params: str) -> list[dict[str, Any]]:
        """Figures of the account as Meta answers them, in one page."""
        token = self.company.settings["SOURCES__FACEBOOK_ADS__ACCESS_TOKEN"]
        span = json.dumps({"since": str(WINDOW.start), "until": str(WINDOW.end)})
        asked = {"access_token": token, "time_range": span, "limit": "60", **params}
        query = urllib.parse.urlencode(asked)
        with urllib.request.urlopen(
            f"{self.company.url}/facebook/v26.0/act_{ACCOUNT}/insights?{query}", timeout=60
        ) as answer:
            found: list[dict[str, Any]] = json.loads(answer.read())["data"]
        return found

    def faults(self, faults: Mapping[str, Any]) -> None:
        """Switches faults on, anew."""
        self.ask("POST", "faults", dict(faults))

    def mend(self) -> None:
        """Switches every fault off and sets the clock back."""
        self.ask("DELETE", "faults")
        self.company.set_clock(NOW)

    @property
    def now(self) -> datetime:
        """The account's clock."""
        return datetime.fromisoformat(self.ask("GET", "clock")["now"])

    def pass_time(self, **span: float) -> None:
        """Lets time pass (as `timedelta` takes it)."""
        self.company.set_clock((self.now + timedelta(**span)).isoformat())

    def asked(self) -> dict[str, int]:
        """How often each address was asked since the last time, with ids left out."""
        found: dict[str, int] = self.ask("GET", "requests")["requests"]
        self.ask("DELETE", "requests")
        return {path.replace("/facebook/v26.0", ""): count for path, count in found.items()}

    def load(
        self,
        home: Path,
        names: tuple[str, ...],
        environment: Mapping[str, str] | None = None,
        window: pipelines.Window = WINDOW,
        said: list[str] | None = None,
    ) -> pipelines.LoadReport:
        """Lands some tables of one part in a home, as a daily refresh does."""
        part = "daily" if names[0].startswith("insights") else "entities"
        wanted = {*names, *(FEEDS[name] for name in names if name in FEEDS)}
        whole = source.resources
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ADLEDGER_HOME", str(home))
            own = {"PAGE_IDS": PAGE, **(environment or {})}
            configured = {
                **self.company.settings,
                **{f"SOURCES__FACEBOOK_ADS__{name}": value for name, value in own.items()},
            }
            for name, value in configured.items():
                patch.setenv(name, value)
            patch.setattr(
                source,
                "resources",
                lambda landing, scope: [item for item in whole(landing, scope) if item.name in wanted],
            )
            if part == "daily":
                patch.setattr(source, "DAILY", tuple(t for t in source.DAILY if t.name in names))
            return pipelines.load(
                "facebook_ads",
                part,
                window=window if part == "daily" else None,
                as_of=self.now,
                reread="unsettled",
                progress=said.append if said is not None else None,
            )


@dataclass(frozen=True)
class Trap:
    """One trap. `then` happens between two loads under the fault; without it there is one load.

    `small` are settings made small enough to meet the trap; `begin` is the clock of the first load.
    """

    name: str
    handling: str
    without: Callable[[Patch], None]
    tables: tuple[str, ...]
    faults: Mapping[str, Any] = field(default_factory=dict)
    small: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    begin: str = NOW
    then: Callable[[Network], Any] | None = None
    fails: bool = False


# -- what is taken out ------------------------------------------------------------------------------------


def no_retry(patch: Patch) -> None:
    """A failed request is not sent again."""
    patch.setattr(http, "_ATTEMPTS", dict.fromkeys(http._ATTEMPTS, 1))


def no_dedupe(patch: Patch) -> None:
    """What is listed twice lands twice."""
    patch.setattr(landing.Recent, "add_all", lambda recent, keys: True)


def setting(name: str, value: Any) -> Callable[[Patch], None]:
    """A setting has another value."""
    return lambda patch: patch.setattr(settings, name, value)


def until_an_empty_page(patch: Patch) -> None:
    """A page without rows is the last one."""
    following = api._next
    patch.setattr(api, "_next", lambda answer: following(answer) if answer.document["data"] else None)


def columns(name: str, **changed: Any) -> Callable[[Patch], None]:
    """A column of the insights is declared in another way."""

    def changing(table: Table) -> Table:
        declared = (replace(c, **changed) if c.name == name else c for c in table.columns)
        return replace(table, columns=tuple(declared))

    def patched(patch: Patch) -> None:
        changed_levels = tuple(replace(level, table=changing(level.table)) for level in insights.LEVELS)
        patch.setattr(source, "LEVELS", changed_levels)

    return patched


def colons_in_offsets(patch: Patch) -> None:
    """Instants have an offset with a colon, or Z."""

    def strict(value: pa.Array) -> pa.Array:
        fits = pc.match_substring_regex(value, r"(Z|[+-]\d\d:\d\d)$")
        return pc.cast(pc.if_else(fits, value, pa.scalar(None, pa.string())), arrow.INSTANT)

    patch.setitem(arrow._CONVERSIONS, "instant", strict)


def minor_units(patch: Patch) -> None:
    """Money is in minor units, as budgets are."""
    whole = arrow._CONVERSIONS["money"]
    patch.setitem(
        arrow._CONVERSIONS, "money", lambda value: whole(pc.divide(pc.cast(value, pa.float64()), 100))
    )


def usual_statuses(patch: Patch) -> None:
    """No status is asked for."""
    patch.setattr(insights, "statuses", lambda level, allowed: {})
    patch.setattr(source, "_EDGES", tuple((*edge[:3], ()) for edge in source._EDGES))


def by_parameter(patch: Patch) -> None:
    """Statuses are asked for by the parameter of that name."""

    def named(level: str, allowed: tuple[str, ...]) -> dict[str, str]:
        return {"effective_status": json.dumps(allowed)}

    patch.setattr(api, "statuses", named)


def no_waiting(patch: Patch) -> None:
    """A report is read as soon as it is started."""
    patch.setattr(Insights, "_wait", lambda *_: None)


def never(name: str) -> Callable[[Patch], None]:
    """A step that is not taken: the load ends there."""

    def refuse(*_: Any) -> Any:
        raise IngestionError("given up")

    return lambda patch: patch.setattr(insights if name == "halves" else Insights, name, refuse)


def unknown_to_judge(text: str) -> Callable[[Patch], None]:
    """A fault with this text is any other refused request."""

    def judge(status: int, headers: Mapping[str, str], document: Any) -> Fault | None:
        found = api.judge(status, headers, document)
        return replace(found, kind="request", wait=None) if found and text in found.detail else found

    return lambda patch: patch.setattr(api, "POLICY", replace(api.POLICY, judge=judge))


def leads_of_now(patch: Patch) -> None:
    """The landed leads are those that Meta still keeps."""
    declared = replace(tables.LEADS, disposition="replace")
    patch.setattr(tables, "LEADS", declared)
    patch.setattr(leads.Leads, "_newest", lambda _: {})


def one_version(patch: Patch) -> None:
    """An ad set is what it is now."""
    edges = ((replace(edge[0], disposition="merge"), *edge[1:]) for edge in source._EDGES)
    patch.setattr(source, "_EDGES", tuple(edges))


def user_token(patch: Patch) -> None:
    """Leads are asked for with the token that reads everything else."""
    patch.setattr(api.FacebookAds, "page", lambda ads, page: ads.graph)


def no_proof(patch: Patch) -> None:
    """The app's secret is not used."""
    graph = api.graph
    patch.setattr(
        api, "graph", lambda landing, base, version, token, _: graph(landing, base, version, token, None)
    )


def first_account(patch: Patch) -> None:
    """One account is enough."""
    whole = api.FacebookAds.ids.__get__
    patch.setattr(api.FacebookAds, "ids", property(lambda ads: whole(ads)[:1]))


def failure(code: int, subcode: int | None = None, message: str = "An error occurred", **more: Any) -> Any:
    """A body of Meta's."""
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
    """One answer of Meta's with an error, which the status hardly tells."""
    return {"status": {"status": status, "path": path, "after": after, "body": failure(code, **more)}}


REFUSED = failure(
    100,
    1815001,
    "Invalid parameter",
    error_user_msg="Requesting for deleted objects is not supported in this endpoint.",
)
NO_DELETED = {"status": {"status": 400, "path": "effective_status=", "times": None, "body": REFUSED}}
THROTTLE = {"step": 30, "window_seconds": 0.6, "regain": 0.012}

TRAPS = (
    # -- paging and statuses
    Trap(
        "a page without rows that has a next",
        "going on while there is a next",
        until_an_empty_page,
        OBJECTS,
        {"facebook_empty_page": {"every": 2}},
    ),
    Trap(
        "archived and deleted objects are listed only when asked for",
        "asking for every status",
        usual_statuses,
        OBJECTS,
    ),
    Trap(
        "the parameter of statuses takes no deleted ones",
        "filtering",
        by_parameter,
        ("ads",),
        NO_DELETED,
        fails=True,
    ),
    Trap(
        "figures of archived ads are hidden",
        "asking for every status",
        usual_statuses,
        BY_AD,
        {"facebook_archived_hidden": {}},
    ),
    Trap(
        "figures of archived campaigns are hidden",
        "asking for every status",
        usual_statuses,
        BY_CAMPAIGN,
        {"facebook_archived_hidden": {}},
    ),
    # -- values
    Trap(
        "numbers are text",
        "reading text",
        columns("impressions", wire=(pa.int64(), pa.int64())),
        BY_CAMPAIGN,
        fails=True,
    ),
    Trap(
        "no actions are no list at all",
        "an empty list where there is none",
        columns("action_values", default=None),
        BY_CAMPAIGN,
    ),
    Trap(
        "spend is in major units where budgets are in minor ones",
        "reading it as it stands",
        minor_units,
        BY_CAMPAIGN,
    ),
    Trap("offsets without a colon", "reading them", colons_in_offsets, CAMPAIGNS),
    # -- too much at once
    Trap(
        "a page that is too large",
        "smaller pages",
        setting("SMALLEST_PAGE_SIZE", 200),
        OBJECTS,
        {"facebook_reduce": {"limit": 100}},
        fails=True,
    ),
    Trap(
        "days that are too many at once",
        "fewer of them",
        never("halves"),
        BY_CAMPAIGN,
        {"facebook_reduce": {"limit": None, "rows": 30}},
        fails=True,
    ),
    Trap(
        "a day that is too much at once",
        "a report",
        never("_report"),
        BY_CAMPAIGN,
        {"facebook_reduce": {"limit": None, "rows": 1}},
        fails=True,
    ),
    Trap(
        "a listing that runs out of time",
        "a report",
        never("_report"),
        BY_CAMPAIGN,
        {"facebook_reduce": {"limit": None, "rows": 30, "as": "timeout"}},
        fails=True,
    ),
    # -- reports
    Trap(
        "a report takes a while",
        "waiting",
        no_waiting,
        BY_AD,
        {"facebook_async": {"polls": 6}},
        REPORTS,
        fails=True,
    ),
    *(
        Trap(
            f"a report ends as {outcome}",
            "starting it again",
            setting("REPORT_ATTEMPTS", 1),
            BY_CAMPAIGN,
            {"facebook_async": {"polls": 1, "outcome": outcome, "times": 1}},
            ONE_DAY,
            fails=True,
        )
        for outcome in ("Job Failed", "Job Skipped")
    ),
    Trap(
        "a report expires before it is read",
        "starting it again",
        setting("REPORT_ATTEMPTS", 1),
        BY_CAMPAIGN,
        broken(100, "/6023920", after=1, subcode=33, message="Object with ID '1' does not exist"),
        ONE_DAY,
        fails=True,
    ),
    Trap(
        "reports of many rows fail",
        "fewer days",
        never("halves"),
        BY_CAMPAIGN,
        {"facebook_reduce": {"limit": None, "rows": 30, "async": True}},
        REPORTS,
        fails=True,
    ),
    Trap(
        "a report that does not know its own fields yet",
        "reading it again",
        unknown_to_judge("summary param"),
        BY_CAMPAIGN,
        {"facebook_async": {"polls": 0, "cannot_include": 2}},
        REPORTS,
        fails=True,
    ),
    # -- days
    Trap(
        "actions show up weeks later",
        "reading four weeks again",
        setting("RESTATEMENT_DAYS", 1),
        BY_AD,
        {"facebook_late_actions": {"share": 0.6, "days": 10}},
        begin="2026-10-31T22:00:00Z",
        then=lambda network: network.company.set_clock(NOW),
    ),
    # -- limits and failures
    Trap(
        "a throttle that comes as 400 and tells its minutes",
        "waiting them out",
        no_retry,
        OBJECTS,
        {"facebook_throttle": THROTTLE},
        fails=True,
    ),
    Trap(
        "the throttle of lead forms",
        "knowing its code",
        unknown_to_judge("#80005"),
        LEADS,
        {"facebook_throttle": {**THROTTLE, "step": 50}},
        fails=True,
    ),
    *(
        Trap(
            f"code {code} with status 400",
            "trying again",
            no_retry,
            CAMPAIGNS,
            broken(code, "/campaigns", after=1),
            fails=True,
        )
        for code in (1, 2)
    ),
    Trap(
        "an error that calls itself transient",
        "trying again",
        no_retry,
        CAMPAIGNS,
        broken(190_000, "/campaigns", after=1, is_transient=True),
        fails=True,
    ),
    *(
        Trap(
            name,
            "trying again",
            no_retry,
            CAMPAIGNS,
            {fault: {"path": "/campaigns", "after": 1, **rule}},
            {"PAGE_SIZE": 2},
            fails=True,
        )
        for name, fault, rule in (
            ("JSON that is cut short", "truncated_json", {}),
            ("an HTML page with status 200", "html_page", {"status": 200}),
            ("an HTML page with status 502", "html_page", {"status": 502}),
            ("a connection that is cut within the answer", "connection_reset", {"sent": 0.5}),
        )
    ),
    Trap(
        "rows that come again on the next page",
        "repeats are dropped by key",
        no_dedupe,
        ("ads",),
        {"duplicate_page": {"path": "/ads?", "times": None}},
        {"PAGE_SIZE": 5},
    ),
    # -- accounts and access
    Trap(
        "an app that wants its secret proven",
        "proving it",
        no_proof,
        (*CAMPAIGNS, *LEADS),
        {"facebook_require_proof": {}},
        environment={"APP_SECRET": APP_SECRET},
        fails=True,
    ),
    Trap(
        "leads need the token of their page",
        "asking for it",
        user_token,
        LEADS,
        fails=True,
    ),
)


UNBALANCED = "FROM load_counts WHERE received <> landed + duplicates + quarantined"


# -- the proof --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    with served_company("--people", "200", "--now", NOW) as company:
        yield Network(company)


@dataclass
class Truths:
    """What the account holds, as a load without any fault lands it."""

    network: Network
    folder: Path
    known: dict[tuple[str, ...], Home] = field(default_factory=dict)

    def of(self, names: tuple[str, ...]) -> Home:
        if names not in self.known:
            home = Home(self.folder / f"{len(self.known)}")
            self.network.load(home.path, names)
            self.known[names] = home
        return self.known[names]


@pytest.fixture(scope="module")
def truths(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Truths:
    return Truths(network, tmp_path_factory.mktemp("truths"))


@pytest.fixture(autouse=True)
def quick(network: Network, monkeypatch: Patch) -> Iterator[None]:
    """Waits of a hundredth of a second, and no fault left behind."""
    monkeypatch.setattr(http, "_FIRST_WAIT", dict.fromkeys(http._FIRST_WAIT, 0.01))
    for name in ("FIRST_POLL_SECONDS", "LONGEST_POLL_SECONDS", "LONGEST_PAUSE"):
        monkeypatch.setattr(settings, name, 0.01)
    yield
    network.mend()


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.name)
def test_a_trap_changes_nothing_unless_its_handling_is_out(
    trap: Trap, network: Network, truths: Truths, tmp_path: Path, monkeypatch: Patch
) -> None:
    truth = truths.of(trap.tables).state(trap.tables)
    for name, value in trap.small.items():
        monkeypatch.setattr(settings, name, value)
    whole, spoilt = Home(tmp_path / "with"), Home(tmp_path / "without")

    def load(home: Home) -> None:
        network.company.set_clock(trap.begin)
        network.faults(trap.faults)
        network.load(home.path, trap.tables, trap.environment)
        if trap.then:
            trap.then(network)
            network.load(home.path, trap.tables, trap.environment)

    load(whole)
    with pytest.MonkeyPatch.context() as patch:
        trap.without(patch)
        if trap.fails:
            with pytest.raises(IngestionError):
                load(spoilt)
        else:
            load(spoilt)

    assert all(truth.values()), "nothing to compare"
    assert whole.state(trap.tables) == truth
    assert whole.query(UNBALANCED) == []
    if not trap.fails:
        assert spoilt.state(trap.tables) != truth


# -- what has no truth without the trap -------------------------------------------------------------------


def test_days_beyond_the_retention_are_not_asked_for(
    network: Network, truths: Truths, tmp_path: Path, monkeypatch: Patch
) -> None:
    network.faults({"facebook_retention": {"months": 1}})
    monkeypatch.setattr(settings, "RETENTION_MONTHS", 1)
    network.load(tmp_path / "with", BY_CAMPAIGN)

    kept = [row for row in truths.of(BY_CAMPAIGN).rows("insights_campaign") if row[1] > date(2026, 10, 12)]
    assert Home(tmp_path / "with").rows("insights_campaign") == kept

    monkeypatch.setattr(settings, "RETENTION_MONTHS", 37)
    with pytest.raises(pipelines.ResponseError, match="cannot be beyond 37 months"):
        network.load(tmp_path / "without", BY_CAMPAIGN)


def test_the_oldest_day_that_is_asked_for_is_served(network: Network, tmp_path: Path) -> None:
    oldest = pipelines.Window(date(2023, 10, 1), date(2023, 10, 14))
    network.load(tmp_path, BY_CAMPAIGN, window=oldest)

    assert Home(tmp_path).query("SELECT min(date), max(date) FROM insights_campaign WHERE is_day_marker") == [
        (date(2023, 10, 13), date(2023, 10, 14))
    ]


def test_every_account_that_the_token_reaches_is_read(network: Network, tmp_path: Path) -> None:
    network.faults({"facebook_accounts": {}})
    network.load(tmp_path / "with", BY_CAMPAIGN, {"ACCOUNT_IDS": ""})
    with pytest.MonkeyPatch.context() as patch:
        first_account(patch)
        network.load(tmp_path / "without", BY_CAMPAIGN, {"ACCOUNT_IDS": ""})
    marked = "SELECT account_id, count(*) FROM insights_campaign WHERE is_day_marker GROUP BY 1 ORDER BY 1"
    days = (WINDOW.end - WINDOW.start).days + 1

    found = Home(tmp_path / "with").query(marked)
    assert (ACCOUNT, days) in found
    assert [count for _, count in found] == [days] * 3
    assert Home(tmp_path / "without").query(marked) == [(ACCOUNT, days)]


def test_an_ad_sets_earlier_windows_stay(network: Network, truths: Truths, tmp_path: Path) -> None:
    network.company.set_clock("2026-11-01T06:00:00Z")
    whole, spoilt = Home(tmp_path / "with"), Home(tmp_path / "without")
    for now in ("2026-11-01T06:00:00Z", NOW):
        network.company.set_clock(now)
        network.load(whole.path, ("ad_sets",))
        with pytest.MonkeyPatch.context() as patch:
            one_version(patch)
            network.load(spoilt.path, ("ad_sets",))
    windows = (
        "SELECT attribution_spec->>'$[0].window_days', day(observed_at), {} FROM ad_sets"
        " WHERE name = 'Lookalike' ORDER BY observed_at"
    )

    assert whole.query(windows.format("day(superseded_at)")) == [("7", 1, 12), ("1", 12, None)]
    assert spoilt.query(windows.format("NULL")) == [("1", 12, None)]
    assert whole.rows("ad_sets") == truths.of(OBJECTS).rows("ad_sets")


def test_an_account_that_lists_no_deleted_ads_lists_the_others(
    network: Network, truths: Truths, tmp_path: Path
) -> None:
    network.faults({"status": {"status": 400, "path": "DELETED", "times": None, "body": REFUSED}})
    report = network.load(tmp_path / "new", ("ads",))
    truths.of(OBJECTS).copy(tmp_path / "known")
    network.load(tmp_path / "known", ("ads",))
    every = truths.of(OBJECTS).rows("ads")

    assert report.message is not None
    assert report.message.startswith(f"no deleted ads of account {ACCOUNT}: ")
    assert "Requesting for deleted objects is not supported" in report.message
    assert Home(tmp_path / "new").rows("ads") == [row for row in every if "DELETED" not in row]
    assert Home(tmp_path / "known").rows("ads") == every, "what was landed of deleted ads stays"


def test_leads_stay_longer_than_meta_keeps_them(network: Network, tmp_path: Path, monkeypatch: Patch) -> None:
    whole, spoilt = Home(tmp_path / "with"), Home(tmp_path / "without")
    first = "SELECT id, email, created_time FROM leads ORDER BY id"
    network.load(whole.path, LEADS)
    before = whole.query(first)
    network.pass_time(days=120)
    network.load(whole.path, LEADS)
    leads_of_now(monkeypatch)
    network.mend()
    network.load(spoilt.path, LEADS)
    assert before == whole.query(first) == spoilt.query(first)

    network.pass_time(days=120)
    network.load(spoilt.path, LEADS)
    assert spoilt.query(first) == []


def test_organic_and_test_leads_are_told_apart(network: Network, truths: Truths, tmp_path: Path) -> None:
    network.faults({"facebook_leads": {"organic": 2, "test": 1}})
    network.load(tmp_path, LEADS)
    home = Home(tmp_path)
    by_kind = "SELECT is_organic, is_test, ad_id IS NULL, count(*) FROM leads GROUP BY ALL ORDER BY ALL"

    real = truths.of(LEADS).query("SELECT count(*) FROM leads")[0][0]
    assert truths.of(LEADS).query(by_kind) == [(False, False, False, real)]
    assert home.query(by_kind) == [
        (False, False, False, real),
        (True, False, True, 2 * 2),
        (True, True, True, 2),
    ]


def test_of_a_leads_answers_only_the_email_lands(truths: Truths) -> None:
    home = truths.of(LEADS)
    columns = {name for (name,) in home.query("SELECT column_name FROM (DESCRIBE leads)")}

    assert columns == {
        *("page_id", "form_id", "id", "created_time", "campaign_id", "adset_id", "ad_id"),
        *("is_organic", "is_test", "platform", "email", "observed_at"),
    }
    assert all("@" in email for (email,) in home.query("SELECT email FROM leads"))


@pytest.mark.parametrize(
    ("granted", "told"),
    [
        (["ads_read", "pages_show_list"], "Requires leads_retrieval permission"),
        (["ads_read"], "gives no token of its own"),
    ],
)
def test_leads_that_may_not_be_read_leave_everything_else_readable(
    granted: list[str], told: str, network: Network, truths: Truths, tmp_path: Path
) -> None:
    network.load(tmp_path, LEADS)
    network.faults({"facebook_access": {"permissions": granted}})
    report = network.load(tmp_path, (*OBJECTS, *LEADS))
    home = Home(tmp_path)

    assert report.message is not None
    assert report.message.startswith(f"no leads of page {PAGE}: sources.facebook_ads.page_ids: page {PAGE}")
    assert told in report.message
    assert "leads_retrieval, pages_show_list" in report.message
    assert home.state(OBJECTS) == truths.of(OBJECTS).state(OBJECTS)
    assert home.rows("leads") == truths.of(LEADS).rows("leads"), "what was read before stays"


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
    named: dict[str, bool], network: Network, truths: Truths, tmp_path: Path
) -> None:
    network.faults({"facebook_pages": named})
    report = network.load(tmp_path, LEADS, {"PAGE_IDS": ""})

    assert report.message is None
    assert Home(tmp_path).state(LEADS) == truths.of(LEADS).state(LEADS)


def test_finding_the_pages_takes_one_listing_of_each_kind(network: Network, tmp_path: Path) -> None:
    network.asked()
    network.load(tmp_path, LEADS, {"PAGE_IDS": ""})
    asked = network.asked()
    found = {path: count for path, count in asked.items() if "promote_pages" in path}

    assert sum(found.values()) == len(
        json.loads(network.company.settings["SOURCES__FACEBOOK_ADS__ACCOUNT_IDS"])
    )
    assert not [path for path in asked if path.endswith(("/adsets", "/adcreatives"))]


def test_an_account_that_promotes_no_page_has_no_leads(network: Network, tmp_path: Path) -> None:
    network.faults({"facebook_pages": NOBODY})
    report = network.load(tmp_path, LEADS, {"PAGE_IDS": ""})

    assert report.message is None
    assert Home(tmp_path).state(LEADS) == {"lead_forms": [], "leads": []}


def test_several_pages_are_read_and_page_ids_narrows_them(
    network: Network, truths: Truths, tmp_path: Path
) -> None:
    network.faults({"facebook_pages": {"second": True}})
    network.load(tmp_path / "both", LEADS, {"PAGE_IDS": ""})
    network.load(tmp_path / "one", LEADS, {"PAGE_IDS": SECOND_PAGE})
    by_page = "SELECT page_id, id FROM leads ORDER BY id"
    both = Home(tmp_path / "both").query(by_page)

    assert {page for page, _ in both} == {PAGE, SECOND_PAGE}
    assert [lead for _, lead in both] == [
        lead for _, lead in truths.of(LEADS).query("SELECT page_id, id FROM leads ORDER BY id")
    ]
    assert Home(tmp_path / "one").query(by_page) == [row for row in both if row[0] == SECOND_PAGE]


@pytest.mark.parametrize("by_ad", [True, False])
def test_a_page_without_permission_costs_no_other_page(by_ad: bool, network: Network, tmp_path: Path) -> None:
    network.faults({"facebook_pages": {"second": True}})
    network.load(tmp_path / "both", LEADS, {"PAGE_IDS": ""})
    network.faults({"facebook_pages": {"second": True, "refused": [PAGE], "by_ad": by_ad}})
    report = network.load(tmp_path / "one", LEADS, {"PAGE_IDS": ""})
    by_page = "SELECT page_id, form_id, id, ad_id, email FROM leads ORDER BY id"
    both = Home(tmp_path / "both").query(by_page)

    assert Home(tmp_path / "one").query(by_page) == [row for row in both if by_ad or row[0] == SECOND_PAGE]
    assert report.message is not None
    (line,) = [each for each in report.message.split("; ") if PAGE in each][:1]
    told = f"leads of page {PAGE} are read ad by ad" if by_ad else f"no leads of page {PAGE}"
    assert line.startswith(told)
    assert f"page {PAGE} gives no token of its own" in report.message
    assert "grant leads_retrieval, pages_show_list" in report.message


def test_a_page_that_is_refused_and_has_no_lead_ads_is_not_missed(network: Network, tmp_path: Path) -> None:
    network.faults({"facebook_pages": {"refused": [PAGE], "ad_sets": False, "creatives": False}})
    report = network.load(tmp_path, LEADS, {"PAGE_IDS": ""})

    assert report.message is None


def test_a_page_that_does_not_exist_costs_only_itself(
    network: Network, truths: Truths, tmp_path: Path
) -> None:
    report = network.load(tmp_path, LEADS, {"PAGE_IDS": f"123,{PAGE}"})

    assert report.message is not None
    assert report.message.startswith(
        "no leads of page 123: sources.facebook_ads.page_ids: page 123 is unknown"
    )
    assert Home(tmp_path).state(LEADS) == truths.of(LEADS).state(LEADS)


def test_a_token_that_expires_leaves_what_was_landed(network: Network, tmp_path: Path) -> None:
    network.load(tmp_path, OBJECTS)
    before = Home(tmp_path).state(OBJECTS)
    network.faults({"facebook_access": {"expires_in": -60}})
    with pytest.raises(
        pipelines.AccessError, match=r"sources\.facebook_ads\.access_token was refused \(401\)"
    ):
        network.load(tmp_path, OBJECTS)

    assert Home(tmp_path).state(OBJECTS) == before


def test_no_token_is_kept_or_shown(network: Network, tmp_path: Path) -> None:
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


# -- what the figures say ---------------------------------------------------------------------------------


def test_vector_n18_a_deleted_ads_figures_stay_in_its_campaign(network: Network, truths: Truths) -> None:
    (whole,) = network.figures(level="account", fields="spend,impressions,clicks")
    sums = "SELECT sum(spend), sum(impressions), sum(clicks) FROM {}"
    campaigns = truths.of(BY_CAMPAIGN).query(sums.format("insights_campaign"))[0]
    ads = truths.of(BY_AD).query(sums.format("insights_ad"))[0]

    assert [str(value) for value in campaigns] == [
        f"{whole['spend']}0000",
        whole["impressions"],
        whole["clicks"],
    ]
    assert all(of_ads < of_campaigns for of_ads, of_campaigns in zip(ads, campaigns, strict=True))


def test_vector_n19_parameters_that_meta_ignores_change_nothing(
    network: Network, truths: Truths, tmp_path: Path, monkeypatch: Patch
) -> None:
    asked = Insights._params
    ignored = {"action_report_time": "impression", "use_unified_attribution_setting": "false"}
    monkeypatch.setattr(Insights, "_params", lambda *args: {**asked(*args), **ignored})
    network.load(tmp_path, BY_AD)

    assert Home(tmp_path).rows("insights_ad") == truths.of(BY_AD).rows("insights_ad")


# -- how it is asked --------------------------------------------------------------------------------------


def test_the_last_page_has_no_other_after_it(network: Network, tmp_path: Path, monkeypatch: Patch) -> None:
    path = "GET /{id}/campaigns"
    network.asked()
    network.load(tmp_path, CAMPAIGNS)
    assert network.asked()[path] == 4

    def cursor(answer: Answer) -> str | None:
        after: str | None = (answer.document.get("paging") or {}).get("cursors", {}).get("after")
        return after

    monkeypatch.setattr(api, "_next", cursor)
    network.load(tmp_path, CAMPAIGNS)
    assert network.asked()[path] == 5


def test_a_cursor_that_repeats_ends_the_load(
    network: Network, truths: Truths, tmp_path: Path, monkeypatch: Patch
) -> None:
    monkeypatch.setattr(settings, "PAGE_SIZE", 5)
    network.load(tmp_path, ("ads",))
    network.faults({"repeated_cursor": {"path": "/ads?"}})
    with pytest.raises(pipelines.ResponseError, match="repeated its paging cursor; run again"):
        network.load(tmp_path, ("ads",))
    assert Home(tmp_path).rows("ads") == truths.of(("ads",)).rows("ads")


def test_what_is_expected_to_be_large_is_a_report_at_once(
    network: Network, truths: Truths, tmp_path: Path, monkeypatch: Patch
) -> None:
    def reports() -> int:
        return network.asked().get("POST /{id}/insights", 0)

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

    expected = truths.of(BY_AD).rows("insights_ad")
    assert Home(tmp_path).rows("insights_ad") == Home(tmp_path / "new").rows("insights_ad") == expected


def test_a_report_that_never_comes_is_an_error_that_names_account_and_day(
    network: Network, tmp_path: Path, monkeypatch: Patch
) -> None:
    monkeypatch.setattr(settings, "SYNCHRONOUS_ROWS", -1)
    network.faults({"facebook_async": {"polls": 0, "outcome": "Job Failed"}})
    days = pipelines.Window(date(2026, 10, 30), date(2026, 10, 31))
    with pytest.raises(pipelines.ResponseError) as failed:
        network.load(tmp_path, BY_AD, window=days)

    assert f"fails to report ad insights of account {ACCOUNT} on 2026-10-31 (Job Failed: " in str(
        failed.value
    )


def test_a_report_that_hangs_is_given_up(network: Network, tmp_path: Path, monkeypatch: Patch) -> None:
    monkeypatch.setattr(settings, "SYNCHRONOUS_ROWS", -1)
    monkeypatch.setattr(settings, "REPORT_SECONDS", 0.05)
    network.faults({"facebook_async": {"polls": 10_000}})
    day = pipelines.Window(WINDOW.end, WINDOW.end)
    said: list[str] = []
    with pytest.raises(pipelines.ResponseError, match=r"Job Running at \d+ % after"):
        network.load(tmp_path, BY_AD, window=day, said=said)

    assert any(f"report of account {ACCOUNT} for {WINDOW.end}" in line for line in said)


def test_a_report_that_is_lost_while_it_is_read_lands_once(
    network: Network, truths: Truths, tmp_path: Path, monkeypatch: Patch
) -> None:
    truth = truths.of(BY_AD).rows("insights_ad")
    monkeypatch.setattr(landing, "_REMEMBERED_KEYS", 100)
    monkeypatch.setattr(settings, "SYNCHRONOUS_ROWS", -1)
    monkeypatch.setattr(settings, "PAGE_SIZE", 10)
    monkeypatch.setattr(settings, "MOST_ROWS", 30)
    # the 25th page that follows on another
    gone = broken(100, "&after=", after=24, subcode=33, message="Object with ID '1' does not exist")
    for home in (tmp_path / "whole", tmp_path / "twice"):
        network.load(home, ("ads",))
        network.faults(gone)
        network.load(home, BY_AD)
        monkeypatch.setattr(settings, "MOST_ROWS", 10_000)

    assert Home(tmp_path / "whole").rows("insights_ad") == truth
    assert len(Home(tmp_path / "twice").rows("insights_ad")) > len(truth)


def test_requests_slow_down_before_they_are_refused(
    network: Network, tmp_path: Path, monkeypatch: Patch
) -> None:
    network.faults({"facebook_throttle": {"step": 8, "window_seconds": 0.5, "regain": 0}})
    monkeypatch.setattr(settings, "LONGEST_PAUSE", 0.6)
    paced = network.load(tmp_path / "paced", OBJECTS)
    assert "throttled" not in paced.requests

    network.faults({"facebook_throttle": {"step": 8, "window_seconds": 0.5, "regain": 0.01}})
    monkeypatch.setattr(api, "POLICY", replace(api.POLICY, learn=lambda headers: None))
    hurried = network.load(tmp_path / "hurried", OBJECTS)
    assert hurried.requests["throttled"] >= 1
    assert Home(tmp_path / "paced").state(OBJECTS) == Home(tmp_path / "hurried").state(OBJECTS)
