"""Every trap of Google's API: with it the same rows land as without it, until its handling is taken out.

A case names what the simulated API does, the tables it could spoil, and the one piece of the loader that
keeps it from doing so. Without that piece the load must land something else, or fail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ingestion import pipelines
from ingestion.http import client as http
from ingestion.http.client import Answer
from ingestion.http.faults import RequestFault
from ingestion.landing import arrow
from ingestion.landing import resources as landing
from ingestion.landing.arrow import Page, Table
from ingestion.landing.planning import Span
from ingestion.landing.resources import Landing
from ingestion.pipelines import Window
from ingestion.sources.google_ads import api, source, tables
from ingestion.sources.google_ads.api import Account, GoogleAds
from sandbox.apis.google_ads.books import Books
from tests.google import CLOSED, MANAGER, SUB_MANAGER, UK, GoogleSandbox, Store, Timer, served_google

Patch = pytest.MonkeyPatch
NOW = "2026-11-01T06:00:00+00:00"
OCTOBER = Window(date(2026, 10, 1), date(2026, 10, 31))
QUARTER = Window(date(2026, 8, 1), date(2026, 10, 31))
STREAM = "googleAds:searchStream"
PREFIX = "SOURCES__GOOGLE_ADS__"
METRICS = ("campaign_metrics",)
CONVERSIONS = ("campaign_conversions",)
CLICKS = ("click_views",)
LEADS = {"google_lead_forms": {"share": 0.5}}
LAST_DAYS = Window(date(2026, 10, 28), date(2026, 10, 31))


@dataclass(frozen=True)
class Trap:
    """One trap. `world` is there with and without it; without a `truth` window, the truth is of `window`.

    `before` is the instant of a first load; `free_after` how many seconds a limit lasts.
    """

    name: str
    handling: str
    without: Callable[[Patch], None]
    tables: tuple[str, ...]
    faults: Mapping[str, Any] = field(default_factory=dict)
    world: Mapping[str, Any] = field(default_factory=dict)
    window: Window = OCTOBER
    truth: Window | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    before: str | None = None
    free_after: float | None = None
    prepare: Callable[[Patch], None] = lambda _patch: None
    fails: bool = True


# -- what is taken out ------------------------------------------------------------------------------------


def no_retry(patch: Patch) -> None:
    """Nothing is asked twice."""
    patch.setattr(http, "_ATTEMPTS", dict.fromkeys(http._ATTEMPTS, 1))


def no_renewal(patch: Patch) -> None:
    """A token that expires is the end."""
    patch.setattr(http.RefreshToken, "renew", lambda token, refused: False)


def first_error_only(patch: Patch) -> None:
    """An answer that is a list holds no error."""
    found = api._error
    patch.setattr(api, "_error", lambda document: None if isinstance(document, list) else found(document))


def no_hint(patch: Patch) -> None:
    """How long to wait is not read."""
    failure = api._failure

    def hintless(error: dict[str, Any]) -> tuple[list[str], float | None, str]:
        codes, _, message = failure(error)
        return codes, None, message

    patch.setattr(api, "_failure", hintless)


def paged(**size: int) -> Callable[[Patch], None]:
    """Pages of `search` instead of one stream."""

    def search(self: GoogleAds, account: str, text: str, login: str, _: Any = None) -> Answer:
        body: dict[str, Any] = {"query": text, **size}
        rows: list[Any] = []
        while True:
            path = f"/{self.version}/customers/{account}/googleAds:search"
            try:
                document = self.client.post(path, body, self._headers(login)).document
            except RequestFault as fault:
                raise self._explain(fault, account) from None
            rows += document.get("results", [])
            body["pageToken"] = document.get("nextPageToken")
            if body["pageToken"] is None:
                return Answer(orjson.dumps([{"results": rows}]), [{"results": rows}], {})

    return lambda patch: patch.setattr(GoogleAds, "_search", search)


def full_batches(patch: Patch) -> None:
    """Every answer has a first batch, and that has results."""

    def rows(self: GoogleAds, account: str, text: str) -> Iterator[Page]:
        answer = self._search(account, text, self.accounts[account].login, orjson.loads)
        assert answer.document[0]["results"]
        yield Page(answer.body, (("customer_id", account),))

    patch.setattr(GoogleAds, "rows", rows)


def no_markers(patch: Patch) -> None:
    """A day without rows leaves no trace."""
    patch.setattr(landing.Lander, "_markers", lambda lander, read: lander.empty())


def long_pieces(patch: Patch) -> None:
    """Clicks are asked for like everything else."""
    pieces = Landing.pieces
    patch.setattr(
        Landing, "pieces", lambda self, table, account, days: pieces(self, table, account, max(days, 31))
    )


def spans(unsettled: int) -> Callable[[Patch], None]:
    """Everything is there for ever, and changes for so many days."""
    return lambda patch: patch.setattr(source, "span", lambda *_: Span(None, unsettled))


def read_also(account: str) -> Callable[[Patch], None]:
    """An account more is read."""
    more = {account: Account(MANAGER, UTC)}
    return lambda patch: patch.setattr(
        GoogleAds, "accounts", property(lambda ads: {**ads._hierarchy[1], **more})
    )


def direct_clients_only(patch: Patch) -> None:
    """Accounts below a sub-manager are not found."""
    patch.setattr(
        GoogleAds,
        "accounts",
        property(lambda ads: {name: found for name, found in ads._hierarchy[1].items() if name != UK}),
    )


def no_dedupe(patch: Patch) -> None:
    """What is listed twice lands twice."""
    patch.setattr(landing.Recent, "add", lambda recent, key: True)


def in_the_managers_currency(patch: Patch) -> None:
    """All accounts have the currency of the root."""
    patch.setattr(
        GoogleAds,
        "customers",
        property(lambda ads: [Page(page.body.replace(b'"GBP"', b'"EUR"')) for page in ads._hierarchy[0]]),
    )


def converted(kind: arrow.Kind, conversion: Callable[[pa.Array], pa.Array]) -> Callable[[Patch], None]:
    """Values of a kind are read in another way."""
    return lambda patch: patch.setitem(arrow._CONVERSIONS, kind, conversion)


def _without_offset(value: pa.Array) -> pa.Array:
    local = pc.cast(pc.utf8_slice_codeunits(value, 0, 19), pa.timestamp("us"))
    return pc.assume_timezone(local, "UTC")


def _as_double(value: pa.Array) -> pa.Array:
    number = pc.cast(arrow._to_id(value), pa.float64())
    return pc.cast(pc.cast(number, pa.int64(), safe=False), pa.string())


def integers_as_numbers(patch: Patch) -> None:
    """int64 is a JSON number."""
    patch.setitem(arrow._WIRE, "integer", (pa.int64(), pa.int64()))


def from_ads(patch: Patch) -> None:
    """Campaigns' figures are those of their ads."""
    patch.setitem(tables.RESOURCES, tables.CAMPAIGN_METRICS, "ad_group_ad")


