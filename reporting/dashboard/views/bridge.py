"""From what the networks report to what HubSpot credits, step by step, down to single events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from reporting.dashboard import links, queries, show
from reporting.dashboard.serving import shown
from reporting.dashboard.show import CREDITED, EXPLAINED, REPORTED, UNEXPLAINED
from reporting.explain import claims, figures
from reporting.explain.bridge import EVIDENCE, Step, StepCoverage
from reporting.explain.coverage import coverage_notes
from reporting.explain.masking import Mask
from reporting.explain.scope import Scope

#: Events of a step that are shown, per network.
_EVENTS = 100


def _grain(scope: Scope) -> tuple[str, str]:
    """What the scope is made of, and the column that names a part."""
    if scope.network is None:
        return "network", "Network"
    if scope.account is None:
        return "account", "Account"
    if scope.campaign is None:
        return "campaign", "Campaign"
    return "day", "Day"


def _narrower(grain: str, row: Mapping[str, Any]) -> dict[str, str | None]:
    """The filters that a part of the scope is seen with."""
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


snapshot = shown()
scope = links.filters(snapshot)
show.head("Why the networks and HubSpot differ", snapshot, scope)

wider = [
    (label, dict.fromkeys(gone))
    for label, filled, gone in (
        ("All networks", scope.network, ("network", "account", "campaign", "start", "end")),
        (show.network_name(scope.network), scope.account, ("account", "campaign", "start", "end")),
        ("This account", scope.campaign, ("campaign", "start", "end")),
        ("This campaign, all days", scope.campaign and scope.start, ("start", "end")),
    )
    if filled
]
if wider:
    with st.container(horizontal=True):
        for label, filters in wider:
            st.button(f"← {label}", on_click=links.put, kwargs=filters, key=f"wider_{label}", type="tertiary")

steps = [
    Step(row["step_order"], row["step"], row["step_label"], row["kind"], row["evidence_class"], row["units"])
    for row in snapshot.rows(queries.steps(scope))
]
st.header("Step by step", anchor=False)
if not steps:
    st.info("No network has figures for these filters.")
    st.stop()

digits = figures.decimal_places(steps)
reported = sum(step.units for step in steps if step.kind == "start")
credited = sum(step.units for step in steps if step.kind == "end")
largest = max(
    (step for step in steps if step.kind == "adjustment"), key=lambda step: abs(step.units), default=None
)
kinds = {"start": REPORTED, "end": CREDITED}
said = f"Of {show.many(reported, 'conversion')} reported, HubSpot credits {show.many(credited, 'contact')}."
if largest is not None:
    moved = figures.number(largest.units, digits, signed=True)
    said += f" The largest step is **{show.inside(largest.label)}**: {moved}."
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
    said,
)
show.table(
    [
        {
            "label": step.label,
            "units": step.units,
            "share": step.units / reported if reported else None,
            "left": end,
            "evidence": EVIDENCE[step.evidence_class],
        }
        for step, (_, end) in zip(steps, figures.running_totals(steps), strict=True)
    ],
    {
        "label": ("Step", "text"),
        "units": ("Conversions", "units"),
        "share": ("Of those reported", "share"),
        "left": ("Left", "units"),
        "evidence": ("How it is known", "text"),
    },
    "steps",
    "The steps from the conversions reported to HubSpot's contacts. Choose a row to see its events.",
    pick=lambda place: {"reason": steps[place].code},
)

coverage: dict[str, list[StepCoverage]] = {}
for row in snapshot.rows(queries.step_coverage()):
    coverage.setdefault(row.pop("network"), []).append(StepCoverage(**row))
for network, not_full in coverage.items():
    if scope.network in (None, network):
        st.caption(show.inside(f"{show.network_name(network)}: {' '.join(coverage_notes(not_full))}"))

grain, label = _grain(scope)
if grain != "day" or scope.start is None or scope.start != scope.end:
    st.header(f"By {show.inside(label)}", anchor=False)
    parts = snapshot.rows(queries.compared(scope, grain))
    if parts:
        widest = max(parts, key=lambda row: abs(row["reported"] - row["contacts"]))
        st.markdown(
            f"The difference is largest for {show.plain(str(_name(grain, widest)))}:"
            f" {show.number(widest['reported'])} reported, {show.number(widest['contacts'])} in HubSpot."
            " Choose a row to look into it."
        )
    show.table(
        [{**row, "name": _name(grain, row)} for row in parts],
        {
            "name": (label, "day" if grain == "day" else "text"),
            "reported": ("Reported", "units"),
            "explained": ("Difference explained", "units"),
            "unexplained": ("Not explained", "units"),
            "contacts": ("Contacts credited to ads", "units"),
        },
        f"by-{grain}",
        f"The difference by {show.inside(label)}. Choose a row to look into it.",
        by="conversions reported",
        pick=lambda place: _narrower(grain, parts[place]),
    )

st.header("The events behind a step", anchor=False)
labels = {step.code: step.label for step in steps}
reason = links.choose("reason", "Step", labels, everything="Choose a step")
if reason is None:
    st.markdown("Choose a step to see the single events behind it, and what decided each.")
    st.stop()
with snapshot.connection() as connection:
    events = claims.read_step(connection, scope, reason, _EVENTS)
if not events:
    kept = next(step.evidence_class for step in steps if step.code == reason)
    st.info(f"“{labels[reason]}” has no single events: {EVIDENCE[kept]}.")
    st.stop()
mask = Mask()
found = sum({(event.network, event.reason_code): event.total for event in events}.values())
st.markdown(f"“{labels[reason]}” stands for {show.many(found, 'event')}; the latest come first.")
chosen = show.table(
    [
        {
            "occurred_at": event.occurred_at,
            "kind": event.kind,
            "network": show.network_name(event.network),
            "ad": event.ad_label,
            "contact": mask.id("person", event.contact_id),
            "verdict": claims.reason_label(event, labels),
            "facts": "; ".join(claims.facts(event, mask)),
            "found": found,
        }
        for event in events
    ],
    {
        "occurred_at": ("When (UTC)", "instant"),
        "facts": ("What decided it", "long"),
        "ad": ("Campaign and ad", "text"),
        "network": ("Network", "text"),
        "kind": ("Event", "text"),
        "contact": ("Who", "text"),
        "verdict": ("Why the two differ", "text"),
    },
    "events",
    "The single events behind the step, the latest first. Persons are only numbered.",
    by="time",
    select=True,
)
contact = events[chosen].contact_id if chosen is not None else None
if contact is not None:
    st.page_link(
        "views/contact.py",
        label="See everything known of this person",
        icon=":material/person:",
        query_params={"contact": contact, "report": str(scope.report)},
    )
else:
    st.caption("Choose a row to go to everything known of the person.")
