"""Progress and faults of a refresh, derived from the events of its run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:
    import dagster as dg

    from ingestion.pipelines import Window

_CONTRACT_CHECK = "contract"


class Progress:
    """Prints one line per finished step; collects root faults and the path of the published file."""

    def __init__(self, console: Console) -> None:
        self.faults: list[str] = []
        self.published: str | None = None
        #: Messages of each warning check, by table and check name; empty if it passed.
        self.warnings: dict[tuple[str, str], list[str]] = {}
        #: Reason why a source is stale; None if it was loaded.
        self.sources: dict[str, str | None] = {}
        #: Accounts that the loads of a source left out.
        self.left_out: dict[str, list[str]] = {}
        self._console = console
        self._status = console.status("starting")
        self._started: dict[str, float] = {}
        self._tables: defaultdict[str, dict[str, Mapping[str, Any]]] = defaultdict(dict)
        self._checks: defaultdict[str, list[bool]] = defaultdict(list)
        self._noticed: set[tuple[str, str]] = set()

    def begin(self, window: Window, as_of: datetime) -> None:
        """Prints the days of the refresh and its as-of."""
        self._console.print(f"Days {window.start} to {window.end}, as of {as_of:%Y-%m-%d %H:%M:%S} UTC")
        self._status.start()

    def end(self) -> None:
        """Stops the live status line."""
        self._status.stop()

    def left_out_lines(self) -> list[str]:
        """One line per source whose loads left accounts out."""
        return [
            f"{source}: {', '.join(accounts)} {'was' if len(accounts) == 1 else 'were'} not loaded;"
            " figures are those of an earlier refresh (reconciliation.load_faults has the reason and the fix)"
            for source, accounts in sorted(self.left_out.items())
        ]

    def warn(self, line: str) -> None:
        """Prints a warning."""
        self._console.print(f"  [yellow]warning: {escape(line)}[/yellow]", highlight=False, soft_wrap=True)

    def handle(self, entry: dg.EventLogEntry) -> None:
        """Processes the next event of the run."""
        event, step = entry.dagster_event, entry.step_key
        if step is None:
            return
        if event is None:
            self._status.update(escape(entry.user_message))
            return
        match event.event_type_value:
            case "STEP_START" | "STEP_RESTARTED":
                self._started[step] = entry.timestamp
                self._status.update(escape(", ".join(sorted(self._started))))
            case "ASSET_MATERIALIZATION":
                found = event.step_materialization_data.materialization
                values = {name: value.value for name, value in found.metadata.items()}
                self._tables[step][found.asset_key.to_user_string()] = values
                self._record_source(found.asset_key.path, values)
            case "ASSET_CHECK_EVALUATION":
                self._record_check(step, event.asset_check_evaluation_data)
            case "STEP_SUCCESS":
                if summary := self._summary(step):
                    self._finish(step, summary, entry.timestamp)
            case "STEP_UP_FOR_RETRY":
                delay = event.step_retry_data.seconds_to_wait or 0
                why = _message(event.step_retry_data.error)
                self._finish(step, f"[yellow]{escape(why)}; retry in {delay:.0f} s[/yellow]", entry.timestamp)
            case "STEP_FAILURE":
                self._finish(step, "[red]failed[/red]", entry.timestamp)
                self._record_failure(step, event.step_failure_data)

    def _record_source(self, path: Sequence[str], values: Mapping[str, Any]) -> None:
        status = values.get("status")
        for account in values.get("left_out") or ():
            accounts = self.left_out.setdefault(path[1], [])
            if account not in accounts:
                accounts.append(account)
        if status == "stale" or (status == "landed" and not self.sources.get(path[1])):
            self.sources[path[1]] = str(values["message"]) if status == "stale" else None

    def _record_check(self, step: str, check: Any) -> None:
        self._checks[step].append(check.passed)
        is_warning = check.severity.value == "WARN"
        key = (check.asset_key.to_user_string(), check.check_name)
        if is_warning or check.passed:
            self.warnings[key] = []
        if not check.passed and is_warning:
            found = check.metadata.get("dagster_dbt/failed_row_count")
            messages = [str(line) for line in getattr(check.metadata.get("messages"), "value", [])]
            lines = [f"warning: {check.check_name}{f': {_findings(int(found.value))}' if found else ''}"]
            lines += [f"  {message}" for message in messages]
            if found and messages and int(found.value) > len(messages):
                lines.append(f"  … and {int(found.value) - len(messages)} more")
            self.warnings[key] = lines
            for line in lines:
                self._console.print(f"  [yellow]{escape(line)}[/yellow]", highlight=False, soft_wrap=True)
        if check.check_name == _CONTRACT_CHECK and not check.passed:
            self._add_faults([str(line) for line in check.metadata["summary"].value])

    def _record_failure(self, step: str, failure: Any) -> None:
        if failure.user_failure_data and failure.user_failure_data.description:
            self._add_faults(failure.user_failure_data.description.splitlines())
        elif not (failure.error and failure.error.cls_name == "DagsterAssetCheckFailedError"):
            self._add_faults([f"{step}: {_message(failure.error)}"])

    def _add_faults(self, lines: list[str]) -> None:
        """Adds new lines only: both parts of a source fail for the same reason."""
        self.faults += [line for line in lines if line not in self.faults]

    def _finish(self, step: str, summary: str, moment: float) -> None:
        seconds = moment - self._started.pop(step, moment)
        # a load runs in its own thread, possibly long before its step waits for it
        seconds = next(
            (float(facts["seconds"]) for facts in self._tables[step].values() if "seconds" in facts), seconds
        )
        line = f"  {_label(step):<22} {summary} [dim]({seconds:.1f} s)[/dim]"
        self._console.print(line, highlight=False, soft_wrap=True)

    def _notice(self, source: str, message: str, stale: bool) -> str:
        """Message of a source; empty the second time, as both parts of a source have the same message."""
        if (source, message) in self._noticed:
            return ""
        self._noticed.add((source, message))
        return f"[yellow]{'stale: ' if stale else ''}{escape(message)}[/yellow]"

    def _summary(self, step: str) -> str:
        tables = self._tables[step]
        if step == "serving__serving_duckdb":
            (facts,) = tables.values()
            self.published = str(facts["path"])
            return f"{facts['tables']} tables, {facts['rows']:,} rows in {escape(self.published)}"
        checks = self._checks[step]
        if step == "published_contracts":
            return f"{len(checks)} tables match their dbt contracts"
        if not tables:
            return f"{sum(checks)} of {len(checks)} checks passed"
        if step == "dbt_models":
            return f"{len(tables)} built, {sum(checks)} of {len(checks)} checks passed"
        facts = next(iter(tables.values()), {})
        if facts.get("status") != "landed":
            source, message = next(iter(tables)).split("/")[1], str(facts.get("message"))
            return self._notice(source, message.removeprefix(f"{source}: "), facts.get("status") == "stale")
        rows = sum(int(table["rows"]) for table in tables.values())
        quarantined = (
            f", [yellow]{facts['quarantined']:,} quarantined[/yellow]" if facts["quarantined"] else ""
        )
        read = "files" if facts["from_files"] else f"{sum(facts['requests'].values()):,} requests"
        notice = f"; [yellow]{escape(str(facts['message']))}[/yellow]" if facts.get("message") else ""
        return f"{rows:,} rows into {len(tables)} tables{quarantined}, {read}{notice}"


def _message(error: Any) -> str:
    """Message of a step's error or, if there is one, of its cause."""
    found = error.cause or error if error else None
    if found and found.cls_name in ("DagsterExecutionInterruptedError", "KeyboardInterrupt"):
        return "interrupted"
    return " ".join(found.message.split()) if found else "its process ended without an error message"


def _findings(count: int) -> str:
    return f"{count} finding{'' if count == 1 else 's'}"


def _label(step: str) -> str:
    names = {
        "dbt_models": "models",
        "published_contracts": "contracts",
        "serving__serving_duckdb": "published",
    }
    for part in ("entities", "daily"):
        if step.endswith(f"_{part}"):
            return f"{step.removesuffix(f'_{part}')} {part}"
    return names.get(step, step)
