"""Alerts: one when a fault begins and one when it is resolved, for every refresh.

Open faults are stored in the home folder, so that the command line and the sensor never send the same alert
twice. URLs of `alerts.urls` contain secrets and are never shown.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rich.console import Console

from ingestion.config import Section
from ingestion.errors import redact
from ingestion.pipelines import home
from orchestration.execution.locking import file_lock
from orchestration.execution.progress import Progress

if TYPE_CHECKING:
    import dagster as dg

#: Set to the run's own id once its alerts are sent. A re-executed run inherits tags, but not the id.
ALERTED_TAG = "adledger/alerted"
MAX_LINES = 30

OpenFaults = dict[str, dict[str, list[str]]]
"""Open faults by key: their `lines`, and `by` which observations they were seen."""


@dataclass(frozen=True)
class Observation:
    """Current faults (lines by key), and a function that checks if any other open fault is resolved."""

    by: Literal["run", "clock"]
    faults: Mapping[str, Sequence[str]]
    is_resolved: Callable[[str], bool]


@dataclass(frozen=True)
class Change:
    """New and resolved faults since the last alert, and the faults that are open now."""

    new: list[tuple[str, list[str]]]
    resolved: list[tuple[str, list[str]]]
    open_faults: OpenFaults


def source_key(source: str) -> str:
    """Key of all faults of a source: it is stale and late for the same reason."""
    return f"source:{source}"


def compare(open_faults: OpenFaults, observation: Observation) -> Change:
    """Compares an observation with the open faults.

    A fault is resolved once all kinds of observation that have seen it report it as resolved.
    """
    now: OpenFaults = {key: {**fault} for key, fault in open_faults.items()}
    new, resolved = [], []
    for key, lines in observation.faults.items():
        if key not in now:
            new.append((key, list(lines)))
            now[key] = {"lines": list(lines), "by": []}
        now[key]["by"] = sorted({*now[key]["by"], observation.by})
    for key in [key for key in now if key not in observation.faults and observation.is_resolved(key)]:
        now[key]["by"] = [by for by in now[key]["by"] if by != observation.by]
        if not now[key]["by"]:
            resolved.append((key, now.pop(key)["lines"]))
    return Change(new, resolved, now)


def observe_run(run: dg.DagsterRun, progress: Progress) -> Observation:
    """Root faults, warnings and stale sources of a finished run."""
    from orchestration.checks.freshness import LAST_LOAD, NEWEST_DAY

    faults: dict[str, list[str]] = {}
    checked = {source_key(source) for source in progress.sources}
    if not run.is_success:
        ended = f"run {run.run_id[:8]} of {run.job_name} ended before publishing"
        for line in map(redact_line, progress.faults or [ended]):
            faults[f"fault:{line}"] = [line]
    for source, message in progress.sources.items():
        if message:
            faults[source_key(source)] = [redact_line(f"{source} is stale: {message}")]
    for source, accounts in progress.left_out.items():
        line = f"{source} was loaded without account {', '.join(accounts)}: see reconciliation.load_faults"
        faults.setdefault(source_key(source), []).append(line)
    for (table, name), lines in progress.warnings.items():
        about_source = name in (NEWEST_DAY, LAST_LOAD)
        key = source_key(table.split("/")[1]) if about_source else f"check:{table}:{name}"
        checked.add(key)
        if lines:
            # the first line only contains the name of the check
            messages = [redact_line(line) for line in (lines[1:] if about_source else lines)]
            faults[key] = faults.get(key, []) + messages

    def is_resolved(key: str) -> bool:
        if key.startswith("fault:"):
            return run.is_success and run.job_name == "refresh"
        return key in checked

    return Observation("run", faults, is_resolved)


def redact_line(line: str) -> str:
    """Removes e-mail addresses, tokens and the example rows of contract violations from a line."""
    return redact(line.partition(", for example ")[0])


def read_progress(instance: dg.DagsterInstance, run_id: str) -> Progress:
    """Reads the progress of a finished run from its events."""
    progress = Progress(Console(quiet=True))
    for entry in instance.all_logs(run_id):
        progress.handle(entry)
    return progress


@dataclass(frozen=True)
class Sent:
    """Result of sending: `done` if at least one URL accepted the alert; one warning per URL that did not."""

    done: bool
    warnings: list[str]


def report_run(instance: dg.DagsterInstance, run_id: str, progress: Progress | None = None) -> Sent:
    """Sends alerts about a finished run, once per run. Cancelled runs are ignored."""
    import dagster as dg

    with _alerts_lock():
        run = instance.get_run_by_id(run_id)
        if run is None or run.status not in (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE):
            return Sent(True, [])
        if run.tags.get(ALERTED_TAG) == run_id:
            return Sent(True, [])
        sent = _send_changes(observe_run(run, progress or read_progress(instance, run_id)))
        if sent.done:
            instance.add_run_tags(run_id, {ALERTED_TAG: run_id})
        return sent


def report(observation: Observation) -> Sent:
    """Sends alerts about new and resolved faults."""
    with _alerts_lock():
        return _send_changes(observation)


def _alerts_lock() -> AbstractContextManager[None]:
    return file_lock(home() / "locks" / "alerts.lock", wait=True)


def _state_path() -> Path:
    return home() / "alerts.json"


def _send_changes(observation: Observation) -> Sent:
    urls = Section("alerts").entries("urls")
    if not urls:
        return Sent(True, [])
    path = _state_path()
    open_faults: OpenFaults = json.loads(path.read_text()) if path.exists() else {}
    change = compare(open_faults, observation)
    sent = Sent(True, [])
    if change.new or change.resolved:
        sent = send(urls, *compose(change))
    if sent.done and change.open_faults != open_faults:
        new = path.with_suffix(".next")
        new.write_text(json.dumps(change.open_faults, indent=1))
        new.replace(path)
    return sent


def compose(change: Change) -> tuple[str, str, str]:
    """Returns title, body and apprise type of an alert."""
    failed = any(key.startswith("fault:") for key, _ in change.new)
    if failed:
        title, kind = "adledger: the refresh failed", "failure"
    elif change.new:
        title, kind = "adledger: attention needed", "warning"
    else:
        title, kind = "adledger: back to normal", "success"
    lines = [line for _, messages in change.new for line in messages]
    lines += [f"resolved: {line}" for _, messages in change.resolved for line in messages[:1]]
    if len(lines) > MAX_LINES:
        lines = [*lines[:MAX_LINES], f"… and {len(lines) - MAX_LINES} more"]
    return title, "\n".join(lines), kind


def send(urls: Sequence[str], title: str, body: str, kind: str) -> Sent:
    """Sends an alert to each URL with apprise. A URL that fails does not affect the others."""
    import apprise

    # its log messages contain hosts and paths
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    is_delivered, warnings = False, []
    for number, url in enumerate(urls, 1):
        service = apprise.Apprise()
        if not service.add(url):
            warnings.append(
                f"alerts.urls: entry {number} is not a URL that apprise supports:"
                " for your own webhook, write jsons://host/path"
            )
        elif service.notify(
            title=title,
            body=body,
            notify_type=apprise.NotifyType(kind),
            body_format=apprise.NotifyFormat.TEXT,
        ):
            is_delivered = True
        else:
            warnings.append(f"alerts.urls: entry {number} did not accept the alert: check its URL and token")
    return Sent(is_delivered, warnings)
