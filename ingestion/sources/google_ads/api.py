"""The Google Ads API: GAQL, searchStream, the accounts under a manager, error signals."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from ingestion.config import Settings
from ingestion.errors import IngestionError, SettingError
from ingestion.http import bodies
from ingestion.http.client import Answer, Client, Policy, RefreshToken, token_endpoint
from ingestion.http.faults import ErrorBody, Judge, RequestFault, Signal, codes
from ingestion.http.refusals import Refusals
from ingestion.landing.arrow import Page
from ingestion.landing.resources import DaysRead, Landing, Window
from ingestion.sources.google_ads import settings
from ingestion.sources.google_ads.tables import CUSTOMERS, query

# Resource names only repeat the ids: https://developers.google.com/google-ads/api/docs/query/grammar
_OMIT_RESOURCE_NAMES = " PARAMETERS omit_unselected_resource_names=true"


_CUSTOMER = re.compile(r"/customers/\d+")
# an int64: https://developers.google.com/google-ads/api/fields/v24/customer_client
_ID = re.compile(r"\d{1,19}", re.ASCII)


class _Batch(msgspec.Struct):
    """The error of a batch; skipping the rows makes decoding fast."""

    error: dict[str, Any] | None = None


_read_batches = bodies.decoder(list[_Batch])


def _errors(body: bytes) -> Any:
    """Decode the batches of a stream without their rows, or any other JSON as it is. Raises ValueError."""
    try:
        batches = _read_batches(body)
    except msgspec.ValidationError:
        return bodies.loads(body)
    return [{"error": batch.error} if batch.error else {} for batch in batches]


def _error_body(status: int, headers: Mapping[str, str], document: Any) -> ErrorBody:
    """Return the error of an answer; searchStream wraps it in an array, possibly after good batches."""
    error = _error(document)
    if error is None:
        return ErrorBody(status)
    names, retry_delay, message = _failure(error)
    code = error.get("code")
    own = code if isinstance(code, int) and code >= 400 else max(status, 400)
    return ErrorBody(own, message, codes(*names), f"[{', '.join(names)}]" if names else "", retry_delay)


#: https://developers.google.com/google-ads/api/docs/best-practices/error-types
judge = Judge(
    _error_body,
    (
        Signal("throttled", codes("RESOURCE_EXHAUSTED", "RESOURCE_TEMPORARILY_EXHAUSTED")),
        Signal("transient", codes("TRANSIENT_ERROR", "INTERNAL_ERROR", "INTERNAL", "UNAVAILABLE")),
        Signal("account", codes("CUSTOMER_NOT_FOUND", "USER_PERMISSION_DENIED", "CUSTOMER_NOT_ENABLED")),
    ),
)


def _lane(path: str) -> str:
    """Return the account in a path, because limits apply per account.

    https://developers.google.com/google-ads/api/docs/best-practices/quotas
    """
    found = _CUSTOMER.search(path)
    return found[0] if found else ""


POLICY = Policy(settings.SOURCE, judge, lane=_lane)


def _error(document: Any) -> dict[str, Any] | None:
    for entry in document if isinstance(document, list) else [document]:
        if isinstance(entry, dict) and isinstance(entry.get("error"), dict):
            error: dict[str, Any] = entry["error"]
            return error
    return None


def _failure(error: dict[str, Any]) -> tuple[list[str], float | None, str]:
    names = [str(error["status"])] if error.get("status") else []
    delay: float | None = None
    message = str(error.get("message") or "")
    for part in error.get("details") or []:
        for failure in part.get("errors") or []:
            names += [str(code) for code in (failure.get("errorCode") or {}).values()]
            message = str(failure.get("message") or message)
            quota = (failure.get("details") or {}).get("quotaErrorDetails") or {}
            found = re.fullmatch(r"([\d.]+)s", str(quota.get("retryDelay", "")))
            delay = float(found[1]) if found else delay
    return names, delay, message


@dataclass(frozen=True)
class Account:
    """An account to load: `login` is the manager with access to it, `zone` the time zone of its days."""

    login: str
    zone: tzinfo


@dataclass
class GoogleAds:
    """Requests for all accounts of a load; `remaining` returns the accounts that it does not leave out."""

    client: Client
    version: str
    login_customer_id: str | None
    customer_ids: tuple[str, ...]
    developer_token: str | None = None
    remaining: Callable[[Sequence[str]], Sequence[str]] = lambda accounts: accounts
    #: the status of accounts that are not enabled
    closed: dict[str, str] = field(default_factory=dict)

    @property
    def customers(self) -> Sequence[Page]:
        """Return pages with all accounts under the roots, including managers and closed accounts."""
        return self._hierarchy[0]

    @property
    def accounts(self) -> Mapping[str, Account]:
        """Return the enabled accounts that are not managers."""
        return self._hierarchy[1]

    def today(self, account: str, moment: datetime) -> date:
        """Return the date of an instant in the account's time zone."""
        return moment.astimezone(self.accounts[account].zone).date()

    @cached_property
    def _hierarchy(self) -> tuple[list[Page], dict[str, Account]]:
        """Return the pages of `customer_client` of all roots, and the accounts to load, without repeats.

        Roots are the configured accounts, else the manager in login_customer_id, else the accounts that the
        token has direct access to.
        """
        pages: list[Page] = []
        accounts: dict[str, Account] = {}
        for root in self.remaining(self._roots()):
            login = self.login_customer_id or root
            answer = self._search(root, query(CUSTOMERS, self.version), login, bodies.loads)
            pages.append(Page(answer.body))
            for row in _rows(answer.document):
                client = row.get("customerClient")
                client = client if isinstance(client, dict) else {}
                account, status = str(client.get("id") or ""), client.get("status", "ENABLED")
                # a row whose id or flag cannot be read goes to quarantine when it lands
                if not _ID.fullmatch(account) or client.get("manager") not in (None, False, "false"):
                    continue
                if status == "ENABLED":
                    accounts.setdefault(account, Account(login, _zone(client.get("timeZone"))))
                else:
                    self.closed[account] = str(status)
        remaining = set(self.remaining(tuple(accounts)))
        return pages, {account: found for account, found in accounts.items() if account in remaining}

    def _roots(self) -> tuple[str, ...]:
        if self.customer_ids:
            return self.customer_ids
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
                "sources.google_ads.customer_ids is not set and the token has access to no account: set it"
            )
        return roots

    def rows(self, account: str, text: str, owner: str | None = None) -> Iterator[Page]:
        """Yield the answer to a query for an account; with `owner`, that manager's shared objects."""
        answer = self._search(owner or account, text, self.accounts[account].login)
        yield Page(answer.body, (("customer_id", account),))

    def conversion_customer(self, account: str) -> str | None:
        """Return the manager whose conversion actions count in this account; None if it has its own."""
        text = "SELECT customer.conversion_tracking_setting.google_ads_conversion_customer FROM customer"
        answer = self._search(account, text, self.accounts[account].login, bodies.loads)
        for row in _rows(answer.document):
            customer = row.get("customer")
            setting = customer.get("conversionTrackingSetting") if isinstance(customer, dict) else None
            owner = str(
                (setting if isinstance(setting, dict) else {}).get("googleAdsConversionCustomer") or ""
            )
            owner = owner.rpartition("/")[2]
            if _ID.fullmatch(owner) and owner != account:
                return owner
        return None

    def days(self, account: str, piece: Window, text: str) -> Iterator[Page | DaysRead]:
        """Yield the answer to a query for the days of a piece, then `DaysRead`."""
        where = f" WHERE segments.date BETWEEN '{piece.start}' AND '{piece.end}'"
        yield from self.rows(account, text + where)
        yield DaysRead(account, piece)

    def _search(
        self, account: str, text: str, login: str, decode: Callable[[bytes], Any] = _errors
    ) -> Answer:
        path = f"/{self.version}/customers/{account}/googleAds:searchStream"
        try:
            answer = self.client.post(
                path, {"query": text + _OMIT_RESOURCE_NAMES}, self._headers(login), decode
            )
        except RequestFault as fault:
            raise self._explain(fault, account) from None
        if not isinstance(answer.document, list):
            raise self._refusals.without("searchStream", "a list of batches")
        return answer

    def _headers(self, login: str | None) -> dict[str, str]:
        headers = {"login-customer-id": login} if login else {}
        return {**headers, "developer-token": self.developer_token} if self.developer_token else headers

    @property
    def _refusals(self) -> Refusals:
        return Refusals(self.client, "Google Ads", "api_version", self.version)

    def _explain(self, refused: RequestFault, account: str | None) -> IngestionError:
        if "developer" in refused.fault.detail.lower():
            fix = "correct it, or remove it if Google requires none" if self.developer_token else "set it"
            return self._refusals.setting(refused, "developer_token", "is refused or missing", fix)
        if refused.fault.kind in ("account", "access"):
            key = "customer_ids" if self.customer_ids else "login_customer_id"
            if account:
                return self._refusals.account(refused, key, account, "login_customer_id")
            subject = f"account {self.login_customer_id}"
            return self._refusals.subject(refused, key, subject, "login_customer_id")
        return self._refusals.request(refused)


