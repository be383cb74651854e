"""The ledger's rows behind a step or of a person, and the facts that decided them in plain words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import duckdb

from reporting.explain.figures import duration
from reporting.explain.masking import Mask
from reporting.explain.scope import Scope, unknown

#: Steps whose rows are told by their units, not by a reason.
_BY_UNITS = {"network_conversions": "facts.network_units > 0", "hubspot_contacts": "facts.hubspot_units > 0"}

#: Joins the names of the ad to a table called `facts`: columns of `campaigns` and `ads`.
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
    "form_submission": "form",
    "lead": "lead-ad form",
    "interaction": "ad interaction",
}
_NAMED_BY = {
    "hsa": "HubSpot's hsa_* parameters name the campaign",
    "click_view": "Google's list of clicks names the campaign",
    "gad_campaignid": "Google's own gad_campaignid names the campaign",
    "network_lead": "the network's own lead names the campaign",
    "utm": "utm_* parameters fit only this campaign",
    "landing_page": "only ads of this campaign lead to the page",
}
_LEAD_STATUS = {
    "test_lead": "a test lead",
    "no_ad": "the lead came from no ad",
    "merged_into_existing": "the lead went to a contact HubSpot already had",
    "synced": "the lead reached HubSpot",
    "pending": "the lead was still on its way",
    "retention_passed": "the lead never reached HubSpot, and the network no longer keeps it",
    "missing": "the lead never reached HubSpot",
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
    #: Rows of the same network and reason that were found, however many were read.
    total: int

    @property
    def kind(self) -> str:
        """What the event is, in plain words."""
        return _KINDS.get(self.event_type, self.event_type)

    @property
    def ad_words(self) -> str:
        """The ad by its names, else its ids."""
        return ad_words(self.campaign_id, self.campaign_name, self.ad_id, self.ad_name)


def step_codes(connection: duckdb.DuckDBPyConnection, scope: Scope) -> dict[str, str]:
    """The steps of the bridges in scope and their plain words, in order."""
    where, given = scope.where()
    return dict(connection.execute(_STEPS.format(bridge=scope.bridge, where=where), given).fetchall())


def read_step(
    connection: duckdb.DuckDBPyConnection, scope: Scope, step: str, most: int | None = None
) -> list[Claim]:
    """The rows behind a step, the latest first, at most `most` per network and reason.

    A step that does not occur is refused with those that do.
    """
    codes = step_codes(connection, scope)
    if step not in codes:
        raise unknown("--step", step, (f"{code} ({label})" for code, label in codes.items()))
    return _claims(connection, scope, step, most)


def read_latest(connection: duckdb.DuckDBPyConnection, scope: Scope, most: int) -> dict[str, list[Claim]]:
    """Rows by their reason, the latest first, at most `most` per network."""
    found: dict[str, list[Claim]] = {}
    for claim in _rows(connection, scope, "facts.reason_code IS NOT NULL", {"most": most}):
        found.setdefault(str(claim.reason_code), []).append(claim)
    return found


def read_of_contact(connection: duckdb.DuckDBPyConnection, scope: Scope, contact: str) -> list[Claim]:
    """Every claim on a contact's events, the latest first."""
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


def ad_words(
    campaign_id: str | None, campaign_name: str | None, ad_id: str | None, ad_name: str | None
) -> str:
    """An ad by its names, else its ids; empty where there is none."""
    campaign = campaign_name or (f"campaign {campaign_id}" if campaign_id else "")
    below = ad_name or (f"ad {ad_id}" if ad_id else "")
    return f"{campaign} › {below}" if below else campaign


def verdict(claim: Claim, labels: Mapping[str, str]) -> str:
    """Why the two sides of a claim differ, by the label of its step."""
    if claim.reason_code is not None:
        return labels.get(claim.reason_code, claim.reason_code)
    return "both count it" if claim.network_units else "neither counts it"


