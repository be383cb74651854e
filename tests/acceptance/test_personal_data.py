"""Personal data of the bundled company: nothing of erased contacts remains, nothing is shown unasked."""

from __future__ import annotations

import json
import re
import stat
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import duckdb
import pytest

from ingestion.landing.personal import email_hash, email_key
from tests.company import Company, Home, served_company
from tests.refreshed import PEOPLE, copy_of_refreshed, refreshed

#: Click ids that only the contact's own data contains; a gclid also stands in Google's report of clicks.
CLICK_IDS = ("fbclid", "li_fat_id")
NETWORKS = {
    "facebook_ads": "leads",
    "google_ads": "lead_form_submissions",
    "linkedin_ads": "lead_form_responses",
}


def landed(home: Path, source: str, query: str) -> list[str]:
    """First column of a query on a raw store."""
    with duckdb.connect(str(home / "raw" / f"{source}.duckdb"), read_only=True) as store:
        store.execute("USE raw")
        return [str(value) for (value,) in store.execute(query).fetchall() if value is not None]


def lead_addresses(home: Path) -> set[str]:
    """E-mail addresses of all leads."""
    return {
        address.lower()
        for source, table in NETWORKS.items()
        for address in landed(home, source, f"SELECT DISTINCT email FROM {table}")
    }


def addresses(home: Path, where: str = "true") -> set[str]:
    """E-mail addresses of contacts."""
    query = f"SELECT concat_ws(';', email, hs_additional_emails) FROM contacts WHERE {where}"
    return {each.lower() for found in landed(home, "hubspot", query) for each in found.split(";") if each}


def click_ids(home: Path, where: str = "true") -> set[str]:
    """Click ids in the URLs of contacts' page views."""
    urls = landed(home, "hubspot", f"SELECT DISTINCT hs_url FROM page_view_events WHERE {where}")
    return {value for url in urls for name, value in parse_qsl(urlsplit(url).query) if name in CLICK_IDS}


def holding(home: Path, values: Iterable[str]) -> dict[str, set[str]]:
    """The values found in the home, by file or table: byte by byte, and row by row in every DuckDB table.

    DuckDB compresses text, so that the bytes of a file do not show it.
    """
    wanted = {value.lower() for value in values}
    pattern = re.compile("|".join(map(re.escape, sorted(wanted))))
    found: dict[str, set[str]] = {}
    for path in sorted(each for each in home.rglob("*") if each.is_file()):
        text = path.read_bytes().decode("latin-1").lower()
        if hits := set(pattern.findall(text)):
            found[str(path.relative_to(home))] = hits
    for path in sorted(home.rglob("*.duckdb")):
        with duckdb.connect(str(path), read_only=True) as database:
            tables = database.execute(
                "SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT internal"
            ).fetchall()
            for schema, table in tables:
                rows = database.execute(
                    f'SELECT lower(row::VARCHAR) FROM "{schema}"."{table}" AS row'
                    " WHERE regexp_matches(lower(row::VARCHAR), ?)",
                    [pattern.pattern],
                ).fetchall()
                if hits := {hit for (row,) in rows for hit in pattern.findall(row)}:
                    found[f"{path.relative_to(home)}:{schema}.{table}"] = hits
    return found


@dataclass(frozen=True)
class Erased:
    """A home after the erasure of some contacts, and their personal values."""

    home: Path
    before: Path
    contacts: list[str]
    personal: set[str]
    hashes: set[str]


