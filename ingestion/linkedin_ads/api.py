"""How LinkedIn is asked: Rest.li 2.0, two paging styles, adAnalytics in slices, its fault signals."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property, partial
from typing import Any
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson

from ingestion.arrow import Page
from ingestion.config import Settings
from ingestion.errors import AccessError, IngestionError, ResponseError, SettingError
from ingestion.http import (
    Answer,
    Client,
    Fault,
    Policy,
    RefreshToken,
    RequestFault,
    StaticToken,
    Token,
    in_parallel,
    judge_status,
)
from ingestion.landing import DaysRead, Landing, Window
from ingestion.linkedin_ads import settings

METRIC_FIELDS = (
    "dateRange",
    "pivotValues",
    "impressions",
    "clicks",
    "costInLocalCurrency",
    "externalWebsiteConversions",
    "externalWebsitePostClickConversions",
    "externalWebsitePostViewConversions",
    "oneClickLeads",
)
CONVERSION_FIELDS = (
    "dateRange",
    "pivotValues",
    "externalWebsiteConversions",
    "externalWebsitePostClickConversions",
    "externalWebsitePostViewConversions",
    "conversionValueInLocalCurrency",
)


def judge(status: int, headers: Mapping[str, str], document: Any) -> Fault | None:
    """LinkedIn's faults. There are no rate headers: the message alone tells which limit was met.

    https://learn.microsoft.com/en-us/linkedin/shared/api-guide/concepts/error-handling
    """
    body = document if isinstance(document, dict) else {}
    detail = str(
        body.get("message") or body.get("error_description") or body.get("error") or f"HTTP {status}"
    )
    fault = judge_status(status, headers, detail)
    if fault is None or status != 429:
        return fault
    if "DAY limit" in detail:
        # resets at midnight UTC
        return Fault("throttled", detail, hopeless=True)
    volume = "metric values" in detail
    return Fault("throttled", detail, wait=settings.VOLUME_WAIT if volume else fault.wait)


def restli_urn(urn: str) -> str:
    """A URN inside a Rest.li 2.0 query: its colons are encoded, the list's parentheses and commas are not."""
    return quote(urn, safe="")


def restli_list(values: tuple[str, ...]) -> str:
    """A Rest.li 2.0 list of encoded values."""
    return f"List({','.join(values)})"


def restli_date_range(window: Window) -> str:
    """Both ends included."""

    def day(value: date) -> str:
        return f"(year:{value.year},month:{value.month},day:{value.day})"

    return f"(start:{day(window.start)},end:{day(window.end)})"


