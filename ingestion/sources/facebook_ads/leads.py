"""Leads of the lead forms of promoted pages.

Meta keeps leads for 90 days: https://developers.facebook.com/docs/marketing-api/guides/lead-ads/retrieving
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import orjson

from ingestion.errors import PermissionMissing, ResponseError
from ingestion.http import bodies
from ingestion.landing.arrow import Page
from ingestion.landing.left_out import LoadFault
from ingestion.landing.resources import Batch, Landing
from ingestion.sources.facebook_ads import api, settings, tables
from ingestion.sources.facebook_ads.pages import PromotedAd


@dataclass(frozen=True)
class Leads:
    """Forms and leads of all pages that the ad accounts promote, or of those in `page_ids`."""

    landing: Landing
    ads: api.FacebookAds

    def batches(self) -> Iterator[Batch]:
        """Yield batches of both tables; only leads of refused pages are missing, with a notice."""
        since = self._newest()
        for page in self.ads.lead_pages:
            try:
                yield from self._of_page(page, since)
            except PermissionMissing as refusal:
                yield from self._of_ads(page, since, refusal)

    def _newest(self) -> dict[str, int]:
        """Return, by form, the epoch seconds from which its leads may be new."""
        if self.landing.store.is_new(tables.LEADS):
            return {}
        rows = self.landing.store.rows("SELECT form_id, max(created_time) FROM leads GROUP BY form_id")
        overlap = timedelta(days=settings.LEAD_OVERLAP_DAYS)
        return {form: int((newest - overlap).timestamp()) for form, newest in rows}

    def _of_page(self, page: str, since: dict[str, int]) -> Iterator[Batch]:
        graph, subject = self.ads.page(page), self.ads.subject(page)
        context = (("page_id", page),)
        forms: list[str] = []
        for found in graph.listing(f"/{page}/leadgen_forms", {"fields": api.LEAD_FORM_FIELDS}, subject):
            rows = [row for row in bodies.loads(found.body)["data"] if isinstance(row, dict)]
            forms += [str(row["id"]) for row in rows if row.get("id")]
            yield {tables.LEAD_FORMS.name: [Page(found.body, context)]}
        for form in dict.fromkeys(forms):
            try:
                for found in graph.listing(f"/{form}/leads", _asked(since.get(form)), subject):
                    yield {tables.LEADS.name: [Page(found.body, context)]}
            except ResponseError as refused:
                seen = f"leads of form {form} of page {page} are not loaded: {refused}"
                self.landing.leave_out(LoadFault("object", seen, resource=tables.LEADS.name, subject=form))

    def _of_ads(self, page: str, since: dict[str, int], refusal: PermissionMissing) -> Iterator[Batch]:
        """Yield the leads of the page's ads, which the token's user may read without a page access token.

        Pages whose forms no ad uses have no leads from ads, so nothing is missing for them.
        """
        lead_ads = [ad for ad in self.ads.ads_with_pages if ad.form_id and page in ad.page_ids]
        answered = refused = 0
        for ad in lead_ads:
            try:
                yield from self._of_ad(page, ad, since)
                answered += 1
            except PermissionMissing:
                # one ad may be deleted, but without the permission every ad is refused
                refused += 1
                if refused >= settings.REFUSED_ADS and not answered:
                    break
        if answered:
            self.landing.notice(
                f"leads of page {page} are loaded ad by ad, without forms, organic and test leads: {refusal}"
            )
        elif lead_ads or self.ads.page_ids:
            self.landing.notice(f"no leads of page {page}: {refusal}")

    def _of_ad(self, page: str, ad: PromotedAd, since: dict[str, int]) -> Iterator[Batch]:
        """Yield the leads of one ad.

        https://developers.facebook.com/docs/marketing-api/guides/lead-ads/retrieving
        """
        asked = _asked(since.get(ad.form_id or ""))
        for found in self.ads.graph.listing(f"/{ad.id}/leads", asked, self.ads.subject(page)):
            yield {tables.LEADS.name: [Page(found.body, (("page_id", page),))]}


def _asked(since: int | None) -> dict[str, str]:
    """Return the parameters for listing leads, or only leads sent after `since` (epoch seconds)."""
    if since is None:
        return {"fields": api.LEAD_FIELDS}
    rule = {"field": "time_created", "operator": "GREATER_THAN", "value": since}
    return {"fields": api.LEAD_FIELDS, "filtering": orjson.dumps([rule]).decode()}
