"""One person's way: visits, forms, the ads each report credits and why, and who else claims them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import duckdb

from reporting.explain.claims import AD_NAMES, Claim, ad_words, moment, read_of_contact
from reporting.explain.masking import Mask
from reporting.explain.options import InvalidOption
from reporting.explain.scope import NETWORKS, Scope

#: HubSpot's reports in the order of the contract, and whom each one credits.
REPORTS = {
    "first_form_submission": "the ad that began the visit of the first conversion, or whose lead form it was",
    "first_form_submission_new_contact": "the same, if the contact did not exist before",
    "influenced_first_form_submission": "every ad interacted with up to the first conversion",
    "first_ad_interaction": "the ad of the first interaction",
    "last_ad_interaction": "the ad of the last interaction that a conversion follows",
    "all_ad_interactions": "every ad interacted with",
}

_TRACKED = {True: "tracked", False: "not tracked", None: "nothing tells whether tracked"}
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
    """An ad, as far down as it is known; every part null where no ad is."""

    network: str | None
    account_id: str | None
    campaign_id: str | None
    campaign_name: str | None
    ad_group_id: str | None
    ad_id: str | None
    ad_name: str | None

    @property
    def words(self) -> str:
        """The ad by its names, else its ids; empty where there is none."""
        return ad_words(self.campaign_id, self.campaign_name, self.ad_id, self.ad_name)

    @property
    def full(self) -> str:
        """The network and the ad."""
        return f"{NETWORKS.get(self.network or '', self.network)}: {self.words}"


@dataclass(frozen=True)
class Session:
    """A visit, and the ad that brought it."""

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
        """What names the ad, in plain words; None where none is named."""
        if self.match_method == "hsa":
            return "hsa_* parameters in the address"
        if self.match_method == "click_view":
            return "Google's list of clicks; no hsa_* parameters, so HubSpot gives no credit"
        if self.match_method == "gad_campaignid":
            return (
                "Google's gad_campaignid names the campaign; no hsa_* parameters, so HubSpot gives no credit"
            )
        if self.click_id_type:
            return f"nothing: a {self.click_id_type} tells of an ad click, not of which ad"
        return None


@dataclass(frozen=True)
class Submission:
    """A form that was sent."""

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
    """An ad that a report credits with the person."""

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
    """The first conversion."""

    submission_id: str
    session_id: str | None
    converted_at: datetime
    traffic_source: str | None
    is_lead_ad: bool
    is_ad_session: bool
    existed_before: bool


@dataclass(frozen=True)
class Journey:
    """Everything published of one person."""

    contact_id: str
    report: str
    sessions: tuple[Session, ...]
    submissions: tuple[Submission, ...]
    first: First | None
    credits: tuple[Credit, ...]
    claims: tuple[Claim, ...]

    def credited(self, report: str) -> list[Credit]:
        """The ads a report credits."""
        return [credit for credit in self.credits if credit.report == report]


def read_journey(connection: duckdb.DuckDBPyConnection, contact: str, scope: Scope) -> Journey:
    """A person's journey, with the claims of the scope's report; an id the file does not know is refused."""
    person = {"contact": contact}
    sessions = [
        Session(*(*row[:9], Ad(*row[9:]))) for row in connection.execute(_SESSIONS, person).fetchall()
    ]
    submissions = [
        Submission(*(*row[:9], Ad(*row[9:]))) for row in connection.execute(_SUBMISSIONS, person).fetchall()
    ]
    found = [Credit(*(*row[:7], Ad(*row[7:]))) for row in connection.execute(_CREDITS, person).fetchall()]
    first = connection.execute(_FIRST, person).fetchone()
    claims = read_of_contact(connection, replace(Scope(), report=scope.report), contact)
    if not (sessions or submissions or found or claims):
        raise InvalidOption(
            "--contact",
            f"no contact {contact} is published: ask by the HubSpot record id,"
            " of merged contacts by the one that is left",
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
    """What earned the credit, in plain words."""
    how = "sent its lead form" if credit.interaction_type == "lead_ad" else "clicked it"
    visit = f" ({mask.id('session', credit.session_id)})" if credit.session_id else ""
    said = f"{how} {moment(credit.interaction_at)}{visit}"
    if credit.submission_id is None:
        return f"{said}; no conversion follows"
    number = next(
        (form.conversion_number for form in submissions if form.submission_id == credit.submission_id), None
    )
    if credit.interaction_type == "lead_ad" and credit.interaction_at == credit.credited_at:
        return said
    which = "the first conversion" if number == 1 else f"conversion {number}" if number else "a conversion"
    return f"{said}; {which} followed {moment(credit.credited_at)}"


def why_nobody(journey: Journey, report: str) -> str:
    """Why a report credits no ad, in plain words."""
    first = journey.first
    if report in ("first_ad_interaction", "all_ad_interactions"):
        return "no visit names an ad through hsa_*, and no lead form of an ad was sent"
    if first is None:
        return "the person never converted"
    if report == "last_ad_interaction":
        return "no ad interaction has a conversion at or after it"
    if report == "influenced_first_form_submission":
        return f"no ad interaction up to the first conversion ({moment(first.converted_at)})"
    if report == "first_form_submission_new_contact" and journey.credited("first_form_submission"):
        return "the contact existed before its first conversion"
    return f"the first conversion ({moment(first.converted_at)}) {_why_no_ad(journey, first)}"


def _why_no_ad(journey: Journey, first: First) -> str:
    if first.is_lead_ad:
        return "was a lead form whose ad nothing names"
    if first.is_ad_session:
        return "was in the visit of an ad click that names no campaign"
    visit = next((visit for visit in journey.sessions if visit.session_id == first.session_id), None)
    if visit is None:
        return "was in no known visit"
    form = next((form for form in journey.submissions if form.submission_id == first.submission_id), None)
    if visit.match_method == "hsa" and form is not None and form.is_tracked is False:
        return "came without HubSpot's tracking cookie, so HubSpot cannot tell which visit it was in"
    if visit.match_method in ("click_view", "gad_campaignid") or visit.click_id_type:
        return "was in the visit of an ad click without hsa_* parameters"
    return f"was in a visit that no ad click started ({source_words(visit.traffic_source)})"


def source_words(name: str | None) -> str:
    """HubSpot's traffic source as people say it."""
    return (name or "source unknown").replace("_", " ").lower()


def form_words(form: Submission) -> str:
    """What was sent."""
    kind = "lead-ad form" if form.form_type == "lead_ad" else "form"
    return f"{kind} {form.form_id}" if form.form_id else kind


def form_facts(form: Submission, mask: Mask) -> list[str]:
    """What HubSpot makes of a form."""
    session = mask.id("session", form.session_id)
    return [
        "filtered: no conversion"
        if form.conversion_number is None
        else f"conversion {form.conversion_number}",
        *([] if form.form_type == "lead_ad" else [_TRACKED[form.is_tracked]]),
        *([f"in {session}"] if session else []),
    ]