def without_manager(patch: Patch) -> None:
    """Every account is asked directly."""
    patch.setattr(GoogleAds, "_headers", lambda self, login: {})


def clicks_as(changed: Table) -> Callable[[Patch], None]:
    """Clicks are declared differently."""

    def patched(patch: Patch) -> None:
        patch.setitem(tables.RESOURCES, changed, "click_view")
        patch.setattr(source, "CLICK_VIEWS", changed)
        patch.setattr(source, "DAILY", (changed,))

    return patched


def queries(change: Callable[[str], str]) -> Callable[[Patch], None]:
    """Other queries are sent."""
    query = tables.query
    return lambda patch: patch.setattr(source, "query", lambda table, version: change(query(table, version)))


def headers(**always: str) -> Callable[[Patch], None]:
    """Every request carries these, and no token that is set."""

    def sent(self: GoogleAds, login: str | None) -> dict[str, str]:
        own = {"login-customer-id": login} if login else {}
        return own | {name.replace("_", "-"): value for name, value in always.items()}

    return lambda patch: patch.setattr(GoogleAds, "_headers", sent)


def wide_ids(patch: Patch) -> None:
    """The sandbox's ads get ids beyond 2^53, odd ones."""
    placement = Books.placement

    def widened(self: Books, *arguments: Any) -> Any:
        row = placement(self, *arguments)
        name = "ad_group_ad.ad.id"
        return {**row, name: row[name] % 1000 * 2 + 2**53 + 1} if row and name in row else row

    patch.setattr(Books, "placement", widened)


