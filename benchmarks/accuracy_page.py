"""The page and the picture about the accuracy, written from what was measured."""

from __future__ import annotations

import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from benchmarks import comparing
from benchmarks.choices import CHOICES, Choice
from reporting.networks import NETWORKS

if TYPE_CHECKING:
    from benchmarks.accuracy import Company

_TRUE, _OWN = "#b8c4cc", "#1f6f8b"
#: Most pairs of reasons that are listed as mistaken for each other.
_MOST_PAIRS = 12


def line(company: Company) -> str:
    """One company in one line, and one more per attribution report."""
    est, true = company.estimated, company.true
    shares = [f"{_percent(_on_range(est, true))} on range totals"]
    shares += [
        f"{name} {_percent(_on_range(_of(est, key), _of(true, key)))}" for key, name in NETWORKS.items()
    ]
    shares.append(f"residual {_percent(comparing.residual_share(est))}")
    shares.append(f"truly without trace {_percent(comparing.residual_share(true))}")
    lines = [f"{company.name:8} seed {company.seed}: " + ", ".join(shares)]
    for name, report in company.reports.items():
        lines.append(
            f"  {name}: reasons {_percent(_on_range(report.estimated, report.true))} on range totals, "
            f"{_percent(_on_days([(report.estimated, report.true)]))} per campaign and day; "
            f"attribution {_percent(report.credited.share)}"
        )
    lines += [
        f"  {choice.setting}: {choice.used} {totals.used} on range totals, {days.used} per campaign and day; "
        f"{choice.other} {totals.other}, {days.other}; worth {totals.worth} and {days.worth} points"
        for choice, totals, days in _both_readings(company)
    ]
    return "\n".join(lines)


def page(companies: Sequence[Company], picture: Path | None, place: Path) -> str:
    """The Markdown page; the picture is linked from where the page lies."""
    link = picture.resolve().relative_to(place.resolve().parent).as_posix() if picture else None
    text = Template(Path(__file__).with_suffix(".md").read_text())
    return text.substitute(
        companies="; ".join(_seeds(companies)),
        picture=f"![True and estimated units per reason]({link})" if link else "",
        accuracies="\n".join(_accuracies(companies)),
        reports="\n".join(_reports(companies)),
        reasons="\n".join(_reasons(companies)),
        pairs="\n".join(_pairs(companies)),
        marts="\n".join(_marts(companies)),
        readings="\n".join(_readings(companies)),
    )


def _seeds(companies: Sequence[Company]) -> Iterator[str]:
    by_profile: dict[str, list[Company]] = defaultdict(list)
    for company in companies:
        by_profile[company.name].append(company)
    for profile, found in by_profile.items():
        seeds = ", ".join(str(company.seed) for company in found)
        yield f"`{profile}` with {found[0].people:,} people (seed {seeds})"


def _accuracies(companies: Sequence[Company]) -> Iterator[str]:
    yield "| profile | network | range totals | campaign-days | residual | truly no trace | several causes |"
    yield "| --- | --- | ---: | ---: | ---: | ---: | ---: |"
    for profile, found in _profiles(companies):
        for key, name in (("", "all"), *NETWORKS.items()):
            est, true = _sum(_of(c.estimated, key) for c in found), _sum(_of(c.true, key) for c in found)
            days = [(_of(c.estimated, key), _of(c.true, key)) for c in found]
            causes = sum((c.causes for c in found), Counter[int]())
            several = sum(n for holding, n in causes.items() if holding > 1) / max(1, causes.total())
            yield (
                f"| {profile if not key else ''} | {name} | {_percent(_on_range(est, true))} "
                f"| {_percent(_on_days(days))} | {_percent(comparing.residual_share(est))} "
                f"| {_percent(comparing.residual_share(true))} | {_percent(several) if not key else ''} |"
            )


