"""The files that the simulated company's vendors let a user download: their shapes and figures."""

from __future__ import annotations

import csv
import io
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from sandbox.apis.facebook_ads import FacebookApi
from sandbox.apis.google_ads import GoogleAdsApi
from sandbox.apis.hubspot import changes_of
from sandbox.apis.linkedin_ads import LinkedInApi
from sandbox.apis.state import Sandbox
from sandbox.export import export, main
from sandbox.serve import build_sandbox

FIRST, LAST = date(2026, 8, 4), date(2026, 10, 31)


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return build_sandbox(people=250, profile="messy")


@pytest.fixture(scope="module")
def folders(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    found = {language: tmp_path_factory.mktemp(language) for language in ("en", "de")}
    for language, folder in found.items():
        export(sandbox, folder, FIRST, LAST, language)
    return found


def _table(path: Path, skip: int = 0) -> list[dict[str, str]]:
    content = path.read_bytes()
    text = content.decode("utf-16" if content[:2] == b"\xff\xfe" else "utf-8-sig")
    lines = text.splitlines(keepends=True)[skip:]
    return list(csv.DictReader(io.StringIO("".join(lines)), delimiter="\t" if "\t" in lines[0] else ","))


def _sum(rows: list[dict[str, str]], column: str, *, german: bool = False) -> Decimal:
    signs = str.maketrans({".": "", ",": "."} if german else {",": ""})
    return sum((Decimal(row[column].translate(signs) or 0) for row in rows), Decimal(0))


def test_google_writes_excels_csv_with_title_range_and_totals(
    sandbox: Sandbox, folders: dict[str, Path]
) -> None:
    path = folders["en"] / "google-ads" / "Campaign report.csv"
    assert path.read_bytes().startswith(b"\xff\xfe")
    assert path.read_bytes().decode("utf-16").count("\r\n") == len(path.read_text("utf-16").splitlines())
    head = path.read_text("utf-16").splitlines()[:2]
    assert head == ["Campaign report", "August 4, 2026 - October 31, 2026"]
    rows, totals = [], []
    for row in _table(path, 2):
        (totals if row["Day"].startswith("Total: ") else rows).append(row)
    assert [row["Campaign"] for row in totals] == [" --", " --"]
    for column in ("Impr.", "Clicks", "Cost", "Conversions"):
        assert _sum(totals[:1], column) == _sum(rows, column)
    api = GoogleAdsApi(sandbox)
    asked = f"SELECT metrics.clicks FROM campaign WHERE segments.date BETWEEN '{FIRST}' AND '{LAST}'"
    answered = sum(row["metrics.clicks"] for account in api.owns for row in api.rows(account, asked))
    assert _sum(rows, "Clicks") == answered > 0
    assert {row["Customer ID"].count("-") for row in rows} == {2}


def test_in_german_google_writes_german_numbers_and_the_same_figures(folders: dict[str, Path]) -> None:
    english = _table(folders["en"] / "google-ads" / "Campaign report.csv", 2)
    german = _table(folders["de"] / "google-ads" / "Kampagnenbericht.csv", 2)
    assert any("," in row["Kosten"] for row in german)
    for ours, theirs in (("Cost", "Kosten"), ("Impr.", "Impressionen"), ("Conversions", "Conversions")):
        assert _sum(english, ours) == _sum(german, theirs, german=True)


def test_googles_actions_add_up_to_its_campaigns(folders: dict[str, Path]) -> None:
    campaigns = [
        row
        for row in _table(folders["en"] / "google-ads" / "Campaign report.csv", 2)
        if row["Campaign ID"] != " --"
    ]
    actions = _table(folders["en"] / "google-ads" / "Conversion action report.csv", 2)
    # both are rounded to two decimals, each row for itself
    assert abs(_sum(actions, "Conversions") - _sum(campaigns, "Conversions")) <= Decimal("0.01") * len(
        actions
    )
    assert {"Click", "Engaged view"} <= {row["Ad event type"] for row in actions}


def test_meta_writes_a_file_per_account_with_its_currency_and_a_summary(
    sandbox: Sandbox, folders: dict[str, Path]
) -> None:
    api = FacebookApi(sandbox)
    paths = sorted((folders["en"] / "meta").glob("*-Campaigns-*.csv"))
    assert len(paths) == len(api.owns)
    counted = sum(_sum(_table(path), name) for path in paths for name in ("Website leads", "Leads (form)"))
    assert counted > 0
    for path in paths:
        *rows, summary = _table(path)
        (spent,) = [name for name in summary if name.startswith("Amount spent (")]
        assert summary["Campaign ID"] == summary["Day"] == ""
        assert (summary["Reporting starts"], summary["Reporting ends"]) == (str(FIRST), str(LAST))
        (account,) = [one for one in api.owns if one.id == rows[0]["Account ID"]]
        assert account.currency in spent
        for column in (spent, "Website leads", "Website leads - 7-day click", "Leads (form)"):
            assert _sum(rows, column) == _sum([summary], column)
        span = f'{{"since":"{FIRST}","until":"{LAST}"}}'
        (whole,) = api.insight_rows(f"act_{account.id}", {"time_range": span, "fields": "spend,clicks"})
        assert _sum(rows, spent) == Decimal(whole["spend"])
        assert _sum(rows, "Clicks (all)") == int(whole["clicks"])


def test_metas_leads_name_their_ad_unless_there_is_none(folders: dict[str, Path]) -> None:
    leads = _table(folders["en"] / "meta" / "leads.csv")
    assert leads
    for lead in leads:
        assert lead["id"].startswith("l:")
        assert lead["ad_id"].startswith("ag:") is (lead["is_organic"] == "false")


def test_linkedin_writes_both_reports_of_each_account(sandbox: Sandbox, folders: dict[str, Path]) -> None:
    for account in LinkedInApi(sandbox).owns:
        campaign, conversion = (
            _table(folders["en"] / "linkedin" / f"account_{account.id}_{kind}_performance_report.csv", 5)
            for kind in ("campaign", "conversion")
        )
        assert _sum(campaign, "Conversions") == _sum(conversion, "Conversions")
        assert _sum(campaign, "Conversions") == _sum(campaign, "Click Conversions") + _sum(
            campaign, "View-Through Conversions"
        )
        leads = sum(
            1 for one in sandbox.linkedin[account.id] if one.rule is None and FIRST <= one.day <= LAST
        )
        assert _sum(campaign, "Leads") == leads
        assert _sum(campaign, "Conversions") > 0


def test_hubspot_writes_its_live_records_and_no_others(sandbox: Sandbox, folders: dict[str, Path]) -> None:
    snapshot = changes_of(sandbox).crm.snapshot()
    (path,) = (folders["en"] / "hubspot").glob("*-all-contacts-*.csv")
    contacts = _table(path)
    assert {row["Record ID"] for row in contacts} == set(snapshot.live["contacts"])
    assert {row["Original Traffic Source"] for row in contacts} >= {"Paid Search", "Offline Sources"}
    (path,) = (folders["en"] / "hubspot").glob("*-all-deals-*.csv")
    deals = _table(path)
    assert len(deals) == len(snapshot.live["deals"])
    known = {row["Record ID"] for row in contacts}
    assert all(set(row["Associated Contact IDs"].split(";")) <= known | {""} for row in deals)
    (path,) = (folders["en"] / "hubspot").glob("hubspot-ads-export-*.csv")
    credited = Counter({row["Ad network"]: 0 for row in _table(path, 2)})
    for row in _table(path, 2):
        credited[row["Ad network"]] += int(row["Contacts"])
    assert set(credited) == {"Google Ads", "Facebook Ads", "LinkedIn Ads"}
    assert all(credited.values())


def test_the_command_names_what_it_wrote_and_refuses_a_time_without_zone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [str(tmp_path), "--people", "60", "--start", "2026-10-01", "--end", "2026-10-02"]
    assert main(asked) == 0
    named = capsys.readouterr().out.splitlines()
    assert sorted(named) == sorted(str(path) for path in tmp_path.rglob("*.csv"))
    assert main([*asked, "--now", "2026-11-01T06:00:00"]) == 2
    assert "offset" in capsys.readouterr().err
