"""Alerts: each fault once when it begins and once when it is over, whoever ran the refresh.

What is known to be wrong lies beside the home's other state, so that the command line and the sensor, which
both look, never tell the same twice. No URL of `alerts.urls` is ever shown: they hold secrets.
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

#: The run's own id, once its alerts are out: a run executed again inherits tags, not the id.
ALERTED_TAG = "adledger/alerted"
LONGEST_BODY = 30

Known = dict[str, dict[str, list[str]]]
"""Faults told and not over yet, by key: their `lines`, and `by` which kinds of look they were seen."""


@dataclass(frozen=True)
class Look:
    """What one look found: `holding` (lines by key) and whether a fault that is not there is over for it."""

    by: Literal["run", "clock"]
    holding: Mapping[str, Sequence[str]]
    is_over: Callable[[str], bool]


@dataclass(frozen=True)
class Change:
    """What differs from what was told before, and what is known from now on."""

    news: list[tuple[str, list[str]]]
    over: list[tuple[str, list[str]]]
    known: Known


def source_key(source: str) -> str:
    """The key of whatever is wrong with a source: it is stale or late for one reason."""
    return f"source:{source}"


def compare(known: Known, look: Look) -> Change:
    """A fault is news when nobody saw it before, and over when nobody who saw it sees it any more."""
    now: Known = {key: {**fault} for key, fault in known.items()}
    news, over = [], []
    for key, lines in look.holding.items():
        if key not in now:
            news.append((key, list(lines)))
            now[key] = {"lines": list(lines), "by": []}
        now[key]["by"] = sorted({*now[key]["by"], look.by})
    for key in [key for key in now if key not in look.holding and look.is_over(key)]:
        now[key]["by"] = [by for by in now[key]["by"] if by != look.by]
        if not now[key]["by"]:
            over.append((key, now.pop(key)["lines"]))
    return Change(news, over, now)


def look_at_run(run: dg.DagsterRun, progress: Progress) -> Look:
    """The root faults, warnings and stale sources of a finished run, as a terminal shows them."""
    from orchestration.checks.freshness import LAST_LOAD, NEWEST_DAY

    holding: dict[str, list[str]] = {}
    judged = {source_key(source) for source in progress.sources}
    if not run.is_success:
        ended = f"run {run.run_id[:8]} of {run.job_name} ended before it published"
        for line in map(safe, progress.faults or [ended]):
            holding[f"fault:{line}"] = [line]
    for source, message in progress.sources.items():
        if message:
            holding[source_key(source)] = [safe(f"{source} is stale: {message}")]
    for (table, name), lines in progress.warnings.items():
        about_source = name in (NEWEST_DAY, LAST_LOAD)
        key = source_key(table.split("/")[1]) if about_source else f"check:{table}:{name}"
        judged.add(key)
        if lines:
            # the first line only names the check, which says nothing of a source
            told = [safe(line) for line in (lines[1:] if about_source else lines)]
            holding[key] = holding.get(key, []) + told

    def is_over(key: str) -> bool:
        if key.startswith("fault:"):
            return run.is_success and run.job_name == "refresh"
        return key in judged

    return Look("run", holding, is_over)


def safe(line: str) -> str:
    """A line without addresses, tokens, or the values of a row that a contract's violation shows."""
    return redact(line.partition(", for example ")[0])


def read_run(instance: dg.DagsterInstance, run_id: str) -> Progress:
    """A finished run, read from its events without printing anything."""
    progress = Progress(Console(quiet=True))
    for entry in instance.all_logs(run_id):
        progress.see(entry)
    return progress


@dataclass(frozen=True)
class Sent:
    """How telling went: `done` unless nobody could be reached; `warnings` say who could not."""

    done: bool
    warnings: list[str]


def report_run(instance: dg.DagsterInstance, run_id: str, progress: Progress | None = None) -> Sent:
    """Alerts about a finished run, once whoever asks first; a cancelled one is nobody's fault."""
    import dagster as dg

    with _telling():
        run = instance.get_run_by_id(run_id)
        if run is None or run.status not in (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE):
            return Sent(True, [])
        if run.tags.get(ALERTED_TAG) == run_id:
            return Sent(True, [])
        sent = _tell(look_at_run(run, progress or read_run(instance, run_id)))
        if sent.done:
            instance.add_run_tags(run_id, {ALERTED_TAG: run_id})
        return sent


def report(look: Look) -> Sent:
    """Alerts about what a look found that is new or over."""
    with _telling():
        return _tell(look)


def _telling() -> AbstractContextManager[None]:
    return file_lock(home() / "locks" / "alerts.lock", wait=True)


def _state_path() -> Path:
    return home() / "alerts.json"


def _tell(look: Look) -> Sent:
    urls = Section("alerts").entries("urls")
    if not urls:
        return Sent(True, [])
    path = _state_path()
    known: Known = json.loads(path.read_text()) if path.exists() else {}
    change = compare(known, look)
    sent = Sent(True, [])
    if change.news or change.over:
        sent = send(urls, *compose(change))
    if sent.done and change.known != known:
        beside = path.with_suffix(".next")
        beside.write_text(json.dumps(change.known, indent=1))
        beside.replace(path)
    return sent


def compose(change: Change) -> tuple[str, str, str]:
    """Title, body and apprise's kind of one alert."""
    failed = any(key.startswith("fault:") for key, _ in change.news)
    if failed:
        title, kind = "adledger: the refresh failed", "failure"
    elif change.news:
        title, kind = "adledger: something needs a look", "warning"
    else:
        title, kind = "adledger: back to normal", "success"
    lines = [line for _, told in change.news for line in told]
    lines += [f"over: {line}" for _, told in change.over for line in told[:1]]
    if len(lines) > LONGEST_BODY:
        lines = [*lines[:LONGEST_BODY], f"… and {len(lines) - LONGEST_BODY} more"]
    return title, "\n".join(lines), kind


def send(urls: Sequence[str], title: str, body: str, kind: str) -> Sent:
    """Sends to each of apprise's addresses; one that does not answer keeps nobody else from being told."""
    import apprise

    # its messages name hosts and paths
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    reached, warnings = False, []
    for number, url in enumerate(urls, 1):
        service = apprise.Apprise()
        if not service.add(url):
            warnings.append(
                f"alerts.urls: entry {number} is no address that apprise knows:"
                " for a webhook of your own write jsons://host/path"
            )
        elif service.notify(
            title=title,
            body=body,
            notify_type=apprise.NotifyType(kind),
            body_format=apprise.NotifyFormat.TEXT,
        ):
            reached = True
        else:
            warnings.append(
                f"alerts.urls: entry {number} did not take the alert: check its address and token"
            )
    return Sent(reached, warnings)
