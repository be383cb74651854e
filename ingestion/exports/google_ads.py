"""Convert Google Ads reports (campaigns by day, conversions by action and day) to answers of its API.

Reports contain the name of a conversion action but no id, so the name replaces the id. No report contains
settings of actions, ads or clicks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from ingestion.exports import rows, settings
from ingestion.exports.money import account_currency
from ingestion.exports.rows import Row
from ingestion.landing.arrow import Page, Table
from ingestion.landing.resources import DaysRead, Landing, Span
from ingestion.sources.google_ads import tables

__all__ = ["DAILY", "ENTITIES", "accounts", "resources", "span"]

_CampaignDay = tuple[str, str, date]

VENDOR = "google_ads"
_FIGURES, _ACTIONS = "campaigns", "actions"
_METRICS = ("conversions", "conversions_value", "all_conversions", "all_conversions_value")
#: The action of a campaign's conversions that no report splits by action.
_NO_ACTION = "Conversions of no known action"
# reports round each figure to two decimals
_ROUNDING = Decimal("0.005")


ENTITIES = tables.ENTITIES
DAILY = tuple(table.with_column("conversion_action_id", kind="text") for table in tables.DAILY)


def accounts(landing: Landing) -> Sequence[str]:
    """Return the accounts with figures."""
    return rows.accounts(landing, VENDOR)


def span(landing: Landing, table: Table, account: str) -> Span:
    """Return a span that covers every day of the files."""
    return rows.span()


def resources(landing: Landing, part: str) -> list[Any]:
    """Return the dlt resources of a part. Opens no file until they run."""
    if part == "entities":
        read = {tables.CUSTOMERS.name: _customers, tables.CAMPAIGNS.name: _campaigns}
        return rows.entity_resources(landing, ENTITIES, read)
    figures = {tables.CAMPAIGN_METRICS.name: _metrics, tables.CAMPAIGN_CONVERSIONS.name: _conversions}
    return rows.daily_resources(landing, VENDOR, DAILY, figures)


def _wrap(results: list[Mapping[str, Any]]) -> Any:
    return [{"results": results}]


def _customers(landing: Landing) -> Iterator[Page]:
    yield from rows.pages(
        (
            (
                (),
                {
                    "customerClient": {
                        "id": account,
                        "descriptiveName": row["account_name"],
                        "currencyCode": account_currency(row),
                        "timeZone": settings.account_zone(account),
                        "status": "ENABLED",
                    }
                },
            )
            for (account,), row in rows.latest_rows(landing, VENDOR).items()
        ),
        _wrap,
    )


def _campaigns(landing: Landing) -> Iterator[Page]:
    yield from rows.pages(
        (
            (
                (("customer_id", account),),
                {
                    "campaign": {
                        "id": campaign,
                        "name": row["campaign"],
                        "status": row.word("campaign_status"),
                        "advertisingChannelType": row.word("campaign_type"),
                    }
                },
            )
            for (account, campaign), row in rows.latest_rows(landing, VENDOR, "campaign_id").items()
        ),
        _wrap,
    )


def _metrics(landing: Landing, table: Table) -> Iterator[Page | DaysRead]:
    asked = rows.requested_days(landing, table, VENDOR)
    actions = _sums(landing)

    def found() -> Iterator[tuple[rows.Context, Mapping[str, Any]]]:
        seen: set[_CampaignDay] = set()
        for row in rows.current_rows(landing, rows.exports(landing, VENDOR, _FIGURES), table, asked):
            total, _ = _deduplicated(row, actions)
            seen.add(_campaign_day(row))
            yield (
                (("customer_id", row.account),),
                {
                    **_at(row),
                    "metrics": {
                        "impressions": rows.number_text(row["impressions"]),
                        "clicks": rows.number_text(row["clicks"]),
                        "costMicros": str(int((row["cost"] or Decimal(0)) * 1_000_000)),
                        "conversions": float(total),
                        "conversionsValue": float(row["conversions_value"] or 0),
                        "allConversions": float(max(row["all_conversions"] or Decimal(0), total)),
                        "viewThroughConversions": rows.number_text(row["view_through_conversions"]),
                    },
                },
            )
        yield from _by_action_alone(landing, asked, actions, seen)

    yield from rows.pages(found(), _wrap)
    yield from rows.days_read(asked)


def _by_action_alone(
    landing: Landing,
    asked: Mapping[str, Collection[date]],
    actions: Mapping[_CampaignDay, tuple[Decimal, int]],
    seen: Collection[_CampaignDay],
) -> Iterator[tuple[rows.Context, Mapping[str, Any]]]:
    """Yield figures of campaign days that only the report by action contains."""
    alone = [key for key in actions if key not in seen and key[2] in asked.get(key[0], ())]
    for account, campaign, day in alone:
        conversions = float(actions[account, campaign, day][0])
        metrics = dict.fromkeys(("impressions", "clicks", "costMicros", "viewThroughConversions"), "0")
        place = {"segments": {"date": str(day)}, "campaign": {"id": campaign}}
        yield (
            (("customer_id", account),),
            {**place, "metrics": metrics | {"conversions": conversions, "allConversions": conversions}},
        )
    if alone:
        rows.notice_once(
            landing,
            f"Google Ads: {len(alone)} campaign days have conversions by action but no row in the report of"
            " campaigns by day: check whether that report is truncated or filtered",
        )


def _conversions(landing: Landing, table: Table) -> Iterator[Page | DaysRead]:
    """Yield conversions by action; conversions that no report splits get the action `_NO_ACTION`."""
    reports = rows.exports(landing, VENDOR, _ACTIONS)
    rows.notice_unread_days(landing, VENDOR, reports)
    asked = rows.requested_days(landing, table, VENDOR)
    actions = _sums(landing)

    def found() -> Iterator[tuple[rows.Context, Mapping[str, Any]]]:
        for row in rows.current_rows(landing, reports, table, asked):
            yield (("customer_id", row.account),), _action(row)
        for row in rows.current_rows(landing, rows.exports(landing, VENDOR, _FIGURES), None, asked):
            _, rest = _deduplicated(row, actions)
            if rest:
                yield (("customer_id", row.account),), _rest(row, rest)

    yield from rows.pages(found(), _wrap)
    yield from rows.days_read(asked)


def _at(row: Row) -> dict[str, Any]:
    return {"segments": {"date": str(row["date"])}, "campaign": {"id": row["campaign_id"]}}


def _action(row: Row) -> dict[str, Any]:
    counted = row["conversions"] or Decimal(0)
    metrics = {
        "conversions": counted,
        "conversions_value": row["conversions_value"] or Decimal(0),
        # without the column only the primary conversions are known
        "all_conversions": counted if row["all_conversions"] is None else row["all_conversions"],
        "all_conversions_value": row["all_conversions_value"] or Decimal(0),
    }
    # without the columns by conversion date, the report's own date is used
    has_conversion_date = "conversions_by_conversion_date" in row.export.fields
    for name in _METRICS:
        value = row[f"{name}_by_conversion_date"]
        metrics[f"{name}_by_conversion_date"] = (
            (value or Decimal(0)) if has_conversion_date else metrics[name]
        )
    place = _at(row)
    place["segments"] |= {
        "conversionAction": row["conversion_action"],
        "conversionActionName": row["conversion_action"],
        "conversionActionCategory": row.word("conversion_category"),
        "conversionAttributionEventType": row.word("event_type") or "INTERACTION",
        "externalConversionSource": row.word("conversion_source") or "WEBPAGE",
    }
    return {**place, "metrics": {_camel(name): float(value) for name, value in metrics.items()}}


def _rest(row: Row, conversions: Decimal) -> dict[str, Any]:
    """Return the conversions of a campaign day without a known action, with their part of the value."""
    place = _at(row)
    place["segments"] |= {
        "conversionAction": _NO_ACTION,
        "conversionActionName": _NO_ACTION,
        "conversionAttributionEventType": "INTERACTION",
        "externalConversionSource": "WEBPAGE",
    }
    value = (row["conversions_value"] or Decimal(0)) * conversions / (row["conversions"] or conversions)
    amounts = {
        "conversions": conversions,
        "conversionsValue": value,
        "allConversions": conversions,
        "allConversionsValue": value,
    }
    return {
        **place,
        "metrics": {
            name + suffix: float(amount)
            for name, amount in amounts.items()
            for suffix in ("", "ByConversionDate")
        },
    }


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _campaign_day(row: Row) -> _CampaignDay:
    return row.account, row["campaign_id"], row["date"]


def _sums(landing: Landing) -> Mapping[_CampaignDay, tuple[Decimal, int]]:
    """Return the sum of conversions over the actions of each campaign day, and the number of rows."""
    return rows.files(landing).once("google_ads actions", lambda: _add_up(landing))


def _add_up(landing: Landing) -> Mapping[_CampaignDay, tuple[Decimal, int]]:
    found: defaultdict[_CampaignDay, tuple[Decimal, int]] = defaultdict(lambda: (Decimal(0), 0))
    for row in rows.current_rows(landing, rows.exports(landing, VENDOR, _ACTIONS)):
        total, count = found[_campaign_day(row)]
        found[_campaign_day(row)] = total + (row["conversions"] or Decimal(0)), count + 1
    return found


def _deduplicated(row: Row, actions: Mapping[_CampaignDay, tuple[Decimal, int]]) -> tuple[Decimal, Decimal]:
    """Return a campaign's conversions of a day, and how many of them belong to no known action.

    Two reports contain this figure; each is rounded separately and may be truncated or from another day. If
    they differ only by rounding, the sum over the actions counts, otherwise the larger figure.
    """
    total = row["conversions"] or Decimal(0)
    by_action, count = actions.get(_campaign_day(row), (Decimal(0), 0))
    if count and abs(by_action - total) <= _ROUNDING * (count + 1):
        return by_action, Decimal(0)
    return max(by_action, total), max(total - by_action, Decimal(0))
