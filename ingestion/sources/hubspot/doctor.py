"""Checks of HubSpot for `adledger doctor`: the portal, the token's scopes, one record of each endpoint."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any
from urllib.parse import quote

from ingestion.sources.hubspot import api, settings
from ingestion.sources.probe import Finding, Level, Probe, Refused, Sunset

VENDOR = "HubSpot"
TOKEN_FIX = (
    "Create a new key under Development > Keys > Service keys (or open Legacy apps > your private app > Auth)"
    " and set sources.hubspot.access_token; for an OAuth app, authorise it again."
)

_VERSIONING = "https://developers.hubspot.com/docs/developer-tooling/platform/versioning"
_LEGACY_END = (
    "https://developers.hubspot.com/changelog/legacy-apis-and-legacy-apps-whats-going-unsupported-and-when"
)
_LEGACY_DAY = date(2027, 9, 1)
SUNSETS = {
    "2026-03": Sunset(date(2027, 9, 30), _VERSIONING, exact=False),
    "2026-09": Sunset(date(2028, 3, 8), _VERSIONING, exact=False),
    "v3": Sunset(_LEGACY_DAY, _LEGACY_END, exact=False),
}


@dataclass(frozen=True)
class Endpoint:
    """An endpoint that the loader reads, its alternative scopes, and the data missing without it.

    `level` is the level of a refusal: an error if a refresh needs the endpoint.
    """

    name: str
    legacy: str
    dated: str
    scopes: tuple[str, ...]
    without: str
    level: Level = "error"
    body: Mapping[str, Any] | None = None
    tier: str | None = None


def _crm(kind: str, without: str, level: Level = "error") -> Endpoint:
    return Endpoint(
        kind,
        f"/crm/v3/objects/{kind}?limit=1",
        f"/crm/objects/{{version}}/{kind}?limit=1",
        (f"crm.objects.{kind}.read",),
        without,
        level,
    )


# Scopes: https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/scopes and the
# «Scope requirements» of each page of https://developers.hubspot.com/docs/api-reference/latest/overview
ENDPOINTS = (
    _crm("contacts", "no contacts: nothing can be reconciled"),
    _crm("deals", "no won deals and no revenue"),
    _crm("companies", "no companies behind contacts and deals", "warning"),
    Endpoint(
        "property definitions",
        "/crm/v3/properties/contacts",
        "/crm/properties/{version}/contacts",
        ("crm.schemas.contacts.read", "crm.objects.contacts.read"),
        "no custom and renamed properties",
        "warning",
    ),
    Endpoint(
        "deal pipelines",
        "/crm/v3/pipelines/deals",
        "/crm/pipelines/{version}/deals",
        ("crm.objects.deals.read", "crm.schemas.deals.read"),
        "no stages: won deals cannot be identified",
    ),
    Endpoint(
        "forms",
        "/marketing/v3/forms?limit=1",
        "/marketing/v3/forms?limit=1",
        ("forms",),
        "no form submissions: no conversion of a contact is known",
    ),
    Endpoint(
        "page views",
        f"/events/v3/events?eventType={settings.PAGE_VIEW}&limit=1",
        f"/events/event-occurrences/{{version}}?eventType={settings.PAGE_VIEW}&limit=1",
        ("business-intelligence", "oauth"),
        "no page views: attribution from contact properties",
        "warning",
        tier="an Enterprise hub",
    ),
    Endpoint(
        "lists",
        "/crm/v3/lists/search",
        "/crm/lists/{version}/search",
        ("crm.lists.read",),
        "no ad-interaction lists: HubSpot's own count is not compared",
        "warning",
        body={"objectTypeId": "0-1", "offset": 0, "count": 1},
    ),
    Endpoint(
        "owners",
        "/crm/v3/owners?limit=1",
        "/crm/owners/{version}?limit=1",
        ("crm.objects.owners.read",),
        "no owners' names",
        "warning",
    ),
    Endpoint(
        "marketing campaigns",
        "/marketing/v3/campaigns?limit=1",
        "/marketing/campaigns/{version}?limit=1",
        ("marketing.campaigns.read",),
        "no HubSpot campaigns",
        "warning",
        tier="Marketing Hub Professional",
    ),
    Endpoint(
        "exchange rates",
        "/settings/v3/currencies/exchange-rates?limit=1",
        "/settings/currencies/{version}/exchange-rates?limit=1",
        ("settings.currencies.read", "multi-currency-read", "settings.currencies.write"),
        "no portal exchange rates: the seed exchange_rates must have every pair",
        "warning",
    ),
)


def examine(probe: Probe) -> Iterator[Finding]:
    """Check settings, portal, token, each endpoint and the rate limit. Raises Refused, SettingError."""
    portal = probe.connect(api.connect)
    yield probe.version(portal.version, "api_version", SUNSETS.get(portal.version))
    if not portal.version.startswith("v") and _LEGACY_DAY - probe.now.date() < timedelta(days=60):
        # form submissions have no dated path, so no setting can avoid this version
        fix = "Update adledger to its newest release."
        forms = Sunset(_LEGACY_DAY, _LEGACY_END, exact=False, fix=fix)
        yield probe.version("v1 (form submissions)", "api_version", forms)
    path = f"/account-info/{'v3' if portal.version.startswith('v') else portal.version}/details"
    details = probe.ask(partial(portal.client.get, path))
    account = details.document if isinstance(details.document, dict) else {}
    if "portalId" not in account:
        raise Refused("no_api", 200, f"{path} sent no portalId", probe.last_answer)
    currencies = ", ".join(account.get("additionalCurrencies") or [])
    yield probe.finding(
        "accounts",
        "ok",
        f"portal {account['portalId']}, {account.get('companyCurrency')}"
        f"{f' and {currencies}' if currencies else ''}, {account.get('timeZone')}",
        subject=str(account["portalId"]),
    )
    headroom = _headroom(probe, details.headers)
    granted = yield from _token(probe, portal)
    yield from _endpoints(probe, portal, granted)
    yield headroom


def _token(probe: Probe, portal: api.HubSpot) -> Generator[Finding, None, set[str] | None]:
    """Yield findings about the token; return its scopes, None if HubSpot does not report them.

    https://developers.hubspot.com/docs/apps/legacy-apps/private-apps/overview,
    https://developers.hubspot.com/docs/api-reference/legacy/authentication/oauth-tokens/v1/get-oauth-token-metadata
    """
    assert portal.client.token is not None
    value = portal.client.token.value()
    renewed = probe.section.get("access_token") is None
    described = partial(portal.client.get, f"/oauth/v1/access-tokens/{quote(value, safe='')}")
    private = partial(portal.client.post, "/oauth/v2/private-apps/get/access-token-info", {"tokenKey": value})
    for ask in (described,) if renewed else (private, described):
        try:
            document = probe.ask(ask).document
        except Refused as refused:
            if refused.ends_examination and refused.reason != "token":
                raise
            continue
        if isinstance(document, dict) and isinstance(document.get("scopes"), list):
            scopes = {str(scope) for scope in document["scopes"]}
            life = document.get("expires_in")
            kind = "access token accepted" if life is None else "OAuth token accepted"
            if isinstance(life, int | float):
                until = probe.now + timedelta(seconds=life)
                yield probe.expiry(kind + ",", until, TOKEN_FIX, renewed)
            else:
                yield probe.finding("credentials", "ok", f"{kind}, {len(scopes)} scopes, does not expire")
            return scopes
    yield probe.finding(
        "credentials",
        "ok",
        "accepted; HubSpot does not report this key's scopes, so each endpoint was tested",
    )
    return None


def _endpoints(probe: Probe, portal: api.HubSpot, granted: set[str] | None) -> Iterator[Finding]:
    """Test each endpoint with one small request; submissions and associations need a form and a deal."""
    documents: dict[str, Any] = {}
    for endpoint in ENDPOINTS:
        pattern = endpoint.legacy if portal.version.startswith("v") else endpoint.dated
        path = pattern.format(version=portal.version)
        documents[endpoint.name] = yield from _endpoint(probe, portal, endpoint, path, granted)
    if form := _first_id(documents["forms"]):
        path = f"/form-integrations/v1/submissions/forms/{quote(form, safe='')}?limit=1"
        without = "no form submissions: no conversion of a contact is known"
        endpoint = Endpoint("form submissions", path, path, ("forms",), without)
        yield from _endpoint(probe, portal, endpoint, path, granted)
    if deal := _first_id(documents["deals"]):
        legacy, dated = (
            "/crm/v4/associations/deals/contacts/batch/read",
            f"/crm/associations/{portal.version}/deals/contacts/batch/read",
        )
        path = legacy if portal.version.startswith("v") else dated
        endpoint = Endpoint(
            "deal associations",
            legacy,
            dated,
            ("crm.objects.deals.read",),
            "no contacts of deals: revenue cannot be attributed",
            body={"inputs": [{"id": deal}]},
        )
        yield from _endpoint(probe, portal, endpoint, path, granted)


def _endpoint(
    probe: Probe, portal: api.HubSpot, endpoint: Endpoint, path: str, granted: set[str] | None
) -> Generator[Finding, None, Any]:
    """Yield the finding; return the answer's document, None if the request was refused."""
    send = (
        partial(portal.client.post, path, endpoint.body)
        if endpoint.body
        else partial(portal.client.get, path)
    )
    try:
        answer = probe.ask(send)
    except Refused as refused:
        if refused.ends_examination:
            raise
        yield _refusal(probe, portal, endpoint, refused, granted)
        return None
    yield probe.finding("permissions", "ok", endpoint.name, subject=endpoint.scopes[0])
    return answer.document


