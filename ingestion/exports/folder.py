"""Read a folder of downloaded files: the kind of each file, the later of two downloads, the refused files."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import combinations
from pathlib import Path, PurePath

from ingestion.exports import reading, settings, values
from ingestion.exports.export import Export, Problem
from ingestion.exports.figures import read_figures
from ingestion.exports.layouts import VENDORS, Header, Layout, layout, normal
from ingestion.exports.style import Refused, detect

_TABLES = frozenset({".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".xls", ".zip", ".gz", ".pdf"})
# a browser's number decides between files of one name that were copied together
_COPIED_TOGETHER = timedelta(minutes=2)
_SAME_TIME = timedelta(seconds=1)
_SAMPLE_LINES = 300
# of a file, in characters
_LONGEST_NAME = 120
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


@dataclass(frozen=True)
class Folder:
    """The files of a folder."""

    path: Path
    exports: tuple[Export, ...]
    #: files that are not read at all; of a refused file the vendor and the kind are known
    problems: tuple[Problem, ...]
    #: files with equal content: name of the copy, name of the original
    copies: tuple[tuple[str, str], ...] = ()

    def of(self, vendor: str, kind: str) -> list[Export]:
        """Return a vendor's files of a kind, the latest download first: it wins where two overlap."""
        found = [one for one in self.exports if one.vendor == vendor and one.kind.name == kind]
        return sorted(found, key=_order(found), reverse=True)

    def refused(self, vendor: str, kind: str | None = None) -> list[Problem]:
        """Return the problems of a vendor's files that are refused."""
        return [one for one in self.problems if one.vendor == vendor and kind in (None, one.kind)]


def decided_by(export: Export) -> str:
    """Return how it is known when a file was downloaded, for people."""
    if export.generated is not None:
        return f"generated {export.generated:%Y-%m-%d %H:%M} by its own line"
    number = export.download_family[1]
    named = f", number ({number}) in its name" if number else ""
    return f"file time {export.modified:%Y-%m-%d %H:%M}{named}"


class _order:
    """Sort key of downloads: the report's own line or the file's time, then a browser's number."""

    def __init__(self, exports: Sequence[Export]) -> None:
        families: dict[str, list[Export]] = defaultdict(list)
        for export in exports:
            if export.generated is None:
                families[export.download_family[0]].append(export)
        self._times: dict[int, datetime] = {}
        for members in families.values():
            members.sort(key=lambda each: each.modified, reverse=True)
            latest = members[0].modified
            for member in members:
                if latest - member.modified > _COPIED_TOGETHER:
                    latest = member.modified
                self._times[id(member)] = latest

    def __call__(self, export: Export) -> tuple[datetime, int, datetime, str]:
        at = self._times.get(id(export), export.downloaded)
        return at, export.download_family[1], export.modified, export.name


@dataclass
class _HeaderMatch:
    """The line of a file that matches a known header best."""

    header: Header | None = None
    row: int = 0
    delimiter: str = ","
    width: int = 0
    before: list[str] = field(default_factory=list)
    score: tuple[int, int] = (0, 0)


def read(path: Path) -> Folder:
    """Read a folder and its sub-folders without hidden files. Raises OSError, SettingError."""
    found = []
    for file in sorted(path.rglob("*")):
        parts = file.relative_to(path).parts
        # a spreadsheet locks its open file with a hidden one
        if file.is_file() and not any(part.startswith((".", "~$")) for part in parts):
            about = file.stat()
            found.append((str(Path(*parts)), about.st_size, about.st_mtime_ns))
    deciding = (
        *settings.columns().items(),
        *settings.accounts().items(),
        *settings.currencies().items(),
        ("", f"{settings.day_order()} {settings.decimal_sign()}"),
    )
    return _read(path, tuple(found), deciding)


