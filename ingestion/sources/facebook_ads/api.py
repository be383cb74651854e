"""Meta's API: fields, paging by cursor until there is no `next`, error signals."""

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
from ingestion.http import bodies, paging
from ingestion.http.client import Answer, Client, Policy, StaticToken, in_parallel
from ingestion.http.faults import ErrorBody, Judge, RequestFault, Signal, codes
from ingestion.http.refusals import Refusals
from ingestion.landing.arrow import Page
from ingestion.landing.left_out import LoadFault
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
# the fields that do not come from a creative's post
OWN_CREATIVE_FIELDS = "id,account_id,object_type,url_tags,link_url,object_url,template_url,asset_feed_spec"
INSIGHT_FIELDS = (
    "account_id,campaign_id,impressions,clicks,spend,account_currency,attribution_setting,"
    "actions,action_values"
)
LEAD_FORM_FIELDS = "id,name,status,locale,created_time,leads_count,organic_leads_count,questions"
LEAD_FIELDS = "id,form_id,created_time,ad_id,adset_id,campaign_id,is_organic,platform,field_data"

# "Cannot Request for Deleted Objects"
_NO_DELETED = 1815001
_SYNC_TIMEOUT = 1504018
# "This Ad's Post Is Not Available"
_POST_GONE = 2446289
_MOST_SHOWN = 5
_ACCOUNT = re.compile(r"/act_\d+")


def _error_body(status: int, headers: Mapping[str, str], document: Any) -> ErrorBody:
    """Return the error of an answer; the code in the body is more precise than the status, usually 400."""
    body = document.get("error") if isinstance(document, dict) else None
    if not isinstance(body, dict):
        return ErrorBody(status)
    code, subcode = body.get("code"), body.get("error_subcode")
    used = usage(headers)
    return ErrorBody(
        max(status, 400),
        # the message is often just "Invalid parameter"; error_user_msg contains the detail
        " ".join(filter(None, (body.get("message"), body.get("error_user_msg")))),
        codes(
            code, f"*/{subcode}", f"{code}/{subcode}", "is_transient" if body.get("is_transient") else None
        ),
        f"[code {code}{f'/{subcode}' if subcode else ''}]",
        (used.regain if used else None) or None,
    )


#: https://developers.facebook.com/docs/graph-api/overview/rate-limiting and
#: https://developers.facebook.com/docs/marketing-api/error-reference; codes are written code/subcode
judge = Judge(
    _error_body,
    (
        Signal("throttled", codes(4, 17, 32, 613, *range(80000, 80010), 80014)),
        Signal("too_large", codes(f"*/{_SYNC_TIMEOUT}"), "reduce the amount of data"),
        # a report that has just completed may not have its fields yet
        Signal("transient", codes(1, 2, "is_transient"), "in summary param"),
        Signal("token", codes(102, 190)),
        # the object is missing
        Signal("account", codes("100/33")),
        Signal("access", codes(10, *range(200, 300))),
        # the post of one ad was deleted
        Signal("object", codes(f"*/{_POST_GONE}")),
    ),
)


def _lane(path: str) -> str:
    """Return the ad account in a path, because limits apply per account; empty for reports."""
    account = _ACCOUNT.search(path)
    return account[0] if account else ""


POLICY = Policy(settings.SOURCE, judge, lane=_lane, learn=pace)


class TooLarge(Exception):
    """A listing is too large for Meta to answer; if `timed_out`, smaller pages would not help either."""

    def __init__(self, detail: str, *, timed_out: bool) -> None:
        super().__init__(detail)
        self.timed_out = timed_out


class ObjectGone(ResponseError):
    """Meta refuses a listing because of one object, such as a creative whose post was deleted."""


class NoDeleted(ResponseError):
    """Meta refuses to list deleted objects."""


@dataclass(frozen=True)
class Subject:
    """The account or page of a request for error messages, with its setting and the required permissions.

    `account` is the id of an ad account, which a load with other accounts leaves out.
    """

    setting: str
    name: str
    permissions: str
    forbidden: type[AccessError] = AccessError
    account: str | None = None


