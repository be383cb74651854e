"""Each trap of Google's API on its own: the same rows land with it, unless its handling is removed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ingestion import pipelines
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
from sandbox.apis.google_ads.account_reports import Books
from tests.google import CLOSED, MANAGER, SUB_MANAGER, UK, GoogleSandbox, no_retry_delay, served_google
from tests.traps import (
    Patch,
    Trap,
    Without,
    converted,
    no_dedupe,
    no_retry,
    only_usual_types,
    prove,
    replaced,
)

NOW = "2026-11-01T06:00:00+00:00"
OCTOBER = Window(date(2026, 10, 1), date(2026, 10, 31))
STREAM = "googleAds:searchStream"
METRICS = ("campaign_metrics",)
CONVERSIONS = ("campaign_conversions",)
CLICKS = ("click_views",)
LEADS = {"google_lead_forms": {"share": 0.5}}
LAST_DAYS = Window(date(2026, 10, 28), date(2026, 10, 31))


# -- removed handling -------------------------------------------------------------------------------------


def first_error_only(patch: Patch) -> None:
    """Without the handling, errors in a list are not found."""
    found = api._error
    patch.setattr(api, "_error", lambda document: None if isinstance(document, list) else found(document))


def paged(**size: int) -> Without:
    """Without the handling, `search` pages are read instead of one stream."""

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
    """Without the handling, every answer must have a first batch with results."""

    def rows(self: GoogleAds, account: str, text: str) -> Iterator[Page]:
        answer = self._search(account, text, self.accounts[account].login, orjson.loads)
        assert answer.document[0]["results"]
        yield Page(answer.body, (("customer_id", account),))

    patch.setattr(GoogleAds, "rows", rows)


def long_pieces(patch: Patch) -> None:
    """Without the handling, clicks are requested in pieces of several days."""
    pieces = Landing.pieces
    patch.setattr(
        Landing, "pieces", lambda self, table, account, days: pieces(self, table, account, max(days, 31))
    )


def spans(unsettled: int) -> Without:
    """Without the handling, all days are requested and change for this number of days."""
    return lambda patch: patch.setattr(source, "span", lambda *_: Span(None, unsettled))


def read_also(account: str) -> Without:
    """Without the handling, one more account is read."""
    more = {account: Account(MANAGER, UTC)}
    return lambda patch: patch.setattr(
        GoogleAds, "accounts", property(lambda ads: {**ads._hierarchy[1], **more})
    )


def direct_clients_only(patch: Patch) -> None:
    """Without the handling, accounts under a sub-manager are not found."""
    patch.setattr(
        GoogleAds,
        "accounts",
        property(lambda ads: {name: found for name, found in ads._hierarchy[1].items() if name != UK}),
    )


def in_the_managers_currency(patch: Patch) -> None:
    """Without the handling, all accounts have the currency of the root."""
    patch.setattr(
        GoogleAds,
        "customers",
        property(lambda ads: [Page(page.body.replace(b'"GBP"', b'"EUR"')) for page in ads._hierarchy[0]]),
    )


def _without_offset(value: pa.Array) -> pa.Array:
    local = pc.cast(pc.utf8_slice_codeunits(value, 0, 19), pa.timestamp("us"))
    return pc.assume_timezone(local, "UTC")


def _as_double(value: pa.Array) -> pa.Array:
    number = pc.cast(arrow._to_id(value), pa.float64())
    return pc.cast(pc.cast(number, pa.int64(), safe=False), pa.string())


def integers_as_numbers(patch: Patch) -> None:
    """Without the handling, int64 must be a JSON number."""
    patch.setitem(arrow._WIRE, "integer", pa.int64())
    only_usual_types(patch)


def from_ads(patch: Patch) -> None:
    """Without the handling, a campaign's figures are those of its ads."""
    patch.setitem(tables.RESOURCES, tables.CAMPAIGN_METRICS, "ad_group_ad")


def clicks_as(changed: Table) -> Without:
    """Without the handling, clicks are declared differently."""

    def patched(patch: Patch) -> None:
        patch.setitem(tables.RESOURCES, changed, "click_view")
        patch.setattr(source, "CLICK_VIEWS", changed)
        patch.setattr(source, "DAILY", (changed,))

    return patched


def queries(change: Callable[[str], str]) -> Without:
    """Without the handling, other queries are sent."""
    query = tables.query
    return lambda patch: patch.setattr(source, "query", lambda table, version: change(query(table, version)))


