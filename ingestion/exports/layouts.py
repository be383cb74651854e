"""Layouts of each vendor's files: column labels in all languages, and the columns of each kind of file.

Read from layouts/*.yml, one file per vendor.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

Kind = Literal["day", "id", "text", "integer", "decimal", "instant", "email"]
#: Name of a source that can be loaded from files.
Vendor = str

_FOLDER = Path(__file__).with_name("layouts")
#: The networks, then HubSpot.
VENDORS: tuple[Vendor, ...] = tuple(
    sorted((path.stem for path in _FOLDER.glob("*.yml")), key=lambda name: (name == "hubspot", name))
)
_WORDS = re.compile(r"[^\w]+")
_CURRENCY = re.compile(r"^(?P<label>.*\S)\s*[(\[](?P<currency>[A-Z]{3})[)\]]$")


def normal(label: str) -> str:
    """Return a label for comparison: letters and digits only, case folded."""
    return _WORDS.sub(" ", unicodedata.normalize("NFKC", label).casefold()).strip()


@dataclass(frozen=True)
class Field:
    """A column that is read. `is_period_start`: a day that may also be the first of a longer period."""

    name: str
    kind: Kind
    label: str
    is_period_start: bool = False


@dataclass(frozen=True)
class Dimension:
    """A column that splits the figures of a campaign and day into several rows.

    `adds_up`: the rows add up to the campaign's figures; with `overlaps`, they do not, and say why.
    `is_entity`: each campaign has own values, so a single value in a file is no sign of a filter.
    """

    name: str
    overlaps: str | None
    is_entity: bool

    @property
    def adds_up(self) -> bool:
        """Return whether its rows add up."""
        return self.overlaps is None


@dataclass(frozen=True)
class FileKind:
    """A kind of file: its required fields, the fields it must not have, and where to download it.

    Of the fields it `needs`, cells of `blank` ones may be empty; a file with a `never` field is another kind.
    `inputs` are the inputs of bridge steps that the file provides, `adds` further inputs and their fields.
    Figures have one row per `key`; rows of a finer file are summed. A file may be filtered to some values of
    the field `part`. `money` are the fields with an amount in the account's currency, `proof` those to
    compare with the vendor's screen.
    """

    name: str
    title: str
    needs: frozenset[str]
    blank: frozenset[str]
    never: frozenset[str]
    where: str
    inputs: frozenset[str]
    adds: Mapping[str, frozenset[str]]
    key: tuple[str, ...] = ()
    part: str | None = None
    money: tuple[str, ...] = ()
    proof: tuple[str, ...] = ()


@dataclass(frozen=True)
class Header:
    """A line read as a vendor's header: positions by field, most usual label first, and unknown labels."""

    vendor: Vendor
    cells: tuple[str, ...]
    #: the cells with the labels of the setting exports.columns
    mapped: tuple[str, ...]
    places: Mapping[str, tuple[int, ...]]
    #: by position, how usual a label is among the labels of its field; 0 is the vendor's own
    ranks: Mapping[int, int]
    languages: tuple[str, ...]
    #: currencies in the labels of amounts, like "Amount spent (EUR)", by field
    currencies: Mapping[str, str]
    unknown: tuple[str, ...]

    @property
    def repeated(self) -> tuple[str, ...]:
        """Return the labels of columns that mean the same as a more usual one."""
        return tuple(self.label(place) for places in self.places.values() for place in places[1:])

    @property
    def language(self) -> str:
        """Return the language of most labels that exist in one language only; English by default."""
        return Counter(self.languages).most_common(1)[0][0] if self.languages else "en"

    def label(self, place: int) -> str:
        """Return the label of a column in the file."""
        return self.cells[place]


@dataclass(frozen=True)
class Input:
    """An input that bridge steps need from a vendor. `api`: how to add it if no file has it, else None."""

    name: str
    title: str
    api: str | None


