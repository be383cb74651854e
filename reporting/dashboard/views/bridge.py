"""Page: the bridge from reported conversions to credited contacts, down to single events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from reporting.dashboard import links, queries, show
from reporting.dashboard.serving import current_snapshot
from reporting.dashboard.show import CREDITED, EXPLAINED, REPORTED, UNEXPLAINED
from reporting.explain import claims, figures
from reporting.explain.bridge import EVIDENCE, EVIDENCE_LABELS, Step, StepCoverage
from reporting.explain.coverage import coverage_notes
from reporting.explain.masking import Mask
from reporting.explain.scope import Scope

#: Number of events to show per network and reason.
_EVENTS = 100


def _grain(scope: Scope) -> tuple[str, str]:
    """Grain to split the scope by, and its label."""
    if scope.network is None:
        return "network", "Network"
    if scope.account is None:
        return "account", "Account"
    if scope.campaign is None:
        return "campaign", "Campaign"
    return "day", "Day"


def _filters_of_row(grain: str, row: Mapping[str, Any]) -> dict[str, str | None]:
    """Filters that restrict the scope to one row."""
    if grain == "day":
        return {"start": row["date"].isoformat(), "end": row["date"].isoformat()}
    return {
        "network": row["network"],
        **({"account": row["account_id"]} if grain != "network" else {}),
        **({"campaign": row["campaign_id"]} if grain == "campaign" else {}),
    }


def _name(grain: str, row: Mapping[str, Any]) -> Any:
    if grain == "day":
        return row["date"]
    if grain == "network":
        return show.network_name(row["network"])
    return row[f"{grain}_name"] or row[f"{grain}_id"]


snapshot = current_snapshot()
scope = links.filters(snapshot)
show.page_header("Why the networks and HubSpot differ", snapshot, scope)

wider = [
    (label, dict.fromkeys(removed))
    for label, is_set, removed in (
        ("All networks", scope.network, ("network", "account", "campaign", "start", "end")),
        (show.network_name(scope.network), scope.account, ("account", "campaign", "start", "end")),
        ("This account", scope.campaign, ("campaign", "start", "end")),
        ("This campaign, all days", scope.campaign and scope.start, ("start", "end")),
    )
    if is_set
]
if wider:
    with st.container(horizontal=True):
        for label, filters in wider:
            st.button(
                f"← {label}",
                on_click=links.set_filters,
                kwargs=filters,
                key=f"wider_{label}",
                type="tertiary",
            )

steps = [
    Step(row["step_order"], row["step"], row["step_label"], row["kind"], row["evidence_class"], row["units"])
    for row in snapshot.rows(queries.steps(scope))
]
st.header("Steps of the bridge", anchor=False)
if not steps:
    st.info("No data for these filters.")
    st.stop()

digits = figures.decimal_places(steps)
reported = sum(step.units for step in steps if step.kind == "start")
credited = sum(step.units for step in steps if step.kind == "end")
largest = max(
    (step for step in steps if step.kind == "adjustment"), key=lambda step: abs(step.units), default=None
)
kinds = {"start": REPORTED, "end": CREDITED}
description = (
    f"The networks report {show.pluralize(reported, 'conversion')},"
    f" HubSpot credits {show.pluralize(credited, 'contact')}."
)
if largest is not None:
    change = figures.number(largest.units, digits, signed=True)
    description += f" The largest step is **{show.lower_first(largest.label)}**: {change}."
show.chart(
    show.bars(
        [
            {
                "label": step.label,
                "figure": figures.number(step.units, digits, signed=step.kind == "adjustment"),
                "kind": kinds.get(
                    step.kind,
                    UNEXPLAINED
                    if step.evidence_class == "residual" or step.code == "unexplained"
                    else EXPLAINED,
                ),
                "from": float(begin),
                "to": float(end),
            }
            for step, (begin, end) in zip(steps, figures.running_totals(steps), strict=True)
        ]
    ),
    description,
)
show.table(
    [
        {
            "label": step.label,
            "units": step.units,
            "share": step.units / reported if reported else None,
            "remaining": end,
            "evidence": EVIDENCE_LABELS[step.evidence_class],
        }
        for step, (_, end) in zip(steps, figures.running_totals(steps), strict=True)
    ],
    {
        "label": ("Step", "text"),
        "units": ("Conversions", "units"),
        "share": ("% of reported", "share"),
        "remaining": ("Remaining", "units"),
        "evidence": ("Evidence", "text"),
    },
    "steps",
    "The steps from reported conversions to contacts in HubSpot. Select a row to see its events.",
    pick=lambda place: {"reason": steps[place].code},
)
st.caption("; ".join(f"{EVIDENCE_LABELS[code]}: {meaning}" for code, meaning in EVIDENCE.items()) + ".")

coverage: dict[str, list[StepCoverage]] = {}
for row in snapshot.rows(queries.step_coverage()):
    coverage.setdefault(row.pop("network"), []).append(StepCoverage(**row))
for network, not_full in coverage.items():
    if scope.network in (None, network):
        st.caption(show.lower_first(f"{show.network_name(network)}: {' '.join(coverage_notes(not_full))}"))

grain, label = _grain(scope)
if grain != "day" or scope.start is None or scope.start != scope.end:
    st.header(f"By {show.lower_first(label)}", anchor=False)
    parts = snapshot.rows(queries.compared(scope, grain))
    if parts:
        widest = max(parts, key=lambda row: abs(row["reported"] - row["contacts"]))
        st.markdown(
            f"The difference is largest for {show.escape_markdown(str(_name(grain, widest)))}:"
            f" {show.number(widest['reported'])} reported, {show.number(widest['contacts'])} in HubSpot."
            " Select a row to see its details."
        )
    show.table(
        [{**row, "name": _name(grain, row)} for row in parts],
        {
            "name": (label, "day" if grain == "day" else "text"),
            "reported": ("Reported", "units"),
            "explained": ("Difference explained", "units"),
            "unexplained": ("Unexplained", "units"),
            "contacts": ("Contacts credited to ads", "units"),
        },
        f"by-{grain}",
        f"The difference by {show.lower_first(label)}. Select a row to see its details.",
        by="conversions reported",
        pick=lambda place: _filters_of_row(grain, parts[place]),
    )

st.header("Example events", anchor=False)
labels = {step.code: step.label for step in steps}
reason = links.select_option("reason", "Step", labels, everything="Select a step")
if reason is None:
    st.markdown("Select a step to see its events and the facts that decided each one.")
    st.stop()
with snapshot.connection() as connection:
    events = claims.read_step(connection, scope, reason, _EVENTS)
if not events:
    evidence = next(step.evidence_class for step in steps if step.code == reason)
    st.info(f"“{labels[reason]}” has no single events: {EVIDENCE[evidence]}.")
    st.stop()
mask = Mask()
found = sum({(event.network, event.reason_code): event.total for event in events}.values())
st.markdown(f"“{labels[reason]}” has {show.pluralize(found, 'event')}, latest first.")
selected = show.table(
    [
        {
            "occurred_at": event.occurred_at,
            "kind": event.kind,
            "network": show.network_name(event.network),
            "ad": event.ad_label,
            "contact": mask.id("contact", event.contact_id),
            "reason": claims.reason_label(event, labels),
            "facts": "; ".join(claims.facts(event, mask)),
            "found": found,
        }
        for event in events
    ],
    {
        "occurred_at": ("Time (UTC)", "instant"),
        "facts": ("Facts", "long"),
        "ad": ("Campaign and ad", "text"),
        "network": ("Network", "text"),
        "kind": ("Event", "text"),
        "contact": ("Contact", "text"),
        "reason": ("Reason", "text"),
    },
    "events",
    "The events of the step, latest first. Contacts are numbered.",
    by="time",
    select=True,
)
contact = events[selected].contact_id if selected is not None else None
if contact is not None:
    st.page_link(
        "views/contact.py",
        label="Show the journey of this contact",
        icon=":material/person:",
        query_params={"contact": contact, "report": str(scope.report)},
    )
else:
    st.caption("Select a row to open the journey of its contact.")
