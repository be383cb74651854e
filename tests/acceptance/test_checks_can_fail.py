"""The blocking checks and contracts: each fails when one row is changed; deleting a claim moves one unit."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.refreshed import refreshed
from tests.warehouse import Warehouse


@pytest.fixture(scope="module")
def built() -> Warehouse:
    """What a refresh of seven weeks of the company built; every blocking check passed on it."""
    return Warehouse(refreshed())


@pytest.fixture
def warehouse(built: Warehouse, tmp_path: Path) -> Warehouse:
    """A copy to spoil."""
    for path in ("warehouse.duckdb", "raw", "email_hash.key"):
        copy = shutil.copytree if (built.home / path).is_dir() else shutil.copy
        copy(built.home / path, tmp_path / path)
    return Warehouse(tmp_path)


@pytest.fixture(scope="module")
def checks(built: Warehouse) -> dict[str, dict[str, Any]]:
    """The data tests of the project as dbt compiled and ran them."""
    nodes = json.loads((built.home / "dbt/build/manifest.json").read_bytes())["nodes"].values()
    found = {node["name"]: node for node in nodes if node["resource_type"] == "test"}
    assert len(found) > 100
    assert all(node["compiled_code"] for node in found.values())
    return found


Checks = dict[str, dict[str, Any]]


def failures(warehouse: Warehouse, checks: Checks) -> set[str]:
    """Names of the blocking checks that find rows."""
    # each finds rows or none: no threshold, no calculation of its own
    assert {(node["config"]["fail_calc"], node["config"]["error_if"]) for node in checks.values()} == {
        ("count(*)", "!= 0")
    }
    blocking = {name: node for name, node in checks.items() if node["config"]["severity"].lower() == "error"}
    counts = (
        f"select '{name}' as name, count(*) as found from ({node['compiled_code']})"
        for name, node in blocking.items()
    )
    return {row["name"] for row in warehouse.rows(" union all ".join(counts)) if row["found"]}


def digests(warehouse: Warehouse) -> dict[str, int]:
    """A fingerprint of every table's rows, in any order."""
    tables = warehouse.rows(
        "select table_schema || '.' || table_name as name from information_schema.tables"
        " where table_type = 'BASE TABLE' and table_catalog = current_database()"
    )
    return {
        table["name"]: warehouse.rows(f"select bit_xor(hash(row_)) as digest from {table['name']} as row_")[
            0
        ]["digest"]
        for table in tables
    }


CREDITED = """(
    select event_id from reconciliation.conversion_ledger
    where network_units = 1 and hubspot_units = 1 limit 1
)"""
#: Violations of the contract of a published table: statement, table, constraint.
BREACHES = {
    "a network figure grows": (
        "update marts.fct_network_conversions set conversions = conversions + 1 where rowid ="
        " (select min(rowid) from marts.fct_network_conversions where counts_in_headline)",
        "conversion_bridge",
        "start_equals_network_headline",
    ),
    "a bridge is gone": (
        "delete from reconciliation.conversion_bridge where (network, campaign_id, date) ="
        " (select (network, campaign_id, date) from reconciliation.conversion_bridge"
        " where kind = 'start' and units > 0 order by all limit 1)",
        "conversion_bridge",
        "start_equals_network_headline",
    ),
    "a step of the bridge is changed": (
        "update reconciliation.conversion_bridge set units = units + 1 where rowid ="
        " (select min(rowid) from reconciliation.conversion_bridge where kind = 'adjustment')",
        "conversion_bridge",
        "balances",
    ),
    "an end of the bridge is gone": (
        "delete from reconciliation.conversion_bridge where rowid ="
        " (select min(rowid) from reconciliation.conversion_bridge where kind = 'end')",
        "conversion_bridge",
        "balances",
    ),
    "a ledger row is gone": (
        "delete from reconciliation.conversion_ledger where rowid ="
        " (select min(rowid) from reconciliation.conversion_ledger where reason_code is not null)",
        "conversion_bridge",
        "event_steps_equal_ledger",
    ),
    "a counted contact is gone": (
        "update reconciliation.conversion_ledger set hubspot_units = 0 where rowid ="
        " (select min(rowid) from reconciliation.conversion_ledger where hubspot_units = 1)",
        "conversion_bridge",
        "end_equals_ledger",
    ),
    "a claim moves to a sibling's ad": (
        "update reconciliation.conversion_ledger set ad_id = 'another' where event_id = " + CREDITED,
        "ad_bridge",
        "end_equals_ledger",
    ),
    "an ad's step is changed": (
        "update reconciliation.ad_bridge set units = units + 1 where rowid ="
        " (select min(rowid) from reconciliation.ad_bridge where kind = 'adjustment')",
        "ad_bridge",
        "ads_sum_to_campaign",
    ),
    "an ad's day is changed": (
        "update marts.fct_ad_performance_daily set network_conversions = network_conversions + 1"
        " where rowid = 0",
        "fct_ad_performance_daily",
        "conversions_equal_network_headline",
    ),
    "a deal's credit is changed": (
        "update marts.fct_deal_attribution set credit = credit / 2 where rowid = 0",
        "fct_deal_attribution",
        "credits_sum_to_1_per_deal",
    ),
    "a session's contact is another": (
        "update marts.fct_sessions set contact_id = 'another' where session_id ="
        " (select min(session_id) from marts.fct_first_conversions)",
        "fct_first_conversions",
        "session_id, contact_id in fct_sessions",
    ),
    "a quarantined record names somebody": (
        "insert into reconciliation.quarantine (record_id, source, resource, record, reason, loaded_at)"
        " values ('1', 'hubspot', 'contacts', '{\"note\": \"to a.b@ex.test\"}', 'broken', now())",
        "quarantine",
        "no_email_addresses",
    ),
}

