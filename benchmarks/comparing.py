"""How far the warehouse's account agrees with what really happened: figures only, no process, no file."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

#: Steps that are no reason.
ENDS = ("network_conversions", "hubspot_contacts")
RESIDUALS = ("no_trace_in_hubspot", "not_counted_by_network", "unexplained")

#: (network, account id, campaign id, day, step)
Key = tuple[str, str, str, str, str]
Bridge = Mapping[Key, float]


def accuracy(estimated: Mapping[Any, float], true: Mapping[Any, float]) -> float | None:
    """1 − ½ · Σ|estimated − true| / Σ|true|; 1 is perfect, None where nothing is true."""
    total = sum(abs(units) for units in true.values())
    if not total:
        return None
    off = sum(abs(estimated.get(key, 0) - true.get(key, 0)) for key in {*estimated, *true})
    return 1 - off / 2 / total


def reasons(bridge: Bridge) -> dict[Key, float]:
    """The adjustments of a bridge, without its two ends."""
    return {key: units for key, units in bridge.items() if key[4] not in ENDS}


def by_reason(bridge: Bridge) -> dict[tuple[str, str], float]:
    """Units per (network, reason) over the whole range."""
    sums: dict[tuple[str, str], float] = defaultdict(float)
    for (network, _, _, _, step), units in reasons(bridge).items():
        sums[network, step] += units
    return dict(sums)


def residual_share(bridge: Bridge) -> float:
    """Share of the adjusted units, both ways, that stands in a residual code."""
    found = reasons(bridge)
    total = sum(abs(units) for units in found.values())
    left = sum(abs(units) for key, units in found.items() if key[4] in RESIDUALS)
    return left / total if total else 0.0


def confusion(estimated: Bridge, true: Bridge) -> Counter[tuple[str, str]]:
    """Units per (true reason, estimated reason), from what differs within each campaign and day.

    What both say of a campaign's day agrees. The rest of a true reason is spread over the reasons that were
    estimated instead, in proportion; what has no counterpart stands against `nothing`.
    """
    found: Counter[tuple[str, str]] = Counter()
    groups: dict[tuple[str, ...], dict[str, list[float]]] = defaultdict(
        lambda: defaultdict(lambda: [0.0, 0.0])
    )
    for side, bridge in enumerate((true, estimated)):
        for (*group, step), units in reasons(bridge).items():
            groups[tuple(group)][step][side] += units
    for steps in groups.values():
        for sign in (-1, 1):
            wanted = {step: max(sign * own[0], 0.0) for step, own in steps.items()}
            given = {step: max(sign * own[1], 0.0) for step, own in steps.items()}
            for step in steps:
                both = min(wanted[step], given[step])
                found[step, step] += both
                wanted[step] -= both
                given[step] -= both
            missing, surplus = sum(wanted.values()), sum(given.values())
            matched = min(missing, surplus)
            for step, left in wanted.items():
                for other, more in given.items():
                    if matched and left and more:
                        found[step, other] += matched * left / missing * more / surplus
                if left and missing:
                    found[step, "nothing"] += left * (1 - matched / missing)
            for other, more in given.items():
                if more and surplus:
                    found["nothing", other] += more * (1 - matched / surplus)
    return Counter({pair: units for pair, units in found.items() if units > 1e-9})


@dataclass
class Agreement:
    """Rows of one mart beside the truth: how many both have, and the others by what is unusual about them."""

    mart: str
    agreed: int = 0
    missing: Counter[str] = field(default_factory=Counter)
    surplus: Counter[str] = field(default_factory=Counter)

    @property
    def disagreed(self) -> int:
        """Rows that only one side has."""
        return sum(self.missing.values()) + sum(self.surplus.values())

    @property
    def share(self) -> float | None:
        """Share of the rows of either side that both have; None where neither has any."""
        total = self.agreed + self.disagreed
        return self.agreed / total if total else None


def joined(found: Iterable[Agreement]) -> Agreement:
    """Several companies' comparisons as one."""
    kept = list(found)
    return Agreement(
        kept[0].mart if kept else "",
        sum(one.agreed for one in kept),
        sum((one.missing for one in kept), Counter()),
        sum((one.surplus for one in kept), Counter()),
    )


def agree(mart: str, rows: Iterable[Any], true: Iterable[Any], why: Mapping[Any, str]) -> Agreement:
    """Compare two sets of rows; `why` says by the first item of a row what is unusual about it."""
    found, wanted = set(rows), set(true)

    def named(row: Any) -> str:
        return why.get(row[0]) or "nothing unusual"

    return Agreement(
        mart,
        len(found & wanted),
        Counter(map(named, wanted - found)),
        Counter(map(named, found - wanted)),
    )
