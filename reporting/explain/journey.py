"""Reads a contact's journey: sessions, form submissions, attribution by report, and network claims."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import duckdb

from reporting.explain.claims import AD_NAMES, Claim, ad_label, format_time, read_of_contact
from reporting.explain.masking import Mask
from reporting.explain.options import InvalidOption
from reporting.explain.scope import Scope
from reporting.networks import NETWORKS

#: HubSpot's attribution reports, in the order of docs/contract.md, with the ads that each one credits.
REPORTS = {
    "first_form_submission": "the ad of the session of the first conversion, or of its lead form",
    "first_form_submission_new_contact": "the same, only if the contact did not exist before",
    "influenced_first_form_submission": "every ad the contact interacted with up to the first conversion",
    "first_ad_interaction": "the ad of the first interaction",
    "last_ad_interaction": "the ad of the last interaction that was followed by a conversion",
    "all_ad_interactions": "every ad the contact interacted with",
}

_TRACKED = {True: "tracked", False: "not tracked", None: "tracking unknown"}
_AD = """
    facts.network, facts.account_id, facts.campaign_id, campaigns.campaign_name,
    facts.ad_group_id, facts.ad_id, ads.ad_name
"""
_SESSIONS = f"""
SELECT
    facts.session_id, facts.session_number, facts.started_at AT TIME ZONE 'UTC', facts.page_views,
    facts.landing_page_url, facts.traffic_source, facts.evidence_source, facts.match_method,
    facts.click_id_type,
    {_AD}
FROM marts.fct_sessions AS facts {AD_NAMES}
WHERE facts.contact_id = $contact
ORDER BY facts.started_at, facts.session_id
"""
_SUBMISSIONS = f"""
SELECT
    facts.submission_id, facts.form_id, facts.form_type, facts.submitted_at AT TIME ZONE 'UTC',
    facts.page_url, facts.session_id, facts.conversion_number, facts.is_tracked, facts.is_filtered,
    {_AD}
FROM marts.fct_form_submissions AS facts {AD_NAMES}
WHERE facts.contact_id = $contact
ORDER BY facts.submitted_at, facts.submission_id
"""
_CREDITS = f"""
SELECT
    facts.attribution_report, facts.interaction_type, facts.interaction_at AT TIME ZONE 'UTC',
    facts.credited_at AT TIME ZONE 'UTC', facts.submission_id, facts.session_id, facts.evidence_source,
    {_AD}
FROM marts.fct_contact_attribution AS facts {AD_NAMES}
WHERE facts.contact_id = $contact
ORDER BY facts.interaction_at, facts.network, facts.campaign_id, facts.ad_id
"""
_FIRST = """
SELECT
    submission_id, session_id, converted_at AT TIME ZONE 'UTC', traffic_source, is_lead_ad, is_ad_session,
    existed_before_conversion
FROM marts.fct_first_conversions WHERE contact_id = $contact
"""


@dataclass(frozen=True)
class Ad:
    """An ad. Levels that are unknown are None; all of them without an ad."""

    network: str | None
    account_id: str | None
    campaign_id: str | None
    campaign_name: str | None
    ad_group_id: str | None
    ad_id: str | None
    ad_name: str | None

    @property
    def label(self) -> str:
        """Campaign and ad by name, else by id; empty without an ad."""
        return ad_label(self.campaign_id, self.campaign_name, self.ad_id, self.ad_name)

    @property
    def full_label(self) -> str:
        """Network, campaign and ad."""
        return f"{NETWORKS.get(self.network or '', self.network)}: {self.label}"


@dataclass(frozen=True)
class Session:
    """A session and the ad that started it."""

    session_id: str
    number: int
    started_at: datetime
    page_views: int
    landing_page_url: str | None
    traffic_source: str | None
    evidence_source: str
    match_method: str | None
    click_id_type: str | None
    ad: Ad

    @property
    def named_by(self) -> str | None:
        """Description of the evidence that identifies the ad; None without an ad click."""
        if self.match_method == "hsa":
            return "hsa_* parameters in the URL"
        if self.match_method == "click_view":
            return "Google's click report; no hsa_* parameters, so HubSpot gives no credit"
        if self.match_method == "gad_campaignid":
            return "Google's gad_campaignid parameter; no hsa_* parameters, so HubSpot gives no credit"
        if self.click_id_type:
            return f"none: a {self.click_id_type} shows that an ad was clicked, but not which ad"
        return None


@dataclass(frozen=True)
class Submission:
    """A form submission."""

    submission_id: str
    form_id: str | None
    form_type: str
    submitted_at: datetime
    page_url: str | None
    session_id: str | None
    conversion_number: int | None
    is_tracked: bool | None
    is_filtered: bool
    ad: Ad


@dataclass(frozen=True)
class Credit:
    """An ad that a report credits with the contact."""

    report: str
    interaction_type: str
    interaction_at: datetime
    credited_at: datetime
    submission_id: str | None
    session_id: str | None
    evidence_source: str
    ad: Ad


@dataclass(frozen=True)
class First:
    """The contact's first conversion."""

    submission_id: str
    session_id: str | None
    converted_at: datetime
    traffic_source: str | None
    is_lead_ad: bool
    is_ad_session: bool
    existed_before: bool


