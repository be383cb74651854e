"""Checks of Meta for `adledger doctor`: the token, its permissions, the ad accounts, one row of each edge."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import orjson

from ingestion.http.client import Answer
from ingestion.sources.facebook_ads import api, pages, settings
from ingestion.sources.facebook_ads.usage import usage
from ingestion.sources.probe import Finding, Probe, Refused, Sunset

Ask = Callable[[str, dict[str, str]], dict[str, Any]]

VENDOR = "Meta"
TOKEN_FIX = (
    "Generate a token (Meta Business Suite > Settings > Users > System users > Generate token, with ads_read;"
    " choose «never» as its expiry) and set sources.facebook_ads.access_token."
)
_ASSIGN = (
    "Assign the ad account to the token's system user (Business Suite > Settings > Accounts > Ad accounts >"
    " People, «View performance»)"
)

# Dates of the Marketing API, which are earlier than the Graph API's
_SOURCE = "https://developers.facebook.com/documentation/ads-commerce/marketing-api/marketing-api-changelog/versions"
SUNSETS = {
    "v21.0": Sunset(date(2025, 9, 9), _SOURCE),
    "v22.0": Sunset(date(2026, 2, 19), _SOURCE),
    "v23.0": Sunset(date(2026, 6, 9), _SOURCE),
    "v24.0": Sunset(date(2026, 10, 6), _SOURCE),
    "v25.0": Sunset(None, _SOURCE),
    "v26.0": Sunset(None, _SOURCE),
}

# https://developers.facebook.com/docs/permissions: either one is enough to read ads
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
# Limits for the search of pages, so that an examination sends at most 20 requests.
_ACCOUNTS_WITH_PAGES = 3
_ADS_WITH_PAGES = 100
_PAGES_ASKED = 6
_EDGES = (
    ("campaigns", "id"),
    ("adsets", "id"),
    ("ads", "id"),
    ("adcreatives", "id"),
)


def examine(probe: Probe) -> Iterator[Finding]:
    """Check settings, token, permissions, accounts, edges, rate limit. Raises Refused, SettingError."""
    ads = probe.connect(api.connect)
    # a limit that is nearly used up is a finding here and must not delay requests
    ads.graph.client.policy = replace(ads.graph.client.policy, learn=lambda headers: None)
    yield probe.version(ads.graph.version, "api_version", SUNSETS.get(ads.graph.version))
    answer_headers: list[Mapping[str, str]] = []

    def ask(path: str, params: dict[str, str]) -> dict[str, Any]:
        answer: Answer = probe.ask(partial(ads.graph.get, path, params))
        answer_headers.append(answer.headers)
        if not isinstance(answer.document, dict):
            raise Refused("no_api", 200, f"{path} sent no object", probe.last_answer)
        document: dict[str, Any] = answer.document
        return document

    try:
        granted = _granted(ask("/me/permissions", {}))
    except Refused as refused:
        if refused.ends_examination:
            raise
        if "appsecret_proof" in refused.detail or "app secret" in refused.detail.lower():
            yield probe.finding(
                "credentials",
                "error",
                f"the token needs the right app secret ({refused.status}): {refused.detail}",
                f"Set {probe.setting('app_secret')} to the secret of the token's app (App settings > Basic).",
            )
            return
        granted = None
    yield from _token(probe, ads, ask, granted)
    readable: list[str] = []
    yield from _accounts(probe, ads, ask, readable)
    yield from _pages(probe, ads, ask, readable, granted)
    yield _headroom(probe, answer_headers)


def _granted(document: dict[str, Any]) -> set[str] | None:
    """Return the granted permissions; None if the answer contains no list.

    https://developers.facebook.com/docs/graph-api/reference/user/permissions
    """
    rows = document.get("data")
    if not isinstance(rows, list):
        return None
    return {str(row.get("permission")) for row in rows if row.get("status") == "granted"}


def _token(probe: Probe, ads: api.FacebookAds, ask: Ask, granted: set[str] | None) -> Iterator[Finding]:
    """Yield findings about the token's expiry and scopes.

    https://developers.facebook.com/docs/graph-api/reference/debug_token
    """
    assert ads.graph.client.token is not None
    try:
        token = ask("/debug_token", {"input_token": ads.graph.client.token.value()}).get("data") or {}
    except Refused as refused:
        if refused.ends_examination and refused.reason != "token":
            raise
        token = {}
        yield probe.finding("credentials", "note", "token accepted; Meta does not report its expiry")
    if token.get("is_valid") is False:
        reason = (token.get("error") or {}).get("message", "no reason given")
        yield probe.finding("credentials", "error", f"token is no longer valid: {reason}", TOKEN_FIX)
    elif token:
        kind = str(token.get("type", "access")).replace("_", " ").lower()
        if expires := token.get("expires_at"):
            yield probe.expiry(f"{kind} token", datetime.fromtimestamp(int(expires), UTC), TOKEN_FIX)
        else:
            yield probe.finding("credentials", "ok", f"{kind} token accepted, does not expire")
        if access := token.get("data_access_expires_at"):
            fix = "Let the token's user log in to the app again, or use a system user's token."
            yield probe.expiry("access to the user's data", datetime.fromtimestamp(int(access), UTC), fix)
    scopes = set(token.get("scopes") or ()) if granted is None else granted
    if granted is None and not token:
        yield probe.finding("permissions", "note", "not reported for this token, so each edge was tested")
        return
    if scopes.isdisjoint(_READ):
        yield probe.finding(
            "permissions", "error", "ads_read is missing: no spend and no conversions", TOKEN_FIX, "ads_read"
        )
    else:
        yield probe.finding("permissions", "ok", "ads_read", subject="ads_read")
    if missing := [name for name in settings.LEAD_PERMISSIONS if name not in scopes]:
        yield probe.finding(
            "permissions",
            "note",
            f"{', '.join(missing)} missing: leads are not loaded",
            subject=missing[0],
        )


def _accounts(probe: Probe, ads: api.FacebookAds, ask: Ask, readable: list[str]) -> Iterator[Finding]:
    """Yield findings of all accounts; add the accounts that can be read to `readable`."""
    found: dict[str, dict[str, Any]] = {}
    try:
        listed = ask("/me/adaccounts", {"fields": api.ACCOUNT_FIELDS, "limit": str(_ACCOUNTS_LISTED)})
        found = {str(row.get("account_id")): row for row in listed.get("data") or []}
    except Refused as refused:
        if refused.ends_examination:
            raise
        if not ads.account_ids:
            yield probe.finding(
                "accounts",
                "error",
                f"the list of accounts was refused ({refused.status}): {refused.detail}",
                TOKEN_FIX,
            )
    for account in ads.account_ids or tuple(found):
        try:
            row = found.get(account) or ask(f"/act_{account}", {"fields": api.ACCOUNT_FIELDS})
        except Refused as refused:
            if refused.ends_examination:
                raise
            yield probe.finding(
                "accounts",
                "error",
                f"account {account} was not found ({refused.status}): {refused.detail}",
                f"{_ASSIGN}, or correct {probe.setting('account_ids')}.",
                account,
            )
            continue
        readable.append(account)
        yield _account(probe, account, row)
    if not ads.account_ids and not found:
        yield probe.finding("accounts", "error", "the token has access to no ad account", f"{_ASSIGN}.")
    if readable:
        yield from _edges(probe, readable[0], ask)


def _account(probe: Probe, account: str, row: dict[str, Any]) -> Finding:
    seen = f"{account} {row.get('name', 'without a name')}, {row.get('currency')}, {row.get('timezone_name')}"
    status = row.get("account_status")
    if status is None or status in _ACTIVE:
        return probe.finding("accounts", "ok", seen, subject=account)
    return probe.finding(
        "accounts",
        "warning",
        f"{seen}: {_STATUSES.get(status, f'status {status}')}",
        "Settle the account in Meta Business Suite > Billing & payments, or take it out of"
        f" {probe.setting('account_ids')}.",
        account,
    )


def _edges(probe: Probe, account: str, ask: Ask) -> Iterator[Finding]:
    yesterday = str(probe.now.date() - timedelta(days=1))
    figures = {
        "fields": "spend",
        "time_range": orjson.dumps({"since": yesterday, "until": yesterday}).decode(),
    }
    for edge, params in (*((edge, {"fields": fields}) for edge, fields in _EDGES), ("insights", figures)):
        try:
            ask(f"/act_{account}/{edge}", {**params, "limit": "1"})
        except Refused as refused:
            if refused.ends_examination:
                raise
            fix = TOKEN_FIX if refused.reason == "access" else f"{_ASSIGN}."
            yield probe.finding(
                "permissions",
                "error",
                f"{edge} of {account} refused ({refused.status}): {refused.detail}",
                fix,
                edge,
            )
        else:
            yield probe.finding("permissions", "ok", edge, subject=edge)


def _pages(
    probe: Probe, ads: api.FacebookAds, ask: Ask, accounts: list[str], granted: set[str] | None
) -> Iterator[Finding]:
    """Yield findings about the leads of pages that the accounts promote."""
    found = _promoted(accounts[:_ACCOUNTS_WITH_PAGES], ask)
    asked = ads.page_ids or tuple(found)
    if not asked and accounts:
        yield probe.finding("accounts", "note", "the accounts promote no page, so there are no leads")
    if left := [page for page in found if page not in asked]:
        seen = f"pages not listed in {probe.setting('page_ids')}: {', '.join(left)}"
        yield probe.finding("accounts", "note", seen)
    for page in asked[:_PAGES_ASKED]:
        yield _page(probe, page, ask, granted, from_setting=bool(ads.page_ids))
    if unchecked := asked[_PAGES_ASKED:]:
        seen = f"pages not checked, to save requests: {', '.join(unchecked)}"
        yield probe.finding("accounts", "note", seen)


def _promoted(accounts: list[str], ask: Ask) -> list[str]:
    """Return the pages that the accounts list and the pages of their first ads. Raises Refused."""
    listed: list[str] = []
    named: list[pages.PromotedAd] = []
    for account in accounts:
        for edge, fields in (("promote_pages", pages.PAGE_FIELDS), ("ads", pages.AD_FIELDS)):
            try:
                rows = ask(f"/act_{account}/{edge}", {"fields": fields, "limit": str(_ADS_WITH_PAGES)})
            except Refused as refused:
                if refused.ends_examination:
                    raise
                # the ads contain the pages, too, and a refusal of the ads is already a finding
                continue
            data = rows.get("data") or []
            if edge == "ads":
                named += [pages.promoted_ad(row) for row in data]
            else:
                listed += [str(row["id"]) for row in data]
    return list(pages.page_ids(listed, named))


def _page(probe: Probe, page: str, ask: Ask, granted: set[str] | None, *, from_setting: bool) -> Finding:
    missing = [name for name in settings.LEAD_PERMISSIONS if granted is not None and name not in granted]
    grant = f"Assign the page to the token's user and grant {', '.join(missing or settings.LEAD_PERMISSIONS)}"
    fix = f"{grant}, or correct {probe.setting('page_ids')}." if from_setting else f"{grant}."
    try:
        row = ask(f"/{page}", {"fields": "name,access_token"})
    except Refused as refused:
        if refused.ends_examination:
            raise
        seen = f"page {page} was not found ({refused.status}): {refused.detail}"
        return probe.finding("accounts", "warning", seen, fix, page)
    named = f"page {page} {row.get('name', '')}".rstrip()
    if not row.get("access_token"):
        seen = f"{named} returns no page access token: its leads can be loaded ad by ad at most"
        return probe.finding("accounts", "warning", seen, fix, page)
    if missing:
        seen = f"{named}: its leads cannot be loaded without {', '.join(missing)}"
        return probe.finding("accounts", "warning", seen, fix, page)
    return probe.finding("accounts", "ok", f"{named}: its leads can be loaded", subject=page)


def _headroom(probe: Probe, answers: list[Mapping[str, str]]) -> Finding:
    """Return a finding about the highest usage in the headers of all answers."""
    usages = [found for headers in answers if (found := usage(headers))]
    fix = "Pause other programs that use the app, or ask for standard access to the Ads Management use case."
    if not usages:
        return probe.finding("rate_limit", "note", "usage not reported")
    percent, minutes = max(each.percent for each in usages), max(each.regain for each in usages) / 60
    if minutes:
        seen = f"used up, {minutes:.0f} minutes until requests are allowed again"
        return probe.finding("rate_limit", "error", seen, f"Wait {minutes:.0f} minutes before a refresh.")
    return probe.limit_usage(percent, f"{percent:.0f} % of the limit used", fix)
