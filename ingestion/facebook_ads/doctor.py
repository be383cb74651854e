"""What `adledger doctor` asks Meta: the token, its permissions, the ad accounts, one row of every edge."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import orjson

from ingestion.doctor import Finding, Level, Refused, Sunset, Visit
from ingestion.facebook_ads import api, settings
from ingestion.facebook_ads.usage import usage
from ingestion.http import Answer

Ask = Callable[[str, dict[str, str]], dict[str, Any]]

CREDENTIALS = settings.CREDENTIALS
VENDOR = "Meta"
TOKEN_FIX = (
    "Generate a token (Meta Business Suite > Settings > Users > System users > Generate token, with ads_read;"
    " choose «never» as its expiry) and set sources.facebook_ads.access_token."
)
_ASSIGN = (
    "Assign the ad account to the token's system user (Business Suite > Settings > Accounts > Ad accounts >"
    " People, «View performance»)"
)

# The Marketing API's own dates, which are earlier than the Graph API's
_SOURCE = "https://developers.facebook.com/documentation/ads-commerce/marketing-api/marketing-api-changelog/versions"
SUNSETS = {
    "v21.0": Sunset(date(2025, 9, 9), _SOURCE),
    "v22.0": Sunset(date(2026, 2, 19), _SOURCE),
    "v23.0": Sunset(date(2026, 6, 9), _SOURCE),
    "v24.0": Sunset(date(2026, 10, 6), _SOURCE),
    "v25.0": Sunset(None, _SOURCE),
    "v26.0": Sunset(None, _SOURCE),
}

# https://developers.facebook.com/docs/permissions: either one reads ads
_READ = ("ads_read", "ads_management")
# https://developers.facebook.com/docs/marketing-api/reference/ad-account: account_status
_STATUSES = {
    2: "disabled",
    3: "unsettled",
    7: "pending risk review",
    8: "pending settlement",
    9: "in grace period",
    100: "pending closure",
    101: "closed",
}
_ACTIVE = (1, 201, 202)
_ACCOUNTS_LISTED = 200
_EDGES = (
    ("campaigns", "id"),
    ("adsets", "id"),
    ("ads", "id"),
    ("adcreatives", "id"),
)


def examine(visit: Visit) -> Iterator[Finding]:
    """Settings, token, permissions, accounts, edges, headroom. Raises Refused, SettingError."""
    ads = visit.connect(api.connect)
    # a limit that is nearly used up is a finding here, nothing to slow down for
    ads.graph.client.policy = replace(ads.graph.client.policy, learn=lambda headers: None)
    yield visit.version(ads.graph.version, "api_version", SUNSETS.get(ads.graph.version))
    told: list[Mapping[str, str]] = []

    def ask(path: str, params: dict[str, str]) -> dict[str, Any]:
        answer: Answer = visit.ask(partial(ads.graph.get, path, params))
        told.append(answer.headers)
        if not isinstance(answer.document, dict):
            raise Refused("no_api", 200, f"{path} sent no object", visit.seen)
        document: dict[str, Any] = answer.document
        return document

    try:
        granted = _granted(ask("/me/permissions", {}))
    except Refused as refused:
        if refused.ends_the_visit:
            raise
        if "appsecret_proof" in refused.detail or "app secret" in refused.detail.lower():
            yield visit.finding(
                "credentials",
                "error",
                f"the token needs the right app secret ({refused.status}): {refused.detail}",
                f"Set {visit.setting('app_secret')} to the secret of the token's app (App settings > Basic).",
            )
            return
        granted = None
    yield from _token(visit, ads, ask, granted)
    yield from _accounts(visit, ads, ask)
    yield from _pages(visit, ads, ask)
    yield _headroom(visit, told)


def _granted(document: dict[str, Any]) -> set[str] | None:
    """https://developers.facebook.com/docs/graph-api/reference/user/permissions"""
    rows = document.get("data")
    if not isinstance(rows, list):
        return None
    return {str(row.get("permission")) for row in rows if row.get("status") == "granted"}


def _token(visit: Visit, ads: api.FacebookAds, ask: Ask, granted: set[str] | None) -> Iterator[Finding]:
    """Life and scopes by https://developers.facebook.com/docs/graph-api/reference/debug_token"""
    assert ads.graph.client.token is not None
    try:
        told = ask("/debug_token", {"input_token": ads.graph.client.token.value()}).get("data") or {}
    except Refused as refused:
        if refused.ends_the_visit and refused.reason != "token":
            raise
        told = {}
        yield visit.finding("credentials", "note", "token accepted; Meta does not tell this token's life")
    if told.get("is_valid") is False:
        reason = (told.get("error") or {}).get("message", "no reason told")
        yield visit.finding("credentials", "error", f"token is no longer valid: {reason}", TOKEN_FIX)
    elif told:
        kind = str(told.get("type", "access")).replace("_", " ").lower()
        if expires := told.get("expires_at"):
            yield visit.expiry(f"{kind} token", datetime.fromtimestamp(int(expires), UTC), TOKEN_FIX)
        else:
            yield visit.finding("credentials", "ok", f"{kind} token accepted, does not expire")
        if access := told.get("data_access_expires_at"):
            fix = "Let the token's user log in to the app again, or use a system user's token."
            yield visit.expiry("access to the user's data", datetime.fromtimestamp(int(access), UTC), fix)
    scopes = set(told.get("scopes") or ()) if granted is None else granted
    if granted is None and not told:
        yield visit.finding("permissions", "note", "not told for this token; each edge was asked")
        return
    if scopes.isdisjoint(_READ):
        yield visit.finding(
            "permissions", "error", "ads_read is missing: no spend and no conversions", TOKEN_FIX, "ads_read"
        )
    else:
        yield visit.finding("permissions", "ok", "ads_read", subject="ads_read")
    if missing := [name for name in settings.LEAD_PERMISSIONS if name not in scopes]:
        yield visit.finding(
            "permissions",
            "note",
            f"{', '.join(missing)} missing: the leads of page_ids are not read",
            subject=missing[0],
        )


