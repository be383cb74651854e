"""The home's key, addresses of erased contacts, and files without deleted rows."""

from __future__ import annotations

import hashlib
import hmac
import re
import stat
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from dbt_project.adledger_home import Plugin
from ingestion.errors import IngestionError
from ingestion.landing.arrow import Page, mask
from ingestion.landing.personal import ErasedAddresses, email_hash, email_key, rewrite
from ingestion.landing.resources import Landing
from ingestion.landing.store import Store
from ingestion.sources import registry
from tests.warehouse import AS_OF, PROJECT

ADDRESS = "Anna.Berg@personal.test"


def test_the_key_is_created_once_and_belongs_to_its_owner(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with ThreadPoolExecutor(8) as threads:
        keys = set(threads.map(lambda _: email_key(home), range(16)))
    assert len(keys) == 1
    assert email_key(tmp_path / "other") not in keys
    assert [path.name for path in home.iterdir()] == ["email_hash.key"]
    assert stat.S_IMODE((home / "email_hash.key").stat().st_mode) == 0o600


def test_a_damaged_key_is_refused(tmp_path: Path) -> None:
    email_key(tmp_path)
    (tmp_path / "email_hash.key").write_bytes(b"short")
    with pytest.raises(IngestionError, match=r"email_hash\.key is damaged .* delete it"):
        email_key(tmp_path)


@pytest.mark.parametrize("address", ["a@b.test", "  A@B.test ", "ü@bücher.test", "x" * 200 + "@b.test"])
def test_dbt_and_python_compute_the_same_hash(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADLEDGER_HOME", str(tmp_path))
    macro = re.search(
        r"macro email_hash\(column\) -%}(.*?){%- endmacro",
        (PROJECT / "macros/keys.sql").read_text(),
        re.DOTALL,
    )
    assert macro
    expression = macro[1].replace("{{ column }}", "email")
    expected = hmac.new(email_key(tmp_path), address.strip().lower().encode(), hashlib.sha256).hexdigest()
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE contacts AS SELECT ? AS email UNION ALL SELECT ''", [address])
        query = f"SELECT {expression} FROM contacts ORDER BY email DESC"
        with pytest.raises(duckdb.InvalidInputException, match="only hashed by dbt"):
            connection.execute(query)
        plugin = Plugin.__new__(Plugin)
        plugin.creds = SimpleNamespace(database="warehouse")
        plugin.configure_cursor(connection)
        assert connection.execute(query).fetchall() == [(expected,), (None,)]
    assert email_hash(email_key(tmp_path), address) == expected


def test_erased_addresses_are_kept_as_hashes_and_found_again(tmp_path: Path) -> None:
    erased = ErasedAddresses(tmp_path)
    assert (erased.is_pending, erased.among([ADDRESS])) == (False, set())
    erased.add([ADDRESS, "", "second@personal.test"])
    erased.add(["third@personal.test"])
    assert erased.is_pending
    spellings: list[str | None] = [ADDRESS.upper(), f" {ADDRESS}", "other@personal.test", None]
    assert erased.among(spellings) == set(spellings[:2])
    assert not any(b"personal.test" in path.read_bytes() for path in tmp_path.iterdir())
    erased.finish()
    assert not ErasedAddresses(tmp_path).is_pending
    assert ErasedAddresses(tmp_path).among([ADDRESS]) == {ADDRESS}


@pytest.mark.parametrize("store", ["plain.duckdb", "a 'quoted' name.duckdb"])
def test_a_rewritten_file_has_the_same_rows_and_no_deleted_bytes(store: str, tmp_path: Path) -> None:
    path = tmp_path / store
    with duckdb.connect(str(path)) as connection:
        # compressed text cannot be found by its bytes
        connection.execute("PRAGMA force_compression = 'uncompressed'")
        connection.execute("CREATE SCHEMA raw")
        connection.execute(
            "CREATE TABLE raw.leads AS"
            " SELECT i AS id, 'nobody' || i || '@personal.test' AS email, '{\"a\":1}'::JSON AS record"
            " FROM range(5000) AS r(i)"
        )
        connection.execute("CHECKPOINT")
        connection.execute("UPDATE raw.leads SET email = NULL")
    assert b"@personal.test" in path.read_bytes(), "the deleted values stay in free blocks"
    with duckdb.connect(str(path), read_only=True) as connection:
        before = (
            connection.execute("FROM raw.leads ORDER BY id").fetchall(),
            connection.execute("DESCRIBE raw.leads").fetchall(),
        )
    rewrite(path)
    assert b"@personal.test" not in path.read_bytes()
    with duckdb.connect(str(path), read_only=True) as connection:
        assert before == (
            connection.execute("FROM raw.leads ORDER BY id").fetchall(),
            connection.execute("DESCRIBE raw.leads").fetchall(),
        )
    assert [each.name for each in tmp_path.iterdir()] == [store]


def test_a_failed_rewrite_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "raw.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS a")

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        rewrite(path)
    assert [each.name for each in tmp_path.iterdir()] == ["raw.duckdb"]
    with duckdb.connect(str(path), read_only=True) as connection:
        assert connection.execute("FROM t").fetchall() == [(1,)]


LEADS: list[tuple[str, str, bytes, dict[str, str]]] = [
    (
        "facebook_ads",
        "leads",
        b'{"data":[{"id":"1","form_id":"2","created_time":"2026-10-01T10:00:00+0000",'
        b'"field_data":[{"name":"email","values":["%s"]}]}]}',
        {"page_id": "3"},
    ),
]


@pytest.mark.parametrize("source", [name for name in registry.SOURCES if name.endswith("_ads")])
def test_every_network_declares_the_personal_columns_of_its_leads(source: str) -> None:
    tables = registry.source(source).loader.ENTITIES
    with_address = {table.name for table in tables if any(column.name == "email" for column in table.columns)}
    assert with_address
    assert {table.name for table in tables if "email" in table.erasable} == with_address


@pytest.mark.parametrize(("source", "table", "body", "context"), LEADS)
def test_a_lead_of_an_erased_contact_lands_without_address(
    source: str,
    table: str,
    body: bytes,
    context: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ADLEDGER_HOME", str(tmp_path))
    declared = next(each for each in registry.source(source).loader.ENTITIES if each.name == table)

    def landed() -> Sequence[str | None]:
        landing = Landing(source, AS_OF, None, Store(tmp_path / "raw" / f"{source}.duckdb"))
        (rows,) = landing.lander(declared).land_batch([Page(body % ADDRESS.encode(), tuple(context.items()))])
        found: list[str | None] = rows.column("email").to_pylist()
        return found

    assert landed() == [ADDRESS]
    ErasedAddresses(tmp_path).add([ADDRESS.lower()])
    assert landed() == [None]


def test_a_rejected_record_keeps_no_query_of_a_url() -> None:
    record = {"pageUrl": "https://a.test/x?name=Anna", "note": "see https://b.test/#anna now", "n": 1}
    assert mask(record) == {
        "pageUrl": "https://a.test/x?<query>",
        "note": "see https://b.test/?<query> now",
        "n": 1,
    }
