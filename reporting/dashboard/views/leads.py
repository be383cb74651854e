"""Page: sync of lead ad submissions to HubSpot, with its delays."""

from __future__ import annotations

import math

import streamlit as st

from reporting.dashboard import links, queries, show
from reporting.dashboard.serving import current_snapshot
from reporting.dashboard.show import CREDITED, LEAD_STATUSES, REPORTED, UNEXPLAINED
from reporting.explain.figures import duration

snapshot = current_snapshot()
scope = links.filters(snapshot, report=False)
show.page_header("Lead ads: sync to HubSpot", snapshot, scope, report=False)

st.header("Sync status", anchor=False)
counted = sorted(
    snapshot.rows(queries.leads_by_status(scope)),
    key=lambda row: (row["network"], list(LEAD_STATUSES).index(row["status"])),
)
if not counted:
    st.info("No leads from lead ads in this period.")
    st.stop()
by_status = {
    status: sum(row["leads"] for row in counted if row["status"] == status) for status in LEAD_STATUSES
}
lost, total = by_status["missing"] + by_status["retention_passed"], sum(by_status.values())
description = (
    f"**{show.pluralize(lost, 'lead')} of {show.number(total)} were not synced to HubSpot.**"
    if lost
    else f"No lead is missing in HubSpot, of {show.pluralize(total, 'lead')} in this period."
)
show.chart(
    show.bars(
        [
            {
                "label": f"{show.network_name(row['network'])}: {show.lower_first(label)}",
                "group": row["network"],
                "kind": kind,
                "from": 0,
                "to": row["leads"],
                "figure": show.number(row["leads"]),
            }
            for row in counted
            for label, kind in (LEAD_STATUSES[row["status"]],)
        ],
        names={CREDITED: "In HubSpot", REPORTED: "Not expected in HubSpot", UNEXPLAINED: "Missing"},
    ),
    description,
)
show.table(
    [
        {**row, "name": show.network_name(row["network"]), "status": LEAD_STATUSES[row["status"]][0]}
        for row in counted
    ],
    {"name": ("Network", "text"), "status": ("Status", "text"), "leads": ("Leads", "count")},
    "leads",
    "Leads per network and sync status.",
)

st.header("Sync delay", anchor=False)
delays = [row for row in snapshot.rows(queries.lead_delays(scope)) if row["leads"]]
if delays:
    slowest = max(delays, key=lambda row: row["late"])
    st.markdown(
        f"The slowest network is {show.network_name(slowest['network'])}: its median delay is"
        f" {duration(slowest['median'], math.ceil)}, the 95th percentile"
        f" {duration(slowest['late'], math.ceil)}."
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
        "median": ("Median (minutes)", "units"),
        "late": ("95th percentile (minutes)", "units"),
        "latest": ("Maximum (minutes)", "units"),
    },
    "delays",
    "Minutes from the lead to its first record in HubSpot, per network.",
)

st.header("By lead form", anchor=False)
forms = snapshot.rows(queries.leads_by_form(scope))
show.table(
    [{**row, "name": show.network_name(row["network"])} for row in forms],
    {
        "name": ("Network", "text"),
        "form_id": ("Lead form", "text"),
        "leads": ("Leads", "count"),
        "lost": ("Missing in HubSpot", "count"),
        "pending": ("Sync pending", "count"),
        "last_lost_at": ("Last missing lead (UTC)", "instant"),
        "last_lead_at": ("Last lead (UTC)", "instant"),
    },
    "lead-forms",
    "Leads per lead form, with those missing in HubSpot.",
)
st.caption("Days on this page are in UTC.")
