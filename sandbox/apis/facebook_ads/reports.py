"""Asynchronous reports and their life.

https://developers.facebook.com/docs/marketing-api/insights/best-practices#asynchronous
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sandbox.apis.facebook_ads.common import Row, no_such_object, problem
from sandbox.apis.faults import CATALOGUE, Faults

COMPLETED = "Job Completed"
_FAILED = {
    "error_code": -2,
    "error_subcode": 2490547,
    "error_message": "The report could not be generated.",
    "error_user_title": "Report failed",
    "error_user_msg": "The report could not be generated. Try again with a shorter time range.",
}


@dataclass
class Run:
    """One report: what it was asked, how it ends, how often its state was read."""

    id: str
    account: str
    node: str
    parameters: dict[str, str]
    started: datetime
    outcome: str
    polls_needed: int
    refusals: int
    polls: int = 0

    @property
    def is_over(self) -> bool:
        """Whether it has ended, well or not."""
        return self.polls >= self.polls_needed


class Runs:
    """All reports that were started."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._runs: dict[str, Run] = {}

    def __contains__(self, node: str) -> bool:
        return node in self._runs

    def start(
        self, account: str, node: str, parameters: dict[str, str], now: datetime, *, too_large: bool
    ) -> Run:
        """A new report; its end is decided by the switches that are on now."""
        rule = self._faults.get("facebook_async") or {**CATALOGUE["facebook_async"], "polls": 0}
        counts = self._faults.seen.setdefault("facebook_async#0", [0, 0])
        spoiled = rule["times"] is None or counts[1] < rule["times"]
        outcome = rule["outcome"] if spoiled else COMPLETED
        counts[1] += spoiled
        run = Run(
            str(602_392_014_900_000 + len(self._runs) + 1),
            account,
            node,
            parameters,
            now,
            "Job Failed" if too_large else outcome,
            rule["polls"],
            rule["cannot_include"],
        )
        self._runs[run.id] = run
        return run

    def get(self, node: str, now: datetime) -> Run:
        """A report that is kept still.

        Raises:
            ApiError: 400; it has expired.
        """
        run = self._runs[node]
        days = self._faults.value("facebook_async", "days", CATALOGUE["facebook_async"]["days"])
        if now - run.started > timedelta(days=days):
            raise no_such_object(node)
        return run

    def state(self, run: Run, version: str, now: datetime) -> Row:
        """The report's state; reading it lets time pass."""
        over, status, percent = run.is_over, run.outcome, 100 if run.outcome == COMPLETED else 0
        if not over:
            waiting = ("Job Not Started", "Job Started")
            status = waiting[run.polls] if run.polls < len(waiting) else "Job Running"
            percent = 100 * run.polls // run.polls_needed
        run.polls += 1
        row: Row = {
            "id": run.id,
            "account_id": run.account,
            "time_ref": int(run.started.timestamp()),
            "async_status": status,
            "async_percent_completion": percent,
            "is_running": not over,
        }
        if over:
            row["time_completed"] = int(now.timestamp())
        if over and status == "Job Failed" and int(version[1:3]) >= 25:
            row |= _FAILED
        return row

    def read(self, run: Run) -> None:
        """Let the rows of a report be read.

        Raises:
            ApiError: 400; it has not completed, or fails to this time.
        """
        if not run.is_over or run.outcome != COMPLETED:
            raise problem(
                400, 2601, "Error accessing adreport job.", subcode=1815107, is_transient=not run.is_over
            )
        if run.refusals > 0:
            run.refusals -= 1
            message = (
                "(#100) Cannot include impressions, spend in summary param because they weren't there while "
                "creating the report run."
            )
            raise problem(400, 100, message)
