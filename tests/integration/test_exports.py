"""Downloaded files as a source: landed rows, overlapping files, bad files."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion import pipelines
from ingestion.doctor import examine
from orchestration.checks.freshness import Limits, late_days
from sandbox.apis.state import Sandbox
from sandbox.export import export
from sandbox.serve import build_sandbox, settings
from tests.companies import served

FIRST, LAST = date(2026, 9, 1), date(2026, 10, 31)
WINDOW = pipelines.Window(FIRST, LAST)
AS_OF = datetime(2026, 11, 1, 6, tzinfo=UTC)
HEADER = "Day,Customer ID,Campaign,Campaign ID,Impr.,Clicks,Cost,Conversions,Currency code"
SETTINGS = {"EXPORTS__TIME_ZONE": "Europe/Berlin", "EXPORTS__CURRENCY": "EUR"}
LOADED = ("observed_at", "superseded_at", "row_version", "applied_at", "_dlt_load_id", "_dlt_id")


@pytest.fixture(scope="module")
def company() -> Sandbox:
    return build_sandbox(people=150, profile="messy")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    return _use(monkeypatch, tmp_path / "home", tmp_path / "files")


def _use(patch: pytest.MonkeyPatch, home: Path, files: Path) -> Path:
    files.mkdir(exist_ok=True, parents=True)
    patch.setenv("ADLEDGER_HOME", str(home))
    patch.setenv("EXPORTS__FOLDER", str(files))
    return home


def _load(
    source: str, *, as_of: datetime = AS_OF, window: pipelines.Window = WINDOW
) -> list[pipelines.LoadReport]:
    return [
        pipelines.load(source, part, window=None if part == "entities" else window, as_of=as_of)
        for part in pipelines.parts(source)
    ]


def _rows(home: Path, source: str, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(home / "raw" / f"{source}.duckdb"), read_only=True) as store:
        store.execute("SET TimeZone = 'UTC'; USE raw")
        return store.execute(query).fetchall()


def _landed(home: Path, source: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of a source's tables without the columns that a load adds."""
    tables = "SELECT DISTINCT table_name FROM duckdb_columns() WHERE schema_name = 'raw'"
    found = {}
    for (table,) in _rows(home, source, f"{tables} AND NOT starts_with(table_name, '_')"):
        columns = [name for name, *_ in _rows(home, source, f"DESCRIBE {table}") if name not in LOADED]
        found[table] = sorted(_rows(home, source, f"SELECT {', '.join(columns)} FROM {table}"), key=str)
    return found


def _google(folder: Path, name: str, *rows: str, modified: int = 0) -> Path:
    folder.mkdir(exist_ok=True, parents=True)
    file = folder / name
    file.write_text("\n".join((HEADER, *rows, "")))
    os.utime(file, (modified, modified))
    return file


def _row(
    day: date, campaign: str = "11", clicks: int = 5, account: str = "111-222-3333", conversions: str = "1.00"
) -> str:
    return f"{day},{account},Brand,{campaign},90,{clicks},3.80,{conversions},EUR"


def _clicks(home: Path) -> list[tuple[Any, ...]]:
    current = "WHERE NOT is_day_marker AND superseded_at IS NULL"
    return sorted(
        _rows(home, "google_ads", f"SELECT campaign_id, date, clicks FROM campaign_metrics {current}")
    )