def _refusal(
    probe: Probe, portal: api.HubSpot, endpoint: Endpoint, refused: Refused, granted: set[str] | None
) -> Finding:
    scopes = _required(refused) or endpoint.scopes
    named = next((scope for scope in endpoint.scopes if scope in scopes), scopes[0])
    seen = f"{endpoint.name} refused ({refused.status}: {refused.detail}): {endpoint.without}"
    if refused.reason != "access":
        fix = f"Check {probe.setting('api_version')}, now {portal.version}."
        return probe.finding("permissions", endpoint.level, seen, fix, named)
    held = granted is not None and not granted.isdisjoint(scopes)
    if held or not _is_scope_missing(refused):
        if endpoint.tier:
            seen = f"{endpoint.name} need {endpoint.tier} ({refused.status}): {endpoint.without}"
            return probe.finding("permissions", "note", seen, subject=named)
        fix = "Check in HubSpot what the key's creator may see (Settings > Users & Teams)."
        return probe.finding("permissions", endpoint.level, seen, fix, named)
    if probe.section.get("access_token") is None:
        fix = f"Add the scope {named} to the OAuth app and authorise the app again."
    else:
        fix = (
            f"Add the scope {named}: in HubSpot, Development > Keys > Service keys > your key"
            " (or Legacy apps > your private app > Scopes)."
        )
    return probe.finding(
        "permissions", endpoint.level, f"scope {named} is missing: {endpoint.without}", fix, named
    )


