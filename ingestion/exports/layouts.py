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
    """A column that is read. `is_machine`: its numbers have a decimal point in every language."""

    name: str
    kind: Kind
    label: str
    is_machine: bool = False


@dataclass(frozen=True)
class FileKind:
    """A kind of file: its required fields, the fields it must not have, and where to download it.

    Of the fields it `needs`, cells of `blank` ones may be empty; a file with a `never` field is another kind.
    `inputs` are the inputs of bridge steps that the file provides, `adds` further inputs and their fields.
    """

    name: str
    title: str
    needs: frozenset[str]
    blank: frozenset[str]
    never: frozenset[str]
    where: str
    inputs: frozenset[str]
    adds: Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Header:
    """A line read as a vendor's header: position by field, and the unknown and repeated labels."""

    vendor: Vendor
    fields: Mapping[str, int]
    languages: tuple[str, ...]
    currency: str | None
    unknown: tuple[str, ...]
    repeated: tuple[str, ...]

    @property
    def language(self) -> str:
        """Return the language of most labels that exist in one language only; English by default."""
        return Counter(self.languages).most_common(1)[0][0] if self.languages else "en"


@dataclass(frozen=True)
class Input:
    """An input that bridge steps need from a vendor. `api`: how to add it if no file has it, else None."""

    name: str
    title: str
    api: str | None


@dataclass(frozen=True)
class Layout:
    """All files of a vendor, and all inputs that bridge steps need from it."""

    vendor: Vendor
    title: str
    inputs: Mapping[str, Input]
    files: tuple[FileKind, ...]
    fields: Mapping[str, Field]
    words: Mapping[str, Mapping[str, str]] = field(repr=False)
    labels: Mapping[str, Sequence[tuple[str, str]]] = field(repr=False)

    def header(self, cells: Sequence[str]) -> Header:
        """Return a line as a header. If a label occurs twice, the first column is read."""
        fields: dict[str, int] = {}
        languages: list[str] = []
        unknown: list[str] = []
        repeated: list[str] = []
        currency = None
        for place, cell in enumerate(cells):
            found = self.labels.get(normal(cell))
            with_currency = None if found else _CURRENCY.match(cell)
            if with_currency:
                found = self.labels.get(normal(with_currency["label"]))
            if not found:
                unknown += [cell] if cell else []
                continue
            name = found[0][0]
            if name in fields:
                repeated.append(cell)
                continue
            fields[name] = place
            label_languages = [language for _, language in found]
            # a label that is the same in English does not identify the language
            is_shared = "en" in label_languages and len(set(label_languages)) > 1
            languages += [] if is_shared else label_languages
            if with_currency:
                currency = with_currency["currency"]
        return Header(self.vendor, fields, tuple(languages), currency, tuple(unknown), tuple(repeated))

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
    labels: dict[str, list[tuple[str, str]]] = {}
    windows: dict[str, dict[str, list[str]]] = document.get("windows", {})
    for name, entry in document["fields"].items():
        spellings: dict[str, list[str]] = {
            language: [text] if isinstance(text, str) else text for language, text in entry["labels"].items()
        }
        machine = bool(entry.get("machine", document.get("machine", False)))
        fields[name] = Field(name, entry["kind"], next(iter(spellings.values()))[0], machine)
        for language, texts in spellings.items():
            for text in texts:
                labels.setdefault(normal(text), []).append((name, language))
                for window, named in windows.items() if entry.get("windows") else ():
                    inner = f"{name}.{window}"
                    fields.setdefault(
                        inner, Field(inner, entry["kind"], f"{text} ({named['en'][0]})", machine)
                    )
                    # the window's name in the same language, or in English next to a translated column
                    for words in {*named.get(language, ()), *named["en"]}:
                        labels.setdefault(normal(f"{text} {words}"), []).append((inner, language))
    return Layout(
        vendor,
        document["title"],
        {name: Input(name, entry["title"], entry.get("api")) for name, entry in document["inputs"].items()},
        tuple(_file_kind(name, entry) for name, entry in document["files"].items()),
        fields,
        {
            name: {normal(text): value for value, texts in entries.items() for text in (*texts, value)}
            for name, entries in document.get("words", {}).items()
        },
        labels,
    )


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
    )
