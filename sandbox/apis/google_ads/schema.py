"""Fields, their types and which of them may stand in one query.

https://developers.google.com/google-ads/api/fields/v26/overview
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sandbox.apis import gaql

INT, TEXT, BOOL, LIST, DOUBLE, INT32 = "int64", "string", "bool", "list", "double", "int32"

_PLACES = {
    f"{kind}.{part}": TEXT
    for kind in ("area_of_interest", "location_of_presence")
    for part in ("city", "country", "metro", "most_specific", "region")
}

FIELDS: dict[str, dict[str, str]] = {
    "customer": {
        "id": INT,
        "descriptive_name": TEXT,
        "currency_code": TEXT,
        "time_zone": TEXT,
        "manager": BOOL,
        "test_account": BOOL,
        "status": TEXT,
        "auto_tagging_enabled": BOOL,
        "tracking_url_template": TEXT,
        "final_url_suffix": TEXT,
        "conversion_tracking_setting.google_ads_conversion_customer": TEXT,
        "conversion_tracking_setting.conversion_tracking_status": TEXT,
    },
    "customer_client": {
        "id": INT,
        "level": INT,
        "manager": BOOL,
        "hidden": BOOL,
        "test_account": BOOL,
        "client_customer": TEXT,
        "currency_code": TEXT,
        "time_zone": TEXT,
        "descriptive_name": TEXT,
        "status": TEXT,
    },
    "campaign": {
        "id": INT,
        "name": TEXT,
        "status": TEXT,
        "serving_status": TEXT,
        "advertising_channel_type": TEXT,
        "advertising_channel_sub_type": TEXT,
        "start_date_time": TEXT,
        "end_date_time": TEXT,
        "tracking_url_template": TEXT,
        "final_url_suffix": TEXT,
    },
    "ad_group": {
        "id": INT,
        "name": TEXT,
        "status": TEXT,
        "type": TEXT,
        "campaign": TEXT,
        "tracking_url_template": TEXT,
        "final_url_suffix": TEXT,
    },
    "ad_group_ad": {
        "status": TEXT,
        "ad_group": TEXT,
        "ad.id": INT,
        "ad.name": TEXT,
        "ad.type": TEXT,
        "ad.final_urls": LIST,
        "ad.final_mobile_urls": LIST,
        "ad.tracking_url_template": TEXT,
        "ad.final_url_suffix": TEXT,
    },
    "asset_group": {
        "id": INT,
        "name": TEXT,
        "status": TEXT,
        "campaign": TEXT,
        "final_urls": LIST,
        "final_mobile_urls": LIST,
        "tracking_url_template": TEXT,
        "final_url_suffix": TEXT,
    },
    "conversion_action": {
        "id": INT,
        "name": TEXT,
        "status": TEXT,
        "type": TEXT,
        "category": TEXT,
        "origin": TEXT,
        "include_in_conversions_metric": BOOL,
        "primary_for_goal": BOOL,
        "counting_type": TEXT,
        "click_through_lookback_window_days": INT,
        "view_through_lookback_window_days": INT,
        "attribution_model_settings.attribution_model": TEXT,
        "attribution_model_settings.data_driven_model_status": TEXT,
        "owner_customer": TEXT,
    },
    "click_view": {
        "gclid": TEXT,
        "ad_group_ad": TEXT,
        "keyword": TEXT,
        "keyword_info.text": TEXT,
        "keyword_info.match_type": TEXT,
        "page_number": INT,
        "campaign_location_target": TEXT,
        "user_list": TEXT,
        **_PLACES,
    },
    "lead_form_submission_data": {
        "id": TEXT,
        "asset": TEXT,
        "campaign": TEXT,
        "ad_group": TEXT,
        "ad_group_ad": TEXT,
        "gclid": TEXT,
        "submission_date_time": TEXT,
        "lead_form_submission_fields": LIST,
        "custom_lead_form_submission_fields": LIST,
    },
    "change_status": {
        "last_change_date_time": TEXT,
        "resource_type": TEXT,
        "resource_status": TEXT,
        "campaign": TEXT,
        "ad_group": TEXT,
        "ad_group_ad": TEXT,
    },
}
METRICS = {
    "impressions": INT,
    "clicks": INT,
    "interactions": INT,
    "cost_micros": INT,
    "conversions": DOUBLE,
    "conversions_value": DOUBLE,
    "all_conversions": DOUBLE,
    "all_conversions_value": DOUBLE,
    "cross_device_conversions": DOUBLE,
    "cross_device_conversions_by_conversion_date": DOUBLE,
    "view_through_conversions": INT,
    "conversions_by_conversion_date": DOUBLE,
    "conversions_value_by_conversion_date": DOUBLE,
    "all_conversions_by_conversion_date": DOUBLE,
    "all_conversions_value_by_conversion_date": DOUBLE,
}
DELIVERY_METRICS = {"impressions", "clicks", "interactions", "cost_micros"}
DATE_SEGMENTS = {
    "date": TEXT,
    "week": TEXT,
    "month": TEXT,
    "quarter": TEXT,
    "year": INT32,
    "day_of_week": TEXT,
}
CONVERSION_SEGMENTS = {
    "conversion_action": TEXT,
    "conversion_action_name": TEXT,
    "conversion_action_category": TEXT,
    "conversion_attribution_event_type": TEXT,
    "conversion_lag_bucket": TEXT,
    "external_conversion_source": TEXT,
}
SPLIT_SEGMENTS = {"device": TEXT, "ad_network_type": TEXT}
CLICK_SEGMENTS = {"click_type": TEXT, "slot": TEXT}
SEGMENTS = {**DATE_SEGMENTS, **CONVERSION_SEGMENTS, **SPLIT_SEGMENTS, **CLICK_SEGMENTS}

#: Fields that came after v23, with the first version that knows them. Source: the protos of google-ads 34.
SINCE = {"asset_group.tracking_url_template": 25, "asset_group.final_url_suffix": 25}

#: Resources whose fields a resource may select, itself first.
ATTRIBUTED: dict[str, tuple[str, ...]] = {
    "customer": ("customer",),
    "campaign": ("campaign", "customer"),
    "ad_group": ("ad_group", "campaign", "customer"),
    "ad_group_ad": ("ad_group_ad", "ad_group", "campaign", "customer"),
    "asset_group": ("asset_group", "campaign", "customer"),
    "conversion_action": ("conversion_action", "customer"),
    "customer_client": ("customer_client", "customer"),
    "click_view": ("click_view", "ad_group", "campaign", "customer"),
    "lead_form_submission_data": ("lead_form_submission_data", "ad_group", "campaign", "customer"),
    "change_status": ("change_status", "ad_group", "campaign", "customer"),
}
#: What a resource may be asked for besides attributes.
SEGMENTED: dict[str, set[str]] = {
    **dict.fromkeys(
        ("customer", "campaign", "ad_group", "ad_group_ad"), SEGMENTS.keys() - CLICK_SEGMENTS.keys()
    ),
    "click_view": {"date", *SPLIT_SEGMENTS, *CLICK_SEGMENTS},
}
MEASURED: dict[str, set[str]] = {
    **{name: set(METRICS) for name in ("customer", "campaign", "ad_group", "ad_group_ad")},
    "click_view": {"clicks"},
}


def check_version(names: Iterable[str], version: str) -> None:
    """Raises gaql.QueryError where a version ("v26") does not know a field yet."""
    for name in names:
        if SINCE.get(name, 0) > int(version.removeprefix("v")):
            raise _unknown(name)


def _unknown(name: str) -> gaql.QueryError:
    return gaql.QueryError("UNRECOGNIZED_FIELD", f"Unrecognized field in the query: '{name}'.", name)


def kind_of(name: str) -> str:
    """The type of a field.

    Raises:
        gaql.QueryError: nobody knows the field.
    """
    owner, _, rest = name.partition(".")
    known = {"metrics": METRICS, "segments": SEGMENTS, **FIELDS}.get(owner, {})
    if rest.endswith("resource_name") and owner in FIELDS:
        return TEXT
    if rest not in known:
        raise _unknown(name)
    return known[rest]


def camel(name: str) -> str:
    """A name as JSON has it."""
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


def mask(query: gaql.Query) -> str:
    """The `fieldMask` of an answer."""
    return ",".join(".".join(camel(part) for part in name.split(".")) for name in query.select)


def catalogue() -> list[dict[str, Any]]:
    """Every resource and field with what `googleAdsFields:search` returns about it."""
    rows = [_entry(name, "RESOURCE", "MESSAGE") for name in FIELDS]
    for row in rows:
        name = row["name"]
        row["selectable"] = row["filterable"] = row["sortable"] = False
        row["attribute_resources"] = list(ATTRIBUTED[name][1:])
        row["metrics"] = sorted(f"metrics.{metric}" for metric in MEASURED.get(name, ()))
        row["segments"] = sorted(f"segments.{segment}" for segment in SEGMENTED.get(name, ()))
    for owner, fields in FIELDS.items():
        rows += [_entry(f"{owner}.{name}", "ATTRIBUTE", kind) for name, kind in fields.items()]
    rows += [_entry(f"metrics.{name}", "METRIC", kind) for name, kind in METRICS.items()]
    return rows + [_entry(f"segments.{name}", "SEGMENT", kind) for name, kind in SEGMENTS.items()]


def _entry(name: str, category: str, kind: str) -> dict[str, Any]:
    types = {TEXT: "STRING", BOOL: "BOOLEAN", LIST: "STRING"}
    return {
        "resource_name": f"googleAdsFields/{name}",
        "name": name,
        "category": category,
        "data_type": types.get(kind, kind.upper()),
        "is_repeated": kind == LIST,
        "selectable": True,
        "filterable": True,
        "sortable": kind != LIST,
    }
