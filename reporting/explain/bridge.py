"""Reads the bridges, their sources and the recommended actions from the published tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb

from reporting.explain.scope import Scope
from reporting.networks import NETWORKS
from reporting.text import one_line

#: Number of actions to read per account, by rank.
TOP_ACTIONS = 3
# of the filters with their names, in characters
_LONGEST_DESCRIPTION = 300
#: Label of each evidence class.
EVIDENCE_LABELS = {
    "row": "Event level",
    "inferred": "Inferred",
    "aggregate": "Network total",
    "residual": "Unexplained",
}
#: Meaning of each evidence class.
EVIDENCE = {
    "row": "each conversion is an event that can be looked up",
    "inferred": "concluded from other HubSpot records",
    "aggregate": "a total from the network's own breakdown",
    "residual": "no evidence explains it",
}

_STEPS = """
SELECT network, step_order, step, step_label, kind, evidence_class, sum(units) AS units
FROM {bridge} AS facts
WHERE {where}
GROUP BY ALL
HAVING sum(units) <> 0 OR kind <> 'adjustment'
ORDER BY network, step_order, evidence_class
"""
_SPANS = "SELECT network, min(date), max(date) FROM {bridge} AS facts WHERE {where} GROUP BY network"
_ACTIONS = """
WITH concerned AS (SELECT DISTINCT network, account_id, campaign_id FROM {bridge} AS facts WHERE {where})
SELECT
    network, account_id,
    (SELECT any_value(account_name) FROM marts.dim_campaign AS names
     WHERE names.network = actions.network AND names.account_id = actions.account_id),
    rank, cause, subject_type, subject_id, contacts_gained, network_units, spend_company_currency, advice
FROM reconciliation.actions AS actions
WHERE rank <= $top AND EXISTS (
    SELECT 1 FROM concerned
    WHERE concerned.network = actions.network AND concerned.account_id = actions.account_id
      AND list_contains(CAST(actions.evidence -> 'campaign_ids' AS VARCHAR[]), concerned.campaign_id)
)
ORDER BY contacts_gained DESC, rank, account_id
"""
_SOURCES = """
SELECT source, status, landed_through, as_of AT TIME ZONE 'UTC' FROM marts.sources ORDER BY source
"""
_FAULTS = """
SELECT
    source, kind, account_id, resource, subject, min(date), max(date), sum(records)::BIGINT,
    min(seen), min(fix), min(since) AT TIME ZONE 'UTC'
FROM reconciliation.load_faults
WHERE kind <> 'column'
GROUP BY source, kind, account_id, resource, subject
ORDER BY source, kind, account_id NULLS FIRST, resource, subject
"""
#: Steps for which inputs are missing.
STEP_COVERAGE = """
SELECT network, step, step_label AS label, coverage, missing_inputs, how_to_add
FROM reconciliation.step_coverage WHERE coverage <> 'full' ORDER BY network, step_order
"""
_LABELS = "SELECT DISTINCT step, step_label FROM reconciliation.conversion_bridge"
_NAMES = """
SELECT
    (SELECT any_value(account_name) FROM marts.dim_campaign WHERE account_id = $account),
    (SELECT any_value(campaign_name) FROM marts.dim_campaign WHERE campaign_id = $campaign),
    (SELECT any_value(ad_name) FROM marts.dim_ad WHERE ad_id = $ad)
"""
_EVIDENCE = """
SELECT
    (SELECT count(*) FROM marts.fct_sessions WHERE evidence_source = 'contact_property'),
    (SELECT count(*) FROM marts.fct_sessions WHERE evidence_source = 'submission_context'),
    (SELECT count(*) FROM marts.fct_form_submissions
     WHERE is_tracked IS NULL AND contact_id IS NOT NULL AND form_type <> 'lead_ad')
