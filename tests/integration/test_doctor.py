"""The doctor against the simulated vendors and recorded refusals: one fault, one finding with its fix."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from adledger.cli import app
from ingestion.doctor import examine
from ingestion.pipelines import VENDORS
from ingestion.sources.hubspot.doctor import ENDPOINTS, Endpoint
from ingestion.sources.probe import Finding
from sandbox.apis.facebook_ads.objects import PAGE_ID, SECOND_PAGE_ID
from sandbox.apis.state import Sandbox
from sandbox.serve import build_sandbox, settings
from tests import companies
from tests.google import MANAGER
from tests.recorded.server import Exchange, Recorded, serve

HOUR = 3600
DAY = 24 * HOUR
NETWORKS = ("google_ads", "facebook_ads", "linkedin_ads")
TOKEN = "pat-eu1-secret"
VERSION = "2026-09"
SCOPES = [
    "oauth",
    "crm.objects.contacts.read",
    "crm.objects.deals.read",
    "crm.objects.companies.read",
    "forms",
    "crm.lists.read",
    "crm.objects.owners.read",
    "marketing.campaigns.read",
    "settings.currencies.read",
]


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Sandbox, str]]:
    """The simulated vendors on a loopback port, in this process, at the real time."""
    sandbox = build_sandbox(people=60, now=datetime.now(UTC))
    with companies.served(sandbox) as url:
        yield sandbox, url


@pytest.fixture
def company(served: tuple[Sandbox, str], monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """The vendors without a fault at the current time, and the settings for them."""
    sandbox, url = served
    sandbox.faults.clear()
    sandbox.set_now(datetime.now(UTC))
    keys = sandbox.credentials
    values = settings(sandbox, url) | {
        "SOURCES__LINKEDIN_ADS__CLIENT_ID": keys.linkedin_client[0],
        "SOURCES__LINKEDIN_ADS__CLIENT_SECRET": keys.linkedin_client[1],
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return sandbox


@pytest.fixture
def portal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorded]:
    """HubSpot with every scope, with answers from its documentation."""
    page = {"results": [{"id": "151"}]}
    crm = f"/crm/objects/{VERSION}"
    limits = {
        "X-HubSpot-RateLimit-Daily": "650000",
        "X-HubSpot-RateLimit-Daily-Remaining": "649000",
        "X-HubSpot-RateLimit-Max": "190",
        "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
    }
    account = {"portalId": 7000001, "timeZone": "Europe/Berlin", "companyCurrency": "EUR"}
    described = {"userId": 9, "hubId": 7000001, "appId": 1, "scopes": list(SCOPES)}
    info = "/oauth/v2/private-apps/get/access-token-info"
    associated = f"/crm/associations/{VERSION}/deals/contacts/batch/read"
    with serve("hubspot") as server:
        server.exchanges[:] = [
            Exchange("account", f"/account-info/{VERSION}/details", account, headers=limits),
            Exchange("token", info, described, "POST", contains=TOKEN),
            Exchange("contacts", f"{crm}/contacts", page, query={"limit": "1"}),
            Exchange("deals", f"{crm}/deals", page, query={"limit": "1"}),
            Exchange("companies", f"{crm}/companies", page, query={"limit": "1"}),
            Exchange("properties", f"/crm/properties/{VERSION}/contacts", page),
            Exchange("pipelines", f"/crm/pipelines/{VERSION}/deals", page),
            Exchange("forms", "/marketing/v3/forms", page, query={"limit": "1"}),
            Exchange("submissions", "/form-integrations/v1/submissions/forms/151", page),
            Exchange("events", f"/events/event-occurrences/{VERSION}", page, query={"limit": "1"}),
            Exchange("lists", f"/crm/lists/{VERSION}/search", {"lists": []}, "POST"),
            Exchange("owners", f"/crm/owners/{VERSION}", page, query={"limit": "1"}),
            Exchange("campaigns", f"/marketing/campaigns/{VERSION}", page, query={"limit": "1"}),
            Exchange("rates", f"/settings/currencies/{VERSION}/exchange-rates", page, query={"limit": "1"}),
            Exchange("associations", associated, page, "POST", contains='"151"'),
        ]
        monkeypatch.setenv("SOURCES__HUBSPOT__BASE_URL", server.url)
        monkeypatch.setenv("SOURCES__HUBSPOT__ACCESS_TOKEN", TOKEN)
        yield server


def faults(source: str, now: datetime | None = None) -> list[Finding]:
    """Return the findings that are worse than a note."""
    return [finding for finding in examine(source, now) if finding.level in ("warning", "error")]


def the_fault(source: str, now: datetime | None = None) -> Finding:
    (finding,) = faults(source, now)
    assert finding.fix
    assert finding.fix.endswith(".")
    assert finding.fix[0].isupper()
    return finding


def seen(source: str, check: str) -> list[str]:
    return [finding.seen for finding in examine(source) if finding.check == check]


def fault(company: Sandbox, name: str, **parameters: Any) -> None:
    company.faults.set(name, parameters)


def missing_scope(*scopes: str) -> dict[str, object]:
    """https://github.com/HubSpot/hubspot-api-nodejs/issues/268"""
    return {
        "status": "error",
        "message": "This app hasn't been granted all required scopes to make this call.",
        "category": "MISSING_SCOPES",
        "errors": [
            {
                "message": "One or more of the following scopes are required.",
                "context": {"requiredGranularScopes": list(scopes)},
            }
        ],
    }


