"""Who they are: persons with devices, browsers, consent choices and accounts on the networks."""

from __future__ import annotations

import random
from dataclasses import dataclass

_FIRST = (
    "Ada",
    "Ben",
    "Cara",
    "Dirk",
    "Elif",
    "Finn",
    "Gala",
    "Hugo",
    "Ines",
    "Jan",
    "Kira",
    "Leo",
    "Mara",
    "Nils",
    "Olga",
    "Paul",
    "Quin",
    "Rosa",
    "Sven",
    "Tess",
    "Udo",
    "Vera",
    "Wim",
    "Xenia",
    "Yara",
    "Zeno",
)
_LAST = (
    "Adler",
    "Brook",
    "Castro",
    "Dietz",
    "Eklund",
    "Fabre",
    "Gruber",
    "Haas",
    "Iversen",
    "Jansen",
    "Keller",
    "Lorenz",
    "Moreau",
    "Nowak",
    "Okafor",
    "Petit",
    "Quast",
    "Rossi",
    "Sauer",
    "Toth",
    "Ueda",
    "Vogel",
    "Weiss",
    "Ximenes",
    "Ylitalo",
    "Zeller",
)
_COMPANIES = (
    "kestrel",
    "harbor",
    "lumen",
    "quarry",
    "saffron",
    "tundra",
    "velvet",
    "willow",
)


@dataclass(frozen=True, slots=True)
class Device:
    """One browser. Consent is given per category in the cookie banner; blockers act whatever was chosen."""

    key: str
    safari: bool
    analytics_consent: bool
    marketing_consent: bool
    blocks_hubspot: bool
    blocks_networks: bool

    @property
    def hubspot_sees(self) -> bool:
        """HubSpot's tracking code may set its cookie and record page views here."""
        return self.analytics_consent and not self.blocks_hubspot

    @property
    def networks_see(self) -> bool:
        """The networks' tags may tie an event here to a person."""
        return self.marketing_consent and not self.blocks_networks


@dataclass(frozen=True, slots=True)
class Person:
    """A person. `history`: `new`, `imported` (a CRM import) or `longtime` (converted long before the ads)."""

    key: int
    first_name: str
    last_name: str
    email: str
    organisation: int
    devices: tuple[Device, ...]
    google_account: bool
    facebook_user: bool
    linkedin_member: bool
    internal: bool
    history: str
    interest: float

    def seen_on(self, device: str) -> bool:
        """The networks' tags may tie what happens on this device to the person."""
        return any(d.key == device and d.networks_see for d in self.devices)


def _device(rng: random.Random, key: str) -> Device:
    choice = rng.random()
    analytics, marketing = True, True
    if choice < 0.06:
        analytics = marketing = False
    elif choice < 0.12:
        analytics = False
    elif choice < 0.18:
        marketing = False
    blocker = rng.random()
    return Device(
        key=key,
        safari=rng.random() < 0.15,
        analytics_consent=analytics,
        marketing_consent=marketing,
        blocks_hubspot=blocker < 0.07,
        blocks_networks=blocker < 0.04 or blocker > 0.97,
    )


def build_people(seed: int, count: int) -> list[Person]:
    """`count` persons; each depends on the seed and its own number only."""
    people = []
    for key in range(count):
        rng = random.Random(f"{seed}/person/{key}")
        first, last = rng.choice(_FIRST), rng.choice(_LAST)
        organisation = key // 5
        domain = f"{_COMPANIES[organisation % len(_COMPANIES)]}-{organisation:04d}.test"
        internal = rng.random() < 0.008
        fate = rng.random()
        people.append(
            Person(
                key=key,
                first_name=first,
                last_name=last,
                email=f"{first}.{last}.{key}@{'nordlicht.example' if internal else domain}".lower(),
                organisation=organisation,
                devices=tuple(_device(rng, f"{key}-{i}") for i in range(2 if rng.random() < 0.35 else 1)),
                google_account=rng.random() < 0.6,
                facebook_user=rng.random() < 0.6,
                linkedin_member=rng.random() < 0.65,
                internal=internal,
                history="imported" if fate < 0.10 else "longtime" if fate < 0.20 else "new",
                interest=0.4 + 1.4 * rng.betavariate(2, 2),
            )
        )
    return people
