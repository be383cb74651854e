"""The portal's object types and their properties, HubSpot's own and the company's custom ones.

Default properties: https://developers.hubspot.com/docs/api-reference/crm-contacts-v3/guide and its
siblings. Association type ids: https://developers.hubspot.com/docs/guides/api/crm/associations.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

TYPE_IDS = {"contacts": "0-1", "companies": "0-2", "deals": "0-3"}
SINGULAR = {"contacts": "contact", "companies": "company", "deals": "deal"}
CHANGED = {
    "contacts": "lastmodifieddate",
    "companies": "hs_lastmodifieddate",
    "deals": "hs_lastmodifieddate",
}
DEFAULTS = {
    "contacts": ("createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"),
    "companies": ("createdate", "domain", "hs_lastmodifieddate", "hs_object_id", "name"),
    "deals": (
        "amount",
        "closedate",
        "createdate",
        "dealname",
        "dealstage",
        "hs_lastmodifieddate",
        "hs_object_id",
        "pipeline",
    ),
}
#: (from, to) -> type id without a label, type id of the primary one
ASSOCIATIONS: dict[tuple[str, str], tuple[int, int | None]] = {
    ("contacts", "companies"): (279, 1),
    ("companies", "contacts"): (280, 2),
    ("contacts", "deals"): (4, None),
    ("deals", "contacts"): (3, None),
    ("deals", "companies"): (341, 5),
    ("companies", "deals"): (342, 6),
}
DECISION_MAKER = 37

_OWN: dict[str, dict[str, str]] = {
    "contacts": {
        "string": (
            "email firstname lastname phone hs_email_domain hs_additional_emails "
            "first_conversion_event_name recent_conversion_event_name hs_analytics_source_data_1 "
            "hs_analytics_source_data_2 hs_latest_source_data_1 hs_latest_source_data_2 "
            "hs_analytics_first_url hs_analytics_first_referrer hs_analytics_last_url "
            "hs_analytics_last_referrer hs_google_click_id hs_facebook_click_id hs_linkedin_click_id "
            "hs_bing_click_id "
            "hs_object_source_label hs_all_contact_vids hs_calculated_merged_vids"
        ),
        "datetime": (
            "createdate hs_createdate lastmodifieddate first_conversion_date recent_conversion_date "
            "hs_analytics_first_timestamp hs_analytics_last_timestamp hs_analytics_first_visit_timestamp "
            "hs_analytics_last_visit_timestamp hs_latest_source_timestamp"
        ),
        "number": (
            "hs_object_id num_conversion_events num_unique_conversion_events hs_analytics_num_page_views "
            "hs_analytics_num_visits num_associated_deals"
        ),
        "enumeration": (
            "lifecyclestage hs_object_source hs_analytics_source hs_latest_source "
            "hs_calculated_form_submissions hs_merged_object_ids"
        ),
        "bool": "hs_was_imported",
    },
    "companies": {
        "string": (
            "name domain hs_analytics_source_data_1 hs_analytics_source_data_2 hs_object_source_label"
        ),
        "datetime": "createdate hs_lastmodifieddate",
        "number": "hs_object_id numberofemployees num_associated_contacts num_associated_deals",
        "enumeration": "lifecyclestage industry hs_analytics_source hs_object_source hs_merged_object_ids",
    },
    "deals": {
        "string": "dealname hubspot_owner_id",
        "datetime": "createdate closedate hs_lastmodifieddate",
        "number": "hs_object_id amount amount_in_home_currency num_associated_contacts",
        "enumeration": "deal_currency_code pipeline dealstage hs_merged_object_ids",
        "bool": "hs_is_closed hs_is_closed_won",
    },
}
_OPTIONS = {
    "lifecyclestage": ("subscriber", "lead", "opportunity", "customer"),
    "hs_analytics_source": (
        "ORGANIC_SEARCH",
        "PAID_SEARCH",
        "EMAIL_MARKETING",
        "SOCIAL_MEDIA",
        "REFERRALS",
        "OTHER_CAMPAIGNS",
        "DIRECT_TRAFFIC",
        "OFFLINE",
        "PAID_SOCIAL",
        "AI_REFERRALS",
    ),
    "industry": ("COMPUTER_SOFTWARE", "LOGISTICS_AND_SUPPLY_CHAIN", "MACHINERY", "RETAIL"),
}
_OPTIONS["hs_latest_source"] = _OPTIONS["hs_analytics_source"]
_LABELS = {
    "hs_analytics_source": "Original Traffic Source",
    "hs_latest_source": "Latest Traffic Source",
    "hs_analytics_first_url": "First Page Seen",
    "hs_analytics_last_url": "Last Page Seen",
    "hs_google_click_id": "Google ad click id",
    "hs_facebook_click_id": "Facebook click id",
    "hs_object_id": "Record ID",
    "createdate": "Create Date",
    "lastmodifieddate": "Last Modified Date",
    "hs_lastmodifieddate": "Last Modified Date",
}
_GROUPS = {"contacts": "contactinformation", "companies": "companyinformation", "deals": "dealinformation"}


@dataclass(frozen=True, slots=True)
class Property:
    """A property definition. `calculated` ones change by themselves, not by hand."""

    name: str
    type: str
    label: str
    field_type: str
    group: str
    options: tuple[str, ...] = ()
    custom: bool = False
    calculated: bool = False
    archived: bool = False


_FIELD_TYPES = {
    "string": "text",
    "number": "number",
    "datetime": "date",
    "enumeration": "select",
    "bool": "booleancheckbox",
}
_CUSTOM = {
    "contacts": (
        Property(
            "favourite_module",
            "enumeration",
            "Favourite module",
            "select",
            "marketing_questions",
            ("pipeline", "inbox", "reports"),
            custom=True,
        ),
        Property(
            "newsletter_topics",
            "enumeration",
            "Newsletter topics",
            "checkbox",
            "marketing_questions",
            ("crm", "sales", "consent", "forecasting"),
            custom=True,
        ),
        Property("badge_number", "number", "Badge number", "number", "marketing_questions", custom=True),
        Property(
            "fax_consent",
            "bool",
            "Fax consent",
            "booleancheckbox",
            "marketing_questions",
            (),
            True,
            False,
            True,
        ),
    ),
    "companies": (
        Property(
            "account_tier",
            "enumeration",
            "Account tier",
            "radio",
            "companyinformation",
            ("gold", "silver", "bronze"),
            custom=True,
        ),
    ),
    "deals": (
        Property(
            "implementation_partner",
            "string",
            "Implementation partner",
            "text",
            "dealinformation",
            custom=True,
        ),
        Property("kick_off_day", "date", "Kick-off day", "date", "dealinformation", custom=True),
    ),
}
_BY_HAND = {
    "email",
    "firstname",
    "lastname",
    "phone",
    "name",
    "domain",
    "industry",
    "numberofemployees",
    "dealname",
    "amount",
    "pipeline",
    "hubspot_owner_id",
    "deal_currency_code",
}


def _own(kind: str) -> tuple[Property, ...]:
    return tuple(
        Property(
            name,
            type_name,
            _LABELS.get(name) or name.removeprefix("hs_").replace("_", " ").capitalize(),
            _FIELD_TYPES[type_name],
            _GROUPS[kind],
            _OPTIONS.get(name, ("true", "false") if type_name == "bool" else ()),
            calculated=name not in _BY_HAND,
        )
        for type_name, listed in _OWN[kind].items()
        for name in listed.split()
    )


PROPERTIES = {kind: (*_own(kind), *_CUSTOM[kind]) for kind in TYPE_IDS}


def custom_values(kind: str, root: str) -> dict[str, str | None]:
    """What the company's people entered in its own properties of the record `root`."""
    number = zlib.crc32(f"{kind}/{root}".encode())
    if kind == "contacts":
        topics = _CUSTOM["contacts"][1].options
        chosen = [topic for place, topic in enumerate(topics) if number >> place & 1]
        modules: tuple[str | None, ...] = (*_CUSTOM["contacts"][0].options, None)
        return {
            "favourite_module": modules[number // 16 % 4],
            "newsletter_topics": ";".join(chosen) or None,
            "badge_number": str(number % 9000) if number % 5 == 0 else None,
        }
    if kind == "companies":
        return {
            "account_tier": _CUSTOM["companies"][0].options[number % 3],
            "industry": _OPTIONS["industry"][number // 3 % 4],
            "numberofemployees": str(5 * (1 + number % 120)),
        }
    partners = ("Fjord Partners", "Kestrel Consulting", None, None)
    day = f"2026-{1 + number % 12:02d}-{1 + number // 12 % 28:02d}"
    return {
        "implementation_partner": partners[number % 4],
        "kick_off_day": day if number % 3 == 0 else None,
        "hubspot_owner_id": str(501 + number % 4),
    }
