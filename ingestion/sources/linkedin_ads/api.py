"""LinkedIn's API: Rest.li 2.0, tunnelled queries, two paging styles, error signals."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson

from ingestion.config import Settings
from ingestion.errors import AccountLeftOut, IngestionError, PermissionMissing, SettingError
from ingestion.http import bodies, paging
from ingestion.http.client import (
    Answer,
    Client,
    Policy,
    RefreshToken,
    StaticToken,
    Token,
    in_parallel,
    token_endpoint,
)
from ingestion.http.faults import ErrorBody, Judge, RequestFault, Signal, codes
from ingestion.http.refusals import Refusals
from ingestion.landing.arrow import Page
from ingestion.landing.resources import Landing, Window
from ingestion.sources.linkedin_ads import settings

# without these nothing of an account can be loaded
_BASIC = (settings.ADS, settings.REPORTING)
_POSTS = ("urn:li:share:", "urn:li:ugcPost:")


def _error_body(status: int, headers: Mapping[str, str], document: Any) -> ErrorBody:
    body = document if isinstance(document, dict) else {}
    return ErrorBody(status, str(body.get("message") or ""), codes(body.get("serviceErrorCode")))


#: There are no rate-limit headers: only the message contains the limit that was hit.
#: https://learn.microsoft.com/en-us/linkedin/shared/api-guide/concepts/error-handling and
#: https://learn.microsoft.com/en-us/linkedin/shared/api-guide/concepts/rate-limits
judge = Judge(
    _error_body,
    (
        Signal("throttled", text="metric values", statuses=frozenset({429}), wait=settings.VOLUME_WAIT),
        Signal(
            "throttled",
            codes(101),
            "DAY limit",
            frozenset({429}),
            hopeless=True,
            advice="It resets at midnight UTC.",
        ),
    ),
)

POLICY = Policy(settings.SOURCE, judge)


def restli_urn(urn: str) -> str:
    """Encode a URN for a Rest.li 2.0 query: only the URN is encoded, not the list around it."""
    return quote(urn, safe="")


def restli_list(values: tuple[str, ...]) -> str:
    """Return a Rest.li 2.0 list of encoded values."""
    return f"List({','.join(values)})"


def restli_date_range(window: Window) -> str:
    """Return a Rest.li 2.0 date range, both ends included."""

    def day(value: Any) -> str:
        return f"(year:{value.year},month:{value.month},day:{value.day})"

    return f"(start:{day(window.start)},end:{day(window.end)})"


def account_urn(account: str) -> str:
    """Return the encoded URN of an ad account."""
    return restli_urn(f"urn:li:sponsoredAccount:{account}")


@dataclass
class LinkedInAds:
    """Requests for all accounts of a load. `notice` shows the user a line about data that is not loaded.

    `remaining` returns the accounts that the load does not leave out.
    """

    client: Client
    version: str
    account_ids: tuple[str, ...]
    reporting_time_zone: str
    notice: Callable[[str], None] = lambda _line: None
    remaining: Callable[[Sequence[str]], Sequence[str]] = lambda accounts: accounts
    _left_out: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @cached_property
    def _accounts(self) -> tuple[list[Page], tuple[str, ...]]:
        pages = list(self._by_token("/rest/adAccounts?q=search", settings.PAGE_SIZE, None))
        reached = ids_of(pages)
        ids = tuple(self.remaining(self.account_ids or reached))
        for account in ids:
            # all other requests return an empty 200 for an account without access
            if account not in reached:
                raise AccountLeftOut(
                    f"sources.linkedin_ads.account_ids: account {account} is unknown or not accessible;"
                    " check the id and the token's role in the account",
                    account=account,
                )
        if not ids:
            raise SettingError(
                "sources.linkedin_ads.account_ids is not set and the token has access to no account: set it"
            )
        return pages, ids

    @property
    def accounts(self) -> tuple[str, ...]:
        """Return the ids of the accounts to load. Raises AccessError, SettingError."""
        return self._accounts[1]

    def ad_accounts(self) -> Iterator[Page]:
        """Yield the ad accounts that the token has access to."""
        for page in self._accounts[0]:
            yield Page(page.body, (("reporting_time_zone", self.reporting_time_zone),))

    def campaign_groups(self) -> Iterator[Page]:
        """Yield the campaign groups of all statuses."""
        search = f"(status:(values:{restli_list(settings.GROUP_STATUSES)}))"
        yield from self._of_accounts(f"adCampaignGroups?q=search&search={search}", settings.PAGE_SIZE)

    def campaigns(self) -> Iterator[Page]:
        """Yield the campaigns of all statuses."""
        yield from in_parallel([partial(self.campaigns_of, account) for account in self.accounts])

    def campaigns_of(self, account: str) -> Iterator[Page]:
        """Yield the campaigns of an account of all statuses."""
        search = f"(status:(values:{restli_list(settings.CAMPAIGN_STATUSES)}))"
        yield from self._by_token(
            f"/rest/adAccounts/{account}/adCampaigns?q=search&search={search}", settings.PAGE_SIZE, account
        )

    def creatives(self) -> Iterator[Page]:
        """Yield all creatives with their post under `post`, which contains the URL of sponsored content."""
        query = "creatives?q=criteria&sortOrder=ASCENDING"
        for page in self._of_accounts(query, settings.CREATIVES_PAGE_SIZE):
            document = bodies.loads(page.body)
            posts = self._posts(document["elements"])
            for creative in document["elements"]:
                if post := posts.get(_reference(creative)):
                    creative["post"] = post
            yield Page(orjson.dumps(document), page.context)

    def conversions(self) -> Iterator[Page]:
        """Yield all conversion rules."""

        def stream(account: str) -> Iterator[Page]:
            path = f"/rest/conversions?q=account&account={account_urn(account)}"
            for answer in self.by_offset(path, account, settings.ADS):
                yield Page(answer.body, (("account_id", account),))

        yield from in_parallel([partial(stream, account) for account in self.accounts])

    def _of_accounts(self, query: str, size: int) -> Iterator[Page]:
        yield from in_parallel(
            [
                partial(self._by_token, f"/rest/adAccounts/{account}/{query}", size, account)
                for account in self.accounts
            ]
        )

    def _posts(self, creatives: list[Any]) -> dict[str, Any]:
        """Return posts by URN, without deleted ones; add a notice about posts without permission."""
        urns = tuple(sorted({urn for row in creatives if (urn := _reference(row)).startswith(_POSTS)}))
        if not urns:
            return {}
        path = f"/rest/posts?ids={restli_list(tuple(map(restli_urn, urns)))}"
        batch = {"X-RestLi-Method": "BATCH_GET"}
        try:
            document = self.ask(path, None, settings.POSTS, "results", batch).document
        except PermissionMissing as refusal:
            self.leave_out(settings.POSTS, f"landing pages of sponsored content are unknown: {refusal}")
            return {}
        if any(error.get("status") == 403 for error in (document.get("errors") or {}).values()):
            self.leave_out(
                "posts of some pages",
                "landing pages of some sponsored content are unknown: give the token's member a role in each"
                " LinkedIn page that posted it",
            )
        found: dict[str, Any] = document["results"]
        return found

    def leave_out(self, what: str, line: str) -> None:
        """Add a notice once about data that is not loaded; `what` identifies the data."""
        with self._lock:
            if what in self._left_out:
                return
            self._left_out.add(what)
        self.notice(line)

    def _by_token(self, path: str, size: int, account: str | None) -> Iterator[Page]:
        def ask(token: str | None) -> Answer:
            page_token = f"&pageToken={quote(token, safe='')}" if token else ""
            return self.ask(f"{path}&pageSize={size}{page_token}", account)

        def following(answer: Answer) -> str | None:
            return (answer.document.get("metadata") or {}).get("nextPageToken") or None

        for answer in paging.pages(ask, following, f"{self.client.setting}: {path}"):
            yield Page(answer.body, (("account_id", account),) if account else ())

    def by_offset(self, path: str, account: str, permission: str) -> Iterator[Answer]:
        """Yield pages by `start` and `count`; without a total, an empty page marks the end."""
        start = 0

        def ask(offset: str | None) -> Answer:
            nonlocal start
            start = int(offset or 0)
            return self.ask(f"{path}&start={start}&count={settings.COUNT}", account, permission)

        def following(answer: Answer) -> str | None:
            elements = answer.document["elements"]
            total = (answer.document.get("paging") or {}).get("total")
            end = start + len(elements)
            return None if not elements or (isinstance(total, int) and end >= total) else str(end)

        def content(answer: Answer) -> bytes | None:
            return orjson.dumps(answer.document["elements"])

        for answer in paging.pages(ask, following, f"{self.client.setting}: {path}", content):
            if answer.document["elements"]:
                yield answer

    def ask(
        self,
        path: str,
        account: str | None,
        permission: str = settings.ADS,
        content: str = "elements",
        extra_headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a Rest.li query, tunnelled if it is long; the answer's document must have the key `content`.

        Raises PermissionMissing without the `permission`, else another IngestionError.
        """
        headers = {
            "LinkedIn-Version": self.version,
            "X-Restli-Protocol-Version": settings.PROTOCOL_VERSION,
            **(extra_headers or {}),
        }
        try:
            is_long = len(self.client.base_url) + len(path) > settings.LONGEST_ADDRESS
            answer = (self.client.get_tunnelled if is_long else self.client.get)(path, headers=headers)
        except RequestFault as fault:
            raise self._explain(fault, account, permission) from None
        expected = list if content == "elements" else dict
        if not isinstance(answer.document, dict) or not isinstance(answer.document.get(content), expected):
            raise self._refusals.without(path, content)
        return answer

    @property
    def _refusals(self) -> Refusals:
        return Refusals(self.client, "LinkedIn", "linkedin_version", self.version)

    def _explain(self, refused: RequestFault, account: str | None, permission: str) -> IngestionError:
        if refused.status == 426:
            fix = "set a version of the last twelve months (YYYYMM)"
            return self._refusals.setting(refused, "linkedin_version", f"{self.version} is not active", fix)
        if account and (refused.status == 404 or (refused.fault.kind == "access" and permission in _BASIC)):
            fix = f"the token's role in the account, or authorise again with {permission}"
            return self._refusals.account(refused, "account_ids", account, fix)
        if refused.fault.kind == "access":
            role = f", or its member has no role in account {account}" if account else ""
            return self._refusals.permission(refused, permission + role, f"authorise again with {permission}")
        return self._refusals.request(refused)


