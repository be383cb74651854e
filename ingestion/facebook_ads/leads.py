"""Leads of the forms that the configured pages own.

Meta keeps them for 90 days: https://developers.facebook.com/docs/marketing-api/guides/lead-ads/retrieving
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import orjson

from ingestion.arrow import Page
from ingestion.errors import PermissionMissing
from ingestion.facebook_ads import api, settings, tables
from ingestion.landing import Batch, Landing


@dataclass(frozen=True)
class Leads:
    """Forms and leads of every page in `page_ids`."""

    landing: Landing
    ads: api.FacebookAds

    def batches(self) -> Iterator[Batch]:
        """Pages of both tables. A page that the token may not read leads of is left out with a notice."""
        if not self.ads.page_ids:
            self.landing.notice(
                "sources.facebook_ads.page_ids is not set: no leads; set it to the ids of the pages that own"
                " the lead forms"
            )
        since = self._newest()
        for page in self.ads.page_ids:
            try:
                yield from self._of_page(page, since)
            except PermissionMissing as refusal:
                self.landing.notice(f"no leads of page {page}: {refusal}")

    def _newest(self) -> dict[str, int]:
        """Epoch seconds by form: from when on its leads may be new."""
        if self.landing.store.is_new(tables.LEADS):
            return {}
        rows = self.landing.store.rows("SELECT form_id, max(created_time) FROM leads GROUP BY form_id")
        overlap = timedelta(days=settings.LEAD_OVERLAP_DAYS)
        return {form: int((newest - overlap).timestamp()) for form, newest in rows}

    def _of_page(self, page: str, since: dict[str, int]) -> Iterator[Batch]:
        graph, subject = self.ads.page(page), api.page_subject(page)
        context = (("page_id", page),)
        forms: list[str] = []
        for found in graph.listing(f"/{page}/leadgen_forms", {"fields": api.LEAD_FORM_FIELDS}, subject):
            forms += [str(row["id"]) for row in orjson.loads(found.body)["data"] if row and row.get("id")]
            yield {tables.LEAD_FORMS.name: [Page(found.body, context)]}
        for form in dict.fromkeys(forms):
            params = {"fields": api.LEAD_FIELDS}
            if form in since:
                rule = {"field": "time_created", "operator": "GREATER_THAN", "value": since[form]}
                params["filtering"] = orjson.dumps([rule]).decode()
            for found in graph.listing(f"/{form}/leads", params, subject):
                yield {tables.LEADS.name: [Page(found.body, context)]}
