"""Page: comparison of HubSpot's attribution reports."""

from __future__ import annotations

import streamlit as st

from reporting.dashboard import links, queries, show
from reporting.dashboard.serving import current_snapshot
from reporting.dashboard.show import CREDITED, REPORTED
from reporting.explain.journey import REPORTS
from reporting.explain.scope import Scope, resolve

snapshot = current_snapshot()
scope = links.filters(snapshot, report=False)
currency = snapshot.rows(queries.currency())[0]["currency"]
show.page_header("Compare HubSpot attribution reports", snapshot, scope, report=False)
st.markdown(
    "Each report credits the same contacts by a different rule, so one contact can be in several reports."
    " Compare them, but never add them up."
)
with snapshot.connection() as connection:
    default = str(resolve(connection, Scope()).report)
found = snapshot.rows(queries.by_report(scope))
names = [name for name in REPORTS if any(row["report"] == name for row in found)]
spent = {row["network"]: row["spend"] for row in snapshot.rows(queries.compared(scope, "network"))}

st.header("By network", anchor=False)
rows = [
    {
        **row,
        "name": show.network_name(row["network"]),
        "report_name": links.report_name(row["report"]),
        "rule": REPORTS.get(row["report"]),
        "cost": spent[row["network"]] / row["contacts"]
        if row["contacts"] and spent.get(row["network"]) is not None
        else None,
    }
    for network in sorted({row["network"] for row in found})
    for name in names
    for row in found
    if (row["network"], row["report"]) == (network, name)
]
if rows:
    most = max(rows, key=lambda row: row["contacts"])
    show.chart(
        show.bars(
            [
                {
                    "label": f"{row['name']}: {show.lower_first(row['report_name'])}",
                    "group": row["name"],
                    "kind": CREDITED if row["report"] == default else REPORTED,
                    "from": 0,
                    "to": float(row["contacts"]),
                    "figure": show.number(row["contacts"]),
                }
                for row in rows
            ],
            names={CREDITED: "Default report", REPORTED: "Other reports"},
        ),
        f"“{most['report_name']}” credits the most contacts, {show.number(most['contacts'])}"
        f" for {most['name']}; the default report is “{links.report_name(default)}”.",
    )
show.table(
    rows,
    {
        "name": ("Network", "text"),
        "report_name": ("Attribution report", "text"),
        "contacts": ("Contacts credited to ads", "units"),
        "reported": ("Reported by the network", "units"),
        "unexplained": ("Unexplained", "units"),
        "cost": (f"Cost per contact ({currency})" if currency else "Cost per contact", "money"),
        "rule": ("Credited ads", "text"),
    },
    "reports",
    "Contacts per network and attribution report. Reports overlap: never add them up.",
)

st.header("By campaign", anchor=False)
campaigns = snapshot.rows(queries.campaigns_by_report(scope, default, names)) if names else []
if campaigns:
    widest = max(
        campaigns, key=lambda row: max(row[name] for name in names) - min(row[name] for name in names)
    )
    low, high = min(widest[name] for name in names), max(widest[name] for name in names)
    name = show.escape_markdown(widest["campaign_name"] or widest["campaign_id"])
    st.markdown(
        f"The reports differ most for {name}: from {show.number(low)} to {show.pluralize(high, 'contact')}."
    )
show.table(
    show.with_names(campaigns),
    {
        "campaign_name": ("Campaign", "text"),
        "name": ("Network", "text"),
        "reported": ("Reported by the network", "units"),
        **{name: (links.report_name(name), "units") for name in names},
    },
    "reports-by-campaign",
    "Contacts per campaign, with one column per attribution report.",
    by="conversions reported",
)
