"""What to repair, by the contacts HubSpot would gain."""

from __future__ import annotations

import streamlit as st

from reporting.dashboard import links, queries, show
from reporting.dashboard.serving import shown
from reporting.dashboard.show import CREDITED
from reporting.explain.bridge import read_labels

_MOST_BARS = 10

snapshot = shown()
scope = links.filters(snapshot, days=False, report=False)
currency = snapshot.rows(queries.currency())[0]["currency"]
show.head("What to fix", snapshot, scope, days=False, report=False)
st.markdown(
    "What keeps contacts from being credited to ads and can be repaired, from the last 90 days under the"
    " default attribution report. One contact can suffer from two causes: do not add the lines up."
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
    st.success("Nothing that can be repaired was seen here.")
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
    f"{show.many(actions[0]['found'], 'repair')} known. The first gains"
    f" {show.many(top[0]['contacts_gained'], 'contact')}: **{show.inside(top[0]['cause_label'])}**"
    f" in {show.plain(top[0]['account'])}.",
)
show.table(
    actions,
    {
        "cause_label": ("What is wrong", "text"),
        "account": ("Account", "text"),
        "network_name": ("Network", "text"),
        "subject": ("Where", "text"),
        "contacts_gained": ("Contacts gained", "units"),
        "network_units": ("Conversions with this cause", "units"),
        "spend": (f"Spend behind it ({currency})" if currency else "Spend behind it", "money"),
        "advice": ("What to do", "text"),
    },
    "fixes",
    "What to repair, the largest gain first, with what to do.",
    by="contacts gained",
)
st.header("How to do it", anchor=False)
for place, row in enumerate(top, start=1):
    st.subheader(f"{place}. {row['cause_label']}", anchor=False)
    st.markdown(
        f"{show.plain(row['network_name'])}, {show.plain(row['account'])}: {show.plain(row['subject'])}"
        f" ({show.many(row['contacts_gained'], 'contact')} gained)"
    )
    st.markdown(show.plain(row["advice"]))
