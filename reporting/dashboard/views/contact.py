"""One contact in the order of time: visits, forms, claims of the networks, and the ads reports credit."""

from __future__ import annotations

import streamlit as st

from reporting.dashboard import links, show
from reporting.dashboard.serving import shown
from reporting.explain.bridge import read_labels
from reporting.explain.claims import facts, verdict
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

snapshot = shown()
scope = links.filters(snapshot, days=False, ads=False)
show.head("One contact, from the first visit on", snapshot, None)
contact = links.text("contact", "HubSpot's record id of the contact", placeholder="for example 70411519751")
if contact is None:
    st.markdown("HubSpot shows the record id in the address of the contact's page.")
    st.stop()
with snapshot.connection() as connection:
    labels = read_labels(connection)
    try:
        journey = read_journey(connection, contact, scope)
    except InvalidOption:
        st.info(
            "No contact with this id is in the figures."
            " Of contacts that were merged, only the one that is left is."
        )
        st.stop()

# visits and persons are numbered in the order of this page
mask = Mask()
told: list[tuple[object, str, str, str]] = []
for visit in journey.sessions:
    told.append(
        (
            visit.started_at,
            "Visit",
            f"{mask.id('session', visit.session_id)}: {show.many(visit.page_views, 'page view')} from"
            f" {traffic_source_label(visit.traffic_source)}"
            + (f", {visit.ad.full}" if visit.ad.network else ""),
            "; ".join(
                filter(
                    None,
                    (
                        mask.url(visit.landing_page_url),
                        visit.named_by and f"the ad is named by {visit.named_by}",
                    ),
                )
            ),
        )
    )
told += [
    (form.submitted_at, "Form", form_label(form).capitalize(), "; ".join(form_facts(form, mask)))
    for form in journey.submissions
]
told += [
    (
        claim.occurred_at,
        "Claim",
        f"{show.network_name(claim.network)}: {claim.ad_label}; {show.inside(verdict(claim, labels))}",
        "; ".join(facts(claim, mask)),
    )
    for claim in journey.claims
]
told += [
    (credit.credited_at, "Credit", credit.ad.full, why_credited(credit, journey.submissions, mask))
    for credit in journey.credited(journey.report)
]
_ORDER = ("Visit", "Form", "Claim", "Credit")
told.sort(key=lambda event: (event[0], _ORDER.index(event[1])))

st.header("What happened", anchor=False)
credited = journey.credited(journey.report)
st.markdown(
    f"{show.many(len(journey.sessions), 'visit')}, {show.many(len(journey.submissions), 'form')};"
    f" the report “{links.report_name(journey.report)}” credits"
    f" {show.many(len(credited), 'ad') if credited else 'no ad'}."
)
show.table(
    [{"at": at, "what": what, "which": which, "facts": said} for at, what, which, said in told],
    {
        "at": ("When (UTC)", "instant"),
        "what": ("What", "text"),
        "which": ("Which", "long"),
        "facts": ("What is known of it", "long"),
    },
    "journey",
    "Everything published of this person, in the order of time. Visits are only numbered, addresses keep the"
    " values of hsa_* and utm_* alone.",
)

st.header("Which ad each report credits", anchor=False)
show.table(
    [
        {
            "report": links.report_name(report),
            "ad": credit.ad.full if credit else "No ad",
            "why": why_credited(credit, journey.submissions, mask)
            if credit
            else why_not_credited(journey, report),
        }
        for report in REPORTS
        for credit in (*journey.credited(report), *(() if journey.credited(report) else (None,)))
    ],
    {"report": ("Attribution report", "text"), "ad": ("Credited", "text"), "why": ("Why", "long")},
    "credits",
    "The ad that each attribution report credits, and why.",
)
