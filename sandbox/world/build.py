"""One world: the company, its people and everything they do."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.world.company import Company, build_company
from sandbox.world.crowd import Delivery
from sandbox.world.journeys import Event, simulate
from sandbox.world.people import Person, build_people


@dataclass(frozen=True)
class World:
    """Causes only; the same seed, size and currencies give the same world."""

    seed: int
    company: Company
    people: list[Person]
    events: list[Event]
    delivery: Delivery


def build_world(seed: int = 7, people: int = 1000, currencies: dict[str, str] | None = None) -> World:
    """Simulate the company with that many persons."""
    company = build_company(currencies)
    persons = build_people(seed, people)
    events = simulate(company, persons, seed)
    return World(seed, company, persons, events, Delivery(company, events, seed))
