"""The answers as one HTML page that can be mailed: styles and charts stand in it, nothing is loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from reporting.explain import figures
from reporting.explain.claims import Claim, facts, moment, verdict
from reporting.explain.coverage import coverage_notes
from reporting.explain.journey import (
    REPORTS,
    Journey,
    form_facts,
    form_words,
    source_words,
    why_credited,
    why_nobody,
)
from reporting.explain.masking import Mask
from reporting.explain.picture import colour
from reporting.explain.reading import EVIDENCE, Action, Bridge, Source
from reporting.explain.scope import NETWORKS

#: Rows of a step that a page shows, unless it is about that step alone.
FIRST_CLAIMS = 3
_ROW, _LABELS, _BARS, _WIDTH = 24, 250, 430, 760


@dataclass(frozen=True)
class Bar:
    """One line of the chart, in the chart's own pixels."""

    label: str
    figure: str
    is_total: bool
    is_pale: bool
    colour: str
    y: int
    x: float
    width: float
    #: Where the next bar takes up.
    end: float


def write_bridges(
    path: Path,
    bridges: Sequence[Bridge],
    claims: Mapping[str, Sequence[Claim]],
    described: str,
    mask: Mask,
    *,
    chosen: str | None = None,
) -> None:
    """Writes the bridges, with what to fix and the rows behind their steps."""
    sections = [_section(bridge, claims, mask, chosen) for bridge in bridges]
    _write(
        path,
        "bridge.html.jinja",
        title=f"Why {' and '.join(bridge.name for bridge in bridges)} and HubSpot differ",
        sections=sections,
        described=described,
        report=bridges[0].scope.report,
        evidence=EVIDENCE,
        masked=not mask.shown,
    )


def write_journey(
    path: Path, journey: Journey, stale: Sequence[Source], labels: Mapping[str, str], mask: Mask
) -> None:
    """Writes one person's journey."""
    events: list[dict[str, Any]] = [
        *(
            {
                "at": visit.started_at,
                "moment": moment(visit.started_at),
                "kind": "visit",
                "what": f"{mask.id('session', visit.session_id)}, {source_words(visit.traffic_source)}",
                "ad": visit.ad.words,
                "facts": [f"named by {visit.named_by}"] if visit.named_by else [],
                "url": mask.url(visit.landing_page_url),
            }
            for visit in journey.sessions
        ),
        *(
            {
                "at": form.submitted_at,
                "moment": moment(form.submitted_at),
                "kind": "form",
                "what": form_words(form),
                "ad": form.ad.words,
                "facts": form_facts(form, mask),
                "url": mask.url(form.page_url),
            }
            for form in journey.submissions
        ),
    ]
    _write(
        path,
        "journey.html.jinja",
        title="One person's journey",
        who=mask.id("person", journey.contact_id),
        events=sorted(events, key=lambda event: event["at"]),
        reports=[
            {
                "name": report,
                "rule": rule,
                "credits": [
                    {
                        "ad": credit.ad.full,
                        "why": why_credited(credit, journey.submissions, mask),
                    }
                    for credit in journey.credited(report)
                ],
                "nobody": why_nobody(journey, report),
            }
            for report, rule in REPORTS.items()
        ],
        claims=[{**_claim(claim, mask), "reason": verdict(claim, labels)} for claim in journey.claims],
        report=journey.report,
        stale=[_stale(source) for source in stale],
        masked=not mask.shown,
    )


def _write(path: Path, template: str, **words: Any) -> None:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    path.write_text(environment.get_template(template).render(**words), encoding="utf-8")


def _section(
    bridge: Bridge, claims: Mapping[str, Sequence[Claim]], mask: Mask, chosen: str | None
) -> dict[str, Any]:
    digits = figures.places(bridge.steps)
    return {
        "sentence": sentence(bridge),
        "network": bridge.name,
        "start": bridge.start,
        "end": bridge.end,
        "stale": [_stale(source) for source in bridge.stale],
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
                "evidence": step.evidence_class,
                "lost": step.units < 0,
            }
            for step in bridge.steps
        ],
        "coverage_notes": coverage_notes(bridge.coverage),
        "actions": [_action(action) for action in bridge.actions],
        "rows": _rows(bridge, claims, mask, chosen),
    }


def sentence(bridge: Bridge) -> str:
    """The whole matter in plain words."""
    reported, credited = bridge.reported, bridge.credited
    said = (
        f"{bridge.name} says {figures.brief(reported)} conversion{'' if reported == 1 else 's'},"
        f" HubSpot says {figures.brief(credited)} contact{'' if credited == 1 else 's'}"
    )
    gap = reported - credited
    if not gap:
        return f"{said}: here is every step from the one to the other."
    return f"{said}: here is every one of the {figures.brief(abs(gap))} between them."


def _chart(bridge: Bridge) -> list[Bar]:
    pairs = figures.running(bridge.steps)
    lowest = min([Decimal(0), *(value for pair in pairs for value in pair)])
    highest = max([Decimal(0), *(value for pair in pairs for value in pair)])
    scale = _BARS / float(highest - lowest or 1)
    digits = figures.places(bridge.steps)

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
        "moment": moment(claim.occurred_at),
        "who": mask.id("person", claim.contact_id) or "nobody HubSpot still knows",
        "kind": claim.kind,
        "network": NETWORKS.get(claim.network, claim.network),
        "ad": claim.ad_words,
        "network_units": figures.brief(claim.network_units),
        "hubspot_units": figures.brief(claim.hubspot_units),
        "facts": facts(claim, mask),
        "event": claim.event_id if mask.shown else None,
    }


def _action(action: Action) -> dict[str, Any]:
    return {
        "account": action.account_name or action.account_id,
        "gained": figures.brief(action.contacts_gained),
        "units": figures.brief(action.network_units),
        "advice": action.advice,
    }


def _stale(source: Source) -> str:
    through = f", read through {source.landed_through}" if source.landed_through else ""
    since = f" (as of {moment(source.as_of)}{through})" if source.as_of else ""
    name = NETWORKS.get(source.source, source.source)
    return f"{name} was not read in the last refresh: its figures are an earlier state{since}."
