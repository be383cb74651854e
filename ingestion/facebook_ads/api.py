"""How Meta is asked: fields, paging by cursor until there is no `next`, the vendor's fault signals."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

from ingestion.arrow import Page
from ingestion.config import Settings
from ingestion.errors import AccessError, IngestionError, ResponseError, SettingError
from ingestion.facebook_ads import settings
from ingestion.http import (
    Answer,
    Client,
    Fault,
    Policy,
    RequestFault,
    StaticToken,
    in_parallel,
    judge_status,
    retry_after,
)
from ingestion.landing import DaysRead, Landing, Window

ACCOUNT_FIELDS = "account_id,name,currency,timezone_name,account_status"
CAMPAIGN_FIELDS = "id,account_id,name,objective,status,effective_status,updated_time"
AD_SET_FIELDS = "id,account_id,campaign_id,name,status,effective_status,attribution_spec,updated_time"
AD_FIELDS = "id,account_id,campaign_id,adset_id,name,status,effective_status,creative{id},updated_time"
CREATIVE_FIELDS = "id,account_id,url_tags,object_story_spec,asset_feed_spec"
INSIGHT_FIELDS = (
    "account_id,campaign_id,impressions,clicks,spend,account_currency,attribution_setting,"
    "actions,action_values"
)

# https://developers.facebook.com/docs/graph-api/overview/rate-limiting and
# https://developers.facebook.com/docs/marketing-api/error-reference
_THROTTLE_CODES = frozenset({4, 17, 32, 613, 80014, *range(80000, 80010)})
_TRANSIENT_CODES = frozenset({1, 2})
_OBJECT_MISSING = 33
_SYNC_TIMEOUT = 1504018


def judge(status: int, headers: Mapping[str, str], document: Any) -> Fault | None:
    """Meta's faults: the code in the body says more than the status, which is usually 400."""
    body = document.get("error") if isinstance(document, dict) else None
    if not isinstance(body, dict):
        return judge_status(status, headers, f"HTTP {status}")
    code, subcode = body.get("code"), body.get("error_subcode")
    detail = f"{body.get('message') or 'no message'} [code {code}]"
    if code in _THROTTLE_CODES:
        return Fault("throttled", detail, wait=_time_to_regain_access(headers) or retry_after(headers))
    if "reduce the amount of data" in detail or subcode == _SYNC_TIMEOUT:
        return Fault("too_large", detail)
    if code in _TRANSIENT_CODES or body.get("is_transient"):
        return Fault("transient", detail)
    if code in (102, 190):
        return Fault("token", detail)
    if code == 100 and subcode == _OBJECT_MISSING:
        return Fault("account", detail)
    if code == 10 or (isinstance(code, int) and 200 <= code <= 299):
        return Fault("access", detail)
    return judge_status(max(status, 400), headers, detail)


def _time_to_regain_access(headers: Mapping[str, str]) -> float | None:
    """Seconds until calls are allowed again, from whichever usage header knows (one counts minutes)."""
    waits: list[float] = []
    try:
        usage = orjson.loads(headers.get("x-business-use-case-usage") or "{}")
        waits += [
            60.0 * float(entry.get("estimated_time_to_regain_access") or 0)
            for entries in usage.values()
            for entry in entries
        ]
        account = orjson.loads(headers.get("x-ad-account-usage") or "{}")
        waits.append(float(account.get("reset_time_duration") or 0))
    except (ValueError, AttributeError, TypeError):
        return None
    return max(waits, default=0.0) or None


