"""Downloaded reports that look right and were read wrong: each lands the right figures, or is refused."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from openpyxl import Workbook, load_workbook

from ingestion.exports import facebook_ads, hubspot, reading, rows, settings
from ingestion.exports.folder import read
from ingestion.exports.layouts import layout
from tests.landed_files import current, landing_of, refusals

CASES = Path(__file__).resolve().parents[1] / "vectors" / "exports"
HEADER = "Day,Customer ID,Campaign,Campaign ID,Currency code,Impr.,Clicks,Cost,Conversions"
ROW = "2026-09-01,111-222-3333,A,11,EUR,100,5,10.00,1.00"
SECOND = "2026-09-01,111-222-3333,A,11,EUR,50,2,4.00,0.50"
Place = Callable[[str], Path]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EXPORTS__FOLDER", str(tmp_path))
    return tmp_path


@pytest.fixture
def case(folder: Path) -> Place:
    def place(name: str) -> Path:
        return Path(shutil.copytree(CASES / name, folder, dirs_exist_ok=True))

    return place


def _write(folder: Path, *lines: str, name: str = "Campaign report.csv", at: int = 0) -> Path:
    file = folder / name
    file.write_text("\n".join((*lines, "")))
    if at:
        os.utime(file, (at, at))
    return file


def _figures(vendor: str, *names: str, kind: str = "campaigns") -> list[tuple[Any, ...]]:
    return [(str(row["date"]), *(row[name] for name in names)) for row in current(vendor, kind)]


GOOGLE = ("impressions", "clicks", "cost", "conversions")
META = ("impressions", "clicks", "spend")


def _google(folder: Path) -> list[tuple[Any, ...]]:
    assert refusals(folder) == []
    return _figures("google_ads", *GOOGLE)


# -- finer rows ---------------------------------------------------------------------------------------------


def test_rows_by_device_are_summed(case: Place) -> None:
    folder = case("google_by_device")
    assert _google(folder) == [
        ("2026-09-01", 155, 7, Decimal("15.00"), Decimal("1.50")),
        ("2026-09-02", 10, 1, Decimal("1.00"), Decimal("0.00")),
    ]
    (export,) = read(folder).exports
    assert (export.figures.summed_over, export.figures.totals.proven_by) == (("Device",), 8)


def test_rows_by_platform_are_summed(case: Place) -> None:
    folder = case("meta_by_platform")
    assert refusals(folder) == []
    assert _figures("facebook_ads", *META, "lead") == [("2026-09-01", 520, 10, Decimal("10.10"), 3)]
    assert read(folder).exports[0].figures.summed_over == ("Platform",)


def test_actions_by_device_are_summed(case: Place) -> None:
    case("google_actions_by_device")
    assert _figures("google_ads", "conversion_action", "conversions", kind="actions") == [
        ("2026-09-01", "Demo request", Decimal("3.00"))
    ]


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        ("Stunde", ("0", "13")),
        ("Ad group ID", ("1", "2")),
        ("Tranche d'âge", ("18-24", "25-34")),
        ("Netwerk (met zoekpartners)", ("Google", "Partner")),
        ("Red (con partners de búsqueda)", ("Google", "Partner")),
    ],
)
def test_a_known_dimension_is_summed_in_every_language(
    folder: Path, column: str, cells: tuple[str, str]
) -> None:
    _write(folder, f"{HEADER},{column}", f"{ROW},{cells[0]}", f"{SECOND},{cells[1]}")
    assert _google(folder) == [("2026-09-01", 150, 7, Decimal("14.00"), Decimal("1.50"))]
    assert read(folder).exports[0].figures.summed_over == (column,)


LINKEDIN = (
    "Start Date (in UTC)\tAccount Name\tCurrency\tCampaign Group ID\tCampaign ID\tTotal Spent\tImpressions"
    "\tClicks\tConversions"
)


@pytest.mark.parametrize(
    ("lines", "refusal"),
    [
        (
            [f"{HEADER},Bid bucket", f"{ROW},low", f"{SECOND},high"],
            "column Bid bucket: splits a campaign's day",
        ),
        ([f"{HEADER},Losnummer", f"{ROW},1", f"{SECOND},2"], "column Losnummer: splits a campaign's day"),
        (
            [f"{HEADER},Click type", f"{ROW},Headline", f"{SECOND},Sitelink"],
            "column Click type: its rows do not add up",
        ),
        ([f"{HEADER},Device", f"{ROW},Mobile"], 'column Device: contains "Mobile" only'),
        (
            [HEADER, ROW, SECOND],
            "rows 2 and 3 are of the same campaign and day, and no column distinguishes",
        ),
        (
            [HEADER, ROW, ROW],
            "rows 2 and 3 are of the same campaign and day, and no column distinguishes",
        ),
        (
            [f"{HEADER},Device", f"{ROW},Mobile", f"{SECOND},Mobile"],
            "rows 2 and 3 are of the same campaign and day, and no column distinguishes",
        ),
        (
            [f"{HEADER},Device", f"{ROW},Mobile", f"{SECOND},Desktop", "2026-09-02,111-222-3333,A,11,EU"],
            "row 4: has 5 cells where the header has 10; its rows are summed, so none of them is read",
        ),
        (
            [f"{HEADER},Device", f"{ROW},", f"{SECOND},Desktop"],
            "row 2, column Impr.: may be a subtotal or a part: it has no Device",
        ),
    ],
)
def test_rows_that_may_not_add_up_are_refused(folder: Path, lines: list[str], refusal: str) -> None:
    _write(folder, *lines)
    (found,) = refusals(folder)
    assert refusal in found
    assert _figures("google_ads", *GOOGLE) == []


def test_demographic_figures_are_refused(folder: Path) -> None:
    row = "9/21/2026\tNordlicht B2B\tEUR\t65\t31\t10.00\t100\t2\t1"
    name = "account_508912347_report.csv"
    _write(folder, f"{LINKEDIN}\tJob Function", f"{row}\tSales", f"{row}\tMarketing", name=name)
    assert "column Job Function: its rows do not add up" in refusals(folder)[0]


def test_a_total_row_or_a_setting_decides_about_an_unknown_dimension(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [f"{HEADER},Bid bucket", f"{ROW},low", f"{SECOND},high"]
    total = 'Total: Account, --, --, --,EUR,"150",7,14.00,1.50, --'
    _write(folder, *lines, total)
    summed = [("2026-09-01", 150, 7, Decimal("14.00"), Decimal("1.50"))]
    assert _google(folder) == summed
    _write(folder, *lines)
    monkeypatch.setenv("EXPORTS__COLUMNS", '{"Bid bucket": "Breakdown"}')
    assert _google(folder) == summed


def test_an_unreadable_row_takes_the_other_rows_of_its_campaign_and_day(folder: Path) -> None:
    other = ROW.replace(",11,", ",12,")
    _write(
        folder,
        f"{HEADER},Device",
        f"{ROW},Mobile",
        f"{SECOND},Desktop".replace(",50,", ",5K,"),
        f"{other},Tablet",
    )
    assert [row[0] for row in _figures("google_ads", "campaign_id")] == ["2026-09-01"]
    assert [row["campaign_id"] for row in current("google_ads", "campaigns")] == ["12"]
    assert len(refusals(folder)) == 2


# -- totals -------------------------------------------------------------------------------------------------


def test_totals_of_each_day_are_no_rows(case: Place) -> None:
    folder = case("meta_day_totals")
    assert refusals(folder) == []
    assert _figures("facebook_ads", "campaign_name", "impressions", "spend") == [
        ("2026-09-01", "Set A", 300, Decimal("9.00")),
        ("2026-09-01", "Set B", 200, Decimal("6.00")),
        ("2026-09-02", "Set A", 340, Decimal("11.50")),
    ]


@pytest.mark.parametrize(
    ("total", "refusal"),
    [
        (
            "Total: Account, --, --, --,EUR,120,6,10.00,1.00",
            "the file's total is 120, but its rows add up to 100",
        ),
        (" --,111-222-3333,A,11,EUR,101,5,10.00,1.00", "column Day: is missing"),
        ("2026-09-01,111-222-3333,, --,EUR,101,5,10.00,1.00", "column Campaign ID: is missing"),
    ],
)
def test_a_total_that_differs_is_refused(folder: Path, total: str, refusal: str) -> None:
    _write(folder, HEADER, ROW, total)
    assert refusal in refusals(folder)[0]


def test_one_total_of_several_must_be_equal(folder: Path) -> None:
    """A view's own total is equal; the account's contains campaigns that the view does not show."""
    view = "Total: Filtered campaigns, --, --, --,EUR,100,5,10.00,1.00"
    account = "Total: Account, --, --, --,EUR,900,50,99.00,9.00"
    _write(folder, HEADER, ROW, view, account)
    assert len(_google(folder)) == 1


# -- currency -----------------------------------------------------------------------------------------------


def test_the_currency_is_read_in_other_languages(case: Place) -> None:
    assert refusals(case("google_french_currency")) == []
    assert [
        (row["currency"], row["cost"], row["impressions"]) for row in current("google_ads", "campaigns")
    ] == [
        ("CAD", Decimal("12.34"), 1234),
        ("CAD", Decimal("1020.50"), 10500),
    ]


@pytest.mark.parametrize(
    ("header", "row", "refusal"),
    [
        (HEADER.replace("Currency code,", ""), ROW.replace("EUR,", ""), "the amounts have no known currency"),
        (
            HEADER.replace("Currency code,", ""),
            ROW.replace("EUR,", "").replace("10.00", '"$1,000.00"'),
            '"$1,000.00" may be',
        ),
        (HEADER.replace("Currency code", "Kod waluty"), ROW, '"Kod waluty" = "Currency code"'),
        (HEADER, ROW.replace("EUR", "Euros"), '"Euros" is not a currency code'),
        (HEADER, ROW.replace("10.00", "$10.00"), '"$10.00" is not in EUR'),
        (HEADER, ROW.replace("10.00", "10.00 GBP"), '"10.00 GBP" is not in EUR'),
    ],
)
def test_an_unknown_currency_is_asked_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch, header: str, row: str, refusal: str
) -> None:
    # the portal's currency is not an ad account's
    monkeypatch.setenv("EXPORTS__CURRENCY", "EUR")
    _write(folder, header, row)
    (found,) = refusals(folder)
    assert refusal in found


def test_a_setting_names_the_currency_of_an_account(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(folder, HEADER.replace("Currency code,", ""), ROW.replace("EUR,", "").replace("10.00", "$10.00"))
    monkeypatch.setenv("EXPORTS__CURRENCIES", '{"111-222-3333": "AUD"}')
    assert [row["currency"] for row in current("google_ads", "campaigns")] == ["AUD"]
    monkeypatch.setenv("EXPORTS__CURRENCIES", '{"111-222-3333": "EUR"}')
    assert "is not in EUR" in refusals(folder)[0]


# -- accounts and periods -----------------------------------------------------------------------------------


def test_a_date_in_a_file_name_is_no_account(case: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = case("linkedin_dated_names")
    assert [line.split(": ")[1] for line in refusals(folder)] == ["has no ad account"] * 2
    monkeypatch.setenv("EXPORTS__ACCOUNTS", '{"Nordlicht B2B": "508912347"}')
    assert refusals(folder) == []
    found = current("linkedin_ads", "campaigns")
    assert {row.account for row in found} == {"508912347"}
    assert sum(row["conversions"] for row in found) == 5
    assert sum(row["cost"] for row in found) == Decimal("50.00")


def test_another_file_of_the_account_names_its_id(case: Place) -> None:
    folder = case("linkedin_dated_names")
    (folder / "linkedin_campaigns_20260904.csv").rename(folder / "account_508912347_campaigns.csv")
    assert {row.account for row in current("linkedin_ads", "campaigns")} == {"508912347"}


def test_a_row_for_a_range_of_days_is_refused(case: Place) -> None:
    folder = case("linkedin_one_period")
    assert "row 7: covers 2026-08-04 to 2026-11-01, the file is not by day" in refusals(folder)[0]


def test_rows_at_the_start_of_a_long_range_are_refused(folder: Path) -> None:
    row = "8/4/2026\tNordlicht B2B\tEUR\t65\t31\t10.00\t100\t2\t1"
    before = ["Report Start: August 4, 2026", "Report End: November 1, 2026"]
    _write(folder, *before, LINKEDIN, row, name="account_508912347_report.csv")
    assert "the file is not by day" in refusals(folder)[0]


def test_the_newer_names_of_linkedin_are_read(case: Place) -> None:
    folder = case("linkedin_ad_sets")
    assert refusals(folder) == []
    assert _figures("linkedin_ads", "group_id", "campaign_id", "campaign_name", "cost") == [
        ("2026-09-01", "652100803", "318200431", "Guide leads", Decimal("12.83")),
        ("2026-09-01", "652100803", "318200432", "Call-back leads", Decimal("7.00")),
    ]


# -- which download is later --------------------------------------------------------------------------------

OCTOBER_1 = int(datetime(2026, 10, 1, 9).timestamp())  # noqa: DTZ001  (a file's time is local)
OCTOBER_20 = int(datetime(2026, 10, 20, 9).timestamp())  # noqa: DTZ001  (a file's time is local)


def _older_and_later(case: Place, older_at: int, later_at: int) -> list[tuple[Any, ...]]:
    folder = case("google_later_download")
    os.utime(folder / "Campaign report.csv", (older_at, older_at))
    os.utime(folder / "Campaign report (1).csv", (later_at, later_at))
    return _figures("google_ads", "conversions")


def test_the_later_download_wins_for_its_days(case: Place) -> None:
    expected = [("2026-08-01", Decimal("4.00")), ("2026-09-30", Decimal("1.00"))]
    assert _older_and_later(case, OCTOBER_1, OCTOBER_20) == expected
    # copied together, so that a browser's number decides
    assert _older_and_later(case, OCTOBER_20 + 1, OCTOBER_20) == expected


def test_contradicting_signs_of_the_later_download_are_refused(case: Place, folder: Path) -> None:
    assert _older_and_later(case, OCTOBER_20, OCTOBER_1) == []
    assert "its number in brackets and its file time name different ones" in refusals(folder)[0]


def test_two_files_without_an_order_are_refused_if_they_differ(folder: Path) -> None:
    _write(folder, HEADER, ROW, name="a.csv", at=OCTOBER_1)
    _write(folder, HEADER, ROW, ROW.replace("09-01", "09-02"), name="b.csv", at=OCTOBER_1)
    assert len(_google(folder)) == 2
    _write(folder, HEADER, SECOND, name="b.csv", at=OCTOBER_1)
    found = refusals(folder)
    assert [("nothing shows which was downloaded later" in line) for line in found] == [True, True]


def test_the_reports_own_line_beats_the_files_time(folder: Path) -> None:
    for name, generated, spent, at in (
        ("account_508912347_a.csv", "September 9, 2026, 06:00 AM", "9.00", OCTOBER_1),
        ("account_508912347_b.csv", "September 4, 2026, 06:00 PM", "4.00", OCTOBER_20),
    ):
        lines = [
            "Report Start: September 1, 2026, 12:00 AM",
            "Report End: September 3, 2026, 11:59 PM",
            f"Date Generated: {generated}",
            LINKEDIN,
            *(f"9/{day}/2026\tNordlicht\tEUR\t65\t31\t{spent}\t100\t2\t1" for day in (1, 2)),
        ]
        _write(folder, *lines, name=name, at=at)
    assert _figures("linkedin_ads", "cost") == [("2026-09-01", Decimal(9)), ("2026-09-02", Decimal(9))]


def test_reports_of_one_action_each_both_count(case: Place) -> None:
    case("google_one_action_each")
    assert sorted(_figures("google_ads", "conversion_action", "conversions", kind="actions")) == [
        ("2026-09-01", "Demo request", Decimal("2.00")),
        ("2026-09-01", "Newsletter", Decimal("1.00")),
    ]


def test_a_renamed_action_does_not_count_twice(case: Place) -> None:
    folder = case("google_one_action_each")
    report = folder / "Campaign report.csv"
    report.write_text(report.read_text().replace("10.00,3.00", "10.00,1.00"))
    landing = landing_of("google_ads")
    found = list(rows.current_rows(landing, rows.exports(landing, "google_ads", "actions")))
    assert [row["conversion_action"] for row in found] == ["Newsletter"]
    assert 'the action "Demo request" is not in a later file' in landing.notices[0]


# -- days and numbers ---------------------------------------------------------------------------------------


def test_the_order_of_day_and_month_is_proven_by_the_whole_file(folder: Path) -> None:
    days = [date(2026, 8, day) for day in range(1, 21)]
    lines = [
        ROW.replace("2026-09-01", f"{day:%d/%m/%Y}").replace(",11,", f",{campaign},")
        for day in days
        for campaign in range(300)
    ]
    _write(folder, HEADER, *lines)
    found = _figures("google_ads", "campaign_id")
    assert len(found) == 6000
    assert sorted({day for day, _ in found}) == [str(day) for day in days]


@pytest.mark.parametrize(
    ("lines", "refusal"),
    [
        (
            [HEADER, ROW.replace("2026-09-01", "04/08/2026")],
            '"04/08/2026" may be 4 August 2026 or 8 April 2026',
        ),
        (
            [HEADER, ROW.replace("2026-09-01", "13/08/2026"), ROW.replace("2026-09-01", "08/14/2026")],
            "fit day/month only",
        ),
        (
            [HEADER, ROW.replace("2026-09-01", "13/08/2026"), ROW.replace("2026-09-01", "2026-08-14")],
            "days are written in two ways (rows 2 and 3)",
        ),
        ([HEADER, ROW.replace("2026-09-01", "2026-09-01 - 2026-09-07")], "is not a date"),
        ([HEADER, ROW.replace("10.00", "1.110").replace("1.00", "1")], '"1.110" may be 1110 or 1.110'),
        (
            [HEADER, ROW.replace("10.00", "1.110"), ROW.replace(",11,", ",12,").replace("10.00", '"10,5"')],
            "two decimal signs",
        ),
        ([HEADER, ROW.replace(",100,", ",12K,")], '"12K" is not a number'),
        ([HEADER, ROW.replace(",100,", ",<10,")], '"<10" is not a number'),
        ([HEADER, ROW.replace("10.00", "(10.00)")], '"(10.00)" is not a number'),
        ([HEADER, ROW.replace(",11,", ",120214501730400000,")], "a spreadsheet has rounded them"),
        ([HEADER, ROW.replace(",11,", ",1.20215E+17,")], "is an id that a spreadsheet has rounded"),
        (
            [HEADER.replace("Clicks", "Impressions"), ROW],
            "looks like Google Ads, campaigns by day, without Clicks",
        ),
        (
            [f"{HEADER},Spend", f"{ROW},11.00"],
            'the columns "Cost" and "Spend" both mean Cost and differ',
        ),
    ],
)
def test_an_ambiguous_cell_is_refused(folder: Path, lines: list[str], refusal: str) -> None:
    _write(folder, *lines)
    (found,) = refusals(folder)
    assert refusal in found


@pytest.mark.parametrize(
    ("setting", "value", "cells", "expected"),
    [
        ("DAY_ORDER", "day", ("04/08/2026", "10.00"), ("2026-08-04", Decimal("10.00"))),
        ("DAY_ORDER", "month", ("04/08/2026", "10.00"), ("2026-04-08", Decimal("10.00"))),
        ("DECIMAL_SIGN", ",", ("2026-09-01", "1.110"), ("2026-09-01", Decimal(1110))),
        ("DECIMAL_SIGN", ".", ("2026-09-01", "1.110"), ("2026-09-01", Decimal("1.110"))),
    ],
)
def test_a_setting_decides_an_ambiguous_format(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    setting: str,
    value: str,
    cells: tuple[str, str],
    expected: tuple[str, Decimal],
) -> None:
    _write(folder, HEADER, f"{cells[0]},111-222-3333,A,11,EUR,100,5,{cells[1]},1")
    monkeypatch.setenv(f"EXPORTS__{setting}", value)
    assert _figures("google_ads", "cost") == [expected]


@pytest.mark.parametrize(
    ("setting", "value"), [("DAY_ORDER", "dmy"), ("DECIMAL_SIGN", ";"), ("ACCOUNTS", '{"A": "x"}')]
)
def test_an_invalid_setting_is_reported(
    folder: Path, monkeypatch: pytest.MonkeyPatch, setting: str, value: str
) -> None:
    monkeypatch.setenv(f"EXPORTS__{setting}", value)
    with pytest.raises(settings.SettingError, match=f"exports.{setting.lower()}"):
        read(folder)


def test_a_table_saved_by_a_german_spreadsheet_is_read(case: Place) -> None:
    assert refusals(case("meta_resaved_in_german")) == []
    assert _figures("facebook_ads", "impressions", "spend") == [
        ("2026-09-01", 1000, Decimal(25)),
        ("2026-09-02", 12000, Decimal(110)),
        ("2026-09-02", 1234, Decimal(1110)),
    ]


# -- columns ------------------------------------------------------------------------------------------------


def _emails(vendor: str, listing: Callable[[Any], Any]) -> list[str]:
    pages = list(listing(landing_of(vendor)))
    return re.findall(r"[\w.]+@[\w.]+", " ".join(page.body.decode() for page in pages))


def test_the_question_for_the_address_is_read_in_other_languages(case: Place) -> None:
    folder = case("meta_spanish_form")
    assert refusals(folder) == []
    assert _emails("facebook_ads", facebook_ads._leads) == ["ana@example.test"]


LEADS = "id\tcreated_time\tform_id\tis_organic"
LEAD = "l:773\t2026-09-27T10:13:48+02:00\tf:118\tfalse"


@pytest.mark.parametrize(
    ("questions", "answers", "email"),
    [
        ("¿dónde_te_escribimos?", "ana@example.test", "ana@example.test"),
        ("your_phone", "+34600", None),
        ("mail_a\tmail_b", "ana@example.test\teva@example.test", None),
    ],
)
def test_a_form_without_a_known_question_for_the_address(
    folder: Path, questions: str, answers: str, email: str | None
) -> None:
    _write(folder, f"{LEADS}\t{questions}", f"{LEAD}\t{answers}", name="leads.csv")
    if email is None:
        assert "without the address these leads cannot be matched with contacts" in refusals(folder)[0]
    else:
        assert _emails("facebook_ads", facebook_ads._leads) == [email]
        assert "contains addresses only" in read(folder).exports[0].notes[0]


def test_of_several_addresses_hubspots_own_property_is_read(case: Place) -> None:
    assert refusals(case("hubspot_three_addresses")) == []
    assert _emails("hubspot", hubspot._contacts) == ["zeno@example.test"]


@pytest.mark.parametrize(
    ("own", "other", "expected"),
    [("a@x.test", "b@x.test", "a@x.test"), ("", "b@x.test", "b@x.test"), ("a@x.test", "", "a@x.test")],
)
def test_the_empty_column_of_two_is_not_read(folder: Path, own: str, other: str, expected: str) -> None:
    header = (
        "Record ID,Contact email,Email,Create Date,Original Traffic Source,First Page Seen,Time First Seen,"
        "Time Last Seen,Number of Sessions"
    )
    _write(folder, header, f"704,{other},{own},2025-10-21 03:00,Organic Search,,,,7")
    assert _emails("hubspot", hubspot._contacts) == [expected]


def test_a_contact_that_a_file_holds_twice_is_reported(folder: Path) -> None:
    header = (
        "Record ID,Email,Create Date,Original Traffic Source,First Page Seen,Time First Seen,Time Last Seen,"
        "Number of Sessions"
    )
    row = "704,{}@example.test,2025-10-21 03:00,Organic Search,,,,7"
    _write(folder, header, row.format("ann"), row.format("bob"))
    landing = landing_of("hubspot")
    assert len(list(hubspot._contacts(landing))) == 1
    assert landing.notices == [
        "Campaign report.csv, row 3: has the id of an earlier row: export each record once"
    ]


@pytest.mark.parametrize(
    "example",
    yaml.safe_load((CASES / "headers.yml").read_text()),
    ids=lambda each: f"{each['vendor']} {each['language']}",
)
def test_a_header_of_each_language_is_known(example: dict[str, str]) -> None:
    known = layout(example["vendor"])  # type: ignore[arg-type]  # from a file
    header = known.header(example["header"].split("|"))
    kind = known.kind_of(header.places)
    assert kind is not None
    assert kind.name == example["kind"]
    assert header.language in (example["language"], "en")


def test_an_unknown_label_shows_the_line_to_add(folder: Path) -> None:
    _write(folder, HEADER.replace("Campaign ID", "Kampagne Nr."), ROW)
    assert 'set exports.columns "Kampagne Nr." = "Campaign ID"' in refusals(folder)[0]


# -- workbooks and archives ---------------------------------------------------------------------------------


def _workbook(
    folder: Path, *rows: list[Any], name: str = "report.xlsx", epoch: datetime | None = None
) -> Path:
    book = Workbook()
    if epoch is not None:
        book.epoch = epoch
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    book.save(folder / name)
    return folder / name


def _edited(file: Path, member: str, old: str, new: str) -> None:
    """Change the XML of a workbook, which a library would round."""
    with zipfile.ZipFile(file) as archive:
        content = {each.filename: archive.read(each) for each in archive.infolist()}
    assert old.encode() in content[member]
    content[member] = content[member].replace(old.encode(), new.encode())
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for each, data in content.items():
            archive.writestr(each, data)


META_HEADER = [
    "Day",
    "Account ID",
    "Campaign name",
    "Campaign ID",
    "Impressions",
    "Clicks (all)",
    "Amount spent (EUR)",
]


def _meta_row(day: Any, campaign: Any = 42424242, spent: Any = 10.1) -> list[Any]:
    return [day, "381905527714206", "Leads", campaign, 300, 6, spent]


@pytest.mark.parametrize("epoch", ["1900", "1904"])
def test_a_workbook_is_read_exactly(folder: Path, epoch: str) -> None:
    from openpyxl.utils.datetime import CALENDAR_MAC_1904, CALENDAR_WINDOWS_1900

    start = CALENDAR_MAC_1904 if epoch == "1904" else CALENDAR_WINDOWS_1900
    file = _workbook(
        folder,
        ["Report"],
        [None, None],
        META_HEADER,
        _meta_row(date(2026, 9, 1)),
        epoch=start,
    )
    _edited(file, "xl/worksheets/sheet1.xml", "42424242", "12021450173040101")
    assert refusals(folder) == []
    assert _figures("facebook_ads", "campaign_id", "impressions", "spend") == [
        ("2026-09-01", "12021450173040101", 300, Decimal("10.1"))
    ]


@pytest.mark.parametrize(
    ("row", "refusal"),
    [
        (_meta_row("2026-09-01", 120214501730400101), "a spreadsheet has rounded"),
        (_meta_row("2026-09-01", 1.202145017304e17), "a spreadsheet has rounded"),
        (_meta_row("2026-09-01", spent="=10+1"), '"=10+1" is not a number'),
        (_meta_row(45000.5), "is not a date"),
        ([*_meta_row("2026-09-01"), "one cell more"], "has 8 cells where the header has 7"),
    ],
)
def test_an_inexact_workbook_is_refused(folder: Path, row: list[Any], refusal: str) -> None:
    _workbook(folder, META_HEADER, row)
    assert refusal in refusals(folder)[0]


def test_a_title_that_is_missing_in_a_workbook_hides_no_row(folder: Path) -> None:
    header = ["Day", None, *META_HEADER[1:]]
    row = _meta_row("2026-09-01")
    _workbook(folder, header, [row[0], "x", *row[1:]])
    assert _figures("facebook_ads", "spend") == [("2026-09-01", Decimal("10.1"))]


def test_sheets_of_a_workbook_are_files(folder: Path) -> None:
    file = _workbook(folder, META_HEADER, _meta_row("2026-09-01"))
    book = load_workbook(file)
    second = book.create_sheet("October")
    for row in (META_HEADER, _meta_row("2026-10-01")):
        second.append(row)
    book.create_sheet("Notes").append(["made by hand"])
    book.create_sheet("Old").sheet_state = "hidden"
    book.save(file)
    assert refusals(folder) == []
    assert sorted(_figures("facebook_ads", "spend")) == [
        ("2026-09-01", Decimal("10.1")),
        ("2026-10-01", Decimal("10.1")),
    ]
    names = [export.name for export in read(folder).exports]
    assert names == ["report.xlsx (Sheet)", "report.xlsx (October)"]
    assert "Notes" in read(folder).exports[0].notes[0]


def test_an_archive_is_read_like_its_files(folder: Path) -> None:
    workbook = _workbook(folder, META_HEADER, _meta_row("2026-09-01"))
    with zipfile.ZipFile(folder / "downloads.zip", "w") as archive:
        archive.writestr("google/Campaign report.csv", f"{HEADER}\n{ROW}\n")
        archive.writestr("__MACOSX/._Campaign report.csv", b"\0\1")
        archive.write(workbook, "meta.xlsx")
    workbook.unlink()
    assert refusals(folder) == []
    assert [row["cost"] for row in current("google_ads", "campaigns")] == [Decimal("10.00")]
    assert _figures("facebook_ads", "spend") == [("2026-09-01", Decimal("10.1"))]


def _archive(*members: tuple[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return content.getvalue()


def test_archives_that_expand_too_far_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_EXPANDED", 1 << 20)
    monkeypatch.setattr(reading, "MAX_SHARED_TEXTS", 1 << 10)
    monkeypatch.setattr(reading, "MAX_MEMBERS", 10)
    (folder / "bomb.zip").write_bytes(_archive(("report.csv", b"0" * (2 << 20))))
    (folder / "many.zip").write_bytes(_archive(*((f"{n}.csv", b"a") for n in range(11))))
    (folder / "nested.zip").write_bytes(_archive(("inner.zip", _archive(("a.csv", b"a")))))
    (folder / "damaged.zip").write_bytes(_archive(("report.csv", b"a,b\n1,2\n"))[:-30])
    (folder / "empty.zip").write_bytes(_archive())
    with zipfile.ZipFile(_workbook(folder, ["a"], name="texts.xlsx"), "a") as texts:
        texts.writestr("xl/sharedStrings.xml", b" " * 2000)
    assert {line.partition(":")[0]: line.partition(": ")[2] for line in refusals(folder)} == {
        "bomb.zip": "expands to 2 MB, more than 1 MB: it is not read; download fewer days",
        "many.zip": "contains 11 files, more than 10: it is not read",
        "nested.zip": "contains another ZIP archive: unpack it",
        "damaged.zip": "is a damaged archive or workbook: download it again",
        "empty.zip": "is an empty ZIP archive: download it again",
        "texts.xlsx": "contains more than 0 MB of texts: download it as CSV",
    }


def test_a_damaged_member_of_an_archive_is_reported(folder: Path) -> None:
    lines = "".join(f"{ROW.replace(',11,', f',{number},')}\n" for number in range(20_000))
    content = bytearray(_archive(("report.csv", f"{HEADER}\n{lines}".encode())))
    content[len(content) // 2] ^= 0xFF
    (folder / "report.zip").write_bytes(content)
    assert "download it again" in refusals(folder)[0]


def test_linkedins_conversion_report_needs_the_group(folder: Path) -> None:
    """With the newer names, a campaign without its group is a group."""
    header = "Start Date (in UTC)\tCampaign ID\tConversion Name\tConversions"
    _write(folder, header, "9/21/2026\t65\tDemo\t1", name="account_508912347_conversions.csv")
    assert "without Campaign Group ID" in refusals(folder)[0]


def test_the_totals_of_a_file_can_be_compared_with_the_screen(folder: Path) -> None:
    from typer.testing import CliRunner

    from adledger.cli import app

    _write(folder, f"{HEADER},Device", f"{ROW},Mobile", f"{SECOND},Desktop")
    shown = CliRunner().invoke(app, ["doctor", "--exports", str(folder)], env={"COLUMNS": "200"}).output
    assert "account 1112223333; 1 day, 2026-09-01; 14.00 EUR; 150 Impr.; 7 Clicks; 1.50 Conversions" in shown
    assert "summed over Device" in shown
    (file,) = json.loads(CliRunner().invoke(app, ["doctor", "--exports", str(folder), "--json"]).output)[
        "files"
    ]
    assert file["totals"]["spend"] == {"EUR": "14.00"}
    assert file["totals"]["sums"]["conversions"] == "1.50"
    assert file["summed_over"] == ["Device"]


def test_a_cut_in_the_last_cell_is_mentioned(folder: Path) -> None:
    _write(folder, HEADER, ROW)
    assert read(folder).exports[0].notes == ()
    file = folder / "Campaign report.csv"
    file.write_text(file.read_text().rstrip()[:-2])
    assert "its last line has no line end" in read(folder).exports[0].notes[0]


def test_days_are_in_the_format_of_the_named_range(folder: Path) -> None:
    row = "9/1/2026\tNordlicht\tEUR\t65\t31\t9.00\t100\t2\t1"
    before = ["Report Start: September 1, 2026", "Report End: September 2, 2026"]
    _write(folder, *before, LINKEDIN, row, name="account_508912347_report.csv")
    assert _figures("linkedin_ads", "cost") == [("2026-09-01", Decimal("9.00"))]
