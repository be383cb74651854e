"""Checks of LinkedIn for `adledger doctor`: the accounts and roles, the token, one row of each resource."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from ingestion.http.client import token_endpoint
from ingestion.landing.resources import Window
from ingestion.sources.linkedin_ads import api, settings
from ingestion.sources.probe import Finding, Probe, Refused, Sunset

Ask = Callable[[str], list[dict[str, Any]]]

VENDOR = "LinkedIn"
TOKEN_FIX = (
    "Create a token with r_ads and r_ads_reporting (developer portal > Docs and tools > OAuth token tools)"
    " and set sources.linkedin_ads.access_token, or refresh_token with client_id and client_secret."
)
_ROLE_FIX = (
    "Give the token's member a role in the account (Campaign Manager > Account settings > Manage access)"
)

_MIGRATIONS = "https://learn.microsoft.com/en-us/linkedin/marketing/integrations/migrations"
_ANNOUNCED = {
    "202510": date(2026, 10, 15),
    "202511": date(2026, 11, 16),
    "202601": date(2027, 1, 15),
    "202602": date(2027, 2, 15),
    "202603": date(2027, 3, 16),
}
# optional scopes, and the data that is not loaded without them
_OPTIONAL = {
    settings.LEADS: "no lead forms and no leads",
    settings.POSTS: "no landing pages of sponsored content",
}


def sunset(version: str) -> Sunset | None:
    """Return the announced end of a version, else an estimate: a year later, the minimum support time."""
    if version in _ANNOUNCED:
        return Sunset(_ANNOUNCED[version], _MIGRATIONS)
    year, month = int(version[:4]), int(version[4:])
    return Sunset(date(year + 1, month, 15), _MIGRATIONS, exact=False) if 1 <= month <= 12 else None


def examine(probe: Probe) -> Iterator[Finding]:
    """Check settings, accounts, token, roles and resources. Raises Refused, SettingError."""
    ads = probe.connect(api.connect)
    yield probe.version(ads.version, "linkedin_version", sunset(ads.version))

    def ask(path: str) -> list[dict[str, Any]]:
        headers = {"LinkedIn-Version": ads.version, "X-Restli-Protocol-Version": settings.PROTOCOL_VERSION}
        document = probe.ask(partial(ads.client.get, path, headers=headers)).document
        if not isinstance(document, dict) or not isinstance(document.get("elements"), list):
            raise Refused("no_api", 200, f"{path.partition('?')[0]} sent no elements", probe.last_answer)
        elements: list[dict[str, Any]] = document["elements"]
        return elements

    try:
        accounts = ask(f"/rest/adAccounts?q=search&pageSize={settings.PAGE_SIZE}")
    except Refused as refused:
        if refused.status == 426:
            yield probe.finding(
                "api_version",
                "error",
                f"version {ads.version} is not active (426): {refused.detail}",
                f"Set {probe.setting('linkedin_version')} to {settings.LINKEDIN_VERSION} or a newer version.",
                ads.version,
            )
            return
        if refused.ends_examination:
            raise
        yield from _token(probe, ads)
        yield _refusal(probe, "ad accounts", "r_ads", "no accounts and no campaigns", refused)
        return
    yield from _token(probe, ads)
    yield probe.finding("permissions", "ok", "ad accounts", subject="r_ads")
    yield from _accounts(probe, ads, {str(row.get("id")): row for row in accounts}, ask)
    yield probe.finding("rate_limit", "note", "not reported by the API; daily limits reset at midnight UTC")


def _token(probe: Probe, ads: api.LinkedInAds) -> Iterator[Finding]:
    """Yield findings about the token's expiry and scopes.

    https://learn.microsoft.com/en-us/linkedin/shared/authentication/token-introspection
    """
    assert ads.client.token is not None
    client_id, secret = probe.section.get("client_id"), probe.section.get("client_secret")
    if client_id is None or secret is None:
        yield probe.finding(
            "credentials",
            "note",
            "token accepted; LinkedIn reports its expiry and scopes only to its own app",
            f"Set {probe.setting('client_id')} and client_secret, too, to see when the token expires.",
        )
        return
    tokens, path = token_endpoint(api.POLICY, probe.section.url("token_url", settings.TOKEN_URL))
    probe.client(tokens)
    introspection = f"{path.rpartition('/')[0]}/introspectToken"
    form = {"client_id": client_id, "client_secret": secret, "token": ads.client.token.value()}
    try:
        token = probe.ask(partial(tokens.post_form, introspection, form)).document
    except Refused as refused:
        seen = f"the token's expiry and scopes were refused ({refused.status}): {refused.detail}"
        fix = f"Check {probe.setting('client_id')} and client_secret: they must be those of the token's app."
        yield probe.finding("credentials", "warning", seen, fix)
        return
    token = token if isinstance(token, dict) else {}
    renewed = probe.section.get("access_token") is None
    if token.get("active") is False:
        yield probe.finding(
            "credentials", "error", f"token is {token.get('status', 'not active')}", TOKEN_FIX
        )
    elif expires := token.get("expires_at"):
        yield probe.expiry("access token", datetime.fromtimestamp(int(expires), UTC), TOKEN_FIX, renewed)
    scopes = {scope for scope in str(token.get("scope", "")).replace(" ", ",").split(",") if scope}
    for scope, without in _OPTIONAL.items():
        if scopes and scope not in scopes:
            yield probe.finding("permissions", "note", f"{scope} is missing: {without}", subject=scope)


def _accounts(
    probe: Probe, ads: api.LinkedInAds, reached: dict[str, dict[str, Any]], ask: Ask
) -> Iterator[Finding]:
    roles = yield from _roles(probe, ask)
    for account in ads.account_ids or tuple(reached):
        row = reached.get(account)
        if row is None:
            yield probe.finding(
                "accounts",
                "error",
                f"account {account} was not found among the {len(reached)} accounts of the token",
                f"{_ROLE_FIX}, or correct {probe.setting('account_ids')}.",
                account,
            )
            continue
        role = roles.get(account)
        seen = (
            f"{account} {row.get('name', 'without a name')}, {row.get('currency')},"
            f" {ads.reporting_time_zone}{f', {role}' if role else ''}"
        )
        if row.get("status", "ACTIVE") != "ACTIVE":
            ids = probe.setting("account_ids")
            fix = f"Reactivate the account in Campaign Manager, or take it out of {ids}."
            yield probe.finding("accounts", "warning", f"{seen}: {row['status']}", fix, account)
        elif roles and role is None:
            yield probe.finding(
                "accounts",
                "error",
                f"{seen}: the token's member has no role in it, so its figures would be empty",
                f"{_ROLE_FIX}.",
                account,
            )
        else:
            yield probe.finding("accounts", "ok", seen, subject=account)
    if not reached and not ads.account_ids:
        yield probe.finding("accounts", "error", "the token has access to no ad account", f"{_ROLE_FIX}.")
    readable = [account for account in ads.account_ids or tuple(reached) if account in reached]
    if readable:
        yield from _resources(probe, readable[0], ask)


def _roles(probe: Probe, ask: Ask) -> Generator[Finding, None, dict[str, str]]:
    """Return the member's role by account; every role may read all data. Empty if the request is refused.

    https://learn.microsoft.com/en-us/linkedin/marketing/integrations/ads/account-structure/create-and-manage-account-users
    """
    try:
        rows = ask("/rest/adAccountUsers?q=authenticatedUser&start=0&count=500")
    except Refused as refused:
        if refused.ends_examination:
            raise
        yield probe.finding(
            "accounts", "note", f"roles are not reported ({refused.status}): {refused.detail}"
        )
        return {}
    return {str(row.get("account", "")).rpartition(":")[2]: str(row.get("role")) for row in rows}


def _resources(probe: Probe, account: str, ask: Ask) -> Iterator[Finding]:
    """Request one row of each resource that the loader reads."""
    urn = api.restli_urn(f"urn:li:sponsoredAccount:{account}")
    yesterday = probe.now.date() - timedelta(days=1)
    span = api.restli_date_range(Window(yesterday, yesterday))
    scope = f"/rest/adAccounts/{account}"
    figures = (
        f"/rest/adAnalytics?q=analytics&pivot=CAMPAIGN&timeGranularity=ALL&dateRange={span}"
        f"&accounts={api.restli_list((urn,))}&fields=impressions"
    )
    for name, path, permission, without in (
        ("campaign groups", f"{scope}/adCampaignGroups?q=search&pageSize=1", "r_ads", "no campaigns"),
        ("campaigns", f"{scope}/adCampaigns?q=search&pageSize=1", "r_ads", "no campaigns"),
        ("creatives", f"{scope}/creatives?q=criteria&pageSize=1", "r_ads", "no ads"),
        (
            "conversion rules",
            f"/rest/conversions?q=account&account={urn}&start=0&count=1",
            "r_ads",
            "no rules",
        ),
        ("figures", figures, "r_ads_reporting", "no spend and no conversions"),
    ):
        try:
            ask(path)
        except Refused as refused:
            if refused.ends_examination:
                raise
            yield _refusal(probe, name, permission, without, refused)
        else:
            yield probe.finding("permissions", "ok", name, subject=permission)


def _refusal(probe: Probe, name: str, permission: str, without: str, refused: Refused) -> Finding:
    if refused.reason == "access":
        seen = f"{permission} is missing for {name} ({refused.status}): {without}"
        fix = (
            f"Add the product that grants {permission} to the app (developer portal > Products > Advertising"
            " API) and authorise again."
        )
    else:
        seen = f"{name} refused ({refused.status}): {refused.detail}: {without}"
        fix = f"Check {probe.setting('linkedin_version')}."
    return probe.finding("permissions", "error", seen, fix, permission)
