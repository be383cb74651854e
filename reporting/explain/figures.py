"""Figures as they are shown: rounded for display only, with typographic signs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal

from reporting.explain.reading import Step


def running(steps: Iterable[Step]) -> list[tuple[Decimal, Decimal]]:
    """Where each step begins and ends on the axis; start and end begin at zero."""
    total, pairs = Decimal(0), []
    for step in steps:
        if step.kind == "adjustment":
            pairs.append((total, total + step.units))
            total += step.units
        else:
            pairs.append((Decimal(0), step.units))
            total = step.units
    return pairs


def places(steps: Sequence[Step]) -> int:
    """One form for all figures of a bridge, so that they stand in line."""
    return 0 if all(step.units == step.units.to_integral_value() for step in steps) else 2


def number(value: Decimal, digits: int, *, signed: bool = False) -> str:
    """Rounded to `digits`, with thousands separated."""
    rounded = value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    text = f"{abs(rounded):,}"
    if rounded < 0:
        return f"−{text}"
    return f"+{text}" if signed and rounded > 0 else text


def brief(value: Decimal) -> str:
    """As short as it is exact enough to read: whole where it is whole, else one digit."""
    return number(value, 0 if value == value.to_integral_value() else 1)


def share(units: Decimal, start: Decimal, *, signed: bool) -> str:
    """Percent of the start; nothing where there is no start."""
    return f"{number(units / start * 100, 1, signed=signed)}%" if start else ""


def duration(seconds: float, rounded: Callable[[float], int] = math.floor) -> str:
    """A time in its largest unit, as people say it."""
    units = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
    size, unit = next((item for item in units if seconds >= item[0]), units[-1])
    count = rounded(seconds / size)
    return f"{count} {unit}{'' if count == 1 else 's'}"
