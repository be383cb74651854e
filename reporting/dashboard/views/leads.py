"""Whether the leads of lead ads reached HubSpot, and how fast."""

from __future__ import annotations

import math

import streamlit as st

from reporting.dashboard import links, queries, show
from reporting.dashboard.serving import shown
from reporting.dashboard.show import CREDITED, LEAD_STATUSES, REPORTED, UNEXPLAINED
from reporting.explain.figures import duration

snapshot = shown()
scope = links.filters(snapshot, report=False)
show.head("Did the leads of lead ads reach HubSpot?", snapshot, scope, report=False)

st.header("Where the leads went", anchor=False)
counted = sorted(
    snapshot.rows(queries.leads_by_status(scope)),
    key=lambda row: (row["network"], list(LEAD_STATUSES).index(row["status"])),
)
if not counted:
    st.info("No lead ad has sent a lead in these days.")
    st.stop()
by_status = {
    status: sum(row["leads"] for row in counted if row["status"] == status) for status in LEAD_STATUSES
}
lost, every = by_status["missing"] + by_status["retention_passed"], sum(by_status.values())
said = (
    f"**{show.many(lost, 'lead')} of {show.number(every)} never reached HubSpot.**"
    if lost
    else f"Every one of {show.many(every, 'lead')} that should have reached HubSpot did."
)
show.chart(
    show.bars(
        [
            {
                "label": f"{show.network_name(row['network'])}: {show.inside(words)}",
                "group": row["network"],
                "kind": side,
                "from": 0,
                "to": row["leads"],
                "figure": show.number(row["leads"]),
            }
            for row in counted
            for words, side in (LEAD_STATUSES[row["status"]],)
        ],
        names={CREDITED: "In HubSpot", REPORTED: "Not expected there", UNEXPLAINED: "Lost"},
    ),
    said,
)
show.table(
    [
        {**row, "name": show.network_name(row["network"]), "status": LEAD_STATUSES[row["status"]][0]}
        for row in counted
    ],
    {"name": ("Network", "text"), "status": ("What became of them", "text"), "leads": ("Leads", "count")},
    "leads",
    "Leads per network and what became of them.",
)

st.header("How long they took", anchor=False)
delays = [row for row in snapshot.rows(queries.lead_delays(scope)) if row["leads"]]
if delays:
    slowest = max(delays, key=lambda row: row["late"])
    st.markdown(
        f"Slowest is {show.network_name(slowest['network'])}: half of its leads arrive within"
        f" {duration(slowest['median'], math.ceil)}, 95 of 100 within {duration(slowest['late'], math.ceil)}."
    )
show.table(
    [
        {
            "name": show.network_name(row["network"]),
            "leads": row["leads"],
            **{name: row[name] / 60 for name in ("median", "late", "latest")},
        }
        for row in delays
    ],
    {
        "name": ("Network", "text"),
        "leads": ("Leads in HubSpot", "count"),
        "median": ("Half within (minutes)", "units"),
        "late": ("95 of 100 within (minutes)", "units"),
        "latest": ("All within (minutes)", "units"),
    },
    "delays",
    "Minutes from the lead to HubSpot's first trace of it, per network.",
)

st.header("By lead form", anchor=False)
forms = snapshot.rows(queries.leads_by_form(scope))
show.table(
    [{**row, "name": show.network_name(row["network"])} for row in forms],
    {
        "name": ("Network", "text"),
        "form_id": ("Lead form", "text"),
        "leads": ("Leads", "count"),
        "lost": ("Never reached HubSpot", "count"),
        "pending": ("On the way", "count"),
        "last_lost_at": ("Last one lost (UTC)", "instant"),
        "last_lead_at": ("Last lead (UTC)", "instant"),
    },
    "lead-forms",
    "Leads per lead form, and how many of them HubSpot lacks.",
)
st.caption("Days are counted in UTC here.")
