"""Which days' figures a network changed afterwards, and by how much."""

from __future__ import annotations

from itertools import accumulate

import streamlit as st

from reporting.dashboard import links, queries, show
from reporting.dashboard.serving import shown

_METRICS = {"conversions": "Conversions", "clicks": "Clicks", "impressions": "Impressions", "spend": "Spend"}

snapshot = shown()
scope = links.filters(snapshot, report=False)
show.head("Which days changed afterwards", snapshot, scope, report=False)
st.markdown(
    "A network goes on counting after the day is over. Each refresh reads the last days again and notes what"
    " changed; a day's first reading is no change."
)
metric = str(links.choose("metric", "Figure", _METRICS))
by_age = snapshot.rows(queries.restated_by_age(scope, metric))
by_day = snapshot.rows(queries.restated_by_day(scope, metric))
if not by_day:
    st.header("Nothing changed", anchor=False)
    st.info(f"{_METRICS[metric]} of these days have not changed since they were first read.")
    st.stop()
# each account's spend is in its own currency
for unit in sorted({row["unit"] for row in by_day}):
    of_unit = f" in {unit}" if unit else ""
    st.header(f"How long {_METRICS[metric].lower()}{of_unit} go on changing", anchor=False)
    ages = [row for row in by_age if row["unit"] == unit]
    networks = sorted({row["network"] for row in ages})
    points = []
    for network in networks:
        own = [row for row in ages if row["network"] == network]
        for row, total in zip(own, accumulate(row["change"] for row in own), strict=True):
            points.append({**row, "name": show.network_name(network), "total": total})
    latest = max(ages, key=lambda row: row["days_after"])
    change = sum(row["change"] for row in ages)
    show.chart(
        show.lines(
            [
                {"days_after": row["days_after"], "kind": row["name"], "value": float(row["total"])}
                for row in points
            ],
            x="days_after",
            title=f"Change so far{of_unit}",
            kinds=[show.network_name(network) for network in networks],
        ),
        f"Changes of {show.number(change)}{of_unit} in all; the latest came"
        f" {show.many(latest['days_after'], 'day')} after the day, from"
        f" {show.network_name(latest['network'])}.",
    )
    show.table(
        points,
        {
            "name": ("Network", "text"),
            "days_after": ("Days after", "count"),
            "change": (f"Change{of_unit}", "units"),
            "total": (f"Change so far{of_unit}", "units"),
            "campaign_days": ("Campaigns and days that changed", "count"),
        },
        f"changes-{metric}{unit}",
        "Changes by the days that had passed.",
    )
    st.header(f"Days that changed{of_unit}", anchor=False)
    days = [row for row in by_day if row["unit"] == unit]
    largest = max(days, key=lambda row: abs(row["change"]))
    st.markdown(
        f"The largest change is that of {largest['date']} on {show.network_name(largest['network'])}: from"
        f" {show.number(largest['first_value'])} to {show.number(largest['last_value'])}{of_unit}."
    )
    show.table(
        [{**row, "name": show.network_name(row["network"])} for row in days],
        {
            "date": ("Day", "day"),
            "name": ("Network", "text"),
            "first_value": (f"First read{of_unit}", "units"),
            "last_value": (f"Now{of_unit}", "units"),
            "change": (f"Change{of_unit}", "units"),
            "campaigns": ("Campaigns that changed", "count"),
            "days_after": ("Last change after days", "count"),
        },
        f"days-{metric}{unit}",
        "Days whose figure changed: as first read and as it stands, for the campaigns that changed.",
        by="day",
    )
