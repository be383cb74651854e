"""Usage of Meta's rate limits, from response headers.

https://developers.facebook.com/docs/graph-api/overview/rate-limiting
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from ingestion.http.pacing import Limit
from ingestion.sources.facebook_ads import settings

_COUNTED = ("call_count", "total_time", "total_cputime")
# effectively no limit, for lanes with enough headroom
_ROOM = Limit(1_000, 1.0)


@dataclass(frozen=True)
class Usage:
    """The highest used percentage of all limits, and seconds until requests are allowed again (0: now)."""

    percent: float
    regain: float


def usage(headers: Mapping[str, str]) -> Usage | None:
    """Return the usage in the headers of one answer; None if they contain none."""
    percents: list[float] = []
    waits = [0.0]
    for entry in _entries(headers):
        percents += [float(entry[name]) for name in _COUNTED if name in entry]
        # only this header is in minutes
        waits.append(60.0 * float(entry.get("estimated_time_to_regain_access") or 0))
    insights = _document(headers, "x-fb-ads-insights-throttle")
    account = _document(headers, "x-ad-account-usage")
    reported = (
        insights.get("app_id_util_pct"),
        insights.get("acc_id_util_pct"),
        account.get("acc_id_util_pct"),
    )
    percents += [float(percent) for percent in reported if percent is not None]
    # below 100 % this is the time until the usage is back to zero, not a waiting time
    if float(account.get("acc_id_util_pct") or 0) >= 100:
        waits.append(float(account.get("reset_time_duration") or 0))
    return Usage(max(percents, default=100.0), max(waits)) if percents or any(waits) else None


def pace(headers: Mapping[str, str]) -> Limit | None:
    """Return the limit to apply after an answer, so that requests slow down before they are refused."""
    used = usage(headers)
    if used is None:
        return None
    nearness = (used.percent - settings.HURRIED_PERCENT) / (100.0 - settings.HURRIED_PERCENT)
    return _ROOM if nearness <= 0 else Limit(1, settings.LONGEST_PAUSE * min(1.0, nearness) ** 2)


def _entries(headers: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for rows in _document(headers, "x-business-use-case-usage").values():
        yield from rows if isinstance(rows, list) else ()
    yield _document(headers, "x-app-usage")


def _document(headers: Mapping[str, str], name: str) -> dict[str, Any]:
    try:
        document = orjson.loads(headers.get(name) or "{}")
    except orjson.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) else {}
