"""Output as JSON, specified in docs/contract.md. Decimals are text, so that no digit is lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from reporting.explain.bridge import Action, Bridge, Source
from reporting.explain.claims import Claim, facts, reason_label
from reporting.explain.journey import REPORTS, Journey, why_credited, why_not_credited
from reporting.explain.masking import Mask
from reporting.explain.scope import Scope
from reporting.text import json_text

_SESSIONS = ("click_session_id", "submission_session_id")


def bridges_document(scope: Scope, sources: Sequence[Source], bridges: Sequence[Bridge]) -> str:
    """JSON of the bridges with their steps and recommended actions."""
    return _text({**_head(scope, sources), "bridges": [_bridge(bridge) for bridge in bridges]})


def step_document(
    scope: Scope,
    sources: Sequence[Source],
    bridges: Sequence[Bridge],
    step: str,
    claims: Sequence[Claim],
    labels: Mapping[str, str],
    mask: Mask,
) -> str:
    """JSON of one step and its ledger rows."""
    found = [found for bridge in bridges for found in bridge.steps if found.code == step]
    return _text(
        {
            **_head(scope, sources),
            "step": step,
            "label": labels.get(step, step),
            "units": sum((item.units for item in found), Decimal(0)),
            "evidence_classes": sorted({item.evidence_class for item in found}),
            "claims": [_claim(claim, labels, mask) for claim in claims],
        }
    )


def journey_document(
    sources: Sequence[Source], journey: Journey, labels: Mapping[str, str], mask: Mask
) -> str:
    """JSON of a contact's journey."""
    return _text(
        {
            "report": journey.report,
            "sources": [asdict(source) for source in sources],
            "contact_id": mask.id("contact", journey.contact_id),
            "sessions": [
                {
                    "session_id": mask.id("session", session.session_id),
                    "session_number": session.number,
                    "started_at": session.started_at,
                    "page_views": session.page_views,
                    "landing_page_url": mask.url(session.landing_page_url),
                    "traffic_source": session.traffic_source,
                    "evidence_source": session.evidence_source,
                    "match_method": session.match_method,
                    "click_id_type": session.click_id_type,
                    "named_by": session.named_by,
                    **asdict(session.ad),
                }
                for session in journey.sessions
            ],
            "submissions": [
                {
                    "submission_id": mask.id("event", form.submission_id),
                    "form_id": form.form_id,
                    "form_type": form.form_type,
                    "submitted_at": form.submitted_at,
                    "page_url": mask.url(form.page_url),
                    "session_id": mask.id("session", form.session_id),
                    "conversion_number": form.conversion_number,
                    "is_tracked": form.is_tracked,
                    "is_filtered": form.is_filtered,
                    **asdict(form.ad),
                }
                for form in journey.submissions
            ],
            "reports": [
                {
                    "attribution_report": report,
                    "rule": rule,
                    "credits": [
                        {
                            "interaction_type": credit.interaction_type,
                            "interaction_at": credit.interaction_at,
                            "credited_at": credit.credited_at,
                            "submission_id": mask.id("event", credit.submission_id),
                            "session_id": mask.id("session", credit.session_id),
                            "evidence_source": credit.evidence_source,
                            "why": why_credited(credit, journey.submissions, mask),
                            **asdict(credit.ad),
                        }
                        for credit in journey.credited(report)
                    ],
                    "why_nobody": None if journey.credited(report) else why_not_credited(journey, report),
                }
                for report, rule in REPORTS.items()
            ],
            "claims": [_claim(claim, labels, mask) for claim in journey.claims],
        }
    )


def _head(scope: Scope, sources: Sequence[Source]) -> dict[str, Any]:
    return {
        "report": scope.report,
        "filters": {name: value for name, value in scope.filters().items() if name != "report"},
        "sources": [asdict(source) for source in sources],
    }


def _bridge(bridge: Bridge) -> dict[str, Any]:
    return {
        "network": bridge.network,
        "start": bridge.start,
        "end": bridge.end,
        "network_conversions": bridge.reported,
        "hubspot_contacts": bridge.credited,
        "stale_sources": [source.source for source in bridge.stale],
        "load_faults": [asdict(fault) for fault in bridge.faults],
        "steps": [
            {
                "step": step.code,
                "step_order": step.order,
                "label": step.label,
                "kind": step.kind,
                "units": step.units,
                "evidence_class": step.evidence_class,
            }
            for step in bridge.steps
        ],
        "coverage": [asdict(each) for each in bridge.coverage],
        "actions": [_action(action) for action in bridge.actions],
    }


def _action(action: Action) -> dict[str, Any]:
    return {name: value for name, value in asdict(action).items() if name != "network"}


def _claim(claim: Claim, labels: Mapping[str, str], mask: Mask) -> dict[str, Any]:
    evidence = {
        **claim.evidence,
        **{key: mask.id("session", claim.evidence.get(key)) for key in _SESSIONS},
        "deleted_contact_id": mask.id("contact", claim.evidence.get("deleted_contact_id")),
    }
    return {
        "event_id": mask.id("event", claim.event_id),
        "event_type": claim.event_type,
        "contact_id": mask.id("contact", claim.contact_id),
        "occurred_at": claim.occurred_at,
        "date": claim.date,
        "network": claim.network,
        "account_id": claim.account_id,
        "campaign_id": claim.campaign_id,
        "campaign_name": claim.campaign_name,
        "ad_group_id": claim.ad_group_id,
        "ad_id": claim.ad_id,
        "ad_name": claim.ad_name,
        "network_units": claim.network_units,
        "hubspot_units": claim.hubspot_units,
        "reason_code": claim.reason_code,
        "reason": reason_label(claim, labels),
        "facts": facts(claim, mask),
        "evidence": evidence,
    }


def _text(document: Mapping[str, Any]) -> str:
    return json_text(document, _plain)


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return f"{value.isoformat()}Z"
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
