"""Checks of Google Ads for `adledger doctor`: the refresh token, the accounts, one report."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import partial
from typing import Any

from ingestion.sources.google_ads import api, settings, tables
from ingestion.sources.probe import Finding, Probe, Refused, Sunset

VENDOR = "Google Ads"
SCOPE = "https://www.googleapis.com/auth/adwords"
TOKEN_FIX = (
    f"Authorise again with the scope {SCOPE} and set sources.google_ads.refresh_token; while the OAuth"
    " client is in testing (Google Cloud > Google Auth Platform > Audience), tokens expire after seven days."
)

# Major versions are supported for about a year; dates after v22 are estimates by month.
# https://developers.google.com/google-ads/api/docs/sunset-dates
_SOURCE = "https://developers.google.com/ads/blog/posts/2025/09/more-frequent-releases-coming-for"
SUNSETS = {
    "v21": Sunset(date(2026, 8, 5), "https://developers.google.com/google-ads/api/docs/sunset-dates"),
    "v22": Sunset(date(2026, 10, 7), "https://developers.google.com/google-ads/api/docs/sunset-dates"),
    "v23": Sunset(date(2027, 2, 1), _SOURCE, exact=False),
    "v24": Sunset(date(2027, 5, 1), _SOURCE, exact=False),
    "v25": Sunset(date(2027, 8, 1), _SOURCE, exact=False),
    "v26": Sunset(date(2027, 11, 1), _SOURCE, exact=False),
}
# https://developers.google.com/google-ads/api/reference/rpc/v26/CustomerStatusEnum.CustomerStatus
_ENABLED = "ENABLED"


def examine(probe: Probe) -> Iterator[Finding]:
    """Check settings, token, accounts and one report. Raises Refused, SettingError."""
    ads = probe.connect(api.connect)
    yield probe.version(ads.version, "api_version", SUNSETS.get(ads.version))
    headers = {"developer-token": ads.developer_token} if ads.developer_token else {}
    answer = probe.ask(
        partial(ads.client.get, f"/{ads.version}/customers:listAccessibleCustomers", headers=headers)
    )
    yield probe.finding("credentials", "ok", "refresh token accepted")
    direct = [str(name).rpartition("/")[2] for name in (answer.document or {}).get("resourceNames") or []]
    roots = ads.customer_ids or ((ads.login_customer_id,) if ads.login_customer_id else tuple(direct))
    if not roots:
        yield probe.finding(
            "accounts",
            "error",
            "the token's user has access to no account",
            "Invite that user in Google Ads under Admin > Access and security, or authorise as another user.",
        )
    yield from _accounts(probe, ads, roots, direct, headers)
    yield probe.finding(
        "rate_limit", "note", "not reported by the API; operations a day depend on the access level"
    )


def _accounts(
    probe: Probe, ads: api.GoogleAds, roots: tuple[str, ...], direct: list[str], headers: dict[str, str]
) -> Iterator[Finding]:
    readable: dict[str, str] = {}
    checked: set[str] = set()
    for root in roots:
        login = ads.login_customer_id or root
        try:
            rows = _search(
                probe,
                ads,
                root,
                tables.query(tables.CUSTOMERS, ads.version),
                {**headers, "login-customer-id": login},
            )
        except Refused as refused:
            if refused.ends_examination:
                raise
            yield _refused_account(probe, ads, root, refused, direct)
            continue
        for row in rows:
            client = row.get("customerClient") or {}
            account = str(client.get("id", ""))
            if account in checked:
                continue
            checked.add(account)
            yield _account(probe, account, client)
            if not client.get("manager") and client.get("status", _ENABLED) == _ENABLED:
                readable.setdefault(account, login)
    if checked and not readable:
        yield probe.finding(
            "accounts",
            "error",
            "no enabled account under the managers: there are no figures to load",
            f"Add an account to {probe.setting('customer_ids')}, or link one to the manager.",
        )
    for account, login in list(readable.items())[:1]:
        query = tables.query(tables.CAMPAIGN_METRICS, ads.version)
        query += " WHERE segments.date DURING YESTERDAY LIMIT 1"
        try:
            _search(probe, ads, account, query, {**headers, "login-customer-id": login})
        except Refused as refused:
            if refused.ends_examination:
                raise
            yield _refused_report(probe, ads, account, refused)
        else:
            yield probe.finding("permissions", "ok", "reports", subject=SCOPE)


def _search(
    probe: Probe, ads: api.GoogleAds, account: str, query: str, headers: dict[str, str]
) -> list[dict[str, Any]]:
    path = f"/{ads.version}/customers/{account}/googleAds:searchStream"
    document = probe.ask(partial(ads.client.post, path, {"query": query}, headers=headers)).document
    if not isinstance(document, list):
        raise Refused("no_api", 200, "searchStream sent no list of batches", probe.last_answer)
    return [row for batch in document for row in batch.get("results") or []]


def _account(probe: Probe, account: str, client: dict[str, Any]) -> Finding:
    status = str(client.get("status", _ENABLED))
    kind = "manager " if client.get("manager") else ""
    seen = (
        f"{kind}{account} {client.get('descriptiveName', 'without a name')},"
        f" {client.get('currencyCode')}, {client.get('timeZone')}"
    )
    if status != _ENABLED:
        return probe.finding(
            "accounts",
            "warning",
            f"{seen}: {status}, its figures are not loaded",
            f"Reactivate the account in Google Ads, or take it out of {probe.setting('customer_ids')}.",
            account,
        )
    return probe.finding("accounts", "ok", seen, subject=account)


def _refused_account(
    probe: Probe, ads: api.GoogleAds, root: str, refused: Refused, direct: list[str]
) -> Finding:
    """Return the finding about a refused account.

    https://developers.google.com/google-ads/api/docs/common-errors#authorizationerror
    """
    seen = f"account {root} is not accessible ({refused.status}): {refused.detail}"
    if refused.reason == "request":
        return _refused_report(probe, ads, root, refused)
    if "CUSTOMER_NOT_ENABLED" in refused.detail:
        fix = f"Reactivate the account in Google Ads, or take it out of {probe.setting('customer_ids')}."
    elif ads.login_customer_id is None:
        fix = f"Set {probe.setting('login_customer_id')} to the manager account that {root} is linked to."
    elif ads.login_customer_id not in direct:
        fix = (
            f"Set {probe.setting('login_customer_id')} to a manager that the token's user has access to"
            f" ({', '.join(direct) or 'none'}), or invite that user to {ads.login_customer_id}."
        )
    else:
        fix = (
            f"Link {root} to the manager {ads.login_customer_id} (Google Ads > Sub-account settings),"
            f" or correct {probe.setting('customer_ids')}."
        )
    return probe.finding("accounts", "error", seen, fix, root)


def _refused_report(probe: Probe, ads: api.GoogleAds, account: str, refused: Refused) -> Finding:
    seen = f"a report of {account} was refused ({refused.status}): {refused.detail}"
    if "UNSUPPORTED_VERSION" in refused.detail:
        fix = f"Set {probe.setting('api_version')} to {settings.API_VERSION}."
        return probe.finding("api_version", "error", seen, fix, ads.version)
    if "SCOPE" in refused.detail.upper():
        return probe.finding("permissions", "error", seen, TOKEN_FIX, SCOPE)
    if "CLOUD_PROJECT" in refused.detail or "DEVELOPER_TOKEN" in refused.detail:
        fix = (
            "Apply for Basic access for the Google Cloud project of the OAuth client (Google Ads API Center)."
        )
        return probe.finding("permissions", "error", seen, fix, SCOPE)
    fix = "Give the token's user at least read-only access in Google Ads under Admin > Access and security."
    return probe.finding("permissions", "error", seen, fix, SCOPE)
