"""What can be wrong between this machine and a source: findings, each with its fix.

Nothing is landed and nothing is changed. A source is asked few, small requests, and none is repeated for
long: a vendor that throttles or fails is a finding.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import cast

from ingestion.errors import SettingError
from ingestion.exports import origin as exports
from ingestion.sources.visit import Examiner, Finding, Refused, Visit

SECRETS_FILE = ".dlt/secrets.toml"


def examine(source: str, now: datetime | None = None) -> Iterator[Finding]:
    """Everything there is to say about a source, as it is found. `now` is this machine's time.

    Raises ModuleNotFoundError for an unknown source.
    """
    module = cast(Examiner, importlib.import_module(f"ingestion.sources.{source}.doctor"))
    visit = Visit(source, now or datetime.now(UTC))
    try:
        if exports.reader(source) is not None:
            yield visit.finding("settings", "ok", "read from downloaded files, see adledger doctor --exports")
            return
        missing = list(_missing_settings(visit, module.CREDENTIALS))
        yield from missing
        if missing:
            return
        yield from module.examine(visit)
    except SettingError as error:
        # «what is wrong: what to do»
        wrong, _, advice = str(error).rpartition(": ")
        yield visit.finding("settings", "error", wrong, f"{advice[:1].upper()}{advice[1:]}.")
    except Refused as refused:
        yield visit.explain(refused, module.VENDOR, module.TOKEN_FIX)
    finally:
        visit.close()
    yield from visit.clock(module.VENDOR)
    if visit.requests:
        sent = f"{visit.requests} request{'' if visit.requests == 1 else 's'} sent"
        yield visit.finding("requests", "ok", sent)


def is_skipped(findings: list[Finding]) -> bool:
    """Whether these findings of one source say that it is not set up."""
    return [finding.level for finding in findings if finding.check == "settings"] == ["note"]


def _missing_settings(visit: Visit, alternatives: tuple[tuple[str, ...], ...]) -> Iterator[Finding]:
    section = visit.section
    present = {key for keys in alternatives for key in keys if section.get(key) is not None}
    if any(present.issuperset(keys) for keys in alternatives):
        return
    if not present:
        first, *others = (" + ".join(keys) for keys in alternatives)
        choices = " or ".join([f"sources.{visit.source}.{first}", *others])
        yield visit.finding(
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
            yield visit.finding(
                "settings",
                "error",
                f"{section.name(key)} is not set although {section.name(min(present))} is",
                f"Put {section.name(key)} into {SECRETS_FILE} or set {section.environment(key)}.",
                section.name(key),
            )
