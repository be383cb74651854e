"""Page: recommended actions, by the number of contacts that HubSpot would gain."""

from __future__ import annotations

import streamlit as st

from reporting.dashboard import links, queries, show
from reporting.dashboard.serving import current_snapshot
from reporting.dashboard.show import CREDITED
from reporting.explain.bridge import read_labels

_MOST_BARS = 10

snapshot = current_snapshot()
scope = links.filters(snapshot, days=False, report=False)
currency = snapshot.rows(queries.currency())[0]["currency"]
show.page_header("What to fix", snapshot, scope, days=False, report=False)
st.markdown(
    "Issues that prevent contacts from being credited to ads and can be fixed, based on the last 90 days and"
    " the default attribution report. One contact can be affected by several issues: do not add the rows up."
)

with snapshot.connection() as connection:
    labels = read_labels(connection)
actions = [
    {
        **row,
        "account": row["account_name"] or row["account_id"],
        "network_name": show.network_name(row["network"]),
        "cause_label": labels.get(row["cause"], row["cause"].replace("_", " ").capitalize()),
        "subject": f"{row['subject_type'].replace('_', ' ')} {row['subject_id']}",
    }
    for row in snapshot.rows(queries.actions(scope))
]
st.header("Contacts you would gain", anchor=False)
if not actions:
    st.success("No issues found that can be fixed.")
    st.stop()
top = actions[:_MOST_BARS]
show.chart(
    show.bars(
        [
            {
                "label": f"{row['cause_label']} · {row['account']}",
                "kind": CREDITED,
                "from": 0,
                "to": float(row["contacts_gained"]),
                "figure": show.number(row["contacts_gained"]),
            }
            for row in top
        ]
    ),
    f"{show.pluralize(actions[0]['found'], 'recommendation')}. The first gains"
    f" {show.pluralize(top[0]['contacts_gained'], 'contact')}: **{show.lower_first(top[0]['cause_label'])}**"
    f" in {show.escape_markdown(top[0]['account'])}.",
)
show.table(
    actions,
    {
        "cause_label": ("Issue", "text"),
        "account": ("Account", "text"),
        "network_name": ("Network", "text"),
        "subject": ("Affected object", "text"),
        "contacts_gained": ("Contacts gained", "units"),
        "network_units": ("Affected conversions", "units"),
        "spend": (f"Affected spend ({currency})" if currency else "Affected spend", "money"),
        "advice": ("Recommendation", "text"),
    },
    "fixes",
    "Issues with recommendations, largest gain first.",
    by="contacts gained",
)
st.header("Recommendations", anchor=False)
for rank, row in enumerate(top, start=1):
    st.subheader(f"{rank}. {row['cause_label']}", anchor=False)
    st.markdown(
        f"{show.escape_markdown(row['network_name'])}, {show.escape_markdown(row['account'])}:"
        f" {show.escape_markdown(row['subject'])}"
        f" ({show.pluralize(row['contacts_gained'], 'contact')} gained)"
    )
    st.markdown(show.escape_markdown(row["advice"]))
