"""The many who see and click ads and come to nothing: hourly counts, not persons."""

from __future__ import annotations

import math
from collections import Counter
from datetime import datetime, timedelta

import numpy as np

from sandbox.world.company import ADS_START, HORIZON, Company
from sandbox.world.journeys import AdClick, AdImpression, Event

HOURS = int((HORIZON - ADS_START) / timedelta(hours=1))


def hour_index(at: datetime) -> int:
    """Hours since the ads started."""
    return int((at - ADS_START) / timedelta(hours=1))


class Delivery:
    """Impressions and clicks of every placement per UTC hour: the crowd's and the persons' together."""

    def __init__(self, company: Company, events: list[Event], seed: int) -> None:
        self.impressions: dict[tuple[str, str, str, str], list[int]] = {}
        self.clicks: dict[tuple[str, str, str, str], list[int]] = {}
        hours = np.arange(HOURS)
        daily = 0.35 + 0.65 * (1 + np.cos((hours % 24 - 16) * math.pi / 12)) / 2
        for number, placement in enumerate(company.placements):
            campaign = placement.campaign
            rng = np.random.default_rng([seed, number])
            mates = sum(1 for p in company.placements if p.campaign is campaign)
            rate = campaign.reach_per_day / mates / 24 * daily / daily[:24].mean()
            days = rng.uniform(0.6, 1.4, HOURS // 24 + 1)
            paused = rng.random(HOURS // 24 + 1) < 0.03
            days[paused] = 0
            start, end = placement.run
            live = np.array([start <= ADS_START + timedelta(hours=int(hour)) < end for hour in hours[::24]])
            shown = rng.poisson(rate * days[hours // 24] * live[hours // 24])
            clicked = rng.binomial(shown, campaign.click_rate)
            self.impressions[placement.key] = shown.tolist()
            self.clicks[placement.key] = clicked.tolist()
        own: Counter[tuple[bool, tuple[str, str, str, str], int]] = Counter()
        for event in events:
            if isinstance(event, AdImpression | AdClick) and event.at >= ADS_START:
                own[(isinstance(event, AdClick), event.placement.key, hour_index(event.at))] += 1
        for (is_click, key, hour), count in own.items():
            (self.clicks if is_click else self.impressions)[key][hour] += count
