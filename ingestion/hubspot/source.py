"""The HubSpot tables and the dlt resources that land them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import pyarrow as pa

from ingestion.arrow import INT, Column, Page, Table
from ingestion.errors import PermissionMissing
from ingestion.hubspot import api, settings
from ingestion.landing import Landing, dependent, resource

_STAMPS = (
    Column("created_at", "instant", "createdAt"),
    Column("updated_at", "instant", "updatedAt"),
    Column("archived", "boolean", "archived", default=False),
)


def _properties(names: tuple[str, ...]) -> tuple[Column, ...]:
    return tuple(Column(name, "text", f"properties.{name}") for name in names)


ACCOUNT = Table(
    "account",
    "results[]",
    (
        Column("portal_id", "id", "portalId", required=True, wire=INT),
        Column("time_zone", "text", "timeZone", required=True),
        Column("company_currency", "text", "companyCurrency", required=True),
        Column("additional_currencies", "json", "additionalCurrencies", default="[]"),
    ),
    key=("portal_id",),
    disposition="replace",
)
CONTACTS = Table(
    "contacts",
    "results[]",
    (
        Column("id", "id", "id", required=True),
        *_STAMPS,
        *_properties(settings.CONTACT_PROPERTIES),
        Column("property_history", "json", "propertiesWithHistory"),
    ),
    key=("id",),
    disposition="replace",
    private=frozenset({"email", "hs_additional_emails", "firstname", "lastname", "phone"}),
)
FORMS = Table(
    "forms",
    "results[]",
    (
        Column("id", "text", "id", required=True),
        Column("name", "text", "name"),
        Column("form_type", "text", "formType"),
        *_STAMPS,
    ),
    key=("id",),
    disposition="replace",
)
FORM_SUBMISSIONS = Table(
    "form_submissions",
    "results[]",
    (
        Column("conversion_id", "text", "conversionId"),
        Column("form_id", "text"),
        Column("submitted_at", "epoch_ms", "submittedAt", required=True),
        Column("page_url", "text", "pageUrl"),
        Column("values", "json", "values", default="[]"),
    ),
    # conversionId may be missing on old rows, so the rest of the record is part of the key
    key=("conversion_id", "form_id", "submitted_at", "values"),
    disposition="replace",
    private=frozenset({"value"}),
)
PAGE_VIEW_EVENTS = Table(
    "page_view_events",
    "results[]",
    (
        Column("id", "text", "id", required=True),
        Column("event_type", "text", "eventType"),
        Column("occurred_at", "instant", "occurredAt", required=True),
        Column("object_type", "text", "objectType"),
        Column("object_id", "id", "objectId", required=True),
        *_properties(settings.EVENT_PROPERTIES),
    ),
    key=("id",),
    disposition="replace",
)
DEALS = Table(
    "deals",
    "results[]",
    (Column("id", "id", "id", required=True), *_STAMPS, *_properties(settings.DEAL_PROPERTIES)),
    key=("id",),
    disposition="replace",
    private=frozenset({"dealname"}),
)
DEAL_CONTACTS = Table(
    "deal_contacts",
    "results[].to[]",
    (
        Column("deal_id", "id", "^from.id", required=True),
        # a number in most answers, a string by the current specification
        Column("contact_id", "id", "toObjectId", required=True, wire=INT),
        Column("association_types", "json", "associationTypes", default="[]"),
    ),
    key=("deal_id", "contact_id"),
    disposition="replace",
)
DEAL_PIPELINES = Table(
    "deal_pipelines",
    "results[]",
    (
        Column("id", "text", "id", required=True),
        Column("label", "text", "label"),
        Column("archived", "boolean", "archived", default=False),
        Column("stages", "json", "stages", default="[]"),
    ),
    key=("id",),
    disposition="replace",
)

ENTITIES = (
    ACCOUNT,
    CONTACTS,
    FORMS,
    FORM_SUBMISSIONS,
    PAGE_VIEW_EVENTS,
    DEALS,
    DEAL_CONTACTS,
    DEAL_PIPELINES,
)
DAILY: tuple[Table, ...] = ()


def resources(landing: Landing, part: str) -> list[Any]:
    """The dlt resources of a part. Nothing is asked before they run."""
    connection = cache(lambda: api.connect(landing))
    if part != "entities":
        return []

    def page_views() -> Iterator[Page]:
        try:
            yield from connection().page_views()
        except PermissionMissing:
            # web analytics events need an Enterprise tier: the warehouse then works from contact properties
            landing.notice("no page-view events in this portal's tier (403): working from contact properties")

    forms = resource(landing, FORMS, lambda: connection().forms())
    deals = resource(landing, DEALS, lambda: connection().objects("deals", settings.DEAL_PROPERTIES))
    return [
        resource(landing, ACCOUNT, lambda: connection().account()),
        resource(
            landing,
            CONTACTS,
            lambda: connection().objects("contacts", settings.CONTACT_PROPERTIES, settings.CONTACT_HISTORY),
        ),
        forms,
        dependent(landing, FORM_SUBMISSIONS, forms, lambda batch: connection().submissions(_ids(batch))),
        resource(landing, PAGE_VIEW_EVENTS, page_views),
        deals,
        dependent(landing, DEAL_CONTACTS, deals, lambda batch: connection().deal_contacts(_ids(batch))),
        resource(landing, DEAL_PIPELINES, lambda: connection().pipelines()),
    ]


def _ids(batch: pa.Table) -> list[str]:
    return [str(value) for value in batch.column("id").to_pylist()]
