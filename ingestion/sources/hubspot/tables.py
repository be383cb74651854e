"""The raw tables of HubSpot: columns, keys and write dispositions."""

from __future__ import annotations

from ingestion.landing.arrow import INT, Column, Table
from ingestion.sources.hubspot import settings

_PERSONAL = frozenset(
    {
        "email",
        "hs_additional_emails",
        "firstname",
        "lastname",
        "phone",
        "value",
        "dealname",
        "firstName",
        "lastName",
    }
)


def _properties(names: tuple[str, ...], prefix: str = "") -> tuple[Column, ...]:
    # a list of one merged id can be a number; every other property is text or null
    return tuple(
        Column(
            f"{prefix}{name}",
            "text",
            f"properties.{name}",
            mixed=name == "hs_merged_object_ids",
            readable_as=settings.PROPERTY_KINDS.get(name),
        )
        for name in names
    )


def _records(name: str, properties: tuple[str, ...], custom: tuple[str, ...]) -> Table:
    """Return the table of a CRM object; rows of deleted records have an id and `deleted_at` only.

    `deleted_at` is the as-of of the load that found the record deleted.
    """
    return Table(
        name,
        "results[]",
        (
            Column("id", "id", "id", required=True),
            Column("created_at", "instant", "createdAt"),
            Column("updated_at", "instant", "updatedAt"),
            Column("archived", "boolean", "archived", default=False),
            Column("archived_at", "instant", "archivedAt"),
            Column("deleted_at", "instant", "deletedAt"),
            *_properties(properties),
            # the portal's own properties; the prefix keeps them apart from every other column
            *_properties(custom, "property_"),
        ),
        key=("id",),
        disposition="merge",
        latest=True,
        private=_PERSONAL | frozenset(custom),
    )


def contacts(custom: tuple[str, ...] = ()) -> Table:
    """Return the table of contacts with the attribution properties and the portal's `custom` ones."""
    return _records("contacts", settings.CONTACT_PROPERTIES, custom)


def companies(custom: tuple[str, ...] = ()) -> Table:
    """Return the table of companies."""
    return _records("companies", settings.COMPANY_PROPERTIES, custom)


def deals(custom: tuple[str, ...] = ()) -> Table:
    """Return the table of deals."""
    return _records("deals", settings.DEAL_PROPERTIES, custom)


CONTACTS, COMPANIES, DEALS = contacts(), companies(), deals()
ACCOUNT = Table(
    "account",
    "results[]",
    (
        Column("portal_id", "id", "portalId", required=True, wire=INT),
        Column("time_zone", "text", "timeZone", required=True),
        Column("company_currency", "text", "companyCurrency", required=True),
        Column("additional_currencies", "json", "additionalCurrencies", default="[]"),
        # the setting sources.hubspot.domains, as a JSON list
        Column("domains", "text"),
    ),
    key=("portal_id",),
    disposition="replace",
)
PROPERTIES = Table(
    "properties",
    "results[]",
    (
        Column("object_type", "text"),
        Column("name", "text", "name", required=True),
        Column("label", "text", "label"),
        Column("type", "text", "type", required=True),
        Column(
            "is_custom",
            "boolean",
            sql="coalesce(row.hubspotDefined ->> '$' != 'true', true)",
            inputs=("hubspotDefined",),
        ),
    ),
    key=("object_type", "name"),
    disposition="replace",
)
# HubSpot keeps only the newest entries of a history, so landed entries are never deleted
CONTACT_HISTORIES = Table(
    "contact_histories",
    "results[]",
    (
        Column("contact_id", "id", "id", required=True),
        Column("history", "json", "propertiesWithHistory", required=True),
        Column(
            "history_hash",
            "text",
            # without quotes, so that a value in another JSON type is no new history
            sql="""md5(replace((row.propertiesWithHistory)::VARCHAR, '"', ''))""",
            inputs=("propertiesWithHistory",),
        ),
    ),
    key=("contact_id", "history_hash"),
    disposition="merge",
    private=_PERSONAL,
)
MERGED_CONTACTS = Table(
    "merged_contacts",
    "results[]",
    (
        Column("alias_id", "id", "alias", required=True),
        Column("contact_id", "id", "id", required=True),
    ),
    key=("alias_id",),
    disposition="merge",
)
FORMS = Table(
    "forms",
    "results[]",
    (
        Column("id", "text", "id", required=True),
        Column("name", "text", "name"),
        Column("form_type", "text", "formType"),
        Column("created_at", "instant", "createdAt"),
        Column("updated_at", "instant", "updatedAt"),
        Column("archived", "boolean", "archived", default=False),
    ),
    key=("id",),
    disposition="merge",
    latest=True,
)
FORM_SUBMISSIONS = Table(
    "form_submissions",
    "results[]",
    (
        # old submissions have no conversion id and are identified by the rest of the record
        Column(
            "id",
            "text",
            sql="coalesce(row.conversionId ->> '$',"
            " md5(concat_ws('|', row.submittedAt ->> '$', row.pageUrl ->> '$',"
            """ replace((row."values")::VARCHAR, '"', ''))))""",
            inputs=("conversionId", "submittedAt", "pageUrl", "values"),
        ),
        Column("conversion_id", "text", "conversionId"),
        Column("form_id", "text"),
        Column("submitted_at", "epoch_ms", "submittedAt", required=True),
        Column("page_url", "text", "pageUrl"),
        Column("values", "json", "values", default="[]"),
        # set by the erasure of the contact, which empties `values`
        Column("erased_contact_id", "text", "erasedContactId"),
    ),
    key=("form_id", "id"),
    disposition="merge",
    private=_PERSONAL,
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
    disposition="merge",
)
# Number of page views that a contact counts but the events API does not return.
PAGE_VIEW_GAPS = Table(
    "page_view_gaps",
    "results[]",
    (
        Column("contact_id", "id", "id", required=True),
        Column("missing", "integer", "missing", required=True, wire=INT),
    ),
    key=("contact_id",),
    disposition="merge",
)


