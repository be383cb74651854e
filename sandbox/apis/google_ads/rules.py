"""What a query may ask: fields that go together, dates that are still there.

https://developers.google.com/google-ads/api/docs/query/overview and the error enums of v26.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from sandbox.apis.gaql import Condition, Query, QueryError, span
from sandbox.apis.google_ads.schema import (
    ATTRIBUTED,
    CONVERSION_SEGMENTS,
    DATE_SEGMENTS,
    DELIVERY_METRICS,
    MEASURED,
    SEGMENTED,
    kind_of,
)
from sandbox.apis.limits import months_before

MONTH_RETENTION_YEARS = 11
CHANGE_DAYS = 90
_GRAINS = {"segments.date", "segments.week", "segments.month", "segments.quarter"}
#: Segments that need a day's figures, which are kept shorter than those of months.
_FINE = {"segments.date", "segments.week", "segments.day_of_week"}


@dataclass(frozen=True, slots=True)
class Limits:
    """How far back figures reach, in months and days, and the code that refuses what is older."""

    months: int
    code: str
    click_days: int


@dataclass(frozen=True, slots=True)
class Asked:
    """A query that may be answered: its metrics and segments, and the days it is about, if any."""

    metrics: tuple[str, ...]
    segments: tuple[str, ...]
    days: tuple[date, date] | None


def check(query: Query, today: date, limits: Limits, *, manager: bool) -> Asked:
    """The query's parts.

    Raises:
        QueryError: Google refuses it.
    """
    _check_resource(query)
    metrics = tuple(name for name in query.select if name.startswith("metrics."))
    segments = tuple(name for name in query.select if name.startswith("segments."))
    _check_selected(query, segments)
    _check_combination(metrics, segments)
    if manager and (metrics or query.resource == "click_view"):
        raise QueryError(
            "REQUESTED_METRICS_FOR_MANAGER",
            "Metrics cannot be requested for a manager account. To retrieve metrics, issue separate "
            "requests against each client account under the manager account.",
        )
    dated = [c for c in query.where if c.field in _GRAINS]
    days = span(dated, today) if dated else None
    if query.resource == "click_view":
        _check_single_day(days, today, limits.click_days)
    elif query.resource == "change_status":
        _check_changes(query, today)
    else:
        if _GRAINS & {*segments, *(c.field for c in dated)} and days is None:
            raise QueryError(
                "EXPECTED_FILTERS_ON_DATE_RANGE",
                "A filter on a finite date range is expected.",
                "segments.date",
            )
        _check_alignment(dated)
        if days is not None:
            _check_retention(days, set(segments), today, limits)
    return Asked(metrics, segments, days)


def _check_resource(query: Query) -> None:
    if query.resource not in ATTRIBUTED:
        raise QueryError(
            "BAD_RESOURCE_TYPE_IN_FROM_CLAUSE", f"Invalid resource in FROM: {query.resource}.", query.resource
        )
    allowed = {
        "metrics": MEASURED.get(query.resource, set()),
        "segments": SEGMENTED.get(query.resource, set()),
    }
    for name in (*query.select, *(c.field for c in query.where), *(name for name, _ in query.order)):
        kind_of(name)
        owner, _, rest = name.partition(".")
        if owner in allowed:
            if not allowed[owner]:
                raise _foreign(owner)
            if rest not in allowed[owner]:
                kind = "METRIC" if owner == "metrics" else "SEGMENT"
                raise QueryError(
                    f"PROHIBITED_{kind}_IN_SELECT_OR_WHERE_CLAUSE",
                    f"Cannot select or filter on '{name}' with resource '{query.resource}' in FROM.",
                    name,
                )
        elif owner not in ATTRIBUTED[query.resource]:
            raise _foreign(owner)


def _foreign(owner: str) -> QueryError:
    return QueryError(
        "PROHIBITED_RESOURCE_TYPE_IN_SELECT_CLAUSE",
        f"Cannot select fields from the following resources: {owner.upper()}, since the resource is "
        "incompatible with the resource in the FROM clause.",
        owner,
    )


def _check_selected(query: Query, segments: tuple[str, ...]) -> None:
    filtered = [
        c.field
        for c in query.where
        if c.field.startswith("segments.") and c.field not in segments and c.field[9:] not in DATE_SEGMENTS
    ]
    for name in (*filtered, *(name for name, _ in query.order if name not in query.select)):
        raise QueryError(
            "EXPECTED_REFERENCED_FIELD_IN_SELECT_CLAUSE",
            f"The following field must be present in SELECT clause: '{name}'.",
            name,
        )


def _check_combination(metrics: tuple[str, ...], segments: tuple[str, ...]) -> None:
    by_action = next((name for name in segments if name[9:] in CONVERSION_SEGMENTS), None)
    clashing = next((name for name in metrics if name[8:] in DELIVERY_METRICS), None)
    if by_action and clashing:
        raise QueryError(
            "PROHIBITED_SEGMENT_WITH_METRIC_IN_SELECT_OR_WHERE_CLAUSE",
            f"Cannot select or filter on the following segments with {clashing}: {by_action}.",
            clashing,
        )


def _check_single_day(days: tuple[date, date] | None, today: date, most: int) -> None:
    kind = "clickViewError"
    if days is None or days[0] != days[1]:
        message = "Missing filter on a single day. The request must filter segments.date on one day."
        raise QueryError("EXPECTED_FILTER_ON_A_SINGLE_DAY", message, "segments.date", kind)
    if days[0] < today - timedelta(days=most):
        message = f"The requested date is too old. It must be within the last {most} days."
        raise QueryError("DATE_TOO_OLD", message, days[0].isoformat(), kind)


def _check_changes(query: Query, today: date) -> None:
    kind, field = "changeStatusError", "change_status.last_change_date_time"
    shortened = [
        Condition(c.field, c.operator, tuple(text[:10] for text in c.values))
        for c in query.where
        if c.field == field
    ]
    days = span(shortened, today)
    if days is None:
        message = "The change status search request must specify a finite range on last_change_date_time."
        raise QueryError("CHANGE_DATE_RANGE_INFINITE", message, field, kind)
    if days[0] > days[1]:
        message = "The change status search request has specified invalid date time filters."
        raise QueryError("CHANGE_DATE_RANGE_NEGATIVE", message, field, kind)
    if days[0] < today - timedelta(days=CHANGE_DAYS):
        message = f"The search range starts more than {CHANGE_DAYS} days ago."
        raise QueryError("START_DATE_TOO_OLD", message, field, kind)
    if query.limit is None:
        raise QueryError("LIMIT_NOT_SPECIFIED", "The LIMIT clause must be specified.", "", kind)
    if query.limit > 10_000:
        raise QueryError("INVALID_LIMIT_CLAUSE", "The LIMIT must not exceed 10000.", str(query.limit), kind)


def _check_alignment(dated: list[Condition]) -> None:
    for condition in dated:
        for text in condition.values if condition.operator != "DURING" else ():
            day = date.fromisoformat(text)
            aligned = {
                "segments.week": day.weekday() == 0,
                "segments.month": day.day == 1,
                "segments.quarter": day.day == 1 and day.month % 3 == 1,
            }
            if not aligned.get(condition.field, True):
                raise _misaligned(condition.field, text)


def _misaligned(name: str, text: str) -> QueryError:
    message = f"The date used in filtering {name} does not align with its granularity: {text}."
    return QueryError("MISALIGNED_DATE_FOR_FILTER", message, text)


def _check_retention(days: tuple[date, date], segments: set[str], today: date, limits: Limits) -> None:
    """Figures of days live 37 months, of months 11 years; what is older must be asked in whole months."""
    first, last = days
    if first >= months_before(today, limits.months):
        return
    if segments & _FINE or first < months_before(today, 12 * MONTH_RETENTION_YEARS):
        message = f"Date {first} is older than {limits.months} months."
        raise QueryError(limits.code, message, first.isoformat(), "dateRangeError")
    if first.day != 1 or (last + timedelta(days=1)).day != 1:
        raise _misaligned("segments.date", first.isoformat())