# -- no fault ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", NETWORKS)
def test_a_network_without_faults_shows_its_account_and_every_check(company: Sandbox, source: str) -> None:
    found = list(examine(source))

    assert faults(source) == []
    account = next(held[0] for network, held in company.company.accounts.items() if network.value == source)
    (shown,) = [each for each in found if each.check == "accounts" and each.subject == account.id]
    assert shown.level == "ok"
    for part in (account.name, account.currency):
        assert part in shown.seen
    checks = {finding.check for finding in found}
    assert checks == {
        "credentials",
        "permissions",
        "accounts",
        "api_version",
        "clock",
        "rate_limit",
        "requests",
    }


def test_a_portal_without_faults_gets_one_request_per_endpoint(portal: Recorded) -> None:
    found = list(examine("hubspot"))

    assert faults("hubspot") == []
    assert seen("hubspot", "accounts") == ["portal 7000001, EUR, Europe/Berlin"]
    assert seen("hubspot", "rate_limit") == ["649,000 of 650,000 requests left today, 190 per 10 s"]
    assert found[-1].seen == "15 requests sent"
    paths = [request.path for request in portal.requests[:15]]
    assert len(set(paths)) == 15


def test_nothing_is_landed_and_no_state_is_written(
    company: Sandbox, portal: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADLEDGER_HOME", str(tmp_path))
    for source in VENDORS:
        list(examine(source))

    assert list(tmp_path.iterdir()) == []


def test_the_simulated_portal_has_no_fault(company: Sandbox) -> None:
    assert faults("hubspot") == []
    assert "scopes, does not expire" in seen("hubspot", "credentials")[0]


@pytest.mark.parametrize("endpoint", [each for each in ENDPOINTS if len(each.scopes) == 1])
def test_a_missing_scope_of_the_simulated_portal_is_reported(company: Sandbox, endpoint: Endpoint) -> None:
    fault(company, "missing_scope", scopes=list(endpoint.scopes))
    found = faults("hubspot")

    assert {(finding.check, finding.subject) for finding in found} == {("permissions", endpoint.scopes[0])}
    assert endpoint.without in found[0].seen


# -- one fault, one finding -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A fault of a source and its only finding: `seen` and `fix` are patterns.

    `access` is what the token may do, `environment` holds settings by key, blank to take one away.
    """

    source: str
    check: str
    seen: str = ""
    fix: str = ""
    level: str = "error"
    access: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    subject: str | None = None


GOOGLE, META, LINKEDIN = NETWORKS
SETTING = r"^sources\.facebook_ads\.api_version is not an API version$"
DATA_ENDS = "^access to the user's data expires in 3 days"
DEAD = r"^version 202701 is not active \(426\): Requested version 202701 is not active$"
CASES: dict[str, Case] = {
    "malformed": Case(
        META, "settings", SETTING, r"^Set it like v26\.0\.$", environment={"API_VERSION": "26"}
    ),
    # -- credentials
    **{
        f"refused {source} {key}": Case(
            source, "credentials", detail, f"sources.{source}.", environment={key: value}
        )
        for source, key, value, detail in (
            (GOOGLE, "REFRESH_TOKEN", "revoked", "invalid_grant"),
            (GOOGLE, "CLIENT_SECRET", "wrong", "invalid_client"),
            (META, "ACCESS_TOKEN", "EAAB-other", "Invalid OAuth access token"),
            (LINKEDIN, "ACCESS_TOKEN", "AQX-other", "Invalid access token"),
        )
    },
    **{
        f"{source}: {seen}": Case(source, "credentials", seen, level=level, access=access)
        for source, level, seen, access in (
            (META, "warning", "expires in 5 days", {"expires_in": 5 * DAY + HOUR}),
            (META, "error", "Session has expired", {"expires_in": -HOUR}),
            (META, "warning", DATA_ENDS, {"data_access_expires_in": 3 * DAY + HOUR}),
            (LINKEDIN, "warning", "expires in 9 days", {"expires_in": 9 * DAY + HOUR}),
            (LINKEDIN, "error", "revoked", {"token_status": "revoked"}),
            (LINKEDIN, "error", "expired", {"token_status": "expired"}),
        )
    },
    "wrong app secret": Case(
        META, "credentials", fix="sources.facebook_ads.app_secret", environment={"APP_SECRET": "wrong"}
    ),
    "token of another app": Case(
        LINKEDIN, "credentials", "", "those of the token's app", "warning", {}, {"CLIENT_SECRET": "wrong"}
    ),
    # -- permissions
    "no scope": Case(
        GOOGLE, "permissions", fix="https://www.googleapis.com/auth/adwords", access={"scoped": False}
    ),
    "no reporting": Case(
        LINKEDIN,
        "permissions",
        "no spend and no conversions",
        access={"scopes": ["r_ads"]},
        subject="r_ads_reporting",
    ),
    "no ads": Case(LINKEDIN, "permissions", access={"scopes": ["r_ads_reporting"]}, subject="r_ads"),
    # -- accounts
    **{
        f"unknown {source} account": Case(
            source, "accounts", fix=f"SOURCES__{source}__{key}".upper(), environment={key: "42"}, subject="42"
        )
        for source, key in ((GOOGLE, "CUSTOMER_IDS"), (META, "ACCOUNT_IDS"), (LINKEDIN, "ACCOUNT_IDS"))
    },
    **{
        f"{source} token without access to any account": Case(
            source, "accounts", access=access, environment=dict.fromkeys(keys, "")
        )
        for source, access, keys in (
            (GOOGLE, {"direct": False}, ("CUSTOMER_IDS", "LOGIN_CUSTOMER_ID")),
            (META, {"assigned": False}, ("ACCOUNT_IDS",)),
            (LINKEDIN, {"role": None}, ("ACCOUNT_IDS",)),
        )
    },
    **{
        f"manager {manager or 'missing'}": Case(
            GOOGLE, "accounts", fix=fix, environment={"LOGIN_CUSTOMER_ID": manager}
        )
        for manager, fix in (("", "Set sources.google_ads.login_customer_id"), ("1112223333", MANAGER))
    },
    "manager without accounts": Case(
        GOOGLE,
        "accounts",
        "no enabled account under the managers",
        access={"linked": False},
        environment={"CUSTOMER_IDS": ""},
    ),
    "deactivated account": Case(
        GOOGLE, "accounts", "CUSTOMER_NOT_ENABLED", "Reactivate", access={"status": "CANCELED"}
    ),
    "unsettled account": Case(META, "accounts", "unsettled$", level="warning", access={"account_status": 3}),
    # -- versions and limits
    "dead version": Case(
        LINKEDIN, "api_version", DEAD, "LINKEDIN_VERSION", environment={"LINKEDIN_VERSION": "202701"}
    ),
    "limit nearly used up": Case(
        META, "rate_limit", "^80 % of the limit used$", level="warning", access={"used_percent": 80}
    ),
    "limit used up": Case(META, "rate_limit", fix="25 minutes", access={"regain": 25}),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_fault_is_one_finding_with_problem_and_fix(
    case: Case, company: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in case.environment.items():
        monkeypatch.setenv(f"SOURCES__{case.source}__{key}".upper(), value)
    if case.access:
        fault(company, case.source.replace("_ads", "_access"), **case.access)
    finding = the_fault(case.source)

    assert (finding.check, finding.level) == (case.check, case.level)
    assert re.search(case.seen, finding.seen)
    assert re.search(case.fix, finding.fix or "")
    assert case.subject in (None, finding.subject)


DOWN = {"status": "error", "message": "upstream down", "category": "X"}
EXPIRED = {"status": "error", "message": f"Authentication {TOKEN} expired", "category": "X"}
PAGE: dict[str, Any] = {"raw": "<html>Sign in</html>", "headers": {"Content-Type": "text/html"}}


@pytest.mark.parametrize(
    ("status", "sent", "check", "seen", "fix", "most"),
    [
        *(
            (status, PAGE, "reachability", "", "Set sources.hubspot.base_url", 3)
            for status in (200, 403, 502)
        ),
        (503, {"answer": DOWN}, "reachability", "upstream down", "", 1),
        (401, {"answer": EXPIRED}, "credentials", "expired", "sources.hubspot.access_token", 1),
    ],
)
def test_an_unusable_first_answer_ends_the_examination(
    status: int, sent: dict[str, Any], check: str, seen: str, fix: str, most: int, portal: Recorded
) -> None:
    portal.first(Exchange("no", f"/account-info/{VERSION}/details", status=status, **sent))
    finding = the_fault("hubspot")

    assert (finding.check, finding.level) == (check, "error")
    assert seen in finding.seen
    assert fix in (finding.fix or "")
    assert TOKEN not in str(finding)
    assert len({request.path for request in portal.requests}) == 1
    assert len(portal.requests) <= most


def test_without_its_apps_secret_a_linkedin_token_is_only_accepted(
    company: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOURCES__LINKEDIN_ADS__CLIENT_SECRET")
    fault(company, "linkedin_access", expires_in=9 * DAY + HOUR)

    assert faults("linkedin_ads") == []
    assert seen("linkedin_ads", "credentials")[0].startswith("token accepted")


def test_the_accounts_under_a_manager_are_listed(company: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCES__GOOGLE_ADS__CUSTOMER_IDS")
    shown = seen("google_ads", "accounts")
    assert len(shown) == 2
    assert shown[0].startswith("manager ")

    fault(company, "google_access", status="CANCELED")
    below = faults("google_ads")
    assert [finding.level for finding in below] == ["warning", "error"]
    assert "CANCELED" in below[0].seen


# -- settings ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", VENDORS)
def test_a_source_without_credentials_is_a_note_with_the_variable(source: str) -> None:
    (finding,) = examine(source)

    assert finding.level == "note"
    assert finding.fix
    assert f"SOURCES__{source}__".upper() in finding.fix


def test_every_missing_part_of_a_credential_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__GOOGLE_ADS__REFRESH_TOKEN", "1//refresh-secret")
    found = list(examine("google_ads"))

    assert [finding.level for finding in found] == ["error", "error"]
    assert [finding.subject for finding in found] == [
        "sources.google_ads.client_id",
        "sources.google_ads.client_secret",
    ]
    assert "SOURCES__GOOGLE_ADS__CLIENT_SECRET" in (found[1].fix or "")


# -- reachability -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("scheme", "fix"), [("http", "proxy (HTTPS_PROXY)"), ("https", "SSL_CERT_FILE")])
def test_an_unreachable_server_is_reported_with_its_address(
    scheme: str, fix: str, portal: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = portal.url.removeprefix("http://")
    if scheme == "http":
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setenv("SOURCES__HUBSPOT__BASE_URL", f"{scheme}://{address}")
    finding = the_fault("hubspot")

    assert finding.check == "reachability"
    assert address in finding.seen
    assert "sources.hubspot.base_url" in finding.seen
    assert fix in (finding.fix or "")


# -- permissions ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("exchange", "scope", "level", "without"),
    [
        ("contacts", "crm.objects.contacts.read", "error", "no contacts"),
        ("deals", "crm.objects.deals.read", "error", "no won deals"),
        ("companies", "crm.objects.companies.read", "warning", "no companies"),
        ("forms", "forms", "error", "no form submissions"),
        ("submissions", "forms", "error", "no form submissions"),
        ("events", "business-intelligence", "warning", "attribution from contact properties"),
        ("lists", "crm.lists.read", "warning", "no ad-interaction lists"),
        ("owners", "crm.objects.owners.read", "warning", "no owners"),
        ("campaigns", "marketing.campaigns.read", "warning", "no HubSpot campaigns"),
        ("rates", "settings.currencies.read", "warning", "no portal exchange rates"),
    ],
)
def test_a_missing_hubspot_scope_is_reported_with_its_consequence(
    portal: Recorded, exchange: str, scope: str, level: str, without: str
) -> None:
    portal["token"].answer["scopes"] = [name for name in SCOPES if name != scope]
    portal[exchange].answer, portal[exchange].status = missing_scope(scope), 403
    finding = the_fault("hubspot")

    assert (finding.check, finding.level, finding.subject) == ("permissions", level, scope)
    assert without in finding.seen
    assert f"Add the scope {scope}: in HubSpot, Development" in (finding.fix or "")


def test_missing_events_of_a_smaller_tier_are_a_note_without_scope(portal: Recorded) -> None:
    portal["events"].answer, portal["events"].status = missing_scope("oauth"), 403
    notes = [each for each in examine("hubspot") if (each.check, each.level) == ("permissions", "note")]

    assert faults("hubspot") == []
    assert [note.seen for note in notes] == [
        "page views need an Enterprise hub (403): no page views: attribution from contact properties"
    ]


def test_unreported_scopes_are_tested_by_requests(portal: Recorded) -> None:
    portal["token"].answer, portal["token"].status = {"status": "error", "message": "no such key"}, 404
    portal["lists"].answer, portal["lists"].status = missing_scope("crm.lists.read"), 403

    assert the_fault("hubspot").subject == "crm.lists.read"
    assert "does not report this key's scopes" in seen("hubspot", "credentials")[0]


def test_an_oauth_token_is_described_by_its_own_endpoint(
    portal: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOURCES__HUBSPOT__ACCESS_TOKEN")
    for key in ("CLIENT_ID", "CLIENT_SECRET", "REFRESH_TOKEN"):
        monkeypatch.setenv(f"SOURCES__HUBSPOT__{key}", f"hubspot-{key}-secret")
    fresh = {"access_token": "fresh-secret", "expires_in": 1800}
    described = {"hub_id": 7000001, "user": "ann@ex.test", "scopes": SCOPES[:3], "expires_in": 1800}
    portal.first(Exchange("refresh", f"/oauth/{VERSION}/token", fresh, "POST"))
    portal.first(Exchange("described", "/oauth/v1/access-tokens/fresh-secret", described))
    portal["companies"].answer, portal["companies"].status = missing_scope("crm.objects.companies.read"), 403
    found = list(examine("hubspot"))

    assert any("renewed automatically" in finding.seen for finding in found)
    assert not portal.asked("/oauth/v2/private-apps/get/access-token-info")
    assert "authorise the app again" in (the_fault("hubspot").fix or "")
    assert not [finding for finding in found if re.search(r"ann@|secret", str(finding))]


def test_meta_without_ads_read_cannot_read_figures(company: Sandbox) -> None:
    fault(company, "facebook_access", permissions=["leads_retrieval", "pages_show_list"])
    found = faults("facebook_ads")

    assert (found[0].subject, found[0].level) == ("ads_read", "error")
    assert "ads_read" in (found[0].fix or "")
    assert {finding.check for finding in found} == {"permissions", "accounts"}


def test_without_metas_lead_permissions_a_refresh_works_without_leads(company: Sandbox) -> None:
    fault(company, "facebook_access", permissions=["ads_read"])
    found = list(examine("facebook_ads"))

    findings = {(each.check, each.level, each.subject) for each in found if each.level != "ok"}
    assert ("permissions", "note", "leads_retrieval") in findings
    assert ("accounts", "warning", PAGE_ID) in findings
    assert not [each for each in found if each.level == "error"]


def test_metas_pages_are_found_without_page_ids(company: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCES__FACEBOOK_ADS__PAGE_IDS")
    fault(company, "facebook_pages", second=True, refused=[PAGE_ID])
    found = {each.subject: each for each in examine("facebook_ads") if each.check == "accounts"}

    assert (found[SECOND_PAGE_ID].level, found[PAGE_ID].level) == ("ok", "warning")
    assert "its leads can be loaded" in found[SECOND_PAGE_ID].seen
    assert "returns no page access token" in found[PAGE_ID].seen
    assert "leads_retrieval" in (found[PAGE_ID].fix or "")


def test_pages_not_in_page_ids_are_reported(company: Sandbox) -> None:
    fault(company, "facebook_pages", second=True)
    findings = [each for each in examine("facebook_ads") if SECOND_PAGE_ID in each.seen]

    assert [(each.level, "pages not listed in" in each.seen) for each in findings] == [("note", True)]


def test_a_page_without_lead_permissions_shows_the_missing_ones(
    company: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOURCES__FACEBOOK_ADS__PAGE_IDS")
    fault(company, "facebook_access", permissions=["ads_read", "pages_show_list", "pages_manage_ads"])
    (finding,) = [each for each in examine("facebook_ads") if each.subject == PAGE_ID]

    assert finding.level == "warning"
    assert "cannot be loaded without leads_retrieval, pages_read_engagement" in finding.seen


# -- accounts ---------------------------------------------------------------------------------------------


def test_an_account_under_two_roots_is_reported_once(
    company: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = next(each for held in company.company.accounts.values() for each in held if each.manager_id)
    monkeypatch.setenv("SOURCES__GOOGLE_ADS__CUSTOMER_IDS", f"{account.manager_id},{account.id}")
    found = [finding.subject for finding in examine("google_ads") if finding.check == "accounts"]

    assert found == [account.manager_id, account.id]


def test_a_linkedin_account_without_a_role_is_an_error_though_it_is_listed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    empty = {"elements": []}
    account = {"id": 7, "name": "B2B", "currency": "EUR", "status": "ACTIVE"}
    other = {"account": "urn:li:sponsoredAccount:8", "role": "VIEWER", "user": "urn:li:person:x"}
    with serve("linkedin_ads") as server:
        server.exchanges[:] = [
            Exchange("accounts", "/rest/adAccounts", {"elements": [account]}),
            Exchange("users", "/rest/adAccountUsers", {"elements": [other]}),
            *(
                Exchange(name, f"/rest/adAccounts/7/{name}", empty)
                for name in ("adCampaignGroups", "adCampaigns")
            ),
            Exchange("creatives", "/rest/adAccounts/7/creatives", empty),
            Exchange("conversions", "/rest/conversions", empty),
            Exchange("figures", "/rest/adAnalytics", empty),
        ]
        monkeypatch.setenv("SOURCES__LINKEDIN_ADS__BASE_URL", server.url)
        monkeypatch.setenv("SOURCES__LINKEDIN_ADS__ACCESS_TOKEN", "AQX-secret")
        finding = the_fault("linkedin_ads")

    assert (finding.check, finding.level, finding.subject) == ("accounts", "error", "7")
    assert "has no role" in finding.seen


# -- versions, clock, limits ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "key", "version", "now", "level"),
    [
        ("google_ads", "API_VERSION", "v23", "2026-12-20T12:00:00Z", "warning"),
        ("google_ads", "API_VERSION", "v23", "2027-03-01T12:00:00Z", "error"),
        ("facebook_ads", "API_VERSION", "v24.0", "2026-10-07T12:00:00Z", "error"),
        ("linkedin_ads", "LINKEDIN_VERSION", "202601", "2026-12-01T12:00:00Z", "warning"),
    ],
)
def test_an_old_version_is_reported_before_and_after_its_end(
    source: str,
    key: str,
    version: str,
    now: str,
    level: str,
    company: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(f"SOURCES__{source}__{key}".upper(), version)
    found = [finding for finding in faults(source, datetime.fromisoformat(now)) if finding.check != "clock"]

    assert [(finding.check, finding.level, finding.subject) for finding in found] == [
        ("api_version", level, version)
    ]
    assert f"SOURCES__{source}__{key}".upper() in (found[0].fix or "")


@pytest.mark.parametrize(
    ("offset", "level", "side"),
    [(120, "warning", "ahead of"), (-120, "warning", "behind"), (900, "error", "ahead of"), (20, None, "")],
)
def test_a_wrong_clock_is_reported(company: Sandbox, offset: int, level: str | None, side: str) -> None:
    found = faults("google_ads", datetime.now(UTC) + timedelta(seconds=offset))

    assert [finding.level for finding in found] == ([level] if level else [])
    for finding in found:
        assert finding.check == "clock"
        assert side in finding.seen


def test_a_hubspot_portal_near_its_daily_limit_is_reported(portal: Recorded) -> None:
    portal["account"].headers["X-HubSpot-RateLimit-Daily-Remaining"] = "65000"
    finding = the_fault("hubspot")
    assert (finding.check, finding.level) == ("rate_limit", "warning")

    portal["account"].headers["X-HubSpot-RateLimit-Daily-Remaining"] = "0"
    assert the_fault("hubspot").level == "error"


def test_a_throttled_vendor_is_a_finding_without_waiting(portal: Recorded) -> None:
    body = {
        "status": "error",
        "message": "You have reached your ten_secondly_rolling limit.",
        "policyName": "TEN_SECONDLY_ROLLING",
    }
    portal["forms"].answer, portal["forms"].status = body, 429
    portal["forms"].headers["Retry-After"] = "10"
    finding = the_fault("hubspot")

    assert (finding.check, finding.level) == ("rate_limit", "error")
    assert "in 10 s" in (finding.fix or "")
    assert len(portal.asked("/marketing/v3/forms")) == 1


# -- the command ------------------------------------------------------------------------------------------


def test_the_command_exits_zero_without_an_error_and_one_with(
    company: Sandbox, portal: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    fine = CliRunner().invoke(app, ["doctor"])
    assert fine.exit_code == 0, fine.output
    assert "No problems" in fine.output
    for name in ("HubSpot", "Google Ads", "Facebook Ads", "LinkedIn Ads"):
        assert name in fine.output

    fault(company, "linkedin_access", scopes=["r_ads"])
    bad = CliRunner().invoke(app, ["doctor", "linkedin_ads", "hubspot"])
    assert bad.exit_code == 1
    assert "r_ads_reporting is missing" in bad.output
    assert "1 error" in bad.output
    assert "Google Ads" not in bad.output


def test_findings_as_json(company: Sandbox, portal: Recorded) -> None:
    fault(company, "linkedin_access", scopes=["r_ads"])
    result = CliRunner().invoke(app, ["doctor", "--json"])
    document = json.loads(result.output)

    assert result.exit_code == 1
    assert document["ok"] is False
    assert datetime.fromisoformat(document["checked_at"]).tzinfo
    assert {finding["source"] for finding in document["findings"]} == set(VENDORS)
    for finding in document["findings"]:
        assert set(finding) == {"source", "check", "level", "seen", "fix", "subject"}
        assert finding["level"] in ("ok", "note", "warning", "error")
        assert (finding["fix"] is not None) or finding["level"] not in ("warning", "error")


def test_no_secret_and_no_email_address_is_ever_shown(
    company: Sandbox, portal: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__FACEBOOK_ADS__APP_SECRET", "meta-app-secret")
    monkeypatch.setenv("SOURCES__LINKEDIN_ADS__ACCESS_TOKEN", "AQX-secret")
    keys = company.credentials
    secrets = (
        TOKEN,
        "meta-app-secret",
        "AQX-secret",
        keys.facebook_token,
        *keys.google_client[1:],
        *keys.linkedin_client[1:],
        *company.minted["google_ads"],
    )
    echo = f"ann@ex.test may not use Bearer {TOKEN} here"
    for exchange in portal.exchanges[1:]:
        exchange.answer, exchange.status = {"status": "error", "message": echo}, 403
    shown = CliRunner().invoke(app, ["doctor"]).output + CliRunner().invoke(app, ["doctor", "--json"]).output

    assert "may not use" in shown
    assert not [secret for secret in (*secrets, "ann@ex.test") if secret in shown]