def headers(**always: str) -> Without:
    """Without the handling, every request has these headers and no configured token."""

    def sent(self: GoogleAds, login: str | None) -> dict[str, str]:
        own = {"login-customer-id": login} if login else {}
        return own | {name.replace("_", "-"): value for name, value in always.items()}

    return lambda patch: patch.setattr(GoogleAds, "_headers", sent)


def wide_ids(_: GoogleSandbox, patch: Patch) -> None:
    """Give the sandbox's ads odd ids beyond 2^53."""
    placement = Books.placement

    def widened(self: Books, *arguments: Any) -> Any:
        row = placement(self, *arguments)
        name = "ad_group_ad.ad.id"
        return {**row, name: row[name] % 1000 * 2 + 2**53 + 1} if row and name in row else row

    patch.setattr(Books, "placement", widened)


def quota_frees(google: GoogleSandbox, seconds: float) -> None:
    """After ten minutes."""
    if seconds >= 600:
        google.mend()


CLICKS_OF_ADS = replace(
    tables.CLICK_VIEWS,
    columns=tuple(replace(c, required=c.required or c.name == "ad_id") for c in tables.CLICK_VIEWS.columns),
)
CLICKS_BY_ID = replace(tables.CLICK_VIEWS, key=("customer_id", "date", "gclid"))

TRAPS: dict[str, Trap] = {
    # -- errors and limits
    **{
        f"a quota error in the body only: {what}": Trap(
            without,
            ("customers",),
            {"google_quota": {"daily": 0, "retry_delay": 600}},
            on_pause=quota_frees,
            fails=True,
        )
        for what, without in (("wrapped in an array", first_error_only), ("with retryDelay", no_retry_delay))
    },
    "an error after good batches, with status 200": Trap(
        first_error_only, METRICS, {"google_stream_error": {"batches": 1, "path": "FROM campaign"}}
    ),
    **{
        f"a temporary error ({kind}: {code}, {status})": Trap(
            no_retry,
            METRICS,
            {"google_error": {"status": status, "kind": kind, "code": code, "path": "FROM campaign"}},
            fails=True,
        )
        for status, kind, code in (
            (500, "internalError", "TRANSIENT_ERROR"),
            (500, "internalError", "INTERNAL_ERROR"),
            (503, "internalError", "TRANSIENT_ERROR"),
            (429, "quotaError", "RESOURCE_TEMPORARILY_EXHAUSTED"),
        )
    },
    # -- pages
    "a page size (400)": Trap(paged(pageSize=1000), METRICS, fails=True),
    "a page token that expires": Trap(
        paged(), METRICS, {"google_page_token": {"times": None}, "page_caps": {"google_rows": 20}}, fails=True
    ),
    **{
        f"an empty result: {what}": Trap(
            full_batches,
            CONVERSIONS,
            {"google_empty": {"as": form}},
            world={"google_hierarchy": {}},
            fails=True,
        )
        for form, what in (("array", "no batch"), ("batch", "a batch without results"))
    },
    # -- accounts
    "a client under a sub-manager": Trap(direct_clients_only, METRICS, world={"google_hierarchy": {}}),
    "a cancelled account": Trap(
        read_also(CLOSED), ("customers", "campaigns"), world={"google_hierarchy": {}}, fails=True
    ),
    "an account reached through its manager (403)": Trap(
        replaced(GoogleAds, "_headers", lambda self, login: {}), METRICS, fails=True
    ),
    "metrics of a manager (400)": Trap(read_also(MANAGER), METRICS, fails=True),
    "an account under two roots": Trap(
        no_dedupe,
        ("customers",),
        world={"google_hierarchy": {}},
        environment={"CUSTOMER_IDS": f"{MANAGER},{SUB_MANAGER}"},
    ),
    "another currency": Trap(in_the_managers_currency, ("customers",), world={"google_hierarchy": {}}),
    "instants in the account's time zone": Trap(
        converted("instant", _without_offset), ("lead_form_submissions",), world=LEADS
    ),
    # -- days
    "rows whose figures are all zero are left out": Trap(
        replaced(landing.Lander, "_markers", lambda lander, read: lander.empty()),
        METRICS,
        window=Window(date(2026, 6, 1), date(2026, 6, 30)),
    ),
    "clicks of more than one day (400)": Trap(long_pieces, CLICKS, window=LAST_DAYS, fails=True),
    "clicks older than 90 days (400)": Trap(
        spans(3),
        CLICKS,
        window=Window(date(2026, 8, 1), date(2026, 8, 8)),
        fails=True,
        truth_window=Window(date(2026, 8, 4), date(2026, 8, 8)),
    ),
    "days older than 37 months (400)": Trap(
        spans(92),
        METRICS,
        window=Window(date(2023, 9, 20), date(2023, 10, 4)),
        fails=True,
        truth_window=Window(date(2023, 10, 1), date(2023, 10, 4)),
    ),
    "conversions that come weeks after their click": Trap(
        spans(3),
        (*CONVERSIONS, "campaign_conversion_lags", "ad_conversions"),
        window=Window(date(2026, 6, 15), date(2026, 8, 31)),
        begin="2026-07-12T06:00:00+00:00",
    ),
    "clicks of an unfinished day": Trap(
        spans(0),
        CLICKS,
        window=Window(date(2026, 10, 8), date(2026, 10, 31)),
        begin="2026-10-12T18:00:00+00:00",
    ),
    # -- figures
    "fractions of conversions": Trap(
        converted("float", lambda value: pc.round(pc.cast(value, pa.float64()))), CONVERSIONS
    ),
    "int64 as text": Trap(integers_as_numbers, METRICS, fails=True),
    "ids beyond 2^53": Trap(converted("id", _as_double), ("ads",), prepare=wide_ids),
    "Performance Max has no ad groups": Trap(from_ads, METRICS),
    # without it more clicks than quarantine.percent are rejected
    "clicks without an ad": Trap(clicks_as(CLICKS_OF_ADS), CLICKS, window=LAST_DAYS, fails=True),
    "a click in several rows": Trap(
        clicks_as(CLICKS_BY_ID), CLICKS, world={"google_click_view": {"repeats": 0.5}}, window=LAST_DAYS
    ),
    "removed campaigns": Trap(
        queries(lambda text: f"{text} WHERE campaign.status != 'REMOVED'"), ("campaigns",)
    ),
    "impressions with the conversion action (400)": Trap(
        queries(lambda text: text.replace(" FROM", ", metrics.impressions FROM")), CONVERSIONS, fails=True
    ),
    # -- versions and tokens
    "a field that an older version does not have (400)": Trap(
        lambda patch: patch.setattr(tables, "_SINCE", {}),
        ("asset_groups", "campaigns", "ads"),
        environment={"API_VERSION": "v23"},
        fails=True,
    ),
    "a developer token is rejected": Trap(
        headers(developer_token="none"),
        METRICS,
        {"google_developer_token": {"header": "rejected"}},
        fails=True,
    ),
    "a developer token is required": Trap(
        headers(),
        METRICS,
        {"google_developer_token": {"header": "required"}},
        environment={"DEVELOPER_TOKEN": "set"},
        fails=True,
    ),
}