@dataclass(frozen=True)
class Layout:
    """All files of a vendor, and all inputs that bridge steps need from it.

    `is_machine`: numbers have a decimal point in every language, as long as the file has its own `delimiter`.
    `has_custom_columns`: users name columns, so that several may look like one field. `renamed` maps
    fields to others in a header that has the field `renamed_if`. `sources` has a URL by language, None if the
    labels are unconfirmed.
    """

    vendor: Vendor
    title: str
    inputs: Mapping[str, Input]
    files: tuple[FileKind, ...]
    fields: Mapping[str, Field]
    is_machine: bool
    delimiter: str | None
    has_custom_columns: bool
    renamed_if: str | None
    renamed: Mapping[str, str]
    sources: Mapping[str, str | None]
    words: Mapping[str, Mapping[str, str]] = field(repr=False)
    #: by normalised label: field, language, and how usual the label is
    labels: Mapping[str, Sequence[tuple[str, str, int]]] = field(repr=False)
    #: by normalised label
    dimensions: Mapping[str, Dimension] = field(repr=False)

    def header(self, cells: Sequence[str]) -> Header:
        """Return a line as a header."""
        found: dict[str, list[tuple[int, int]]] = {}
        languages: list[str] = []
        unknown: list[str] = []
        currencies: dict[str, str] = {}
        for place, cell in enumerate(cells):
            known = self.labels.get(normal(cell))
            with_currency = None if known else _CURRENCY.match(cell)
            if with_currency:
                known = self.labels.get(normal(with_currency["label"]))
            if not known:
                unknown += [cell] if cell else []
                continue
            name = known[0][0]
            found.setdefault(name, []).append((min(rank for _, _, rank in known), place))
            label_languages = [language for _, language, _ in known]
            # a label that is the same in English does not identify the language
            is_shared = "en" in label_languages and len(set(label_languages)) > 1
            languages += [] if is_shared else label_languages
            if with_currency:
                currencies.setdefault(name, with_currency["currency"])
        places = {name: tuple(place for _, place in sorted(ranked)) for name, ranked in found.items()}
        if self.renamed_if in places:
            places = {self.renamed.get(name, name): each for name, each in places.items()}
        return Header(
            self.vendor,
            tuple(cells),
            tuple(cells),
            places,
            {place: rank for ranked in found.values() for rank, place in ranked},
            tuple(languages),
            currencies,
            tuple(unknown),
        )

    def dimension(self, label: str) -> Dimension | None:
        """Return the dimension of a label; None if it is unknown."""
        return self.dimensions.get(normal(label))

    def kind_of(self, fields: Iterable[str]) -> FileKind | None:
        """Return the kind of file whose required fields are all present; None if there is none."""
        found = frozenset(fields)
        whole = [kind for kind in self.files if kind.needs <= found and not kind.never & found]
        return max(whole, key=lambda kind: len(kind.needs)) if whole else None

    def nearest(self, fields: Iterable[str]) -> tuple[FileKind, tuple[str, ...]]:
        """Return the kind of file that matches most of the fields, and its missing fields."""
        found = frozenset(fields)

        def fits(kind: FileKind) -> tuple[int, int]:
            return len(kind.needs & found) - len(kind.never & found), -len(kind.needs - found)

        kind = max(self.files, key=fits)
        return kind, tuple(sorted(kind.needs - found))

    def label(self, name: str) -> str:
        """Return the label of a field in the vendor's interface, for messages."""
        return self.fields[name].label

    def how_to_add(self, needed: str, present: Collection[str]) -> str:
        """Return how to add an input: a report and where to find it, a column of one, or the API.

        `present` are the kinds of files that the user has.
        """
        if api := self.inputs[needed].api:
            return f"{self.title}: {api}"
        kind = next(kind for kind in self.files if needed in kind.inputs or needed in kind.adds)
        if needed in kind.inputs or kind.name not in present:
            return f"{self.title}: {kind.title} ({kind.where})"
        columns = " or ".join(self.label(name) for name in self.fields if name in kind.adds[needed])
        return f"{self.title}: the column {columns} in {kind.title}"

    def word(self, name: str, text: str | None) -> str | None:
        """Return the API's enum value for a text of the interface; an unknown text in upper snake case."""
        if not text:
            return None
        known_as = normal(text)
        return self.words[name].get(known_as) or known_as.replace(" ", "_").upper()


@cache
def layout(vendor: Vendor) -> Layout:
    """Return the layout of a vendor from its YAML file."""
    document = yaml.safe_load((_FOLDER / f"{vendor}.yml").read_text(encoding="utf-8"))
    fields: dict[str, Field] = {}
    labels: dict[str, list[tuple[str, str, int]]] = {}
    windows: dict[str, dict[str, list[str]]] = document.get("windows", {})
    for name, entry in document["fields"].items():
        spellings = _spellings(entry)
        first = next(iter(spellings.values()))[0]
        fields[name] = Field(name, entry["kind"], first, bool(entry.get("period_start", False)))
        for language, texts in spellings.items():
            for rank, text in enumerate(texts):
                labels.setdefault(normal(text), []).append((name, language, rank))
                for window, named in windows.items() if entry.get("windows") else ():
                    inner = f"{name}.{window}"
                    fields.setdefault(inner, Field(inner, entry["kind"], f"{text} ({named['en'][0]})"))
                    # the window's name in the same language, or in English next to a translated column
                    for words in {*named.get(language, ()), *named["en"]}:
                        labels.setdefault(normal(f"{text} {words}"), []).append((inner, language, rank))
    renamed = document.get("renamed", {})
    return Layout(
        vendor,
        document["title"],
        {name: Input(name, entry["title"], entry.get("api")) for name, entry in document["inputs"].items()},
        tuple(_file_kind(name, entry) for name, entry in document["files"].items()),
        fields,
        bool(document.get("machine", False)),
        document.get("delimiter"),
        bool(document.get("custom_columns", False)),
        renamed.get("if"),
        renamed.get("fields", {}),
        document["sources"],
        {
            name: {normal(text): value for value, texts in entries.items() for text in (*texts, value)}
            for name, entries in document.get("words", {}).items()
        },
        labels,
        _dimensions(vendor),
    )


def _spellings(entry: Mapping[str, Any]) -> dict[str, list[str]]:
    return {language: [text] if isinstance(text, str) else text for language, text in entry["labels"].items()}


@cache
def _dimensions(vendor: Vendor) -> dict[str, Dimension]:
    document = yaml.safe_load(_FOLDER.with_name("dimensions.yml").read_text(encoding="utf-8"))
    found = {}
    for name, entry in document["dimensions"].items():
        if vendor not in entry.get("vendors", VENDORS):
            continue
        dimension = Dimension(name, entry.get("overlaps"), bool(entry.get("entity", False)))
        for texts in _spellings(entry).values():
            found.update({normal(text): dimension for text in texts})
    return found


def _file_kind(name: str, entry: Mapping[str, Any]) -> FileKind:
    return FileKind(
        name,
        entry["title"],
        frozenset(entry["needs"]),
        frozenset(entry.get("blank", ())),
        frozenset(entry.get("never", ())),
        entry["where"],
        frozenset(entry.get("inputs", ())),
        {added: frozenset(names) for added, names in entry.get("adds", {}).items()},
        tuple(entry.get("key", ())),
        entry.get("part"),
        tuple(entry.get("money", ())),
        tuple(entry.get("proof", ())),
    )
