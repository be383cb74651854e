"""Reads the ledger rows of a step or a contact, and describes the facts that decided each row."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import duckdb

from reporting.explain.figures import duration, short_number
from reporting.explain.masking import Mask
from reporting.explain.scope import Scope, unknown_value
from reporting.networks import NETWORKS

#: Steps whose rows have conversions on one side instead of a reason code.
_BY_UNITS = {"network_conversions": "facts.network_units > 0", "hubspot_contacts": "facts.hubspot_units > 0"}

#: Joins campaign and ad names to a table with the alias `facts`.
AD_NAMES = """
LEFT JOIN marts.dim_campaign AS campaigns
    ON campaigns.network = facts.network AND campaigns.account_id = facts.account_id
    AND campaigns.campaign_id = facts.campaign_id
LEFT JOIN marts.dim_ad AS ads
    ON ads.network = facts.network AND ads.account_id = facts.account_id
    AND ads.campaign_id = facts.campaign_id
    AND ads.ad_group_id IS NOT DISTINCT FROM facts.ad_group_id AND ads.ad_id = facts.ad_id
"""
_CLAIMS = f"""
SELECT
    facts.event_id, facts.event_type, facts.contact_id, facts.occurred_at AT TIME ZONE 'UTC', facts.date,
    facts.network, facts.account_id, facts.campaign_id, campaigns.campaign_name,
    facts.ad_group_id, facts.ad_id, ads.ad_name,
    facts.network_units, facts.hubspot_units, facts.reason_code, facts.evidence,
    count(*) OVER (PARTITION BY facts.network, facts.reason_code) AS total