@lru_cache(maxsize=2)
def _read(
    path: Path, files: tuple[tuple[str, int, int], ...], deciding: tuple[tuple[str, str], ...]
) -> Folder:
    """Read a folder; cached as long as its files' names, sizes and times and the deciding settings stay."""
    exports: list[Export] = []
    problems: list[Problem] = []
    copies: list[tuple[str, str]] = []
    seen: dict[tuple[int, bytes], str] = {}
    for found_name, size, _ in files:
        file, name = path / found_name, _label(found_name)
        if file.suffix.lower() not in _TABLES:
            problems.append(Problem(name, "is not a CSV or XLSX file: it is not read"))
            continue
        try:
            key = (size, _fingerprint(file))
            if key in seen:
                copies.append((name, seen[key]))
                continue
            seen[key] = name
            found = list(_tables(file, name))
        except reading.Unreadable as fault:
            problems.append(Problem(name, str(fault)))
            continue
        except OSError as fault:
            problems.append(Problem(name, f"cannot be read: {fault.strerror}"))
            continue
        exports += (each for each in found if isinstance(each, Export))
        problems += (each for each in found if isinstance(each, Problem))
    exports, refused = _with_figures(exports)
    exports, contradicted = _without_contradictions(exports)
    return Folder(path, tuple(exports), (*problems, *refused, *contradicted), tuple(copies))


