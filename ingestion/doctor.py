"""Check settings, connection and access of a source; each problem is a finding with its fix.

Lands and changes nothing. Sends few, small requests and does not keep retrying: throttling or failures of a
vendor are findings.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import duckdb

from ingestion.config import home
from ingestion.errors import SettingError
from ingestion.exports import origin as exports
from ingestion.landing import left_out
from ingestion.landing.store import Store
from ingestion.sources import registry
from ingestion.sources.probe import Finding, Level, Probe, Refused

SECRETS_FILE = ".dlt/secrets.toml"


def examine(source: str, now: datetime | None = None) -> Iterator[Finding]:
    """Yield the findings of a source as the checks run. `now` is this machine's time.

    Raises ValueError for an unknown source or one without checks.
    """
    registered = registry.source(source)
    module = registered.doctor
    if module is None:
        raise ValueError(f"{source} has no checks of its setup")
    probe = Probe(source, now or datetime.now(UTC))
    try:
        if exports.reader(source) is not None:
            yield probe.finding(
                "settings", "ok", "loaded from downloaded files, see adledger doctor --exports"
            )
            return
        missing = list(_missing_settings(probe, registered.settings.CREDENTIALS))
        yield from missing
        if missing:
            return
        yield from module.examine(probe)
    except SettingError as error:
        # the text of a SettingError is «problem: fix»
        wrong, _, advice = str(error).rpartition(": ")
        yield probe.finding("settings", "error", wrong, f"{advice[:1].upper()}{advice[1:]}.")
    except Refused as refused:
        yield probe.explain(refused, module.VENDOR, module.TOKEN_FIX)
    finally:
        probe.close()
    yield from _last_load(probe)
    yield from probe.clock(module.VENDOR)
    if probe.requests:
        sent = f"{probe.requests} request{'' if probe.requests == 1 else 's'} sent"
        yield probe.finding("requests", "ok", sent)


def _last_load(probe: Probe) -> Iterator[Finding]:
    """Yield what the last load left out or read differently, as the raw store holds it."""
    try:
        faults = left_out.known(Store(home() / "raw" / f"{probe.source}.duckdb"))
    except duckdb.IOException:
        # a load writes the file
        return
    shown: set[tuple[str, str]] = set()
    for fault in faults:
        account = f"account {fault['account_id']}" if fault["account_id"] else ""
        place = " ".join(filter(None, (fault["resource"], fault["subject"], account)))
        seen = f"{place}: {fault['seen']} (since {fault['since']:%Y-%m-%d})"
        if (fault["kind"], seen) not in shown:
            shown.add((fault["kind"], seen))
            level: Level = "note" if fault["kind"] == "column" else "warning"
            fix = fault["fix"] and f"{fault['fix'][:1].upper()}{fault['fix'][1:]}."
            yield probe.finding("last_load", level, seen, fix, fault["account_id"] or fault["subject"])


def is_skipped(findings: list[Finding]) -> bool:
    """Return whether the findings of one source show that it is not set up."""
    return [finding.level for finding in findings if finding.check == "settings"] == ["note"]


def _missing_settings(probe: Probe, alternatives: tuple[tuple[str, ...], ...]) -> Iterator[Finding]:
    section = probe.section
    present = {key for keys in alternatives for key in keys if section.get(key) is not None}
    if any(present.issuperset(keys) for keys in alternatives):
        return
    if not present:
        first, *others = (" + ".join(keys) for keys in alternatives)
        choices = " or ".join([f"sources.{probe.source}.{first}", *others])
        yield probe.finding(
            "settings",
            "note",
            "skipped, no credentials are set",
            f"To load it, put {choices} into {SECRETS_FILE} or the environment"
            f" ({section.environment(alternatives[0][0])}, …).",
        )
        return
    closest = max(alternatives, key=lambda keys: sum(key in present for key in keys))
    for key in closest:
        if key not in present:
            yield probe.finding(
                "settings",
                "error",
                f"{section.name(key)} is not set although {section.name(min(present))} is",
                f"Put {section.name(key)} into {SECRETS_FILE} or set {section.environment(key)}.",
                section.name(key),
            )
