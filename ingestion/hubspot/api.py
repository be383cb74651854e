"""How HubSpot is asked: paths per API version, cursor paging, the vendor's fault signals."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

from ingestion.arrow import Page
from ingestion.config import Settings
from ingestion.errors import IngestionError, PermissionMissing, ResponseError, SettingError
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
from ingestion.hubspot import settings
from ingestion.landing import Landing

_WAIT = {"TEN_SECONDLY_ROLLING": 10.0, "SECONDLY": 1.0}


def judge(status: int, headers: Mapping[str, str], document: Any) -> Fault | None:
    """HubSpot's faults (https://developers.hubspot.com/docs/api-reference/error-handling)."""
    body = document if isinstance(document, dict) else {}
    detail = str(body.get("message") or f"HTTP {status}")
    if status == 530:
        return Fault("token", detail)
    fault = judge_status(status, headers, detail)
    if fault is None or fault.kind not in ("throttled", "transient"):
        return fault
    policy = str(body.get("policyName", ""))
    # 423 asks for two seconds; the rolling limits clear by themselves, the daily one at midnight
    wait = fault.wait if fault.wait is not None else 2.0 if status == 423 else _WAIT.get(policy)
    return Fault(fault.kind, detail, wait, hopeless=policy == "DAILY")


@dataclass
class HubSpot:
    """Pages of one portal."""

    client: Client
    version: str

    def objects(
        self, kind: str, properties: tuple[str, ...], history: tuple[str, ...] = ()
    ) -> Iterator[Page]:
        """All live and all archived records of a type: `archived=true` lists only the archived ones."""
        size = settings.PAGE_SIZE_WITH_HISTORY if history else settings.PAGE_SIZE
        params = {"limit": str(size), "properties": ",".join(properties)}
        if history:
            params["propertiesWithHistory"] = ",".join(history)
        dated = f"/crm/objects/{self.version}/{kind}"
        path = f"/crm/v3/objects/{kind}" if self.version.startswith("v") else dated
        for archived in ("false", "true"):
            yield from self._list(path, {**params, "archived": archived})

    def forms(self) -> Iterator[Page]:
        """All forms of all types, live and archived."""
        for archived in ("false", "true"):
            params = {
                "limit": str(settings.PAGE_SIZE),
                "formTypes": settings.FORM_TYPES,
                "archived": archived,
            }
            yield from self._list("/marketing/v3/forms", params)

    def submissions(self, form_ids: list[str]) -> Iterator[Page]:
        """The whole log of each form, several forms at once. A form that is gone (404) has no log."""

        def stream(form_id: str) -> Iterator[Page]:
            path = f"/form-integrations/v1/submissions/forms/{quote(form_id, safe='')}"
            try:
                for page in self._list(path, {"limit": str(settings.SUBMISSIONS_PAGE_SIZE)}):
                    yield Page(page.body, (("form_id", form_id),))
            except RequestFault as fault:
                if fault.status != 404:
                    raise

        yield from in_parallel([partial(stream, form_id) for form_id in form_ids])

    def page_views(self) -> Iterator[Page]:
        """Every page view of a known contact. Raises AccessError where the portal's tier has no events."""
        dated = f"/events/event-occurrences/{self.version}"
        path = "/events/v3/events" if self.version.startswith("v") else dated
        yield from self._list(path, {"eventType": settings.PAGE_VIEW, "limit": str(settings.PAGE_SIZE)})

    def deal_contacts(self, deal_ids: list[str]) -> Iterator[Page]:
        """The contacts of the deals; a deal with more than one page of contacts is asked again."""
        dated = f"/crm/associations/{self.version}/deals/contacts/batch/read"
        path = "/crm/v4/associations/deals/contacts/batch/read" if self.version.startswith("v") else dated
        waiting = [{"id": deal_id} for deal_id in deal_ids]
        while waiting:
            inputs, waiting = waiting[: settings.ASSOCIATION_INPUTS], waiting[settings.ASSOCIATION_INPUTS :]
            answer = self._ask(partial(self.client.post, path, {"inputs": inputs}))
            self._check(path, answer, "results")
            yield Page(answer.body)
            for result in answer.document["results"]:
                after = _cursor(result)
                if after:
                    waiting.append({"id": str(result["from"]["id"]), "after": after})

    def pipelines(self) -> Iterator[Page]:
        """The deal pipelines with their stages."""
        path = "/crm/v3/pipelines/deals"
        yield self._page(path, {})

    def account(self) -> Iterator[Page]:
        """The portal: one record, wrapped like a listing."""
        answer = self._ask(partial(self.client.get, "/account-info/v3/details"))
        if not isinstance(answer.document, dict) or "portalId" not in answer.document:
            raise ResponseError(f"{self.client.setting}: /account-info/v3/details sent no portalId")
        yield Page(b'{"results":[' + answer.body + b"]}")

    def _list(self, path: str, params: dict[str, str]) -> Iterator[Page]:
        seen: set[str] = set()
        after: str | None = None
        while True:
            asked = {**params, "after": after} if after else params
            answer = self._ask(partial(self.client.get, path, asked))
            self._check(path, answer, "results")
            yield Page(answer.body)
            after = _cursor(answer.document)
            if not after:
                return
            if after in seen:
                raise ResponseError(f"{self.client.setting}: {path} repeated its paging cursor; run again")
            seen.add(after)

    def _page(self, path: str, params: dict[str, str]) -> Page:
        answer = self._ask(partial(self.client.get, path, params))
        self._check(path, answer, "results")
        return Page(answer.body)

    def _ask(self, send: Callable[[], Answer]) -> Answer:
        try:
            return send()
        except RequestFault as fault:
            if fault.status == 404:
                raise
            raise self._explain(fault) from None

    def _explain(self, fault: RequestFault) -> IngestionError:
        setting = self.client.token.setting if self.client.token else self.client.setting
        if fault.fault.kind == "access":
            return self.client.error(
                PermissionMissing,
                f"{setting} lacks a permission (403): {fault.fault.detail}; add the scope in HubSpot",
            )
        return self.client.error(
            ResponseError,
            f"{self.client.setting}: HubSpot refused a request ({fault.status}): {fault.fault.detail};"
            f" check sources.hubspot.api_version ({self.version})",
        )

    def _check(self, path: str, answer: Answer, key: str) -> None:
        if not isinstance(answer.document, dict) or not isinstance(answer.document.get(key), list):
            raise ResponseError(
                f"{self.client.setting}: {path} sent JSON without {key}; is that HubSpot's API?"
            )


def _cursor(document: Any) -> str | None:
    after = ((document.get("paging") or {}).get("next") or {}).get("after")
    return str(after) if after else None


def connect(landing: Landing) -> HubSpot:
    """A client from the settings in `sources.hubspot`. Raises SettingError."""
    section = Settings(settings.SOURCE)
    base_url = section.url("base_url", settings.BASE_URL)
    version = section.get("api_version") or settings.API_VERSION
    if not re.fullmatch(r"v3|\d{4}-\d{2}", version):
        raise SettingError(
            f"{section.name('api_version')} is no API version: set it like {settings.API_VERSION} or v3"
        )
    found = section.credentials(*settings.CREDENTIALS) or {"access_token": section.require("access_token")}
    client = landing.client(Client(Policy(settings.SOURCE, judge), base_url))
    token: Token
    if "access_token" in found:
        token = StaticToken(section.name("access_token"), found["access_token"])
    else:
        path = "/oauth/v1/token" if version == "v3" else f"/oauth/{version}/token"
        token = RefreshToken(section.name("refresh_token"), client, path, found)
    client.token = token
    return HubSpot(client, version)