"""


@dataclass(frozen=True)
class Step:
    """One line of a waterfall, in conversions: signed for an adjustment, a total for start and end."""

    order: int
    code: str
    label: str
    kind: str
    evidence_class: str
    units: Decimal


@dataclass(frozen=True)
class Action:
    """One row of reconciliation.actions: a fix and the contacts it gains under the default report."""

    network: str
    account_id: str
    account_name: str | None
    rank: int
    cause: str
    subject_type: str
    subject_id: str
    contacts_gained: Decimal
    network_units: Decimal
    spend_company_currency: Decimal | None
    advice: str


@dataclass(frozen=True)
class Source:
    """A source and the refresh that its figures come from."""

    source: str
    status: str
    landed_through: date | None
    as_of: datetime | None

    @property
    def is_stale(self) -> bool:
        """True if the last refresh could not read the source, so its figures are older."""
        return self.status == "stale"


@dataclass(frozen=True)
class LoadFault:
    """Something that the last load of a source left out; days of an account are one fault with a range."""

    source: str
    kind: str
    account_id: str | None
    resource: str | None
    subject: str | None
    first_date: date | None
    last_date: date | None
    records: int | None
    seen: str
    fix: str | None
    since: datetime

    def line(self) -> str:
        """Text of the fault: what, since when, and the fix."""
        account = f"account {self.account_id}" if self.account_id else None
        where = " ".join(filter(None, (self.source, self.resource, account)))
        if self.kind == "day":
            days = f"{self.first_date} to {self.last_date}"
            return f"{where}: figures of {days} lack {self.records} rejected records; {self.fix}"
        return "; ".join(filter(None, (f"{where} since {self.since:%Y-%m-%d}: {self.seen}", self.fix)))


@dataclass(frozen=True)
class StepCoverage:
    """A step that the loaded sources cover partly (`partial`) or not at all (`none`)."""

    step: str
    label: str
    coverage: str
    missing_inputs: Sequence[str]
    how_to_add: Sequence[str]


@dataclass(frozen=True)
class Bridge:
    """The steps from a network's conversions to HubSpot's contacts, over a range of days."""

    network: str
    scope: Scope
    start: date
    end: date
    steps: tuple[Step, ...]
    stale: tuple[Source, ...]
    actions: tuple[Action, ...]
    coverage: tuple[StepCoverage, ...] = ()
    faults: tuple[LoadFault, ...] = ()

    @property
    def name(self) -> str:
        """Name of the network."""
        return NETWORKS.get(self.network, self.network)

    @property
    def reported(self) -> Decimal:
        """Conversions reported by the network."""
        return sum((step.units for step in self.steps if step.kind == "start"), Decimal(0))

    @property
    def credited(self) -> Decimal:
        """Contacts credited to ads by HubSpot."""
        return sum((step.units for step in self.steps if step.kind == "end"), Decimal(0))


@contextmanager
def open_serving(serving: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Opens the published file read-only, with times in UTC."""
    with duckdb.connect(str(serving), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def read_sources(connection: duckdb.DuckDBPyConnection) -> list[Source]:
    """All sources of the published file."""
    return [Source(*row) for row in connection.execute(_SOURCES).fetchall()]


def read_faults(connection: duckdb.DuckDBPyConnection) -> list[LoadFault]:
    """What the last loads left out."""
    return [LoadFault(*row) for row in connection.execute(_FAULTS).fetchall()]


def read_labels(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Label of each published step, by its code."""
    return dict(connection.execute(_LABELS).fetchall())


def read_bridges(connection: duckdb.DuckDBPyConnection, scope: Scope) -> list[Bridge]:
    """One bridge per network that has figures in the scope, summed over the scope."""
    where, given = scope.where()
    steps: dict[str, list[Step]] = {}
    for network, *step in connection.execute(
        _STEPS.format(bridge=scope.bridge, where=where), given
    ).fetchall():
        steps.setdefault(network, []).append(Step(*step))
    spans = connection.execute(_SPANS.format(bridge=scope.bridge, where=where), given).fetchall()
    actions = [
        Action(*row)
        for row in connection.execute(
            _ACTIONS.format(bridge=scope.bridge, where=where), {**given, "top": TOP_ACTIONS}
        ).fetchall()
    ]
    coverage: dict[str, list[StepCoverage]] = {}
    for network, *step in connection.execute(STEP_COVERAGE).fetchall():
        coverage.setdefault(network, []).append(StepCoverage(*step))
    stale = [source for source in read_sources(connection) if source.is_stale]
    faults = read_faults(connection)
    return [
        Bridge(
            network,
            scope,
            first,
            last,
            tuple(steps[network]),
            tuple(source for source in stale if source.source in (network, "hubspot")),
            tuple(action for action in actions if action.network == network),
            tuple(coverage.get(network, ())),
            tuple(
                fault
                for fault in faults
                if fault.source in (network, "hubspot")
                and fault.account_id in (None, scope.account or fault.account_id)
            ),
        )
        for network, first, last in sorted(spans)
    ]


def describe(connection: duckdb.DuckDBPyConnection, scope: Scope) -> str:
    """Text that describes the filters, with names and ids; empty without filters."""
    filters = {"account": scope.account, "campaign": scope.campaign, "ad": scope.ad}
    names = connection.execute(_NAMES, filters).fetchall()[0]
    parts = [
        f"{level} {name} ({value})" if name else f"{level} {value}"
        for (level, value), name in zip(filters.items(), names, strict=True)
        if value is not None
    ]
    parts += [f"pages tagged {scope.tag}"] if scope.tag else []
    return one_line(", ".join(parts), _LONGEST_DESCRIPTION)


def cost_without_events(serving: Path) -> str:
    """Text on the data that a portal without page-view events lacks, with the counts of this portal."""
    with open_serving(serving) as connection:
        from_properties, from_submissions, unknown = connection.execute(_EVIDENCE).fetchall()[0]
    return (
        f"Without page-view events, {from_properties:,} sessions are known only from contact properties and"
        f" {from_submissions:,} only from a form submission. {unknown:,} submissions have no information on"
        " tracking. Contact properties hold only the first and the latest sessions: an ad click in between"
        " gets no credit in reports on several interactions, and the bridge cannot distinguish a later"
        " session from a missing one."
    )
