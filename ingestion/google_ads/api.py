"""How Google Ads is asked: GAQL, searchStream, the accounts under a manager, the vendor's fault signals."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any
from urllib.parse import urlsplit

from ingestion.arrow import Page
from ingestion.config import Settings
from ingestion.errors import AccessError, IngestionError, ResponseError, SettingError
from ingestion.google_ads import settings
from ingestion.http import (
    Answer,
    Client,
    Fault,
    Policy,
    RefreshToken,
    RequestFault,
    in_parallel,
    judge_status,
    retry_after,
)
from ingestion.landing import DaysRead, Landing, Window

CUSTOMERS = (
    "SELECT customer_client.id, customer_client.level, customer_client.manager, "
    "customer_client.currency_code, customer_client.time_zone, customer_client.descriptive_name, "
    "customer_client.status FROM customer_client"
)
CAMPAIGNS = (
    "SELECT campaign.id, campaign.name, campaign.status, campaign.advertising_channel_type FROM campaign"
)
AD_GROUPS = "SELECT campaign.id, ad_group.id, ad_group.name, ad_group.status, ad_group.type FROM ad_group"
ADS = (
    "SELECT campaign.id, ad_group.id, ad_group_ad.status, ad_group_ad.ad.id, ad_group_ad.ad.name,"
    " ad_group_ad.ad.type, ad_group_ad.ad.final_urls FROM ad_group_ad"
)
CONVERSION_ACTIONS = (
    "SELECT conversion_action.id, conversion_action.name, conversion_action.status, conversion_action.type,"
    " conversion_action.category, conversion_action.origin, conversion_action.include_in_conversions_metric,"
    " conversion_action.primary_for_goal, conversion_action.counting_type,"
    " conversion_action.click_through_lookback_window_days,"
    " conversion_action.view_through_lookback_window_days,"
    " conversion_action.attribution_model_settings.attribution_model FROM conversion_action"
)
_METRICS = (
    "metrics.impressions, metrics.clicks, metrics.cost_micros, metrics.conversions, "
    "metrics.conversions_value, metrics.all_conversions, metrics.view_through_conversions"
)
# Cost cannot be selected together with the conversion action, so spend and conversions are two queries:
# https://developers.google.com/google-ads/api/docs/reporting/segmentation
_CONVERSIONS = (
    "segments.conversion_action, segments.conversion_action_name, segments.conversion_action_category,"
    " segments.conversion_attribution_event_type, segments.external_conversion_source, metrics.conversions,"
    " metrics.conversions_value, metrics.all_conversions, metrics.all_conversions_value,"
    " metrics.conversions_by_conversion_date"
)
CAMPAIGN_METRICS = f"SELECT segments.date, campaign.id, {_METRICS} FROM campaign"
AD_METRICS = f"SELECT segments.date, campaign.id, ad_group.id, ad_group_ad.ad.id, {_METRICS} FROM ad_group_ad"
CAMPAIGN_CONVERSIONS = f"SELECT segments.date, campaign.id, {_CONVERSIONS} FROM campaign"
AD_CONVERSIONS = (
    f"SELECT segments.date, campaign.id, ad_group.id, ad_group_ad.ad.id, {_CONVERSIONS} FROM ad_group_ad"
)


def judge(status: int, headers: Mapping[str, str], document: Any) -> Fault | None:
    """Google's faults; searchStream wraps them in an array and can append one to good batches.

    https://developers.google.com/google-ads/api/docs/best-practices/error-types
    """
    error = _error(document)
    if error is None:
        return judge_status(status, headers, _token_error(document) or f"HTTP {status}")
    codes, retry_delay, message = _failure(error)
    detail = f"{message} [{', '.join(codes)}]" if codes else message
    if "RESOURCE_EXHAUSTED" in codes or "RESOURCE_TEMPORARILY_EXHAUSTED" in codes or status == 429:
        return Fault(
            "throttled", detail, wait=retry_delay if retry_delay is not None else retry_after(headers)
        )
    if (
        "TRANSIENT_ERROR" in codes
        or "INTERNAL_ERROR" in codes
        or error.get("status") in ("INTERNAL", "UNAVAILABLE")
    ):
        return Fault("transient", detail)
    if {"CUSTOMER_NOT_FOUND", "USER_PERMISSION_DENIED", "CUSTOMER_NOT_ENABLED"} & set(codes):
        return Fault("account", detail)
    code = error.get("code")
    return judge_status(code if isinstance(code, int) and code >= 400 else max(status, 400), headers, detail)


def _error(document: Any) -> dict[str, Any] | None:
    for entry in document if isinstance(document, list) else [document]:
        if isinstance(entry, dict) and isinstance(entry.get("error"), dict):
            error: dict[str, Any] = entry["error"]
            return error
    return None


def _token_error(document: Any) -> str | None:
    if isinstance(document, dict) and isinstance(document.get("error"), str):
        return f"{document['error']}: {document.get('error_description', '')}".rstrip(": ")
    return None


def _failure(error: dict[str, Any]) -> tuple[list[str], float | None, str]:
    codes = [str(error["status"])] if error.get("status") else []
    delay: float | None = None
    message = str(error.get("message") or "")
    for part in error.get("details") or []:
        for failure in part.get("errors") or []:
            codes += [str(code) for code in (failure.get("errorCode") or {}).values()]
            message = str(failure.get("message") or message)
            quota = (failure.get("details") or {}).get("quotaErrorDetails") or {}
            found = re.fullmatch(r"([\d.]+)s", str(quota.get("retryDelay", "")))
            delay = float(found[1]) if found else delay
    return codes, delay, message


@dataclass
class GoogleAds:
    """Streams of every account that is read."""

    client: Client
    version: str
    login_customer_id: str | None
    customer_ids: tuple[str, ...]
    developer_token: str | None = None
    _logins: dict[str, str] = field(default_factory=dict)

    @cached_property
    def _hierarchy(self) -> tuple[list[Page], list[str]]:
        """The pages of `customer_client` of every root, and the enabled accounts that are no managers.

        Roots are the configured accounts, else the manager of login_customer_id, else what the token reaches.
        """
        pages: list[Page] = []
        accounts: dict[str, None] = {}
        for root in self.customer_ids or self._default_roots():
            login = self.login_customer_id or root
            answer = self._search(root, CUSTOMERS, login, root)
            pages.append(Page(answer.body))
            for batch in answer.document:
                for row in batch.get("results") or []:
                    client = row.get("customerClient") or {}
                    account = str(client.get("id", ""))
                    if account and not client.get("manager") and client.get("status", "ENABLED") == "ENABLED":
                        accounts.setdefault(account)
                        self._logins.setdefault(account, login)
        return pages, list(accounts)

    def _default_roots(self) -> tuple[str, ...]:
        if self.login_customer_id:
            return (self.login_customer_id,)
        path = f"/{self.version}/customers:listAccessibleCustomers"
        try:
            answer = self.client.get(path, headers=self._headers(None))
        except RequestFault as fault:
            raise self._explain(fault, None) from None
        names = answer.document.get("resourceNames") if isinstance(answer.document, dict) else None
        roots = tuple(str(name).rpartition("/")[2] for name in names or [])
        if not roots:
            raise SettingError(
                "sources.google_ads.customer_ids is not set and the token reaches no account: set it"
            )
        return roots

    def customers(self) -> Iterator[Page]:
        """All accounts under the roots, managers included."""
        yield from self._hierarchy[0]

    def entities(self, query: str) -> Iterator[Page]:
        """One query for each account, several accounts at once."""

        def stream(account: str) -> Iterator[Page]:
            yield self._page(account, query)

        yield from in_parallel([partial(stream, account) for account in self._hierarchy[1]])

    def daily(self, query: str, window: Window) -> Iterator[Page | DaysRead]:
        """One query per account and slice of the window; `DaysRead` once an account's slice is complete."""

        def stream(account: str, piece: Window) -> Iterator[Page | DaysRead]:
            where = f" WHERE segments.date BETWEEN '{piece.start}' AND '{piece.end}'"
            yield self._page(account, query + where)
            yield DaysRead(account, piece)

        pieces = list(window.slices(settings.SLICE_DAYS))
        yield from in_parallel(
            [partial(stream, account, piece) for account in self._hierarchy[1] for piece in pieces]
        )

    def _page(self, account: str, query: str) -> Page:
        answer = self._search(account, query, self._logins[account], account)
        return Page(answer.body, (("customer_id", account),))

    def _search(self, account: str, query: str, login: str, blamed: str) -> Answer:
        path = f"/{self.version}/customers/{account}/googleAds:searchStream"
        try:
            answer = self.client.post(path, {"query": query}, headers=self._headers(login))
        except RequestFault as fault:
            raise self._explain(fault, blamed) from None
        if not isinstance(answer.document, list):
            raise ResponseError(
                f"{self.client.setting}: searchStream sent no list of batches; is that Google's API?"
            )
        return answer

    def _headers(self, login: str | None) -> dict[str, str]:
        headers = {"login-customer-id": login} if login else {}
        return {**headers, "developer-token": self.developer_token} if self.developer_token else headers

    def _explain(self, fault: RequestFault, account: str | None) -> IngestionError:
        detail = fault.fault.detail
        if fault.fault.kind in ("account", "access"):
            setting = "customer_ids" if self.customer_ids else "login_customer_id"
            return self.client.error(
                AccessError,
                f"sources.google_ads.{setting}: account {account or self.login_customer_id} is unknown or not"
                f" accessible ({fault.status}): {detail}; check the id and login_customer_id",
            )
        return self.client.error(
            ResponseError,
            f"{self.client.setting}: Google Ads refused a request ({fault.status}): {detail};"
            f" check sources.google_ads.api_version ({self.version})",
        )


def connect(landing: Landing) -> GoogleAds:
    """A client from the settings in `sources.google_ads`. Raises SettingError."""
    section = Settings(settings.SOURCE)
    found = section.credentials(*settings.CREDENTIALS) or {
        key: section.require(key) for key in settings.CREDENTIALS[0]
    }
    version = section.get("api_version") or settings.API_VERSION
    if not re.fullmatch(r"v\d+", version):
        raise SettingError(
            f"{section.name('api_version')} is no API version: set it like {settings.API_VERSION}"
        )
    token_url = section.url("token_url", settings.TOKEN_URL)
    policy = Policy(settings.SOURCE, judge)
    parts = urlsplit(token_url)
    tokens = landing.client(Client(policy, f"{parts.scheme}://{parts.netloc}", base_setting="token_url"))
    client = landing.client(Client(policy, section.url("base_url", settings.BASE_URL)))
    client.token = RefreshToken(section.name("refresh_token"), tokens, parts.path, found)
    login = section.ids("login_customer_id")
    return GoogleAds(
        client,
        version,
        login[0] if login else None,
        section.ids("customer_ids"),
        section.get("developer_token"),
    )
