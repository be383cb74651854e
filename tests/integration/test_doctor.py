"""The doctor against the simulated vendors and recorded refusals: one fault, one finding with its fix."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from adledger.cli import app
from ingestion.doctor import examine
from ingestion.pipelines import VENDORS
from ingestion.sources.hubspot.doctor import ENDPOINTS, Endpoint
from ingestion.sources.visit import Finding
from sandbox.apis.facebook_ads.objects import PAGE_ID, SECOND_PAGE_ID
from sandbox.apis.state import Sandbox
from sandbox.serve import build_sandbox, settings
from tests import companies
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
    """The vendors without a fault, now, and the settings that point at them."""
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
    """HubSpot with every scope, as its documentation shows it."""
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
    """What is worse than a note."""
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


# -- all is well ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", NETWORKS)
def test_a_network_in_order_shows_its_account_and_every_check(company: Sandbox, source: str) -> None:
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


def test_a_portal_in_order_is_asked_once_per_endpoint(portal: Recorded) -> None:
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


def test_the_simulated_portal_in_order_has_no_fault(company: Sandbox) -> None:
    assert faults("hubspot") == []
    assert "scopes, does not expire" in seen("hubspot", "credentials")[0]


@pytest.mark.parametrize("endpoint", [each for each in ENDPOINTS if len(each.scopes) == 1])
def test_a_scope_taken_from_the_simulated_portal_is_named(company: Sandbox, endpoint: Endpoint) -> None:
    fault(company, "missing_scope", scopes=list(endpoint.scopes))
    found = faults("hubspot")

    assert {(finding.check, finding.subject) for finding in found} == {("permissions", endpoint.scopes[0])}
    assert endpoint.without in found[0].seen


# -- settings ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", VENDORS)
def test_a_source_without_credentials_is_a_note_that_names_the_variable(source: str) -> None:
    (finding,) = examine(source)

    assert finding.level == "note"
    assert finding.fix
    assert f"SOURCES__{source}__".upper() in finding.fix


def test_every_missing_part_of_a_credential_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__GOOGLE_ADS__REFRESH_TOKEN", "1//refresh-secret")
    found = list(examine("google_ads"))

    assert [finding.level for finding in found] == ["error", "error"]
    assert [finding.subject for finding in found] == [
        "sources.google_ads.client_id",
        "sources.google_ads.client_secret",
    ]
    assert "SOURCES__GOOGLE_ADS__CLIENT_SECRET" in (found[1].fix or "")


def test_a_malformed_setting_is_named_with_its_form(
    company: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__FACEBOOK_ADS__API_VERSION", "26")
    finding = the_fault("facebook_ads")

    assert finding.check == "settings"
    assert finding.seen == "sources.facebook_ads.api_version is no API version"
    assert finding.fix == "Set it like v26.0."


# -- reachability -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("scheme", "fix"), [("http", "proxy (HTTPS_PROXY)"), ("https", "speaks https")])
def test_an_address_that_does_not_answer_is_named(
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
    assert "SOURCES__HUBSPOT__BASE_URL" in (finding.fix or "")
    assert fix in (finding.fix or "")


@pytest.mark.parametrize("status", [200, 403, 502])
def test_a_page_of_a_proxy_is_no_api(portal: Recorded, status: int) -> None:
    page = {"status": status, "raw": "<html>Sign in</html>", "headers": {"Content-Type": "text/html"}}
    portal.first(Exchange("page", f"/account-info/{VERSION}/details", **page))
    finding = the_fault("hubspot")

    assert (finding.check, finding.level) == ("reachability", "error")
    assert "Set sources.hubspot.base_url" in (finding.fix or "")


def test_a_vendor_that_fails_is_asked_once(portal: Recorded) -> None:
    down = {"status": "error", "message": "upstream down", "category": "X"}
    portal.first(Exchange("down", f"/account-info/{VERSION}/details", down, status=503))
    finding = the_fault("hubspot")

    assert (finding.check, finding.level) == ("reachability", "error")
    assert "upstream down" in finding.seen
    assert len(portal.requests) == 1


# -- credentials ------------------------------------------------------------------------------------------


def test_a_refused_hubspot_token_ends_the_visit(portal: Recorded) -> None:
    refusal = {"status": "error", "message": f"Authentication {TOKEN} expired", "category": "X"}
    portal.first(Exchange("no", f"/account-info/{VERSION}/details", refusal, status=401))
    finding = the_fault("hubspot")

    assert finding.check == "credentials"
    assert "sources.hubspot.access_token" in (finding.fix or "")
    assert TOKEN not in str(finding)
    assert len(portal.requests) == 1


@pytest.mark.parametrize(
    ("source", "key", "value", "told"),
    [
        ("google_ads", "REFRESH_TOKEN", "revoked", "invalid_grant"),
        ("google_ads", "CLIENT_SECRET", "wrong", "invalid_client"),
        ("facebook_ads", "ACCESS_TOKEN", "EAAB-other", "Invalid OAuth access token"),
        ("linkedin_ads", "ACCESS_TOKEN", "AQX-other", "Invalid access token"),
    ],
)
def test_a_refused_credential_is_told_with_the_vendors_words(
    source: str, key: str, value: str, told: str, company: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"SOURCES__{source}__{key}".upper(), value)
    finding = the_fault(source)

    assert (finding.check, finding.level) == ("credentials", "error")
    assert told in finding.seen
    assert f"sources.{source}." in (finding.fix or "")


def test_a_meta_token_near_its_end_is_a_warning_and_past_it_an_error(company: Sandbox) -> None:
    fault(company, "facebook_access", expires_in=5 * DAY + HOUR)
    finding = the_fault("facebook_ads")
    assert (finding.check, finding.level) == ("credentials", "warning")
    assert "expires in 5 days" in finding.seen

    fault(company, "facebook_access", expires_in=-HOUR)
    finding = the_fault("facebook_ads")
    assert (finding.check, finding.level) == ("credentials", "error")
    assert "Session has expired" in finding.seen


def test_the_end_of_metas_data_access_is_its_own_warning(company: Sandbox) -> None:
    fault(company, "facebook_access", data_access_expires_in=3 * DAY + HOUR)
    finding = the_fault("facebook_ads")

    assert finding.seen.startswith("access to the user's data expires in 3 days")


def test_a_wrong_app_secret_is_named(company: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__FACEBOOK_ADS__APP_SECRET", "wrong")
    finding = the_fault("facebook_ads")

    assert finding.check == "credentials"
    assert "sources.facebook_ads.app_secret" in (finding.fix or "")


def test_linkedins_token_life_is_told_to_its_own_app_only(
    company: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault(company, "linkedin_access", expires_in=9 * DAY + HOUR)
    assert "expires in 9 days" in the_fault("linkedin_ads").seen

    monkeypatch.setenv("SOURCES__LINKEDIN_ADS__CLIENT_SECRET", "wrong")
    finding = the_fault("linkedin_ads")
    assert finding.level == "warning"
    assert "those of the token's app" in (finding.fix or "")

    monkeypatch.delenv("SOURCES__LINKEDIN_ADS__CLIENT_SECRET")
    assert faults("linkedin_ads") == []
    assert seen("linkedin_ads", "credentials")[0].startswith("token accepted")


@pytest.mark.parametrize("status", ["revoked", "expired"])
def test_a_linkedin_token_that_ended_is_told(company: Sandbox, status: str) -> None:
    fault(company, "linkedin_access", token_status=status)
    finding = the_fault("linkedin_ads")

    assert finding.check == "credentials"
    assert status in finding.seen


# -- permissions ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("exchange", "scope", "level", "without"),
    [
        ("contacts", "crm.objects.contacts.read", "error", "no contacts"),
        ("deals", "crm.objects.deals.read", "error", "no won deals"),
        ("companies", "crm.objects.companies.read", "warning", "no companies"),
        ("forms", "forms", "error", "no form submissions"),
        ("submissions", "forms", "error", "no form submissions"),
        ("lists", "crm.lists.read", "warning", "no ad-interaction lists"),
        ("owners", "crm.objects.owners.read", "warning", "no owners"),
        ("campaigns", "marketing.campaigns.read", "warning", "no HubSpot campaigns"),
        ("rates", "settings.currencies.read", "warning", "no portal exchange rates"),
    ],
)
def test_a_missing_hubspot_scope_is_named_with_what_it_costs(
    portal: Recorded, exchange: str, scope: str, level: str, without: str
) -> None:
    portal["token"].answer["scopes"] = [name for name in SCOPES if name != scope]
    portal[exchange].answer, portal[exchange].status = missing_scope(scope), 403
    finding = the_fault("hubspot")

    assert (finding.check, finding.level, finding.subject) == ("permissions", level, scope)
    assert without in finding.seen
    assert f"Add the scope {scope}: in HubSpot, Development" in (finding.fix or "")


def test_events_of_a_smaller_tier_are_a_note_not_a_scope(portal: Recorded) -> None:
    portal["events"].answer, portal["events"].status = missing_scope("oauth"), 403
    notes = [each for each in examine("hubspot") if (each.check, each.level) == ("permissions", "note")]

    assert faults("hubspot") == []
    assert [note.seen for note in notes] == [
        "page views need an Enterprise hub (403): no page views: attribution from contact properties"
    ]


def test_events_without_their_scope_name_it(portal: Recorded) -> None:
    portal["events"].answer, portal["events"].status = missing_scope("business-intelligence"), 403
    finding = the_fault("hubspot")

    assert (finding.level, finding.subject) == ("warning", "business-intelligence")
    assert "attribution from contact properties" in finding.seen


def test_scopes_that_are_not_told_are_found_by_asking(portal: Recorded) -> None:
    portal["token"].answer, portal["token"].status = {"status": "error", "message": "no such key"}, 404
    portal["lists"].answer, portal["lists"].status = missing_scope("crm.lists.read"), 403

    assert the_fault("hubspot").subject == "crm.lists.read"
    assert "does not tell this key's scopes" in seen("hubspot", "credentials")[0]


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

    assert any("renewed by itself" in finding.seen for finding in found)
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

    told = {(each.check, each.level, each.subject) for each in found if each.level != "ok"}
    assert ("permissions", "note", "leads_retrieval") in told
    assert ("accounts", "warning", PAGE_ID) in told
    assert not [each for each in found if each.level == "error"]


def test_metas_pages_are_found_without_page_ids(company: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCES__FACEBOOK_ADS__PAGE_IDS")
    fault(company, "facebook_pages", second=True, refused=[PAGE_ID])
    found = {each.subject: each for each in examine("facebook_ads") if each.check == "accounts"}

    assert (found[SECOND_PAGE_ID].level, found[PAGE_ID].level) == ("ok", "warning")
    assert "its leads can be read" in found[SECOND_PAGE_ID].seen
    assert "gives no token of its own" in found[PAGE_ID].seen
    assert "leads_retrieval" in (found[PAGE_ID].fix or "")


def test_pages_that_page_ids_leaves_out_are_told(company: Sandbox) -> None:
    fault(company, "facebook_pages", second=True)
    told = [each for each in examine("facebook_ads") if SECOND_PAGE_ID in each.seen]

    assert [(each.level, "left out by" in each.seen) for each in told] == [("note", True)]


def test_a_page_whose_leads_need_a_permission_says_which(
    company: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOURCES__FACEBOOK_ADS__PAGE_IDS")
    fault(company, "facebook_access", permissions=["ads_read", "pages_show_list", "pages_manage_ads"])
    (finding,) = [each for each in examine("facebook_ads") if each.subject == PAGE_ID]

    assert finding.level == "warning"
    assert "cannot be read without leads_retrieval, pages_read_engagement" in finding.seen


def test_a_google_token_without_the_scope_is_told(company: Sandbox) -> None:
    fault(company, "google_access", scoped=False)
    finding = the_fault("google_ads")

    assert finding.check == "permissions"
    assert "https://www.googleapis.com/auth/adwords" in (finding.fix or "")


def test_linkedin_without_reporting_has_no_figures(company: Sandbox) -> None:
    fault(company, "linkedin_access", scopes=["r_ads"])
    finding = the_fault("linkedin_ads")

    assert (finding.check, finding.subject) == ("permissions", "r_ads_reporting")
    assert "no spend and no conversions" in finding.seen


def test_linkedin_without_ads_has_no_accounts(company: Sandbox) -> None:
    fault(company, "linkedin_access", scopes=["r_ads_reporting"])
    assert the_fault("linkedin_ads").subject == "r_ads"


# -- accounts ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "key"),
    [("google_ads", "CUSTOMER_IDS"), ("facebook_ads", "ACCOUNT_IDS"), ("linkedin_ads", "ACCOUNT_IDS")],
)
def test_a_configured_account_that_is_not_there_is_named(
    source: str, key: str, company: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"SOURCES__{source}__{key}".upper(), "4242424242")
    finding = the_fault(source)

    assert (finding.check, finding.level, finding.subject) == ("accounts", "error", "4242424242")
    assert f"SOURCES__{source}__{key}".upper() in (finding.fix or "")


def test_a_manager_that_is_missing_or_out_of_reach_is_named(
    company: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOURCES__GOOGLE_ADS__LOGIN_CUSTOMER_ID")
    finding = the_fault("google_ads")
    assert "Set sources.google_ads.login_customer_id" in (finding.fix or "")

    monkeypatch.setenv("SOURCES__GOOGLE_ADS__LOGIN_CUSTOMER_ID", "1112223333")
    finding = the_fault("google_ads")
    manager = company.company.accounts
    assert finding.check == "accounts"
    assert any(
        account.manager_id and account.manager_id in (finding.fix or "")
        for held in manager.values()
        for account in held
    )


def test_the_accounts_under_a_manager_are_listed(company: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCES__GOOGLE_ADS__CUSTOMER_IDS")
    shown = seen("google_ads", "accounts")

    assert len(shown) == 2
    assert shown[0].startswith("manager ")

    fault(company, "google_access", linked=False)
    assert "no enabled account below the managers" in the_fault("google_ads").seen


def test_a_deactivated_google_account_is_told(company: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    fault(company, "google_access", status="CANCELED")
    finding = the_fault("google_ads")
    assert "CUSTOMER_NOT_ENABLED" in finding.seen
    assert "Reactivate" in (finding.fix or "")

    monkeypatch.delenv("SOURCES__GOOGLE_ADS__CUSTOMER_IDS")
    below = faults("google_ads")
    assert [finding.level for finding in below] == ["warning", "error"]
    assert "CANCELED" in below[0].seen


def test_a_token_that_reaches_no_account_says_where_to_invite(
    company: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("GOOGLE_ADS__CUSTOMER_IDS", "GOOGLE_ADS__LOGIN_CUSTOMER_ID", "FACEBOOK_ADS__ACCOUNT_IDS"):
        monkeypatch.delenv(f"SOURCES__{key}")
    monkeypatch.delenv("SOURCES__LINKEDIN_ADS__ACCOUNT_IDS")
    fault(company, "google_access", direct=False)
    fault(company, "facebook_access", assigned=False)
    fault(company, "linkedin_access", role=None)

    for source in NETWORKS:
        finding = the_fault(source)
        assert (finding.check, finding.level) == ("accounts", "error")


def test_an_account_under_two_roots_is_told_once(company: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_disabled_meta_account_is_a_warning(company: Sandbox) -> None:
    fault(company, "facebook_access", account_status=3)
    finding = the_fault("facebook_ads")

    assert (finding.check, finding.level) == ("accounts", "warning")
    assert finding.seen.endswith("unsettled")


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
def test_an_old_version_is_told_before_and_after_its_end(
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


def test_a_dead_linkedin_version_is_the_vendors_own_word(
    company: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__LINKEDIN_ADS__LINKEDIN_VERSION", "202701")
    finding = the_fault("linkedin_ads")

    assert finding.seen == "version 202701 is not active (426): Requested version 202701 is not active"
    assert "LINKEDIN_VERSION" in (finding.fix or "")


@pytest.mark.parametrize(
    ("offset", "level", "side"),
    [(120, "warning", "ahead of"), (-120, "warning", "behind"), (900, "error", "ahead of"), (20, None, "")],
)
def test_a_clock_that_is_off_is_told(company: Sandbox, offset: int, level: str | None, side: str) -> None:
    found = faults("google_ads", datetime.now(UTC) + timedelta(seconds=offset))

    assert [finding.level for finding in found] == ([level] if level else [])
    for finding in found:
        assert finding.check == "clock"
        assert side in finding.seen


def test_a_hubspot_portal_near_its_daily_limit_is_told(portal: Recorded) -> None:
    portal["account"].headers["X-HubSpot-RateLimit-Daily-Remaining"] = "65000"
    finding = the_fault("hubspot")
    assert (finding.check, finding.level) == ("rate_limit", "warning")

    portal["account"].headers["X-HubSpot-RateLimit-Daily-Remaining"] = "0"
    assert the_fault("hubspot").level == "error"


def test_a_throttled_vendor_is_a_finding_and_no_wait(portal: Recorded) -> None:
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


def test_metas_usage_is_told_in_percent_and_minutes(company: Sandbox) -> None:
    fault(company, "facebook_access", used_percent=80)
    finding = the_fault("facebook_ads")
    assert (finding.level, finding.seen) == ("warning", "80 % of the limit used")

    fault(company, "facebook_access", regain=25)
    finding = the_fault("facebook_ads")
    assert finding.level == "error"
    assert "25 minutes" in (finding.fix or "")


# -- the command ------------------------------------------------------------------------------------------


def test_the_command_exits_zero_without_an_error_and_one_with(
    company: Sandbox, portal: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    fine = CliRunner().invoke(app, ["doctor"])
    assert fine.exit_code == 0, fine.output
    assert "All is well" in fine.output
    for name in ("HubSpot", "Google Ads", "Facebook Ads", "LinkedIn Ads"):
        assert name in fine.output

    fault(company, "linkedin_access", scopes=["r_ads"])
    bad = CliRunner().invoke(app, ["doctor", "linkedin_ads", "hubspot"])
    assert bad.exit_code == 1
    assert "r_ads_reporting is missing" in bad.output
    assert "1 error" in bad.output
    assert "Google Ads" not in bad.output


def test_json_is_for_machines(company: Sandbox, portal: Recorded) -> None:
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


def test_no_secret_and_no_address_is_ever_shown(
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
