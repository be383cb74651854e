"""Events are kept as Dagster's own storage keeps them, in files that it reads, with fewer transactions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.executor import child_process_executor

from orchestration.execution.event_log import EventLog
from orchestration.execution.instance import use_instance

DAYS = dg.DailyPartitionsDefinition("2026-10-01", end_date="2026-10-11")


@dg.asset(partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
def figures() -> dg.MaterializeResult[None]:
    return dg.MaterializeResult(metadata={"rows": 7})


@dg.asset(deps=[figures], check_specs=[dg.AssetCheckSpec("holds", asset="model")])
def model() -> Iterator[Any]:
    yield dg.MaterializeResult(metadata={"rows": 3})
    yield dg.AssetCheckResult(passed=True, metadata={"messages": ["none"]})


@pytest.fixture(autouse=True)
def _restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a process is pointed at, it would leave there."""
    for name in ("ADLEDGER_HOME", "DAGSTER_HOME", "DAGSTER_EVENT_BATCH_SIZE"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def _ours(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADLEDGER_HOME", str(home))
    use_instance()


def _dagsters(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "dagster").mkdir(parents=True, exist_ok=True)
    (home / "dagster" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    monkeypatch.setenv("DAGSTER_HOME", str(home / "dagster"))
    monkeypatch.delenv("DAGSTER_EVENT_BATCH_SIZE", raising=False)


def _run(last: str = "2026-10-10") -> str:
    """One run of both assets, from the first day to that."""
    tags = {"dagster/asset_partition_range_start": "2026-10-01", "dagster/asset_partition_range_end": last}
    job = dg.Definitions(assets=[figures, model], jobs=[dg.define_asset_job("all")]).resolve_job_def("all")
    with dg.DagsterInstance.get() as instance:
        return job.execute_in_process(instance=instance, tags=tags).run_id


def _kept(run_id: str) -> dict[str, Any]:
    """What an instance finds of a run."""
    with dg.DagsterInstance.get() as instance:
        events = [entry.dagster_event for entry in instance.all_logs(run_id) if entry.dagster_event]
        newest = {
            key: instance.get_latest_materialization_event(dg.AssetKey(key)) for key in ("figures", "model")
        }
        (check,) = instance.event_log_storage.get_asset_check_execution_history(
            dg.AssetCheckKey(dg.AssetKey("model"), "holds"), limit=5
        )
        return {
            "events": sorted(
                (
                    event.event_type_value,
                    str(event.asset_key),
                    str(event.partition),
                    str(event.step_materialization_data.materialization.metadata)
                    if event.is_step_materialization
                    else "",
                )
                for event in events
                if event.event_type_value not in ("ENGINE_EVENT", "LOGS_CAPTURED")
            ),
            "days": instance.get_materialized_partitions(dg.AssetKey("figures")),
            "newest": {
                key: (entry.asset_materialization.partition, dict(entry.asset_materialization.metadata))
                for key, entry in newest.items()
                if entry and entry.asset_materialization
            },
            "check": check.status,
        }


def test_dagsters_own_storage_reads_the_same_as_if_it_had_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _ours(tmp_path / "ours", monkeypatch)
    ours = _run()
    shown = _kept(ours)
    _dagsters(tmp_path / "ours", monkeypatch)
    kept = _kept(ours)
    _dagsters(tmp_path / "theirs", monkeypatch)
    assert shown == kept == _kept(_run())
    assert len(kept["days"]) == 10
    assert kept["newest"]["figures"][0] == "2026-10-10"


def test_more_days_of_a_table_are_no_more_transactions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    connect = EventLog._connect
    monkeypatch.setattr(EventLog, "_connect", lambda log, shard: begun.append(shard) or connect(log, shard))
    counts = []
    for last in ("2026-10-02", "2026-10-10"):
        begun.clear()
        _ours(tmp_path / last, monkeypatch)
        _run(last)
        counts.append(len(begun))
    assert counts[0] == counts[1]


def test_dagster_reads_the_wait_that_is_set_for_it() -> None:
    assert "TICK" in child_process_executor._poll_for_event.__code__.co_names