CLICKS_OF_ADS = replace(
    tables.CLICK_VIEWS,
    columns=tuple(replace(c, required=c.required or c.name == "ad_id") for c in tables.CLICK_VIEWS.columns),
)
CLICKS_BY_ID = replace(tables.CLICK_VIEWS, key=("customer_id", "date", "gclid"))

TRAPS = (
    # -- errors and limits
    *(
        Trap(
            f"a quota told in the body alone: {what}",
            handling,
            without,
            ("customers",),
            {"google_quota": {"daily": 0, "retry_delay": 600}},
            free_after=600,
        )
        for what, handling, without in (
            ("wrapped in an array", "errors are looked for in lists", first_error_only),
            ("with retryDelay", "waiting as long as it says", no_hint),
        )
    ),
    Trap(
        "an error after good batches, with status 200",
        "errors are looked for in every batch",
        first_error_only,
        METRICS,
        {"google_stream_error": {"batches": 1, "path": "FROM campaign"}},
        fails=False,
    ),
    Trap(
        "a connection cut within a stream",
        "asking for the piece again",
        no_retry,
        METRICS,
        {"connection_reset": {"path": STREAM, "after": 1, "sent": 0.5}},
    ),
    *(
        Trap(
            name,
            "asking for the piece again",
            no_retry,
            METRICS,
            {fault: {"path": STREAM, "after": 1, **rule}},
        )
        for name, fault, rule in (
            ("JSON that is cut short", "truncated_json", {}),
            ("an HTML page with status 200", "html_page", {"status": 200}),
            ("an HTML page with status 502", "html_page", {"status": 502}),
        )
    ),
    *(
        Trap(
            f"a passing error ({kind}: {code}, {status})",
            "trying again",
            no_retry,
            METRICS,
            {"google_error": {"status": status, "kind": kind, "code": code, "path": "FROM campaign"}},
        )
        for status, kind, code in (
            (500, "internalError", "TRANSIENT_ERROR"),
            (500, "internalError", "INTERNAL_ERROR"),
            (503, "internalError", "TRANSIENT_ERROR"),
            (429, "quotaError", "RESOURCE_TEMPORARILY_EXHAUSTED"),
        )
    ),
    Trap(
        "a token that expires in mid-run",
        "renewing it",
        no_renewal,
        METRICS,
        {"token_expiry": {"vendor": "google", "after": 1}},
    ),
    # -- pages
    Trap("a page size (400)", "streams have none", paged(pageSize=1000), METRICS),
    Trap(
        "a page token that expires",
        "streams have none",
        paged(),
        METRICS,
        {"google_page_token": {"times": None}, "page_caps": {"google_rows": 20}},
    ),
    *(
        Trap(
            f"an empty result: {what}",
            "no results are no rows",
            full_batches,
            CONVERSIONS,
            {"google_empty": {"as": form}},
            {"google_hierarchy": {}},
        )
        for form, what in (("array", "no batch"), ("batch", "a batch without results"))
    ),
    # -- accounts
    Trap(
        "a client below a sub-manager",
        "customer_client has all levels",
        direct_clients_only,
        METRICS,
        world={"google_hierarchy": {}},
        fails=False,
    ),
    Trap(
        "a cancelled account",
        "landed, not read",
        read_also(CLOSED),
        ("customers", "campaigns"),
        world={"google_hierarchy": {}},
    ),
    Trap(
        "an account reached through its manager (403)",
        "its header names the manager",
        without_manager,
        METRICS,
    ),
    Trap("metrics of a manager (400)", "managers are not asked", read_also(MANAGER), METRICS),
    Trap(
        "an account under two roots",
        "repeats are dropped by key",
        no_dedupe,
        ("customers",),
        world={"google_hierarchy": {}},
        environment={"CUSTOMER_IDS": f"{MANAGER},{SUB_MANAGER}"},
        fails=False,
    ),
    Trap(
        "another currency",
        "each account has its own",
        in_the_managers_currency,
        ("customers",),
        world={"google_hierarchy": {}},
        fails=False,
    ),
    Trap(
        "instants in the account's time zone",
        "the offset counts",
        converted("instant", _without_offset),
        ("lead_form_submissions",),
        world=LEADS,
        fails=False,
    ),
    # -- days
    Trap(
        "rows whose figures are all zero are left out",
        "days read are marked",
        no_markers,
        METRICS,
        window=Window(date(2026, 6, 1), date(2026, 6, 30)),
        fails=False,
    ),
    Trap("clicks of more than one day (400)", "one query a day", long_pieces, CLICKS, window=LAST_DAYS),
    Trap(
        "clicks older than 90 days (400)",
        "days that are served no longer are not asked for",
        spans(3),
        CLICKS,
        window=Window(date(2026, 8, 1), date(2026, 8, 8)),
        truth=Window(date(2026, 8, 4), date(2026, 8, 8)),
    ),
    Trap(
        "days older than 37 months (400)",
        "days that are served no longer are not asked for",
        spans(92),
        METRICS,
        window=Window(date(2023, 9, 20), date(2023, 10, 4)),
        truth=Window(date(2023, 10, 1), date(2023, 10, 4)),
    ),
    Trap(
        "conversions that come weeks after their click",
        "days are read again until the longest window has passed",
        spans(3),
        (*CONVERSIONS, "campaign_conversion_lags", "ad_conversions"),
        window=Window(date(2026, 6, 15), date(2026, 8, 31)),
        before="2026-07-12T06:00:00+00:00",
        fails=False,
    ),
    Trap(
        "clicks of a day that was not over",
        "the last days are read again",
        spans(0),
        CLICKS,
        window=Window(date(2026, 10, 8), date(2026, 10, 31)),
        before="2026-10-12T18:00:00+00:00",
        fails=False,
    ),
    # -- figures
    Trap(
        "fractions of conversions",
        "conversions are no whole numbers",
        converted("float", lambda value: pc.round(pc.cast(value, pa.float64()))),
        CONVERSIONS,
        fails=False,
    ),
    Trap("int64 as text", "numbers are read from text", integers_as_numbers, METRICS),
    Trap(
        "ids beyond 2^53",
        "ids are text",
        converted("id", _as_double),
        ("ads",),
        prepare=wide_ids,
        fails=False,
    ),
    Trap(
        "Performance Max has no ad groups",
        "campaigns' figures are the campaigns'",
        from_ads,
        METRICS,
        fails=False,
    ),
    Trap(
        "clicks without an ad",
        "a click needs none",
        clicks_as(CLICKS_OF_ADS),
        CLICKS,
        window=LAST_DAYS,
        fails=False,
    ),
    Trap(
        "a click in several rows",
        "segments are part of the key",
        clicks_as(CLICKS_BY_ID),
        CLICKS,
        world={"google_click_view": {"repeats": 0.5}},
        window=LAST_DAYS,
        fails=False,
    ),
    Trap(
        "removed campaigns",
        "no status is left out",
        queries(lambda text: f"{text} WHERE campaign.status != 'REMOVED'"),
        ("campaigns",),
        fails=False,
    ),
    Trap(
        "impressions beside the conversion action (400)",
        "two queries",
        queries(lambda text: text.replace(" FROM", ", metrics.impressions FROM")),
        CONVERSIONS,
    ),
    # -- versions and tokens
    Trap(
        "a field that an older version does not know (400)",
        "it is not asked for there",
        lambda patch: patch.setattr(tables, "_SINCE", {}),
        ("asset_groups", "campaigns", "ads"),
        environment={"API_VERSION": "v23"},
    ),
    Trap(
        "a developer token is rejected",
        "none is sent unless it is set",
        headers(developer_token="none"),
        METRICS,
        {"google_developer_token": {"header": "rejected"}},
    ),
    Trap(
        "a developer token is required",
        "it is sent where it is set",
        headers(),
        METRICS,
        {"google_developer_token": {"header": "required"}},
        environment={"DEVELOPER_TOKEN": "set"},
    ),
)