#: What dbt's data tests find, across layers.
CHANGES = {
    "a credit is gone": (
        "delete from marts.fct_contact_attribution where submission_id = " + CREDITED,
        "bridge_ends_with_hubspot_contacts",
    ),
    "a claim goes without a unit that is left": (
        "update reconciliation.conversion_ledger set network_units = 0 where rowid ="
        " (select min(ledger.rowid) from reconciliation.conversion_ledger as ledger"
        " inner join reconciliation.conversion_bridge using (attribution_report, campaign_id, date)"
        " where step = 'no_trace_in_hubspot' and network_units = 1 and event_type = 'form_submission'"
        " and campaign_id not in (select campaign_id from marts.fct_network_conversions"
        " where event_type = 'lead_form'))",
        "claims_use_all_remaining_conversions",
    ),
    "a claim takes a unit the network never reported": (
        "update reconciliation.conversion_ledger set network_units = 1000 where event_id = " + CREDITED,
        "ledger_never_exceeds_the_network",
    ),
    "an ad's spend is changed": (
        "update marts.fct_ad_performance_daily set spend = spend + 1 where rowid = 0",
        "performance_equals_account_figures",
    ),
    "a won deal is gone": (
        "delete from marts.fct_deal_attribution where deal_id ="
        " (select min(deal_id) from marts.fct_deal_attribution)",
        "won_deals_are_in_every_report",
    ),
    "a network has no row in the seed": (
        "delete from seeds.networks where network = 'linkedin_ads'",
        "networks_are_registered",
    ),
    "a load lost a record": (
        "update intermediate.int_load_counts set landed = landed - 1 where rowid ="
        " (select min(rowid) from intermediate.int_load_counts where landed > 0)",
        "loads_account_for_every_record",
    ),
    "a quarantined record is not there": (
        "update intermediate.int_load_counts set landed = landed - 1, quarantined = 1 where rowid ="
        " (select min(rowid) from intermediate.int_load_counts where landed > 0)",
        "loads_account_for_every_record",
    ),
}

AS_OF = "timestamptz '2026-11-01 06:00:00+00'"
ALARMS = {
    "an ad's day is changed": (
        "update marts.fct_ad_performance_daily set network_conversions = network_conversions + 1"
        " where rowid = 0",
        "network_headline_equals_campaign_totals",
    ),
    "nothing explains most of an account": (
        "update reconciliation.conversion_bridge set evidence_class = 'residual' where kind = 'adjustment'",
        "residual_share",
    ),
    "a figure moves long after": (
        "insert into reconciliation.restatements"
        f" select network, account_id, '1', date '2026-01-01', 'clicks', {AS_OF}, 5, 6, 304"
        " from intermediate.int_accounts limit 1",
        "restated_after_final",
    ),
    "a lead is missing": (
        "update reconciliation.lead_sync set status = 'missing', created_at = " + AS_OF + " - interval 2 day",
        "lead_sync_overdue",
    ),
    "a page loses its code": (
        "insert into reconciliation.landing_page_snapshots by name select * replace ('lost' as snapshot_id,"
        " fetched_at + interval 1 day as fetched_at, 'absent' as detected_by)"
        " from reconciliation.landing_page_snapshots where detected_by = 'script' limit 1",
        "landing_page_lost_tracking_code",
    ),
    "clicks stop naming their ad": (
        "update reconciliation.match_rates set sessions = sessions + 50, matched = case"
        " when date > date '2026-10-25' then matched else matched + 50 end where date > date '2026-09-28'",
        "match_rate_dropped",
    ),
    "a step that is said to be out of reach has units": (
        "update reconciliation.step_coverage set coverage = 'none', missing_inputs = ['page views']"
        " where step = 'repeat_submission'",
        "uncovered_steps_are_empty",
    ),
    "an export names no campaign": (
        "insert into seeds.hubspot_ads_export (attribution_report, network, campaign_name, contacts)"
        " values ('first_form_submission', 'google_ads', 'Nobody''s', 3)",
        "exported_campaigns_match_one_campaign",
    ),
}