def _is_scope_missing(refused: Refused) -> bool:
    document = refused.answer.document if refused.answer else None
    return isinstance(document, dict) and document.get("category") == "MISSING_SCOPES"


def _required(refused: Refused) -> tuple[str, ...]:
    """Return the scopes in a MISSING_SCOPES answer, any of which is sufficient."""
    document = refused.answer.document if refused.answer else None
    errors = document.get("errors") if isinstance(document, dict) else None
    for error in errors if isinstance(errors, list) else []:
        context = error.get("context") if isinstance(error, dict) else None
        for key in ("requiredGranularScopes", "requiredScopes"):
            if isinstance(context, dict) and context.get(key):
                return tuple(str(scope) for scope in context[key])
    return ()


def _first_id(document: Any) -> str | None:
    results = document.get("results") if isinstance(document, dict) else None
    if isinstance(results, list) and results and isinstance(results[0], dict):
        return str(results[0].get("id") or "") or None
    return None


def _headroom(probe: Probe, headers: Mapping[str, str]) -> Finding:
    """Return a finding about the daily limit.

    https://developers.hubspot.com/docs/developer-tooling/platform/usage-guidelines
    """
    burst = headers.get("x-hubspot-ratelimit-max")
    window = headers.get("x-hubspot-ratelimit-interval-milliseconds")
    pace = f", {burst} per {int(window) // 1000} s" if burst and window and window.isdigit() else ""
    daily, left = (
        headers.get("x-hubspot-ratelimit-daily", ""),
        headers.get("x-hubspot-ratelimit-daily-remaining", ""),
    )
    if not (daily.isdigit() and left.isdigit() and int(daily)):
        return probe.finding("rate_limit", "note", f"daily limit not reported for this token{pace}")
    return probe.limit_usage(
        100 * (1 - int(left) / int(daily)),
        f"{int(left):,} of {int(daily):,} requests left today{pace}",
        "Wait for midnight in the portal's time zone, or find the other app under Development > Monitoring.",
    )