def _label(name: str) -> str:
    """Return the name of a file or an archive's member for messages and rows: one line, not too long."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in name).split())
    half = _LONGEST_NAME // 2
    return line if len(line) <= _LONGEST_NAME else f"{line[:half]}…{line[-half:]}"


def _fingerprint(file: Path) -> bytes:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").digest()


def _tables(file: Path, name: str) -> Iterator[Export | Problem]:
    """Recognise each table of a file; sheets without a known header are notes of the others."""
    exports: list[Export] = []
    strange: list[Problem] = []
    for table in reading.tables(file):
        full_name = f"{name} ({_label(table.part)})" if table.part else name
        suffix = PurePath(table.part).suffix.lower()
        if not table.is_sheet and table.part and suffix not in _TABLES:
            yield Problem(full_name, "is not a CSV or XLSX file: it is not read")
            continue
        found = recognise(table, full_name)
        if isinstance(found, Export):
            exports.append(found)
        elif table.is_sheet and found.vendor is None:
            strange.append(found)
        else:
            yield found
    if exports and strange:
        exports[0] = replace(exports[0], notes=(*exports[0].notes, *map(str, strange)))
    else:
        yield from strange
    yield from exports


def recognise(table: reading.Table, name: str) -> Export | Problem:
    """Recognise a table by its header, and detect its format from all rows.

    Raises Unreadable, OSError, SettingError.
    """
    mapped = {normal(label): known for label, known in settings.columns().items()}
    best = _best_header(table, mapped)
    header = best.header
    if header is None or (not best.score[0] and best.score[1] < 3):
        return Problem(name, "has no known header: see docs/exports.md for the supported files")
    known = layout(header.vendor)
    kind = known.kind_of(header.places)
    notes: tuple[str, ...] = ()
    if kind is None:
        with_address = _with_address(table, best, header, known)
        if with_address is None:
            return _incomplete(table, name, best, header, known)
        header, label = with_address
        kind = known.kind_of(header.places)
        notes = (f'the column "{label}" contains addresses only, and is read as {known.label("email")}',)
    if kind is None:
        return _incomplete(table, name, best, header, known)

    def rows() -> Iterator[reading.Line]:
        try:
            for line in table.lines(best.delimiter):
                if line.number > best.row:
                    yield line
        except reading.Unreadable:
            # reported where the rows are read
            return

    named = [
        found
        for line in best.before
        for found in values.days_in(line, "month" if header.language == "en" else "day")
    ]
    try:
        is_native = not table.is_sheet and known.delimiter == best.delimiter
        found = detect(rows, header, known, is_native, (named[0], named[1]) if len(named) > 1 else None)
    except Refused as fault:
        return Problem(name, str(fault), fault.row, fault.column, None, header.vendor, kind.name)
    unused = [header.label(place) for places in header.places.values() for place in places[1:]]
    read = {header.label(place) for place in found.fields.values()}
    notes += tuple(
        f'"{label}" means the same as another column, and is not read'
        for label in unused
        if label not in read
    )
    if reading.ends_within_line(table):
        notes += ("its last line has no line end: if the download was cut, its last cell is incomplete",)
    return Export(
        table,
        name,
        kind,
        known,
        header,
        best.delimiter,
        best.row,
        best.width,
        best.before,
        found.style,
        found.fields,
        datetime.fromtimestamp(table.path.stat().st_mtime, UTC),
        notes,
    )


def _best_header(table: reading.Table, mapped: Mapping[str, str]) -> _HeaderMatch:
    best = _HeaderMatch()
    for delimiter in table.delimiters:
        found = reading.first_lines(table, delimiter, reading.HEADER_LINES)
        for place, line in enumerate(found):
            cells = [mapped.get(normal(cell), cell) for cell in line.cells]
            for vendor in VENDORS:
                named = layout(vendor).header(cells)
                whole = layout(vendor).kind_of(named.places)
                # a kind of file with all its columns beats any number of known labels
                score = (len(whole.needs) if whole else 0, len(named.places))
                if score > best.score:
                    before = [" ".join(above.cells) for above in found[:place]]
                    width = len(reading.padded(line.cells, 0))
                    # messages show the labels of the file
                    named = replace(named, cells=line.cells)
                    best = _HeaderMatch(named, line.number, delimiter, width, before, score)
    return best


def _with_address(
    table: reading.Table, best: _HeaderMatch, header: Header, known: Layout
) -> tuple[Header, str] | None:
    """Return the header with the only column that contains addresses, if just that is missing."""
    nearest, missing = known.nearest(header.places)
    if missing != ("email",) or nearest.never & header.places.keys():
        return None
    unknown = [place for place, cell in enumerate(header.cells) if cell and cell in header.unknown]
    cells: dict[int, list[str]] = {place: [] for place in unknown}
    for line in reading.first_lines(table, best.delimiter, best.row + _SAMPLE_LINES):
        for place in unknown:
            if line.number > best.row and place < len(line.cells) and line.cells[place]:
                cells[place].append(line.cells[place])
    found = [place for place, each in cells.items() if each and all(map(_ADDRESS.fullmatch, each))]
    if len(found) != 1:
        return None
    return replace(
        header, places={**header.places, "email": (found[0],)}, ranks={**header.ranks, found[0]: 0}
    ), (header.label(found[0]))


def _incomplete(
    table: reading.Table, name: str, best: _HeaderMatch, header: Header, known: Layout
) -> Problem:
    nearest, missing = known.nearest(header.places)
    if not missing:
        fault = (
            f"looks like {known.title}, {nearest.title}, but has the column"
            f" {', '.join(known.label(each) for each in sorted(nearest.never & header.places.keys()))};"
            f" download it from: {nearest.where}"
        )
        return Problem(name, fault, best.row, None, None, header.vendor, nearest.name)
    labels = ", ".join(known.label(each) for each in missing)
    unknown = f"; unknown columns: {', '.join(header.unknown[:6])}" if header.unknown else ""
    fault = f"looks like {known.title}, {nearest.title}, without {labels}: add it to the report{unknown}"
    if missing == ("email",):
        fault += "; without the address these leads cannot be matched with contacts"
    fault += _line_to_add(table, best, header, known, missing)
    return Problem(name, fault, best.row, None, None, header.vendor, nearest.name)


def _line_to_add(
    table: reading.Table, best: _HeaderMatch, header: Header, known: Layout, missing: Sequence[str]
) -> str:
    """Return the setting that maps an unknown column with fitting cells to a missing one, if one fits."""
    sample = [
        line.cells
        for line in reading.first_lines(table, best.delimiter, best.row + _SAMPLE_LINES)
        if line.number > best.row
    ]
    lines = []
    for name in missing:
        kind = known.fields[name].kind
        for place, label in enumerate(header.cells):
            if not label or label not in header.unknown:
                continue
            cells = [row[place] for row in sample if place < len(row) and not values.is_nothing(row[place])]
            if cells and sum(_fits(kind, cell) for cell in cells) > len(cells) * 0.9:
                lines.append(f'"{label}" = "{known.label(name)}"')
    setting = settings.SECTION.name("columns")
    return f"; if a column has it under another name, set {setting} {' or '.join(lines[:4])}" if lines else ""


def _fits(kind: str, cell: str) -> bool:
    match kind:
        case "day" | "instant":
            return bool(values.day_evidence(cell)[0])
        case "id":
            return cell.replace("-", "").rpartition(":")[2].isdecimal()
        case "integer" | "decimal":
            return any(_is_number(cell, sign) for sign in ".,")
        case "email":
            return bool(_ADDRESS.fullmatch(cell))
        case _:
            return True


def _is_number(cell: str, sign: str) -> bool:
    try:
        return values.number(cell, sign) is not None
    except values.BadValue:
        return False


# -- figures ------------------------------------------------------------------------------------------------


def _with_figures(exports: Sequence[Export]) -> tuple[list[Export], list[Problem]]:
    """Sum the figures of each file. Returns the readable files and the problems of the others."""
    ids = _account_ids(exports)
    fine: list[Export] = []
    problems: list[Problem] = []
    for export in exports:
        if export.kind.key:
            try:
                export.use(read_figures(export, ids[export.vendor]))
            except Refused as fault:
                problems.append(_problem(export, str(fault), fault.row, fault.column))
                continue
            except OSError as fault:
                problems.append(_problem(export, f"cannot be read: {fault.strerror}"))
                continue
        fine.append(export)
    return fine, problems


def _problem(export: Export, fault: str, row: int | None = None, column: str | None = None) -> Problem:
    return Problem(export.name, fault, row, column, None, export.vendor, export.kind.name)


def _account_ids(exports: Sequence[Export]) -> Mapping[str, Mapping[str, str]]:
    """Return, by vendor, the id of each account name that files with an id in their name contain."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for export in exports:
        account, place = export.account_in_name, export.fields.get("account_name")
        if account is None or place is None or "account_id" in export.fields:
            continue
        for line in reading.first_lines(export.table, export.delimiter, export.header_row + 2):
            if line.number > export.header_row and place < len(line.cells):
                found[export.vendor][line.cells[place]].add(account)
    return defaultdict(
        dict,
        {
            vendor: {name: next(iter(ids)) for name, ids in names.items() if len(ids) == 1}
            for vendor, names in found.items()
        },
    )