def ids_of(pages: Iterable[Page]) -> tuple[str, ...]:
    """Return the ids of the pages' records; records without an id go to quarantine later."""
    rows = (row for page in pages for row in bodies.loads(page.body)["elements"])
    return tuple(str(row["id"]) for row in rows if isinstance(row, dict) and row.get("id"))


def _reference(creative: Any) -> str:
    """Return the URN of the content that a creative refers to; empty if it has its own content."""
    content = creative.get("content") if isinstance(creative, dict) else None
    return str(content.get("reference") or "") if isinstance(content, dict) else ""


def connect(landing: Landing) -> LinkedInAds:
    """Connect with the settings in `sources.linkedin_ads`. Raises SettingError."""
    section = Settings(settings.SOURCE)
    found = section.credentials(*settings.CREDENTIALS) or {"access_token": section.require("access_token")}
    version = section.version("linkedin_version", settings.LINKEDIN_VERSION, r"\d{6}")
    client = landing.client(Client(POLICY, section.url("base_url", settings.BASE_URL)))
    token: Token
    if "access_token" in found:
        token = StaticToken(section.name("access_token"), found["access_token"])
    else:
        tokens, path = token_endpoint(POLICY, section.url("token_url", settings.TOKEN_URL))
        token = RefreshToken(section.name("refresh_token"), landing.client(tokens), path, found)
    client.token = token
    zone = _reporting_time_zone(section)
    # a lambda, because the doctor's probe has neither `notice` nor `remaining` and never calls them
    return LinkedInAds(
        client,
        version,
        section.ids("account_ids"),
        zone,
        lambda line: landing.notice(line),
        lambda accounts: landing.remaining(accounts),
    )


def _reporting_time_zone(section: Settings) -> str:
    name = section.get("reporting_time_zone") or settings.REPORTING_TIME_ZONE
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise SettingError(
            f"{section.name('reporting_time_zone')} is {name}, which is not an IANA time zone:"
            " set it like UTC"
        ) from error
