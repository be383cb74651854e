"""Switches that make the sandbox misbehave the way the vendors do, set while it runs.

`POST /_sandbox/faults {"name": {...}}` sets, `DELETE` clears, `GET` lists; or start with `--fault`.
"""

from __future__ import annotations

import json
from typing import Any

#: Every switch with its parameters' usual values.
CATALOGUE: dict[str, dict[str, Any]] = {
    # answers of any vendor: a rule, or a list of rules, tried for each request
    "status": {
        "status": 503,
        "path": "",
        "method": "",
        "after": 0,
        "times": 1,
        "retry_after": None,
        "body": None,
    },
    "html_page": {"status": 200, "path": "", "method": "", "after": 0, "times": 1},
    "truncated_json": {"path": "", "method": "", "after": 0, "times": 1, "keep": 0.6},
    "slow_body": {"path": "", "method": "", "after": 0, "times": 1, "seconds": 1.0, "parts": 4},
    "connection_reset": {"path": "", "method": "", "after": 0, "times": 1, "sent": 0.0},
    "duplicate_page": {"path": "", "method": "", "after": 0, "times": 1},
    "repeated_cursor": {"path": "", "method": "", "after": 0, "times": None},
    "token_expiry": {"vendor": "hubspot", "after": 5, "static": False},
    "clock_skew": {"seconds": 0},
    "page_caps": {"off": False},
    # what the networks' tokens may read: life in seconds (None: no end), regain in minutes
    "google_access": {"scoped": True, "direct": True, "linked": True, "status": "ENABLED"},
    "facebook_access": {
        "permissions": [
            "ads_read",
            "leads_retrieval",
            "pages_show_list",
            "pages_read_engagement",
            "pages_manage_ads",
        ],
        "expires_in": None,
        "data_access_expires_in": None,
        "account_status": 1,
        "assigned": True,
        "used_percent": 1,
        "regain": 0,
    },
    "linkedin_access": {
        "scopes": [
            "r_ads",
            "r_ads_reporting",
            "r_marketing_leadgen_automation",
            "r_organization_social",
        ],
        "expires_in": 5_184_000,
        "token_status": "active",
        "role": "VIEWER",
        "status": "ACTIVE",
    },
    # Google Ads; `path` is a part of the request's path and query text
    "google_hierarchy": {},
    "google_quota": {"daily": 15_000, "per_second": None, "retry_delay": 1, "scope": "ACCOUNT"},
    "google_error": {
        "status": 500,
        "kind": "internalError",
        "code": "TRANSIENT_ERROR",
        "path": "",
        "method": "",
        "after": 0,
        "times": 1,
    },
    "google_stream_error": {
        "batches": 1,
        "kind": "internalError",
        "code": "INTERNAL_ERROR",
        "path": "",
        "method": "",
        "after": 0,
        "times": 1,
    },
    "google_page_token": {
        "code": "EXPIRED_PAGE_TOKEN",
        "path": "",
        "method": "",
        "after": 0,
        "times": 1,
    },
    "google_empty": {"as": "array"},
    "google_retention": {"months": 37, "code": "INVALID_DATE"},
    "google_developer_token": {"header": "rejected"},
    "google_click_view": {"repeats": 0.04, "invalid": 0.03, "days": 90},
    "google_lead_forms": {"share": 0.1, "days": 60},
    # Meta
    "facebook_accounts": {},
    "facebook_async": {
        "polls": 2,
        "outcome": "Job Completed",
        "times": None,
        "days": 30,
        "cannot_include": 0,
    },
    "facebook_reduce": {"limit": 100, "rows": None, "as": "reduce", "async": False},
    "facebook_throttle": {"step": 10, "code": None, "window_seconds": 60.0, "regain": 1},
    "facebook_empty_page": {"every": 2},
    "facebook_require_proof": {},
    "facebook_archived_hidden": {},
    "facebook_retention": {"months": 37},
    "facebook_leads": {"organic": 2, "test": 1, "days": 90},
    # which answers have pages; `second`: the last lead form is another page's; `refused`: pages that give no
    # token; `by_ad`: whether leads may be read by ad
    "facebook_pages": {
        "promoted": True,
        "ad_sets": True,
        "creatives": True,
        "second": False,
        "refused": [],
        "by_ad": True,
    },
    # the posts of the first creatives were deleted: what shows their fields is refused as a whole
    "facebook_post_gone": {"creatives": 1},
    "facebook_late_actions": {"share": 0.3, "days": 27},
    # LinkedIn
    "linkedin_accounts": {},
    # the first campaigns have no campaign group, and the next ones stand in no listing
    "linkedin_campaigns": {"ungrouped": 0, "unlisted": 0},
    "linkedin_element_cap": {"elements": 15_000},
    "linkedin_limits": {"daily": None, "metric_values": 45_000_000, "window_seconds": 300.0},
    "linkedin_versions": {"tolerate": [], "dead": []},
    "linkedin_url_length": {"bytes": 4096},
    "linkedin_decimals": {"plain": True},
    "linkedin_no_total": {},
    "linkedin_leads": {"test": 1, "days": 365},
    "linkedin_late_conversions": {"share": 0.3, "days": 30},
    # HubSpot
    "hubspot_limits": {
        "per_ten_seconds": 190,
        "search_per_second": 5,
        "daily": 1_000_000,
        "retry_after": False,
    },
    "missing_scope": {"scopes": []},
    "version_gone": {"versions": []},
    "events_forbidden": {},
    "events_per_contact": {},
    "lists_without_ads": {},
    "uri_length": {"bytes": 15_000},
    "search_cap": {"results": 10_000},
    "index_lag": {"seconds": 30},
    "offset_drift": {"by": 1},
    "history_cap": {"entries": 20},
    "association_ids": {"as": "string"},
    "association_pages": {"size": 1},
    "duplicate_association_types": {},
    "batch_status": {"status": 207},
    "merged_in_archived": {},
    "submissions_arriving": {
        "every": 1,
        "times": 3,
        "form": "",
        "email": "late.arrival@kestrel-0001.test",
    },
    "missing_conversion_id": {"every": 1},
    "submitted_at_text": {},
    "wire_type": {"property": "num_conversion_events", "type": "contacts"},
    "malformed_record": {"path": "", "kind": "null_id"},
    "unsorted": {"path": ""},
    "timestamp_precision": {"digits": None},
}


