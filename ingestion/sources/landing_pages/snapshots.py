"""Snapshots: one page at one instant, with the result of the request and of the inspection."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import orjson

from ingestion.landing.arrow import Page
from ingestion.landing.store import Store
from ingestion.sources.landing_pages.fetch import Fetched, Fetcher, Validators, step
from ingestion.sources.landing_pages.inspect import Evidence, inspect, is_html
from ingestion.sources.landing_pages.settings import RULES_VERSION
from ingestion.sources.landing_pages.tables import PAGE_SNAPSHOTS
from ingestion.sources.landing_pages.urls import PageUrl

_JSON = frozenset(column.name for column in PAGE_SNAPSHOTS.columns if column.kind == "json")


@dataclass(frozen=True)
class Snapshot:
    """A page at `fetched_at`, with the columns of `page_snapshots`; `error` is a `fetch.Trouble` or None.

    `has_tracking_code` is None if the page could not be read or a script on it may load the code;
    `portal_ids` are the portals of the code.
    """

    snapshot_id: str
    url: str
    fetched_at: datetime
    http_status: int | None = None
    not_modified: bool = False
    final_url: str | None = None
    redirects: Sequence[dict[str, Any]] = ()
    dropped_parameters: Sequence[str] | None = None
    robots_allowed: bool | None = None
    has_tracking_code: bool | None = None
    evidence: Evidence = "unread"
    portal_ids: Sequence[str] = ()
    forms: Sequence[dict[str, Any]] = ()
    tag_managers: Sequence[str] = ()
    consent_managers: Sequence[str] = ()
    canonical_url: str | None = None
    language: str | None = None
    content_sha256: str | None = None
    raw_sha256: str | None = None
    content_bytes: int | None = None
    is_whole: bool = True
    etag: str | None = None
    last_modified: str | None = None
    error: str | None = None
    detail: str | None = None
    rules_version: int = RULES_VERSION

    def row(self) -> dict[str, Any]:
        """Return the record that lands."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def as_pages(rows: Sequence[dict[str, Any]]) -> list[Page]:
    """Return rows as a list of one page, or an empty list without rows."""
    return [Page(orjson.dumps({"results": list(rows)}), (), len(rows))] if rows else []


def snapshot_id(url: str, as_of: datetime) -> str:
    """Return the id of a snapshot: the same for the same page and as-of."""
    return hashlib.sha256(f"{url}\x1f{as_of.isoformat()}".encode()).hexdigest()[:32]


def take(fetcher: Fetcher, page: PageUrl, as_of: datetime, before: Snapshot | None = None) -> Snapshot:
    """Fetch and inspect a page. If it is unchanged, the content of the snapshot `before` is copied."""
    known = None
    if before is not None and before.final_url and before.error is None and before.is_whole:
        known = Validators(before.final_url, before.etag, before.last_modified)
    fetched = fetcher.get(page.fetch_url, fallback=page.url, known=known)
    made = Snapshot(
        snapshot_id(page.url, as_of),
        page.url,
        as_of,
        http_status=fetched.status,
        final_url=fetched.final_url,
        redirects=[asdict(one) for one in fetched.steps],
        dropped_parameters=_dropped(fetched),
        robots_allowed=fetched.robots_allowed,
        is_whole=fetched.is_whole,
        error=fetched.error,
        detail=fetched.detail,
    )
    if fetched.not_modified:
        if before is None:
            return replace(
                made, error="bad_response", detail="not modified, but there is no earlier snapshot"
            )
        return _unchanged(made, before)
    if fetched.error not in (None, "too_large"):
        return made
    return _read(made, fetched)


def latest_snapshots(store: Store, as_of: datetime) -> dict[str, Snapshot]:
    """Return the newest snapshot before `as_of` of each page, if made with the current rules."""
    if store.is_new(PAGE_SNAPSHOTS):
        return {}
    names = [column.name for column in PAGE_SNAPSHOTS.columns]
    found = store.rows(
        f"SELECT {', '.join(names)} FROM page_snapshots WHERE fetched_at < ?"
        " QUALIFY row_number() OVER (PARTITION BY url ORDER BY fetched_at DESC) = 1",
        [as_of],
    )
    snapshots = (
        Snapshot(
            **{
                name: orjson.loads(value) if name in _JSON and value is not None else value
                for name, value in zip(names, row, strict=True)
            }
        )
        for row in found
    )
    return {snapshot.url: snapshot for snapshot in snapshots if snapshot.rules_version == RULES_VERSION}


def _dropped(fetched: Fetched) -> list[str] | None:
    if fetched.error not in (None, "too_large", "http_status") or not fetched.asked:
        return None
    return [name for name, value in fetched.asked.items() if fetched.arrived.get(name) != value]


def _unchanged(made: Snapshot, before: Snapshot) -> Snapshot:
    own = {
        "snapshot_id",
        "url",
        "fetched_at",
        "final_url",
        "redirects",
        "dropped_parameters",
        "robots_allowed",
    }
    copied = {name: getattr(before, name) for name in before.__dataclass_fields__ if name not in own}
    refresh = [one for one in before.redirects if one["kind"] == "refresh"]
    return replace(made, **{**copied, "not_modified": True, "redirects": [*made.redirects, *refresh]})


def _read(made: Snapshot, fetched: Fetched) -> Snapshot:
    if not is_html(fetched.headers, fetched.body):
        return replace(made, error=made.error or "not_html")
    url = fetched.final_url or made.url
    found = inspect(fetched.body, fetched.headers, url, is_whole=fetched.is_whole)
    redirects = list(made.redirects)
    if found.refresh_url and fetched.status is not None:
        redirects.append(asdict(step("refresh", fetched.status, url, found.refresh_url)))
    return replace(
        made,
        redirects=redirects,
        has_tracking_code=found.has_tracking_code,
        evidence=found.evidence,
        portal_ids=found.portal_ids,
        forms=found.forms,
        tag_managers=found.tag_managers,
        consent_managers=found.consent_managers,
        canonical_url=found.canonical_url,
        language=found.language,
        content_sha256=found.content_sha256,
        raw_sha256=hashlib.sha256(fetched.body).hexdigest() if fetched.is_whole else None,
        content_bytes=len(fetched.body),
        etag=fetched.headers.get("etag"),
        last_modified=fetched.headers.get("last-modified"),
    )