FROM reconciliation.conversion_ledger AS facts {AD_NAMES}WHERE {{where}}
QUALIFY $most IS NULL OR row_number() OVER (
    PARTITION BY facts.network, facts.reason_code
    ORDER BY facts.occurred_at DESC, facts.event_id, facts.campaign_id, facts.ad_id
) <= $most
ORDER BY facts.occurred_at DESC, facts.event_id, facts.network, facts.campaign_id, facts.ad_id
"""
_STEPS = """
SELECT step, any_value(step_label) FROM {bridge} AS facts WHERE {where} GROUP BY step ORDER BY min(step_order)
"""
_KINDS = {
    "form_submission": "form submission",
    "lead": "lead form submission",
    "interaction": "ad interaction",
}
_MATCH_METHODS = {
    "hsa": "campaign identified by HubSpot's hsa_* parameters",
    "click_view": "campaign identified by Google's click report",
    "gad_campaignid": "campaign identified by Google's gad_campaignid parameter",
    "network_lead": "campaign identified by the network's lead record",
    "utm": "campaign identified by its utm_* parameters, which no other campaign has",
    "landing_page": "campaign identified by its landing page, which no other campaign has",
}
_LEAD_STATUS = {
    "test_lead": "a test lead",
    "no_ad": "the lead did not come from an ad",
    "merged_into_existing": "the lead was merged into an existing contact",
    "synced": "the lead was synced to HubSpot",
    "pending": "the lead was not synced yet",
    "retention_passed": "the lead was never synced to HubSpot, and the network no longer stores it",
    "missing": "the lead was never synced to HubSpot",
}


@dataclass(frozen=True)
class Claim:
    """One row of reconciliation.conversion_ledger with the names of its ad."""

    event_id: str
    event_type: str
    contact_id: str | None
    occurred_at: datetime
    date: date
    network: str
    account_id: str
    campaign_id: str
    campaign_name: str | None
    ad_group_id: str | None
    ad_id: str | None
    ad_name: str | None
    network_units: Decimal
    hubspot_units: Decimal
    reason_code: str | None
    evidence: Mapping[str, Any]
    #: Number of rows with the same network and reason, including those that were not read.
    total: int

    @property
    def kind(self) -> str:
        """Label of the event type."""
        return _KINDS.get(self.event_type, self.event_type)

    @property
    def ad_label(self) -> str:
        """Campaign and ad by name, else by id."""
        return ad_label(self.campaign_id, self.campaign_name, self.ad_id, self.ad_name)


def step_codes(connection: duckdb.DuckDBPyConnection, scope: Scope) -> dict[str, str]:
    """Codes and labels of the steps in scope, in the order of the bridge."""
    where, given = scope.where()
    return dict(connection.execute(_STEPS.format(bridge=scope.bridge, where=where), given).fetchall())


def read_step(
    connection: duckdb.DuckDBPyConnection, scope: Scope, step: str, most: int | None = None
) -> list[Claim]:
    """Ledger rows of a step, latest first, at most `most` per network and reason.

    Raises InvalidOption for a step that does not occur; the message lists those that do.
    """
    codes = step_codes(connection, scope)
    if step not in codes:
        raise unknown_value("--step", step, (f"{code} ({label})" for code, label in codes.items()))
    return _claims(connection, scope, step, most)


def read_latest(connection: duckdb.DuckDBPyConnection, scope: Scope, most: int) -> dict[str, list[Claim]]:
    """Ledger rows by reason code, latest first, at most `most` per network."""
    found: dict[str, list[Claim]] = {}
    for claim in _rows(connection, scope, "facts.reason_code IS NOT NULL", {"most": most}):
        found.setdefault(str(claim.reason_code), []).append(claim)
    return found


def read_of_contact(connection: duckdb.DuckDBPyConnection, scope: Scope, contact: str) -> list[Claim]:
    """Ledger rows of a contact, latest first."""
    return _rows(connection, scope, "facts.contact_id = $contact", {"contact": contact})


def _claims(connection: duckdb.DuckDBPyConnection, scope: Scope, step: str, most: int | None) -> list[Claim]:
    if step in _BY_UNITS:
        return _rows(connection, scope, _BY_UNITS[step], {"most": most})
    return _rows(connection, scope, "facts.reason_code = $step", {"step": step, "most": most})


def _rows(
    connection: duckdb.DuckDBPyConnection, scope: Scope, condition: str, more: Mapping[str, Any]
) -> list[Claim]:
    where, given = scope.where()
    rows = connection.execute(
        _CLAIMS.format(where=f"{where} AND {condition}"), {"most": None, **given, **more}
    ).fetchall()
    return [Claim(*(*row[:-2], json.loads(row[-2]), row[-1])) for row in rows]


def ad_label(
    campaign_id: str | None, campaign_name: str | None, ad_id: str | None, ad_name: str | None
) -> str:
    """Campaign and ad by name, else by id; empty without an ad."""
    campaign = campaign_name or (f"campaign {campaign_id}" if campaign_id else "")
    below = ad_name or (f"ad {ad_id}" if ad_id else "")
    return f"{campaign} › {below}" if below else campaign


def reason_label(claim: Claim, labels: Mapping[str, str]) -> str:
    """Label of the step that explains the difference, or a note that both sides agree."""
    if claim.reason_code is not None:
        return labels.get(claim.reason_code, claim.reason_code)
    return "counted by both" if claim.network_units else "counted by neither"


def count_label(claim: Claim) -> str:
    """States which side counts the claim; the number only if it is not 1."""
    name = NETWORKS.get(claim.network, claim.network)
    counted = f"Counted by {name}{_unless_one(claim.network_units)}"
    credited = f"redited in HubSpot{_unless_one(claim.hubspot_units)}"
    if claim.network_units and claim.hubspot_units:
        return f"{counted}, c{credited}"
    if claim.network_units:
        return f"{counted}, not credited in HubSpot"
    if claim.hubspot_units:
        return f"C{credited}, not counted by {name}"
    return f"Not counted by {name}, not credited in HubSpot"


def _unless_one(units: Decimal) -> str:
    return "" if units == 1 else f" ({short_number(units)})"


def facts(claim: Claim, mask: Mask) -> list[str]:
    """The facts that decided a row, as short texts. Unknown facts are left out."""
    known = {key: value for key, value in claim.evidence.items() if value is not None}
    return [
        fact
        for fact in (
            _click(claim, known, mask),
            _window(known),
            _MATCH_METHODS.get(known.get("campaign_named_by", "")),
            _LEAD_STATUS.get(known.get("lead_status", "")),
            "HubSpot filtered the submission or the lead was a test" if known.get("is_filtered") else None,
            "a secondary conversion action" if known.get("is_headline_action") is False else None,
            _conversion(known),
            "the contact existed before this conversion" if known.get("existed_before_conversion") else None,
            "the first conversion of a contact that was merged later"
            if known.get("was_first_before_a_merge")
            else None,
            _tracked(claim, known),
            _page(known),
            "the form passes no cookie or page URL" if known.get("is_form_context_missing") else None,
            _template(known),
            _session(known),
            _credited(claim, known),
            _deleted(known, mask),
        )
        if fact
    ]


def _click(claim: Claim, known: Mapping[str, Any], mask: Mask) -> str | None:
    source = known.get("claim_source")
    if source == "lead_ad":
        return "submitted on the network itself (lead ad)"
    if "clicked_at" not in known:
        return None
    clicked = _instant(known["clicked_at"])
    before = _before((claim.occurred_at - clicked).total_seconds(), claim.kind)
    by = f" ({known['click_id_type']})" if "click_id_type" in known else ""
    if source == "submission_url":
        return f"the URL of the form's page contains an ad click id{by}; no session is known"
    session = f" in {mask.id('session', known['click_session_id'])}" if "click_session_id" in known else ""
    return f"ad click{by} on {format_time(clicked)}{session}, {before}"


def _window(known: Mapping[str, Any]) -> str | None:
    if "click_window_days" not in known:
        return None
    side = "within" if known.get("is_in_window") else "outside"
    return f"{side} the network's {known['click_window_days']}-day click-through window"


def _conversion(known: Mapping[str, Any]) -> str | None:
    if "conversion_number" not in known:
        return None
    earlier = (
        ", and this campaign already claims an earlier one"
        if known.get("campaign_claims_earlier_one")
        else ""
    )
    return f"the contact's {ordinal(int(known['conversion_number']))} conversion{earlier}"


def _tracked(claim: Claim, known: Mapping[str, Any]) -> str | None:
    if "is_tracked" not in known or claim.event_type == "lead":
        return None
    if known.get("tracking_evidence") == "open_page":
        return "with HubSpot's tracking cookie, from a page that was open longer than a session lasts"
    return "with HubSpot's tracking cookie" if known["is_tracked"] else "without HubSpot's tracking cookie"


def _page(known: Mapping[str, Any]) -> str | None:
    if not known.get("page_lacks_code"):
        return None
    if known.get("page_code_evidence") == "no_view_recorded":
        return "the page seems to have no HubSpot tracking code: it has form submissions but no page views"
    return "the page has no HubSpot tracking code"


def _template(known: Mapping[str, Any]) -> str | None:
    if not known.get("overriding_templates"):
        return None
    return "a tracking template in the campaign overrides HubSpot's (see the table actions)"


def _session(known: Mapping[str, Any]) -> str | None:
    click, own = known.get("click_session_id"), known.get("submission_session_id")
    if click is None or own is None:
        return None
    if known.get("is_timed_out_session"):
        return "in the next session, a direct one soon after the click's session"
    return "in the session of the click" if click == own else "in a later session"


def _credited(claim: Claim, known: Mapping[str, Any]) -> str | None:
    if claim.hubspot_units or claim.reason_code is None:
        return None
    return "credited to an ad in HubSpot" if known.get("event_is_credited") else "credited to no ad"


def _deleted(known: Mapping[str, Any], mask: Mask) -> str | None:
    if "deletion" not in known:
        return None
    how = {"archived": "deleted", "erased": "permanently deleted"}.get(known["deletion"], known["deletion"])
    who = mask.id("contact", known.get("deleted_contact_id"))
    when = f" on {format_time(_instant(known['deleted_at']))}" if "deleted_at" in known else ""
    return f"{who or 'the contact'} was {how}{when}"


def _instant(text: str) -> datetime:
    """Parses a timestamp from DuckDB's JSON; naive and in UTC, like the columns."""
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)


def format_time(at: datetime) -> str:
    """Formats a time to the minute, in UTC."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def ordinal(number: int) -> str:
    """Formats a number as 1st, 2nd, 3rd, 4th."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _before(seconds: float, event: str) -> str:
    if seconds < 60:
        return f"{'right before' if seconds >= 0 else 'after'} the {event}"
    return f"{duration(seconds)} before the {event}"
