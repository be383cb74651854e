"""Output as a standalone HTML page: styles and charts are inline, nothing is loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from reporting.explain import figures
from reporting.explain.bridge import EVIDENCE, EVIDENCE_LABELS, Action, Bridge, Source
from reporting.explain.claims import Claim, count_label, facts, format_time, reason_label
from reporting.explain.coverage import coverage_notes
from reporting.explain.journey import (
    REPORTS,
    Journey,
    form_facts,
    form_label,
    traffic_source_label,
    why_credited,
    why_not_credited,
)
from reporting.explain.masking import Mask
from reporting.explain.picture import colour
from reporting.networks import NETWORKS
from reporting.text import printable

#: Number of events per step on a page; a page on one step shows all of them.
FIRST_CLAIMS = 3
_ROW, _LABELS, _BARS, _WIDTH = 24, 250, 430, 760


@dataclass(frozen=True)
class Bar:
    """One bar of the chart, in pixels of the chart."""

    label: str
    figure: str
    is_total: bool
    is_pale: bool
    colour: str
    y: int
    x: float
    width: float
    #: Position where the next bar starts.
    end: float


def write_bridges(
    path: Path,
    bridges: Sequence[Bridge],
    claims: Mapping[str, Sequence[Claim]],
    description: str,
    mask: Mask,
    *,
    chosen: str | None = None,
) -> None:
    """Writes the bridges with recommended actions and example events. `chosen` limits it to one step."""
    sections = [_section(bridge, claims, mask, chosen) for bridge in bridges]
    _write(
        path,
        "bridge.html.jinja",
        title=f"Why {' and '.join(bridge.name for bridge in bridges)} and HubSpot differ",
        sections=sections,
        description=description,
        report=bridges[0].scope.report,
        evidence={EVIDENCE_LABELS[code]: text for code, text in EVIDENCE.items()},
        masked=not mask.shown,
    )


def write_journey(
    path: Path, journey: Journey, stale: Sequence[Source], labels: Mapping[str, str], mask: Mask
) -> None:
    """Writes a contact's journey."""
    events: list[dict[str, Any]] = [
        *(
            {
                "at": session.started_at,
                "moment": format_time(session.started_at),
                "kind": "session",
                "title": f"{mask.id('session', session.session_id)},"
                f" {traffic_source_label(session.traffic_source)}",
                "ad": session.ad.label,
                "facts": [f"ad identified by: {session.named_by}"] if session.named_by else [],
                "url": mask.url(session.landing_page_url),
            }
            for session in journey.sessions
        ),
        *(
            {
                "at": form.submitted_at,
                "moment": format_time(form.submitted_at),
                "kind": "form",
                "title": form_label(form),
                "ad": form.ad.label,
                "facts": form_facts(form, mask),
                "url": mask.url(form.page_url),
            }
            for form in journey.submissions
        ),
    ]
    _write(
        path,
        "journey.html.jinja",
        title="Contact journey",
        who=mask.id("contact", journey.contact_id),
        events=sorted(events, key=lambda event: event["at"]),
        reports=[
            {
                "name": report,
                "rule": rule,
                "credits": [
                    {
                        "ad": credit.ad.full_label,
                        "why": why_credited(credit, journey.submissions, mask),
                    }
                    for credit in journey.credited(report)
                ],
                "no_credit": why_not_credited(journey, report),
            }
            for report, rule in REPORTS.items()
        ],
        claims=[{**_claim(claim, mask), "reason": reason_label(claim, labels)} for claim in journey.claims],
        report=journey.report,
        stale=[_stale(source) for source in stale],
        masked=not mask.shown,
    )


def _write(path: Path, template: str, **values: Any) -> None:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = printable(environment.get_template(template).render(**values))
    path.write_text(page, encoding="utf-8")


