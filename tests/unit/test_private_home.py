"""The home is private whatever the umask, and a group can be let in to the published file."""

from __future__ import annotations

import grp
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingestion.config import protect_home, readers_group
from ingestion.errors import SettingError
from orchestration.assets.publishing import publish
from orchestration.execution.locking import exclusive
from tests.unit.test_orchestration_publishing import BRIDGE, SESSIONS, STATES, warehouse_of


def modes(folder: Path) -> dict[str, int]:
    """Mode of each file and folder below `folder`."""
    return {
        str(path.relative_to(folder)): stat.S_IMODE(path.lstat().st_mode)
        for path in sorted(folder.rglob("*"))
    }


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home that an older version wrote with a wide umask."""
    before = os.umask(0)
    home = tmp_path / "home"
    (home / "raw").mkdir(parents=True)
    (home / "raw" / "hubspot.duckdb").touch()
    (home / "serving.duckdb").touch(0o444)
    monkeypatch.setenv("ADLEDGER_HOME", str(home))
    yield home
    os.umask(before)


def test_what_exists_and_what_is_created_later_is_private(home: Path) -> None:
    assert stat.S_IMODE(home.stat().st_mode) == 0o777
    outside = home.parent / "outside"
    outside.touch()
    (home / "link").symlink_to(outside)
    protect_home()
    with exclusive("test"):
        (home / "logs").mkdir()
        (home / "logs" / "refresh.log").touch()
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    found = modes(home)
    assert found.pop("link"), "a link is left alone, and so is its target"
    assert stat.S_IMODE(outside.stat().st_mode) == 0o666
    assert {mode for name, mode in found.items() if (home / name).is_dir()} == {0o700}
    del found["serving.duckdb"]
    assert {mode for name, mode in found.items() if (home / name).is_file()} == {0o600}


def test_a_group_of_readers_reaches_the_published_file_only(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = grp.getgrgid(os.getgid()).gr_name
    monkeypatch.setenv("READERS__GROUP", group)
    protect_home()
    publish(
        warehouse_of(home / "warehouse.duckdb", 3),
        home / "serving.duckdb",
        [SESSIONS, BRIDGE],
        STATES,
        readers_group(),
    )
    assert stat.S_IMODE(home.stat().st_mode) == 0o710
    assert modes(home) == {
        "raw": 0o700,
        "raw/hubspot.duckdb": 0o600,
        "serving.duckdb": 0o440,
        "warehouse.duckdb": 0o600,
    }
    assert (home.stat().st_gid, (home / "serving.duckdb").stat().st_gid) == (os.getgid(), os.getgid())


def test_an_unknown_group_and_a_foreign_home_are_refused_in_one_line(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("READERS__GROUP", "no such group")
    with pytest.raises(
        SettingError, match=r'^readers\.group is "no such group", .* set it \(or READERS__GROUP\)'
    ):
        protect_home()
    monkeypatch.delenv("READERS__GROUP")

    def refuse(path: Path, mode: int) -> None:
        raise PermissionError(1, "Operation not permitted", str(path))

    monkeypatch.setattr(Path, "chmod", refuse)
    with pytest.raises(SettingError, match=r"cannot be made private .* belongs to another user"):
        protect_home()
