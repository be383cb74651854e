"""Refreshes of one home with faults drawn by seed: the last one publishes what a home without faults does.

`python -m tests.soak --refreshes 200 --seed 1` (Linux). Each refresh meets one fault: it is killed, its disk
is full, a file of the home is damaged, the APIs are slow or lie, the clock steps, or the project's files are
those of another version. None may leave a process or a temporary file, or end with a traceback.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.company import ADLEDGER, Company, Home, served_company
from tests.warehouse import without_sources

PEOPLE = "60"
DAYS = ("--start", "2026-10-20", "--end", "2026-11-01")
_TRACEBACK = "Traceback (most recent call last)"
# names of runs, loads, copies and damaged files differ between homes
_NAMES_OF_RUNS = re.compile(r"[0-9a-f]{8,}|\d+(\.\d+)?")
# a run that failed has files of its own, and dlt keeps its restored schemas as a load
_OF_RUNS = ("dagster/history/", "dagster/storage/", "repair/")
_ENDS_WITHIN = 20.0
_MORE_BYTES = (0, 1 << 20, 8 << 20, 32 << 20)


@dataclass
class Attempt:
    """How a refresh ended: exit code and all that it printed."""

    code: int
    output: str


@dataclass
class Soak:
    """A home, its company, and what was drawn for them."""

    home: Home
    company: Company
    draw: random.Random
    #: kind and end of each refresh
    ended: Counter[tuple[str, str]] = field(default_factory=Counter)

    def refresh(self, kind: str | None = None) -> None:
        """Refresh with a fault, drawn if None. Raises AssertionError for what no fault may cause."""
        kind = kind or self.draw.choice(list(FAULTS))
        attempt = FAULTS[kind](self)
        httpx.delete(f"{self.company.url}/_sandbox/faults").raise_for_status()
        assert _TRACEBACK not in attempt.output, (kind, attempt.output)
        end = {0: "done", 1: "refused", 2: "refused", -signal.SIGKILL: "killed"}.get(attempt.code)
        assert end, (kind, attempt)
        self.ended[kind, end] += 1
        if self.home.serving.exists():
            # whole: every table can be read
            self.home.published()

    def start(self, *options: str, **settings: str) -> subprocess.Popen[str]:
        """Start a refresh in a process group of its own."""
        environment = without_sources(dict(os.environ)) | self.company.settings | settings
        return subprocess.Popen(
            [ADLEDGER, "refresh", *DAYS, *(options or ("--as-of", self.company.now))],
            env=environment | {"ADLEDGER_HOME": str(self.home.path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *options: str, after: Callable[[int], None] | None = None, **settings: str) -> Attempt:
        """Run a refresh to its end; `after` may act on its process. No process of it may be left."""
        process = self.start(*options, **settings)
        if after:
            after(process.pid)
        output, _ = process.communicate(timeout=600)
        self._is_gone(process.pid)
        return Attempt(process.returncode, output)

    def repair(self) -> str:
        """Run `adledger repair`."""
        done = self.home.run("repair")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @staticmethod
    def _is_gone(group: int) -> None:
        ends = time.monotonic() + _ENDS_WITHIN
        while time.monotonic() < ends:
            try:
                os.killpg(group, 0)
            except ProcessLookupError:
                return
            time.sleep(0.2)
        os.killpg(group, signal.SIGKILL)
        raise AssertionError("a process outlived its refresh")


# -- faults ------------------------------------------------------------------------------------------------


def killed(soak: Soak) -> Attempt:
    """The main process is killed, at any moment."""
    seconds = soak.draw.uniform(1, 45)

    def kill(process: int) -> None:
        time.sleep(seconds)
        os.kill(process, signal.SIGKILL)

    return soak.run(after=kill)


def full_disk(soak: Soak) -> Attempt:
    """A disk with room for the home and little more, in a mount namespace of its own."""
    home, aside = soak.home.path, soak.home.path.with_name("aside")
    used = sum(file.stat().st_size for file in home.rglob("*") if file.is_file())
    size = used + (4 << 20) + soak.draw.choice(_MORE_BYTES)
    home.rename(aside)
    home.mkdir(mode=0o700)
    script = (
        'mount -t tmpfs -o size="$1",mode=700 none "$2" && cp -a "$3/." "$2" || exit 99; shift 3;'
        ' "$@"; code=$?; find "$AWAY" -mindepth 1 -delete; cp -a "$ADLEDGER_HOME/." "$AWAY"; exit $code'
    )
    environment = without_sources(dict(os.environ)) | soak.company.settings
    command = [ADLEDGER, "refresh", *DAYS, "--as-of", soak.company.now]
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script, "sh", str(size), str(home), str(aside), *command],
        env=environment | {"ADLEDGER_HOME": str(home), "AWAY": str(aside)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    home.rmdir()
    aside.rename(home)
    assert done.returncode != 99, done.stderr
    attempt = Attempt(done.returncode, done.stdout + done.stderr)
    assert attempt.code == 0 or "is full" in attempt.output, attempt
    return attempt


def damaged_file(soak: Soak) -> Attempt:
    """A file of the home is cut, emptied or written over; the refresh heals it or names the repair."""
    found = sorted(file for file in soak.home.path.rglob("*") if file.is_file() and file.stat().st_size)
    if not found:
        return soak.run()
    file = soak.draw.choice(found)
    content = bytearray(file.read_bytes())
    match soak.draw.choice(("cut", "emptied", "written over")):
        case "cut":
            del content[len(content) // 2 :]
        case "emptied":
            content.clear()
        case _:
            content[: 1 << 14] = soak.draw.randbytes(min(len(content), 1 << 14))
    file.write_bytes(content)
    attempt = soak.run()
    if attempt.code:
        assert "adledger repair" in attempt.output, (file, attempt.output)
        soak.repair()
    return attempt


def lying_api(soak: Soak) -> Attempt:
    """The vendors are slow, away for a while, or answer what they should not."""
    kind = soak.draw.choice(
        (
            "status",
            "html_page",
            "truncated_json",
            "slow_body",
            "connection_reset",
            "duplicate_page",
            "repeated_cursor",
        )
    )
    vendor = soak.draw.choice(("/google", "/facebook", "/linkedin", "/hubspot"))
    fault = {"path": vendor, "after": soak.draw.randrange(20), "times": soak.draw.choice((1, 3, 30))}
    answer = httpx.post(f"{soak.company.url}/_sandbox/faults", json={kind: fault})
    answer.raise_for_status()
    return soak.run()


def stepped_clock(soak: Soak) -> Attempt:
    """The clock is a month ahead, once: on this machine, or at the vendors."""
    if soak.draw.random() < 0.5:
        attempt = soak.run("--as-of", "2027-06-01T00:00:00Z")
        assert attempt.code == 2, attempt
        return attempt
    skew = {"clock_skew": {"seconds": soak.draw.choice((-1, 1)) * 30 * 86_400}}
    httpx.post(f"{soak.company.url}/_sandbox/faults", json=skew).raise_for_status()
    return soak.run()


def other_version(soak: Soak) -> Attempt:
    """The home was last refreshed by a version with other models, whose files are newer."""
    manifest = soak.home.path / "dbt" / "target" / "manifest.json"
    if manifest.exists():
        manifest.write_text(manifest.read_text().replace("stg_loads__", "stg_landed__"))
        for file in manifest.parent.glob("partial_parse.msgpack"):
            file.unlink()
    return soak.run()


FAULTS: dict[str, Callable[[Soak], Attempt]] = {
    "killed": killed,
    "full disk": full_disk,
    "damaged file": damaged_file,
    "lying API": lying_api,
    "stepped clock": stepped_clock,
    "other version": other_version,
}


# -- the comparison ----------------------------------------------------------------------------------------


def files_of(home: Path) -> set[str]:
    """Return the names of a home's files, with what names loads replaced; without Dagster's files of runs."""
    names = (str(file.relative_to(home)) for file in home.rglob("*") if file.is_file())
    return {_NAMES_OF_RUNS.sub("#", name) for name in names if not name.startswith(_OF_RUNS)}


def difference(undisturbed: Home, home: Home) -> list[str]:
    """Return the published tables whose rows differ, and the files that only the disturbed home has."""
    expected, found = undisturbed.published(), home.published()
    tables = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    files = {name for name in files_of(home.path) - files_of(undisturbed.path) if "/.restore/" not in name}
    return tables + sorted(files)


@contextmanager
def soaked(folder: Path, seed: int) -> Iterator[tuple[Soak, Callable[[], list[str]]]]:
    """A home to disturb, and its end: one refresh more, and how the home differs from an undisturbed one."""
    with served_company("--people", PEOPLE) as company:
        soak = Soak(Home(folder / "home", company.settings), company, random.Random(seed))

        def compared() -> list[str]:
            undisturbed = Soak(Home(folder / "undisturbed", company.settings), company, random.Random(seed))
            # twice, because the second refresh of a home writes what the first landed
            for each in (undisturbed, undisturbed, soak):
                attempt = each.run()
                assert attempt.code == 0, attempt.output
            return difference(undisturbed.home, soak.home)

        yield soak, compared


def main() -> None:
    """Soak one home and print how its refreshes ended. Exits with 1 if its rows or files differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--refreshes", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    chosen: Any = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="adledger-soak-"))
    try:
        with soaked(folder, chosen.seed) as (soak, compared):
            for number in range(1, chosen.refreshes + 1):
                soak.refresh()
                print(f"{number} of {chosen.refreshes}", end="\r", file=sys.stderr, flush=True)
            differs = compared()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for (kind, end), count in sorted(soak.ended.items()):
        print(f"{kind:<14} {end:<8} {count:>4}")
    print("the same rows and files as an undisturbed home" if not differs else f"differs: {differs}")
    sys.exit(1 if differs else 0)


if __name__ == "__main__":
    main()
