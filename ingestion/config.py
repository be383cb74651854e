"""Settings from dlt's own providers, and the directory for all written files (`ADLEDGER_HOME`)."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dlt

from ingestion.errors import SettingError

_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]{2,}")
# quotes, signs of DuckDB's patterns, of formats and of URLs
_UNQUOTABLE = frozenset("'\"\\*[]#%")
_PROJECT = Path(__file__).resolve().parent.parent


def home() -> Path:
    """Return the directory of all state: `ADLEDGER_HOME`, else `.adledger/` next to pyproject.toml."""
    configured = os.environ.get("ADLEDGER_HOME", "").strip()
    if configured:
        return Path(configured).expanduser().resolve()
    root = _PROJECT if (_PROJECT / "pyproject.toml").exists() else Path.cwd()
    return root / ".adledger"


def sql_text(value: object) -> str:
    """Return a text or a path as a literal of SQL."""
    return "'" + str(value).replace("'", "''") + "'"


def plain_path(path: Path) -> Path:
    """Return `path`, or a path to the same place without quotes and signs of patterns, formats and URLs.

    dlt and Dagster put paths unquoted into SQL, formats and URLs. The other path leads through a link in the
    system's temporary folder, the same for all processes of a user. Raises SettingError if it cannot be made,
    and for a question mark, before which DuckDB ends the name of a file's write-ahead log.
    """
    if "?" in str(path):
        raise SettingError(f"{path} contains a question mark, which DuckDB cannot read: rename the folder")
    if not _UNQUOTABLE.intersection(str(path)):
        return path
    link = _place_outside(path)
    # another process may make it at the same moment
    with suppress(FileExistsError):
        link.symlink_to(path)
    _check_owner(link, link.is_symlink() and link.readlink() == path, path)
    return link


def plain_folder(path: Path) -> Path:
    """Return the folder `path`, or one in the system's temporary folder if `path` has a sign as above.

    For dlt's working folder, because dlt resolves links. It exists and belongs to this user. Raises
    SettingError.
    """
    if not _UNQUOTABLE.intersection(str(path)):
        path.mkdir(parents=True, exist_ok=True)
        return path
    folder = _place_outside(path)
    folder.mkdir(mode=0o700, exist_ok=True)
    _check_owner(folder, folder.is_dir() and not folder.is_symlink(), path)
    return folder


def _place_outside(path: Path) -> Path:
    """Return a path for `path` in the temporary folder; the same for all processes of a user."""
    folder = Path(tempfile.gettempdir())
    if _UNQUOTABLE.intersection(str(folder)):
        raise SettingError(
            f"{path} and the temporary folder {folder} both contain one of"
            f" {' '.join(sorted(_UNQUOTABLE))}: set ADLEDGER_HOME or TMPDIR to another path"
        )
    return folder / f"adledger-{os.getuid()}-{hashlib.sha256(os.fsencode(path)).hexdigest()[:16]}"


def _check_owner(found: Path, is_expected: bool, path: Path) -> None:
    # everybody can write into the temporary folder
    if not is_expected or found.lstat().st_uid != os.getuid():
        raise SettingError(f"{found} does not stand for {path}: delete it, or set TMPDIR to another folder")


@dataclass(frozen=True)
class Section:
    """The settings of one section, e.g. `schedule` (docs/contract.md, section 1)."""

    path: str

    def name(self, key: str) -> str:
        """Return the full name of a setting, as shown in errors."""
        return f"{self.path}.{key}"

    def environment(self, key: str) -> str:
        """Return the environment variable of a setting."""
        return self.name(key).replace(".", "__").upper()

    def get(self, key: str) -> str | None:
        """Return the value as text, None if it is unset or blank."""
        value = self._value(key)
        if value is None or not str(value).strip():
            return None
        return str(value).strip()

    def _value(self, key: str) -> Any:
        value = dlt.secrets.get(self.name(key))
        return dlt.config.get(self.name(key)) if value is None else value

    def require(self, key: str) -> str:
        """Return the value as text. Raises SettingError if it is unset."""
        value = self.get(key)
        if value is None:
            raise SettingError(
                f"{self.name(key)} is not set: put it into .dlt/secrets.toml or {self.environment(key)}"
            )
        return value

    def integer(self, key: str, default: int, lowest: int, highest: int) -> int:
        """Return a whole number from `lowest` to `highest`. Raises SettingError for any other value."""
        value = self.get(key) or str(default)
        if not value.isdecimal() or not lowest <= int(value) <= highest:
            raise SettingError(
                f'{self.name(key)} is "{value}": set it (or {self.environment(key)}) to a whole number'
                f" from {lowest} to {highest}"
            )
        return int(value)

    def url(self, key: str, default: str) -> str:
        """Return an http(s) URL without a trailing slash. Raises SettingError for any other value."""
        value = (self.get(key) or default).rstrip("/")
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SettingError(f"{self.name(key)} is not an http(s) URL: set it like {default}")
        return value

    def version(self, key: str, default: str, pattern: str) -> str:
        """Return the version of an API. Raises SettingError for a value that does not match the pattern."""
        value = self.get(key) or default
        if not re.fullmatch(pattern, value):
            raise SettingError(f"{self.name(key)} is not an API version: set it like {default}")
        return value

    def ids(self, key: str) -> tuple[str, ...]:
        """Return the ids of a list, a JSON list or a comma-separated text: digits only, in order, no repeats.

        Dashes and a leading `act_` are removed. Raises SettingError for an entry with other characters.
        """
        digits = [entry.removeprefix("act_").replace("-", "") for entry in self.entries(key)]
        for entry in digits:
            if not entry.isdigit():
                raise SettingError(
                    f'{self.name(key)} contains "{entry}", which is not an id: use digits only'
                )
        return tuple(dict.fromkeys(digits))

    def hosts(self, key: str) -> tuple[str, ...]:
        """Return the host names of such a list, in lower case, without a leading `www.`, without repeats.

        Raises SettingError for an entry that is not a host name.
        """
        found = [entry.lower().removeprefix("www.") for entry in self.entries(key)]
        for entry in found:
            if not _HOST.fullmatch(entry):
                raise SettingError(
                    f'{self.name(key)} contains "{entry}", which is not a host name:'
                    " set it like www.example.com"
                )
        return tuple(dict.fromkeys(found))

    def entries(self, key: str) -> list[str]:
        """Return the entries of a list, a JSON list or a comma-separated text, without blank ones."""
        value = self._value(key)
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError:
                value = value.split(",")
        if value is None:
            return []
        entries = value if isinstance(value, (list, tuple)) else [value]
        return [text for entry in entries if (text := str(entry).strip())]

    def table(self, key: str, example: str) -> Mapping[str, Any]:
        """Return a table of the settings file or a JSON object, empty if unset. Raises SettingError."""
        value = self._value(key)
        if isinstance(value, str):
            try:
                value = json.loads(value) if value.strip() else {}
            except ValueError:
                value = None
        elif value is None:
            value = {}
        if not isinstance(value, Mapping):
            raise SettingError(f"{self.name(key)} is not a table: set it like {example}")
        return value

    def credentials(self, *alternatives: tuple[str, ...]) -> dict[str, str] | None:
        """Return the first alternative whose keys are all set, None if no key of any alternative is set.

        Raises SettingError with the missing key if only some keys are set.
        """
        found = {key: self.get(key) for keys in alternatives for key in keys}
        for keys in alternatives:
            values = {key: value for key in keys if (value := found[key]) is not None}
            if len(values) == len(keys):
                return values
        present = [key for key, value in found.items() if value is not None]
        if not present:
            return None
        closest = max(alternatives, key=lambda keys: sum(key in present for key in keys))
        missing = [key for key in closest if key not in present]
        raise SettingError(
            f"{self.name(missing[0])} is not set although {self.name(present[0])} is:"
            f" put it into .dlt/secrets.toml or {self.environment(missing[0])}"
        )


class Settings(Section):
    """The settings of a source, e.g. `sources.hubspot`."""

    def __init__(self, source: str) -> None:
        super().__init__(f"sources.{source}")
