"""Single clicks and what was left in lead forms: `click_view` and `lead_form_submission_data`.

https://developers.google.com/google-ads/api/fields/v26/click_view: one day per query, 90 days back, invalid
clicks included, one row per click and segment.
"""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from hashlib import blake2b
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.apis import gaql
from sandbox.apis.google_ads.account_reports import LEAD_FORM, Books, Row
from sandbox.apis.google_ads.rules import Asked
from sandbox.counting.common import share_of
from sandbox.counting.google import CLICK_LAG, Credit
from sandbox.world.company import ADS_START, HORIZON, Account, Placement
from sandbox.world.crowd import Delivery, hour_index
from sandbox.world.journeys import AdClick
from sandbox.world.people import Person

LEAD_LAG = timedelta(minutes=10)
_COUNTRIES = ("2276", "2040", "2756", "2528")
_CITIES = ("1004234", "1000997", "1003297", "1010543")
_SLOTS = {
    "SEARCH": "SEARCH_TOP",
    "SMART": "SEARCH_TOP",
    "DISPLAY": "CONTENT",
    "VIDEO": "CONTENT",
    "PERFORMANCE_MAX": "MIXED",
    "DEMAND_GEN": "MIXED",
}
_NETWORK_TYPES = {
    "SEARCH": "SEARCH",
    "SMART": "SEARCH",
    "DISPLAY": "CONTENT",
    "VIDEO": "YOUTUBE",
    "PERFORMANCE_MAX": "MIXED",
    "DEMAND_GEN": "DISCOVER",
}
#: Click type CROSS_NETWORK. Source: https://developers.google.com/google-ads/api/docs/demand-gen/reporting
_CROSS_NETWORK = {"PERFORMANCE_MAX", "DEMAND_GEN"}


@dataclass(frozen=True, slots=True)
class Rates:
    """Shares of clicks that come in two rows, and of invalid clicks on top of the counted ones."""

    repeats: float
    invalid: float


ByHour = Mapping[tuple[tuple[str, ...], int], list[AdClick]]


def by_hour(clicks: Iterable[AdClick]) -> ByHour:
    """Clicks by placement and hour since the ads started."""
    found: dict[tuple[tuple[str, ...], int], list[AdClick]] = defaultdict(list)
    for click in clicks:
        if click.at >= ADS_START:
            found[(click.placement.key, hour_index(click.at))].append(click)
    return dict(found)


class Clicks:
    """Every click on the account's ads: those of the company's people (`own`), and the crowd's."""

    def __init__(self, books: Books, delivery: Delivery, own: ByHour, rates: Rates) -> None:
        self.books, self.delivery, self.own, self.rates = books, delivery, own, rates
        self.zone = ZoneInfo(books.account.time_zone)

    def rows(self, query: gaql.Query, asked: Asked, day: date) -> list[Row]:
        """One row per click of that day and segment."""
        found: dict[tuple[Any, ...], Row] = {}
        for placement in self.books.placements:
            attributes = self._attributes(placement)
            for gclid in self._of_day(placement, day):
                row = {**attributes, **self._click(placement, gclid, day), "metrics.clicks": 1}
                rows = [row]
                if share_of(f"repeat{gclid}") < self.rates.repeats:
                    rows.append({**row, "segments.click_type": "SITELINKS"})
                for number, one in enumerate(rows):
                    if number and "segments.click_type" not in asked.segments:
                        continue
                    key = (gclid, *(one[name] for name in asked.segments))
                    found.setdefault(key, one)
        today = self.books.today
        return [
            row
            for row in found.values()
            if all(gaql.matches(condition, row.get(condition.field), today) for condition in query.where)
        ]

    def _of_day(self, placement: Placement, day: date) -> Iterator[str]:
        """Click ids of the whole hours known now: the people's, the crowd's, invalid ones among them."""
        start = datetime.combine(day, time(), self.zone).astimezone(UTC)
        end = datetime.combine(day + timedelta(days=1), time(), self.zone).astimezone(UTC)
        known = min(end, self.books.now - CLICK_LAG, HORIZON)
        first, last = max(0, hour_index(start)), hour_index(known)
        counts = self.delivery.clicks[placement.key]
        for hour in range(first, min(last, len(counts))):
            own = self.own.get((placement.key, hour), [])
            # a click that Google names by `wbraid` has no `gclid` to list
            yield from (click.click_id for click in own if "wbraid=" not in click.landing_page_url)
            for number in range(counts[hour]):
                key = f"{placement.key}{hour}/{number}"
                if number >= len(own):
                    yield click_id(key)
                if share_of(f"invalid{key}") < self.rates.invalid:
                    yield click_id(f"invalid{key}")

    def _attributes(self, placement: Placement) -> Row:
        books = self.books
        return books.placement(placement, "ad_group") or books.placement(placement, "campaign") or {}

    def _click(self, placement: Placement, gclid: str, day: date) -> Row:
        base, group, ad = self.books.base, placement.group, placement.ad
        kind = placement.campaign.kind
        place = int(share_of(f"place{gclid}") * len(_CITIES))
        row: Row = {
            "click_view.resource_name": f"{base}/clickViews/{day.isoformat()}~{gclid}",
            "click_view.gclid": gclid,
            "click_view.page_number": 1 if kind == "SEARCH" else None,
            "segments.date": day.isoformat(),
            "segments.device": "MOBILE" if share_of(f"device{gclid}") < 0.56 else "DESKTOP",
            "segments.ad_network_type": _NETWORK_TYPES[kind],
            "segments.click_type": "CROSS_NETWORK" if kind in _CROSS_NETWORK else "URL_CLICKS",
            "segments.slot": _SLOTS[kind],
        }
        for part in ("area_of_interest", "location_of_presence"):
            row[f"click_view.{part}.country"] = f"geoTargetConstants/{_COUNTRIES[place]}"
            row[f"click_view.{part}.city"] = f"geoTargetConstants/{_CITIES[place]}"
            row[f"click_view.{part}.most_specific"] = f"geoTargetConstants/{_CITIES[place]}"
        if group is not None and ad is not None:
            row["click_view.ad_group_ad"] = f"{base}/adGroupAds/{group.id}~{ad.id}"
            if group.keyword:
                row["click_view.keyword"] = f"{base}/adGroupCriteria/{group.id}~{int(group.id) % 10**9}"
                row["click_view.keyword_info.text"] = group.keyword
                row["click_view.keyword_info.match_type"] = "PHRASE"
        return row


