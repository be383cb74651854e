"""A full disk, which every library reports in its own words, or as another fault."""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Iterable

from ingestion.config import home

# the system's own texts, SQLite's and DuckDB's
_FULL = re.compile(
    r"no space left on device|disk quota exceeded|database or disk is full|could not write all bytes"
    r"|not enough disk space",
    re.IGNORECASE,
)
# no refresh fits into less; libraries that free their temporary files hide how full the disk was
_LEAST_BYTES = 16 << 20


def full_disk(causes: Iterable[BaseException | str]) -> str | None:
    """Returns the line for a disk that is full, None if neither the causes nor the disk show that it is."""
    if not (any(map(_shows_it, causes)) or free_bytes() < _LEAST_BYTES):
        return None
    return (
        f"the disk of {home()} is full ({free_bytes() >> 20} MB free): free some space, or move the folder to"
        " a larger disk and set ADLEDGER_HOME, then run the same command again"
    )


def free_bytes() -> int:
    """Returns the free bytes of the home's disk."""
    folder = home()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _shows_it(cause: BaseException | str) -> bool:
    if isinstance(cause, str):
        return _FULL.search(cause) is not None
    link: BaseException | None = cause
    while link is not None:
        if isinstance(link, OSError) and link.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        if _FULL.search(str(link)):
            return True
        link = link.__cause__ or link.__context__
    return False
