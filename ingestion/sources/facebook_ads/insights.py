"""Daily insights: small results as a listing, large ones as a report, split into smaller parts if refused.

https://developers.facebook.com/docs/marketing-api/insights/best-practices
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import orjson

from ingestion.errors import ResponseError
from ingestion.http.client import in_parallel
from ingestion.http.faults import RequestFault
from ingestion.landing.arrow import Page, Table
from ingestion.landing.resources import DaysRead, Landing, Window
from ingestion.sources.facebook_ads import settings, tables
from ingestion.sources.facebook_ads.api import (
    INSIGHT_FIELDS,
    FacebookAds,
    TooLarge,
    account_subject,
    statuses,
)

_COMPLETED = "Job Completed"
_LOST = frozenset({"Job Failed", "Job Skipped"})


class ReportLost(Exception):
    """A report failed or did not complete; it can be started again."""


@dataclass(frozen=True)
class Level:
    """A level of figures: its table, name and requested fields, and the table of its objects."""

    table: Table
    name: str
    fields: str
    objects: Table
    statuses: tuple[str, ...]


LEVELS = (
    Level(tables.INSIGHTS_CAMPAIGN, "campaign", INSIGHT_FIELDS, tables.CAMPAIGNS, settings.CAMPAIGN_STATUSES),
    Level(tables.INSIGHTS_AD, "ad", f"{INSIGHT_FIELDS},adset_id,ad_id", tables.ADS, settings.AD_STATUSES),
)


@dataclass(frozen=True)
class Insights:
    """The daily figures of one level."""

    landing: Landing
    ads: FacebookAds
    level: Level

    def days(self) -> Iterator[Page | DaysRead]:
        """Yield the figures by account, and `DaysRead` after each complete piece. Raises like Graph."""
        streams = []
        for account in self.ads.ids:
            rows = self._rows_per_day(account)
            days = max(1, min(settings.SLICE_DAYS, settings.MOST_ROWS // max(1, rows)))
            pieces = self.landing.pieces(self.level.table, account, days)
            streams += [
                partial(self._pieces, account, pieces[start :: settings.PER_ACCOUNT], rows)
                for start in range(min(settings.PER_ACCOUNT, len(pieces)))
            ]
        yield from in_parallel(streams)

    def _rows_per_day(self, account: str) -> int:
        """Return the expected rows per day: the maximum of recent days, else the number of known objects."""
        store = self.landing.store
        known: list[tuple[int | None]] = []
        if not store.is_new(self.level.table):
            known = store.rows(
                f"SELECT max(size) FROM (SELECT count(*) AS size FROM {self.level.table.name}"
                " WHERE account_id = ? AND NOT is_day_marker AND superseded_at IS NULL"
                " GROUP BY date ORDER BY date DESC LIMIT 28)",
                [account],
            )
        if not (known and known[0][0]) and not store.is_new(self.level.objects):
            query = f"SELECT count(DISTINCT id) FROM {self.level.objects.name} WHERE account_id = ?"
            known = store.rows(query, [account])
        return (known[0][0] if known else 0) or 0

    def _pieces(self, account: str, pieces: Sequence[Window], rows: int) -> Iterator[Page | DaysRead]:
        for piece in pieces:
            days = (piece.end - piece.start).days + 1
            read = self._report if rows * days > settings.SYNCHRONOUS_ROWS else self._listing
            for page in read(account, piece):
                yield Page(page.body, (("account_id", account),))
            yield DaysRead(account, piece)

    def _params(self, piece: Window) -> dict[str, str]:
        return {
            "level": self.level.name,
            "fields": self.level.fields,
            "time_range": orjson.dumps({"since": str(piece.start), "until": str(piece.end)}).decode(),
            "time_increment": "1",
            "action_attribution_windows": orjson.dumps(list(settings.ATTRIBUTION_WINDOWS)).decode(),
            "action_breakdowns": '["action_type"]',
            **statuses(self.level.name, self.level.statuses),
        }

    def _listing(self, account: str, piece: Window) -> Iterator[Page]:
        """Yield pages of a listing; if it is too large, use smaller pages, then fewer days, then a report.

        The lander drops rows that are read twice.
        """
        path, subject = f"/act_{account}/insights", account_subject(account)
        try:
            yield from self.ads.graph.pages(path, self._params(piece), subject)
        except TooLarge as refused:
            if refused.timed_out or piece.start == piece.end:
                yield from self._report(account, piece)
                return
            for half in halves(piece):
                yield from self._listing(account, half)

    def _report(self, account: str, piece: Window) -> Iterator[Page]:
        """Yield pages of a report; if it is lost, start it again, then split its days."""
        reason = ""
        for _ in range(settings.REPORT_ATTEMPTS):
            try:
                run = self._start(account, piece)
                self._wait(account, run, piece)
                yield from self._rows(run)
                return
            except ReportLost as lost:
                reason = str(lost)
        if piece.start == piece.end:
            raise self.ads.graph.client.error(
                ResponseError,
                f"{self.ads.graph.client.setting}: Meta's report of {self.level.name} insights failed for"
                f" account {account} on {piece.start} ({reason}); run again later",
            )
        for half in halves(piece):
            yield from self._report(account, half)

    def _start(self, account: str, piece: Window) -> str:
        path = f"/act_{account}/insights"
        try:
            started = self.ads.graph.start(path, self._params(piece), account_subject(account))
        except RequestFault as fault:
            raise ReportLost(fault.fault.detail) from None
        run = started.get("report_run_id") if isinstance(started, dict) else None
        if not run:
            raise ResponseError(f"{self.ads.graph.client.setting}: {path} started no report; run again later")
        return str(run)

    def _wait(self, account: str, run: str, piece: Window) -> None:
        """Wait until the report can be read. Raises ReportLost."""
        client = self.ads.graph.client
        ends, pause = client.clock() + settings.REPORT_SECONDS, settings.FIRST_POLL_SECONDS
        while True:
            try:
                state = self.ads.graph.get(f"/{run}", {}).document
            except RequestFault as fault:
                raise ReportLost(fault.fault.detail) from None
            report = state if isinstance(state, dict) else {}
            status, percent = report.get("async_status"), int(report.get("async_percent_completion") or 0)
            if status == _COMPLETED and percent >= 100:
                return
            if status in _LOST:
                raise ReportLost(f"{status}: {report.get('error_message') or 'no reason given'}")
            if client.clock() >= ends:
                raise ReportLost(f"{status} at {percent} % after {settings.REPORT_SECONDS:.0f} s")
            if pause >= settings.LONGEST_POLL_SECONDS / 4:
                self.landing.say(
                    f"{self.landing.source}.{self.level.table.name}: report of account {account} for"
                    f" {piece.start} to {piece.end} at {percent} %"
                )
            client.sleep(pause)
            pause = min(2 * pause, settings.LONGEST_POLL_SECONDS)

    def _rows(self, run: str) -> Iterator[Page]:
        try:
            yield from self.ads.graph.pages(f"/{run}/insights", {}, None)
        except TooLarge as refused:
            raise ReportLost(str(refused)) from None
        except RequestFault as fault:
            raise ReportLost(fault.fault.detail) from None


def halves(piece: Window) -> tuple[Window, Window]:
    """Split at least two days; return the later half first."""
    middle = piece.start + timedelta(days=(piece.end - piece.start).days // 2)
    return Window(middle + timedelta(days=1), piece.end), Window(piece.start, middle)