def _associated(other: str) -> Table:
    return Table(
        f"deal_{other}",
        "results[]",
        (
            Column("deal_id", "id", "from.id", required=True),
            # `toObjectId` is a number in most answers, a string by the current specification
            Column("associations", "json", "to", default="[]"),
        ),
        key=("deal_id",),
        disposition="merge",
        latest=True,
    )


DEAL_CONTACTS, DEAL_COMPANIES = _associated("contacts"), _associated("companies")
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
OWNERS = Table(
    "owners",
    "results[]",
    (
        Column("id", "id", "id", required=True),
        Column("type", "text", "type"),
        Column("user_id", "id", "userIdIncludingInactive", wire=INT),
        Column("teams", "json", "teams", default="[]"),
        Column("archived", "boolean", "archived", default=False),
    ),
    key=("id",),
    disposition="merge",
    latest=True,
    private=_PERSONAL,
)
MARKETING_CAMPAIGNS = Table(
    "marketing_campaigns",
    "results[]",
    (
        Column("id", "text", "id", required=True),
        Column("created_at", "instant", "createdAt"),
        Column("updated_at", "instant", "updatedAt"),
        *_properties(settings.CAMPAIGN_PROPERTIES),
    ),
    key=("id",),
    disposition="replace",
)
EXCHANGE_RATES = Table(
    "exchange_rates",
    "results[]",
    (
        Column("id", "text", "id", required=True),
        Column("from_currency", "text", "fromCurrencyCode", required=True),
        Column("to_currency", "text", "toCurrencyCode", required=True),
        # the number as received, because a float would lose digits
        Column(
            "rate",
            "text",
            sql="row.conversionRate ->> '$'",
            inputs=("conversionRate",),
            required=True,
            readable_as="money",
        ),
        Column("effective_at", "instant", "effectiveAt", required=True),
    ),
    key=("id",),
    disposition="replace",
)
LISTS = Table(
    "lists",
    "results[]",
    (
        Column("id", "id", "listId", required=True),
        Column("name", "text", "name"),
        Column("processing_type", "text", "processingType"),
        Column("filters_updated_at", "instant", "filtersUpdatedAt"),
        Column("size", "text", "additionalProperties.hs_list_size"),
        Column("last_added_at", "text", "additionalProperties.hs_last_record_added_at"),
        Column("last_removed_at", "text", "additionalProperties.hs_last_record_removed_at"),
        Column("filters", "json", "filterBranch"),
        Column("has_ad_filter", "boolean", "hasAdFilter", default=False),
        Column("deleted_at", "instant", "deletedAt"),
    ),
    key=("id",),
    disposition="merge",
    latest=True,
)
LIST_MEMBERSHIPS = Table(
    "list_memberships",
    "results[]",
    (
        Column("list_id", "text"),
        # null in the row that marks the list as read
        Column("contact_id", "id", "recordId", default=""),
        Column("joined_at", "instant", "membershipTimestamp"),
    ),
    key=("list_id", "contact_id"),
    disposition="merge",
    whole="list_id",
)
# contacts per campaign in HubSpot's ads tool; only its export contains them
ADS_EXPORT = Table(
    "ads_export",
    "results[]",
    (
        Column("attribution_report", "text", "attributionReport", required=True),
        Column("network", "text", "network", required=True),
        Column("campaign_id", "id", "campaignId"),
        Column("campaign_name", "text", "campaignName", required=True),
        Column("first_date", "date", "firstDate"),
        Column("last_date", "date", "lastDate"),
        Column("contacts", "integer", "contacts", wire=INT, required=True),
    ),
    key=("attribution_report", "network", "campaign_id", "campaign_name", "first_date", "last_date"),
    disposition="replace",
)

ENTITIES = (
    ACCOUNT,
    PROPERTIES,
    CONTACTS,
    CONTACT_HISTORIES,
    MERGED_CONTACTS,
    COMPANIES,
    FORMS,
    FORM_SUBMISSIONS,
    PAGE_VIEW_EVENTS,
    PAGE_VIEW_GAPS,
    DEALS,
    DEAL_CONTACTS,
    DEAL_COMPANIES,
    DEAL_PIPELINES,
    OWNERS,
    MARKETING_CAMPAIGNS,
    EXCHANGE_RATES,
    LISTS,
    LIST_MEMBERSHIPS,
    ADS_EXPORT,
)
DAILY: tuple[Table, ...] = ()
