"""Downloaded files with hostile names or without a sensible size: one line each, little memory."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from adledger.cli import app
from ingestion.exports import reading
from ingestion.exports.export import Problem
from ingestion.exports.folder import read

HEADER = "Record ID,Email,Create Date,Last Modified Date\n"
ROW = "1,a@ex.test,2026-10-01 10:00,2026-10-01 10:00\n"
NAMES = [
    "\x1b[2J\x1b]0;x\x07a.csv",
    "a\n\u202eb\r\nadledger: fine.csv",
    "=cmd|x.csv",
    f"{'y' * 240}.csv",
    "＝1.csv",
]
MEMBERS = ["../../outside.csv", "/tmp/outside.csv", "..\\outside.csv", "\x1b[31m\nc.csv", f"{'z' * 3000}.csv"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "exports"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_named_in_one_short_line_without_control_characters(folder: Path, name: str) -> None:
    (folder / name).write_text("no table\n")
    (problem,) = read(folder).problems
    assert str(problem).isprintable()
    assert len(problem.file) <= 121


@pytest.mark.parametrize("name", MEMBERS)
def test_an_archive_writes_nothing_and_its_members_are_named_in_one_line(folder: Path, name: str) -> None:
    with zipfile.ZipFile(folder / "downloads.zip", "w") as archive:
        archive.writestr(name, HEADER + ROW)
    before = sorted(folder.parent.rglob("*"))
    (problem,) = read(folder).problems
    assert str(problem).isprintable()
    assert len(problem.file) <= 140
    assert sorted(folder.parent.rglob("*")) == before


def test_the_terminal_gets_no_control_characters_of_names(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADLEDGER_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "400")
    for name in NAMES:
        (folder / name).write_text(f"x,\x1b[31m{name!r}\n1,2\n")
    result = CliRunner().invoke(app, ["doctor", "--exports", str(folder)])
    assert result.exit_code == 1
    assert "cmd|x.csv" in result.output
    assert not {sign for sign in result.output if not sign.isprintable()} - {"\n"}


def test_a_problem_is_one_line() -> None:
    text = str(Problem("a.csv", "is not a number", 3, "Cost\n(EUR)", "1\r\n2"))
    assert text == 'a.csv, row 3, column Cost (EUR): "1 2" is not a number'


class _Endless(io.TextIOBase):
    """A file of one line that never ends."""

    def readline(self, size: int | None = -1) -> str:  # type: ignore[override] # io's stub differs
        return "x" * (size or 0)


def test_a_line_without_an_end_is_refused() -> None:
    with pytest.raises(reading.Unreadable, match="a line of 4 million characters"):
        list(reading._bounded(_Endless()))


def test_a_large_file_is_read_line_by_line(folder: Path) -> None:
    file = folder / "contacts.csv"
    with file.open("w") as written:
        written.write(HEADER)
        for _ in range(200):
            written.write(ROW * 2000)
    size = file.stat().st_size
    (table,) = reading.tables(file)
    tracemalloc.start()
    count = sum(1 for _ in table.lines(","))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 400_001
    assert peak < 4 << 20 < size