def _section(
    bridge: Bridge, claims: Mapping[str, Sequence[Claim]], mask: Mask, chosen: str | None
) -> dict[str, Any]:
    digits = figures.decimal_places(bridge.steps)
    return {
        "sentence": sentence(bridge),
        "network": bridge.name,
        "start": bridge.start,
        "end": bridge.end,
        "stale": [_stale(source) for source in bridge.stale],
        "incomplete": [fault.line() for fault in bridge.faults],
        "chart": _chart(bridge),
        "width": _WIDTH,
        "height": _ROW * len(bridge.steps) + 6,
        "baseline": _LABELS,
        "steps": [
            {
                "label": step.label,
                "kind": step.kind,
                "units": figures.number(step.units, digits, signed=step.kind == "adjustment"),
                "share": figures.share(step.units, bridge.reported, signed=step.kind == "adjustment"),
                "evidence": EVIDENCE_LABELS[step.evidence_class],
                "lost": step.units < 0,
            }
            for step in bridge.steps
        ],
        "coverage_notes": coverage_notes(bridge.coverage),
        "actions": [_action(action) for action in bridge.actions],
        "rows": _rows(bridge, claims, mask, chosen),
    }


def sentence(bridge: Bridge) -> str:
    """Summary of the bridge in one or two sentences."""
    reported, credited = bridge.reported, bridge.credited
    text = (
        f"{bridge.name} reports {figures.short_number(reported)} conversion{'' if reported == 1 else 's'},"
        f" HubSpot credits {figures.short_number(credited)} contact{'' if credited == 1 else 's'}"
    )
    gap = reported - credited
    if not gap:
        return f"{text}. These steps lead from one to the other."
    return f"{text}. These steps explain the difference of {figures.short_number(abs(gap))}."


def _chart(bridge: Bridge) -> list[Bar]:
    pairs = figures.running_totals(bridge.steps)
    lowest = min([Decimal(0), *(value for pair in pairs for value in pair)])
    highest = max([Decimal(0), *(value for pair in pairs for value in pair)])
    scale = _BARS / float(highest - lowest or 1)
    digits = figures.decimal_places(bridge.steps)

    def at(value: Decimal) -> float:
        return round(_LABELS + float(value - lowest) * scale, 1)

    return [
        Bar(
            step.label,
            figures.number(step.units, digits, signed=step.kind == "adjustment"),
            step.kind != "adjustment",
            step.evidence_class == "residual",
            colour(step.kind, step.units < 0),
            row * _ROW + 3,
            at(min(pair)),
            max(round(at(max(pair)) - at(min(pair)), 1), 1.0),
            at(pair[1]),
        )
        for row, (step, pair) in enumerate(zip(bridge.steps, pairs, strict=True))
    ]


def _rows(
    bridge: Bridge, claims: Mapping[str, Sequence[Claim]], mask: Mask, chosen: str | None
) -> list[dict[str, Any]]:
    found = []
    for step in bridge.steps:
        own = [claim for claim in claims.get(step.code, ()) if claim.network == bridge.network]
        if not own or (chosen is not None and step.code != chosen):
            continue
        total = len(own) if chosen else own[0].total
        found.append(
            {
                "label": step.label,
                "all": f"{total:,}",
                "more": total > len(own),
                "shown": len(own),
                "claims": [_claim(claim, mask) for claim in own],
            }
        )
    return found


def _claim(claim: Claim, mask: Mask) -> dict[str, Any]:
    return {
        "moment": format_time(claim.occurred_at),
        "who": mask.id("contact", claim.contact_id) or "unknown or deleted contact",
        "kind": claim.kind,
        "network": NETWORKS.get(claim.network, claim.network),
        "ad": claim.ad_label,
        "counted": count_label(claim),
        "facts": facts(claim, mask),
        "event": claim.event_id if mask.shown else None,
    }


def _action(action: Action) -> dict[str, Any]:
    return {
        "account": action.account_name or action.account_id,
        "gained": figures.short_number(action.contacts_gained),
        "units": figures.short_number(action.network_units),
        "advice": action.advice,
    }


def _stale(source: Source) -> str:
    through = f", read through {source.landed_through}" if source.landed_through else ""
    since = f" (as of {format_time(source.as_of)}{through})" if source.as_of else ""
    name = NETWORKS.get(source.source, source.source)
    return f"{name} could not be read in the last refresh. Its figures are older{since}."