class Faults:
    """The switches that are on, with their parameters."""

    def __init__(self) -> None:
        self.active: dict[str, Any] = {}
        #: how many requests each rule has seen and how often it acted
        self.seen: dict[str, list[int]] = {}

    def set(self, name: str, parameters: Any = None) -> None:
        """Switch a fault on. Raises ValueError for an unknown name or parameter."""
        if name not in CATALOGUE:
            raise ValueError(f"no fault {name}; there are {', '.join(CATALOGUE)}")
        usual = CATALOGUE[name]
        rules = parameters if isinstance(parameters, list) else [parameters or {}]
        for rule in rules:
            if not isinstance(rule, dict):
                raise ValueError(f"{name}: an object or a list of objects is expected")
            unknown = [] if name == "page_caps" else sorted(rule.keys() - usual.keys())
            if unknown:
                raise ValueError(
                    f"{name} has no {', '.join(unknown)}; it has {', '.join(usual) or 'nothing'}"
                )
        filled = [{**usual, **rule} for rule in rules]
        self.active[name] = filled if isinstance(parameters, list) else filled[0]
        self.seen = {key: counts for key, counts in self.seen.items() if key.split("#")[0] != name}

    def clear(self, name: str | None = None) -> None:
        """Switch one fault off, or all."""
        if name is None:
            self.active.clear()
            self.seen.clear()
        else:
            self.active.pop(name, None)

    def get(self, name: str) -> dict[str, Any] | None:
        """The parameters of a fault that is on, else None."""
        found = self.active.get(name)
        rule: dict[str, Any] | None = found[0] if isinstance(found, list) else found
        return rule

    def value(self, name: str, parameter: str, otherwise: Any) -> Any:
        """A parameter of a fault that is on, else the usual behaviour's value."""
        found = self.get(name)
        return otherwise if found is None else found[parameter]

    def due(self, name: str, method: str, path: str) -> dict[str, Any] | None:
        """The first rule of that fault which this request meets and which is still to act."""
        found = self.active.get(name)
        rules = found if isinstance(found, list) else [] if found is None else [found]
        for number, rule in enumerate(rules):
            if rule["path"] not in path or rule["method"] not in ("", method):
                continue
            counts = self.seen.setdefault(f"{name}#{number}", [0, 0])
            counts[0] += 1
            spent = rule["times"] is not None and counts[1] >= rule["times"]
            if counts[0] > rule["after"] and not spent:
                counts[1] += 1
                chosen: dict[str, Any] = rule
                return chosen
        return None


def parse(text: str) -> tuple[str, Any]:
    """`name` or `name={json}` as given on the command line. Raises ValueError for broken JSON."""
    name, _, parameters = text.partition("=")
    try:
        return name, json.loads(parameters) if parameters else None
    except json.JSONDecodeError as error:
        raise ValueError(f"--fault {name}: {error}") from error
