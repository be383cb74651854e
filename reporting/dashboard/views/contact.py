"""Page: a contact's sessions, form submissions, network claims and attribution credits over time."""

from __future__ import annotations

import streamlit as st

from reporting.dashboard import links, show
from reporting.dashboard.serving import current_snapshot
from reporting.explain.bridge import read_labels
from reporting.explain.claims import facts, reason_label
from reporting.explain.journey import (
    REPORTS,
    form_facts,
    form_label,
    read_journey,
    traffic_source_label,
    why_credited,
    why_not_credited,
)
from reporting.explain.masking import Mask
from reporting.explain.options import InvalidOption

snapshot = current_snapshot()
scope = links.filters(snapshot, days=False, ads=False)
show.page_header("Contact journey", snapshot, None)
contact = links.text_input(
    "contact", "HubSpot record id of the contact", placeholder="for example 70411519751"
)
if contact is None:
    st.markdown("The record id is part of the URL of the contact's page in HubSpot.")
    st.stop()
with snapshot.connection() as connection:
    labels = read_labels(connection)
    try:
        journey = read_journey(connection, contact, scope)
    except InvalidOption:
        st.info(
            "No contact with this id is in the published figures."
            " For merged contacts, use the id of the remaining one."
        )
        st.stop()

mask = Mask()
events: list[tuple[object, str, str, str]] = []
for session in journey.sessions:
    events.append(
        (
            session.started_at,
            "Session",
            f"{mask.id('session', session.session_id)}: {show.pluralize(session.page_views, 'page view')}"
            f" from {traffic_source_label(session.traffic_source)}"
            + (f", {session.ad.full_label}" if session.ad.network else ""),
            "; ".join(
                filter(
                    None,
                    (
                        mask.url(session.landing_page_url),
                        session.named_by and f"ad identified by: {session.named_by}",
                    ),
                )
            ),
        )
    )
events += [
    (form.submitted_at, "Form submission", form_label(form).capitalize(), "; ".join(form_facts(form, mask)))
    for form in journey.submissions
]
events += [
    (
        claim.occurred_at,
        "Claim",
        f"{show.network_name(claim.network)}: {claim.ad_label};"
        f" {show.lower_first(reason_label(claim, labels))}",
        "; ".join(facts(claim, mask)),
    )
    for claim in journey.claims
]
events += [
    (credit.credited_at, "Credit", credit.ad.full_label, why_credited(credit, journey.submissions, mask))
    for credit in journey.credited(journey.report)
]
_ORDER = ("Session", "Form submission", "Claim", "Credit")
events.sort(key=lambda event: (event[0], _ORDER.index(event[1])))

st.header("Timeline", anchor=False)
credited = journey.credited(journey.report)
st.markdown(
    f"{show.pluralize(len(journey.sessions), 'session')},"
    f" {show.pluralize(len(journey.submissions), 'form submission')};"
    f" the report “{links.report_name(journey.report)}” credits"
    f" {show.pluralize(len(credited), 'ad') if credited else 'no ad'}."
)
show.table(
    [{"at": at, "type": kind, "event": event, "facts": details} for at, kind, event, details in events],
    {
        "at": ("Time (UTC)", "instant"),
        "type": ("Type", "text"),
        "event": ("Event", "long"),
        "facts": ("Details", "long"),
    },
    "journey",
    "All published events of this contact, in order of time. Sessions are numbered; in URLs, only the values"
    " of hsa_* and utm_* parameters are shown.",
)

st.header("Attribution by report", anchor=False)
show.table(
    [
        {
            "report": links.report_name(report),
            "ad": credit.ad.full_label if credit else "No ad",
            "why": why_credited(credit, journey.submissions, mask)
            if credit
            else why_not_credited(journey, report),
        }
        for report in REPORTS
        for credit in (*journey.credited(report), *(() if journey.credited(report) else (None,)))
    ],
    {"report": ("Attribution report", "text"), "ad": ("Credited ad", "text"), "why": ("Reason", "long")},
    "credits",
    "The ad that each attribution report credits, with the reason.",
)