def click_id(key: str) -> str:
    """A click id of the crowd."""
    digest = blake2b(key.encode(), digest_size=38).digest()
    return "Cj0KCQ" + base64.urlsafe_b64encode(digest).decode().rstrip("=")[:50]


# -- lead forms -------------------------------------------------------------------------------------------


def lead_clicks(account: Account, clicks: list[AdClick], share: float) -> list[AdClick]:
    """Clicks on an account's search ads whose people filled in the lead form beneath the ad."""
    return [
        click
        for click in clicks
        if click.placement.account is account
        and click.placement.campaign.kind == "SEARCH"
        and share_of(f"lead{click.click_id}") < share
    ]


def lead_credits(books: Books, clicks: list[AdClick]) -> list[Credit]:
    """The conversions these lead forms count."""
    zone = ZoneInfo(books.account.time_zone)
    found = []
    for click in clicks:
        day = click.at.astimezone(zone).date()
        visible = click.at + CLICK_LAG
        credit = Credit(
            click.placement, LEAD_FORM, "INTERACTION", day, day, 1.0, 0.0, False, visible, timedelta(0)
        )
        found.append(credit)
    return found


def lead_rows(books: Books, clicks: list[AdClick], people: Mapping[int, Person], days: int) -> list[Row]:
    """What was filled in during the last `days` days."""
    zone = ZoneInfo(books.account.time_zone)
    rows = []
    for number, click in enumerate(clicks, start=1):
        at = click.at + timedelta(seconds=40)
        group, ad, person = click.placement.group, click.placement.ad, people[click.person]
        if not books.now - timedelta(days=days) <= at <= books.now - LEAD_LAG or group is None or ad is None:
            continue
        prefix, lead = "lead_form_submission_data", f"{3_000_000_000 + number}"
        sent = at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S%z")
        answers = {
            "FULL_NAME": f"{person.first_name} {person.last_name}",
            "EMAIL": person.email,
            "COMPANY_NAME": person.email.partition("@")[2],
        }
        rows.append(
            {
                **(books.placement(click.placement, "ad_group") or {}),
                f"{prefix}.resource_name": f"{books.base}/leadFormSubmissionData/{lead}",
                f"{prefix}.id": lead,
                f"{prefix}.asset": f"{books.base}/assets/77100401",
                f"{prefix}.campaign": f"{books.base}/campaigns/{click.placement.campaign.id}",
                f"{prefix}.ad_group": f"{books.base}/adGroups/{group.id}",
                f"{prefix}.ad_group_ad": f"{books.base}/adGroupAds/{group.id}~{ad.id}",
                f"{prefix}.gclid": click.click_id,
                f"{prefix}.submission_date_time": f"{sent[:-2]}:{sent[-2:]}",
                f"{prefix}.lead_form_submission_fields": [
                    {"fieldType": kind, "fieldValue": value} for kind, value in answers.items()
                ],
            }
        )
    return rows