def test_every_check_passes_on_what_was_built(built: Warehouse, checks: Checks) -> None:
    assert failures(built, checks) == set()
    assert built.breaches() == []


def test_building_again_gives_the_same_rows(warehouse: Warehouse) -> None:
    before = digests(warehouse)
    assert len(before) > 30
    warehouse.dbt("build", "--exclude", "resource_type:unit_test", "resource_type:test")
    assert digests(warehouse) == before


@pytest.mark.parametrize(("statement", "check"), CHANGES.values(), ids=CHANGES)
def test_a_row_changed_by_hand_fails_its_check(
    warehouse: Warehouse, checks: Checks, statement: str, check: str
) -> None:
    warehouse.change(statement)
    assert check in failures(warehouse, checks)


@pytest.mark.parametrize(("statement", "table", "constraint"), BREACHES.values(), ids=BREACHES)
def test_a_row_changed_by_hand_breaks_its_contract(
    warehouse: Warehouse, statement: str, table: str, constraint: str
) -> None:
    warehouse.change(statement)
    (broken,) = [violation for violation in warehouse.breaches(table) if violation.name == constraint]
    assert broken.rows
    assert broken.rows >= len(broken.examples) > 0


@pytest.mark.parametrize(("statement", "check"), ALARMS.values(), ids=ALARMS)
def test_an_alarm_says_what_to_do(warehouse: Warehouse, checks: Checks, statement: str, check: str) -> None:
    warehouse.change(statement)
    config = checks[check]["config"]
    assert (config["severity"].lower(), config["store_failures"]) == ("warn", True)
    rows = warehouse.rows(f"select message from ({checks[check]['compiled_code']})")
    assert rows
    assert all(row["message"] for row in rows)


def test_an_alarm_stops_nothing_and_its_rows_are_kept(warehouse: Warehouse) -> None:
    statement, check = ALARMS["a lead is missing"]
    warehouse.change(statement)
    output = warehouse.dbt("test", "--select", check, as_of="2026-11-01T06:00:00Z").stdout
    assert f" {check} " in output
    assert "WARN=1" in output
    assert warehouse.rows(f"select message from checks.{check}")


@pytest.mark.parametrize(
    "mart", ["fct_sessions", "fct_form_submissions", "fct_first_conversions", "fct_ad_performance_daily"]
)
def test_a_mart_emptied_by_mistake_fails(warehouse: Warehouse, checks: Checks, mart: str) -> None:
    warehouse.change(f"delete from marts.{mart}")
    assert "marts_are_not_empty_if_data_was_landed" in failures(warehouse, checks)


def test_an_empty_bridge_breaks_its_contract(warehouse: Warehouse) -> None:
    warehouse.change("delete from reconciliation.conversion_bridge")
    assert {violation.name for violation in warehouse.breaches("conversion_bridge")} == {
        "start_equals_network_headline",
        "event_steps_equal_ledger",
        "end_equals_ledger",
    }


def test_deleting_one_claim_moves_one_unit_to_the_residual(warehouse: Warehouse, checks: Checks) -> None:
    bridge = (
        "select network, campaign_id, date, step, units from reconciliation.conversion_bridge"
        " where attribution_report = 'first_form_submission' order by all"
    )
    chosen = warehouse.rows("""
        select * from reconciliation.conversion_ledger as claim
        where attribution_report = 'first_form_submission'
            and network_units = 1 and hubspot_units = 0 and reason_code = 'later_session'
            and not exists (
                select 1 from reconciliation.conversion_ledger as other
                where other.attribution_report = claim.attribution_report
                    and other.network = claim.network and other.campaign_id = claim.campaign_id
                    and other.date = claim.date and other.network_units = 0
            )
        order by event_id limit 1
    """)[0]

    def steps() -> dict[tuple[object, ...], object]:
        rows = warehouse.rows(bridge)
        return {(r["network"], r["campaign_id"], r["date"], r["step"]): r["units"] for r in rows}

    before = steps()
    warehouse.change(
        "delete from intermediate.int_claims where submission_id = '{event_id}' and network = '{network}'"
        " and campaign_id = '{campaign_id}'".format(**chosen)
    )
    warehouse.dbt(
        "build",
        *(
            "--select",
            "int_claim_units",
            "int_claim_facts",
            "conversion_ledger",
            "conversion_bridge",
            "ad_bridge",
        ),
        *("--exclude", "resource_type:unit_test"),
        as_of="2026-11-01T06:00:00Z",
    )
    after = steps()
    group = (chosen["network"], chosen["campaign_id"], chosen["date"])
    moved = {
        key: after.get(key, 0) - before.get(key, 0)
        for key in before.keys() | after.keys()
        if after.get(key, 0) != before.get(key, 0)
    }
    assert moved == {(*group, "later_session"): 1, (*group, "no_trace_in_hubspot"): -1}
    assert failures(warehouse, checks) == set()
    assert warehouse.breaches("conversion_ledger", "conversion_bridge", "ad_bridge") == []
