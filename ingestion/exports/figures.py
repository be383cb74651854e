"""Sum the rows of a file of figures to one row per key, and prove the sums by the file's own totals.

Rows finer than the key (by device, platform, ad group) are summed if they add up; a file whose rows may not
add up is refused with the column's name. No row is dropped in silence.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from ingestion.exports import reading, settings, values
from ingestion.exports.export import BadCell, Coverage, Export, Problem, Record
from ingestion.exports.layouts import Dimension
from ingestion.exports.style import Refused
from ingestion.landing.planning import Window

Number = int | Decimal
_Key = tuple[Any, ...]

# a report rounds each amount to two decimals
_ROUNDING = Decimal("0.005")
# amounts are held as integers of this part, which take a third of a Decimal's memory
_UNIT = 10**9
_CENT = Decimal("0.01")
# a subtotal's cell in the column that splits the rows below it
_ALL = frozenset({"all", "alle", "tous", "todos", "tutti", "total", "gesamt", "totale", "totaal"})
_EXAMINED_KEYS = 500
_WEEK = 7
# fields of a key that a total row may have, too
_NO_ENTITY = frozenset({"date", "account_id", "event_type", "ad_network"})
#: Without the column, rows with these values differ from the campaign's other rows.
_MIXED_IS_UNKNOWN = frozenset(
    {"attribution_setting", "conversion_category", "conversion_source", "conversion_type"}
)


@dataclass(frozen=True)
class Totals:
    """The totals of a file, to compare with the vendor's screen: what would land of it.

    `day_count` days have figures, of `days`. `sums` are by field, `spend` by currency; `proven_by` is the row
    of the file's own equal total.
    """

    accounts: tuple[str, ...]
    days: Window | None
    day_count: int
    sums: Mapping[str, Number]
    spend: Mapping[str, Decimal]
    proven_by: int | None


@dataclass(frozen=True)
class Figures:
    """The rows of a file, one per key, in compact form; `summed_over` are the columns of finer rows."""

    names: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]
    problems: tuple[Problem, ...]
    coverage: Mapping[str, Coverage]
    currencies: frozenset[str]
    totals: Totals
    summed_over: tuple[str, ...]
    is_truncated: bool
    #: positions of amounts in a row
    amounts: tuple[int, ...]

    def records(self) -> Iterator[Record]:
        """Yield the rows, in the order of the file."""
        for number, *row in self.rows:
            for place in self.amounts:
                if (value := row[place]) is not None:
                    row[place] = _amount(value)
            yield Record(number, dict(zip(self.names, row, strict=True)))


@dataclass
class _Total:
    """A row of the file without a campaign, or without a day: the sum of other rows."""

    row: int
    #: of the rows that it sums: a day and an account, or a campaign; neither for the whole file
    scope: tuple[str, ...]
    numbers: dict[str, Number]


def read_figures(export: Export, account_ids: Mapping[str, str] | None = None) -> Figures:
    """Read and sum a file. `account_ids` are ids by account name. Raises Refused, OSError."""
    return _Reader(export, account_ids or {}).read()


class _Reader:
    def __init__(self, export: Export, account_ids: Mapping[str, str]) -> None:
        self._export = export
        kind, layout = export.kind, export.layout
        fields = export.fields
        self._readers = export.readers(ZoneInfo("UTC"))
        self._names = [name for name, *_ in self._readers]
        self._is_number = [layout.fields[name].kind in ("integer", "decimal") for name in self._names]
        self._numbers = [place for place, is_number in enumerate(self._is_number) if is_number]
        self._amounts = [
            place for place in self._numbers if layout.fields[self._names[place]].kind == "decimal"
        ]
        self._words: dict[str, str] = {}
        self._texts = [
            place
            for place, name in enumerate(self._names)
            if not self._is_number[place] and name not in kind.key
        ]
        self._day = fields.get("date")
        self._end = self._names.index("end_date") if "end_date" in fields else None
        self._entities = [
            fields[name] for name in (*kind.key, "group_id") if name in fields and name not in _NO_ENTITY
        ]
        self._entity_names = [
            name for name in kind.key if name not in ("date", "account_id") and name in self._names
        ]
        self._needed = [name for name in kind.key if name in kind.needs]
        self._dimensions = self._find_dimensions()
        self._accounts = _Accounts(export, account_ids)
        self._money = _Money(export)
        self._groups: dict[_Key, list[Any]] = {}
        self._coarse: dict[_Key, list[Any]] = {}
        self._combinations: dict[_Key, dict[tuple[str, ...], int]] = defaultdict(dict)
        self._repeated: dict[_Key, tuple[int, int]] = {}
        self._totals: list[_Total] = []
        self._problems: list[Problem] = []
        self._spoiled: dict[_Key, Problem] = {}
        self._is_unplaced = False
        self._is_finer = False
        self._is_truncated = False
        self._short = (0, 0)

    def _find_dimensions(self) -> list[tuple[str, int, Dimension]]:
        """Return the columns that split a campaign's day, with label and position."""
        export, kind = self._export, self._export.kind
        read = set(kind.key) | kind.needs | frozenset().union(*kind.adds.values(), kind.money, kind.proof)
        own = {export.fields[name] for name in export.fields if name in read}
        found = []
        for place, label in enumerate(export.header.mapped):
            dimension = export.layout.dimension(label)
            if dimension is not None and place not in own:
                found.append((export.header.label(place), place, dimension))
        if kind.part is not None:
            # two actions of one name
            found += [
                (export.header.label(export.fields[name]), export.fields[name], Dimension(name, None, True))
                for name in sorted(frozenset().union(*kind.adds.values()) & export.fields.keys())
                if export.layout.fields[name].kind == "text"
            ]
        return found

    def read(self) -> Figures:
        export = self._export
        is_cut = not export.table.is_sheet and reading.ends_within_line(export.table)
        last: tuple[int, bool] = (0, False)
        try:
            for line in export.lines():
                fault = self._take(line)
                last = line.number, fault is not None and fault.column is None
                if fault is not None:
                    self._problems.append(fault)
        except reading.Unreadable as fault:
            self._problems.append(Problem(export.name, str(fault)))
            self._is_truncated = True
        if is_cut and self._short[0] == last[0] > 0:
            cut = f"has {self._short[1]} cells where the header has {export.width}"
            self._problems.append(Problem(export.name, cut, last[0]))
            self._is_unplaced = True
            last = last[0], True
        # the last line is incomplete
        self._is_truncated |= last[1]
        self._check_rows()
        self._merge_coarse()
        sums = self._sums(self._groups)
        proven_by = self._prove(sums)
        summed_over = self._check_dimensions(proven_by is not None)
        return self._result(sums, proven_by, summed_over)

    # -- one line -----------------------------------------------------------------------------------------

    def _take(self, line: reading.Line) -> Problem | None:
        """Add a line to its group, or to the totals. Returns its problem."""
        export, cells = self._export, line.cells
        is_total = not any(
            place < len(cells) and not values.is_nothing(cells[place]) for place in self._entities
        )
        day_text = cells[self._day] if self._day is not None and self._day < len(cells) else ""
        if is_total and not self._is_day(day_text):
            self._add_total(line, ())
            # the last line may be a row that was cut
            self._short = (line.number, len(cells)) if len(cells) < export.width else self._short
            return None
        whole = export.cells(line)
        if isinstance(whole, Problem):
            self._is_unplaced = True
            return whole
        if self._day is not None and values.is_nothing(day_text):
            self._add_total(line, tuple(whole[place] for place in self._entities))
            return None
        if is_total:
            account = export.fields.get("account_id")
            self._add_total(line, ("day", day_text, whole[account] if account is not None else ""))
            return None
        key: _Key | None = None
        row: list[Any] = []
        bad: BadCell | None = None
        for _, place, read in self._readers:
            try:
                value = read(whole[place])
                # the names and ids of a campaign are the same on each day
                row.append(self._words.setdefault(value, value) if isinstance(value, str) else value)
            except BadCell as unfit:
                bad = bad or unfit
                row.append(None)
        found = dict(zip(self._names, row, strict=True))
        missing = next((name for name in self._needed if found[name] is None), None)
        if missing is None:
            key = self._key(found, line.number)
        elif bad is None:
            bad = BadCell("is missing", export.header.label(export.fields[missing]), None)
        if bad is not None:
            fault = Problem(export.name, str(bad), line.number, bad.column, bad.cell)
            if key is None:
                self._is_unplaced = True
            else:
                self._spoiled.setdefault(key, fault)
            return fault
        assert key is not None
        self._check_period(found, line.number)
        self._money.note(found, whole, key[1], line.number)
        self._add(key, row, whole, line.number)
        return None

    def _is_day(self, text: str) -> bool:
        try:
            values.day(text, self._export.style.order)
        except values.BadValue:
            return False
        return True

    def _key(self, found: Mapping[str, Any], row: int) -> _Key:
        words = self._export.layout.words
        return (
            found.get("date"),
            self._accounts.of(found, row) if "account_id" in self._export.kind.key else "",
            *(
                self._export.layout.word(name, found[name])
                if name == "event_type" and name in words
                else found[name]
                for name in self._entity_names
            ),
        )

    def _check_period(self, found: Mapping[str, Any], row: int) -> None:
        last = found.get("end_date")
        if last is not None and last != found["date"]:
            raise Refused(
                f"covers {found['date']} to {last}, the file is not by day: download it from"
                f" {self._export.kind.where}",
                None,
                row,
            )

    def _add(self, key: _Key, row: list[Any], cells: Sequence[str], number: int) -> None:
        combination = tuple([cells[place] for _, place, _ in self._dimensions])
        is_coarse = bool(combination) and any(
            values.is_nothing(cell) or cell.casefold() in _ALL for cell in combination
        )
        groups = self._coarse if is_coarse else self._groups
        known = self._combinations[(is_coarse, *key[1:])]
        bit = known.setdefault(combination, 1 << len(known))
        for place in self._amounts:
            if (value := row[place]) is not None:
                row[place] = int((value * _UNIT).to_integral_value())
        held = groups.get(key)
        if held is None:
            groups[key] = [number, bit, *row]
            return
        if held[1] & bit:
            self._repeated.setdefault(key, (held[0], number))
        held[1] |= bit
        self._is_finer = True
        for place in self._numbers:
            if (value := row[place]) is not None:
                before = held[place + 2]
                held[place + 2] = value if before is None else before + value
        for place in self._texts:
            if held[place + 2] != row[place]:
                held[place + 2] = self._joined(self._names[place], held[place + 2], row[place])

    @staticmethod
    def _joined(name: str, one: Any, other: Any) -> Any:
        if name in _MIXED_IS_UNKNOWN:
            return None
        return one if one is not None else other

    def _add_total(self, line: reading.Line, scope: tuple[str, ...]) -> None:
        numbers = {}
        for (name, place, read), is_number in zip(self._readers, self._is_number, strict=True):
            if is_number and place < len(line.cells):
                try:
                    value = read(line.cells[place])
                except BadCell:
                    continue
                if value is not None:
                    numbers[name] = value
        if numbers:
            self._totals.append(_Total(line.number, scope, numbers))

    # -- the whole file -----------------------------------------------------------------------------------

    def _check_rows(self) -> None:
        """Refuse a file whose unreadable rows may belong to rows that are summed; leave out spoiled keys."""
        if self._is_finer and (self._is_unplaced or self._is_truncated):
            first = self._problems[0]
            raise Refused(
                f"{first.fault}; its rows are summed, so none of them is read", first.column, first.row
            )
        for key, fault in self._spoiled.items():
            for groups in (self._groups, self._coarse):
                if (held := groups.pop(key, None)) is not None:
                    self._problems.append(
                        Problem(
                            self._export.name,
                            f"is left out: row {fault.row} of the same campaign and day cannot be read",
                            held[0],
                        )
                    )

    def _merge_coarse(self) -> None:
        """Leave out subtotals, which equal the finer rows of their key."""
        for key, held in self._coarse.items():
            finer = self._groups.get(key)
            if finer is None:
                self._groups[key] = held
                continue
            for place in self._numbers:
                one, other = held[place + 2] or 0, finer[place + 2] or 0
                unit = _UNIT if place in self._amounts else 1
                if abs(one - other) > self._tolerance(place, finer[1].bit_count()) * unit:
                    labels = ", ".join(label for label, *_ in self._dimensions)
                    raise Refused(
                        f"may be a subtotal or a part: it has no {labels}, and differs from the sum of the"
                        " other rows of its campaign and day; download the report without that column",
                        self._export.header.label(self._export.fields[self._names[place]]),
                        held[0],
                    )

    def _tolerance(self, place: int, rows: int) -> Number:
        return _ROUNDING * (rows + 1) if place in self._amounts else 0

    def _sums(
        self, groups: Mapping[_Key, list[Any]], only: Callable[[_Key], bool] | None = None
    ) -> dict[str, Any]:
        sums: dict[str, Any] = {}
        count = 0
        for key, held in groups.items():
            if only is not None and not only(key):
                continue
            count += held[1].bit_count()
            for place in self._numbers:
                if (value := held[place + 2]) is not None:
                    name = self._names[place]
                    sums[name] = sums.get(name, 0) + value
        for place in self._amounts:
            if (name := self._names[place]) in sums:
                sums[name] = _amount(sums[name])
        return sums | {"": count}

    def _equals(self, total: _Total, sums: Mapping[str, Any]) -> bool:
        return all(
            abs(value - sums.get(name, 0)) <= self._tolerance(self._names.index(name), sums[""])
            for name, value in total.numbers.items()
        )

    def _prove(self, sums: Mapping[str, Any]) -> int | None:
        """Return the row of a total that equals the file's rows; None without totals. Raises Refused."""
        whole = [total for total in self._totals if not total.scope]
        parts = [total for total in self._totals if total.scope]
        proven = next((total.row for total in whole if self._equals(total, sums)), None)
        # the rows that cannot be read are missing from the sums
        is_whole = not self._problems and not self._is_truncated
        sums_of = list(self._part_sums(parts))
        different = [(total, found) for total, found in sums_of if not self._equals(total, found)]
        if different and (len(different) == len(parts) or not is_whole):
            # no totals, but rows that lost a cell
            self._refuse_rows([total for total, _ in different])
        elif different:
            raise self._differs(*different[0])
        elif proven is None and parts and {key[0] for key in self._groups} <= self._total_days(parts):
            proven = parts[0].row
        if whole and proven is None and is_whole:
            raise self._differs(whole[0], sums)
        return proven

    def _total_days(self, parts: Sequence[_Total]) -> frozenset[date]:
        order = self._export.style.order
        return frozenset(values.day(total.scope[1], order) for total in parts if total.scope[0] == "day")

    def _refuse_rows(self, totals: Sequence[_Total]) -> None:
        fields = self._export.fields
        for total in totals:
            lost = (
                "date"
                if total.scope[0] != "day"
                else next(name for name in self._entity_names if name not in _NO_ENTITY)
            )
            label = self._export.header.label(fields[lost])
            self._problems.append(Problem(self._export.name, "is missing", total.row, label))
        if self._is_finer:
            raise Refused(
                "is missing; the file's rows are summed, so none of them is read", label, totals[0].row
            )

    def _part_sums(self, parts: Sequence[_Total]) -> Iterator[tuple[_Total, dict[str, Any]]]:
        days: dict[tuple[date, str], dict[str, Any]] = {}
        order = self._export.style.order
        wanted = {values.day(total.scope[1], order) for total in parts if total.scope[0] == "day"}
        by_day: dict[date, dict[_Key, list[Any]]] = {day: {} for day in wanted}
        for key, held in self._groups.items():
            if key[0] in by_day:
                by_day[key[0]][key] = held
        for total in parts:
            if total.scope[0] == "day":
                account = total.scope[2].replace("-", "").removeprefix("act_")
                day = values.day(total.scope[1], order)
                if (day, account) not in days:
                    days[day, account] = self._sums(by_day[day], partial(_is_of_account, account))
                yield total, days[day, account]
            else:
                entity = tuple(total.scope)
                names = [name for name in self._entity_names if name != "event_type"]
                own = tuple(
                    cell.rpartition(":")[2] if self._export.layout.fields[name].kind == "id" else cell
                    for name, cell in zip(names, entity, strict=False)
                )
                yield total, self._sums(self._groups, partial(_is_of_entity, own))

    def _differs(self, total: _Total, sums: Mapping[str, Any]) -> Refused:
        name = next(
            name
            for name, value in total.numbers.items()
            if abs(value - sums.get(name, 0)) > self._tolerance(self._names.index(name), sums[""])
        )
        what = (
            "the day's" if total.scope[:1] == ("day",) else "the campaign's" if total.scope else "the file's"
        )
        return Refused(
            f"{what} total is {total.numbers[name]:,}, but its rows add up to {sums.get(name, 0):,}:"
            " rows are missing, or are in the file twice; download it again",
            self._export.header.label(self._export.fields[name]),
            total.row,
        )

    def _check_dimensions(self, is_proven: bool) -> tuple[str, ...]:
        """Return the columns that rows were summed over. Raises Refused if they may not add up."""
        if self._repeated:
            return self._explain_repeats(is_proven)
        found = []
        for place, (label, _, dimension) in enumerate(self._dimensions):
            cells = {combination[place] for known in self._combinations.values() for combination in known}
            cells = {cell for cell in cells if not values.is_nothing(cell)}
            is_own = self._export.kind.part is not None and dimension.name in self._export.fields
            if not cells or is_own:
                continue
            if not dimension.adds_up and not is_proven:
                raise Refused(
                    f"its rows do not add up to campaigns: {dimension.overlaps}; download the report"
                    " without it",
                    label,
                )
            if len(cells) == 1 and not dimension.is_entity and not self._is_finer:
                raise Refused(
                    f'contains "{next(iter(cells))}" only: the report may be filtered to it; download it'
                    " without the column and the filter",
                    label,
                )
            if len(cells) > 1:
                found.append(label)
        return tuple(found) if self._is_finer else ()

    def _explain_repeats(self, is_proven: bool) -> tuple[str, ...]:
        """Return the columns that distinguish rows of a key. Raises Refused unless a total proves the sum."""
        first, second = next(iter(self._repeated.values()))
        columns, is_text = self._distinguishing()
        known = [label for label, *_ in self._dimensions]
        if not columns:
            raise Refused(
                f"rows {first} and {second} are of the same campaign and day, and no column distinguishes"
                " them: download the report again, by day only"
            )
        if is_proven and is_text:
            return (*known, *columns)
        setting = settings.SECTION.name("columns")
        named = columns[0] if is_text or len(columns) == 1 else None
        listed = " or ".join(columns)
        raise Refused(
            f"{'' if named else f'one of the columns {listed} '}splits a campaign's day into several rows"
            f" (rows {first} and {second}), and it is not known whether they add up: download the report"
            f' without it; if they do, set {setting} "{columns[0]}" = "Breakdown"',
            ", ".join(columns) if is_text else named,
            first,
        )

    def _distinguishing(self) -> tuple[list[str], bool]:
        """Return the columns that differ within a key, texts if there are any, and whether they are texts."""
        export = self._export
        wanted = dict(list(self._repeated.items())[:_EXAMINED_KEYS])
        own = {
            export.fields[name]
            for name in export.fields
            if export.layout.fields[name].kind in ("integer", "decimal")
        }
        own |= {export.fields[name] for name in export.kind.key if name in export.fields}
        own |= {place for _, place, _ in self._dimensions}
        seen: dict[int, dict[tuple[Any, ...], set[str]]] = defaultdict(lambda: defaultdict(set))
        readers = [each for each in self._readers if each[0] in (*export.kind.key, "account_name")]
        for line in export.lines():
            cells = export.cells(line)
            if isinstance(cells, Problem):
                continue
            try:
                found = {name: read(cells[place]) for name, place, read in readers}
                key = self._key(found, line.number)
            except (BadCell, KeyError, Refused):
                continue
            if key not in wanted:
                continue
            combination = tuple(cells[place] for _, place, _ in self._dimensions)
            for place, cell in enumerate(cells):
                if place not in own:
                    seen[place][(key, combination)].add(cell)
        varying = [
            place for place, groups in seen.items() if any(len(cells) > 1 for cells in groups.values())
        ]
        texts = [
            place
            for place in varying
            if any(_is_text(cell) for cells in seen[place].values() for cell in cells)
        ]
        # a column that differs in each repeated key explains more than one that differs in some
        chosen = texts or varying
        full = [place for place in chosen if all(len(cells) > 1 for cells in seen[place].values())]
        labels = [
            export.header.cells[place] if place < len(export.header.cells) else "" for place in full or chosen
        ]
        return [
            label or f"no. {place + 1}" for label, place in zip(labels, full or chosen, strict=True)
        ], bool(texts)

    # -- the result ---------------------------------------------------------------------------------------

    def _result(self, sums: dict[str, Any], proven_by: int | None, summed_over: tuple[str, ...]) -> Figures:
        export, kind = self._export, self._export.kind
        self._accounts.check()
        sums.pop("")
        names = list(self._names)
        for extra in ("account_id", "currency"):
            if extra not in names and (extra in kind.key or kind.money) and export.has_figures:
                names.append(extra)
        currencies = self._money.resolved(sorted({key[1] for key in self._groups}))
        day, account = (names.index(name) if name in names else None for name in ("date", "account_id"))
        currency = names.index("currency") if "currency" in names else None
        rows: list[tuple[Any, ...]] = []
        spend: dict[str, int] = defaultdict(int)
        money = [names.index(name) for name in kind.money if name in names]
        days: dict[str, set[date]] = defaultdict(set)
        campaigns: dict[str, set[str]] = defaultdict(set)
        parts: dict[str, set[str]] = defaultdict(set)
        keys: dict[str, set[tuple[str, date]]] = defaultdict(set)
        part = self._entity_names.index(kind.part) + 2 if kind.part is not None else None
        for key in sorted(self._groups, key=lambda key: self._groups[key][0]):
            # the group is given up as its row is made, so that the file is not held twice
            number, _, *row = self._groups.pop(key)
            row += [None] * (len(names) - len(row))
            if account is not None:
                row[account] = key[1]
            if currency is not None:
                row[currency] = currencies.get(key[1]) or row[currency]
            rows.append((number, *row))
            if day is None:
                continue
            for place in money:
                spend[str(row[currency or 0])] += row[place] or 0
            days[key[1]].add(key[0])
            campaigns[key[1]].add(key[2])
            if part is not None:
                parts[key[1]].add(key[part])
            if self._is_truncated:
                keys[key[1]].add((key[2], key[0]))
        self._check_start(days)
        first, last = export.range or (None, None)
        coverage = {
            each: Coverage(
                Window(min(first or min(found), min(found)), max(last or max(found), max(found))),
                frozenset(campaigns[each]),
                frozenset(parts[each]) if part is not None else None,
                frozenset(keys[each]) if self._is_truncated else None,
            )
            for each, found in days.items()
        }
        every = list(days.values())
        window = Window(min(map(min, every)), max(map(max, every))) if every else None
        totals = Totals(
            tuple(sorted(days)),
            window,
            len(set().union(*every)),
            {name: sums.get(name, 0) for name in kind.proof if name in names},
            {code: _amount(units) for code, units in spend.items()},
            proven_by,
        )
        return Figures(
            tuple(names), rows, tuple(self._problems), coverage, frozenset(currencies.values()), totals,
            summed_over, self._is_truncated, tuple(self._amounts),
        )  # fmt: skip

    def _check_start(self, days: Mapping[str, Collection[date]]) -> None:
        """Refuse a report whose days are all the start of a longer period, if the column may be one."""
        export = self._export
        if "date" not in export.fields or not export.layout.fields["date"].is_period_start:
            return
        found = sorted({day for each in days.values() for day in each})
        if self._end is not None or not found:
            return
        gaps = {(later - earlier).days for earlier, later in pairwise(found)}
        first, last = export.range or (found[0], found[-1])
        is_one_period = len(found) == 1 and found[0] == first and (last - first).days > _WEEK
        if is_one_period or (len(found) > 2 and (gaps == {_WEEK} or all(day.day == 1 for day in found))):
            raise Refused(
                f"all days are the start of a longer period in {first} to {last}, so the file is not by day:"
                f" download it from {export.kind.where}",
                export.header.label(export.fields["date"]),
            )