def account_subject(account: str) -> Subject:
    """Return the subject of an ad account."""
    return Subject("account_ids", f"account {account}", "ads_read", account=account)


def accounts_subject() -> Subject:
    """Return the subject of the token's list of ad accounts."""
    return Subject("account_ids", "the list of accounts", "ads_read")


def page_subject(page: str, setting: str = "page_ids") -> Subject:
    """Return the subject of a page with leads; a refusal does not stop the rest of the load."""
    return Subject(setting, f"page {page}", ", ".join(settings.LEAD_PERMISSIONS), PermissionMissing)


def promoted_pages_subject(account: str) -> Subject:
    """Return the subject of an account's list of pages; a refusal is tolerated, since ads contain pages."""
    permissions = ", ".join(settings.PAGE_PERMISSIONS)
    return Subject("account_ids", f"list of pages of account {account}", permissions, PermissionMissing)


@dataclass(frozen=True)
class Graph:
    """The Graph API with one access token."""

    client: Client
    version: str
    proof: str | None = None

    def get(self, path: str, params: Mapping[str, str]) -> Answer:
        """Send a GET request. Raises RequestFault for errors the caller must explain, else as Client."""
        return self.client.get(f"/{self.version}{path}", self._signed(params))

    def ask(self, path: str, params: Mapping[str, str], subject: Subject) -> Answer:
        """Send a GET request. Raises AccessError, ResponseError, RequestFault for a too large answer."""
        return self._explained(partial(self.get, path, params), subject)

    def start(self, path: str, params: Mapping[str, str], subject: Subject) -> Any:
        """Send a POST request that may be repeated, and return its document."""
        query = urlencode(self._signed(params))
        post = partial(self.client.post, f"/{self.version}{path}?{query}", {})
        return self._explained(post, subject).document

    def pages(self, path: str, params: Mapping[str, str], subject: Subject | None) -> Iterator[Page]:
        """Yield pages until one has no `next`; the last page has an `after`, too, and pages can be empty.

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
        """Yield pages of a listing that cannot be split further. Raises AccessError, ResponseError."""
        try:
            yield from self.pages(path, params, subject)
        except TooLarge as refused:
            raise self.client.error(
                ResponseError,
                f"{self.client.setting}: {path} is too large even with {settings.SMALLEST_PAGE_SIZE} rows a"
                f" page ({refused}); run again later",
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
            if subject.account:
                return self._refusals.account(refused, subject.setting, subject.account, fix)
            return self._refusals.subject(refused, subject.setting, subject.name, fix, subject.forbidden)
        if refused.fault.kind == "object":
            return self._refusals.request(refused, ObjectGone)
        kind = NoDeleted if f"/{_NO_DELETED}]" in refused.fault.detail else ResponseError
        return self._refusals.request(refused, kind)


def _rows(page: Page) -> list[dict[str, Any]]:
    """Return the objects of a page; other rows go to quarantine when they land."""
    return [row for row in bodies.loads(page.body)["data"] if isinstance(row, dict)]


def _next(answer: Answer) -> str | None:
    """Return the cursor of the next page; None at the end, empty if `next` contains none."""
    paging_info = answer.document.get("paging") or {}
    if not paging_info.get("next"):
        return None
    cursor = (paging_info.get("cursors") or {}).get("after")
    return str(cursor or (parse_qs(urlsplit(str(paging_info["next"])).query).get("after") or [""])[0])


def statuses(level: str, allowed: tuple[str, ...]) -> dict[str, str]:
    """Return the filter that includes archived and deleted objects.

    The parameter `effective_status` does not accept deleted ones: https://developers.facebook.com/docs
    /marketing-api/best-practices/manage-your-ad-object-status
    """
    rule = {"field": f"{level}.effective_status", "operator": "IN", "value": list(allowed)}
    return {"filtering": orjson.dumps([rule]).decode()} if allowed else {}


@dataclass
class FacebookAds:
    """Requests for the ad accounts and pages of a load."""

    landing: Landing
    graph: Graph
    account_ids: tuple[str, ...]
    page_ids: tuple[str, ...] = ()
    app_secret: str | None = field(default=None, repr=False)

    @cached_property
    def accounts(self) -> list[Page]:
        """Return pages with the ad accounts to load. Raises AccessError."""
        asked = {"fields": ACCOUNT_FIELDS}
        if not self.account_ids:
            return list(self.graph.listing("/me/adaccounts", asked, accounts_subject()))
        bodies = [
            self.graph.ask(f"/act_{account}", asked, account_subject(account)).body for account in self.ids
        ]
        return [Page(b'{"data":[' + body + b"]}") for body in bodies]

    @cached_property
    def ids(self) -> list[str]:
        """Return the ids of the ad accounts to load. Raises AccessError, SettingError."""
        if self.account_ids:
            return self.landing.remaining(self.account_ids)
        rows = [row for page in self.accounts for row in _rows(page)]
        ids = [str(row["account_id"]) for row in rows if row.get("account_id")]
        if not ids:
            raise SettingError(
                "sources.facebook_ads.account_ids is not set and the token has access to no account: set it"
            )
        return self.landing.remaining(ids)

    def objects(self, edge: str, fields: str, allowed: tuple[str, ...]) -> Iterator[Page]:
        """Yield the objects of an edge of all accounts, with these effective statuses if the edge has any."""
        yield from in_parallel(
            [partial(self._with_deleted, account, edge, fields, allowed) for account in self.ids]
        )

    def _with_deleted(self, account: str, edge: str, fields: str, allowed: tuple[str, ...]) -> Iterator[Page]:
        try:
            yield from self._objects(account, edge, fields, allowed)
        except NoDeleted as refused:
            line = f"no deleted {edge} of account {account}: {refused}"
            # ads are listed twice: for the table, and for their pages
            if line not in self.landing.notices:
                self.landing.notice(line)
            listed = tuple(status for status in allowed if status != "DELETED")
            yield from self._objects(account, edge, fields, listed)

    def _objects(self, account: str, edge: str, fields: str, allowed: tuple[str, ...]) -> Iterator[Page]:
        params = {"fields": fields, **statuses(edge.removesuffix("s"), allowed)}
        for page in self.graph.listing(f"/act_{account}/{edge}", params, account_subject(account)):
            yield Page(page.body, (("account_id", account),))

    def creatives(self) -> Iterator[Page]:
        """Yield the creatives of all accounts; one that Meta refuses to show costs only itself."""
        yield from in_parallel([partial(self._creatives, account) for account in self.ids])

    def _creatives(self, account: str) -> Iterator[Page]:
        try:
            # a refusal may come after some pages; the lander drops what is read twice
            yield from self._objects(account, "adcreatives", CREATIVE_FIELDS, ())
            return
        except ObjectGone as refusal:
            refused, gone = refusal, list[str]()
        context, size = (("account_id", account),), settings.IDS_PER_REQUEST
        for page in self._objects(account, "adcreatives", "id", ()):
            ids = [str(row["id"]) for row in _rows(page) if row.get("id")]
            for start in range(0, len(ids), size):
                found = list(self._creatives_by_id(account, ids[start : start + size], gone))
                yield Page(orjson.dumps({"data": found}), context, len(found))
        shown = ", ".join(gone[:_MOST_SHOWN]) + (", …" if len(gone) > _MOST_SHOWN else "")
        self.landing.notice(
            f"creatives of account {account} are loaded by id, {len(gone)} of them without the landing page"
            f" of their post ({shown}): {refused}"
        )

    def _creatives_by_id(self, account: str, ids: list[str], gone: list[str]) -> Iterator[Any]:
        """Yield creatives by id; a refused request is split until it is refused for one creative (`gone`)."""
        subject = Subject("account_ids", f"creatives of account {account}", "ads_read", PermissionMissing)
        asked = {"ids": ",".join(ids), "fields": CREATIVE_FIELDS}
        try:
            document = self.graph.ask("/", asked, subject).document
            yield from document.values() if isinstance(document, dict) else ()
            return
        except (PermissionMissing, ResponseError) as refused:
            if len(ids) == 1:
                yield from self._own_fields(account, ids[0], subject, refused)
                gone += ids
                return
        middle = len(ids) // 2
        yield from self._creatives_by_id(account, ids[:middle], gone)
        yield from self._creatives_by_id(account, ids[middle:], gone)

    def _own_fields(
        self, account: str, creative: str, subject: Subject, refused: IngestionError
    ) -> Iterator[Any]:
        """Yield the fields of a creative that do not come from its post, if Meta shows them."""
        missing = "is loaded without the landing page of its post"
        try:
            yield self.graph.ask(f"/{creative}", {"fields": OWN_CREATIVE_FIELDS}, subject).document
        except (PermissionMissing, ResponseError):
            missing = "is not loaded"
        fault = LoadFault(
            "object",
            f"creative {creative} of account {account} {missing}: {refused}",
            "publish the ad with a post that exists, if it still runs",
            resource="ad_creatives",
            account_id=account,
            subject=creative,
        )
        self.landing.leave_out(fault, "")

    @cached_property
    def ads_with_pages(self) -> list[PromotedAd]:
        """Return all ads with their pages. Raises AccessError."""

        def stream(account: str) -> Iterator[Page]:
            try:
                yield from self._with_deleted(account, "ads", pages.AD_FIELDS, settings.AD_STATUSES)
            except ObjectGone:
                # the ad sets contain most pages
                yield from self._with_deleted(account, "ads", pages.AD_SET_PAGE, settings.AD_STATUSES)

        found = in_parallel([partial(stream, account) for account in self.ids])
        ads: dict[str, PromotedAd] = {}
        for ad in (promoted_ad(row) for page in found for row in _rows(page)):
            # an ad that was read twice counts with all its pages
            if ad.id not in ads or len(ad.page_ids) > len(ads[ad.id].page_ids):
                ads[ad.id] = ad
        return list(ads.values())

    @cached_property
    def lead_pages(self) -> tuple[str, ...]:
        """Return the pages whose leads are loaded: `page_ids`, else all pages that the accounts promote.

        If an account refuses its list of pages, the pages come from its ads. Raises AccessError.
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
            listed += [str(row["id"]) for page in found for row in _rows(page) if row.get("id")]
        return listed

    def subject(self, page: str) -> Subject:
        """Return the subject of a page, with the setting of its id or of the account that promotes it."""
        return page_subject(page, "page_ids" if self.page_ids else "account_ids")

    def page(self, page: str) -> Graph:
        """Return the Graph API with the page's own token.

        https://developers.facebook.com/docs/pages/access-tokens. Raises PermissionMissing, and AccessError if
        the main token is refused.
        """
        subject = self.subject(page)
        document = self.graph.ask(f"/{page}", {"fields": "access_token"}, subject).document
        token = document.get("access_token") if isinstance(document, dict) else None
        if not token:
            raise PermissionMissing(
                f"sources.facebook_ads.{subject.setting}: {subject.name} returned no page access token;"
                f" assign the page to the token's user and grant {subject.permissions}"
            )
        return graph(
            self.landing, self.graph.client.base_url, self.graph.version, str(token), self.app_secret
        )


def graph(landing: Landing, base_url: str, version: str, token: str, secret: str | None) -> Graph:
    """Return the Graph API with a token; requests are signed if the app's secret is set."""
    # https://developers.facebook.com/docs/facebook-login/security/#appsecret
    proof = hmac.new(secret.encode(), token.encode(), hashlib.sha256).hexdigest() if secret else None
    setting = Settings(settings.SOURCE).name("access_token")
    return Graph(landing.client(Client(POLICY, base_url, token=StaticToken(setting, token))), version, proof)


def connect(landing: Landing) -> FacebookAds:
    """Connect with the settings in `sources.facebook_ads`. Raises SettingError."""
    section = Settings(settings.SOURCE)
    token = section.require("access_token")
    version = section.version("api_version", settings.API_VERSION, r"v\d+\.\d+")
    secret = section.get("app_secret")
    main = graph(landing, section.url("base_url", settings.BASE_URL), version, token, secret)
    return FacebookAds(landing, main, section.ids("account_ids"), section.ids("page_ids"), secret)
