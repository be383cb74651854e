"""Text from outside reaches no terminal, report or picture as anything but text."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import duckdb
import pytest
from PIL import Image
from rich.table import Table
from rich.text import Text
from typer.testing import CliRunner

from adledger.cli import app
from adledger.common import fail
from benchmarks.published import Company, publish
from reporting.explain.options import InvalidOption
from reporting.text import SafeConsole, json_text, one_line, printable

#: Sequences that a terminal obeys, text that changes the order of text, a formula of TeX, markup and tags.
HOSTILE = "a\x1b[2J\x1b]0;b\x07\x9b31m\x7f\u202e\u2066 $\\frac{x}$ $ [red]c[/red] <b>d</b>\r\ne" + "f" * 500
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Größe – 日本", "Größe – 日本"),
        ("a\tb\nc", "a\tb\nc"),
        ("\x1b[31mred\x1b[0m", "[31mred[0m"),
        ("\x9b31mred", "31mred"),
        ("a\rb\x08", "ab"),
        ("\u202egnp.exe", "gnp.exe"),
    ],
)
def test_control_characters_are_removed(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_line_stays_one_line() -> None:
    assert one_line("a\r\n  b\x1b\tc") == "a b c"
    assert one_line("abcdef", 4) == "abc…"


def test_the_console_prints_its_own_controls_alone() -> None:
    written = io.StringIO()
    console = SafeConsole(file=written, force_terminal=True, color_system="standard", width=80)
    table = Table()
    table.add_column(Text(HOSTILE))
    table.add_row(HOSTILE)
    console.print(Text(HOSTILE, style="red"), table, highlight=False, markup=False)
    console.out(HOSTILE)
    with console.status(Text(HOSTILE)):
        pass
    text = written.getvalue()
    assert "\x1b[31m" in text, "rich's own colours stay"
    # colours, the status line: cursor up, erase, show and hide
    own = re.compile(r"\x1b\[(?:[\d;]*m|\d*[AK]|2K|\?25[lh])|\r(?=\x1b)|\r\n")
    assert not _CONTROL.search(own.sub("", text))


def test_errors_are_one_line_without_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BaseException, match="1"):
        fail([HOSTILE])
    line = capsys.readouterr().err
    assert len(line.splitlines()) == 1
    assert not _CONTROL.search(line)
    assert not _CONTROL.search(str(InvalidOption("--tag", HOSTILE)))


def test_json_holds_control_characters_as_escapes() -> None:
    text = json_text({"name": HOSTILE})
    assert not _CONTROL.search(text)
    assert json.loads(text) == {"name": HOSTILE}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    publish(home / "serving.duckdb", Company(contacts=100, days=5))
    (home / "serving.duckdb").chmod(0o644)
    with duckdb.connect(str(home / "serving.duckdb")) as connection:
        for table, column in (
            ("marts.dim_campaign", "campaign_name"),
            ("marts.dim_campaign", "account_name"),
            ("marts.dim_ad", "ad_name"),
            ("reconciliation.actions", "advice"),
        ):
            connection.execute(f"UPDATE {table} SET {column} = $name", {"name": HOSTILE})
    return home


def _campaign(home: Path) -> str:
    with duckdb.connect(str(home / "serving.duckdb"), read_only=True) as connection:
        sql = "SELECT campaign_id FROM reconciliation.conversion_bridge ORDER BY units DESC LIMIT 1"
        return str(connection.execute(sql).fetchall()[0][0])


@pytest.mark.builds
@pytest.mark.parametrize(
    "arguments", [[], ["--step", "repeat_submission"], ["--contact", "70000000009"], ["--json"]]
)
def test_explain_prints_no_control_characters(
    home: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.setenv("ADLEDGER_HOME", str(home))
    filters = [] if "--contact" in arguments else ["--campaign", _campaign(home)]
    result = CliRunner().invoke(app, ["explain", *filters, *arguments])
    assert result.exit_code == 0, result.output
    assert "frac" in result.stdout
    assert not _CONTROL.search(result.stdout)


@pytest.mark.builds
def test_reports_and_pictures_show_hostile_names_as_text(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ADLEDGER_HOME", str(home))
    png, svg, html = (tmp_path / f"report.{kind}" for kind in ("png", "svg", "html"))
    result = CliRunner().invoke(
        app, ["explain", "--campaign", _campaign(home), "--png", png, "--svg", svg, "--html", html]
    )
    assert result.exit_code == 0, result.output
    plain = CliRunner().invoke(app, ["explain", "--png", str(tmp_path / "plain.png")])
    assert plain.exit_code == 0
    with Image.open(png) as picture, Image.open(tmp_path / "plain.png") as other:
        assert picture.width == other.width
    assert not _CONTROL.search(svg.read_text())
    ElementTree.fromstring(svg.read_text())
    page = html.read_text()
    assert "<b>d</b>" not in page
    assert "&lt;b&gt;d&lt;/b&gt;" in page
    assert not _CONTROL.search(page)