def _reports(companies: Sequence[Company]) -> Iterator[str]:
    yield "| profile | report | range totals | campaign-days | attribution | missing | too many |"
    yield "| --- | --- | ---: | ---: | ---: | ---: | ---: |"
    for profile, found in _profiles(companies):
        for name in dict.fromkeys(name for company in found for name in company.reports):
            pairs = [(c.reports[name].estimated, c.reports[name].true) for c in found if name in c.reports]
            est, true = _sum(e for e, _ in pairs), _sum(t for _, t in pairs)
            credited = comparing.joined(c.reports[name].credited for c in found if name in c.reports)
            yield (
                f"| {profile} | {name} | {_percent(_on_range(est, true))} | {_percent(_on_days(pairs))} "
                f"| {_percent(credited.share)} | {credited.missing.total():,} "
                f"| {credited.surplus.total():,} |"
            )


def _reasons(companies: Sequence[Company]) -> Iterator[str]:
    profiles = list(_profiles(companies))
    given = {key[4] for c in companies for key in comparing.reasons(c.estimated)}
    yield "| reason | " + " | ".join(profile for profile, _ in profiles) + " |"
    yield "| --- | " + " | ".join("---:" for _ in profiles) + " |"
    totals: dict[str, list[tuple[float, float]]] = defaultdict(list)
    names = {
        key[4] for c in companies for key in (*comparing.reasons(c.true), *comparing.reasons(c.estimated))
    }
    for name in sorted(names):
        for _, found in profiles:
            totals[name].append(
                (
                    sum(u for c in found for key, u in c.true.items() if key[4] == name),
                    sum(u for c in found for key, u in c.estimated.items() if key[4] == name),
                )
            )
    for name in sorted(names, key=lambda one: totals[one][-1][0]):
        label = f"`{name}`" if name in given else f"`{name}` *missing*"
        yield f"| {label} | " + " | ".join(f"{t:,.0f} / {e:,.0f}" for t, e in totals[name]) + " |"


def _pairs(companies: Sequence[Company]) -> Iterator[str]:
    yield "| truly | estimated as | units | share of the true reason |"
    yield "| --- | --- | ---: | ---: |"
    found: Counter[tuple[str, str]] = Counter()
    for company in companies:
        if company.profile != "clean":
            found.update(comparing.confusion(company.estimated, company.true))
    true: Counter[str] = Counter()
    for (wanted, _), units in found.items():
        true[wanted] += units
    wrong = [(pair, units) for pair, units in found.most_common() if pair[0] != pair[1]]
    for (wanted, given), units in wrong[:_MOST_PAIRS]:
        share = "" if wanted == "nothing" else _percent(units / true[wanted])
        yield f"| {_code(wanted)} | {_code(given)} | {units:,.0f} | {share} |"


def _marts(companies: Sequence[Company]) -> Iterator[str]:
    yield "| profile | mart | agree | missing | too many | unusual about them |"
    yield "| --- | --- | ---: | ---: | ---: | --- |"
    for profile, found in _profiles(companies):
        by_mart: dict[str, list[comparing.Agreement]] = defaultdict(list)
        for company in found:
            for agreement in company.marts:
                by_mart[agreement.mart].append(agreement)
        for mart, own in by_mart.items():
            missing = sum((a.missing for a in own), Counter[str]())
            surplus = sum((a.surplus for a in own), Counter[str]())
            unusual = "; ".join(f"{what} ({n})" for what, n in (missing + surplus).most_common(5))
            yield (
                f"| {profile} | {mart} | {sum(a.agreed for a in own):,} | {missing.total():,} "
                f"| {surplus.total():,} | {unusual} |"
            )


def _readings(companies: Sequence[Company]) -> Iterator[str]:
    measured = [company for company in companies if company.readings]
    if not measured:
        yield "Not measured: `python -m benchmarks.accuracy --profiles typical --readings` prints it."
        return
    yield "| company | rule | setting | used | other reading | range totals | worth | campaign-days | worth |"
    yield "| --- | --- | --- | --- | --- | ---: | ---: | ---: | ---: |"
    for company in measured:
        for choice, totals, days in _both_readings(company):
            mark = " \\*" if choice.in_sandbox else ""
            yield (
                f"| {company.name} | {choice.rule}{mark} | `{choice.setting}` | {choice.used} "
                f"| {choice.other} | {totals.used} / {totals.other} | {totals.worth} "
                f"| {days.used} / {days.other} | {days.worth} |"
            )


