"""Page: figures that the networks restated after they were first loaded."""

from __future__ import annotations

from itertools import accumulate

import streamlit as st

from reporting.dashboard import links, queries, show
from reporting.dashboard.serving import current_snapshot

_METRICS = {"conversions": "Conversions", "clicks": "Clicks", "impressions": "Impressions", "spend": "Spend"}

snapshot = current_snapshot()
scope = links.filters(snapshot, report=False)
show.page_header("Restated figures", snapshot, scope, report=False)
st.markdown(
    "Networks keep updating their figures after a day is over. Each refresh reads recent days again and"
    " records changes. The first value seen for a day is not a restatement."
)
metric = str(links.select_option("metric", "Metric", _METRICS))
by_age = snapshot.rows(queries.restated_by_age(scope, metric))
by_day = snapshot.rows(queries.restated_by_day(scope, metric))
if not by_day:
    st.header("No restatements", anchor=False)
    st.info(f"{_METRICS[metric]} of these days have not changed since the first load.")
    st.stop()
# each account's spend is in its own currency
for unit in sorted({row["unit"] for row in by_day}):
    of_unit = f" in {show.escape_markdown(unit)}" if unit else ""
    st.header(f"Restated {_METRICS[metric].lower()}{of_unit} by delay", anchor=False)
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
            title=f"Cumulative change{of_unit}",
            kinds=[show.network_name(network) for network in networks],
        ),
        f"The total change is {show.number(change)}{of_unit}. The latest change came"
        f" {show.pluralize(latest['days_after'], 'day')} after the reported day, from"
        f" {show.network_name(latest['network'])}.",
    )
    show.table(
        points,
        {
            "name": ("Network", "text"),
            "days_after": ("Days after the reported day", "count"),
            "change": (f"Change{of_unit}", "units"),
            "total": (f"Cumulative change{of_unit}", "units"),
            "campaign_days": ("Restated campaign days", "count"),
        },
        f"changes-{metric}{unit}",
        "Changes by the number of days after the reported day.",
    )
    st.header(f"Restated days{of_unit}", anchor=False)
    days = [row for row in by_day if row["unit"] == unit]
    largest = max(days, key=lambda row: abs(row["change"]))
    st.markdown(
        f"The largest change is on {largest['date']} for {show.network_name(largest['network'])}: from"
        f" {show.number(largest['first_value'])} to {show.number(largest['last_value'])}{of_unit}."
    )
    show.table(
        [{**row, "name": show.network_name(row["network"])} for row in days],
        {
            "date": ("Day", "day"),
            "name": ("Network", "text"),
            "first_value": (f"First value{of_unit}", "units"),
            "last_value": (f"Current value{of_unit}", "units"),
            "change": (f"Change{of_unit}", "units"),
            "campaigns": ("Restated campaigns", "count"),
            "days_after": ("Days until the last change", "count"),
        },
        f"days-{metric}{unit}",
        "Restated days with the first and the current value, summed over the restated campaigns.",
        by="day",
    )
