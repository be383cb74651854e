"""How Meta is asked: fields, paging by cursor until there is no `next`, the vendor's fault signals."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import orjson

from ingestion.config import Settings
from ingestion.errors import AccessError, IngestionError, PermissionMissing, ResponseError, SettingError
from ingestion.http import paging
from ingestion.http.client import Answer, Client, Policy, StaticToken, in_parallel
from ingestion.http.faults import ErrorBody, Judge, RequestFault, Signal, codes
from ingestion.http.refusals import Refusals
from ingestion.landing.arrow import Page
from ingestion.landing.resources import Landing
from ingestion.sources.facebook_ads import pages, settings
from ingestion.sources.facebook_ads.pages import PromotedAd, promoted_ad
from ingestion.sources.facebook_ads.usage import pace, usage

ACCOUNT_FIELDS = "account_id,name,currency,timezone_name,account_status"
CAMPAIGN_FIELDS = "id,account_id,name,objective,status,effective_status,updated_time"
AD_SET_FIELDS = "id,account_id,campaign_id,name,status,effective_status,attribution_spec,updated_time"
AD_FIELDS = "id,account_id,campaign_id,adset_id,name,status,effective_status,creative{id},updated_time"
CREATIVE_FIELDS = (
    "id,account_id,object_type,url_tags,link_url,object_url,template_url,object_story_spec,asset_feed_spec,"
    "effective_object_story_id"
)
INSIGHT_FIELDS = (
    "account_id,campaign_id,impressions,clicks,spend,account_currency,attribution_setting,"
    "actions,action_values"
)
LEAD_FORM_FIELDS = "id,name,status,locale,created_time,leads_count,organic_leads_count,questions"
LEAD_FIELDS = "id,form_id,created_time,ad_id,adset_id,campaign_id,is_organic,platform,field_data"

# "Cannot Request for Deleted Objects"
_NO_DELETED = 1815001
_SYNC_TIMEOUT = 1504018
_ACCOUNT = re.compile(r"/act_\d+")


def _error_body(status: int, headers: Mapping[str, str], document: Any) -> ErrorBody:
    """The error of an answer: the code in the body says more than the status, which is usually 400."""
    body = document.get("error") if isinstance(document, dict) else None
    if not isinstance(body, dict):
        return ErrorBody(status)
    code, subcode = body.get("code"), body.get("error_subcode")
    used = usage(headers)
    return ErrorBody(
        max(status, 400),
        # "Invalid parameter" alone says nothing: error_user_msg has the detail
        " ".join(filter(None, (body.get("message"), body.get("error_user_msg")))),
        codes(
            code, f"*/{subcode}", f"{code}/{subcode}", "is_transient" if body.get("is_transient") else None
        ),
        f"[code {code}{f'/{subcode}' if subcode else ''}]",
        (used.regain if used else None) or None,
    )


#: https://developers.facebook.com/docs/graph-api/overview/rate-limiting and
#: https://developers.facebook.com/docs/marketing-api/error-reference; a code stands before its subcode
judge = Judge(
    _error_body,
    (
        Signal("throttled", codes(4, 17, 32, 613, *range(80000, 80010), 80014)),
        Signal("too_large", codes(f"*/{_SYNC_TIMEOUT}"), "reduce the amount of data"),
        # a report that has just completed may not know its own fields yet
        Signal("transient", codes(1, 2, "is_transient"), "in summary param"),
        Signal("token", codes(102, 190)),
        # the object is missing
        Signal("account", codes("100/33")),
        Signal("access", codes(10, *range(200, 300))),
    ),
)


def _lane(path: str) -> str:
    """Limits are counted per ad account; a report's path does not say whose it is."""
    account = _ACCOUNT.search(path)
    return account[0] if account else ""


POLICY = Policy(settings.SOURCE, judge, lane=_lane, learn=pace)


class TooLarge(Exception):
    """Meta cannot answer a listing at once; `timed_out` says that smaller pages would not help either."""

    def __init__(self, detail: str, *, timed_out: bool) -> None:
        super().__init__(detail)
        self.timed_out = timed_out


class NoDeleted(ResponseError):
    """Meta refuses to list deleted objects."""


@dataclass(frozen=True)
class Subject:
    """What a request is about, as an error names it: the setting it comes from and what the token needs."""

    setting: str
    name: str
    permissions: str
    forbidden: type[AccessError] = AccessError


def account_subject(account: str) -> Subject:
    """An ad account (or the list of them)."""
    return Subject("account_ids", f"account {account}", "ads_read")


def page_subject(page: str, setting: str = "page_ids") -> Subject:
    """A page whose leads are read. Everything else can still be read without it."""
    return Subject(setting, f"page {page}", ", ".join(settings.LEAD_PERMISSIONS), PermissionMissing)


def promoted_pages_subject(account: str) -> Subject:
    """The list of an account's pages, which the ads name too."""
    permissions = ", ".join(settings.PAGE_PERMISSIONS)
    return Subject("account_ids", f"list of pages of account {account}", permissions, PermissionMissing)


