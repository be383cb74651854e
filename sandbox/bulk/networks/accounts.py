"""What large ad accounts hold: columns of numbers from a seed, one row per day and one column per ad.

The figures are plausible, not simulated. Those of groups and campaigns are the sums of their ads', and a
conversion shows up some days after the day it is credited to, as it does at every network.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandbox.world.company import DEFAULT_NOW

Ints = NDArray[np.int64]

NETWORKS = ("google_ads", "facebook_ads", "linkedin_ads")
#: Ads per object of each level of the hierarchy; the networks name the levels differently.
CAMPAIGN, GROUP, AD = 10, 5, 1
ACTIONS = 2
CONVERSION_VALUE = 40
#: How many days late a conversion shows up at most, and the days from which one is in the next bucket.
LATEST = 28
LAG_STARTS = (0, 1, 2, 3, 7, 14)
#: Days after the first clock for which there are figures.
_AHEAD = 40
_FIRST_ID = 7_100_000_001


@dataclass(frozen=True)
class Size:
    """How much there is: ads over all accounts, a third of the accounts per network, days of figures.

    `clicks` are Google's per day over its accounts, of the last `click_days` days.
    """

    ads: int = 500
    accounts: int = 6
    days: int = 365
    clicks: int = 5_000
    click_days: int = 90

    @classmethod
    def parse(cls, text: str) -> Size:
        """From `ads=500,days=365`; what is not named keeps its default.

        Raises:
            ValueError: an unknown name, no count, or too few ads.
        """
        counts: dict[str, int] = {}
        for item in filter(None, text.split(",")):
            name, _, count = item.partition("=")
            if name not in cls.__dataclass_fields__ or not count.isdigit():
                raise ValueError(f"{item}: expected one of {', '.join(cls.__dataclass_fields__)} and a count")
            counts[name] = int(count)
        size = cls(**counts)
        if not size.accounts or size.accounts % len(NETWORKS) or size.ads < size.accounts or not size.days:
            raise ValueError(f"{text}: three networks have equally many accounts, each with an ad and a day")
        return size


@dataclass(frozen=True)
class Conversions:
    """Counted conversions by day, object, action and lag bucket: places and how many. Zeros are left out."""

    day: Ints
    place: Ints
    action: Ints
    bucket: Ints
    count: Ints


class Account:
    """One ad account. Days are numbered from `first`, ads and the objects above them from 0."""

    def __init__(self, network: str, number: int, ads: int, clicks: int, size: Size, seed: int) -> None:
        self.network, self.ads, self.clicks = network, ads, clicks
        self.id = str(_FIRST_ID + 10 * number)
        self.first = DEFAULT_NOW.date() - timedelta(days=size.days - 1)
        self.first_click = DEFAULT_NOW.date() - timedelta(days=min(size.click_days, size.days) - 1)
        self._base = (number + 1) * 10_000_000
        random = np.random.default_rng([seed, number])
        shape = (size.days + _AHEAD, ads)
        self.impressions = random.integers(900, 9_000, shape)
        self.visits = self.impressions // random.integers(20, 90, shape)
        #: Cents of the account's currency.
        self.cost = self.visits * random.integers(40, 300, shape)
        self._converts = random.random(shape) < 1 / 3
        self._late = np.minimum(random.geometric(0.3, shape) - 1, LATEST)
        self._action = random.integers(0, ACTIONS, shape)

    def ids(self, level: int) -> list[str]:
        """Ids of the objects of a level."""
        return [f"{self._base + level * 100_000 + place}" for place in range(-(-self.ads // level))]

    def days(self, since: date, until: date, today: date) -> range:
        """Numbers of the days in a span, both ends included, that are here already and held."""
        until = min(until, today)
        return range(max(0, (since - self.first).days), min(len(self.cost), (until - self.first).days + 1))

    def dates(self, days: range) -> list[date]:
        """The dates of some days."""
        return [self.first + timedelta(days=day) for day in days]

    def total(self, values: Ints, days: range, level: int) -> Ints:
        """Sums per day and object of a level."""
        chosen = values[days.start : days.stop]
        if not len(chosen):
            return np.empty((0, -(-self.ads // level)), np.int64)
        return np.add.reduceat(chosen, np.arange(0, self.ads, level), axis=1)

    def converted(self, days: range, level: int, today: date) -> Ints:
        """Conversions per day and object that show by today."""
        return self.total(self._visible(today).astype(np.int64), days, level)

    def conversions(self, days: range, level: int, today: date, *, by_lag: bool = False) -> Conversions:
        """The same by action, and by lag if asked for; days are numbered within `days`."""
        day, ad = np.nonzero(self._visible(today)[days.start : days.stop])
        cell = (day + days.start, ad)
        lag = np.searchsorted(LAG_STARTS, self._late[cell], "right") - 1 if by_lag else np.zeros_like(day)
        shape = (max(1, len(days)), self.ads, ACTIONS, len(LAG_STARTS))
        codes = np.ravel_multi_index((day, ad // level, self._action[cell], lag), shape)
        found, count = np.unique(codes, return_counts=True)
        day, place, action, lag = np.unravel_index(found, shape)
        return Conversions(day, place, action, lag, count)

    def _visible(self, today: date) -> NDArray[np.bool_]:
        shows = np.arange(len(self._late))[:, None] + self._late
        return self._converts & (shows <= (today - self.first).days)


def accounts(size: Size, seed: int) -> dict[str, list[Account]]:
    """The accounts of each network."""
    each = size.accounts // len(NETWORKS)
    return {
        network: [
            Account(network, number, _share(size.ads, size.accounts, number), clicks, size, seed)
            for number in range(first * each, first * each + each)
            for clicks in [_share(size.clicks, each, number - first * each) if not first else 0]
        ]
        for first, network in enumerate(NETWORKS)
    }


def _share(whole: int, parts: int, number: int) -> int:
    return whole // parts + (number < whole % parts)


def printed(template: str, *columns: Any) -> list[str]:
    """The template with each row of the columns in its places."""
    return list(map(template.__mod__, zip(*columns, strict=True)))