def facts(claim: Claim, mask: Mask) -> list[str]:
    """What decided a row, in plain words; what nothing is known of is left out."""
    known = {key: value for key, value in claim.evidence.items() if value is not None}
    return [
        said
        for said in (
            _click(claim, known, mask),
            _window(known),
            _NAMED_BY.get(known.get("campaign_named_by", "")),
            _LEAD_STATUS.get(known.get("lead_status", "")),
            "HubSpot filtered the submission or the lead was a test" if known.get("is_filtered") else None,
            "its conversion action is outside the network's headline"
            if known.get("is_headline_action") is False
            else None,
            _conversion(known),
            "the contact existed before it" if known.get("existed_before_conversion") else None,
            "it was the first one while its contact was a record of its own, before a merge"
            if known.get("was_first_before_a_merge")
            else None,
            _tracked(claim, known),
            _page(known),
            "the form passes no cookie or page address" if known.get("is_form_context_missing") else None,
            _template(known),
            _session(known),
            _credited(claim, known),
            _deleted(known, mask),
        )
        if said
    ]


def _click(claim: Claim, known: Mapping[str, Any], mask: Mask) -> str | None:
    source = known.get("claim_source")
    if source == "lead_ad":
        return "filled in on the network itself (lead ad)"
    if "clicked_at" not in known:
        return None
    clicked = _instant(known["clicked_at"])
    before = _before((claim.occurred_at - clicked).total_seconds(), claim.kind)
    by = f" ({known['click_id_type']})" if "click_id_type" in known else ""
    if source == "submission_url":
        return f"the form's own page address carries the ad click{by}; no visit is known"
    session = f" as {mask.id('session', known['click_session_id'])}" if "click_session_id" in known else ""
    return f"the ad click{by} arrived {moment(clicked)}{session}, {before}"


def _window(known: Mapping[str, Any]) -> str | None:
    if "click_window_days" not in known:
        return None
    side = "inside" if known.get("is_in_window") else "outside"
    days = known["click_window_days"]
    return f"{side} the network's window of {days} day{'' if days == 1 else 's'}"


def _conversion(known: Mapping[str, Any]) -> str | None:
    if "conversion_number" not in known:
        return None
    earlier = ", and this campaign claims an earlier one" if known.get("campaign_claims_earlier_one") else ""
    return f"the person's {ordinal(int(known['conversion_number']))} conversion{earlier}"


def _tracked(claim: Claim, known: Mapping[str, Any]) -> str | None:
    if "is_tracked" not in known or claim.event_type == "lead":
        return None
    if known.get("tracking_evidence") == "open_page":
        return "with HubSpot's tracking cookie, from a page that had been open longer than a session lasts"
    return "with HubSpot's tracking cookie" if known["is_tracked"] else "without HubSpot's tracking cookie"


def _page(known: Mapping[str, Any]) -> str | None:
    if not known.get("page_lacks_code"):
        return None
    if known.get("page_code_evidence") == "no_view_recorded":
        return "the page seems to lack the HubSpot tracking code: several forms came from it, no view of it"
    return "the page lacks the HubSpot tracking code"


def _template(known: Mapping[str, Any]) -> str | None:
    if not known.get("overriding_templates"):
        return None
    return "a tracking template in the campaign overrides HubSpot's (the table actions names it)"


def _session(known: Mapping[str, Any]) -> str | None:
    click, own = known.get("click_session_id"), known.get("submission_session_id")
    if click is None or own is None:
        return None
    if known.get("is_timed_out_session"):
        return "in the very next visit, a direct one soon after the click's"
    return "in the visit of the click" if click == own else "in another visit than the click's"


def _credited(claim: Claim, known: Mapping[str, Any]) -> str | None:
    if claim.hubspot_units or claim.reason_code is None:
        return None
    return "HubSpot credits it to an ad" if known.get("event_is_credited") else "HubSpot credits it to no ad"


def _deleted(known: Mapping[str, Any], mask: Mask) -> str | None:
    if "deletion" not in known:
        return None
    how = {"archived": "deleted", "erased": "erased for good"}.get(known["deletion"], known["deletion"])
    who = mask.id("person", known.get("deleted_contact_id"))
    when = f" {moment(_instant(known['deleted_at']))}" if "deleted_at" in known else ""
    return f"the contact{f' ({who})' if who else ''} was {how}{when}"


def _instant(text: str) -> datetime:
    """An instant as DuckDB prints it into JSON, naive in UTC like those of the columns."""
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)


def moment(at: datetime) -> str:
    """An instant as people read it."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _before(seconds: float, event: str) -> str:
    if seconds < 60:
        return f"{'right before' if seconds >= 0 else 'after'} the {event}"
    return f"{duration(seconds)} before the {event}"
