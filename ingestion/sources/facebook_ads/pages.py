"""Pages with lead forms, found in the answers of the ad accounts.

An account lists the pages that it promoted, an ad set contains the page that it promotes, and a creative the
page that publishes it: https://developers.facebook.com/docs/marketing-api/reference/ad-account/promote_pages,
/reference/ad-promoted-object and /reference/ad-creative
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

PAGE_FIELDS = "id,name"
# One listing returns the page of the ad set, the page of the creative and the lead form.
AD_FIELDS = (
    "id,adset{promoted_object},creative{actor_id,effective_object_story_id,object_story_spec,asset_feed_spec}"
)
AD_SET_PAGE = "id,adset{promoted_object}"
_FORM = "lead_gen_form_id"


@dataclass(frozen=True)
class PromotedAd:
    """An ad with its pages, and its lead form if it has one."""

    id: str
    page_ids: tuple[str, ...]
    form_id: str | None


def promoted_ad(row: Mapping[str, Any]) -> PromotedAd:
    """Return the ad of a row with `AD_FIELDS`."""
    creative = row.get("creative") or {}
    story, _, post = str(creative.get("effective_object_story_id") or "").partition("_")
    named = (
        ((row.get("adset") or {}).get("promoted_object") or {}).get("page_id"),
        (creative.get("object_story_spec") or {}).get("page_id"),
        story if post else None,
    )
    # the actor can be an Instagram account, so it counts only if there is no other page
    pages = [str(page) for page in named if page] or [
        str(actor) for actor in (creative.get("actor_id"),) if actor
    ]
    specs = [creative.get("object_story_spec"), creative.get("asset_feed_spec")]
    return PromotedAd(str(row.get("id")), tuple(dict.fromkeys(pages)), next(_values(specs, _FORM), None))


def page_ids(listed: Iterable[str], ads: Iterable[PromotedAd]) -> tuple[str, ...]:
    """Return the pages that an account lists and the pages of its ads, without repeats."""
    return tuple(dict.fromkeys([*listed, *(page for ad in ads for page in ad.page_ids)]))


def _values(value: Any, name: str) -> Iterator[str]:
    """Yield all values of a key at any depth, because its place depends on the ad's format."""
    if isinstance(value, dict):
        if value.get(name):
            yield str(value[name])
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from _values(part, name)
