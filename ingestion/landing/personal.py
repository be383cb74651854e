"""E-mail addresses: the home's key for their hashes, and the addresses of erased contacts.

An e-mail address leaves the raw store only as HMAC-SHA-256 (RFC 2104) with a key that never leaves the home:
without the key, a hash cannot be compared with a list of known addresses. Imports nothing slow, because each
dbt process needs the key.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

import duckdb

from ingestion.errors import IngestionError
from ingestion.sql import sql_text

_KEY_BYTES = 32


def email_key(home: Path) -> bytes:
    """Return the home's key for hashes of e-mail addresses; it is created at first use, with mode 0600.

    Raises IngestionError if the file is damaged.
    """
    path = home / "email_hash.key"
    if not path.exists():
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        new = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        _write(new, secrets.token_bytes(_KEY_BYTES))
        try:
            # another process may have created the key meanwhile: the first one stays
            with contextlib.suppress(FileExistsError):
                os.link(new, path)
        finally:
            new.unlink()
    key = path.read_bytes()
    if len(key) != _KEY_BYTES:
        raise IngestionError(
            f"{path} is damaged ({len(key)} bytes instead of {_KEY_BYTES}): restore it from a backup, or"
            f" delete it, and {home / 'erased_addresses'} with it; the next refresh then creates a new key"
        )
    return key


def email_hash(key: bytes, address: str) -> str:
    """Return the keyed hash of an e-mail address, in lower case and without spaces around it."""
    return hmac.digest(key, address.strip().lower().encode(), hashlib.sha256).hex()


class ErasedAddresses:
    """The keyed hashes of the e-mail addresses of all erased contacts, one per line of a file in the home.

    A network returns a lead for up to 90 days, so the address of an erased contact would land again. The
    erasure is pending until everything that was derived from the contact's data has been rewritten.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._file, self._pending = home / "erased_addresses", home / "erasure_pending"

    @property
    def is_pending(self) -> bool:
        """Whether the warehouse or another store may still contain data of an erased contact."""
        return self._pending.exists()

    def add(self, addresses: Iterable[str]) -> None:
        """Add addresses; the erasure is pending from now on, even if no address is known."""
        known, key = self._hashes(), email_key(self._home)
        _write(self._pending, b"")
        new = {email_hash(key, address) for address in addresses if address.strip()}
        if new - known:
            temporary = self._file.with_name(f".{self._file.name}.next")
            _write(temporary, "".join(f"{each}\n" for each in sorted(known | new)).encode())
            os.replace(temporary, self._file)

    def among(self, addresses: Iterable[str | None]) -> set[str]:
        """Return those of the addresses that belong to erased contacts."""
        hashes = self._hashes()
        if not hashes:
            return set()
        key = email_key(self._home)
        return {each for each in addresses if each is not None and email_hash(key, each) in hashes}

    def finish(self) -> None:
        """End the pending erasure."""
        self._pending.unlink(missing_ok=True)

    def _hashes(self) -> set[str]:
        return set(self._file.read_text().split()) if self._file.exists() else set()


def rewrite(store: Path) -> None:
    """Copy a DuckDB file's live rows into a new file that replaces it: deleted rows stay in free blocks.

    Nothing else may have the file open. A crash leaves the old file; the next rewrite removes the rest.
    """
    new = store.with_name(f".{store.name}.rewritten")
    _remove(new)
    try:
        # replays the write-ahead log of an interrupted load
        with duckdb.connect(str(store)) as connection:
            connection.execute("FORCE CHECKPOINT")
        with duckdb.connect(":memory:", config={"temp_directory": f"{new}.tmp"}) as connection:
            connection.execute(f"ATTACH {sql_text(store)} AS old (READ_ONLY)")
            connection.execute(f"ATTACH {sql_text(new)} AS new")
            connection.execute("COPY FROM DATABASE old TO new")
            connection.execute("CHECKPOINT new")
        with new.open("rb") as written:
            os.fsync(written.fileno())
        os.replace(new, store)
    finally:
        _remove(new)


def _remove(store: Path) -> None:
    for leftover in (store, store.with_name(f"{store.name}.wal")):
        leftover.unlink(missing_ok=True)


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
