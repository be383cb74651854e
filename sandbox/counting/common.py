"""Arithmetic shared by the networks' counters: delivery per account day, stable reporting lags."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sandbox.world.company import ADS_START, HORIZON, Placement
from sandbox.world.crowd import HOURS, Delivery, hour_index


@dataclass(frozen=True, slots=True)
class DeliveryDay:
    """What one placement delivered on one day of its account."""

    placement: Placement
    day: date
    impressions: int
    clicks: int

    @property
    def cost_micros(self) -> int:
        """Cost in millionths of a euro."""
        campaign = self.placement.campaign
        per_click = int(campaign.cost_per_click * 1_000_000)
        per_impression = int(campaign.cost_per_mille * 1_000)
        return self.clicks * per_click + self.impressions * per_impression


def share_of(key: str) -> float:
    """A number from 0 to less than 1 that depends on the key alone."""
    return zlib.crc32(key.encode()) / 2**32


def spread(key: str, low: timedelta, high: timedelta) -> timedelta:
    """A duration between two bounds that depends on the key alone."""
    return low + (high - low) * share_of(key)


def delivery_days(
    delivery: Delivery, placements: list[Placement], time_zone: str, until: datetime
) -> list[DeliveryDay]:
    """Impressions and clicks per placement and account-local day, whole UTC hours up to `until`."""
    last = max(0, min(HOURS, hour_index(min(until, HORIZON)))) if until > ADS_START else 0
    zone = ZoneInfo(time_zone)
    days = [(ADS_START + timedelta(hours=hour)).astimezone(zone).date() for hour in range(last)]
    rows: list[DeliveryDay] = []
    for placement in placements:
        shown: dict[date, int] = {}
        clicked: dict[date, int] = {}
        counts = zip(days, delivery.impressions[placement.key], delivery.clicks[placement.key], strict=False)
        for day, impressions, clicks in counts:
            if impressions or clicks:
                shown[day] = shown.get(day, 0) + impressions
                clicked[day] = clicked.get(day, 0) + clicks
        rows.extend(DeliveryDay(placement, day, shown[day], clicked[day]) for day in sorted(shown))
    return rows