def _accounts(visit: Visit, ads: api.FacebookAds, ask: Ask) -> Iterator[Finding]:
    found: dict[str, dict[str, Any]] = {}
    try:
        listed = ask("/me/adaccounts", {"fields": api.ACCOUNT_FIELDS, "limit": str(_ACCOUNTS_LISTED)})
        found = {str(row.get("account_id")): row for row in listed.get("data") or []}
    except Refused as refused:
        if refused.ends_the_visit:
            raise
        if not ads.account_ids:
            yield visit.finding(
                "accounts",
                "error",
                f"the accounts are not told ({refused.status}): {refused.detail}",
                TOKEN_FIX,
            )
    readable = []
    for account in ads.account_ids or tuple(found):
        try:
            row = found.get(account) or ask(f"/act_{account}", {"fields": api.ACCOUNT_FIELDS})
        except Refused as refused:
            if refused.ends_the_visit:
                raise
            yield visit.finding(
                "accounts",
                "error",
                f"account {account} was not found ({refused.status}): {refused.detail}",
                f"{_ASSIGN}, or correct {visit.setting('account_ids')}.",
                account,
            )
            continue
        readable.append(account)
        yield _account(visit, account, row)
    if not ads.account_ids and not found:
        yield visit.finding("accounts", "error", "the token reaches no ad account", f"{_ASSIGN}.")
    if readable:
        yield from _edges(visit, readable[0], ask)


def _account(visit: Visit, account: str, row: dict[str, Any]) -> Finding:
    seen = f"{account} {row.get('name', 'without a name')}, {row.get('currency')}, {row.get('timezone_name')}"
    status = row.get("account_status")
    if status is None or status in _ACTIVE:
        return visit.finding("accounts", "ok", seen, subject=account)
    return visit.finding(
        "accounts",
        "warning",
        f"{seen}: {_STATUSES.get(status, f'status {status}')}",
        "Settle the account in Meta Business Suite > Billing & payments, or take it out of"
        f" {visit.setting('account_ids')}.",
        account,
    )


def _edges(visit: Visit, account: str, ask: Ask) -> Iterator[Finding]:
    yesterday = str(visit.now.date() - timedelta(days=1))
    figures = {
        "fields": "spend",
        "time_range": orjson.dumps({"since": yesterday, "until": yesterday}).decode(),
    }
    for edge, params in (*((edge, {"fields": fields}) for edge, fields in _EDGES), ("insights", figures)):
        try:
            ask(f"/act_{account}/{edge}", {**params, "limit": "1"})
        except Refused as refused:
            if refused.ends_the_visit:
                raise
            fix = TOKEN_FIX if refused.reason == "access" else f"{_ASSIGN}."
            yield visit.finding(
                "permissions",
                "error",
                f"{edge} of {account} refused ({refused.status}): {refused.detail}",
                fix,
                edge,
            )
        else:
            yield visit.finding("permissions", "ok", edge, subject=edge)


def _pages(visit: Visit, ads: api.FacebookAds, ask: Ask) -> Iterator[Finding]:
    level: Level
    for page in ads.page_ids:
        try:
            told = ask(f"/{page}", {"fields": "name,access_token"})
        except Refused as refused:
            if refused.ends_the_visit:
                raise
            told, level = {}, "error"
            seen = f"page {page} was not found ({refused.status}): {refused.detail}"
        else:
            level, seen = "warning", f"page {page} gives no token of its own: its leads are not read"
        if told.get("access_token"):
            yield visit.finding(
                "accounts", "ok", f"page {page} {told.get('name', '')}".rstrip(), subject=page
            )
        else:
            fix = (
                f"Assign the page to the token's user with {', '.join(settings.LEAD_PERMISSIONS)}, or correct"
                f" {visit.setting('page_ids')}."
            )
            yield visit.finding("accounts", level, seen, fix, page)


def _headroom(visit: Visit, answers: list[Mapping[str, str]]) -> Finding:
    """Percent used, from whichever answer told most."""
    told = [found for headers in answers if (found := usage(headers))]
    fix = "Pause other programs that use the app, or ask for standard access to the Ads Management use case."
    if not told:
        return visit.finding("rate_limit", "note", "no usage told")
    percent, minutes = max(each.percent for each in told), max(each.regain for each in told) / 60
    if minutes:
        seen = f"used up, {minutes:.0f} minutes until requests are allowed again"
        return visit.finding("rate_limit", "error", seen, f"Wait {minutes:.0f} minutes before a refresh.")
    return visit.spent(percent, f"{percent:.0f} % of the limit used", fix)
