"""The simulated company's files, disturbed: the figures of the undisturbed files, or a refusal."""

from __future__ import annotations

import csv
import io
import os
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from ingestion.exports import rows
from ingestion.exports.layouts import Vendor, layout, normal
from ingestion.exports.values import LANGUAGES
from sandbox.export import export
from sandbox.serve import build_sandbox
from tests.landed_files import landing_of, refusals

FIRST, LAST = date(2026, 9, 7), date(2026, 9, 26)
NOW = datetime(2026, 11, 1, 6).timestamp()  # noqa: DTZ001  (a file's time is local)
Cell = str | int | Decimal | date | datetime | None


@dataclass(frozen=True)
class Report:
    """A file as a table of typed cells."""

    vendor: Vendor
    kind: str
    name: str
    before: tuple[tuple[str, ...], ...]
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    after: tuple[tuple[Cell, ...], ...] = ()

    def place(self, *fields: str) -> int:
        """Return the position of the first of these fields."""
        known = layout(self.vendor).labels
        return next(
            place
            for field in fields
            for place, label in enumerate(self.header)
            if field in {name for name, *_ in known.get(normal(re.sub(r" \([A-Z]{3}\)$", "", label)), ())}
        )

    def numbers(self) -> list[int]:
        """Return the positions of numbers."""
        return [
            place
            for place in range(len(self.header))
            if any(isinstance(row[place], (int, Decimal)) for row in self.rows)
        ]


@dataclass(frozen=True)
class Saved:
    """How a program saves a table."""

    number: Callable[[int | Decimal], str] = str
    day: Callable[[date], str] = str
    delimiter: str = ","
    encoding: str = "utf-8-sig"


def _german(value: int | Decimal) -> str:
    return f"{value:,}".translate(str.maketrans(",.", ".,"))


def _french(value: int | Decimal) -> str:
    return f"{value:,}".translate(str.maketrans(",.", "\u202f,"))


SAVED = {
    "as downloaded": Saved(),
    "German spreadsheet": Saved(_german, lambda day: f"{day:%d.%m.%Y}", ";"),
    "French spreadsheet": Saved(_french, lambda day: f"{day:%d/%m/%Y}", ";"),
    "US spreadsheet": Saved(lambda value: f"{value:,}", lambda day: f"{day.month}/{day.day}/{day.year}"),
    "British spreadsheet": Saved(lambda value: f"{value:,}", lambda day: f"{day:%d/%m/%Y}", ",", "cp1252"),
    "workbook": Saved(),
    "ZIP archive": Saved(delimiter="\t", encoding="utf-16"),
}


# -- disturbances ------------------------------------------------------------------------------------------


@dataclass
class Cells:
    """A cell of the matrix: the files to write, oldest first, with their tables."""

    files: list[tuple[str, Report]] = field(default_factory=list)
    is_cut: bool = False


def _undisturbed(report: Report) -> Cells:
    return Cells([(report.name, report)])


def _split(column: str | None, values: Sequence[str]) -> Callable[[Report], Cells]:
    """Split each row in two."""

    def disturb(report: Report) -> Cells:
        numbers = set(report.numbers())
        found: list[tuple[Cell, ...]] = []
        for row in report.rows:
            for part, value in enumerate(values):
                cells = list(row)
                for place in numbers:
                    whole = cells[place]
                    if isinstance(whole, (int, Decimal)):
                        half = whole // 2 if isinstance(whole, int) else (whole / 2).quantize(Decimal("0.01"))
                        cells[place] = half if part else whole - half
                found.append((*cells, *([value] if column else [])))
        header = (*report.header, *([column] if column else []))
        return Cells([(report.name, replace(report, header=header, rows=tuple(found), after=()))])

    return disturb


def _one_value(report: Report) -> Cells:
    """A report that is filtered to a device has lower figures."""
    halved = _split("Device", ("Mobile phones", "Computers"))(report).files[0][1]
    kept = tuple(row for row in halved.rows if row[-1] == "Computers")
    return Cells([(report.name, replace(halved, rows=kept))])


def _repeated(report: Report) -> Cells:
    return Cells([(report.name, replace(report, rows=report.rows + report.rows[-3:], after=()))])


def _cut(report: Report) -> Cells:
    return Cells([(report.name, report)], is_cut=True)