@dataclass(frozen=True)
class Graph:
    """The Graph API as one token sees it."""

    client: Client
    version: str
    proof: str | None = None

    def get(self, path: str, params: Mapping[str, str]) -> Answer:
        """One answer. Raises RequestFault for what only the caller can explain, otherwise as Client does."""
        return self.client.get(f"/{self.version}{path}", self._signed(params))

    def ask(self, path: str, params: Mapping[str, str], subject: Subject) -> Answer:
        """One answer. Raises AccessError, ResponseError, and RequestFault for what is too large."""
        return self._explained(partial(self.get, path, params), subject)

    def start(self, path: str, params: Mapping[str, str], subject: Subject) -> Any:
        """What a POST with these parameters answers; it may be repeated."""
        query = urlencode(self._signed(params))
        post = partial(self.client.post, f"/{self.version}{path}?{query}", {})
        return self._explained(post, subject).document

    def pages(self, path: str, params: Mapping[str, str], subject: Subject | None) -> Iterator[Page]:
        """Pages until one has no `next`: `after` stands on the last page too, and a page can be empty.

        Raises TooLarge; without a subject also RequestFault.
        """
        limit = settings.PAGE_SIZE

        def ask(after: str | None) -> Answer:
            nonlocal limit
            while True:
                asked = {**params, "limit": str(limit), **({"after": after} if after else {})}
                try:
                    answer = self.ask(path, asked, subject) if subject else self.get(path, asked)
                except RequestFault as refused:
                    if refused.fault.kind != "too_large":
                        raise
                    timed_out = str(_SYNC_TIMEOUT) in refused.fault.detail
                    if timed_out or limit <= settings.SMALLEST_PAGE_SIZE:
                        raise TooLarge(refused.fault.detail, timed_out=timed_out) from None
                    limit //= 2
                    continue
                if not isinstance(answer.document, dict) or not isinstance(answer.document.get("data"), list):
                    raise self._refusals.without(path, "data")
                return answer

        for answer in paging.pages(ask, _next, f"{self.client.setting}: {path}"):
            yield Page(answer.body)

    def listing(self, path: str, params: Mapping[str, str], subject: Subject) -> Iterator[Page]:
        """Pages of what has no smaller part to ask for. Raises AccessError, ResponseError."""
        try:
            yield from self.pages(path, params, subject)
        except TooLarge as refused:
            raise self.client.error(
                ResponseError,
                f"{self.client.setting}: {path} is too large even by {settings.SMALLEST_PAGE_SIZE} rows"
                f" ({refused}); run again later",
            ) from None

    @property
    def _refusals(self) -> Refusals:
        return Refusals(self.client, "Meta", "api_version", self.version)

    def _signed(self, params: Mapping[str, str]) -> dict[str, str]:
        return {**params, "appsecret_proof": self.proof} if self.proof else dict(params)

    def _explained(self, send: Any, subject: Subject) -> Answer:
        try:
            answer: Answer = send()
            return answer
        except RequestFault as refused:
            if refused.fault.kind == "too_large":
                raise
            raise self._explain(refused, subject) from None

    def _explain(self, refused: RequestFault, subject: Subject) -> IngestionError:
        if refused.fault.kind in ("account", "access"):
            fix = f"the token's permissions ({subject.permissions})"
            return self._refusals.subject(refused, subject.setting, subject.name, fix, subject.forbidden)
        kind = NoDeleted if f"/{_NO_DELETED}]" in refused.fault.detail else ResponseError
        return self._refusals.request(refused, kind)


def _next(answer: Answer) -> str | None:
    """The cursor of the next page; None at the end, empty when `next` names none."""
    paging_info = answer.document.get("paging") or {}
    if not paging_info.get("next"):
        return None
    cursor = (paging_info.get("cursors") or {}).get("after")
    return str(cursor or (parse_qs(urlsplit(str(paging_info["next"])).query).get("after") or [""])[0])


def statuses(level: str, allowed: tuple[str, ...]) -> dict[str, str]:
    """The filter that brings archived and deleted objects along.

    The parameter `effective_status` takes no deleted ones: https://developers.facebook.com/docs/marketing-api
    /best-practices/manage-your-ad-object-status
    """
    rule = {"field": f"{level}.effective_status", "operator": "IN", "value": list(allowed)}
    return {"filtering": orjson.dumps([rule]).decode()} if allowed else {}