@dataclass(frozen=True)
class Journey:
    """All published data on one contact."""

    contact_id: str
    report: str
    sessions: tuple[Session, ...]
    submissions: tuple[Submission, ...]
    first: First | None
    credits: tuple[Credit, ...]
    claims: tuple[Claim, ...]

    def credited(self, report: str) -> list[Credit]:
        """Credits of one report."""
        return [credit for credit in self.credits if credit.report == report]


def read_journey(connection: duckdb.DuckDBPyConnection, contact: str, scope: Scope) -> Journey:
    """Reads a contact's journey under the scope's report. Raises InvalidOption for an unknown contact."""
    parameters = {"contact": contact}
    sessions = [
        Session(*(*row[:9], Ad(*row[9:]))) for row in connection.execute(_SESSIONS, parameters).fetchall()
    ]
    submissions = [
        Submission(*(*row[:9], Ad(*row[9:])))
        for row in connection.execute(_SUBMISSIONS, parameters).fetchall()
    ]
    found = [Credit(*(*row[:7], Ad(*row[7:]))) for row in connection.execute(_CREDITS, parameters).fetchall()]
    first = connection.execute(_FIRST, parameters).fetchone()
    claims = read_of_contact(connection, replace(Scope(), report=scope.report), contact)
    if not (sessions or submissions or found or claims):
        raise InvalidOption(
            "--contact",
            f"no contact {contact} is published: use the HubSpot record id,"
            " for merged contacts that of the remaining one",
        )
    return Journey(
        contact,
        str(scope.report),
        tuple(sessions),
        tuple(submissions),
        First(*first) if first else None,
        tuple(found),
        tuple(reversed(claims)),
    )


def why_credited(credit: Credit, submissions: Sequence[Submission], mask: Mask) -> str:
    """Explains why a report credits an ad."""
    how = "submitted its lead form" if credit.interaction_type == "lead_ad" else "clicked the ad"
    session = f" ({mask.id('session', credit.session_id)})" if credit.session_id else ""
    text = f"{how} on {format_time(credit.interaction_at)}{session}"
    if credit.submission_id is None:
        return f"{text}; no conversion followed"
    number = next(
        (form.conversion_number for form in submissions if form.submission_id == credit.submission_id), None
    )
    if credit.interaction_type == "lead_ad" and credit.interaction_at == credit.credited_at:
        return text
    conversion = (
        "the first conversion" if number == 1 else f"conversion {number}" if number else "a conversion"
    )
    return f"{text}; {conversion} followed on {format_time(credit.credited_at)}"


def why_not_credited(journey: Journey, report: str) -> str:
    """Explains why a report credits no ad."""
    first = journey.first
    if report in ("first_ad_interaction", "all_ad_interactions"):
        return "no session has hsa_* parameters of an ad, and no lead form was submitted"
    if first is None:
        return "the contact never converted"
    if report == "last_ad_interaction":
        return "no ad interaction was followed by a conversion"
    if report == "influenced_first_form_submission":
        return f"no ad interaction up to the first conversion ({format_time(first.converted_at)})"
    if report == "first_form_submission_new_contact" and journey.credited("first_form_submission"):
        return "the contact existed before its first conversion"
    return f"the first conversion ({format_time(first.converted_at)}) {_why_no_ad(journey, first)}"


def _why_no_ad(journey: Journey, first: First) -> str:
    if first.is_lead_ad:
        return "was a lead form whose ad is unknown"
    if first.is_ad_session:
        return "was in the session of an ad click whose campaign is unknown"
    session = next((each for each in journey.sessions if each.session_id == first.session_id), None)
    if session is None:
        return "was in no known session"
    form = next((form for form in journey.submissions if form.submission_id == first.submission_id), None)
    if session.match_method == "hsa" and form is not None and form.is_tracked is False:
        return "was sent without HubSpot's tracking cookie, so HubSpot cannot match it to a session"
    if session.match_method in ("click_view", "gad_campaignid") or session.click_id_type:
        return "was in the session of an ad click without hsa_* parameters"
    return f"was in a session that no ad click started ({traffic_source_label(session.traffic_source)})"


def traffic_source_label(name: str | None) -> str:
    """Label of a HubSpot traffic source."""
    return (name or "unknown source").replace("_", " ").lower()


def form_label(form: Submission) -> str:
    """Label of a form with its id."""
    kind = "lead form" if form.form_type == "lead_ad" else "form"
    return f"{kind} {form.form_id}" if form.form_id else kind


def form_facts(form: Submission, mask: Mask) -> list[str]:
    """Conversion number, tracking and session of a form submission."""
    session = mask.id("session", form.session_id)
    return [
        "filtered by HubSpot, not a conversion"
        if form.conversion_number is None
        else f"conversion {form.conversion_number}",
        *([] if form.form_type == "lead_ad" else [_TRACKED[form.is_tracked]]),
        *([f"in {session}"] if session else []),
    ]