@dataclass
class LinkedInAds:
    """Pages of every account that is read."""

    client: Client
    version: str
    account_ids: tuple[str, ...]
    reporting_time_zone: str

    @cached_property
    def _accounts(self) -> tuple[list[Page], list[str]]:
        pages = list(self._by_token("/rest/adAccounts?q=search", settings.PAGE_SIZE, None))
        reached = [str(element["id"]) for page in pages for element in self._elements(page)]
        for account in self.account_ids:
            # every other request answers an account without access with an empty 200
            if account not in reached:
                raise AccessError(
                    f"sources.linkedin_ads.account_ids: account {account} is unknown or not accessible;"
                    " check the id and the token's role in the account"
                )
        ids = list(self.account_ids or reached)
        if not ids:
            raise SettingError(
                "sources.linkedin_ads.account_ids is not set and the token reaches no account: set it"
            )
        return pages, ids

    @staticmethod
    def _elements(page: Page) -> list[dict[str, Any]]:
        elements: list[dict[str, Any]] = orjson.loads(page.body)["elements"]
        return elements

    def accounts(self) -> Iterator[Page]:
        """The ad accounts that the token reaches."""
        context = (("reporting_time_zone", self.reporting_time_zone),)
        for page in self._accounts[0]:
            yield Page(page.body, (*page.context, *context))

    def campaign_groups(self) -> Iterator[Page]:
        """All campaign groups, whatever their status."""
        search = f"(status:(values:{restli_list(settings.GROUP_STATUSES)}))"
        yield from self._of_accounts(f"adCampaignGroups?q=search&search={search}", settings.PAGE_SIZE)

    def campaigns(self) -> Iterator[Page]:
        """All campaigns, whatever their status."""
        search = f"(status:(values:{restli_list(settings.CAMPAIGN_STATUSES)}))"
        yield from self._of_accounts(f"adCampaigns?q=search&search={search}", settings.PAGE_SIZE)

    def creatives(self) -> Iterator[Page]:
        """All creatives."""
        yield from self._of_accounts("creatives?q=criteria&sortOrder=ASCENDING", settings.CREATIVES_PAGE_SIZE)

    def conversions(self) -> Iterator[Page]:
        """All conversion rules; this one resource pages by offset."""

        def stream(account: str) -> Iterator[Page]:
            start = 0
            while True:
                path = (
                    f"/rest/conversions?q=account&account={restli_urn(f'urn:li:sponsoredAccount:{account}')}"
                    f"&start={start}&count={settings.CONVERSIONS_COUNT}"
                )
                answer = self._ask(path, account)
                yield Page(answer.body, (("account_id", account),))
                size = len(answer.document["elements"])
                start += size
                total = (answer.document.get("paging") or {}).get("total")
                if not size or (
                    start >= total if isinstance(total, int) else size < settings.CONVERSIONS_COUNT
                ):
                    return

        yield from in_parallel([partial(stream, account) for account in self._accounts[1]])

    def analytics(
        self, pivots: tuple[str, ...], fields: tuple[str, ...], window: Window
    ) -> Iterator[Page | DaysRead]:
        """Daily figures by one pivot (`q=analytics`) or several (`q=statistics`), per account and slice."""
        finder = (
            f"q=analytics&pivot={pivots[0]}"
            if len(pivots) == 1
            else f"q=statistics&pivots={restli_list(pivots)}"
        )

        def stream(account: str, piece: Window) -> Iterator[Page | DaysRead]:
            path = (
                f"/rest/adAnalytics?{finder}&timeGranularity=DAILY&dateRange={restli_date_range(piece)}"
                f"&accounts={restli_list((restli_urn(f'urn:li:sponsoredAccount:{account}'),))}"
                f"&fields={','.join(fields)}"
            )
            answer = self._ask(path, account)
            if len(answer.document["elements"]) < settings.MOST_ELEMENTS:
                yield Page(answer.body, (("account_id", account),))
                yield DaysRead(account, piece)
                return
            days = (piece.end - piece.start).days + 1
            if days == 1:
                raise ResponseError(
                    f"{self.client.setting}: adAnalytics cut account {account} on {piece.start} at"
                    f" {settings.MOST_ELEMENTS} elements; nothing of the day is landed, split the account"
                )
            for half in piece.slices((days + 1) // 2):
                yield from stream(account, half)

        pieces = list(window.slices(settings.SLICE_DAYS))
        yield from in_parallel(
            [partial(stream, account, piece) for account in self._accounts[1] for piece in pieces]
        )

    def _of_accounts(self, query: str, size: int) -> Iterator[Page]:
        def stream(account: str) -> Iterator[Page]:
            for page in self._by_token(f"/rest/adAccounts/{account}/{query}", size, account):
                yield Page(page.body, (("account_id", account),))

        yield from in_parallel([partial(stream, account) for account in self._accounts[1]])

    def _by_token(self, path: str, size: int, account: str | None) -> Iterator[Page]:
        token: str | None = None
        seen: set[str] = set()
        while True:
            more = f"&pageToken={quote(token, safe='')}" if token else ""
            answer = self._ask(f"{path}&pageSize={size}{more}", account)
            yield Page(answer.body)
            token = (answer.document.get("metadata") or {}).get("nextPageToken")
            if not token:
                return
            if token in seen:
                raise ResponseError(f"{self.client.setting}: {path} repeated its paging cursor; run again")
            seen.add(token)

    def _ask(self, path: str, account: str | None) -> Answer:
        headers = {"LinkedIn-Version": self.version, "X-Restli-Protocol-Version": settings.PROTOCOL_VERSION}
        try:
            answer = self.client.get(path, headers=headers)
        except RequestFault as fault:
            raise self._explain(fault, account) from None
        if not isinstance(answer.document, dict) or not isinstance(answer.document.get("elements"), list):
            raise ResponseError(
                f"{self.client.setting}: {path.partition('?')[0]} sent JSON without elements;"
                " is that LinkedIn's API?"
            )
        return answer

    def _explain(self, fault: RequestFault, account: str | None) -> IngestionError:
        detail = fault.fault.detail
        if fault.status == 426:
            return self.client.error(
                SettingError,
                f"sources.linkedin_ads.linkedin_version {self.version} is not active (426): {detail};"
                " set a version of the last twelve months (YYYYMM)",
            )
        if account and (fault.fault.kind == "access" or fault.status == 404):
            return self.client.error(
                AccessError,
                f"sources.linkedin_ads.account_ids: account {account} is unknown or not accessible"
                f" ({fault.status}): {detail}; check the id and the token's role in the account",
            )
        if fault.fault.kind == "access":
            setting = self.client.token.setting if self.client.token else self.client.setting
            return self.client.error(
                AccessError, f"{setting} lacks a permission ({fault.status}): {detail}; authorise with r_ads"
            )
        return self.client.error(
            ResponseError,
            f"{self.client.setting}: LinkedIn refused a request ({fault.status}): {detail};"
            f" check sources.linkedin_ads.linkedin_version ({self.version})",
        )


def connect(landing: Landing) -> LinkedInAds:
    """A client from the settings in `sources.linkedin_ads`. Raises SettingError."""
    section = Settings(settings.SOURCE)
    found = section.credentials(*settings.CREDENTIALS) or {"access_token": section.require("access_token")}
    version = section.get("linkedin_version") or settings.LINKEDIN_VERSION
    if not re.fullmatch(r"\d{6}", version):
        raise SettingError(
            f"{section.name('linkedin_version')} is no version (YYYYMM):"
            f" set it like {settings.LINKEDIN_VERSION}"
        )
    policy = Policy(settings.SOURCE, judge)
    client = landing.client(Client(policy, section.url("base_url", settings.BASE_URL)))
    token: Token
    if "access_token" in found:
        token = StaticToken(section.name("access_token"), found["access_token"])
    else:
        parts = urlsplit(section.url("token_url", settings.TOKEN_URL))
        tokens = landing.client(Client(policy, f"{parts.scheme}://{parts.netloc}", base_setting="token_url"))
        token = RefreshToken(section.name("refresh_token"), tokens, parts.path, found)
    client.token = token
    return LinkedInAds(client, version, section.ids("account_ids"), _reporting_time_zone(section))


def _reporting_time_zone(section: Settings) -> str:
    name = section.get("reporting_time_zone") or settings.REPORTING_TIME_ZONE
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise SettingError(
            f"{section.name('reporting_time_zone')} holds {name}, which is no IANA time zone: set it like UTC"
        ) from error