def _totals(difference: int) -> Callable[[Report], Cells]:
    def disturb(report: Report) -> Cells:
        total: list[Cell] = [None] * len(report.header)
        for place in report.numbers():
            total[place] = sum((row[place] or 0 for row in report.rows), start=0)  # type: ignore[misc]  # numbers
        place = report.numbers()[0]
        total[place] += difference  # type: ignore[operator]  # a number
        return Cells([(report.name, replace(report, after=(tuple(total),)))])

    return disturb


def _day_totals(report: Report) -> Cells:
    """A total of each day and account, as Meta's tables contain them."""
    day, numbers = report.place("date"), report.numbers()
    try:
        account: int | None = report.place("account_id")
    except StopIteration:
        account = None
    found: dict[tuple[Cell, Cell], list[Cell]] = {}
    for row in report.rows:
        key = (row[day], row[account] if account is not None else None)
        total = found.setdefault(key, [None] * len(report.header))
        total[day] = row[day]
        if account is not None:
            total[account] = row[account]
        for place in numbers:
            total[place] = (total[place] or 0) + (row[place] or 0)  # type: ignore[operator]  # numbers
    totals = tuple(map(tuple, found.values()))
    return Cells([(report.name, replace(report, rows=(*totals, *report.rows), after=()))])


def _weeks(report: Report) -> Cells:
    """One row per week instead of a day, with the week in the column of the day."""
    day = report.place("date")
    found = []
    for row in report.rows:
        start = row[day]
        assert isinstance(start, date)
        cells = list(row)
        cells[day] = f"{start} - {start + timedelta(days=6)}"
        found.append(tuple(cells))
    return Cells([(report.name, replace(report, rows=tuple(found), after=()))])


def _period(report: Report) -> Cells:
    """One row for all days: with an end in LinkedIn's report, without a day in others."""
    day, row = report.place("date"), list(report.rows[0])
    if report.vendor == "linkedin_ads":
        header = (*report.header, "End Date (in UTC)")
        row[day] = FIRST
        row.append(LAST)
    else:
        header = tuple(label for place, label in enumerate(report.header) if place != day)
        del row[day]
    return Cells([(report.name, replace(report, header=header, rows=(tuple(row),), after=()))])