def _is_of_account(account: str, key: _Key) -> bool:
    return account in ("", key[1])


def _is_of_entity(own: tuple[str, ...], key: _Key) -> bool:
    return tuple(key[2 : 2 + len(own)]) == own


def _amount(units: int) -> Decimal:
    """Return an amount with two decimals, or as many as it has."""
    exact = Decimal(units) / _UNIT
    rounded = exact.quantize(_CENT)
    return rounded if rounded == exact else exact


def _is_text(cell: str) -> bool:
    return not values.is_nothing(cell) and not cell.replace(".", "").replace(",", "").rstrip("%").isdecimal()


class _Accounts:
    """The ad account of a file's rows: its column, the id in the file name, else the account's name."""

    def __init__(self, export: Export, ids: Mapping[str, str]) -> None:
        self._export = export
        self._has_column = "account_id" in export.fields
        self._in_name = None if self._has_column else export.account_in_name
        self._ids = dict(ids) | dict(settings.accounts())
        self._names: set[str] = set()

    def of(self, found: Mapping[str, Any], row: int) -> str:
        if self._has_column:
            return str(found["account_id"])
        name = found.get("account_name") or ""
        self._names.add(name)
        account = (settings.accounts().get(name) if name else None) or self._in_name or self._ids.get(name)
        if account is None:
            named = f'set {settings.SECTION.name("accounts")} "{name}" = its id' if name else "add its column"
            raise Refused(
                f"has no ad account: {named}, or put the id into the file name after the word account, like"
                " account_508912347.csv",
                None,
                row,
            )
        return account

    def check(self) -> None:
        """Refuse a file of several accounts whose name has one id."""
        unmapped = [name for name in self._names if name not in settings.accounts()]
        if self._in_name is not None and len(unmapped) > 1:
            listed = " and ".join(f'"{name}"' for name in sorted(unmapped)[:2])
            raise Refused(
                f"contains the accounts {listed}, but its file name has one id: set"
                f" {settings.SECTION.name('accounts')} for both"
            )


