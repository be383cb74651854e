"""What all four vendors' interfaces share: the virtual clock, the records to serve, page caps and tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

import orjson
from starlette.requests import Request
from starlette.responses import Response

from sandbox.apis.faults import Faults
from sandbox.counting import facebook, google, linkedin
from sandbox.counting.hubspot import Portal
from sandbox.world.build import World, uncollected
from sandbox.world.company import Network

T = TypeVar("T")
#: https://developers.google.com/google-ads/api/docs/reporting/paging
GOOGLE_PAGE = 10_000


@dataclass(frozen=True)
class PageCaps:
    """Most rows a page carries, whatever the client asks: a small company still needs several pages.

    `google_batches`: into how many a stream's answer is cut.
    """

    hubspot_events: int = 500
    hubspot_forms: int = 2
    hubspot_associated: int = 2
    hubspot_owners: int = 1
    hubspot_members: int = 50
    hubspot_rates: int = 1
    hubspot_campaigns: int = 1
    google_rows: int = 400
    google_batches: int = 3
    facebook_objects: int = 3
    facebook_campaigns: int = 1
    facebook_insights: int = 60
    linkedin_campaign_groups: int = 1
    linkedin_campaigns: int = 2
    linkedin_creatives: int = 4
    linkedin_conversions: int = 2


@dataclass(frozen=True)
class Credentials:
    """The only secrets the sandbox accepts."""

    hubspot_token: str = "sandbox-hubspot-token"
    hubspot_client: tuple[str, str, str] = (
        "sandbox-hubspot",
        "sandbox-hubspot-secret",
        "sandbox-hubspot-refresh",
    )
    google_client: tuple[str, str, str] = (
        "sandbox-google",
        "sandbox-google-secret",
        "sandbox-google-refresh",
    )
    facebook_token: str = "sandbox-facebook-token"
    linkedin_token: str = "sandbox-linkedin-token"
    linkedin_client: tuple[str, str, str] = (
        "sandbox-linkedin",
        "sandbox-linkedin-secret",
        "sandbox-linkedin-refresh",
    )


class ApiError(Exception):
    """An answer other than success, in the vendor's own body."""

    def __init__(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.status, self.body, self.headers = status, body, headers


class Json(Response):
    """A JSON response."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Encode the body."""
        return orjson.dumps(content)


class Sandbox:
    """The served world: every vendor's records of it and the instant it is read at."""

    def __init__(
        self,
        world: World,
        now: datetime,
        *,
        web_analytics: bool = True,
        caps: PageCaps | None = None,
        pages_refuse: str = "",
    ) -> None:
        self.world = world
        self.company = world.company
        self.now = now
        self.web_analytics = web_analytics
        #: how the web site turns away whoever fetches its pages; empty where it does not
        self.pages_refuse = pages_refuse
        self.faults = Faults()
        self._caps = caps or PageCaps()
        self.credentials = Credentials()
        self.minted: dict[str, set[str]] = {"hubspot": set(), "google_ads": set(), "linkedin_ads": set()}
        #: tokens of the credentials that were withdrawn
        self.revoked: set[str] = set()
        self._mint_count = 0
        self._cache: dict[str, Any] = {}
        self._lasting: dict[str, Any] = {}
        people = {person.key: person for person in world.people}
        accounts, events = self.company.accounts, world.events
        with uncollected():
            self.portal = Portal(self.company, people, events)
            #: what each account counts, by its id
            self.google = {
                one.id: google.count_conversions(one, people, events) for one in accounts[Network.GOOGLE]
            }
            self.facebook = {
                one.id: facebook.count_actions(one, people, events) for one in accounts[Network.FACEBOOK]
            }
            self.linkedin = {
                one.id: linkedin.count_conversions(one, people, events) for one in accounts[Network.LINKEDIN]
            }

    @property
    def caps(self) -> PageCaps:
        """Most rows per page, as the fault `page_caps` changes them."""
        changes = self.faults.get("page_caps") or {}
        names = [field.name for field in fields(PageCaps)]
        # what is left is the client's limit; Google's pages have a size of their own
        off = {**dict.fromkeys(names, 10**9), "google_rows": GOOGLE_PAGE, "google_batches": 1}
        most = off if changes.get("off") else {}
        return replace(self._caps, **{**most, **{n: int(changes[n]) for n in names if n in changes}})

    def set_now(self, now: datetime) -> None:
        """Move the clock; everything is answered as of the new instant."""
        self.now = now
        self._cache.clear()

    def forget(self) -> None:
        """Something changed: answer from it."""
        self._cache.clear()

    def lasting(self, key: str, build: Callable[[], T]) -> T:
        """`build()` once in the sandbox's life."""
        if key not in self._lasting:
            self._lasting[key] = build()
        result: T = self._lasting[key]
        return result

    def cached(self, key: str, build: Callable[[], T]) -> T:
        """`build()` once per clock setting."""
        if key not in self._cache:
            self._cache[key] = build()
        result: T = self._cache[key]
        return result

    def mint(self, vendor: str, prefix: str) -> str:
        """A new access token of that vendor."""
        self._mint_count += 1
        token = f"{prefix}{self._mint_count:06d}"
        self.minted[vendor].add(token)
        return token

    def expire_tokens(self) -> None:
        """End every minted access token, as time would."""
        for tokens in self.minted.values():
            tokens.clear()


def parse_instant(text: str) -> datetime:
    """An ISO instant with an offset.

    Raises:
        ValueError: no instant, or one without an offset.
    """
    at = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if at.tzinfo is None:
        raise ValueError(f"{text}: an instant needs an offset, such as 2026-11-01T06:00:00Z")
    return at.astimezone(UTC)


def bearer(request: Request) -> str | None:
    """The bearer token of a request."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token else None


def base_url(request: Request) -> str:
    """Where this vendor is mounted, as the client sees it, without a trailing slash."""
    return f"{request.url.scheme}://{request.url.netloc}{request.scope.get('root_path', '')}"