def _overlapping(report: Report) -> Cells:
    """An older download of the same days with lower figures, and the later one."""
    numbers = report.numbers()
    older = tuple(
        tuple(
            cell // 2 if place in numbers and isinstance(cell, int) else cell
            for place, cell in enumerate(row)
        )
        for row in report.rows[: len(report.rows) // 2]
    )
    stem, suffix = os.path.splitext(report.name)
    earlier = replace(report, rows=older, after=())
    return Cells([(report.name, earlier), (f"{stem} (1){suffix}", report)])


def _renamed(report: Report) -> Cells:
    return Cells([("download 20260926.csv", report)])


def _without_currency(report: Report) -> Cells:
    """The same table with signs in its cells instead of a column for the currency."""
    try:
        dropped: int | None = report.place("currency")
    except StopIteration:
        dropped = None
    money = report.place("cost", "spend") if report.kind == "campaigns" else None

    def changed(row: Sequence[Cell]) -> tuple[Cell, ...]:
        found = [
            f"${cell}" if place == money and cell is not None else cell for place, cell in enumerate(row)
        ]
        return tuple(cell for place, cell in enumerate(found) if place != dropped)

    header = tuple(
        re.sub(r" \([A-Z]{3}\)$", "", label) for place, label in enumerate(report.header) if place != dropped
    )
    return Cells(
        [(report.name, replace(report, header=header, rows=tuple(map(changed, report.rows)), after=()))]
    )


def _abbreviated(report: Report) -> Cells:
    place = next(place for place in report.numbers() if report.rows[0][place] is not None)
    cells = list(report.rows[0])
    cells[place] = f"{cells[place]}K"
    return Cells([(report.name, replace(report, rows=(tuple(cells), *report.rows[1:]), after=()))])


STRUCTURES: dict[str, Callable[[Report], Cells]] = {
    "undisturbed": _undisturbed,
    "finer, by device": _split("Device", ("Mobile phones", "Computers")),
    "finer, by an unknown column": _split("Bid bucket", ("low", "high")),
    "finer, by a column that overlaps": _split("Click type", ("Headline", "Sitelink")),
    "finer, without a column": _split(None, ("", "")),
    "filtered to a device": _one_value,
    "rows twice": _repeated,
    "cut within a row": _cut,
    "a total row": _totals(0),
    "a total row that differs": _totals(1),
    "total rows by day": _day_totals,
    "weeks instead of days": _weeks,
    "one row for all days": _period,
    "an older overlapping download": _overlapping,
    "another name": _renamed,
    "signs instead of a currency": _without_currency,
    "an abbreviated number": _abbreviated,
}
#: Of other files than figures.
PLAIN = ("undisturbed", "cut within a row", "rows twice", "an older overlapping download", "another name")
#: These files are read, in each language and however they are saved.
READ = ("undisturbed", "finer, by device", "a total row", "an older overlapping download")


# -- the files ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Report]:
    """Return the first file of each kind, as typed cells."""
    from ingestion.exports import reading
    from ingestion.exports.folder import read

    folder = tmp_path_factory.mktemp("company")
    export(build_sandbox(people=400), folder, FIRST, LAST)
    found: dict[str, Report] = {}
    for one in read(folder).exports:
        title = f"{layout(one.vendor).title}, {one.kind.title}"
        if title in found or one.kind.name == "ads":
            continue
        lines = [line.cells for line in one.table.lines(one.delimiter)]
        above = len(one.before)
        header = reading.padded(lines[above], 0)
        types = {place: one.layout.fields[name].kind for name, place in one.fields.items()}
        typed = [
            tuple(
                _typed(types.get(place, "text"), cell, one.vendor)
                for place, cell in enumerate(cells[: len(header)])
            )
            for cells in lines[above + 1 :]
        ]
        day = one.fields.get("date")
        body = [row for row in typed if day is None or isinstance(row[day], date)]
        if one.has_figures:
            body = body[:60]
        elif len(body) < 4:
            continue
        found[title] = Report(
            one.vendor, one.kind.name, Path(one.name).name, tuple(lines[:above]), header, tuple(body)
        )
    return found


def _typed(kind: str, text: str, vendor: str) -> Cell:
    if text in ("", "--", " --"):
        return None
    if kind == "day" and text[0].isdecimal():
        return datetime.strptime(text, "%m/%d/%Y" if vendor == "linkedin_ads" else "%Y-%m-%d").date()  # noqa: DTZ007  (a day)
    if kind == "instant" and re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", text):
        return datetime.strptime(text, "%Y-%m-%d %H:%M")  # noqa: DTZ007  (in the portal's zone)
    if kind == "integer":
        return int(text.replace(",", ""))
    return Decimal(text.replace(",", "")) if kind == "decimal" else text


def _translated(report: Report, language: str) -> Report:
    """Return the report with the first label that the layout has in a language."""
    known = layout(report.vendor)
    by_field: dict[str, str] = {}
    import yaml

    path = Path(rows.__file__).with_name("layouts") / f"{report.vendor}.yml"
    for name, entry in yaml.safe_load(path.read_text())["fields"].items():
        texts = entry["labels"].get(language)
        if texts:
            by_field[name] = texts if isinstance(texts, str) else texts[0]
    header = []
    for label in report.header:
        currency = re.search(r" \([A-Z]{3}\)$", label)
        found = known.labels.get(normal(label[: currency.start()] if currency else label))
        name = found[0][0] if found else ""
        header.append(by_field.get(name, label) + (currency[0] if currency and name in by_field else ""))
    return replace(report, header=tuple(header))


def _write(folder: Path, cells: Cells, saved_as: str) -> None:
    for number, (name, report) in enumerate(cells.files):
        file = folder / name
        style = SAVED[saved_as]
        table = [*report.before, report.header, *report.rows, *report.after]
        if saved_as == "workbook":
            file = file.with_suffix(".xlsx")
            book = Workbook()
            sheet = book.active
            assert sheet is not None
            for row in table:
                sheet.append(list(row))
            book.save(file)
            if cells.is_cut:
                file.write_bytes(file.read_bytes()[:-400])
        else:
            content = _text(table, style).encode(style.encoding, errors="replace")
            if cells.is_cut:
                lines = _text(table, style).splitlines(keepends=True)
                kept = "".join(lines[:-1]) + lines[-1].partition(style.delimiter)[0]
                content = kept.encode(style.encoding, errors="replace")
            if saved_as == "ZIP archive":
                file = file.with_suffix(".zip")
                with zipfile.ZipFile(file, "w") as archive:
                    archive.writestr(name, content)
            else:
                file.write_bytes(content)
        os.utime(file, (NOW + 3600 * number, NOW + 3600 * number))


def _text(table: Sequence[Sequence[Cell]], style: Saved) -> str:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=style.delimiter)
    for row in table:
        writer.writerow([_as_text(cell, style) for cell in row])
    return out.getvalue()