@dataclass
class FacebookAds:
    """Pages of every account that is read."""

    client: Client
    version: str
    account_ids: tuple[str, ...]
    proof: str | None = None

    @cached_property
    def _accounts(self) -> list[Page]:
        if not self.account_ids:
            return list(self._list("/me/adaccounts", {"fields": ACCOUNT_FIELDS}, None))
        pages = []
        for account in self.account_ids:
            answer = self._ask(f"/act_{account}", {"fields": ACCOUNT_FIELDS}, account)
            pages.append(Page(b'{"data":[' + answer.body + b"]}"))
        return pages

    @cached_property
    def _ids(self) -> list[str]:
        if self.account_ids:
            return list(self.account_ids)
        rows = [row for page in self._accounts for row in orjson.loads(page.body)["data"]]
        ids = [str(row["account_id"]) for row in rows]
        if not ids:
            raise SettingError(
                "sources.facebook_ads.account_ids is not set and the token reaches no account: set it"
            )
        return ids

    def accounts(self) -> Iterator[Page]:
        """The ad accounts that are read."""
        yield from self._accounts

    def objects(self, edge: str, fields: str, statuses: tuple[str, ...]) -> Iterator[Page]:
        """All objects of an edge of every account, in the given effective statuses where the edge has any."""
        params = {"fields": fields}
        if statuses:
            params["effective_status"] = orjson.dumps(list(statuses)).decode()

        def stream(account: str) -> Iterator[Page]:
            for page in self._list(f"/act_{account}/{edge}", params, account):
                yield Page(page.body, (("account_id", account),))

        yield from in_parallel([partial(stream, account) for account in self._ids])

    def insights(self, level: str, fields: str, window: Window) -> Iterator[Page | DaysRead]:
        """Daily insights of a level per account and slice; `DaysRead` once a slice is complete."""

        def stream(account: str, piece: Window) -> Iterator[Page | DaysRead]:
            params = {
                "level": level,
                "fields": fields,
                "time_range": orjson.dumps({"since": str(piece.start), "until": str(piece.end)}).decode(),
                "time_increment": "1",
                "action_attribution_windows": orjson.dumps(list(settings.ATTRIBUTION_WINDOWS)).decode(),
                "action_breakdowns": '["action_type"]',
            }
            for page in self._list(f"/act_{account}/insights", params, account):
                yield Page(page.body, (("account_id", account),))
            yield DaysRead(account, piece)

        pieces = list(window.slices(settings.SLICE_DAYS))
        yield from in_parallel([partial(stream, account, piece) for account in self._ids for piece in pieces])

    def _list(self, path: str, params: dict[str, str], account: str | None) -> Iterator[Page]:
        """Pages until one has no `next`: `after` stands on the last page too, and a page can be empty."""
        limit = settings.PAGE_SIZE
        after: str | None = None
        seen: set[str] = set()
        while True:
            asked = {**params, "limit": str(limit), **({"after": after} if after else {})}
            try:
                answer = self._ask(path, asked, account)
            except RequestFault:
                if limit <= settings.SMALLEST_PAGE_SIZE:
                    raise ResponseError(
                        f"{self.client.setting}: {path} is too large even by {limit} rows; run again later"
                    ) from None
                limit //= 2
                continue
            if not isinstance(answer.document, dict) or not isinstance(answer.document.get("data"), list):
                raise ResponseError(
                    f"{self.client.setting}: {path} sent JSON without data; is that Meta's API?"
                )
            yield Page(answer.body)
            after = _next(answer.document)
            if after is None:
                return
            if not after or after in seen:
                raise ResponseError(f"{self.client.setting}: {path} repeated its paging cursor; run again")
            seen.add(after)

    def _ask(self, path: str, params: dict[str, str], account: str | None) -> Answer:
        proof = {"appsecret_proof": self.proof} if self.proof else {}
        try:
            return self.client.get(f"/{self.version}{path}", {**params, **proof})
        except RequestFault as fault:
            if fault.fault.kind == "too_large":
                raise
            raise self._explain(fault, account) from None

    def _explain(self, fault: RequestFault, account: str | None) -> IngestionError:
        detail = fault.fault.detail
        if fault.fault.kind in ("account", "access"):
            return self.client.error(
                AccessError,
                f"sources.facebook_ads.account_ids: account {account or 'list'} is unknown or not accessible"
                f" ({fault.status}): {detail}; check the id and the token's permissions (ads_read)",
            )
        return self.client.error(
            ResponseError,
            f"{self.client.setting}: Meta refused a request ({fault.status}): {detail};"
            f" check sources.facebook_ads.api_version ({self.version})",
        )


def _next(document: dict[str, Any]) -> str | None:
    """The cursor of the next page; None at the end, empty when `next` names none."""
    paging = document.get("paging") or {}
    if not paging.get("next"):
        return None
    cursor = (paging.get("cursors") or {}).get("after")
    return str(cursor or (parse_qs(urlsplit(str(paging["next"])).query).get("after") or [""])[0])


def connect(landing: Landing) -> FacebookAds:
    """A client from the settings in `sources.facebook_ads`. Raises SettingError."""
    section = Settings(settings.SOURCE)
    token = section.require("access_token")
    version = section.get("api_version") or settings.API_VERSION
    if not re.fullmatch(r"v\d+\.\d+", version):
        raise SettingError(
            f"{section.name('api_version')} is no API version: set it like {settings.API_VERSION}"
        )
    secret = section.get("app_secret")
    client = landing.client(
        Client(
            Policy(settings.SOURCE, judge),
            section.url("base_url", settings.BASE_URL),
            token=StaticToken(section.name("access_token"), token),
        )
    )
    # https://developers.facebook.com/docs/facebook-login/security/#appsecret
    proof = hmac.new(secret.encode(), token.encode(), hashlib.sha256).hexdigest() if secret else None
    return FacebookAds(client, version, section.ids("account_ids"), proof)