def connect(landing: Landing) -> GoogleAds:
    """Connect with the settings in `sources.google_ads`. Raises SettingError."""
    section = Settings(settings.SOURCE)
    found = section.credentials(*settings.CREDENTIALS) or {
        key: section.require(key) for key in settings.CREDENTIALS[0]
    }
    version = section.version("api_version", settings.API_VERSION, r"v\d+")
    tokens, path = token_endpoint(POLICY, section.url("token_url", settings.TOKEN_URL))
    client = landing.client(Client(POLICY, section.url("base_url", settings.BASE_URL)))
    client.token = RefreshToken(section.name("refresh_token"), landing.client(tokens), path, found)
    login = section.ids("login_customer_id")
    return GoogleAds(
        client,
        version,
        login[0] if login else None,
        section.ids("customer_ids"),
        section.get("developer_token"),
        # a lambda, because the doctor's probe has no `remaining` and never calls it
        lambda accounts: landing.remaining(accounts),
    )


def _rows(batches: Any) -> Iterator[dict[str, Any]]:
    """Yield the rows of a stream's batches that are objects; the others go to quarantine when they land."""
    for batch in batches:
        results = batch.get("results") if isinstance(batch, dict) else None
        yield from (row for row in results or () if isinstance(row, dict))


def _zone(name: Any) -> tzinfo:
    try:
        return ZoneInfo(str(name))
    except (ValueError, ZoneInfoNotFoundError):
        return UTC
