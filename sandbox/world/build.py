"""One world: the company, its people and everything they do."""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar, cast

from sandbox.world.company import Company
from sandbox.world.crowd import Delivery
from sandbox.world.journeys import Event, simulate
from sandbox.world.people import Person, build_people
from sandbox.world.profiles import Plants, Profile
from sandbox.world.setup import build_company

Kind = TypeVar("Kind", bound=Event)


@dataclass(frozen=True)
class World:
    """Causes only; the same seed, size, currencies, profile and plants give the same world."""

    seed: int
    company: Company
    people: list[Person]
    events: list[Event]
    delivery: Delivery

    def of_kind(self, kind: type[Kind]) -> list[Kind]:
        """The events of one type, in order of time."""
        return cast("list[Kind]", self._by_kind[kind])

    @cached_property
    def _by_kind(self) -> dict[type, list[Event]]:
        found: dict[type, list[Event]] = defaultdict(list)
        for event in self.events:
            found[type(event)].append(event)
        return found


def build_world(
    seed: int = 7,
    people: int = 1000,
    currencies: dict[str, str] | None = None,
    profile: Profile | None = None,
    plants: Plants | None = None,
) -> World:
    """Simulate the company with that many persons."""
    with uncollected():
        company = build_company(currencies, profile, plants)
        persons = build_people(seed, people, profile)
        events = simulate(company, persons, seed, profile)
        return World(seed, company, persons, events, Delivery(company, events, seed))


@contextmanager
def uncollected() -> Iterator[None]:
    """Millions of small objects that all stay: looking for garbage among them would take most of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