@dataclass
class FacebookAds:
    """The ad accounts and pages that are read, and how."""

    landing: Landing
    graph: Graph
    account_ids: tuple[str, ...]
    page_ids: tuple[str, ...] = ()
    app_secret: str | None = field(default=None, repr=False)

    @cached_property
    def accounts(self) -> list[Page]:
        """The ad accounts that are read. Raises AccessError."""
        asked = {"fields": ACCOUNT_FIELDS}
        if not self.account_ids:
            return list(self.graph.listing("/me/adaccounts", asked, account_subject("list")))
        bodies = [
            self.graph.ask(f"/act_{account}", asked, account_subject(account)).body
            for account in self.account_ids
        ]
        return [Page(b'{"data":[' + body + b"]}") for body in bodies]

    @cached_property
    def ids(self) -> list[str]:
        """The ids of the ad accounts that are read. Raises AccessError, SettingError."""
        if self.account_ids:
            return list(self.account_ids)
        rows = [row for page in self.accounts for row in orjson.loads(page.body)["data"]]
        ids = [str(row["account_id"]) for row in rows]
        if not ids:
            raise SettingError(
                "sources.facebook_ads.account_ids is not set and the token reaches no account: set it"
            )
        return ids

    def objects(self, edge: str, fields: str, allowed: tuple[str, ...]) -> Iterator[Page]:
        """All objects of an edge of every account, in the given effective statuses where the edge has any."""

        def stream(account: str) -> Iterator[Page]:
            try:
                yield from self._objects(account, edge, fields, allowed)
            except NoDeleted as refused:
                line = f"no deleted {edge} of account {account}: {refused}"
                # the ads are listed twice: as a table, and for the pages that they name
                if line not in self.landing.notices:
                    self.landing.notice(line)
                listed = tuple(status for status in allowed if status != "DELETED")
                yield from self._objects(account, edge, fields, listed)

        yield from in_parallel([partial(stream, account) for account in self.ids])

    def _objects(self, account: str, edge: str, fields: str, allowed: tuple[str, ...]) -> Iterator[Page]:
        params = {"fields": fields, **statuses(edge.removesuffix("s"), allowed)}
        for page in self.graph.listing(f"/act_{account}/{edge}", params, account_subject(account)):
            yield Page(page.body, (("account_id", account),))

    @cached_property
    def ads_with_pages(self) -> list[PromotedAd]:
        """Every ad with the pages that it names. Raises AccessError."""
        found = self.objects("ads", pages.AD_FIELDS, settings.AD_STATUSES)
        return [promoted_ad(row) for page in found for row in orjson.loads(page.body)["data"] if row]

    @cached_property
    def lead_pages(self) -> tuple[str, ...]:
        """The pages whose leads are read: those of `page_ids`, else every page that the accounts promote.

        An account that refuses its list of pages still names them in its ads. Raises AccessError.
        """
        return self.page_ids or pages.page_ids(self._listed_pages(), self.ads_with_pages)

    def _listed_pages(self) -> list[str]:
        listed: list[str] = []
        for account in self.ids:
            subject = promoted_pages_subject(account)
            try:
                found = list(
                    self.graph.listing(
                        f"/act_{account}/promote_pages", {"fields": pages.PAGE_FIELDS}, subject
                    )
                )
            except (PermissionMissing, ResponseError):
                continue
            listed += [str(row["id"]) for page in found for row in orjson.loads(page.body)["data"] if row]
        return listed

    def subject(self, page: str) -> Subject:
        """A page with the setting that it comes from: its own id, or the account that promotes it."""
        return page_subject(page, "page_ids" if self.page_ids else "account_ids")

    def page(self, page: str) -> Graph:
        """The Graph API with the page's own token. Raises PermissionMissing; AccessError for the main token.

        https://developers.facebook.com/docs/pages/access-tokens
        """
        subject = self.subject(page)
        document = self.graph.ask(f"/{page}", {"fields": "access_token"}, subject).document
        token = document.get("access_token") if isinstance(document, dict) else None
        if not token:
            raise PermissionMissing(
                f"sources.facebook_ads.{subject.setting}: {subject.name} gives no token of its own;"
                f" assign the page to the token's user and grant {subject.permissions}"
            )
        return graph(
            self.landing, self.graph.client.base_url, self.graph.version, str(token), self.app_secret
        )


def graph(landing: Landing, base_url: str, version: str, token: str, secret: str | None) -> Graph:
    """The Graph API with a token, signed where the app's secret is known."""
    # https://developers.facebook.com/docs/facebook-login/security/#appsecret
    proof = hmac.new(secret.encode(), token.encode(), hashlib.sha256).hexdigest() if secret else None
    setting = Settings(settings.SOURCE).name("access_token")
    return Graph(landing.client(Client(POLICY, base_url, token=StaticToken(setting, token))), version, proof)


def connect(landing: Landing) -> FacebookAds:
    """A client from the settings in `sources.facebook_ads`. Raises SettingError."""
    section = Settings(settings.SOURCE)
    token = section.require("access_token")
    version = section.get("api_version") or settings.API_VERSION
    if not re.fullmatch(r"v\d+\.\d+", version):
        raise SettingError(
            f"{section.name('api_version')} is not an API version: set it like {settings.API_VERSION}"
        )
    secret = section.get("app_secret")
    reached = graph(landing, section.url("base_url", settings.BASE_URL), version, token, secret)
    return FacebookAds(landing, reached, section.ids("account_ids"), section.ids("page_ids"), secret)