def _as_text(cell: Cell, style: Saved) -> str:
    match cell:
        case None:
            return ""
        case datetime():
            return f"{style.day(cell.date())} {cell:%H:%M}"
        case date():
            return style.day(cell)
        case int() | Decimal():
            return style.number(cell)
    return cell


def _figures(report: Report) -> Counter[tuple[Any, ...]]:
    """Return the values that would land of a folder, without what a file says of itself."""
    landing = landing_of(report.vendor)
    exports = rows.exports(landing, report.vendor, report.kind)
    kind = next(kind for kind in layout(report.vendor).files if kind.name == report.kind)
    if kind.key:
        numbers = sorted({*kind.proof, *kind.money})
        found = [
            (
                row.account,
                *(row[name] for name in kind.key if name != "account_id"),
                *(row[name] or 0 for name in numbers),
            )
            for row in rows.current_rows(landing, exports)
        ]
        return Counter(found)
    seen: dict[Any, tuple[Any, ...]] = {}
    records = [record for _, record in rows.records(landing, exports, None)]
    names = sorted(kind.needs)
    for number, record in enumerate(records):
        key = record.values.get("contact_id") or record.values.get("lead_id") or number
        seen.setdefault(key, tuple(record.values[name] for name in names))
    return Counter(seen.values())


SHORT = [
    *((language, "as downloaded", "undisturbed") for language in LANGUAGES),
    *(("en", saved, "undisturbed") for saved in SAVED),
    *(("en", "as downloaded", structure) for structure in STRUCTURES),
    ("de", "German spreadsheet", "finer, by device"),
    ("fr", "workbook", "an older overlapping download"),
    ("es", "ZIP archive", "a total row"),
]


def _matrix(
    reports: dict[str, Report],
    cells: Sequence[tuple[str, str, str]],
    folder: Path,
    patch: pytest.MonkeyPatch,
) -> Iterator[tuple[str, bool]]:
    """Yield (cell, whether it is refused) of every cell; a cell that is neither refused nor equal fails."""
    patch.setenv("EXPORTS__TIME_ZONE", "Europe/Berlin")
    wrong = []
    number = 0
    for title, report in reports.items():
        place = folder / f"undisturbed {title}".replace("/", "-")
        place.mkdir()
        _write(place, _undisturbed(report), "as downloaded")
        patch.setenv("EXPORTS__FOLDER", str(place))
        expected = _figures(report)
        assert expected.total() > 3, title
        assert refusals(place) == []
        is_figures = "date" in next(k for k in layout(report.vendor).files if k.name == report.kind).needs
        for language, saved, structure in cells:
            if not is_figures and structure not in PLAIN:
                continue
            # equal rows of a form's file are several submissions
            if report.kind == "submissions" and structure in ("rows twice", "an older overlapping download"):
                continue
            number += 1
            place = folder / str(number)
            place.mkdir()
            _write(place, STRUCTURES[structure](_translated(report, language)), saved)
            patch.setenv("EXPORTS__FOLDER", str(place))
            refused = refusals(place)
            cell = f"{title}; {language}; {saved}; {structure}"
            found = _figures(report)
            if not refused and not is_figures:
                landing = landing_of(report.vendor)
                exports = rows.exports(landing, report.vendor, report.kind)
                refused = [
                    str(one)
                    for export in exports
                    for one in export.records(rows.ZoneInfo("UTC"))
                    if isinstance(one, rows.Problem)
                ]
            if not refused and found != expected:
                extra, lost = (list(rest.elements())[:2] for rest in (found - expected, expected - found))
                wrong.append(f"{cell}: {extra} {lost}")
            if refused and structure in READ:
                wrong.append(f"{cell}: {refused}")
            yield cell, bool(refused)
    assert not wrong, "\n".join(wrong)


def test_disturbed_files_are_right_or_refused(
    reports: dict[str, Report], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = dict(_matrix(reports, SHORT, tmp_path, monkeypatch))
    assert len(reports) >= 7
    assert 0 < sum(found.values()) < len(found) / 2


@pytest.mark.long
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_combination_is_right_or_refused(
    reports: dict[str, Report], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    cells = list(product([language], SAVED, STRUCTURES))
    found = dict(_matrix(reports, cells, tmp_path, monkeypatch))
    page = (Path(__file__).resolve().parents[2] / "docs" / "exports.md").read_text()
    assert f"each language has {len(found):,} cells, {sum(found.values()):,} of them refused" in page