class _Money:
    """The currencies of a file's amounts, by account."""

    def __init__(self, export: Export) -> None:
        self._export = export
        self._columns = [(name, export.fields[name]) for name in export.kind.money if name in export.fields]
        self._in_label = {
            export.header.currencies[name] for name, _ in self._columns if name in export.header.currencies
        }
        self._found: dict[str, dict[str, int]] = defaultdict(dict)
        self._signs: dict[str, tuple[frozenset[str], int, str]] = {}

    def note(self, found: Mapping[str, Any], cells: Sequence[str], account: str, row: int) -> None:
        if not self._columns:
            return
        if code := found.get("currency"):
            known = self._found[account]
            if code not in known:
                try:
                    known[values.currency(code)] = row
                except values.BadValue as bad:
                    place = self._export.fields["currency"]
                    raise Refused(f'"{code}" {bad}', self._export.header.label(place), row) from None
        for name, place in self._columns:
            if not found[name]:
                continue
            self._found[account].setdefault("", row)
            several = values.currencies_of(cells[place])
            if several is not None:
                before = self._signs.get(account)
                both = several & before[0] if before else several
                if not both:
                    raise Refused(
                        f'"{cells[place]}" is in another currency than the rows before it',
                        self._export.header.label(place),
                        row,
                    )
                self._signs[account] = both, row, cells[place]

    def resolved(self, accounts: Sequence[str]) -> dict[str, str]:
        """Return the currency of each account. Raises Refused if it is unknown or contradicts itself."""
        return {account: self._of(account) for account in accounts} if self._columns else {}

    def _of(self, account: str) -> str:
        label = self._export.header.label(self._columns[0][1])
        codes = {values.currency(code) for code in self._found[account] if code} | self._in_label
        several, row, cell = self._signs.get(account, (None, None, ""))
        if len(codes) > 1:
            raise Refused(f"the amounts of account {account} are in {' and '.join(sorted(codes))}", label)
        configured = settings.currencies().get(account)
        if not codes and several is not None and len(several) == 1:
            codes = set(several)
        if not codes and configured:
            codes = {configured}
        setting = settings.SECTION.name("currencies")
        if not codes:
            what = f'"{cell}" may be {", ".join(sorted(several)[:4])} …: ' if several else ""
            raise Refused(
                f"{what}the amounts have no known currency: add the column {self._export.label('currency')}"
                f' to the report, or set {setting} "{account}" = "EUR"{self._line_to_add()}',
                label,
                row,
            )
        code = next(iter(codes))
        if several is not None and code not in several:
            raise Refused(f'"{cell}" is not in {code}, the currency of account {account}', label, row)
        return code

    def _line_to_add(self) -> str:
        """Return the setting for an unknown column that contains currency codes only."""
        export = self._export
        unknown = {place for place, cell in enumerate(export.header.cells) if cell in export.header.unknown}
        codes: dict[int, set[str]] = defaultdict(set)
        for line in reading.first_lines(export.table, export.delimiter, 1000):
            if line.number > export.header_row:
                for place in unknown:
                    if place < len(line.cells) and not values.is_nothing(line.cells[place]):
                        codes[place].add(line.cells[place])
        for place, found in codes.items():
            if all(len(code) == 3 and code.isupper() and _is_code(code) for code in found):
                label, setting = export.header.label(place), settings.SECTION.name("columns")
                return (
                    f'; if "{label}" is the currency, set {setting} "{label}" = "{export.label("currency")}"'
                )
        return ""


def _is_code(code: str) -> bool:
    try:
        values.currency(code)
    except values.BadValue:
        return False
    return True
