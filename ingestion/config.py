"""Settings from dlt's own providers, and the directory for all written files (`ADLEDGER_HOME`)."""

from __future__ import annotations

import grp
import hashlib
import json
import os
import re
import stat
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


def protect_home() -> None:
    """Make the home and all its files private, also those that this process and its children will create.

    Directories get mode 0700 and files 0600, whatever the umask. Members of the group in `readers.group` may
    read the published file: they can pass through the home, but cannot list it. Raises SettingError.
    """
    os.umask(0o077)
    folder, group = home(), readers_group()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if group is not None:
            os.chown(folder, -1, group)
        _limit(folder, 0o700 if group is None else 0o710)
        for path, folders, files in os.walk(folder):
            for name in (*folders, *files):
                # the published file is replaced with its own mode
                if (path, name) != (str(folder), "serving.duckdb"):
                    _limit(Path(path, name), 0o700)
    except PermissionError as error:
        raise SettingError(
            f"{folder} cannot be made private ({error.strerror}: {error.filename}): it belongs to another"
            f" user, or this user is not a member of the group in {_READERS.name('group')}; change its owner,"
            " or set ADLEDGER_HOME to another folder"
        ) from None


def readers_group() -> int | None:
    """Return the id of the group that may read the published file, None if unset. Raises SettingError."""
    name = _READERS.get("group")
    if name is None:
        return None
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise SettingError(
            f'{_READERS.name("group")} is "{name}", which is not a group of this machine: set it (or'
            f" {_READERS.environment('group')}) to a group that this user is a member of"
        ) from None


def _limit(path: Path, allowed: int) -> None:
    """Remove permissions that are not `allowed`; the execute bits of a folder are set as allowed."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        # another process has deleted it
        return
    if stat.S_ISLNK(status.st_mode):
        return
    mode = stat.S_IMODE(status.st_mode)
    wanted = allowed if stat.S_ISDIR(status.st_mode) else mode & allowed
    if mode != wanted:
        path.chmod(wanted)


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


_READERS = Section("readers")


class Settings(Section):
    """The settings of a source, e.g. `sources.hubspot`."""

    def __init__(self, source: str) -> None:
        super().__init__(f"sources.{source}")