def _without_contradictions(exports: Sequence[Export]) -> tuple[list[Export], list[Problem]]:
    """Refuse two files with different figures of a campaign and day if nothing shows which one is later."""
    problems: list[Problem] = []
    refused: set[int] = set()
    groups: dict[tuple[str, str], list[Export]] = defaultdict(list)
    for export in exports:
        if export.kind.key:
            groups[export.vendor, export.kind.name].append(export)
    for group in groups.values():
        for one, other in combinations(group, 2):
            why = _no_order(one, other)
            if why is None:
                continue
            place = _contradiction(one, other)
            if place is None:
                continue
            refused |= {id(one), id(other)}
            fault = f"differs from {other.name} in {place}, and {why}: delete the older of the two"
            problems.append(_problem(one, fault))
            problems.append(
                _problem(other, f"differs from {one.name} in {place}, and {why}: delete the older")
            )
    return [export for export in exports if id(export) not in refused], problems


def _no_order(one: Export, other: Export) -> str | None:
    """Return why nothing shows which of two files was downloaded later; None if something does."""
    if one.generated is not None and other.generated is not None and one.generated != other.generated:
        return None
    apart = one.modified - other.modified
    (family, number), (other_family, other_number) = one.download_family, other.download_family
    if family == other_family and number != other_number:
        is_contradiction = abs(apart) > _COPIED_TOGETHER and (apart.total_seconds() > 0) != (
            number > other_number
        )
        return (
            "its number in brackets and its file time name different ones as the later"
            if is_contradiction
            else None
        )
    return "nothing shows which was downloaded later" if abs(apart) < _SAME_TIME else None


def _contradiction(one: Export, other: Export) -> str | None:
    """Return a campaign and day that two files have with different figures; None if there is none."""
    numbers = [name for name in one.kind.proof if name in one.fields and name in other.fields]

    def rows(export: Export) -> Iterator[tuple[tuple[object, ...], tuple[object, ...]]]:
        for record in export.figures.records():
            key = tuple(record.values.get(name) for name in export.kind.key)
            yield key, tuple(record.values.get(name) or 0 for name in numbers)

    if one.has_figures and not any(
        account in other.coverage
        and coverage.days.start <= other.coverage[account].days.end
        and other.coverage[account].days.start <= coverage.days.end
        for account, coverage in one.coverage.items()
    ):
        return None
    if not one.has_figures and one.range != other.range:
        return None
    one_rows, other_rows = dict(rows(one)), dict(rows(other))
    for mine, theirs, export in ((one_rows, other_rows, other), (other_rows, one_rows, one)):
        for key, found in mine.items():
            held = theirs.get(key)
            if (held is not None and held != found) or (held is None and any(found) and _covers(export, key)):
                return ", ".join(str(part) for part in key if part)
    return None


def _covers(export: Export, key: tuple[object, ...]) -> bool:
    named = dict(zip(export.kind.key, key, strict=True))
    coverage = export.coverage.get(str(named.get("account_id")))
    day, campaign, part = named.get("date"), named.get("campaign_id"), named.get(export.kind.part or "")
    return (
        coverage is not None
        and isinstance(day, date)
        and coverage.holds(day, str(campaign), None if part is None else str(part))
    )
