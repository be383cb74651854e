"""Formats figures for display: rounded, with typographic minus signs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal

from reporting.explain.bridge import Step


def running_totals(steps: Iterable[Step]) -> list[tuple[Decimal, Decimal]]:
    """Start and end of each step's bar on the axis; totals start at zero."""
    total, pairs = Decimal(0), []
    for step in steps:
        if step.kind == "adjustment":
            pairs.append((total, total + step.units))
            total += step.units
        else:
            pairs.append((Decimal(0), step.units))
            total = step.units
    return pairs


def decimal_places(steps: Sequence[Step]) -> int:
    """Decimal places for all figures of a bridge: 0 if all are whole numbers, else 2."""
    return 0 if all(step.units == step.units.to_integral_value() for step in steps) else 2


def number(value: Decimal, digits: int, *, signed: bool = False) -> str:
    """Formats a number rounded to `digits`, with thousands separators."""
    rounded = value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    text = f"{abs(rounded):,}"
    if rounded < 0:
        return f"−{text}"
    return f"+{text}" if signed and rounded > 0 else text


def short_number(value: Decimal) -> str:
    """Formats a whole number without decimals, any other number with one."""
    return number(value, 0 if value == value.to_integral_value() else 1)


def share(units: Decimal, start: Decimal, *, signed: bool) -> str:
    """Formats `units` as a percentage of `start`; empty if `start` is zero."""
    return f"{number(units / start * 100, 1, signed=signed)}%" if start else ""


def duration(seconds: float, rounded: Callable[[float], int] = math.floor) -> str:
    """Formats a duration in its largest unit."""
    units = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
    size, unit = next((item for item in units if seconds >= item[0]), units[-1])
    count = rounded(seconds / size)
    return f"{count} {unit}{'' if count == 1 else 's'}"
