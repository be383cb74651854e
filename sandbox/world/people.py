"""Who they are: persons with devices, browsers, consent choices and accounts on the networks."""

from __future__ import annotations

import random
from dataclasses import dataclass

from sandbox.world.profiles import Profile

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
    """A person. `history`: `new`, `imported` (a CRM import) or `longtime` (converted long before the ads).

    `second_email`: another address the person gives now and then; empty for most.
    """

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
    second_email: str = ""

    def seen_on(self, device: str) -> bool:
        """The networks' tags may tie what happens on this device to the person."""
        return any(d.key == device and d.networks_see for d in self.devices)


def _device(rng: random.Random, key: str, profile: Profile) -> Device:
    choice = rng.random()
    both, analytics_alone, marketing_alone = profile.declined
    analytics, marketing = True, True
    if choice < both:
        analytics = marketing = False
    elif choice < both + analytics_alone:
        analytics = False
    elif choice < both + analytics_alone + marketing_alone:
        marketing = False
    blocker = rng.random()
    blocks_both, blocks_hubspot, blocks_networks = profile.blocked
    return Device(
        key=key,
        safari=rng.random() < profile.safari,
        analytics_consent=analytics,
        marketing_consent=marketing,
        blocks_hubspot=blocker < blocks_both + blocks_hubspot,
        blocks_networks=blocker < blocks_both or blocker > 1 - blocks_networks,
    )


def build_people(seed: int, count: int, profile: Profile | None = None) -> list[Person]:
    """`count` persons; each depends on the seed, the profile and its own number only."""
    kept = profile or Profile()
    return [_person(seed, key, kept) for key in range(count)]


def _person(seed: int, key: int, profile: Profile) -> Person:
    rng, more = random.Random(f"{seed}/person/{key}"), random.Random(f"{seed}/more/{key}")
    first, last = rng.choice(_FIRST), rng.choice(_LAST)
    organisation = key // 5
    domain = f"{_COMPANIES[organisation % len(_COMPANIES)]}-{organisation:04d}.test"
    internal = rng.random() < profile.internal
    fate = rng.random()
    imported = profile.imported
    devices = tuple(
        _device(rng, f"{key}-{i}", profile) for i in range(2 if rng.random() < profile.second_device else 1)
    )
    if key % 5 and more.random() < profile.shared_device:
        # the browser of the colleague at the next desk
        devices = (_person(seed, key - 1, profile).devices[0], *devices[1:])
    return Person(
        key=key,
        first_name=first,
        last_name=last,
        email=f"{first}.{last}.{key}@{'nordlicht.example' if internal else domain}".lower(),
        organisation=organisation,
        devices=devices,
        google_account=rng.random() < 0.6,
        facebook_user=rng.random() < 0.6,
        linkedin_member=rng.random() < 0.65,
        internal=internal,
        history="imported"
        if fate < imported
        else "longtime"
        if fate < imported + profile.longtime
        else "new",
        interest=0.4 + 1.4 * rng.betavariate(2, 2),
        second_email=(
            f"{first}{key}@freemail.test".lower()
            if not internal and more.random() < profile.second_email
            else ""
        ),
    )
