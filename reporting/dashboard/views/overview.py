"""Page: reported conversions, credited contacts, the explained difference, and cost."""

from __future__ import annotations

from decimal import Decimal

import streamlit as st

from reporting.dashboard import links, queries, show
from reporting.dashboard.serving import current_snapshot
from reporting.dashboard.show import CREDITED, EXPLAINED, REPORTED, UNEXPLAINED

_GRAINS = {"day": "Days", "week": "Weeks", "month": "Months"}
# maximum number of days to show by day, and by week: more points do not fit on a phone
_DAYS, _WEEKS = 31, 200
_MOST_BARS = 10

snapshot = current_snapshot()
scope = links.filters(snapshot)
currency = snapshot.rows(queries.currency())[0]["currency"]
show.page_header("Reported conversions and HubSpot contacts", snapshot, scope)

networks = snapshot.rows(queries.compared(scope, "network"))
total = snapshot.rows(queries.compared(scope, "total"))
money = f"{{}} ({currency})" if currency else "{}"
measures = {
    "reported": ("Reported by the network", "units"),
    "explained": ("Difference explained", "units"),
    "unexplained": ("Unexplained", "units"),
    "contacts": ("Contacts credited to ads", "units"),
    "spend": (money.format("Spend"), "money"),
    "cost_per_conversion": (money.format("Cost per conversion"), "money"),
    "cost_per_contact": (money.format("Cost per contact"), "money"),
}

if total:
    (sums,) = total
    first, second, third, fourth = st.columns(4)
    first.metric("Reported by the networks", show.number(sums["reported"]), border=True)
    second.metric("Contacts credited to ads", show.number(sums["contacts"]), border=True)
    gap = abs(sums["explained"]) + abs(sums["unexplained"])
    third.metric("Share of the gap explained", show.share(abs(sums["explained"]), gap), border=True)
    fourth.metric(
        "Cost per HubSpot contact",
        show.escape_markdown(show.money(sums["cost_per_contact"], currency)),
        border=True,
    )

st.header("By network", anchor=False)
if networks:
    rows = []
    for row in networks:
        name = show.network_name(row["network"])
        after = row["reported"] - row["explained"]
        for label, kind, begin, end, figure in (
            (f"{name} reports", REPORTED, Decimal(0), row["reported"], row["reported"]),
            ("difference explained", EXPLAINED, row["reported"], after, row["explained"]),
            ("difference unexplained", UNEXPLAINED, after, row["contacts"], row["unexplained"]),
            ("contacts in HubSpot", CREDITED, Decimal(0), row["contacts"], row["contacts"]),
        ):
            rows.append(
                {
                    "label": label,
                    "group": name,
                    "kind": kind,
                    "from": float(begin),
                    "to": float(end),
                    "figure": show.number(figure),
                }
            )
    description = "; ".join(
        f"{show.network_name(row['network'])} reports {show.number(row['reported'])} conversions and HubSpot"
        f" credits {show.pluralize(row['contacts'], 'contact')}"
        for row in networks
    )
    show.chart(show.bars(rows), f"{description}.")
show.table(
    [{**row, "name": show.network_name(row["network"])} for row in networks],
    {"name": ("Network", "text"), **measures},
    "networks",
    "Reported conversions, credited contacts and spend per network.",
    pick=lambda place: {"network": networks[place]["network"]},
)

st.caption("Reported − difference explained − unexplained = contacts credited to ads.")

st.header("Over time", anchor=False)
span = snapshot.rows(queries.span())[0]
days = ((scope.end or span["last"]) - (scope.start or span["first"])).days if span["first"] else 0
usual = "day" if days <= _DAYS else "week" if days <= _WEEKS else "month"
grain = links.select_option("by", "Group by", _GRAINS, default=usual) or usual
periods = snapshot.rows(queries.compared(scope, grain))
if periods:
    best = max(periods, key=lambda row: row["reported"])
    show.chart(
        show.lines(
            [
                {"date": row["date"].isoformat(), "kind": kind, "value": float(row[name])}
                for row in periods
                for kind, name in ((REPORTED, "reported"), (CREDITED, "contacts"))
            ],
            x="date",
            title="Conversions and contacts",
            kinds=(REPORTED, CREDITED),
        ),
        "The networks reported the most conversions"
        f" {'on' if grain == 'day' else f'in the {grain} from'} {best['date']}:"
        f" {show.number(best['reported'])}, of which HubSpot credits {show.number(best['contacts'])}.",
    )
show.table(
    periods,
    {"date": (f"First day of the {grain}" if grain != "day" else "Day", "day"), **measures},
    "over-time",
    f"Conversions and contacts per {grain}.",
)

st.header("By campaign", anchor=False)
campaigns = snapshot.rows(queries.compared(scope, "campaign"))
if campaigns:
    top = campaigns[:_MOST_BARS]
    first_name = show.escape_markdown(top[0]["campaign_name"] or top[0]["campaign_id"])
    show.chart(
        show.bars(
            [
                {
                    "label": label,
                    "group": row["campaign_id"],
                    "kind": kind,
                    "from": 0,
                    "to": float(row[name]),
                    "figure": show.number(row[name]),
                }
                for row in top
                for label, kind, name in (
                    (f"{row['campaign_name'] or row['campaign_id']}: reported", REPORTED, "reported"),
                    ("contacts in HubSpot", CREDITED, "contacts"),
                )
            ],
        ),
        f"The {show.pluralize(len(top), 'campaign')} with the most reported conversions. The first is"
        f" {first_name}: {show.number(top[0]['reported'])} reported,"
        f" {show.number(top[0]['contacts'])} in HubSpot.",
    )
show.table(
    show.with_names(campaigns),
    {
        "campaign_name": ("Campaign", "text"),
        "name": ("Network", "text"),
        "account_name": ("Account", "text"),
        **measures,
    },
    "campaigns",
    "Reported conversions, credited contacts and spend per campaign.",
    by="conversions reported",
    pick=lambda place: {
        "network": campaigns[place]["network"],
        "account": campaigns[place]["account_id"],
        "campaign": campaigns[place]["campaign_id"],
    },
)
