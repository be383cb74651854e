"""Write the files that the simulated company's vendors let a user download: `python -m sandbox.export`."""

from __future__ import annotations

import argparse
import sys
from datetime import date, timedelta
from pathlib import Path

from sandbox.apis.state import Sandbox, parse_instant
from sandbox.counting.hubspot import stamp
from sandbox.exports import facebook_ads, google_ads, hubspot, linkedin_ads
from sandbox.serve import build_sandbox
from sandbox.world.company import DEFAULT_NOW
from sandbox.world.profiles import PROFILES

#: What a first look needs; the vendors' interfaces offer 90 days, too.
_DAYS = 90
LANGUAGES = ("en", "de")


def export(sandbox: Sandbox, folder: Path, first: date, last: date, language: str = "en") -> None:
    """Writes a folder per vendor; days are each account's own. The networks' interfaces are in `language`."""
    google_ads.export(sandbox, folder / "google-ads", first, last, language)
    facebook_ads.export(sandbox, folder / "meta", first, last, language)
    linkedin_ads.export(sandbox, folder / "linkedin", first, last, language)
    hubspot.export(sandbox, folder / "hubspot", first, last)


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.export", description=__doc__)
    parser.add_argument("folder", type=Path, help="where to write them; made where it is missing")
    parser.add_argument("--seed", type=int, default=7, help="the same seed gives the same company")
    parser.add_argument("--people", type=int, default=1000, help="number of simulated persons")
    parser.add_argument("--profile", choices=PROFILES, default="plain", help="how tidy the world is")
    parser.add_argument("--now", default=stamp(DEFAULT_NOW), help="when they are downloaded, ISO 8601")
    parser.add_argument("--start", type=date.fromisoformat, help=f"first day; {_DAYS} days by default")
    parser.add_argument("--end", type=date.fromisoformat, help="last day; the day of --now by default")
    parser.add_argument("--language", choices=LANGUAGES, default="en", help="of the networks' interfaces")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Writes the files and names them."""
    asked = _arguments(argv)
    try:
        now = parse_instant(asked.now)
    except ValueError as error:
        sys.stderr.write(f"sandbox: --now {error}\n")
        return 2
    last = asked.end or now.date()
    first = asked.start or last - timedelta(days=_DAYS - 1)
    sandbox = build_sandbox(seed=asked.seed, people=asked.people, now=now, profile=asked.profile)
    export(sandbox, asked.folder, first, last, asked.language)
    for path in sorted(asked.folder.rglob("*.csv")):
        sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
