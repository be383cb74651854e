"""Downloaded reports: recognition, numbers and days, error messages for broken files."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from babel.dates import format_date
from babel.numbers import format_decimal
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from adledger.cli import app
from ingestion.exports import reading, values
from ingestion.exports.examine import Findings, examine
from ingestion.exports.export import Export, Problem
from ingestion.exports.folder import read, recognise
from ingestion.exports.layouts import VENDORS, layout
from ingestion.landing.planning import Window
from sandbox.export import export
from sandbox.serve import build_sandbox
from tests.warehouse import PROJECT

FIRST, LAST = date(2026, 8, 4), date(2026, 10, 31)
HEADER = "Day,Customer ID,Campaign,Campaign ID,Impr.,Clicks,Cost,Conversions,Currency code"
CONTACTS = (
    "Record ID,Email,Create Date,Original Traffic Source,First Page Seen,Time First Seen,Time Last Seen,"
    "Number of Sessions"
)
OTHER = "2026-08-04,447-129-0863,Brand,20890417009,81,6,3.82,1.50,EUR"
ROW = "2026-08-04,447-129-0863,Brand,20890417001,81,6,3.82,1.50,EUR"


@pytest.fixture(scope="module", params=["en", "de"])
def downloaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(request.param)
    export(build_sandbox(people=120, profile="messy"), folder, FIRST, LAST, request.param)
    return folder


def _written(folder: Path, *lines: str, name: str = "report.csv", encoding: str = "utf-8") -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_bytes("\n".join((*lines, "")).encode(encoding))
    return file


def _faults(folder: Path) -> list[str]:
    found = examine(folder)
    return [str(problem) for file in found.files for problem in file.problems] + [*map(str, found.problems)]


def _rows(found: Export | Problem) -> Iterator[dict[str, object]]:
    assert isinstance(found, Export)
    for record in found.records(ZoneInfo("UTC")):
        assert not isinstance(record, Problem)
        yield dict(record.values)


def test_every_file_of_every_vendor_is_recognised_with_all_columns(downloaded: Path) -> None:
    found = examine(downloaded)
    assert not found.has_fault
    assert {(file.export.vendor, file.export.kind.name) for file in found.files} == {
        (vendor, kind.name) for vendor in VENDORS for kind in layout(vendor).files
    }
    assert len(found.files) == len(list(downloaded.rglob("*.csv")))
    for account in found.accounts:
        assert (account.days, account.gaps, account.overlaps) == (Window(FIRST, LAST), (), ())


def test_figures_of_each_language_are_the_same(tmp_path: Path) -> None:
    sandbox = build_sandbox(people=120)
    figures: list[list[tuple[object, ...]]] = []
    for language in ("en", "de"):
        export(sandbox, tmp_path / language, FIRST, LAST, language)
        exports = [one for one in read(tmp_path / language).exports if one.kind.name == "campaigns"]
        assert {one.vendor for one in exports} == {"google_ads", "facebook_ads", "linkedin_ads"}
        assert language in {one.header.language for one in exports}
        figures.append(
            sorted(
                (
                    one.vendor,
                    row["date"],
                    row["campaign_id"],
                    row["clicks"],
                    row.get("cost", row.get("spend")),
                )
                for one in exports
                for row in _rows(one)
            )
        )
    assert figures[0] == figures[1]
    assert any(row[-1] for row in figures[0])


def test_steps_need_only_inputs_that_vendors_have() -> None:
    """A misspelt input would make its step fully covered, even without the input."""
    with (PROJECT / "seeds" / "step_inputs.csv").open(newline="") as file:
        needs = list(csv.DictReader(file))
    known = {(vendor, name) for vendor in VENDORS for name in layout(vendor).inputs}
    named = {
        (vendor, need["input"])
        for need in needs
        for vendor in VENDORS
        if (need["source"] == "hubspot") == (vendor == "hubspot") and need["network"] in ("", vendor)
    }
    assert len(known) > 25
    assert known - named == set()
    # inputs of "any network" must exist in one network, others in their own network
    assert {(need["network"], need["input"]) for need in needs if need["network"]} - known == set()
    assert {need["input"] for need in needs} == {name for _, name in known}


def test_an_unknown_label_can_be_mapped_in_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _written(tmp_path, HEADER.replace("Campaign ID", "Kampagne Nr."), ROW)
    assert "unknown columns: Kampagne Nr." in _faults(tmp_path)[0]
    monkeypatch.setenv("EXPORTS__COLUMNS", '{"KAMPAGNE NR": "Campaign ID"}')
    found = examine(tmp_path)
    assert (found.has_fault, [file.rows for file in found.files]) == (False, [1])


def test_totals_are_not_rows(tmp_path: Path) -> None:
    file = _written(tmp_path, HEADER, ROW, "Total: Account, --, --, --,81,6,3.82,1.50, --")
    (table,) = reading.tables(file)
    assert len(list(_rows(recognise(table, "report.csv")))) == 1


@pytest.mark.parametrize(
    ("lines", "encoding", "fault"),
    [
        ([""], "utf-8", "report.csv: is empty"),
        (["PK\x03\x04 workbook"], "utf-8", "report.csv: is a damaged archive or workbook"),
        (["a,b,c", "1,2,3"], "utf-8", "report.csv: has no known header"),
        (
            [HEADER.replace("Campaign ID", "Kampagne Nr."), ROW],
            "utf-8",
            "row 1: looks like Google Ads, campaigns by day, without Campaign ID: add it to the report;"
            " unknown columns: Kampagne Nr.",
        ),
        (
            [HEADER, ROW, "2026-08-05,447-129-0863,Bra"],
            "utf-8",
            "report.csv, row 3: has 3 cells where the header has 9",
        ),
        (
            [HEADER, ROW, OTHER.replace(",81,", ",many,")],
            "utf-8",
            'report.csv, row 3, column Impr.: "many" is not a number',
        ),
        (
            [HEADER, ROW, ROW.replace("2026-08-04", "soon")],
            "utf-8",
            'report.csv, row 3, column Day: "soon" is not a date',
        ),
        (
            [HEADER, ROW, ROW.replace("20890417001", "").replace(",81,", ",82,")],
            "utf-8",
            "report.csv, row 3, column Campaign ID: is missing",
        ),
        (
            [HEADER, ROW, OTHER.replace(",81,", ",ann@example.test,")],
            "utf-8",
            'column Impr.: "<e-mail>" is not a number',
        ),
        ([HEADER, "2026-08-04,447-129-0863,Bränd,20890417001,81,6,3.82,1.50,EUR"], "cp1252", None),
    ],
)
def test_a_bad_cell_is_reported_with_row_and_column_and_the_rest_is_read(
    tmp_path: Path, lines: list[str], encoding: str, fault: str | None
) -> None:
    _written(tmp_path, *lines, encoding=encoding)
    _written(tmp_path, HEADER, ROW.replace("20890417001", "20890417002"), name="whole.csv")
    faults = _faults(tmp_path)
    assert len(faults) == (fault is not None)
    assert fault is None or fault in faults[0]
    assert {file.export.name: file.rows for file in examine(tmp_path).files}["whole.csv"] == 1


def test_a_truncated_file_is_read_up_to_the_cut(tmp_path: Path) -> None:
    file = _written(
        tmp_path, HEADER, *(ROW.replace("17001", f"1700{n}") for n in range(9)), encoding="utf-16"
    )
    # ends within a multi-byte character
    file.write_bytes(file.read_bytes()[:-5])
    found = examine(tmp_path)
    assert [each.rows for each in found.files] == [8]
    assert _faults(tmp_path) == [
        "report.csv: breaks off after line 9: it is truncated or damaged, download it again"
    ]


def test_cells_of_contact_files_are_never_shown(tmp_path: Path) -> None:
    _written(tmp_path, CONTACTS, "Ann Example,ann@example.test,2026-08-04 10:00,Paid Search,,,,1")
    assert _faults(tmp_path) == ["report.csv, row 2, column Record ID: is not an id"]


def test_more_than_five_bad_rows_are_counted(tmp_path: Path) -> None:
    _written(tmp_path, HEADER, ROW, *[ROW.replace("2026-08-04", "soon")] * 8)
    faults = _faults(tmp_path)
    assert len(faults) == 6
    assert faults[-1] == "report.csv: 3 more rows cannot be read"


def test_gaps_overlaps_and_copies_are_reported(tmp_path: Path) -> None:
    def days(*found: str) -> list[str]:
        return [HEADER, *(ROW.replace("2026-08-04", day) for day in found)]

    _written(tmp_path, *days("2026-08-04", "2026-08-06"), name="a.csv")
    _written(tmp_path, *days("2026-08-06", "2026-08-07"), name="b.csv")
    _written(tmp_path, *days("2026-08-10"), name="c.csv")
    _written(tmp_path, *days("2026-08-10"), name="d.csv")
    found: Findings = examine(tmp_path)
    (account,) = found.accounts
    assert account.days == Window(date(2026, 8, 4), date(2026, 8, 10))
    assert account.gaps == (Window(date(2026, 8, 8), date(2026, 8, 9)),)
    assert account.overlaps == ((Window(date(2026, 8, 6), date(2026, 8, 6)), ("b.csv", "a.csv")),)
    assert found.copies == (("d.csv", "c.csv"),)


@given(
    st.decimals(min_value=-(10**9), max_value=10**9, places=2),
    st.sampled_from(["en_US", "de_DE", "fr_FR", "es_ES", "pt_BR", "it_IT", "nl_NL", "de_CH"]),
)
def test_numbers_are_parsed_in_every_language(value: Decimal, locale: str) -> None:
    written = format_decimal(value, format="#,##0.00", locale=locale)
    sign = values.decimal_evidence(written, is_whole=False)
    assert values.number(written, sign) == value
    assert values.number(f"{written} €", sign) == value


def test_a_number_with_the_wrong_decimal_sign_is_rejected() -> None:
    with pytest.raises(values.BadValue):
        values.number("1.234,50", ".")
    with pytest.raises(values.BadValue):
        values.number("12,34", ".")


@pytest.mark.parametrize(
    ("text", "of_whole_numbers", "of_amounts"),
    [
        ("1234", "", ""),
        ("1.234", ",", "?"),
        ("1,234", ".", "?"),
        ("1.234,5", ",", ","),
        ("1.234.567", ",", ","),
        ("0,123", ",", ","),
        ("12,34", ",", ","),
        ("1 234,50 €", ",", ","),
        ("$1,000.00", ".", "."),
    ],
)
def test_a_cell_proves_its_decimal_sign(text: str, of_whole_numbers: str, of_amounts: str) -> None:
    assert values.decimal_evidence(text, is_whole=True) == of_whole_numbers
    assert values.decimal_evidence(text, is_whole=False) == of_amounts


@pytest.mark.parametrize(
    "text",
    [
        "12K",
        "1.2M",
        "12 MIO",
        "12 Tsd.",
        "(12.34)",
        "<10",
        ">90",
        "~5",
        "12%",
        "1e3",
        "1.2.3",
        "12 34",
        "#N/A",
    ],
)
def test_an_inexact_number_is_rejected(text: str) -> None:
    with pytest.raises(values.BadValue):
        values.number(text, ".")


@given(
    st.dates(min_value=date(2016, 1, 1), max_value=date(2036, 1, 1)),
    st.sampled_from(values.LANGUAGES),
    st.sampled_from(["long", "medium"]),
)
def test_days_are_parsed_in_every_language(day: date, language: str, length: str) -> None:
    written = format_date(day, length, locale=language)
    form, proof, _ = values.day_evidence(written)
    assert form
    order: values.Order = "month" if proof == "month" or (not proof and language == "en") else "day"
    assert values.day(written, order) == day
    assert values.days_in(f"({written} - {written})", order) == [day, day]


def test_instants_are_converted_from_their_time_zone() -> None:
    berlin, at = ZoneInfo("Europe/Berlin"), datetime(2026, 8, 4, 15, 5, tzinfo=UTC)
    for written in (
        "2026-08-04 17:05",
        "08/04/2026 5:05 PM",
        "2026-08-04T15:05:00Z",
        "August 4, 2026 5:05 PM",
    ):
        assert values.instant(written, berlin, "month") == at
    assert values.instant("04.08.2026 17:05", berlin, "day") == at
    assert values.instant("2026-08-04", berlin, "day") == at - timedelta(hours=17, minutes=5)


def test_the_command_exits_with_1_if_a_file_cannot_be_read(tmp_path: Path) -> None:
    _written(tmp_path / "files", HEADER, ROW)
    run = CliRunner().invoke
    shown = run(app, ["doctor", "--exports", str(tmp_path / "files")])
    assert shown.exit_code == 0
    assert "No problems: 1 files, 1 rows" in shown.output
    assert "conversions by action and day" in shown.output
    _written(tmp_path / "files", "a,b", name="other.csv")
    done = run(app, ["doctor", "--exports", str(tmp_path / "files"), "--json"])
    assert done.exit_code == 1
    document = json.loads(done.output)
    assert [file["file"] for file in document["files"]] == ["report.csv"]
    assert document["problems"][0].startswith("other.csv: has no known header")
    assert run(app, ["doctor", "hubspot", "--exports", str(tmp_path)]).exit_code == 2