@pytest.fixture(scope="module")
def languages(company: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Homes with the files of the same company, once in English and once in German."""
    homes = {}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SETTINGS.items():
            patch.setenv(name, value)
        for language in ("en", "de"):
            place = tmp_path_factory.mktemp(language)
            export(company, place / "files", FIRST, LAST, language)
            homes[language] = _use(patch, place / "home", place / "files")
            for source in pipelines.VENDORS:
                for report in _load(source):
                    assert (report.skipped, report.quarantined, report.from_files) == (False, 0, True)
    return homes


@pytest.mark.parametrize("source", pipelines.VENDORS)
def test_files_of_each_language_land_the_same_rows(languages: dict[str, Path], source: str) -> None:
    english, german = (_landed(languages[language], source) for language in ("en", "de"))
    assert sum(map(len, english.values())) > 50
    if source == "google_ads":
        # the name of an action replaces its id, and Google's interface does not translate names
        assert english["campaign_conversions"]
    assert english == german


def test_a_submission_has_its_contacts_exact_instant_and_its_forms_id(
    languages: dict[str, Path], company: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(company) as url:
        monkeypatch.setenv("ADLEDGER_HOME", str(tmp_path))
        for name, value in settings(company, url).items():
            monkeypatch.setenv(name, value)
        _load("hubspot")
    query = "SELECT form_id, submitted_at, nullif(page_url, '') FROM form_submissions"
    by_api, by_file = (Counter(_rows(place, "hubspot", query)) for place in (tmp_path, languages["en"]))
    assert by_api.total() == by_file.total() > 150

    def minutes(found: Counter[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        return sorted(
            ((form, at.replace(second=0, microsecond=0), page) for form, at, page in found.elements()),
            key=str,
        )

    # submissions that no contact counts have the minute of the file
    inexact = by_file - by_api
    assert minutes(inexact) == sorted(inexact.elements(), key=str)
    assert minutes(by_api) == minutes(by_file)
    assert inexact.total() < 0.05 * by_file.total()


def test_the_newest_file_wins_for_its_days_and_campaigns(home: Path, tmp_path: Path) -> None:
    days = [FIRST + timedelta(days=offset) for offset in range(4)]
    _google(
        tmp_path / "files",
        "old.csv",
        *(_row(day, campaign) for day in days for campaign in ("11", "12")),
        modified=1,
    )
    _google(tmp_path / "files", "new.csv", *(_row(day, "11", clicks=7) for day in days[1:3]), modified=2)
    _, daily = _load("google_ads")
    assert _clicks(home) == sorted(
        [("12", day, 5) for day in days]
        + [("11", days[0], 5), ("11", days[1], 7), ("11", days[2], 7), ("11", days[3], 5)]
    )
    counts = "SELECT received, landed, duplicates, quarantined FROM load_counts"
    assert _rows(home, "google_ads", f"{counts} WHERE resource = 'campaign_metrics'") == [(10, 8, 2, 0)]
    assert daily.quarantined == 0


def test_a_later_download_restates_its_rows_and_keeps_the_rest(home: Path, tmp_path: Path) -> None:
    days = [FIRST, FIRST + timedelta(days=1), FIRST + timedelta(days=2)]
    _google(tmp_path / "files", "one.csv", *map(_row, days[:2]), modified=1)
    _load("google_ads")
    first = _clicks(home)
    _load("google_ads", as_of=AS_OF + timedelta(hours=1))
    assert _clicks(home) == first
    _google(tmp_path / "files", "two.csv", *(_row(day, clicks=6) for day in days[1:]), modified=2)
    _load("google_ads", as_of=AS_OF + timedelta(days=1))
    assert _clicks(home) == [("11", days[0], 5), ("11", days[1], 6), ("11", days[2], 6)]
    superseded = (
        "SELECT date, clicks FROM campaign_metrics WHERE superseded_at IS NOT NULL AND NOT is_day_marker"
    )
    assert _rows(home, "google_ads", superseded) == [(days[1], 5)]
    assert pipelines.landed_days("google_ads") == pipelines.Window(days[0], days[2])


BROKEN = {
    "nothing.csv": (b"", "nothing.csv: is empty"),
    "stranger.csv": (b"a,b,c\n1,2,3\n", "stranger.csv: has no known header"),
    "workbook.xlsx": (b"PK\x03\x04", "workbook.xlsx: is a damaged archive or workbook"),
    "half.csv": (
        HEADER.replace("Campaign ID", "Kampagne Nr.").encode(),
        "half.csv, row 1: looks like Google Ads, campaigns by day, without Campaign ID",
    ),
}
BAD_ROWS = {
    "2026-09-03,111-222-3333,Bra": ("bad.csv, row 3: has 3 cells where the header has 9", None),
    _row(FIRST, "12").replace(",5,", ",many,"): (
        'bad.csv, row 4, column Clicks: "many" is not a number',
        "Clicks",
    ),
    _row(FIRST, "13").replace("2026-09-01", "soon"): (
        'bad.csv, row 5, column Day: "soon" is not a date',
        "Day",
    ),
    _row(FIRST, campaign="", clicks=7): ("bad.csv, row 6, column Campaign ID: is missing", "Campaign ID"),
}


def test_unreadable_rows_are_reported_and_the_rest_lands(home: Path, tmp_path: Path) -> None:
    files = tmp_path / "files"
    for name, (content, _) in BROKEN.items():
        (files / name).write_bytes(content)
    _google(files, "bad.csv", _row(FIRST), *BAD_ROWS)
    good = _google(files, "cut.csv", *(_row(FIRST, str(campaign)) for campaign in range(20, 40)))
    # ends within a multi-byte character
    good.write_bytes(good.read_text().encode("utf-16")[:-5])
    entities, daily = _load("google_ads")
    assert len(_clicks(home)) == 1 + 19
    assert daily.message == "; ".join(
        [
            f"not read: {BROKEN['half.csv'][1]}: add it to the report; unknown columns: Kampagne Nr.",
            "cut.csv: breaks off after line 20: it is truncated or damaged, download it again",
            *(line for line, _ in BAD_ROWS.values()),
        ]
    )
    assert daily.quarantined == 5
    found = _rows(home, "google_ads", "SELECT record, reason FROM quarantine")
    places = [json.loads(record) for record, _ in found]
    assert {(place["file"], place["row"], place["column"]) for place in places} == {
        ("cut.csv", None, None),
        *(("bad.csv", row, column) for row, (_, column) in enumerate(BAD_ROWS.values(), 3)),
    }
    assert not any("many" in reason or "soon" in reason for _, reason in found)
    assert (
        _rows(home, "google_ads", "FROM load_counts WHERE received <> landed + duplicates + quarantined")
        == []
    )
    assert entities.rows["campaigns"] == 20


def test_a_file_with_only_bad_rows_does_not_stop_the_load(home: Path, tmp_path: Path) -> None:
    _google(tmp_path / "files", "bad.csv", *[_row(FIRST).replace(",5,", ",many,")] * 300)
    _google(tmp_path / "files", "good.csv", _row(FIRST), modified=9)
    _, daily = _load("google_ads")
    assert _clicks(home) == [("11", FIRST, 5)]
    assert daily.quarantined == 300
    assert daily.message is not None
    assert daily.message.count("; ") == 5
    assert daily.message.endswith("bad.csv: 300 rows cannot be read in total: see reconciliation.quarantine")


def test_days_missing_from_the_main_report_are_reported(home: Path, tmp_path: Path) -> None:
    files = tmp_path / "files"
    _google(files, "campaigns.csv", _row(FIRST))
    header = "Day,Customer ID,Campaign,Campaign ID,Conversion action,Conversions"
    lines = [f"{FIRST + timedelta(days=offset)},111-222-3333,Brand,11,Demo,1.00" for offset in range(3)]
    (files / "actions.csv").write_text("\n".join((header, *lines, "")))
    _, daily = _load("google_ads")
    assert daily.rows["campaign_conversions"] == 1
    assert daily.message == (
        "actions.csv: 2 days of account 1112223333 are not loaded, from 2026-09-02 to 2026-09-03:"
        " no file of campaigns by day covers them"
    )


def test_a_figure_in_two_reports_counts_once(home: Path, tmp_path: Path) -> None:
    """Each report is rounded separately: three times a third is 0.99 in one and 1.00 in the other."""
    files = tmp_path / "files"
    _google(files, "campaigns.csv", _row(FIRST), _row(FIRST, "12", conversions="5.00"))
    header = "Day,Customer ID,Campaign,Campaign ID,Conversion action,Conversions"
    actions = [
        f"{FIRST},111-222-3333,Brand,{campaign},{action},0.33"
        for campaign in ("11", "12", "13")
        for action in "abc"
    ]
    (files / "actions.csv").write_text("\n".join((header, *actions, "")))
    _, daily = _load("google_ads")
    query = (
        "SELECT campaign_id, round(conversions, 6) FROM campaign_metrics WHERE NOT is_day_marker ORDER BY ALL"
    )
    assert _rows(home, "google_ads", query) == [("11", 0.99), ("12", 5.0), ("13", 0.99)]
    assert "1 campaign days have conversions by action but no row" in str(daily.message)
    # a difference beyond rounding belongs to no known action, so that the total adds up
    by_action = "SELECT campaign_id, count(*), round(sum(conversions), 6) FROM campaign_conversions"
    assert _rows(home, "google_ads", f"{by_action} WHERE NOT is_day_marker GROUP BY ALL ORDER BY ALL") == [
        ("11", 3, 0.99),
        ("12", 4, 5.0),
        ("13", 3, 0.99),
    ]


def test_data_from_files_and_api_is_never_mixed(
    company: Sandbox, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(company, tmp_path / "files", FIRST, LAST)
    actions = (
        "SELECT DISTINCT conversion_action_id FROM campaign_conversions WHERE NOT is_day_marker ORDER BY ALL"
    )
    _load("google_ads")
    by_name = _rows(home, "google_ads", actions)
    with served(company) as url:
        for name, value in settings(company, url).items():
            monkeypatch.setenv(name, value)
        # files take precedence over credentials
        assert all(report.from_files for report in _load("google_ads", as_of=AS_OF + timedelta(minutes=1)))
        monkeypatch.delenv("EXPORTS__FOLDER")
        assert not any(
            report.from_files for report in _load("google_ads", as_of=AS_OF + timedelta(minutes=2))
        )
    by_id = _rows(home, "google_ads", actions)
    assert not set(by_name) & set(by_id)
    assert all(action.isdecimal() for (action,) in by_id)
    monkeypatch.setenv("EXPORTS__FOLDER", str(tmp_path / "files"))
    _load("google_ads", as_of=AS_OF + timedelta(minutes=3))
    assert _rows(home, "google_ads", actions) == by_name
    assert (home / "raw" / "google_ads.api.duckdb").exists()
    # without files and credentials the last landed rows are kept
    monkeypatch.delenv("EXPORTS__FOLDER")
    for name in settings(company, url):
        monkeypatch.delenv(name, raising=False)
    assert all(report.skipped for report in _load("google_ads", as_of=AS_OF + timedelta(minutes=4)))
    assert _rows(home, "google_ads", actions) == by_name


def test_contacts_from_files_are_deleted_once_the_api_is_loaded(
    company: Sandbox, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(company, tmp_path / "files", FIRST, LAST)
    monkeypatch.setenv("SOURCES__HUBSPOT__DOMAINS", "www.nordlicht.example")
    _load("hubspot")
    assert _rows(home, "hubspot", "SELECT domains, portal_id FROM account") == [
        ('["nordlicht.example"]', None)
    ]
    with served(company) as url:
        for name, value in settings(company, url).items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("EXPORTS__FOLDER")
        _load("hubspot", as_of=AS_OF + timedelta(minutes=4))
    assert [file.name for file in (home / "raw").glob("hubspot*.duckdb")] == ["hubspot.duckdb"]
    assert _rows(home, "hubspot", "SELECT count(*) > 0 FROM page_view_events") == [(True,)]


def test_doctor_and_freshness_support_files(home: Path, tmp_path: Path) -> None:
    _google(tmp_path / "files", "campaigns.csv", _row(FIRST))
    assert [(found.level, found.seen) for found in examine("google_ads", AS_OF)] == [
        ("ok", "loaded from downloaded files, see adledger doctor --exports")
    ]
    _load("google_ads")
    assert late_days("google_ads", AS_OF, Limits(1, 36)) == (
        "google_ads: the newest day of its figures is 2026-09-01, 61 days before 2026-11-01:"
        " download its reports again"
    )


def test_a_vendor_without_its_main_file_is_read_from_its_api(
    company: Sandbox, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(company, tmp_path / "all", FIRST, LAST)
    (tmp_path / "files" / "conversions.csv").write_bytes(
        next((tmp_path / "all" / "linkedin").glob("*conversion*")).read_bytes()
    )
    reports = _load("linkedin_ads")
    assert all(report.skipped for report in reports)
    assert "contains no file of its campaign performance by day (Plan or Advertise > Export" in str(
        reports[0].message
    )
    with served(company) as url:
        for name, value in settings(company, url).items():
            monkeypatch.setenv(name, value)
        assert not any(report.from_files or report.skipped for report in _load("linkedin_ads"))


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("EXPORTS__FOLDER", "/nowhere/at/all", "exports.folder is /nowhere/at/all, which is not a folder"),
        ("EXPORTS__TIME_ZONE", "Berlin", 'exports.time_zone contains "Berlin", which is not a time zone'),
        ("EXPORTS__TIME_ZONES", "[1]", "exports.time_zones is not a table"),
        ("EXPORTS__CURRENCY", "euro", 'exports.currency is "euro": set it to an ISO 4217 code'),
        ("EXPORTS__EXCHANGE_RATES", '{"USD": "much"}', "exports.exchange_rates contains USD = much"),
        ("EXPORTS__PORTAL_ID", "mine", 'exports.portal_id is "mine"'),
    ],
)
def test_an_invalid_setting_is_reported(
    languages: dict[str, Path],
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    setting: str,
    value: str,
    said: str,
) -> None:
    monkeypatch.setenv("EXPORTS__FOLDER", str(languages["en"].parent / "files"))
    monkeypatch.setenv(setting, value)
    source = "google_ads" if setting == "EXPORTS__TIME_ZONES" else "hubspot"
    with pytest.raises(pipelines.SettingError, match=re.escape(said)):
        _load(source)