def erase(company: Company, contacts: list[str]) -> None:
    """Erase contacts in the portal."""
    request = urllib.request.Request(
        f"{company.url}/_sandbox/hubspot",
        data=json.dumps({"do": "erase", "ids": contacts}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200


@pytest.fixture(scope="module")
def erased(tmp_path_factory: pytest.TempPathFactory) -> Erased:
    before, home = refreshed(), copy_of_refreshed(tmp_path_factory.mktemp("erased"))
    leads = ", ".join(f"'{each}'" for each in sorted(lead_addresses(before)))
    submitted = "id IN (SELECT object_id FROM page_view_events WHERE hs_url LIKE '%fbclid=%')"
    candidates = [
        *landed(
            before, "hubspot", f"SELECT id FROM contacts WHERE lower(email) IN ({leads}) ORDER BY id LIMIT 3"
        ),
        *landed(before, "hubspot", f"SELECT id FROM contacts WHERE {submitted} ORDER BY id LIMIT 3"),
    ]
    contacts = sorted({*candidates})
    chosen = ", ".join(f"'{each}'" for each in contacts)
    theirs = addresses(before, f"id IN ({chosen})")
    key = email_key(before)
    # a damaged file that a repair set aside
    aside = home / "repair" / "2026-10-01T060000Z" / "hubspot.duckdb"
    aside.parent.mkdir(parents=True)
    aside.write_text(" ".join(theirs))
    with served_company("--people", PEOPLE) as company:
        later = (datetime.fromisoformat(company.now) + timedelta(hours=2)).isoformat()
        company.set_clock(later)
        erase(company, contacts)
        done = Home(home, company.settings).run("refresh", "--as-of", later)
        assert done.returncode == 0, done.stdout + done.stderr
    return Erased(
        home,
        before,
        contacts,
        theirs | click_ids(before, f"object_id IN ({chosen})"),
        {email_hash(key, each) for each in theirs},
    )


def test_no_personal_value_of_an_erased_contact_remains_anywhere(erased: Erased) -> None:
    before = holding(erased.before, erased.personal)
    assert {name.partition(":")[2] for name in before} >= {"raw.contacts", "raw.page_view_events"}
    assert lead_addresses(erased.before) & erased.personal, "leads contained their addresses"
    assert holding(erased.before, erased.hashes), "the warehouse contained their hashes"

    assert holding(erased.home, erased.personal) == {}
    # of the addresses only keyed hashes remain, in the list that keeps their leads from landing again
    assert set(holding(erased.home, erased.hashes)) == {"erased_addresses"}
    assert not (erased.home / "erasure_pending").exists()


def test_an_erasure_keeps_the_data_of_others(erased: Erased) -> None:
    gone = {each.lower() for each in erased.personal}
    assert lead_addresses(erased.home) == lead_addresses(erased.before) - gone
    assert addresses(erased.home) == addresses(erased.before) - gone
    counted = "SELECT count(*) FROM contacts WHERE deleted_at IS NULL"
    (before,), (after,) = landed(erased.before, "hubspot", counted), landed(erased.home, "hubspot", counted)
    assert int(before) - int(after) == len(erased.contacts)


@pytest.fixture(scope="module")
def home() -> Home:
    return Home(refreshed())


def test_everything_in_the_home_is_private(home: Home) -> None:
    """The refresh ran with umask 0."""
    open_to_others = {
        str(path.relative_to(home.path)): oct(stat.S_IMODE(path.stat().st_mode))
        for path in (home.path, *home.path.rglob("*"))
        if stat.S_IMODE(path.stat().st_mode) & 0o077
    }
    assert open_to_others == {}


@pytest.fixture(scope="module")
def company_data(home: Home) -> set[str]:
    """Every e-mail address and full name that the company's portal and networks contain."""
    named = """
        SELECT DISTINCT list_filter(fields, lambda field: field.name = 'firstname')[1].value || ' '
            || list_filter(fields, lambda field: field.name = 'lastname')[1].value
        FROM (
            SELECT from_json("values", '[{"name":"VARCHAR","value":"VARCHAR"}]') AS fields
            FROM form_submissions
        )
    """
    found = addresses(home.path) | lead_addresses(home.path)
    names = {name.lower() for name in landed(home.path, "hubspot", named)}
    assert len(found) > 100
    return found | names


def test_nothing_personal_is_published(home: Home, company_data: set[str]) -> None:
    pattern = "|".join(map(re.escape, sorted(company_data)))
    with duckdb.connect(str(home.serving), read_only=True) as serving:
        tables = serving.execute("SELECT schema_name, table_name FROM duckdb_tables()").fetchall()
        assert len(tables) > 20
        for schema, table in tables:
            query = (
                f'SELECT count(*) FROM {schema}."{table}" AS row WHERE regexp_matches(lower(row::VARCHAR), ?)'
            )
            assert serving.execute(query, [pattern]).fetchall() == [(0,)], table


def test_nothing_personal_is_shown_without_the_flag(
    home: Home, company_data: set[str], tmp_path: Path
) -> None:
    steps = [
        step
        for (step,) in home.rows(
            "SELECT reason_code FROM reconciliation.conversion_ledger WHERE reason_code IS NOT NULL"
            " GROUP BY ALL ORDER BY count(*) DESC LIMIT 3"
        )
    ]
    contact, click = home.rows(
        "SELECT contact_id, click_id FROM marts.fct_sessions WHERE click_id IS NOT NULL AND contact_id IN"
        " (SELECT contact_id FROM reconciliation.conversion_ledger) ORDER BY ALL LIMIT 1"
    )[0]
    ids = {
        str(value)
        for column, table in (
            ("contact_id", "marts.fct_contact_attribution"),
            ("click_id", "marts.fct_sessions"),
            ("session_id", "marts.fct_sessions"),
            ("submission_id", "marts.fct_form_submissions"),
            ("event_id", "reconciliation.conversion_ledger"),
        )
        for (value,) in home.rows(f"SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL")
    }
    page = tmp_path / "page.html"
    shown = {}
    for arguments in ([], *(["--step", step] for step in steps), ["--contact", str(contact)]):
        name = " ".join(arguments)
        for output in ([], ["--json"], ["--html", str(page)]):
            done = home.run("explain", *arguments, *output)
            assert done.returncode == 0, done.stderr
            shown[f"{name} {output[:1]}"] = done.stdout + (page.read_text() if "--html" in output else "")
    words = re.compile(r"[\w.:+@-]+")
    for name, text in shown.items():
        assert not set(words.findall(text)) & ids, name
        assert not any(value in text.lower() for value in company_data), name
    revealed = home.run("explain", "--contact", str(contact), "--json", "--show-personal-data").stdout
    assert str(contact) in revealed
    assert click in revealed