@dataclass(frozen=True)
class _Both:
    """The accuracy under the reading in use and under the other one; the difference in points."""

    used: str
    other: str
    worth: str

    @classmethod
    def of(cls, used: float | None, other: float | None) -> _Both:
        worth = "–" if used is None or other is None else f"{(used - other) * 100 + 0.0:+.2f}"
        return cls(_hundredths(used), _hundredths(other), worth)


def _both_readings(company: Company) -> Iterator[tuple[Choice, _Both, _Both]]:
    """Each measured choice with the accuracies of range totals and of campaign-days."""
    est, true = company.estimated, company.true
    for choice in CHOICES:
        if choice.setting in company.readings:
            other = company.readings[choice.setting]
            yield (
                choice,
                _Both.of(_on_range(est, true), _on_range(other, true)),
                _Both.of(_on_days([(est, true)]), _on_days([(other, true)])),
            )


# -- arithmetic ---------------------------------------------------------------------------------------------


def _profiles(companies: Sequence[Company]) -> Iterator[tuple[str, list[Company]]]:
    for name in dict.fromkeys(company.name for company in companies):
        yield name, [company for company in companies if company.name == name]


def _of(bridge: comparing.Bridge, network: str) -> dict[comparing.Key, float]:
    return {key: units for key, units in bridge.items() if network in ("", key[0])}


def _sum(bridges: Iterable[comparing.Bridge]) -> dict[comparing.Key, float]:
    sums: dict[comparing.Key, float] = defaultdict(float)
    for bridge in bridges:
        for key, units in bridge.items():
            sums[key] += units
    return dict(sums)


def _on_range(estimated: comparing.Bridge, true: comparing.Bridge) -> float | None:
    return comparing.accuracy(comparing.by_reason(estimated), comparing.by_reason(true))


def _on_days(pairs: Sequence[tuple[comparing.Bridge, comparing.Bridge]]) -> float | None:
    estimated = {(n, key): u for n, (e, _) in enumerate(pairs) for key, u in comparing.reasons(e).items()}
    true = {(n, key): u for n, (_, t) in enumerate(pairs) for key, u in comparing.reasons(t).items()}
    return comparing.accuracy(estimated, true)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share * 100:.1f} %"


def _hundredths(share: float | None) -> str:
    return "–" if share is None else f"{share * 100:.2f} %"


def _code(name: str) -> str:
    return name if name == "nothing" else f"`{name}`"


def picture(companies: Sequence[Company]) -> str:
    """True and estimated units per reason, a column per network, a row per profile, as SVG."""
    profiles = list(_profiles(companies))
    names = sorted({key[4] for c in companies for key in comparing.reasons(c.true)}, reverse=True)
    figure = Figure(figsize=(12, 0.24 * len(names) * len(profiles) + 1), layout="constrained")
    axes = figure.subplots(len(profiles), len(NETWORKS), squeeze=False, sharey=True)
    for row, (profile, found) in zip(axes, profiles, strict=True):
        for panel, (key, label) in zip(row, NETWORKS.items(), strict=True):
            true = comparing.by_reason(_sum(_of(c.true, key) for c in found))
            given = comparing.by_reason(_sum(_of(c.estimated, key) for c in found))
            places = range(len(names))
            panel.barh([p + 0.2 for p in places], [true.get((key, n), 0) for n in names], 0.4, color=_TRUE)
            panel.barh([p - 0.2 for p in places], [given.get((key, n), 0) for n in names], 0.4, color=_OWN)
            panel.set_yticks(list(places), names, fontsize=7)
            panel.tick_params(axis="x", labelsize=7)
            panel.axvline(0, color="black", linewidth=0.5)
            panel.spines[["top", "right"]].set_visible(False)
            share = _percent(
                _on_range(_of(_sum(c.estimated for c in found), key), _of(_sum(c.true for c in found), key))
            )
            panel.set_title(f"{profile}, {label}: {share}", loc="left", fontsize=8)
    figure.legend(["true", "estimated"], loc="outside lower center", ncols=2, fontsize=8)
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None})
    return re.sub(r"[ \t]+$", "", drawn.getvalue(), flags=re.MULTILINE)
