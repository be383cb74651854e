"""A full disk ends a refresh with one line and exit code 1, whatever library notices it."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from orchestration.execution import disk

FULL = OSError(errno.ENOSPC, "No space left on device")


def caused_by(cause: BaseException) -> RuntimeError:
    error = RuntimeError("the step failed")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "cause",
    [
        FULL,
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        sqlite3.OperationalError("database or disk is full"),
        duckdb.IOException('Could not write all bytes to file "x.duckdb": No space left on device'),
        caused_by(FULL),
        "hubspot: the load step failed: OSError: [Errno 28] No space left on device; run again",
    ],
    ids=str,
)
def test_every_librarys_words_are_understood(
    cause: BaseException | str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADLEDGER_HOME", str(tmp_path / "not created yet"))
    line = disk.full_disk([cause])
    assert line
    assert line.startswith(f"the disk of {tmp_path / 'not created yet'} is full (")
    assert "set ADLEDGER_HOME, then run the same command again" in line


def test_other_faults_are_none_of_the_disks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADLEDGER_HOME", str(tmp_path))
    others = (PermissionError(errno.EACCES, "Permission denied"), sqlite3.OperationalError("disk I/O error"))
    assert disk.full_disk(others) is None
    # unless nothing fits on it any more
    monkeypatch.setattr(disk, "free_bytes", lambda: 1 << 20)
    assert "(1 MB free)" in str(disk.full_disk(others))


# a refresh whose run fails as on a full disk: with a thread that waits forever, as those of a load may
PROGRAM = """
import threading
from adledger.cli import app
from orchestration.execution import refresh

def execute(plan, progress):
    threading.Thread(target=threading.Event().wait).start()
    raise OSError(28, "No space left on device")

refresh._execute = execute
app(["refresh"])
"""


def test_a_refresh_on_a_full_disk_ends_with_one_line(tmp_path: Path) -> None:
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=os.environ | {"ADLEDGER_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    first, *rest = done.stderr.splitlines()
    assert first.startswith(f"adledger: the disk of {tmp_path / 'home'} is full (")
    assert rest == [
        "adledger: nothing was published",
        f"adledger: details: {tmp_path / 'home' / 'logs' / 'refresh.log'}",
    ]
    assert "Traceback" not in done.stdout
    assert "No space left on device" in (tmp_path / "home" / "logs" / "refresh.log").read_text()
    assert time.monotonic() - began < 60


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB; mounting it needs root."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if (
        os.geteuid() != 0
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]).returncode
    ):
        pytest.skip("mounting a file system needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


# not every machine that runs `make test` may mount
@pytest.mark.long
@pytest.mark.parametrize("left", [0, 2 << 20])
def test_a_home_on_a_small_file_system(left: int, small_disk: Path) -> None:
    home = small_disk / "home"
    home.mkdir(mode=0o700)
    (small_disk / "ballast").write_bytes(bytes(shutil.disk_usage(small_disk).free - left))
    done = subprocess.run(
        [str(Path(sys.executable).with_name("adledger")), "refresh"],
        env=os.environ | {"ADLEDGER_HOME": str(home), "SOURCES__LANDING_PAGES__ENABLED": "false"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[0].startswith(f"adledger: the disk of {home} is full (")
    assert "Traceback" not in done.stderr
    assert not list(home.glob("*serving*"))
