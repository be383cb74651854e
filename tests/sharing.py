"""Folders that take long to fill, filled once per run of the tests by whichever worker asks first."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from orchestration.execution.locking import file_lock

_PLACES: list[Path] = []


def share_in(place: Path) -> None:
    """Sets the folder that all workers of this run have in common."""
    _PLACES[:] = [place]


def shared(name: str, fill: Callable[[Path], None]) -> Path:
    """The folder that `fill` filled. Who changes anything in it copies it first: see `copied`."""
    (place,) = _PLACES
    folder, filled = place / f"shared-{name}", place / f"shared-{name}.filled"
    with file_lock(place / f"shared-{name}.lock", wait=True):
        if not filled.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            fill(folder)
            filled.touch()
    return folder


def copied(name: str, fill: Callable[[Path], None], to: Path) -> Path:
    """A copy of a shared folder."""
    return Path(shutil.copytree(shared(name, fill), to, dirs_exist_ok=True))