# -- the proof ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served() -> Iterator[GoogleSandbox]:
    with served_google() as google:
        yield google


@pytest.fixture
def google(served: GoogleSandbox) -> Iterator[GoogleSandbox]:
    served.at(NOW)
    yield served
    served.sandbox.faults.clear()
    served.sandbox.forget()
    served.timer = Timer()


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.name)
def test_a_trap_changes_nothing_unless_its_handling_is_out(
    trap: Trap, google: GoogleSandbox, tmp_path: Path, monkeypatch: Patch
) -> None:
    whole, broken, truth = (Store(tmp_path / name) for name in ("whole", "broken", "truth"))
    faults = google.sandbox.faults
    trap.prepare(monkeypatch)
    google.sandbox.forget()
    for name, parameters in trap.world.items():
        faults.set(name, parameters)
    google.load(truth.path, trap.tables, trap.truth or trap.window)
    if trap.before:
        google.at(trap.before)
        day = date.fromisoformat(trap.before[:10])
        google.load(whole.path, trap.tables, Window(trap.window.start, day))
        whole.copy(broken.path)
        google.at(NOW)

    def load(home: Store) -> None:
        for name, parameters in trap.faults.items():
            faults.set(name, parameters)
        google.timer = Timer()
        if (free_after := trap.free_after) is not None:
            google.timer.wake = lambda slept: faults.clear("google_quota") if slept >= free_after else None
        environment = {PREFIX + name: value for name, value in trap.environment.items()}
        google.load(home.path, trap.tables, trap.window, **environment)

    load(whole)
    with pytest.MonkeyPatch.context() as patch:
        trap.without(patch)
        if trap.fails:
            with pytest.raises(pipelines.IngestionError):
                load(broken)
        else:
            load(broken)

    expected = truth.state(trap.tables)
    assert all(expected.values()), "nothing to compare"
    assert whole.state(trap.tables) == expected
    assert whole.query("FROM load_counts WHERE received <> landed + duplicates + quarantined") == []
    if not trap.fails:
        assert broken.state(trap.tables) != expected