# -- the test of all traps ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GoogleSandbox]:
    with served_google() as google:
        google.folder, google.days = tmp_path_factory.mktemp("truths"), OCTOBER
        yield google


@pytest.fixture
def google(served: GoogleSandbox) -> Iterator[GoogleSandbox]:
    served.at(NOW)
    yield served
    served.mend()


@pytest.mark.parametrize("trap", TRAPS.values(), ids=TRAPS)
def test_a_trap_changes_rows_only_without_its_handling(
    trap: Trap, google: GoogleSandbox, tmp_path: Path
) -> None:
    prove(trap, google, tmp_path)


# -- messages ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "environment", "fix"),
    [
        ("rejected", {"DEVELOPER_TOKEN": "old"}, "correct it, or remove it"),
        ("required", {}, "set it"),
    ],
)
def test_a_refused_or_missing_developer_token_is_reported_with_its_setting(
    header: str, environment: dict[str, str], fix: str, google: GoogleSandbox, tmp_path: Path
) -> None:
    google.faults({"google_developer_token": {"header": header}})
    with pytest.raises(pipelines.SettingError, match=rf"sources\.google_ads\.developer_token .*{fix}"):
        google.load(tmp_path, METRICS, environment)


@pytest.mark.parametrize("version", ["v23", "v24", "v25", "v26"])
def test_every_supported_version_lands_every_table(
    version: str, google: GoogleSandbox, tmp_path: Path
) -> None:
    google.faults(LEADS)
    names = [table.name for table in tables.RESOURCES]
    reports = google.load(tmp_path, names, {"API_VERSION": version}, LAST_DAYS)

    landed = {name for report in reports for name, count in report.rows.items() if count}
    assert landed == set(names)
    assert sum(report.quarantined for report in reports) == 0