# -- what is said, not only landed ------------------------------------------------------------------------


def test_the_days_operations_being_used_up_ends_the_load_at_once_and_the_next_day_goes_on(
    google: GoogleSandbox, tmp_path: Path
) -> None:
    google.at("2026-11-01T18:00:00+00:00")
    google.sandbox.faults.set("google_quota", {"daily": 1, "retry_delay": 21_600})
    with pytest.raises(pipelines.UnreachableError, match=r"limits requests .*Retry in 21600 seconds"):
        google.load(tmp_path / "home", METRICS, QUARTER)
    assert google.timer.slept == 0

    google.at("2026-11-02T00:00:01+00:00")
    google.sandbox.faults.set("google_quota", {"daily": 15_000})
    google.load(tmp_path / "home", METRICS, QUARTER)
    google.load(tmp_path / "now", METRICS, QUARTER)
    assert Store(tmp_path / "home").state(METRICS) == Store(tmp_path / "now").state(METRICS)


@pytest.mark.parametrize(
    ("header", "environment", "fix"),
    [
        ("rejected", {PREFIX + "DEVELOPER_TOKEN": "old"}, "correct it, or remove it"),
        ("required", {}, "set it"),
    ],
)
def test_a_refused_or_missing_developer_token_names_its_setting(
    header: str, environment: dict[str, str], fix: str, google: GoogleSandbox, tmp_path: Path
) -> None:
    google.sandbox.faults.set("google_developer_token", {"header": header})
    with pytest.raises(pipelines.SettingError, match=rf"sources\.google_ads\.developer_token .*{fix}"):
        google.load(tmp_path, METRICS, OCTOBER, **environment)


@pytest.mark.parametrize("version", ["v23", "v24", "v25", "v26"])
def test_every_version_alive_lands_every_table(version: str, google: GoogleSandbox, tmp_path: Path) -> None:
    google.sandbox.faults.set("google_lead_forms", {"share": 0.5})
    names = [table.name for table in tables.RESOURCES]
    reports = google.load(tmp_path, names, LAST_DAYS, **{PREFIX + "API_VERSION": version})

    landed = {name for report in reports for name, count in report.rows.items() if count}
    assert landed == set(names)
    assert sum(report.quarantined for report in reports) == 0


def test_a_version_that_ended_is_named(google: GoogleSandbox, tmp_path: Path) -> None:
    with pytest.raises(pipelines.ResponseError, match=r"UNSUPPORTED_VERSION.*api_version"):
        google.load(tmp_path, METRICS, OCTOBER, **{PREFIX + "API_VERSION": "v22"})
